//! A team's own `.gitleaks.toml`: as it is with --config, or made a rule file.

use crate::made::{random, token};
use crate::support::Repo;
use crate::{Project, Run, run_in};
use serde_json::Value;

const CONFIG: &str = r#"
title = "team"

[extend]
path = "base.toml"

[[rules]]
id = "acme-key"
description = "Acme internal key"
regex = '''(?i)acme[\w-]*\s*[:=]\s*['"]?([a-z0-9]{20,})['"]?'''
entropy = 3.0
keywords = ["acme"]

[[rules.allowlists]]
description = "samples"
condition = "AND"
paths = ['''^docs/''']
regexTarget = "line"
regexes = ['''sample''']
"#;

const BASE: &str = "[allowlist]\ndescription = 'vendored'\npaths = ['''^vendor/''']\n";

fn key(seed: u64) -> String {
    random(24, seed).to_lowercase()
}

fn line(seed: u64) -> String {
    format!("acme-token = \"{}\"\n", key(seed))
}

fn team() -> Project {
    Project::new()
        .file(".gitleaks.toml", CONFIG)
        .file("base.toml", BASE)
        .file("src/a.conf", line(1))
        .file("docs/a.md", format!("sample: {}", line(2)))
        .file("docs/b.md", line(3))
        .file("vendor/x.conf", format!("{}K={}\n", line(4), token(1)))
        .file("src/hf.env", format!("K={}\n", token(2)))
}

/// `rule path`, with `-` before suppressed ones.
fn found(run: &Run) -> Vec<String> {
    let show = |line: &Value| {
        let sign = if line["suppression"].is_null() { "" } else { "-" };
        format!("{sign}{} {}", line["rule"].as_str().unwrap(), line["path"].as_str().unwrap())
    };
    let mut found: Vec<String> = run.lines("finding").iter().map(show).collect();
    found.sort();
    found
}

#[test]
fn a_teams_own_configuration_works_as_it_is() {
    let run = team().run("scan --config .gitleaks.toml --all --format jsonl");
    assert_eq!(run.code, 1, "{}", run.stderr);
    let found = found(&run);
    let own: Vec<&str> = found.iter().map(String::as_str).filter(|line| line.contains("imported.")).collect();
    let expected = [
        "-imported.acme-key docs/a.md",
        "-imported.acme-key vendor/x.conf",
        "imported.acme-key docs/b.md",
        "imported.acme-key src/a.conf",
    ];
    assert_eq!(own, expected, "{}", run.stdout);
    // Where the team's own rule speaks, the pack's generic one is silent; what the team allows, it does not.
    let generic: Vec<&str> = found.iter().map(String::as_str).filter(|line| line.contains("generic.")).collect();
    assert_eq!(generic, ["-generic.token vendor/x.conf", "generic.token docs/a.md"], "{}", run.stdout);
    assert!(found.contains(&"-huggingface.user-access-token vendor/x.conf".to_owned()), "{found:?}");
    assert!(found.contains(&"huggingface.user-access-token src/hf.env".to_owned()), "{found:?}");
    assert!(run.stderr.contains("stopleak's own rules stay on"), "{}", run.stderr);
}

#[test]
fn the_imported_file_finds_the_same() {
    let project = team();
    let run = project.run("rules import .gitleaks.toml -o ../team-rules.toml");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.stdout, "");
    let written = project.path().parent().unwrap().join("team-rules.toml");
    let moved = project.path().join("rules.toml.txt");
    std::fs::rename(written, &moved).unwrap();
    assert!(run.stderr.contains("1 rule and 2 allowlists imported"), "{}", run.stderr);
    let check = project.run("rules check rules.toml.txt");
    assert_eq!((check.code, check.stderr.as_str()), (0, "1 rule and 1 allowlist sound\n"), "{}", check.stdout);
    let findings = |args: &str| {
        let run = project.run(args);
        (
            run.code,
            run.stdout.lines().filter(|line| line.contains("\"finding\"")).map(str::to_owned).collect::<Vec<_>>(),
        )
    };
    let by_config = findings("scan src docs vendor --config .gitleaks.toml --all --format jsonl");
    let by_rules = findings("scan src docs vendor --rules rules.toml.txt --all --format jsonl");
    assert_eq!(by_config, by_rules);
    assert!(by_config.1.len() >= 6, "{by_config:?}");
    let printed = project.run("rules import .gitleaks.toml");
    assert_eq!(printed.stdout, project.read("rules.toml.txt"));
    assert!(
        printed.stdout.contains("\n# Not carried over, or otherwise:\n# - .gitleaks.toml:1: "),
        "{}",
        printed.stdout
    );
}

