//! How targets are reached: servers, who we are there, and what git is told of it.

use super::credential::Credential;
use super::finder::Finder;
use super::{
    Kind, Listed, Lister, Repo, State, Target, TargetError, azure, bitbucket, gitea, github, gitlab, issues, local,
    registry,
};
use crate::forge::{Announce, Client, Forge, ForgeError, Server, Token, Waits};
use crate::http::Transport;
use crate::image::{Credentials, Reference, Registry};
use crate::warning::Warning;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// What is listed beside repositories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// Wikis, where the forge keeps them as repositories of git.
    pub wikis: bool,
    /// Gists of users, snippets of projects.
    pub gists: bool,
    /// Issues and their comments.
    pub issues: bool,
}

/// Where forges and registries are, and how far they may be asked.
#[derive(Clone, Default)]
pub struct Settings {
    /// One of a kind at most, but of Gitea; what is missing is the public one, without a token.
    pub servers: Vec<Server>,
    /// Docker's logins, for registries.
    pub logins: Credentials,
    /// How long limits are waited for.
    pub waits: Waits,
    /// Requests to one server.
    pub max_calls: Option<u64>,
    /// What is listed beside repositories.
    pub wants: Wants,
    /// Told of every wait for a limit.
    pub announce: Option<Arc<Announce>>,
    /// Set from outside: nobody waits any longer.
    pub stop: Option<Arc<AtomicBool>>,
}

/// The code of what is asked for beside repositories and not read: the list of repositories is whole all the same.
pub const UNREAD: &str = "sweep-unread";

/// What was waited for a server's limits is forgotten after so long: the windows of forges are not longer.
const WINDOW: Duration = Duration::from_secs(3_600);

/// Reaches targets; shared by all threads.
pub struct Access<'t> {
    transport: Option<&'t dyn Transport>,
    settings: Settings,
    clients: Mutex<Vec<(Instant, Arc<Client<'t>>)>>,
}

