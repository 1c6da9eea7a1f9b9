//! `stopleak scan`: find, report, and say with the exit code whether anything counts.

use super::request::{self, Plan, counts};
use crate::args::{PracticesArg, ScanArgs};
use crate::exit;
use crate::failure::Result;
use crate::output::{self, Format, Output, Writing};
use crate::terminal::message;
use stopleak_core::Finding;
use stopleak_core::report::{Secrets, Summary, compare};
use stopleak_core::scan::{Gate, Outcome};

/// Scans and reports.
pub fn run(args: &ScanArgs) -> Result<u8> {
    let outputs = output::plan(&args.format, &args.output)?;
    let Plan { mut request, baseline, notes, practices, .. } = request::plan(&args.selection)?;
    let baseline = args.baseline.as_ref().or(baseline.as_ref());
    request.suppressions.baseline = baseline.map(|file| request::read_baseline(file)).transpose()?;
    let mut writings = open(&outputs, args)?;
    let outcome = request::carry_out(&request, &args.selection, &notes)?;
    let outcome = select(outcome, &request.gate, args.all, practices);
    writings.iter_mut().try_for_each(|writing| write(writing, &outcome))?;
    tell(&outcome.summary, &outputs, args);
    Ok(code(&outcome.summary, args.selection.allow_partial))
}

fn open(outputs: &[Output], args: &ScanArgs) -> Result<Vec<Writing>> {
    let secrets = if args.show_secrets { Secrets::Shown } else { Secrets::Redacted };
    outputs.iter().map(|output| output.open(secrets, args.selection.quiet)).collect()
}

/// Keeps what the report shows, in its order, and counts what it does not.
fn select(outcome: Outcome, gate: &Gate, all: bool, practices: PracticesArg) -> Outcome {
    let Outcome { mut findings, mut summary } = outcome;
    findings.retain(|finding| practices != PracticesArg::Hide || !finding.is_practice());
    let is_shown = |finding: &Finding| {
        let is_practice = finding.is_practice() && finding.suppression.is_none();
        counts(finding, gate) || (is_practice && gate.admits(finding.confidence, finding.rule.severity))
    };
    summary.gated = findings.iter().filter(|finding| counts(finding, gate)).count() as u64;
    summary.suppressed = findings.iter().filter(|finding| finding.suppression.is_some()).count() as u64;
    summary.below_gate =
        findings.iter().filter(|finding| finding.suppression.is_none() && !is_shown(finding)).count() as u64;
    findings.retain(|finding| all || is_shown(finding));
    summary.practices = findings.iter().filter(|finding| finding.is_practice()).count() as u64;
    findings.sort_unstable_by(compare);
    summary.findings = findings.len() as u64;
    summary.warnings.sort();
    summary.warnings.dedup();
    Outcome { findings, summary }
}

fn write(writing: &mut Writing, outcome: &Outcome) -> Result<()> {
    outcome.findings.iter().try_for_each(|finding| writing.step(|report| report.finding(finding)))?;
    writing.step(|report| report.finish(&outcome.summary))
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
