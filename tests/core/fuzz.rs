//! The fuzz targets' bodies on seeded inputs: random bytes, and sound inputs with a few bytes changed.

#[path = "../fuzz/bodies.rs"]
pub mod bodies;

use super::encode::ENCODERS;
use std::path::Path;
use std::sync::LazyLock;
use stopleak_core::rule::example::{Random, expand};
use stopleak_core::rule_set;

fn random_bytes(random: &mut Random, most: usize) -> Vec<u8> {
    (0..random.below(most)).map(|_| random.draw() as u8).collect()
}

/// Changes, drops and doubles a few bytes.
pub fn damage(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..random.below(6) {
        if bytes.is_empty() {
            return;
        }
        let at = random.below(bytes.len());
        match random.below(5) {
            0 => bytes[at] = random.draw() as u8,
            1 => bytes[at] ^= 1 << random.below(8),
            2 => _ = bytes.remove(at),
            3 => bytes.truncate(at),
            _ => {
                let end = bytes.len().min(at + random.below(40));
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
        }
    }
}

fn run(rounds: u64, body: fn(&[u8]), sound: impl Fn(&mut Random) -> Vec<u8>) {
    for seed in 0..rounds {
        let mut random = Random::new(seed);
        body(&random_bytes(&mut random, 600));
        let mut bytes = sound(&mut random);
        body(&bytes);
        damage(&mut random, &mut bytes);
        body(&bytes);
    }
}

/// Pieces of text that rules care about.
fn pieces(random: &mut Random, most: usize) -> Vec<u8> {
    let known = [
        "<github:ghp_>",
        "password = \"<base62:16>\"\n",
        "AKIA<base32:16>",
        "<jwt>",
        "api_key: <hex:32>\n",
        "${",
        "\\n",
        "-----BEGIN PRIVATE KEY-----\n<base64:64>\n<base64:64>\n",
        "postgres://u:<base62:12>@host/db",
        "\n",
        " ",
        "\"",
    ];
    let piece =
        |random: &mut Random| expand(known[random.below(known.len())], random.draw()).expect("templates are right");
    let encoded = |random: &mut Random| match random.below(3) {
        0 => ENCODERS[random.below(ENCODERS.len())].1(&piece(random)),
        _ => piece(random),
    };
    (0..random.below(most)).flat_map(|_| encoded(random).into_bytes()).collect()
}

#[test]
fn any_text_is_a_rule_file_or_a_complaint() {
    static FILES: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules/providers");
        let mut files = rule_set::read(&root).expect("the rules are there");
        files.retain(|(_, text)| text.len() < 3_000);
        files
    });
    run(150, bodies::rules, |random| FILES[random.below(FILES.len())].1.clone().into_bytes());
}

#[test]
fn any_bytes_are_a_text() {
    run(300, bodies::text, |random| pieces(random, 30));
}

