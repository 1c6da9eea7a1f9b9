//! `stopleak.toml`: what a project wants of every scan. It may add rules and allow findings; it cannot end up
//! without rules, and an unknown key is an error.

mod credential;
mod notify;
mod page;
mod serve;
mod sweep;

pub use notify::NotifyWritten;
pub use page::{PageSettings, Proxy, Role, Token};
pub use serve::ServeWritten;
pub use sweep::{CredentialsWritten, Held, RegistryWritten, SweepWritten};

use crate::args::{HistoryArg, PracticesArg, parse_gate};
use crate::commands::request;
use crate::commands::respond::{RespondSettings, RespondWritten};
use crate::failure::{Failure, OrFail, Result};
use crate::vaults::{Vaults, VaultsWritten};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use stopleak_core::import::{self, Imported};
use stopleak_core::policy::PolicyWritten;
use stopleak_core::scan::{Gate, Target};
use stopleak_core::suppress::allowlist::AllowWritten;
use stopleak_core::suppress::{Allow, Allowlist};
use stopleak_core::{Policy, Warning};
use toml::Spanned;

/// The code of the note on a configuration that was found and not used.
pub const FOREIGN_FOUND: &str = "foreign-configuration";

/// What other scanners call their configurations.
const FOREIGN_NAMES: [&str; 4] = [".gitleaks.toml", "gitleaks.toml", ".betterleaks.toml", "betterleaks.toml"];

/// What the file is called, beside the target or above it.
pub const NAMES: [&str; 2] = ["stopleak.toml", ".stopleak.toml"];

/// Settings, checked; paths are relative to the file's own folder no more.
#[derive(Debug, Default)]
pub struct Settings {
    pub gate: Option<Gate>,
    pub policy: Policy,
    pub practices: Option<PracticesArg>,
    pub history: Option<HistoryArg>,
    pub no_ignore: bool,
    pub threads: Option<u16>,
    pub baseline: Option<PathBuf>,
    pub rules: Vec<PathBuf>,
    pub disabled: Vec<String>,
    pub allowlist: Allowlist,
    /// A foreign configuration made a rule file, with its name, and what could not be carried over.
    pub imported: Option<(String, String)>,
    pub notes: Vec<Warning>,
    pub forges: ForgeAddresses,
    pub audit: AuditSettings,
    pub notify: Vec<NotifyWritten>,
    pub serve: ServeWritten,
    pub sweep: SweepWritten,
    pub verify: VerifySettings,
    pub vaults: Vaults,
    pub respond: RespondSettings,
}

/// What goes on record, and where.
#[derive(Clone, Debug, Default)]
pub struct AuditSettings {
    /// Scans, runs of `ci` and what is accepted in baselines, too.
    pub record: bool,
    pub log: Option<PathBuf>,
    pub key: Option<PathBuf>,
    pub max_file_size: Option<u64>,
}

impl AuditSettings {
    /// These, or with scans recorded because a flag asks for it.
    pub fn recording(self, asked: bool) -> AuditSettings {
        AuditSettings { record: self.record || asked, ..self }
    }
}

/// How providers are asked, as the settings say.
#[derive(Debug, Default)]
pub struct VerifySettings {
    pub written: VerifyWritten,
    /// The user named the settings: they were not just found beside a target.
    pub are_named: bool,
}

/// `[verify]`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct VerifyWritten {
    pub hosts: Vec<String>,
    pub scanned_hosts: bool,
    pub max_requests: Option<u64>,
    pub max_seconds: Option<u64>,
    pub max_wait_seconds: Option<u64>,
    pub requests_per_second: Option<u32>,
    pub cache_seconds: Option<u32>,
    pub ca: Option<PathBuf>,
    pub endpoints: BTreeMap<String, Vec<String>>,
    /// Who signs JSON Web Tokens, and the file with their keys (JWKS).
    pub issuers: BTreeMap<String, PathBuf>,
    /// Servers that private keys are tried at, `user@host:port`, and the keys they are known by.
    pub ssh: BTreeMap<String, Vec<String>>,
}

