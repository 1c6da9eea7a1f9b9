//! Secrets behind encodings are found where the encoded bytes stand, once, and nothing else is.

use super::encode::{self, ENCODERS};
use stopleak_core::detect::Engine;
use stopleak_core::rule::example::{Random, expand};
use stopleak_core::scan::{Gate, Mask, scan_bytes, scan_reader};
use stopleak_core::{Finding, Origin, Position, RuleSet, Warning};

const TOKENS: &[&str] = &[
    "<github:ghp_>",
    "sk_live_<base62:24>",
    "xoxb-<digit:12>-<digit:12>-<base62:24>",
    "AKIA<base32:16>",
    "SG.<base64url:21>A.<base64url:42>b",
    "npm_<github:>",
    "dop_v1_<hex:64>",
];

/// Texts that programs hide: a bare token, a file of settings, an object, an address.
const TEXTS: &[&str] = &[
    "{}",
    "# settings\nHOST=db.example\nTOKEN={}\nDEBUG=0\n",
    "{\"name\": \"ci\", \"auth\": {\"value\": \"{}\"}, \"port\": 8080}",
    "https://ci:{}@git.example/team/app.git",
];

/// Where encoded text stands.
const SURROUNDINGS: &[&str] = &[
    "{}",
    "  value: {}\n",
    "{ \"data\": \"{}\", \"type\": \"Opaque\" }\n",
    "echo {} | tool --decode > .env\n",
    "<value>{}</value>",
    "const blob = '{}';\n",
];

fn make(template: &str, seed: u64) -> String {
    expand(template, seed).expect("a right template")
}

fn scan(text: &str) -> Vec<Finding> {
    scan_all(text).0
}

fn scan_all(text: &str) -> (Vec<Finding>, Vec<Warning>) {
    thread_local!(static ENGINE: Engine = Engine::new(RuleSet::embedded()));
    ENGINE.with(|engine| scan_bytes(engine, text.as_bytes(), Origin::Stdin))
}

fn find<'f>(findings: &'f [Finding], token: &str) -> Option<&'f Finding> {
    findings.iter().find(|finding| finding.secret.expose() == token.as_bytes() && finding.confidence.0 >= 0.5)
}

/// The bytes a position on one line spans.
fn at(text: &str, position: Position) -> &str {
    let start_of = |line: u32| text.split_inclusive('\n').take(line as usize - 1).map(str::len).sum::<usize>();
    let (start, end) = (start_of(position.line), start_of(position.end_line));
    &text[start + position.column as usize - 1..end + position.end_column as usize - 1]
}

#[test]
fn every_encoding_is_seen_through_in_every_surrounding() {
    let mut missed = Vec::new();
    for (name, encode) in ENCODERS {
        for (seed, template) in TOKENS.iter().enumerate() {
            let token = make(template, seed as u64);
            for text in TEXTS {
                let hidden = encode(&text.replace("{}", &token));
                for surrounding in SURROUNDINGS {
                    let whole = surrounding.replace("{}", &hidden);
                    let found = scan(&whole);
                    match find(&found, &token) {
                        Some(found) if found.occurrences.len() == 1 => {}
                        Some(found) => missed.push(format!("{name}: seen more than once {:?}", found.occurrences)),
                        None => missed.push(format!("{name} of {text:?} in {surrounding:?}: {whole}")),
                    }
                }
            }
        }
    }
    assert!(missed.is_empty(), "{} missed:\n{}", missed.len(), missed.join("\n"));
}

#[test]
fn encodings_inside_encodings_are_seen_through_to_depth_five() {
    let mut random = Random::new(5);
    let mut missed = Vec::new();
    for round in 0..400 {
        let token = make(TOKENS[random.below(TOKENS.len())], random.draw());
        let depth = 2 + round % 4;
        let mut text = TEXTS[random.below(TEXTS.len())].replace("{}", &token);
        let mut trail = Vec::new();
        for _ in 0..depth {
            let (mut name, mut encode) = ENCODERS[random.below(ENCODERS.len())];
            // Lines broken twice are no lines of that length any more, and joined literals no literals inside another.
            // A literal shows a line's end as `\n`, which mail does not.
            while (matches!(name, "quoted-printable" | "concatenation") && trail.contains(&name))
                || (name == "concatenation" && trail.contains(&"quoted-printable"))
            {
                (name, encode) = ENCODERS[random.below(ENCODERS.len())];
            }
            text = encode(&text);
            trail.push(name);
            // What stands in a file stands among other things.
            text = format!("# file\nvalue: {text}\n");
        }
        if text.len() < 200_000 && find(&scan(&text), &token).is_none() {
            missed.push(format!("{trail:?}: {}", &text[..text.len().min(400)]));
        }
    }
    assert!(missed.is_empty(), "{} missed:\n{}", missed.len(), missed.join("\n"));
}

