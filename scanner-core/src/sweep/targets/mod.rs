//! What a sweep's targets are: the repositories behind `github://ORG` and its like, listed within the limits of who is asked.
//!
//! A lister hands over what it finds as it finds it; what could not be listed is a warning that something stays unscanned.

mod access;
mod azure;
mod bitbucket;
mod credential;
mod error;
mod field;
mod filter;
mod finder;
mod gitea;
mod github;
mod github_graph;
mod gitlab;
mod issues;
mod key;
mod local;
mod registry;
mod state;
mod target;

pub use access::{Access, Settings, UNREAD, Wants};
pub use credential::{Credential, equip};
pub use error::TargetError;
pub use filter::{Filter, Names};
pub use issues::{Reached, Read, Text};
pub use key::key_of;
pub use state::State;
pub use target::{Target, parse};

pub use crate::forge::Rate;

use crate::warning::Warning;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// What a target is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Kind {
    /// A repository of git.
    #[default]
    Git,
    /// The wiki of a repository, itself one of git. One without a page may not be there to be cloned.
    Wiki,
    /// A gist or snippet, itself a repository of git.
    Gist,
    /// A tag of a container image.
    Image,
    /// The issues of a repository and their comments, read by the forge's API.
    Issues,
}

impl Kind {
    /// As it is written: `git`.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Git => "git",
            Kind::Wiki => "wiki",
            Kind::Gist => "gist",
            Kind::Image => "image",
            Kind::Issues => "issues",
        }
    }

    /// Whether a forge names it though there may be nothing behind it: a wiki without a page is no failure.
    pub fn may_be_absent(self) -> bool {
        self == Kind::Wiki
    }
}

/// One thing to sweep.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repo {
    /// Host and path, `github.com/org/name`: the same for the same repository, however it is written.
    pub key: String,
    /// What stays when it is renamed or moved, unique with the host; none where a server tells none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Where it is cloned from, without credentials; of an image `docker://…`, of issues the page that shows them.
    pub address: String,
    /// What it is.
    pub kind: Kind,
    /// Without `refs/heads/`; none for one that is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_branch: Option<String>,
    /// Bytes, as far as they are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The last push, or what comes closest to it: seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pushed: Option<i64>,
    /// Closed to changes.
    #[serde(default)]
    pub is_archived: bool,
    /// Whether it is a fork, though of what may be unknown.
    #[serde(default)]
    pub is_fork: bool,
    /// The key of what it was forked from, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fork_of: Option<String>,
    /// In the forge's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub topics: Vec<String>,
    /// The organisation, group or user that it belongs to.
    #[serde(default)]
    pub owner: String,
}

impl Repo {
    /// With what can be told of one on this machine by looking at its files; listing leaves that out, for it is seldom asked for.
    pub fn measured(mut self) -> Repo {
        if self.size.is_none() && !self.address.contains("://") {
            local::measure(&mut self);
        }
        self
    }

    /// The key of the repository that it belongs to: of a wiki, of issues, of a snippet; of a tag its image. Else its own.
    pub fn home(&self) -> &str {
        let home = match self.kind {
            Kind::Wiki => self.key.strip_suffix(".wiki"),
            Kind::Issues => self.key.strip_suffix("/issues"),
            Kind::Gist => self.key.split_once("/snippets/").map(|(home, _)| home.strip_suffix("/-").unwrap_or(home)),
            Kind::Image => self.key.rsplit_once(':').map(|(home, _)| home).filter(|home| home.contains('/')),
            Kind::Git => None,
        };
        home.unwrap_or(&self.key)
    }
}

/// What a lister says once it has handed everything over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// To be passed next time: what has not changed then is not sent again.
    pub state: State,
    /// What could not be listed, and what else should be known.
    pub warnings: Vec<Warning>,
    /// Requests that were sent.
    pub calls: u64,
    /// Nothing has changed since the state that was passed.
    pub unchanged: bool,
    /// What the server says is left of its limit; none where it says nothing.
    pub rate: Option<Rate>,
}

/// Names the repositories behind a target. One behind each forge, one for files and folders, one for registries.
pub trait Lister {
    /// Hands each repository to `visit`, some perhaps twice, with what is known since an earlier time.
    fn list(&self, state: Option<&State>, visit: &mut dyn FnMut(Repo)) -> Result<Listed, TargetError>;
}

/// Everything that a target holds and a filter lets pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Each once, sorted by key and kind.
    pub repos: Vec<Repo>,
    /// How many the filter left out.
    pub filtered: u64,
    /// To be passed next time.
    pub state: State,
    /// What could not be listed, and what else should be known.
    pub warnings: Vec<Warning>,
    /// Requests that were sent.
    pub calls: u64,
    /// Nothing has changed since the state that was passed.
    pub unchanged: bool,
    /// What is left of the server's limit.
    pub rate: Option<Rate>,
}

/// Lists a target to its end.
pub fn gather(lister: &dyn Lister, state: Option<&State>, filter: &Filter) -> Result<Listing, TargetError> {
    let (mut repos, mut filtered, mut seen) = (Vec::new(), 0, HashSet::new());
    let listed = lister.list(state, &mut |repo| {
        if seen.insert((repo.key.clone(), repo.kind)) {
            let repo = if filter.is_by_measure() { repo.measured() } else { repo };
            match filter.admits(&repo) {
                true => repos.push(repo),
                false => filtered += 1,
            }
        }
    })?;
    repos.sort_by(|a, b| (&a.key, a.kind).cmp(&(&b.key, b.kind)));
    let Listed { state, warnings, calls, unchanged, rate } = listed;
    Ok(Listing { repos, filtered, state, warnings, calls, unchanged, rate })
}
