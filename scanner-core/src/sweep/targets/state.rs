//! What a listing leaves for the next one: the marks of its pages, and what was on them.

use super::Repo;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is known since the last listing. Opaque: kept as JSON, passed back as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// By the path and query they were asked for with.
    pub(super) pages: BTreeMap<String, Page>,
    /// What forks are forks of, by the fork's id.
    pub(super) parents: BTreeMap<String, String>,
    /// Of the targets that a file names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) within: BTreeMap<String, State>,
}

/// One page of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Page {
    /// Its `ETag`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// Its `Last-Modified`, where there is no `ETag`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modified: Option<String>,
    /// The query of the page after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The number of the list's last page, where that is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<u64>,
    /// Something was left out of it for want of single sign-on.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_partial: bool,
    /// What is on it.
    pub entries: Vec<Entry>,
}

/// One repository as a forge lists it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Entry {
    /// The repository.
    pub repo: Repo,
    /// It has a wiki.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub wiki: bool,
    /// It has issues.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub issues: bool,
    /// Where the API has it, below its base.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api: String,
    /// It has gists or snippets of its own.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub snippets: bool,
    /// Why it cannot be swept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub barred: Option<String>,
    /// Its repository is switched off: there is nothing to sweep.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_off: bool,
}
