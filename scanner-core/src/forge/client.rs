//! One forge, asked over HTTP: says who we are to that host alone, waits, tries again, follows redirects, reads pages.

use super::app::{self, App, Granted, Installation};
use super::download::Download;
use super::error::ForgeError;
use super::limits::{self, Patience, Rate, Waits};
use super::paging;
use super::place::Forge;
use super::server::Server;
use crate::http::{Answer, Method, Request, Transport, TransportError, is_loopback};
use crate::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::HashSet;
use std::io::Read;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Addresses that one request may be sent on to.
const MAX_REDIRECTS: u32 = 8;
/// Tries at a request that breaks off or that a server has no time for.
pub const MAX_TRIES: u32 = 4;
/// Bytes of a page of a list.
const MAX_PAGE: u64 = 64 << 20;
/// The status that says that nothing has changed.
const UNCHANGED: u16 = 304;
/// Bytes of a refusal that are read for its reason.
const MAX_REASON: u64 = 64 << 10;

/// Who we are.
#[derive(Clone, Debug)]
pub enum Token {
    /// A person's, a project's or an application's.
    Bearer(Secret),
    /// GitLab's for the job that is running.
    Job(Secret),
    /// A user with a password, or with a token in its place.
    Basic {
        /// May be empty.
        user: String,
        /// The password or token.
        password: Secret,
    },
    /// An application's, which are asked for and renewed.
    App(App),
}

/// Told of every wait for a limit: the server and how long.
pub type Announce = dyn Fn(&str, Duration) + Send + Sync;

/// What an answer that we have was marked with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// `ETag`.
    pub etag: Option<String>,
    /// `Last-Modified`.
    pub modified: Option<String>,
}

/// An answer that was read whole.
#[derive(Debug)]
pub struct Fetched {
    /// Names in lower case, and values; the body is read.
    pub answer: Answer,
    /// None when it is as it was.
    pub body: Option<Vec<u8>>,
}

impl Fetched {
    /// The body as JSON, where it is not as it was.
    pub fn json<T: DeserializeOwned>(&self, what: &str) -> Result<Option<T>, ForgeError> {
        self.body.as_deref().map(|body| parse(body, what)).transpose()
    }

    /// What it is marked with.
    pub fn marks(&self) -> Marks {
        let of = |name| self.answer.header(name).map(str::to_owned);
        Marks { etag: of("etag"), modified: of("last-modified") }
    }

    /// The number of the list's last page, where it is told.
    pub fn last_page(&self) -> Option<u64> {
        paging::last_page(&self.answer)
    }

    /// The query of the list's next page.
    pub fn next_query(&self, query: &str) -> Option<String> {
        paging::next_query(&self.answer, query)
    }
}

