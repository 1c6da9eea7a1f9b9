//! GitHub: <https://docs.github.com/en/rest/repos/repos>, <https://docs.github.com/en/rest/gists/gists>.
//!
//! Lists come by REST, page by page with their marks: a page that has not changed costs nothing of the limit. What of
//! REST needs a call a repository, or is not there at all, comes by GraphQL, a hundred a call.

use super::finder::{Content, Finder, List};
use super::github_graph as graph;
use super::state::Entry;
use super::{Kind, Repo, TargetError, field, key_of};
use crate::forge::{Fetched, ForgeError};
use crate::warning::Warning;
use serde::Deserialize;

/// Forks that are asked about one by one where GraphQL is not to be had.
const MAX_SINGLE: usize = 1_000;

#[derive(Deserialize)]
struct Written {
    id: u64,
    #[serde(default)]
    node_id: String,
    full_name: String,
    clone_url: String,
    #[serde(default)]
    default_branch: Option<String>,
    #[serde(default)]
    size: Option<u64>,
    #[serde(default)]
    pushed_at: Option<String>,
    #[serde(default)]
    archived: bool,
    #[serde(default)]
    disabled: bool,
    #[serde(default)]
    fork: bool,
    #[serde(default)]
    topics: Vec<String>,
    #[serde(default)]
    has_wiki: bool,
    #[serde(default)]
    parent: Option<Parent>,
}

#[derive(Deserialize)]
struct Parent {
    clone_url: String,
}

#[derive(Deserialize)]
struct WrittenGist {
    id: String,
    git_pull_url: String,
    #[serde(default)]
    updated_at: Option<String>,
}

#[derive(Deserialize)]
struct Counts {
    #[serde(default)]
    public_repos: u64,
    #[serde(default)]
    total_private_repos: u64,
}

#[derive(Deserialize)]
struct Account {
    login: String,
}

/// The repositories of an organisation, and what else of it is wanted.
pub fn organisation(finder: &mut Finder<'_, '_>, name: &str) -> Result<(), TargetError> {
    let query = "per_page=100&type=all&sort=created&direction=asc&page=1";
    let what = format!("github://{name}");
    let count = repositories(finder, &format!("/orgs/{name}/repos"), query, &what)?;
    count_check(finder, name, count);
    if finder.wants.gists {
        members(finder, name)?;
    }
    Ok(())
}

/// The repositories of a user; the private ones, too, when the token is the user's own.
pub fn user(finder: &mut Finder<'_, '_>, name: &str) -> Result<(), TargetError> {
    let is_own = finder.client.server().token.is_some()
        && finder.client.json::<Account>("/user", "who we are").is_ok_and(|me| me.login.eq_ignore_ascii_case(name));
    let order = "sort=created&direction=asc&page=1";
    let (path, query) = match is_own {
        true => ("/user/repos".to_owned(), format!("per_page=100&affiliation=owner&{order}")),
        false => (format!("/users/{name}/repos"), format!("per_page=100&type=owner&{order}")),
    };
    repositories(finder, &path, &query, &format!("github://user:{name}"))?;
    if finder.wants.gists {
        let path = if is_own { "/gists".to_owned() } else { format!("/users/{name}/gists") };
        gists(finder, &path, name)?;
    }
    Ok(())
}

/// The organisations of an enterprise, one after the other; one that cannot be read is announced.
pub fn enterprise(finder: &mut Finder<'_, '_>, name: &str) -> Result<(), TargetError> {
    for organisation_name in graph::organisations(finder, name)? {
        if let Err(error) = organisation(finder, &organisation_name) {
            let object = format!("github://{organisation_name}");
            match error {
                TargetError::Forge(error) => finder.excuse(&object, &error),
                other => finder.unswept(object, other.to_string()),
            }
        }
    }
    Ok(())
}

/// Walks a list of repositories; how many there are.
fn repositories(finder: &mut Finder<'_, '_>, path: &str, query: &str, what: &str) -> Result<u64, TargetError> {
    let list = List { path: path.to_owned(), query: query.to_owned(), what: what.to_owned(), read: &read };
    let (mut forks, mut count) = (Vec::new(), 0);
    finder.walk(&list, &mut |finder, entry| {
        count += 1;
        match entry.repo.is_fork && entry.barred.is_none() {
            true => forks.push(entry),
            false => finder.emit(&entry),
        }
    })?;
    parents(finder, forks);
    Ok(count)
}

fn read(fetched: &Fetched, query: &str) -> Result<Content, ForgeError> {
    let written: Vec<Written> = fetched.json("the list of repositories")?.unwrap_or_default();
    Ok(Content::new(written.into_iter().map(entry).collect(), fetched, query))
}

fn entry(written: Written) -> Entry {
    let address = field::address(&written.clone_url);
    let key = key_of(&address, true);
    let owner = written.full_name.split('/').next().unwrap_or_default().to_owned();
    let id = if written.node_id.is_empty() { written.id.to_string() } else { written.node_id };
    let repo = Repo {
        id: Some(id),
        address,
        kind: Kind::Git,
        default_branch: written.default_branch,
        size: written.size.map(|kilobytes| kilobytes.saturating_mul(1024)),
        pushed: written.pushed_at.as_deref().and_then(field::time),
        is_archived: written.archived,
        is_fork: written.fork,
        fork_of: written.parent.map(|parent| key_of(&parent.clone_url, true)),
        topics: written.topics,
        owner,
        key,
    };
    let barred = written.disabled.then(|| "GitHub has disabled it: it cannot be cloned".to_owned());
    let api = format!("/repos/{}", written.full_name);
    // Where issues are switched off, requests to merge are not.
    Entry { repo, wiki: written.has_wiki, issues: true, api, barred, ..Entry::default() }
}

