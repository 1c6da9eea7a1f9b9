//! `pre-commit` and `commit-msg`.

use super::{commit, git, git_with, guarded, leak, said};
use crate::made::token;
use crate::support::Repo;
use crate::{command_in, run_in};
use std::io::Write;
use std::process::{Command, Stdio};

#[test]
fn a_new_secret_stops_the_commit_and_the_message_says_what_where_why_and_the_ways_out() {
    let mut repo = guarded("");
    repo.write("src/app.env", format!("A=1\n{}", leak(1))).stage();
    let (done, text) = commit(&repo);
    assert!(!done);
    for part in [
        "this commit adds 1 new secret",
        "Hugging Face",
        "src/app.env:2:10",
        "sure",
        "remove it",
        "allow it",
        "stopleak:allow REASON",
        "break glass",
        "STOPLEAK_BYPASS",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains(&token(1)), "{text}");
}

#[test]
fn each_kind_of_change_stops_or_passes() {
    type Change = fn(&mut Repo);
    let stops: [(&str, Change); 9] = [
        ("added", |repo| _ = repo.write("new.env", leak(2)).stage()),
        ("modified", |repo| _ = repo.write("plain.txt", leak(2)).stage()),
        ("renamed and edited", |repo| {
            _ = repo.rename("old.env", "b.env").write("b.env", leak(1) + "B=2\n" + &leak(2)).stage()
        }),
        ("copied", |repo| _ = repo.write("copy.env", leak(1)).stage()),
        ("made executable and edited", |repo| {
            repo.write("plain.txt", leak(2)).stage();
            repo.git(["update-index", "--chmod=+x", "plain.txt"]);
        }),
        ("a file that becomes a link to a secret", |repo| {
            repo.remove("plain.txt");
            std::os::unix::fs::symlink(format!("/x?HF_TOKEN={}", token(2)), repo.at("plain.txt")).unwrap();
            repo.stage();
        }),
        ("staged, then removed on disk", |repo| _ = repo.write("new.env", leak(2)).stage().write("new.env", "clean\n")),
        ("another secret in place of an old one", |repo| _ = repo.write("old.env", leak(2)).stage()),
        ("a mark that is taken away", |repo| _ = repo.write("marked.env", leak(3)).stage()),
    ];
    let passes: [(&str, Change); 8] = [
        ("an old secret on another line", |repo| _ = repo.write("old.env", "\n\nA=1\n".to_owned() + &leak(1)).stage()),
        ("renamed", |repo| _ = repo.rename("old.env", "d/b.env").stage()),
        ("renamed and edited without a new secret", |repo| {
            _ = repo.rename("old.env", "d/b.env").write("d/b.env", leak(1) + "B=2\n").stage()
        }),
        ("made executable", |repo| _ = repo.git(["update-index", "--chmod=+x", "old.env"])),
        ("removed", |repo| _ = repo.remove("old.env").stage()),
        ("on disk and not staged", |repo| {
            repo.write("plain.txt", "changed\n").stage().write("plain.txt", leak(2)).write("untracked.env", leak(4));
        }),
        ("marked", |repo| _ = repo.write("new.env", leak(2).replace('\n', " # stopleak:allow sample\n")).stage()),
        ("allowed", |repo| _ = repo.write("docs/new.env", leak(2)).stage()),
    ];
    let cases = stops.iter().map(|case| (case, false)).chain(passes.iter().map(|case| (case, true)));
    for ((name, change), expected) in cases {
        let mut repo = Repo::new();
        repo.write("old.env", leak(1)).write("plain.txt", "plain\n");
        repo.write("marked.env", leak(3).replace('\n', " # stopleak:allow sample\n"));
        repo.write("stopleak.toml", "[[allow]]\nreason = 'samples'\npath = 'docs/'\n").commit_all("start");
        super::install(repo.path(), "");
        change(&mut repo);
        let (done, text) = commit(&repo);
        assert_eq!(done, expected, "{name}: {text}");
    }
}

#[test]
fn the_first_commit_of_a_repository_is_checked() {
    let mut repo = guarded("");
    repo.write("a.env", leak(1)).stage();
    assert!(!commit(&repo).0);
    repo.write("a.env", "A=1\n").stage();
    let (done, text) = commit(&repo);
    assert!(done, "{text}");
}

