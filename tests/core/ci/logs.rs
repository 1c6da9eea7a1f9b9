//! Logs are seen through: what a program printed is found, placed where it stands in the log, with its job and step.

use super::{engine, found};
use stopleak_core::detect::Engine;
use stopleak_core::rule::example::{Random, expand};
use stopleak_core::scan::{scan_bytes, scan_reader};
use stopleak_core::{Finding, Origin};

/// A token of a known form.
fn token(seed: u64) -> String {
    expand("<github:ghp_>", seed).expect("a right template")
}

/// Logs with a token at `@T`, halves of it at `@A` and `@B`; the line of the token's beginning, and job and step.
type Row = (&'static str, &'static str, u32, Option<&'static str>, Option<&'static str>);

const LOGS: &[Row] = &[
    (
        "github, with a byte order mark, groups and colours",
        "\u{feff}2026-11-21T05:48:23.0000000Z ##[group]Run make deploy\n2026-11-21T05:48:23.1000000Z \u{1b}[36;1mmake \
         deploy\u{1b}[0m\n2026-11-21T05:48:23.2000000Z ##[endgroup]\n2026-11-21T05:48:24.1234567Z using \
         \u{1b}[32m@A\u{1b}[0m\u{1b}[33m@B\u{1b}[0m now\n",
        4,
        None,
        Some("Run make deploy"),
    ),
    (
        "github, broken over two lines",
        "2026-11-21T05:48:23.0000000Z ##[group]Run make\n2026-11-21T05:48:24.1234567Z using @A\n\
         2026-11-21T05:48:24.1234568Z @B now\n2026-11-21T05:48:24.2234568Z done\n",
        2,
        None,
        Some("Run make"),
    ),
    (
        "github's command-line tool",
        "build\tRun tests\t\u{feff}2026-11-21T05:48:23.0000000Z start\nbuild\tDeploy\t2026-11-21T05:48:24.0000000Z @T\n",
        2,
        Some("build"),
        Some("Deploy"),
    ),
    (
        "gitlab",
        "\u{1b}[0KRunning with gitlab-runner 17.0.0\u{1b}[0;m\nsection_start:1560896352:step_script\r\u{1b}[0K\u{1b}[0K\
         \u{1b}[36;1mExecuting\u{1b}[0;m\n$ deploy @A\u{1b}[0;m@B\nsection_end:1560896353:step_script\r\u{1b}[0K\n",
        3,
        None,
        Some("step_script"),
    ),
    (
        "gitlab with timestamps, a line in parts",
        "2026-11-21T05:48:23.060000Z 00O \u{1b}[0KRunning with gitlab-runner\n2026-11-21T05:48:23.070000Z 01O $ deploy \
         @A\n2026-11-21T05:48:23.080000Z 01O+@B\n2026-11-21T05:48:23.090000Z 00O done\n",
        2,
        None,
        None,
    ),
    (
        "jenkins with a timestamper",
        "Started by user Ann\n[2026-11-21T05:48:23.123Z] [Pipeline] { (Deploy)\n[2026-11-21T05:48:23.223Z] + use \
         @A\n[2026-11-21T05:48:23.223Z] @B\n",
        3,
        None,
        Some("Deploy"),
    ),
    ("jenkins with times alone", "05:48:23  Started by user Ann\n05:48:24  @A\n05:48:24  @B\n", 2, None, None),
    (
        "circleci",
        "[{\"message\":\"start\\r\\nuse \\u001b[32m@A\",\"time\":\"2026-11-21T05:48:23Z\",\"type\":\"out\"},\
         {\"message\":\"@B\\u001b[0m\\r\\n\",\"time\":\"2026-11-21T05:48:23Z\",\"type\":\"out\"}]",
        1,
        None,
        None,
    ),
    (
        "buildkite",
        "\u{1b}_bk;t=1700000000000\u{7}--- :hammer: Build\r\n\u{1b}_bk;t=1700000000001\u{7}$ use \
         @A\u{1b}_bk;t=1700000000002\u{7}@B\r\n",
        2,
        None,
        Some(":hammer: Build"),
    ),
    (
        "travis",
        "travis_fold:start:system_info\r\u{1b}[0KBuild\r\ntravis_time:start:0a1b\r\u{1b}[0K$ use @T\r\n",
        2,
        None,
        Some("system_info"),
    ),
    (
        "azure",
        "2026-11-21T05:48:23.1234567Z ##[section]Starting: Deploy\n2026-11-21T05:48:23.1234567Z @T\n",
        2,
        None,
        Some("Deploy"),
    ),
    ("a name before each line", "[build] start\n[build] use @A\n[build] @B\n[build] done\n", 2, Some("build"), None),
    ("compose", "web_1  | start\nweb_1  | use @A\nweb_1  | @B\n", 2, Some("web_1"), None),
    (
        "containers",
        "2026-11-21T05:48:23.123456789Z stdout F start\n2026-11-21T05:48:23.123456789Z stdout P use \
         @A\n2026-11-21T05:48:23.123456789Z stdout F @B end\n",
        2,
        None,
        None,
    ),
    ("a carriage return before it", "\u{1b}[0mstart\nloading 10%\rloading 100%\rdone\r@T\r\n", 2, None, None),
    ("broken by a carriage return", "\u{1b}[0mstart\nuse @A\r@B\n", 2, None, None),
];

