//! `pre-push`: what the remote lacks.

use super::{git, git_with, guarded, leak, said};
use crate::made::token;
use crate::run_in;
use crate::support::Repo;

/// A guarded repository with a bare remote that has its first commit.
fn pushed(first: &str) -> (Repo, Repo) {
    let mut repo = guarded("--pre-push");
    repo.git(["config", "core.hooksPath", ".git/hooks"]);
    repo.write("a.env", first);
    commit(&mut repo, "start");
    let bare = repo.clone_with("bare.git", &["--bare"]);
    repo.git(["remote", "add", "origin", bare.path().to_str().unwrap()]);
    repo.git(["fetch", "-q", "origin"]);
    (repo, bare)
}

/// Commits everything, past the hook.
fn commit(repo: &mut Repo, message: &str) {
    repo.git(["add", "-A"]);
    repo.git(["commit", "-q", "--no-verify", "--allow-empty", "-m", message]);
}

fn push(repo: &Repo, what: &[&str]) -> (bool, String) {
    git(repo.path(), &[&["push", "-q", "origin"], what].concat())
}

#[test]
fn a_push_brings_what_the_remote_lacks() {
    let (mut repo, bare) = pushed(&leak(1));
    repo.write("a.env", leak(1) + "B=1\n");
    commit(&mut repo, "an old secret in a touched file");
    let (done, text) = push(&repo, &["main"]);
    assert!(done, "{text}");
    repo.write("b.env", leak(2));
    commit(&mut repo, "in");
    repo.remove("b.env");
    commit(&mut repo, "and out");
    let (done, text) = push(&repo, &["main"]);
    assert!(
        !done && text.contains("b.env:1") && text.contains("1 new secret"),
        "removed later, pushed all the same: {text}"
    );
    assert_eq!(bare.id("main"), repo.id("HEAD~2"));
    let output = git_with(repo.path(), &[("STOPLEAK_BYPASS", "incident 42")], &["push", "-q", "origin", "main"]);
    assert!(output.status.success());
    let log = std::fs::read_to_string(repo.at(".git/stopleak/audit.jsonl")).unwrap();
    assert!(log.contains("refs/heads/main") && log.contains("pre-push"), "{log}");
}

#[test]
fn new_branches_force_pushes_tags_and_deletions() {
    let (mut repo, _bare) = pushed("A=1\n");
    repo.branch("clean").write("c.env", "C=1\n");
    commit(&mut repo, "clean");
    assert!(push(&repo, &["clean"]).0, "a new branch");
    repo.branch("leaky").write("d.env", leak(1));
    commit(&mut repo, "leaky");
    assert!(!push(&repo, &["leaky"]).0, "a new branch with a secret");
    assert!(!push(&repo, &["clean", "leaky"]).0, "one of two references is enough");
    assert!(!push(&repo, &["HEAD:refs/heads/other"]).0);
    repo.git(["tag", "light"]);
    assert!(!push(&repo, &["light"]).0, "a tag brings its commits");
    repo.git(["checkout", "-q", "main"]);
    repo.tag("v1", &format!("release with {}", token(2)));
    let (done, text) = push(&repo, &["v1"]);
    assert!(!done && text.contains("tag message"), "{text}");
    assert!(push(&repo, &[":clean"]).0, "a deletion brings nothing");
    repo.git(["checkout", "-q", "main"]);
    repo.git(["commit", "-q", "--no-verify", "--amend", "--allow-empty", "-m", "rewritten"]);
    assert!(push(&repo, &["--force", "main"]).0, "a clean force push");
    repo.write("e.env", leak(3));
    repo.git(["add", "-A"]);
    repo.git(["commit", "-q", "--no-verify", "--amend", "-m", "rewritten again"]);
    assert!(!push(&repo, &["--force", "main"]).0);
    commit(&mut repo, &format!("a message with {}", token(4)));
    repo.git(["rm", "-q", "--cached", "e.env"]);
    let (_, text) = push(&repo, &["--force", "main"]);
    assert!(text.contains("2 new secrets") && text.contains("commit message"), "{text}");
}

#[test]
fn what_stands_on_the_remote_already_does_not_count() {
    let (mut repo, _bare) = pushed(&leak(1));
    repo.write("copy.env", leak(1));
    commit(&mut repo, "a copy");
    let (done, text) = push(&repo, &["main"]);
    assert!(done, "{text}");
    repo.rename("a.env", "moved/b.env").write("moved/b.env", "X=1\n".to_owned() + &leak(1)).remove("copy.env");
    commit(&mut repo, "moved and edited");
    assert!(push(&repo, &["main"]).0);
    repo.branch("two").write("n.env", leak(2));
    commit(&mut repo, "new");
    repo.write("n.env", "N=1\n".to_owned() + &leak(2));
    commit(&mut repo, "moved within the push");
    let (done, text) = push(&repo, &["two"]);
    assert!(!done && text.contains("1 new secret"), "{text}");
}

