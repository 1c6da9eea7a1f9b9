//! Archives and documents with a secret in plain text, in base64 and in UTF-16.

use super::is_impossible;
use crate::archive::made::{Format, deflate, gzip, has, run, zip};
use crate::archive::{FORMATS, documents};
use crate::made::token;
use crate::packed;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::io::Write;
use std::process::{Command, Stdio};
use stopleak_core::archive::{HEAD, Kind, kind};

pub const ENCODINGS: [&str; 3] = ["plain", "base64", "utf-16"];

const FILE: &str = "app.env";

/// Bytes with one secret.
pub struct Leaf {
    pub name: String,
    pub encoding: &'static str,
    pub bytes: Vec<u8>,
    pub secret: String,
    /// The path inside; none in a stream, which has no names.
    pub chain: Option<String>,
    /// What is peeled besides.
    pub trail: Vec<&'static str>,
}

impl Leaf {
    /// What it is, by its content.
    pub fn kind(&self) -> Option<&'static str> {
        kind(&self.bytes[..self.bytes.len().min(HEAD)]).map(Kind::name)
    }
}

/// A text in one of the encodings.
pub fn text(encoding: &'static str, seed: u64) -> Leaf {
    let secret = token(seed);
    let lines: String = (0..20).map(|line| format!("setting_{line} = {line}\n")).collect();
    let hidden = format!("token = \"{secret}\"\n");
    let (text, trail): (Vec<u8>, &[_]) = match encoding {
        "base64" => (format!("{lines}data: {}\n", STANDARD.encode(hidden)).into_bytes(), &["base64"]),
        "utf-16" => (format!("{lines}{hidden}").encode_utf16().flat_map(u16::to_le_bytes).collect(), &["utf-16le"]),
        _ => (format!("{lines}{hidden}").into_bytes(), &[]),
    };
    Leaf { name: "text".into(), encoding, bytes: text, secret, chain: None, trail: trail.to_vec() }
}

/// Every format and document that can be made on this machine.
pub fn all() -> Vec<Leaf> {
    let mut all = Vec::new();
    for (turn, encoding) in ENCODINGS.iter().enumerate() {
        let mut seed = 10_000 * (turn as u64 + 1);
        for format in &FORMATS.all {
            seed += 1;
            let text = text(encoding, seed);
            let bytes = (format.pack)(FILE, &text.bytes);
            let chain = format.has_names.then(|| chain(format));
            all.push(Leaf { name: format.name.clone(), bytes, chain, ..text });
        }
        for (name, make) in MADE {
            seed += 1;
            let text = text(encoding, seed);
            let (chain, bytes) = make(&text.bytes);
            all.push(Leaf { name: (*name).to_owned(), bytes, chain: chain.map(str::to_owned), ..text });
        }
        all.extend(DOCUMENTS.iter().filter_map(|(name, make)| {
            seed += 1;
            if is_impossible(name, encoding) {
                return None;
            }
            let text = text(if *encoding == "utf-16" { "plain" } else { encoding }, seed);
            let string = String::from_utf8(text.bytes.clone()).expect("it is text");
            let (chain, bytes) = make(&string, *encoding == "utf-16")?;
            Some(Leaf { name: (*name).to_owned(), encoding, bytes, chain: Some(chain.to_owned()), ..text })
        }));
    }
    all
}

fn chain(format: &Format) -> String {
    if format.name == "deb" { format!("data.tar.xz!{FILE}") } else { FILE.to_owned() }
}

type Make = fn(&[u8]) -> (Option<&'static str>, Vec<u8>);

/// What is made here besides.
const MADE: &[(&str, Make)] = &[
    ("lzma", |text| (None, packed::lzma(text))),
    ("xz", |text| (None, packed::xz(text))),
    ("lzip", |text| (None, packed::lzip(text))),
    ("brotli", |text| (None, packed::brotli(text))),
    ("cpio odc by hand", |text| (Some(FILE), packed::odc(&[(FILE, text)]))),
    ("7z copy", |text| (Some(FILE), packed::seven_copy(FILE, text))),
    ("rpm by hand", |text| {
        let payload = crate::archives::cpio(&[("./etc/app.env", text)]);
        (Some("etc/app.env"), packed::rpm(&gzip(&payload)))
    }),
    ("docx", |text| {
        let types = b"<?xml version=\"1.0\"?><Types/>";
        (Some("word/document.xml"), zip(&[("[Content_Types].xml", types, 8), ("word/document.xml", text, 8)]))
    }),
    ("jar", |text| {
        let manifest = b"Manifest-Version: 1.0\n";
        (Some("c/app.properties"), zip(&[("META-INF/MANIFEST.MF", manifest, 8), ("c/app.properties", text, 8)]))
    }),
    ("pdf attachment", |text| {
        (Some("object 1"), documents::pdf(&[documents::stream("/Type /EmbeddedFile", text, true)]))
    }),
];

type Document = fn(&str, bool) -> Option<(&'static str, Vec<u8>)>;

/// Documents: what makes them takes lines of text, and whether its own encoding is to be UTF-16.
const DOCUMENTS: &[(&str, Document)] = &[
    ("pdf page", |text, _| {
        let lines: String = text.lines().map(|line| format!("({line}) Tj 0 -14 Td ")).collect();
        let page = format!("BT /F1 12 Tf 72 700 Td {lines} ET");
        Some(("object 1", documents::pdf(&[documents::stream("", page.as_bytes(), true)])))
    }),
    ("pdf value", |text, is_wide| {
        let line = text.lines().last().unwrap_or_default();
        let wide = || format!("\u{feff}{line}").encode_utf16().map(|unit| format!("{unit:04X}")).collect::<String>();
        let value = if is_wide { format!("<{}>", wide()) } else { format!("({line})") };
        Some(("(objects)", documents::pdf(&[format!("<< /T (field) /V {value} >>").into_bytes()])))
    }),
    ("sqlite", |text, is_wide| {
        let rows: Vec<&str> = text.lines().collect();
        Some(("notes", packed::sqlite("notes", &rows, is_wide)))
    }),
    ("class", |text, _| {
        let lines: Vec<&[u8]> = text.lines().map(str::as_bytes).collect();
        Some(("(constants)", packed::class(&lines)))
    }),
    ("pyc", |text, _| {
        if !has("python3") {
            eprintln!("SKIPPED: `python3` is not installed, so compiled modules are not in the matrix");
            return None;
        }
        let code: String = text.lines().enumerate().map(|(n, line)| format!("A{n} = {line:?}\n")).collect();
        let script = "python3 -c \"import py_compile; py_compile.compile('$F', cfile='$OUT', doraise=True)\"";
        Some(("(constants)", run(script, "m.py", code.as_bytes())))
    }),
];

/// Compresses with `bzip2`, or with gzip where it is missing.
pub fn bzip2(bytes: &[u8]) -> Vec<u8> {
    if !has("bzip2") {
        return deflate_as_gzip(bytes);
    }
    let mut child =
        Command::new("bzip2").arg("-1c").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it is there");
    let mut input = child.stdin.take().expect("it is piped");
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || input.write_all(&bytes));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("it does not panic").expect("all is read");
    output.stdout
}

fn deflate_as_gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    out.extend(deflate(bytes, false));
    out.extend([0; 8]);
    out
}
