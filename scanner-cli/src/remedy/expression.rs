//! A value as a line of the file that `git filter-repo --replace-text` and BFG's `--replace-text` read.
//!
//! Both take `literal:` and `regex:` lines, know no comments, and cut a line at `==>`: filter-repo at the last, BFG at
//! the first. So a value that is not plain is written as a pattern of escapes that Python and Java read alike.

/// Shorter values may be a part of ordinary words: they are replaced as whole words only.
const SHORT: usize = 16;

/// Something to replace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Value {
    pub bytes: Vec<u8>,
    /// Whether it is replaced wherever its bytes stand: an encoded stretch is.
    pub anywhere: bool,
}

impl Value {
    /// Whether only whole words count.
    pub fn is_short(&self) -> bool {
        !self.anywhere && self.bytes.len() < SHORT
    }

    /// Whether it goes over several lines, which BFG does not see.
    pub fn is_multi_line(&self) -> bool {
        self.bytes.contains(&b'\n')
    }

    fn needs_pattern(&self) -> bool {
        let is_cut = self.bytes.windows(3).any(|three| three == b"==>");
        is_cut
            || self.is_short()
            || self.bytes.iter().any(u8::is_ascii_control)
            || std::str::from_utf8(&self.bytes).is_err()
    }
}

/// The file: longer values first, so that none is cut by a shorter one inside it.
pub fn file(values: &[Value]) -> Vec<u8> {
    let mut sorted: Vec<&Value> = values.iter().collect();
    sorted.sort_by(|a, b| b.bytes.len().cmp(&a.bytes.len()).then_with(|| a.cmp(b)));
    // filter-repo runs every literal before the first pattern: one inside a longer pattern's value waits its turn.
    let mut long_patterns: Vec<&Value> = Vec::new();
    let mut out = Vec::new();
    for value in sorted {
        let needs_pattern = value.needs_pattern();
        match needs_pattern || long_patterns.iter().any(|longer| contains(&longer.bytes, &value.bytes)) {
            true => out.extend(pattern(value)),
            false => out.extend([b"literal:", value.bytes.as_slice()].concat()),
        }
        out.push(b'\n');
        if needs_pattern && value.bytes.len() >= SHORT {
            long_patterns.push(value);
        }
    }
    out
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && text.windows(part.len()).any(|window| window == part)
}

fn pattern(value: &Value) -> Vec<u8> {
    let is_word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let mut out = b"regex:".to_vec();
    if value.is_short() && is_word(value.bytes.first()) {
        out.extend(b"(?<![0-9A-Za-z_])");
    }
    for chunk in value.bytes.utf8_chunks() {
        // BFG reads characters, filter-repo bytes: a character of several bytes stands for itself in both.
        for (at, character) in chunk.valid().char_indices() {
            match character {
                // A file may be checked in with other line ends.
                '\r' if chunk.valid()[at..].starts_with("\r\n") => {}
                '\n' => out.extend(b"\\r?\\n"),
                '\0'..='\x7f' if !character.is_ascii_alphanumeric() && character != '_' => {
                    out.extend(format!("\\x{:02x}", u32::from(character)).bytes());
                }
                _ => out.extend(character.encode_utf8(&mut [0; 4]).bytes()),
            }
        }
        chunk.invalid().iter().for_each(|byte| out.extend(format!("\\x{byte:02x}").bytes()));
    }
    if value.is_short() && is_word(value.bytes.last()) {
        out.extend(b"(?![0-9A-Za-z_])");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(bytes: &[u8]) -> String {
        let value = Value { bytes: bytes.to_vec(), anywhere: false };
        String::from_utf8_lossy(&file(&[value])).trim_end().to_owned()
    }

    #[test]
    fn plain_values_are_literals_and_others_patterns_that_both_tools_read() {
        let table: [(&[u8], &str); 8] = [
            (b"0123456789abcdef.*$[", "literal:0123456789abcdef.*$["),
            (b"regex:0123456789abcd", "literal:regex:0123456789abcd"),
            (b"pass.word", "regex:(?<![0-9A-Za-z_])pass\\x2eword(?![0-9A-Za-z_])"),
            (b"$ecret!", "regex:\\x24ecret\\x21"),
            (b"left0123456789==>right", "regex:left0123456789\\x3d\\x3d\\x3eright"),
            (b"first line of it\r\nsecond", "regex:first\\x20line\\x20of\\x20it\\r?\\nsecond"),
            ("pässwörd of 16 and more".as_bytes(), "literal:pässwörd of 16 and more"),
            (b"0123456789abcdef\xff\xe9", "regex:0123456789abcdef\\xff\\xe9"),
        ];
        for (bytes, expected) in table {
            assert_eq!(line(bytes), expected);
        }
    }

    #[test]
    fn a_value_inside_a_longer_one_comes_after_it_and_never_cuts_it() {
        let value = |text: &str| Value { bytes: text.as_bytes().to_vec(), anywhere: true };
        let lines = file(&[value("abcd"), value("0123456789\nabcd\n1"), value("zz")]);
        assert_eq!(String::from_utf8_lossy(&lines), "regex:0123456789\\r?\\nabcd\\r?\\n1\nregex:abcd\nliteral:zz\n");
    }
}
