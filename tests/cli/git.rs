//! Repositories: every place a secret can be in, and honesty about what cannot be read.

use crate::made::token;
use crate::support::Repo;
use crate::{Run, run_in};

fn scan(repo: &Repo, args: &str) -> Run {
    run_in(repo.path(), &format!("scan --format jsonl {args}"), b"")
}

fn leak(seed: u64) -> String {
    format!("HF_TOKEN={}\n", token(seed))
}

/// What was found, as `path:line` with the commit's subject, for one secret a line.
fn places(run: &Run) -> Vec<String> {
    let place = |line: &serde_json::Value| {
        let commit = line["commit"].as_str().map_or(String::new(), |_| " in history".to_owned());
        format!("{}:{}{commit}", line["path"].as_str().unwrap_or("-"), line["line"])
    };
    run.lines("finding").iter().map(place).collect()
}

#[test]
fn a_secret_that_was_removed_is_found_with_its_commit_author_and_time() {
    let mut repo = Repo::new();
    repo.commit("a.env", leak(1)).commit("a.env", "clean\n");
    let run = scan(&repo, "");
    assert_eq!((run.code, places(&run)), (1, vec!["a.env:1 in history".to_owned()]), "{}", run.stderr);
    let finding = &run.lines("finding")[0];
    assert_eq!(finding["commit"], repo.id("HEAD~1"));
    assert_eq!(finding["author"], crate::support::repo::AUTHOR);
    assert_eq!(finding["time"], "2024-01-01T00:01:00Z");
    assert_eq!(scan(&repo, "--history none").code, 0);
}

#[test]
fn staged_changes_are_scanned_and_the_work_tree_is_not() {
    let mut repo = Repo::new();
    repo.commit("old name.env", "A=1\nB=2\nC=3\nD=4\n");
    repo.rename("old name.env", "new.env").write("new.env", format!("A=1\nB=2\nC=3\nD=4\n{}", leak(1))).stage();
    repo.write("new.env", "clean\n").write("loose.env", leak(2));
    let run = scan(&repo, "--staged");
    assert_eq!((run.code, places(&run)), (1, vec!["new.env:5".to_owned()]), "{}", run.stderr);
    assert!(run.lines("finding")[0]["origin"].as_str().unwrap().starts_with("staged "));
}

#[test]
fn nothing_staged_is_clean() {
    let mut repo = Repo::new();
    repo.commit("a.env", leak(1));
    let run = scan(&repo, "--staged");
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn a_range_holds_what_its_commits_brought() {
    let mut repo = Repo::new();
    repo.commit("a.env", leak(1)).commit("b.env", leak(2)).commit("c.env", leak(3));
    assert_eq!(places(&scan(&repo, "--range HEAD~2..HEAD~1")), ["b.env:1 in history"]);
    assert_eq!(scan(&repo, "--since 2024-01-01T00:02:30Z").lines("finding").len(), 1);
}

#[test]
fn a_range_without_commits_is_not_passed_in_silence() {
    let mut repo = Repo::new();
    repo.commit("a.env", leak(1)).commit("b.env", leak(2));
    let run = scan(&repo, "--range HEAD..HEAD~1");
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("not scanned: "), "{}", run.stderr);
    assert_eq!(scan(&repo, "--range HEAD..HEAD --allow-partial").code, 0);
}

#[test]
fn a_range_that_git_does_not_know_is_2() {
    let mut repo = Repo::new();
    repo.commit("a.env", leak(1));
    let run = scan(&repo, "--range nowhere..HEAD");
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    assert!(run.stderr.contains("nowhere"), "{}", run.stderr);
}

#[test]
fn secrets_in_messages_notes_stashes_and_merges_are_found() {
    let mut repo = Repo::new();
    repo.commit("a", "1\n").commit_all(&format!("use {}", token(1))).tag("v1", &format!("tag {}", token(2)));
    repo.note(&format!("note {}", token(3)));
    repo.write("a", leak(4)).stash();
    repo.branch("side").commit("a", "side\n").checkout("main").commit("a", "main\n").merge_resolved(
        "side",
        "a",
        &leak(5),
    );
    repo.commit("a", "clean\n");
    let run = scan(&repo, "");
    assert_eq!(run.code, 1, "{}", run.stderr);
    let found: std::collections::BTreeSet<_> =
        run.lines("finding").iter().map(|line| line["fingerprint"].as_str().unwrap().to_owned()).collect();
    assert_eq!(found.len(), 5, "{}", run.stdout);
}

