//! A record: the values of one row.

use super::page::Encoding;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Text(String),
    Blob(Vec<u8>),
    Number(i64),
    /// Nothing, or a number that is no integer.
    Other,
}

/// A number of one to nine bytes, and what follows it.
pub fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0u64;
    for (index, byte) in bytes.iter().take(9).enumerate() {
        if index == 8 {
            return Some((value << 8 | u64::from(*byte), &bytes[9..]));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[index + 1..]));
        }
    }
    None
}

/// The values of a record, as far as it is sound.
pub fn values(record: &[u8], encoding: Encoding) -> Vec<Value> {
    let mut values = Vec::new();
    let Some((len, rest)) = number(record) else { return values };
    let header = record.len() - rest.len();
    let end = (len.min(record.len() as u64) as usize).max(header);
    let (mut types, mut content) = (&record[header..end], &record[end..]);
    while let Some((kind, rest)) = number(types) {
        types = rest;
        let len = match kind {
            0 | 8 | 9 => 0,
            1..=4 => kind,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return values,
            _ => (kind - 12) / 2,
        };
        // A value that is cut short is given as far as it goes.
        let len = len.min(content.len() as u64) as usize;
        let (bytes, rest) = content.split_at(len);
        content = rest;
        values.push(match kind {
            1..=6 => Value::Number(
                bytes.iter().fold(if bytes.first().is_some_and(|b| b & 0x80 != 0) { -1 } else { 0 }, |sum, byte| {
                    sum << 8 | i64::from(*byte)
                }),
            ),
            8 => Value::Number(0),
            9 => Value::Number(1),
            0 | 7 => Value::Other,
            kind if kind % 2 == 0 => Value::Blob(bytes.to_vec()),
            _ => Value::Text(text(bytes, encoding)),
        });
    }
    values
}

fn text(bytes: &[u8], encoding: Encoding) -> String {
    let units = |unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        String::from_utf16_lossy(&units)
    };
    match encoding {
        Encoding::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
        Encoding::Utf16Le => units(u16::from_le_bytes),
        Encoding::Utf16Be => units(u16::from_be_bytes),
    }
}
