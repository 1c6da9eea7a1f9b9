//! One secret in every container × compression × depth × encoding: all are found, each with the path that leads to it.
//!
//! What cannot be, by what a format is, `IMPOSSIBLE` lists with the reason.

mod carriers;
mod leaves;

use crate::archive::made::{gzip, zip};
use crate::archives::{ar, cpio, tar};
use crate::images::made::{Made, Packing, docker_archive, folder, layer, tarball};
use crate::packed::{brotli, lzip, lzma, odc, rpm, seven_copy, xz};
use crate::support::Repo;
use leaves::Leaf;
use std::path::Path;
use std::sync::LazyLock;
use stopleak_core::archive::Limits;
use stopleak_core::detect::Engine;
use stopleak_core::scan::{History, Outcome, Request, Target, scan, scan_content};
use stopleak_core::{Finding, Origin, RuleSet, Warning};
use tempfile::TempDir;

static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new(RuleSet::embedded()));
static LEAVES: LazyLock<Vec<Leaf>> = LazyLock::new(leaves::all);

/// What holds no text of one encoding, or cannot be told inside another text, and why.
const IMPOSSIBLE: [(&str, &str, &str); 5] = [
    ("class", "utf-16", "its constants are UTF-8 by the class file format, 4.4.7"),
    ("pyc", "utf-16", "its texts are ASCII, Latin-1 or UTF-8 by marshal"),
    ("pdf page", "utf-16", "what a page shows is codes of its font, which the font's own map makes text"),
    ("brotli", "in encoded text", "its streams have no mark (RFC 7932): in twelve decoded bytes none can be told"),
    ("brotli tool", "in encoded text", "its streams have no mark (RFC 7932): in twelve decoded bytes none can be told"),
];

fn is_impossible(name: &str, what: &str) -> bool {
    IMPOSSIBLE.iter().any(|(known, encoding, _)| *known == name && *encoding == what)
}

/// A way to compress, and its ending.
type Compression = (&'static str, fn(&[u8]) -> Vec<u8>);

const COMPRESSIONS: [Compression; 9] = [
    ("plain", |bytes| bytes.to_vec()),
    ("gzip", gzip),
    ("zstd", |bytes| ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)),
    ("lz4", |bytes| {
        let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
        std::io::Write::write_all(&mut encoder, bytes).unwrap();
        encoder.finish().unwrap()
    }),
    ("xz", xz),
    ("lzma", lzma),
    ("lzip", lzip),
    ("brotli", brotli),
    ("bzip2", leaves::bzip2),
];

