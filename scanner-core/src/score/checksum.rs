//! Checks that some values carry in themselves: a wrong one is proof of a fake.

use crate::rule::Checksum;
use crate::rule::example::base62_crc32;

/// Whether `secret` passes the check.
pub fn holds(checksum: Checksum, secret: &[u8]) -> bool {
    match checksum {
        Checksum::GithubCrc32 => crc32_suffix(secret),
        Checksum::Jwt => jwt(secret),
    }
}

/// `prefix_`, then random characters, then six that are their CRC-32 in base62.
fn crc32_suffix(secret: &[u8]) -> bool {
    let body = secret.iter().rposition(|&b| b == b'_').map_or(secret, |underscore| &secret[underscore + 1..]);
    let Some((random, check)) = body.split_last_chunk::<6>() else { return false };
    base62_crc32(random).as_bytes() == check
}

/// Two parts in base64url that are JSON objects, then a signature. RFC 7519.
fn jwt(secret: &[u8]) -> bool {
    let mut parts = secret.split(|&b| b == b'.');
    let is_object = |part: Option<&[u8]>| {
        part.and_then(base64url).is_some_and(|json| serde_json::from_slice::<serde_json::Map<String, _>>(&json).map(|_: serde_json::Map<String, serde_json::Value>| ()).is_ok())
    };
    is_object(parts.next()) && is_object(parts.next())
}

/// Decodes base64url without padding; `None` on any other character.
pub fn base64url(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    let (mut word, mut bits) = (0u32, 0);
    for &byte in text.iter().filter(|&&byte| byte != b'=') {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'-' | b'+' => 62,
            b'_' | b'/' => 63,
            _ => return None,
        };
        word = word << 6 | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push((word >> bits) as u8);
        }
    }
    Some(out)
}
