//! Scans a text made from another by copying and inserting: only what is new, and the seams, is filtered again;
//! a verdict is inherited when everything it depended on lies inside one copied stretch.
//!
//! Gives exactly the candidates of a full scan. Of the histories measured, 85-97 % of all bytes are such copies.

use super::engine::{Judge, Worker};
use super::filter::Hit;
use super::state::{State, Verdict};
use crate::source::git::objects::Operation;
use std::ops::Range;

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
        for operation in operations {
            if let Operation::Copy { from, to, len } = *operation {
                let copy = Copy { from, to, len, base_len: base_len as u32, len_total: bytes.len() as u32 };
                self.inherit(&copy, base, state, &mut hits);
            }
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
    }

    /// Filters inserted bytes and the seams between copies, each widened by the longest literal less one.
    fn filter_new(&mut self, bytes: &[u8], operations: &[Operation], hits: &mut Vec<Hit>) {
        let margin = self.engine.filter().longest().saturating_sub(1);
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
        self.engine.filter().scan(bytes, range, hits);
    }

    /// Whether the base had this very literal at this very place: then it is inherited or looked at again from there.
    fn lies_inside_copy(&self, hit: Hit, operations: &[Operation]) -> bool {
        let end = hit.at + self.engine.filter().literal(hit).bytes.len() as u32;
        let following = operations.partition_point(|operation| begins_at(operation) <= hit.at);
        matches!(operations[..following].last(), Some(&Operation::Copy { to, len, .. }) if end <= to + len)
    }

    fn inherit(&mut self, copy: &Copy, base: &State, state: &mut State, again: &mut Vec<Hit>) {
        let first = base.verdicts.partition_point(|verdict| verdict.hit.at < copy.from);
        for verdict in &base.verdicts[first..] {
            if verdict.hit.at >= copy.from + copy.len {
                break;
            }
            if verdict.hit.at + self.engine.filter().literal(verdict.hit).bytes.len() as u32 > copy.from + copy.len {
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
