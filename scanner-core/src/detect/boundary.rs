//! Where a token may begin: a letter or digit before it makes it part of something else, unless that ends an escape.

/// Bytes before a token that the answer may depend on.
pub const LOOK_BACK: usize = 16;

/// Whether a keyword at `at` begins a word of its name: `algolia` in `myAlgolia` and `my_algolia`, `dd_api` not in `add_api`.
pub fn begins_word(bytes: &[u8], at: usize) -> bool {
    let is_hump = at > 0 && bytes[at - 1].is_ascii_lowercase() && bytes[at].is_ascii_uppercase();
    // `-Dsonar.login=` on a command line.
    let is_flag = at > 1 && bytes[at - 2] == b'-' && matches!(bytes[at - 1], b'D' | b'P');
    is_hump || is_flag || at > 0 && bytes[at - 1].is_ascii_digit() || begins(bytes, at)
}

/// Whether a token that begins at `at` is not the tail of a longer word.
///
/// The end of an escape is no part of a word: `\n`, `%20`, `=3D`, `\x1b`, `\u001b`, `ESC[32m`, `[0m`.
#[inline]
pub fn begins(bytes: &[u8], at: usize) -> bool {
    match at.checked_sub(1).map(|before| bytes[before]) {
        Some(before) if before.is_ascii_alphanumeric() && bytes[at].is_ascii_alphanumeric() => {
            ends_escape(&bytes[..at])
        }
        _ => true,
    }
}

/// Whether `before`, which ends in a letter or digit, ends an escape sequence.
fn ends_escape(before: &[u8]) -> bool {
    let from_end = |n: usize| before.len().checked_sub(n).map_or(0, |i| before[i]);
    let last = from_end(1);
    // \n \r \t \b \f \v \a \0 \e, also after another backslash
    if from_end(2) == b'\\' && matches!(last, b'n' | b'r' | b't' | b'b' | b'f' | b'v' | b'a' | b'0' | b'e') {
        return true;
    }
    let are_hex = |n: usize| (1..=n).all(|i| from_end(i).is_ascii_hexdigit());
    if are_hex(2) && (matches!(from_end(3), b'%' | b'=') || (from_end(3) == b'x' && from_end(4) == b'\\')) {
        return true;
    }
    if are_hex(4) && from_end(5) == b'u' && from_end(6) == b'\\' {
        return true;
    }
    // A terminal's control sequence: `[`, digits and semicolons, one letter.
    if last.is_ascii_alphabetic() {
        let mut back = 2;
        while back < LOOK_BACK && matches!(from_end(back), b'0'..=b'9' | b';') {
            back += 1;
        }
        return from_end(back) == b'[' && (back > 2 || from_end(back + 1) == 0x1b);
    }
    // \033
    last.is_ascii_digit() && from_end(2).is_ascii_digit() && from_end(3) == b'0' && from_end(4) == b'\\'
}
