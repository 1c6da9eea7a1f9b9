//! Which report goes where, and what is in it.

use crate::Project;
use crate::made::token;

fn leaking() -> Project {
    let text = format!("one = '{}'\ntwo = '{}'\none = '{}'\n", token(1), token(2), token(1));
    Project::new().file("app.py", text)
}

#[test]
fn json_lines_hold_an_occurrence_a_line_and_the_summary_last() {
    let run = leaking().run("scan --format jsonl");
    let findings = run.lines("finding");
    let places: Vec<_> =
        findings.iter().map(|line| (line["path"].as_str().unwrap(), line["line"].as_u64().unwrap())).collect();
    assert_eq!(places, [("app.py", 1), ("app.py", 3), ("app.py", 2)]);
    assert_eq!(findings[0]["rule"], "huggingface.user-access-token");
    assert_eq!(findings[0]["fingerprint"], findings[1]["fingerprint"]);
    assert_eq!((&findings[0]["column"], &findings[0]["end_column"]), (&8.into(), &45.into()));
    let last: serde_json::Value = serde_json::from_str(run.stdout.lines().last().unwrap()).unwrap();
    assert_eq!((&last["type"], &last["findings"], &last["blobs"]), (&"summary".into(), &2.into(), &1.into()));
    assert!(run.stderr.contains("2 secrets"), "{}", run.stderr);
}

#[test]
fn several_reports_go_to_their_places() {
    let project = leaking();
    let run = project.run("scan --format text --format sarif=out.sarif --format jsonl --output out.jsonl");
    assert_eq!(run.code, 2, "text would be paired with out.jsonl: {}", run.stderr);
    let run =
        project.run("scan --format text --format sarif=out.sarif --format jsonl=out.jsonl --format json=out.json");
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stdout.contains("2 secrets in 3 places"), "{}", run.stdout);
    let sarif: serde_json::Value = serde_json::from_str(&project.read("out.sarif")).unwrap();
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), 2);
    assert_eq!(project.read("out.jsonl").lines().count(), 4);
    let json: serde_json::Value = serde_json::from_str(&project.read("out.json")).unwrap();
    assert_eq!(json["findings"].as_array().unwrap().len(), 2);
}

#[test]
fn the_ending_of_a_file_names_its_format() {
    let project = leaking();
    let run = project.run("scan --output out.sarif -o out.txt");
    assert_eq!((run.code, run.stdout.as_str()), (1, ""));
    assert!(project.read("out.sarif").contains("\"2.1.0\""));
    assert!(project.read("out.txt").contains("app.py:1:8"));
}

#[test]
fn an_older_report_is_replaced_and_not_scanned() {
    let project = leaking().file("out.jsonl", token(3));
    assert_eq!(project.run("scan --output out.jsonl").code, 1);
    assert!(!project.read("out.jsonl").contains("\"path\":\"out.jsonl\""));
}

#[test]
fn the_value_shows_only_when_asked_and_never_in_sarif() {
    let project = leaking();
    for format in ["text", "jsonl", "json", "sarif"] {
        assert!(!project.run(&format!("scan --format {format}")).stdout.contains(&token(1)), "{format}");
        let shown = project.run(&format!("scan --format {format} --show-secrets")).stdout.contains(&token(1));
        assert_eq!(shown, format != "sarif", "{format}");
    }
}

#[test]
fn two_runs_are_byte_identical_whatever_the_threads() {
    let mut project = Project::new();
    for n in 0..40 {
        project = project.file(&format!("f{n}.env"), format!("A={}\nB={}\n", token(n % 7), token(n)));
    }
    for format in ["jsonl", "json", "sarif"] {
        let one = project.run(&format!("scan --format {format} -j 1")).stdout;
        for threads in [2, 8] {
            assert_eq!(
                one,
                project.run(&format!("scan --format {format} -j {threads}")).stdout,
                "{format} -j {threads}"
            );
        }
    }
}

#[test]
fn quiet_prints_findings_and_nothing_else() {
    let run = leaking().run("scan --quiet");
    assert_eq!((run.code, run.stderr.as_str()), (1, ""));
    assert!(run.stdout.contains("app.py:1:8") && !run.stdout.contains("secrets in"), "{}", run.stdout);
}

#[test]
fn a_pipe_gets_no_colour() {
    let project = leaking();
    assert!(!project.run("scan").stdout.contains('\u{1b}'));
    let coloured = project.command("scan").env("CLICOLOR_FORCE", "1").output().unwrap();
    assert!(String::from_utf8(coloured.stdout).unwrap().contains('\u{1b}'));
    let plain = project.command("scan").env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1").output().unwrap();
    assert!(!String::from_utf8(plain.stdout).unwrap().contains('\u{1b}'));
}

#[test]
fn completions_are_printed_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = Project::new().run(&format!("completions {shell}"));
        assert_eq!(run.code, 0);
        assert!(run.stdout.contains("stopleak"), "{shell}");
    }
}
