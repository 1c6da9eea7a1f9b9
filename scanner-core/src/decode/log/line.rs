//! One line of a log whose bytes know their places while pieces are cut out of it.

use super::map::characters;
use std::borrow::Cow;
use std::ops::Range;

const ESCAPE: u8 = 0x1b;

/// Where a run of bytes stood in the log.
#[derive(Clone, Copy, Debug)]
struct Run {
    at: usize,
    row: u32,
    column: u32,
}

/// A line, or a piece of one.
#[derive(Clone, Debug)]
pub struct Line<'a> {
    bytes: Cow<'a, [u8]>,
    runs: Vec<Run>,
}

impl<'a> Line<'a> {
    /// Bytes as they stand in the log from `row` and `column` on.
    pub fn raw(bytes: &'a [u8], row: u32, column: u32) -> Line<'a> {
        Line { bytes: Cow::Borrowed(bytes), runs: vec![Run { at: 0, row, column }] }
    }

    /// Nothing, to be added to.
    pub fn empty() -> Line<'a> {
        Line { bytes: Cow::Owned(Vec::new()), runs: Vec::new() }
    }

    /// Adds bytes that stand at `row` and `column`; `follows` says that they stand right after those added before.
    pub fn add(&mut self, bytes: &[u8], row: u32, column: u32, follows: bool) {
        if !follows || self.runs.is_empty() {
            self.runs.push(Run { at: self.bytes.len(), row, column });
        }
        self.bytes.to_mut().extend_from_slice(bytes);
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The runs of `range`: the offset in it, and where that stood.
    pub fn runs_in(&self, range: &Range<usize>) -> impl Iterator<Item = (usize, u32, u32)> + '_ {
        let range = range.clone();
        let first = self.runs.partition_point(|run| run.at <= range.start).saturating_sub(1);
        self.runs[first..].iter().take_while(move |run| run.at < range.end || run.at <= range.start).map(move |run| {
            let skipped = range.start.saturating_sub(run.at);
            let passed = characters(&self.bytes[run.at..run.at + skipped]) as u32;
            (run.at.saturating_sub(range.start), run.row, run.column + passed)
        })
    }

    /// Whether words touch once control sequences are taken away.
    pub fn joins_words(&self) -> bool {
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let mut from = 0;
        memchr::memchr_iter(ESCAPE, &self.bytes).any(|escape| {
            let len = sequence(&self.bytes[escape..]);
            if len == 0 || escape < from {
                return false;
            }
            // Sequences in a row are one.
            let mut end = escape + len;
            while let Some(more) = self.bytes.get(end..).map(sequence).filter(|more| *more > 0) {
                end += more;
            }
            from = end;
            self.bytes[..escape].last().is_some_and(is_word) && self.bytes.get(end).is_some_and(is_word)
        })
    }

    /// The same without the sequences that move a terminal's cursor or colour its text.
    pub fn without_controls(self) -> Line<'a> {
        if memchr::memchr(ESCAPE, &self.bytes).is_none() {
            return self;
        }
        let mut out = Line::empty();
        let (mut from, mut run) = (0, 0);
        let (mut column_at, mut column) = (0, self.runs.first().map_or(1, |run| run.column));
        let bytes = &self.bytes;
        // Copies `from..to`, run by run, columns counted once.
        let mut copy = |range: Range<usize>, out: &mut Line<'a>| {
            let mut at = range.start;
            while at < range.end {
                while self.runs.get(run + 1).is_some_and(|next| next.at <= at) {
                    run += 1;
                    (column_at, column) = (self.runs[run].at, self.runs[run].column);
                }
                column += characters(&bytes[column_at..at]) as u32;
                column_at = at;
                let end = self.runs.get(run + 1).map_or(range.end, |next| next.at.min(range.end));
                let row = self.runs.get(run).map_or(1, |run| run.row);
                out.add(&bytes[at..end], row, column, false);
                at = end;
            }
        };
        for escape in memchr::memchr_iter(ESCAPE, bytes) {
            let len = sequence(&bytes[escape..]);
            if len > 0 && escape >= from {
                copy(from..escape, &mut out);
                from = escape + len;
            }
        }
        copy(from..bytes.len(), &mut out);
        out
    }
}

/// The length of the control sequence that `bytes` begin with; 0 for one that is kept.
///
/// What a terminal takes as a title or a link was printed, too, and stays; so does what only looks like a sequence.
fn sequence(bytes: &[u8]) -> usize {
    if bytes.first() != Some(&ESCAPE) {
        return 0;
    }
    match bytes.get(1) {
        Some(b'[') => {
            let parameters = bytes[2..].iter().take(32).take_while(|byte| matches!(byte, 0x20..=0x3f)).count();
            let is_known = match bytes.get(2 + parameters) {
                // Colours and erasing do without numbers.
                Some(b'm' | b'K' | b'J' | b'H') => true,
                Some(0x40..=0x7e) => parameters > 0,
                _ => false,
            };
            if is_known { 2 + parameters + 1 } else { 0 }
        }
        // Buildkite's time of a line.
        Some(b'_') if bytes.starts_with(b"\x1b_bk;") => {
            let body = &bytes[..bytes.len().min(64)];
            memchr::memchr(0x07, body).map_or(0, |end| end + 1)
        }
        _ => 0,
    }
}