#[test]
fn a_sixth_depth_is_announced() {
    let mut text = make("TOKEN=<github:ghp_>\n", 1);
    for _ in 0..5 {
        text = encode::base64(&text);
    }
    let (findings, warnings) = scan_all(&text);
    assert!((findings.len(), warnings.len()) == (1, 0), "{warnings:?}");
    let (findings, warnings) = scan_all(&encode::base64(&text));
    assert_eq!((findings.len(), warnings.len()), (0, 1));
    assert!(warnings[0].unscanned && warnings[0].code == "limit-decoding", "{warnings:?}");
}

#[test]
fn the_place_is_that_of_the_encoded_bytes() {
    let token = make("<github:ghp_>", 1);
    let encoded = encode::base64(&format!("TOKEN={token}\n"));
    let text = format!("a: 1\nb: {encoded} # c\n");
    let found = scan(&text);
    let occurrence = &find(&found, &token).expect("it is found").occurrences[0];
    assert_eq!(occurrence.trail, ["base64"]);
    assert_eq!(at(&text, occurrence.position), encoded);

    let (head, tail) = token.split_at(12);
    let text = format!("let a = 1;\nlet t = \"{head}\" +\n    \"{tail}\";\n");
    let found = scan(&text);
    let occurrence = &find(&found, &token).expect("it is found").occurrences[0];
    assert_eq!(occurrence.trail, ["concatenation"]);
    assert_eq!(at(&text, occurrence.position), format!("{head}\" +\n    \"{tail}"));

    let inner = encode::escaped_u(&token);
    let text = encode::hex(&format!("token={inner};"));
    let found = scan(&text);
    let occurrence = &find(&found, &token).expect("it is found").occurrences[0];
    assert_eq!(occurrence.trail, ["hex", "escapes"]);
    assert_eq!(at(&text, occurrence.position), text);
}

#[test]
fn lines_of_wrapped_base64_are_one_stretch() {
    let token = make("<github:ghp_>", 3);
    let body = (0..40).map(|i| format!("SETTING_{i}=value {i}\n")).collect::<String>();
    let encoded = encode::base64(&format!("{body}TOKEN={token}\n{body}"));
    let table = [
        encode::wrapped(&encoded, 64, "\n"),
        encode::wrapped(&encoded, 76, "\r\n"),
        format!("data:\n  config: |\n    {}\nkind: Secret\n", encode::wrapped(&encoded, 60, "\n    ")),
        format!("-----BEGIN CONFIG-----\n{}\n-----END CONFIG-----\n", encode::wrapped(&encoded, 64, "\n")),
        format!("{{\"blob\": \"{}\\n\"}}", encode::wrapped(&encoded, 76, "\\n")),
        format!("blob = \"{}\"\n", encode::wrapped(&encoded, 76, "\\\n")),
        format!("blob = (\n    \"{}\"\n)\n", encode::wrapped(&encoded, 70, "\"\n    \"")),
        format!("String blob = \"{}\";\n", encode::wrapped(&encoded, 72, "\" +\n        \"")),
        format!("<data>\n\t{}\n</data>\n", encode::wrapped(&encoded, 68, "\n\t")),
    ];
    for text in table {
        let found = scan(&text);
        let found = find(&found, &token).unwrap_or_else(|| panic!("missed in {text}"));
        assert_eq!(found.occurrences.len(), 1);
        let place = found.occurrences[0].position;
        assert!(at(&text, place).starts_with(&encoded[..40]), "{place:?}");
    }
}

