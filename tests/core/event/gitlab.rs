//! GitLab: the variables of each kind of pipeline, and what is scanned for it.

use super::{add, main_of, notes, planned, subjects};
use crate::events::ZERO;
use crate::support::Repo;
use stopleak_core::event::{Event, EventError, Fetch, gitlab};

fn read(variables: &[(&str, &str)]) -> Result<Event, EventError> {
    gitlab::read(&|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
}

fn scanned(clone: &Repo, variables: &[(&str, &str)]) -> Vec<String> {
    let (plan, _) = planned(clone, read(variables).unwrap());
    subjects(clone, &plan.unwrap())
}

/// `main` of 30, `feature` off it with two commits.
fn with_feature() -> Repo {
    let mut repo = main_of(30);
    repo.branch("feature");
    add(&mut repo, "feature", [1, 2]);
    repo.checkout("main");
    add(&mut repo, "main", [31]);
    repo
}

/// As a runner leaves it: a detached head in a clone of this depth.
fn job(repo: &Repo, name: &str, depth: &str, head: &str) -> Repo {
    let clone = repo.clone_with(name, &[&format!("--depth={depth}"), "--no-checkout"]);
    clone.git(["fetch", "-q", &format!("--depth={depth}"), "origin", head]);
    clone.git(["checkout", "-q", "--detach", head]);
    clone
}

#[test]
fn a_merge_request_brings_its_commits_in_a_clone_of_depth_one_and_of_twenty() {
    let repo = with_feature();
    let (base, head) = (repo.id("main~1"), repo.id("feature"));
    for depth in ["1", "20"] {
        let variables = [
            ("CI_PIPELINE_SOURCE", "merge_request_event"),
            ("CI_COMMIT_SHA", &head),
            ("CI_COMMIT_BEFORE_SHA", ZERO),
            ("CI_MERGE_REQUEST_IID", "4"),
            ("CI_MERGE_REQUEST_DIFF_BASE_SHA", &base),
            ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main"),
            ("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", ""),
        ];
        assert_eq!(scanned(&job(&repo, &format!("job{depth}"), depth, &head), &variables), ["feature 1", "feature 2"]);
    }
}

#[test]
fn a_pipeline_for_the_merged_result_brings_the_source_branch_not_the_target() {
    let mut repo = with_feature();
    let (base, head) = (repo.id("main~1"), repo.id("feature"));
    repo.branch("merged").merge("feature");
    let merged = repo.id("merged");
    repo.checkout("main").git(["branch", "-D", "merged"]);
    repo.git(["update-ref", "refs/merge-requests/4/merge", &merged]);
    let variables = [
        ("CI_PIPELINE_SOURCE", "merge_request_event"),
        ("CI_COMMIT_SHA", merged.as_str()),
        ("CI_MERGE_REQUEST_IID", "4"),
        ("CI_MERGE_REQUEST_DIFF_BASE_SHA", &base),
        ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main"),
        ("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", &head),
    ];
    assert_eq!(scanned(&job(&repo, "job", "1", &merged), &variables), ["feature 1", "feature 2"]);
}

#[test]
fn a_push_brings_what_is_new_and_a_first_one_what_the_default_branch_lacks() {
    let repo = with_feature();
    let head = repo.id("feature");
    let before = repo.id("feature~1");
    let variables = |before: &'static str| {
        vec![("CI_PIPELINE_SOURCE", "push"), ("CI_COMMIT_BRANCH", "feature"), ("CI_DEFAULT_BRANCH", "main")]
            .into_iter()
            .chain([("CI_COMMIT_BEFORE_SHA", before)])
            .collect::<Vec<_>>()
    };
    let mut pushed = variables("");
    pushed.extend([("CI_COMMIT_SHA", head.as_str())]);
    let clone = job(&repo, "first", "1", &head);
    let (plan, fetched) = planned(&clone, read(&pushed).unwrap());
    let plan = plan.unwrap();
    assert_eq!(subjects(&clone, &plan), ["feature 1", "feature 2"]);
    assert!(notes(&plan).contains("main"), "{}", notes(&plan));
    assert!(!fetched.is_empty());
    pushed.retain(|(name, _)| *name != "CI_COMMIT_BEFORE_SHA");
    pushed.push(("CI_COMMIT_BEFORE_SHA", &before));
    assert_eq!(scanned(&job(&repo, "second", "1", &head), &pushed), ["feature 2"]);
}

#[test]
fn a_tag_brings_its_message_too() {
    let mut repo = with_feature();
    repo.checkout("feature").tag("v1", "a message");
    let head = repo.id("feature");
    let clone = repo.clone_with("clone", &["--branch=v1"]);
    let variables = [
        ("CI_PIPELINE_SOURCE", "push"),
        ("CI_COMMIT_TAG", "v1"),
        ("CI_COMMIT_SHA", head.as_str()),
        ("CI_COMMIT_BEFORE_SHA", ZERO),
        ("CI_DEFAULT_BRANCH", "main"),
    ];
    let (plan, _) = planned(&clone, read(&variables).unwrap());
    match plan.unwrap() {
        stopleak_core::event::Plan::Commits { wanted, commits, .. } => {
            assert_eq!(commits, 2);
            assert!(wanted.iter().any(|id| id.to_string() == repo.id("refs/tags/v1")), "{wanted:?}");
        }
        plan => panic!("{plan:?}"),
    }
}

#[test]
fn a_schedule_scans_all_history() {
    let repo = with_feature();
    let head = repo.id("main");
    for source in ["schedule", "web", "api", "trigger", "pipeline"] {
        let clone = job(&repo, source, "20", &head);
        let (plan, fetched) =
            planned(&clone, read(&[("CI_PIPELINE_SOURCE", source), ("CI_COMMIT_SHA", &head)]).unwrap());
        assert_eq!(subjects(&clone, &plan.unwrap()), [format!("everything: `{source}` brings no commits of its own")]);
        assert_eq!(fetched, [Fetch::Everything]);
    }
}

#[test]
fn a_request_on_a_mirrored_forge_and_a_child_pipeline_are_ranges_too() {
    let repo = with_feature();
    let (base, head) = (repo.id("main"), repo.id("feature"));
    let clone = repo.clone_with("clone", &[]);
    let external = [
        ("CI_PIPELINE_SOURCE", "external_pull_request_event"),
        ("CI_COMMIT_SHA", head.as_str()),
        ("CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_SHA", &head),
        ("CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_SHA", &base),
    ];
    assert_eq!(scanned(&clone, &external), ["feature 1", "feature 2"]);
    let child = [
        ("CI_PIPELINE_SOURCE", "parent_pipeline"),
        ("CI_COMMIT_SHA", head.as_str()),
        ("CI_MERGE_REQUEST_DIFF_BASE_SHA", &base),
    ];
    assert_eq!(scanned(&clone, &child), ["feature 1", "feature 2"]);
}

#[test]
fn variables_that_are_missing_are_named() {
    assert_eq!(read(&[]).unwrap_err().to_string(), "cannot read the pipeline event: CI_PIPELINE_SOURCE is missing");
    let no_base = read(&[("CI_PIPELINE_SOURCE", "merge_request_event")]).unwrap_err().to_string();
    assert_eq!(no_base, "cannot read the merge_request_event event: CI_MERGE_REQUEST_DIFF_BASE_SHA is missing");
}
