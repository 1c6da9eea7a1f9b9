//! 0 clean, 1 findings at or above the gate, 2 not done as asked.

use crate::Project;
use crate::made::token;

fn leaking() -> Project {
    Project::new().file("src/app.env", format!("A=1\nHF_TOKEN={}\n", token(1)))
}

#[test]
fn a_clean_folder_is_0() {
    let run = Project::new().file("a.txt", "nothing here\n").run("scan");
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert!(run.stdout.starts_with("No secrets found · 1 blob, 13 bytes in "), "{}", run.stdout);
}

#[test]
fn a_finding_is_1_and_shows_its_place_and_no_value() {
    let run = leaking().run("scan .");
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("src/app.env:2:10"), "{}", run.stdout);
    assert!(!run.stdout.contains(&token(1)) && !run.stderr.contains(&token(1)));
    assert!(run.stderr.contains("stopleak:allow"), "{}", run.stderr);
}

#[test]
fn a_finding_below_the_gate_is_0_and_counted() {
    let project = leaking();
    let run = project.run("scan --gate 1.0");
    assert_eq!(run.code, 0);
    assert!(run.stdout.contains("1 below the gate"), "{}", run.stdout);
    let run = project.run("scan --gate 1.0 --all");
    assert_eq!(run.code, 0);
    assert!(run.stdout.contains("src/app.env:2:10"), "{}", run.stdout);
}

#[test]
fn the_gate_goes_by_severity_too() {
    let project = leaking();
    assert_eq!(project.run("scan --gate critical").code, 0, "the rule is of severity high");
    assert_eq!(project.run("scan --gate high,0.5").code, 1);
}

#[test]
fn standard_input_is_scanned() {
    let project = Project::new();
    let run = project.run_with("scan - --format jsonl", token(1).as_bytes());
    assert_eq!(run.code, 1);
    assert_eq!(run.lines("finding")[0]["origin"], "standard input");
    assert_eq!(project.run_with("scan -", b"nothing").code, 0);
}

#[test]
fn what_cannot_be_done_is_2_and_says_why() {
    let table = [
        ("scan nowhere", "error: cannot scan nowhere: no such file or folder\n"),
        ("scan --format xml", "unknown format `xml`\nhint: the formats are"),
        ("scan --gate hgh", "neither a severity"),
        ("scan --gate 1.5", "not between 0 and 1"),
        ("scan --staged --range a..b", "cannot be used with"),
        ("scan --staged", "no git repository"),
        ("scan --range a..b", "no git repository"),
        ("scan --baseline none.json", "cannot read baseline none.json"),
        ("scan --config none.toml", "cannot read none.toml"),
        ("scan --rules none.toml", "none.toml"),
        ("scan --output nowhere/x.sarif", "cannot write nowhere/x.sarif"),
        ("scan --output x.unknown", "names no format"),
        ("scan -j 0", "invalid value"),
        ("leak", "unrecognized subcommand"),
    ];
    for (args, expected) in table {
        let run = leaking().run(args);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{args}");
        assert!(run.stderr.contains(expected), "{args}: {}", run.stderr);
    }
}

#[test]
fn an_empty_folder_is_2_unless_partial_is_allowed() {
    let project = Project::new();
    let run = project.run("scan");
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("not scanned: ") && run.stderr.contains("--allow-partial"), "{}", run.stderr);
    assert_eq!(project.run("scan --allow-partial").code, 0);
}

#[test]
fn help_and_version_are_0() {
    for args in ["--help", "--version", "help scan", "scan --help", "baseline create --help", "rules show --help"] {
        let run = Project::new().run(args);
        assert_eq!(run.code, 0, "{args}");
        assert!(!run.stdout.is_empty());
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let lines: String = (0..3_000).map(|seed| format!("k = {}\n", token(seed))).collect();
    let project = Project::new().file("many.txt", lines);
    for format in ["text", "jsonl", "json", "sarif"] {
        let mut child = project.command(&format!("scan --format {format}")).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{format}: {stderr}");
        assert!(!stderr.contains("error"), "{format}: {stderr}");
    }
}

#[test]
fn the_help_of_scan_fits_a_screen() {
    insta::assert_snapshot!(Project::new().run("scan -h").stdout);
}
