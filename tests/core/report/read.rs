//! A saved report says in every format what the scan itself would have said.

use super::{
    Finding, Record, Report, Secrets, everything, finding, in_history, jsonl, marked, on_disk, random, summary,
};
use std::time::Duration;
use stopleak_core::finding::Suppression;
use stopleak_core::report::{
    Csv, Github, Gitlab, Html, Json, JsonLines, Junit, Markdown, ReadError, Repository, Saved, Source, read,
};
use stopleak_core::{Confidence, Decision, Occurrence, Origin, RunPart, Summary, Verdict};

const NOW: i64 = 1_760_000_000;

type Make = for<'a> fn(&'a mut Vec<u8>) -> Box<dyn Report + 'a>;

/// Every format that says the same with and without the values at hand.
const FORMATS: [(&str, Make); 8] = [
    ("json", |out| Box::new(Json::new(out))),
    ("jsonl", |out| Box::new(JsonLines::new(out))),
    ("sarif", |out| Box::new(stopleak_core::report::Sarif::new(out))),
    ("gitlab", |out| Box::new(Gitlab::new(out, NOW))),
    ("html", |out| Box::new(Html::new(out, NOW))),
    ("junit", |out| Box::new(Junit::new(out))),
    ("csv", |out| Box::new(Csv::new(out))),
    ("markdown", |out| Box::new(Markdown::new(out))),
];

pub fn written(make: Make, records: &[Record], summary: &Summary) -> String {
    let mut out = Vec::new();
    let mut report = make(&mut out);
    records.iter().for_each(|record| report.record(record).unwrap());
    report.finish(summary).unwrap();
    drop(report);
    String::from_utf8(out).unwrap()
}

/// One finding of each kind, with all that a place may have.
fn all_kinds() -> Vec<Finding> {
    let mut staged = finding(2, vec![super::place(Origin::Staged { path: "b.env".into() }, 1, 1)]);
    staged.key = String::new();
    let mut suppressed = finding(3, vec![on_disk("c", 1), in_history("c", 1, 3, -86_400)]);
    suppressed.suppression = Some(Suppression::Baseline);
    let mut old = in_history("d", 4, 9, 951_782_400);
    old.in_head = Some(false);
    let mut many = finding(4, vec![old, Occurrence { in_head: Some(true), ..in_history("e", 4, 9, 951_782_400) }]);
    many.more_occurrences = 7;
    many.confidence = Confidence(0.5);
    many.facts = vec![("issuer", "https://issuer.example/<x>".into())];
    let inside = Origin::entry(Origin::File { path: "outer.zip".into() }, "inner/ä.env");
    let lone = finding(5, vec![super::place(inside, 1, 1), super::place(Origin::Stdin, 3, 1)]);
    let half = finding(6, vec![marked(on_disk("f", 1), "sample"), on_disk("g", 1)]);
    vec![everything(), staged, suppressed, many, lone, half, elsewhere()]
}

/// In a bucket and in a pipeline's run, with what a policy decided.
fn elsewhere() -> Finding {
    let run = Origin::Run {
        run: "host.example/o/r/actions/runs/7".into(),
        part: RunPart::Artifact("build".into()),
        job: Some("test".into()),
        path: "host.example/o/r/actions/runs/7/artifacts/build".into(),
    };
    let object = Origin::entry(Origin::object("logs", "a/b.zip", Some("v2")), "c.env");
    let mut finding = finding(7, vec![super::place(object, 1, 1), super::place(Origin::entry(run, "d.env"), 2, 1)]);
    let (by, reason) = (Some("stopleak.toml:3".to_owned()), "being cleaned up".to_owned());
    finding.decision = Decision { verdict: Verdict::Warn, by, reason };
    finding
}

#[test]
fn what_went_on_is_read_with_how_often_it_was_seen() {
    let (mut out, once) = (Vec::new(), finding(1, vec![on_disk("a", 1)]));
    let often = Finding { more_occurrences: 6, ..once.clone() };
    let mut report = JsonLines::new(&mut out);
    report.record(&Record::new(&once, Secrets::Redacted)).unwrap();
    report.repeated(&Record::new(&often, Secrets::Redacted)).unwrap();
    report.finish(&summary()).unwrap();
    let saved = read(std::str::from_utf8(&out).unwrap(), Secrets::Redacted).unwrap();
    assert_eq!(saved.records.iter().map(Record::count).collect::<Vec<_>>(), [7]);
}

#[test]
fn what_the_policy_warns_of_is_told_and_fails_nothing() {
    let records = records(&[elsewhere()], Secrets::Redacted);
    let (make, told) =
        (|to| FORMATS.iter().find(|(name, _)| *name == to).unwrap().1, "being cleaned up (stopleak.toml:3)");
    let junit = written(make("junit"), &records, &summary());
    assert!(junit.contains("failures=\"0\"") && junit.contains(told), "{junit}");
    for format in ["csv", "markdown"] {
        let text = written(make(format), &records, &summary());
        assert!(text.contains("being cleaned up"), "{text}");
    }
    let github = written(|out| Box::new(Github::new(out, true)), &records, &summary());
    assert!(github.contains("::notice title=") && github.contains(told), "{github}");
    for format in ["json", "sarif"] {
        let text = written(make(format), &records, &summary());
        assert!(text.replace(": ", ":").contains("\"verdict\":\"warn\"") && text.contains("actions/runs/7"), "{text}");
    }
}

