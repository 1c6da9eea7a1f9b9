//! The way onto the network: reqwest with rustls. Its types appear in this module only.

use super::Transport;
use super::error::TransportError;
use super::request::{Answer, Request, host_of, leads_home, parse};
use reqwest::blocking::{Client, Response};
use reqwest::{Certificate, Method, Url, redirect};
use std::error::Error;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;

/// How the network is used.
#[derive(Clone, Debug)]
pub struct Settings {
    /// A certificate authority to trust beside the system's: PEM, one certificate or more.
    pub extra_ca: Option<Vec<u8>>,
    /// For a connection to stand. Default ten seconds.
    pub connect_timeout: Duration,
    /// For an answer to begin, and for each further part of it. Default thirty seconds.
    pub read_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Settings {
        let (connect_timeout, read_timeout) = (Duration::from_secs(10), Duration::from_secs(30));
        Settings { extra_ca: None, connect_timeout, read_timeout }
    }
}

/// Sends requests over the network: the system's certificate authorities, the environment's proxies (none to loopback),
/// no redirects, no cookies.
pub struct Http {
    settings: Settings,
    /// By whether there is TLS and whether the way is direct; made when first needed, since reading the system's
    /// certificates takes milliseconds.
    clients: [OnceLock<Result<Client, TransportError>>; 4],
}

impl Http {
    /// Nothing is sent yet. A certificate authority that cannot be read is an error.
    pub fn new(settings: Settings) -> Result<Http, TransportError> {
        if let Some(pem) = &settings.extra_ca {
            certificates(pem)?;
        }
        // Another part of the program may have chosen before: then its choice holds.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Http { settings, clients: Default::default() })
    }

    fn client(&self, url: &Url) -> Result<&Client, TransportError> {
        let (is_tls, is_direct) = (url.scheme() == "https", leads_home(url));
        let slot = &self.clients[usize::from(is_tls) * 2 + usize::from(is_direct)];
        slot.get_or_init(|| self.build(is_tls, is_direct, None)).as_ref().map_err(Clone::clone)
    }

    /// A client for one host at these addresses alone: few hosts are pinned, so none is kept.
    fn pinned(&self, url: &Url, addresses: &[SocketAddr]) -> Result<Client, TransportError> {
        let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        self.build(url.scheme() == "https", true, Some((host, addresses)))
    }

    fn build(
        &self,
        is_tls: bool,
        is_direct: bool,
        pinned: Option<(&str, &[SocketAddr])>,
    ) -> Result<Client, TransportError> {
        let mut builder = Client::builder()
            .user_agent(concat!("stopleak/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .referer(false)
            .connect_timeout(self.settings.connect_timeout)
            .timeout(self.settings.read_timeout);
        if is_direct {
            builder = builder.no_proxy();
        }
        if let Some((host, addresses)) = pinned {
            builder = builder.resolve_to_addrs(host, addresses);
        }
        builder = match &self.settings.extra_ca {
            // A proxy may be reached over TLS, and a system without certificates still has plain HTTP.
            _ if !is_tls && is_direct => builder.tls_certs_only([]),
            Some(pem) => builder.tls_certs_merge(certificates(pem)?),
            None => builder,
        };
        builder
            .build()
            .map_err(|error| TransportError::Other(format!("no way onto the network: {}", innermost(&error))))
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<Certificate>, TransportError> {
    match Certificate::from_pem_bundle(pem) {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(TransportError::Other("the certificate authority is no PEM certificate".into())),
    }
}

impl Transport for Http {
    fn send(&self, request: &Request) -> Result<Answer, TransportError> {
        let url = parse(&request.url)?;
        let host = host_of(&url);
        let method = Method::from_bytes(request.method.as_str().as_bytes());
        let method = method.map_err(|_| TransportError::Other("no method of HTTP".into()))?;
        let mut builder = match request.pinned.as_slice() {
            [] => self.client(&url)?.request(method, url),
            addresses => self.pinned(&url, addresses)?.request(method, url),
        };
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        if !request.body.is_empty() {
            builder = builder.body(request.body.clone());
        }
        let response = builder.send().map_err(|error| classify(error, &host))?;
        Ok(answer(response, request.max_answer))
    }
}

fn answer(response: Response, max: u64) -> Answer {
    let header = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let headers = response.headers().iter().map(header).collect();
    Answer::new(response.status().as_u16(), headers, Bounded { inner: response, left: max, max })
}

/// A body that is no longer than it may be.
struct Bounded<R> {
    inner: R,
    left: u64,
    max: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if room.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            // Its end may be just here.
            return match self.inner.read(&mut [0]).map_err(in_words)? {
                0 => Ok(0),
                _ => Err(io::Error::other(format!("the answer is longer than {} bytes", self.max))),
            };
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(room.len());
        let count = self.inner.read(&mut room[..most]).map_err(in_words)?;
        self.left -= count as u64;
        Ok(count)
    }
}

/// The reason alone: reqwest's own message may name the address.
fn in_words(error: io::Error) -> io::Error {
    let is_timeout = error.kind() == io::ErrorKind::TimedOut
        || error.get_ref().and_then(|inner| inner.downcast_ref::<reqwest::Error>()).is_some_and(|e| e.is_timeout());
    match is_timeout {
        true => io::Error::new(io::ErrorKind::TimedOut, "the answer stopped coming"),
        false => io::Error::new(error.kind(), format!("the answer broke off: {}", innermost(&error))),
    }
}

fn classify(error: reqwest::Error, host: &str) -> TransportError {
    let error = error.without_url();
    let host = host.to_owned();
    if error.is_timeout() {
        return TransportError::Timeout { host };
    }
    if let Some(reason) = chain(&error).find_map(tls_reason) {
        return TransportError::Tls { host, reason };
    }
    // The resolver's error has no public type; its message is the only mark.
    if error.is_connect() && chain(&error).any(|cause| cause.to_string().starts_with("dns error")) {
        return TransportError::Dns { host };
    }
    let reason = innermost(&error);
    match error.is_builder() {
        true => TransportError::Other(format!("the request cannot be sent: {reason}")),
        false => TransportError::Connection { host, reason },
    }
}

fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error: &&'e (dyn Error + 'static)| {
        // An I/O error's source is that of the error inside, and passes over it.
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        inner.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source())
    })
}

fn tls_reason(error: &(dyn Error + 'static)) -> Option<String> {
    let message = error.to_string();
    // A server that hangs up on the first word of TLS mostly speaks none.
    (error.is::<rustls::Error>() || message == "tls handshake eof").then_some(message)
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}