#[test]
fn literals_joined_in_any_language_are_one_value() {
    let token = make("<github:ghp_>", 4);
    let (head, tail) = token.split_at(15);
    let table = [
        "t = \"A\" + \"B\"",
        "t = 'A' + 'B'",
        "t = \"A\"+\"B\"",
        "t = (\"A\"\n     \"B\")",
        "t = \"A\" \"B\"",
        "$t = 'A' . 'B';",
        "$t = 'A'.'B';",
        "t = \"A\" .. \"B\"",
        "t = \"A\" & \"B\"",
        "t = \"A\" & _\r\n    \"B\"",
        "t = 'A' || 'B'",
        "t = \"A\" ++ \"B\"",
        "t = \"A\" <> \"B\"",
        "t = \"A\" ~ \"B\"",
        "t := \"A\" +\n\t\t\"B\"",
        "t = \"A\"\n    + \"B\"",
        "t = \"A\" \\\n    \"B\"",
        "t = \"A\\\nB\"",
        "t = \"A\\\r\n    B\"",
        "t = (f\"A\"\n     f\"B\")",
    ];
    for text in table {
        let text = text.replacen('A', &head.replace('B', "\u{1}"), 1).replacen('B', tail, 1).replace('\u{1}', "B");
        assert!(find(&scan(&text), &token).is_some(), "{text}");
    }
}

#[test]
fn single_encoded_characters_in_a_value_are_seen_through() {
    let key = make("<[A-Za-z0-9]:14>/<[A-Za-z0-9]:12>+<[A-Za-z0-9]:8><digit:4>", 8);
    for [slash, plus] in [
        ["%2F", "%2B"],
        ["\\/", "\\u002b"],
        ["\\u002F", "+"],
        ["&#x2F;", "&#43;"],
        ["&sol;", "&plus;"],
        ["\\x2f", "\\53"],
    ] {
        let written = key.replace('/', slash).replace('+', plus).replace("\\53", "\\053");
        let text = format!("{{\"aws_secret_access_key\": \"{written}\"}}\n");
        let found = scan(&text);
        assert!(find(&found, &key).is_some(), "{text}");
        assert_eq!(found.iter().filter(|finding| finding.confidence.0 > 0.5).count(), 1, "{text}");
    }
    let password = make("<base62:16>", 2);
    let found = scan(&format!("DATABASE_URL=postgres://app:x%40{password}%21@db.example:5432/app\n"));
    assert!(found.iter().any(|f| f.secret.expose() == format!("x@{password}!").as_bytes()), "{found:?}");
    assert_eq!(found.len(), 1);
}

#[test]
fn one_secret_plain_and_encoded_is_one_finding_with_two_places() {
    let token = make("<github:ghp_>", 1);
    let found = scan(&format!("token: {token}\ncopy: {}\n", encode::base64(&format!("token: {token}\n"))));
    assert_eq!(found.len(), 1, "{found:?}");
    let trails: Vec<_> = found[0].occurrences.iter().map(|occurrence| occurrence.trail.len()).collect();
    assert_eq!(trails, [0, 1]);
}

#[test]
fn an_encoded_value_with_a_secret_name_is_one_finding() {
    let token = make("<github:ghp_>", 1);
    let found = scan(&format!("api_secret: {}\n", encode::base64(&token)));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].secret.expose(), token.as_bytes());
}

#[test]
fn encoded_characters_elsewhere_in_a_line_change_nothing() {
    let token = make("<github:ghp_>", 1);
    for text in [
        format!("curl https://x.example/a%2Fb0123456789?c=%3D%3D -H 'token: {token}'"),
        format!("{{\"url\": \"https:\\/\\/x.example\\/0123456789abcd\", \"token\": \"{token}\"}}"),
        format!("<a href=\"https://x.example/0123456789?a=1&amp;b=2\">{token}</a>"),
        format!("log(\"started 0123456789\" + \"now 0123456789\"); t = \"{token}\""),
    ] {
        let found = scan(&text);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].occurrences.len(), 1);
        assert!(found[0].occurrences[0].trail.is_empty(), "{text}");
    }
}

