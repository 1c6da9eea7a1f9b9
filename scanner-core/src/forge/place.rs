//! Targets as they are written: `github://owner/repository/actions/runs/7`, `gitlab://group/project/jobs/7`.

use super::error::ForgeError;
use std::fmt;

/// A kind of forge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Forge {
    /// GitHub, its enterprise server included.
    Github,
    /// GitLab, wherever it runs.
    Gitlab,
    /// Gitea and Forgejo, wherever they run.
    Gitea,
    /// Bitbucket Cloud.
    Bitbucket,
    /// Azure DevOps, its server included.
    Azure,
}

impl Forge {
    /// Those whose pipelines are read.
    pub const WITH_RUNS: [Forge; 2] = [Forge::Github, Forge::Gitlab];

    /// As it is written: `github`.
    pub fn as_str(self) -> &'static str {
        match self {
            Forge::Github => "github",
            Forge::Gitlab => "gitlab",
            Forge::Gitea => "gitea",
            Forge::Bitbucket => "bitbucket",
            Forge::Azure => "azure",
        }
    }
}

impl fmt::Display for Forge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Forge::Github => "GitHub",
            Forge::Gitlab => "GitLab",
            Forge::Gitea => "Gitea",
            Forge::Bitbucket => "Bitbucket",
            Forge::Azure => "Azure DevOps",
        })
    }
}

/// What of a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// A run of GitHub Actions: one attempt, or all of them.
    Run {
        /// Its number.
        id: u64,
        /// From 1.
        attempt: Option<u64>,
    },
    /// A pipeline of GitLab.
    Pipeline(u64),
    /// One job.
    Job(u64),
    /// One artifact of GitHub Actions.
    Artifact(u64),
    /// The runs since a date.
    Recent,
}

/// Something on a forge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The kind of forge.
    pub forge: Forge,
    /// `owner/repository`, `group/subgroup/project`.
    pub project: String,
    /// What of it.
    pub what: What,
}

impl Place {
    /// Whether a text names something on a forge.
    pub fn is_one(text: &str) -> bool {
        split(text).is_some()
    }

    /// Reads a target.
    pub fn parse(text: &str) -> Result<Place, ForgeError> {
        let bad = |reason| ForgeError::Target(reason);
        let (forge, rest) = split(text).ok_or(bad("it begins with neither github:// nor gitlab://"))?;
        let parts: Vec<&str> = rest.trim_end_matches('/').split('/').collect();
        if !parts.iter().all(|part| is_segment(part)) {
            return Err(bad("names are letters, digits, `.`, `_` and `-`, with `/` between"));
        }
        match forge {
            Forge::Github => github(&parts),
            _ => gitlab(&parts),
        }
    }
}

fn split(text: &str) -> Option<(Forge, &str)> {
    let of = |forge: Forge| Some((forge, text.strip_prefix(forge.as_str())?.strip_prefix("://")?));
    Forge::WITH_RUNS.into_iter().find_map(of)
}

fn is_segment(part: &str) -> bool {
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !part.is_empty() && part.bytes().all(is_fit) && part.bytes().any(|byte| byte != b'.')
}

fn github(parts: &[&str]) -> Result<Place, ForgeError> {
    const FORMS: &str = "write github://OWNER/REPOSITORY/actions, …/actions/runs/ID[/attempts/N], …/actions/jobs/ID or \
                         …/actions/artifacts/ID";
    let form = || ForgeError::Target(FORMS);
    let [owner, repository, "actions", rest @ ..] = parts else { return Err(form()) };
    let number = |text: &str| text.parse::<u64>().map_err(|_| form());
    let what = match rest {
        [] => What::Recent,
        ["runs", id] => What::Run { id: number(id)?, attempt: None },
        ["runs", id, "attempts", attempt] => What::Run { id: number(id)?, attempt: Some(number(attempt)?) },
        ["jobs", id] => What::Job(number(id)?),
        ["artifacts", id] => What::Artifact(number(id)?),
        _ => return Err(form()),
    };
    Ok(Place { forge: Forge::Github, project: format!("{owner}/{repository}"), what })
}

/// A project's path has two parts or more; what follows `-` is no part of it.
fn gitlab(parts: &[&str]) -> Result<Place, ForgeError> {
    const FORMS: &str = "write gitlab://GROUP/PROJECT, …/pipelines/ID or …/jobs/ID";
    let form = || ForgeError::Target(FORMS);
    let (project, what) = match parts {
        [project @ .., "jobs", id] if project.len() > 1 => (project, id.parse().ok().map(What::Job)),
        [project @ .., "pipelines", id] if project.len() > 1 => (project, id.parse().ok().map(What::Pipeline)),
        project => (project, Some(What::Recent)),
    };
    let project = project.strip_suffix(&["-"]).unwrap_or(project);
    let is_project = project.len() > 1 && !project.contains(&"-");
    let what = what.filter(|_| is_project).ok_or_else(form)?;
    Ok(Place { forge: Forge::Gitlab, project: project.join("/"), what })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<(String, What)> {
        Place::parse(text).ok().map(|place| (place.project, place.what))
    }

    #[test]
    fn targets_are_read_as_they_are_documented() {
        let table = [
            ("github://o/r/actions", Some(("o/r", What::Recent))),
            ("github://o/r/actions/", Some(("o/r", What::Recent))),
            ("github://o/r.x/actions/runs/7", Some(("o/r.x", What::Run { id: 7, attempt: None }))),
            ("github://o/r/actions/runs/7/attempts/2", Some(("o/r", What::Run { id: 7, attempt: Some(2) }))),
            ("github://o/r/actions/jobs/7", Some(("o/r", What::Job(7)))),
            ("github://o/r/actions/artifacts/7", Some(("o/r", What::Artifact(7)))),
            ("github://o/r", None),
            ("github://o/../actions", None),
            ("github://o/r/actions/runs/x", None),
            ("github://o/r?x/actions", None),
            ("gitlab://g/p", Some(("g/p", What::Recent))),
            ("gitlab://g/s/p/jobs/7", Some(("g/s/p", What::Job(7)))),
            ("gitlab://g/s/p/-/jobs/7", Some(("g/s/p", What::Job(7)))),
            ("gitlab://g/p/-/pipelines/7", Some(("g/p", What::Pipeline(7)))),
            ("gitlab://g/p/pipelines/x", None),
            ("gitlab://g/p/-/issues/7", None),
            ("gitlab://g", None),
            ("gitlab://g//p", None),
        ];
        for (text, expected) in table {
            assert_eq!(of(text), expected.map(|(project, what)| (project.to_owned(), what)), "{text}");
        }
    }
}
