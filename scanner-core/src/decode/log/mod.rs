//! Logs of pipelines, seen through: timestamps and job names before each line, terminal colours, carriage returns,
//! messages in JSON. What is left reads as the program printed it, and every byte knows where it stood.
//!
//! A log is told from its first kilobyte; nothing else pays for it.

mod format;
mod json;
mod line;
mod map;
mod place;
mod prefix;
mod wrap;

pub use map::Map;
pub use place::LogPlace;
pub use wrap::Wrap;

use format::Format;
use json::Messages;
use line::Line;
use std::collections::HashSet;
use std::sync::Arc;

/// Bytes of a log's beginning that tell what it is.
pub const SAMPLE: usize = 1_024;
/// A longer line is taken in pieces of this length.
const LONGEST_LINE: usize = 256 << 10;

/// What a log was cleaned to.
#[derive(Debug, Default)]
pub struct Cleaned {
    /// The text as the program printed it.
    pub text: Vec<u8>,
    /// Lines that may be one line which the log's width broke, by place.
    pub wraps: Vec<Wrap>,
    /// Lines in which words touch that only a control sequence kept apart.
    pub kept: Vec<Kept>,
}

/// A line with its control sequences, so that what they kept apart is seen, too.
#[derive(Debug)]
pub struct Kept {
    /// The line as it stands in the log.
    pub text: Vec<u8>,
    /// The same without control sequences.
    pub plain: Vec<u8>,
    /// From places in `text` to places in the log.
    pub map: Map,
}

/// Names before lines that are told from other text by being there again.
const MOST_NAMES: usize = 1_024;

/// Reads a log as it arrives.
#[derive(Debug)]
pub struct LogReader {
    format: Format,
    /// A line whose end has not come yet.
    rest: Vec<u8>,
    /// Where `rest` begins in the log.
    line: u32,
    column: u32,
    messages: Messages,
    wrapper: wrap::Wrapper,
    /// Whether something was written, so that the next line begins with a line break.
    has_begun: bool,
    /// The next line goes on where the last one was cut.
    goes_on: bool,
    /// Names that stood before lines: one that comes for the first time stays, it may be anything.
    names: HashSet<Vec<u8>>,
    /// From places in the cleaned text to places in the log.
    pub map: Map,
}

impl LogReader {
    /// A reader when the text that begins with `start` is a log.
    pub fn new(start: &[u8]) -> Option<LogReader> {
        let format = format::of(&start[..start.len().min(SAMPLE)])?;
        Some(LogReader {
            format,
            rest: Vec::new(),
            line: 1,
            column: 1,
            messages: Messages::default(),
            wrapper: wrap::Wrapper::default(),
            has_begun: false,
            goes_on: false,
            names: HashSet::new(),
            map: Map::default(),
        })
    }

    /// Appends what `block` holds to `out`, whose text begins where the map's does; `ended` says that it is the last one.
    pub fn read(&mut self, block: &[u8], ended: bool, out: &mut Cleaned) {
        if self.format == Format::Messages {
            let mut messages = std::mem::take(&mut self.messages);
            messages.read(block, &mut |line, has_ended| self.take(line, has_ended, out));
            if ended {
                messages.finish(&mut |line, has_ended| self.take(line, has_ended, out));
            }
            self.messages = messages;
        } else {
            self.read_lines(block, ended, out);
        }
        if ended {
            out.wraps.extend(self.wrapper.finish());
        }
    }

    fn read_lines(&mut self, block: &[u8], ended: bool, out: &mut Cleaned) {
        let mut block = block;
        while let Some(newline) = memchr::memchr(b'\n', block) {
            let (line, rest) = block.split_at(newline);
            block = &rest[1..];
            if self.rest.is_empty() {
                self.take_raw(line, true, out);
            } else {
                let mut whole = std::mem::take(&mut self.rest);
                whole.extend_from_slice(line);
                self.take_raw(&whole, true, out);
            }
        }
        self.rest.extend_from_slice(block);
        while self.rest.len() > LONGEST_LINE {
            let tail = self.rest.split_off(LONGEST_LINE);
            let piece = std::mem::replace(&mut self.rest, tail);
            self.take_raw(&piece, false, out);
        }
        if ended && !self.rest.is_empty() {
            let last = std::mem::take(&mut self.rest);
            self.take_raw(&last, false, out);
        }
    }

