//! Values that cannot be secrets by their form: templates, references, code. Cheap tests, no lists of known values.

/// The shortest value worth scoring.
const SHORTEST: usize = 6;

/// Whether a value is too short, refers elsewhere, or begins a PEM block, which rules of its own know.
pub fn is_no_value(value: &[u8]) -> bool {
    value.len() < SHORTEST || value.starts_with(b"-----") || is_reference(value)
}

/// Whether a value is a template or a reference to a secret kept elsewhere.
pub fn is_reference(value: &[u8]) -> bool {
    let (Some(&first), Some(&last)) = (value.first(), value.last()) else { return true };
    match first {
        b'$' => is_variable(value),
        // The end of `${NAME:-…}`, whose colon looked like the one before a password.
        b'-' => (last == b'}' && !value.contains(&b'{')) || has_placeholder(value),
        b'%' => last == b'%' || value.get(1) == Some(&b'(') || has_placeholder(value),
        b'{' => last == b'}' || value.get(1) == Some(&b'{'),
        b'<' => value.get(1) == Some(&b'%') || value.get(1) == Some(&b'?'),
        b'E' if value.starts_with(b"ENC[") => true,
        b'v' if value.starts_with(b"vault:") => true,
        b'o' if value.starts_with(b"op://") => true,
        _ => has_placeholder(value),
    }
}

/// `$NAME`, `${…}`, `$(…)`, also with the dollar sign doubled or a template right behind; a hash (`$2b$…`) and a password that starts with a dollar sign are none.
fn is_variable(value: &[u8]) -> bool {
    match value.get(1).copied().unwrap_or(b'$') {
        b'{' | b'(' => true,
        // `$1` is an argument, `$2b$…` a hash.
        b'0'..=b'9' => value[1..].iter().all(u8::is_ascii_digit),
        b'A'..=b'Z' | b'a'..=b'z' | b'_' => {
            let name = value[1..]
                .iter()
                .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b':' | b'-' | b'>'));
            let plain = name.count() == value.len() - 1;
            let upper = !value.iter().any(u8::is_ascii_lowercase);
            plain && (upper || value.contains(&b'_') || !value.iter().any(u8::is_ascii_digit)) || has_placeholder(value)
        }
        b'$' => matches!(value.get(2), Some(b'(' | b'{')) || (value.len() < 9 && value.iter().all(|b| *b == b'$')),
        _ => has_placeholder(value),
    }
}

/// A hole for another value: `${…}`, `{{…}}`, `#{…}`, `<%…`, `$(…)`, `%s`, `{}`, `{name}`, `\(name)`.
fn has_placeholder(value: &[u8]) -> bool {
    for (at, byte) in value.iter().enumerate().filter(|(_, byte)| matches!(byte, b'{' | b'%' | b'(')) {
        let before = if at > 0 { value[at - 1] } else { 0 };
        let after = &value[at + 1..];
        match byte {
            b'{' => {
                let close = after.iter().position(|b| *b == b'}');
                let inner = close.map(|end| &after[..end]);
                let named = inner.is_some_and(|text| {
                    text.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b':'))
                });
                let opens = matches!(before, b'$' | b'#' | b'{' | b'%');
                // A hole may go on behind the white space that ends an unquoted value.
                if close.is_some() && named || opens {
                    return true;
                }
            }
            b'(' => {
                if before == b'$' || before == b'\\' && after.contains(&b')') {
                    return true;
                }
            }
            _ => {
                let alone = after.first().is_some_and(|b| matches!(b, b's' | b'd' | b'@' | b'v' | b'q' | b'x'));
                let ends = after.get(1).is_none_or(|b| !b.is_ascii_alphanumeric());
                if (alone && ends) || before == b'<' || (after.first() == Some(&b'(') && after.contains(&b')')) {
                    return true;
                }
            }
        }
    }
    false
}

/// Whether unquoted text is an expression of a program (or a plain word) rather than a value. `after` is the byte behind it.
pub fn is_code(text: &[u8], after: u8) -> bool {
    let mut digits = 0;
    let mut symbols = 0;
    let mut joints = 0;
    let (mut calls, mut callable) = (false, true);
    for (index, &byte) in text.iter().enumerate() {
        match byte {
            b'0'..=b'9' => digits += 1,
            b'a'..=b'z' | b'A'..=b'Z' | 0x80.. => {}
            b'_' | b'.' | b'-' | b':' | b'/' => joints += 1,
            b'(' | b'[' | b'{' => {
                // Only what reads as a name can be called or indexed.
                let named = callable && text.get(index.wrapping_sub(1)).is_some_and(u8::is_ascii_alphanumeric);
                calls = calls || named || text.len() < 12;
            }
            b'>' if index > 0 && text[index - 1] == b'-' => calls = true,
            b'>' | b'&' | b'*' | b'!' | b'?' | b'$' | b'@' if index == 0 => symbols += 1,
            b')' | b']' | b'}' | b'>' | b',' | b';' => symbols += 1,
            _ => {
                symbols += 1;
                callable = false;
            }
        }
    }
    let suffix = text.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let typed = text[..text.len() - suffix].strip_suffix(b"u").or(text[..text.len() - suffix].strip_suffix(b"i"));
    let typed = typed.is_some_and(|number| number.iter().all(|b| b.is_ascii_digit() || *b == b'_'));
    let plain_word = digits == 0 && symbols == 0 && (joints > 0 || text.len() < 20);
    let number = digits + joints == text.len();
    let ended = matches!(after, b'(' | b'[' | b'{');
    plain_word || typed || calls || ended || (number && text.len() < 10)
}

#[cfg(test)]
mod tests {
    use super::is_reference;

    #[test]
    fn variables_and_templates_are_told_from_values() {
        for value in ["$NAME", "$NAME{{", "$$(cat", "$${NAME}", "-}", "-default}", "a{{", "%s", "${X:-y}", "{{ x }}"] {
            assert!(is_reference(value.as_bytes()), "{value}");
        }
        for value in ["$$money$$1", "-dash1-", "a{b-1", "pa$$word9", "50%off-x9"] {
            assert!(!is_reference(value.as_bytes()), "{value}");
        }
    }
}
