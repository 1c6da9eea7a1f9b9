//! Base64 in either alphabet: padding, line ends and escaped line ends are passed over.

/// The value of each character; 64 for those of neither alphabet.
const VALUES: [u8; 256] = {
    let mut values = [64; 256];
    let mut value = 0;
    while value < 64u8 {
        let character = match value {
            0..=25 => b'A' + value,
            26..=51 => b'a' + value - 26,
            52..=61 => b'0' + value - 52,
            62 => b'+',
            _ => b'/',
        };
        values[character as usize] = value;
        value += 1;
    }
    values[b'-' as usize] = 62;
    values[b'_' as usize] = 63;
    values
};

/// The bytes of base64 text; what is no character of it is passed over.
pub fn decode(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let (mut group, mut count) = (0u32, 0);
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        at += 1;
        let value = VALUES[byte as usize];
        if value == 64 {
            // `\n` written out: its letter is no digit.
            at += usize::from(byte == b'\\' && matches!(text.get(at), Some(b'n' | b'r' | b't')));
            continue;
        }
        group = group << 6 | u32::from(value);
        count += 1;
        if count == 4 {
            bytes.extend_from_slice(&group.to_be_bytes()[1..]);
            (group, count) = (0, 0);
        }
    }
    match count {
        2 => bytes.push((group >> 4) as u8),
        3 => bytes.extend_from_slice(&[(group >> 10) as u8, (group >> 2) as u8]),
        _ => {}
    }
    bytes
}

/// The first bytes of a run of base64 characters, at most twelve of them.
#[inline]
pub fn peek(run: &[u8], out: &mut [u8; 12]) -> usize {
    let mut len = 0;
    for group in run.chunks_exact(4).take(4) {
        let value = |i: usize| u32::from(VALUES[group[i] as usize] & 63);
        let bits = value(0) << 18 | value(1) << 12 | value(2) << 6 | value(3);
        out[len..len + 3].copy_from_slice(&bits.to_be_bytes()[1..]);
        len += 3;
    }
    len
}
