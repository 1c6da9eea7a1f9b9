//! Where commands write down what they do: which log, whose key; the checkpoint is signed after every run.

use super::hook::who;
use super::request::now;
use crate::failure::{Failure, OrFail, Result};
use crate::settings::AuditSettings;
use crate::terminal::message;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use stopleak_core::audit::{Act, AuditError, Keys, Log, Permit, Written, run_id};
use stopleak_core::scan::Request;
use stopleak_core::source::git::repository::Repository;
use stopleak_core::{Finding, Secret};

/// An entry names at most so many secrets; the rest is counted.
const MOST: usize = 1000;

/// A log, and the key that goes with it.
#[derive(Clone, Debug)]
pub struct Recorder {
    pub log: Log,
    key: PathBuf,
}

/// What is about to be done.
pub struct Deed {
    /// `scan`, `ci`, `allow`.
    pub action: &'static str,
    pub details: serde_json::Value,
}

impl Deed {
    /// A scan for this request.
    pub fn scan(action: &'static str, request: &Request) -> Deed {
        Deed { action, details: json!({ "targets": request.targets.len(), "rules": request.rules.rules().len() }) }
    }
}

/// What came of it.
pub struct Told {
    /// One word.
    pub word: &'static str,
    pub details: serde_json::Value,
    /// What it is about.
    pub secrets: Vec<Secret>,
}

impl Told {
    /// About these findings.
    pub fn about<'f>(
        word: &'static str,
        details: serde_json::Value,
        findings: impl Iterator<Item = &'f Finding>,
    ) -> Told {
        let findings = findings.filter(|finding| !finding.is_practice());
        Told { word, details, secrets: findings.take(MOST).map(|finding| finding.secret.clone()).collect() }
    }
}

impl Recorder {
    /// The log that is named, else that of the repository here, else the user's own.
    pub fn here(named: Option<&Path>, settings: &AuditSettings) -> Result<Recorder> {
        let log = match named.or(settings.log.as_deref()) {
            Some(file) => Log::new(file),
            None => match Repository::open(Path::new(".")) {
                Ok(Some(repository)) => Log::of_repository(repository.common_dir()),
                _ => Log::new(state_folder()?.join("audit.jsonl")),
            },
        };
        Ok(Recorder::new(log, settings))
    }

    /// The log of a repository, unless the settings name another.
    pub fn of(repository: &Repository, settings: &AuditSettings) -> Recorder {
        let log = settings.log.as_deref().map_or_else(|| Log::of_repository(repository.common_dir()), Log::new);
        Recorder::new(log, settings)
    }

    fn new(log: Log, settings: &AuditSettings) -> Recorder {
        let log = log.by(who()).in_run(this_run());
        let log = settings.max_file_size.map_or(log.clone(), |bytes| log.turning_at(bytes));
        let key = settings.key.clone().unwrap_or_else(|| log.key_path());
        Recorder { log, key }
    }

    /// The same log, written by somebody else: whom a server acts for.
    pub fn by(self, actor: &str) -> Recorder {
        Recorder { log: self.log.by(actor), ..self }
    }

    /// The log's key; it is made if there is none.
    pub fn keys(&self) -> Result<Keys> {
        Keys::open(&self.key).map_err(failed)
    }

    /// The log's key, if it was ever made.
    pub fn existing_keys(&self) -> Result<Option<Keys>> {
        Keys::open_existing(&self.key).map_err(failed)
    }

    /// Adds an entry about these secrets, and signs the log's new length.
    pub fn append(&self, act: Act, secrets: &[&Secret]) -> Result<()> {
        let keys = self.keys()?;
        let act = secrets.iter().take(MOST).fold(act, |act, secret| act.about(keys.tag(secret)));
        self.log.append(act, now()).map(|written| announce(&written)).map_err(failed)?;
        self.sign(&keys)
    }

    /// The permit for something that begins now.
    pub fn begin(&self, act: Act) -> Result<Permit<'_>> {
        let permit = self.log.begin(act, now()).map_err(failed)?;
        recovered(permit.recovered);
        Ok(permit)
    }

    /// Tells what came of it, and signs the log's new length.
    pub fn end(&self, permit: Permit, outcome: &str, details: serde_json::Value) -> Result<()> {
        permit.end(outcome, details, now()).map(|written| announce(&written)).map_err(failed)?;
        self.sign(&self.keys()?)
    }

    fn sign(&self, keys: &Keys) -> Result<()> {
        self.log.checkpoint(keys).map(|_| ()).map_err(failed)
    }

    /// Does something on record, if the settings ask for that: first the entry, then the deed, then what came of it.
    pub fn around<T>(
        settings: &AuditSettings,
        deed: Deed,
        does: impl FnOnce() -> Result<T>,
        tell: impl FnOnce(&T) -> Told,
    ) -> Result<T> {
        if !settings.record {
            return does();
        }
        let record = Recorder::here(None, settings)?;
        let keys = record.keys()?;
        let permit = record.begin(Act::new(deed.action).details(deed.details))?;
        match does() {
            Ok(done) => {
                let Told { word, mut details, secrets } = tell(&done);
                details["subjects"] = secrets.iter().map(|secret| keys.tag(secret)).collect();
                record.end(permit, word, details)?;
                Ok(done)
            }
            Err(failure) => {
                record.end(permit, "failed", json!({ "error": failure.to_string() }))?;
                Err(failure)
            }
        }
    }
}

/// How many findings are of each validity.
pub fn validities(findings: &[Finding]) -> BTreeMap<&'static str, u64> {
    findings.iter().fold(BTreeMap::new(), |mut counts, finding| {
        *counts.entry(finding.validity.as_str()).or_default() += 1;
        counts
    })
}

fn announce(written: &Written) {
    recovered(written.recovered);
}

fn recovered(bytes: Option<u64>) {
    if let Some(bytes) = bytes {
        message::caution(&format!(
            "the audit log ended in {bytes} bytes of an entry that a crash cut short; it was never acknowledged, and an \
             entry says so"
        ));
    }
}

/// This run of the program, as the audit log and notifications name it.
pub fn this_run() -> &'static str {
    static RUN: OnceLock<String> = OnceLock::new();
    RUN.get_or_init(run_id)
}

/// Where a user's own state is kept.
pub fn state_folder() -> Result<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = set("STOPLEAK_STATE")
        .or_else(|| Some(set("XDG_STATE_HOME").filter(|folder| folder.is_absolute())?.join("stopleak")))
        .or_else(|| Some(set("LOCALAPPDATA").filter(|_| cfg!(windows))?.join("stopleak")))
        .or_else(|| Some(std::env::home_dir()?.join(".local/state/stopleak")));
    let folder = folder.ok_or_else(|| {
        Failure::new("there is no folder for what stopleak keeps").hint("name one with STOPLEAK_STATE")
    })?;
    std::fs::create_dir_all(&folder).or_fail(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// What a log's trouble is to the user.
pub fn failed(error: AuditError) -> Failure {
    Failure::new(error.to_string()).hint("`stopleak audit verify` checks the log")
}
