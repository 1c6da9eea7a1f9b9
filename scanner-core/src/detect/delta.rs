//! Scans a text made from another by copying and inserting: only what is new, and the seams, is filtered again;
//! a verdict is inherited when everything it depended on lies inside one copied stretch.
//!
//! Gives exactly the candidates of a full scan. Of the histories measured, 85-97 % of all bytes are such copies.

use super::engine::{Judge, Worker};
use super::filter::Hit;
use super::state::{Opened, State, Verdict};
use crate::decode::{Looked, Stretch};
use crate::source::git::objects::Operation;
use std::ops::Range;

/// New ranges so near to each other are looked at as one.
const NEAR: usize = 256;

impl<J: Judge> Worker<'_, J> {
    /// Scans `bytes`, which `operations` made of a text of `base_len` bytes known by `base`; `state` is overwritten.
    pub fn scan_derived(
        &mut self,
        bytes: &[u8],
        operations: &[Operation],
        base: &State,
        base_len: usize,
        state: &mut State,
    ) {
        if base.is_opaque {
            return self.scan(bytes, state);
        }
        state.clear();
        let mut hits = std::mem::take(&mut self.hits);
        hits.clear();
        self.filter_new(bytes, operations, &mut hits);
        let is_inside_copy = |hit: &Hit| self.lies_inside_copy(*hit, operations);
        hits.retain(|hit| !is_inside_copy(hit));
        let as_copy = |operation: &Operation| match *operation {
            Operation::Copy { from, to, len } => {
                Some(Copy { from, to, len, base_len: base_len as u32, len_total: bytes.len() as u32 })
            }
            Operation::Insert { .. } => None,
        };
        for copy in operations.iter().filter_map(as_copy) {
            self.inherit(&copy, base, state, &mut hits);
            inherit_opened(&copy, base, state);
        }
        hits.sort_unstable();
        hits.dedup();
        let inherited = state.verdicts.len();
        for &hit in &hits {
            self.verify(bytes, hit, state);
        }
        self.hits = hits;
        if inherited > 0 || operations.len() > 1 {
            state.verdicts.sort_unstable_by_key(|verdict| verdict.hit);
        }
        self.open_new(bytes, operations, base_len, as_copy, state);
    }

    /// Opens the encoded stretches that no copy holds whole.
    fn open_new(
        &mut self,
        bytes: &[u8],
        operations: &[Operation],
        base_len: usize,
        as_copy: impl Fn(&Operation) -> Option<Copy>,
        state: &mut State,
    ) {
        let mut ranges = std::mem::take(&mut self.ranges);
        new_ranges(bytes.len(), operations, base_len, &mut ranges);
        let is_known = |stretch: &Stretch| {
            let following =
                operations.partition_point(|operation| begins_at(operation) as usize <= stretch.looked.start);
            let copy = operations[..following].last().and_then(&as_copy);
            copy.is_some_and(|copy| copy.holds(&stretch.looked, copy.to, copy.len_total))
        };
        self.open_ranges(bytes, &ranges, is_known, state);
        self.ranges = ranges;
    }

    /// Filters inserted bytes and the seams between copies, each widened by the longest literal less one.
    fn filter_new(&mut self, bytes: &[u8], operations: &[Operation], hits: &mut Vec<Hit>) {
        let margin = self.engine.longest_hit().saturating_sub(1);
        let mut dirty: Option<Range<usize>> = None;
        let last = operations.len().saturating_sub(1);
        for (i, operation) in operations.iter().enumerate() {
            let new = match *operation {
                Operation::Insert { to, len } => to as usize..(to + len) as usize,
                Operation::Copy { to, len, .. } if i < last => (to + len) as usize..(to + len) as usize,
                Operation::Copy { .. } => continue,
            };
            let wide = new.start.saturating_sub(margin)..(new.end + margin).min(bytes.len());
            dirty = Some(match dirty.take() {
                Some(range) if wide.start <= range.end => range.start..range.end.max(wide.end),
                Some(range) => {
                    self.filter_range(bytes, range, hits);
                    wide
                }
                None => wide,
            });
        }
        if let Some(range) = dirty {
            self.filter_range(bytes, range, hits);
        }
    }

    fn filter_range(&mut self, bytes: &[u8], range: Range<usize>, hits: &mut Vec<Hit>) {
        self.filtered += range.len() as u64;
        self.engine.filter(bytes, range, hits);
    }

    /// Whether the base had this very literal at this very place: then it is inherited or looked at again from there.
    fn lies_inside_copy(&self, hit: Hit, operations: &[Operation]) -> bool {
        let end = hit.at + self.engine.len_of(hit) as u32;
        let following = operations.partition_point(|operation| begins_at(operation) <= hit.at);
        matches!(operations[..following].last(), Some(&Operation::Copy { to, len, .. }) if end <= to + len)
    }

    fn inherit(&mut self, copy: &Copy, base: &State, state: &mut State, again: &mut Vec<Hit>) {
        let first = base.verdicts.partition_point(|verdict| verdict.hit.at < copy.from);
        for verdict in &base.verdicts[first..] {
            if verdict.hit.at >= copy.from + copy.len {
                break;
            }
            if verdict.hit.at + self.engine.len_of(verdict.hit) as u32 > copy.from + copy.len {
                continue;
            }
            let hit = Hit { at: copy.translate(verdict.hit.at), ..verdict.hit };
            if !copy.keeps(verdict) {
                again.push(hit);
                continue;
            }
            let first = state.candidates.len() as u32;
            let known = &base.candidates[verdict.first as usize..(verdict.first + verdict.count) as usize];
            state.candidates.extend(known.iter().map(|candidate| candidate.moved(copy.from, copy.to)));
            let (low, high) = (copy.translate(verdict.low), copy.translate(verdict.high));
            state.verdicts.push(Verdict { hit, low, high, first, count: verdict.count });
        }
    }
}

