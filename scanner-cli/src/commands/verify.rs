//! `stopleak verify`: ask providers about the findings of a saved report, or show what would be asked.

use super::ask::{self, Asking};
use super::record::{Deed, Recorder, Told, validities};
use super::request::{self, Plan};
use crate::args::VerifyArgs;
use crate::exit;
use crate::failure::{Failure, OrFail, Result};
use crate::output;
use crate::terminal::{clean, message};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use stopleak_core::finding::Decision;
use stopleak_core::report::{Record, Saved, Secrets, read};
use stopleak_core::verify::{Planned, Shown, hosts_of};
use stopleak_core::{
    Confidence, Doubt, Finding, Fingerprint, Guessable, Policy, Rule, Secret, Validity, Verdict, Warning,
};

/// Carries out `verify`.
pub fn run(args: &VerifyArgs) -> Result<u8> {
    let mut plan = request::plan(&args.selection)?;
    let is_shown_only = args.hosts || args.dry_run;
    let is_offline = args.selection.images.offline && !is_shown_only;
    let mut words = args.ask.clone();
    // Who asks nobody keeps nothing.
    words.no_verify_cache |= is_shown_only;
    let rules = (plan.request.rules.clone(), plan.has_found_rules);
    // A saved finding is asked about because it may have changed since.
    let asking = ask::plan(&words, is_offline, &plan.verify, rules, &mut plan.notes)?.anew();
    let Some(file) = &args.saved else { return hosts_of_all(&asking) };
    let mut saved = saved(file, args)?;
    let outputs = output::plan(&args.format, &args.output)?;
    let policy = Asking::defer(&mut plan.request);
    let mut findings = findings(&saved.records, &plan, &policy, args)?;
    if args.hosts || args.dry_run {
        return if args.hosts { hosts(&asking, &findings) } else { dry_run(&asking, &findings) };
    }
    let wanted: Vec<usize> = (0..findings.len()).filter(|at| findings[*at].is_some()).collect();
    let known: Vec<Finding> = findings.iter_mut().filter_map(Option::take).map(|known| known.finding).collect();
    let deed = Deed { action: "verify", details: json!({ "findings": known.len() }) };
    let does = || {
        let mut known = known;
        let counts = asking.ask(&mut known, &|finding| finding.validity == Validity::Unchecked, args.selection.quiet);
        Ok((known, counts))
    };
    let (known, counts) = Recorder::around(&plan.audit, deed, does, |(known, _)| {
        Told::about("asked", json!({ "validities": validities(known) }), known.iter())
    })?;
    for (at, finding) in wanted.into_iter().zip(&known) {
        saved.records[at].set_validity(&finding.validity);
        if saved.records[at].value.to_mask().is_none() && args.show_secrets && !finding.secret.expose().is_empty() {
            saved.records[at].value.learn(&finding.secret);
        }
    }
    let mut warnings = asking.warnings(&counts, false);
    warnings.extend(plan.notes);
    report(saved, &policy, warnings, args, &outputs)
}

pub(super) fn saved(file: &Path, args: &VerifyArgs) -> Result<Saved> {
    let act = || format!("cannot read {}", file.display());
    let secrets = if args.show_secrets { Secrets::Shown } else { Secrets::Redacted };
    let text = match file == Path::new("-") {
        true => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).or_fail(act).map(|_| text)
        }
        false => std::fs::read_to_string(file).or_fail(act),
    }?;
    read(&text, secrets).map_err(|error| {
        Failure::new(format!("cannot read {}: {error}", file.display()))
            .hint("save one with `stopleak scan --format json=FILE`")
    })
}

/// A saved finding with its value, as far as that is known.
pub(super) struct Known {
    pub(super) finding: Finding,
}