/// Asks one server.
pub struct Client<'t> {
    transport: &'t dyn Transport,
    server: Server,
    patience: Patience,
    waits: Waits,
    /// Requests that were sent, and how many may be.
    calls: AtomicU64,
    max_calls: u64,
    rate: Mutex<Option<Rate>>,
    announce: Option<Arc<Announce>>,
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
        Client {
            transport,
            server: server.clone(),
            patience: Patience::new(waits.max),
            waits,
            calls: AtomicU64::new(0),
            max_calls: u64::MAX,
            rate: Mutex::new(None),
            announce: None,
        }
    }

    /// Sends at most so many requests.
    pub fn with_budget(self, calls: u64) -> Client<'t> {
        Client { max_calls: calls, ..self }
    }

    /// Tells of every wait for a limit.
    pub fn announcing(self, announce: Arc<Announce>) -> Client<'t> {
        Client { announce: Some(announce), ..self }
    }

    /// Waits for a limit no longer once this is set.
    pub fn until(self, stop: Arc<AtomicBool>) -> Client<'t> {
        Client { patience: self.patience.until(stop), ..self }
    }

    /// The server that is asked.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Requests that were sent so far.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// What the server said last of its limit.
    pub fn rate(&self) -> Option<Rate> {
        *self.rate.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
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

    /// What `path` holds, unless it is as it was when it got these marks.
    pub fn fetch(&self, path: &str, marks: &Marks, what: &str) -> Result<Fetched, ForgeError> {
        self.renewing(
            app::owner(path),
            &|| {
                let request = self.request(path)?.header("Accept", self.accepted()).at_most(MAX_PAGE);
                Ok(match marks {
                    Marks { etag: Some(etag), .. } => request.header("If-None-Match", etag),
                    Marks { modified: Some(modified), .. } => request.header("If-Modified-Since", modified),
                    _ => request,
                })
            },
            what,
        )
    }

    /// The answer to JSON that is sent to `path`; `owner` is whom it is about.
    pub fn post(
        &self,
        path: &str,
        owner: &str,
        body: &serde_json::Value,
        what: &str,
    ) -> Result<serde_json::Value, ForgeError> {
        let fetched = self.renewing(
            owner,
            &|| {
                let mut request = self.request_as(Method::Post, path, owner)?.header("Accept", self.accepted());
                request.body = body.to_string().into_bytes();
                Ok(request.header("Content-Type", "application/json").at_most(MAX_PAGE))
            },
            what,
        )?;
        parse(fetched.body.as_deref().unwrap_or_default(), what)
    }

    /// Who we are to git: a user and a password for the repositories of an owner; none without a token.
    pub fn password(&self, owner: &str) -> Result<Option<(String, Secret)>, ForgeError> {
        let user = match self.server.forge {
            Forge::Github => "x-access-token",
            Forge::Bitbucket => "x-token-auth",
            _ => "oauth2",
        };
        Ok(match &self.server.token {
            None => None,
            Some(Token::Bearer(token)) => Some((user.to_owned(), token.clone())),
            Some(Token::Job(token)) => Some(("gitlab-ci-token".to_owned(), token.clone())),
            // Bitbucket takes a token for git under a name of its own, not under the address that its API takes.
            Some(Token::Basic { user, password }) => {
                let is_address = self.server.forge == Forge::Bitbucket && user.contains('@');
                let user = if is_address { "x-bitbucket-api-token-auth" } else { user };
                Some((user.to_owned(), password.clone()))
            }
            Some(Token::App(app)) => Some((user.to_owned(), self.installed(app, owner)?)),
        })
    }

    fn page<T: DeserializeOwned>(&self, path: &str, what: &str) -> Result<(Answer, T), ForgeError> {
        let Fetched { answer, body } = self.fetch(path, &Marks::default(), what)?;
        Ok((answer, parse(body.as_deref().unwrap_or_default(), what)?))
    }

    /// Sends what `make` makes and reads the answer whole; an application's token that is refused is renewed once.
    fn renewing(
        &self,
        owner: &str,
        make: &dyn Fn() -> Result<Request, ForgeError>,
        what: &str,
    ) -> Result<Fetched, ForgeError> {
        match self.read(make, what) {
            Err(ForgeError::Refused { status: 401, .. }) if matches!(self.server.token, Some(Token::App(_))) => {
                if let Some(Token::App(app)) = &self.server.token {
                    app.forget(owner);
                }
                self.read(make, what)
            }
            read => read,
        }
    }

    fn read(&self, make: &dyn Fn() -> Result<Request, ForgeError>, what: &str) -> Result<Fetched, ForgeError> {
        let mut tries = 0;
        loop {
            let Answer { status, headers, mut body } = self.ask(&make()?, what)?;
            let mut bytes = Vec::new();
            match body.read_to_end(&mut bytes) {
                Ok(_) => {
                    let body = (status != UNCHANGED).then_some(bytes);
                    return Ok(Fetched { answer: Answer::new(status, headers, std::io::empty()), body });
                }
                Err(error) if tries + 1 >= MAX_TRIES => return Err(ForgeError::unreadable(what, error)),
                Err(_) => tries += 1,
            }
            self.pause(tries);
        }
    }

    /// A request for this server, with who we are.
    pub(super) fn request(&self, path: &str) -> Result<Request, ForgeError> {
        self.request_as(Method::Get, path, app::owner(path))
    }

    fn request_as(&self, method: Method, path: &str, owner: &str) -> Result<Request, ForgeError> {
        let request = self.bare(method, path);
        let text = |secret: &Secret| String::from_utf8_lossy(secret.expose()).into_owned();
        Ok(match &self.server.token {
            Some(Token::Bearer(token)) if self.server.forge == Forge::Gitea => {
                request.header("Authorization", format!("token {}", text(token)))
            }
            Some(Token::Bearer(token)) => request.header("Authorization", format!("Bearer {}", text(token))),
            Some(Token::Job(token)) => request.header("JOB-TOKEN", text(token)),
            Some(Token::Basic { user, password }) => {
                let pair = zeroize::Zeroizing::new(format!("{user}:{}", text(password)));
                request.header("Authorization", format!("Basic {}", STANDARD.encode(pair.as_bytes())))
            }
            Some(Token::App(app)) => {
                request.header("Authorization", format!("Bearer {}", text(&self.installed(app, owner)?)))
            }
            None => request,
        })
    }

    fn bare(&self, method: Method, path: &str) -> Request {
        let request = Request::new(method, self.server.url(path));
        match self.server.forge {
            Forge::Github => request.header("X-GitHub-Api-Version", "2022-11-28"),
            _ => request,
        }
    }

    /// An application's token where it is installed.
    fn installed(&self, app: &App, owner: &str) -> Result<Secret, ForgeError> {
        if let Some(token) = app.token(owner) {
            return Ok(token);
        }
        let id = match app.installation {
            Some(id) => id,
            None => self.installation(app, owner)?,
        };
        let request = self.signed(app, Method::Post, &format!("/app/installations/{id}/access_tokens"))?;
        let granted: Granted = self.small(&request, "a token for the installation of the app")?;
        Ok(app.keep(owner, granted))
    }

    fn installation(&self, app: &App, owner: &str) -> Result<u64, ForgeError> {
        if owner.is_empty() {
            return Err(ForgeError::App(
                "the number of the GitHub app's installation is needed for this target".into(),
            ));
        }
        let what = format!("the app's installation at {owner}");
        let at = |kind: &str| -> Result<Installation, ForgeError> {
            self.small(&self.signed(app, Method::Get, &format!("/{kind}/{owner}/installation"))?, &what)
        };
        match at("orgs") {
            Err(ForgeError::Missing { .. }) => at("users"),
            found => found,
        }
        .map(|installation| installation.id)
    }

    fn signed(&self, app: &App, method: Method, path: &str) -> Result<Request, ForgeError> {
        let request = self.bare(method, path).header("Accept", self.accepted());
        Ok(request.header("Authorization", format!("Bearer {}", *app.signed()?)).at_most(MAX_REASON))
    }

    fn small<T: DeserializeOwned>(&self, request: &Request, what: &str) -> Result<T, ForgeError> {
        let body = self.ask(request, what)?.bytes().map_err(|error| ForgeError::unreadable(what, error))?;
        parse(&zeroize::Zeroizing::new(body), what)
    }

    fn accepted(&self) -> &'static str {
        match self.server.forge {
            Forge::Github => "application/vnd.github+json",
            _ => "application/json",
        }
    }

    /// Sends a request until it is answered with success, or refused for good.
    pub(super) fn ask(&self, request: &Request, what: &str) -> Result<Answer, ForgeError> {
        let mut tries = 0;
        loop {
            let limited = |until| ForgeError::Limited { host: self.shown().to_owned(), until };
            let tell = |wait| _ = self.announce.as_ref().map(|announce| announce(self.shown(), wait));
            self.patience.wait(&tell).map_err(limited)?;
            let followed = match self.follow(request.clone()) {
                Err(ForgeError::Transport(error)) if error.is_passing() && tries + 1 < MAX_TRIES => {
                    tries += 1;
                    self.pause(tries);
                    continue;
                }
                followed => followed?,
            };
            let Followed { mut answer, is_home, host } = followed;
            if is_home {
                self.note(&answer);
            }
            if answer.is_success() || answer.status == UNCHANGED {
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

    /// Looks at what an answer says of limits. Those of GraphQL are points of their own.
    fn note(&self, answer: &Answer) {
        if answer.header("x-ratelimit-resource") == Some("graphql") {
            return;
        }
        if let Some(rate) = Rate::of(answer) {
            *self.rate.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(rate);
        }
        if answer.is_success() || answer.status == UNCHANGED {
            self.patience.note(answer);
        }
    }

    fn follow(&self, mut request: Request) -> Result<Followed, ForgeError> {
        let mut is_home = true;
        for _ in 0..MAX_REDIRECTS {
            if self.calls.fetch_add(1, Ordering::Relaxed) >= self.max_calls {
                self.calls.fetch_sub(1, Ordering::Relaxed);
                return Err(ForgeError::Budget { host: self.shown().to_owned(), calls: self.max_calls });
            }
            let answer = self.transport.send(&request)?;
            match request.redirected(&answer)? {
                Some(next) if next.url.starts_with("http://") && !is_loopback(&next.url) => {
                    let reason = format!("{} redirects to where there is no TLS", self.shown());
                    return Err(TransportError::Other(reason).into());
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
        Err(TransportError::Other(format!("{} redirects in circles", self.shown())).into())
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

/// Reads JSON. The parser's message may repeat what it read: it is not told.
fn parse<T: DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T, ForgeError> {
    serde_json::from_slice(bytes)
        .map_err(|error| ForgeError::unreadable(what, format!("no JSON as documented, at line {}", error.line())))
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
    fn an_origin_ends_where_the_path_begins() {
        assert_eq!(origin("https://a.example:1/x?https://b/"), "https://a.example:1");
        assert_eq!(host("https://a.example?x/y"), "a.example");
    }
}
