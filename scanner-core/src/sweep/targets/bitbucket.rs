//! Bitbucket Cloud: <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-repositories/>.

use super::finder::{Content, Finder, List};
use super::state::Entry;
use super::{Kind, Repo, TargetError, field, key_of};
use crate::forge::{Fetched, ForgeError};
use serde::Deserialize;

#[derive(Default, Deserialize)]
struct Written {
    values: Vec<Repository>,
    #[serde(default)]
    next: Option<String>,
    /// Of the whole list.
    #[serde(default)]
    size: Option<u64>,
    #[serde(default)]
    pagelen: Option<u64>,
}

#[derive(Deserialize)]
struct Repository {
    #[serde(default)]
    uuid: Option<String>,
    full_name: String,
    #[serde(default)]
    links: Links,
    #[serde(default)]
    mainbranch: Option<Named>,
    #[serde(default)]
    size: Option<u64>,
    #[serde(default)]
    updated_on: Option<String>,
    #[serde(default)]
    parent: Option<Parent>,
    #[serde(default)]
    has_wiki: bool,
    #[serde(default)]
    scm: Option<String>,
}

#[derive(Default, Deserialize)]
struct Links {
    #[serde(default)]
    clone: Vec<Clone>,
}

#[derive(Deserialize)]
struct Clone {
    name: String,
    href: String,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Parent {
    full_name: String,
}

/// The repositories of a workspace.
pub fn workspace(finder: &mut Finder<'_, '_>, name: &str) -> Result<(), TargetError> {
    let web = finder.client.server().web();
    let read = |fetched: &Fetched, _: &str| -> Result<Content, ForgeError> {
        let what = "the list of repositories";
        let written: Written = fetched.json(what)?.unwrap_or_default();
        // Only the query is taken: no answer leads elsewhere.
        let next = written.next.as_deref().and_then(|next| Some(next.split_once('?')?.1.to_owned()));
        let last =
            written.size.zip(written.pagelen).and_then(|(size, each)| Some(size.div_ceil((each > 0).then_some(each)?)));
        Ok(Content {
            entries: written.values.into_iter().map(|repository| entry(&web, repository)).collect(),
            next,
            last,
        })
    };
    let list = List {
        path: format!("/repositories/{name}"),
        query: "pagelen=100&sort=created_on&page=1".into(),
        what: format!("bitbucket://{name}"),
        read: &read,
    };
    Ok(finder.walk(&list, &mut |finder, entry| finder.emit(&entry))?)
}

fn entry(web: &str, written: Repository) -> Entry {
    let over_http = written.links.clone.into_iter().find(|clone| clone.name == "https" || clone.name == "http");
    let address = over_http.map_or_else(|| format!("{web}/{}.git", written.full_name), |clone| clone.href);
    // It names the user who asks.
    let address = field::address(&address);
    let fork_of = written.parent.map(|parent| key_of(&format!("{web}/{}", parent.full_name), true));
    let barred = written.scm.filter(|scm| scm != "git").map(|scm| format!("it is no repository of git but of {scm}"));
    let repo = Repo {
        key: key_of(&address, true),
        id: written.uuid,
        address,
        kind: Kind::Git,
        default_branch: written.mainbranch.map(|branch| branch.name),
        size: written.size,
        pushed: written.updated_on.as_deref().and_then(field::time),
        is_archived: false,
        is_fork: fork_of.is_some(),
        fork_of,
        topics: Vec::new(),
        owner: written.full_name.split('/').next().unwrap_or_default().to_owned(),
    };
    let api = format!("/repositories/{}", written.full_name);
    Entry { repo, wiki: written.has_wiki, api, barred, ..Entry::default() }
}