#[test]
fn of_a_partly_staged_file_the_staged_part_counts() {
    for (staged, expected) in [(true, false), (false, true)] {
        let mut repo = Repo::new();
        let middle = "line\n".repeat(20);
        repo.commit("a.txt", format!("top\n{middle}bottom\n"));
        super::install(repo.path(), "");
        repo.write("a.txt", format!("{}{middle}changed\n", leak(1)));
        let patch = repo.git(["diff"]);
        let hunks: Vec<&str> = patch.split_inclusive('\n').collect();
        let starts: Vec<usize> = (0..hunks.len()).filter(|at| hunks[*at].starts_with("@@")).collect();
        assert_eq!(starts.len(), 2, "{patch}");
        let range = if staged { starts[0]..starts[1] } else { starts[1]..hunks.len() };
        let part = hunks[..starts[0]].concat() + hunks[range].concat().trim_end() + "\n";
        let mut apply = Command::new("git");
        apply.current_dir(repo.path()).args(["apply", "--cached", "--recount", "-"]).stdin(Stdio::piped());
        let mut child = apply.env("GIT_CONFIG_GLOBAL", "/dev/null").spawn().unwrap();
        child.stdin.take().unwrap().write_all(part.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success(), "{part}");
        let (done, text) = commit(&repo);
        assert_eq!(done, expected, "{text}");
    }
}

#[test]
fn commit_all_and_commit_of_a_file_use_the_index_git_hands_over() {
    for arguments in [vec!["commit", "-qam", "x"], vec!["commit", "-q", "-m", "x", "a.env"]] {
        let mut repo = Repo::new();
        repo.write("a.env", "A=1\n").write("b.env", "B=1\n").commit_all("start");
        super::install(repo.path(), "");
        repo.write("a.env", leak(1));
        assert!(!git(repo.path(), &arguments).0, "{arguments:?}");
        repo.write("a.env", "A=2\n").write("b.env", leak(2));
        let (done, text) = git(repo.path(), &arguments);
        // Only `commit FILE` leaves the other file out.
        assert_eq!(done, arguments.len() == 5, "{arguments:?}: {text}");
    }
}

#[test]
fn a_merge_brings_what_neither_side_had() {
    let start = |resolution: &str| {
        let mut repo = Repo::new();
        repo.commit("a.env", "A=1\n").branch("side").write("side.env", leak(1)).commit("a.env", leak(2));
        repo.checkout("main").commit("a.env", "A=3\n");
        super::install(repo.path(), "");
        assert!(!git(repo.path(), &["merge", "-q", "side"]).0, "the sides conflict");
        repo.write("a.env", resolution).stage();
        commit(&repo)
    };
    let (done, text) = start(&leak(2));
    assert!(done, "what the other side had is not new: {text}");
    let (done, text) = start(&leak(3));
    assert!(!done && text.contains("1 new secret"), "{text}");
}

#[test]
fn a_linked_work_tree_is_guarded_and_keeps_its_own_index() {
    let mut repo = Repo::new();
    repo.commit("a.env", "A=1\n");
    super::install(repo.path(), "");
    let linked = repo.path().with_file_name("linked");
    repo.git(["worktree", "add", "-q", linked.to_str().unwrap(), "-b", "other"]);
    std::fs::write(linked.join("b.env"), leak(1)).unwrap();
    assert!(git(&linked, &["add", "-A"]).0);
    let (done, text) = git(&linked, &["commit", "-qm", "x"]);
    assert!(!done && text.contains("b.env:1"), "{text}");
    repo.write("a.env", "A=2\n").stage();
    assert!(commit(&repo).0);
    let bypassed = git_with(&linked, &[("STOPLEAK_BYPASS", "incident 7")], &["commit", "-qm", "x"]);
    assert!(bypassed.status.success());
    assert!(repo.at(".git/stopleak/audit.jsonl").exists(), "one log for all work trees");
}

#[test]
fn a_work_tree_apart_from_its_repository_is_guarded() {
    let mut repo = Repo::new();
    repo.commit("a.env", "A=1\n");
    super::install(repo.path(), "");
    let apart = tempfile::tempdir().unwrap();
    let git_dir = format!("--git-dir={}", repo.at(".git").display());
    let work_tree = format!("--work-tree={}", apart.path().display());
    std::fs::write(apart.path().join("b.env"), leak(1)).unwrap();
    assert!(git(apart.path(), &[&git_dir, &work_tree, "add", "b.env"]).0);
    let (done, text) = git(apart.path(), &[&git_dir, &work_tree, "commit", "-qm", "x"]);
    assert!(!done && text.contains("b.env:1"), "{text}");
}