    /// Takes a line of the log, or a piece of one.
    fn take_raw(&mut self, raw: &[u8], has_ended: bool, out: &mut Cleaned) {
        self.take(Line::raw(raw, self.line, self.column), has_ended, out);
        match has_ended {
            true => (self.line, self.column) = (self.line.saturating_add(1), 1),
            false => self.column = self.column.saturating_add(map::characters(raw) as u32),
        }
    }

    /// Cleans a line and writes it, in parts where carriage returns divide it.
    fn take(&mut self, line: Line, has_ended: bool, out: &mut Cleaned) {
        let is_beginning = self.column == 1 || self.format == Format::Messages;
        let kept = line.joins_words().then(|| line.clone());
        let line = line.without_controls();
        let bytes = line.bytes();
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        let mut start = 0;
        for part in bytes.split(|byte| *byte == b'\r') {
            let end = start + part.len();
            let prefix = match is_beginning && start == 0 {
                true => prefix::of(part, self.format),
                false => prefix::Prefix::default(),
            };
            if part.len() > prefix.len || start == 0 {
                self.write(&line, start, start + prefix.len..end, &prefix, out);
            }
            start = end + 1;
        }
        if let Some(kept) = kept {
            out.kept.push(self.keep(&kept, &line));
        }
        if !has_ended {
            // More of the same line comes without a break.
            self.goes_on = true;
        }
    }

    fn keep(&self, kept: &Line, line: &Line) -> Kept {
        let mut map = Map::default();
        map.enter(0, self.map.current().cloned().unwrap_or_default());
        kept.runs_in(&(0..kept.bytes().len())).for_each(|(at, row, column)| map.push(at, row, column));
        Kept { text: kept.bytes().to_vec(), plain: line.bytes().to_vec(), map }
    }

    /// Whether a name stands before a line that stood before another one.
    fn is_known(&mut self, prefix: &[u8]) -> bool {
        let name = match self.format {
            Format::Tabs => prefix.iter().rposition(|byte| *byte == b'\t').map_or(prefix, |tab| &prefix[..tab]),
            Format::Named => &prefix[..prefix::name(prefix)],
            _ => return true,
        };
        name.is_empty()
            || self.names.contains(name)
            || (self.names.len() < MOST_NAMES && !self.names.insert(name.to_vec()))
    }

    fn write(
        &mut self,
        line: &Line,
        start: usize,
        content: std::ops::Range<usize>,
        prefix: &prefix::Prefix,
        out: &mut Cleaned,
    ) {
        let joined = std::mem::take(&mut self.goes_on) || prefix.goes_on;
        self.goes_on = prefix.is_cut;
        if self.has_begun && !joined {
            out.text.push(b'\n');
        }
        self.has_begun = true;
        let before = &line.bytes()[start..content.start];
        let width = content.end - start;
        place::follow(&mut self.map, self.format, before, &line.bytes()[content.clone()], out.text.len());
        let content = if self.is_known(before) { content } else { start..content.end };
        let text = &line.bytes()[content.clone()];
        let at = out.text.len();
        line.runs_in(&content).for_each(|(offset, row, column)| self.map.push(at + offset, row, column));
        out.text.extend_from_slice(text);
        out.wraps.extend(self.wrapper.next(text, self.map.absolute(at), width, joined));
    }
}

/// A log that is here as a whole; `None` when the text is none.
pub fn clean(bytes: &[u8]) -> Option<(Cleaned, Map)> {
    let mut reader = LogReader::new(bytes)?;
    let mut out = Cleaned { text: Vec::with_capacity(bytes.len()), ..Cleaned::default() };
    reader.read(bytes, true, &mut out);
    Some((out, reader.map))
}

/// A name shared by many places.
pub type Name = Arc<str>;
