//! A registry: <https://github.com/opencontainers/distribution-spec>, with docker's ways of logging in.

mod catalogue;
mod challenge;

use super::credentials::{Credentials, Login};
use super::digest::Digest;
use super::error::ImageError;
use super::manifest::{ACCEPT, Descriptor, Manifest, Platform};
use super::reference::Reference;
use super::resolve::{self, Resolved};
use super::store::{Each, MAX_SMALL, Store};
use crate::http::{Answer, Method, Request, Transport, TransportError, encode, is_loopback};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use challenge::Challenge;
use serde::Deserialize;
use std::io::{self, Read};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Addresses that one request may be sent on to.
const MAX_REDIRECTS: u32 = 8;
/// Tries at a request that a server has no time for, and at going on with a blob that broke off.
const MAX_TRIES: u32 = 4;
/// The longest wait that a server may ask for.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// One repository of a registry.
pub struct Registry<'t> {
    transport: &'t dyn Transport,
    /// `https://host`.
    base: String,
    reference: Reference,
    login: Option<Login>,
    /// The header that convinced it last.
    authorization: Mutex<Option<String>>,
    /// Requests that were sent.
    calls: AtomicU64,
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    token: String,
    #[serde(default)]
    access_token: String,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    errors: Vec<RefusalError>,
}

#[derive(Deserialize)]
struct RefusalError {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

impl<'t> Registry<'t> {
    /// The registry of an image. On loopback it may speak plain HTTP; anywhere else it must not.
    pub fn connect(
        transport: &'t dyn Transport,
        reference: &Reference,
        credentials: &Credentials,
    ) -> Result<Registry<'t>, ImageError> {
        let login = credentials.login(reference)?;
        let base = base(transport, reference.api_host())?;
        let (authorization, calls) = (Mutex::default(), AtomicU64::new(0));
        Ok(Registry { transport, base, reference: reference.clone(), login, authorization, calls })
    }

    /// The images behind the name.
    pub fn images(&self, platform: Option<&Platform>) -> Result<Resolved, ImageError> {
        let (digest, manifest) = self.named()?;
        self.images_of(digest, manifest, platform)
    }

    /// The manifest or index that the name stands for now.
    pub fn named(&self) -> Result<(Digest, Manifest), ImageError> {
        let bytes = self.manifest_bytes(self.reference.version(), self.reference.digest.as_ref())?;
        Ok((Digest::of(&bytes), Manifest::parse(&bytes, &self.reference.to_string())?))
    }

    /// The images behind a manifest or an index that was read.
    pub fn images_of(
        &self,
        digest: Digest,
        manifest: Manifest,
        platform: Option<&Platform>,
    ) -> Result<Resolved, ImageError> {
        resolve::resolve(self, &self.reference.to_string(), digest, manifest, platform)
    }

    /// The digest of what the name stands for now, where the server tells it without sending it: nobody counts that as
    /// a pull.
    pub fn digest(&self) -> Result<Option<Digest>, ImageError> {
        let version = self.reference.version();
        let mut request = self.request(&format!("manifests/{version}")).header("Accept", ACCEPT);
        request.method = Method::Head;
        let answer = self.send(request, &format!("the manifest {version}"))?;
        Ok(answer.header("docker-content-digest").and_then(Digest::parse))
    }

    /// As reports name the image.
    pub fn name(&self) -> String {
        self.reference.to_string()
    }

    fn manifest_bytes(&self, version: &str, digest: Option<&Digest>) -> Result<Vec<u8>, ImageError> {
        let request = self.request(&format!("manifests/{version}")).header("Accept", ACCEPT).at_most(MAX_SMALL);
        let answer = self.send(request, &format!("the manifest {version}"))?;
        let told = answer.header("docker-content-digest").and_then(Digest::parse);
        let unreadable = |error| ImageError::Unreadable { what: format!("the manifest {version}"), error };
        let bytes = answer.bytes().map_err(unreadable)?;
        match digest.or(told.as_ref()) {
            Some(digest) if !digest.names(&bytes) => {
                Err(ImageError::damaged(format!("the manifest {version}"), "its content has another digest"))
            }
            _ => Ok(bytes),
        }
    }

    fn request(&self, path: &str) -> Request {
        Request::get(format!("{}/v2/{}/{path}", self.base, self.reference.repository))
    }

