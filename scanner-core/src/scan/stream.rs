//! Scans a text of any length in blocks: the findings of a scan of the whole, in the memory of a few blocks.
//!
//! Candidates stand once nothing to come can overlap them, and are recorded once nothing to come can be a part of them
//! and their line is read as far as a mark is looked for.

use super::collect::Findings;
use super::logs::{self, Joined, View};
use super::own::Windows;
use super::position::{Cursor, MAX_LINE};
use super::text::{Part, Seen, TextScanner};
use crate::decode::log::{self, Cleaned, LogReader};
use crate::decode::{WIDE_SAMPLE, WideDecoder};
use crate::detect::{self, Candidate, Counts, Hidden, Settled, Sliding};
use crate::finding::Position;
use crate::rule::Rule;
use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::Arc;

/// Bytes read at a time.
pub const BLOCK: usize = 4 << 20;

/// Bytes that tell what a text is.
const SAMPLE: usize = if WIDE_SAMPLE > log::SAMPLE { WIDE_SAMPLE } else { log::SAMPLE };

// A pipeline fits into one block, so that it is looked at as a whole.
const _: () = assert!(crate::ci::MAX_PIPELINE <= BLOCK);

/// Scans what `reader` gives, to its end or its first error; returns the bytes read. `progress` is told of each block.
pub fn scan(
    scanner: &mut TextScanner,
    reader: &mut dyn Read,
    block: usize,
    place: u32,
    name: &dyn Fn() -> String,
    progress: &dyn Fn(u64),
) -> io::Result<u64> {
    let mut start = Vec::new();
    let first = block.max(SAMPLE);
    let mut outcome = fill(reader, first, &mut start);
    let mut total = start.len() as u64;
    progress(total);
    if start.len() < first {
        // What fits into one block is a text like any other: a pipeline on standard input is one, too.
        let known = scanner.warnings.len();
        scanner.scan(&start, place, name);
        let is_cut = scanner.warnings[known..].iter().any(|warning| warning.code == "limit-matches");
        if !is_cut || !scanner.findings.is_endless() {
            return outcome.map(|_| total);
        }
        // What may never end has another bound: one secret over and over must not hide the next one.
        scanner.warnings.truncate(known);
        scanner.findings = Findings::endless();
    }
    let mut stream = Stream::new(scanner, place);
    let mut input = Input::of(&start);
    if let Input::Wide(decoder) = &input {
        stream.trail.push(decoder.encoding());
    }
    let mut ended = false;
    let mut raw = start;
    stream.append(&mut raw, &mut input, false);
    stream.advance(false);
    while !ended {
        let read = match &input {
            Input::Plain => fill(reader, block, &mut stream.sliding.text),
            _ => {
                raw.clear();
                let read = fill(reader, block, &mut raw);
                let is_last = !matches!(read, Ok(count) if count == block);
                stream.append(&mut raw, &mut input, is_last);
                read
            }
        };
        let count = *read.as_ref().unwrap_or(&0);
        ended = count < block;
        outcome = read;
        stream.advance(ended);
        total += count as u64;
        progress(count as u64);
    }
    stream.advance(true);
    stream.search_rest(name);
    stream.announce(name);
    outcome.map(|_| total)
}

/// What a text is made plain by.
enum Input {
    Plain,
    Wide(WideDecoder),
    /// The reader is the stream's: its map is needed with the text.
    Log,
}

impl Input {
    fn of(start: &[u8]) -> Input {
        match WideDecoder::new(&start[..start.len().min(WIDE_SAMPLE)]) {
            Some(decoder) => Input::Wide(decoder),
            None if LogReader::new(start).is_some() => Input::Log,
            None => Input::Plain,
        }
    }
}

/// Appends up to `block` bytes; fewer at the end only.
fn fill(reader: &mut dyn Read, block: usize, text: &mut Vec<u8>) -> io::Result<usize> {
    reader.take(block as u64).read_to_end(text)
}

fn append_wide(decoder: &mut WideDecoder, raw: &[u8], ended: bool, text: &mut Vec<u8>) {
    let mut plain = String::new();
    decoder.decode(raw, ended, &mut plain);
    text.extend_from_slice(plain.as_bytes());
}

/// One text on its way through.
struct Stream<'s, 'e> {
    scanner: &'s mut TextScanner<'e>,
    place: u32,
    trail: Vec<&'static str>,
    sliding: Sliding,
    cursor: Cursor,
    /// Candidates that stand, by place; the first `recorded` were recorded and may still be a part of others.
    standing: Vec<Candidate>,
    positions: Vec<Position>,
    recorded: usize,
    /// Decoded candidates that stand and are not recorded yet, by place.
    hidden: VecDeque<(Hidden, Position)>,
    counts: Counts,
    longest_part: usize,
    /// Searches of the user's own rules, and how much of the window's text they were given.
    windows: Option<Windows>,
    searched: usize,
    /// What cleans the text, when it is a log, and the values that were put together.
    log: Option<LogReader>,
    joined: Vec<Joined>,
}

