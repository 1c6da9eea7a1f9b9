//! Says of every finding where in the vault its value stands, and joins what two rules found into one finding.

use super::judge::in_vault;
use crate::evidence::Confidence;
use crate::finding::{Finding, Occurrence};
use crate::rule::Form;
use crate::rule_set::RuleSet;
use crate::score;
use crate::vaulted::{LOG_ODDS, Vaulted};
use std::collections::{BTreeSet, HashMap};

/// Marks findings whose values stand in the vault; these are no guesses any more.
pub fn mark(findings: &mut Vec<Finding>, rules: &RuleSet) {
    let Some((values, _)) = rules.vaulted() else { return };
    findings.iter_mut().for_each(|finding| mark_one(finding, values));
    drop_twins(findings);
}

/// The same of one finding, without a look at others.
pub fn mark_one(finding: &mut Finding, values: &Vaulted) {
    if finding.is_practice() {
        return;
    }
    finding.vaulted = values.places(finding.secret.expose()).to_vec();
    let is_sure = score::confidence(LOG_ODDS);
    if !finding.vaulted.is_empty() && finding.confidence.0 < is_sure.0 {
        let weight = LOG_ODDS - log_odds(finding.confidence);
        finding.evidence.insert(0, in_vault(weight));
        finding.confidence = is_sure;
    }
}

fn log_odds(confidence: Confidence) -> f32 {
    (confidence.0 / (1.0 - confidence.0).max(f32::EPSILON)).ln()
}

/// One secret is one finding: a rule that is as severe and sees the value wherever the vault's does knows it better; any
/// other rule yields to the vault's where that sees the value everywhere.
fn drop_twins(findings: &mut Vec<Finding>) {
    let mut by_value: HashMap<&[u8], Vec<usize>> = HashMap::new();
    for (index, finding) in findings.iter().enumerate().filter(|(_, finding)| !finding.vaulted.is_empty()) {
        by_value.entry(finding.secret.expose()).or_default().push(index);
    }
    let mut dropped = vec![false; findings.len()];
    for group in by_value.into_values().filter(|group| group.len() > 1) {
        let Some(&own) = group.iter().find(|&&index| is_vaults(&findings[index])) else { continue };
        let others = || group.iter().copied().filter(|&index| index != own);
        let knows_better = |other: usize| {
            findings[other].rule.severity >= findings[own].rule.severity && covers(&findings[other], &findings[own])
        };
        if others().any(knows_better) {
            dropped[own] = true;
            continue;
        }
        others().filter(|&other| covers(&findings[own], &findings[other])).for_each(|other| dropped[other] = true);
    }
    let mut dropped = dropped.into_iter();
    findings.retain(|_| !dropped.next().unwrap_or(false));
}

fn is_vaults(finding: &Finding) -> bool {
    matches!(finding.rule.form, Form::Vaulted)
}

/// Whether `one` counts and tells every place of `other`.
fn covers(one: &Finding, other: &Finding) -> bool {
    let place = |occurrence: &Occurrence| (occurrence.origin.clone(), occurrence.position);
    let places: BTreeSet<_> = one.occurrences.iter().map(place).collect();
    one.suppression.is_none()
        && other.suppression.is_none()
        && other.more_occurrences <= one.more_occurrences
        && other.occurrences.iter().all(|occurrence| places.contains(&place(occurrence)))
}