#[test]
fn what_cannot_be_scanned_stops_the_commit_with_2() {
    let mut repo = Repo::new();
    repo.write("a.env", "A=1\n").stage();
    let id = repo.git(["rev-parse", ":a.env"]);
    std::fs::remove_file(repo.loose(&id)).unwrap();
    let run = run_in(repo.path(), "hook pre-commit", b"");
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains("not scanned: a.env") && run.stderr.contains("--allow-partial"), "{}", run.stderr);
    assert_eq!(run_in(repo.path(), "hook pre-commit --allow-partial", b"").code, 0);
}

#[test]
fn an_index_that_cannot_be_read_stops_and_may_be_bypassed_on_record() {
    let mut repo = Repo::new();
    repo.write("a.env", "A=1\n").stage();
    std::fs::write(repo.at(".git/index"), "no index").unwrap();
    let run = run_in(repo.path(), "hook pre-commit", b"");
    assert!(run.code == 2 && run.stderr.contains("cannot read the index"), "{}", run.stderr);
    let bypassed = command_in(repo.path(), "hook pre-commit").env("STOPLEAK_BYPASS", "incident 42").output().unwrap();
    assert_eq!(bypassed.status.code(), Some(0));
    let log = std::fs::read_to_string(repo.at(".git/stopleak/audit.jsonl")).unwrap();
    assert!(log.contains("cannot read the index"), "{log}");
}

#[test]
fn settings_that_cannot_be_read_and_no_repository_are_2() {
    let mut repo = Repo::new();
    repo.write("stopleak.toml", "[scam]\n").write("a.env", "A=1\n").stage();
    let run = run_in(repo.path(), "hook pre-commit", b"");
    assert_eq!(run.code, 2, "{}", run.stderr);
    let folder = tempfile::tempdir().unwrap();
    let run = run_in(folder.path(), "hook pre-commit", b"");
    assert!(run.code == 2 && run.stderr.contains("no git repository"), "{}", run.stderr);
}

#[test]
fn a_bypass_needs_a_reason_and_goes_on_record() {
    let mut repo = guarded("");
    repo.write("a.env", leak(1)).stage();
    let bypass = |reason: &str| said(&git_with(repo.path(), &[("STOPLEAK_BYPASS", reason)], &["commit", "-qm", "x"]));
    let (done, text) = bypass("  ");
    assert!(!done && text.contains("needs a reason"), "{text}");
    assert!(!repo.at(".git/stopleak").exists());
    let (done, text) = bypass(&format!("incident 42, value {}", token(1)));
    assert!(done && text.contains("passed, because: incident 42"), "{text}");
    let log = std::fs::read_to_string(repo.at(".git/stopleak/audit.jsonl")).unwrap();
    let entry: serde_json::Value = serde_json::from_str(log.trim_end()).unwrap();
    assert_eq!((&entry["action"], &entry["details"]["hook"]), (&"bypass".into(), &"pre-commit".into()));
    assert_eq!(entry["details"]["findings"][0]["places"][0], "a.env:1");
    assert!(!log.contains(&token(1)) && !text.contains(&token(1)), "{log}{text}");
    let verified = run_in(repo.path(), "audit verify", b"");
    assert!(verified.code == 0 && verified.stdout.contains("1 entry in 1 file"), "{}", verified.stdout);
    assert!(run_in(repo.path(), "audit show", b"").stdout.contains("incident 42"));
}

#[test]
fn a_bypass_that_was_not_needed_is_not_recorded() {
    let mut repo = guarded("");
    repo.write("a.env", "A=1\n").stage();
    let (done, _) = said(&git_with(repo.path(), &[("STOPLEAK_BYPASS", "incident 42")], &["commit", "-qm", "x"]));
    assert!(done && !repo.at(".git/stopleak").exists());
}

#[test]
fn a_bypass_that_cannot_be_recorded_does_not_pass() {
    let mut repo = guarded("");
    repo.write("a.env", leak(1)).stage();
    std::fs::create_dir(repo.at(".git/stopleak")).unwrap();
    std::fs::write(repo.at(".git/stopleak/audit.jsonl"), "{ cut\n").unwrap();
    let (done, text) = said(&git_with(repo.path(), &[("STOPLEAK_BYPASS", "incident 42")], &["commit", "-qm", "x"]));
    assert!(!done && text.contains("nothing passes unrecorded"), "{text}");
}

