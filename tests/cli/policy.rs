//! `[policy]` in stopleak.toml: what the exit code, the reports and `policy test` make of it.

use crate::Project;
use crate::made::token;

fn leak(seed: u64) -> String {
    format!("HF_TOKEN={}\n", token(seed))
}

fn project(policy: &str) -> Project {
    Project::new().file("stopleak.toml", policy).file("src/a.env", leak(1)).file("lab/dev/b.env", leak(2))
}

#[test]
fn the_exit_code_follows_the_policy() {
    let warn = |paths: &str| format!("[[policy.rules]]\nverdict = 'warn'\npath = [{paths}]\nreason = 'not yet'\n");
    for (policy, code, shown) in [
        (String::new(), 1, 2),
        (warn("'lab/'"), 1, 2),
        (warn("'lab/', 'src/'"), 0, 2),
        ("[[policy.rules]]\nverdict = 'allow'\nreason = 'all of it'\nprovider = 'huggingface'\n".into(), 0, 0),
        ("[[policy.rules]]\nverdict = 'warn'\nseverity = 'high'\n".into(), 0, 2),
        ("[[policy.rules]]\nverdict = 'warn'\nseverity = 'critical'\n".into(), 1, 2),
        ("[[policy.rules]]\nverdict = 'warn'\nvalidity = 'presumed-active'\n".into(), 0, 2),
        ("[[policy.rules]]\nverdict = 'warn'\nvalidity = ['active', 'unknown']\n".into(), 1, 2),
        ("[[policy.rules]]\nverdict = 'warn'\npath-environment = 'development'\n".into(), 1, 2),
        // The first rule that matches decides.
        (format!("[[policy.rules]]\nverdict = 'block'\nrule = 'huggingface.*'\n{}", warn("'lab/', 'src/'")), 1, 2),
        ("[scan]\ngate = 'critical'\n".into(), 0, 0),
        ("[scan]\ngate = 'critical'\n[[policy.rules]]\nverdict = 'block'\nrule = 'huggingface.*'\n".into(), 1, 2),
    ] {
        let run = project(&policy).run("scan --format jsonl .");
        assert_eq!((run.code, run.lines("finding").len()), (code, shown), "{policy}: {}", run.stderr);
    }
}

#[test]
fn a_warning_shows_its_rule_in_every_format() {
    let policy = "[[policy.rules]]\nverdict = 'warn'\npath = 'lab/'\nreason = 'being cleaned up'\n";
    let run = project(policy).run("scan .");
    assert!(run.stdout.contains("the policy warns of it; it does not count: being cleaned up (stopleak.toml:1)"));
    let lines = project(policy).run("scan --format jsonl .").lines("finding");
    let decided = lines.iter().find(|line| line["path"] == "lab/dev/b.env").unwrap();
    assert_eq!(decided["decision"]["verdict"], "warn");
    assert_eq!(decided["decision"]["by"], "stopleak.toml:1");
    assert!(lines.iter().any(|line| line["decision"].is_null()));
}

#[test]
fn a_mistake_is_shown_with_its_line_and_a_caret() {
    for (rule, line, message) in [
        ("verdict = 'bock'", 3, "`bock` is no verdict: write block, warn, allow"),
        ("verdict = 'warn'\nseverity = 'huge'", 4, "`huge` is no severity"),
        ("verdict = 'warn'\nvalidity = ['active', 'dead']", 4, "`dead` is no validity"),
        ("verdict = 'warn'\nconfidence = 2", 4, "not between 0 and 1"),
        ("verdict = 'warn'\npath = '[a'", 4, "is no glob"),
        ("verdict = 'warn'\nenvironment = 'moon'", 4, "`moon` is no environment"),
        ("verdict = 'warn'\nolder-than = '3 moons'", 4, "`3 moons` is no time span"),
        ("verdict = 'warn'\npath = []", 4, "an empty list matches nothing"),
        ("verdict = 'warn'\nseverty = 'high'", 4, "unknown field `severty`"),
        ("verdict = 'allow'\nreason = 'x'", 2, "would allow everything"),
        ("verdict = 'allow'\npath = 'x'", 2, "needs a `reason`"),
        ("verdict = 'warn'\nolder-than = '9 days'\nnewer-than = '9 days'", 2, "nothing is older"),
        ("severity = 'high'", 2, "missing field `verdict`"),
    ] {
        let run = project(&format!("[policy]\n[[policy.rules]]\n{rule}\n")).run("scan .");
        assert_eq!(run.code, 2, "{rule}: {}", run.stderr);
        assert!(run.stderr.contains(message), "{rule}: {}", run.stderr);
        assert!(
            run.stderr.contains(&format!("line {line}, column")) && run.stderr.contains('^'),
            "{rule}: {}",
            run.stderr
        );
    }
    let run = project("[policy.bypass]\nuntil = 'soon'\n").run("scan .");
    assert!(run.code == 2 && run.stderr.contains("line 2, column"), "{}", run.stderr);
}

#[test]
fn policy_test_says_what_would_block_and_why() {
    let policy = "[[policy.rules]]\nverdict = 'warn'\npath = 'lab/'\nreason = 'being cleaned up'\n";
    let project = project(policy);
    let run = project.run("policy test .");
    assert_eq!(run.code, 1, "{}", run.stderr);
    for part in [
        "block  huggingface.user-access-token",
        "at src/a.env:1",
        "no rule matches; at or above the gate (0.5)",
        "warn   huggingface.user-access-token",
        "stopleak.toml:1: being cleaned up",
        "1 block, 1 warn, 0 allowed · 1 rule and the gate",
    ] {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
    for format in ["json", "jsonl"] {
        let report = format!("report.{format}");
        project.run(&format!("scan --format {format}={report} src lab"));
        let saved = project.run(&format!("policy test --from {report}"));
        assert_eq!(saved.code, 1, "{}", saved.stderr);
        assert!(saved.stdout.contains("2 block, 0 warn"), "paths in it are relative to two targets: {}", saved.stdout);
        project.run(&format!("scan --format {format}={report} ."));
        let saved = project.run(&format!("policy test --from {report}"));
        assert!(saved.stdout.contains("1 block, 1 warn, 0 allowed"), "{}", saved.stdout);
    }
    std::fs::write(project.path().join("cut.jsonl"), "{\"type\":\"finding\"}\n").unwrap();
    assert_eq!(project.run("policy test --from cut.jsonl").code, 2);
    assert_eq!(project.run("policy test --from nowhere.json").code, 2);
}
