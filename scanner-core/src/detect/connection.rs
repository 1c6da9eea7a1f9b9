//! The text around a value that says where it belongs: a password in an address means nothing without the address.

use crate::rule::Rule;
use crate::secret::Secret;
use std::ops::Range;

/// The name of the part that holds it.
pub const CONNECTION: &str = "connection";

/// Bytes that are kept before and after a value in an address.
const AROUND: [usize; 2] = [400, 1_000];
/// The same in a service account's file.
const IN_FILE: [usize; 2] = [2_000, 4_000];

/// Rules of connection strings that name their server.
const NAMES: [&str; 11] = [
    "postgres-url",
    "mysql-url",
    "mongodb-url",
    "redis-url",
    "amqp-url",
    "ldap-url",
    "mail-url",
    "jdbc",
    "postgres-dsn",
    "go-mysql-dsn",
    "redis-dotnet",
];
const FILE: &str = "gcp.service-account-key";

/// Whether values of a rule mean nothing without the text around them.
pub fn is_needed(rule: &str) -> bool {
    rule == FILE || rule.strip_prefix("connection-string.").is_some_and(|name| NAMES.contains(&name))
}

/// The text around a value, to be kept as the part `CONNECTION`; none for rules that need none.
pub fn around(rule: &Rule, text: &[u8], secret: Range<usize>) -> Option<Secret> {
    if !is_needed(&rule.id) || secret.end > text.len() || secret.start > secret.end {
        return None;
    }
    let is_file = rule.id == FILE;
    let [most_before, most_after] = if is_file { IN_FILE } else { AROUND };
    let from = secret.start.saturating_sub(most_before);
    let before = &text[from..secret.start];
    let after = &text[secret.end..text.len().min(secret.end + most_after)];
    if is_file {
        let start = from + before.iter().rposition(|byte| *byte == b'{')?;
        let end = secret.end + after.iter().position(|byte| *byte == b'}')? + 1;
        return Some(Secret::new(&text[start..end]));
    }
    // `host=… user=…` has spaces; nothing else has.
    let is_spaced = rule.id == "connection-string.postgres-dsn";
    let is_end = |byte: &u8| match byte {
        b'"' | b'\'' | b'`' | b'<' | b'>' | b'\n' | b'\r' => true,
        b' ' | b'\t' => !is_spaced,
        _ => false,
    };
    let start = before.iter().rposition(is_end).map_or(from, |at| from + at + 1);
    let end = secret.end + after.iter().position(is_end).unwrap_or(after.len());
    Some(Secret::new(&text[start..end]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule_set::RuleSet;

    #[test]
    fn a_value_keeps_the_address_it_stands_in() {
        let rules = RuleSet::embedded();
        let kept = |id: &str, text: &str| {
            let rule = rules.rules().iter().find(|rule| rule.id == id).expect("there is such a rule");
            let at = text.find("value").expect("it stands there");
            around(rule, text.as_bytes(), at..at + 5).map(|kept| String::from_utf8_lossy(kept.expose()).into_owned())
        };
        let url = "connection-string.postgres-url";
        let dsn = "connection-string.postgres-dsn";
        let file = "{ \"client_email\": \"a\", \"private_key\": \"value\", \"x\": 1 }";
        let table = [
            (url, "a = \"postgres://u:value@h/d?x=y\"; b", Some("postgres://u:value@h/d?x=y")),
            (url, "postgres://u:value@h", Some("postgres://u:value@h")),
            (dsn, "psql 'host=h user=u password=value port=1' x", Some("host=h user=u password=value port=1")),
            ("gcp.service-account-key", file, Some(file)),
            ("gcp.service-account-key", "value", None),
            ("jwt.token", "value", None),
        ];
        for (id, text, expected) in table {
            assert_eq!(kept(id, text).as_deref(), expected, "{text}");
        }
        let long = format!("{}value{}", "a".repeat(9_000), "b".repeat(9_000));
        assert_eq!(kept(url, &long).map(|kept| kept.len()), Some(400 + 5 + 1_000));
    }
}
