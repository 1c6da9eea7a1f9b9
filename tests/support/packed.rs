//! Writers of archives and documents that need no tool: packages, compressed streams, databases, classes.
#![allow(dead_code)]

use lzma_rust2::{LzipOptions, LzipWriter, LzmaOptions, LzmaWriter, XzOptions, XzWriter};
use std::io::Write;

pub fn xz(content: &[u8]) -> Vec<u8> {
    let mut writer = XzWriter::new(Vec::new(), XzOptions::with_preset(0)).unwrap();
    writer.write_all(content).unwrap();
    writer.finish().unwrap()
}

pub fn lzma(content: &[u8]) -> Vec<u8> {
    let options = LzmaOptions::with_preset(0);
    let mut writer = LzmaWriter::new_use_header(Vec::new(), &options, Some(content.len() as u64)).unwrap();
    writer.write_all(content).unwrap();
    writer.finish().unwrap()
}

pub fn lzip(content: &[u8]) -> Vec<u8> {
    let mut writer = LzipWriter::new(Vec::new(), LzipOptions::with_preset(0));
    writer.write_all(content).unwrap();
    writer.finish().unwrap()
}

pub fn brotli(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let params = brotli::enc::BrotliEncoderParams { quality: 5, ..Default::default() };
    brotli::BrotliCompress(&mut &content[..], &mut out, &params).unwrap();
    out
}

/// A cpio as POSIX has it.
pub fn odc(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, content) in files.iter().copied().chain([("TRAILER!!!", &b""[..])]) {
        let (name_len, size) = (name.len() + 1, content.len());
        out.extend(format!("070707{:06o}{:06o}{:06o}{:06o}{:06o}{:06o}", 1, 1, 0o100_644, 0, 0, 1).as_bytes());
        out.extend(format!("{:06o}{:011o}{name_len:06o}{size:011o}", 0, 0).as_bytes());
        out.extend(name.as_bytes());
        out.push(0);
        out.extend_from_slice(content);
    }
    out
}

/// A package with two headers and this payload, a compressed cpio.
pub fn rpm(payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0xed, 0xab, 0xee, 0xdb, 3, 0];
    out.resize(96, 0);
    for text in [&b"signature\0"[..], b"x\0a summary\0"] {
        out.resize(out.len().next_multiple_of(8), 0);
        out.extend([0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0]);
        out.extend(1u32.to_be_bytes());
        out.extend((text.len() as u32).to_be_bytes());
        // The name as a string at the data's beginning.
        out.extend([0, 0, 3, 232, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 1]);
        out.extend(text);
    }
    out.extend(payload);
    out
}

/// A 7z of one file that is not compressed.
pub fn seven_copy(name: &str, content: &[u8]) -> Vec<u8> {
    let number = |value: usize| [&[0xff][..], &(value as u64).to_le_bytes()].concat();
    let size = number(content.len());
    let names: Vec<u8> = name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
    let header = [
        // One packed stream, one folder of one coder that copies.
        &[1, 4, 6, 0, 1, 9][..],
        &size,
        &[0, 7, 0x0b, 1, 0, 1, 1, 0, 0x0c],
        &size,
        &[0, 0, 5, 1, 0x11],
        &number(names.len() + 1),
        &[0],
        &names,
        &[0, 0],
    ]
    .concat();
    let start = [content.len() as u64, header.len() as u64].map(u64::to_le_bytes).concat();
    let next = [&start[..], &crc(&header).to_le_bytes()].concat();
    [b"7z\xbc\xaf\x27\x1c\0\x04", &crc(&next).to_le_bytes()[..], &next, content, &header].concat()
}

pub fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    };
    !bytes.iter().fold(!0, step)
}

/// A class of these string constants.
pub fn class(strings: &[&[u8]]) -> Vec<u8> {
    let mut out = vec![0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 61];
    out.extend((strings.len() as u16 + 1).to_be_bytes());
    for string in strings {
        out.push(1);
        out.extend((string.len() as u16).to_be_bytes());
        out.extend_from_slice(string);
    }
    // No flags, names, interfaces, fields, methods, attributes.
    out.extend([0; 14]);
    out
}

/// A database of one table with one column and these rows, each short; its texts are UTF-8, or UTF-16 in this machine's
/// most common order.
pub fn sqlite(table: &str, rows: &[&str], is_wide: bool) -> Vec<u8> {
    let text = |text: &str| match is_wide {
        true => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        false => text.as_bytes().to_vec(),
    };
    let mut out = vec![0; 8192];
    out[..100].copy_from_slice(&database_header(is_wide));
    let schema = text(&format!("CREATE TABLE {table}(v)"));
    let (kind, name) = (text("table"), text(table));
    let first = record(&[Value::Text(&kind), Value::Text(&name), Value::Text(&name), Value::Two, Value::Text(&schema)]);
    page(&mut out, 0, 100, &[first]);
    let rows: Vec<Vec<u8>> = rows.iter().map(|row| record(&[Value::Text(&text(row))])).collect();
    page(&mut out, 4096, 0, &rows);
    out
}

fn database_header(is_wide: bool) -> [u8; 100] {
    let mut header = [0; 100];
    header[..16].copy_from_slice(b"SQLite format 3\0");
    header[16..24].copy_from_slice(&[16, 0, 1, 1, 0, 64, 32, 32]);
    for (at, value) in [(24, 1), (28, 2), (40, 1), (44, 4), (56, if is_wide { 2 } else { 1 }), (92, 1)] {
        header[at + 3] = value;
    }
    header
}

enum Value<'v> {
    Text(&'v [u8]),
    /// The number of the second page.
    Two,
}

fn record(values: &[Value]) -> Vec<u8> {
    let (mut types, mut body) = (Vec::new(), Vec::new());
    for value in values {
        match value {
            Value::Text(text) => {
                types.extend(varint(13 + 2 * text.len()));
                body.extend_from_slice(text);
            }
            Value::Two => {
                types.push(1);
                body.push(2);
            }
        }
    }
    [varint(types.len() + 1), types, body].concat()
}

fn varint(value: usize) -> Vec<u8> {
    assert!(value < 1 << 14);
    if value < 128 { vec![value as u8] } else { vec![0x80 | (value >> 7) as u8, value as u8 & 0x7f] }
}

/// A leaf of a table: its cells stand at the page's end.
fn page(out: &mut [u8], start: usize, header: usize, rows: &[Vec<u8>]) {
    let mut end = 4096;
    for (index, row) in rows.iter().enumerate() {
        let cell = [varint(row.len()), varint(index + 1), row.clone()].concat();
        end -= cell.len();
        out[start + end..][..cell.len()].copy_from_slice(&cell);
        out[start + header + 8 + 2 * index..][..2].copy_from_slice(&(end as u16).to_be_bytes());
    }
    let at = start + header;
    out[at] = 0x0d;
    out[at + 3..at + 5].copy_from_slice(&(rows.len() as u16).to_be_bytes());
    out[at + 5..at + 7].copy_from_slice(&(end as u16).to_be_bytes());
}
