//! `WWW-Authenticate` as registries write it: `Bearer realm="https://…",service="…",scope="…"`.

/// What a server asks to be shown.
#[derive(Debug, PartialEq, Eq)]
pub struct Challenge {
    /// `bearer` or `basic`, in lower case.
    pub scheme: String,
    parameters: Vec<(String, String)>,
}

impl Challenge {
    /// Reads a header's first challenge.
    pub fn parse(header: &str) -> Option<Challenge> {
        let (scheme, mut rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        let mut parameters = Vec::new();
        while let Some((name, after)) = rest.split_once('=') {
            let name = name.trim().trim_start_matches(',').trim().to_ascii_lowercase();
            let (value, after) = value(after.trim_start());
            parameters.push((name, value));
            rest = after;
        }
        (!scheme.is_empty()).then(|| Challenge { scheme: scheme.to_ascii_lowercase(), parameters })
    }

    /// A parameter's value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A quoted string with its escapes undone, or a word; and what follows.
fn value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(',').unwrap_or(text.len());
        return (text[..end].trim().to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::Challenge;

    #[test]
    fn challenges_are_read() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#;
        let challenge = Challenge::parse(hub).unwrap();
        assert_eq!(challenge.scheme, "bearer");
        assert_eq!(challenge.get("realm"), Some("https://auth.docker.io/token"));
        assert_eq!(challenge.get("scope"), Some("repository:a/b:pull,push"));
        let table = [
            (r#"Basic realm="a \"b\", c""#, "basic", Some(r#"a "b", c"#)),
            ("BASIC realm=x , charset=\"UTF-8\"", "basic", Some("x")),
            ("Negotiate", "negotiate", None),
            ("Bearer realm=\"open", "bearer", Some("open")),
        ];
        for (header, scheme, realm) in table {
            let challenge = Challenge::parse(header).unwrap();
            assert_eq!((challenge.scheme.as_str(), challenge.get("realm")), (scheme, realm), "{header}");
        }
        assert_eq!(Challenge::parse("  "), None);
    }
}
