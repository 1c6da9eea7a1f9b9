//! GitHub: each event's payload, what is scanned for it, and what is fetched first.

use super::{add, main_of, notes, planned, subjects};
use crate::events::{self, ZERO};
use crate::support::Repo;
use serde_json::Value;
use stopleak_core::event::github::{Run, read};
use stopleak_core::event::{Event, EventError, Fetch, Scope};

fn event(name: &str, payload: &Value, sha: &str, reference: &str) -> Event {
    read(&Run { event: name, payload: &payload.to_string(), sha, reference }).unwrap()
}

fn scanned(clone: &Repo, event: Event) -> Vec<String> {
    let (plan, _) = planned(clone, event);
    subjects(clone, &plan.unwrap())
}

/// `main` of five, and `feature` off the third with three commits, the second of them a merge of `side`.
fn with_feature() -> Repo {
    let mut repo = main_of(3);
    repo.branch("side");
    add(&mut repo, "side", [1]);
    repo.checkout("main").branch("feature");
    add(&mut repo, "feature", [1]);
    repo.merge("side");
    add(&mut repo, "feature", [3]);
    repo.checkout("main");
    add(&mut repo, "main", 4..=5);
    repo
}

const FEATURE: [&str; 4] = ["feature 1", "feature 3", "merge side", "side 1"];

#[test]
fn a_push_brings_what_is_new_with_second_parents() {
    let repo = with_feature();
    let (before, after) = (repo.id("main~2"), repo.id("feature"));
    let event = event("push", &events::push("refs/heads/feature", &before, &after), &after, "refs/heads/feature");
    assert_eq!(scanned(&repo, event), FEATURE);
}

#[test]
fn a_first_push_brings_what_the_default_branch_lacks() {
    let repo = with_feature();
    let clone = repo.clone_with("clone", &[]);
    let after = repo.id("feature");
    let event = event("push", &events::push("refs/heads/feature", ZERO, &after), &after, "refs/heads/feature");
    let (plan, fetched) = planned(&clone, event);
    let plan = plan.unwrap();
    assert_eq!((subjects(&clone, &plan), fetched), (FEATURE.map(str::to_owned).to_vec(), vec![]));
    assert_eq!(notes(&plan), "what is on main already is not new");
}

#[test]
fn the_first_push_of_the_default_branch_brings_everything_it_reaches() {
    let repo = main_of(3);
    let clone = repo.clone_with("clone", &["--depth=1"]);
    let after = repo.id("main");
    let event = event("push", &events::push("refs/heads/main", ZERO, &after), &after, "refs/heads/main");
    assert_eq!(scanned(&clone, event), ["main 1", "main 2", "main 3"]);
}

#[test]
fn a_forced_push_leaves_out_what_was_there_and_what_the_default_branch_has() {
    let mut repo = with_feature();
    let before = repo.id("feature");
    repo.checkout("feature").git(["reset", "-q", "--hard", "main"]);
    add(&mut repo, "again", [1, 2]);
    let clone = repo.clone_with("clone", &[]);
    clone.git(["fetch", "-q", "origin", &before]);
    let after = repo.id("feature");
    let payload = events::forced("refs/heads/feature", &before, &after);
    assert_eq!(scanned(&clone, event("push", &payload, &after, "refs/heads/feature")), ["again 1", "again 2"]);
}

#[test]
fn a_forced_push_over_commits_that_are_gone_is_compared_with_the_default_branch() {
    let repo = with_feature();
    let clone = repo.clone_with("clone", &[]);
    let (gone, after) = ("1234567890123456789012345678901234567890", repo.id("feature"));
    let payload = events::forced("refs/heads/feature", gone, &after);
    let (plan, fetched) = planned(&clone, event("push", &payload, &after, "refs/heads/feature"));
    let plan = plan.unwrap();
    assert_eq!(subjects(&clone, &plan), FEATURE);
    assert!(notes(&plan).contains("is gone from the remote"), "{}", notes(&plan));
    assert_eq!(fetched, [Fetch::Commit { name: gone.into(), depth: None }]);
}

#[test]
fn a_branch_set_back_brings_nothing() {
    let repo = main_of(4);
    let (before, after) = (repo.id("main"), repo.id("main~2"));
    let payload = events::forced("refs/heads/feature", &before, &after);
    let found = scanned(&repo.clone_with("clone", &[]), event("push", &payload, &after, "refs/heads/feature"));
    assert_eq!(found, ["nothing: it brought no commit that is not known already"]);
}

#[test]
fn a_deleted_branch_and_an_unchanged_one_bring_nothing() {
    let repo = main_of(1);
    let head = repo.id("main");
    let table = [
        ("push", events::push("refs/heads/old", &head, ZERO), "refs/heads/old was deleted"),
        ("delete", events::delete("old", "branch"), "old was deleted"),
        ("push", events::push("refs/heads/x", &head, &head), "before and after are the same"),
        ("pull_request", events::pull_request("opened", &head, &head), "base and head are the same commit"),
        ("merge_group", events::merge_group("destroyed", &head, &head), "dissolved"),
        ("merge_group", events::merge_group("checks_requested", &head, &head), "the same commit"),
    ];
    for (name, payload, expected) in table {
        match event(name, &payload, &head, "refs/heads/main").scope {
            Scope::Nothing(reason) => assert!(reason.contains(expected), "{name}: {reason}"),
            scope => panic!("{name}: {scope:?}"),
        }
    }
}

