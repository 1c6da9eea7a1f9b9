//! `pre-receive`: real pushes to a real bare repository, over file and smart HTTP.

use super::{git, git_with, leak, said};
use crate::made::token;
use crate::run_in;
use crate::support::Repo;
use crate::support::http_git::Server;

/// A repository and a guarded bare remote with its first commit; `options` go to the hook.
fn guarded_remote(options: &str) -> (Repo, Repo) {
    let mut repo = Repo::new();
    repo.commit("a.env", leak(1));
    let bare = repo.clone_with("bare.git", &["--bare"]);
    bare.git(["config", "http.receivepack", "true"]);
    bare.git(["config", "receive.advertisePushOptions", "true"]);
    super::install(bare.path(), "");
    let hook = bare.at("hooks/pre-receive");
    let text = std::fs::read_to_string(&hook).unwrap();
    std::fs::write(&hook, text.replace("hook pre-receive", &format!("hook pre-receive {options}"))).unwrap();
    (repo, bare)
}

#[test]
fn pushes_over_file_and_http_are_judged_in_quarantine() {
    for over_http in [false, true] {
        let (mut repo, bare) = guarded_remote("");
        let server = Server::start(bare.path().parent().unwrap());
        let url = if over_http { server.url("bare.git") } else { format!("file://{}", bare.path().display()) };
        let push = |repo: &Repo, what: &[&str]| git(repo.path(), &[&["push", "-q", &url], what].concat());
        repo.commit("a.env", leak(1) + "B=1\n");
        let (done, text) = push(&repo, &["main"]);
        assert!(done, "an old secret in a touched file: {text}");
        let before = bare.id("main");
        repo.commit("big.txt", "plain text\n".repeat(200_000))
            .commit("b.env", leak(2))
            .remove("b.env")
            .commit_all("out");
        let (done, text) = push(&repo, &["main"]);
        assert!(!done && text.contains("push refused: it brings 1 new secret"), "{text}");
        assert!(text.contains("b.env:1") && text.contains("push -o stopleak.bypass"), "{text}");
        assert!(!text.contains(&token(2)), "{text}");
        assert_eq!(bare.id("main"), before);
        assert!(!bare.try_git(["cat-file", "-e", &repo.id("HEAD~1")]).status.success(), "nothing was kept");
        repo.git(["checkout", "-q", "-b", "clean", "HEAD~2"]);
        assert!(push(&repo, &["clean"]).0, "a new branch");
        let (done, text) = push(&repo, &["clean:refs/heads/other", "main:refs/heads/leaky"]);
        assert!(!done && text.contains("1 new secret"), "every line counts: {text}");
        repo.git(["commit", "-q", "--amend", "--allow-empty", "-m", "rewritten"]);
        assert!(push(&repo, &["--force", "clean"]).0, "a force push");
        repo.tag("v1", &format!("release with {}", token(3)));
        let (done, text) = push(&repo, &["v1"]);
        assert!(!done && text.contains("tag message"), "{text}");
        assert!(push(&repo, &[":refs/heads/clean"]).0, "a deletion");
    }
}

#[test]
fn a_bypass_by_push_option_is_recorded_with_who_pushed() {
    let (mut repo, bare) = guarded_remote("");
    let server = Server::start(bare.path().parent().unwrap());
    let url = server.url("bare.git");
    repo.commit("b.env", leak(2));
    let (done, text) = git(repo.path(), &["push", "-q", "-o", "stopleak.bypass=", &url, "main"]);
    assert!(!done && text.contains("needs a reason"), "{text}");
    let variables = [("STOPLEAK_BYPASS", "the client's own")];
    assert!(!said(&git_with(repo.path(), &variables, &["push", "-q", &url, "main"])).0);
    let (done, text) = git(repo.path(), &["push", "-q", "-o", "stopleak.bypass=incident 42", &url, "main"]);
    assert!(done && text.contains("incident 42"), "{text}");
    let log = std::fs::read_to_string(bare.at("stopleak/audit.jsonl")).unwrap();
    let entry: serde_json::Value = serde_json::from_str(log.trim_end()).unwrap();
    assert_eq!(entry["actor"], "pusher");
    assert_eq!(entry["details"]["references"][0], "refs/heads/main");
    assert_eq!(run_in(bare.path(), "audit verify", b"").code, 0);
}

#[test]
fn a_budget_that_runs_out_blocks_or_passes_as_stated() {
    let (mut repo, bare) = guarded_remote("--budget 0ms");
    repo.commit("b.env", "B=1\n");
    let push = || git(repo.path(), &["push", "-q", &format!("file://{}", bare.path().display()), "main"]);
    let (done, text) = push();
    assert!(!done && text.contains("could not be scanned within"), "{text}");
    let hook = bare.at("hooks/pre-receive");
    let text = std::fs::read_to_string(&hook).unwrap();
    std::fs::write(&hook, text.replace("--budget 0ms", "--budget 0ms --on-timeout allow")).unwrap();
    let (done, text) = push();
    assert!(done && text.contains("passes, as --on-timeout allow says"), "{text}");
    let log = std::fs::read_to_string(bare.at("stopleak/audit.jsonl")).unwrap();
    assert!(log.contains("\"action\":\"timeout\""), "{log}");
}

#[test]
fn a_budget_that_lasts_changes_nothing() {
    let (mut repo, bare) = guarded_remote("--budget 10m --on-timeout allow");
    let url = format!("file://{}", bare.path().display());
    repo.commit("b.env", leak(2));
    let (done, text) = git(repo.path(), &["push", "-q", &url, "main"]);
    assert!(!done && text.contains("1 new secret"), "{text}");
    repo.git(["reset", "-q", "--hard", "HEAD~1"]);
    repo.commit("b.env", "B=1\n");
    assert!(git(repo.path(), &["push", "-q", &url, "main"]).0);
}

#[test]
fn settings_of_the_server_count_and_a_push_cannot_bring_its_own() {
    let (mut repo, bare) = guarded_remote("");
    let url = format!("file://{}", bare.path().display());
    let allow = "[[allow]]\nreason = 'samples'\npath = 'docs/'\n";
    repo.write("stopleak.toml", allow).commit("docs/b.env", leak(2));
    assert!(!git(repo.path(), &["push", "-q", &url, "main"]).0);
    std::fs::write(bare.at("stopleak.toml"), allow).unwrap();
    let (done, text) = git(repo.path(), &["push", "-q", &url, "main"]);
    assert!(done, "{text}");
}

#[test]
fn a_push_of_many_objects_is_judged_the_same() {
    let (mut repo, bare) = guarded_remote("");
    let url = format!("file://{}", bare.path().display());
    bare.git(["config", "receive.unpackLimit", "1"]);
    for n in 0..60 {
        repo.write(&format!("d/f{n}.txt"), format!("text {n}\n").repeat(50));
    }
    repo.commit("b.env", leak(2));
    let (done, text) = git(repo.path(), &["push", "-q", &url, "main"]);
    assert!(!done && text.contains("b.env:1"), "kept as a pack: {text}");
    repo.remove("b.env").commit_all("x");
    repo.git(["reset", "-q", "--soft", "HEAD~2"]);
    repo.commit_all("squashed");
    let (done, text) = git(repo.path(), &["push", "-q", &url, "main"]);
    assert!(done, "{text}");
}
