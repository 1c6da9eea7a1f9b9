//! GitLab, JUnit, CSV, Markdown, GitHub: each keeps to its reader's rules, whatever a repository puts into names.

use super::read::written;
use super::{everything, finding, in_history, marked, on_disk, place, random, rule, summary};
use serde_json::{Value, json};
use std::sync::Arc;
use stopleak_core::finding::{Decision, Suppression, Verdict};
use stopleak_core::report::{Csv, Github, Gitlab, Junit, Markdown, Record, Repository, Secrets};
use stopleak_core::rule::{Form, Practice};
use stopleak_core::{Finding, Origin, Secret, Severity, Summary, Warning};

/// A name that tries to be markup, a command, a formula and the end of everything.
const HOSTILE: &str = "=a\"'<b>&]]>\n::error::x\r\n`|[y](z)@all%0A\u{1b}[2J\u{202e},;\u{0}--";

fn records(findings: &[Finding]) -> Vec<Record> {
    findings.iter().map(|finding| Record::new(finding, Secrets::Shown)).collect()
}

fn hostile() -> Finding {
    let mut hostile = rule("acme.api-key", Severity::High);
    (hostile.name, hostile.help) = (HOSTILE.into(), HOSTILE.into());
    hostile.references = vec![HOSTILE.into(), "https://docs.acme.example/keys".into()];
    let mut finding = finding(8, vec![marked(on_disk(HOSTILE, 1), HOSTILE), in_history(HOSTILE, 2, 4, 1)]);
    finding.rule = Arc::new(hostile);
    finding.key = HOSTILE.into();
    finding
}

fn partial() -> Summary {
    Summary { warnings: vec![Warning::unscanned("unreadable-file", HOSTILE, HOSTILE)], ..summary() }
}

fn practice() -> Finding {
    let mut one = rule("pipeline.secret-in-arguments", Severity::Medium);
    one.form = Form::Practice { place: Practice::Command, pattern: String::new() };
    let mut finding = finding(9, vec![on_disk(".gitlab-ci.yml", 4)]);
    finding.rule = Arc::new(one);
    finding.key = "DEPLOY_TOKEN".into();
    finding
}

mod gitlab {
    use super::*;

    fn report(findings: &[Finding], summary: &Summary) -> Value {
        let text = written(|out| Box::new(Gitlab::new(out, 1_709_296_202)), &records(findings), summary);
        let report: Value = serde_json::from_str(&text).unwrap();
        assert_keeps_to_the_schema(&report);
        report
    }

    /// What the secret detection schema 15.2.1 asks for of the fields that the report has.
    fn assert_keeps_to_the_schema(report: &Value) {
        let text = json!({"type": "string", "minLength": 1});
        let tool = json!({
            "type": "object",
            "required": ["id", "name", "version", "vendor"],
            "properties": {
                "id": text, "name": text, "version": text, "url": {"type": "string", "pattern": "^https?://.+"},
                "vendor": {"type": "object", "required": ["name"], "properties": {"name": text}},
            },
        });
        let time = json!({"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$"});
        let message = json!({
            "type": "object",
            "required": ["level", "value"],
            "properties": {"level": {"enum": ["info", "warn", "fatal"]}, "value": text},
        });
        let identifier = json!({
            "type": "object",
            "required": ["type", "name", "value"],
            "properties": {"type": text, "name": text, "value": text, "url": {"pattern": "^(https?|ftp)://.+"}},
        });
        let location = json!({
            "type": "object",
            "required": ["commit", "file"],
            "properties": {
                "file": text, "start_line": {"type": "integer", "minimum": 1}, "end_line": {"type": "integer", "minimum": 1},
                "commit": {"type": "object", "required": ["sha"], "properties": {"sha": text, "date": text}},
            },
        });
        let signature = json!({
            "type": "object",
            "required": ["algorithm", "value"],
            "properties": {"algorithm": {"enum": ["hash", "location", "scope_offset"]}, "value": text},
        });
        let vulnerability = json!({
            "type": "object",
            "required": ["id", "identifiers", "location"],
            "additionalProperties": false,
            "properties": {
                "id": text, "category": {"const": "secret_detection"}, "name": {"type": "string", "maxLength": 255},
                "description": {"type": "string", "maxLength": 1_048_576},
                "severity": {"enum": ["Info", "Unknown", "Low", "Medium", "High", "Critical"]},
                "solution": {"type": "string", "maxLength": 7_000},
                "identifiers": {"type": "array", "minItems": 1, "items": identifier},
                "location": location,
                "links": {"type": "array", "items": {"type": "object", "required": ["url"], "properties": {
                    "url": {"type": "string", "pattern": "^(https?|ftp)://.+"},
                }}},
                "tracking": {"type": "object", "required": ["items"], "properties": {
                    "type": {"const": "source"},
                    "items": {"type": "array", "items": {
                        "type": "object", "required": ["signatures"],
                        "properties": {"signatures": {"type": "array", "minItems": 1, "items": signature}},
                    }},
                }},
                "details": {"type": "object", "additionalProperties": {
                    "type": "object",
                    "required": ["name", "type"],
                    "properties": {"name": text, "type": {"enum": ["text", "list"]}, "items": {"type": "array", "items": {
                        "type": "object",
                        "required": ["type", "file_name", "line_start"],
                        "properties": {"type": {"const": "file-location"}, "file_name": text},
                    }}},
                }},
            },
        });
        let schema = json!({
            "type": "object",
            "required": ["scan", "version", "vulnerabilities"],
            "properties": {
                "version": {"type": "string", "pattern": r"^[0-9]+\.[0-9]+\.[0-9]+$"},
                "scan": {
                    "type": "object",
                    "required": ["analyzer", "end_time", "scanner", "start_time", "status", "type"],
                    "properties": {
                        "analyzer": tool, "scanner": tool, "start_time": time, "end_time": time,
                        "status": {"enum": ["success", "failure"]}, "type": {"const": "secret_detection"},
                        "messages": {"type": "array", "items": message},
                    },
                },
                "vulnerabilities": {"type": "array", "items": vulnerability},
            },
        });
        let validator = jsonschema::validator_for(&schema).unwrap();
        let problems: Vec<String> =
            validator.iter_errors(report).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert_eq!(problems, Vec::<String>::new());
    }

