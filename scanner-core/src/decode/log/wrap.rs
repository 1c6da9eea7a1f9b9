//! Lines that a log's width broke: a word goes on where the next line begins.
//!
//! The cleaned text keeps them apart. What could be one line is looked at as one beside it, so that a wrong guess hides
//! nothing.

use std::ops::Range;

/// Widths at which terminals and loggers break lines.
const WIDTHS: [usize; 24] =
    [72, 76, 78, 79, 80, 96, 100, 110, 118, 119, 120, 128, 130, 132, 140, 150, 158, 159, 160, 200, 240, 255, 256, 512];
/// A broken word has at least so many characters.
const LEAST_WORD: usize = 16;
/// A word with signs of paths and names of files has at least so many.
const LEAST_PATH: usize = 40;
/// Bytes of the first line that matter.
const CONTEXT: usize = 256;
/// Lines taken together.
const MOST: usize = 8;

/// Lines that may be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrap {
    /// The lines in the cleaned text, by absolute offsets.
    pub lines: Vec<Range<u64>>,
    /// For each line but the last, whether it is as long as a line can be there, so that it was broken for sure.
    pub is_full: Vec<bool>,
}

/// The most lines that one value is broken over.
const LONGEST: usize = 4;

impl Wrap {
    /// Neighbours that may be one line, the surest and then the shortest first; whether all of them were broken for sure.
    pub fn choices(&self) -> Vec<(Range<usize>, bool)> {
        let mut choices = Vec::new();
        for len in 2..=self.lines.len().min(LONGEST) {
            for start in 0..=self.lines.len() - len {
                choices.push((start..start + len, self.is_full[start..start + len - 1].iter().all(|full| *full)));
            }
        }
        // Of sure ones the longest: a shorter one is a part of it.
        choices.sort_by_key(|(lines, is_sure)| match is_sure {
            true => (0, usize::MAX - lines.len(), lines.start),
            false => (1, lines.len(), lines.start),
        });
        choices
    }
}

/// Finds them line by line.
#[derive(Debug, Default)]
pub struct Wrapper {
    /// The line before: where its end stands, its last word, how wide it was.
    last: Option<Last>,
    open: Option<Wrap>,
}

#[derive(Debug)]
struct Last {
    span: Range<u64>,
    tail: Vec<u8>,
    width: usize,
    len: usize,
}

fn is_word(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+' | b'=' | b'/' | b'.' | b'~')
}

impl Wrapper {
    /// Takes the next line, `at` in the cleaned text and `width` bytes wide with what stands before it; returns lines
    /// that this one does not go on.
    pub fn next(&mut self, text: &[u8], at: u64, width: usize, joined: bool) -> Option<Wrap> {
        let span = at..at + text.len() as u64;
        let seam = if joined { None } else { self.last.as_ref().and_then(|last| seam(last, text)) };
        let done = match (&mut self.open, seam) {
            (Some(open), Some(is_full)) if open.lines.len() < MOST => {
                open.lines.push(span.clone());
                open.is_full.push(is_full);
                None
            }
            (open, Some(is_full)) => {
                let first = self.last.as_ref().map_or(span.clone(), |last| last.span.clone());
                open.replace(Wrap { lines: vec![first, span.clone()], is_full: vec![is_full] })
            }
            (open, None) => open.take(),
        };
        let tail = text.iter().rev().take(CONTEXT).take_while(|byte| is_word(byte)).count();
        let start = span.end - (text.len().min(CONTEXT)) as u64;
        let tail = text[text.len() - tail..].to_vec();
        self.last = Some(Last { span: start..span.end, tail, width, len: text.len() });
        done
    }

    /// The lines that nothing goes on any more.
    pub fn finish(&mut self) -> Option<Wrap> {
        self.open.take()
    }
}

/// Whether the word that ends `last` goes on in `text`, and whether that is sure.
fn seam(last: &Last, text: &[u8]) -> Option<bool> {
    if last.tail.is_empty() || !text.first().is_some_and(is_word) {
        return None;
    }
    let head = &text[..text.iter().take(CONTEXT).take_while(|byte| is_word(byte)).count()];
    let word = || last.tail.iter().chain(head);
    let len = last.tail.len() + head.len();
    let is_path = word().any(|byte| matches!(byte, b'/' | b'.'));
    let is_random = word().any(u8::is_ascii_digit) && word().any(u8::is_ascii_alphabetic);
    let is_long = len >= if is_path { LEAST_PATH } else { LEAST_WORD };
    let is_wide = last.len >= text.len() && (WIDTHS.contains(&last.width) || WIDTHS.contains(&last.len));
    (is_random && is_long).then_some(is_wide)
}
