//! What is asked and what is answered, as plain values.

use super::error::TransportError;
use reqwest::Url;
use std::fmt;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::time::Duration;
use zeroize::Zeroize;

/// Bytes of an answer that are read unless the request says otherwise.
const MAX_ANSWER: u64 = 16 << 20;

/// Headers that any host may see. All others are meant for one: services have many names for a key.
const PUBLIC: [&str; 6] = ["accept", "accept-encoding", "range", "user-agent", "if-none-match", "if-modified-since"];

/// What is done to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    /// Of HashiCorp Vault: the names in a folder.
    List,
}

impl Method {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
            Method::List => "LIST",
        }
    }
}

/// A request. Headers and body may hold secrets: they are wiped when it is dropped, and `Debug` shows none.
#[derive(Clone)]
pub struct Request {
    /// What is done.
    pub method: Method,
    /// `http` or `https`, without a user and a password.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// Sent as it is.
    pub body: Vec<u8>,
    /// Bytes of the answer's body after which reading it is an error.
    pub max_answer: u64,
    /// The addresses to connect to, whatever the host's name leads to by now; then no proxy is used. Empty: the name decides.
    pub pinned: Vec<SocketAddr>,
}

impl Request {
    /// A request without headers and body.
    pub fn new(method: Method, url: impl Into<String>) -> Request {
        Request {
            method,
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            max_answer: MAX_ANSWER,
            pinned: Vec::new(),
        }
    }

    /// A question for the resource at `url`.
    pub fn get(url: impl Into<String>) -> Request {
        Request::new(Method::Get, url)
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Request {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Reads at most this much of the answer's body.
    pub fn at_most(mut self, bytes: u64) -> Request {
        self.max_answer = bytes;
        self
    }

    /// The request that a redirecting answer asks for; none when it does not redirect. What was meant for the first
    /// host alone (`Authorization` and whatever may hold a key, a body) does not go to another one, and TLS is not given up.
    pub fn redirected(&self, answer: &Answer) -> Result<Option<Request>, TransportError> {
        let location = answer.header("location").filter(|_| matches!(answer.status, 301 | 302 | 303 | 307 | 308));
        let Some(location) = location else { return Ok(None) };
        let from = parse(&self.url)?;
        let to = from.join(location).map_err(|_| TransportError::Other("it redirects to no address".into()))?;
        let (is_same, is_safe) = (from.origin() == to.origin(), from.scheme() == to.scheme() || to.scheme() == "https");
        if !is_safe || !matches!(to.scheme(), "http" | "https") {
            return Err(TransportError::Other(format!("{} redirects to where there is no TLS", host_of(&from))));
        }
        let mut next = self.clone();
        next.url = without_user(to);
        if !is_same {
            next.pinned.clear();
            next.headers.retain(|(name, _)| PUBLIC.iter().any(|public| name.eq_ignore_ascii_case(public)));
        }
        let keeps_method = matches!(answer.status, 307 | 308) || matches!(self.method, Method::Get | Method::Head);
        match keeps_method {
            true if !is_same && !self.body.is_empty() => {
                return Err(TransportError::Other(format!("{} redirects a request with a body", host_of(&from))));
            }
            true => {}
            false => {
                next.method = Method::Get;
                next.body.zeroize();
            }
        }
        Ok(Some(next))
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.headers.iter_mut().for_each(|(_, value)| value.zeroize());
        self.body.zeroize();
        self.url.zeroize();
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = parse(&self.url).map_or_else(|_| "(no address)".to_owned(), |url| host_of(&url));
        let names: Vec<&String> = self.headers.iter().map(|(name, _)| name).collect();
        let body = self.body.len();
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("host", &host)
            .field("headers", &names)
            .field("body", &body)
            .finish_non_exhaustive()
    }
}

/// An answer whose body is still to be read.
pub struct Answer {
    /// As in 200.
    pub status: u16,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// Its end, an error, or more bytes than the request allows end it.
    pub body: Box<dyn Read + Send>,
}

impl Answer {
    /// An answer made by hand.
    pub fn new(status: u16, headers: Vec<(String, String)>, body: impl Read + Send + 'static) -> Answer {
        Answer { status, headers, body: Box::new(body) }
    }

    /// The first value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// For how long the server asks to wait, where it says so in seconds.
    pub fn retry_after(&self) -> Option<Duration> {
        self.header("retry-after")?.trim().parse().ok().map(Duration::from_secs)
    }

    /// Every value of a header that may be repeated.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether the status is one of 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Reads the body whole.
    pub fn bytes(mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.body.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

/// An address, checked: it has a host, and neither user nor password.
pub(super) fn parse(url: &str) -> Result<Url, TransportError> {
    let url = Url::parse(url).map_err(|error| TransportError::Other(format!("an address cannot be used: {error}")))?;
    match url {
        url if !matches!(url.scheme(), "http" | "https") => {
            Err(TransportError::Other(format!("{} is neither http nor https", url.scheme())))
        }
        url if !url.username().is_empty() || url.password().is_some() => {
            Err(TransportError::Other(format!("the address of {} holds a user or a password", host_of(&url))))
        }
        url => Ok(url),
    }
}

/// An address as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exact {
    /// In order: without `..`, its host in lower case.
    pub url: String,
    /// As in `Host`.
    pub host: String,
}

/// What becomes of an address when it is sent.
pub fn exact(url: &str) -> Result<Exact, TransportError> {
    let url = parse(url)?;
    Ok(Exact { host: host_of(&url), url: url.into() })
}

/// A server has no say in who we are.
fn without_user(mut url: Url) -> String {
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_fragment(None);
    url.into()
}

/// Percent-encoded as RFC 3986 has it and signatures want it: everything but what is unreserved, and slashes if they stay.
pub fn encode(text: &str, keep_slash: bool) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            b'/' if keep_slash => out.push('/'),
            other => out.push_str(&format!("%{other:02X}")),
        }
        out
    })
}

