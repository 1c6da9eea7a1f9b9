//! A saved result in another format, and formats as a user asks for them.

use crate::Project;
use crate::made::token;
use crate::support::repo::Repo;

fn leaking() -> Project {
    Project::new().file("app.py", format!("one = '{}'\n", token(1))).file("b.env", format!("TWO={}\n", token(2)))
}

const FORMATS: [&str; 10] = ["text", "jsonl", "json", "sarif", "gitlab", "github", "markdown", "html", "junit", "csv"];

#[test]
fn a_saved_result_becomes_what_the_scan_would_have_written() {
    let one = format!("one = '{}'\n", token(1));
    let project = Project::new().file("src/app.py", one).file("src/b.env", format!("TWO={}\n", token(2)));
    assert_eq!(project.run("scan src --format json=a.json --format jsonl=a.jsonl").code, 1);
    // The time a scan took is told in hundredths by text alone.
    let is_told_twice = |line: &&str| !line.starts_with("2 secrets in");
    let lines = |args: String| {
        let output = project.command(&args).env("SOURCE_DATE_EPOCH", "1760000000").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().filter(is_told_twice).map(str::to_owned).collect::<Vec<_>>()
    };
    for format in FORMATS {
        let scanned = lines(format!("scan src --format {format}"));
        assert!(!scanned.is_empty(), "{format}");
        for saved in ["a.json", "a.jsonl"] {
            assert_eq!(lines(format!("report {saved} --format {format}")), scanned, "{format} of {saved}");
        }
    }
}

#[test]
fn values_leave_only_where_they_are_asked_for() {
    let project = leaking();
    let may_show = ["text", "jsonl", "json", "html", "csv"];
    for format in FORMATS {
        assert!(!project.run(&format!("scan --format {format}")).stdout.contains(&token(1)), "{format}");
        let shown = project.run(&format!("scan --format {format} --show-secrets")).stdout.contains(&token(1));
        assert_eq!(shown, may_show.contains(&format), "{format}");
    }
    project.run("scan --format json=clear.json --show-secrets");
    assert!(project.read("clear.json").contains(&token(1)));
    for format in FORMATS {
        assert!(!project.run(&format!("report clear.json --format {format}")).stdout.contains(&token(1)), "{format}");
        let shown =
            project.run(&format!("report clear.json --show-secrets --format {format}")).stdout.contains(&token(1));
        assert_eq!(shown, may_show.contains(&format), "{format}");
    }
    project.run("scan --format json=a.json");
    let run = project.run("report a.json --show-secrets");
    assert!(run.code == 0 && run.stderr.contains("holds no value in clear"), "{}", run.stderr);
}

#[test]
fn github_masks_every_value_before_its_first_annotation() {
    let output = leaking().command("scan --format github").env("GITHUB_ACTIONS", "true").output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(lines.len(), 4, "{stdout}");
    assert!(lines[..2].iter().all(|line| line.starts_with("::add-mask::hf_")), "{stdout}");
    assert!(lines[3].starts_with("::error file=app.py,line=1,col=8,endColumn=45,title="), "{stdout}");
    assert!(!lines[2..].concat().contains(&token(1)) && !lines[2..].concat().contains(&token(2)));
}

#[test]
fn a_report_comes_from_standard_input_and_goes_to_files() {
    let project = leaking();
    let saved = project.run("scan --format jsonl").stdout;
    let run = project.run_with("report - --output out.html -o out.csv -o out.md -f junit=out.xml", saved.as_bytes());
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "", ""));
    assert!(project.read("out.html").starts_with("<!doctype html>"));
    assert!(project.read("out.csv").starts_with("severity,rule,"));
    assert!(project.read("out.md").starts_with("## 🚨 2 secrets in 2 places"));
    assert!(project.read("out.xml").starts_with("<?xml version=\"1.0\""));
}

#[test]
fn what_is_no_saved_report_is_an_error_with_a_next_step() {
    let project = Project::new().file("a.txt", "hello").file("b.json", "{\"version\":1,\"findings\":[");
    for (file, expected) in [
        ("a.txt", "cannot read a.txt: it is no json or jsonl report of stopleak"),
        ("b.json", "cannot read b.json: it is cut off"),
        ("c.json", "cannot read c.json"),
    ] {
        let run = project.run(&format!("report {file} --output out.html"));
        assert_eq!(run.code, 2);
        assert!(run.stderr.contains(expected), "{}", run.stderr);
        assert!(!project.path().join("out.html").exists(), "a report that was not read leaves no file");
    }
    assert!(project.run("report a.txt").stderr.contains("stopleak scan --format json=FILE"));
}

#[test]
fn a_report_says_what_still_stands_in_head_and_where_it_was_cloned_from() {
    let mut repo = Repo::new();
    repo.commit("kept.env", format!("A={}\n", token(1)));
    repo.commit("gone.env", format!("B={}\n", token(2)));
    repo.commit("kept.env", format!("# a later version\nA={}\n", token(1)));
    repo.remove("gone.env").commit_all("gone");
    let address = ["https://user:", "hidden", "@host.example/a/b.git"].concat();
    repo.git(["remote", "add", "origin", &address]);
    let run = crate::run_in(repo.path(), "scan --format jsonl", b"");
    let mut places: Vec<(String, String, bool)> = (run.lines("finding").iter())
        .filter(|line| line["source"] == "history")
        .map(|line| {
            let text = |field: &str| line[field].as_str().unwrap().to_owned();
            (text("path"), text("source"), line["in_head"].as_bool().unwrap())
        })
        .collect();
    places.sort();
    let history = || "history".to_owned();
    assert_eq!(places, [("gone.env".into(), history(), false), ("kept.env".into(), history(), true)]);
    let repository = run.lines("summary")[0]["repositories"][0].clone();
    assert_eq!(repository["url"], "https://host.example/a/b.git");
    assert_eq!(repository["revision"].as_str().unwrap().len(), 40);
    let sarif = crate::run_in(repo.path(), "scan --format sarif", b"").stdout;
    assert!(sarif.contains("\"repositoryUri\": \"https://host.example/a/b.git\"") && !sarif.contains("hidden"));
}
