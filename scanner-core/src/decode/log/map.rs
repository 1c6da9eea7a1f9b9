//! From places in a cleaned log back to lines, columns, jobs and steps of the log itself.

use super::place::LogPlace;
use std::collections::VecDeque;
use std::ops::Range;

/// From here on the cleaned text stands in the log as it is.
#[derive(Clone, Copy, Debug)]
struct Piece {
    at: u64,
    row: u32,
    column: u32,
}

/// The way back; what lies behind can be forgotten.
#[derive(Debug, Default)]
pub struct Map {
    /// Bytes of the cleaned text that were taken away at its front.
    base: u64,
    pieces: VecDeque<Piece>,
    places: VecDeque<(u64, LogPlace)>,
}

/// A line and a column, from 1.
pub type Point = (u32, u32);

impl Map {
    /// Says where the text at offset `at` stood.
    pub(super) fn push(&mut self, at: usize, row: u32, column: u32) {
        let at = self.absolute(at);
        match self.pieces.back_mut() {
            Some(last) if last.at == at => *last = Piece { at, row, column },
            _ => self.pieces.push_back(Piece { at, row, column }),
        }
    }

    /// Says which job and step the text from `at` on belongs to.
    pub(super) fn enter(&mut self, at: usize, place: LogPlace) {
        self.places.push_back((self.absolute(at), place));
    }

    pub(super) fn current(&self) -> Option<&LogPlace> {
        self.places.back().map(|(_, place)| place)
    }

    /// An offset that stays the same when text is taken away.
    pub fn absolute(&self, at: usize) -> u64 {
        self.base + at as u64
    }

    /// The offset of an absolute one; `None` when that text was taken away.
    pub fn relative(&self, at: u64) -> Option<usize> {
        at.checked_sub(self.base).and_then(|at| usize::try_from(at).ok())
    }

    /// Where `span` of the cleaned text begins and ends (exclusive) in the log.
    pub fn position(&self, text: &[u8], span: &Range<usize>) -> (Point, Point) {
        let start = self.point(text, span.start, span.start);
        (start, self.point(text, span.end, span.end.saturating_sub(1).max(span.start)))
    }

    /// Whether `span` stands in the log in one piece.
    pub fn is_whole(&self, span: &Range<usize>) -> bool {
        self.index(span.start) == self.index(span.end.saturating_sub(1).max(span.start))
    }

    /// The job and step of a place.
    pub fn place(&self, at: usize) -> LogPlace {
        let following = self.places.partition_point(|(from, _)| *from <= self.absolute(at));
        following.checked_sub(1).map(|index| self.places[index].1.clone()).unwrap_or_default()
    }

    /// The point of `at`, as the piece sees it that `within` is in.
    fn point(&self, text: &[u8], at: usize, within: usize) -> Point {
        let Some(piece) = self.pieces.get(self.index(within)) else { return (1, 1) };
        let from = self.relative(piece.at).unwrap_or(0).min(at);
        (piece.row, piece.column.saturating_add(characters(text.get(from..at).unwrap_or_default()) as u32))
    }

    fn index(&self, at: usize) -> usize {
        let at = self.absolute(at);
        self.pieces.partition_point(|piece| piece.at <= at).saturating_sub(1)
    }

    /// Forgets places before `until`; the text is still whole.
    pub fn forget_before(&mut self, text: &[u8], until: usize) {
        if self.pieces.is_empty() {
            return;
        }
        let (row, column) = self.point(text, until, until);
        let index = self.index(until);
        self.pieces.drain(..index);
        let at = self.absolute(until);
        if let Some(first) = self.pieces.front_mut().filter(|piece| piece.at < at) {
            *first = Piece { at, row, column };
        }
        let passed = self.places.partition_point(|(from, _)| *from <= at).saturating_sub(1);
        self.places.drain(..passed);
    }

    /// The text's first `count` bytes were taken away.
    pub fn release(&mut self, count: usize) {
        self.base += count as u64;
    }
}

/// Characters in UTF-8 text: bytes that do not continue one.
pub fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&byte| byte & 0xc0 != 0x80).count()
}
