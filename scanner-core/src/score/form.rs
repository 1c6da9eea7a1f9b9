//! Forms that are known not to be secrets, or to be something else: identifiers, paths, dates, digests, sentences.

use super::shape::Shape;

/// A form a value has as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Uuid,
    Version,
    Path,
    Url,
    Email,
    /// `com.example.Name`, `a.b.c`.
    Dotted,
    /// `snake_case`, `kebab-case`, `SCREAMING_CASE`.
    Joined,
    /// `camelCase`, `PascalCase`, a single word.
    Camel,
    Sentence,
    Color,
    /// `sha256-…`, `$2b$…`, `{SHA}…`, `md5:…`.
    Digest,
    /// `ssh-rsa …`, the start of a DER public key or certificate.
    PublicKey,
    Regex,
    Format,
    /// `***`, `xxxx`, `<…>`, `[…]`, `...`.
    Masked,
    /// Markup, style or query text: `#id > .class`, `SELECT …`, `<b>`.
    Markup,
    /// `image/png`, `en-US`.
    Mime,
    /// `arn:aws:…`, `projects/…/secrets/…`, `urn:…`.
    Resource,
}

/// Characters of which one must occur, the test, and the form it finds.
type Test = (&'static [u8], fn(&[u8]) -> bool, Form);

/// The form of `value`, if it has a known one.
pub fn form(value: &[u8], shape: &Shape) -> Option<Form> {
    if is_masked(value, shape) {
        return Some(Form::Masked);
    }
    if is_hex_number(value) {
        return Some(Form::Version);
    }
    if shape.spaces > 0 {
        return spaced(value, shape.spaces);
    }
    if shape.symbols == 0 {
        return is_camel(value).then_some(Form::Camel);
    }
    // Each form needs one of some characters: most values are spared most tests.
    let tests: [Test; 15] = [
        (b"$-:{2", is_digest, Form::Digest),
        (b"M3", is_public_key, Form::PublicKey),
        (b":/", is_resource, Form::Resource),
        (b"/", is_url, Form::Url),
        (b"-", is_uuid, Form::Uuid),
        (b".-:/+,", is_numeric, Form::Version),
        (b"@", is_email, Form::Email),
        (b"/\\.", is_path, Form::Path),
        (b"_-:", is_joined, Form::Joined),
        (b".", is_dotted, Form::Dotted),
        (b"/", is_mime, Form::Mime),
        (b"#", is_color, Form::Color),
        (b"<#./[]", is_markup, Form::Markup),
        (b"\\.([]", is_regex, Form::Regex),
        (b"%{", is_format, Form::Format),
    ];
    let has = |needed: &[u8]| needed.iter().any(|byte| shape.seen & (1 << byte) != 0);
    tests.iter().find(|(needed, test, _)| has(needed) && test(value)).map(|(_, _, form)| *form)
}

fn spaced(value: &[u8], spaces: u32) -> Option<Form> {
    if value.starts_with(b"ssh-") || value.starts_with(b"ecdsa-") {
        return Some(Form::PublicKey);
    }
    if is_markup(value) {
        return Some(Form::Markup);
    }
    let letters = value.iter().filter(|b| b.is_ascii_alphabetic() || **b >= 0x80).count() as u32;
    ((letters + spaces) * 10 >= value.len() as u32 * 7 || spaces > 1).then_some(Form::Sentence)
}

fn is_masked(value: &[u8], shape: &Shape) -> bool {
    let (first, last) = (value[0], value[value.len() - 1]);
    if matches!((first, last), (b'<', b'>') | (b'[', b']')) || has_hole(value, shape) {
        return true;
    }
    if shape.longest_run < 3 && shape.other == 0 {
        return false;
    }
    let same = value.iter().filter(|b| **b == first).count();
    let stars = value[..value.len().min(128)]
        .windows(3)
        .any(|w| matches!(w, b"***" | b"..." | b"___" | b"---") || w == b"\xe2\x80\xa6");
    // Three `x` in a row stand in one of a thousand random values; five in a row do not.
    let crosses = if value.len() < 16 { 3 } else { 5 };
    let crossed = value.windows(crosses).any(|w| w.iter().all(|b| *b == b'x') || w.iter().all(|b| *b == b'X'));
    same * 4 > value.len() * 3 || stars || crossed
}

/// A hole for something to be filled in: `prefix_<your key>`, `ghp_<base62:36>`.
fn has_hole(value: &[u8], shape: &Shape) -> bool {
    if shape.symbols == 0 {
        return false;
    }
    let Some(open) = value.iter().position(|b| *b == b'<') else { return false };
    let inside = &value[open + 1..];
    let close = inside.iter().position(|b| *b == b'>').unwrap_or(inside.len());
    // The value may end at a character that closes it before the hole does.
    let is_name =
        |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b' ' | b':' | b'[' | b']' | b'.' | b'+' | b'/');
    if inside.starts_with(b"[") {
        return true;
    }
    close >= 3
        && inside[0] != b'/'
        && inside[..close].iter().all(is_name)
        && (close < inside.len() || inside.contains(&b':'))
}

