//! A registry's catalogue: every tag of every image.

use super::{Kind, Listed, Lister, Repo, State, TargetError};
use crate::http::Transport;
use crate::image::{Credentials, ImageError, Registry};
use crate::warning::Warning;

/// A registry.
pub struct Catalogue<'t> {
    /// The way onto the network.
    pub transport: &'t dyn Transport,
    /// With its port.
    pub host: String,
    /// Docker's.
    pub logins: Credentials,
    /// Requests at most.
    pub max_calls: Option<u64>,
}

impl Lister for Catalogue<'_> {
    fn list(&self, _: Option<&State>, visit: &mut dyn FnMut(Repo)) -> Result<Listed, TargetError> {
        let mut listed = Listed::default();
        let registry = Registry::whole(self.transport, &self.host, &self.logins)?;
        let mut names = Vec::new();
        let outcome = registry.catalogue(&mut |name| names.push(name));
        listed.calls = registry.calls();
        match outcome {
            Err(error) if names.is_empty() => return Err(error.into()),
            Err(error) => listed.warnings.push(unlisted(&self.host, &error.to_string())),
            Ok(()) => {}
        }
        for (index, name) in names.iter().enumerate() {
            if self.max_calls.is_some_and(|max| listed.calls >= max) {
                let left = names.len() - index;
                let message = format!("{left} of its {} images are left: no more requests may be sent", names.len());
                listed.warnings.push(unlisted(&self.host, &message));
                break;
            }
            let (calls, outcome) = self.tags(name, visit);
            listed.calls += calls;
            if let Err(error) = outcome {
                listed.warnings.push(unlisted(&format!("{}/{name}", self.host), &error.to_string()));
            }
        }
        Ok(listed)
    }
}

impl Catalogue<'_> {
    fn tags(&self, name: &str, visit: &mut dyn FnMut(Repo)) -> (u64, Result<(), ImageError>) {
        let registry = match Registry::of(self.transport, &self.host, name, None, &self.logins) {
            Ok(registry) => registry,
            Err(error) => return (0, Err(error)),
        };
        let outcome = registry.tags(&mut |tag| {
            let key = format!("{}/{name}:{tag}", self.host);
            let address = format!("docker://{key}");
            let owner = name.rsplit_once('/').map_or(String::new(), |(owner, _)| owner.to_owned());
            visit(Repo { key, address, kind: Kind::Image, owner, ..Repo::default() });
        });
        (registry.calls(), outcome)
    }
}

fn unlisted(object: &str, message: &str) -> Warning {
    Warning::unscanned("sweep-unlisted", object, message)
}