    #[test]
    fn one_secret_is_one_vulnerability_with_its_other_places() {
        let report = report(&[everything()], &summary());
        let [one] = report["vulnerabilities"].as_array().unwrap().as_slice() else { panic!("{report}") };
        assert_eq!(one["severity"], "Critical");
        assert_eq!(one["location"]["file"], "src/app config.env");
        assert_eq!(one["identifiers"][0]["value"], "acme.api-key");
        assert_eq!(one["details"]["places"]["items"].as_array().unwrap().len(), 2);
        assert!(one["solution"].as_str().unwrap().starts_with("Revoke or rotate it at Acme Cloud: Revoke it under"));
        assert_eq!(report["scan"]["start_time"], "2024-03-01T12:30:00");
        assert_eq!(report["scan"]["end_time"], "2024-03-01T12:30:02");
    }

    #[test]
    fn what_was_not_scanned_fails_the_scan_and_is_named() {
        let failed = report(&[], &partial());
        assert_eq!(failed["scan"]["status"], "failure");
        assert_eq!(failed["scan"]["messages"][0]["level"], "warn");
        assert_eq!(report(&[], &Summary::default())["scan"]["status"], "success");
    }

    #[test]
    fn a_place_on_disk_belongs_to_the_commit_that_was_scanned() {
        let head = Repository { revision: Some("7".repeat(40)), ..Repository::default() };
        let summary = Summary { repositories: vec![head], ..Summary::default() };
        let findings = [finding(1, vec![on_disk("a", 1)]), finding(2, vec![in_history("b", 1, 2, 3)])];
        let report = report(&findings, &summary);
        let sha =
            |index: usize| report["vulnerabilities"][index]["location"]["commit"]["sha"].as_str().unwrap().to_owned();
        assert_eq!((sha(0), sha(1)), ("7".repeat(40), "02".repeat(20)));
    }

    #[test]
    fn neither_values_nor_authors_nor_suppressed_findings_are_in_it() {
        let mut suppressed = finding(3, vec![on_disk("suppressed", 1)]);
        suppressed.suppression = Some(Suppression::Baseline);
        let text = report(&[everything(), hostile(), suppressed, practice()], &partial()).to_string();
        for word in [&random(32, 1), &random(32, 8), "Ann", "ann@example.com", "suppressed\""] {
            assert!(!text.contains(word), "{word}");
        }
    }
}

mod junit {
    use super::*;

    fn report(findings: &[Finding], summary: &Summary) -> String {
        let text = written(|out| Box::new(Junit::new(out)), &records(findings), summary);
        assert_well_formed(&text);
        text
    }