fn is_uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.iter().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// A number of up to 64 bits as code writes it: `0x7f879679`, `-0x1`.
fn is_hex_number(value: &[u8]) -> bool {
    let digits = value.strip_prefix(b"-").unwrap_or(value).strip_prefix(b"0x").unwrap_or_default();
    matches!(digits.len(), 1..=16) && digits.iter().all(|b| b.is_ascii_hexdigit() || *b == b'_')
}

/// Dates, times, versions, ranges of versions, addresses: digits and joints, with little else.
fn is_numeric(value: &[u8]) -> bool {
    let value = value.strip_prefix(b"npm:").unwrap_or(value);
    let value = value.trim_ascii_start();
    let range = value.iter().take_while(|b| matches!(b, b'^' | b'~' | b'>' | b'=' | b'<' | b'v' | b'V')).count();
    let value = &value[range..];
    let digits = value.iter().filter(|b| b.is_ascii_digit()).count();
    let joints = value.iter().filter(|b| matches!(b, b'.' | b'-' | b':' | b'/' | b'+' | b',' | b'*')).count();
    let letters = value.len() - digits - joints;
    let tag = value.iter().position(|b| matches!(b, b'-' | b'+')).map_or(&value[..0], |at| &value[at + 1..]);
    let release = joints > 1
        && tag.len() < 12
        && is_path_part(tag)
        && value[..value.len() - tag.len()].iter().all(|b| !b.is_ascii_alphabetic());
    joints > 0 && digits > 0 && (letters == 0 || (letters <= 2 && joints > 1) || release)
}

fn is_email(value: &[u8]) -> bool {
    let Some(at) = value.iter().position(|b| *b == b'@') else { return false };
    let domain = &value[at + 1..];
    let Some(dot) = domain.iter().rposition(|b| *b == b'.') else { return false };
    let top = &domain[dot + 1..];
    (2..=8).contains(&top.len())
        && top.iter().all(u8::is_ascii_lowercase)
        && at > 0
        && value.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'@' | b'.' | b'-' | b'_' | b'+'))
}

fn is_url(value: &[u8]) -> bool {
    let Some(colon) = value.windows(3).position(|w| w == b"://") else { return value.starts_with(b"//") };
    let rest = &value[colon + 3..];
    let host = rest.iter().position(|b| matches!(b, b'/' | b'?')).map_or(rest, |end| &rest[..end]);
    colon < 12
        && value[..colon].iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-'))
        && !host.contains(&b'@')
}

/// `/etc/x`, `./x`, `C:\x`, `a/b.txt`: word-like parts between slashes.
fn is_path(value: &[u8]) -> bool {
    let slashes = value.iter().filter(|b| matches!(b, b'/' | b'\\')).count();
    if slashes == 0 {
        return is_file_name(value);
    }
    if value.starts_with(b"./")
        || value.starts_with(b"../")
        || value.starts_with(b"~/")
        || value.get(1..3) == Some(b":\\")
    {
        return true;
    }
    let parts = value.split(|b| matches!(b, b'/' | b'\\')).filter(|part| !part.is_empty());
    parts.clone().all(is_path_part) && parts.count() > 0
}

fn is_file_name(value: &[u8]) -> bool {
    let Some(dot) = value.iter().rposition(|b| *b == b'.') else { return false };
    let ending = &value[dot + 1..];
    (1..=5).contains(&ending.len()) && ending.iter().all(u8::is_ascii_lowercase) && is_path_part(&value[..dot])
}

/// Words joined by dots, dashes and underscores, digits only at the end of a word.
fn is_path_part(part: &[u8]) -> bool {
    part.split(|b| matches!(b, b'.' | b'-' | b'_' | b'@' | b':' | b'*' | b'{' | b'}' | b'%' | b'$'))
        .all(is_word_or_empty)
}

fn is_word_or_empty(word: &[u8]) -> bool {
    word.is_empty() || is_camel(word) || word.iter().all(u8::is_ascii_digit) && word.len() < 5
}

