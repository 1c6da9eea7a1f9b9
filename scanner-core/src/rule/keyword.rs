//! Keywords of keyed rules: words that a name holds, joined by `_`, `-`, `.`, a space or nothing.

use super::factor::{self, MIN_LITERAL, Reach};
use super::grams;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// What one more literal costs, in hits per 16 MiB: its place in the filter's table and in its entries.
const ROOM: f64 = 40.0;
/// What looking for the other words at a hit costs, beside the hit.
const LOOK: f64 = 6.0;

/// A keyword of several words, found by the rarest of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keyword {
    words: Vec<Vec<u8>>,
    /// The word that the filter looks for.
    found_by: u8,
}

impl Keyword {
    /// The cheaper way to find `text`: by one of its words, or by its spellings, each a literal.
    ///
    /// Words joined by a space are prose; spelled out they turn up everywhere (`here rest`), so that only `prose` asks for
    /// them.
    pub fn plan(text: &str, index: u16, prose: bool) -> (Option<Keyword>, Vec<(Vec<u8>, Reach)>) {
        let words: Vec<Vec<u8>> = text.split('_').map(|word| word.to_ascii_lowercase().into_bytes()).collect();
        let mut spellings = factor::spellings(text);
        spellings.retain(|spelling| prose || text.contains(' ') || !spelling.contains(&b' '));
        let of_spelling = |spelling: &Vec<u8>| match spelling.len() {
            0..MIN_LITERAL => f64::INFINITY,
            _ => ROOM + grams::rarest(spelling).1,
        };
        let all: f64 = spellings.iter().map(of_spelling).sum();
        let rarest = (0..words.len()).filter(|at| words.len() > 1 && words[*at].len() >= MIN_LITERAL);
        let rarest = rarest.map(|at| (at, grams::rarest(&words[at]).1));
        match rarest.min_by(|a, b| a.1.total_cmp(&b.1)) {
            Some((at, frequency)) if ROOM + LOOK * frequency < all => {
                let literal = words[at].clone();
                (Some(Keyword { words, found_by: at as u8 }), vec![(literal, Reach::Word(index))])
            }
            _ => (None, spellings.into_iter().map(|spelling| (spelling, Reach::Keyword)).collect()),
        }
    }

    /// The whole keyword around its word at `at`, and all that was looked at.
    pub fn around(&self, bytes: &[u8], at: usize) -> (Option<Range<usize>>, Range<usize>) {
        let found_by = usize::from(self.found_by);
        let (mut start, mut end) = (at, at + self.words[found_by].len());
        // Of a long word the filter knows the beginning alone.
        if !bytes.get(start..end).is_some_and(|text| text.eq_ignore_ascii_case(&self.words[found_by])) {
            return (None, start..end.min(bytes.len() + 1));
        }
        for word in self.words[..found_by].iter().rev() {
            let joint = usize::from(start > 0 && is_joint(bytes[start - 1]));
            let from = start.checked_sub(joint + word.len());
            match from.filter(|from| bytes[*from..start - joint].eq_ignore_ascii_case(word)) {
                Some(from) => start = from,
                None => return (None, start.saturating_sub(joint + word.len() + 1)..end),
            }
        }
        for word in &self.words[found_by + 1..] {
            let joint = usize::from(bytes.get(end).is_some_and(|byte| is_joint(*byte)));
            let until = end + joint + word.len();
            match bytes.get(end + joint..until).filter(|text| text.eq_ignore_ascii_case(word)) {
                Some(_) => end = until,
                None => return (None, start..until.min(bytes.len() + 1)),
            }
        }
        (Some(start..end), start.saturating_sub(1)..end + 1)
    }

    /// One spelling of it.
    pub fn spelling(&self) -> Vec<u8> {
        self.words.join(&b'_')
    }
}

fn is_joint(byte: u8) -> bool {
    matches!(byte, b'_' | b'-' | b'.' | b' ')
}