    /// Sends a request until it is answered with success: logs in, waits, follows redirects.
    fn send(&self, request: Request, what: &str) -> Result<Answer, ImageError> {
        let mut refused: Option<String> = None;
        let mut tries = 0;
        loop {
            let used = self.authorization();
            let asked = match &used {
                Some(value) => request.clone().header("Authorization", value.clone()),
                None => request.clone(),
            };
            let answer = match self.follow(asked) {
                Err(ImageError::Transport(error)) if error.is_passing() && tries + 1 < MAX_TRIES => {
                    tries += 1;
                    std::thread::sleep(backoff(tries));
                    continue;
                }
                answer => answer?,
            };
            match answer.status {
                401 if refused.is_none() || used != refused => {
                    // Another thread may have logged in anew meanwhile.
                    if self.authorization() == used {
                        let value = self.log_in(&answer)?;
                        self.remember(value);
                    }
                    refused = self.authorization();
                    if refused.is_none() {
                        return Err(self.refusal(answer, what));
                    }
                }
                429 | 500 | 502..=504 if tries + 1 < MAX_TRIES => {
                    tries += 1;
                    let wait = answer.retry_after().unwrap_or(backoff(tries));
                    if wait > MAX_WAIT {
                        return Err(self.refusal(answer, what));
                    }
                    std::thread::sleep(wait);
                }
                _ if answer.is_success() => return Ok(answer),
                _ => return Err(self.refusal(answer, what)),
            }
        }
    }

    fn follow(&self, mut request: Request) -> Result<Answer, ImageError> {
        for _ in 0..MAX_REDIRECTS {
            self.calls.fetch_add(1, Ordering::Relaxed);
            let answer = self.transport.send(&request)?;
            match request.redirected(&answer)? {
                Some(next) if next.url.starts_with("http://") && !is_loopback(&next.url) => {
                    return Err(TransportError::Other("it redirects to where there is no TLS".into()).into());
                }
                Some(next) => request = next,
                None => return Ok(answer),
            }
        }
        Err(TransportError::Other(format!("{} redirects in circles", self.reference.api_host())).into())
    }

    fn authorization(&self) -> Option<String> {
        self.authorization.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    fn remember(&self, value: Option<String>) {
        *self.authorization.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = value;
    }

    /// The header that an answer of 401 asks for; none when nothing can be offered.
    fn log_in(&self, answer: &Answer) -> Result<Option<String>, ImageError> {
        let challenges: Vec<Challenge> = answer.all("www-authenticate").filter_map(Challenge::parse).collect();
        if let Some(Login::Bearer(token)) = &self.login {
            return Ok(Some(format!("Bearer {}", String::from_utf8_lossy(token.expose()))));
        }
        let bearer = challenges.iter().find(|challenge| challenge.scheme == "bearer");
        let basic = challenges.iter().any(|challenge| challenge.scheme == "basic");
        match (bearer, &self.login) {
            (Some(challenge), login) => self.token(challenge, login.as_ref()).map(Some),
            (None, Some(Login::Password { user, password })) if basic => {
                Ok(Some(password_header(user, password.expose())))
            }
            _ => Ok(None),
        }
    }

    /// Asks for a token for this repository, with a login if there is one.
    fn token(&self, challenge: &Challenge, login: Option<&Login>) -> Result<String, ImageError> {
        let realm = challenge.get("realm").unwrap_or_default();
        let is_safe = realm.starts_with("https://") || realm.starts_with("http://") && is_loopback(realm);
        if !is_safe {
            return Err(ImageError::Unsupported(format!(
                "{} gives its tokens where there is no TLS",
                self.reference.api_host()
            )));
        }
        let scope = format!("repository:{}:pull", self.reference.repository);
        let scope = challenge.get("scope").unwrap_or(&scope);
        let mut fields = vec![("scope", scope)];
        fields.extend(challenge.get("service").map(|service| ("service", service)));
        let request = match login {
            Some(Login::Identity(token)) => {
                let token = String::from_utf8_lossy(token.expose()).into_owned();
                fields.extend([("grant_type", "refresh_token"), ("client_id", "stopleak"), ("refresh_token", &token)]);
                let mut request = Request::new(Method::Post, realm);
                request.body = form(&fields).into_bytes();
                request.header("Content-Type", "application/x-www-form-urlencoded")
            }
            other => {
                let joint = if realm.contains('?') { '&' } else { '?' };
                let request = Request::get(format!("{realm}{joint}{}", form(&fields)));
                match other {
                    Some(Login::Password { user, password }) => {
                        request.header("Authorization", password_header(user, password.expose()))
                    }
                    _ => request,
                }
            }
        };
        let answer = self.follow(request)?;
        if !answer.is_success() {
            return Err(self.refusal(answer, "the login"));
        }
        let read = |error| ImageError::Unreadable { what: "the token".into(), error };
        let body = zeroize::Zeroizing::new(answer.bytes().map_err(read)?);
        // The parser's message would repeat what it read.
        let token: Token =
            serde_json::from_slice(&body).map_err(|_| ImageError::damaged("the token", "it is no JSON of a token"))?;
        match [token.token, token.access_token].into_iter().find(|token| !token.is_empty()) {
            Some(token) => Ok(format!("Bearer {token}")),
            None => Err(ImageError::damaged("the token", "there is none in it")),
        }
    }

    /// An answer that is no success, in its own words as far as they are fit to print.
    fn refusal(&self, answer: Answer, what: &str) -> ImageError {
        let status = answer.status;
        let mut body = Vec::new();
        let _ = answer.body.take(64 << 10).read_to_end(&mut body);
        let first = serde_json::from_slice::<Refusal>(&body).ok().and_then(|refusal| refusal.errors.into_iter().next());
        let said = first.map(|error| format!("{} {}", error.code, error.message)).unwrap_or_default();
        let said: String = said.trim().chars().filter(|c| !c.is_control()).take(200).collect();
        let reason = if said.is_empty() { said } else { format!(": {said}") };
        ImageError::Status { host: self.reference.api_host().to_owned(), status, what: what.to_owned(), reason }
    }

    fn blob(&self, what: &Descriptor) -> Result<Blob<'_>, ImageError> {
        let size = what.size.unwrap_or(u64::MAX - 1);
        let request = self.request(&format!("blobs/{}", what.digest)).at_most(size + 1);
        let name = format!("the blob {}", what.digest.short());
        let answer = self.send(request.clone(), &name)?;
        Ok(Blob { registry: self, request, name, inner: answer.body, read: 0, size: what.size, tries: 0 })
    }
}