fn fill(text: &str, token: &str) -> String {
    let (a, b) = token.split_at(17);
    text.replace("@T", token).replace("@A", a).replace("@B", b)
}

fn all(engine: &Engine, text: &str) -> Vec<Finding> {
    scan_bytes(engine, text.as_bytes(), Origin::File { path: "a.log".into() }).0
}

#[test]
fn a_secret_in_a_log_is_found_with_its_line_job_and_step() {
    let engine = engine();
    let mut wrong = Vec::new();
    for (seed, (name, text, line, job, step)) in LOGS.iter().enumerate() {
        let token = token(seed as u64);
        let findings = all(&engine, &fill(text, &token));
        let Some(finding) = findings.iter().find(|finding| finding.secret.expose() == token.as_bytes()) else {
            wrong.push(format!("{name}: not found"));
            continue;
        };
        let place = &finding.occurrences[0];
        let log = place.log.clone().unwrap_or_default();
        if finding.occurrences.len() != 1
            || place.position.line != *line
            || (log.job.as_deref(), log.step.as_deref()) != (*job, *step)
        {
            wrong.push(format!("{name}: {:?}", finding.occurrences));
        }
        if findings.iter().filter(|finding| finding.confidence.0 >= 0.5).count() != 1 {
            wrong.push(format!("{name}: {} findings", findings.len()));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_place_in_a_log_is_that_of_the_raw_bytes() {
    let engine = engine();
    let token = token(5);
    let text = format!("2026-11-21T05:48:23.1234567Z grün \u{1b}[1mx\u{1b}[0m {token}\n");
    let position = all(&engine, &text)[0].occurrences[0].position;
    let column = text[..text.find(&token).unwrap()].chars().count() as u32 + 1;
    assert_eq!((position.line, position.column, position.end_column), (1, column, column + token.len() as u32));
}

#[test]
fn a_password_broken_at_the_logs_width_is_put_together() {
    let engine = engine();
    let value = expand("<base62:24>", 3).expect("a right template");
    let head = format!("connecting with password={value}");
    let pad = "x ".repeat(80);
    let line = &format!("{}{head}", &pad[..120 - head.len() + 12])[..120];
    let rest = &value[line.len() - line.find(&value[..6]).unwrap()..];
    let text = format!(
        "2026-11-21T05:48:23.1234567Z start\n2026-11-21T05:48:23.1234567Z {line}\n2026-11-21T05:48:23.1234567Z {rest}\n"
    );
    let found = found(&engine, &text);
    assert_eq!(found.len(), 1, "{text}");
    assert_eq!(found[0].secret.expose(), value.as_bytes());
    assert_eq!(found[0].occurrences[0].trail, ["wrapped-lines"]);
    assert_eq!(found[0].occurrences[0].position.end_line, 3);
}

#[test]
fn whole_values_on_lines_of_their_own_stay_apart() {
    let engine = engine();
    let tokens: Vec<String> = (0..6).map(token).collect();
    let text: String = tokens.iter().map(|token| format!("2026-11-21T05:48:23.1234567Z {token}\n")).collect();
    let found = found(&engine, &text);
    assert_eq!(found.len(), 6);
    for token in tokens {
        assert!(found.iter().any(|finding| finding.secret.expose() == token.as_bytes()));
    }
}

#[test]
fn a_private_key_in_a_log_is_found() {
    let engine = engine();
    let key = expand(
        "-----BEGIN RSA PRIVATE KEY-----\n<base64:64>\n<base64:64>\n<base64:64>\n<base64:44>\n-----END RSA PRIVATE KEY-----",
        1,
    );
    let lines = key.expect("a right template");
    let text: String = lines.lines().map(|line| format!("2026-11-21T05:48:23.1234567Z {line}\n")).collect();
    let findings = all(&engine, &text);
    assert!(findings.iter().any(|finding| finding.rule.id.contains("private-key")), "{findings:?}");
}

#[test]
fn the_name_of_a_file_tells_job_and_step() {
    let engine = engine();
    let text = format!("2026-11-21T05:48:23.1234567Z ##[group]Run x\n2026-11-21T05:48:24.1234567Z {}\n", token(1));
    for (path, shown) in [
        ("build/3_Run tests.txt", "job build, step Run tests"),
        ("logs.zip!build (ubuntu)/12_Deploy.txt", "job build (ubuntu), step Deploy"),
        ("0_build.txt", "job build, step Run x"),
        ("a.log", "step Run x"),
    ] {
        let (findings, _) = scan_bytes(&engine, text.as_bytes(), Origin::File { path: path.into() });
        let log = findings[0].occurrences[0].log.clone().expect("it is a log");
        assert_eq!(log.to_string(), shown, "{path}");
    }
}

#[test]
fn the_name_of_a_step_never_shows_a_secret() {
    let engine = engine();
    let token = token(9);
    let text =
        format!("2026-11-21T05:48:23.1234567Z ##[group]Run curl -H {token}\n2026-11-21T05:48:24.1234567Z {token}\n");
    for finding in all(&engine, &text) {
        assert!(finding.occurrences.iter().all(|place| !format!("{:?}", place.log).contains(&token)));
    }
}

#[test]
fn what_stands_beside_messages_is_found_too() {
    let engine = engine();
    let (a, b) = (token(1), token(2));
    let text = format!(
        "[{{\"message\":\"x\\n\",\"type\":\"out\",\"more\":{{\"api_token\":\"{a}\"}}}},\n {{\"message\":\"{b}\\n\"}}]"
    );
    let found = found(&engine, &text);
    let places: Vec<_> =
        found.iter().map(|finding| (finding.occurrences[0].position.line, finding.secret.expose())).collect();
    assert!(places.contains(&(1, a.as_bytes())) && places.contains(&(2, b.as_bytes())), "{places:?}");
}

#[test]
fn a_token_that_only_a_colour_tells_from_the_next_word_is_found_once() {
    let engine = engine();
    let token = token(4);
    for text in [
        "\u{1b}[1mx\u{1b}[0m\n@T\u{1b}[0m2024-01-10T00:00:00Z INFO\n",
        "a\u{1b}[1m@T\u{1b}[0mb\n",
        "\u{1b}[0m\n@A\u{1b}[1m@B x\n",
    ] {
        let text = fill(text, &token);
        let found = found(&engine, &text);
        assert_eq!(found.len(), 1, "{text}");
        assert_eq!((found[0].secret.expose(), found[0].occurrences.len()), (token.as_bytes(), 1));
    }
}

#[test]
fn a_name_before_lines_may_be_a_secret() {
    let engine = engine();
    let (a, b) = (token(1), token(2));
    let text = format!("[job] x\n[job] y\n[{a}] z\n{b} | w\n");
    assert_eq!(found(&engine, &text).len(), 2);
}

#[test]
fn what_a_terminal_takes_for_a_title_or_a_link_was_printed_too() {
    let engine = engine();
    let (a, b) = (token(1), token(2));
    let text = format!("\u{1b}]0;{a}\u{7}x\n\u{1b}]8;;https://host.example/?t={b}\u{1b}\\link\u{1b}]8;;\u{1b}\\\n");
    assert_eq!(found(&engine, &text).len(), 2);
}

#[test]
fn masks_are_no_secrets_and_ordinary_lines_are_none() {
    let engine = engine();
    let text = "2026-11-21T05:48:23.1234567Z env:\n2026-11-21T05:48:23.1234567Z   DB_PASSWORD: ***\n\
                2026-11-21T05:48:23.1234567Z   TOKEN: ***\n2026-11-21T05:48:23.1234567Z Cloning into 'a'\n\
                2026-11-21T05:48:23.1234567Z Receiving objects:  10% (1/10)\rReceiving objects: 100% (10/10), done.\n\
                2026-11-21T05:48:23.1234567Z https://x-access-token:***@github.com/a/b\n\
                2026-11-21T05:48:23.1234567Z sha256:3f5a\n";
    assert_eq!(found(&engine, text).len(), 0);
}

#[test]
fn a_log_in_blocks_gives_the_findings_of_the_whole() {
    let engine = engine();
    let shown = |findings: &[Finding]| -> Vec<String> {
        let one = |f: &Finding| format!("{} {:?} {} {:?}", f.rule.id, f.secret.expose(), f.key, f.occurrences);
        findings.iter().map(one).collect()
    };
    for (seed, (name, start, ..)) in LOGS.iter().enumerate() {
        let mut random = Random::new(seed as u64);
        let mut text = String::new();
        for n in 0..60 {
            let filler = [
                "ordinary line\n",
                "password=\"<base62:14>\"\n",
                "export API_KEY=<hex:32>\n",
                "wide \u{1b}[1mü\u{1b}[0m 🔑\r\n",
            ];
            // CircleCI's array has no lines of its own.
            if start.starts_with("[{") {
                text.push_str(if n == 0 { "[" } else { "," });
                text.push_str(fill(start, &token(random.draw())).trim_matches(['[', ']']));
            } else {
                text.push_str(&fill(start, &token(random.draw())));
                for _ in 0..random.below(20) {
                    let line = expand(filler[random.below(filler.len())], random.draw()).expect("a right template");
                    text.push_str(&format!("2026-11-21T05:48:23.1234567Z {line}"));
                }
            }
        }
        let origin = || Origin::File { path: "a.log".into() };
        let expected = shown(&scan_bytes(&engine, text.as_bytes(), origin()).0);
        assert!(expected.len() >= 60, "{name}: {}", expected.len());
        for block in [1_000, 4_096, 20_001] {
            let (findings, _, read) = scan_reader(&engine, &mut text.as_bytes(), block, origin());
            assert_eq!(read.expect("memory can be read"), text.len() as u64);
            assert_eq!(shown(&findings), expected, "{name}, blocks of {block}");
        }
    }
}

#[test]
fn no_log_makes_it_panic() {
    let engine = engine();
    for (seed, (_, start, ..)) in LOGS.iter().enumerate() {
        let mut random = Random::new(seed as u64);
        let text = fill(start, &token(1)).into_bytes();
        for _ in 0..60 {
            let mut bytes = text[..1 + random.below(text.len())].to_vec();
            for _ in 0..4 {
                let at = random.below(bytes.len());
                bytes[at] = [0x1b, b'\r', b'\n', b'[', b'"', b'\\', 0xff, b':'][random.below(8)];
            }
            scan_bytes(&engine, &bytes, Origin::Stdin);
        }
    }
}

/// A short line below a token may be its end; the token is told all the same.
#[test]
fn a_guess_that_a_line_was_broken_hides_no_token() {
    let engine = engine();
    // Tokens of any length, so that the longer one is a token, too.
    for token in [["xoxb", "595994567878", "838565103402", &crate::made::random(24, 5)].join("-"), token(77)] {
        let log = format!("2024-01-10T00:00:00Z INFO \n\n{token}\na\n");
        let (findings, _) = scan_bytes(&engine, log.as_bytes(), Origin::Stdin);
        assert!(findings.iter().any(|finding| finding.secret.expose() == token.as_bytes()), "{findings:?}");
    }
}
