//! `stopleak audit`: the record of what was passed, checked and shown.

use crate::args::{AuditArgs, AuditVerb};
use crate::exit;
use crate::failure::{Failure, OrFail, Result};
use crate::terminal::clean;
use std::io::Write;
use std::path::{Path, PathBuf};
use stopleak_core::audit::{Entry, Log};
use stopleak_core::source::git::repository::Repository;

/// Carries out `audit verify` or `audit show`.
pub fn run(args: &AuditArgs) -> Result<u8> {
    match &args.verb {
        AuditVerb::Verify { log, holds } => verify(&find(log.as_ref())?, holds.as_deref()),
        AuditVerb::Show { log, json } => show(&find(log.as_ref())?, *json),
    }
}

fn find(named: Option<&PathBuf>) -> Result<Log> {
    if let Some(file) = named {
        std::fs::metadata(file).or_fail(|| format!("cannot read {}", file.display()))?;
        return Ok(Log::new(file));
    }
    let repository = Repository::open(Path::new(".")).map_err(|error| Failure::new(error.to_string()))?;
    let repository = repository.ok_or_else(|| {
        Failure::new("there is no git repository here, and so no audit log").hint("name one with --log FILE")
    })?;
    Ok(Log::of_repository(repository.common_dir()))
}

fn verify(log: &Log, holds: Option<&str>) -> Result<u8> {
    let head = log.verify().map_err(|error| Failure::new(error.to_string()))?;
    if let Some(hash) = holds {
        let hashes = log.hashes().map_err(|error| Failure::new(error.to_string()))?;
        if !hashes.iter().any(|known| known == hash) {
            return Err(Failure::new(format!("{} holds no entry {hash}", log.path().display()))
                .hint("entries were cut off at its end, or the hash is of another log"));
        }
    }
    print(&format!("{} entries, each as it was written; the last is {}\n", head.entries, head.hash))
}

fn show(log: &Log, json: bool) -> Result<u8> {
    let entries = log.entries().map_err(|error| Failure::new(error.to_string()))?;
    let lines = entries.iter().map(|entry| match json {
        true => serde_json::to_string(entry).unwrap_or_default() + "\n",
        false => in_words(entry),
    });
    print(&lines.collect::<String>())
}

fn in_words(entry: &Entry) -> String {
    let text = |name: &str| entry.details.get(name).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
    let list = |name: &str| entry.details.get(name).and_then(|value| value.as_array()).cloned().unwrap_or_default();
    let findings = list("findings");
    let mut lines = format!("{} {}  {}  {}  {}\n", entry.number, entry.time, entry.event, text("hook"), entry.who);
    for (label, value) in [("reason", text("reason")), ("until", text("until")), ("error", text("error"))] {
        if !value.is_empty() {
            lines += &format!("  {label:<8} {value}\n");
        }
    }
    for finding in &findings {
        let word = |name: &str| finding.get(name).and_then(|value| value.as_str()).unwrap_or_default();
        let place = finding.get("places").and_then(|places| places.get(0)).and_then(|place| place.as_str());
        lines += &format!(
            "  {:<8} {} at {}  {}\n",
            word("severity"),
            word("rule"),
            place.unwrap_or("-"),
            word("fingerprint")
        );
    }
    for object in list("unscanned") {
        lines += &format!("  unscanned {}\n", object.as_str().unwrap_or_default());
    }
    lines.lines().map(|line| clean(line) + "\n").collect()
}

fn print(text: &str) -> Result<u8> {
    let mut out = anstream::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("cannot write: {error}")))
        }
        _ => Ok(exit::CLEAN),
    }
}
