//! Settles which candidates of one text stand: each stretch belongs to the rule that knows it best, and values that
//! belong together are joined.

use super::hidden::Hidden;
use super::merge::{is_vaulted, merge};
use super::state::{Candidate, State};
use crate::rule::Rule;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Findings kept for one rule in one text; more are counted and announced.
pub const MAX_PER_RULE: usize = 1_000;

/// The candidates of one text that stand.
#[derive(Debug, Default)]
pub struct Resolved {
    /// Sorted by place.
    pub candidates: Vec<Candidate>,
    /// What was decoded, by place.
    pub hidden: Vec<Hidden>,
    /// For each candidate the indices (in `all`) of the other values it belongs with.
    pub parts: Vec<Vec<Candidate>>,
    /// Rules that had more than `MAX_PER_RULE` matches here, and how many were left out.
    pub cut: Vec<(u16, usize)>,
}

impl Resolved {
    /// Keeps the candidates that `is_kept` says.
    pub fn retain(&mut self, is_kept: impl Fn(&Candidate) -> bool) {
        let mut parts = std::mem::take(&mut self.parts).into_iter();
        let mut kept_parts = Vec::new();
        self.candidates.retain(|candidate| {
            let part = parts.next().unwrap_or_default();
            let keeps = is_kept(candidate);
            if keeps {
                kept_parts.push(part);
            }
            keeps
        });
        self.parts = kept_parts;
    }
}

/// Picks the best of overlapping candidates, joins parts, and bounds their number. `bytes` is the text they stand in.
pub fn resolve(state: &State, bytes: &[u8], rules: &[Arc<Rule>]) -> Resolved {
    let mut standing = standing(state.candidates(), rules);
    let mut hidden: Vec<Hidden> = state.hidden().cloned().collect();
    merge(&mut standing, &mut hidden, bytes, rules);
    let parts = (0..standing.len()).map(|at| find_parts(at, &standing, rules)).collect();
    let mut resolved = Resolved { candidates: standing, hidden, parts, cut: Vec::new() };
    drop_part_only(&mut resolved, rules);
    cap(&mut resolved);
    resolved
}

/// The best of overlapping candidates, by place; no two of them overlap. Vaulted values stand whatever they overlap.
pub fn standing(candidates: &[Candidate], rules: &[Arc<Rule>]) -> Vec<Candidate> {
    let first = going_first(candidates, rules);
    let (known, rivals): (Vec<&Candidate>, Vec<&Candidate>) =
        candidates.iter().partition(|found| is_vaulted(found.rule, rules));
    let mut ranked: Vec<&Candidate> = rivals.into_iter().filter(|found| !yields(found, &first, rules)).collect();
    ranked.sort_by(|a, b| {
        rank(b, rules).partial_cmp(&rank(a, rules)).expect("log-odds are numbers").then(a.start.cmp(&b.start))
    });
    let mut standing: Vec<Candidate> = Vec::new();
    let mut taken: Taken = Taken::default();
    for candidate in ranked {
        if taken.claim(candidate.start, candidate.end) {
            standing.push(*candidate);
        }
    }
    standing.extend(known);
    standing.sort_by_key(|candidate| (candidate.start, candidate.end, candidate.rule));
    standing.dedup();
    standing
}

/// Likely candidates of rules that go over others, by place.
fn going_first<'c>(candidates: &'c [Candidate], rules: &[Arc<Rule>]) -> Vec<&'c Candidate> {
    let goes_first = |found: &&Candidate| found.log_odds > 0.0 && !rules[found.rule as usize].over.is_empty();
    let mut first: Vec<&Candidate> = candidates.iter().filter(goes_first).collect();
    first.sort_by_key(|found| (found.start, found.end, found.rule));
    first
}

/// Whether a candidate in the same place is of a rule that goes over this one's.
fn yields(candidate: &Candidate, first: &[&Candidate], rules: &[Arc<Rule>]) -> bool {
    /// Neighbours looked at: what goes first is about as long as what it goes over.
    const NEAR: usize = 8;
    let id = &rules[candidate.rule as usize].id;
    let until = first.partition_point(|other| other.start < candidate.end);
    let near = first[..until].iter().rev().take(NEAR);
    near.filter(|other| other.end > candidate.start).any(|other| rules[other.rule as usize].over.contains(id))
}

