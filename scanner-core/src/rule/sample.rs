//! Draws texts that a pattern matches: what a rule could find, for the checks that compare rules.

use super::example::Random;
use regex_syntax::hir::{Class, Hir, HirKind};

/// Repetitions of open length are drawn at most this far above their least.
const EXTRA: u32 = 8;

/// A text that `hir` matches; its length varies where the pattern lets it.
pub fn sample(hir: &Hir, random: &mut Random) -> Vec<u8> {
    let mut out = Vec::new();
    append(hir, random, &mut out);
    out
}

fn append(hir: &Hir, random: &mut Random, out: &mut Vec<u8>) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => out.extend_from_slice(&literal.0),
        HirKind::Class(class) => out.extend(member(class, random)),
        HirKind::Repetition(repetition) => {
            let room = repetition.max.unwrap_or(u32::MAX).saturating_sub(repetition.min).min(EXTRA);
            let count = repetition.min + random.below(room as usize + 1) as u32;
            (0..count).for_each(|_| append(&repetition.sub, random, out));
        }
        HirKind::Capture(capture) => append(&capture.sub, random, out),
        HirKind::Concat(parts) => parts.iter().for_each(|part| append(part, random, out)),
        HirKind::Alternation(parts) => append(&parts[random.below(parts.len())], random, out),
    }
}

/// One byte of a class, letters and digits first: texts are meant to look like secrets.
fn member(class: &Class, random: &mut Random) -> Option<u8> {
    let bytes: Vec<u8> = match class {
        Class::Bytes(class) => class.iter().flat_map(|range| range.start()..=range.end()).collect(),
        Class::Unicode(class) => {
            let ranges = class.iter().map(|range| range.start() as u32..=(range.end() as u32).min(127));
            ranges.flatten().filter_map(|code| u8::try_from(code).ok()).collect()
        }
    };
    let plain: Vec<u8> = bytes.iter().copied().filter(u8::is_ascii_alphanumeric).collect();
    let from = if plain.is_empty() { &bytes } else { &plain };
    (!from.is_empty()).then(|| from[random.below(from.len())])
}
