//! A secret planted anywhere, in any surroundings, is found where it stands; no bytes make the scanner panic.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use std::sync::LazyLock;
use stopleak_core::detect::Engine;
use stopleak_core::rule::example::expand;
use stopleak_core::scan::scan_bytes;
use stopleak_core::{Finding, Origin, RuleSet};

/// Tokens of different makes: by prefix, with a checksum, of several segments, with a literal in the middle.
const TOKENS: &[&str] = &[
    "<github:ghp_>",
    "<github:gho_>",
    "npm_<github:>",
    "hf_<alpha:34>",
    "sk_live_<base62:24>",
    "rk_live_<base62:24>",
    "xoxb-<digit:12>-<digit:12>-<base62:24>",
    "glpat-<base62:20>",
    "AKIA<base32:16>",
    "SG.<base64url:21>A.<base64url:42>b",
    "dop_v1_<hex:64>",
    "dp.pt.<base62:43>",
    "shpat_<hex:32>",
    "hvs.<base64url:90>a",
    "lin_api_<base62:40>",
    "figd_<base64url:40>",
    "r8_<base62:37>",
    "pscale_tkn_<base64url:43>",
    "gsk_<base62:52>",
    "<jwt>",
];

/// What may stand right before and right after a token: nothing of any token's alphabet, and no letter or digit.
const BEFORE: &[&str] = &[
    "",
    " ",
    "\"",
    "'",
    "`",
    "=",
    ":",
    ": ",
    "(",
    "[",
    "{",
    "<v>",
    ">",
    ",",
    ";",
    "|",
    "\t",
    "\n",
    "\u{1b}[32m",
    "\\n",
    "%20",
    "é",
    "\u{0}",
];
const AFTER: &[&str] = &[
    "",
    " ",
    "\"",
    "'",
    "`",
    ")",
    "]",
    "}",
    "</v>",
    ",",
    ";",
    "|",
    "&x=1",
    "\t",
    "\n",
    "\r\n",
    "\\n",
    "\u{1b}[0m",
    "#",
    "é",
    "\u{0}",
];

/// A line as code, logs, settings and data have it.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ a-z_.(){};=\"]{0,60}",
        "2024-0[1-9]-1[0-9]T0[0-9]:[0-5][0-9]:00Z (INFO|WARN|ERROR) [a-z ]{0,40}",
        "  \"[a-z_]{1,12}\": \"[a-zA-Z0-9 ]{0,20}\",",
        "[A-Z_]{3,12}=[a-z0-9/]{0,20}",
        "[\u{20}-\u{7e}]{0,40}",
        "\\PC{0,20}",
    ]
}

fn lines() -> impl Strategy<Value = Vec<u8>> {
    vec(line(), 0..8)
        .prop_map(|lines| lines.iter().flat_map(|line| [line.as_str(), "\n"].concat().into_bytes()).collect())
}

/// Lines or any bytes; a text that would pass for UTF-16 is another test's.
fn surroundings() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![3 => lines(), 1 => vec(any::<u8>(), 0..300)]
}

fn token() -> impl Strategy<Value = String> {
    (select(TOKENS), any::<u64>()).prop_map(|(template, seed)| expand(template, seed).expect("templates are right"))
}

static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new(RuleSet::embedded()));

fn find(text: &[u8], token: &str) -> Option<Finding> {
    let (findings, _) = scan_bytes(&ENGINE, text, Origin::Stdin);
    findings.into_iter().find(|finding| finding.secret.expose() == token.as_bytes())
}

/// Line and column as an editor shows them, both from 1.
fn place(text: &[u8], at: usize) -> (u32, u32) {
    let before = &text[..at];
    let line = before.iter().filter(|&&byte| byte == b'\n').count() as u32 + 1;
    let start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
    // A byte that continues a character is none of its own.
    (line, before[start..].iter().filter(|&&byte| byte & 0xc0 != 0x80).count() as u32 + 1)
}

fn is_sure(text: &[u8], token: &str) -> bool {
    find(text, token).is_some_and(|finding| finding.confidence.0 >= 0.5)
}

