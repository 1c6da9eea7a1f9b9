//! Names of images as people write them: `alpine`, `host:5000/team/app:v1`, `app@sha256:…`.

use super::digest::Digest;
use super::error::ImageError;
use std::fmt;

/// The host behind names without one.
const HUB: &str = "docker.io";

/// Where an image is: a registry, a repository in it, and a tag or a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// `docker.io`, or a host with its port.
    pub host: String,
    /// `library/alpine`.
    pub repository: String,
    /// `latest` when nothing else is said; none when a digest is.
    pub tag: Option<String>,
    /// Stronger than a tag.
    pub digest: Option<Digest>,
}

impl Reference {
    /// Reads what stands behind `docker://`, by the rules of docker.
    pub fn parse(text: &str) -> Result<Reference, ImageError> {
        let error = |reason| Err(ImageError::Reference(reason));
        if text.contains("://") {
            return error("after `docker://` comes a host or a repository, without `http://`");
        }
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => match Digest::parse(digest) {
                Some(digest) => (name, Some(digest)),
                None => return error("after the `@` comes a digest, `sha256:` and 64 hex digits"),
            },
            None => (text, None),
        };
        let (name, tag) = match name.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag.to_owned())),
            _ => (name, None),
        };
        let (host, repository) = match name.split_once('/') {
            Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => (host, rest.to_owned()),
            _ => (HUB, name.to_owned()),
        };
        let is_hub = matches!(host, HUB | "index.docker.io" | "registry-1.docker.io");
        let host = if is_hub { HUB } else { host };
        let repository = match repository {
            short if is_hub && !short.contains('/') => format!("library/{short}"),
            long => long,
        };
        if !repository.split('/').all(is_component) {
            return error("a repository is lower-case letters, digits and `.`, `_`, `-`, in parts divided by `/`");
        }
        if !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte)) {
            return error("its host is none");
        }
        if !tag.as_deref().is_none_or(is_tag) {
            return error("a tag is up to 128 letters, digits, `.`, `_` and `-`");
        }
        let tag = tag.or_else(|| digest.is_none().then(|| "latest".to_owned()));
        Ok(Reference { host: host.to_owned(), repository, tag, digest })
    }

    /// The host that is asked.
    pub fn api_host(&self) -> &str {
        if self.host == HUB { "registry-1.docker.io" } else { &self.host }
    }

    /// What its manifest is asked for by.
    pub fn version(&self) -> &str {
        let digest = self.digest.as_ref().map(Digest::as_str);
        digest.or(self.tag.as_deref()).unwrap_or("latest")
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.repository)?;
        match (&self.tag, &self.digest) {
            (Some(tag), _) => write!(f, ":{tag}"),
            (None, Some(digest)) => write!(f, "@{}", digest.short()),
            (None, None) => Ok(()),
        }
    }
}

fn is_component(part: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = part.as_bytes();
    let ends = bytes.first().zip(bytes.last());
    ends.is_some_and(|(first, last)| is_plain(*first) && is_plain(*last))
        && part.len() <= 255
        && part.bytes().all(|byte| is_plain(byte) || b"._-".contains(&byte))
}

fn is_tag(tag: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let is_rest = |byte: u8| is_word(byte) || byte == b'.' || byte == b'-';
    tag.len() <= 128 && tag.bytes().next().is_some_and(is_word) && tag.bytes().all(is_rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_docker_reads_them() {
        let digest = Digest::of(b"x");
        let pinned = format!("a.example/app@{digest}");
        let both = format!("a.example/app:v1@{digest}");
        let table = [
            ("alpine", "docker.io", "library/alpine", "latest"),
            ("alpine:3.20", "docker.io", "library/alpine", "3.20"),
            ("grafana/loki", "docker.io", "grafana/loki", "latest"),
            ("index.docker.io/alpine", "docker.io", "library/alpine", "latest"),
            ("localhost/app", "localhost", "app", "latest"),
            ("127.0.0.1:5000/team/app:v1", "127.0.0.1:5000", "team/app", "v1"),
            ("[::1]:5000/app", "[::1]:5000", "app", "latest"),
            ("a.example:443/b/c/d", "a.example:443", "b/c/d", "latest"),
            (pinned.as_str(), "a.example", "app", digest.as_str()),
            (both.as_str(), "a.example", "app", digest.as_str()),
        ];
        for (text, host, repository, version) in table {
            let read = Reference::parse(text).unwrap();
            assert_eq!((read.host.as_str(), read.repository.as_str(), read.version()), (host, repository, version));
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let table = [
            "",
            "/",
            "A/b",
            "a.example/",
            "a.example/../x",
            "a.example/x:",
            "a.example/x:a b",
            "x@sha256:1",
            "https://a.example/x",
            "user:pass@a.example/x",
            "a.example/x?y",
            "a.example/x/",
            "a.ex\nample/x",
        ];
        for text in table {
            assert!(Reference::parse(text).is_err(), "{text}");
        }
    }
}