fn full_summary() -> Summary {
    let repository = Repository {
        url: "https://host.example/a/b.git".into(),
        revision: Some("0".repeat(40)),
        branch: Some("main".into()),
    };
    let mut warnings = summary().warnings;
    warnings.sort();
    Summary {
        warnings,
        targets: vec!["shop".into()],
        elapsed: Duration::from_secs(3),
        repositories: vec![repository],
        suppressed: 1,
        below_gate: 2,
        ..summary()
    }
}

fn records(findings: &[Finding], secrets: Secrets) -> Vec<Record> {
    findings.iter().map(|finding| Record::new(finding, secrets)).collect()
}

#[test]
fn a_saved_report_says_the_same_in_every_format() {
    let (records, summary) = (records(&all_kinds(), Secrets::Redacted), full_summary());
    for (from, make) in &FORMATS[..2] {
        let saved = read(&written(*make, &records, &summary), Secrets::Redacted).unwrap();
        for (to, make) in FORMATS {
            let expected = written(make, &records, &summary);
            assert_eq!(written(make, &saved.records, &saved.summary), expected, "{from} to {to}");
        }
    }
}

#[test]
fn a_saved_value_stays_hidden_unless_asked_for() {
    let findings = [finding(1, vec![on_disk("a", 1)])];
    let value = format!("acme_{}", random(32, 1));
    let text = jsonl(&findings, Secrets::Shown);
    assert!(text.contains(&value) && text.contains("\"redacted\":\"acme…"), "{text}");
    let hidden = read(&text, Secrets::Redacted).unwrap();
    let shown = read(&text, Secrets::Shown).unwrap();
    for (to, make) in FORMATS {
        assert!(!written(make, &hidden.records, &hidden.summary).contains(&value), "{to}");
        let may_show = ["json", "jsonl", "html", "csv"].contains(&to);
        assert_eq!(written(make, &shown.records, &shown.summary).contains(&value), may_show, "{to}");
    }
    assert_eq!(written(FORMATS[1].1, &shown.records, &summary()), text);
    // Without the field that says so, a value is known by its looks.
    let bare = text.replace(&format!(",\"redacted\":\"{}\"", hidden.records[0].value.redacted()), "");
    assert_ne!(bare, text);
    assert_eq!(read(&bare, Secrets::Redacted).unwrap().records[0].value.print(), hidden.records[0].value.print());
}

#[test]
fn lines_in_another_order_are_the_same_findings() {
    let text = jsonl(&all_kinds(), Secrets::Redacted);
    let (findings, end) = text.trim_end().rsplit_once('\n').unwrap();
    let mut lines: Vec<&str> = findings.lines().collect();
    lines.sort_by_key(|line| line.len());
    let Saved { records, .. } =
        read(&format!("\u{feff}\n{}\n\n{end}\n", lines.join("\r\n")), Secrets::Redacted).unwrap();
    let mut counts: Vec<u64> = records.iter().map(Record::count).collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, 2, 2, 2, 2, 3, 9]);
}

#[test]
fn what_a_later_version_adds_is_passed_over() {
    let text = jsonl(&[finding(1, vec![on_disk("a", 1)])], Secrets::Redacted);
    let later = text.replace("\"source\":\"disk\"", "\"source\":\"satellite\",\"orbit\":3");
    let saved = read(&later, Secrets::Redacted).unwrap();
    assert_eq!(saved.records[0].places[0].source, Source::Other);
}

#[test]
fn what_is_no_whole_report_is_refused() {
    let json = written(FORMATS[0].1, &records(&all_kinds(), Secrets::Redacted), &full_summary());
    let lines = written(FORMATS[1].1, &records(&all_kinds(), Secrets::Redacted), &full_summary());
    let told = |text: &str| read(text, Secrets::Redacted).unwrap_err().to_string();
    for left_out in [json.chars().count() / 2, 3] {
        let cut: String = json.chars().take(json.chars().count() - left_out).collect();
        assert!(matches!(read(&cut, Secrets::Redacted), Err(ReadError::CutOff)), "{}", told(&cut));
    }
    let without_end = lines.trim_end().rsplit_once('\n').unwrap().0;
    assert!(told(without_end).contains("the summary that comes last is missing"), "{}", told(without_end));
    let table = [
        ("", "it is empty"),
        ("[]", "no json or jsonl report"),
        ("{\"runs\":[]}", "no json or jsonl report"),
        ("{\"version\":2,\"findings\":[],\"summary\":{}}", "it has version 2"),
        ("{\"type\":\"finding\"}", "line 1: missing field"),
        ("{\"type\":\"other\"}", "line 1: unknown type `other`"),
    ];
    for (text, expected) in table {
        assert!(told(text).contains(expected), "{text}: {}", told(text));
    }
    // What was not scanned cannot be left out by accident.
    assert!(told(&lines.replace("\"skipped\"", "\"skiped\"")).contains("skipped"));
}
