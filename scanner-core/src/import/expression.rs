//! Reads the simplest filter expressions: alternatives of which one lets a finding fall, each a comparison or a list.
//!
//! Each alternative stands for itself: one that is not understood is noted, and more is reported than was meant.

/// One alternative that is understood.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// A secret of this entropy or less falls.
    Entropy(f64),
    /// A text that one of these matches falls.
    Matches(Field, Vec<String>),
    /// A text that holds one of these falls, as it is written.
    Contains(Field, Vec<String>),
}

/// What a list is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Secret,
    Match,
    Line,
    Path,
}

/// The alternatives of an expression, and those that are not understood.
pub fn read(expression: &str) -> (Vec<Filter>, Vec<String>) {
    let (mut filters, mut rest) = (Vec::new(), Vec::new());
    for part in alternatives(expression) {
        let part = bare(part.trim());
        match part.is_empty() {
            true => {}
            false if alternatives(part).len() > 1 => {
                let (inner, other) = read(part);
                filters.extend(inner);
                rest.extend(other);
            }
            false => match one(part) {
                Some(filter) => filters.push(filter),
                None => rest.push(part.split_whitespace().collect::<Vec<_>>().join(" ")),
            },
        }
    }
    (filters, rest)
}

fn one(part: &str) -> Option<Filter> {
    let part = part.strip_prefix("filter.").unwrap_or(part);
    if let Some(rest) = part.strip_prefix("entropy(") {
        let (field, compared) = rest.split_once(')')?;
        let least = compared.trim_start().strip_prefix("<=")?.trim().parse().ok()?;
        return (field_of(field)? == Field::Secret).then_some(Filter::Entropy(least));
    }
    let (is_match, rest) = match (part.strip_prefix("matchesAny("), part.strip_prefix("containsAny(")) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        _ => return None,
    };
    let at = rest.find(", [").or_else(|| rest.find(",["))?;
    let field = field_of(&rest[..at])?;
    let texts = strings(rest[at + 1..].trim().strip_prefix('[')?)?;
    Some(if is_match { Filter::Matches(field, texts) } else { Filter::Contains(field, texts) })
}

fn field_of(text: &str) -> Option<Field> {
    let plain: String = text.chars().filter(|sign| !sign.is_whitespace()).collect();
    Some(match plain.replace('\'', "\"").as_str() {
        "finding[\"secret\"]" | "finding.secret" => Field::Secret,
        "finding[\"match\"]" | "finding.match" => Field::Match,
        "finding[\"line\"]" | "finding.line" => Field::Line,
        "attributes[?\"path\"].orValue(\"\")" | "attributes[\"path\"]" | "attributes.path" => Field::Path,
        _ => return None,
    })
}

/// The strings of a list up to `])`, and nothing after it; `r` before a string takes backslashes as they are.
fn strings(mut text: &str) -> Option<Vec<String>> {
    let mut strings = Vec::new();
    loop {
        text = text.trim_start();
        if let Some(rest) = text.strip_prefix(']') {
            return (rest.trim() == ")").then_some(strings);
        }
        let is_raw = text.starts_with('r');
        let body = text.strip_prefix('r').unwrap_or(text);
        let quote = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| body.starts_with(quote))?;
        let body = &body[quote.len()..];
        let end = body.find(quote)?;
        // Escapes would have to be read as the expression's language does.
        if !is_raw && body[..end].contains('\\') {
            return None;
        }
        strings.push(body[..end].to_owned());
        text = body[end + quote.len()..].trim_start();
        text = text.strip_prefix(',').unwrap_or(text);
    }
}

/// An expression without the brackets around all of it.
fn bare(text: &str) -> &str {
    let Some(inner) = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')) else { return text };
    let is_one = depths(inner).all(|(_, depth)| depth >= 0);
    if is_one { bare(inner.trim()) } else { text }
}

/// The parts between `||` outside brackets and strings.
fn alternatives(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, depth) in depths(text) {
        if depth == 0 && at >= start && text[at..].starts_with("||") {
            parts.push(&text[start..at]);
            start = at + 2;
        }
    }
    parts.push(&text[start..]);
    parts
}

/// Each place outside strings with the number of brackets that are open there.
fn depths(text: &str) -> impl Iterator<Item = (usize, i32)> {
    let (mut depth, mut places, mut at) = (0, Vec::new(), 0);
    while at < text.len() {
        let rest = &text[at..];
        if let Some(quote) = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| rest.starts_with(quote)) {
            at += rest[quote.len()..].find(quote).map_or(rest.len(), |end| end + 2 * quote.len());
            continue;
        }
        let sign = rest.chars().next().unwrap_or_default();
        depth += match sign {
            '(' | '[' | '{' => 1,
            ')' | ']' | '}' => -1,
            _ => 0,
        };
        places.push((at, depth));
        at += sign.len_utf8();
    }
    places.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simple_alternatives_are_read() {
        let text = r#"
            (filter.entropy(finding["secret"]) <= 3.5)
            || filter.matchesAny(attributes[?"path"].orValue(""), [r"""(?i)\.md$""", "docs/"])
            || containsAny(finding.line, ['a || b'])
        "#;
        let expected = vec![
            Filter::Entropy(3.5),
            Filter::Matches(Field::Path, vec![r"(?i)\.md$".into(), "docs/".into()]),
            Filter::Contains(Field::Line, vec!["a || b".into()]),
        ];
        assert_eq!(read(text), (expected, vec![]));
    }

    #[test]
    fn what_is_not_simple_is_left_whole() {
        for text in [
            "failsTokenEfficiency(finding.secret)",
            "entropy(finding.secret) <= 2.5 && failsTokenEfficiency(finding.secret)",
            "entropy(finding.match) <= 3.0",
            "matchesAny(finding.secret, [\"a\\\\d\"])",
            "matchesAny(finding.secret, [\"a\"]) && x",
        ] {
            assert_eq!(read(text), (vec![], vec![text.to_owned()]));
        }
    }
}
