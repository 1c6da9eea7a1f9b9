//! One forge, asked over HTTP: says who we are to that host alone, waits, tries again, follows redirects, reads pages.

use super::download::Download;
use super::error::ForgeError;
use super::limits::{self, Patience, Waits};
use super::paging;
use super::place::Forge;
use crate::http::{Answer, Request, Transport, TransportError, is_loopback};
use crate::secret::Secret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::HashSet;
use std::io::Read;
use std::ops::ControlFlow;

/// Addresses that one request may be sent on to.
const MAX_REDIRECTS: u32 = 8;
/// Tries at a request that breaks off or that a server has no time for.
pub const MAX_TRIES: u32 = 4;
/// Bytes of a page of a list.
const MAX_PAGE: u64 = 64 << 20;
/// Bytes of a refusal that are read for its reason.
const MAX_REASON: u64 = 64 << 10;

/// Who we are.
#[derive(Clone, Debug)]
pub enum Token {
    /// A person's, a project's or an application's.
    Bearer(Secret),
    /// GitLab's for the job that is running.
    Job(Secret),
}

/// Where a forge's API is, and who we are there.
#[derive(Clone, Debug)]
pub struct Server {
    forge: Forge,
    /// Without a slash at its end.
    base: String,
    /// Sent to this server, and nowhere else.
    pub token: Option<Token>,
}

impl Server {
    /// The forge that everybody knows by this name, without a token.
    pub fn public(forge: Forge) -> Server {
        let base = match forge {
            Forge::Github => "https://api.github.com",
            Forge::Gitlab => "https://gitlab.com/api/v4",
        };
        Server { forge, base: base.to_owned(), token: None }
    }

    /// A forge by its address, or its API's: `https://gitlab.example`, `https://github.example/api/v3`. TLS is required
    /// everywhere but on loopback.
    pub fn at(forge: Forge, address: &str) -> Result<Server, ForgeError> {
        let unfit = |reason| ForgeError::Server(format!("the address of {forge} {reason}"));
        let address = address.trim().trim_end_matches('/');
        let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_~:/[]".contains(&byte);
        if host.is_empty() || !rest.bytes().all(is_plain) {
            return Err(unfit("is no address"));
        }
        match scheme {
            "https" => {}
            "http" if is_loopback(host) => {}
            "http" => return Err(unfit("is without TLS, which is for loopback only")),
            _ => return Err(unfit("begins with neither https:// nor http://")),
        }
        let host = host.to_ascii_lowercase();
        let base = match (forge, path) {
            (Forge::Github, "") if host == "github.com" => "https://api.github.com".to_owned(),
            // Enterprises in GitHub's cloud have hosts of their own for the API.
            (Forge::Github, "") if host.starts_with("api.") => format!("{scheme}://{host}"),
            (Forge::Github, "") => format!("{scheme}://{host}/api/v3"),
            (Forge::Gitlab, "") => format!("{scheme}://{host}/api/v4"),
            (_, path) => format!("{scheme}://{host}{path}"),
        };
        Ok(Server { forge, base, token: None })
    }

    /// Host and port of the API.
    pub fn host(&self) -> &str {
        let rest = self.base.split_once("://").map_or(self.base.as_str(), |(_, rest)| rest);
        rest.split('/').next().unwrap_or_default()
    }

    /// Whether both are the same API of the same server.
    pub fn has_same_base(&self, other: &Server) -> bool {
        self.base == other.base
    }

    /// How reports name the server.
    fn shown(&self) -> &str {
        match self.forge {
            Forge::Github => self.host().strip_prefix("api.").unwrap_or(self.host()),
            Forge::Gitlab => self.host(),
        }
    }
}

/// Asks one server.
pub struct Client<'t> {
    transport: &'t dyn Transport,
    server: Server,
    patience: Patience,
    waits: Waits,
}

#[derive(Deserialize)]
struct Refusal {
    /// A sentence; GitLab may give more than that.
    #[serde(default)]
    message: serde_json::Value,
    #[serde(default)]
    error: serde_json::Value,
}