/// Takes over what was decoded from stretches that lie in the copy with everything they depend on.
fn inherit_opened(copy: &Copy, base: &State, state: &mut State) {
    let first = base.opened.partition_point(|opened| opened.start < copy.from);
    for opened in base.opened[first..].iter().take_while(|opened| opened.start < copy.from + copy.len) {
        if !copy.holds(&opened.looked, copy.from, copy.base_len) {
            continue;
        }
        let first = state.hidden.len() as u32;
        let known = &base.hidden[opened.first as usize..(opened.first + opened.count) as usize];
        state.hidden.extend(known.iter().map(|hidden| hidden.moved(copy.from, copy.to)));
        state.opened.push(Opened {
            start: copy.translate(opened.start),
            core: (copy.translate(opened.core.0), copy.translate(opened.core.1)),
            looked: Looked {
                start: copy.translate(opened.looked.start as u32) as usize,
                end: copy.translate(opened.looked.end as u32) as usize,
                ..opened.looked
            },
            first,
            ..opened.clone()
        });
    }
}

/// What the operations inserted, the seams between copies, and the text's ends where the base's were others; near ones
/// together.
fn new_ranges(len: usize, operations: &[Operation], base_len: usize, ranges: &mut Vec<Range<usize>>) {
    ranges.clear();
    let mut add = |new: Range<usize>| match ranges.last_mut() {
        Some(range) if new.start <= range.end + NEAR => range.end = range.end.max(new.end),
        _ => ranges.push(new),
    };
    let last = operations.len().saturating_sub(1);
    for (i, operation) in operations.iter().enumerate() {
        match *operation {
            Operation::Insert { to, len } => add(to as usize..(to + len) as usize),
            Operation::Copy { from, to, len: count } => {
                if i == 0 && from > 0 {
                    add(0..0);
                }
                if i < last {
                    add((to + count) as usize..(to + count) as usize);
                } else if (from + count) as usize != base_len {
                    add(len..len);
                }
            }
        }
    }
}

fn begins_at(operation: &Operation) -> u32 {
    match *operation {
        Operation::Copy { to, .. } | Operation::Insert { to, .. } => to,
    }
}

/// One copied stretch and the lengths of both texts.
struct Copy {
    from: u32,
    to: u32,
    len: u32,
    base_len: u32,
    len_total: u32,
}

impl Copy {
    fn translate(&self, at: u32) -> u32 {
        at.wrapping_sub(self.from).wrapping_add(self.to)
    }

    /// Whether the copy, which begins at `start` of a text of `len` bytes, holds everything that a stretch depends on; of
    /// base and new text alike, so that a stretch is either inherited or new.
    fn holds(&self, looked: &Looked, start: u32, len: u32) -> bool {
        let (low, high) = (looked.start as u32, looked.end as u32);
        let is_start = self.from == 0 && self.to == 0;
        let is_end = self.from + self.len == self.base_len && self.to + self.len == self.len_total;
        let start_is_held = if looked.reaches_start { is_start } else { low >= start };
        start_is_held && if high > len { is_end } else { high <= start + self.len }
    }

    /// Whether everything the verdict depended on is the same in the new text.
    fn keeps(&self, verdict: &Verdict) -> bool {
        let end = self.from + self.len;
        let start_is_kept = if verdict.low == 0 { self.from == 0 && self.to == 0 } else { verdict.low >= self.from };
        let end_is_kept = if verdict.high >= self.base_len {
            end == self.base_len && self.to + self.len == self.len_total
        } else {
            verdict.high <= end
        };
        start_is_kept && end_is_kept
    }
}
