//! Archives that explode, loop or hold themselves: each ends at a limit that is told, in bounded memory. What the built
//! binary takes at its peak is measured.

use crate::archives::{Packed, cpio, end_of_zip, tar, tar_header, zip_of};
use crate::{Project, Run};
use std::io::{Read, Write};
use std::process::Child;
use std::time::{Duration, Instant};

/// The most memory that any of them may take.
const MOST: u64 = 300 << 20;

/// A gzip of zeros, which can be repeated: members follow each other.
fn gzip_zeros(size: usize) -> Vec<u8> {
    gzip(&vec![0; size])
}

fn deflate(content: &[u8]) -> Vec<u8> {
    let mut encoder = zlib_rs::Deflate::new(9, false, 15);
    let mut out = vec![0; content.len() / 50 + 1024];
    encoder.compress(content, &mut out, zlib_rs::DeflateFlush::Finish).unwrap();
    out.truncate(encoder.total_out() as usize);
    out
}

fn gzip(content: &[u8]) -> Vec<u8> {
    [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3][..], &deflate(content), &[0; 8]].concat()
}

fn zip(files: &[(String, &[u8])]) -> Vec<u8> {
    let packed = |(name, content): &(String, &[u8])| (name.clone(), content.len(), deflate(content));
    let packed: Vec<_> = files.iter().map(packed).collect();
    let member = |(name, size, packed): &(String, usize, Vec<u8>)| Packed {
        name: Box::leak(name.clone().into_boxed_str()),
        method: 8,
        size: *size,
        packed: packed.clone(),
    };
    zip_of(&packed.iter().map(member).collect::<Vec<_>>())
}

/// Ten times itself at each level, as the well-known 42.zip is made.
fn forty_two() -> Vec<u8> {
    let zeros = vec![0; 32 << 20];
    (0..5).fold(zeros, |inner, _| {
        let files: Vec<(String, &[u8])> = (0..10).map(|n| (format!("lib {n}.zip"), inner.as_slice())).collect();
        zip(&files)
    })
}

/// Many names for the same compressed bytes.
fn overlapping() -> Vec<u8> {
    let mut out = zip(&[("a".into(), &vec![0; 16 << 20])]);
    let at = out.len() - 22 - 47;
    let entry = out[at..at + 47].to_vec();
    out.truncate(at);
    end_of_zip(&mut out, &entry.repeat(2_000), 2_000);
    out
}

/// Blocks that repeat one byte: 128 KiB in four bytes.
fn zstd(blocks: usize) -> Vec<u8> {
    let mut out = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0x68];
    for index in 0..blocks {
        let header = (128u32 << 10) << 3 | 1 << 1 | u32::from(index + 1 == blocks);
        out.extend(&header.to_le_bytes()[..3]);
        out.push(b'a');
    }
    out
}

/// A gzip that unpacks to itself, byte for byte: a program of "print the next" and "repeat the last", which Deflate's
/// stored blocks and matches are. https://research.swtch.com/zip
fn quine() -> Vec<u8> {
    let print = |units: u8| vec![0, units * 5, 0, !(units * 5), 0xff];
    // A block with fixed codes: twice ten bytes from twenty bytes back, in forty bits.
    let repeat = {
        let copy = "0001000" /* 264: ten bytes */ .to_owned() + "01000" + "110" /* 17 and 3 */;
        let bits = format!("010{copy}{copy}0000000");
        let byte = |bits: &[u8]| bits.iter().rev().fold(0, |byte, bit| byte << 1 | (bit - b'0'));
        bits.as_bytes().chunks(8).map(byte).collect::<Vec<u8>>()
    };
    let prefix = [&[0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3][..], b"self\0"].concat();
    let suffix = [&[1, 0, 0, 0xff, 0xff][..], &[0; 10]].concat();
    let (zero, one, four) = (print(0), print(1), print(4));
    let (p, s, r) = (&prefix, &suffix, &repeat);
    let (l0, l1, l4) = (&zero, &one, &four);
    let program: [&Vec<u8>; 34] = [
        p, l4, p, l4, r, l1, r, l1, l1, l4, r, l1, l1, l4, r, l4, r, l4, r, l4, r, l4, r, l0, l0, l4, r, l0, l0, l4, r,
        s, r, s,
    ];
    program.into_iter().flatten().copied().collect()
}

