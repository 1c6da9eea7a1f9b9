//! What keeps a finding out of the result, and what must not.

use crate::made::{finding, in_history, marked, on_disk};
use stopleak_core::Finding;
use stopleak_core::finding::Suppression;
use stopleak_core::suppress::allowlist::AllowWritten;
use stopleak_core::suppress::mark::{find, find_for_next_line};
use stopleak_core::suppress::{Allow, Allowlist, Baseline, Suppressions};

const TODAY: &str = "2026-11-21";

fn allowing(change: impl FnOnce(&mut AllowWritten)) -> Suppressions {
    let mut written = AllowWritten { reason: "sample".into(), ..AllowWritten::default() };
    change(&mut written);
    let allow = Allow::new(written, "stopleak.toml:1", TODAY).unwrap();
    Suppressions { allowlist: Allowlist::new(vec![allow]), baseline: None, complete: true }
}

fn apply(suppressions: &Suppressions, finding: Finding) -> (Finding, Vec<String>) {
    let mut findings = [finding];
    let warnings = suppressions.apply(&mut findings);
    let [finding] = findings;
    (finding, warnings.iter().map(ToString::to_string).collect())
}

fn paths(finding: &Finding) -> Vec<&str> {
    finding.occurrences.iter().filter_map(|place| place.origin.path()).collect()
}

#[test]
fn every_mark_is_found_with_its_reason() {
    let table: [(&str, Option<&str>); 22] = [
        ("key = 1 # stopleak:allow", Some("")),
        ("key = 1 # stopleak:allow test key", Some("test key")),
        ("key = 1 # stopleak:allow: test key", Some("test key")),
        ("key = 1 // gitleaks:allow", Some("")),
        ("key = 1 # betterleaks:allow", Some("")),
        ("key = 1 # trufflehog:ignore", Some("")),
        ("key = 1 # pragma: allowlist secret", Some("")),
        ("key = 1 # ggignore", Some("")),
        ("key = 1 /* stopleak:allow sample */ + 2", Some("sample")),
        ("<!-- stopleak:allow sample -->", Some("sample")),
        ("{# stopleak:allow sample #}", Some("sample")),
        ("/* stopleak:allow */ key = \"value\"", Some("")),
        ("/* stopleak:allow sample key='value'", Some("sample key")),
        ("# stopleak:allow aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", Some("")),
        ("#stopleak:allow", Some("")),
        ("key = 1 # stopleak:allowed", None),
        ("key = 1 # stopleak:allow-all", None),
        ("key = 1 # nonstopleak:allow", None),
        ("key = 1 # my-ggignores", None),
        ("key = 1 # pragma: allowlist nextline secret", None),
        ("allow", None),
        ("", None),
    ];
    for (line, expected) in table {
        assert_eq!(find(line.as_bytes()), expected, "{line}");
    }
}

#[test]
fn a_mark_may_cover_the_next_line() {
    assert_eq!(find_for_next_line(b"# pragma: allowlist nextline secret"), Some(""));
    assert_eq!(find_for_next_line(b"# pragma: allowlist secret"), None);
}

#[test]
fn a_mark_beside_bytes_that_are_no_text_is_found() {
    assert_eq!(find(b"\xff\xfe # stopleak:allow sam\xff"), Some("sam"));
}

#[test]
fn a_mark_is_found_at_both_ends_of_a_very_long_line() {
    let long = "x ".repeat(500_000);
    assert_eq!(find(format!("{long}# stopleak:allow end").as_bytes()), Some("end"));
    assert_eq!(find(format!("/* stopleak:allow */{long}").as_bytes()), Some(""));
}

#[test]
fn a_finding_is_suppressed_when_every_place_is_marked() {
    let places = vec![marked(on_disk("a", 1), "sample"), marked(on_disk("b", 1), "")];
    let (finding, _) = apply(&Suppressions::default(), finding(1, places));
    assert_eq!(finding.suppression, Some(Suppression::Mark { reason: "sample".into() }));
    assert_eq!(finding.occurrences.len(), 2);
}

#[test]
fn a_mark_does_not_cover_another_place() {
    let places = vec![marked(on_disk("a", 1), ""), on_disk("a", 9), on_disk("b", 1)];
    let (finding, _) = apply(&Suppressions::default(), finding(1, places));
    assert_eq!(finding.suppression, None);
    assert_eq!(paths(&finding), ["a", "b"]);
    assert_eq!(finding.occurrences[0].position.line, 9);
}

