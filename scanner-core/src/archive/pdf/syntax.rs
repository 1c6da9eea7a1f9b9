//! The little of PDF's syntax that is needed: names, numbers, references, strings.

use memchr::memmem;

/// Whether bytes end a name or a number.
fn is_end(byte: u8) -> bool {
    byte.is_ascii_whitespace()
        || matches!(byte, 0 | b'/' | b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'%')
}

/// What follows each `/name`.
pub fn after_name<'t>(text: &'t [u8], name: &'t [u8]) -> impl Iterator<Item = &'t [u8]> {
    let after = memmem::find_iter(text, name).map(move |at| &text[at + name.len()..]);
    after.filter(|after| after.first().is_none_or(|byte| is_end(*byte)))
}

/// Whether a dictionary has this name, as a key or a value.
pub fn has_name(text: &[u8], name: &[u8]) -> bool {
    after_name(text, name).next().is_some()
}

/// The number behind a key; none when it is a reference.
pub fn number_of(text: &[u8], key: &[u8]) -> Option<u32> {
    let after = after_name(text, key).next()?;
    if reference(after).is_some() {
        return None;
    }
    leading_number(after.trim_ascii_start()).map(|(number, _)| number)
}

fn leading_number(text: &[u8]) -> Option<(u32, &[u8])> {
    let digits = text.iter().take(10).take_while(|byte| byte.is_ascii_digit()).count();
    let number = std::str::from_utf8(&text[..digits]).ok()?.parse().ok()?;
    Some((number, &text[digits..]))
}

/// The object that `5 0 R` names.
pub fn reference(text: &[u8]) -> Option<u32> {
    let (number, rest) = leading_number(text.trim_ascii_start())?;
    let (_, rest) = leading_number(rest.trim_ascii_start())?;
    rest.trim_ascii_start().starts_with(b"R").then_some(number)
}

/// The object's number of a text that ends in `5 0 obj`.
pub fn number_before_obj(text: &[u8]) -> Option<u32> {
    let text = text.strip_suffix(b"obj")?.trim_ascii_end();
    let generation = text.iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |at| at + 1);
    let text = text[..generation].trim_ascii_end();
    let start = text.iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |at| at + 1);
    leading_number(&text[start..]).map(|(number, _)| number)
}

/// Whole numbers with white space between them.
pub fn numbers(text: &[u8]) -> Vec<usize> {
    let words = text.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
    words.map_while(|word| std::str::from_utf8(word).ok()?.parse().ok()).collect()
}

/// The names behind `/Filter`.
pub fn filters(dictionary: &[u8]) -> Vec<Vec<u8>> {
    let Some(after) = after_name(dictionary, b"/Filter").next() else { return Vec::new() };
    let after = after.trim_ascii_start();
    let list = match after.strip_prefix(b"[") {
        Some(list) => &list[..memchr::memchr(b']', list).unwrap_or(list.len())],
        None => &after[..after.iter().skip(1).position(|byte| is_end(*byte)).map_or(after.len(), |end| end + 1)],
    };
    let names = list.split(|byte| *byte == b'/').skip(1);
    names.map(|name| name[..name.iter().position(|byte| is_end(*byte)).unwrap_or(name.len())].to_vec()).collect()
}

/// Bytes written as hex digits, up to `>`.
pub fn hex(text: &[u8]) -> Vec<u8> {
    let text = &text[..memchr::memchr(b'>', text).unwrap_or(text.len())];
    let digits: Vec<u8> =
        text.iter().filter_map(|byte| char::from(*byte).to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).unwrap_or(&0)).collect()
}

/// The string that begins at `(`: its bytes, and how long it is as written.
pub fn string(text: &[u8]) -> (Vec<u8>, usize) {
    let (mut out, mut depth, mut at) = (Vec::new(), 0, 0);
    while let Some(&byte) = text.get(at) {
        at += 1;
        match byte {
            b'(' if depth == 0 => depth = 1,
            b'(' => {
                depth += 1;
                out.push(byte);
            }
            b')' => {
                depth -= 1;
                if depth == 0 {
                    break;
                }
                out.push(byte);
            }
            b'\\' => at += escape(&text[at..], &mut out),
            _ => out.push(byte),
        }
    }
    (out, at)
}

fn escape(rest: &[u8], out: &mut Vec<u8>) -> usize {
    match rest {
        [b'n', ..] => out.push(b'\n'),
        [b'r', ..] => out.push(b'\r'),
        [b't', ..] => out.push(b'\t'),
        [b'b' | b'f', ..] | [] => {}
        [b'\r', b'\n', ..] => return 2,
        [b'\r' | b'\n', ..] => {}
        [b'0'..=b'7', ..] => {
            let digits = rest.iter().take(3).take_while(|byte| (b'0'..=b'7').contains(byte));
            let count = digits.clone().count();
            out.push(digits.fold(0u32, |value, digit| value << 3 | u32::from(digit - b'0')) as u8);
            return count;
        }
        [other, ..] => out.push(*other),
    }
    rest.len().min(1)
}

/// Objects with their strings made plain: escapes undone, hex and UTF-16 read.
pub fn readable(objects: &[u8]) -> Vec<u8> {
    let (mut out, mut at) = (Vec::with_capacity(objects.len()), 0);
    while let Some(&byte) = objects.get(at) {
        match byte {
            b'(' => {
                let (string, len) = string(&objects[at..]);
                out.push(b'"');
                plain(&string, &mut out);
                out.extend_from_slice(b"\"");
                at += len;
            }
            b'<' if objects.get(at + 1) != Some(&b'<') => {
                let end = memchr::memchr(b'>', &objects[at..]).map_or(objects.len(), |end| at + end);
                let digits = &objects[at + 1..end];
                if digits.len() > 1 && digits.iter().all(|byte| byte.is_ascii_hexdigit() || byte.is_ascii_whitespace())
                {
                    out.push(b'"');
                    plain(&hex(digits), &mut out);
                    out.push(b'"');
                    at = end + 1;
                } else {
                    out.push(byte);
                    at += 1;
                }
            }
            b'<' => {
                out.extend_from_slice(b"<<");
                at += 2;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

fn plain(string: &[u8], out: &mut Vec<u8>) {
    match string {
        [0xfe, 0xff, wide @ ..] => {
            let units = wide.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            let text: String = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
            out.extend_from_slice(text.as_bytes());
        }
        _ => out.extend_from_slice(string),
    }
}
