//! Places as SARIF artifact locations: relative, percent-encoded, against the root of the sources; absolute where the
//! path is, and a store's own addresses for its objects. Decoded, each is the path again.

use crate::blob::BUCKET;
use crate::report::read::nameless;
use crate::report::{Place, Source};
use serde_sarif::sarif;

/// Where the bytes are: a path below `%SRCROOT%`, or a name of our own for what has no path.
pub fn artifact(place: &Place) -> sarif::ArtifactLocation {
    match (&place.path, place.source) {
        (Some(path), Source::Bucket) => absolute(BUCKET, path.strip_prefix(BUCKET).unwrap_or(path)),
        (Some(path), _) if path.starts_with('/') => absolute("file://", path),
        (Some(path), _) if is_on_drive(path) => {
            let (drive, rest) = path.split_at(2);
            absolute(&format!("file:///{drive}"), rest)
        }
        // A member of what has no path itself lies nowhere below the root.
        (Some(path), source) if nameless(source, path, &place.origin).is_some() => named(path),
        (Some(path), _) => sarif::ArtifactLocation::builder().uri(encode(path)).uri_base_id("%SRCROOT%").build(),
        (None, Source::Input) => named("standard-input"),
        // `commit message 1234…`, `unreachable blob 1234…`: the words before the last one name the kind.
        (None, _) => named(&match place.origin.rsplit_once(' ') {
            Some(("unreachable blob", id)) => format!("git-blob/{id}"),
            Some((kind, name)) => format!("git-{}/{name}", kind.replace(' ', "-")),
            None => place.origin.clone(),
        }),
    }
}

fn named(name: &str) -> sarif::ArtifactLocation {
    sarif::ArtifactLocation::builder().uri(encode(name)).build()
}

fn absolute(before: &str, path: &str) -> sarif::ArtifactLocation {
    sarif::ArtifactLocation::builder().uri(format!("{before}{}", encode(path))).build()
}

/// `C:/`, as Windows names a place.
fn is_on_drive(path: &str) -> bool {
    matches!(path.as_bytes(), [letter, b':', b'/', ..] if letter.is_ascii_alphabetic())
}

/// A path as a relative reference of RFC 3986. A colon is encoded too: in a first segment it would end a scheme.
pub fn encode(path: &str) -> String {
    path.bytes().fold(String::new(), |mut uri, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => uri.push(char::from(byte)),
            b'/' | b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';'
            | b'=' | b'@' => uri.push(char::from(byte)),
            other => uri.push_str(&format!("%{other:02X}")),
        }
        uri
    })
}

#[cfg(test)]
mod tests {
    use super::encode;

    #[test]
    fn paths_become_relative_references() {
        let table = [
            ("src/app.env", "src/app.env"),
            ("a b/c#d?e%f.txt", "a%20b/c%23d%3Fe%25f.txt"),
            ("c:/x", "c%3A/x"),
            ("a\\b", "a%5Cb"),
            ("köln/[id].ts", "k%C3%B6ln/%5Bid%5D.ts"),
            ("outer.zip!inner/file", "outer.zip!inner/file"),
        ];
        for (path, expected) in table {
            assert_eq!(encode(path), expected);
        }
    }
}
