//! What leaves in each format: field names, order, limits, and never a value.

mod formats;
mod html;
mod read;

use crate::made::{finding, in_history, marked, on_disk, place, random, rule};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use stopleak_core::finding::Suppression;
use stopleak_core::report::{Json, JsonLines, Record, Report, Repository, Sarif, Secrets, compare};
use stopleak_core::{Confidence, Finding, Introduction, ObjectId, Origin, Severity, Summary, Warning};

fn summary() -> Summary {
    Summary {
        blobs: 12,
        bytes: 3_456,
        elapsed: Duration::from_millis(2_900),
        findings: 1,
        gated: 1,
        warnings: vec![
            Warning::unscanned("unreadable-file", "a.bin", "permission denied"),
            Warning::note("stale-allow", "stopleak.toml:3", "the [[allow]] entry matches nothing any more"),
        ],
        ..Summary::default()
    }
}

fn jsonl(findings: &[Finding], secrets: Secrets) -> String {
    let mut out = Vec::new();
    write(&mut JsonLines::new(&mut out), findings, secrets);
    String::from_utf8(out).unwrap()
}

fn json(findings: &[Finding]) -> Value {
    let mut out = Vec::new();
    write(&mut Json::new(&mut out), findings, Secrets::Redacted);
    serde_json::from_slice(&out).unwrap()
}

fn sarif_text(findings: &[Finding], summary: &Summary) -> String {
    let mut out = Vec::new();
    let mut report = Sarif::new(&mut out);
    findings.iter().for_each(|finding| report.record(&Record::new(finding, Secrets::Shown)).unwrap());
    report.finish(summary).unwrap();
    String::from_utf8(out).unwrap()
}

fn sarif(findings: &[Finding]) -> Value {
    let log: Value = serde_json::from_str(&sarif_text(findings, &summary())).unwrap();
    assert_valid(&log);
    log
}

fn write(report: &mut dyn Report, findings: &[Finding], secrets: Secrets) {
    findings.iter().for_each(|finding| report.record(&Record::new(finding, secrets)).unwrap());
    report.finish(&summary()).unwrap();
}

