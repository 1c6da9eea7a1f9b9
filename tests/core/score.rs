//! Scores: random values of every alphabet are likely, words and references are not, reasons add up.

use stopleak_core::detect::assignment::parse;
use stopleak_core::rule::crc::github_check;
use stopleak_core::score::{Context, Kind, checksum, confidence, explain, is_guessable, log_odds, path_evidence};

/// A small generator of fixed seed: splitmix64.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn draw(&mut self, alphabet: &str, len: usize) -> String {
        let letters = alphabet.as_bytes();
        (0..len).map(|_| letters[(self.next() % letters.len() as u64) as usize] as char).collect()
    }
}

const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &str = "0123456789";

/// The best confidence of a value found in `text`, whose name holds `keyword`; 0 when none is found.
fn judged(text: &str, keyword: &str, value: &str) -> f32 {
    let start = text.find(keyword).unwrap_or_else(|| panic!("{text} has no {keyword}"));
    let parsed = parse(text.as_bytes(), start..start + keyword.len());
    let found = parsed.assignments.iter().filter(|a| &text[a.value.clone()] == value);
    let scores = found.map(|a| {
        let (key, syntax) = (Some(a.key.clone()), Some(a.syntax));
        log_odds(&Context { bytes: text.as_bytes(), secret: a.value.clone(), key, syntax, kind: Kind::Generic }).0
    });
    scores.map(|score| confidence(score).0).fold(0.0, f32::max)
}

fn token(value: &str, random_from: usize, checksum: Option<checksum::Verdict>) -> f32 {
    let kind = Kind::Token { prior: 0.95, random_from, checksum, random: true };
    let text = format!("key {value} end");
    let secret = 4..4 + value.len();
    confidence(log_odds(&Context { bytes: text.as_bytes(), secret, key: None, syntax: None, kind }).0).0
}

#[test]
fn random_values_of_every_alphabet_are_reported_in_a_named_assignment() {
    let alphabets = [
        ("hex", "0123456789abcdef".to_owned()),
        ("HEX", "0123456789ABCDEF".to_owned()),
        ("base32", format!("{UPPER}234567")),
        ("base64", format!("{LOWER}{UPPER}{DIGITS}+/")),
        ("base64url", format!("{LOWER}{UPPER}{DIGITS}-_")),
        ("alphanumeric", format!("{LOWER}{UPPER}{DIGITS}")),
        ("lower and digits", format!("{LOWER}{DIGITS}")),
        ("symbols", format!("{LOWER}{UPPER}{DIGITS}!@#%^*+-_=.?~")),
    ];
    let surroundings = [
        ("password", "db_password = \"@@\""),
        ("Secret", "clientSecret: '@@',"),
        ("apiKey", "const apiKey: string = \"@@\";"),
        ("API_KEY", "export API_KEY=@@\n"),
        ("token", "  auth_token: '@@'\n"),
        ("secret", "{\"secret_key\": \"@@\"}"),
        ("accessKey", "<accessKey>@@</accessKey>"),
        ("PASSWORD", "DB_PASSWORD=@@\n"),
    ];
    let mut dice = Dice(7);
    let mut low = Vec::new();
    for (name, alphabet) in &alphabets {
        for (keyword, line) in surroundings {
            let (mut found, mut tried) = (0, 0);
            for len in [16, 20, 24, 32, 40, 64] {
                for _ in 0..40 {
                    let value = dice.draw(alphabet, len);
                    tried += 1;
                    found += usize::from(judged(&line.replace("@@", &value), keyword, &value) >= 0.5);
                }
            }
            if found * 100 < tried * 95 {
                low.push(format!("{name} in {line}: {found} of {tried}"));
            }
        }
    }
    assert!(low.is_empty(), "{}", low.join("\n"));
}

#[test]
fn passwords_with_symbols_are_reported_where_the_name_says_password() {
    let mut dice = Dice(11);
    let all = format!("{LOWER}{UPPER}{DIGITS}!@#%^*+-_=.?~");
    for len in [8, 10, 12] {
        let found = (0..200).filter(|_| {
            let value = dice.draw(&all, len);
            judged(&format!("password = \"{value}\""), "password", &value) >= 0.5
        });
        let found = found.count();
        assert!(found >= 180, "{found} of 200 passwords of {len} characters");
    }
}

