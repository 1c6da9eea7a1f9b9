//! Questions to a vault over HTTP: reading may be repeated, a change is sent once, and no message holds a value.

use super::VaultError;
use crate::http::{self, Method, Request, Transport, TransportError};
use crate::secret::Secret;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use zeroize::{Zeroize, Zeroizing};

/// The way to the network that vaults share.
pub type Wire = Arc<dyn Transport + Send>;

/// How often a question is asked while the vault is busy.
const TRIES: u32 = 3;
/// The longest that a vault may make us wait before the next try.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// The most of a server's own words that a message repeats.
const MAX_WORDS: usize = 200;
/// Values shorter than this are words that any message may hold.
const SHORT: usize = 6;

/// One server, and what every request to it carries.
pub struct Talk {
    wire: Wire,
    /// Without a slash at its end.
    base: String,
    headers: Vec<(String, Secret)>,
}

/// A question or a change.
pub struct Ask {
    pub method: Method,
    /// Behind the address, with its first slash and its query.
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Whether it changes something: then it is sent once.
    pub changes: bool,
}

impl Ask {
    /// A question by `GET`.
    pub fn get(path: impl Into<String>) -> Ask {
        Ask { method: Method::Get, path: path.into(), headers: Vec::new(), body: Vec::new(), changes: false }
    }

    /// A change without a body.
    pub fn change(method: Method, path: impl Into<String>) -> Ask {
        Ask { method, path: path.into(), headers: Vec::new(), body: Vec::new(), changes: true }
    }

    /// With a body of JSON, which is wiped.
    pub fn json(mut self, mut body: Value) -> Ask {
        self.body = serde_json::to_vec(&body).unwrap_or_default();
        wipe(&mut body);
        self.headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
        self
    }

    /// A question that only looks like a change: a login, a search by `POST`.
    pub fn harmless(mut self) -> Ask {
        self.changes = false;
        self
    }
}

impl Drop for Ask {
    fn drop(&mut self) {
        self.body.zeroize();
        self.headers.iter_mut().for_each(|(_, value)| value.zeroize());
    }
}

/// An answer, read whole; wiped when it is dropped.
pub struct Reply {
    pub status: u16,
    /// The body as JSON; `Null` when it is none.
    pub json: Value,
    pub bytes: Zeroizing<Vec<u8>>,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Reply {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// A text of the answer, by the way to it.
    pub fn text(&self, way: &str) -> Option<&str> {
        self.json.pointer(way)?.as_str()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        wipe(&mut self.json);
    }
}

impl Talk {
    /// To `address`, over TLS or to this machine.
    pub fn new(wire: Wire, address: &str) -> Result<Talk, VaultError> {
        let exact = http::exact(address).map_err(|error| VaultError::Other(error.to_string()))?;
        if !exact.url.starts_with("https://") && !http::is_loopback(&exact.url) {
            let message = format!("{} is no address with https: nothing is sent there", exact.host);
            return Err(VaultError::Other(message));
        }
        if exact.url.contains(['?', '#']) {
            return Err(VaultError::Other(format!("the address of {} holds more than a path", exact.host)));
        }
        Ok(Talk { wire, base: exact.url.trim_end_matches('/').to_owned(), headers: Vec::new() })
    }

