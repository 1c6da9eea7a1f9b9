//! Places as SARIF artifact locations: relative, percent-encoded, against the root of the sources.

use crate::blob::Origin;
use serde_sarif::sarif;

/// Where the bytes are: a path below `%SRCROOT%`, or a name of our own for what has no path.
pub fn artifact(origin: &Origin) -> sarif::ArtifactLocation {
    match (origin.path(), origin) {
        (Some(path), _) => sarif::ArtifactLocation::builder().uri(encode(path)).uri_base_id("%SRCROOT%").build(),
        (None, Origin::GitBlob { id, .. }) => named(&format!("git-blob/{id}")),
        (None, Origin::GitMessage { kind, introduced }) => named(&format!("git-{kind}-message/{}", introduced.commit)),
        (None, _) => named("standard-input"),
    }
}

fn named(name: &str) -> sarif::ArtifactLocation {
    sarif::ArtifactLocation::builder().uri(encode(name)).build()
}

/// A path as a relative reference of RFC 3986. A colon is encoded too: in a first segment it would end a scheme.
pub fn encode(path: &str) -> String {
    path.trim_start_matches("./").trim_start_matches('/').bytes().fold(String::new(), |mut uri, byte| {
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
            ("./a b/c#d?e%f.txt", "a%20b/c%23d%3Fe%25f.txt"),
            ("c:/x", "c%3A/x"),
            ("/etc/x", "etc/x"),
            ("köln/[id].ts", "k%C3%B6ln/%5Bid%5D.ts"),
            ("outer.zip!inner/file", "outer.zip!inner/file"),
        ];
        for (path, expected) in table {
            assert_eq!(encode(path), expected);
        }
    }
}