impl<'s, 'e> Stream<'s, 'e> {
    fn new(scanner: &'s mut TextScanner<'e>, place: u32) -> Stream<'s, 'e> {
        let parts = scanner.engine.rules().rules().iter().flat_map(|rule| &rule.parts);
        let longest_part = parts.map(|part| part.within as usize).max().unwrap_or(0);
        let windows = Windows::new(scanner);
        Stream {
            scanner,
            place,
            trail: Vec::new(),
            sliding: Sliding::default(),
            cursor: Cursor::new(),
            standing: Vec::new(),
            positions: Vec::new(),
            recorded: 0,
            hidden: VecDeque::new(),
            counts: Counts::default(),
            longest_part,
            windows,
            searched: 0,
            log: None,
            joined: Vec::new(),
        }
    }

    /// Appends what a block holds; a plain one is taken as it is.
    fn append(&mut self, raw: &mut Vec<u8>, input: &mut Input, ended: bool) {
        match input {
            Input::Plain => self.sliding.text = std::mem::take(raw),
            Input::Wide(decoder) => append_wide(decoder, raw, ended, &mut self.sliding.text),
            Input::Log => self.append_log(raw, ended),
        }
    }

    fn append_log(&mut self, raw: &[u8], ended: bool) {
        let reader = self.log.take().or_else(|| LogReader::new(raw));
        let Some(mut reader) = reader else { return };
        let mut cleaned = Cleaned { text: std::mem::take(&mut self.sliding.text), ..Cleaned::default() };
        reader.read(raw, ended, &mut cleaned);
        self.sliding.text = cleaned.text;
        logs::join(self.scanner, &self.sliding.text, &reader.map, &cleaned.wraps, self.place, &mut self.joined);
        cleaned.kept.iter().for_each(|kept| logs::keep(self.scanner, kept, self.place));
        self.log = Some(reader);
        // Rules of one's own see the log as it is.
        if let Some(windows) = &mut self.windows {
            windows.append(self.scanner, raw, self.place, &self.trail);
        }
    }

    /// Scans what was appended and records what is certain.
    fn advance(&mut self, ended: bool) {
        let rules: &'e [Arc<Rule>] = self.scanner.engine.rules().rules();
        self.search();
        self.sliding.advance(&mut self.scanner.worker, ended);
        let horizon = self.sliding.horizon(&self.scanner.worker, ended);
        let settled = self.sliding.settle(rules, horizon, ended);
        self.place_settled(settled);
        let certain = self.sliding.first_waiting().unwrap_or(usize::MAX).min(horizon);
        while let Some(candidate) = self.standing.get(self.recorded).copied() {
            let is_certain = candidate.end as usize + self.longest_part < certain
                && candidate.start as usize + MAX_LINE <= self.sliding.text.len();
            if !ended && !is_certain {
                break;
            }
            self.record(&candidate, rules);
            self.recorded += 1;
        }
        while let Some((hidden, _)) = self.hidden.front() {
            if !ended && hidden.end as usize + MAX_LINE > self.sliding.text.len() {
                break;
            }
            let (hidden, position) = self.hidden.pop_front().expect("there is a first one");
            if self.admits(hidden.decoded.rule, true) {
                let seen = match &self.log {
                    Some(log) => {
                        let view = View { map: &log.map, joined: &self.joined };
                        self.scanner.seen_in_log(&self.sliding.text, hidden.span(), self.place, &[], view)
                    }
                    None => Seen { place: self.place, position, parts: &[], trail: &self.trail, log: None },
                };
                self.scanner.record_hidden(&self.sliding.text, &hidden, seen);
            }
        }
        self.scanner.tell();
        self.release(certain);
    }

    /// Whether one more match of a rule is kept. A text without end has another bound: it must not grow deaf.
    fn admits(&mut self, rule: u16, is_hidden: bool) -> bool {
        self.scanner.findings.is_endless() || self.counts.admits(rule, is_hidden)
    }

    fn search(&mut self) {
        let Some(windows) = self.windows.as_mut().filter(|_| self.log.is_none()) else { return };
        let new = &self.sliding.text[self.searched..];
        windows.append(self.scanner, new, self.place, &self.trail);
        self.searched = self.sliding.text.len();
    }