    /// The address.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Adds a header to every request, or replaces it.
    pub fn set_header(&mut self, name: &str, value: Secret) {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value));
    }

    /// The same server without one of the headers.
    pub fn without(&self, name: &str) -> Talk {
        let headers = self.headers.iter().filter(|(known, _)| known != name).cloned().collect();
        Talk { wire: Arc::clone(&self.wire), base: self.base.clone(), headers }
    }

    /// Sends a question, and again while the vault is busy; a change once. Any status is an answer.
    pub fn send(&self, ask: &Ask) -> Result<Reply, VaultError> {
        let mut tried = 0;
        loop {
            tried += 1;
            let is_last = ask.changes || tried == TRIES;
            let pause = Duration::from_millis(100 << tried);
            let wait = match self.once(ask) {
                Ok(reply) if is_last || !is_busy(&reply) => return Ok(reply),
                Ok(reply) => match reply.header("retry-after").map(str::parse) {
                    Some(Ok(seconds)) => Duration::from_secs(seconds),
                    _ => pause,
                },
                Err(TransportError::Connection { .. }) if !is_last => pause,
                Err(error) => return Err(unsent(error, ask.changes)),
            };
            if wait > LONGEST_WAIT {
                let message = format!("{} is busy for the next {} seconds", self.base, wait.as_secs());
                return Err(VaultError::Unavailable(message));
            }
            std::thread::sleep(wait);
        }
    }

    fn once(&self, ask: &Ask) -> Result<Reply, TransportError> {
        let mut request = Request::new(ask.method, format!("{}{}", self.base, ask.path));
        if !ask.headers.iter().any(|(name, _)| name == "Accept") {
            request = request.header("Accept", "*/*");
        }
        for (name, value) in &self.headers {
            let value = std::str::from_utf8(value.expose());
            let value = value.map_err(|_| TransportError::Other(format!("the value of {name} is no text")))?;
            request = request.header(name, value);
        }
        request.headers.extend(ask.headers.iter().cloned());
        request.body = ask.body.clone();
        let answer = self.wire.send(&request)?;
        let (status, headers) = (answer.status, answer.headers.clone());
        let host = self.base.split("://").last().unwrap_or_default().to_owned();
        let broken = |error: std::io::Error| TransportError::Connection { host, reason: error.to_string() };
        let bytes = Zeroizing::new(answer.bytes().map_err(broken)?);
        let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Ok(Reply { status, json, bytes, headers })
    }

    /// What an answer that is no success means; `words` are the server's own.
    pub fn refusal(&self, ask: &Ask, status: u16, words: &str, object: &str) -> VaultError {
        let words = self.clean(words, ask);
        let message = format!("{object}: {} {words}", self.says(status)).trim_end_matches([' ', ':']).to_owned();
        match status {
            401 | 403 => VaultError::Denied(message),
            404 => VaultError::Absent(object.to_owned()),
            429 | 503 => VaultError::Unavailable(message),
            500.. if ask.changes => VaultError::Unanswered(message),
            500.. => VaultError::Unavailable(message),
            _ => VaultError::Other(message),
        }
    }

    fn says(&self, status: u16) -> String {
        let word = match status {
            301 | 302 | 307 | 308 => " (it sends us elsewhere: name that address)",
            401 => " (no login)",
            403 => " (not allowed)",
            429 => " (too many requests)",
            _ => "",
        };
        format!("{} says {status}{word}:", self.base)
    }

    /// A server's words, cut, in one line, without anything that was sent to it.
    fn clean(&self, words: &str, ask: &Ask) -> String {
        let mut sent: Vec<Zeroizing<String>> = Vec::new();
        if let Ok(mut body) = serde_json::from_slice::<Value>(&ask.body) {
            leaves(&body, &mut sent);
            wipe(&mut body);
        } else if let Ok(text) = std::str::from_utf8(&ask.body) {
            sent.push(Zeroizing::new(text.to_owned()));
        }
        let headers = self.headers.iter().map(|(_, value)| String::from_utf8_lossy(value.expose()).into_owned());
        sent.extend(headers.map(Zeroizing::new));
        if sent.iter().any(|value| value.len() >= SHORT && words.contains(value.as_str())) {
            return "(its words are not shown: they repeat a value)".to_owned();
        }
        words.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_WORDS).collect()
    }
}

fn is_busy(reply: &Reply) -> bool {
    // A sealed vault says 503, too, and waiting does not open it.
    match reply.status {
        429 | 502 | 504 => true,
        503 => reply.header("retry-after").is_some(),
        _ => false,
    }
}

fn unsent(error: TransportError, changes: bool) -> VaultError {
    match error {
        TransportError::Timeout { .. } | TransportError::Connection { .. } if changes => {
            VaultError::Unanswered(format!("nobody knows whether it was done: {error}"))
        }
        TransportError::Other(message) => VaultError::Other(message),
        error => VaultError::Unavailable(error.to_string()),
    }
}

fn leaves(value: &Value, out: &mut Vec<Zeroizing<String>>) {
    match value {
        Value::String(text) => out.push(Zeroizing::new(text.clone())),
        Value::Array(items) => items.iter().for_each(|item| leaves(item, out)),
        Value::Object(fields) => fields.values().for_each(|item| leaves(item, out)),
        _ => {}
    }
}

/// Wipes every text of a value.
pub fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(fields) => fields.values_mut().for_each(wipe),
        _ => {}
    }
}

/// The header of who has a token.
pub fn bearer(token: &Secret) -> Secret {
    Secret::new(&Zeroizing::new([b"Bearer ", token.expose()].concat()))
}

/// A path that stays where it is put: no part of it is empty, `.` or `..`, and it holds nothing unprintable.
pub fn checked(path: &str) -> Result<&str, VaultError> {
    let is_bad = |part: &str| matches!(part, "" | "." | "..") || part.chars().any(char::is_control);
    match path.split('/').any(is_bad) {
        true => Err(VaultError::Other(format!("`{}` is no path of an entry", path.escape_debug()))),
        false => Ok(path),
    }
}

/// A path as it stands in an address.
pub fn quoted(path: &str) -> Result<String, VaultError> {
    checked(path).map(|path| http::encode(path, true))
}

/// A value of JSON as a field holds it: a text as it is, all else as its JSON.
pub fn field(value: &Value) -> Secret {
    match value {
        Value::String(text) => Secret::new(text.as_bytes()),
        other => Secret::new(&Zeroizing::new(serde_json::to_vec(other).unwrap_or_default())),
    }
}

/// A field as JSON: what was a number or an object before and still reads the same stays one.
pub fn unfield(name: &str, value: &Secret, before: Option<&Value>) -> Result<Value, VaultError> {
    if let Some(before) = before.filter(|before| !before.is_string() && field(before) == *value) {
        return Ok(before.clone());
    }
    let text = std::str::from_utf8(value.expose());
    let text = text.map_err(|_| VaultError::Unsupported(format!("field {name} is no text: this vault holds texts")))?;
    Ok(Value::String(text.to_owned()))
}

/// What a path must not lead to: an answer without what was asked for.
pub fn strange(object: &str) -> VaultError {
    VaultError::Other(format!("{object}: the answer does not hold what it should"))
}
