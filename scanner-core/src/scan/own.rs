//! Runs the searches of rules of one's own over whole texts, and over the windows of a text too long to hold.

use super::judge::Scorer;
use super::position::Cursor;
use super::text::{Part, Seen, TextScanner};
use crate::detect::{Candidate, Judge, MAX_PER_RULE};
use crate::finding::{Confidence, Evidence, Finding, Occurrence, Position};
use crate::rule::{Form, Rule};
use crate::search::Found;
use crate::warning::Warning;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Bytes searched at a time where a text arrives in blocks.
const WINDOW: usize = 16 << 20;
/// Bytes that two windows have in common: the longest match that is certain to be found.
const OVERLAP: usize = 1 << 20;
/// Bytes kept before a window, for what its first matches depend on.
const BEHIND: usize = 64 << 10;

/// Searches one text at `place` and keeps what it finds.
pub fn search(scanner: &mut TextScanner, bytes: &[u8], place: u32, name: &dyn Fn() -> String, trail: &[&'static str]) {
    let Some(searches) = scanner.engine.rules().searches() else { return };
    let of_files: Vec<u16> = searches.of_files().collect();
    let finds = searches.run(bytes);
    let mut counts = Counts::default();
    record(scanner, bytes, &finds.found, &mut counts, &mut Cursor::new(), place, trail);
    finds.cut.iter().for_each(|&(rule, more)| counts.left_out(rule, more));
    if !of_files.is_empty() {
        record_file(scanner, bytes, &of_files, blake3::hash(bytes), place, trail);
    }
    counts.announce(scanner, name);
}

/// How many matches each rule had in one text.
#[derive(Default)]
struct Counts(BTreeMap<u16, usize>);

impl Counts {
    /// Whether one more match is kept.
    fn keeps(&mut self, rule: u16) -> bool {
        let count = self.0.entry(rule).or_default();
        *count += 1;
        *count <= MAX_PER_RULE
    }

    fn left_out(&mut self, rule: u16, more: usize) {
        *self.0.entry(rule).or_default() += more;
    }

    fn announce(&self, scanner: &mut TextScanner, name: &dyn Fn() -> String) {
        for (&rule, &count) in self.0.iter().filter(|(_, count)| **count > MAX_PER_RULE) {
            scanner.announce_cut(rule, count - MAX_PER_RULE, name);
        }
    }
}

/// Keeps matches of one text or window; `cursor` is at or before the first of them.
fn record(
    scanner: &mut TextScanner,
    bytes: &[u8],
    found: &[Found],
    counts: &mut Counts,
    cursor: &mut Cursor,
    place: u32,
    trail: &[&'static str],
) {
    let mut kept: Vec<&Found> = found.iter().filter(|found| counts.keeps(found.rule)).collect();
    kept.sort_by_key(|found| (found.secret.start, found.rule, found.secret.end));
    let positions = positions(bytes, &kept, *cursor);
    for found in kept {
        let candidate = judge(&scanner.engine.rules().rules()[found.rule as usize], bytes, found);
        let part = |(rule, span): &(u16, std::ops::Range<usize>)| {
            let value = bytes.get(span.clone()).unwrap_or_default();
            Part { rule: *rule, position: positions[&(span.start, span.end)], value }
        };
        let parts: Vec<Part> = found.parts.iter().map(part).collect();
        let position = positions[&(found.secret.start, found.secret.end)];
        let seen = Seen { place, position, parts: &parts, trail, log: None };
        let value = &bytes[found.secret.clone()];
        scanner.record_as(bytes, &candidate, value, found.whole.clone(), seen);
    }
}

/// Where secrets and parts stand: one walk through the text, whatever their order.
fn positions(bytes: &[u8], found: &[&Found], mut cursor: Cursor) -> HashMap<(usize, usize), Position> {
    let parts = |found: &&Found| found.parts.iter().map(|(_, span)| (span.start, span.end)).collect::<Vec<_>>();
    let mut spans: Vec<(usize, usize)> = found.iter().flat_map(parts).collect();
    spans.extend(found.iter().map(|found| (found.secret.start, found.secret.end)));
    spans.sort_unstable();
    spans.dedup();
    spans.into_iter().map(|(start, end)| ((start, end), cursor.position(bytes, start..end))).collect()
}

/// The match as a candidate.
pub fn judge(rule: &Rule, bytes: &[u8], found: &Found) -> Candidate {
    let (start, end) = (found.secret.start as u32, found.secret.end as u32);
    let (key_start, key_end, syntax) = (0, 0, None);
    let candidate = Candidate { rule: found.rule, start, end, key_start, key_end, syntax, log_odds: 0.0 };
    let (log_odds, _) = Scorer.judge(bytes, rule, &candidate);
    Candidate { log_odds, ..candidate }
}

/// Keeps a file that is a find by its path alone; its content is known by a hash.
fn record_file(
    scanner: &mut TextScanner,
    bytes: &[u8],
    rules: &[u16],
    content: blake3::Hash,
    place: u32,
    trail: &[&'static str],
) {
    let value = content.to_hex();
    for &rule in rules {
        let found = Found { rule, secret: 0..0, whole: 0..0, parts: Vec::new() };
        let candidate = judge(&scanner.engine.rules().rules()[rule as usize], bytes, &found);
        let position = Position { line: 1, column: 1, end_line: 1, end_column: 1 };
        let seen = Seen { place, position, parts: &[], trail, log: None };
        scanner.record_as(bytes, &candidate, value.as_bytes(), 0..0, seen);
    }
}

/// Searches a text that arrives in blocks, window by window.
pub struct Windows {
    text: Vec<u8>,
    /// Matches before this were kept from the window before.
    from: usize,
    cursor: Cursor,
    counts: Counts,
    content: blake3::Hasher,
    windows: usize,
    of_files: Vec<u16>,
}

impl Windows {
    /// For the rules of `scanner`; `None` when none searches.
    pub fn new(scanner: &TextScanner) -> Option<Windows> {
        let searches = scanner.engine.rules().searches().filter(|searches| !searches.is_empty())?;
        Some(Windows {
            text: Vec::new(),
            from: 0,
            cursor: Cursor::new(),
            counts: Counts::default(),
            content: blake3::Hasher::new(),
            windows: 0,
            of_files: searches.of_files().collect(),
        })
    }

    /// Takes in more text, and searches what is enough of it.
    pub fn append(&mut self, scanner: &mut TextScanner, bytes: &[u8], place: u32, trail: &[&'static str]) {
        if !self.of_files.is_empty() {
            self.content.update(bytes);
        }
        self.text.extend_from_slice(bytes);
        if self.text.len() >= WINDOW {
            self.search(scanner, self.text.len() - OVERLAP, place, trail);
        }
    }

    /// Searches the rest.
    pub fn finish(mut self, scanner: &mut TextScanner, name: &dyn Fn() -> String, place: u32, trail: &[&'static str]) {
        self.search(scanner, usize::MAX, place, trail);
        if !self.of_files.is_empty() {
            let start = &self.text[..0];
            record_file(scanner, start, &self.of_files, self.content.finalize(), place, trail);
        }
        self.counts.announce(scanner, name);
        if self.windows > 1 {
            let message = format!(
                "rules with a `search` were run over windows of {} MiB: they saw no keyword and no required match outside \
                 a window, and may have missed a match longer than {} MiB",
                WINDOW >> 20,
                OVERLAP >> 20
            );
            scanner.warnings.push(Warning::note("search-windows", name(), message));
        }
    }

    /// Keeps matches that begin before `limit`; later ones may go on in what is still to come.
    fn search(&mut self, scanner: &mut TextScanner, limit: usize, place: u32, trail: &[&'static str]) {
        self.windows += 1;
        let Some(searches) = scanner.engine.rules().searches() else { return };
        let mut finds = searches.run(&self.text);
        finds.found.retain(|found| (self.from..limit).contains(&found.whole.start));
        record(scanner, &self.text, &finds.found, &mut self.counts, &mut self.cursor, place, trail);
        finds.cut.iter().for_each(|&(rule, more)| self.counts.left_out(rule, more));
        let kept = limit.min(self.text.len());
        let passed = kept.saturating_sub(BEHIND);
        self.cursor.advance(&self.text, passed);
        self.cursor.forget(passed);
        self.text.drain(..passed);
        self.from = kept - passed;
    }
}

/// One secret is one finding: where a search and a rule of the pack report the same value, the provider's own rule knows
/// it better than the search, and the search better than a rule for values of any kind.
///
/// Only a finding that counts takes the other's place, with as much weight and at all of its places.
pub fn drop_twins(findings: &mut Vec<Finding>) {
    if !findings.iter().any(is_search) {
        return;
    }
    let mut by_value: HashMap<&[u8], Vec<usize>> = HashMap::new();
    for (index, finding) in findings.iter().enumerate() {
        by_value.entry(finding.secret.expose()).or_default().push(index);
    }
    let groups: Vec<Vec<usize>> = by_value.into_values().filter(|group| group.len() > 1).collect();
    let mut dropped = vec![false; findings.len()];
    for group in groups {
        for &own in group.iter().filter(|&&index| is_search(&findings[index])).collect::<Vec<_>>() {
            let is_known_better = |twin: &Finding, own: &Finding| {
                is_known(twin) && twin.confidence.0 >= own.confidence.0 && replaces(twin, own)
            };
            dropped[own] = group.iter().any(|&twin| is_known_better(&findings[twin], &findings[own]));
            for &twin in group.iter().filter(|_| !dropped[own]).collect::<Vec<_>>() {
                if is_generic(&findings[twin]) && replaces(&findings[own], &findings[twin]) {
                    dropped[twin] = true;
                    let confidence = findings[twin].confidence;
                    lift(&mut findings[own], confidence);
                }
            }
        }
    }
    let mut dropped = dropped.into_iter();
    findings.retain(|_| !dropped.next().unwrap_or(false));
}

fn is_search(finding: &Finding) -> bool {
    finding.rule.form.search().is_some()
}

fn is_generic(finding: &Finding) -> bool {
    matches!(finding.rule.form, Form::Assignment)
}

fn is_known(finding: &Finding) -> bool {
    !is_search(finding) && !is_generic(finding)
}

/// Whether `one` counts and says of every place of `other` that it leaks something as severe.
fn replaces(one: &Finding, other: &Finding) -> bool {
    let place = |occurrence: &Occurrence| (occurrence.origin.clone(), occurrence.position);
    let places: BTreeSet<_> = one.occurrences.iter().map(place).collect();
    one.suppression.is_none()
        && other.suppression.is_none()
        && one.rule.severity >= other.rule.severity
        && other.more_occurrences <= one.more_occurrences
        && other.occurrences.iter().all(|occurrence| places.contains(&place(occurrence)))
}

/// What another rule knew of the value counts for this finding, too.
fn lift(finding: &mut Finding, confidence: Confidence) {
    if confidence.0 <= finding.confidence.0 {
        return;
    }
    let log_odds = |confidence: Confidence| (confidence.0 / (1.0 - confidence.0).max(f32::EPSILON)).ln();
    let weight = log_odds(confidence) - log_odds(finding.confidence);
    finding.evidence.push(Evidence { reason: "credential-by-its-name", weight });
    finding.evidence.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()).then(a.reason.cmp(b.reason)));
    finding.confidence = confidence;
}
