//! The filter masks what a scan finds, holds nothing back longer than needed, and never lets half a secret out.

use stopleak_core::detect::Engine;
use stopleak_core::rule::example::{Random, expand};
use stopleak_core::scan::{Gate, Mask, scan_bytes};
use stopleak_core::{Origin, RuleSet};

fn make(template: &str, seed: u64) -> String {
    expand(template, seed).expect("a right template")
}

/// What comes out after each piece and a pause, and at the end.
fn pieces(pieces: &[&str]) -> Vec<String> {
    let engine = Engine::new(RuleSet::embedded());
    let mut mask = Mask::new(&engine, Gate::default());
    let mut shown = Vec::new();
    for piece in pieces {
        let mut out = Vec::new();
        mask.write(piece.as_bytes(), &mut out);
        mask.pause(&mut out);
        shown.push(String::from_utf8(out).unwrap());
    }
    let mut out = Vec::new();
    mask.finish(&mut out);
    shown.push(String::from_utf8(out).unwrap());
    shown
}

const TOKEN: &str = "[stopleak:github.personal-access-token]";

#[test]
fn a_line_goes_out_as_soon_as_it_ends() {
    let token = make("<github:ghp_>", 1);
    let first = format!("\u{1b}[32mtoken={token}\u{1b}[0m\n");
    let found = pieces(&["starting\n", &first, "datadog agent is up\n", "Password:\n", "bye\n"]);
    let masked = format!("\u{1b}[32mtoken={TOKEN}\u{1b}[0m\n");
    assert_eq!(found, ["starting\n", &masked, "datadog agent is up\n", "Password:\n", "bye\n", ""]);
}

#[test]
fn a_prompt_is_shown() {
    for prompt in ["Password: ", "Continue? [y/N]", "Enter passphrase for key: ", "50% ", "\u{1b}[1m> \u{1b}[0m"] {
        assert_eq!(pieces(&[prompt])[0], prompt);
    }
}

#[test]
fn a_secret_split_anywhere_with_a_pause_between_is_masked_whole() {
    let table = [
        make("key <github:ghp_> end\n", 1),
        make("password = \"<base62:16>\"\n", 2),
        make("export API_KEY=<hex:32>\n", 3),
        make("db: postgres://app:<base62:12>@db.internal:5432/app\n", 4),
        make("-----BEGIN RSA PRIVATE KEY-----\n<base64:64>\n<base64:64>\n-----END RSA PRIVATE KEY-----\n", 5),
        make("datadog_api_key: <hex:32>\n", 6),
        make("<jwt>\n", 7),
    ];
    for text in table {
        let expected = pieces(&[&text]).concat();
        assert!(expected.contains("[stopleak:"), "{expected}");
        for at in 1..text.len() {
            let found = pieces(&[&text[..at], &text[at..]]).concat();
            assert_eq!(found, expected, "split after {:?}", &text[..at]);
        }
    }
}

#[test]
fn an_open_private_key_is_held_and_what_stands_before_it_is_not() {
    let key = make("-----BEGIN RSA PRIVATE KEY-----\n<base64:64>\n<base64:64>\n-----END RSA PRIVATE KEY-----\n", 5);
    let lines: Vec<&str> = key.split_inclusive('\n').collect();
    let found = pieces(&["before\n", lines[0], lines[1], lines[2], lines[3], "after\n"]);
    assert_eq!(found[..4], ["before\n", "", "", ""]);
    let masked = format!("[stopleak:private-key.rsa]\n{}", lines[3]);
    assert!(found[4] == masked || found[4] == "[stopleak:private-key.rsa]\n", "{:?}", found[4]);
    assert_eq!(found[5..], ["after\n", ""]);
}

#[test]
fn what_only_looks_like_the_beginning_of_a_secret_goes_out_at_the_end() {
    assert_eq!(pieces(&["a ghp_", "short\n", "b ghp_"]).concat(), "a ghp_short\nb ghp_");
    assert_eq!(
        pieces(&["-----BEGIN RSA PRIVATE KEY-----\nnot one\n"]).concat(),
        "-----BEGIN RSA PRIVATE KEY-----\nnot one\n"
    );
}

#[test]
fn binary_data_passes_through_and_is_masked_too() {
    let engine = Engine::new(RuleSet::embedded());
    let mut mask = Mask::new(&engine, Gate::default());
    let token = make("<github:ghp_>", 1);
    let noise: Vec<u8> = (0..=255).cycle().take(5_000).collect();
    let mut out = Vec::new();
    mask.write(&[&noise[..], b"\0", token.as_bytes(), b"\0", &noise].concat(), &mut out);
    mask.finish(&mut out);
    assert_eq!(out, [&noise[..], b"\0", TOKEN.as_bytes(), b"\0", &noise].concat());
}

#[test]
fn the_gate_decides() {
    let engine = Engine::new(RuleSet::embedded());
    let mut mask = Mask::new(&engine, Gate { confidence: 1.1, ..Gate::default() });
    let token = make("<github:ghp_>", 1);
    let mut out = Vec::new();
    mask.write(token.as_bytes(), &mut out);
    mask.finish(&mut out);
    assert_eq!(out, token.as_bytes());
}

#[test]
fn every_finding_of_a_scan_is_masked_whatever_the_pieces() {
    let engine = Engine::new(RuleSet::embedded());
    const LINES: &[&str] = &[
        "ordinary line <base62:3>\n",
        "<github:ghp_>\n",
        "password = \"<base62:14>\"\n",
        "AKIA<base32:16> aws_secret_access_key = <base64:40>\n",
        "https://u:<base62:14>@host/\n",
        "hf_<alpha:34>",
        "glpat-<base62:20>, ",
    ];
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let text: String = (0..400).map(|_| make(LINES[random.below(LINES.len())], random.draw())).collect();
        let gate = Gate::default();
        let mut mask = Mask::new(&engine, gate);
        let (mut out, mut rest) = (Vec::new(), text.as_bytes());
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.len().min(1 + random.below(900)));
            mask.write(piece, &mut out);
            if random.below(3) == 0 {
                mask.pause(&mut out);
            }
            rest = after;
        }
        mask.finish(&mut out);
        let out = String::from_utf8(out).unwrap();
        let (findings, _) = scan_bytes(&engine, text.as_bytes(), Origin::Stdin);
        let counted = findings.iter().filter(|finding| gate.passes(finding));
        let secrets: Vec<&str> = counted.map(|finding| std::str::from_utf8(finding.secret.expose()).unwrap()).collect();
        assert!(secrets.len() > 20);
        assert!(secrets.iter().all(|secret| !out.contains(secret)), "seed {seed}");
        // Nothing else is lost.
        let lines = |text: &str| text.matches("ordinary line").count();
        assert_eq!(lines(&out), lines(&text), "seed {seed}");
    }
}
