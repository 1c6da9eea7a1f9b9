//! A token is found in whatever surroundings it stands: a boundary is where its own alphabet ends.

use stopleak_core::detect::Engine;
use stopleak_core::rule::example::expand;
use stopleak_core::scan::scan_bytes;
use stopleak_core::{Origin, RuleSet};

/// Tokens of very different makes.
const TOKENS: &[&str] = &[
    "<github:ghp_>",
    "hf_<alpha:34>",
    "sk_live_<base62:24>",
    "xoxb-<digit:12>-<digit:12>-<base62:24>",
    "glpat-<base62:20>",
    "AKIA<base32:16>",
    "SG.<base64url:21>A.<base64url:42>b",
    "dop_v1_<hex:64>",
    "npm_<github:>",
    "<jwt>",
];

const SURROUNDINGS: &[&str] = &[
    "{}",
    "<v>{}</v>",
    "?v={}&y=1",
    "f({})",
    "see {}.",
    "\u{1b}[32m{}\u{1b}[0m",
    "x_{}",
    "%20{}",
    "\\\"{}\\\"",
    "\"{}\"",
    "'{}'",
    "`{}`",
    "{{\"t\":\"{}\"}}",
    "a={};",
    "[{}]",
    "{},",
    "|{}|",
    "key:{}\n",
    "@{}",
    "{}:443",
    "https://x/{}/y",
    "#{}",
    "\\n{}\\n",
    "\\x1b[1;31m{}\\x1b[0m",
    "\\u001b[0m{}",
    "=3D{}",
    "&quot;{}&quot;",
    "\t{}\r\n",
    "{}\u{0}",
    "({})",
    "Bearer {}",
    "${}",
    "v{}",
];

fn is_found(engine: &Engine, text: &[u8], token: &str) -> bool {
    let (findings, _) = scan_bytes(engine, text, Origin::Stdin);
    findings.iter().any(|finding| finding.secret.expose() == token.as_bytes() && finding.confidence.0 >= 0.5)
}

#[test]
fn a_token_is_found_in_every_surrounding() {
    let engine = Engine::new(RuleSet::embedded());
    let mut missed = Vec::new();
    for template in TOKENS {
        let token = expand(template, 7).expect("the templates are right");
        // The last surrounding puts a letter right before the token: that is another word.
        for surrounding in &SURROUNDINGS[..SURROUNDINGS.len() - 1] {
            let text = surrounding.replace("{{", "{").replace("}}", "}").replace("{}", &token);
            if !is_found(&engine, text.as_bytes(), &token) {
                missed.push(format!("{template} in {surrounding:?}"));
            }
        }
    }
    assert!(missed.is_empty(), "{} missed:\n{}", missed.len(), missed.join("\n"));
}

#[test]
fn a_token_inside_a_longer_word_is_not_one() {
    let engine = Engine::new(RuleSet::embedded());
    // What follows must be of the token's own alphabet to make it another word.
    for (template, after) in [("hf_<alpha:34>", 'x'), ("AKIA<base32:16>", 'X')] {
        let token = expand(template, 7).expect("the templates are right");
        for text in [format!("x{token}"), format!("{token}{after}")] {
            assert!(!is_found(&engine, text.as_bytes(), &token), "{template}");
        }
    }
}

#[test]
fn text_of_two_byte_characters_is_text() {
    let engine = Engine::new(RuleSet::embedded());
    let token = expand("<github:ghp_>", 1).expect("the template is right");
    let text = format!("first line\ntoken = \"{token}\"\n");
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let marked = |mark: [u8; 2], body: &[u8]| [&mark[..], body].concat();
    for bytes in [little.clone(), big.clone(), marked([0xff, 0xfe], &little), marked([0xfe, 0xff], &big)] {
        let (findings, _) = scan_bytes(&engine, &bytes, Origin::Stdin);
        let finding = findings.iter().find(|finding| finding.secret.expose() == token.as_bytes()).expect("found");
        assert_eq!(finding.occurrences[0].position.line, 2);
        assert!(finding.occurrences[0].trail[0].starts_with("utf-16"));
    }
}

#[test]
fn a_text_with_zero_bytes_is_scanned() {
    let engine = Engine::new(RuleSet::embedded());
    let token = expand("<github:ghp_>", 2).expect("the template is right");
    let text = [b"\0\0\x01\x02".as_slice(), token.as_bytes(), b"\0\0"].concat();
    assert!(is_found(&engine, &text, &token));
}