#[test]
fn a_mark_on_the_line_of_the_encoded_bytes_counts() {
    let token = make("<github:ghp_>", 1);
    let found = scan(&format!("blob: {} # stopleak:allow a sample\n", encode::base64(&token)));
    assert_eq!(found[0].occurrences[0].mark.as_deref(), Some("a sample"));
}

#[test]
fn text_of_four_byte_characters_is_read() {
    let token = make("<github:ghp_>", 1);
    let text = format!("first line\ntoken = {token}\n");
    let engine = Engine::new(RuleSet::embedded());
    for (name, mark, bytes) in
        [("utf-32le", "\u{feff}", u32::to_le_bytes as fn(u32) -> [u8; 4]), ("utf-32be", "", u32::to_be_bytes)]
    {
        let wide: Vec<u8> = format!("{mark}{text}").chars().flat_map(|c| bytes(c as u32)).collect();
        for block in [7, 64, 1 << 20] {
            let (found, ..) = scan_reader(&engine, &mut &wide[..], block, Origin::Stdin);
            assert_eq!(found[0].occurrences[0].trail, [name]);
            assert_eq!(found[0].occurrences[0].position.line, 2);
        }
        assert_eq!(scan_bytes(&engine, &wide, Origin::Stdin).0.len(), 1);
    }
}

#[test]
fn random_data_holds_nothing_and_costs_little() {
    let engine = Engine::new(RuleSet::embedded());
    let mut random = Random::new(9);
    let bytes: Vec<u8> = (0..1 << 20).map(|_| random.draw() as u8).collect();
    let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
    let base64 = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(&bytes)
    };
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let lines = |text: &str, width| encode::wrapped(text, width, "\n");
    for text in [lines(&base64, 76), lines(&hex, 64), lines(&base64, 44), base64, hex, encode::percent(&text)] {
        let (found, warnings) = scan_bytes(&engine, text.as_bytes(), Origin::Stdin);
        let decoded: Vec<_> = found.iter().filter(|f| f.occurrences.iter().any(|o| !o.trail.is_empty())).collect();
        assert!(decoded.is_empty() && warnings.is_empty(), "{decoded:?} {warnings:?}");
    }
}

#[test]
fn a_bomb_is_cut_and_announced() {
    let bomb = encode::gzip_base64(&format!("{}\n", "all work and no play\n".repeat(400_000)));
    let token = make("<github:ghp_>", 1);
    let (found, warnings) = scan_all(&format!("{bomb}\n\ntoken: {token}\n"));
    assert_eq!(found.len(), 1);
    assert!(warnings.iter().any(|warning| warning.code == "limit-decoding" && warning.unscanned), "{warnings:?}");
    // Compressed text of the usual kind is no bomb.
    let plain = (0..2_000).map(|i| make("name: <lower:8> value <base62:20>\n", i)).collect::<String>();
    let (found, warnings) = scan_all(&encode::gzip_base64(&format!("{plain}token: {token}\n")));
    assert!(find(&found, &token).is_some() && warnings.is_empty(), "{warnings:?}");
}

#[test]
fn a_stretch_that_is_too_long_is_cut_and_announced() {
    let token = make("<github:ghp_>", 1);
    let line = "an ordinary line of a log\n";
    let long = encode::base64(&format!("token: {token}\n{}", line.repeat(200_000)));
    for text in [long.clone(), encode::wrapped(&long, 76, "\n")] {
        let (found, warnings) = scan_all(&text);
        assert!(find(&found, &token).is_some());
        assert!(warnings.iter().any(|warning| warning.code == "limit-decoding" && warning.unscanned), "{warnings:?}");
    }
}

/// Lines with secrets behind encodings, and lines that look like encodings and are none.
fn line(random: &mut Random) -> String {
    let token = make(TOKENS[random.below(TOKENS.len())], random.draw());
    let text = TEXTS[random.below(TEXTS.len())].replace("{}", &token);
    let (_, encode) = ENCODERS[random.below(ENCODERS.len())];
    let encoded = if random.below(4) == 0 { encode::base64_lines(&encode(&text)) } else { encode(&text) };
    match random.below(8) {
        0 => format!("token = {token}\n"),
        1 => make("sha512-<base64:86>==\nsrc/<lower:12>/<lower:9>.rs: <hex:40>\n", random.draw()),
        2 => make("<base64:76>\n<base64:76>\n<base64:20>\n", random.draw()),
        3 => make("see https://x.example/<lower:8>%20<digit:8>&amp;b=\\u0041<base62:20>\n", random.draw()),
        4 => format!("api_secret: {encoded} # stopleak:allow\n"),
        _ => SURROUNDINGS[random.below(SURROUNDINGS.len())].replace("{}", &encoded),
    }
}