/// What is asked about: `None` for what nobody wants to know.
pub(super) fn findings(
    records: &[Record],
    plan: &Plan,
    policy: &Policy,
    args: &VerifyArgs,
) -> Result<Vec<Option<Known>>> {
    let rules: BTreeMap<&str, &Arc<Rule>> =
        plan.request.rules.rules().iter().map(|rule| (rule.id.as_str(), rule)).collect();
    let is_wanted = |record: &Record| {
        let may_count = ["unchecked", "active", "inactive", "unknown"].into_iter().any(|word| {
            let mut other = record.clone();
            other.validity = word.to_owned();
            other.judge(policy).verdict > Verdict::Allow
        });
        !record.rule.is_practice && (args.all || (record.suppression.is_none() && may_count))
    };
    let mut known: Vec<Option<Known>> = Vec::new();
    for record in records {
        let rule = rules.get(record.rule.id.as_str());
        let missing = || Validity::unknown(Doubt::NoWay, format!("there is no rule {}", record.rule.id));
        let finding = match rule {
            _ if !is_wanted(record) => None,
            None => Some(stub(record, &Arc::new(unknown_rule(record, plan)), missing())),
            Some(rule) => Some(stub(record, rule, Validity::Unchecked)),
        };
        known.push(finding.map(|finding| Known { finding }));
    }
    let lacks = |known: &Known| {
        let finding = &known.finding;
        finding.validity == Validity::Unchecked
            && (finding.secret.expose().is_empty() || (!finding.rule.parts.is_empty() && finding.part_sets.is_empty()))
    };
    if known.iter().flatten().any(lacks) {
        let found = if args.selection.targets.is_empty() { Vec::new() } else { scanned(plan, args)? };
        known.iter_mut().flatten().filter(|known| lacks(known)).for_each(|known| complete(known, &found, args));
    }
    Ok(known)
}

/// Any rule stands in for one that is gone: it is not asked about.
fn unknown_rule(record: &Record, plan: &Plan) -> Rule {
    let mut rule = (*plan.request.rules.rules()[0]).clone();
    rule.id.clone_from(&record.rule.id);
    rule
}

fn stub(record: &Record, rule: &Arc<Rule>, validity: Validity) -> Finding {
    let value = record.value.to_mask().cloned().unwrap_or_else(|| Secret::new(b""));
    let fingerprint = Fingerprint::parse(&record.fingerprint)
        .unwrap_or_else(|| Fingerprint::new(&rule.id, record.key.as_bytes(), value.expose(), Guessable::Yes));
    Finding {
        fingerprint,
        rule: Arc::clone(rule),
        secret: value,
        key: record.key.clone(),
        confidence: Confidence(record.confidence as f32),
        evidence: Vec::new(),
        facts: Vec::new(),
        validity,
        part_sets: record.part_sets.clone(),
        vaulted: Vec::new(),
        occurrences: Vec::new(),
        suppression: None,
        decision: Decision::default(),
        more_occurrences: 0,
    }
}

fn scanned(plan: &Plan, args: &VerifyArgs) -> Result<Vec<Finding>> {
    let outcome = request::carry_out(&plan.request, &args.selection, &[])?;
    message::warnings(&outcome.summary.warnings, true);
    Ok(outcome.findings)
}

/// Takes the value, and what it was seen with, from what a scan found again.
fn complete(known: &mut Known, found: &[Finding], args: &VerifyArgs) {
    let lost = &mut known.finding;
    let is_same = |other: &&Finding| {
        other.rule.id == lost.rule.id
            && other.fingerprint == lost.fingerprint
            && (lost.secret.expose().is_empty() || lost.secret == other.secret)
    };
    let mut same = found.iter().filter(is_same);
    match (same.next(), same.next()) {
        (Some(one), None) => {
            lost.secret = one.secret.clone();
            lost.part_sets = one.part_sets.clone();
            lost.vaulted = one.vaulted.clone();
        }
        // Fingerprints of passwords may be alike: which one it was, nobody knows.
        (Some(_), Some(_)) => {
            lost.validity = Validity::unknown(Doubt::Incomplete, "several values found again have its fingerprint");
        }
        // Its value is known, and may be all that is needed.
        (None, _) if !lost.secret.expose().is_empty() => {}
        (None, _) => {
            let reason = match args.selection.targets.is_empty() {
                true => "the saved report holds no value: name the target it was found in",
                false => "it was not found again in the target",
            };
            lost.validity = Validity::unknown(Doubt::Incomplete, reason);
        }
    }
}

