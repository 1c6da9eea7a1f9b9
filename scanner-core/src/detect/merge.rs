//! Settles which of two views of one place is reported: what stands there plainly, or what it was decoded to.

use super::hidden::Hidden;
use super::state::Candidate;
use crate::rule::{Form, Rule};
use std::sync::Arc;

/// Drops what another view shows at least as well. `plain` is sorted by place and disjoint; `hidden` will be sorted.
pub fn merge(plain: &mut Vec<Candidate>, hidden: &mut Vec<Hidden>, bytes: &[u8], rules: &[Arc<Rule>]) {
    if hidden.is_empty() {
        return;
    }
    let known_plain: Vec<Candidate> = plain.extract_if(.., |found| is_vaulted(found.rule, rules)).collect();
    let known_hidden: Vec<Hidden> = hidden.extract_if(.., |found| is_vaulted(found.decoded.rule, rules)).collect();
    merge_rivals(plain, hidden, bytes, rules);
    if !known_plain.is_empty() {
        plain.extend(known_plain);
        plain.sort_by_key(|candidate| (candidate.start, candidate.end, candidate.rule));
    }
    if !known_hidden.is_empty() {
        hidden.extend(known_hidden);
        sort(hidden);
    }
}

/// Whether a candidate is a value that stands in a vault: it is no guess, and rivals nothing else that is seen there.
pub(super) fn is_vaulted(rule: u16, rules: &[Arc<Rule>]) -> bool {
    matches!(rules[rule as usize].form, Form::Vaulted)
}

fn merge_rivals(plain: &mut Vec<Candidate>, hidden: &mut Vec<Hidden>, bytes: &[u8], rules: &[Arc<Rule>]) {
    drop_repeats(hidden, rules);
    let mut is_kept = vec![true; plain.len()];
    hidden.retain(|hidden| {
        let first = plain.partition_point(|candidate| candidate.end <= hidden.start);
        let overlapping = plain[first..].iter().take_while(|candidate| candidate.start < hidden.end);
        let mut stands = true;
        for (index, candidate) in overlapping.enumerate() {
            match view(candidate, hidden, bytes, rules) {
                View::Both => {}
                View::Plain => stands = false,
                View::Decoded => is_kept[first + index] = false,
            }
        }
        stands
    });
    let mut kept = is_kept.iter();
    plain.retain(|_| *kept.next().expect("one flag a candidate"));
}

/// Sorts by place; of one secret decoded in several ways keeps the shortest, of one place's generic candidates the best.
fn drop_repeats(hidden: &mut Vec<Hidden>, rules: &[Arc<Rule>]) {
    sort(hidden);
    if hidden.len() > 1 {
        drop_generic_repeats(hidden, rules);
    }
}

/// Sorts by place; of one secret decoded in several ways keeps the shortest.
fn sort(hidden: &mut Vec<Hidden>) {
    hidden.sort_by(|a, b| {
        let place = (a.start, a.end, a.decoded.rule).cmp(&(b.start, b.end, b.decoded.rule));
        let secret = a.decoded.secret.expose().cmp(b.decoded.secret.expose());
        let trail =
            a.decoded.trail.len().cmp(&b.decoded.trail.len()).then_with(|| a.decoded.trail.cmp(&b.decoded.trail));
        place.then(secret).then(b.decoded.log_odds.total_cmp(&a.decoded.log_odds)).then(trail)
    });
    hidden.dedup_by(|b, a| {
        (a.start, a.end, a.decoded.rule) == (b.start, b.end, b.decoded.rule) && a.decoded.secret == b.decoded.secret
    });
}

/// One value that several generic rules, or a provider's own, saw in one place is one finding.
fn drop_generic_repeats(hidden: &mut Vec<Hidden>, rules: &[Arc<Rule>]) {
    let order = |hidden: &Hidden| {
        let rule = &rules[hidden.decoded.rule as usize];
        (!is_weak(rule), hidden.decoded.log_odds)
    };
    let mut drop = vec![false; hidden.len()];
    for (i, a) in hidden.iter().enumerate() {
        let same_place = hidden[i + 1..].iter().take_while(|b| (a.start, a.end) == (b.start, b.end)).take(64);
        for (offset, b) in same_place.enumerate().filter(|(_, b)| a.decoded.secret == b.decoded.secret) {
            let worse = if order(a) >= order(b) { i + 1 + offset } else { i };
            drop[worse] = true;
        }
    }
    let mut dropped = drop.iter();
    hidden.retain(|_| !dropped.next().expect("one flag a candidate"));
}

enum View {
    Plain,
    Decoded,
    Both,
}

fn view(plain: &Candidate, hidden: &Hidden, bytes: &[u8], rules: &[Arc<Rule>]) -> View {
    let (plain_rule, hidden_rule) = (&rules[plain.rule as usize], &rules[hidden.decoded.rule as usize]);
    let is_better = hidden.decoded.log_odds >= plain.log_odds;
    if bytes.get(plain.secret()) == Some(hidden.decoded.secret.expose()) {
        // Plain to see is plain to see, unless decoding told whose it is.
        let tells_more = is_weak(plain_rule) && !is_weak(hidden_rule) && is_better;
        return if tells_more { View::Decoded } else { View::Plain };
    }
    if is_weak(plain_rule) {
        return match (is_better, is_weak(hidden_rule)) {
            (true, _) => View::Decoded,
            (false, true) => View::Plain,
            (false, false) => View::Both,
        };
    }
    // A key's lines joined are the same key; a piece of a token whose signs are encoded is none of its own, nor is what a
    // token's own form knows another value for being decodable.
    let is_inside = hidden.is_sparse() && plain.start <= hidden.start && hidden.end <= plain.end;
    let knows_better = plain_rule.precedence() > hidden_rule.precedence() && plain.log_odds > 0.0;
    if plain.rule == hidden.decoded.rule || is_inside || knows_better { View::Plain } else { View::Both }
}

/// Whether a rule knows a value by its name only, or a person may have chosen it.
pub(super) fn is_weak(rule: &Rule) -> bool {
    matches!(rule.form, Form::Assignment) || rule.guessable
}