impl<'t> Client<'t> {
    /// A client that waits as long as it may. Nothing is sent yet.
    pub fn new(transport: &'t dyn Transport, server: &Server, waits: Waits) -> Client<'t> {
        Client { transport, server: server.clone(), patience: Patience::new(waits.max), waits }
    }

    pub(super) fn pause(&self, failures: u32) {
        std::thread::sleep(self.waits.after(failures));
    }

    /// How reports name the server: `github.com`.
    pub fn shown(&self) -> &str {
        self.server.shown()
    }

    /// What `path` below the API's base holds, as JSON; `what` is for messages.
    pub fn json<T: DeserializeOwned>(&self, path: &str, what: &str) -> Result<T, ForgeError> {
        self.page(path, what).map(|(_, value)| value)
    }

    /// Hands every page of a list to `each`, until it breaks.
    pub fn pages<T: DeserializeOwned>(
        &self,
        path: &str,
        what: &str,
        each: &mut dyn FnMut(T) -> ControlFlow<()>,
    ) -> Result<(), ForgeError> {
        let (place, query) = path.split_once('?').unwrap_or((path, ""));
        let (mut query, mut seen) = (query.to_owned(), HashSet::new());
        loop {
            let (answer, page) = self.page(&format!("{place}?{query}"), what)?;
            if each(page).is_break() {
                return Ok(());
            }
            let next = paging::next_query(&answer, &query);
            seen.insert(query);
            match next {
                None => return Ok(()),
                Some(next) if seen.contains(&next) => {
                    return Err(ForgeError::unreadable(what, "its pages go in circles"));
                }
                Some(next) => query = next,
            }
        }
    }

    /// Begins to download what `path` holds; what breaks off goes on by itself.
    pub fn download(&self, path: &str, what: &str) -> Result<Download<'_, 't>, ForgeError> {
        Download::begin(self, path, what)
    }

    fn page<T: DeserializeOwned>(&self, path: &str, what: &str) -> Result<(Answer, T), ForgeError> {
        let mut tries = 0;
        loop {
            let request = self.request(path).header("Accept", self.accepted()).at_most(MAX_PAGE);
            let Answer { status, headers, mut body } = self.ask(&request, what)?;
            let mut bytes = Vec::new();
            match body.read_to_end(&mut bytes) {
                Ok(_) => {
                    // The parser's message may repeat what it read.
                    let value = serde_json::from_slice(&bytes).map_err(|error| {
                        ForgeError::unreadable(what, format!("no JSON as documented, at line {}", error.line()))
                    })?;
                    return Ok((Answer::new(status, headers, std::io::empty()), value));
                }
                Err(error) if tries + 1 >= MAX_TRIES => return Err(ForgeError::unreadable(what, error)),
                Err(_) => tries += 1,
            }
            self.pause(tries);
        }
    }

    /// A request for this server, with who we are.
    pub(super) fn request(&self, path: &str) -> Request {
        let request = Request::get(format!("{}{path}", self.server.base));
        let request = match self.server.forge {
            Forge::Github => request.header("X-GitHub-Api-Version", "2022-11-28"),
            Forge::Gitlab => request,
        };
        match &self.server.token {
            Some(Token::Bearer(token)) => {
                request.header("Authorization", format!("Bearer {}", String::from_utf8_lossy(token.expose())))
            }
            Some(Token::Job(token)) => request.header("JOB-TOKEN", String::from_utf8_lossy(token.expose())),
            None => request,
        }
    }

    fn accepted(&self) -> &'static str {
        match self.server.forge {
            Forge::Github => "application/vnd.github+json",
            Forge::Gitlab => "application/json",
        }
    }

    /// Sends a request until it is answered with success, or refused for good.
    pub(super) fn ask(&self, request: &Request, what: &str) -> Result<Answer, ForgeError> {
        let mut tries = 0;
        loop {
            let limited = |until| ForgeError::Limited { host: self.shown().to_owned(), until };
            self.patience.wait().map_err(limited)?;
            let followed = match self.follow(request.clone()) {
                Err(error) if error.is_passing() && tries + 1 < MAX_TRIES => {
                    tries += 1;
                    self.pause(tries);
                    continue;
                }
                followed => followed?,
            };
            let Followed { mut answer, is_home, host } = followed;
            if answer.is_success() {
                if is_home {
                    self.patience.note(&answer);
                }
                return Ok(answer);
            }
            let said = said(&mut answer);
            if let Some(wait) = limits::asked_for(&answer, &said).filter(|_| is_home) {
                self.patience.hold(wait);
                continue;
            }
            // Of a storage a new address may be had: the old one may have been valid too shortly.
            let is_passing = matches!(answer.status, 429 | 500 | 502..=504) || answer.status == 403 && !is_home;
            if is_passing && tries + 1 < MAX_TRIES {
                tries += 1;
                match answer.retry_after() {
                    Some(wait) => self.patience.hold(wait),
                    None => self.pause(tries),
                }
                continue;
            }
            return Err(self.refusal(answer.status, host, what, said));
        }
    }

