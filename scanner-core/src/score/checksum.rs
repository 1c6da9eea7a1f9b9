//! Checks that some tokens carry in themselves.

use super::base64;
use crate::rule::Checksum;
use crate::rule::crc::github_check;

/// Whether `token` passes its check.
pub fn holds(checksum: Checksum, token: &[u8]) -> bool {
    match checksum {
        Checksum::GithubCrc32 => github(token),
        Checksum::Jwt => jwt(token),
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
