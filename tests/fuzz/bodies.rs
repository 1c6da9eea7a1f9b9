//! What each fuzz target does with its bytes; the library's own tests run the same on seeded inputs.
#![allow(dead_code)]

use std::io::{Cursor, Read};
use std::ops::Range;
use std::sync::LazyLock;
use std::time::Duration;
use stopleak_core::archive::{self, Kind, Limits as ArchiveLimits, Source};
use stopleak_core::decode::{Budget, Content};
use stopleak_core::detect::{Candidate, Engine, Judge, State, Worker};
use stopleak_core::image::{self, Descriptor, Digest, Manifest, Reference};
use stopleak_core::rule::{Rule, check};
use stopleak_core::scan::scan_bytes;
use stopleak_core::source::git::objects::{Kinds, Limits, Objects, Operation, Reader, Visit, Visitor};
use stopleak_core::{Origin, RuleSet, ci, decode, score};

static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new(RuleSet::embedded()));

/// A rule file gives complaints that name a line, or rules that scan.
pub fn rules(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match check::check_file("fuzz.toml", &text) {
        Err(errors) => {
            assert!(!errors.0.is_empty());
            let lines = text.matches('\n').count() + 1;
            assert!(errors.0.iter().all(|error| (1..=lines).contains(&error.line) && !error.message.is_empty()));
        }
        Ok(checked) => {
            let rules = checked.into_iter().map(|checked| checked.rule).collect();
            let Ok(set) = RuleSet::from_rules(rules) else { return };
            scan_bytes(&Engine::new(set), data, Origin::Stdin);
        }
    }
}

/// Every finding of a text stands at a place in it.
pub fn text(data: &[u8]) {
    let (findings, _) = scan_bytes(&ENGINE, data, Origin::Stdin);
    let lines = data.iter().filter(|&&byte| byte == b'\n').count() as u32 + 1;
    for finding in findings {
        assert!((0.0..=1.0).contains(&finding.confidence.0));
        assert!(!finding.secret.expose().is_empty() && !finding.occurrences.is_empty());
        for occurrence in &finding.occurrences {
            let position = occurrence.position;
            assert!(position.line >= 1 && position.column >= 1 && position.end_line >= position.line);
            assert!(position.end_line <= lines || !occurrence.trail.is_empty());
        }
    }
}

/// Wide characters are told from other bytes, and none is lost; every stretch that is found opens, with a way back.
pub fn decode(data: &[u8]) {
    if let Some(wide) = decode::wide(data) {
        let (units, size) = match wide.encoding {
            "utf-16le" | "utf-16be" => (wide.text.encode_utf16().count(), 2),
            _ => (wide.text.chars().count(), 4),
        };
        let marks: [&[u8]; 4] = [&[0xff, 0xfe, 0, 0], &[0, 0, 0xfe, 0xff], &[0xff, 0xfe], &[0xfe, 0xff]];
        let mark = usize::from(marks.iter().any(|mark| data.starts_with(mark)));
        assert_eq!(units, data.len() / size - mark);
    }
    let mut found = Vec::new();
    decode::find(data, 0..data.len(), &mut found);
    for stretch in found {
        assert!(stretch.span.end <= data.len() && stretch.looked.end <= data.len() + 1);
        assert!(stretch.span.start <= stretch.core.start && stretch.core.end <= stretch.span.end);
        assert!(stretch.looked.start <= stretch.span.start && stretch.span.end <= stretch.looked.end);
        let mut budget = Budget::new(stretch.span.len());
        let text = match decode::open(data, &stretch, &mut budget) {
            Some(Content::Text(text)) => text,
            Some(Content::Bytes(bytes)) => match decode::peel(&bytes, &stretch, &mut budget) {
                Some(text) => text,
                None => continue,
            },
            None => continue,
        };
        for at in 0..text.bytes.len() {
            let outer = text.outer(at..at + 1);
            assert!(outer.start >= stretch.span.start && outer.end <= stretch.span.end && !outer.is_empty());
        }
    }
}

