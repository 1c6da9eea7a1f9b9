//! `stopleak audit` as a user meets it.

use crate::Project;
use crate::made::token;

/// A folder that is no repository, with a log of one recorded scan and the checkpoint kept elsewhere.
fn recorded() -> Project {
    let project = Project::new().file("src/a.env", format!("HF_TOKEN={}\n", token(1)));
    let project = project.file("own.toml", "[audit]\nrecord = true\nlog = 'log/audit.jsonl'\n");
    let run = project.run("scan --config own.toml --no-progress src");
    assert_eq!(run.code, 1, "{}", run.stderr);
    let run = project.run("audit checkpoint --log log/audit.jsonl");
    assert_eq!(run.code, 0, "{}", run.stderr);
    project.file("kept", run.stdout)
}

const LOG: &str = "--log log/audit.jsonl";

#[test]
fn a_scan_is_an_entry_before_and_after_and_names_no_secret() {
    let project = recorded();
    let log = project.read("log/audit.jsonl");
    let entries: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&entries[0]["action"], &entries[0]["outcome"]), (&"scan".into(), &"begun".into()));
    assert_eq!((&entries[1]["outcome"], &entries[1]["of"]), (&"leaks".into(), &1.into()));
    assert!(!log.contains(&token(1)[4..]), "{log}");
    let tag = project.run_with(&format!("audit tag {LOG}"), format!("{}\n", token(1)).as_bytes()).stdout;
    assert_eq!(entries[1]["details"]["subjects"][0], tag.trim());
    let shown = project.run(&format!("audit show {LOG} --subject {}", tag.trim())).stdout;
    assert!(shown.starts_with("2 ") && shown.lines().count() == 1, "{shown}");
    let shown = project.run(&format!("audit show {LOG} --event scan --outcome begun --json")).stdout;
    assert_eq!(shown.trim_end(), log.lines().next().unwrap());
}

#[test]
fn a_plain_scan_is_not_recorded_unless_asked() {
    let project = Project::new().file("src/a.env", "A=1\n");
    let run = |args: &str| project.command(args).env("STOPLEAK_STATE", project.path().join("state")).output().unwrap();
    assert!(run("scan src").status.success() && !project.path().join("state").exists());
    assert!(run("scan --audit src").status.success());
    assert_eq!(project.read("state/audit.jsonl").lines().count(), 2);
}

#[test]
fn a_scan_that_cannot_be_recorded_is_not_done() {
    let project = Project::new().file("src/a.env", "A=1\n").file("log", "a file where the folder should be");
    let project = project.file("own.toml", "[audit]\nrecord = true\nlog = 'log/audit.jsonl'\n");
    let run = project.run("scan --config own.toml src");
    assert!(run.code == 2 && run.stdout.is_empty(), "{}{}", run.stdout, run.stderr);
}

#[test]
fn settings_that_are_only_found_do_not_say_where_the_log_is() {
    let project = Project::new().file("src/stopleak.toml", "[audit]\nrecord = true\nlog = '../evil.jsonl'\n");
    let project = project.file("src/a.env", "A=1\n");
    let output = project.command("scan src").env("STOPLEAK_STATE", project.path().join("state")).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("are not used"));
    assert!(!project.path().join("evil.jsonl").exists() && project.path().join("state/audit.jsonl").exists());
}

#[test]
fn a_log_that_was_changed_is_named_with_its_entry_and_exits_with_2() {
    let project = recorded();
    let whole = project.run(&format!("audit verify {LOG} --checkpoint kept"));
    assert!(
        whole.code == 0 && whole.stdout.contains("signed up to entry 2, 1 kept checkpoint fit"),
        "{}",
        whole.stdout
    );
    let log = project.read("log/audit.jsonl");
    for (changed, entry) in [(log.replacen("begun", "clean", 1), 2), (log.lines().next().unwrap().to_owned() + "\n", 2)]
    {
        std::fs::write(project.path().join("log/audit.jsonl"), changed).unwrap();
        let run = project.run(&format!("audit verify {LOG} --checkpoint kept"));
        assert!(run.code == 2 && run.stderr.contains(&format!("broken at entry {entry}")), "{}", run.stderr);
    }
}

#[test]
fn others_check_checkpoints_and_proofs_with_the_public_key() {
    let project = recorded();
    let key = project.run(&format!("audit key {LOG}")).stdout;
    let proof = project.run(&format!("audit prove 2 {LOG}")).stdout;
    let project = project.file("proof.json", &proof).file("public", &key);
    std::fs::remove_dir_all(project.path().join("log")).unwrap();
    for key in ["public", key.trim()] {
        let run = project.run(&format!("audit verify --proof proof.json --checkpoint kept --key {key} {LOG}"));
        assert!(run.code == 0 && run.stdout.contains("entry 2 is among the 2"), "{}{}", run.stdout, run.stderr);
    }
    let project = project.file("proof.json", proof.replace("leaks", "clean"));
    let run = project.run(&format!("audit verify --proof proof.json --checkpoint kept --key public {LOG}"));
    assert!(run.code == 2 && run.stderr.contains("does not hold"), "{}", run.stderr);
}

#[test]
fn what_is_accepted_goes_on_record() {
    let project = Project::new().file("src/a.env", format!("HF_TOKEN={}\n", token(1)));
    let project = project.file("own.toml", "[audit]\nrecord = true\nlog = 'log/audit.jsonl'\n");
    let run = project.run("baseline create --config own.toml src");
    assert_eq!(run.code, 0, "{}", run.stderr);
    let shown = project.run(&format!("audit show {LOG} --action allow")).stdout;
    assert!(shown.lines().count() == 2 && shown.contains("accepted"), "{shown}");
}
