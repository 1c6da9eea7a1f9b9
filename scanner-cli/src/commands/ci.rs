//! `stopleak ci`: works out what a pipeline's run brought, fetches what a shallow clone lacks, scans it and reports to the forge.

mod fail_on;
mod fetch;
mod github;
mod gitlab;

pub use fail_on::FailOn;

use super::ask::{self, Asking, Wish};
use super::record::{Deed, Recorder};
use super::request::{self, Plan as Wiring};
use super::scan::{Choice, select, told, write};
use crate::args::{CiArgs, CiVerb, HistoryArg, Selection};
use crate::exit;
use crate::failure::{Failure, Result};
use crate::output::{self, Format, Output, Writing};
use crate::settings::AuditSettings;
use crate::terminal::{message, words};
use serde_json::json;
use stopleak_core::event::{Event, Plan, Scope};
use stopleak_core::finding::Suppression;
use stopleak_core::report::Secrets;
use stopleak_core::scan::{Change, Outcome, Request, scan_change};
use stopleak_core::source::git::repository::Repository;
use stopleak_core::source::git::selection::Push;
use stopleak_core::{Finding, ObjectId, Origin, Summary};

/// Scans what the run brought.
pub fn run(verb: &CiVerb) -> Result<u8> {
    match verb {
        CiVerb::Github(args) => github::run(args),
        CiVerb::Gitlab(args) => gitlab::run(args),
    }
}

/// What a run came to.
struct Done {
    outcome: Outcome,
    /// What was scanned, and what the user should know about the choice.
    words: String,
    /// Findings that are accepted: their values are secrets all the same.
    accepted: Vec<Finding>,
    /// Findings that fail the job.
    failing: u64,
}

impl Done {
    fn code(&self, allow_partial: bool) -> u8 {
        match self.failing {
            0 if self.outcome.summary.is_partial() && !allow_partial => exit::FAILED,
            0 => exit::CLEAN,
            _ => exit::LEAKS,
        }
    }

    /// Findings that are reported and not suppressed.
    fn open(&self) -> impl Iterator<Item = &Finding> {
        self.outcome.findings.iter().filter(|finding| finding.is_blocking() || finding.is_warning())
    }
}

/// Plans and scans, on record if the settings ask for that; nothing is printed on standard output yet.
fn scan(event: Event, args: &CiArgs) -> Result<Done> {
    let wired = wire(args)?;
    let rules = wired.request.rules.rules().len();
    let deed = Deed { action: "ci", details: json!({ "event": event.name, "rules": rules }) };
    let audit = wired.audit.clone();
    Recorder::around(&audit, deed, || judge(event, args, wired), |done| told(&done.outcome))
}

fn judge(event: Event, args: &CiArgs, wired: Wired) -> Result<Done> {
    let event = if args.whole_history { whole(event) } else { event };
    let name = event.name.clone();
    let plan = fetch::plan(event, args)?;
    let Wired { mut request, notes, practices, asking, .. } = wired;
    let policy = asking.is_some().then(|| Asking::defer(&mut request));
    let (outcome, words) = match plan {
        Plan::Nothing(reason) => {
            (Outcome { findings: Vec::new(), summary: Summary::default() }, format!("Nothing to scan: {reason}."))
        }
        Plan::Everything(reason) => {
            let outcome = request::carry_out(&request, &quiet(), &notes)?;
            (outcome, format!("Scanned the whole history and the files: {reason}."))
        }
        Plan::Commits { wanted, known, commits, notes: said } => {
            // A change shows little of the project: what it does not match is not stale.
            request.suppressions.complete = false;
            let mut outcome = changed(&request, wanted, known)?;
            outcome.summary.warnings.extend_from_slice(&notes);
            let said: String = said.iter().map(|note| format!(" Note: {note}.")).collect();
            let commits = words::counted(commits as u64, "new commit");
            (outcome, format!("Scanned {commits} of the `{name}` event.{said}"))
        }
    };
    let mut outcome = outcome;
    outcome.findings.retain_mut(|finding| is_within(finding, &args.path));
    if let (Some(asking), Some(policy)) = (&asking, &policy) {
        let wish = Wish { all: false, quiet: true, needs_answers: args.fail_on.needs_answers() };
        asking.carry_out(&mut outcome, policy, wish);
    }
    let accepted = outcome.findings.iter().filter(|finding| is_accepted(finding)).cloned().collect();
    let outcome = select(outcome, Choice { all: false, practices });
    let failing =
        outcome.findings.iter().filter(|finding| finding.is_blocking() && args.fail_on.holds(finding)).count();
    Ok(Done { outcome, words, accepted, failing: failing as u64 })
}