/// A log that arrives in blocks is cleaned as the whole is, and every place in it is a place of the log.
pub fn log(data: &[u8]) {
    let Some((whole, map)) = decode::log::clean(data) else { return };
    let lines = data.iter().filter(|&&byte| byte == b'\n').count() as u32 + 1;
    for at in (0..whole.text.len()).step_by(7) {
        let ((line, column), (end_line, _)) = map.position(&whole.text, &(at..at + 1));
        assert!((1..=lines).contains(&line) && column >= 1 && end_line >= line);
    }
    for size in [1, 13, 300] {
        let mut reader = decode::log::LogReader::new(data).expect("it was one before");
        let mut out = decode::log::Cleaned::default();
        let mut blocks = data.chunks(size).peekable();
        while let Some(block) = blocks.next() {
            reader.read(block, blocks.peek().is_none(), &mut out);
        }
        assert_eq!(out.text, whole.text);
        assert_eq!(out.wraps, whole.wraps);
    }
}

/// What is found in a pipeline or manifest lies inside it.
pub fn pipeline(data: &[u8]) {
    static PRACTICES: LazyLock<ci::Practices> = LazyLock::new(|| ci::Practices::new(RuleSet::embedded().rules()));
    for found in PRACTICES.find(data) {
        assert!(found.span.start < found.span.end && found.span.end <= data.len());
    }
    for hidden in ci::decoded(data) {
        assert!(hidden.span.end <= data.len() && hidden.value <= hidden.text.len());
    }
}

/// The score, and a sum of the bytes around, so that a dependency span that is too narrow shows.
struct Sum;

impl Judge for Sum {
    fn judge(&mut self, bytes: &[u8], _: &Rule, candidate: &Candidate) -> (f32, Range<usize>) {
        let secret = candidate.secret();
        let window = secret.start.saturating_sub(9)..bytes.len().min(secret.end + 9);
        let sum = bytes[window.clone()].iter().map(|&byte| u32::from(byte)).sum::<u32>();
        let kind = score::Kind::Generic;
        let context = score::Context { bytes, secret, key: candidate.key(), syntax: candidate.syntax, kind };
        let (log_odds, looked) = score::log_odds(&context);
        let end = looked.end.max(if window.end == bytes.len() { window.end + 1 } else { window.end });
        (log_odds + sum as f32, looked.start.min(window.start)..end)
    }
}

/// The second half of the bytes is made from the first by operations that the bytes themselves tell.
pub fn delta(data: &[u8]) {
    let (base, mut script) = data.split_at(data.len() / 2);
    let (mut bytes, mut operations) = (Vec::new(), Vec::new());
    while let [code, a, b, rest @ ..] = script {
        let to = bytes.len() as u32;
        let len = usize::from(*b) + 1;
        script = rest;
        if code & 3 != 0 && !base.is_empty() {
            let from = (usize::from(*code >> 2) << 8 | usize::from(*a)) % base.len();
            let source = &base[from..base.len().min(from + len * (1 + usize::from(code & 3)))];
            bytes.extend_from_slice(source);
            operations.push(Operation::Copy { from: from as u32, to, len: source.len() as u32 });
        } else {
            let source = &script[..script.len().min(len % 64 + 1)];
            if source.is_empty() {
                break;
            }
            script = &script[source.len()..];
            bytes.extend_from_slice(source);
            operations.push(Operation::Insert { to, len: source.len() as u32 });
        }
    }
    let mut worker = Worker::new(&ENGINE, Sum);
    let (mut known, mut derived, mut full) = (State::default(), State::default(), State::default());
    worker.scan(base, &mut known);
    worker.scan_derived(&bytes, &operations, &known, base.len(), &mut derived);
    worker.scan(&bytes, &mut full);
    let sorted = |state: &State| {
        let mut all = state.candidates().to_vec();
        all.sort_by_key(|candidate| (candidate.start, candidate.end, candidate.rule, candidate.key_start));
        let mut hidden: Vec<String> = state.hidden().map(|hidden| format!("{hidden:?}")).collect();
        hidden.sort();
        (all, hidden, state.cuts())
    };
    let (derived, full) = (sorted(&derived), sorted(&full));
    assert_eq!(derived.0, full.0, "{operations:?}");
    let only = |a: &[String], b: &[String]| a.iter().filter(|one| !b.contains(one)).cloned().collect::<Vec<_>>();
    let (more, fewer) = (only(&derived.1, &full.1), only(&full.1, &derived.1));
    assert!(derived == full, "{operations:?}\nonly derived: {more:#?}\nonly full: {fewer:#?}");
}

struct Sizes;

impl Visitor for Sizes {
    type State = usize;

