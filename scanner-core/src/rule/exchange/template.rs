//! Fills templates: `{secret}`, a part (`{account-sid}`), a kept value, `{endpoint}`, each with filters as in
//! `{secret|base64}` or `{secret|split:.:1}`. What is filled in is escaped for the place it lands in.

use base64::Engine as _;
use std::fmt::Write as _;

/// Where a filled value lands, which decides how it is escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a URL: everything but unreserved characters is percent-encoded.
    Url,
    /// In an urlencoded form: the same, and the template's own text is encoded, too.
    Form,
    /// Inside a JSON string.
    Json,
    /// In a header, in basic authorization or a comparison: as it is.
    Plain,
}

/// One piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<'t> {
    /// Text as it stands.
    Text(&'t str),
    /// A value's name and its filters.
    Hole(&'t str, Vec<Filter<'t>>),
}

/// What is done to a value before it is filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter<'t> {
    /// Standard base64 with padding.
    Base64,
    /// The n-th part, from 0, between separators.
    Split(&'t str, usize),
}

/// The pieces of a template, or what is wrong with it. A brace opens a hole when a name and a closing brace follow:
/// `{"a": {"b": 1}}` holds none.
pub fn pieces(template: &str) -> Result<Vec<Piece<'_>>, String> {
    let (mut pieces, mut rest, mut from) = (Vec::new(), 0, 0);
    while let Some(open) = template[from..].find('{').map(|at| from + at) {
        from = open + 1;
        let Some(close) = template[from..].find('}').map(|at| from + at) else { break };
        let inside = &template[from..close];
        let (name, filters) = inside.split_once('|').map_or((inside, None), |(name, filters)| (name, Some(filters)));
        let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if !is_name {
            continue;
        }
        if rest < open {
            pieces.push(Piece::Text(&template[rest..open]));
        }
        let filters = filters.map_or(Ok(Vec::new()), |filters| filters.split('|').map(filter).collect())?;
        pieces.push(Piece::Hole(name, filters));
        (rest, from) = (close + 1, close + 1);
    }
    if rest < template.len() {
        pieces.push(Piece::Text(&template[rest..]));
    }
    Ok(pieces)
}

fn filter(text: &str) -> Result<Filter<'_>, String> {
    if text == "base64" {
        return Ok(Filter::Base64);
    }
    let split = text.strip_prefix("split:").and_then(|rest| rest.rsplit_once(':'));
    let split = split.and_then(|(separator, index)| Some((separator, index.parse().ok()?)));
    match split {
        Some((separator, index)) if !separator.is_empty() => Ok(Filter::Split(separator, index)),
        _ => Err(format!("`{text}` is no filter: there are `base64` and `split:SEPARATOR:N`")),
    }
}

/// The template with its holes filled by `value`; names a hole that has no value or whose value does not fit the place.
pub fn fill(template: &str, place: Place, value: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut out = String::new();
    for piece in pieces(template)? {
        match piece {
            Piece::Text(text) if place == Place::Form => percent(text, &mut out),
            Piece::Text(text) => out.push_str(text),
            Piece::Hole(name, filters) => {
                let mut filled = value(name).ok_or(format!("nothing is known of `{name}`"))?;
                for filter in filters {
                    filled = apply(filter, &filled).ok_or(format!("`{name}` has not the form the request needs"))?;
                }
                escape(&filled, if name == "endpoint" { Place::Plain } else { place }, &mut out);
            }
        }
    }
    let is_control = |c: char| c.is_control();
    if place == Place::Plain && out.contains(is_control) {
        return Err("a value holds control characters".into());
    }
    Ok(out)
}

fn apply(filter: Filter, value: &str) -> Option<String> {
    match filter {
        Filter::Base64 => Some(base64::engine::general_purpose::STANDARD.encode(value)),
        Filter::Split(separator, index) => value.split(separator).nth(index).map(str::to_owned),
    }
}

fn escape(value: &str, place: Place, out: &mut String) {
    match place {
        Place::Plain => out.push_str(value),
        Place::Url | Place::Form => percent(value, out),
        Place::Json => {
            let quoted = serde_json::Value::from(value).to_string();
            out.push_str(&quoted[1..quoted.len() - 1]);
        }
    }
}

/// Appends a value percent-encoded as in RFC 3986: only unreserved characters stay.
pub fn percent(value: &str, out: &mut String) {
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
}
