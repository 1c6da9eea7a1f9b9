//! Gitea and Forgejo: <https://docs.gitea.com/api/>, <https://forgejo.org/docs/latest/user/api-usage/>.

use super::finder::{Content, Finder, List};
use super::state::Entry;
use super::{Kind, Repo, TargetError, field, key_of};
use crate::forge::{Fetched, ForgeError};
use serde::Deserialize;

#[derive(Deserialize)]
struct Written {
    id: u64,
    full_name: String,
    clone_url: String,
    #[serde(default)]
    default_branch: Option<String>,
    #[serde(default)]
    empty: bool,
    #[serde(default)]
    size: Option<u64>,
    #[serde(default)]
    updated_at: Option<String>,
    #[serde(default)]
    archived: bool,
    #[serde(default)]
    fork: bool,
    #[serde(default)]
    parent: Option<Parent>,
    #[serde(default)]
    topics: Option<Vec<String>>,
    #[serde(default)]
    has_wiki: bool,
    #[serde(default)]
    has_issues: bool,
    #[serde(default)]
    has_pull_requests: bool,
    #[serde(default = "yes")]
    has_code: bool,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
struct Parent {
    clone_url: String,
}

/// The repositories of an organisation; of a user, when there is no organisation of that name.
pub fn owner(finder: &mut Finder<'_, '_>, name: &str) -> Result<(), TargetError> {
    match repositories(finder, &format!("/orgs/{name}/repos"), name) {
        Err(ForgeError::Missing { .. }) => Ok(repositories(finder, &format!("/users/{name}/repos"), name)?),
        done => Ok(done?),
    }
}

fn repositories(finder: &mut Finder<'_, '_>, path: &str, name: &str) -> Result<(), ForgeError> {
    let what = format!("gitea://{}/{name}", finder.host());
    // Servers cap the length of a page, at 50 as they come.
    let list = List { path: path.to_owned(), query: "limit=50&page=1".into(), what, read: &read };
    finder.walk(&list, &mut |finder, entry| finder.emit(&entry))
}

fn read(fetched: &Fetched, query: &str) -> Result<Content, ForgeError> {
    let written: Vec<Written> = fetched.json("the list of repositories")?.unwrap_or_default();
    Ok(Content::new(written.into_iter().map(entry).collect(), fetched, query))
}

fn entry(written: Written) -> Entry {
    let address = field::address(&written.clone_url);
    let api = format!("/repos/{}", written.full_name);
    let repo = Repo {
        key: key_of(&address, true),
        id: Some(written.id.to_string()),
        address,
        kind: Kind::Git,
        default_branch: written.default_branch.filter(|_| !written.empty),
        size: written.size.map(|kilobytes| kilobytes.saturating_mul(1024)),
        pushed: written.updated_at.as_deref().and_then(field::time),
        is_archived: written.archived,
        is_fork: written.fork,
        fork_of: written.parent.map(|parent| key_of(&parent.clone_url, true)),
        topics: written.topics.unwrap_or_default(),
        owner: written.full_name.split('/').next().unwrap_or_default().to_owned(),
    };
    Entry {
        repo,
        wiki: written.has_wiki,
        issues: written.has_issues || written.has_pull_requests,
        api,
        is_off: !written.has_code,
        ..Entry::default()
    }
}