/// A file of ten gigabytes that is one hole, as GNU tar writes it.
fn sparse() -> Vec<u8> {
    let mut header = tar_header("hole", b'S', 0);
    header[257..265].copy_from_slice(b"ustar  \0");
    header[483..495].copy_from_slice(format!("{:012o}", 10u64 << 30).as_bytes());
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    [&header[..], &[0; 1024]].concat()
}

/// Streams that `program` makes of one letter; none where it is not installed.
fn packed_by(program: &str, args: &[&str], size: usize) -> Option<Vec<u8>> {
    let started = std::process::Command::new(program)
        .args(args)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn();
    let Ok(mut child) = started else {
        eprintln!("SKIPPED: `{program}` is not installed, so its bomb is not tried");
        return None;
    };
    let mut input = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        let block = vec![b'a'; 1 << 20];
        (0..size >> 20).for_each(|_| _ = input.write_all(&block));
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    Some(output.stdout)
}

/// An inner page of a table whose children are itself, and a free list that goes in a circle.
fn looping_database() -> Vec<u8> {
    let mut out = vec![0; 8192];
    out[..24].copy_from_slice(b"SQLite format 3\0\x10\0\x01\x01\0\x40\x20\x20");
    for (at, value) in [(31, 2), (35, 2), (39, 9), (47, 4), (59, 1), (95, 1)] {
        out[at] = value;
    }
    // Page 1 has page 1 and 2 as children, page 2 has 1 and 2, and is a trunk of the free list with itself as the next.
    for start in [100, 4096] {
        out[start..start + 12].copy_from_slice(&[5, 0, 0, 0, 1, 0x0f, 0xfa, 0, 0, 0, 0, 2]);
        out[start + 12..start + 14].copy_from_slice(&[0x0f, 0xfa]);
        let page = if start == 100 { 0 } else { 4096 };
        out[page + 0xffa..page + 0xfff].copy_from_slice(&[0, 0, 0, 1, 1]);
    }
    out
}

/// Streams whose filters are applied again and again, and objects that refer to themselves.
fn pdf() -> Vec<u8> {
    let zeros = vec![b' '; 24 << 20];
    let zlib = |content: &[u8]| [&[0x78, 0x9c][..], &deflate(content), &[0; 4]].concat();
    // Each object begins where the stream begins, so that every one of them is the whole of it.
    let table = "1 0 2 25000000 ".repeat(200);
    let first = table.len();
    let packed = zlib(&zlib(&[table.as_bytes(), &zeros].concat()));
    let mut out = b"%PDF-1.7\n".to_vec();
    for n in 1..200 {
        out.extend(
            format!(
                "{n} 0 obj\n<< /Type /ObjStm /N 400 /First {first} /Extends {n} 0 R /Length {} /Filter [",
                packed.len()
            )
            .as_bytes(),
        );
        out.extend(b"/FlateDecode /FlateDecode] >>\nstream\n");
        out.extend(&packed);
        out.extend(b"\nendstream\nendobj\n");
    }
    out
}

