//! From a saved report, or one value on standard input, to what is responded to.

use crate::args::{RespondArgs, VerifyArgs};
use crate::commands::request::Plan;
use crate::commands::verify;
use crate::failure::{Failure, OrFail, Result};
use crate::terminal::message;
use std::io::Read;
use stopleak_core::respond::{Place, Target, holds};
use stopleak_core::secret::{Fingerprint, Guessable};
use stopleak_core::vault::several::path_in;
use stopleak_core::vaulted::Place as Vaulted;
use stopleak_core::verify::{Subject, Verifier, Verify};
use stopleak_core::{Finding, Policy, Secret, Validity};

/// The secrets that are meant, with their values; without a verifier nobody is asked which set of values works.
pub fn gather(args: &mut RespondArgs, plan: Plan, verifier: Option<&Verifier>) -> Result<Vec<Target>> {
    if let Some(rule) = args.rule.clone() {
        return one(&rule, args, &plan).map(|target| vec![target]);
    }
    let Some(saved) = args.saved.clone() else { return Err(Failure::new("no findings are named")) };
    // The selection is lent to `verify`, which reads reports and finds values again.
    let mut asked = VerifyArgs {
        saved: None,
        selection: std::mem::take(&mut args.selection),
        hosts: false,
        dry_run: false,
        only: Vec::new(),
        all: !args.fingerprint.is_empty(),
        format: Vec::new(),
        output: Vec::new(),
        show_secrets: false,
        ask: std::mem::take(&mut args.ask),
    };
    let policy = Policy::from(plan.request.policy.gate);
    let report = verify::saved(&saved, &asked)?;
    let findings = verify::findings(&report.records, &plan, &policy, &asked)?;
    args.selection = std::mem::take(&mut asked.selection);
    let is_meant =
        |finding: &Finding| args.fingerprint.is_empty() || args.fingerprint.contains(&finding.fingerprint.to_string());
    let mut targets: Vec<Target> = Vec::new();
    let known = findings.into_iter().zip(&report.records);
    let known = known.filter_map(|(known, record)| Some((known?.finding, record)));
    for (mut finding, record) in known.filter(|(finding, _)| is_meant(finding)) {
        if let Validity::Unknown { reason, .. } = &finding.validity {
            let (rule, name) = (&finding.rule.id, finding.fingerprint.as_str());
            return Err(Failure::new(format!("the value of {rule} {name} is not known: {reason}")));
        }
        if !targets.iter().any(|known| known.fingerprint == finding.fingerprint) {
            finding.vaulted.extend(record.vault.iter().cloned());
            let mut target = target(finding, verifier);
            target.places.extend(by_index(&target, &plan));
            target.places.sort();
            target.places.dedup();
            targets.push(target);
        }
    }
    if let Some(missing) =
        args.fingerprint.iter().find(|name| !targets.iter().any(|known| known.fingerprint.as_str() == *name))
    {
        return Err(Failure::new(format!("the report has no finding {missing}")));
    }
    if targets.is_empty() {
        message::caution("the report holds nothing to respond to");
    }
    Ok(targets)
}

/// The set of values that it works with, where there are several.
fn target(finding: Finding, verifier: Option<&Verifier>) -> Target {
    let sets = finding.part_sets.sets().to_vec();
    let works = |parts: &&Vec<(String, Secret)>| {
        let subject = Subject { rule: &finding.rule, secret: &finding.secret, parts };
        verifier.is_some_and(|verifier| matches!(verifier.check(&subject, false), Validity::Active { .. }))
    };
    let parts = match sets.as_slice() {
        [] => Vec::new(),
        [one] => one.clone(),
        several => several.iter().find(works).unwrap_or(&several[0]).clone(),
    };
    let places = finding.vaulted.iter().map(place).collect();
    Target { fingerprint: finding.fingerprint, rule: finding.rule, secret: finding.secret, parts, places }
}

/// Where the index has the value, or a value that it belongs with: an address that holds a password.
fn by_index(target: &Target, plan: &Plan) -> Vec<Place> {
    let Some((values, _)) = plan.request.rules.vaulted() else { return Vec::new() };
    let parts = target.parts.iter().map(|(_, value)| value).filter(|part| holds(part, &target.secret));
    std::iter::once(&target.secret).chain(parts).flat_map(|value| values.places(value.expose())).map(place).collect()
}

fn place(known: &Vaulted) -> Place {
    let Vaulted { vault, entry, field, version, current } = known;
    let (path, version, field) = (path_in(vault, entry), version.clone(), field.clone());
    Place { path, version, field, is_current: *current }
}

/// One value, from standard input.
fn one(id: &str, args: &RespondArgs, plan: &Plan) -> Result<Target> {
    let rule = plan.request.rules.rules().iter().find(|rule| rule.id == id);
    let rule = rule.ok_or_else(|| {
        Failure::new(format!("there is no rule `{id}`")).hint("`stopleak rules list` prints the ids of all rules")
    })?;
    let mut text = Vec::new();
    std::io::stdin().lock().take(1 << 20).read_to_end(&mut text).or_fail(|| "cannot read the value".to_owned())?;
    // A line's end is the terminal's, but a key's own last line ends with one.
    let value = match text.as_slice() {
        [value @ .., b'\r', b'\n'] | [value @ .., b'\n'] if !value.contains(&b'\n') => value,
        value => value,
    };
    if value.is_empty() {
        return Err(Failure::new("no value came on standard input"));
    }
    let part = |text: &String| {
        let (rule, value) = text.split_once('=').ok_or_else(|| {
            Failure::new(format!("`--part {text}` names no value"))
                .hint("write it as in --part aws.access-key-id=AKIA…")
        })?;
        Ok((rule.to_owned(), Secret::new(value.as_bytes())))
    };
    let parts = args.part.iter().map(part).collect::<Result<Vec<_>>>()?;
    let guessable = if rule.guessable { Guessable::Yes } else { Guessable::No };
    let fingerprint = Fingerprint::new(&rule.id, b"", value, guessable);
    let secret = Secret::new(value);
    text.fill(0);
    let mut target = Target { fingerprint, rule: rule.clone(), secret, parts, places: Vec::new() };
    target.places = by_index(&target, plan);
    Ok(target)
}