fn whole(event: Event) -> Event {
    Event { scope: Scope::Everything("--whole-history asks for it".to_owned()), ..event }
}

/// The run as the settings and options want it.
struct Wired {
    request: Request,
    notes: Vec<stopleak_core::Warning>,
    practices: crate::args::PracticesArg,
    audit: AuditSettings,
    asking: Option<Asking>,
}

fn wire(args: &CiArgs) -> Result<Wired> {
    let guard = &args.guard;
    let selection = Selection {
        rules: guard.rules.clone(),
        config: guard.config.clone(),
        gate: guard.gate,
        threads: guard.threads,
        practices: args.practices,
        vault: args.vault.clone(),
        // A setting for the desk must not narrow what the pipeline says it scanned.
        history: Some(HistoryArg::All),
        ..quiet()
    };
    if !args.verify && args.fail_on.needs_answers() {
        return Err(Failure::new("nothing is verified, so nothing is active or inactive")
            .hint("add --verify, or write --fail-on presumed-active"));
    }
    let Wiring { mut request, baseline, mut notes, practices, verify, has_found_rules, audit, .. } =
        request::plan(&selection)?;
    let baseline = guard.baseline.as_ref().or(baseline.as_ref());
    request.suppressions.baseline = baseline.map(|file| request::read_baseline(file)).transpose()?;
    let asking = match args.verify {
        true => Some(ask::plan(&args.ask, false, &verify, (request.rules.clone(), has_found_rules), &mut notes)?),
        false => None,
    };
    Ok(Wired { request, notes, practices, audit, asking })
}

fn quiet() -> Selection {
    Selection { quiet: true, no_progress: true, ..Selection::default() }
}

fn changed(request: &Request, wanted: Vec<ObjectId>, known: Vec<ObjectId>) -> Result<Outcome> {
    let change = Change::Push { push: Push { wanted, known }, look_elsewhere: true };
    scan_change(request, &repository()?, &change).map_err(|error| request::failed(&error))
}

/// The clone that the job works in.
fn repository() -> Result<Repository> {
    let opened = Repository::open(std::path::Path::new(".")).map_err(|error| {
        let failure = Failure::new(error.to_string());
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })?;
    opened.ok_or_else(|| {
        Failure::new("there is no git repository here")
            .hint("check it out first, with git: GitHub's actions/checkout does")
    })
}

/// What anyone may know is no secret; what somebody accepted is.
fn is_accepted(finding: &Finding) -> bool {
    finding.suppression.as_ref().is_some_and(|suppression| !matches!(suppression, Suppression::Known { .. }))
}

/// Keeps the places below the folders that count; a message belongs to all of them.
fn is_within(finding: &mut Finding, folders: &[String]) -> bool {
    if folders.is_empty() {
        return true;
    }
    let is_below = |path: &str| {
        folders.iter().map(|folder| folder.trim_start_matches("./").trim_end_matches('/')).any(|folder| {
            folder.is_empty()
                || folder == "."
                || path == folder
                || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
        })
    };
    let place = |origin: &Origin| origin.outermost().path().is_none_or(is_below);
    finding.occurrences.retain(|occurrence| place(&occurrence.origin));
    !finding.occurrences.is_empty()
}

/// Opens the reports that were asked for, `more` first; text to standard output unless something else goes there.
fn open(args: &CiArgs, more: Vec<Output>) -> Result<Vec<Writing>> {
    let mut outputs = match args.format.is_empty() && args.output.is_empty() {
        true => Vec::new(),
        false => output::plan(&args.format, &args.output)?,
    };
    if outputs.iter().all(|output| output.path.is_some()) {
        outputs.push(Output { format: Format::Text, path: None });
    }
    more.iter().chain(&outputs).map(|output| output.open(false)).collect()
}

/// Writes every report and says on standard error what was not scanned.
fn report(done: &Done, writings: &mut [Writing]) -> Result<()> {
    write(writings, &done.outcome, Secrets::Redacted)?;
    message::warnings(&done.outcome.summary.warnings, true);
    Ok(())
}
