//! Accepting today's findings: what was accepted stays out, what is new counts.

use crate::Project;
use crate::made::token;

fn leaking() -> Project {
    Project::new().file("a.env", format!("K={}\n", token(1)))
}

#[test]
fn accepted_findings_stay_out_and_new_ones_count() {
    let project = leaking();
    let run = project.run("baseline create");
    assert_eq!((run.code, run.stderr.as_str()), (0, "1 finding accepted in stopleak-baseline.json\n"));
    assert!(!project.read("stopleak-baseline.json").contains(&token(1)[3..]));
    assert_eq!(project.run("scan --baseline stopleak-baseline.json").code, 0);
    let project = project.file("moved/b.env", format!("\n\nOTHER={}\n", token(1)));
    assert_eq!(project.run("scan --baseline stopleak-baseline.json").code, 0);
    let project = project.file("c.env", format!("K={}\n", token(2)));
    let run = project.run("scan --baseline stopleak-baseline.json --format jsonl");
    assert_eq!(run.code, 1);
    assert_eq!(run.lines("finding").len(), 1);
}

#[test]
fn a_baseline_is_not_replaced_by_accident() {
    let project = leaking().file("stopleak-baseline.json", "mine");
    let run = project.run("baseline create");
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("exists") && run.stderr.contains("--force"), "{}", run.stderr);
    assert_eq!(project.read("stopleak-baseline.json"), "mine");
    assert_eq!(project.run("baseline create --force").code, 0);
}

#[test]
fn findings_are_added_and_dropped() {
    let project = leaking();
    project.run("baseline create");
    let project = project.file("b.env", format!("K={}\nL={}\n", token(2), token(3)));
    let findings = project.run("scan --format jsonl").lines("finding");
    let second = findings.iter().find(|line| line["path"] == "b.env").unwrap()["fingerprint"].as_str().unwrap();
    let run = project.run(&format!("baseline add --fingerprint {second}"));
    assert_eq!(run.stderr, "1 finding added to stopleak-baseline.json, 2 accepted in all\n");
    assert_eq!(project.run("baseline add").stderr, "1 finding added to stopleak-baseline.json, 3 accepted in all\n");
    assert_eq!(project.run("baseline add --fingerprint t1:nothing").code, 2);
    let project = project.file("b.env", "clean\n");
    let run = project.run("scan --baseline stopleak-baseline.json");
    assert_eq!(run.code, 0);
    assert!(run.stderr.contains("2 accepted findings are no longer seen"), "{}", run.stderr);
    let run = project.run("baseline prune");
    assert_eq!(run.stderr, "2 findings dropped from stopleak-baseline.json, 1 finding still accepted\n");
}

#[test]
fn the_baseline_of_the_settings_is_used() {
    let project = leaking().file("stopleak.toml", "[scan]\nbaseline = 'accepted.json'\n");
    assert_eq!(project.run("baseline create").code, 0);
    assert_eq!(project.run("scan").code, 0);
}

#[test]
fn a_corrupt_baseline_fails_the_scan() {
    for text in ["", "{", "[]", "{\"version\":1,\"tool\":\"stopleak\",\"findings\":[{}]}"] {
        let run = leaking().file("b.json", text).run("scan --baseline b.json");
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{text}");
        assert!(run.stderr.contains("b.json is no baseline"), "{}", run.stderr);
    }
}

#[test]
fn a_partial_scan_changes_no_baseline() {
    let project = leaking().file("stopleak.toml", "[scan]\nbaseline = 'b.json'\n").file("part/a.env", "clean\n");
    assert_eq!(project.run("baseline create").code, 0);
    let before = project.read("b.json");
    for args in ["baseline prune --history none", "baseline prune part/a.env", "baseline prune -"] {
        let run = project.run(args);
        assert_eq!(run.code, 2, "{args}: {}", run.stderr);
        assert_eq!(project.read("b.json"), before);
    }
}

#[test]
fn a_part_of_a_repository_drops_nothing() {
    let mut repo = crate::support::Repo::new();
    repo.commit("a.env", format!("K={}\n", token(1))).commit("part/b.env", "clean\n");
    let run = |args: &str| crate::run_in(repo.path(), args, b"");
    assert_eq!(run("baseline create").code, 0);
    assert_eq!(run("baseline prune part --baseline stopleak-baseline.json").code, 2);
    let clean = run("scan part --baseline stopleak-baseline.json");
    assert!(!clean.stderr.contains("no longer seen"), "{}", clean.stderr);
    assert_eq!(
        run("baseline prune").stderr,
        "0 findings dropped from stopleak-baseline.json, 1 finding still accepted\n"
    );
}
