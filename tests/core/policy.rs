//! What a policy makes of a finding.

use crate::made::{finding, in_history, on_disk, rule};
use std::sync::Arc;
use stopleak_core::finding::Suppression;
use stopleak_core::policy::{Bypass, BypassError, PolicyWritten, Subject};
use stopleak_core::{Confidence, Finding, Gate, Policy, Severity, Verdict};

/// 2026-11-21.
const NOW: i64 = 1_795_219_200;
const DAY: i64 = 86_400;

fn policy(text: &str) -> Policy {
    let written: PolicyWritten = toml::from_str(text).unwrap_or_else(|error| panic!("{error}"));
    let line = |at: usize| format!("stopleak.toml:{}", text[..at].matches('\n').count() + 1);
    written.checked(Gate::default(), NOW, line)
}

fn verdict(text: &str, mut finding: Finding) -> Verdict {
    let mut findings = [finding.clone()];
    policy(text).apply(&mut findings);
    std::mem::swap(&mut finding, &mut findings[0]);
    finding.decision.verdict
}

fn sure(confidence: f32) -> Finding {
    Finding { confidence: Confidence(confidence), ..finding(1, vec![on_disk("src/a.env", 1)]) }
}

#[test]
fn without_rules_the_gate_decides_as_ever() {
    for (confidence, severity, least, expected) in [
        (0.5, Severity::Low, None, Verdict::Block),
        (0.49, Severity::Critical, None, Verdict::Allow),
        (0.9, Severity::Medium, Some(Severity::High), Verdict::Allow),
        (0.9, Severity::High, Some(Severity::High), Verdict::Block),
    ] {
        let gate = Gate { severity: least, ..Gate::default() };
        let finding = Finding { rule: Arc::new(rule("acme.key", severity)), ..sure(confidence) };
        let mut findings = [finding];
        Policy::from(gate).apply(&mut findings);
        assert_eq!(findings[0].decision.verdict, expected);
        assert_eq!(expected == Verdict::Block, gate.passes(&findings[0]));
        assert_eq!((&findings[0].decision.by, &findings[0].suppression), (&None, &None));
    }
}

#[test]
fn every_condition_must_hold() {
    let conditions = [
        ("severity = 'critical'", true),
        ("severity = 'low'", true),
        ("confidence = 0.98", true),
        ("confidence = 0.99", false),
        ("provider = 'acme'", true),
        ("provider = ['aws', 'ac*']", true),
        ("provider = 'aws'", false),
        ("rule = 'acme.*'", true),
        ("rule = 'acme.webhook'", false),
        ("path = 'src/'", true),
        ("path = '*.env'", true),
        ("path = '/a.env'", false),
        ("validity = 'unchecked'", true),
        ("validity = 'active'", false),
        ("validity = ['active', 'unchecked']", true),
        ("validity = 'presumed-active'", true),
        ("environment = 'unknown'", true),
        ("environment = 'production'", false),
        ("path-environment = ['test', 'development']", false),
        ("newer-than = '1 day'", true),
        ("older-than = '1 day'", false),
        ("severity = 'low'\nprovider = 'acme'\npath = 'src/'", true),
        ("severity = 'low'\nprovider = 'aws'\npath = 'src/'", false),
    ];
    for (condition, expected) in conditions {
        let found = verdict(&format!("[[rules]]\nverdict = 'warn'\n{condition}\n"), sure(0.985)) == Verdict::Warn;
        assert_eq!(found, expected, "{condition}");
    }
}

#[test]
fn a_rule_without_confidence_is_about_what_the_gate_believes() {
    assert_eq!(verdict("[[rules]]\nverdict = 'block'\nseverity = 'critical'\n", sure(0.1)), Verdict::Allow);
    assert_eq!(verdict("[[rules]]\nverdict = 'warn'\nconfidence = 0.05\n", sure(0.1)), Verdict::Warn);
}

#[test]
fn presumed_active_is_active_or_unverifiable_at_high_confidence() {
    let policy = policy("[[rules]]\nverdict = 'warn'\nvalidity = 'presumed-active'\n");
    for (validity, confidence, expected) in [
        ("active", 0.6, true),
        ("unknown", 0.89, false),
        ("unknown", 0.9, true),
        ("unchecked", 0.95, true),
        ("inactive", 0.99, false),
    ] {
        let finding = sure(confidence);
        let subject = Subject { validity, ..Subject::of(&finding) };
        let decision = policy.judge(&subject, Some("a"));
        assert_eq!(decision.verdict == Verdict::Warn, expected, "{validity} {confidence}");
    }
}

#[test]
fn the_first_rule_that_matches_decides_and_is_named() {
    let text = "[[rules]]\nverdict = 'warn'\npath = 'docs/'\n[[rules]]\nverdict = 'warn'\nreason = 'known'\nrule = 'acme.*'\n[[rules]]\nverdict = 'block'\n";
    let mut findings = [sure(0.9)];
    policy(text).apply(&mut findings);
    let decision = &findings[0].decision;
    assert_eq!((decision.by.as_deref(), decision.reason.as_str()), (Some("stopleak.toml:4"), "known"));
}