    fn visit(&mut self, object: &Visit<'_, usize>, size: &mut usize) {
        if let Some(base) = &object.base {
            assert_eq!(*base.state, base.bytes.len());
        }
        *size = object.bytes.len();
    }
}

/// The first two bytes tell how long the pack is, the rest is its index.
pub fn pack(data: &[u8]) {
    let [a, b, rest @ ..] = data else { return };
    let split = (usize::from(*a) << 8 | usize::from(*b)).min(rest.len());
    let (pack, index) = rest.split_at(split);
    let limits = Limits { max_object_bytes: 1 << 20 };
    let Ok(objects) = Objects::from_pack(pack.to_vec(), index.to_vec(), limits) else { return };
    let walked = objects.walk(Kinds::ALL, &|_| true, 1, &|| Sizes);
    assert!(walked.warnings.iter().all(|warning| warning.unscanned));
    assert!(walked.objects as usize <= objects.len());
    let mut reader = Reader::new();
    for object in 0..objects.len().min(1_000) as u32 {
        let _ = objects.read(object, &mut reader);
    }
}

const KINDS: [Kind; 21] = [
    Kind::Gzip,
    Kind::Bzip2,
    Kind::Xz,
    Kind::Lzma,
    Kind::Lzip,
    Kind::Zstd,
    Kind::Lz4,
    Kind::Brotli,
    Kind::Tar,
    Kind::Zip,
    Kind::SevenZip,
    Kind::Ar,
    Kind::Cpio,
    Kind::Rpm,
    Kind::Squashfs,
    Kind::Pdf,
    Kind::Sqlite,
    Kind::Class,
    Kind::Pyc,
    Kind::JavaKeystore,
    Kind::Pkcs12,
];

/// What unpacks stays within its limits, whether the bytes can be sought or come in a stream. The kind is the one the
/// bytes tell, or one that their number tells.
pub fn archive(data: &[u8]) {
    let told = archive::kind(&data[..data.len().min(archive::HEAD)]);
    let kind = told.unwrap_or(KINDS[data.len() % KINDS.len()]);
    let limits = ArchiveLimits {
        max_depth: 4,
        max_bytes: 8 << 20,
        max_entries: 5_000,
        max_memory: 16 << 20,
        max_time: Duration::from_secs(20),
        ..ArchiveLimits::default()
    };
    for seekable in [true, false] {
        let (mut total, mut members) = (0, 0);
        let visit = &mut |path: &str, content: &mut dyn Read| {
            assert!(!path.contains("..") || !path.split('/').any(|part| part == ".."));
            members += 1;
            total += std::io::copy(content, &mut std::io::sink())?;
            Ok(())
        };
        let (mut cursor, mut stream) = (Cursor::new(data), data);
        let source = if seekable { Source::Seekable(&mut cursor) } else { Source::Stream(&mut stream) };
        let unpacked = archive::unpack(kind, source, "fuzz", &limits, visit);
        assert!(unpacked.warnings.iter().all(|warning| warning.unscanned && warning.object.starts_with("fuzz")));
        assert_eq!(unpacked.members, members);
        // What a read began goes on to its end.
        assert!(total <= limits.max_bytes + (1 << 20), "{total}");
    }
}

/// A layer is read within its limits, and no manifest, configuration or name does harm.
pub fn image(data: &[u8]) {
    let limits =
        ArchiveLimits { max_bytes: 8 << 20, max_entries: 5_000, max_memory: 16 << 20, ..ArchiveLimits::default() };
    for is_content in [false, true] {
        let what = Descriptor { is_content, ..Descriptor::new(Digest::of(data), Some(data.len() as u64)) };
        let mut total = 0;
        let visit = &mut |path: &str, content: &mut dyn Read| {
            assert!(!path.split('/').any(|part| part == ".."));
            total += std::io::copy(content, &mut std::io::sink())?;
            Ok(())
        };
        let walked = image::walk(&mut &*data, &what, &limits, visit);
        assert!(total <= limits.max_bytes + (1 << 20), "{total}");
        let _ = walked.changes.fate("a/b/c");
    }
    let _ = (Manifest::parse(data, "fuzz"), image::sections(data), image::steps(data));
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(reference) = Reference::parse(text) {
        // What is printed names the same image again, unless it is cut.
        let again = Reference::parse(&reference.to_string());
        assert!(reference.digest.is_some() || again.is_ok_and(|again| again == reference), "{text}");
    }
}