    /// Every element that opens closes, attributes are quoted, and no character is one that XML 1.0 forbids.
    fn assert_well_formed(text: &str) {
        let allowed = |c: char| matches!(c, '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
        assert!(text.chars().all(allowed), "{text:?}");
        let body = text.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n").unwrap();
        let mut open: Vec<&str> = Vec::new();
        for part in body.split('<').skip(1) {
            let (tag, between) = part.split_once('>').expect("a tag ends");
            assert!(!between.contains('>'), "{between}");
            assert_entities(tag);
            assert_entities(between);
            let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
            assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
            match (tag.starts_with('/'), tag.ends_with('/')) {
                (true, _) => assert_eq!(open.pop(), Some(name)),
                (false, true) => assert!(["error", "skipped", "testcase"].contains(&name), "{name}"),
                (false, false) => open.push(name),
            }
        }
        assert_eq!(open, Vec::<&str>::new());
    }

    fn assert_entities(text: &str) {
        for after in text.split('&').skip(1) {
            let name = after.split(';').next().unwrap();
            assert!(["amp", "lt", "gt", "quot", "apos", "#10", "#9"].contains(&name), "{name}");
        }
    }

    fn attribute(text: &str, element: &str, name: &str) -> u64 {
        let tag = text.split(&format!("<{element} ")).nth(1).unwrap().split('>').next().unwrap();
        tag.split(&format!("{name}=\"")).nth(1).unwrap().split('"').next().unwrap().parse().unwrap()
    }

    #[test]
    fn a_finding_is_a_failed_test_and_a_suppressed_one_is_skipped() {
        let mut suppressed = finding(2, vec![on_disk("b", 1)]);
        suppressed.suppression = Some(Suppression::Allowlist { reason: "sample".into() });
        let text = report(&[everything(), suppressed], &Summary::default());
        let counts = ["tests", "failures", "errors", "skipped"].map(|name| attribute(&text, "testsuites", name));
        assert_eq!(counts, [3, 1, 0, 1]);
        assert!(text.contains("<testcase name=\"Acme Cloud API key acme…"), "{text}");
        assert!(text.contains("file=\"src/app config.env\" line=\"3\""), "{text}");
        assert!(text.contains("<failure message=\"critical: Acme Cloud API key"), "{text}");
        assert!(text.contains("<skipped message=\"allowed, sample\"/>") && text.contains("everything was scanned"));
    }

    #[test]
    fn what_was_not_scanned_is_an_error_even_when_nothing_was_found() {
        let text = report(&[], &partial());
        assert_eq!(attribute(&text, "testsuites", "errors"), 1);
        assert!(text.contains("type=\"unreadable-file\"") && !text.contains("everything was scanned"), "{text}");
    }

    #[test]
    fn names_from_a_repository_stay_text_and_values_stay_out() {
        let text = report(&[hostile(), everything(), practice()], &partial());
        assert!(!text.contains("<b>") && !text.contains(&random(32, 8)) && !text.contains(&random(32, 1)), "{text}");
    }
}

mod csv {
    use super::*;

    /// Reads CSV as RFC 4180 has it.
    fn cells(text: &str) -> Vec<Vec<String>> {
        let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
        let mut letters = text.chars().peekable();
        while let Some(c) = letters.next() {
            match (c, quoted) {
                ('"', true) if letters.peek() == Some(&'"') => cell.push(letters.next().unwrap()),
                ('"', _) => quoted = !quoted,
                (',', false) => row.push(std::mem::take(&mut cell)),
                ('\r', false) => {
                    assert_eq!(letters.next(), Some('\n'));
                    row.push(std::mem::take(&mut cell));
                    rows.push(std::mem::take(&mut row));
                }
                (c, _) => cell.push(c),
            }
        }
        assert!(row.is_empty() && cell.is_empty() && !quoted);
        rows
    }

    fn report(findings: &[Finding], summary: &Summary, secrets: Secrets) -> Vec<Vec<String>> {
        let records: Vec<Record> = findings.iter().map(|finding| Record::new(finding, secrets)).collect();
        let rows = cells(&written(|out| Box::new(Csv::new(out)), &records, summary));
        assert!(rows.iter().all(|row| row.len() == rows[0].len()));
        rows
    }