#[test]
fn a_mark_on_disk_covers_the_same_file_in_history() {
    let mut repo = Repo::new();
    repo.commit("a.env", leak(1)).commit("a.env", format!("{} # stopleak:allow sample\n", leak(1).trim_end()));
    let run = scan(&repo, "");
    assert_eq!(run.code, 0, "{}", run.stdout);
    repo.commit("other.env", leak(1)).commit("other.env", "clean\n");
    assert_eq!(places(&scan(&repo, "")), ["other.env:1 in history"]);
}

#[test]
fn settings_and_ignore_files_of_the_repository_count() {
    let mut repo = Repo::new();
    repo.write(".gitignore", "private/\n").write("private/a.env", leak(1));
    repo.write("docs/b.md", leak(2)).write("stopleak.toml", "[[allow]]\nreason = 'sample'\npath = 'docs/'\n");
    repo.commit_all("start");
    assert_eq!(scan(&repo, "").code, 0);
    assert_eq!(places(&scan(&repo, "--no-ignore")), ["private/a.env:1"]);
    let run = run_in(&repo.at("docs"), "scan --format jsonl --history none", b"");
    assert_eq!(run.lines("finding").len() as i32, run.code, "the settings above a folder are used: {}", run.stdout);
}

#[test]
fn a_missing_object_is_announced_and_fails_a_clean_scan() {
    let mut repo = Repo::new();
    repo.commit("a", "1\n").commit("a", "2\n");
    std::fs::remove_file(repo.loose(&repo.blob("HEAD~1", "a"))).unwrap();
    let run = scan(&repo, "");
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains("not scanned: "), "{}", run.stderr);
    assert!(!run.lines("summary")[0]["skipped"].as_array().unwrap().is_empty());
    assert_eq!(scan(&repo, "--allow-partial").code, 0);
}

#[test]
fn bare_and_packed_repositories_are_scanned() {
    let mut repo = Repo::new();
    repo.commit("a.env", leak(1)).commit("a.env", "clean\n").pack();
    let bare = repo.clone_with("bare.git", &["--bare"]);
    for repo in [repo, bare] {
        let run = scan(&repo, "");
        assert_eq!((run.code, places(&run)), (1, vec!["a.env:1 in history".to_owned()]), "{}", run.stderr);
    }
}

#[test]
fn history_scans_are_byte_identical_whatever_the_threads() {
    let mut repo = Repo::new();
    for n in 0..12 {
        repo.commit(&format!("f{}.env", n % 3), format!("{}{}", leak(n), leak(n % 5)));
    }
    repo.pack();
    let one = scan(&repo, "-j 1").stdout;
    assert!(one.lines().count() > 12, "{one}");
    for threads in [2, 4] {
        assert_eq!(one, scan(&repo, &format!("-j {threads}")).stdout);
    }
}

#[test]
fn a_folder_inside_a_work_tree_is_scanned_alone_with_paths_relative_to_it() {
    let mut repo = Repo::new();
    repo.commit("sub/dir/a.env", leak(1))
        .commit("b.env", leak(2))
        .remove("sub/dir/a.env")
        .write("sub/c.txt", "clean\n");
    repo.commit_all(&format!("a message that leaks {}", token(3)));
    let run = run_in(&repo.path().join("sub"), "scan --format jsonl .", b"");
    assert_eq!(places(&run), ["dir/a.env:1 in history"], "{}", run.stderr);
    repo.write("sub/d.env", leak(4)).write("e.env", leak(5)).stage();
    let run = run_in(&repo.path().join("sub"), "scan --format jsonl --staged .", b"");
    assert_eq!(places(&run), ["d.env:1"], "{}", run.stderr);
}

#[test]
fn the_unscanned_history_of_a_nested_repository_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut repo = Repo::new();
    repo.commit("a.txt", "clean\n");
    let inner = folder.path().join("inner");
    std::fs::rename(repo.path(), &inner).unwrap();
    let run = run_in(folder.path(), "scan .", b"");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("inner: the history of this nested repository is not scanned"), "{}", run.stderr);
}
