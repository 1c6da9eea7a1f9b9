//! Finds text hidden inside bytes and remembers the way back: which stretches of a text are encoded, and what they hold.
//!
//! Whether a stretch is one, and where it ends, depends on the bytes `looked` spans alone, so that a text made by
//! copying inherits what lies inside the copies, and a text that arrives in blocks is decoded as a whole one is.

mod base64;
mod bits;
mod concat;
mod deflate;
mod entity;
mod escape;
mod hex;
pub mod log;
mod mark;
mod packed;
mod percent;
mod quoted;
mod run;
mod text;
mod wide;

pub use text::{Budget, Cut, Text};
pub use wide::{WIDE_SAMPLE, Wide, WideDecoder, wide};

use std::borrow::Cow;
use std::ops::Range;

/// Encodings inside encodings that are opened.
pub const MAX_DEPTH: usize = 5;

/// The longest stretch that is decoded; what goes beyond is announced.
pub const MAX_STRETCH: usize = 4 << 20;

/// No stretch looks further than this before its end, nor a text beyond a stretch to tell where it ends.
pub const MAX_LOOK: usize = MAX_STRETCH + 8 * 1024;

/// Bytes at the end of an unfinished text in which a stretch may begin that does not show yet.
pub const UNSEEN: usize = mark::LOOK + run::MARGIN;

/// How a stretch is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Encoding {
    /// Standard or URL alphabet, padded or not, wrapped over lines or not.
    Base64,
    /// Two digits a byte.
    Hex,
    /// Literals joined by an operator, by a line's end or by standing side by side.
    Concat,
    /// `\x41`, `\u0041`, `\101`, `\/` and lines continued by a backslash.
    Escape,
    /// `%41`.
    Percent,
    /// `&quot;`, `&#65;`, `&#x41;`.
    Entity,
    /// `=3D`, and lines that end in `=`.
    Quoted,
}

impl Encoding {
    /// As a trail names it.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Base64 => "base64",
            Encoding::Hex => "hex",
            Encoding::Concat => "concatenation",
            Encoding::Escape => "escapes",
            Encoding::Percent => "percent",
            Encoding::Entity => "entities",
            Encoding::Quoted => "quoted-printable",
        }
    }

    /// Those in which single characters are encoded among others that are not, in the order in which they are peeled.
    pub const SPARSE: [Encoding; 5] =
        [Encoding::Concat, Encoding::Escape, Encoding::Percent, Encoding::Entity, Encoding::Quoted];

    /// Whether single characters are encoded among others that are not.
    pub fn is_sparse(self) -> bool {
        Encoding::SPARSE.contains(&self)
    }
}

/// The bytes something depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Looked {
    /// The first of them.
    pub start: usize,
    /// Behind the last of them; behind the text's end, too, when it depends on the text ending there.
    pub end: usize,
    /// Whether it depends on the text beginning there.
    pub reaches_start: bool,
}

impl Looked {
    /// A span and `by` bytes on either side, in a text of `len` bytes.
    fn around(span: Range<usize>, by: usize, len: usize) -> Looked {
        Looked {
            start: span.start.saturating_sub(by),
            end: (span.end + by).min(len + 1),
            reaches_start: span.start < by,
        }
    }
}

/// An encoded stretch of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// How.
    pub encoding: Encoding,
    /// What is decoded: the encoded bytes, for sparse encodings with their surroundings.
    pub span: Range<usize>,
    /// From the first encoded byte to the last.
    pub core: Range<usize>,
    /// What tells that the stretch is one, and where it begins and ends.
    pub looked: Looked,
    /// Whether it goes on beyond `MAX_STRETCH`.
    pub is_cut: bool,
}

impl Stretch {
    /// The same stretch after the text's first `count` bytes were taken away.
    pub fn shift_back(&mut self, count: usize) {
        for range in [&mut self.span, &mut self.core] {
            *range = range.start.saturating_sub(count)..range.end.saturating_sub(count);
        }
        self.looked.start = self.looked.start.saturating_sub(count);
        self.looked.end = self.looked.end.saturating_sub(count);
    }
}

/// Appends every stretch that `range` may have changed: those whose `looked` touches it, and perhaps others.
pub fn find(bytes: &[u8], range: Range<usize>, out: &mut Vec<Stretch>) {
    run::find(bytes, range.clone(), out);
    mark::find(bytes, range, out);
}

/// What a stretch holds.
#[derive(Debug)]
pub enum Content {
    /// Text with some characters replaced.
    Text(Text),
    /// Bytes that are text, compressed text, an archive, or nothing.
    Bytes(Vec<u8>),
}

/// What a stretch holds; `budget` bounds the work.
pub fn open(bytes: &[u8], stretch: &Stretch, budget: &mut Budget) -> Option<Content> {
    let encoded = &bytes[stretch.span.clone()];
    if !budget.take(encoded.len()) {
        return None;
    }
    Some(match stretch.encoding {
        Encoding::Base64 => Content::Bytes(base64::decode(encoded)),
        Encoding::Hex => Content::Bytes(hex::decode(encoded)),
        _ => Content::Text(mark::decode(bytes, stretch)),
    })
}

/// Takes compression and wide characters off what was decoded; none when it is no text.
pub fn peel(bytes: &[u8], stretch: &Stretch, budget: &mut Budget) -> Option<Text> {
    let mut trail = vec![Cow::Borrowed(stretch.encoding.name())];
    let mut bytes = Cow::Borrowed(bytes);
    if let Some((encoding, plain)) = deflate::inflate(&bytes, budget) {
        trail.push(encoding.into());
        bytes = Cow::Owned(plain);
    }
    if let Some(wide) = wide(&bytes) {
        trail.push(wide.encoding.into());
        bytes = Cow::Owned(wide.text.into_bytes());
    }
    text::is_text(&bytes).then(|| Text::whole(bytes.into_owned(), trail, stretch.span.clone()))
}
