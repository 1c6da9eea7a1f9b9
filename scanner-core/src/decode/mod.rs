//! Finds text hidden inside bytes: so far UTF-16 in either byte order.

/// Bytes looked at to tell whether text is UTF-16.
const SAMPLE: usize = 512;

/// A text of two-byte characters made plain.
pub struct Wide {
    /// The same characters in UTF-8; lines and columns are those of the original.
    pub text: String,
    /// `utf-16le` or `utf-16be`.
    pub encoding: &'static str,
}

/// Reads `bytes` as UTF-16 when they are: by byte order mark, or by every second byte being zero.
pub fn wide(bytes: &[u8]) -> Option<Wide> {
    let mut decoder = WideDecoder::new(bytes)?;
    let mut text = String::new();
    decoder.decode(bytes, true, &mut text);
    Some(Wide { text, encoding: decoder.encoding() })
}

/// Bytes of a text's beginning that tell whether it is UTF-16.
pub const WIDE_SAMPLE: usize = SAMPLE;

/// Reads UTF-16 that arrives in blocks.
pub struct WideDecoder {
    is_little: bool,
    skip: usize,
    /// A unit, or a pair of them, that the next block completes.
    rest: Vec<u8>,
}

impl WideDecoder {
    /// A decoder when the text that begins with `start`, its first `WIDE_SAMPLE` bytes or all of it, is UTF-16.
    pub fn new(start: &[u8]) -> Option<WideDecoder> {
        // Ordinary text is told from two bytes: neither a mark nor a zero.
        let [first, second, ..] = *start else { return None };
        let (is_little, skip) = match (first, second) {
            (0xff, 0xfe) => (true, 2),
            (0xfe, 0xff) => (false, 2),
            (0, _) | (_, 0) if start.len() >= 8 => (has_zeros(start, 1)?, 0),
            _ => return None,
        };
        Some(WideDecoder { is_little, skip, rest: Vec::new() })
    }

    /// `utf-16le` or `utf-16be`.
    pub fn encoding(&self) -> &'static str {
        if self.is_little { "utf-16le" } else { "utf-16be" }
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
        let units = bytes.chunks_exact(2).map(|pair| self.unit(pair));
        text.extend(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)));
    }
}

/// Whether the bytes at offset `odd` of each pair are zero and the others are not (little-endian); `Some(false)` for
/// the reverse, `None` for neither.
fn has_zeros(bytes: &[u8], odd: usize) -> Option<bool> {
    let sample = &bytes[..bytes.len().min(SAMPLE) & !1];
    let pairs = sample.len() / 2;
    let zeros = |offset: usize| sample.chunks_exact(2).filter(|pair| pair[offset] == 0).count();
    let (even_zeros, odd_zeros) = (zeros(0), zeros(odd));
    // Nine in ten: text outside Latin-1 is rare in a first half kibibyte without a mark.
    if odd_zeros * 10 >= pairs * 9 && even_zeros * 10 <= pairs {
        Some(true)
    } else if even_zeros * 10 >= pairs * 9 && odd_zeros * 10 <= pairs {
        Some(false)
    } else {
        None
    }
}
