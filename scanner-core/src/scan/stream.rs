//! Scans a text of any length in blocks: the findings of a scan of the whole, in the memory of a few blocks.
//!
//! Candidates stand once nothing to come can overlap them, and are recorded once nothing to come can be a part of them
//! and their line is read as far as a mark is looked for.

use super::own::Windows;
use super::position::{Cursor, MAX_LINE};
use super::text::{Seen, TextScanner};
use crate::decode::{WIDE_SAMPLE, WideDecoder};
use crate::detect::{self, Candidate, Counts, Hidden, Settled, Sliding};
use crate::finding::Position;
use crate::rule::Rule;
use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::Arc;

/// Bytes read at a time.
pub const BLOCK: usize = 4 << 20;

/// Scans what `reader` gives, to its end or its first error; returns the bytes read. `progress` is told of each block.
pub fn scan(
    scanner: &mut TextScanner,
    reader: &mut dyn Read,
    block: usize,
    place: u32,
    name: &dyn Fn() -> String,
    progress: &dyn Fn(u64),
) -> io::Result<u64> {
    let mut stream = Stream::new(scanner, place);
    let mut start = Vec::new();
    let mut outcome = fill(reader, WIDE_SAMPLE, &mut start);
    let mut decoder = WideDecoder::new(&start);
    stream.trail.extend(decoder.as_ref().map(WideDecoder::encoding));
    let mut total = start.len() as u64;
    let mut ended = start.len() < WIDE_SAMPLE;
    let mut raw = Vec::new();
    stream.append(&start, decoder.as_mut(), ended);
    while !ended {
        let read = match &mut decoder {
            None => fill(reader, block, &mut stream.sliding.text),
            Some(decoder) => {
                raw.clear();
                let read = fill(reader, block, &mut raw);
                let is_last = !matches!(read, Ok(count) if count == block);
                append_wide(decoder, &raw, is_last, &mut stream.sliding.text);
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
    progress((start.len()) as u64);
    stream.advance(true);
    stream.search_rest(name);
    stream.announce(name);
    outcome.map(|_| total)
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
        }
    }

    fn append(&mut self, bytes: &[u8], decoder: Option<&mut WideDecoder>, ended: bool) {
        match decoder {
            Some(decoder) => append_wide(decoder, bytes, ended, &mut self.sliding.text),
            None => self.sliding.text.extend_from_slice(bytes),
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
            if self.counts.admits(hidden.decoded.rule, true) {
                let seen = Seen { place: self.place, position, parts: &[], trail: &self.trail };
                self.scanner.record_hidden(&self.sliding.text, &hidden, seen);
            }
        }
        self.release(certain);
    }

    fn search(&mut self) {
        let Some(windows) = &mut self.windows else { return };
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
        let mut place_hidden = |bound: u32, cursor: &mut Cursor| {
            while let Some(next) = hidden.next_if(|hidden| hidden.start < bound) {
                let position = cursor.position(text, next.span());
                self.hidden.push_back((next, position));
            }
        };
        for candidate in candidates {
            place_hidden(candidate.start, &mut self.cursor);
            self.positions.push(self.cursor.position(text, candidate.secret()));
            self.standing.push(candidate);
        }
        place_hidden(u32::MAX, &mut self.cursor);
    }

    fn record(&mut self, candidate: &Candidate, rules: &[Arc<Rule>]) {
        if rules[candidate.rule as usize].part_only {
            return;
        }
        if !self.counts.admits(candidate.rule, false) {
            return;
        }
        let position_of = |part: &Candidate| {
            let index = self.standing.partition_point(|other| other.start < part.start);
            (part.rule, self.positions[index])
        };
        let parts = detect::find_parts(self.recorded, &self.standing, rules);
        let parts: Vec<(u16, Position)> = parts.iter().map(position_of).collect();
        let position = self.positions[self.recorded];
        let seen = Seen { place: self.place, position, parts: &parts, trail: &self.trail };
        self.scanner.record(&self.sliding.text, candidate, seen);
    }

    /// Forgets candidates that can be no part of another any more, and the text before all that is needed.
    fn release(&mut self, certain: usize) {
        let unrecorded = self.standing.get(self.recorded).map_or(usize::MAX, |candidate| candidate.start as usize);
        let unrecorded = self.hidden.front().map_or(unrecorded, |(hidden, _)| unrecorded.min(hidden.start as usize));
        let earliest = certain.min(unrecorded);
        let recorded = &self.standing[..self.recorded];
        let passed = recorded.partition_point(|other| other.end as usize + self.longest_part < earliest);
        self.standing.drain(..passed);
        self.positions.drain(..passed);
        self.recorded -= passed;
        let needed = self.standing.first().map_or(earliest, |candidate| earliest.min(candidate.start as usize));
        // Lines are counted up to where the text may be cut.
        let cut = needed.min(self.sliding.text.len());
        self.cursor.advance(&self.sliding.text, cut.saturating_sub(detect::LOOK_BEHIND));
        let moved = self.sliding.release(needed);
        if moved > 0 {
            self.searched = self.searched.saturating_sub(moved);
            self.cursor.forget(moved);
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