#[test]
fn the_strictest_place_decides_and_allowed_places_leave() {
    let text = "[[rules]]\nverdict = 'allow'\nreason = 'samples'\npath = 'docs/'\n[[rules]]\nverdict = 'warn'\npath = 'lab/'\n";
    let judged = |places: &[&str], more| {
        let places = places.iter().map(|path| on_disk(path, 1)).collect();
        let mut findings = [Finding { more_occurrences: more, ..finding(1, places) }];
        policy(text).apply(&mut findings);
        let [finding] = findings;
        let paths = finding.occurrences.iter().map(|place| place.origin.path().unwrap().to_owned());
        (finding.decision.verdict, paths.collect::<Vec<_>>().join(" "), finding.suppression)
    };
    let policy = Some(Suppression::Policy { reason: "samples".into() });
    assert_eq!(judged(&["docs/a", "docs/b"], 0), (Verdict::Allow, "docs/a docs/b".into(), policy));
    assert_eq!(judged(&["docs/a", "lab/b"], 0), (Verdict::Warn, "lab/b".into(), None));
    assert_eq!(judged(&["docs/a", "lab/b", "src/c"], 0), (Verdict::Block, "lab/b src/c".into(), None));
    // A place that is not listed lies in no folder.
    assert_eq!(judged(&["docs/a"], 1).0, Verdict::Block);
}

#[test]
fn a_production_secret_in_a_development_path_is_told() {
    let text = "[[rules]]\nverdict = 'block'\nenvironment = 'production'\npath-environment = ['development', 'test']\n[[rules]]\nverdict = 'warn'\n";
    for (id, key, path, expected) in [
        ("acme.key", "PROD_DB_PASSWORD", "config/dev.yml", Verdict::Block),
        ("acme.key", "DB_PASSWORD", "config/dev.yml", Verdict::Warn),
        ("acme.key", "PROD_DB_PASSWORD", "config/main.yml", Verdict::Warn),
        ("acme.live-secret-key", "KEY", "tests/a.py", Verdict::Block),
        ("acme.test-secret-key", "PROD_KEY", "tests/a.py", Verdict::Warn),
        ("live.key", "", "tests/a.py", Verdict::Warn),
    ] {
        let finding =
            Finding { rule: Arc::new(rule(id, Severity::High)), key: key.into(), ..finding(1, vec![on_disk(path, 1)]) };
        assert_eq!(verdict(text, finding), expected, "{id} {key} {path}");
    }
}

#[test]
fn age_is_that_of_the_first_commit_and_what_has_none_is_new() {
    let text = "[[rules]]\nverdict = 'warn'\nolder-than = '90 days'\n";
    let old = in_history("a", 1, 1, NOW - 91 * DAY);
    let young = in_history("b", 1, 2, NOW - DAY);
    assert_eq!(verdict(text, finding(1, vec![young.clone(), old])), Verdict::Warn);
    assert_eq!(verdict(text, finding(1, vec![young])), Verdict::Block);
    assert_eq!(verdict(text, finding(1, vec![on_disk("a", 1)])), Verdict::Block);
    let future = in_history("b", 1, 2, NOW + 400 * DAY);
    assert_eq!(verdict(text, finding(1, vec![future])), Verdict::Block);
}

#[test]
fn a_suppressed_finding_keeps_its_reason() {
    let mut findings = [Finding { suppression: Some(Suppression::Baseline), ..sure(0.9) }];
    policy("[[rules]]\nverdict = 'allow'\nreason = 'x'\nrule = 'acme.*'\n").apply(&mut findings);
    assert_eq!(findings[0].suppression, Some(Suppression::Baseline));
}

#[test]
fn a_bypass_is_limited() {
    let bypass = |text: &str| toml::from_str::<Bypass>(text).unwrap();
    let grant = |policy: &str, text: &str| bypass(policy).grant(text, NOW).map(|granted| granted.reason);
    assert_eq!(grant("", " incident 42 "), Ok("incident 42".into()));
    assert_eq!(grant("", "   "), Err(BypassError::Reason(1)));
    assert_eq!(grant("", "until=2026-11-21"), Err(BypassError::Reason(1)));
    assert_eq!(grant("", "until=2026-11-21 incident"), Ok("incident".into()));
    assert_eq!(grant("", "until=2026-11-20 incident"), Err(BypassError::Expired("2026-11-20".into())));
    assert_eq!(grant("", "until=2026-13-40 incident"), Err(BypassError::Day("2026-13-40".into())));
    assert!(grant("", "until=2026-11-21T10:00:00Z incident").is_err());
    assert_eq!(grant("allowed = false", "incident"), Err(BypassError::Forbidden));
    assert_eq!(grant("until = 2026-11-21", "incident"), Ok("incident".into()));
    assert_eq!(grant("until = 2026-11-20", "incident"), Err(BypassError::Ended("2026-11-20".into())));
    assert_eq!(grant("max-days = 7", "incident"), Err(BypassError::NoLimit(7)));
    assert_eq!(grant("max-days = 7", "until=2026-11-28 incident"), Ok("incident".into()));
    assert_eq!(grant("max-days = 7", "until=2026-11-29 incident"), Err(BypassError::TooLong(7)));
}
