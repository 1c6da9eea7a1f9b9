//! Expands templates such as `acme_<base62:32>` into text: secrets are made when tests run and never stored.

use super::crc::{crc32, github_check, gitlab_check};
use super::pattern::{self, ByteSet};

/// A small generator of reproducible randomness: splitmix64.
pub struct Random(u64);

impl Random {
    /// Starts from `seed`.
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// The next 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not zero.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.draw() % bound as u64) as usize
    }
}

const ALPHABETS: &[(&str, &str)] = &[
    ("digit", "[0-9]"),
    ("hex", "[0-9a-f]"),
    ("HEX", "[0-9A-F]"),
    ("lower", "[a-z]"),
    ("upper", "[A-Z]"),
    ("alpha", "[A-Za-z]"),
    ("lowernum", "[a-z0-9]"),
    ("uppernum", "[A-Z0-9]"),
    ("base62", "[A-Za-z0-9]"),
    ("base32", "[A-Z2-7]"),
    ("base64", "[A-Za-z0-9+/]"),
    ("base64url", "[A-Za-z0-9_-]"),
];

/// Expands every `<…>` of `template`; the same `seed` gives the same text.
///
/// Errors name the hole that cannot be filled.
pub fn expand(template: &str, seed: u64) -> Result<String, String> {
    let mut random =
        Random::new(template.bytes().fold(seed, |hash, b| hash.wrapping_mul(31).wrapping_add(u64::from(b))));
    let mut out = String::new();
    let mut rest = template;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(tail) = rest.strip_prefix('<') {
            out.push('<');
            rest = tail;
            continue;
        }
        let end = rest.find('>').ok_or("a `<` is not closed; write `<<` for a plain one")?;
        // A class of one's own may hold `>`: its hole ends after `]:digits`.
        let end = if rest.starts_with('[') {
            let close = rest.find("]:").ok_or("a class needs a length: `<[a-z]:8>`")?;
            close + rest[close..].find('>').ok_or("a `<` is not closed")?
        } else {
            end
        };
        out.push_str(&fill(&rest[..end], &mut random)?);
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

fn fill(hole: &str, random: &mut Random) -> Result<String, String> {
    if hole == "uuid" {
        let hex = |random: &mut Random, n| pick("[0-9a-f]", n, random);
        let (a, b, c, d, e) = (hex(random, 8)?, hex(random, 4)?, hex(random, 3)?, hex(random, 3)?, hex(random, 12)?);
        return Ok(format!("{a}-{b}-4{c}-a{d}-{e}"));
    }
    if hole == "jwt" {
        return Ok(jwt(random));
    }
    let (name, argument) = hole.rsplit_once(':').ok_or_else(|| format!("`<{hole}>` needs a length or a prefix"))?;
    if let Some(prefix) = hole.strip_prefix("github:") {
        let body = pick("[A-Za-z0-9]", 30, random)?;
        let check = github_check(body.as_bytes()).map(char::from);
        return Ok(format!("{prefix}{body}{}", check.iter().collect::<String>()));
    }
    if let Some(prefix) = hole.strip_prefix("gitlab:") {
        let payload = pick("[A-Za-z0-9]", 36, random)?;
        let token = format!("{prefix}{payload}.01");
        return Ok(format!("{token}{}", gitlab_check(&token, payload.len())));
    }
    if let Some(prefix) = hole.strip_prefix("grafana:") {
        let body = format!("{prefix}{}", pick("[A-Za-z0-9]", 32, random)?);
        return Ok(format!("{body}_{:08x}", crc32(body.as_bytes()).swap_bytes()));
    }
    let count: usize = argument.parse().map_err(|_| format!("`{argument}` is no length"))?;
    if count > 4096 {
        return Err(format!("`<{hole}>` is longer than 4,096"));
    }
    if name.starts_with('[') {
        return pick(name, count, random);
    }
    let class = ALPHABETS.iter().find(|(known, _)| *known == name);
    pick(class.ok_or_else(|| format!("`{name}` is no alphabet"))?.1, count, random)
}

fn pick(class: &str, count: usize, random: &mut Random) -> Result<String, String> {
    let hir = pattern::parse(class).map_err(|_| format!("`{class}` is no class"))?;
    let set: ByteSet = pattern::first_bytes(&hir);
    let bytes: Vec<u8> = set.iter().collect();
    if bytes.is_empty() || !bytes.is_ascii() {
        return Err(format!("`{class}` is no class of ASCII characters"));
    }
    Ok((0..count).map(|_| bytes[random.below(bytes.len())] as char).collect())
}

fn jwt(random: &mut Random) -> String {
    let subject = random.draw() >> 16;
    let header = base64url(br#"{"alg":"HS256","typ":"JWT"}"#);
    let payload = base64url(format!("{{\"sub\":\"{subject}\",\"iat\":1516239022}}").as_bytes());
    let signature: Vec<u8> = (0..32).map(|_| random.draw() as u8).collect();
    format!("{header}.{payload}.{}", base64url(&signature))
}

fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().enumerate().fold(0u32, |word, (i, &b)| word | u32::from(b) << (16 - 8 * i));
        for i in 0..=chunk.len() {
            out.push(ALPHABET[(word >> (18 - 6 * i) & 63) as usize] as char);
        }
    }
    out
}
