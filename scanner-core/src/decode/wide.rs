//! Text of two-byte and four-byte characters: UTF-16 and UTF-32 in either byte order, whole or block by block.

/// Bytes looked at to tell whether text is UTF-16 or UTF-32.
const SAMPLE: usize = 512;

/// A text of wide characters made plain.
pub struct Wide {
    /// The same characters in UTF-8; lines and columns are those of the original.
    pub text: String,
    /// `utf-16le`, `utf-16be`, `utf-32le` or `utf-32be`.
    pub encoding: &'static str,
}

/// Reads `bytes` as UTF-16 or UTF-32 when they are: by byte order mark, or by where the zero bytes stand.
pub fn wide(bytes: &[u8]) -> Option<Wide> {
    let mut decoder = WideDecoder::new(bytes)?;
    let mut text = String::new();
    decoder.decode(bytes, true, &mut text);
    Some(Wide { text, encoding: decoder.encoding() })
}

/// Bytes of a text's beginning that tell whether it is UTF-16 or UTF-32.
pub const WIDE_SAMPLE: usize = SAMPLE;

#[derive(Clone, Copy, PartialEq)]
enum Width {
    Two,
    Four,
}

/// Reads UTF-16 or UTF-32 that arrives in blocks.
pub struct WideDecoder {
    width: Width,
    is_little: bool,
    skip: usize,
    /// A unit, or a pair of them, that the next block completes.
    rest: Vec<u8>,
}

impl WideDecoder {
    /// A decoder when the text that begins with `start`, its first `WIDE_SAMPLE` bytes or all of it, is UTF-16 or UTF-32.
    pub fn new(start: &[u8]) -> Option<WideDecoder> {
        // Ordinary text is told from two bytes: neither a mark nor a zero.
        let [first, second, ..] = *start else { return None };
        let (width, is_little, skip) = match (first, second) {
            (0xff, 0xfe) if start.get(2..4) == Some(&[0, 0]) => (Width::Four, true, 4),
            (0xff, 0xfe) => (Width::Two, true, 2),
            (0xfe, 0xff) => (Width::Two, false, 2),
            (0, 0) if start.get(2..4) == Some(&[0xfe, 0xff]) => (Width::Four, false, 4),
            (0, _) | (_, 0) if start.len() >= 8 => match four_bytes(start) {
                Some(is_little) => (Width::Four, is_little, 0),
                None => (Width::Two, two_bytes(start)?, 0),
            },
            _ => return None,
        };
        Some(WideDecoder { width, is_little, skip, rest: Vec::new() })
    }

    /// `utf-16le`, `utf-16be`, `utf-32le` or `utf-32be`.
    pub fn encoding(&self) -> &'static str {
        match (self.width, self.is_little) {
            (Width::Two, true) => "utf-16le",
            (Width::Two, false) => "utf-16be",
            (Width::Four, true) => "utf-32le",
            (Width::Four, false) => "utf-32be",
        }
    }

    /// Appends the characters of the next block to `text`; `ended` says that it is the last one.
    pub fn decode(&mut self, block: &[u8], ended: bool, text: &mut String) {
        // The first block holds the mark whole: it is what the decoder was made for.
        let block = &block[std::mem::take(&mut self.skip).min(block.len())..];
        if self.rest.is_empty() {
            let kept = self.whole(block, ended);
            self.decode_whole(&block[..kept], text);
            self.rest.extend_from_slice(&block[kept..]);
            return;
        }
        let mut bytes = std::mem::take(&mut self.rest);
        bytes.extend_from_slice(block);
        let kept = self.whole(&bytes, ended);
        self.decode_whole(&bytes[..kept], text);
        self.rest = bytes.split_off(kept);
    }

    /// Bytes up to the last unit that does not wait for another.
    fn whole(&self, bytes: &[u8], ended: bool) -> usize {
        if self.width == Width::Four {
            return bytes.len() & !3;
        }
        let even = bytes.len() & !1;
        let waits = !ended && even > 0 && matches!(self.unit(&bytes[even - 2..even]), 0xd800..0xdc00);
        if waits { even - 2 } else { even }
    }

    fn unit(&self, pair: &[u8]) -> u16 {
        match self.is_little {
            true => u16::from_le_bytes([pair[0], pair[1]]),
            false => u16::from_be_bytes([pair[0], pair[1]]),
        }
    }

    fn decode_whole(&self, bytes: &[u8], text: &mut String) {
        if self.width == Width::Four {
            let character = |four: &[u8]| {
                let four = [four[0], four[1], four[2], four[3]];
                let code = if self.is_little { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) };
                char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
            };
            return text.extend(bytes.chunks_exact(4).map(character));
        }
        let units = bytes.chunks_exact(2).map(|pair| self.unit(pair));
        text.extend(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)));
    }
}

/// Of each `N` bytes of a sample, how many are zero at each offset, in tenths of all.
fn zeros<const N: usize>(bytes: &[u8]) -> [usize; N] {
    let sample = bytes[..bytes.len().min(SAMPLE)].chunks_exact(N);
    let units = sample.len().max(1);
    let mut counts = [0; N];
    for unit in sample {
        unit.iter().zip(&mut counts).for_each(|(byte, count)| *count += usize::from(*byte == 0));
    }
    // Nine in ten: text outside Latin-1 is rare in a first half kibibyte without a mark.
    counts.map(|count| if count * 10 >= units * 9 { 9 } else { (count * 10).div_ceil(units) })
}

/// Whether text of two-byte characters is little-endian; `None` when it is no such text.
fn two_bytes(bytes: &[u8]) -> Option<bool> {
    match zeros::<2>(bytes) {
        [0..=1, 9] => Some(true),
        [9, 0..=1] => Some(false),
        _ => None,
    }
}

/// Whether text of four-byte characters is little-endian; `None` when it is no such text.
fn four_bytes(bytes: &[u8]) -> Option<bool> {
    match zeros::<4>(bytes) {
        [0..=1, 9, 9, 9] => Some(true),
        [9, 9, 9, 0..=1] => Some(false),
        _ => None,
    }
}