/// Better candidates compare greater: likely ones first, then the more specific form, then likelihood, then length.
fn rank(candidate: &Candidate, rules: &[Arc<Rule>]) -> (bool, u8, f32, u32, Reverse<u16>) {
    let form = rules[candidate.rule as usize].precedence();
    (candidate.log_odds > 0.0, form, candidate.log_odds, candidate.end - candidate.start, Reverse(candidate.rule))
}

/// Stretches of text that belong to a candidate already: disjoint, by start.
#[derive(Default)]
struct Taken(BTreeMap<u32, u32>);

impl Taken {
    fn claim(&mut self, start: u32, end: u32) -> bool {
        let is_free = self.0.range(..end).next_back().is_none_or(|(_, &taken_end)| taken_end <= start);
        if is_free {
            self.0.insert(start, end);
        }
        is_free
    }
}

/// The nearest value of each rule it belongs with; `all` is sorted by place and disjoint.
pub fn find_parts(at: usize, all: &[Candidate], rules: &[Arc<Rule>]) -> Vec<Candidate> {
    let candidate = &all[at];
    let nearest = |part: &crate::rule::written::Part| {
        let is_part = |other: &&Candidate| rules[other.rule as usize].id == part.rule;
        // Only neighbours are looked at: among very many candidates a search of all would be quadratic.
        let before = |other: &&Candidate| candidate.start.saturating_sub(other.end) <= part.within;
        let after = |other: &&Candidate| other.start.saturating_sub(candidate.end) <= part.within;
        let before = all[..at].iter().rev().take_while(before).find(is_part);
        let after = all[at + 1..].iter().take_while(after).find(is_part);
        match (before, after) {
            (Some(a), Some(b)) if b.start - candidate.end < candidate.start - a.end => Some(*b),
            (a, b) => a.or(b).copied(),
        }
    };
    rules[candidate.rule as usize].parts.iter().filter_map(nearest).collect()
}

fn drop_part_only(resolved: &mut Resolved, rules: &[Arc<Rule>]) {
    let keep: Vec<bool> = resolved.candidates.iter().map(|c| !rules[c.rule as usize].part_only).collect();
    let mut kept = keep.iter();
    resolved.candidates.retain(|_| *kept.next().expect("one flag a candidate"));
    let mut kept = keep.iter();
    resolved.parts.retain(|_| *kept.next().expect("one flag a candidate"));
}

fn cap(resolved: &mut Resolved) {
    if resolved.candidates.len() <= MAX_PER_RULE && resolved.hidden.len() <= MAX_PER_RULE {
        return;
    }
    let mut seen = Counts::default();
    let mut parts = std::mem::take(&mut resolved.parts).into_iter();
    let mut kept_parts = Vec::new();
    resolved.candidates.retain(|candidate| {
        let part = parts.next().expect("one list a candidate");
        let is_kept = seen.admits(candidate.rule, false);
        if is_kept {
            kept_parts.push(part);
        }
        is_kept
    });
    resolved.parts = kept_parts;
    resolved.hidden.retain(|hidden| seen.admits(hidden.decoded.rule, true));
    resolved.cut = seen.cut().collect();
}

/// How many matches of each rule one text has, plain ones and decoded ones.
#[derive(Debug, Default)]
pub struct Counts(BTreeMap<(u16, bool), usize>);

impl Counts {
    /// Counts one more; false when there are too many.
    pub fn admits(&mut self, rule: u16, is_hidden: bool) -> bool {
        let count = self.0.entry((rule, is_hidden)).or_default();
        *count += 1;
        *count <= MAX_PER_RULE
    }

    /// Rules with too many, and how many were left out.
    pub fn cut(&self) -> impl Iterator<Item = (u16, usize)> {
        let over = self.0.iter().filter(|(_, count)| **count > MAX_PER_RULE);
        over.map(|(&(rule, _), &count)| (rule, count - MAX_PER_RULE))
    }
}