fn is_dotted(value: &[u8]) -> bool {
    value.contains(&b'.')
        && value
            .split(|b| matches!(b, b'.' | b':' | b'-' | b'_' | b'#' | b'$'))
            .all(|part| !part.is_empty() && is_camel(part))
}

fn is_joined(value: &[u8]) -> bool {
    let joint = |b: &u8| matches!(b, b'_' | b'-' | b':');
    value.iter().any(joint) && value.split(joint).all(is_word_or_empty)
}

/// A word, or words joined by case alone, each long enough to be one: `clientSecret`, `HTTPServer2`. Digits only at the end.
fn is_camel(word: &[u8]) -> bool {
    let digits = word.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let letters = &word[..word.len() - digits];
    if letters.is_empty() || digits > 4 || !letters.iter().all(u8::is_ascii_alphabetic) {
        return false;
    }
    let upper = letters.iter().filter(|b| b.is_ascii_uppercase()).count();
    if upper == letters.len() || upper == 0 {
        return true;
    }
    let humps = 1 + letters.windows(2).filter(|w| w[0].is_ascii_lowercase() && w[1].is_ascii_uppercase()).count();
    letters.len() >= humps * 4
}

fn is_digest(value: &[u8]) -> bool {
    let starts: [&[u8]; 14] = [
        b"sha1-", b"sha256-", b"sha384-", b"sha512-", b"sha256:", b"sha512:", b"sha1:", b"md5:", b"$1$", b"$5$",
        b"$6$", b"$argon2", b"pbkdf2", b"$apr1",
    ];
    starts.iter().any(|start| value.starts_with(start))
        || (value[0] == b'{' && value.contains(&b'}'))
        || value.starts_with(b"$5$")
}

fn is_public_key(value: &[u8]) -> bool {
    ["MIIB", "MIIC", "MIID", "MCowBQYDK2Vw", "MFkwEwYH", "AAAAB3NzaC1yc2E", "AAAAC3NzaC1lZDI1NTE5", "AAAAE2VjZHNh"]
        .iter()
        .any(|start| value.len() > 56 && value.starts_with(start.as_bytes()))
}

fn is_resource(value: &[u8]) -> bool {
    let starts: [&[u8]; 6] = [b"arn:", b"urn:", b"projects/", b"data:", b"resource:", b"classpath:"];
    starts.iter().any(|start| value.starts_with(start))
}

fn is_mime(value: &[u8]) -> bool {
    let slash = value.iter().position(|b| *b == b'/');
    slash.is_some_and(|at| {
        value[..at].iter().all(u8::is_ascii_lowercase) && value.len() < 60 && is_path_part(&value[at + 1..])
    })
}

fn is_color(value: &[u8]) -> bool {
    value[0] == b'#' && matches!(value.len(), 4 | 7 | 9) && value[1..].iter().all(u8::is_ascii_hexdigit)
}

fn is_markup(value: &[u8]) -> bool {
    let first = value[0];
    let tags = first == b'<' || value.windows(2).any(|w| w == b"</" || w == b"/>" || w == b"]]");
    let selector = matches!(first, b'#' | b'.' | b'/' | b'[')
        && value.iter().all(|b| b.is_ascii_alphanumeric() || b"#.-_[]='\"> :/@*()".contains(b))
        && is_words(value);
    let query = [&b"SELECT "[..], b"INSERT ", b"UPDATE ", b"DELETE ", b"CREATE ", b"ALTER ", b"select "];
    tags || selector || query.iter().any(|verb| value.starts_with(verb))
}

fn is_words(value: &[u8]) -> bool {
    value.split(|b| !b.is_ascii_alphanumeric()).all(is_word_or_empty)
}

fn is_regex(value: &[u8]) -> bool {
    let pieces: [&[u8]; 12] =
        [b"\\d", b"\\w", b"\\s", b"\\b", b"[a-z", b"[A-Z", b"[0-9", b".*", b".+", b"(?:", b"(?i", b"]+"];
    let hits = pieces.iter().filter(|piece| value.windows(piece.len()).any(|w| w == **piece)).count();
    hits >= 2 || (hits == 1 && matches!(value[0], b'^' | b'(' | b'[' | b'/'))
}

fn is_format(value: &[u8]) -> bool {
    let holes = value.windows(2).filter(|w| [b"%s", b"%d", b"%v", b"{}", b"%@"].iter().any(|hole| w == hole)).count();
    holes > 0
}
