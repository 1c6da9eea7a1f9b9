//! Names inside archives: `outer.zip!inner/file`. They are printed and compared, never opened.

/// Longer names are cut.
const MAX_NAME: usize = 4_096;

/// A member's name as it is shown: with `/`, without `./`, control characters or a way up.
pub fn clean(name: &[u8]) -> String {
    let name = &name[..name.len().min(MAX_NAME)];
    let text = String::from_utf8_lossy(name);
    let text: String = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    let parts = text.split('/').filter(|part| *part != ".");
    let parts: Vec<&str> = parts.map(|part| if part == ".." { "(..)" } else { part }).collect();
    let joined = parts.join("/");
    if joined.is_empty() { "(no name)".to_owned() } else { joined }
}

/// What a compressed stream holds, by the name of its file: `notes.txt` of `notes.txt.gz`.
pub fn stem(path: &str) -> String {
    let file = path.rsplit(['/', '!']).next().unwrap_or(path);
    match file.rsplit_once('.') {
        Some((stem, "tgz" | "tbz2" | "txz" | "tzst")) if !stem.is_empty() => format!("{stem}.tar"),
        Some((stem, ending)) if !stem.is_empty() && (1..=5).contains(&ending.len()) => stem.to_owned(),
        _ => "content".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{clean, stem};

    #[test]
    fn names_lead_nowhere() {
        let table: [(&[u8], &str); 7] = [
            (b"./etc/passwd", "etc/passwd"),
            (b"../../etc/passwd", "(..)/(..)/etc/passwd"),
            (b"/etc/passwd", "/etc/passwd"),
            (b"a\x1b[31mb\0", "a\u{fffd}[31mb\u{fffd}"),
            (b"", "(no name)"),
            (b"caf\xe9", "caf\u{fffd}"),
            (b"a/./b", "a/b"),
        ];
        for (name, expected) in table {
            assert_eq!(clean(name), expected);
        }
    }

    #[test]
    fn a_compressed_file_holds_its_stem() {
        let table = [("a/notes.txt.gz", "notes.txt"), ("x.tgz", "x.tar"), ("o.zip!d", "content"), (".gz", "content")];
        for (path, expected) in table {
            assert_eq!(stem(path), expected);
        }
    }
}