#[test]
fn words_identifiers_and_references_are_not_reported() {
    let table = [
        ("password", "password = \"password\""),
        ("password", "password = \"changeme\""),
        ("password", "password = \"your-password-here\""),
        ("password", "password = \"********\""),
        ("password", "password = \"<your password>\""),
        ("password", "label_password: \"Enter your password\""),
        ("password", "password_field = \"user_password_input\""),
        ("password", "{\"password\": \"Passwort vergessen?\"}"),
        ("apiKey", "apiKey: \"YOUR_API_KEY\""),
        ("api_key", "api_key = \"xxxxxxxxxxxxxxxxxxxxxxxx\""),
        ("api_key", "api_key = \"1234567890abcdef1234567890abcdef\""),
        ("api_key", "api_key_path = \"/etc/service/api-key.json\""),
        ("secret", "secretName: my-app-secret"),
        ("secret", "secret = \"kubernetes.io/service-account-token\""),
        ("token", "token_type = \"urn:ietf:params:oauth:token-type:jwt\""),
        ("token", "token_url: \"https://login.example.com/oauth2/token\""),
        ("token", "tokenizer: \"WhitespaceTokenizerFactory\""),
        ("token", "token_expiry = \"2024-01-02T03:04:05Z\""),
        ("credential", "credentials: \"same-origin\""),
        ("token", "next_page_token = \"nextPageToken\""),
        ("token", "token_regex = \"^[A-Za-z0-9_]+$\""),
    ];
    let mut wrong = Vec::new();
    for (keyword, text) in table {
        let start = text.find(keyword).expect("the table names a keyword in the text");
        for found in parse(text.as_bytes(), start..start + keyword.len()).assignments.iter() {
            let score = judged(text, keyword, &text[found.value.clone()]);
            if score >= 0.5 {
                wrong.push(format!("{score:.2} {text}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_provider_token_keeps_its_prior_when_random_and_loses_it_when_not() {
    let mut dice = Dice(3);
    let base62 = format!("{LOWER}{UPPER}{DIGITS}");
    let kept = (0..500).filter(|_| token(&format!("gh{}_{}", "p", dice.draw(&base62, 36)), 4, None) >= 0.9).count();
    assert!(kept >= 490, "{kept} of 500 kept their prior");
    let prefix = ["gh", "p_"].concat();
    for fake in [
        "x".repeat(36),
        "0123456789abcdefghijklmnopqrstuvwxyz".to_owned(),
        "abcdefghijklmnopqrstuvwxyz0123456789".to_owned(),
        "1234567890".repeat(4)[..36].to_owned(),
        "abc123".repeat(6),
        "EXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAMPLE1".to_owned(),
        "thisisnotarealtokenjustanexampletext".to_owned(),
    ] {
        let score = token(&format!("{prefix}{fake}"), 4, None);
        assert!(score < 0.2, "{score} {fake}");
    }
    assert!(token(&["AKIA", "IOSFODNN7", "EXAMPLE"].concat(), 4, None) < 0.2);
}

#[test]
fn random_tokens_of_every_alphabet_and_length_keep_their_prior() {
    let mut dice = Dice(13);
    let all = format!("{LOWER}{UPPER}{DIGITS}");
    let alphabets = [
        "0123456789abcdef".to_owned(),
        DIGITS.to_owned(),
        format!("{UPPER}234567"),
        format!("{LOWER}{DIGITS}"),
        LOWER.to_owned(),
        all.clone(),
        format!("{all}-_"),
        format!("{all}+/"),
    ];
    let mut low = Vec::new();
    for alphabet in &alphabets {
        for len in [10, 16, 20, 32, 40, 64, 120] {
            let lowered =
                (0..400).filter(|_| token(&format!("abc_{}", dice.draw(alphabet, len)), 4, None) < 0.8).count();
            if lowered > 4 {
                low.push(format!("{lowered} of 400: {len} of {alphabet}"));
            }
        }
    }
    assert!(low.is_empty(), "{}", low.join("\n"));
}

#[test]
fn a_keyed_value_is_likely_when_random_and_unlikely_on_a_line_about_digests() {
    let value = Dice(17).draw("0123456789abcdef", 40);
    let judge = |text: &str, value: &str| {
        let secret = text.find(value).map_or(0..0, |at| at..at + value.len());
        let kind = Kind::Keyed { prior: 0.6, random_from: 0, checksum: None, random: true };
        let key = Some(0..text.find(['=', ' ']).unwrap_or(0));
        confidence(log_odds(&Context { bytes: text.as_bytes(), secret, key, syntax: None, kind }).0).0
    };
    assert!(judge(&format!("acme_key={value}"), &value) > 0.7);
    assert!(judge(&format!("acme commit sha1 {value}"), &value) < 0.6);
    assert!(judge("acme_key=my-acme-key-name", "my-acme-key-name") < 0.2);
    assert!(judge("acme_key=0000000000000000000000000000000000000000", &"0".repeat(40)) < 0.1);
}

#[test]
fn a_wrong_checksum_lowers_confidence_to_the_floor() {
    let mut dice = Dice(5);
    let random = dice.draw(&format!("{LOWER}{UPPER}{DIGITS}"), 30);
    let check = String::from_utf8(github_check(random.as_bytes()).to_vec()).expect("base62 is ASCII");
    let good = format!("{}_{random}{check}", ["gh", "p"].concat());
    let bad = format!("{}_{random}{}", ["gh", "p"].concat(), check.chars().rev().collect::<String>());
    use stopleak_core::rule::Checksum::GithubCrc32;
    assert!(checksum::holds(GithubCrc32, good.as_bytes()));
    assert!(!checksum::holds(GithubCrc32, bad.as_bytes()));
    assert!(token(&good, 4, Some(checksum::Verdict::Valid)) > 0.99);
    assert!(token(&bad, 4, Some(checksum::Verdict::Wrong)) < 0.02);
}

#[test]
fn checksums_of_other_issuers_hold_or_do_not() {
    use stopleak_core::rule::Checksum::{GitlabCrc32, GrafanaCrc32, Pem};
    use stopleak_core::rule::example::expand;
    let with_last_changed = |token: &str| {
        let last = if token.ends_with('0') { '1' } else { '0' };
        format!("{}{last}", &token[..token.len() - 1])
    };
    for (kind, template) in
        [(GitlabCrc32, "<gitlab:glpat->"), (GitlabCrc32, "<gitlab:glrt-t1_>"), (GrafanaCrc32, "<grafana:glsa_>")]
    {
        let token = expand(template, 3).expect("the template is sound");
        assert!(checksum::holds(kind, token.as_bytes()), "{template}");
        assert!(!checksum::holds(kind, with_last_changed(&token).as_bytes()), "{template}");
    }
    // The pair that the issuer's documentation shows, apart so that it is no token here.
    let published = ["glsa", "_yscW25imSKJIuav8zF37RZmnbiDvB05G", "_fcaaf58a"].concat();
    assert!(checksum::holds(GrafanaCrc32, published.as_bytes()));
    let pem = |body: &[u8]| format!("-----BEGIN PRIVATE KEY-----\\n{}\\n", base64(body));
    let sequence = [&[0x30, 0x81, 0x90][..], &[7; 0x90]].concat();
    assert!(checksum::holds(Pem, pem(&sequence).as_bytes()));
    assert!(!checksum::holds(Pem, pem(&[7; 0x93]).as_bytes()));
    assert!(!checksum::holds(Pem, pem(&sequence[..80]).as_bytes()));
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[test]
fn an_aws_key_id_names_its_account() {
    // The prefix that a public article shows, with made-up letters after it.
    let id = ["AK", "IAYVP4CIPP", "ABCDEFGH"].concat();
    assert_eq!(stopleak_core::score::aws_account(id.as_bytes()), Some(595_918_472_158));
    let old = ["AK", "IAIABCDEFG", "ABCDEFGH"].concat();
    assert_eq!(stopleak_core::score::aws_account(old.as_bytes()), None);
}

#[test]
fn the_reasons_add_up_to_the_score() {
    let value = Dice(9).draw(&format!("{LOWER}{UPPER}{DIGITS}"), 32);
    let text = format!("// test: api_key = \"{value}\"\n");
    let start = text.find("api_key").expect("the key is in the text");
    let found = parse(text.as_bytes(), start..start + 7).assignments[0].clone();
    let (key, syntax) = (Some(found.key), Some(found.syntax));
    let context = Context { bytes: text.as_bytes(), secret: found.value, key, syntax, kind: Kind::Generic };
    let sum: f32 = explain(&context).iter().map(|reason| reason.weight).sum();
    assert!((sum - log_odds(&context).0).abs() < 1e-3);
    assert!(explain(&context).iter().any(|reason| reason.reason == "random-for-its-alphabet"));
}

#[test]
fn only_long_random_values_are_not_guessable() {
    let mut dice = Dice(1);
    let base62 = format!("{LOWER}{UPPER}{DIGITS}");
    assert!((0..200).filter(|_| is_guessable(dice.draw(&base62, 24).as_bytes())).count() < 10);
    for value in
        ["hunter2", "correct-horse-battery-staple", "Summer2024!", "aaaaaaaaaaaaaaaaaaaaaaaa", "passwordpassword12"]
    {
        assert!(is_guessable(value.as_bytes()), "{value}");
    }
    assert!(is_guessable(dice.draw(&base62, 10).as_bytes()));
}

#[test]
fn paths_lower_and_raise_but_never_decide_alone() {
    let sum = |path: &str| path_evidence(path).iter().map(|evidence| evidence.weight).sum::<f32>();
    for path in [
        "src/test/java/A.java",
        "docs/usage.md",
        "yarn.lock",
        "locales/de.json",
        "src/messages_pt_BR.properties",
        "config/fr.yml",
        "app.min.js",
        ".env.example",
    ] {
        assert!(sum(path) < 0.0, "{path}");
    }
    for path in [".env", "deploy/prod/credentials.yml", "config/.env.production"] {
        assert!(sum(path) > 0.0, "{path}");
    }
    assert_eq!(sum("src/main.rs"), 0.0);
}

/// The parts of a token GitHub issued and its owner published after it had expired:
/// <https://gist.github.com/coolaj86/eb8cddfd3e4251258712dfed03e1f86d>
#[test]
fn the_checksum_is_the_one_github_computes() {
    assert_eq!(&github_check(b"zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ"), b"0mLq17");
}