#[test]
fn a_mark_covers_earlier_versions_of_its_file() {
    let history = [in_history("a", 1, 1, 100), in_history("a", 2, 2, 200)];
    let [old, older] = history.clone();
    let (finding_on_disk, _) =
        apply(&Suppressions::default(), finding(1, vec![marked(on_disk("a", 1), ""), old, older]));
    assert!(finding_on_disk.suppression.is_some());
    let [before, after] = history;
    let (later, _) = apply(&Suppressions::default(), finding(1, vec![marked(before, ""), after]));
    assert_eq!(later.suppression, None);
    assert_eq!(later.occurrences.len(), 1);
}

#[test]
fn places_beyond_the_limit_cannot_be_marked() {
    let many = Finding { more_occurrences: 1, ..finding(1, vec![marked(on_disk("a", 1), "")]) };
    assert_eq!(apply(&Suppressions::default(), many).0.suppression, None);
}

#[test]
fn a_reason_never_repeats_the_value() {
    let mut leaky = finding(1, vec![on_disk("a", 1)]);
    let value = String::from_utf8(leaky.secret.expose().to_vec()).unwrap();
    leaky.occurrences[0].mark = Some(format!("of {value}"));
    assert_eq!(apply(&Suppressions::default(), leaky).0.suppression, Some(Suppression::Mark { reason: String::new() }));
}

#[test]
fn paths_are_matched_as_in_gitignore() {
    let table = [
        ("docs/", "docs/a/b.md", true),
        ("docs/", "x/docs/a.md", true),
        ("/docs/", "x/docs/a.md", false),
        ("docs/", "docs", false),
        ("*.md", "a/b/c.md", true),
        ("a/*.md", "a/b.md", true),
        ("a/*.md", "a/b/c.md", false),
        ("a/**/c.md", "a/b/c.md", true),
        ("app.env", "src/app.env", true),
        ("app.env", "src/my-app.env", false),
        ("src/app.env", "lib/src/app.env", false),
    ];
    for (glob, path, expected) in table {
        let suppressions = allowing(|allow| allow.path = Some(glob.into()));
        let (finding, _) = apply(&suppressions, finding(1, vec![on_disk(path, 1)]));
        assert_eq!(finding.suppression.is_some(), expected, "{glob} {path}");
    }
}

#[test]
fn every_condition_of_an_entry_must_hold() {
    let value = |finding: &Finding| String::from_utf8(finding.secret.expose().to_vec()).unwrap();
    let one = finding(1, vec![on_disk("docs/a.md", 1)]);
    let exact = value(&one);
    let table: [(&str, &str, String, bool); 6] = [
        ("docs/", "acme.*", exact.clone(), true),
        ("docs/", "acme.api-key", "acme_.*".into(), true),
        ("src/", "acme.*", exact.clone(), false),
        ("docs/", "other.*", exact.clone(), false),
        ("docs/", "acme.*", exact[1..].into(), false),
        ("docs/", "acme.*", exact[..9].into(), false),
    ];
    for (path, rule, value, expected) in table {
        let suppressions = allowing(|allow| {
            (allow.path, allow.rule, allow.value) = (Some(path.into()), Some(rule.into()), Some(value.clone()));
        });
        assert_eq!(apply(&suppressions, one.clone()).0.suppression.is_some(), expected, "{path} {rule}");
    }
}

#[test]
fn an_entry_by_fingerprint_hides_no_other_secret() {
    let (one, other) = (finding(1, vec![on_disk("a", 1)]), finding(2, vec![on_disk("a", 1)]));
    let suppressions = allowing(|allow| allow.fingerprint = Some(one.fingerprint.to_string()));
    assert!(apply(&suppressions, one).0.suppression.is_some());
    assert!(apply(&suppressions, other).0.suppression.is_none());
}

#[test]
fn an_allowed_path_leaves_the_other_places() {
    let suppressions = allowing(|allow| allow.path = Some("tests/".into()));
    let (finding, _) = apply(&suppressions, finding(1, vec![on_disk("src/a", 1), on_disk("tests/a", 1)]));
    assert_eq!(finding.suppression, None);
    assert_eq!(paths(&finding), ["src/a"]);
}

