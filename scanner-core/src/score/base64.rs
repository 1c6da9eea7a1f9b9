//! Decodes base64 without allocating: a value that decodes to text is judged as that text.

/// Decodes base64 of either alphabet into `out`, padding skipped; the decoded length, `None` for other text or no room.
pub fn decode(text: &[u8], out: &mut [u8]) -> Option<usize> {
    decode_while(text, out, |_| true)
}

/// The printable text that `value` is the base64 of, if it is: chance gives that once in a hundred thousand.
pub fn text<'a>(value: &[u8], out: &'a mut [u8]) -> Option<&'a [u8]> {
    if value.len() < 12 || value.len() % 4 == 1 {
        return None;
    }
    let len = decode_while(value, out, |byte| matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t'))?;
    let text = out[..len].trim_ascii();
    (text.len() >= 6).then_some(text)
}

fn decode_while(text: &[u8], out: &mut [u8], accept: impl Fn(u8) -> bool) -> Option<usize> {
    let (mut bits, mut have, mut len) = (0u32, 0, 0);
    for &byte in text {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'-' | b'+' => 62,
            b'_' | b'/' => 63,
            b'=' => continue,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(digit);
        have += 6;
        if have >= 8 {
            have -= 8;
            let decoded = (bits >> have) as u8;
            *out.get_mut(len).filter(|_| accept(decoded))? = decoded;
            len += 1;
        }
    }
    Some(len)
}