    #[test]
    fn a_line_a_place_under_a_header() {
        let rows = report(&[everything()], &Summary::default(), Secrets::Redacted);
        assert_eq!(rows.len(), 4);
        let column = |name: &str| rows[0].iter().position(|known| known == name).unwrap();
        let of = |name: &str| rows[1..].iter().map(|row| row[column(name)].as_str()).collect::<Vec<_>>();
        assert_eq!(of("path"), ["src/app config.env", "old.env", "src/app config.env"]);
        assert_eq!(of("source"), ["disk", "history", "history"]);
        assert_eq!(of("line"), ["3", "1", "7"]);
        assert!(!rows[1][column("secret")].contains(&random(32, 1)));
        assert_eq!(report(&[], &Summary::default(), Secrets::Redacted).len(), 1);
    }

    #[test]
    fn no_cell_is_a_formula_and_what_was_not_scanned_has_its_line() {
        let mut odd = hostile();
        odd.secret = Secret::new(b"=HYPERLINK(1)");
        let rows = report(&[odd], &partial(), Secrets::Shown);
        let begins = |cell: &String| cell.trim_start().starts_with(['=', '+', '-', '@', '|', '%']);
        let formulas: Vec<&String> = rows.iter().flatten().filter(|cell| begins(cell)).collect();
        assert_eq!(formulas, Vec::<&String>::new());
        assert_eq!(rows.last().unwrap()[0], "not scanned");
        assert!(rows[1].contains(&"'=HYPERLINK(1)".to_owned()), "{:?}", rows[1]);
    }
}

mod markdown {
    use super::*;

    fn report(findings: &[Finding], summary: &Summary) -> String {
        written(|out| Box::new(Markdown::new(out)), &records(findings), summary)
    }

    #[test]
    fn the_totals_come_first_and_what_was_not_scanned_before_the_findings() {
        let text = report(&[everything(), practice()], &summary());
        assert!(text.starts_with("## 🚨 1 secret in 3 places\n\n**1 critical** · 1 risky practice\n"), "{text}");
        let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part}: {text}"));
        assert!(at("**Not scanned: 1 item**") < at("| severity |"));
        assert!(text.contains("| critical | Acme Cloud API key `acme…"), "{text}");
        assert!(text.contains("1. **Revoke or rotate it at Acme Cloud**: Revoke it under"), "{text}");
    }

    #[test]
    fn nothing_found_says_so_and_whether_all_was_scanned() {
        assert!(report(&[], &Summary::default()).starts_with("## ✅ No secrets found\n"));
        assert!(report(&[], &partial()).starts_with("## ⚠️ No secrets that count, but not everything was scanned\n"));
    }

    #[test]
    fn what_only_warns_is_told_and_not_counted_and_the_run_is_told_below_the_title() {
        let mut warned = everything();
        warned.decision =
            Decision { verdict: Verdict::Warn, by: Some("stopleak.toml:3".into()), reason: String::new() };
        const ABOUT: &str = "Scanned 2 new commits of the `push` event of <b>.";
        let summary = Summary { known: 4, ..Summary::default() };
        let text = written(|out| Box::new(Markdown::new(out).about(ABOUT)), &records(&[warned]), &summary);
        let expected = "## ✅ No secrets that count\n\nScanned 2 new commits of the `push` event of &lt;b&gt;.\n\n1 not counting\n";
        assert!(text.starts_with(expected) && text.contains(" · 4 known before</sub>"), "{text}");
    }

    #[test]
    fn names_from_a_repository_are_no_markup() {
        let text = report(&[hostile()], &partial());
        let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| ")).collect();
        assert_eq!(rows.len(), 2, "{text}");
        let bars = rows[1].replace("\\|", "").matches('|').count();
        assert_eq!(bars, 7, "{}", rows[1]);
        // Between backticks they are shown as they are; outside of them they are escaped.
        let outside = without_code(&text).replace("\\]", "");
        assert!(!outside.contains("<b>") && !outside.contains("@all") && !outside.contains("](z)"), "{text}");
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}') && !text.contains(&random(32, 8)), "{text}");
    }

    /// What is left when all between two runs of as many backticks is taken out; an escaped one is no beginning.
    fn without_code(text: &str) -> String {
        let mut outside = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('`') {
            let length = rest[at..].bytes().take_while(|byte| *byte == b'`').count();
            let (before, after) = (&rest[..at], &rest[at + length..]);
            outside.push_str(before);
            let fence = "`".repeat(length);
            let is_end = |end: &usize| !after[..*end].ends_with('`') && !after[end + length..].starts_with('`');
            let end = after.match_indices(&fence).map(|(end, _)| end).find(is_end);
            rest = match end {
                Some(end) if !before.ends_with('\\') => &after[end + length..],
                _ => after,
            };
        }
        outside + rest
    }

    #[test]
    fn a_job_summary_stays_below_what_services_take() {
        let long = "x".repeat(4_000);
        let findings: Vec<Finding> =
            (0..3_000).map(|seed| finding(seed, vec![on_disk(&format!("{seed}{long}"), 1)])).collect();
        let text = report(&findings, &Summary::default());
        assert!(text.len() < 1_000_000, "{}", text.len());
        assert!(
            text.starts_with("## 🚨 3000 secrets in 3000 places") && text.contains(" more; `stopleak scan"),
            "{}",
            &text[..200]
        );
    }
}