/// An image of one layer.
fn image(layer: &[u8]) -> Vec<u8> {
    let digest = |bytes: &[u8]| stopleak_core::image::Digest::of(bytes).to_string();
    let part = |bytes: &[u8]| {
        format!(r#"{{"mediaType":"application/x.tar","digest":"{}","size":{}}}"#, digest(bytes), bytes.len())
    };
    let config = br#"{"os":"linux","architecture":"amd64"}"#;
    let manifest = format!(r#"{{"schemaVersion":2,"config":{},"layers":[{}]}}"#, part(config), part(layer));
    let index = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, part(manifest.as_bytes()));
    let blob = |bytes: &[u8]| format!("blobs/sha256/{}", &digest(bytes)[7..]);
    tar(&[
        ("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#),
        ("index.json", index.as_bytes()),
        (&blob(manifest.as_bytes()), manifest.as_bytes()),
        (&blob(config), config),
        (&blob(layer), layer),
    ])
}

/// Runs a scan of one file, and watches how much memory it takes at its peak.
fn measured(project: &Project, name: &str) -> (Run, u64, Duration) {
    let started = Instant::now();
    let mut child = project.command(&format!("scan -j1 --format jsonl {name}")).spawn().unwrap();
    drop(child.stdin.take());
    let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let readers = [std::thread::spawn(move || text(&mut stdout)), std::thread::spawn(move || text(&mut stderr))];
    let mut peak = 0;
    let status = loop {
        peak = peak.max(high_water(&child));
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None => std::thread::sleep(Duration::from_millis(2)),
        }
    };
    let [stdout, stderr] = readers.map(|reader| reader.join().unwrap());
    (Run { code: status.code().unwrap_or(-1), stdout, stderr }, peak, started.elapsed())
}

fn text(pipe: &mut dyn Read) -> String {
    let mut text = String::new();
    pipe.read_to_string(&mut text).unwrap();
    text
}

/// The most memory the process has had so far; zero where the system does not tell.
fn high_water(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kibibytes.unwrap_or(0) << 10
}

#[test]
fn bombs_end_at_a_limit_that_is_told_in_bounded_memory() {
    let zeros = gzip_zeros(16 << 20);
    let headers = gzip(&tar_header("a", b'0', 0).repeat(20_000));
    let quine = quine();
    let nested = (0..40).fold(b"text".to_vec(), |inner, _| tar(&[("a", &inner)]));
    let plain = tar(&[("zeros.gz", &zeros.repeat(3))]);
    let matryoshka = (0..3).fold(zeros.clone(), |inner, n| gzip(&tar(&[(&format!("{n}.gz"), &inner)])));
    let named = |name: &str| format!("b.{name}");
    // What is told; nothing where the whole of it fits within the limits.
    let ratio = "came out for each byte";
    let mut table: Vec<(&str, Vec<u8>, &str)> = vec![
        ("42.zip", forty_two(), ratio),
        ("overlapping.zip", overlapping(), ratio),
        ("zip", zip(&[("a".into(), &vec![0; 100 << 20])]), ""),
        ("gzip", zeros.repeat(30), ""),
        ("nested.tar", nested, "nested deeper than 10"),
        ("tar.gz", plain, ""),
        ("tar.gz.tar.gz", matryoshka, ""),
        ("zstd", zstd(80_000)[..12_000].to_vec(), ratio),
        ("sparse.tar", sparse(), ""),
        ("quine.gz", quine.clone(), "nested deeper than 10"),
        ("quine.tar", tar(&[("quine.gz", &quine)]), "nested deeper than 10"),
        ("entries.tar.gz", headers.repeat(60), ""),
        ("database", looping_database(), ""),
        ("pdf", pdf(), ratio),
        ("gzip layer", image(&[gzip(&tar_header("zeros", b'0', 320 << 20)), zeros.repeat(20)].concat()), ""),
        ("zstd layer", image(&zstd(4_000)), ratio),
        ("layer of bombs", image(&tar(&[("quine.gz", &quine), ("b.zst", &zstd(4_000))])), ""),
        (
            "spooled.cpio.gz",
            gzip(&cpio(&[("b.7z", &[&b"7z\xbc\xaf\x27\x1c"[..], &vec![0; 140 << 20]].concat())])),
            "memory",
        ),
    ];
    for (program, args) in
        [("xz", ["-9", "-c"]), ("bzip2", ["-9", "-c"]), ("lz4", ["-9", "-c"]), ("brotli", ["-q", "3"])]
    {
        table.extend(packed_by(program, &args, 200 << 20).map(|packed| (program, packed, "")));
    }
    let mut wrong = Vec::new();
    for (name, bytes, told) in table {
        let project = Project::new().file(&named(&name.replace(' ', "-")), &bytes);
        let (run, peak, took) = measured(&project, &named(&name.replace(' ', "-")));
        let unpacked = run.lines("summary").first().and_then(|line| line["bytes"].as_u64()).unwrap_or(0);
        eprintln!(
            "{name}: {} KiB, {} MiB came out, peak {} MiB, {:.1} s, exit {}: {}",
            bytes.len() >> 10,
            unpacked >> 20,
            peak >> 20,
            took.as_secs_f64(),
            run.code,
            run.stderr.lines().find(|line| line.contains("not scanned")).unwrap_or_default()
        );
        let is_told =
            if told.is_empty() { [0, 2].contains(&run.code) } else { run.code == 2 && run.stderr.contains(told) };
        if !is_told || peak > MOST || took > Duration::from_secs(120) {
            wrong.push(format!("{name}: peak {peak}, {took:?}, exit {}: {}", run.code, run.stderr));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The quine is one: what unpacks it gets the same bytes.
#[test]
fn the_quine_holds_itself() {
    let quine = quine();
    let mut out = vec![0; quine.len() * 2];
    let mut decoder = zlib_rs::Inflate::new(false, 15);
    decoder.decompress(&quine[15..], &mut out, zlib_rs::InflateFlush::NoFlush).unwrap();
    assert_eq!(&out[..decoder.total_out() as usize], &quine);
}
