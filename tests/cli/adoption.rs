//! Coming to stopleak: a first configuration, what another scanner was told to ignore, pages and completions.

use crate::made::token;
use crate::support::Repo;
use crate::{Project, run_in};

#[test]
fn init_writes_settings_that_change_nothing_and_never_overwrites() {
    let project = Project::new().file("a.env", format!("K={}\n", token(1)));
    let run = project.run("init");
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
    assert!(run.stderr.contains("stopleak baseline create"), "{}", run.stderr);
    assert_eq!(project.run("scan").code, 1);
    let project = project.file("stopleak.toml", "# mine\n");
    let run = project.run("init");
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("exists and was left as it is"), "{}", run.stderr);
    assert_eq!(project.read("stopleak.toml"), "# mine\n");
    assert_eq!(Project::new().file(".stopleak.toml", "").run("init").code, 2);
}

#[test]
fn init_with_a_baseline_makes_the_next_scan_clean() {
    let project = Project::new().file("part/a.env", format!("K={}\n", token(1)));
    let run = project.run("init part --baseline");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(project.run("scan part").code, 0);
    let project = project.file("part/b.env", format!("K={}\n", token(2)));
    assert_eq!(project.run("scan part").code, 1);
}

#[test]
fn a_failed_baseline_leaves_no_settings() {
    let project = Project::new().file("stopleak-baseline.json", "mine");
    assert_eq!(project.run("init --baseline").code, 2);
    assert!(!project.path().join("stopleak.toml").exists());
}

#[test]
fn what_an_ignore_list_names_is_accepted_and_the_rest_is_told() {
    let mut repo = Repo::new();
    repo.commit("a.env", format!("K={}\n", token(1)));
    let first = repo.id("HEAD");
    // Written again, elsewhere in the file: the earliest version is the one that is reported.
    repo.commit("a.env", "clean\n").commit("a.env", format!("\n\nK={}\n", token(1)));
    let again = repo.id("HEAD");
    repo.commit("b.env", format!("K={}\n", token(2))).commit("c.env", format!("K={}\n", token(3)));
    let list = format!(
        "# accepted\n{again}:a.env:huggingface-access-token:3\n\nb.env:huggingface-access-token:1\n\
         {first}:gone.env:jwt:4\nc.env:huggingface-access-token:9\n"
    );
    repo.write(".gitleaksignore", list);
    let run = run_in(repo.path(), "baseline import .gitleaksignore", b"");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("2 of 4 entries found again: 2 findings added"), "{}", run.stderr);
    assert!(run.stderr.contains(&format!("entry 5: nothing is found at {first} gone.env:4 (jwt)")), "{}", run.stderr);
    assert!(run.stderr.contains("entry 6: nothing is found at c.env:9"), "{}", run.stderr);
    let left = run_in(repo.path(), "scan --baseline stopleak-baseline.json --format jsonl", b"").lines("finding");
    assert!(!left.is_empty() && left.iter().all(|line| line["path"] == "c.env"), "{left:?}");
    let twice = run_in(repo.path(), "baseline import .gitleaksignore", b"");
    assert!(twice.stderr.contains("0 findings added"), "{}", twice.stderr);
}

#[test]
fn a_report_used_as_a_baseline_is_taken_over_redacted_or_not() {
    let mut repo = Repo::new();
    let line = format!("HF={} OTHER={}\n", token(1), token(2));
    repo.commit("a.env", line).commit("b.env", format!("\nK={}\n", token(3)));
    let entry = |file: &str, line: u32, secret: &str, commit: &str| {
        serde_json::json!({
            "RuleID": "huggingface-access-token", "File": file, "StartLine": line, "EndLine": line, "StartColumn": 1,
            "Secret": secret, "Match": secret, "Commit": commit, "Entropy": 4.5, "Tags": [], "Fingerprint": "x",
        })
    };
    let commit = repo.id("HEAD");
    let report = serde_json::json!([entry("a.env", 1, &token(1), ""), entry("b.env", 2, "REDACTED", &commit)]);
    let report = Project::new().file("report.json", report.to_string());
    let run = run_in(repo.path(), &format!("baseline import {}/report.json", report.path().display()), b"");
    assert!(run.stderr.contains("2 of 2 entries found again: 2 findings added"), "{}", run.stderr);
    let left = run_in(repo.path(), "scan --baseline stopleak-baseline.json --format jsonl --show-secrets", b"");
    let secrets: Vec<String> = left.lines("finding").iter().map(|line| line["secret"].to_string()).collect();
    assert!(!secrets.is_empty() && secrets.iter().all(|secret| secret.contains(&token(2))), "{secrets:?}");
}

#[test]
fn paths_of_a_report_may_be_whole_or_begin_with_a_dot() {
    let project = Project::new().file("a.env", format!("K={}\n", token(1))).file("b.env", format!("K={}\n", token(2)));
    let root = project.path().canonicalize().unwrap();
    let list = format!("./a.env:x:1\n{}/b.env:x:1\n", root.display());
    let project = project.file("list", list);
    let run = project.run("baseline import list");
    assert!(run.stderr.contains("2 of 2 entries found again: 2 findings added"), "{}", run.stderr);
    assert_eq!(project.run("scan --baseline stopleak-baseline.json").code, 0);
}

#[test]
fn a_list_that_cannot_be_read_is_an_error_with_its_line() {
    let table = [
        ("a.env:1\n", "list:1: `a.env:1` names no place"),
        ("# nothing\n", "names no finding"),
        ("[{\"a\": 1}]", "no JSON report of gitleaks"),
        ("{}", "no JSON report of gitleaks"),
        ("[]", "names no finding"),
    ];
    for (text, expected) in table {
        let project = Project::new().file("a.env", "clean\n").file("list", text);
        let run = project.run("baseline import list");
        assert_eq!(run.code, 2, "{text}");
        assert!(run.stderr.contains(expected), "{text}: {}", run.stderr);
        assert!(!project.path().join("stopleak-baseline.json").exists());
    }
}

#[test]
fn every_command_has_a_man_page() {
    let project = Project::new();
    assert_eq!(project.run("man pages/man1").code, 0);
    let names: Vec<String> = std::fs::read_dir(project.path().join("pages/man1"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for name in ["stopleak.1", "stopleak-scan.1", "stopleak-baseline-import.1", "stopleak-init.1", "stopleak-man.1"] {
        assert!(names.iter().any(|other| other == name), "{name}: {names:?}");
    }
    let page = project.read("pages/man1/stopleak-scan.1");
    for part in [".TH stopleak-scan 1", "write\\-replacements", "Exit codes"] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[test]
fn completions_know_every_command_in_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = Project::new().run(&format!("completions {shell}"));
        assert_eq!(run.code, 0);
        for word in ["write-replacements", "import", "init", "man"] {
            assert!(run.stdout.contains(word), "{shell}: {word}");
        }
    }
}
