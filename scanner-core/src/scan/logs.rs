//! Scans logs as the programs printed them: what is found is placed where it stands in the log, with its job and step.

use super::judge;
use super::text::{Seen, TextScanner};
use crate::decode::log::{Cleaned, Kept, LogPlace, Map, Wrap};
use crate::detect::{self, Candidate, State};
use crate::finding::Position;
use crate::rule::{Form, Rule};
use std::ops::Range;

/// A value that a log's width broke, by absolute offsets in the cleaned text.
#[derive(Clone, Debug)]
pub struct Joined {
    start: u64,
    end: u64,
    rule: u16,
}

impl Joined {
    /// Whether it ends before a place.
    pub fn is_before(&self, place: u64) -> bool {
        self.end <= place
    }
}

/// How a cleaned text is seen.
#[derive(Clone, Copy)]
pub struct View<'v> {
    /// The way back to the log.
    pub map: &'v Map,
    /// Values that were put together.
    pub joined: &'v [Joined],
}

impl View<'_> {
    /// Whether a candidate is a part of a value that was put together. A guess hides no token of a known form.
    pub fn hides(&self, candidate: &Candidate, rule: &Rule) -> bool {
        let (start, end) = (self.map.absolute(candidate.start as usize), self.map.absolute(candidate.end as usize));
        let overlaps = |joined: &&Joined| joined.start < end && start < joined.end;
        // A token that is whole where the line ends may be no part of anything: it is told, too.
        let covers = |joined: &Joined| is_weak(rule) || (joined.rule == candidate.rule && joined.start != start);
        self.joined.iter().filter(overlaps).any(covers)
    }

    /// Where a span of the cleaned text stands in the log.
    pub fn position(&self, text: &[u8], span: Range<usize>) -> Position {
        let ((line, column), (end_line, end_column)) = self.map.position(text, &span);
        Position { line, column, end_line, end_column }
    }

    /// The job and step of a place, without a name that holds a secret itself.
    pub fn place(&self, scanner: &mut TextScanner, at: usize) -> LogPlace {
        let mut place = self.map.place(at);
        for name in [&mut place.job, &mut place.step] {
            let mut state = State::default();
            if let Some(text) = name.as_deref() {
                scanner.worker.scan(text.as_bytes(), &mut state);
            }
            if !state.candidates().is_empty() {
                *name = None;
            }
        }
        place
    }
}

/// Whether a rule knows a value by its name only, or a person may have chosen it.
fn is_weak(rule: &Rule) -> bool {
    matches!(rule.form, Form::Assignment) || rule.guessable
}

/// Scans a whole log.
pub fn scan(scanner: &mut TextScanner, cleaned: &Cleaned, map: &Map, place: u32, name: &dyn Fn() -> String) {
    let mut joined = Vec::new();
    join(scanner, &cleaned.text, map, &cleaned.wraps, place, &mut joined);
    cleaned.kept.iter().for_each(|kept| keep(scanner, kept, place));
    let mut state = State::default();
    scanner.worker.scan(&cleaned.text, &mut state);
    let view = View { map, joined: &joined };
    scanner.emit_seen(&cleaned.text, &state, (place, name), &[], &[], Some(view));
}

/// Looks for what only a control sequence told from the word beside it: tokens of a known form.
pub fn keep(scanner: &mut TextScanner, kept: &Kept, place: u32) {
    let rules = scanner.engine.rules().rules();
    let mut state = State::default();
    scanner.worker.scan(&kept.text, &mut state);
    let mut found = detect::standing(state.candidates(), rules);
    found.retain(|candidate| {
        let rule = &rules[candidate.rule as usize];
        candidate.log_odds > 0.0 && !rule.part_only && !is_weak(rule)
    });
    if found.is_empty() {
        return;
    }
    scanner.worker.scan(&kept.plain, &mut state);
    let plain = detect::standing(state.candidates(), rules);
    for candidate in found {
        let secret = &kept.text[candidate.secret()];
        // A longer value in the plain line may be this one and the word beside it: both are told.
        if plain.iter().any(|other| other.rule == candidate.rule && &kept.plain[other.secret()] == secret) {
            continue;
        }
        let view = View { map: &kept.map, joined: &[] };
        let mut seen = scanner.seen_in_log(&kept.text, candidate.secret(), place, &[], view);
        seen.trail = &[];
        scanner.record(&kept.text, &candidate, seen);
    }
}

/// Looks at lines that may be one as one, and keeps what stands across their ends.
pub fn join(scanner: &mut TextScanner, text: &[u8], map: &Map, wraps: &[Wrap], place: u32, joined: &mut Vec<Joined>) {
    for wrap in wraps {
        let lines = wrap.lines.iter().map(|line| Some(map.relative(line.start)?..map.relative(line.end)?));
        let Some(lines) = lines.collect::<Option<Vec<_>>>() else { continue };
        if lines.iter().any(|line| line.end > text.len()) {
            continue;
        }
        for (choice, is_sure) in wrap.choices() {
            join_lines(scanner, text, map, &lines[choice], is_sure, place, joined);
        }
    }
}

fn join_lines(
    scanner: &mut TextScanner,
    text: &[u8],
    map: &Map,
    lines: &[Range<usize>],
    is_sure: bool,
    place: u32,
    joined: &mut Vec<Joined>,
) {
    let whole: Vec<u8> = lines.iter().flat_map(|line| &text[line.clone()]).copied().collect();
    let mut state = State::default();
    scanner.worker.scan(&whole, &mut state);
    if state.candidates().is_empty() {
        return;
    }
    let rules = scanner.engine.rules().rules();
    for candidate in detect::standing(state.candidates(), rules) {
        let rule = &rules[candidate.rule as usize];
        let secret = candidate.secret();
        let is_known = !is_weak(rule) && candidate.log_odds > 0.0;
        if rule.part_only || !(is_sure || is_known) || !crosses(lines, &secret) {
            continue;
        }
        let (start, end) = (back(lines, secret.start), back(lines, secret.end - 1) + 1);
        let (low, high) = (map.absolute(start), map.absolute(end));
        if joined.iter().rev().take(64).any(|known| known.start < high && low < known.end) {
            continue;
        }
        let view = View { map, joined: &[] };
        let log = Some(view.place(scanner, start));
        let seen =
            Seen { place, position: view.position(text, start..end), parts: &[], trail: &["wrapped-lines"], log };
        let here = Candidate { start: start as u32, end: end as u32, ..candidate };
        let sighting = scanner.sighting(text, &here, start..end, seen);
        let key = candidate.key().map_or(&[][..], |key| &whole[key]);
        let evidence = || judge::explain(&whole, rule, &candidate);
        scanner.findings.add(candidate.rule, rule, key, &whole[secret], sighting, evidence);
        joined.push(Joined { start: low, end: high, rule: candidate.rule });
    }
}

/// Whether a span of the joined lines goes from the first to the last of them.
fn crosses(lines: &[Range<usize>], span: &Range<usize>) -> bool {
    let Some((last, before)) = lines.split_last() else { return false };
    let len: usize = before.iter().map(|line| line.len()).sum();
    span.start < lines[0].len() && span.end > len && !last.is_empty()
}

/// From an offset in the joined lines to one in the text.
fn back(lines: &[Range<usize>], mut at: usize) -> usize {
    for line in lines {
        if at < line.len() {
            return line.start + at;
        }
        at -= line.len();
    }
    lines.last().map_or(0, |line| line.end)
}
