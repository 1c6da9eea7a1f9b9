//! Archives that grow, nest, lie or never end: each stops at a limit that is told.

use super::made::{deflate, end_of_zip, gzip, tar, tar_header, zip};
use super::scan_within;
use std::io::Read;
use std::time::{Duration, Instant};
use stopleak_core::archive::{Kind, Limits, Source, unpack};

fn told(bytes: &[u8], limits: &Limits, expected: &str) {
    let (_, warnings) = scan_within(bytes, "bomb", limits);
    assert!(
        warnings.iter().any(|w| w.unscanned && w.code == "archive-limit" && w.message.contains(expected)),
        "{expected}: {warnings:?}"
    );
}

#[test]
fn a_ratio_ends_zeros_and_overlapping_members() {
    let zeros = vec![0; 80 << 20];
    let limits = Limits { max_ratio: 100, ..Limits::default() };
    told(&gzip(&zeros), &limits, "for each byte of the archive");
    let mut overlapping = zip(&[("a", &zeros, 8)]);
    let at = overlapping.len() - 22 - 47;
    let entry = overlapping[at..at + 47].to_vec();
    overlapping.truncate(at);
    end_of_zip(&mut overlapping, &entry.repeat(2_000), 2_000);
    let started = Instant::now();
    told(&overlapping, &Limits::default(), "for each byte of the archive");
    assert!(started.elapsed() < Duration::from_secs(120));
}

#[test]
fn depth_ends_a_chain_of_streams_and_of_archives() {
    let mut chain = b"text".to_vec();
    let mut nested = b"text".to_vec();
    for _ in 0..40 {
        chain = gzip(&chain);
        nested = tar(&[("a", &nested)]);
    }
    told(&chain, &Limits::default(), "nested deeper than 10");
    told(&nested, &Limits::default(), "nested deeper than 10");
    let two = gzip(&tar(&[("b", &tar(&[("c", b"text")]))]));
    told(&two, &Limits { max_depth: 1, ..Limits::default() }, "nested deeper than 1");
    assert!(scan_within(&two, "a", &Limits { max_depth: 2, ..Limits::default() }).1.is_empty());
}

/// A gzip that unpacks to itself forever would be this: each round gives the next.
#[test]
fn an_archive_that_holds_itself_ends() {
    let mut stored = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    stored.extend(deflate(&gzip(&gzip(&gzip(b"seed"))), false));
    stored.extend([0; 8]);
    let quine = (0..12).fold(stored, |inner, _| gzip(&inner));
    told(&quine, &Limits::default(), "nested deeper");
}

#[test]
fn bytes_and_entries_and_time_end_the_rest() {
    let bytes = tar(&[("a", &[b'x'; 4000]), ("b", &[b'y'; 4000]), ("c", &[b'z'; 4000])]);
    told(&bytes, &Limits { max_bytes: 5_000, ..Limits::default() }, "more than 5000 bytes came out");
    told(&bytes, &Limits { max_entries: 2, ..Limits::default() }, "more than 2 members");
    told(&bytes, &Limits { max_time: Duration::ZERO, ..Limits::default() }, "took longer than 0 s");
    assert!(scan_within(&bytes, "a", &Limits { max_entries: 3, ..Limits::default() }).1.is_empty());
}

#[test]
fn a_million_entries_end_at_their_limit() {
    let entry = tar_header("a", b'0', 0);
    let limits = Limits { max_entries: 100_000, ..Limits::default() };
    told(&gzip(&entry.repeat(100_001)), &limits, "more than 100000 members");
}

#[test]
fn windows_and_members_that_need_much_memory_are_refused() {
    let zstd = [0x28, 0xb5, 0x2f, 0xfd, 0, 0xf8, 1, 0, 0];
    told(&zstd, &Limits::default(), "bytes of memory");
    // 0x21 is LZMA2, 40 a dictionary of 4 GiB.
    let xz =
        [&[0xfd, b'7', b'z', b'X', b'Z', 0, 0, 0, 0xff, 0x12, 0xd9, 0x41, 2, 0, 0x21, 1, 40][..], &[0; 60]].concat();
    told(&xz, &Limits::default(), "bytes of memory");
    let lzma = [&[0x5d, 0, 0, 0, 0x80][..], &[0xff; 8], &[0; 32]].concat();
    told(&lzma, &Limits::default(), "bytes of memory");
    // The second member asks for 512 MiB.
    let lzip = [&crate::packed::lzip(b"text")[..], b"LZIP\x01\x1d", &[0; 60]].concat();
    told(&lzip, &Limits::default(), "bytes of memory");
    let database = [b"SQLite format 3\0".as_slice(), &[0; 90_000]].concat();
    let inside = tar(&[("a.7z", &[&b"7z\xbc\xaf\x27\x1c"[..], &[0; 90_000]].concat()), ("b.db", &database)]);
    told(&inside, &Limits { max_memory: 50_000, ..Limits::default() }, "bytes of memory");
}

#[test]
fn a_size_that_lies_ends_with_the_file() {
    let mut lying = tar_header("a", b'0', 0o77_777_777_777).to_vec();
    lying.extend([b'x'; 900]);
    let (_, warnings) = scan_within(&lying, "a.tar", &Limits::default());
    assert!(warnings.iter().any(|w| w.unscanned && w.code == "archive-damaged"), "{warnings:?}");
}

/// Never ends.
struct Endless {
    block: Vec<u8>,
    at: usize,
}

impl Read for Endless {
    fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
        let count = (&self.block[self.at..]).read(room)?;
        self.at = (self.at + count) % self.block.len();
        Ok(count)
    }
}

#[test]
fn an_endless_stream_ends_at_its_limits() {
    let members = [&tar_header("a", b'0', 512)[..], &[b'x'; 512]].concat();
    for limits in [
        Limits { max_entries: 50_000, ..Limits::default() },
        Limits { max_bytes: 50_000_000, ..Limits::default() },
        Limits { max_time: Duration::from_millis(200), ..Limits::default() },
    ] {
        let mut stream = Endless { block: members.clone(), at: 0 };
        let visit = &mut |_: &str, content: &mut dyn Read| std::io::copy(content, &mut std::io::sink()).map(|_| ());
        let unpacked = unpack(Kind::Tar, Source::Stream(&mut stream), "endless", &limits, visit);
        assert!(unpacked.warnings.iter().any(|w| w.code == "archive-limit"), "{:?}", unpacked.warnings);
    }
}
