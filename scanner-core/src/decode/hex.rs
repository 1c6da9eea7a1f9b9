//! Bytes as two hexadecimal digits each.

/// The value of a digit.
#[inline]
pub fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// The number that `digits` write; `None` when one is no digit.
pub fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0u32, |number, byte| Some(number.checked_mul(16)? | u32::from(digit(*byte)?)))
}

/// The bytes that pairs of digits write; line ends, written out or not, are passed over.
pub fn decode(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut high = None;
    for value in text.iter().filter_map(|byte| digit(*byte)) {
        match high.take() {
            Some(high) => bytes.push(high << 4 | value),
            None => high = Some(value),
        }
    }
    bytes
}

/// The first bytes of a run of digits, at most twelve; 0 when it is no such run.
pub fn peek(run: &[u8], out: &mut [u8; 12]) -> usize {
    let mut len = 0;
    for pair in run.chunks_exact(2).take(out.len()) {
        let (Some(high), Some(low)) = (digit(pair[0]), digit(pair[1])) else { return 0 };
        out[len] = high << 4 | low;
        len += 1;
    }
    len
}
