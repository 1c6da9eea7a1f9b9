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
    // Ordinary text is told from two bytes: neither a mark nor a zero.
    let [first, second, ..] = *bytes else { return None };
    let (is_little, skip) = match (first, second) {
        (0xff, 0xfe) => (true, 2),
        (0xfe, 0xff) => (false, 2),
        (0, _) | (_, 0) if bytes.len() >= 8 => (has_zeros(bytes, 1)?, 0),
        _ => return None,
    };
    let units = bytes[skip..].chunks_exact(2).map(|pair| match is_little {
        true => u16::from_le_bytes([pair[0], pair[1]]),
        false => u16::from_be_bytes([pair[0], pair[1]]),
    });
    let text = char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    Some(Wide { text, encoding: if is_little { "utf-16le" } else { "utf-16be" } })
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
