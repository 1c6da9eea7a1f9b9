//! What a pattern's syntax tree tells: its length, its edges, and whether plain table look-ups can run it.

use super::Edge;
use regex_syntax::hir::{Class, Hir, HirKind};
use serde::{Deserialize, Serialize};

/// A set of byte values.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByteSet([u64; 4]);

impl ByteSet {
    /// The empty set.
    pub const EMPTY: ByteSet = ByteSet([0; 4]);

    /// The letters and digits of ASCII.
    pub const ALPHANUMERIC: ByteSet = ByteSet::EMPTY.with(b'0', b'9').with(b'A', b'Z').with(b'a', b'z');

    /// The set plus `first..=last`.
    pub const fn with(mut self, first: u8, last: u8) -> ByteSet {
        let mut byte = first as usize;
        while byte <= last as usize {
            self.0[byte >> 6] |= 1 << (byte & 63);
            byte += 1;
        }
        self
    }

    /// Whether `byte` is in the set.
    #[inline(always)]
    pub fn contains(&self, byte: u8) -> bool {
        self.0[(byte >> 6) as usize] >> (byte & 63) & 1 != 0
    }

    /// The members of either set.
    pub fn union(&self, other: &ByteSet) -> ByteSet {
        ByteSet(std::array::from_fn(|i| self.0[i] | other.0[i]))
    }

    /// Whether no byte is in both sets.
    pub fn is_disjoint(&self, other: &ByteSet) -> bool {
        (0..4).all(|i| self.0[i] & other.0[i] == 0)
    }

    /// How many bytes are in the set.
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The members in order.
    pub fn iter(&self) -> impl Iterator<Item = u8> + '_ {
        (0..=255u8).filter(|&byte| self.contains(byte))
    }

    fn from_class(class: &Class) -> Option<ByteSet> {
        let mut set = ByteSet::EMPTY;
        match class {
            Class::Bytes(class) => {
                for range in class.ranges() {
                    set = set.with(range.start(), range.end());
                }
            }
            Class::Unicode(class) => {
                for range in class.ranges() {
                    set = set.with(u8::try_from(range.start()).ok()?, u8::try_from(range.end()).ok()?);
                }
            }
        }
        Some(set)
    }
}

impl std::fmt::Debug for ByteSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let members: Vec<u8> = self.iter().collect();
        write!(f, "ByteSet({})", members.escape_ascii())
    }
}

/// `min..=max` bytes of `class`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    pub class: ByteSet,
    pub min: u16,
    pub max: u16,
}

/// Parses `pattern` over bytes, without Unicode classes: those cost 30 times the build time and 33 times the memory.
pub fn parse(pattern: &str) -> Result<Hir, String> {
    let mut parser = regex_syntax::ParserBuilder::new().utf8(false).unicode(false).nest_limit(64).build();
    parser.parse(pattern).map_err(|error| error.to_string())
}

/// The pattern as a run of byte classes, when reading each as far as it goes can never be wrong.
///
/// That holds when a segment of variable length is followed by a class it has no byte in common with, or by nothing.
pub fn segments(hir: &Hir) -> Option<Vec<Segment>> {
    let mut segments = Vec::new();
    push_segments(hir, &mut segments)?;
    let mut merged: Vec<Segment> = Vec::new();
    for segment in segments {
        match merged.last_mut() {
            Some(last) if last.class == segment.class => {
                last.min = last.min.checked_add(segment.min)?;
                last.max = last.max.checked_add(segment.max)?;
            }
            _ => merged.push(segment),
        }
    }
    for (i, segment) in merged.iter().enumerate() {
        if segment.min < segment.max {
            // Optional followers are looked past up to the first that must be there.
            for follower in &merged[i + 1..] {
                if !segment.class.is_disjoint(&follower.class) {
                    return None;
                }
                if follower.min > 0 {
                    break;
                }
            }
        }
    }
    (merged.len() <= 64).then_some(merged)
}

fn push_segments(hir: &Hir, out: &mut Vec<Segment>) -> Option<()> {
    match hir.kind() {
        HirKind::Empty => {}
        HirKind::Literal(literal) => {
            out.extend(literal.0.iter().map(|&b| Segment { class: ByteSet::EMPTY.with(b, b), min: 1, max: 1 }));
        }
        HirKind::Class(class) => out.push(Segment { class: ByteSet::from_class(class)?, min: 1, max: 1 }),
        HirKind::Capture(capture) => push_segments(&capture.sub, out)?,
        HirKind::Concat(parts) => parts.iter().try_for_each(|part| push_segments(part, out))?,
        HirKind::Repetition(repetition) => {
            let mut inner = Vec::new();
            push_segments(&repetition.sub, &mut inner)?;
            let max = u16::try_from(repetition.max?).ok()?;
            let min = u16::try_from(repetition.min).ok()?;
            match inner.as_slice() {
                [one] if one.min == 1 && one.max == 1 => {
                    out.push(Segment { class: one.class, min, max });
                }
                _ if min == max && max <= 8 => (0..max).for_each(|_| out.extend(inner.iter().cloned())),
                _ => return None,
            }
        }
        HirKind::Look(_) | HirKind::Alternation(_) => return None,
    }
    Some(())
}

