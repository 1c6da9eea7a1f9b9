//! Runs the searches of rules of one's own over whole texts, and over the windows of a text too long to hold.

use super::judge::Scorer;
use super::position::Cursor;
use super::text::{Seen, TextScanner};
use crate::detect::{Candidate, Judge, MAX_PER_RULE};
use crate::finding::{Finding, Occurrence, Position};
use crate::rule::Rule;
use crate::search::Found;
use crate::warning::Warning;
use std::collections::{BTreeMap, HashMap};

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
    finds.cut.iter().for_each(|&(rule, more)| counts.left_out(rule, more));
    record(scanner, bytes, &finds.found, &mut counts, &mut Cursor::new(), place, trail);
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
        let Some(candidate) = judged(scanner, bytes, found) else { continue };
        let part = |(rule, span): &(u16, std::ops::Range<usize>)| (*rule, positions[&(span.start, span.end)]);
        let parts: Vec<(u16, Position)> = found.parts.iter().map(part).collect();
        let position = positions[&(found.secret.start, found.secret.end)];
        let seen = Seen { place, position, parts: &parts, trail };
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

/// The match as a candidate; `None` when it is hopeless.
fn judged(scanner: &TextScanner, bytes: &[u8], found: &Found) -> Option<Candidate> {
    let candidate = judge(&scanner.engine.rules().rules()[found.rule as usize], bytes, found);
    Scorer.keeps(candidate.log_odds).then_some(candidate)
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
        let Some(candidate) = judged(scanner, bytes, &found) else { continue };
        let position = Position { line: 1, column: 1, end_line: 1, end_column: 1 };
        let seen = Seen { place, position, parts: &[], trail };
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
        finds.cut.iter().for_each(|&(rule, more)| self.counts.left_out(rule, more));
        finds.found.retain(|found| (self.from..limit).contains(&found.whole.start));
        record(scanner, &self.text, &finds.found, &mut self.counts, &mut self.cursor, place, trail);
        let kept = limit.min(self.text.len());
        let passed = kept.saturating_sub(BEHIND);
        self.cursor.advance(&self.text, passed);
        self.cursor.forget(passed);
        self.text.drain(..passed);
        self.from = kept - passed;
    }
}

/// Drops finds of searches that a rule of the pack reports at the same place with as much weight: one secret is one
/// finding, and the provider's own rule knows it better. One that is suppressed takes nothing away.
pub fn drop_twins(findings: &mut Vec<Finding>) {
    let is_search = |finding: &Finding| finding.rule.form.search().is_some();
    if !findings.iter().any(is_search) {
        return;
    }
    let mut known: HashMap<&[u8], Vec<&Finding>> = HashMap::new();
    for finding in findings.iter().filter(|finding| !is_search(finding) && finding.suppression.is_none()) {
        known.entry(finding.secret.expose()).or_default().push(finding);
    }
    let keep: Vec<bool> = findings
        .iter()
        .map(|finding| {
            let twins = known.get(finding.secret.expose()).map_or(&[][..], Vec::as_slice);
            !is_search(finding) || !twins.iter().any(|twin| says_as_much(twin, finding))
        })
        .collect();
    let mut keep = keep.into_iter();
    findings.retain(|_| keep.next().unwrap_or(true));
}

fn says_as_much(twin: &Finding, finding: &Finding) -> bool {
    let place = |occurrence: &Occurrence| (occurrence.origin.clone(), occurrence.position);
    let places: std::collections::BTreeSet<_> = twin.occurrences.iter().map(place).collect();
    twin.confidence.0 >= finding.confidence.0
        && twin.rule.severity >= finding.rule.severity
        && finding.more_occurrences <= twin.more_occurrences
        && finding.occurrences.iter().all(|occurrence| places.contains(&place(occurrence)))
}
