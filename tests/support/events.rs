//! The payloads of GitHub's events, in the shape of its documentation: what is read, and enough around it to be mistaken for it.
#![allow(dead_code)]

use serde_json::{Value, json};

/// Git's id of nothing.
pub const ZERO: &str = "0000000000000000000000000000000000000000";

/// The repository that every payload carries.
fn repository() -> Value {
    json!({
        "id": 186_853_002,
        "name": "app",
        "full_name": "acme/app",
        "private": true,
        "fork": false,
        "html_url": "https://github.com/acme/app",
        "default_branch": "main",
        "owner": { "login": "acme", "id": 21_031_067, "type": "Organization" },
    })
}

fn sender() -> Value {
    json!({ "login": "octo", "id": 1, "type": "User", "site_admin": false })
}

/// A push of `reference` from `before` to `after`.
pub fn push(reference: &str, before: &str, after: &str) -> Value {
    json!({
        "ref": reference,
        "before": before,
        "after": after,
        "created": before == ZERO,
        "deleted": after == ZERO,
        "forced": false,
        "base_ref": null,
        "compare": "https://github.com/acme/app/compare/a...b",
        "commits": [],
        "head_commit": null,
        "pusher": { "name": "octo", "email": "octo@example.com" },
        "repository": repository(),
        "sender": sender(),
    })
}

/// A forced push.
pub fn forced(reference: &str, before: &str, after: &str) -> Value {
    let mut payload = push(reference, before, after);
    payload["forced"] = json!(true);
    payload
}

/// A pull request: opened, reopened or with new commits.
pub fn pull_request(action: &str, base: &str, head: &str) -> Value {
    json!({
        "action": action,
        "number": 7,
        "pull_request": {
            "id": 279_147_437,
            "number": 7,
            "state": "open",
            "title": "Add a feature",
            "draft": false,
            "merged": false,
            "commits": 2,
            "head": {
                "label": "fork:feature",
                "ref": "feature",
                "sha": head,
                "repo": { "full_name": "fork/app", "fork": true },
            },
            "base": { "label": "acme:main", "ref": "main", "sha": base, "repo": repository() },
        },
        "repository": repository(),
        "sender": sender(),
    })
}

/// A group of pull requests in the merge queue.
pub fn merge_group(action: &str, base: &str, head: &str) -> Value {
    json!({
        "action": action,
        "merge_group": {
            "head_sha": head,
            "head_ref": "refs/heads/gh-readonly-queue/main/pr-7-abc",
            "base_sha": base,
            "base_ref": "refs/heads/main",
            "head_commit": { "id": head, "message": "Merge pull request #7" },
        },
        "repository": repository(),
        "sender": sender(),
    })
}

/// A run at a time of day.
pub fn schedule() -> Value {
    json!({ "schedule": "30 5 * * 1,3", "workflow": ".github/workflows/leaks.yml", "repository": repository() })
}

/// A run that somebody asked for.
pub fn workflow_dispatch() -> Value {
    json!({ "inputs": null, "ref": "refs/heads/main", "workflow": ".github/workflows/leaks.yml",
            "repository": repository(), "sender": sender() })
}

/// A release.
pub fn release() -> Value {
    json!({ "action": "published", "release": { "tag_name": "v1", "target_commitish": "main", "draft": false },
            "repository": repository(), "sender": sender() })
}

/// A new branch or tag.
pub fn create(name: &str, kind: &str) -> Value {
    json!({ "ref": name, "ref_type": kind, "master_branch": "main", "pusher_type": "user",
            "repository": repository(), "sender": sender() })
}

/// A branch or tag that is gone.
pub fn delete(name: &str, kind: &str) -> Value {
    json!({ "ref": name, "ref_type": kind, "pusher_type": "user", "repository": repository(), "sender": sender() })
}