/// Where forges are, as the settings say.
#[derive(Debug, Default)]
pub struct ForgeAddresses {
    pub github: Option<String>,
    pub gitlab: Option<String>,
    /// The user named the settings: they were not just found beside a target.
    pub are_named: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    scan: ScanWritten,
    #[serde(default)]
    rules: RulesWritten,
    #[serde(default)]
    forge: ForgesWritten,
    #[serde(default)]
    vault: VaultsWritten,
    #[serde(default)]
    allow: Vec<Spanned<AllowWritten>>,
    #[serde(default)]
    policy: PolicyWritten,
    #[serde(default)]
    audit: AuditWritten,
    #[serde(default)]
    notify: Vec<NotifyWritten>,
    #[serde(default)]
    serve: Option<ServeWritten>,
    #[serde(default)]
    sweep: SweepWritten,
    #[serde(default)]
    verify: VerifyWritten,
    #[serde(default)]
    respond: RespondWritten,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct AuditWritten {
    #[serde(default)]
    record: bool,
    log: Option<PathBuf>,
    key: Option<PathBuf>,
    max_file_size: Option<std::num::NonZeroU64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ScanWritten {
    gate: Option<GateWritten>,
    practices: Option<PracticesWritten>,
    history: Option<HistoryWritten>,
    #[serde(default)]
    no_ignore: bool,
    threads: Option<std::num::NonZeroU16>,
    baseline: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RulesWritten {
    #[serde(default)]
    paths: Vec<PathBuf>,
    #[serde(default)]
    disable: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ForgesWritten {
    github: Option<ForgeWritten>,
    gitlab: Option<ForgeWritten>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ForgeWritten {
    url: String,
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "toml::Value")]
struct GateWritten(Gate);

impl TryFrom<toml::Value> for GateWritten {
    type Error = String;

    /// `"high,0.8"`, or a bare number.
    fn try_from(value: toml::Value) -> std::result::Result<GateWritten, String> {
        let text = match value {
            toml::Value::String(text) => text,
            number => number.to_string(),
        };
        parse_gate(&text).map(GateWritten)
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum HistoryWritten {
    All,
    None,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum PracticesWritten {
    Show,
    Fail,
    Hide,
}

/// The settings of `config`, or else of the project that the targets are in.
pub fn load(config: Option<&Path>, targets: &[Target], today: &str) -> Result<Settings> {
    match config {
        Some(file) => read_named(file, today),
        None => match of_targets(targets)? {
            Some(file) => read(&file, today).map(found),
            None => Ok(Settings { notes: foreign_beside(targets), ..Settings::default() }),
        },
    }
}

/// What a scanned tree brings along must not say where files are written, nor which keys are read.
fn found(mut settings: Settings) -> Settings {
    if settings.audit.log.take().is_some() | settings.audit.key.take().is_some() {
        let text = "`log` and `key` of [audit] are not used: settings that are only found may not say where files are \
                    written; name them with --config";
        settings.notes.push(Warning::note("settings-not-named", "stopleak.toml", text));
    }
    if !std::mem::take(&mut settings.notify).is_empty() {
        let text =
            "[[notify]] is not used: settings that are only found may not say who is told; name them with --config";
        settings.notes.push(Warning::note("settings-not-named", "stopleak.toml", text));
    }
    settings.serve = ServeWritten::default();
    settings.sweep = SweepWritten::default();
    settings
}

/// A file the user named: settings of our own, or another scanner's configuration.
fn read_named(file: &Path, today: &str) -> Result<Settings> {
    let text = std::fs::read_to_string(file).or_fail(|| format!("cannot read {}", file.display()))?;
    match import::is_foreign(&text) {
        Some(true) => imported(file),
        _ => {
            let mut settings = parse(&text, file, today).map_err(|failure| {
                failure.hint(
                    "--config reads stopleak's settings ([scan], [rules], [forge], [verify], [[vault]], [respond], [[allow]]) and configurations of \
                     gitleaks and betterleaks; files of rules go with --rules",
                )
            })?;
            settings.forges.are_named = true;
            settings.verify.are_named = true;
            settings.vaults.are_named = true;
            settings.respond.are_named = true;
            Ok(settings)
        }
    }
}

fn imported(file: &Path) -> Result<Settings> {
    let imported = import(file)?;
    let notes = imported.notes.iter().map(import::Note::warning).collect();
    Ok(Settings { imported: Some((file.display().to_string(), imported.text)), notes, ..Settings::default() })
}

/// Imports another scanner's configuration.
pub fn import(file: &Path) -> Result<Imported> {
    import::import(file).map_err(|errors| {
        let problems: Vec<String> = errors.0.iter().map(ToString::to_string).collect();
        Failure::new(format!("cannot use {}\n{}", file.display(), problems.join("\n")))
            .hint("a rule that stopleak cannot run would hide what it finds: mend or remove it")
    })
}

/// Configurations of other scanners at the roots of the targets: they are used only when they are named.
fn foreign_beside(targets: &[Target]) -> Vec<Warning> {
    let roots: BTreeSet<PathBuf> = targets.iter().filter_map(|target| Some(folder_and_root(target)?.1)).collect();
    let found = roots.iter().flat_map(|root| FOREIGN_NAMES.map(|name| (root, name)));
    let found = found.filter(|(root, name)| root.join(name).is_file());
    let note = |(_, name): (&PathBuf, &str)| {
        Warning::note(FOREIGN_FOUND, name, format!("found, not used: pass --config {name} to use it"))
    };
    found.map(note).collect()
}

/// One settings file for the whole scan: an allowlist must not reach into another project.
fn of_targets(targets: &[Target]) -> Result<Option<PathBuf>> {
    let mut found: Vec<(Option<PathBuf>, &Target)> = targets.iter().map(|target| (nearest(target), target)).collect();
    found.dedup_by(|a, b| a.0 == b.0);
    match found.as_slice() {
        [] => Ok(None),
        [(file, _)] => Ok(file.clone()),
        [(a, _), (b, _), ..] => {
            let name = |file: &Option<PathBuf>| {
                file.as_ref().map_or("no stopleak.toml".to_owned(), |file| file.display().to_string())
            };
            Err(Failure::new(format!("the targets have different settings: {} and {}", name(a), name(b)))
                .hint("scan them one by one, or name the settings for all with --config FILE"))
        }
    }
}

/// `stopleak.toml` (or `.stopleak.toml`) beside the target or above it, up to the root of the repository it is in.
fn nearest(target: &Target) -> Option<PathBuf> {
    let (folder, root) = folder_and_root(target)?;
    let inside = folder.ancestors().take_while(|folder| folder.starts_with(&root));
    inside.flat_map(|folder| NAMES.map(|name| folder.join(name))).find(|file| file.is_file())
}

/// Whether every target is a whole project: what is not seen in a part of one may be in the rest.
pub fn are_whole(targets: &[Target]) -> bool {
    let is_whole = |target: &Target| match target {
        Target::Path(path) if path.is_dir() => {
            folder_and_root(target).is_some_and(|(folder, root)| folder == root && nearest_above(&folder).is_none())
        }
        _ => false,
    };
    targets.iter().all(is_whole)
}

/// Settings above a folder that has none make it a part of their project.
fn nearest_above(folder: &Path) -> Option<&Path> {
    let has_settings = |folder: &Path| NAMES.iter().any(|name| folder.join(name).is_file());
    let has_own = folder.join(".git").exists() || has_settings(folder);
    folder.ancestors().skip(1).find(|above| !has_own && has_settings(above))
}

/// The folder a target is in, and the root of the repository that folder is in, or itself.
fn folder_and_root(target: &Target) -> Option<(PathBuf, PathBuf)> {
    let path = match target {
        Target::Path(path) => path.as_path(),
        _ => Path::new("."),
    };
    let start = path.canonicalize().ok()?;
    let folder = if start.is_dir() { start } else { start.parent()?.to_path_buf() };
    let root = folder.ancestors().find(|folder| folder.join(".git").exists()).unwrap_or(&folder).to_path_buf();
    Some((folder, root))
}

fn read(file: &Path, today: &str) -> Result<Settings> {
    let text = std::fs::read_to_string(file).or_fail(|| format!("cannot read {}", file.display()))?;
    parse(&text, file, today)
}

/// Reads settings; `file` names them in messages, and paths are relative to its folder.
pub fn parse(text: &str, file: &Path, today: &str) -> Result<Settings> {
    let written: Written = toml::from_str(text).or_fail(|| format!("cannot use {}", file.display()))?;
    let folder = file.parent().unwrap_or(Path::new("."));
    let allow = written.allow.into_iter().map(|entry| allow(entry, text, file, today));
    let gate = written.scan.gate.map(|gate| gate.0);
    Ok(Settings {
        gate,
        policy: written.policy.checked(gate.unwrap_or_default(), request::now(), |at| place(text, file, at)),
        history: written.scan.history.map(|history| match history {
            HistoryWritten::All => HistoryArg::All,
            HistoryWritten::None => HistoryArg::None,
        }),
        practices: written.scan.practices.map(|practices| match practices {
            PracticesWritten::Show => PracticesArg::Show,
            PracticesWritten::Fail => PracticesArg::Fail,
            PracticesWritten::Hide => PracticesArg::Hide,
        }),
        no_ignore: written.scan.no_ignore,
        threads: written.scan.threads.map(Into::into),
        baseline: written.scan.baseline.map(|path| folder.join(path)),
        rules: written.rules.paths.into_iter().map(|path| folder.join(path)).collect(),
        disabled: written.rules.disable,
        allowlist: Allowlist::new(allow.collect::<Result<_>>()?),
        imported: None,
        notes: Vec::new(),
        forges: ForgeAddresses {
            github: written.forge.github.map(|forge| forge.url),
            gitlab: written.forge.gitlab.map(|forge| forge.url),
            are_named: false,
        },
        audit: AuditSettings {
            record: written.audit.record,
            log: written.audit.log.map(|path| folder.join(path)),
            key: written.audit.key.map(|path| folder.join(path)),
            max_file_size: written.audit.max_file_size.map(Into::into),
        },
        notify: written
            .notify
            .into_iter()
            .map(|one| one.check().map(|()| one.within(folder)))
            .collect::<Result<_>>()?,
        serve: written.serve.unwrap_or_default().within(folder),
        sweep: written.sweep.within(folder),
        verify: VerifySettings {
            written: VerifyWritten {
                ca: written.verify.ca.map(|file| folder.join(file)),
                issuers: written.verify.issuers.into_iter().map(|(name, file)| (name, folder.join(file))).collect(),
                ..written.verify
            },
            are_named: false,
        },
        vaults: Vaults { written: written.vault.below(folder), are_named: false },
        respond: RespondSettings { written: written.respond, are_named: false },
    })
}

fn allow(entry: Spanned<AllowWritten>, text: &str, file: &Path, today: &str) -> Result<Allow> {
    let (line, place) = (line(text, entry.span().start), place(text, file, entry.span().start));
    Allow::new(entry.into_inner(), place, today).or_fail(|| format!("{}:{line}", file.display()))
}

fn line(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// `stopleak.toml:12`.
fn place(text: &str, file: &Path, at: usize) -> String {
    format!("{}:{}", file.file_name().unwrap_or_default().to_string_lossy(), line(text, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        parse(text, Path::new("stopleak.toml"), "2026-11-21").map(|_| String::new()).unwrap_or_else(|e| e.to_string())
    }

    #[test]
    fn an_unknown_key_is_an_error_with_its_line_and_a_caret() {
        let problem = problem("[scan]\nno-ignore = true\nrulez = []\n");
        assert!(problem.contains("line 3, column 1") && problem.contains("^^^^^"), "{problem}");
        assert!(problem.contains("unknown field `rulez`"), "{problem}");
    }

    #[test]
    fn an_entry_without_a_reason_or_a_condition_is_an_error() {
        let table = [
            ("[[allow]]\npath = 'x'\n", "missing field `reason`"),
            ("[[allow]]\nreason = ' '\npath = 'x'\n", "needs a `reason`"),
            ("[[allow]]\nreason = 'x'\n", "does not cover everything"),
            ("\n\n[[allow]]\nreason = 'x'\npath = '**/*'\nrule = '*'\n", "stopleak.toml:3: "),
            ("[[allow]]\nreason = 'x'\nvalue = '('\n", "does not compile"),
            ("[[allow]]\nreason = 'x'\npath = '[a'\n", "is no glob"),
            ("[[allow]]\nreason = 'x'\nfingerprint = 't1:x'\n", "is no fingerprint"),
            ("[scan]\ngate = 'hgh'\n", "neither a severity"),
        ];
        for (text, expected) in table {
            let problem = problem(text);
            assert!(problem.contains(expected), "{text}: {problem}");
        }
    }

    #[test]
    fn every_setting_is_read() {
        let text = "[scan]\ngate = 'high,0.8'\nhistory = 'none'\nno-ignore = true\nthreads = 2\nbaseline = 'b.json'\n\
                    [rules]\npaths = ['own']\ndisable = ['a.b']\n\
                    [forge.github]\nurl = 'https://g.example'\n[forge.gitlab]\nurl = 'https://l.example'\n\
                    [audit]\nrecord = true\nlog = 'a.jsonl'\nkey = '/k'\nmax-file-size = 4096\n\
                    [verify]\nhosts = ['h.corp']\nmax-seconds = 9\n[verify.endpoints]\ngitea = ['https://e.corp']\n\
                    [[allow]]\nreason = 'samples'\npath = 'docs/'\nexpires = 2027-01-31\n";
        let settings = parse(text, Path::new("/p/stopleak.toml"), "2026-11-21").unwrap();
        assert_eq!(settings.gate.unwrap().confidence, 0.8);
        assert_eq!(settings.history, Some(HistoryArg::None));
        assert_eq!((settings.no_ignore, settings.threads), (true, Some(2)));
        assert_eq!(settings.baseline, Some(PathBuf::from("/p/b.json")));
        assert_eq!(settings.rules, [PathBuf::from("/p/own")]);
        assert_eq!(settings.disabled, ["a.b"]);
        assert_eq!(settings.forges.github.as_deref(), Some("https://g.example"));
        assert_eq!(settings.forges.gitlab.as_deref(), Some("https://l.example"));
        let audit = settings.audit.clone();
        assert!(audit.record && audit.log == Some("/p/a.jsonl".into()) && audit.key == Some("/k".into()));
        assert_eq!(audit.max_file_size, Some(4096));
        assert_eq!(settings.allowlist.entries().len(), 1);
        let verify = settings.verify.written;
        assert_eq!((verify.hosts, verify.max_seconds), (vec!["h.corp".to_owned()], Some(9)));
        assert_eq!(verify.endpoints["gitea"], ["https://e.corp"]);
    }
}