/// Judges by the policy, leaves out what is not wanted, writes, and says with the exit code whether anything counts.
fn report(
    mut saved: Saved,
    policy: &Policy,
    warnings: Vec<Warning>,
    args: &VerifyArgs,
    outputs: &[output::Output],
) -> Result<u8> {
    saved.records.iter_mut().for_each(|record| record.rejudge(policy));
    let doubt = |record: &Record| record.verification.doubt.as_deref().and_then(Doubt::named);
    let left_out =
        ask::only(&mut saved.records, &args.only, |record| (!record.rule.is_practice).then(|| record.subject()), doubt);
    let summary = &mut saved.summary;
    summary.warnings.extend(warnings.into_iter().chain(left_out));
    summary.warnings.sort();
    summary.warnings.dedup();
    let counts = |record: &&Record| record.suppression.is_none() && record.judge(policy).verdict == Verdict::Block;
    summary.gated = saved.records.iter().filter(counts).count() as u64;
    summary.findings = saved.records.len() as u64;
    let mut writings = Vec::new();
    for output in outputs {
        writings.push(output.open(args.selection.quiet)?);
    }
    for writing in &mut writings {
        saved.records.iter().try_for_each(|record| writing.step(|report| report.record(record)))?;
        writing.step(|report| report.finish(&saved.summary))?;
    }
    message::warnings(&saved.summary.warnings, args.selection.quiet);
    Ok(match saved.summary.gated {
        0 if saved.summary.is_partial() && !args.selection.allow_partial => exit::FAILED,
        0 => exit::CLEAN,
        _ => exit::LEAKS,
    })
}

fn hosts_of_all(asking: &Asking) -> Result<u8> {
    let rules = asking.verifier.rules().rules();
    let hosts: BTreeSet<String> = rules.iter().flat_map(|rule| hosts_of(&asking.verifier, rule)).collect();
    print(&hosts.into_iter().map(|host| host + "\n").collect::<String>())
}

fn hosts(asking: &Asking, findings: &[Option<Known>]) -> Result<u8> {
    let planned = findings.iter().flatten().filter_map(|known| asking.verifier.plan(&known.finding).ok()).flatten();
    let hosts: BTreeSet<String> = planned.filter(|one| one.refusal.is_none()).map(|one| one.host).collect();
    print(&hosts.into_iter().map(|host| clean(&host) + "\n").collect::<String>())
}

fn dry_run(asking: &Asking, findings: &[Option<Known>]) -> Result<u8> {
    let mut text = String::new();
    for Known { finding } in findings.iter().flatten() {
        text.push_str(&format!("{}  {}  {}\n", finding.rule.id, finding.shown(), finding.fingerprint));
        let planned = match &finding.validity {
            Validity::Unknown { reason, .. } => Err(reason.clone()),
            _ => asking.verifier.plan(finding).map_err(|refusal| refusal.reason),
        };
        match planned {
            Ok(planned) => planned.iter().for_each(|one| text.push_str(&request_text(one))),
            Err(reason) => text.push_str(&format!("  not asked: {}\n", clean(&reason))),
        }
        text.push('\n');
    }
    print(&text)
}

fn request_text(planned: &Planned) -> String {
    let mut text = String::new();
    if let Some(Shown { method, url, headers, body }) = &planned.shown {
        text.push_str(&format!("  {method} {}\n", clean(url)));
        headers.iter().for_each(|(name, value)| text.push_str(&format!("    {name}: {value}\n")));
        body.iter().for_each(|body| text.push_str(&format!("    {}\n", clean(body))));
    }
    if let Some(refusal) = &planned.refusal {
        text.push_str(&format!("    not sent: {}\n", clean(&refusal.reason)));
    }
    text
}

fn print(text: &str) -> Result<u8> {
    output::print(text).map(|()| exit::CLEAN)
}
