//! Values as forges write them in their answers.

use crate::time::parse_rfc3339;

/// A time with or without fractions of a second, in UTC or with an offset: `2024-03-01T12:30:00.123+02:00`.
pub fn time(text: &str) -> Option<i64> {
    let at = text.get(..19)?;
    let rest = text[19..].trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let seconds = parse_rfc3339(&format!("{at}Z"))?;
    if rest.is_empty() || rest.eq_ignore_ascii_case("z") {
        return Some(seconds);
    }
    let (sign, digits) = match rest.split_at_checked(1)? {
        ("+", digits) => (-1, digits),
        ("-", digits) => (1, digits),
        _ => return None,
    };
    let digits: String = digits.chars().filter(|c| *c != ':').collect();
    let number = |range: std::ops::Range<usize>| digits.get(range)?.parse::<i64>().ok();
    Some(seconds + sign * (number(0..2)? * 3_600 + number(2..4)? * 60))
}

/// An address without a user and a password, whatever the forge puts there.
pub fn address(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let end = rest.find('/').unwrap_or(rest.len());
    let host = rest[..end].rsplit_once('@').map_or(&rest[..end], |(_, host)| host);
    format!("{scheme}://{host}{}", &rest[end..])
}

/// The address of a repository's wiki, for forges that keep it beside the repository.
pub fn wiki(address: &str) -> String {
    format!("{}.wiki.git", address.trim_end_matches('/').trim_end_matches(".git"))
}

/// The part of a key that tells the owner: all between the host and the name.
pub fn owner(key: &str) -> &str {
    let path = key.split_once('/').map_or("", |(_, path)| path);
    path.rsplit_once('/').map_or("", |(owner, _)| owner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_forges_write_them() {
        let table = [
            ("2024-03-01T12:30:00Z", Some(1_709_296_200)),
            ("2024-03-01T12:30:00.123456Z", Some(1_709_296_200)),
            ("2024-03-01T14:30:00.5+02:00", Some(1_709_296_200)),
            ("2024-03-01T07:00:00-0530", Some(1_709_296_200)),
            ("2024-03-01T12:30:00", Some(1_709_296_200)),
            ("2024-03-01", None),
            ("2024-03-01T12:30:00+2", None),
            ("", None),
            ("ümlaut-ümlaut-ümlaut-ümlaut", None),
        ];
        for (text, expected) in table {
            assert_eq!(time(text), expected, "{text}");
        }
    }

    #[test]
    fn an_address_loses_its_user() {
        let written = format!("https://user:{}@a.example/x/y.git", "hidden-word");
        assert_eq!(address(&written), "https://a.example/x/y.git");
        assert_eq!(address("https://a.example/x@y.git"), "https://a.example/x@y.git");
        assert_eq!(wiki("https://a.example/x/y.git"), "https://a.example/x/y.wiki.git");
        assert_eq!((owner("a.example/x/y/z"), owner("a.example/z")), ("x/y", ""));
    }
}