fn assert_valid(log: &Value) {
    let schema: Value = serde_json::from_str(include_str!("../fixtures/sarif-schema-2.1.0.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let problems: Vec<String> = validator.iter_errors(log).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert_eq!(problems, Vec::<String>::new());
}

/// One finding with everything a report may have to print.
fn everything() -> Finding {
    let mut first = on_disk("src/app config.env", 3);
    first.parts = vec![("acme.key-id".into(), first.position)];
    let old = in_history("src/app config.env", 7, 1, 1_709_296_200);
    let mut older = in_history("old.env", 1, 2, 951_782_400);
    older.trail = vec!["utf-16le".into(), "base64".into()];
    finding(1, vec![first, old, older])
}

#[test]
fn json_lines_hold_one_object_an_occurrence_and_the_summary_last() {
    insta::assert_snapshot!(jsonl(&[everything()], Secrets::Redacted));
}

#[test]
fn json_is_one_object_with_the_occurrences_inside() {
    insta::assert_snapshot!(serde_json::to_string_pretty(&json(&[everything()])).unwrap());
    assert_eq!(json(&[])["findings"], serde_json::json!([]));
}

#[test]
fn sarif_holds_what_code_scanning_reads() {
    let mut finding = everything();
    finding.suppression = Some(Suppression::Allowlist { reason: "sample of the manual".into() });
    let mut log = sarif(&[finding]);
    log["runs"][0]["tool"]["driver"]["version"] = "VERSION".into();
    log["runs"][0]["tool"]["driver"]["semanticVersion"] = "VERSION".into();
    insta::assert_snapshot!(serde_json::to_string_pretty(&log).unwrap());
}

#[test]
fn no_format_holds_the_value_unless_asked() {
    let finding = everything();
    let value = String::from_utf8(finding.secret.expose().to_vec()).unwrap();
    let findings = [finding];
    assert!(!jsonl(&findings, Secrets::Redacted).contains(&value));
    assert!(!json(&findings).to_string().contains(&value));
    assert!(!sarif(&findings).to_string().contains(&value));
    assert!(jsonl(&findings, Secrets::Shown).contains(&value));
}

#[test]
fn sarif_names_no_author() {
    let log = sarif(&[everything()]).to_string();
    assert!(!log.contains("Ann") && !log.contains("example.com"), "{log}");
}

#[test]
fn sarif_is_valid_for_every_kind_of_place() {
    let introduced = Introduction { commit: ObjectId([7; 20]), author: "Ann <a@b>".into(), time: 0 };
    let origins = [
        Origin::Stdin,
        Origin::Staged { path: "a#b?c".into() },
        Origin::GitMessage { kind: "commit", introduced },
        Origin::GitBlob { id: ObjectId([9; 20]), path: None, introduced: None },
    ];
    for origin in origins {
        let mut one = finding(3, vec![place(origin, 0, 0)]);
        one.occurrences[0].position.end_column = 0;
        let log = sarif(&[one]);
        let region = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"];
        assert_eq!(*region, serde_json::json!({"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 2}));
    }
}

#[test]
fn an_empty_sarif_report_still_closes_old_alerts() {
    assert_eq!(sarif(&[])["runs"][0]["results"], serde_json::json!([]));
}

#[test]
fn sarif_puts_what_a_run_would_drop_into_further_runs() {
    let one = finding(1, vec![on_disk("a", 1)]);
    let mut findings = vec![one.clone(); 5_001];
    findings[0].rule = Arc::new(rule("acme.low", Severity::Low));
    findings[1].confidence = Confidence(0.5);
    let log: Value = serde_json::from_str(&sarif_text(&findings, &summary())).unwrap();
    assert_valid(&log);
    let runs = log["runs"].as_array().unwrap();
    let sizes: Vec<usize> = runs.iter().map(|run| run["results"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [5_000, 1]);
    assert_eq!(runs[0]["results"][4_999]["rank"], 50.0);
    assert_eq!(runs[1]["results"][0]["ruleId"], "acme.low");
    let categories: Vec<&Value> = runs.iter().map(|run| &run["automationDetails"]["id"]).collect();
    assert_eq!(categories, ["stopleak/", "stopleak/part-2/"]);
    let notes = |run: &Value| run["invocations"][0]["toolExecutionNotifications"].to_string();
    assert!(notes(&runs[0]).contains("run 1 of 2") && notes(&runs[1]).contains("run 2 of 2"), "{}", notes(&runs[1]));
    assert!(notes(&runs[0]).contains("a.bin") && !notes(&runs[1]).contains("a.bin"));
}

#[test]
fn sarif_keeps_the_worst_of_more_than_services_take_and_says_how_many_it_left_out() {
    let one = finding(1, vec![on_disk("a", 1)]);
    let mut findings = vec![one; 100_001];
    findings[7].rule = Arc::new(rule("acme.low", Severity::Low));
    let text = sarif_text(&findings, &Summary::default());
    let log: Value = serde_json::from_str(&text).unwrap();
    let runs = log["runs"].as_array().unwrap();
    let kept: usize = runs.iter().map(|run| run["results"].as_array().unwrap().len()).sum();
    assert!(runs.len() <= 20 && kept > 40_000 && !text.contains("acme.low"), "{} runs, {kept} results", runs.len());
    let notes = runs[0]["invocations"][0]["toolExecutionNotifications"].to_string();
    assert!(notes.contains(&format!("{} less severe results left out", 100_001 - kept)), "{notes}");
}

#[test]
fn sarif_cuts_locations_and_long_texts() {
    let mut many = finding(1, (1..=1_500).map(|line| on_disk("a", line)).collect());
    let mut wordy = rule("acme.api-key", Severity::Medium);
    wordy.name = "n".repeat(2_000);
    many.rule = Arc::new(wordy);
    let run = sarif(&[many])["runs"][0].take();
    assert_eq!(run["results"][0]["relatedLocations"].as_array().unwrap().len(), 999);
    let rule = &run["tool"]["driver"]["rules"][0];
    assert_eq!(rule["name"].as_str().unwrap().len(), 255);
    assert_eq!(rule["shortDescription"]["text"].as_str().unwrap().len(), 1_024);
    assert_eq!(rule["fullDescription"]["text"].as_str().unwrap().len(), 1_024);
}

#[test]
fn sarif_names_the_repository_without_its_user() {
    let repository = Repository {
        url: format!("https://bot:{}@host.example/a/b.git", random(20, 4)),
        revision: Some("0".repeat(40)),
        branch: Some("main".into()),
    };
    let summary = Summary { repositories: vec![repository], ..Summary::default() };
    let log: Value = serde_json::from_str(&sarif_text(&[], &summary)).unwrap();
    assert_valid(&log);
    let details = &log["runs"][0]["versionControlProvenance"][0];
    assert_eq!(details["repositoryUri"], "https://host.example/a/b.git");
    assert_eq!(details["branch"], "main");
}

#[test]
fn a_marked_place_says_so_in_json_lines() {
    let text = jsonl(&[finding(1, vec![marked(on_disk("a", 1), "sample"), on_disk("b", 1)])], Secrets::Redacted);
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["suppression"], serde_json::json!({"kind": "mark", "reason": "sample"}));
    assert!(lines[1].get("suppression").is_none());
}

#[test]
fn the_worst_and_surest_come_first() {
    let low = Finding { rule: Arc::new(rule("acme.low", Severity::Low)), ..finding(1, vec![on_disk("a", 1)]) };
    let unsure = Finding { confidence: Confidence(0.5), ..finding(2, vec![on_disk("a", 1)]) };
    let (late, early) = (finding(3, vec![on_disk("b", 9)]), finding(4, vec![on_disk("b", 2)]));
    let mut findings = [low, unsure, late, early];
    findings.sort_by(compare);
    let order = findings.map(|finding| {
        (finding.rule.severity.as_str(), finding.confidence.0 > 0.9, finding.occurrences[0].position.line)
    });
    assert_eq!(order, [("critical", true, 2), ("critical", true, 9), ("critical", false, 1), ("low", true, 1)]);
}
