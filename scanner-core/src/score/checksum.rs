//! Checks that some tokens carry in themselves.

use super::{base64, weights};
use crate::rule::Checksum;
use crate::rule::crc::{base36, crc32, github_check};

/// What a check says of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its checksum holds.
    Valid,
    /// Its checksum does not hold: it was made up.
    Wrong,
    /// It is built as such values are.
    Structured,
    /// It is not.
    Unstructured,
}

impl Verdict {
    /// What it adds to the log-odds, and its name in evidence.
    pub(super) fn weight(self) -> (&'static str, f32) {
        match self {
            Verdict::Valid => ("checksum-valid", weights::CHECKSUM[0]),
            Verdict::Wrong => ("checksum-wrong", weights::CHECKSUM[1]),
            Verdict::Structured => ("structure-valid", weights::STRUCTURE[0]),
            Verdict::Unstructured => ("structure-wrong", weights::STRUCTURE[1]),
        }
    }
}

/// Checks `token`.
pub fn check(checksum: Checksum, token: &[u8]) -> Verdict {
    match (checksum, holds(checksum, token)) {
        (Checksum::Pem, true) => Verdict::Structured,
        (Checksum::Pem, false) => Verdict::Unstructured,
        (_, true) => Verdict::Valid,
        (_, false) => Verdict::Wrong,
    }
}

/// Whether `token` passes its check.
pub fn holds(checksum: Checksum, token: &[u8]) -> bool {
    match checksum {
        Checksum::GithubCrc32 => github(token),
        Checksum::Jwt => jwt(token),
        Checksum::GitlabCrc32 => gitlab(token),
        Checksum::GrafanaCrc32 => grafana(token),
        Checksum::Pem => pem(token),
    }
}

/// `prefix_` and random characters, the last six being CRC-32 of those before in base62 (GitHub since 2021, npm).
/// <https://github.blog/engineering/behind-githubs-new-authentication-token-formats/>
fn github(token: &[u8]) -> bool {
    let body = token.iter().rposition(|b| *b == b'_').map_or(token, |at| &token[at + 1..]);
    let Some(split) = body.len().checked_sub(6).filter(|split| *split > 0) else { return false };
    let (random, check) = body.split_at(split);
    github_check(random) == *check
}

/// Everything before the last seven characters is counted; the two before them are the payload's length.
/// <https://handbook.gitlab.com/handbook/engineering/architecture/design-documents/cells/routable_tokens/>
fn gitlab(token: &[u8]) -> bool {
    let Some(split) = token.len().checked_sub(7).filter(|split| *split > 2) else { return false };
    let (counted, check) = token.split_at(split);
    let payload = counted.iter().position(|b| *b == b'.').map(|end| &counted[..end]).unwrap_or_default();
    let len = &counted[split - 2..];
    // The payload follows the prefix; prefixes are short and may be an instance's own.
    let is_len = |prefix: usize| base36((payload.len() - prefix) as u32, 2).as_bytes() == len;
    base36(crc32(counted), 7).as_bytes() == check && (0..payload.len().min(64)).any(is_len)
}

/// Grafana's `satokengen`: `glsa_` and the secret, then `_` and their CRC-32 as little-endian bytes in hex.
/// <https://github.com/grafana/grafana/tree/main/pkg/components/satokengen>
fn grafana(token: &[u8]) -> bool {
    let Some(split) = token.len().checked_sub(9) else { return false };
    token[split] == b'_' && format!("{:08x}", crc32(&token[..split]).swap_bytes()).as_bytes() == &token[split + 1..]
}

/// What stands between the lines of a PEM block decodes to a DER sequence that is as long as it says, or to an OpenSSH key.
/// <https://www.rfc-editor.org/rfc/rfc7468>
fn pem(block: &[u8]) -> bool {
    let dashes = |from: usize| block[from..].windows(5).position(|w| w == b"-----").map(|at| from + at);
    let Some(label) = dashes(0) else { return false };
    let Some(begin) = dashes(label + 5).map(|at| at + 5) else { return false };
    let end = dashes(begin).unwrap_or(block.len());
    let mut body = Vec::with_capacity(end - begin);
    let mut bytes = block[begin..end].iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            }
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => body.push(byte),
            _ => {}
        }
    }
    let Some(decoded) = decoded(&body) else { return false };
    decoded.starts_with(b"openssh-key-v1\0") || is_der_sequence(&decoded)
}

/// Whether the bytes are one DER sequence, give or take the padding of base64.
fn is_der_sequence(bytes: &[u8]) -> bool {
    let (header, len) = match *bytes {
        [0x30, len, ..] if len < 0x80 => (2, usize::from(len)),
        [0x30, 0x81, len, ..] => (3, usize::from(len)),
        [0x30, 0x82, high, low, ..] => (4, usize::from(high) << 8 | usize::from(low)),
        _ => return false,
    };
    (header + len).abs_diff(bytes.len()) <= 2
}

/// Three base64url parts; the first two are JSON objects, the first names an algorithm.
fn jwt(token: &[u8]) -> bool {
    let mut parts = token.split(|b| *b == b'.');
    let (Some(header), Some(payload), Some(_)) = (parts.next(), parts.next(), parts.next()) else { return false };
    let (Some(header), Some(payload)) = (decoded(header), decoded(payload)) else { return false };
    let is_object = |text: &[u8]| text.first() == Some(&b'{') && text.last() == Some(&b'}');
    is_object(&header) && is_object(&payload) && header.windows(5).any(|w| w == b"\"alg\"")
}

fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = vec![0; text.len()];
    let len = base64::decode(text, &mut out)?;
    out.truncate(len);
    Some(out)
}
