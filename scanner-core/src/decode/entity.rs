//! Entities of HTML and XML: `&quot;`, `&#65;`, `&#x41;`.

use super::hex;
use super::mark::Mark;

const NAMED: [(&[u8], char); 17] = [
    (b"quot", '"'),
    (b"amp", '&'),
    (b"lt", '<'),
    (b"gt", '>'),
    (b"apos", '\''),
    (b"sol", '/'),
    (b"plus", '+'),
    (b"equals", '='),
    (b"colon", ':'),
    (b"num", '#'),
    (b"dollar", '$'),
    (b"percnt", '%'),
    (b"commat", '@'),
    (b"lowbar", '_'),
    (b"period", '.'),
    (b"excl", '!'),
    (b"nbsp", ' '),
];

/// The longest that is read.
const LONGEST: usize = 10;

/// The entity at `at`.
pub fn read(bytes: &[u8], at: usize) -> Option<Mark> {
    let rest = bytes.get(at + 1..)?;
    let end = rest.iter().take(LONGEST).position(|byte| *byte == b';')?;
    let character = match &rest[..end] {
        [b'#', b'x' | b'X', digits @ ..] if !digits.is_empty() => char::from_u32(hex::number(digits)?)?,
        [b'#', digits @ ..] => char::from_u32(std::str::from_utf8(digits).ok()?.parse().ok()?)?,
        name => NAMED.iter().find(|(known, _)| *known == name)?.1,
    };
    Some(Mark::new(end + 2, character.encode_utf8(&mut [0; 4]).as_bytes()))
}
