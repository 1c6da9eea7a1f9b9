//! What an encoded stretch holds, as texts: the text itself, or the members of an archive.

use crate::archive::{self, HEAD, Kind, Limits, Source};
use crate::decode::{self, Budget, Content, Cut, Stretch, Text};
use std::borrow::Cow;
use std::io::{Cursor, Read};
use std::time::Duration;

/// Bytes that each byte of an encoded archive may give: what text compresses to, and the padding of tars.
const MAX_RATIO: u64 = 100;
/// What may be unpacked in any case.
const FLOOR: u64 = 64 << 10;
/// Members that are unpacked.
const MAX_ENTRIES: u64 = 10_000;

/// The texts that a stretch holds; none when it holds nothing that can be read.
pub fn contents(bytes: &[u8], stretch: &Stretch, budget: &mut Budget) -> Vec<Text> {
    let decoded = match decode::open(bytes, stretch, budget) {
        None => return Vec::new(),
        Some(Content::Text(text)) => return vec![text],
        Some(Content::Bytes(decoded)) => decoded,
    };
    let texts = match kind(&decoded) {
        None => return decode::peel(&decoded, stretch, budget).into_iter().collect(),
        // Text that was compressed stays readable when its end is missing.
        Some(Kind::Gzip) => match decode::peel(&decoded, stretch, budget) {
            Some(text) if kind(&text.bytes).is_none() => return vec![text],
            _ => unpack(Kind::Gzip, &decoded, stretch, budget),
        },
        Some(kind) => unpack(kind, &decoded, stretch, budget),
    };
    match texts {
        Some(texts) => texts,
        None => decode::peel(&decoded, stretch, budget).into_iter().collect(),
    }
}

/// Brotli has no mark, so that in encoded text it cannot be told.
fn kind(bytes: &[u8]) -> Option<Kind> {
    archive::marked(&bytes[..bytes.len().min(HEAD)])
}

/// The members of an archive; none when it is not one after all.
fn unpack(kind: Kind, bytes: &[u8], stretch: &Stretch, budget: &mut Budget) -> Option<Vec<Text>> {
    let room = (bytes.len() as u64).saturating_mul(MAX_RATIO).max(FLOOR).min(budget.ceiling() as u64);
    let limits = Limits {
        max_depth: decode::MAX_DEPTH as u32,
        max_ratio: u64::MAX,
        max_bytes: room,
        max_entries: MAX_ENTRIES,
        max_time: Duration::MAX,
        ..Limits::default()
    };
    let (mut texts, mut total) = (Vec::new(), 0);
    let visit = &mut |path: &str, content: &mut dyn Read| {
        let mut member = Vec::new();
        // What came before the trouble is scanned.
        let read = content.read_to_end(&mut member);
        total += member.len();
        texts.push(text(kind, path, member, stretch));
        read.map(|_| ())
    };
    let unpacked = archive::unpack(kind, Source::Seekable(&mut Cursor::new(bytes)), "", &limits, visit);
    budget.grow(total);
    if texts.is_empty() && unpacked.is_damaged {
        return None;
    }
    if !unpacked.warnings.is_empty() {
        budget.cut(Cut::Archive);
    }
    Some(texts)
}

/// A member as a text of its own.
fn text(kind: Kind, path: &str, bytes: Vec<u8>, stretch: &Stretch) -> Text {
    let mut trail = vec![Cow::Borrowed(stretch.encoding.name()), kind.name().into()];
    // A stream has no name to tell.
    if !path.is_empty() {
        trail.push(Cow::Owned(path.to_owned()));
    }
    let wide = decode::wide(&bytes);
    trail.extend(wide.as_ref().map(|wide| Cow::Borrowed(wide.encoding)));
    let bytes = wide.map_or(bytes, |wide| wide.text.into_bytes());
    Text::whole(bytes, trail, stretch.span.clone())
}