#[test]
fn history_is_searched_whole_and_commits_are_allowed() {
    let mut repo = Repo::new();
    let filler = "nothing to see on this line of the file\n".repeat(200);
    repo.commit("conf/a.conf", format!("{filler}{}", line(1)));
    repo.commit("conf/a.conf", format!("{filler}{}{}", line(1), line(2)));
    repo.commit("conf/a.conf", format!("{filler}{}more\n", line(2)));
    repo.commit("gone.p12", "binary\n").remove("gone.p12").commit_all("drop it");
    repo.pack();
    let first = repo.id("HEAD~4");
    let config = |commits: &str| {
        format!(
            "[[rules]]\nid='acme'\nregex='''acme-token = \"(\\w+)\"'''\nkeywords=['acme']\n\
             [[rules]]\nid='p12'\npath='''\\.p12$'''\n[allowlist]\ndescription='known'\nstopwords=['nothing']\ncommits=[{commits}]\n"
        )
    };
    let home = Project::new().file("none.toml", config("")).file("first.toml", config(&format!("'{first}'")));
    let scan = |name: &str| {
        let config = home.path().join(name);
        run_in(repo.path(), &format!("scan --all --format jsonl --config {}", config.display()), b"")
    };
    let secrets = |run: &Run| {
        let lines = run.lines("finding");
        let of = |rule: &str, open: bool| {
            let is = |l: &&Value| l["rule"] == rule && l["suppression"].is_null() == open;
            lines
                .iter()
                .filter(is)
                .map(|l| l["fingerprint"].to_string())
                .collect::<std::collections::BTreeSet<_>>()
                .len()
        };
        (of("imported.acme", true), of("imported.acme", false), of("imported.p12", true))
    };
    let run = scan("none.toml");
    assert_eq!(secrets(&run), (2, 0, 1), "{}{}", run.stdout, run.stderr);
    // The secret of the first commit is allowed; the second one stands in a file of another commit.
    assert_eq!(secrets(&scan("first.toml")), (1, 1, 1));
    let second = repo.id("HEAD~3");
    let home = home.file("second.toml", config(&format!("'{second}'")));
    let config = home.path().join("second.toml");
    let run = run_in(repo.path(), &format!("scan --all --format jsonl --config {}", config.display()), b"");
    // What is on disk came with the allowed commit.
    assert_eq!(secrets(&run), (1, 1, 1), "{}", run.stdout);
}

#[test]
fn a_configuration_that_is_not_named_is_not_used() {
    let project = team();
    let run = project.run("scan --format jsonl");
    assert!(found(&run).iter().all(|line| !line.contains("imported.")), "{}", run.stdout);
    assert!(
        run.stderr.contains("note: .gitleaks.toml: found, not used: pass --config .gitleaks.toml"),
        "{}",
        run.stderr
    );
    let project = project.file("stopleak.toml", "[scan]\nthreads = 1\n");
    assert!(!project.run("scan").stderr.contains("found, not used"));
}

#[test]
fn a_file_that_is_neither_is_an_error() {
    let project = team().file("x.toml", "[server]\nport = 1\n").file("bad.toml", "[[rules]]\nid='r'\nregex='''('''\n");
    let run = project.run("scan --config x.toml");
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    assert!(run.stderr.contains("unknown field `server`") && run.stderr.contains("--rules"), "{}", run.stderr);
    for args in ["scan --config bad.toml", "rules import bad.toml"] {
        let run = project.run(args);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{args}");
        assert!(run.stderr.contains("bad.toml:3: rule `r`: `regex` cannot be used"), "{}", run.stderr);
    }
    let run = project.run("rules import none.toml");
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("none.toml"), "{}", run.stderr);
}

#[test]
fn a_secret_that_the_pack_knows_is_one_finding() {
    let config = "[[rules]]\nid='hf'\nregex='''hf_[A-Za-z]{34}'''\n[[rules]]\nid='line'\nregex='''K=.*'''\n";
    let project = Project::new().file("c.toml", config).file("a.env", format!("K={}\n", token(1)));
    let run = project.run("scan a.env --config c.toml --format jsonl");
    assert_eq!(found(&run), ["huggingface.user-access-token a.env", "imported.line a.env"], "{}", run.stdout);
    // Suppressed, the pack's finding takes nothing away.
    let config = format!("[extend]\nuseDefault=true\ndisabledRules=['huggingface-access-token']\n{config}");
    let run = project.file("c.toml", config).run("scan a.env --config c.toml --all --format jsonl");
    let expected = ["-huggingface.user-access-token a.env", "imported.hf a.env", "imported.line a.env"];
    assert_eq!(found(&run), expected, "{}", run.stdout);
}

#[test]
fn standard_input_and_masks_use_it_too() {
    let project = Project::new().file("c.toml", "[[rules]]\nid='own'\nregex='''own: (\\S+)'''\n");
    let text = format!("own: {}\nand on\nown: {}", key(1), key(2));
    let run = project.run_with("scan - --config c.toml --format jsonl", text.as_bytes());
    assert_eq!(run.lines("finding").iter().filter(|line| line["rule"] == "imported.own").count(), 2, "{}", run.stdout);
    let run = project.run_with("mask --config c.toml", text.as_bytes());
    assert_eq!(run.stdout, "own: [stopleak:imported.own]\nand on\nown: [stopleak:imported.own]", "{}", run.stderr);
}

#[test]
fn a_baseline_accepts_what_imported_rules_find() {
    let project = Project::new().file("c.toml", "[[rules]]\nid='own'\nregex='''own: (\\S+)'''\n");
    let project = project.file("a.txt", format!("own: {}\n", key(1)));
    assert_eq!(project.run("baseline create a.txt --config c.toml").code, 0);
    let run = project.run("scan a.txt --config c.toml --baseline stopleak-baseline.json");
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
}