/// The part of the pattern that is the secret: the group `secret`, or the whole.
pub fn secret_part(hir: &Hir) -> Option<&Hir> {
    match hir.kind() {
        HirKind::Capture(capture) if capture.name.as_deref() == Some("secret") => Some(&capture.sub),
        HirKind::Capture(capture) => secret_part(&capture.sub),
        HirKind::Repetition(repetition) => secret_part(&repetition.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().find_map(secret_part),
        _ => None,
    }
}

/// Bytes that may not follow a match: the alphabet of its last element.
pub fn right_alphabet(hir: &Hir, edge: Edge) -> ByteSet {
    if edge == Edge::None { ByteSet::EMPTY } else { last_alphabet(hir) }
}

fn last_alphabet(hir: &Hir) -> ByteSet {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => ByteSet::EMPTY,
        // A word that ends in a letter ends where letters and digits end.
        HirKind::Literal(literal) => match literal.0.last() {
            Some(byte) if byte.is_ascii_alphanumeric() => ByteSet::ALPHANUMERIC,
            _ => ByteSet::EMPTY,
        },
        HirKind::Class(class) => ByteSet::from_class(class).unwrap_or(ByteSet::ALPHANUMERIC),
        HirKind::Capture(capture) => last_alphabet(&capture.sub),
        HirKind::Repetition(repetition) => last_alphabet(&repetition.sub),
        HirKind::Alternation(parts) => parts.iter().fold(ByteSet::EMPTY, |set, part| set.union(&last_alphabet(part))),
        HirKind::Concat(parts) => {
            let mut set = ByteSet::EMPTY;
            for part in parts.iter().rev() {
                set = set.union(&last_alphabet(part));
                if part.properties().minimum_len() != Some(0) {
                    break;
                }
            }
            set
        }
    }
}

/// Bytes that every match begins with, for randomness to be judged on what follows them.
pub fn fixed_prefix(hir: &Hir) -> usize {
    match hir.kind() {
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Capture(capture) => fixed_prefix(&capture.sub),
        HirKind::Concat(parts) => {
            let mut total = 0;
            for part in parts {
                match part.kind() {
                    HirKind::Literal(literal) => total += literal.0.len(),
                    HirKind::Capture(_) => return total + fixed_prefix(part),
                    // `[bpoas]` between literals belongs to the prefix: `xox[bp]-`.
                    HirKind::Class(class) if ByteSet::from_class(class).is_some_and(|set| set.len() <= 8) => total += 1,
                    HirKind::Alternation(_) if part.properties().minimum_len() == part.properties().maximum_len() => {
                        total += fixed_length_literals(part)
                    }
                    _ => break,
                }
            }
            total
        }
        _ => 0,
    }
}

fn fixed_length_literals(hir: &Hir) -> usize {
    match hir.kind() {
        HirKind::Alternation(parts) if parts.iter().all(|p| matches!(p.kind(), HirKind::Literal(_))) => {
            hir.properties().maximum_len().unwrap_or(0)
        }
        _ => 0,
    }
}

/// Bytes a match can begin with, when known to be few enough to matter.
pub fn first_bytes(hir: &Hir) -> ByteSet {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => ByteSet::EMPTY,
        HirKind::Literal(literal) => literal.0.first().map_or(ByteSet::EMPTY, |&b| ByteSet::EMPTY.with(b, b)),
        HirKind::Class(class) => ByteSet::from_class(class).unwrap_or(ByteSet::EMPTY.with(0, 255)),
        HirKind::Capture(capture) => first_bytes(&capture.sub),
        HirKind::Repetition(repetition) => first_bytes(&repetition.sub),
        HirKind::Alternation(parts) => parts.iter().fold(ByteSet::EMPTY, |set, part| set.union(&first_bytes(part))),
        HirKind::Concat(parts) => {
            let mut set = ByteSet::EMPTY;
            for part in parts {
                set = set.union(&first_bytes(part));
                if part.properties().minimum_len() != Some(0) {
                    break;
                }
            }
            set
        }
    }
}