#[test]
fn any_bytes_can_be_decoded() {
    run(300, bodies::decode, |random| {
        let text = String::from_utf8(pieces(random, 10)).expect("pieces are text");
        let is_little = random.below(2) == 0;
        let mark = if random.below(2) == 0 { "\u{feff}" } else { "" };
        let units = [mark, &text].concat();
        units.encode_utf16().flat_map(|unit| if is_little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
    });
}

#[test]
fn any_bytes_can_be_searched_for_encoded_stretches() {
    run(600, bodies::decode, |random| pieces(random, 12));
    run(300, bodies::text, |random| {
        let text = String::from_utf8(pieces(random, 6)).expect("pieces are text");
        let nested = (0..random.below(6)).fold(text, |text, _| ENCODERS[random.below(ENCODERS.len())].1(&text));
        nested.into_bytes()
    });
}

#[test]
fn any_bytes_are_a_log() {
    const STARTS: [&str; 4] =
        ["2026-11-21T05:48:23.1234567Z ", "\u{1b}[0K", "[{\"message\":\"a\\r\\n\\u001b[0m", "[a] x\n[a] "];
    const BREAKS: [&[u8]; 6] =
        [b"\n", b"\r", b"\r\n2026-11-21T05:48:23.1234567Z ", b"\x1b[1m", b"\",\"time\":\"\",\"message\":\"", b"\\u00"];
    run(300, bodies::log, |random| {
        let start = STARTS[random.below(STARTS.len())].as_bytes().to_vec();
        let parts = (0..random.below(12))
            .flat_map(|_| [pieces(random, 4), BREAKS[random.below(BREAKS.len())].to_vec()].concat());
        start.into_iter().chain(parts.collect::<Vec<_>>()).collect()
    });
}

#[test]
fn any_bytes_are_a_pipeline() {
    const FILES: [&str; 4] = [
        "on: push\njobs:\n  a:\n    steps:\n      - run: |\n          echo ${{ secrets.A }} | x\n          curl -u \"a:$A_TOKEN\"\n",
        "FROM a\nENV A=1 \\\n  # x\n  DB_PASSWORD=\"$X\" B\nARG NPM_TOKEN\n",
        "node {\n withCredentials([string(variable: 'A1')]) {\n  sh \"\"\"use $A1\"\"\"\n  archiveArtifacts '.env'\n }\n}\n",
        "apiVersion: v1\nkind: Secret\ndata:\n  password: cGFzc3dvcmQ=\n  b: \"YQ==\"\n",
    ];
    run(400, bodies::pipeline, |random| FILES[random.below(FILES.len())].as_bytes().to_vec());
}

#[test]
fn any_operations_make_a_text_that_is_scanned_exactly() {
    run(600, bodies::delta, |random| {
        let base = pieces(random, 20);
        let script: Vec<u8> = base.iter().map(|_| random.draw() as u8).collect();
        [base, script].concat()
    });
}

#[test]
fn any_bytes_are_a_pack_or_a_warning() {
    let mut maker = super::git_objects::handmade::Maker::new();
    let base = maker.blob(0, b"0123456789, and a few more bytes");
    maker.blob(1, b"second");
    let copy = [0xb0u8, 10, 0].as_slice();
    maker.offset_delta(2, base, &[&[32, 10][..], copy].concat());
    maker.named_delta(3, 2, &[10, 2, 2, b'a', b'b']);
    let (pack, index) = maker.finish();
    let sound = [&(pack.len() as u16).to_be_bytes()[..], &pack, &index].concat();
    run(600, bodies::pack, |_| sound.clone());
}

#[test]
fn any_bytes_are_an_archive_of_any_kind_or_a_warning() {
    run(150, bodies::archive, |random| {
        let text = pieces(random, 10);
        let inner = super::archive::made::tar(&[("a", &text), ("b/c", b"x")]);
        let packed = super::archive::made::gzip(&inner);
        let zipped = super::archive::made::zip(&[("t.tgz", &packed, 0), ("u", &text, 8)]);
        vec![inner, packed, zipped].swap_remove(random.below(3))
    });
}

#[test]
fn any_bytes_are_a_part_of_an_image_or_an_error() {
    run(300, bodies::image, |random| {
        let text = pieces(random, 10);
        let layer = super::archive::made::tar(&[("a", &text), ("b/.wh.c", b""), ("b/.wh..wh..opq", b"")]);
        let packed = super::archive::made::gzip(&layer);
        let digest = stopleak_core::image::Digest::of(&text);
        let part = format!(r#"{{"mediaType":"x","digest":"{digest}","size":1}}"#);
        let manifest = format!(r#"{{"schemaVersion":2,"config":{part},"layers":[{part},{part}]}}"#);
        let config = r#"{"os":"l","config":{"Env":["A=b"],"Cmd":["c","d"]},"history":[{"created_by":"e"}]}"#;
        let name = format!("a.example:5000/b/c_d:e@{digest}");
        vec![layer, packed, manifest.into_bytes(), config.into(), name.into_bytes()].swap_remove(random.below(5))
    });
}