#[test]
fn the_policy_decides_on_bypasses() {
    for (bypass, given, expected) in [
        ("allowed = false", "a reason", Some("allows no bypass")),
        ("until = 2020-01-31", "a reason", Some("until 2020-01-31")),
        ("until = 9999-01-31", "a reason", None),
        ("max-days = 7", "a reason", Some("until=YYYY-MM-DD")),
        ("max-days = 7", "until=9999-01-01 a reason", Some("7 days at most")),
        ("", "until=2020-01-01 a reason", Some("expired on 2020-01-01")),
        ("", "until=tomorrow a reason", Some("is no day")),
        ("min-reason = 20", "a reason", Some("at least 20 characters")),
    ] {
        let mut repo = guarded("");
        repo.write("stopleak.toml", format!("[policy.bypass]\n{bypass}\n")).write("a.env", leak(1)).stage();
        let (done, text) = said(&git_with(repo.path(), &[("STOPLEAK_BYPASS", given)], &["commit", "-qm", "x"]));
        assert_eq!(done, expected.is_none(), "{bypass}: {text}");
        assert!(expected.is_none_or(|expected| text.contains(expected)), "{bypass}: {text}");
    }
}

#[test]
fn hooks_follow_the_policy_and_the_baseline() {
    let rules = "[[policy.rules]]\nverdict = 'warn'\npath = 'lab/'\n[[policy.rules]]\nverdict = 'allow'\nreason = 'mocks'\npath = 'mocks/'\n";
    for (path, expected, shown) in [("lab/a.env", true, true), ("mocks/a.env", true, false), ("a.env", false, true)] {
        let mut repo = guarded("");
        repo.write("stopleak.toml", rules).write(path, leak(1)).stage();
        let (done, text) = commit(&repo);
        assert_eq!((done, text.contains("Hugging Face")), (expected, shown), "{path}: {text}");
        assert_eq!(text.contains("not stopped"), path.starts_with("lab"), "{text}");
    }
    let mut repo = Repo::new();
    repo.write("a.env", leak(1)).write("stopleak.toml", "[scan]\nbaseline = 'base.json'\n").stage();
    run_in(repo.path(), "baseline create --baseline base.json --allow-partial", b"");
    super::install(repo.path(), "");
    let (done, text) = commit(&repo);
    assert!(done, "{text}");
}

#[test]
fn a_commit_message_is_checked_without_what_git_cuts() {
    let repo = guarded("--commit-msg");
    let message = |text: String| git(repo.path(), &["commit", "-q", "--allow-empty", "-m", &text]);
    let (done, text) = message(format!("subject\n\nuse {} for now", token(1)));
    assert!(!done && text.contains("this commit message holds") && text.contains(":3:5"), "{text}");
    assert!(message("subject".to_owned()).0);
    let editor = |text: String, cleanup: &str| {
        let file = repo.at(".git/prepared");
        std::fs::write(&file, text).unwrap();
        let editor = format!("cp '{}'", file.display());
        let arguments = ["-c", &format!("core.commentChar={cleanup}"), "commit", "-q", "--allow-empty", "-e"];
        said(&git_with(repo.path(), &[("GIT_EDITOR", &editor)], &arguments))
    };
    let commented = |mark: &str| format!("subject\n{mark} {}\n", token(1));
    assert!(editor(commented("#"), "#").0, "a comment is cut");
    assert!(!editor(commented("#"), ";").0, "with another character it is none");
    assert!(editor(commented(";"), ";").0);
    let scissors = format!("subject\n# ------------------------ >8 ------------------------\n{}", leak(1));
    assert!(editor(scissors, "#").0, "the difference below the scissors is no part of the message");
    let (done, _) = message(commented("#"));
    assert!(!done, "a comment stays where nobody edits");
}

#[test]
fn a_large_change_costs_no_more_than_its_own_size() {
    // The index of an unmerged, sparse or split kind is read as git reads it: see tests/core/git_select.rs.
    let mut repo = Repo::new();
    for n in 0..300 {
        repo.write(&format!("d{}/f{n}.txt", n % 20), format!("text {n}\n"));
    }
    repo.commit_all("start");
    super::install(repo.path(), "");
    for n in 0..20 {
        repo.write(&format!("d{}/f{n}.txt", n % 20), format!("changed {n}\n"));
    }
    let (done, text) = git(repo.path(), &["commit", "-qam", "x"]);
    assert!(done && text.is_empty(), "a clean commit is silent: {text}");
}
