//! Vaults that keep one text a version: a JSON object is its fields, all else is the field `value`.

use super::talk::{field, unfield, wipe};
use super::{Fields, VaultError};
use crate::secret::Secret;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

/// The field of a text that is no JSON object.
pub const WHOLE: &str = "value";

/// The fields of a version's text.
pub fn fields(text: &[u8]) -> Fields {
    match object(text) {
        Some(mut object) => {
            let fields = object.iter().map(|(name, value)| (name.clone(), field(value))).collect();
            object.values_mut().for_each(wipe);
            fields
        }
        None => Fields::from([(WHOLE.to_owned(), Secret::new(text))]),
    }
}

fn object(text: &[u8]) -> Option<Map<String, Value>> {
    match serde_json::from_slice(text) {
        Ok(Value::Object(object)) if !object.is_empty() => Some(object),
        _ => None,
    }
}

/// The text of a new version, in the shape that the one before had.
pub fn text(fields: &Fields, before: Option<&[u8]>) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let mut before = before.and_then(object);
    if let (None, 1, Some(whole)) = (&before, fields.len(), fields.get(WHOLE)) {
        return Ok(Zeroizing::new(whole.expose().to_vec()));
    }
    let mut object = Map::new();
    for (name, value) in fields {
        object.insert(name.clone(), unfield(name, value, before.as_ref().and_then(|before| before.get(name)))?);
    }
    let text = Zeroizing::new(serde_json::to_vec(&object).unwrap_or_default());
    object.values_mut().chain(before.iter_mut().flat_map(Map::values_mut)).for_each(wipe);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_keeps_its_shape() {
        let table: [(&str, &[(&str, &str)]); 4] = [
            ("plain words", &[("value", "plain words")]),
            (r#"{"password":"a","port":5432}"#, &[("password", "a"), ("port", "5432")]),
            (r#"{"value":"a"}"#, &[("value", "a")]),
            ("[1,2]", &[("value", "[1,2]")]),
        ];
        for (written, expected) in table {
            let read = fields(written.as_bytes());
            let shown: Vec<_> = read.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
            let expected: Vec<_> = expected.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
            assert_eq!(shown, expected);
            assert_eq!(text(&read, Some(written.as_bytes())).unwrap().as_slice(), written.as_bytes());
        }
        let two = Fields::from([("a".to_owned(), Secret::new(b"1")), ("b".to_owned(), Secret::new(b"2"))]);
        assert_eq!(text(&two, None).unwrap().as_slice(), br#"{"a":"1","b":"2"}"#);
    }
}