#[test]
fn an_expired_entry_stops_working_and_is_reported() {
    for (expires, works) in [("2026-11-21", true), ("2026-11-20", false)] {
        let suppressions = allowing(|allow| {
            (allow.path, allow.expires) = (Some("a".into()), Some(expires.parse().unwrap()));
        });
        let (finding, warnings) = apply(&suppressions, finding(1, vec![on_disk("a", 1)]));
        assert_eq!(finding.suppression.is_some(), works);
        assert_eq!(warnings.is_empty(), works, "{warnings:?}");
    }
}

#[test]
fn an_entry_without_a_match_is_stale_after_a_complete_scan_only() {
    let mut suppressions = allowing(|allow| allow.path = Some("gone".into()));
    let one = finding(1, vec![on_disk("a", 1)]);
    let (_, warnings) = apply(&suppressions, one.clone());
    assert_eq!(warnings, ["stopleak.toml:1: the [[allow]] entry matches nothing any more"]);
    suppressions.complete = false;
    assert_eq!(apply(&suppressions, one).1, [""; 0]);
}

#[test]
fn a_baseline_covers_its_secret_in_any_place_and_no_other() {
    let one = finding(1, vec![on_disk("a", 1)]);
    let mut baseline = Baseline::new("b.json");
    assert_eq!(baseline.add([&one], TODAY), 1);
    assert_eq!(baseline.add([&one], TODAY), 0);
    let suppressions = Suppressions { baseline: Some(baseline), ..Suppressions::default() };
    let moved = finding(1, vec![on_disk("z", 99)]);
    assert_eq!(apply(&suppressions, moved).0.suppression, Some(Suppression::Baseline));
    assert_eq!(apply(&suppressions, finding(2, vec![on_disk("a", 1)])).0.suppression, None);
}

#[test]
fn a_baseline_survives_its_file_and_holds_no_value() {
    let one = finding(1, vec![on_disk("a", 1)]);
    let mut baseline = Baseline::new("b.json");
    baseline.add([&one], TODAY);
    let text = baseline.to_json();
    assert_eq!(Baseline::parse(&text, "b.json").unwrap(), baseline);
    assert!(!text.contains(std::str::from_utf8(&one.secret.expose()[5..]).unwrap()));
    insta::assert_snapshot!(text);
}

#[test]
fn a_corrupt_baseline_is_an_error() {
    let good = {
        let mut baseline = Baseline::new("b.json");
        baseline.add([&finding(1, vec![on_disk("a", 1)])], TODAY);
        baseline.to_json()
    };
    let table = [
        (String::new(), "b.json is no baseline"),
        ("[]".into(), "b.json is no baseline"),
        (good[..good.len() / 2].to_owned(), "b.json is no baseline"),
        (good.replace("\"version\": 1", "\"version\": 2"), "b.json has version 2"),
        (good.replace("t1:", "t9:"), "which is no fingerprint"),
        (good.replace("\"rule\"", "\"rulez\""), "unknown field `rulez`"),
    ];
    for (text, expected) in table {
        let problem = Baseline::parse(&text, "b.json").unwrap_err().to_string();
        assert!(problem.contains(expected), "{problem}");
    }
}

#[test]
fn entries_of_a_baseline_that_are_gone_are_reported_and_pruned() {
    let findings: Vec<Finding> = (1..=5).map(|seed| finding(seed, vec![on_disk("a", 1)])).collect();
    let mut baseline = Baseline::new("b.json");
    baseline.add(&findings, TODAY);
    assert_eq!(baseline.stale(&findings), None);
    let warning = baseline.stale(&findings[..1]).unwrap().to_string();
    assert!(
        warning.starts_with("b.json: 4 accepted findings are no longer seen: ") && warning.ends_with(", …"),
        "{warning}"
    );
    assert_eq!((baseline.prune(&findings[..1]), baseline.len()), (4, 1));
}

#[test]
fn a_public_value_is_kept_and_labelled() {
    let mut known = finding(1, vec![on_disk("config.env", 1)]);
    known.secret = stopleak_core::Secret::new(["AKIA", "IOSFODNN7", "EXAMPLE"].concat().as_bytes());
    let (known, _) = apply(&Suppressions::default(), known);
    assert_eq!(known.suppression, Some(Suppression::Known { label: "sample of the AWS documentation" }));
    let (other, _) = apply(&Suppressions::default(), finding(2, vec![on_disk("config.env", 1)]));
    assert_eq!(other.suppression, None);
}