/// `https://host`, or `http://host` for a registry on loopback that speaks no TLS.
fn base(transport: &dyn Transport, host: &str) -> Result<String, ImageError> {
    let secure = format!("https://{host}");
    if !is_loopback(host) {
        return Ok(secure);
    }
    let ping = |base: &str| transport.send(&Request::get(format!("{base}/v2/")));
    let error = match ping(&secure) {
        Ok(_) => return Ok(secure),
        Err(error) => error,
    };
    let plain = format!("http://{host}");
    match ping(&plain) {
        Ok(answer) if matches!(answer.status, 200 | 401) => Ok(plain),
        _ => Err(error.into()),
    }
}

fn password_header(user: &str, password: &[u8]) -> String {
    let joined = zeroize::Zeroizing::new([user.as_bytes(), b":", password].concat());
    format!("Basic {}", STANDARD.encode(&joined))
}

/// `a=b&c=d`, percent-encoded.
fn form(fields: &[(&str, &str)]) -> String {
    fields.iter().map(|(key, value)| format!("{key}={}", encode(value, false))).collect::<Vec<_>>().join("&")
}

fn backoff(tries: u32) -> Duration {
    Duration::from_millis(100 << (2 * tries.min(4)))
}

/// A blob as it arrives; one that breaks off is asked for again from there.
struct Blob<'r> {
    registry: &'r Registry<'r>,
    request: Request,
    name: String,
    inner: Box<dyn Read + Send>,
    read: u64,
    size: Option<u64>,
    tries: u32,
}

impl Blob<'_> {
    fn resume(&mut self) -> Result<(), ImageError> {
        let request = self.request.clone().header("Range", format!("bytes={}-", self.read));
        let answer = self.registry.send(request, &self.name)?;
        match answer.status {
            206 => {
                self.inner = answer.body;
                Ok(())
            }
            // It begins anew.
            _ => {
                self.inner = answer.body;
                let passed = io::copy(&mut (&mut self.inner).take(self.read), &mut io::sink());
                let unreadable = |error| ImageError::Unreadable { what: self.name.clone(), error };
                passed.map_err(unreadable).map(|_| ())
            }
        }
    }
}

impl Read for Blob<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        loop {
            let is_short = self.size.is_some_and(|size| self.read < size);
            let error = match self.inner.read(room) {
                Ok(0) if is_short && !room.is_empty() => io::ErrorKind::UnexpectedEof.into(),
                Ok(count) => {
                    self.read += count as u64;
                    return Ok(count);
                }
                Err(error) => error,
            };
            self.tries += 1;
            if self.tries >= MAX_TRIES {
                return Err(error);
            }
            self.resume().map_err(io::Error::other)?;
        }
    }
}

impl Store for Registry<'_> {
    fn read(&self, wanted: &[&Descriptor], each: &mut Each<'_>) {
        for (index, what) in wanted.iter().enumerate() {
            match self.blob(what) {
                Ok(mut blob) => each(index, Ok(&mut blob)),
                Err(error) => each(index, Err(error)),
            }
        }
    }

    fn manifest(&self, what: &Descriptor) -> Result<Vec<u8>, ImageError> {
        self.manifest_bytes(what.digest.as_str(), Some(&what.digest))
    }
}