/// Works out what forks are forks of, and hands them over: as known, by GraphQL, or one by one.
fn parents(finder: &mut Finder<'_, '_>, forks: Vec<Entry>) {
    let known = |finder: &Finder<'_, '_>, entry: &Entry| {
        let id = entry.repo.id.as_ref()?;
        finder.old.and_then(|old| old.parents.get(id)).cloned()
    };
    let mut open = Vec::new();
    for mut entry in forks {
        match known(finder, &entry) {
            Some(parent) => resolve(finder, &mut entry, Some(parent)),
            None => open.push(entry),
        }
    }
    if open.is_empty() {
        return;
    }
    let mut found = graph::parents(finder, &open);
    let mut unknown = 0_u64;
    let mut singles = singles_left(finder);
    for mut entry in open {
        let id = entry.repo.id.clone().unwrap_or_default();
        let parent = match &mut found {
            Some(found) => found.remove(&id).flatten(),
            None if singles > 0 => {
                singles -= 1;
                single(finder, &mut entry)
            }
            None => None,
        };
        unknown += u64::from(parent.is_none() && entry.barred.is_none());
        resolve(finder, &mut entry, parent);
    }
    if unknown > 0 {
        let message =
            format!("of {unknown} forks it is not known what they are forks of: what they share is read again");
        finder.warnings.push(Warning::note("sweep-forks", finder.host(), message));
    }
}

fn resolve(finder: &mut Finder<'_, '_>, entry: &mut Entry, parent: Option<String>) {
    if let (Some(id), Some(parent)) = (&entry.repo.id, &parent) {
        finder.state.parents.insert(id.clone(), parent.clone());
    }
    entry.repo.fork_of = parent;
    finder.emit(entry);
}

/// How many forks may be asked about one by one: half of what is left of the limit stays for others.
fn singles_left(finder: &Finder<'_, '_>) -> usize {
    let left = finder.client.rate().map_or(u64::MAX, |rate| rate.remaining / 2);
    usize::try_from(left).unwrap_or(usize::MAX).min(MAX_SINGLE)
}

/// Asks for one repository: 404, 403 and 451 say that it is not to be had at all.
fn single(finder: &mut Finder<'_, '_>, entry: &mut Entry) -> Option<String> {
    match finder.client.json::<Written>(&entry.api, &entry.repo.key) {
        Ok(written) => written.parent.map(|parent| key_of(&parent.clone_url, true)),
        Err(
            error @ (ForgeError::Missing { .. }
            | ForgeError::Gone { .. }
            | ForgeError::Refused { status: 403 | 451, .. }),
        ) => {
            entry.barred = Some(error.to_string());
            None
        }
        Err(_) => None,
    }
}

/// An organisation says how many repositories it has: fewer in the list means that some are hidden from us.
fn count_check(finder: &mut Finder<'_, '_>, name: &str, seen: u64) {
    let Ok(counts) = finder.client.json::<Counts>(&format!("/orgs/{name}"), "the organisation") else { return };
    let all = counts.public_repos.saturating_add(counts.total_private_repos);
    if all > seen && !finder.warnings.iter().any(|warning| warning.unscanned) {
        let message = format!("it has {all} repositories, and {seen} of them are shown to this token");
        finder.unswept(format!("github://{name}"), message);
    }
}

/// The public gists of an organisation's members.
fn members(finder: &mut Finder<'_, '_>, name: &str) -> Result<(), TargetError> {
    let read = |fetched: &Fetched, query: &str| -> Result<Content, ForgeError> {
        let accounts: Vec<Account> = fetched.json("the list of members")?.unwrap_or_default();
        let entry = |account: Account| {
            let repo = Repo { key: account.login.clone(), owner: account.login, ..Repo::default() };
            Entry { repo, ..Entry::default() }
        };
        Ok(Content::new(accounts.into_iter().map(entry).collect(), fetched, query))
    };
    let what = format!("the members of github://{name}");
    let (path, query) = (format!("/orgs/{name}/members"), "per_page=100&page=1".to_owned());
    let mut logins = Vec::new();
    finder.walk(&List { path, query, what, read: &read }, &mut |_, entry| logins.push(entry.repo.owner))?;
    for login in logins {
        if let Err(error) = gists(finder, &format!("/users/{login}/gists"), &login) {
            finder.excuse(&format!("the gists of {login}"), &error);
        }
    }
    Ok(())
}

fn gists(finder: &mut Finder<'_, '_>, path: &str, owner: &str) -> Result<(), ForgeError> {
    let read = |fetched: &Fetched, query: &str| -> Result<Content, ForgeError> {
        let gists: Vec<WrittenGist> = fetched.json("the list of gists")?.unwrap_or_default();
        let entry = |gist: WrittenGist| {
            let address = field::address(&gist.git_pull_url);
            let pushed = gist.updated_at.as_deref().and_then(field::time);
            let (key, owner, id) = (key_of(&address, true), owner.to_owned(), Some(gist.id));
            Entry {
                repo: Repo { key, id, address, kind: Kind::Gist, pushed, owner, ..Repo::default() },
                ..Entry::default()
            }
        };
        Ok(Content::new(gists.into_iter().map(entry).collect(), fetched, query))
    };
    let what = format!("the gists of {owner}");
    let list = List { path: path.to_owned(), query: "per_page=100&page=1".to_owned(), what, read: &read };
    finder.walk(&list, &mut |finder, entry| finder.emit(&entry))
}
