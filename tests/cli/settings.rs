//! `stopleak.toml` and marks: what they leave out, and what they cannot.

use crate::Project;
use crate::made::token;

fn leaking() -> Project {
    Project::new().file("src/a.env", format!("K={}\n", token(1))).file("docs/b.md", format!("K={}\n", token(2)))
}

fn paths(run: &crate::Run) -> Vec<String> {
    run.lines("finding").iter().map(|line| line["path"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_mark_leaves_its_line_out() {
    let marks = [
        "stopleak:allow sample",
        "gitleaks:allow",
        "betterleaks:allow",
        "trufflehog:ignore",
        "ggignore",
        "pragma: allowlist secret",
    ];
    for mark in marks {
        let text = format!("K={} # {mark}\n", token(1));
        let run = Project::new().file("a.env", text).run("scan");
        assert_eq!(run.code, 0, "{mark}");
        assert!(run.stdout.contains("1 suppressed"), "{mark}: {}", run.stdout);
    }
    let text = format!("# pragma: allowlist nextline secret\nK={}\nK2={}\n", token(1), token(2));
    assert_eq!(Project::new().file("a.env", text).run("scan --format jsonl").lines("finding").len(), 1);
}

#[test]
fn a_suppressed_finding_shows_with_all_and_says_why() {
    let project = Project::new().file("a.env", format!("K={} # stopleak:allow sample\n", token(1)));
    assert_eq!(project.run("scan --format jsonl").lines("finding").len(), 0);
    let run = project.run("scan --format jsonl --all");
    assert_eq!(run.code, 0);
    assert_eq!(run.lines("finding")[0]["suppression"], serde_json::json!({"kind": "mark", "reason": "sample"}));
    let sarif: serde_json::Value = serde_json::from_str(&project.run("scan --format sarif --all").stdout).unwrap();
    assert_eq!(sarif["runs"][0]["results"][0]["suppressions"][0]["kind"], "inSource");
}

#[test]
fn an_allowed_path_is_left_out_and_no_other() {
    let project = leaking().file("stopleak.toml", "[[allow]]\nreason = 'samples'\npath = 'docs/'\n");
    let run = project.run("scan --format jsonl");
    assert_eq!((run.code, paths(&run)), (1, vec!["src/a.env".to_owned()]));
}

#[test]
fn an_expired_entry_counts_no_more_and_is_noted() {
    let settings = "[[allow]]\nreason = 'samples'\npath = 'docs/'\nexpires = 2001-01-01\n";
    let run = leaking().file("stopleak.toml", settings).run("scan --format jsonl");
    assert_eq!(paths(&run).len(), 2);
    assert!(run.stderr.contains("stopleak.toml:1: the [[allow]] entry expired on 2001-01-01"), "{}", run.stderr);
}

#[test]
fn an_entry_without_a_match_is_noted_and_does_not_fail() {
    let settings = "[[allow]]\nreason = 'samples'\npath = 'gone/'\n";
    let run = Project::new().file("a", "x\n").file("stopleak.toml", settings).run("scan");
    assert_eq!(run.code, 0);
    assert!(run.stderr.contains("matches nothing any more"), "{}", run.stderr);
}

#[test]
fn settings_that_cannot_be_right_are_errors() {
    let table = [
        ("[scn]\n", "unknown field `scn`"),
        ("[rules]\ndisable = ['no.such-rule']\n", "no.such-rule"),
        ("[[allow]]\npath = 'docs/'\n", "missing field `reason`"),
        ("[[allow]]\nreason = 'all'\npath = '**'\n", "cover everything"),
        ("[scan]\nbaseline = 'none.json'\n", "none.json"),
        ("not toml", "stopleak.toml"),
    ];
    for (settings, expected) in table {
        let run = leaking().file("stopleak.toml", settings).run("scan");
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{settings}");
        assert!(run.stderr.contains(expected), "{settings}: {}", run.stderr);
    }
}

#[test]
fn disabling_every_rule_is_an_error() {
    let listed = Project::new().run("rules list").stdout;
    let ids: Vec<String> = listed.lines().map(|line| format!("'{}'", line.split(' ').next().unwrap())).collect();
    let settings = format!("[rules]\ndisable = [{}]\n", ids.join(","));
    let run = leaking().file("stopleak.toml", settings).run("scan");
    assert_eq!(run.code, 2, "{}", run.stdout);
    assert!(run.stderr.contains("rule"), "{}", run.stderr);
}

#[test]
fn a_gate_of_the_settings_gives_way_to_the_command_line() {
    let project = leaking().file("stopleak.toml", "[scan]\ngate = 1.0\n");
    assert_eq!(project.run("scan").code, 0);
    assert_eq!(project.run("scan --gate 0").code, 1);
}

#[test]
fn settings_of_another_place_are_used_when_named() {
    let project = leaking().file("own/my.toml", "[[allow]]\nreason = 'all samples'\nrule = 'huggingface.*'\n");
    assert_eq!(project.run("scan --config own/my.toml").code, 0);
}

#[test]
fn targets_with_different_settings_are_not_mixed() {
    let project = Project::new()
        .file("a/x", "x\n")
        .file("a/stopleak.toml", "[scan]\nthreads = 1\n")
        .file("b/x", format!("K={}\n", token(1)));
    let run = project.run("scan a b");
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("different settings") && run.stderr.contains("--config"), "{}", run.stderr);
}