#[test]
fn a_remote_named_by_its_url_is_compared_by_its_references() {
    let (mut repo, bare) = pushed(&leak(1));
    repo.write("b.env", "B=1\n");
    commit(&mut repo, "clean");
    let url = bare.path().to_str().unwrap().to_owned();
    let (done, text) = git(repo.path(), &["push", "-q", &url, "main"]);
    assert!(done, "{text}");
    repo.write("c.env", leak(2));
    commit(&mut repo, "leaky");
    assert!(!git(repo.path(), &["push", "-q", &url, "main"]).0);
}

#[test]
fn merges_are_compared_with_all_their_parents() {
    let (mut repo, _bare) = pushed("A=1\n");
    repo.branch("side").write("side.env", "S=1\n");
    commit(&mut repo, "side");
    repo.git(["checkout", "-q", "main"]);
    repo.write("main.env", "M=1\n");
    commit(&mut repo, "main");
    repo.git(["merge", "-q", "--no-ff", "--no-commit", "side"]);
    repo.write("only-in-the-merge.env", leak(1));
    commit(&mut repo, "merged");
    let (done, text) = push(&repo, &["main"]);
    assert!(!done && text.contains("only-in-the-merge.env:1") && text.contains("1 new secret"), "{text}");
}

#[test]
fn many_commits_give_what_few_give() {
    let (repo, _bare) = pushed(&leak(1));
    let mut stream = String::new();
    let parent = repo.id("HEAD");
    for n in 0..1_100 {
        let (text, message) =
            (format!("text {n}\n{}", if n == 600 { leak(7) } else { String::new() }), format!("c{n}"));
        let from = if n == 0 { format!("from {parent}\n") } else { String::new() };
        stream += &format!(
            "commit refs/heads/many\ncommitter A U Thor <author@example.com> {} +0000\ndata {}\n{message}\n{from}M 644 inline f{}.txt\ndata {}\n{text}\n",
            1_704_070_000 + n,
            message.len(),
            n % 7,
            text.len()
        );
    }
    // The old secret's file is touched, too.
    let touched = leak(1) + "more\n";
    stream += &format!(
        "commit refs/heads/many\ncommitter A U Thor <author@example.com> 1704080000 +0000\ndata 1\nx\nM 644 inline a.env\ndata {}\n{touched}\n",
        touched.len()
    );
    use std::io::Write;
    let mut import = std::process::Command::new("git");
    import.current_dir(repo.path()).args(["fast-import", "--quiet"]).stdin(std::process::Stdio::piped());
    let mut child = import.spawn().unwrap();
    child.stdin.take().unwrap().write_all(stream.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    let (done, text) = push(&repo, &["many"]);
    assert!(!done && text.contains("1 new secret") && text.contains("f5.txt:2"), "{text}");
    repo.git(["branch", "few", "many~501"]);
    assert!(push(&repo, &["few"]).0, "the first six hundred are clean");
}

#[test]
fn a_missing_object_and_a_line_that_git_does_not_write_are_2() {
    let (mut repo, _bare) = pushed("A=1\n");
    repo.write("b.env", "B=1\n");
    commit(&mut repo, "two");
    let line = format!("refs/heads/main {} refs/heads/main {}\n", repo.id("HEAD"), repo.id("HEAD~1"));
    assert_eq!(run_in(repo.path(), "hook pre-push origin url", line.as_bytes()).code, 0);
    std::fs::remove_file(repo.loose(&repo.blob("HEAD", "b.env"))).unwrap();
    let run = run_in(repo.path(), "hook pre-push origin url", line.as_bytes());
    assert!(run.code == 2 && run.stderr.contains("not scanned: b.env"), "{}", run.stderr);
    let run = run_in(repo.path(), "hook pre-push origin url", b"nonsense\n");
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert_eq!(run_in(repo.path(), "hook pre-push origin url", b"").code, 0);
}

#[test]
fn a_tag_of_a_file_is_checked() {
    let (mut repo, _bare) = pushed("A=1\n");
    repo.write("key.env", leak(1));
    let blob = repo.git(["hash-object", "-w", "key.env"]);
    repo.git(["tag", "key", &blob]);
    let (done, text) = push(&repo, &["key"]);
    assert!(!done && text.contains("1 new secret"), "{text}");
    let _ = said;
}