#[test]
fn a_tag_brings_its_message_and_the_commits_that_no_branch_has() {
    let mut repo = main_of(2);
    repo.git(["checkout", "-q", "--detach"]);
    add(&mut repo, "loose", [1]);
    repo.tag("v1", "the first");
    let tag = repo.id("refs/tags/v1");
    repo.checkout("main");
    // As actions/checkout leaves it: the commit, not the tag.
    let clone = repo.clone_with("clone", &["--no-tags"]);
    let payload = events::push("refs/tags/v1", ZERO, &tag);
    let (plan, fetched) = planned(&clone, event("push", &payload, &repo.id("v1^{}"), "refs/tags/v1"));
    assert_eq!(subjects(&clone, &plan.unwrap()), ["loose 1"]);
    assert_eq!(fetched, [Fetch::Commit { name: tag.clone(), depth: None }]);
    // A tag of a commit that is known still has a message of its own.
    repo.tag("v2", "the second");
    let payload = events::push("refs/tags/v2", ZERO, &repo.id("refs/tags/v2"));
    let (plan, _) = planned(&clone, event("push", &payload, &repo.id("main"), "refs/tags/v2"));
    assert_eq!(subjects(&clone, &plan.unwrap()), Vec::<String>::new());
    // A light one has not.
    repo.git(["tag", "light"]);
    let payload = events::push("refs/tags/light", ZERO, &repo.id("main"));
    let found = scanned(&clone, event("push", &payload, &repo.id("main"), "refs/tags/light"));
    assert!(found[0].starts_with("nothing: "), "{found:?}");
}

#[test]
fn a_pull_request_brings_every_commit_whatever_is_checked_out() {
    let repo = with_feature();
    let (base, head) = (repo.id("main"), repo.id("feature"));
    repo.git(["update-ref", "refs/pull/7/head", &head]);
    repo.git(["branch", "-D", "feature", "side"]);
    // pull_request_target checks out the base branch: the fork's head is not there.
    for name in ["pull_request", "pull_request_target", "pull_request_review"] {
        for action in ["opened", "synchronize", "reopened", "closed"] {
            let clone = repo.clone_with(&format!("{name}-{action}"), &[]);
            let (plan, fetched) =
                planned(&clone, event(name, &events::pull_request(action, &base, &head), &base, "refs/heads/main"));
            assert_eq!(subjects(&clone, &plan.unwrap()), FEATURE, "{name} {action}");
            assert_eq!(fetched, [Fetch::Commit { name: head.clone(), depth: None }]);
            assert_eq!(clone.id("HEAD"), base, "nothing is checked out");
        }
    }
}

#[test]
fn commits_of_the_base_that_were_merged_into_a_pull_request_are_not_its_own() {
    let mut repo = main_of(2);
    repo.branch("feature");
    add(&mut repo, "feature", [1]);
    repo.checkout("main");
    // What the payload says the base is, and where it has moved since.
    let old_base = repo.id("main");
    add(&mut repo, "main", [3]);
    repo.checkout("feature").merge("main");
    let head = repo.id("feature");
    repo.checkout("main").branch("pull").merge("feature");
    let merge = repo.id("pull");
    repo.git(["update-ref", "refs/pull/7/merge", &merge]);
    repo.checkout("main").git(["branch", "-D", "pull"]);
    let clone = repo.clone_with("clone", &["--depth=1"]);
    clone.git(["fetch", "-q", "--depth=1", "origin", &merge]);
    let payload = events::pull_request("synchronize", &old_base, &head);
    assert_eq!(
        scanned(&clone, event("pull_request", &payload, &merge, "refs/pull/7/merge")),
        ["feature 1", "merge main"]
    );
}

#[test]
fn a_pull_request_of_more_than_thirty_commits_is_scanned_whole_in_a_clone_of_depth_one() {
    let mut repo = main_of(30);
    repo.branch("feature");
    add(&mut repo, "feature", 1..=70);
    repo.checkout("main");
    add(&mut repo, "main", 31..=90);
    let (base, head) = (repo.id("main"), repo.id("feature"));
    let clone = repo.clone_with("clone", &["--depth=1"]);
    let payload = events::pull_request("opened", &base, &head);
    let (plan, fetched) = planned(&clone, event("pull_request", &payload, "", "refs/pull/7/merge"));
    let plan = plan.unwrap();
    assert_eq!(subjects(&clone, &plan).len(), 70);
    assert!(matches!(&fetched[..], [Fetch::Commit { depth: Some(50), .. }, Fetch::Deepen { .. }]), "{fetched:?}");
}