/// Host, and port if it is not the usual one.
pub(super) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Whether a host (with or without a port) or an address leads to this machine: `localhost`, 127.0.0.0/8 or ::1.
pub fn is_loopback(place: &str) -> bool {
    let address = if place.contains("://") { place.to_owned() } else { format!("http://{place}") };
    Url::parse(&address).is_ok_and(|url| leads_home(&url))
}

/// As `is_loopback`, of a parsed address.
pub(super) fn leads_home(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_name = host.eq_ignore_ascii_case("localhost") || host.to_ascii_lowercase().ends_with(".localhost");
    is_name || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redirect(status: u16, location: &str) -> Answer {
        Answer::new(status, vec![("location".into(), location.into())], io::empty())
    }

    fn asking(url: &str) -> Request {
        Request::get(url).header("Authorization", "Bearer x").header("X-Own-Token", "a").header("Accept", "*/*")
    }

    #[test]
    fn what_is_meant_for_one_host_goes_to_no_other() {
        let table = [
            ("https://a.example/x", "/y", Some(("https://a.example/y", 3))),
            ("https://a.example/x", "https://a.example:443/y", Some(("https://a.example/y", 3))),
            ("https://a.example/x", "https://b.example/y", Some(("https://b.example/y", 1))),
            ("https://a.example/x", "//b.example/y", Some(("https://b.example/y", 1))),
            ("https://a.example/x", "https://a.example:8443/y", Some(("https://a.example:8443/y", 1))),
            ("https://a.example/x", "https://u:p@b.example/y", Some(("https://b.example/y", 1))),
            ("http://a.example/x", "https://a.example/y", Some(("https://a.example/y", 1))),
            ("https://a.example/x", "http://a.example/y", None),
            ("https://a.example/x", "file:///etc/passwd", None),
        ];
        for (from, location, expected) in table {
            let next = asking(from).redirected(&redirect(307, location));
            let next = next.ok().flatten().map(|next| (next.url.clone(), next.headers.len()));
            assert_eq!(next, expected.map(|(url, count)| (url.to_owned(), count)), "{from} to {location}");
        }
        assert!(asking("https://a.example/x").redirected(&redirect(200, "/y")).unwrap().is_none());
    }

    #[test]
    fn a_body_goes_to_no_other_host() {
        let mut request = asking("https://a.example/x");
        (request.method, request.body) = (Method::Post, b"password=x".to_vec());
        assert!(request.redirected(&redirect(307, "https://b.example/")).is_err());
        let next = request.redirected(&redirect(302, "https://b.example/")).unwrap().unwrap();
        assert_eq!((next.method, next.body.len()), (Method::Get, 0));
    }

    #[test]
    fn debug_shows_no_value() {
        let shown = format!("{:?}", asking("https://a.example/path-x?token=abc"));
        assert!(shown.contains("a.example") && !shown.contains("Bearer x") && !shown.contains("abc"), "{shown}");
    }

    #[test]
    fn loopback_is_told_by_the_host_alone() {
        for place in ["localhost", "localhost:5000", "127.0.0.1:5000", "127.9.9.9", "[::1]:5000", "http://localhost/x"]
        {
            assert!(is_loopback(place), "{place}");
        }
        for place in ["localhost.example", "127.0.0.1.example", "10.0.0.1", "registry:5000", "[::2]", "x@127.0.0.1.b"] {
            assert!(!is_loopback(place), "{place}");
        }
    }

    #[test]
    fn an_address_with_a_password_is_refused_and_not_shown() {
        let error = parse(&format!("https://user:{}@a.example/", "hidden-word")).unwrap_err().to_string();
        assert!(error.contains("a.example") && !error.contains("hidden-word"), "{error}");
    }
}