#[test]
fn hardly_a_token_passes_for_a_placeholder() {
    // `xxx` and `abcd` turn up in random text, too.
    let tokens: Vec<String> =
        TOKENS.iter().flat_map(|t| (0..400).map(|seed| expand(t, seed).expect("templates are right"))).collect();
    let missed: Vec<_> = tokens.iter().filter(|token| !is_sure(token.as_bytes(), token)).collect();
    assert!(missed.len() * 1_000 <= tokens.len(), "{} of {}: {missed:?}", missed.len(), tokens.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_secret_planted_anywhere_is_found_where_it_stands(
        (head, tail) in (surroundings(), surroundings()),
        (before, after) in (select(BEFORE), select(AFTER)),
        token in token(),
    ) {
        // Bytes that happen to end in a letter or digit would make another word of the token.
        let gap: &[u8] = if before.is_empty() { b"\n" } else { b"" };
        let end: &[u8] = if after.is_empty() { b"\n" } else { b"" };
        let text = [&head, gap, before.as_bytes(), token.as_bytes(), after.as_bytes(), end, &tail].concat();
        prop_assume!(stopleak_core::decode::wide(&text).is_none());
        let at = head.len() + gap.len() + before.len();
        let Some(finding) = find(&text, &token) else {
            return Err(TestCaseError::fail(format!("{token} is not found in {}", text.escape_ascii())));
        };
        // What the token alone is worth, its surroundings do not take from it.
        let is_sure = finding.confidence.0 >= 0.5 || !is_sure(token.as_bytes(), &token);
        prop_assert!(is_sure, "{token}: {:?} in {}", finding.confidence, text.escape_ascii());
        let places: Vec<_> = finding.occurrences.iter().map(|o| (o.position.line, o.position.column)).collect();
        prop_assert!(places.contains(&place(&text, at)), "{places:?} instead of {:?}", place(&text, at));
    }

    #[test]
    fn a_secret_in_text_of_two_byte_characters_is_found(
        (head, tail) in (lines(), lines()),
        token in token(),
        (is_little, is_marked) in (any::<bool>(), any::<bool>()),
    ) {
        // Without a mark, ordinary text is told by its zeros: plain ASCII, and enough of it.
        let plain = |bytes: Vec<u8>| String::from_utf8(bytes).expect("lines are text").replace(|c: char| !c.is_ascii(), "-");
        let text = format!("{}{token}\n{}# and so on\n", plain(head), plain(tail));
        let mark = if is_marked { "\u{feff}" } else { "" };
        let units = format!("{mark}{text}");
        let units = units.encode_utf16().flat_map(|unit| if is_little { unit.to_le_bytes() } else { unit.to_be_bytes() });
        let bytes: Vec<u8> = units.collect();
        let Some(finding) = find(&bytes, &token) else {
            return Err(TestCaseError::fail(format!("{token} is not found in {text:?}")));
        };
        let at = text.find(&token).expect("it was put there");
        let places: Vec<_> = finding.occurrences.iter().map(|o| (o.position.line, o.position.column)).collect();
        prop_assert!(places.contains(&place(text.as_bytes(), at)), "{places:?}");
    }

    #[test]
    fn no_bytes_make_the_scanner_panic(bytes in vec(any::<u8>(), 0..2_000)) {
        scan_bytes(&ENGINE, &bytes, Origin::Stdin);
    }

    #[test]
    fn no_pieces_of_secrets_make_the_scanner_panic(
        pieces in vec(prop_oneof![
            token().prop_map(String::into_bytes),
            select(vec!["password", "= \"", "api_key:", "\n", "-----BEGIN ", "PRIVATE KEY-----", "${", "\\", "<", "://", "@", "eyJ"])
                .prop_map(|piece| piece.as_bytes().to_vec()),
            vec(any::<u8>(), 0..6),
        ], 0..40),
        (start, end) in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
    ) {
        let text = pieces.concat();
        let (start, end) = (start.index(text.len() + 1), end.index(text.len() + 1));
        scan_bytes(&ENGINE, &text[start.min(end)..start.max(end)], Origin::Stdin);
    }
}