#[test]
fn a_shallow_push_is_deepened_until_what_was_before_is_reached() {
    let repo = main_of(300);
    let clone = repo.clone_with("clone", &["--depth=1"]);
    let (before, after) = (repo.id("main~280"), repo.id("main"));
    let payload = events::push("refs/heads/main", &before, &after);
    let (plan, fetched) = planned(&clone, event("push", &payload, &after, "refs/heads/main"));
    assert_eq!(subjects(&clone, &plan.unwrap()).len(), 280);
    assert_eq!(fetched.len(), 3, "{fetched:?}");
}

#[test]
fn a_side_branch_older_than_the_base_is_not_confused_by_a_shallow_clone() {
    let mut repo = main_of(1);
    repo.branch("side");
    add(&mut repo, "side", [1]);
    repo.checkout("main");
    add(&mut repo, "main", 2..=120);
    repo.branch("feature");
    add(&mut repo, "feature", [1]);
    repo.merge("side");
    let head = repo.id("feature");
    let clone = repo.clone_with("clone", &["--depth=1", "--branch=feature"]);
    let payload = events::pull_request("opened", &repo.id("main"), &head);
    let event = event("pull_request", &payload, "", "refs/pull/7/merge");
    assert_eq!(scanned(&clone, event), ["feature 1", "merge side", "side 1"]);
}

#[test]
fn a_merge_group_brings_what_the_queue_adds() {
    let repo = with_feature();
    let (base, head) = (repo.id("main"), repo.id("feature"));
    for depth in [&[][..], &["--depth=1"]] {
        let clone = repo.clone_with(&format!("clone{}", depth.len()), depth);
        let payload = events::merge_group("checks_requested", &base, &head);
        assert_eq!(
            scanned(&clone, event("merge_group", &payload, &head, "refs/heads/gh-readonly-queue/main/x")),
            FEATURE
        );
    }
}

#[test]
fn events_without_commits_of_their_own_scan_all_history_and_say_so() {
    let repo = with_feature();
    let head = repo.id("main");
    for (name, payload) in [
        ("schedule", events::schedule()),
        ("workflow_dispatch", events::workflow_dispatch()),
        ("release", events::release()),
        ("an_event_of_tomorrow", serde_json::json!({})),
    ] {
        let clone = repo.clone_with(name, &["--depth=1"]);
        let (plan, fetched) = planned(&clone, event(name, &payload, &head, "refs/heads/main"));
        let expected = format!("everything: `{name}` brings no commits of its own");
        assert_eq!(subjects(&clone, &plan.unwrap()), [expected]);
        assert_eq!(fetched, [Fetch::Everything]);
        assert_eq!(clone.id("refs/remotes/origin/feature"), repo.id("feature"));
        assert!(!clone.at(".git/shallow").exists());
    }
}

#[test]
fn a_branch_that_was_created_is_its_first_push() {
    let repo = with_feature();
    let clone = repo.clone_with("clone", &[]);
    let created = event("create", &events::create("feature", "branch"), &repo.id("feature"), "refs/heads/feature");
    assert_eq!(scanned(&clone, created), FEATURE);
}

#[test]
fn a_clone_without_its_remote_is_an_error_with_a_way_out() {
    let repo = with_feature();
    let clone = repo.clone_with("clone", &["--depth=1"]);
    let (base, head) = (repo.id("main~3"), repo.id("feature"));
    clone.git(["remote", "set-url", "origin", "file:///nowhere"]);
    let (plan, fetched) =
        planned(&clone, event("pull_request", &events::pull_request("opened", &base, &head), "", "refs/pull/7/merge"));
    let error = plan.unwrap_err();
    assert!(matches!(error, EventError::Missing { what: "head", .. }), "{error}");
    assert!(error.to_string().contains("nowhere") && error.hint().unwrap().contains("fetch-depth: 0"), "{error}");
    assert_eq!(fetched.len(), 2, "by id, then by reference: {fetched:?}");
    let (plan, _) = planned(&clone, event("schedule", &events::schedule(), &head, "refs/heads/main"));
    assert!(matches!(plan.unwrap_err(), EventError::Shallow { .. }));
}

#[test]
fn a_payload_that_cannot_be_understood_is_an_error() {
    let read =
        |name, payload: &str| read(&Run { event: name, payload, sha: "", reference: "" }).unwrap_err().to_string();
    let bad = events::push("refs/heads/main", "not-hex", ZERO.replace('0', "1").as_str()).to_string();
    let table = [
        ("push", "{", "cannot read the push event: its payload is no JSON (line 1, column 1)"),
        ("push", "{}", "cannot read the push event: after is missing"),
        ("push", &bad, "cannot read the push event: before is no commit's id"),
        ("merge_group", "{}", "cannot read the merge_group event: merge_group.head_sha is missing"),
        (
            "pull_request",
            r#"{"pull_request":{"head":{"sha":"1234567890123456789012345678901234567890"}}}"#,
            "cannot read the pull_request event: pull_request.base.sha is missing",
        ),
    ];
    for (name, payload, expected) in table {
        assert_eq!(read(name, payload), expected);
    }
}