    fn search_rest(&mut self, name: &dyn Fn() -> String) {
        if let Some(windows) = self.windows.take() {
            windows.finish(self.scanner, name, self.place, &self.trail);
        }
    }

    /// Lines and columns of what is settled, walking the text once.
    fn place_settled(&mut self, settled: Settled) {
        let Settled { candidates, hidden } = settled;
        let mut hidden = hidden.into_iter().peekable();
        let text = &self.sliding.text;
        let view = self.log.as_ref().map(|log| View { map: &log.map, joined: &[] });
        let position = |cursor: &mut Cursor, span| match view {
            Some(view) => view.position(text, span),
            None => cursor.position(text, span),
        };
        let mut place_hidden = |bound: u32, cursor: &mut Cursor| {
            while let Some(next) = hidden.next_if(|hidden| hidden.start < bound) {
                let position = position(cursor, next.span());
                self.hidden.push_back((next, position));
            }
        };
        for candidate in candidates {
            place_hidden(candidate.start, &mut self.cursor);
            self.positions.push(position(&mut self.cursor, candidate.secret()));
            self.standing.push(candidate);
        }
        place_hidden(u32::MAX, &mut self.cursor);
    }

    fn record(&mut self, candidate: &Candidate, rules: &[Arc<Rule>]) {
        if rules[candidate.rule as usize].part_only {
            return;
        }
        if !self.admits(candidate.rule, false) {
            return;
        }
        let view = self.log.as_ref().map(|log| View { map: &log.map, joined: &self.joined });
        if view.is_some_and(|view| view.hides(candidate, &rules[candidate.rule as usize])) {
            return;
        }
        let position_of = |part: &Candidate| {
            let first = self.standing.partition_point(|other| other.start < part.start);
            // A vaulted value may begin at the same place.
            let own = self.standing[first..].iter().position(|other| other.rule == part.rule).unwrap_or(0);
            Part::of(part, &self.sliding.text, self.positions[first + own])
        };
        let parts = detect::find_parts(self.recorded, &self.standing, rules);
        let parts: Vec<Part> = parts.iter().map(position_of).collect();
        let seen = match view {
            Some(view) => self.scanner.seen_in_log(&self.sliding.text, candidate.secret(), self.place, &parts, view),
            None => {
                let position = self.positions[self.recorded];
                Seen { place: self.place, position, parts: &parts, trail: &self.trail, log: None }
            }
        };
        self.scanner.record(&self.sliding.text, candidate, seen);
    }

    /// Forgets candidates that can be no part of another any more, and the text before all that is needed.
    fn release(&mut self, certain: usize) {
        let unrecorded = self.standing.get(self.recorded).map_or(usize::MAX, |candidate| candidate.start as usize);
        let unrecorded = self.hidden.front().map_or(unrecorded, |(hidden, _)| unrecorded.min(hidden.start as usize));
        let earliest = certain.min(unrecorded);
        let recorded = &self.standing[..self.recorded];
        let is_passed = |other: &&Candidate| other.end as usize + self.longest_part < earliest;
        let passed = recorded.iter().take_while(is_passed).count();
        self.standing.drain(..passed);
        self.positions.drain(..passed);
        self.recorded -= passed;
        let needed = self.standing.first().map_or(earliest, |candidate| earliest.min(candidate.start as usize));
        // Lines are counted up to where the text may be cut.
        let cut = needed.min(self.sliding.text.len());
        let behind = cut.saturating_sub(detect::LOOK_BEHIND);
        match &mut self.log {
            Some(log) => log.map.forget_before(&self.sliding.text, behind),
            None => self.cursor.advance(&self.sliding.text, behind),
        }
        let moved = self.sliding.release(needed);
        if moved > 0 {
            self.searched = self.searched.saturating_sub(moved);
            match &mut self.log {
                Some(log) => {
                    log.map.release(moved);
                    let start = log.map.absolute(0);
                    self.joined.retain(|joined| !joined.is_before(start));
                }
                None => self.cursor.forget(moved),
            }
            self.standing.iter_mut().for_each(|candidate| candidate.shift_back(moved as u32));
            self.hidden.iter_mut().for_each(|(hidden, _)| hidden.shift_back(moved as u32));
        }
    }

    fn announce(&mut self, name: &dyn Fn() -> String) {
        let mut cuts = self.sliding.cuts().to_vec();
        cuts.sort_unstable();
        cuts.dedup();
        cuts.into_iter().for_each(|cut| self.scanner.announce_undecoded(cut, name));
        self.counts.cut().for_each(|(rule, more)| self.scanner.announce_cut(rule, more, name));
    }
}
