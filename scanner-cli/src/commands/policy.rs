//! `stopleak policy test`: what would block, and why, without blocking anything.

use super::request::{self, Plan};
use crate::args::{PolicyArgs, PolicyVerb, Selection};
use crate::exit;
use crate::failure::{OrFail, Result};
use crate::output;
use crate::terminal::{clean, message, words};
use std::path::Path;
use stopleak_core::report::{Excuse, Record, Secrets, compare, first_place, read};
use stopleak_core::{Decision, Finding, Policy, Verdict};

/// Carries out `policy test`.
pub fn run(args: &PolicyArgs) -> Result<u8> {
    let PolicyVerb::Test { selection, from } = &args.verb;
    let plan = request::plan(selection)?;
    let policy = &plan.request.policy;
    let (rows, is_partial) = match from {
        Some(file) => (of_report(file, policy)?, false),
        None => of_scan(&plan, selection)?,
    };
    let mut text = rows.iter().map(|row| row.print(policy)).collect::<String>();
    text += &totals(&rows, policy);
    output::print(&text)?;
    Ok(match rows.iter().any(|row| row.word() == "block") {
        true => exit::LEAKS,
        false if is_partial && !selection.allow_partial => exit::FAILED,
        false => exit::CLEAN,
    })
}

/// One finding and what becomes of it.
struct Row {
    what: String,
    place: String,
    decision: Decision,
    suppression: Option<String>,
}

impl Row {
    fn word(&self) -> &'static str {
        match self.suppression {
            Some(_) => "allow",
            None => self.decision.verdict.as_str(),
        }
    }

    fn print(&self, policy: &Policy) -> String {
        let why = match (&self.suppression, &self.decision.by) {
            (Some(suppression), None) => format!("suppressed: {suppression}"),
            (_, Some(by)) if self.decision.reason.is_empty() => by.clone(),
            (_, Some(by)) => format!("{by}: {}", self.decision.reason),
            (None, None) => self.by_gate(policy),
        };
        format!("{:<5}  {}  at {}\n       {}\n", self.word(), clean(&self.what), clean(&self.place), clean(&why))
    }

    fn by_gate(&self, policy: &Policy) -> String {
        let least = policy.gate.severity.map(|severity| format!("{}, ", severity.as_str())).unwrap_or_default();
        let gate = format!("{least}{}", policy.gate.confidence);
        match self.decision.verdict {
            Verdict::Block => format!("no rule matches; at or above the gate ({gate})"),
            Verdict::Warn => "no rule matches; risky practice is shown and does not count".to_owned(),
            Verdict::Allow => format!("no rule matches; below the gate ({gate})"),
        }
    }
}

fn of_report(file: &Path, policy: &Policy) -> Result<Vec<Row>> {
    let text = std::fs::read_to_string(file).or_fail(|| format!("cannot read {}", file.display()))?;
    let saved = read(&text, Secrets::Redacted).or_fail(|| format!("cannot use {}", file.display()));
    let saved = saved.map_err(|failure| failure.hint("`stopleak scan --all -o report.jsonl` writes one"))?;
    let row = |saved: &Record| {
        let place = saved.places.first().map_or("-".to_owned(), |place| {
            format!("{}:{}", place.path.as_ref().unwrap_or(&place.origin), place.position.line)
        });
        Row {
            what: format!("{} {}", saved.rule.id, saved.value.redacted()),
            place,
            decision: saved.judge(policy),
            // What an older policy allowed, this one judges anew.
            suppression: saved.suppression.as_ref().filter(|excuse| excuse.kind != "policy").map(excused),
        }
    };
    Ok(saved.records.iter().map(row).collect())
}

/// A suppression in the words of a report.
fn excused(excuse: &Excuse) -> String {
    if excuse.reason.is_empty() { excuse.kind.to_string() } else { format!("{}, {}", excuse.kind, excuse.reason) }
}

fn of_scan(plan: &Plan, selection: &Selection) -> Result<(Vec<Row>, bool)> {
    let mut outcome = request::carry_out(&plan.request, selection, &plan.notes)?;
    message::warnings(&outcome.summary.warnings, selection.quiet);
    outcome.findings.sort_unstable_by(compare);
    let row = |finding: &Finding| {
        let place = first_place(finding).map_or("-".to_owned(), |place| {
            let name = place.origin.path().map_or_else(|| place.origin.to_string(), str::to_owned);
            format!("{name}:{}", place.position.line)
        });
        let suppression = finding.suppression.as_ref().map(|suppression| excused(&Excuse::new(suppression)));
        Row {
            what: format!("{} {}", finding.rule.id, finding.shown()),
            place,
            decision: finding.decision.clone(),
            suppression,
        }
    };
    Ok((outcome.findings.iter().map(row).collect(), outcome.summary.is_partial()))
}

fn totals(rows: &[Row], policy: &Policy) -> String {
    let count = |word: &str| rows.iter().filter(|row| row.word() == word).count();
    let rules = words::counted(policy.len() as u64, "rule");
    format!("{} block, {} warn, {} allowed · {rules} and the gate\n", count("block"), count("warn"), count("allow"))
}