mod github {
    use super::*;

    fn report(findings: &[Finding], summary: &Summary) -> Vec<String> {
        let redacted: Vec<Record> = findings.iter().map(|finding| Record::new(finding, Secrets::Redacted)).collect();
        let text = written(|out| Box::new(Github::new(out, true)), &redacted, summary);
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn every_value_is_masked_before_anything_else() {
        let mut suppressed = finding(2, vec![on_disk("b", 1)]);
        suppressed.suppression = Some(Suppression::Baseline);
        let mut key = finding(3, vec![on_disk("key.pem", 1)]);
        key.secret = Secret::new(b"-----BEGIN-----\r\nMIIabc%25\n}\n-----END-----\n");
        let lines = report(&[everything(), suppressed, key, practice()], &Summary::default());
        let masks: Vec<&str> = lines.iter().map_while(|line| line.strip_prefix("::add-mask::")).collect();
        let value = |seed| format!("acme_{}", random(32, seed));
        assert_eq!(masks, [&value(1), &value(2), "-----BEGIN-----", "MIIabc%2525", "-----END-----"]);
        let rest = &lines[masks.len()..];
        assert_eq!(rest.iter().filter(|line| line.contains("add-mask")).count(), 0);
        assert!(rest.iter().all(|line| !line.contains(&random(32, 1)) && !line.contains(&random(32, 2))));
    }

    #[test]
    fn without_a_runner_nothing_is_masked() {
        let text = written(|out| Box::new(Github::new(out, false)), &records(&[everything()]), &Summary::default());
        assert!(text.starts_with("::error file=") && !text.contains("add-mask"), "{text}");
        assert!(!text.contains(&random(32, 1)), "{text}");
    }

    #[test]
    fn an_annotation_stands_at_its_line() {
        let lines = report(&[everything(), practice()], &summary());
        let start =
            "::error file=src/app config.env,line=3,col=10,endColumn=47,title=Acme Cloud API key (critical)::acme…";
        assert!(lines[1].starts_with(start), "{}", lines[1]);
        assert!(lines[1].contains("%0ARevoke it under Settings › API keys.%0AFingerprint t1:"), "{}", lines[1]);
        assert!(lines[2].starts_with("::warning file=.gitlab-ci.yml,line=4,"), "{}", lines[2]);
        assert_eq!(lines[3], "::error title=not scanned::a.bin: permission denied");
    }

    #[test]
    fn what_has_no_line_in_the_checkout_is_told_without_one() {
        let mut gone = in_history("gone.env", 1, 9, 1);
        gone.in_head = Some(false);
        let inside = Origin::entry(Origin::File { path: "a.zip".into() }, "b");
        let lines = report(&[finding(1, vec![gone]), finding(2, vec![place(inside, 1, 1)])], &Summary::default());
        assert!(
            lines[2].starts_with("::error title=") && lines[2].contains("gone.env:1:10 in commit 0909"),
            "{}",
            lines[2]
        );
        assert!(lines[3].starts_with("::error title=") && lines[3].contains("a.zip!b:1:1"), "{}", lines[3]);
    }

    #[test]
    fn names_from_a_repository_start_no_command() {
        let lines = report(&[hostile()], &partial());
        let commands = lines.iter().filter(|line| line.starts_with("::")).count();
        assert_eq!((lines.len(), commands), (3, 3), "{lines:?}");
        let properties = lines[1].strip_prefix("::error ").unwrap().split("::").next().unwrap();
        assert_eq!(properties.split(',').count(), 5, "{properties}");
    }
}
