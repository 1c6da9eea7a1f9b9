//! What a registry holds: the names of its images, and their tags.
//!
//! <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-tags>,
//! <https://distribution.github.io/distribution/spec/api/#listing-repositories>

use super::Registry;
use crate::http::{Request, Transport, link};
use crate::image::credentials::Credentials;
use crate::image::error::ImageError;
use crate::image::reference::Reference;
use serde::Deserialize;
use std::collections::HashSet;
use std::sync::atomic::Ordering;

/// Bytes of a page of names.
const MAX_PAGE: u64 = 64 << 20;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Page {
    /// Of a catalogue.
    repositories: Option<Vec<String>>,
    /// Of an image; null when it has none.
    tags: Option<Vec<String>>,
}

impl<'t> Registry<'t> {
    /// A registry, to be asked what it holds.
    pub fn whole(
        transport: &'t dyn Transport,
        host: &str,
        credentials: &Credentials,
    ) -> Result<Registry<'t>, ImageError> {
        let (repository, tag, digest) = (String::new(), None, None);
        Registry::connect(transport, &Reference { host: host.to_owned(), repository, tag, digest }, credentials)
    }

    /// One repository of a registry, as its catalogue names it: all of it, or the image of a tag.
    pub fn of(
        transport: &'t dyn Transport,
        host: &str,
        name: &str,
        tag: Option<&str>,
        credentials: &Credentials,
    ) -> Result<Registry<'t>, ImageError> {
        let tag = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
        let reference = Reference::parse(&format!("{host}/{name}{tag}"))?;
        // A host without a dot is a name of docker's own registry to others, not to a catalogue.
        let reference = Reference { host: host.to_owned(), repository: name.to_owned(), ..reference };
        Registry::connect(transport, &reference, credentials)
    }

    /// Requests that were sent.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Hands over the name of every image.
    pub fn catalogue(&self, each: &mut dyn FnMut(String)) -> Result<(), ImageError> {
        self.names("/v2/_catalog", "its catalogue", each)
    }

    /// Hands over every tag of the image.
    pub fn tags(&self, each: &mut dyn FnMut(String)) -> Result<(), ImageError> {
        self.names(&format!("/v2/{}/tags/list", self.reference.repository), "its tags", each)
    }

    fn names(&self, path: &str, what: &str, each: &mut dyn FnMut(String)) -> Result<(), ImageError> {
        let (mut query, mut seen) = ("n=1000".to_owned(), HashSet::new());
        loop {
            let request = Request::get(format!("{}{path}?{query}", self.base)).at_most(MAX_PAGE);
            let answer = self.send(request, what)?;
            let next = answer.all("link").find_map(|header| link(header, "next"));
            // Only the query is taken: no answer leads elsewhere.
            let next = next.and_then(|next| Some(next.split_once('?')?.1.to_owned()));
            let bytes = answer.bytes().map_err(|error| ImageError::Unreadable { what: what.to_owned(), error })?;
            // The parser's message may repeat what it read.
            let page: Page =
                serde_json::from_slice(&bytes).map_err(|_| ImageError::damaged(what, "it is no JSON as documented"))?;
            page.repositories.into_iter().chain(page.tags).flatten().for_each(&mut *each);
            seen.insert(query);
            match next {
                Some(next) if seen.contains(&next) => return Err(ImageError::damaged(what, "its pages go in circles")),
                Some(next) => query = next,
                None => return Ok(()),
            }
        }
    }
}
