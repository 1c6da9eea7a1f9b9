//! Targets as they are written: `github://ORG`, `gitlab://GROUP`, `gitea://HOST/ORG`, a file, a folder.

use super::TargetError;
use std::fmt;
use std::path::PathBuf;

/// Where repositories are to be looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// `github://ORG`.
    GithubOrganisation(String),
    /// `github://user:NAME`.
    GithubUser(String),
    /// `github://enterprise:NAME`.
    GithubEnterprise(String),
    /// `gitlab://GROUP[/SUBGROUP…]`, with the groups below.
    GitlabGroup(String),
    /// `gitea://HOST/ORG`, an organisation or a user of Gitea or Forgejo.
    Gitea {
        /// With its port.
        host: String,
        /// The organisation or user.
        owner: String,
    },
    /// `bitbucket://WORKSPACE`.
    BitbucketWorkspace(String),
    /// `azure://ORG[/PROJECT]`.
    Azure {
        /// The organisation.
        organisation: String,
        /// One project of it, or all.
        project: Option<String>,
    },
    /// `docker://REGISTRY/`: every tag of every image.
    Registry(String),
    /// A file of addresses, or a folder of repositories.
    Path(PathBuf),
}

const FORMS: &str = "targets are github://ORG, github://user:NAME, github://enterprise:NAME, gitlab://GROUP, \
                     gitea://HOST/ORG, bitbucket://WORKSPACE, azure://ORG[/PROJECT], docker://REGISTRY/, a file of \
                     addresses and a folder of repositories";

/// Reads a target.
pub fn parse(text: &str) -> Result<Target, TargetError> {
    let bad = |reason: &str| TargetError::Target(format!("{reason}: {FORMS}"));
    let Some((scheme, rest)) = text.split_once("://") else {
        return match text.is_empty() {
            true => Err(bad("it is empty")),
            false => Ok(Target::Path(text.into())),
        };
    };
    let is_registry = scheme == "docker";
    if is_registry && !rest.ends_with('/') {
        return Err(bad("an image is scanned, a registry is swept, and ends with a `/`"));
    }
    let parts: Vec<&str> = rest.trim_end_matches('/').split('/').collect();
    let one = || match parts.as_slice() {
        [name] if is_name(name) => Ok((*name).to_owned()),
        _ => Err(bad("one name is needed, of letters, digits, `.`, `_` and `-`")),
    };
    match scheme {
        "github" => {
            github(rest.trim_end_matches('/')).ok_or_else(|| bad("no name of an organisation, user or enterprise"))
        }
        "gitlab" if parts.iter().all(|part| is_name(part)) => Ok(Target::GitlabGroup(parts.join("/"))),
        "gitlab" => Err(bad("no name of a group")),
        "bitbucket" => one().map(Target::BitbucketWorkspace),
        "gitea" => match parts.as_slice() {
            [host, owner] if is_host(host) && is_name(owner) => {
                Ok(Target::Gitea { host: host.to_ascii_lowercase(), owner: (*owner).to_owned() })
            }
            _ => Err(bad("a host and an organisation are needed")),
        },
        "azure" => match parts.as_slice() {
            [organisation] if is_name(organisation) => {
                Ok(Target::Azure { organisation: (*organisation).to_owned(), project: None })
            }
            [organisation, project] if is_name(organisation) && is_title(project) => {
                Ok(Target::Azure { organisation: (*organisation).to_owned(), project: Some((*project).to_owned()) })
            }
            _ => Err(bad("an organisation is needed, and a project at most")),
        },
        "docker" => match parts.as_slice() {
            [host] if is_host(host) => Ok(Target::Registry(host.to_ascii_lowercase())),
            _ => Err(bad("a registry is a host alone")),
        },
        _ => Err(bad("that kind of target is unknown")),
    }
}

fn github(name: &str) -> Option<Target> {
    let (kind, name) = name.split_once(':').map_or((None, name), |(kind, name)| (Some(kind), name));
    if !is_name(name) {
        return None;
    }
    match kind {
        None | Some("org") => Some(Target::GithubOrganisation(name.to_owned())),
        Some("user") => Some(Target::GithubUser(name.to_owned())),
        Some("enterprise") => Some(Target::GithubEnterprise(name.to_owned())),
        Some(_) => None,
    }
}

/// Fit to stand in a path as it is.
pub(super) fn is_name(part: &str) -> bool {
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !part.is_empty() && part.bytes().all(is_fit) && part.bytes().any(|byte| byte != b'.')
}

fn is_host(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte))
}

/// A project's name in Azure: any letters, and spaces.
fn is_title(part: &str) -> bool {
    !part.is_empty()
        && !part.starts_with('.')
        && !part.chars().any(|c| c.is_control() || "\\/:*?\"<>|;#$*{},+=[]".contains(c))
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::GithubOrganisation(name) => write!(f, "github://{name}"),
            Target::GithubUser(name) => write!(f, "github://user:{name}"),
            Target::GithubEnterprise(name) => write!(f, "github://enterprise:{name}"),
            Target::GitlabGroup(name) => write!(f, "gitlab://{name}"),
            Target::Gitea { host, owner } => write!(f, "gitea://{host}/{owner}"),
            Target::BitbucketWorkspace(name) => write!(f, "bitbucket://{name}"),
            Target::Azure { organisation, project: None } => write!(f, "azure://{organisation}"),
            Target::Azure { organisation, project: Some(project) } => write!(f, "azure://{organisation}/{project}"),
            Target::Registry(host) => write!(f, "docker://{host}/"),
            Target::Path(path) => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_as_they_are_documented() {
        let same = [
            "github://org",
            "github://user:name",
            "github://enterprise:name",
            "gitlab://group",
            "gitlab://group/sub.group/x",
            "gitea://git.example:3000/org",
            "bitbucket://team",
            "azure://org",
            "azure://org/Some Project",
            "docker://registry.example:5000/",
            "folder/of repositories",
        ];
        for text in same {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
        assert_eq!(parse("github://org:name/").unwrap().to_string(), "github://name");
        let wrong = [
            "",
            "github://",
            "github://a/b",
            "github://team:x",
            "github://a?b",
            "gitlab://",
            "gitlab://a//b",
            "gitlab://a/../b",
            "gitea://host",
            "gitea://u@host/org",
            "bitbucket://a/b",
            "azure://a/b/c",
            "azure://a/..",
            "docker://registry.example/image",
            "docker://registry.example",
            "svn://x",
        ];
        for text in wrong {
            assert!(parse(text).unwrap_err().to_string().contains("github://ORG"), "{text}");
        }
    }
}