/// A container that is made here, so that thousands are made in a second.
type Wrapping = (&'static str, fn(&str, &[u8]) -> Vec<u8>);

const WRAPPINGS: [Wrapping; 8] = [
    ("tar", |name, bytes| tar(&[(name, bytes)])),
    ("zip", |name, bytes| zip(&[(name, bytes, 8)])),
    ("zip stored", |name, bytes| zip(&[(name, bytes, 0)])),
    ("ar", |name, bytes| ar(&[(name, bytes)])),
    ("cpio", |name, bytes| cpio(&[(name, bytes)])),
    ("cpio odc", |name, bytes| odc(&[(name, bytes)])),
    ("7z", seven_copy),
    ("rpm", |name, bytes| rpm(&gzip(&cpio(&[(name, bytes)])))),
];

/// Where one secret was seen: its path, and what was peeled there.
type Place = (String, Vec<String>);

fn places(findings: &[Finding], secret: &str) -> Vec<Place> {
    let of = findings.iter().filter(|finding| finding.secret.expose() == secret.as_bytes());
    of.flat_map(|finding| &finding.occurrences)
        .map(|place| {
            let trail = place.trail.iter().map(|name| name.to_string()).collect();
            (place.origin.path().unwrap_or_default().to_owned(), trail)
        })
        .collect()
}

fn scanned(bytes: &[u8], name: &str) -> (Vec<Finding>, Vec<Warning>) {
    scan_content(&ENGINE, bytes, Origin::File { path: name.to_owned() }, &Limits::default())
}

/// What was tried, and what of it was not as it should be.
#[derive(Default)]
struct Tally {
    tried: usize,
    wrong: Vec<String>,
}

impl Tally {
    /// The secret stands at this place, seen through this trail, and nothing was left unscanned.
    fn expect(&mut self, what: &str, bytes: &[u8], name: &str, leaf: &Leaf, path: &str) {
        self.tried += 1;
        let (findings, warnings) = scanned(bytes, name);
        let expected = (path.to_owned(), leaf.trail.iter().map(|name| (*name).to_owned()).collect());
        let found = places(&findings, &leaf.secret);
        if found != [expected] || !warnings.is_empty() {
            self.wrong.push(format!("{what}: {path} {:?}: {found:?} {warnings:?}", leaf.trail));
        }
    }

    fn finish(self, at_least: usize) {
        let Tally { tried, wrong } = self;
        eprintln!("{tried} combinations, {} wrong", wrong.len());
        assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
        assert!(tried >= at_least, "{tried}");
    }
}

/// The path of a leaf in a container of this name, compressed or not.
fn path(outer: &str, leaf: &Leaf) -> String {
    // A stream in a stream is one step: what it holds has its file's name without the ending.
    let file = outer.rsplit(['/', '!']).next().unwrap_or(outer);
    let stem = || file.rsplit_once('.').map_or("content", |(stem, _)| stem);
    match &leaf.chain {
        Some(chain) => format!("{outer}!{chain}"),
        None => format!("{outer}!{}", stem()),
    }
}

#[test]
fn a_secret_is_found_in_every_container_compressed_in_every_way_to_depth_three() {
    let mut tally = Tally::default();
    for (index, leaf) in LEAVES.iter().enumerate() {
        for (turn, (compression, compress)) in COMPRESSIONS.iter().enumerate() {
            let one = compress(&leaf.bytes);
            let what = format!("{} ({}) in {compression}", leaf.name, leaf.encoding);
            tally.expect(&what, &one, "leaf.bin", leaf, &path("leaf.bin", leaf));
            let (outer, wrap) = WRAPPINGS[(index + turn) % WRAPPINGS.len()];
            let two = wrap("leaf.bin", &one);
            tally.expect(&format!("{what} in {outer}"), &two, "two", leaf, &path("two!leaf.bin", leaf));
            let (again, compress) = COMPRESSIONS[(index + 2 * turn + 1) % COMPRESSIONS.len()];
            let (outermost, wrap) = WRAPPINGS[(index * 3 + turn + 1) % WRAPPINGS.len()];
            let three = wrap("two.bin", &compress(&two));
            let what = format!("{what} in {outer} in {again} in {outermost}");
            tally.expect(&what, &three, "three", leaf, &path("three!two.bin!leaf.bin", leaf));
        }
    }
    tally.finish(3_000);
}

#[test]
fn every_container_holds_archives_as_it_holds_files() {
    let mut tally = Tally::default();
    for (index, format) in crate::archive::FORMATS.all.iter().enumerate() {
        // Their padding makes tarballs of it.
        if format.name.starts_with("tar sparse") {
            continue;
        }
        for (turn, encoding) in leaves::ENCODINGS.iter().enumerate() {
            let text = leaves::text(encoding, 90_000 + 10 * index as u64 + turn as u64);
            let (inner, wrap) = WRAPPINGS[(index + turn) % WRAPPINGS.len()];
            let two = wrap("app.env", &text.bytes);
            let name = if format.has_names { "inner.bin!app.env" } else { "app.env" };
            let outer = if format.name == "deb" { "outer.bin!data.tar.xz".to_owned() } else { "outer.bin".to_owned() };
            let what = format!("{encoding} in {inner} in {}", format.name);
            let bytes = (format.pack)("inner.bin", &two);
            tally.expect(&what, &bytes, "outer.bin", &text, &format!("{outer}!{name}"));
            let three = zip(&[("middle.bin", &two, 8)]);
            let bytes = (format.pack)("inner.bin", &three);
            let name = name.replace("app.env", "middle.bin!app.env");
            let path = format!("{outer}!{name}");
            tally.expect(&format!("{what}, a zip between"), &bytes, "outer.bin", &text, &path);
        }
    }
    tally.finish(100);
}

#[test]
fn an_archive_in_base64_is_opened_wherever_it_is_carried() {
    let mut tally = Tally::default();
    for (index, leaf) in LEAVES.iter().enumerate().filter(|(_, leaf)| !is_impossible(&leaf.name, "in encoded text")) {
        for (carrier, carry) in carriers::ALL {
            let Some(kind) = leaf.kind() else { continue };
            let mut trail = vec![carriers::encoding(carrier), kind];
            match carrier {
                "base64 twice" => trail.insert(0, "base64"),
                "utf-16 text" => trail.insert(0, "utf-16le"),
                _ => {}
            }
            let inside = leaf.chain.clone();
            let mut trail: Vec<String> = trail.into_iter().map(str::to_owned).collect();
            trail.extend(inside);
            // A stream of wide characters is told from text at once, by whichever reads it.
            trail.extend(leaf.trail.iter().map(|name| (*name).to_owned()));
            let bytes = carry(&leaf.bytes);
            tally.tried += 1;
            let (findings, warnings) = scanned(&bytes, "values.yaml");
            let found = places(&findings, &leaf.secret);
            if found != [("values.yaml".to_owned(), trail.clone())] || !warnings.is_empty() {
                tally.wrong.push(format!(
                    "{index} {} ({}) in {carrier}: {trail:?}: {found:?} {warnings:?}",
                    leaf.name, leaf.encoding
                ));
            }
        }
    }
    tally.finish(800);
}

fn request(target: Target, history: History) -> Request {
    Request { history, threads: 2, ..Request::new(vec![target]) }
}

/// Every leaf's secret stands at the path that `expected` makes of its own.
fn all_found(outcome: &Outcome, expected: impl Fn(&str, &str) -> bool) {
    let mut wrong = Vec::new();
    for (index, leaf) in LEAVES.iter().enumerate() {
        let name = format!("leaf{index}.bin");
        let path = path(&name, leaf);
        let found = places(&outcome.findings, &leaf.secret);
        if found.len() != 1 || !expected(&found[0].0, &path) {
            wrong.push(format!("{} ({}): {path}: {found:?}", leaf.name, leaf.encoding));
        }
    }
    let warnings: Vec<_> = outcome.summary.warnings.iter().filter(|warning| warning.unscanned).collect();
    assert!(wrong.is_empty() && warnings.is_empty(), "{} wrong: {warnings:?}\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_container_is_found_in_a_commit_that_deleted_it() {
    let mut repo = Repo::new();
    for (index, leaf) in LEAVES.iter().enumerate() {
        repo.write(&format!("sub/leaf{index}.bin"), &leaf.bytes);
    }
    repo.commit_all("all");
    repo.git(["rm", "-q", "-r", "sub"]);
    repo.commit_all("none");
    repo.git(["repack", "-q", "-adf"]);
    let outcome = scan(&request(Target::Path(repo.path().to_owned()), History::Everything)).unwrap();
    all_found(&outcome, |found, path| found == format!("sub/{path}"));
}

#[test]
fn every_container_is_found_in_every_kind_of_image() {
    let names: Vec<String> = (0..LEAVES.len()).map(|index| format!("opt/leaf{index}.bin")).collect();
    let third = LEAVES.len().div_ceil(3);
    let files: Vec<(&str, &[u8])> =
        LEAVES.iter().zip(&names).map(|(leaf, name)| (name.as_str(), leaf.bytes.as_slice())).collect();
    let mut made = Made::default();
    let packings = [Packing::Plain, Packing::Gzip, Packing::Zstd];
    let layers: Vec<_> =
        files.chunks(third).zip(packings).map(|(files, packing)| made.layer(&layer(files), packing)).collect();
    let ids: Vec<&str> = layers.iter().map(|layer| layer.diff_id.as_str()).collect();
    let config = format!(r#"{{"os":"linux","architecture":"amd64","rootfs":{{"diff_ids":{ids:?}}}}}"#);
    made.image(&config, &layers, "amd64");
    let home = TempDir::new().unwrap();
    let write = |name: &str, bytes: Vec<u8>| {
        let path = home.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    folder(&made, &home.path().join("layout"));
    let named = |prefix: &str, path: &Path| Target::image(&format!("{prefix}{}", path.display())).unwrap();
    let targets = [
        named("oci:", &home.path().join("layout")),
        named("oci-archive:", &write("oci.tar", tarball(&made))),
        named("docker-archive:", &write("docker.tar", docker_archive(&made, "a:b"))),
        Target::Path(write("gzipped.tar.gz", gzip(&docker_archive(&made, "a:b")))),
        Target::Path(write("packed.tar.xz", xz(&tarball(&made)))),
    ];
    for target in targets {
        let outcome = scan(&request(target, History::None)).unwrap();
        all_found(&outcome, |found, path| found.ends_with(&format!("!opt/{path}")));
    }
}

/// `SEEDS=folder cargo test … --ignored seeds` writes one file a format there, for a fuzzer to begin with.
#[test]
#[ignore = "writes files"]
fn seeds_for_fuzzers() {
    let Some(folder) = std::env::var_os("SEEDS") else { return };
    for (index, leaf) in LEAVES.iter().enumerate().filter(|(_, leaf)| leaf.bytes.len() < 16 << 10) {
        let name = leaf.name.replace(' ', "-");
        std::fs::write(Path::new(&folder).join(format!("{index}-{name}")), &leaf.bytes).unwrap();
        let (_, wrap) = WRAPPINGS[index % WRAPPINGS.len()];
        std::fs::write(Path::new(&folder).join(format!("{index}-{name}-inside")), wrap("a", &leaf.bytes)).unwrap();
    }
}