impl<'t> Access<'t> {
    /// Without a transport the network is forbidden: files and folders are listed, nothing else.
    pub fn new(transport: Option<&'t dyn Transport>, settings: Settings) -> Access<'t> {
        Access { transport, settings, clients: Mutex::default() }
    }

    /// What lists a target.
    pub fn lister<'a>(&'a self, target: &Target) -> Result<Box<dyn Lister + 'a>, TargetError> {
        Ok(match target {
            Target::Path(path) => Box::new(local::Local { access: self, path: path.clone() }),
            Target::Registry(host) => {
                let transport = self.transport.ok_or(ForgeError::Offline)?;
                let (host, logins) = (host.clone(), self.settings.logins.clone());
                Box::new(registry::Catalogue { transport, host, logins, max_calls: self.settings.max_calls })
            }
            other => {
                let client = self.client_for(other)?;
                Box::new(OnForge { client, target: other.clone(), wants: self.settings.wants })
            }
        })
    }

    /// The registry of an image that was listed.
    pub fn registry_of(&self, repo: &Repo) -> Result<Registry<'t>, TargetError> {
        let transport = self.transport.ok_or(ForgeError::Offline)?;
        let (address, logins) =
            (repo.address.strip_prefix("docker://").unwrap_or(&repo.address), &self.settings.logins);
        let of_catalogue = || {
            let (host, rest) = repo.key.split_once('/').filter(|_| address == repo.key)?;
            rest.rsplit_once(':').map(|(name, tag)| (host, name, tag))
        };
        Ok(match of_catalogue() {
            Some((host, name, tag)) => Registry::of(transport, host, name, Some(tag), logins)?,
            None => Registry::connect(transport, &Reference::parse(address)?, logins)?,
        })
    }

    /// Who git is to be at an address; none where nothing is known for its host. Asked anew for each clone: the tokens of an
    /// application end.
    pub fn credentials_for(&self, address: &str) -> Result<Option<Credential>, TargetError> {
        for server in &self.settings.servers {
            let Some(place) = place_on(server, address) else { continue };
            let path = address.strip_prefix(place.as_str()).unwrap_or_default();
            let owner = path.trim_start_matches('/').split('/').next().unwrap_or_default();
            // An application is installed at nobody's gists: they are read as by anybody.
            if matches!(server.token, Some(Token::App(_))) && place.contains("://gist.") {
                return Ok(None);
            }
            let login = self.client(server)?.password(owner)?;
            return Ok(login.map(|(user, password)| Credential { place, user, password }));
        }
        Ok(None)
    }

    /// The client of the server that a repository is on, by its address.
    pub(super) fn client_of(&self, repo: &Repo) -> Result<Option<Arc<Client<'t>>>, TargetError> {
        self.server_of(repo).map(|server| self.client(&server)).transpose()
    }

    fn server_of(&self, repo: &Repo) -> Option<Server> {
        let public = [Forge::Github, Forge::Gitlab, Forge::Bitbucket, Forge::Azure].map(Server::public);
        let mut all = self.settings.servers.iter().chain(&public);
        all.find(|server| place_on(server, &repo.address).is_some()).cloned()
    }

    /// The issues of a repository that was named by its address, where they are wanted; an error where they are not read.
    pub(super) fn issues_of(&self, repo: &Repo) -> Option<Result<Repo, ()>> {
        let are_read = || self.server_of(repo).is_some_and(|server| issues::are_read(server.forge()));
        self.settings.wants.issues.then(|| match are_read() {
            true => {
                let address = format!("{}/issues", repo.address.trim_end_matches('/').trim_end_matches(".git"));
                Ok(Repo { key: format!("{}/issues", repo.key), address, kind: Kind::Issues, ..repo.clone() })
            }
            false => Err(()),
        })
    }

    fn client_for(&self, target: &Target) -> Result<Arc<Client<'t>>, TargetError> {
        let of = |forge: Forge| {
            let known = self.settings.servers.iter().find(|server| server.forge() == forge);
            known.cloned().unwrap_or_else(|| Server::public(forge))
        };
        let server = match target {
            Target::GitlabGroup(_) => of(Forge::Gitlab),
            Target::BitbucketWorkspace(_) => of(Forge::Bitbucket),
            Target::Azure { .. } => of(Forge::Azure),
            Target::Gitea { host, .. } => {
                let is_it = |server: &&Server| server.forge() == Forge::Gitea && server.host() == host;
                match self.settings.servers.iter().find(is_it) {
                    Some(server) => server.clone(),
                    None => {
                        let scheme = if crate::http::is_loopback(host) { "http" } else { "https" };
                        Server::at(Forge::Gitea, &format!("{scheme}://{host}"))?
                    }
                }
            }
            _ => of(Forge::Github),
        };
        self.client(&server)
    }

    /// One client a server: its limits are counted together.
    fn client(&self, server: &Server) -> Result<Arc<Client<'t>>, TargetError> {
        let transport = self.transport.ok_or(ForgeError::Offline)?;
        let mut clients = self.lock();
        // A budget of requests is for the whole sweep, whatever it takes.
        clients.retain(|(made, _)| self.settings.max_calls.is_some() || made.elapsed() < WINDOW);
        if let Some((_, client)) = clients.iter().find(|(_, client)| client.server().has_same_base(server)) {
            return Ok(Arc::clone(client));
        }
        let mut client = Client::new(transport, server, self.settings.waits);
        if let Some(calls) = self.settings.max_calls {
            client = client.with_budget(calls);
        }
        if let Some(announce) = &self.settings.announce {
            client = client.announcing(Arc::clone(announce));
        }
        if let Some(stop) = &self.settings.stop {
            client = client.until(Arc::clone(stop));
        }
        let client = Arc::new(client);
        clients.push((Instant::now(), Arc::clone(&client)));
        Ok(client)
    }

    /// Begins another sweep: what requests and waits were spent before no longer counts.
    pub fn begin(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Instant, Arc<Client<'t>>)>> {
        self.clients.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Scheme and host of an address when it is one of a server's, or of its gists.
fn place_on(server: &Server, address: &str) -> Option<String> {
    let (scheme, rest) = address.split_once("://")?;
    let host = rest.split('/').next().unwrap_or_default().to_ascii_lowercase();
    let web = server.web();
    let (home_scheme, home) = web.split_once("://").unwrap_or(("https", &web));
    let is_gists = server.forge() == Forge::Github && host.strip_prefix("gist.") == Some(home);
    (scheme == home_scheme && (host == home || is_gists)).then(|| format!("{scheme}://{host}"))
}

/// A target on a forge.
struct OnForge<'t> {
    client: Arc<Client<'t>>,
    target: Target,
    wants: Wants,
}

impl Lister for OnForge<'_> {
    fn list(&self, state: Option<&State>, visit: &mut dyn FnMut(Repo)) -> Result<Listed, TargetError> {
        let before = self.client.calls();
        let mut finder = Finder::new(&self.client, self.wants, state, visit);
        let forge = self.client.server().forge();
        if self.wants.issues && !issues::are_read(forge) {
            let message = format!("issues, requests to merge and comments there are not read: {forge} is not asked");
            finder.warnings.push(Warning::unscanned(UNREAD, self.target.to_string(), message));
        }
        match &self.target {
            Target::GithubOrganisation(name) => github::organisation(&mut finder, name)?,
            Target::GithubUser(name) => github::user(&mut finder, name)?,
            Target::GithubEnterprise(name) => github::enterprise(&mut finder, name)?,
            Target::GitlabGroup(name) => gitlab::group(&mut finder, name)?,
            Target::Gitea { owner, .. } => gitea::owner(&mut finder, owner)?,
            Target::BitbucketWorkspace(name) => bitbucket::workspace(&mut finder, name)?,
            Target::Azure { organisation, project } => {
                azure::organisation(&mut finder, organisation, project.as_deref())?;
            }
            Target::Registry(_) | Target::Path(_) => {}
        }
        Ok(finder.finish(before))
    }
}
