//! `stopleak ci github`: a step of a GitHub workflow. Found values are masked before anything else is printed; then come
//! annotations, the report, the job's summary and the step's outputs.

use super::{Done, open, report, scan};
use crate::args::CiArgs;
use crate::failure::{Failure, OrFail, Result};
use crate::terminal::message;
use std::collections::hash_map::RandomState;
use std::fs::OpenOptions;
use std::hash::{BuildHasher, Hasher};
use std::io::{Write, stdout};
use std::path::Path;
use stopleak_core::Finding;
use stopleak_core::event::{Event, github};
use stopleak_core::report::{Github, Markdown, Record, Report, Secrets};

/// Scans and reports.
pub fn run(args: &CiArgs) -> Result<u8> {
    let event = event()?;
    let mut writings = open(args, Vec::new())?;
    let done = scan(event, args)?;
    let is_runner = variable("GITHUB_ACTIONS") == "true";
    if is_runner {
        print(&commands(&done)?)?;
    }
    // A path may look like a command to the runner: while the report is printed, it listens to nothing.
    let token = format!("stopleak-{:016x}{:016x}", random(), random());
    if is_runner {
        print(format!("::stop-commands::{token}\n").as_bytes())?;
    }
    let reported = report(&done, &mut writings);
    message::line(&format!("stopleak: {}", done.words));
    if is_runner {
        print(format!("::{token}::\n").as_bytes())?;
    }
    reported?;
    append("GITHUB_STEP_SUMMARY", &summary(&done)?)?;
    append("GITHUB_OUTPUT", outputs(&done).as_bytes())?;
    Ok(done.code(args.guard.allow_partial))
}

fn event() -> Result<Event> {
    let path = variable("GITHUB_EVENT_PATH");
    let hint = "this runs in a step of a GitHub workflow; elsewhere: stopleak scan --range A..B";
    if path.is_empty() {
        return Err(Failure::new("GITHUB_EVENT_PATH is not set").hint(hint));
    }
    let payload = std::fs::read_to_string(&path).or_fail(|| format!("cannot read the event {path}"))?;
    let (name, sha, reference) = (variable("GITHUB_EVENT_NAME"), variable("GITHUB_SHA"), variable("GITHUB_REF"));
    if name.is_empty() {
        return Err(Failure::new("GITHUB_EVENT_NAME is not set").hint(hint));
    }
    github::read(&github::Run { event: &name, payload: &payload, sha: &sha, reference: &reference })
        .or_fail(|| "cannot tell what started this run".to_owned())
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

fn print(bytes: &[u8]) -> Result<()> {
    let mut out = stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).or_fail(|| "cannot write standard output".to_owned())
}

fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Masks for every value that was found, even for an accepted one, since later steps may print it; then annotations.
fn commands(done: &Done) -> Result<Vec<u8>> {
    let mut commands = Vec::new();
    let mut report = Github::new(&mut commands, true);
    feed(&mut report, done.outcome.findings.iter().chain(&done.accepted), done)?;
    Ok(commands)
}

/// The job's summary.
fn summary(done: &Done) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    feed(&mut Markdown::new(&mut text).about(&done.words), done.open(), done)?;
    Ok(text)
}

fn feed<'a>(report: &mut dyn Report, findings: impl Iterator<Item = &'a Finding>, done: &Done) -> Result<()> {
    let records = findings.map(|finding| Record::new(finding, Secrets::Redacted));
    let written = records.into_iter().try_for_each(|record| report.record(&record));
    written.and_then(|()| report.finish(&done.outcome.summary)).or_fail(|| "cannot write a report".to_owned())
}

/// The step's outputs; the action adds where the SARIF file is.
fn outputs(done: &Done) -> String {
    let active = done.open().filter(|finding| finding.validity.as_str() == "active").count();
    let unscanned = done.outcome.summary.warnings.iter().filter(|warning| warning.unscanned).count();
    let blocking = done.open().filter(|finding| finding.is_blocking()).count();
    format!("findings={blocking}\nactive={active}\nfailing={}\nunscanned={unscanned}\n", done.failing)
}

/// Appends to the file that a variable names; without one nobody waits for it.
fn append(name: &str, text: &[u8]) -> Result<()> {
    let path = variable(name);
    if path.is_empty() {
        return Ok(());
    }
    let file = OpenOptions::new().create(true).append(true).open(Path::new(&path));
    file.and_then(|mut file| file.write_all(text)).or_fail(|| format!("cannot write {path} ({name})"))
}
