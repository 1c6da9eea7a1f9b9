//! Azure DevOps: <https://learn.microsoft.com/rest/api/azure/devops/git/repositories/list>,
//! <https://learn.microsoft.com/rest/api/azure/devops/core/projects/list>.

use super::finder::{Content, Finder, List};
use super::state::Entry;
use super::{Kind, Repo, TargetError, key_of};
use crate::forge::{Fetched, ForgeError};
use crate::http::encode;
use serde::Deserialize;
use serde::de::DeserializeOwned;

const VERSION: &str = "api-version=7.1";

#[derive(Deserialize)]
struct Values<T> {
    value: Vec<T>,
}

#[derive(Deserialize)]
struct Project {
    id: String,
    name: String,
    #[serde(default)]
    state: Option<String>,
}

#[derive(Deserialize)]
struct Repository {
    id: String,
    name: String,
    #[serde(default, rename = "defaultBranch")]
    default_branch: Option<String>,
    #[serde(default)]
    size: Option<u64>,
    #[serde(default, rename = "isDisabled")]
    is_disabled: bool,
    #[serde(default, rename = "isFork")]
    is_fork: bool,
    #[serde(default, rename = "parentRepository")]
    parent: Option<Parent>,
}

#[derive(Deserialize)]
struct Parent {
    name: String,
    project: Named,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

/// The repositories of an organisation's projects, or of one project.
pub fn organisation(finder: &mut Finder<'_, '_>, name: &str, project: Option<&str>) -> Result<(), TargetError> {
    if let Some(project) = project {
        return Ok(repositories(finder, name, project, &encode(project, false))?);
    }
    let mut found = Vec::new();
    let list = List {
        path: format!("/{name}/_apis/projects"),
        query: format!("{VERSION}&$top=100&stateFilter=all"),
        what: format!("azure://{name}"),
        read: &projects,
    };
    finder.walk(&list, &mut |finder, entry| match &entry.barred {
        Some(_) => finder.emit(&entry),
        None => found.push(entry),
    })?;
    for project in found {
        let title = &project.repo.owner;
        if let Err(error) = repositories(finder, name, title, &project.api) {
            if matches!(error, ForgeError::Transport(_)) {
                return Err(error.into());
            }
            finder.excuse(&format!("azure://{name}/{title}"), &error);
        }
    }
    Ok(())
}

fn projects(fetched: &Fetched, query: &str) -> Result<Content, ForgeError> {
    let projects: Values<Project> = values(fetched, "the list of projects")?;
    let entry = |project: Project| {
        let state = project.state.filter(|state| !matches!(state.as_str(), "wellFormed" | "unchanged" | "all"));
        let repo = Repo { key: project.id.clone(), owner: project.name, ..Repo::default() };
        let barred = state.map(|state| format!("the project {} is not to be read: it is {state}", repo.owner));
        Entry { repo, api: project.id, barred, ..Entry::default() }
    };
    let token = fetched.answer.header("x-ms-continuationtoken").filter(|token| !token.is_empty());
    let first = query.split("&continuationToken=").next().unwrap_or_default();
    let next = token.map(|token| format!("{first}&continuationToken={}", encode(token, false)));
    Ok(Content { entries: projects.value.into_iter().map(entry).collect(), next, last: None })
}

/// `segment` names the project in a path.
fn repositories(finder: &mut Finder<'_, '_>, name: &str, title: &str, segment: &str) -> Result<(), ForgeError> {
    let place = format!("{}/{name}", finder.client.server().place());
    let read = |fetched: &Fetched, _: &str| -> Result<Content, ForgeError> {
        let repositories: Values<Repository> = values(fetched, "the list of repositories")?;
        Ok(Content {
            entries: repositories.value.into_iter().map(|repository| entry(&place, name, title, repository)).collect(),
            next: None,
            last: None,
        })
    };
    let list = List {
        path: format!("/{name}/{segment}/_apis/git/repositories"),
        // A project's wiki is a repository that is hidden among the others.
        query: format!("{VERSION}&includeHidden={}", finder.wants.wikis),
        what: format!("azure://{name}/{title}"),
        read: &read,
    };
    finder.walk(&list, &mut |finder, entry| finder.emit(&entry))
}

/// Who is not known is sent a page to sign in at, with a status of success.
fn values<T: DeserializeOwned>(fetched: &Fetched, what: &str) -> Result<T, ForgeError> {
    let is_page = fetched.answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
    match fetched.json(what) {
        Ok(Some(values)) if fetched.answer.status != 203 => Ok(values),
        Err(error) if !is_page && fetched.answer.status != 203 => Err(error),
        _ => Err(ForgeError::Refused {
            host: "Azure DevOps".into(),
            status: fetched.answer.status,
            what: what.to_owned(),
            reason: " with a page to sign in at: the token is refused, or there is none".into(),
        }),
    }
}

fn entry(place: &str, owner: &str, title: &str, written: Repository) -> Entry {
    let address =
        |project: &str, name: &str| format!("{place}/{}/_git/{}", encode(project, false), encode(name, false));
    let fork_of = written.parent.map(|parent| key_of(&address(&parent.project.name, &parent.name), true));
    let address = address(title, &written.name);
    let branch = written.default_branch.map(|branch| branch.trim_start_matches("refs/heads/").to_owned());
    let repo = Repo {
        key: key_of(&address, true),
        id: Some(written.id.clone()),
        address,
        kind: if written.name == format!("{title}.wiki") { Kind::Wiki } else { Kind::Git },
        default_branch: branch,
        size: written.size,
        pushed: None,
        is_archived: false,
        is_fork: written.is_fork,
        fork_of,
        topics: Vec::new(),
        owner: format!("{owner}/{title}"),
    };
    let barred = written.is_disabled.then(|| "it is disabled: it cannot be cloned".to_owned());
    let api = format!("/{owner}/_apis/git/repositories/{}", written.id);
    Entry { repo, api, barred, ..Entry::default() }
}
