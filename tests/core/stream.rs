//! A text scanned in blocks gives the findings of the whole, wherever the blocks end.

use stopleak_core::detect::Engine;
use stopleak_core::rule::example::{Random, expand};
use stopleak_core::scan::{scan_bytes, scan_reader};
use stopleak_core::{Finding, Origin, RuleSet, Warning};

const LINES: &[&str] = &[
    "ghp_<base62:36>\n",
    "const token = \"<github:ghp_>\"; // stopleak:allow a sample\n",
    "password = \"<base62:14>\"\n",
    "export API_KEY=<hex:32>\n",
    "hf_<alpha:34> hf_<alpha:35>",
    "aws_secret_access_key = <base64:40>\n",
    "AKIA<base32:16>\n",
    "db: postgres://app:<base62:12>@db.internal:5432/app\n",
    "-----BEGIN RSA PRIVATE KEY-----\n<base64:64>\n<base64:64>\n-----END RSA PRIVATE KEY-----\n",
    "datadog_api_key: <hex:32>\n",
    "SK<hex:32> AC<hex:32>\ntwilio auth token <hex:32>\n",
    "<jwt>",
    "# pragma: allowlist nextline secret\n",
    "grün 🔑 ",
    "key = ",
    "\"",
    "\n",
];

fn text(random: &mut Random, lines: usize) -> Vec<u8> {
    let mut out = String::new();
    for _ in 0..lines {
        match random.below(4) {
            0 => (0..random.below(40)).for_each(|_| out.push_str("an ordinary line of a log\n")),
            1 => (0..random.below(400)).for_each(|_| out.push_str("one;long;line;")),
            _ => out.push_str(&expand(LINES[random.below(LINES.len())], random.draw()).expect("right templates")),
        }
    }
    out.into_bytes()
}

/// Everything that a report could show.
fn shown(findings: &[Finding], warnings: &[Warning]) -> Vec<String> {
    let finding = |f: &Finding| {
        let (id, confidence) = (&f.rule.id, f.confidence.0);
        format!("{id} {:?} {} {confidence} {:?} {:?}", f.secret.expose(), f.key, f.evidence, f.occurrences)
    };
    findings.iter().map(finding).chain(warnings.iter().map(|warning| format!("{warning:?}"))).collect()
}

fn in_blocks(engine: &Engine, bytes: &[u8], block: usize) -> Vec<String> {
    let (findings, warnings, read) = scan_reader(engine, &mut &bytes[..], block, Origin::Stdin);
    assert_eq!(read.expect("memory can be read"), bytes.len() as u64);
    shown(&findings, &warnings)
}

fn whole(engine: &Engine, bytes: &[u8]) -> Vec<String> {
    let (findings, warnings) = scan_bytes(engine, bytes, Origin::Stdin);
    shown(&findings, &warnings)
}

#[test]
fn blocks_of_any_size_give_the_findings_of_the_whole() {
    let engine = Engine::new(RuleSet::embedded());
    let mut found = 0;
    for seed in 0..24 {
        let mut random = Random::new(seed);
        let bytes = text(&mut random, 120);
        let expected = whole(&engine, &bytes);
        found += expected.len();
        let odd = 1_000 + random.below(60_000);
        for block in [64, 1_000, 4_096, odd, 65_536, 1 << 20] {
            assert_eq!(in_blocks(&engine, &bytes, block), expected, "seed {seed}, blocks of {block}");
        }
    }
    assert!(found > 300, "the texts hold secrets: {found}");
}

#[test]
fn a_window_that_moves_on_gives_the_findings_of_the_whole() {
    let engine = Engine::new(RuleSet::embedded());
    for seed in 100..104 {
        let mut random = Random::new(seed);
        let bytes = text(&mut random, 1_200);
        assert!(bytes.len() > 600_000, "{}", bytes.len());
        let expected = whole(&engine, &bytes);
        for block in [4_096, 50_000, 150_001] {
            assert_eq!(in_blocks(&engine, &bytes, block), expected, "seed {seed}, blocks of {block}");
        }
    }
}

#[test]
fn a_secret_across_a_block_boundary_is_found() {
    let engine = Engine::new(RuleSet::embedded());
    let block = 1_024;
    for template in ["<github:ghp_>", "password = \"<base62:14>9!\"", "postgres://app:<base62:12>@db.internal/app"] {
        let secret = expand(template, 3).expect("a right template");
        for before in 512 + block - secret.len() - 4..=512 + block + 4 {
            let bytes = [&b"x ".repeat(before / 2)[..], &b" "[..before % 2], secret.as_bytes(), b"\nend\n"].concat();
            let expected = whole(&engine, &bytes);
            assert!(!expected.is_empty(), "{template}");
            assert_eq!(in_blocks(&engine, &bytes, block), expected, "{template} after {before} bytes");
        }
    }
}

#[test]
fn text_of_two_byte_characters_is_read_in_blocks() {
    let engine = Engine::new(RuleSet::embedded());
    for seed in 0..4 {
        let plain = String::from_utf8(text(&mut Random::new(seed), 60)).expect("templates are text");
        let little: Vec<u8> = plain.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = plain.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for (mark, body) in [([0xff, 0xfe], little), ([0xfe, 0xff], big)] {
            for bytes in [[&mark[..], &body].concat(), body.clone(), [&mark[..], &body, &[7]].concat()] {
                let expected = whole(&engine, &bytes);
                for block in [63, 1_001, 65_536] {
                    assert_eq!(in_blocks(&engine, &bytes, block), expected, "seed {seed}, blocks of {block}");
                }
            }
        }
    }
}

#[test]
fn matches_beyond_the_limit_are_counted_as_in_the_whole() {
    let engine = Engine::new(RuleSet::embedded());
    let token = |seed| expand("k = <github:ghp_>\n", seed).expect("a right template");
    let bytes: String = (0..1_100).map(token).collect();
    let expected = whole(&engine, bytes.as_bytes());
    assert!(expected.last().is_some_and(|warning| warning.contains("100 were left out")), "{:?}", expected.last());
    assert_eq!(in_blocks(&engine, bytes.as_bytes(), 10_000), expected);
}

/// Reads well for a while, then fails.
struct Failing<'a>(&'a [u8]);

impl std::io::Read for Failing<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        match self.0.read(out)? {
            0 => Err(std::io::Error::other("the disk is gone")),
            count => Ok(count),
        }
    }
}

#[test]
fn what_was_read_before_an_error_is_reported() {
    let engine = Engine::new(RuleSet::embedded());
    let token = expand("ordinary\n", 0).expect("a right template").repeat(200) + &expand("<github:ghp_>", 1).unwrap();
    let (findings, _, read) = scan_reader(&engine, &mut Failing(token.as_bytes()), 1_000, Origin::Stdin);
    assert_eq!(findings.len(), 1);
    assert!(read.is_err());
}

#[test]
fn columns_count_on_across_blocks() {
    let engine = Engine::new(RuleSet::embedded());
    let bytes = "ü, ".repeat(300_000) + &expand("<github:ghp_>", 1).expect("a right template");
    let (findings, ..) = scan_reader(&engine, &mut bytes.as_bytes(), 10_000, Origin::Stdin);
    let position = findings[0].occurrences[0].position;
    assert_eq!((position.line, position.column, position.end_column), (1, 900_001, 900_041));
}
