//! Encoders for tests: what people and programs do to text that holds secrets.
#![allow(dead_code)]

use base64::Engine as _;
use base64::engine::general_purpose as engines;

pub type Encoder = fn(&str) -> String;

/// How each encoder is named, and what it does to a text.
pub const ENCODERS: [(&str, Encoder); 13] = [
    ("base64", base64),
    ("base64 for URLs", base64_url),
    ("base64 in lines", base64_lines),
    ("hex", hex),
    ("percent", percent),
    ("escaped \\x", escaped_x),
    ("escaped \\u", escaped_u),
    ("entities", entities),
    ("quoted-printable", quoted_printable),
    ("concatenation", concatenation),
    ("gzip in base64", gzip_base64),
    ("zlib in base64", zlib_base64),
    ("utf-16 in base64", utf16_base64),
];

pub fn base64(text: &str) -> String {
    engines::STANDARD.encode(text)
}

pub fn base64_url(text: &str) -> String {
    engines::URL_SAFE_NO_PAD.encode(text)
}

/// As `base64` and PEM write it.
pub fn base64_lines(text: &str) -> String {
    wrapped(&base64(text), 64, "\n")
}

pub fn wrapped(text: &str, width: usize, between: &str) -> String {
    let lines: Vec<&str> =
        text.as_bytes().chunks(width).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
    lines.join(between)
}

pub fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// Everything but letters and digits, as programs do, and one letter in four.
pub fn percent(text: &str) -> String {
    let one = |(i, byte): (usize, u8)| match byte.is_ascii_alphanumeric() && i % 4 != 1 {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().enumerate().map(one).collect()
}

pub fn escaped_x(text: &str) -> String {
    text.bytes().map(|byte| format!("\\x{byte:02x}")).collect()
}

pub fn escaped_u(text: &str) -> String {
    text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect()
}

pub fn entities(text: &str) -> String {
    text.bytes()
        .enumerate()
        .map(|(i, byte)| if i % 2 == 0 { format!("&#{byte};") } else { format!("&#x{byte:x};") })
        .collect()
}

/// As mail holds it: from the beginning of a line on.
pub fn quoted_printable(text: &str) -> String {
    let mut out = String::from("\n");
    let mut column = 0;
    for byte in text.bytes() {
        let piece = match byte {
            b'=' | 127.. => format!("={byte:02X}"),
            _ => char::from(byte).to_string(),
        };
        if column + piece.len() > 75 && byte != b'\n' {
            out.push_str("=\n");
            column = 0;
        }
        column = if byte == b'\n' { 0 } else { column + piece.len() };
        out.push_str(&piece);
    }
    out
}

/// As a program joins literals of eleven characters, or a few more where an escape would be cut.
pub fn concatenation(text: &str) -> String {
    let mut out = String::from("\"");
    let mut len = 0;
    for character in text.chars() {
        if len >= 11 && !out.ends_with(['\\', ' ']) && character != ' ' {
            out.push_str("\" + \"");
            len = 0;
        }
        match character {
            '\n' => out.push_str("\\n"),
            '"' => out.push_str("\\\""),
            _ => out.push(character),
        }
        len += 1;
    }
    out + "\""
}

fn deflated(bytes: &[u8], zlib_header: bool) -> Vec<u8> {
    let mut out = vec![0; bytes.len() * 2 + 100];
    let mut stream = zlib_rs::Deflate::new(6, zlib_header, 15);
    stream.compress(bytes, &mut out, zlib_rs::DeflateFlush::Finish).expect("there is room");
    out.truncate(stream.total_out() as usize);
    out
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut crc = !0u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        (0..8).for_each(|_| crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 });
    }
    let header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    [&header[..], &deflated(bytes, false), &(!crc).to_le_bytes(), &(bytes.len() as u32).to_le_bytes()].concat()
}

pub fn gzip_base64(text: &str) -> String {
    engines::STANDARD.encode(gzip(text.as_bytes()))
}

pub fn zlib_base64(text: &str) -> String {
    engines::STANDARD.encode(deflated(text.as_bytes(), true))
}

/// As PowerShell's `-EncodedCommand` takes it.
pub fn utf16_base64(text: &str) -> String {
    engines::STANDARD.encode(text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>())
}
