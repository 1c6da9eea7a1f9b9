//! `stopleak scan`: find, report, and say with the exit code whether anything counts.

use super::live::{self, Showing};
use super::request::{self, Plan, counts};
use crate::args::{PracticesArg, ScanArgs};
use crate::exit;
use crate::failure::Result;
use crate::output::{self, Format, Output, Writing};
use crate::terminal::message;
use std::sync::Arc;
use stopleak_core::Finding;
use stopleak_core::report::{Secrets, Summary, compare};
use stopleak_core::scan::{Gate, Outcome, Target};

/// Scans and reports.
pub fn run(args: &ScanArgs) -> Result<u8> {
    let outputs = output::plan(&args.format, &args.output)?;
    let Plan { mut request, baseline, notes, practices, .. } = request::plan(&args.selection)?;
    let baseline = args.baseline.as_ref().or(baseline.as_ref());
    request.suppressions.baseline = baseline.map(|file| request::read_baseline(file)).transpose()?;
    let choice = Choice { gate: request.gate, all: args.all, practices };
    let live = Arc::new(Showing::new(open(&outputs, args)?, choice));
    if request.targets == [Target::Stdin] {
        request.live = Some(live::watch(&live));
    }
    let outcome = request::carry_out(&request, &args.selection, &notes)?;
    let outcome = select(outcome, choice);
    live.finish(&outcome)?;
    tell(&outcome.summary, &outputs, args);
    Ok(code(&outcome.summary, args.selection.allow_partial))
}

fn open(outputs: &[Output], args: &ScanArgs) -> Result<Vec<Writing>> {
    let secrets = if args.show_secrets { Secrets::Shown } else { Secrets::Redacted };
    outputs.iter().map(|output| output.open(secrets, args.selection.quiet)).collect()
}

/// What of the findings a report shows.
#[derive(Clone, Copy)]
pub struct Choice {
    gate: Gate,
    all: bool,
    practices: PracticesArg,
}

impl Choice {
    /// Whether a finding is written.
    pub fn shows(&self, finding: &Finding) -> bool {
        !self.hides(finding) && (self.all || self.is_due(finding))
    }

    fn hides(&self, finding: &Finding) -> bool {
        self.practices == PracticesArg::Hide && finding.is_practice()
    }

    /// Whether it counts, or is risky practice that would if it were asked to.
    fn is_due(&self, finding: &Finding) -> bool {
        let is_practice = finding.is_practice() && finding.suppression.is_none();
        counts(finding, &self.gate) || (is_practice && self.gate.admits(finding.confidence, finding.rule.severity))
    }
}

/// Keeps what the report shows, in its order, and counts what it does not.
fn select(outcome: Outcome, choice: Choice) -> Outcome {
    let Outcome { mut findings, mut summary } = outcome;
    findings.retain(|finding| !choice.hides(finding));
    let is_shown = |finding: &Finding| choice.is_due(finding);
    summary.gated = findings.iter().filter(|finding| counts(finding, &choice.gate)).count() as u64;
    summary.suppressed = findings.iter().filter(|finding| finding.suppression.is_some()).count() as u64;
    summary.below_gate =
        findings.iter().filter(|finding| finding.suppression.is_none() && !is_shown(finding)).count() as u64;
    findings.retain(|finding| choice.all || is_shown(finding));
    summary.practices = findings.iter().filter(|finding| finding.is_practice()).count() as u64;
    findings.sort_unstable_by(compare);
    summary.findings = findings.len() as u64;
    summary.warnings.sort();
    summary.warnings.dedup();
    Outcome { findings, summary }
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
