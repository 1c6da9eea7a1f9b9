//! GitLab: <https://docs.gitlab.com/api/groups/#list-projects>, <https://docs.gitlab.com/api/project_snippets/>.

use super::finder::{Content, Finder, List};
use super::state::Entry;
use super::{Kind, Repo, TargetError, field, key_of};
use crate::forge::{Fetched, ForgeError};
use serde::Deserialize;

#[derive(Deserialize)]
struct Project {
    id: u64,
    path_with_namespace: String,
    #[serde(default)]
    http_url_to_repo: Option<String>,
    #[serde(default)]
    web_url: Option<String>,
    #[serde(default)]
    default_branch: Option<String>,
    #[serde(default)]
    archived: bool,
    #[serde(default)]
    topics: Vec<String>,
    #[serde(default)]
    last_activity_at: Option<String>,
    #[serde(default)]
    forked_from_project: Option<Origin>,
    #[serde(default)]
    statistics: Option<Statistics>,
    #[serde(default)]
    repository_access_level: Option<String>,
    #[serde(default)]
    wiki_access_level: Option<String>,
    #[serde(default)]
    issues_access_level: Option<String>,
    #[serde(default)]
    merge_requests_access_level: Option<String>,
    #[serde(default)]
    snippets_access_level: Option<String>,
}

#[derive(Deserialize)]
struct Origin {
    #[serde(default)]
    http_url_to_repo: Option<String>,
    path_with_namespace: String,
}

#[derive(Deserialize)]
struct Statistics {
    repository_size: Option<u64>,
}

#[derive(Deserialize)]
struct Snippet {
    id: u64,
    #[serde(default)]
    http_url_to_repo: Option<String>,
    #[serde(default)]
    updated_at: Option<String>,
}

/// The projects of a group and of the groups below it.
pub fn group(finder: &mut Finder<'_, '_>, name: &str) -> Result<(), TargetError> {
    let web = finder.client.server().web();
    let read = |fetched: &Fetched, query: &str| -> Result<Content, ForgeError> {
        let projects: Vec<Project> = fetched.json("the list of projects")?.unwrap_or_default();
        Ok(Content::new(projects.into_iter().map(|project| entry(&web, project)).collect(), fetched, query))
    };
    let list = List {
        path: format!("/groups/{}/projects", name.replace('/', "%2F")),
        // By number: a project that changes keeps its place.
        query: "per_page=100&include_subgroups=true&with_shared=false&order_by=id&sort=asc&statistics=true&page=1"
            .into(),
        what: format!("gitlab://{name}"),
        read: &read,
    };
    let mut with_snippets = Vec::new();
    finder.walk(&list, &mut |finder, entry| {
        finder.emit(&entry);
        if finder.wants.gists && entry.snippets {
            with_snippets.push(entry);
        }
    })?;
    for project in with_snippets {
        if let Err(error) = snippets(finder, &project) {
            finder.excuse(&format!("the snippets of {}", project.repo.key), &error);
        }
    }
    Ok(())
}

fn entry(web: &str, project: Project) -> Entry {
    let path = &project.path_with_namespace;
    // A server may offer git over SSH alone.
    let address = project.http_url_to_repo.or_else(|| project.web_url.map(|url| format!("{url}.git")));
    let address = field::address(&address.unwrap_or_else(|| format!("{web}/{path}.git")));
    let is_on = |level: &Option<String>| level.as_deref().is_none_or(|level| level != "disabled");
    let parent = project.forked_from_project.as_ref().map(|origin| match &origin.http_url_to_repo {
        Some(url) => key_of(url, true),
        None => key_of(&format!("{web}/{}", origin.path_with_namespace), true),
    });
    let repo = Repo {
        key: key_of(&address, true),
        id: Some(project.id.to_string()),
        address,
        kind: Kind::Git,
        default_branch: project.default_branch,
        size: project.statistics.and_then(|statistics| statistics.repository_size),
        pushed: project.last_activity_at.as_deref().and_then(field::time),
        is_archived: project.archived,
        is_fork: parent.is_some(),
        fork_of: parent,
        topics: project.topics,
        owner: path.rsplit_once('/').map_or(path.as_str(), |(owner, _)| owner).to_owned(),
    };
    Entry {
        repo,
        wiki: is_on(&project.wiki_access_level),
        issues: is_on(&project.issues_access_level) || is_on(&project.merge_requests_access_level),
        snippets: is_on(&project.snippets_access_level),
        api: format!("/projects/{}", project.id),
        is_off: !is_on(&project.repository_access_level),
        barred: None,
    }
}

fn snippets(finder: &mut Finder<'_, '_>, project: &Entry) -> Result<(), ForgeError> {
    let read = |fetched: &Fetched, query: &str| -> Result<Content, ForgeError> {
        let snippets: Vec<Snippet> = fetched.json("the list of snippets")?.unwrap_or_default();
        let entry = |snippet: Snippet| {
            let base = project.repo.address.trim_end_matches(".git");
            let address = snippet.http_url_to_repo.unwrap_or_else(|| format!("{base}/snippets/{}.git", snippet.id));
            let address = field::address(&address);
            let pushed = snippet.updated_at.as_deref().and_then(field::time);
            let (key, owner) = (key_of(&address, true), project.repo.owner.clone());
            let id = Some(format!("snippet-{}", snippet.id));
            Entry {
                repo: Repo { key, id, address, kind: Kind::Gist, pushed, owner, ..Repo::default() },
                ..Entry::default()
            }
        };
        Ok(Content::new(snippets.into_iter().map(entry).collect(), fetched, query))
    };
    let list = List {
        path: format!("{}/snippets", project.api),
        query: "per_page=100&page=1".into(),
        what: format!("the snippets of {}", project.repo.key),
        read: &read,
    };
    finder.walk(&list, &mut |finder, entry| finder.emit(&entry))
}