fn shown(findings: &[Finding], warnings: &[Warning]) -> Vec<String> {
    let finding = |f: &Finding| {
        let (id, confidence) = (&f.rule.id, f.confidence.0);
        format!("{id} {:?} {} {confidence} {:?} {:?}", f.secret.expose(), f.key, f.evidence, f.occurrences)
    };
    findings.iter().map(finding).chain(warnings.iter().map(|warning| format!("{warning:?}"))).collect()
}

#[test]
fn blocks_of_any_size_give_the_decoded_findings_of_the_whole() {
    let engine = Engine::new(RuleSet::embedded());
    let mut decoded = 0;
    for seed in 0..16 {
        let mut random = Random::new(seed);
        let text: String = (0..80).map(|_| line(&mut random)).collect();
        let (found, warnings) = scan_bytes(&engine, text.as_bytes(), Origin::Stdin);
        decoded += found.iter().filter(|f| !f.occurrences[0].trail.is_empty()).count();
        let expected = shown(&found, &warnings);
        for block in [64, 1_000, 4_096, 1_000 + random.below(20_000), 1 << 20] {
            let (found, warnings, _) = scan_reader(&engine, &mut text.as_bytes(), block, Origin::Stdin);
            assert_eq!(shown(&found, &warnings), expected, "seed {seed}, blocks of {block}");
        }
    }
    assert!(decoded > 300, "{decoded}");
}

#[test]
fn a_window_that_moves_on_decodes_as_the_whole_does() {
    let engine = Engine::new(RuleSet::embedded());
    let mut random = Random::new(1);
    let mut text = String::new();
    while text.len() < 24 << 20 {
        text.push_str(&line(&mut random));
        text.push_str(&"an ordinary line of a log\n".repeat(random.below(4_000)));
        if random.below(60) == 0 {
            text.push_str(&encode::base64(&"an ordinary line of a log\n".repeat(random.below(150_000))));
            text.push('\n');
        }
    }
    let (found, warnings) = scan_bytes(&engine, text.as_bytes(), Origin::Stdin);
    let expected = shown(&found, &warnings);
    for block in [300_000, 4 << 20] {
        let (found, warnings, _) = scan_reader(&engine, &mut text.as_bytes(), block, Origin::Stdin);
        assert_eq!(shown(&found, &warnings), expected, "blocks of {block}");
    }
}

fn masked(text: &str, pieces: usize) -> String {
    let engine = Engine::new(RuleSet::embedded());
    let mut mask = Mask::new(&engine, Gate::default());
    let mut out = Vec::new();
    for piece in text.as_bytes().chunks(pieces) {
        mask.write(piece, &mut out);
        mask.pause(&mut out);
    }
    mask.finish(&mut out);
    String::from_utf8(out).expect("it was text")
}

#[test]
fn an_encoded_stretch_is_masked_whole() {
    let token = make("<github:ghp_>", 1);
    let encoded = encode::base64(&format!("TOKEN={token}\nOTHER={token}\n"));
    let text = format!("blob: {encoded} end\nnext line\n");
    for pieces in [1, 7, 30, 1_000] {
        assert_eq!(masked(&text, pieces), "blob: [stopleak:github.personal-access-token] end\nnext line\n", "{pieces}");
    }
    let (head, tail) = token.split_at(20);
    let text = format!("t = \"{head}\" + \"{tail}\";\n");
    assert_eq!(masked(&text, 1_000), "t = \"[stopleak:github.personal-access-token]\";\n");
    let text = format!("t={};\n", encode::percent(&token));
    for pieces in [1, 7, 1_000] {
        assert_eq!(masked(&text, pieces), "t=[stopleak:github.personal-access-token];\n", "{pieces}");
    }
}
