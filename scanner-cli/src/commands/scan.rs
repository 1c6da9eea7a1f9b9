//! `stopleak scan`: find, report, and say with the exit code whether anything counts.

use super::ask::{self, Asking, Wish};
use super::live::{self, Showing};
use super::notify;
use super::record::{Deed, Recorder, Told, validities};
use super::request::{self, Plan};
use crate::args::{PracticesArg, ScanArgs};
use crate::exit;
use crate::failure::Result;
use crate::output::{self, Format, Output, Writing};
use crate::remedy::{Replacements, templates};
use crate::terminal::message;
use serde_json::json;
use std::sync::Arc;
use stopleak_core::Finding;
use stopleak_core::policy::Subject;
use stopleak_core::report::{Record, Secrets, Summary, compare};
use stopleak_core::scan::{Outcome, Target};

/// Scans and reports.
pub fn run(args: &ScanArgs) -> Result<u8> {
    let outputs = output::plan(&args.format, &args.output)?;
    let Plan { mut request, baseline, mut notes, practices, verify, has_found_rules, audit, notify, .. } =
        request::plan(&args.selection)?;
    let receivers = if args.notify { notify::receivers(&notify, &[])? } else { Vec::new() };
    let asking = match args.verify {
        true => {
            let rules = (request.rules.clone(), has_found_rules);
            Some(ask::plan(&args.ask, args.selection.images.offline, &verify, rules, &mut notes)?)
        }
        false => None,
    };
    let baseline = args.baseline.as_ref().or(baseline.as_ref());
    request.suppressions.baseline = baseline.map(|file| request::read_baseline(file)).transpose()?;
    let replacements = Replacements::plan(&args.remedy, &request.targets)?;
    let choice = Choice { all: args.all, practices };
    let secrets = if args.show_secrets { Secrets::Shown } else { Secrets::Redacted };
    let live = Arc::new(Showing::new(open(&outputs, args)?, choice, secrets));
    // What is told at once cannot wait for an answer.
    if request.targets == [Target::Stdin] && asking.is_none() {
        request.live = Some(live::watch(&live));
    }
    let deferred = asking.is_some().then(|| Asking::defer(&mut request));
    let audit = audit.recording(args.audit);
    let does = || {
        let mut outcome = request::carry_out(&request, &args.selection, &notes)?;
        if let (Some(asking), Some(policy)) = (&asking, &deferred) {
            let wish = Wish { all: args.all, quiet: args.selection.quiet, needs_answers: false };
            asking.carry_out(&mut outcome, policy, wish);
            let left_out = ask::only(&mut outcome.findings, &args.only, of_secret, ask::doubt);
            outcome.summary.warnings.extend(left_out);
        }
        Ok(select(outcome, choice))
    };
    let outcome = Recorder::around(&audit, Deed::scan("scan", &request), does, told)?;
    live.finish(&outcome)?;
    tell(&outcome.summary, &outputs, args);
    replacements.map(|replacements| replacements.write(&outcome.findings)).transpose()?;
    if args.remedy.write_env_templates {
        templates::write(&outcome.findings, &request)?;
    }
    let code = code(&outcome.summary, args.selection.allow_partial);
    match notify::tell(&receivers, &outcome.findings, args.selection.images.registry_ca.as_deref(), &audit)? {
        // A leak that nobody was told of fails, even where the gate would let it pass.
        false if code == exit::CLEAN => Ok(exit::FAILED),
        _ => Ok(code),
    }
}

/// What the record tells of a scan.
pub fn told(outcome: &Outcome) -> Told {
    let summary = &outcome.summary;
    let word = match summary.gated {
        0 if summary.is_partial() => "partial",
        0 => "clean",
        _ => "leaks",
    };
    let unscanned = summary.warnings.iter().filter(|warning| warning.unscanned).count();
    let details = json!({ "targets": summary.targets, "blobs": summary.blobs, "bytes": summary.bytes, "counting": summary.gated,
        "warned": summary.warned, "suppressed": summary.suppressed, "unscanned": unscanned,
        "validities": validities(&outcome.findings) });
    Told::about(word, details, outcome.findings.iter().filter(|finding| finding.is_blocking()))
}

/// What `--only` looks at; risky practice has no validity.
fn of_secret(finding: &Finding) -> Option<Subject<'_>> {
    (!finding.is_practice()).then(|| Subject::of(finding))
}

fn open(outputs: &[Output], args: &ScanArgs) -> Result<Vec<Writing>> {
    outputs.iter().map(|output| output.open(args.selection.quiet)).collect()
}

/// What of the findings a report shows.
#[derive(Clone, Copy)]
pub struct Choice {
    /// Suppressed findings and those below the gate, too.
    pub all: bool,
    /// Whether risky practice is hidden.
    pub practices: PracticesArg,
}

impl Choice {
    /// Whether a finding is written.
    pub fn shows(&self, finding: &Finding) -> bool {
        !self.hides(finding) && (self.all || finding.is_blocking() || finding.is_warning())
    }

    fn hides(&self, finding: &Finding) -> bool {
        self.practices == PracticesArg::Hide && finding.is_practice()
    }
}

/// Keeps what the report shows, in its order, and counts what it does not.
pub fn select(outcome: Outcome, choice: Choice) -> Outcome {
    let Outcome { mut findings, mut summary } = outcome;
    findings.retain(|finding| !choice.hides(finding));
    let count = |what: &dyn Fn(&Finding) -> bool| findings.iter().filter(|finding| what(finding)).count() as u64;
    summary.gated = count(&Finding::is_blocking);
    summary.warned = count(&Finding::is_warning);
    summary.suppressed = count(&|finding| finding.suppression.is_some());
    summary.below_gate = findings.len() as u64 - summary.gated - summary.warned - summary.suppressed;
    findings.retain(|finding| choice.shows(finding));
    summary.practices = findings.iter().filter(|finding| finding.is_practice()).count() as u64;
    findings.sort_unstable_by(compare);
    summary.findings = findings.len() as u64;
    summary.warnings.sort();
    summary.warnings.dedup();
    Outcome { findings, summary }
}

/// Writes every report; each finding becomes a record once.
pub fn write(writings: &mut [Writing], outcome: &Outcome, secrets: Secrets) -> Result<()> {
    for finding in &outcome.findings {
        let record = Record::new(finding, secrets);
        writings.iter_mut().try_for_each(|writing| writing.step(|report| report.record(&record)))?;
    }
    writings.iter_mut().try_for_each(|writing| writing.step(|report| report.finish(&outcome.summary)))
}

/// Says on standard error what the report on standard output does not.
fn tell(summary: &Summary, outputs: &[Output], args: &ScanArgs) {
    let quiet = args.selection.quiet;
    message::warnings(&summary.warnings, quiet);
    let text_shown = outputs.iter().any(|output| output.format == Format::Text && output.path.is_none());
    if !quiet && !text_shown {
        message::line(&crate::terminal::text::totals(summary));
    }
    if !quiet && summary.gated == 0 && summary.is_partial() && !args.selection.allow_partial {
        message::hint("nothing was found, but not everything was scanned; --allow-partial accepts that");
    }
    if !quiet && summary.gated > 0 && text_shown {
        message::next_steps();
    }
}

fn code(summary: &Summary, allow_partial: bool) -> u8 {
    match summary.gated {
        0 if summary.is_partial() && !allow_partial => exit::FAILED,
        0 => exit::CLEAN,
        _ => exit::LEAKS,
    }
}
