//! Finds the literals that every match of a pattern must hold: the filter looks for those and nothing else.

use super::grams;
use regex_syntax::hir::{Class, Hir, HirKind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Case-folded literals, one of which stands in every match.
type Set = BTreeSet<Vec<u8>>;

/// A filter literal has at least this many bytes.
pub const MIN_LITERAL: usize = 4;
/// Longer literals are cut: the verification looks at the rest anyway.
pub const MAX_LITERAL: usize = 16;
const MAX_SET: usize = 300;
const MAX_CLASS: usize = 40;

/// Where a match can start, seen from the literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Reach {
    /// Exactly this many bytes before it.
    At(u32),
    /// At most this many bytes before it.
    Within(u32),
    /// Not at all: the literal is a keyword of this length, and the value stands after it.
    Keyword,
    /// Not at all: the literal is a word of this of the rule's keywords.
    Word(u16),
}

/// What the filter looks for on a rule's behalf.
#[derive(Clone, Debug)]
pub struct Factors {
    /// Lower-case literals, sorted.
    pub literals: Vec<Vec<u8>>,
    /// Where a match starts.
    pub reach: Reach,
    /// Expected filter hits in 16 MiB of ordinary text.
    pub frequency: f64,
}

/// Chooses the factors of a pattern that cost least on ordinary text; `None` when it has none of four bytes.
pub fn choose(hir: &Hir) -> Option<Factors> {
    let mut parts = Vec::new();
    flatten(hir, &mut parts);
    let mut best: Option<(f64, Factors)> = None;
    for start in 0..parts.len() {
        let before = span_of(&parts[..start]);
        let Some((low, high)) = before else { break };
        let reach = if low == high { Reach::At(low) } else { Reach::Within(high) };
        for literals in exact_runs(&parts[start..]) {
            consider(&mut best, literals, reach);
        }
        // A literal somewhere inside one element: the match starts within that element's length before it.
        if let (Some(inner), Some(longest)) = (required(parts[start]), parts[start].properties().maximum_len()) {
            consider(&mut best, inner, Reach::Within(high + u32::try_from(longest).ok()?));
        }
    }
    best.map(|(_, factors)| factors)
}

fn consider(best: &mut Option<(f64, Factors)>, literals: Set, reach: Reach) {
    if literals.is_empty() || literals.iter().any(|literal| literal.len() < MIN_LITERAL) {
        return;
    }
    // Shorter literals turn up more often, but there are fewer of them.
    let longest = literals.iter().map(Vec::len).max().unwrap_or(0).min(MAX_LITERAL);
    (MIN_LITERAL..=longest).rev().for_each(|len| consider_cut(best, &literals, len, reach));
}

fn consider_cut(best: &mut Option<(f64, Factors)>, literals: &Set, len: usize, reach: Reach) {
    let literals = shortest_prefixes(literals, len);
    let frequency: f64 = literals.iter().map(|literal| grams::rarest(literal).1).sum();
    // Nanoseconds of verification a hit, measured: an anchored look is cheap, a window search is not.
    let cost = match reach {
        Reach::At(_) | Reach::Keyword | Reach::Word(_) => 20.0,
        Reach::Within(back) => 200.0 + f64::from(back),
    };
    // Each literal occupies the filter's table and raises the rate of false hits on all text.
    let total = frequency * cost + 40.0 * literals.len() as f64;
    if best.as_ref().is_none_or(|(least, _)| total < *least) {
        *best = Some((total, Factors { literals, reach, frequency }));
    }
}

/// Cuts literals to `len` bytes and drops one when another one is its prefix. (Not when it merely contains another: the match start is
/// counted from the literal's own start.)
fn shortest_prefixes(set: &Set, len: usize) -> Vec<Vec<u8>> {
    let cut: Set = set.iter().map(|literal| literal[..literal.len().min(len)].to_vec()).collect();
    let is_kept =
        |literal: &&Vec<u8>| !cut.iter().any(|other| other.len() < literal.len() && literal.starts_with(other));
    cut.iter().filter(is_kept).cloned().collect()
}

/// All sets of literals that every text matching a prefix of `parts` begins with.
fn exact_runs(parts: &[&Hir]) -> Vec<Set> {
    let mut runs = Vec::new();
    let mut current: Set = [Vec::new()].into();
    for part in parts {
        let (begins, whole) = beginnings(part);
        let Some(next) = begins.and_then(|begins| cross(&current, &begins)) else { break };
        current = next;
        runs.push(current.clone());
        if !whole || current.iter().all(|literal| literal.len() >= MAX_LITERAL) {
            break;
        }
    }
    runs
}