    fn follow(&self, mut request: Request) -> Result<Followed, TransportError> {
        let mut is_home = true;
        for _ in 0..MAX_REDIRECTS {
            let answer = self.transport.send(&request)?;
            match request.redirected(&answer)? {
                Some(next) if next.url.starts_with("http://") && !is_loopback(&next.url) => {
                    return Err(TransportError::Other(format!("{} redirects to where there is no TLS", self.shown())));
                }
                Some(next) => {
                    is_home &= origin(&next.url) == origin(&request.url);
                    request = next;
                }
                None => {
                    let host = if is_home { self.shown().to_owned() } else { host(&request.url).to_owned() };
                    return Ok(Followed { answer, is_home, host });
                }
            }
        }
        Err(TransportError::Other(format!("{} redirects in circles", self.shown())))
    }

    fn refusal(&self, status: u16, host: String, what: &str, said: String) -> ForgeError {
        let what = what.to_owned();
        match status {
            404 => {
                let who = if self.server.token.is_some() { "this token" } else { "somebody without a token" };
                ForgeError::Missing { host, what, who }
            }
            410 => ForgeError::Gone { host, what },
            status => {
                let reason = if said.is_empty() { said } else { format!(": {said}") };
                ForgeError::Refused { host, status, what, reason }
            }
        }
    }
}

/// An answer, and who gave it.
struct Followed {
    answer: Answer,
    /// The server itself, not one that it redirects to.
    is_home: bool,
    host: String,
}

/// What a refusal says, in its own words as far as they are fit to print.
fn said(answer: &mut Answer) -> String {
    let mut body = Vec::new();
    let _ = (&mut answer.body).take(MAX_REASON).read_to_end(&mut body);
    let Ok(Refusal { message, error }) = serde_json::from_slice(&body) else { return String::new() };
    let text = [message, error].into_iter().find_map(|value| value.as_str().map(str::to_owned)).unwrap_or_default();
    text.trim().chars().filter(|c| !c.is_control()).take(200).collect()
}

/// Scheme, host and port.
fn origin(url: &str) -> &str {
    let end = url.match_indices(['/', '?', '#']).map(|(at, _)| at).nth(2);
    &url[..end.unwrap_or(url.len())]
}

fn host(url: &str) -> &str {
    origin(url).split_once("://").map_or("", |(_, host)| host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_by_its_address_or_its_apis() {
        let table = [
            (Forge::Github, "https://github.com", Some(("https://api.github.com", "github.com"))),
            (Forge::Github, "https://api.github.com/", Some(("https://api.github.com", "github.com"))),
            (Forge::Github, "https://api.own.ghe.com", Some(("https://api.own.ghe.com", "own.ghe.com"))),
            (Forge::Github, "https://G.example", Some(("https://g.example/api/v3", "g.example"))),
            (Forge::Github, "https://g.example/api/v3", Some(("https://g.example/api/v3", "g.example"))),
            (Forge::Gitlab, "https://l.example:8443", Some(("https://l.example:8443/api/v4", "l.example:8443"))),
            (Forge::Gitlab, "https://l.example/git/api/v4/", Some(("https://l.example/git/api/v4", "l.example"))),
            (Forge::Gitlab, "http://127.0.0.1:80", Some(("http://127.0.0.1:80/api/v4", "127.0.0.1:80"))),
            (Forge::Gitlab, "http://l.example", None),
            (Forge::Gitlab, "l.example", None),
            (Forge::Gitlab, "https://user@l.example", None),
            (Forge::Gitlab, "https://l.example/?x", None),
            (Forge::Gitlab, "https://", None),
        ];
        for (forge, address, expected) in table {
            let server = Server::at(forge, address).ok();
            let found = server.as_ref().map(|server| (server.base.as_str(), server.shown()));
            assert_eq!(found, expected, "{address}");
        }
        assert_eq!(origin("https://a.example:1/x?https://b/"), "https://a.example:1");
        assert_eq!(host("https://a.example?x/y"), "a.example?x/y".split('?').next().unwrap());
    }
}
