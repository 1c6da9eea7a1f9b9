//! Texts that carry bytes in base64 or hex: settings, manifests, pages, mail.

use crate::encode::wrapped;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// Writes bytes into a text.
type Carry = fn(&[u8]) -> Vec<u8>;

pub const ALL: [(&str, Carry); 10] = [
    ("json", |bytes| format!("{{\"name\": \"a\", \"archive\": \"{}\"}}\n", STANDARD.encode(bytes)).into_bytes()),
    ("yaml", |bytes| format!("name: a\narchive: {}\n", STANDARD.encode(bytes)).into_bytes()),
    ("kubernetes", |bytes| {
        let data = STANDARD.encode(bytes);
        format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\ndata:\n  store: {data}\n").into_bytes()
    }),
    ("cloud-init", |bytes| {
        let data = wrapped(&STANDARD.encode(bytes), 76, "\n    ");
        format!("#cloud-config\nwrite_files:\n- encoding: b64\n  path: /a\n  content: |\n    {data}\n").into_bytes()
    }),
    ("data uri", |bytes| {
        format!("<a href=\"data:application/zip;base64,{}\">x</a>\n", STANDARD.encode(bytes)).into_bytes()
    }),
    ("mail", |bytes| {
        let data = wrapped(&STANDARD.encode(bytes), 76, "\r\n");
        format!("Content-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n{data}\r\n").into_bytes()
    }),
    ("for urls", |bytes| format!("token: a\nstate: {}\n", URL_SAFE_NO_PAD.encode(bytes)).into_bytes()),
    ("base64 twice", |bytes| format!("release: {}\n", STANDARD.encode(STANDARD.encode(bytes))).into_bytes()),
    ("utf-16 text", |bytes| {
        let text = format!("\u{feff}archive: {}\n", STANDARD.encode(bytes));
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }),
    ("hex", |bytes| {
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("insert into files values(x'{digits}');\n").into_bytes()
    }),
];

/// What a carrier's bytes are encoded in.
pub fn encoding(carrier: &str) -> &'static str {
    if carrier == "hex" { "hex" } else { "base64" }
}
