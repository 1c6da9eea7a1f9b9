//! JSON in one form only (RFC 8785), so that an entry's bytes follow from its content: keys in order, no blanks.
//!
//! Fractions and integers beyond 2^53 are refused: readers disagree on them, and no entry needs them.

use serde_json::Value;

/// Integers up to here are the same number to every reader of JSON.
const SAFE: u64 = (1 << 53) - 1;
/// Readers give up on deeper nesting.
const MAX_DEPTH: u32 = 64;

/// The one form of a value, or why it has none.
pub fn canonical(value: &Value) -> Result<Vec<u8>, &'static str> {
    let mut out = Vec::new();
    write(value, &mut out, 0)?;
    Ok(out)
}

fn write(value: &Value, out: &mut Vec<u8>, depth: u32) -> Result<(), &'static str> {
    if depth > MAX_DEPTH {
        return Err("it is nested too deeply");
    }
    match value {
        Value::Number(number) => {
            let size = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
            match size {
                Some(size) if size <= SAFE => out.extend_from_slice(number.to_string().as_bytes()),
                _ => return Err("it holds a fraction or a number beyond 2^53"),
            }
        }
        Value::Array(items) => list(items, out, (b'[', b']'), |item, out| write(item, out, depth + 1))?,
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            // RFC 8785 3.2.3: by UTF-16 code units.
            members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            list(&members, out, (b'{', b'}'), |(name, value), out| {
                scalar(&Value::String((*name).clone()), out);
                out.push(b':');
                write(value, out, depth + 1)
            })?;
        }
        Value::Null | Value::Bool(_) | Value::String(_) => scalar(value, out),
    }
    Ok(())
}

fn list<T>(
    items: &[T],
    out: &mut Vec<u8>,
    (open, close): (u8, u8),
    mut each: impl FnMut(&T, &mut Vec<u8>) -> Result<(), &'static str>,
) -> Result<(), &'static str> {
    out.push(open);
    for (number, item) in items.iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        each(item, out)?;
    }
    out.push(close);
    Ok(())
}

/// serde_json escapes texts as RFC 8785 3.2.2.2 asks.
fn scalar(value: &Value, out: &mut Vec<u8>) {
    out.extend_from_slice(value.to_string().as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_value_has_one_form() {
        let value = json!({ "b": [1, -2, true, null], "a": { "€": "\u{20ac}\u{7}\n\"\\", "\r": 1 }, "\u{1f600}": 1, "\u{fb33}": 2 });
        let text = String::from_utf8(canonical(&value).unwrap()).unwrap();
        // The order of keys is that of RFC 8785's own example: U+1F600 before U+FB33.
        assert_eq!(
            text,
            "{\"a\":{\"\\r\":1,\"€\":\"€\\u0007\\n\\\"\\\\\"},\"b\":[1,-2,true,null],\"\u{1f600}\":1,\"\u{fb33}\":2}"
        );
    }

    #[test]
    fn what_readers_disagree_on_is_refused() {
        for value in [json!(1.5), json!(1u64 << 53), json!(-1e300), json!({ "a": [i64::MIN] })] {
            assert!(canonical(&value).is_err(), "{value}");
        }
        let deep = (0..200).fold(json!(1), |inner, _| json!([inner]));
        assert!(canonical(&deep).is_err());
    }
}