/// Literals that every match of `hir` begins with, and whether they are the whole of it.
fn beginnings(hir: &Hir) -> (Option<Set>, bool) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => (Some([Vec::new()].into()), true),
        HirKind::Literal(literal) => (Some([literal.0.to_ascii_lowercase()].into()), true),
        HirKind::Class(class) => (class_set(class), true),
        HirKind::Capture(capture) => beginnings(&capture.sub),
        HirKind::Repetition(repetition) => {
            let (Some(inner), whole) = beginnings(&repetition.sub) else { return (None, false) };
            if repetition.min == 0 {
                if repetition.max == Some(1) && whole {
                    let mut set = inner;
                    set.insert(Vec::new());
                    return (Some(set), true);
                }
                return (None, false);
            }
            let mut set: Set = [Vec::new()].into();
            let mut taken = 0;
            while taken < repetition.min.min(MAX_LITERAL as u32) && (whole || taken == 0) {
                match cross(&set, &inner) {
                    Some(next) => set = next,
                    None => break,
                }
                taken += 1;
            }
            (Some(set), whole && repetition.max == Some(taken))
        }
        HirKind::Concat(parts) => {
            let refs: Vec<&Hir> = parts.iter().collect();
            let mut set: Set = [Vec::new()].into();
            for part in &refs {
                let (begins, whole) = beginnings(part);
                match begins.and_then(|begins| cross(&set, &begins)) {
                    Some(next) => set = next,
                    None => return (Some(set), false),
                }
                if !whole {
                    return (Some(set), false);
                }
            }
            (Some(set), true)
        }
        HirKind::Alternation(parts) => {
            let (mut set, mut all_whole) = (Set::new(), true);
            for part in parts {
                let (Some(begins), whole) = beginnings(part) else { return (None, false) };
                set.extend(begins);
                all_whole &= whole;
            }
            ((set.len() <= MAX_SET).then_some(set), all_whole)
        }
    }
}

/// The rarest set of literals of which one stands somewhere inside every match of `hir`.
fn required(hir: &Hir) -> Option<Set> {
    match hir.kind() {
        HirKind::Alternation(parts) => {
            let mut all = Set::new();
            for part in parts {
                all.extend(choose(part)?.literals);
            }
            (all.len() <= MAX_SET).then_some(all)
        }
        HirKind::Repetition(repetition) if repetition.min > 0 => {
            Some(choose(&repetition.sub)?.literals.into_iter().collect())
        }
        _ => None,
    }
}

/// Shortest and longest length of a run of elements; `None` when it has no bound.
fn span_of(parts: &[&Hir]) -> Option<(u32, u32)> {
    parts.iter().try_fold((0u32, 0u32), |(low, high), part| {
        let properties = part.properties();
        let low = low.checked_add(u32::try_from(properties.minimum_len()?).ok()?)?;
        let high = high.checked_add(u32::try_from(properties.maximum_len()?).ok()?)?;
        Some((low, high))
    })
}

fn flatten<'a>(hir: &'a Hir, out: &mut Vec<&'a Hir>) {
    match hir.kind() {
        HirKind::Concat(parts) => parts.iter().for_each(|part| flatten(part, out)),
        HirKind::Capture(capture) => flatten(&capture.sub, out),
        _ => out.push(hir),
    }
}

fn cross(left: &Set, right: &Set) -> Option<Set> {
    if left.len().checked_mul(right.len())? > MAX_SET {
        return None;
    }
    let join = |a: &Vec<u8>, b: &Vec<u8>| [a.as_slice(), b].concat();
    Some(left.iter().flat_map(|a| right.iter().map(move |b| join(a, b))).collect())
}

fn class_set(class: &Class) -> Option<Set> {
    let mut bytes = BTreeSet::new();
    match class {
        Class::Bytes(class) => {
            for range in class.ranges() {
                bytes.extend((range.start()..=range.end()).map(|b| b.to_ascii_lowercase()));
            }
        }
        Class::Unicode(class) => {
            for range in class.ranges() {
                let (start, end) = (u8::try_from(range.start()).ok()?, u8::try_from(range.end()).ok()?);
                bytes.extend((start..=end).map(|b| b.to_ascii_lowercase()));
            }
        }
    }
    (bytes.len() <= MAX_CLASS).then(|| bytes.into_iter().map(|byte| vec![byte]).collect())
}

/// The literals a keyword stands for: `_` is `_`, `-`, `.`, a space or nothing.
pub fn spellings(keyword: &str) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = vec![Vec::new()];
    for byte in keyword.bytes().map(|b| b.to_ascii_lowercase()) {
        let choices: &[&[u8]] = if byte == b'_' { &[b"_", b"-", b".", b" ", b""] } else { &[&[byte]] };
        all = all.iter().flat_map(|head| choices.iter().map(move |tail| [head.as_slice(), tail].concat())).collect();
    }
    all.sort();
    all.dedup();
    all
}
