//! From a request to its reply: who may ask, how often, and the queue before the answer.

use super::github::{self, Alerts, Partner};
use super::gitlab::{self, GitLab};
use super::incident::Incident;
use super::queue::{Queue, QueueError};
use super::rate::Rate;
use crate::http::Transport;
use crate::secret::Secret;

/// A request as a server received it, its body whole.
pub struct Received<'a> {
    /// `GET`, `POST`.
    pub method: &'a str,
    /// Without the query.
    pub path: &'a str,
    /// Names in lower case, and values.
    pub headers: &'a [(String, String)],
    /// As it came.
    pub body: &'a [u8],
}

impl Received<'_> {
    /// The value of a header; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

/// What is answered; no reply repeats what was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// As in 204.
    pub status: u16,
    /// Seconds after which to ask again.
    pub retry_after: Option<u64>,
    /// JSON, or empty.
    pub body: String,
    /// What the operator should know; not sent.
    pub trouble: Option<String>,
}

impl Reply {
    /// A reply that says why.
    pub fn error(status: u16, problem: &str) -> Reply {
        let body = serde_json::json!({ "error": problem }).to_string();
        Reply { status, retry_after: None, body, trouble: None }
    }

    fn ok(status: u16) -> Reply {
        Reply { status, retry_after: None, body: String::new(), trouble: None }
    }

    fn later(status: u16, seconds: u64, problem: &str) -> Reply {
        Reply { retry_after: Some(seconds), ..Reply::error(status, problem) }
    }

    fn trouble(self, text: impl Into<String>) -> Reply {
        Reply { trouble: Some(text.into()), ..self }
    }
}

/// What is served.
pub struct Service<'t> {
    /// `/v1/revocable_token_types` and `/v1/revoke_tokens`.
    pub gitlab: Option<GitLab>,
    /// `/github/partner`.
    pub partner: Option<Partner>,
    /// `/github/alerts`.
    pub alerts: Option<Alerts>,
    /// Where incidents wait.
    pub queue: Queue,
    /// For each request that may ask.
    pub rate: Rate,
    /// For each that may not: guessing is slow.
    pub refused: Rate,
    /// Fetches public keys.
    pub transport: &'t dyn Transport,
}

impl Service<'_> {
    /// Answers; a success means that every incident is on the disk.
    pub fn answer(&self, received: &Received, now: i64) -> Reply {
        match (received.path, &self.gitlab, &self.partner, &self.alerts) {
            ("/healthz", ..) if received.method == "GET" => Reply::ok(204),
            ("/v1/revocable_token_types", Some(gitlab), ..) => {
                let types = serde_json::json!({ "types": gitlab.types }).to_string();
                self.for_gitlab(gitlab, received, "GET", now, || Reply { body: types, ..Reply::ok(200) })
            }
            ("/v1/revoke_tokens", Some(gitlab), ..) => self.for_gitlab(gitlab, received, "POST", now, || {
                self.take(gitlab::incidents(gitlab, received.body, now), 204)
            }),
            ("/github/partner", _, Some(partner), _) => self.partner(partner, received, now),
            ("/github/alerts", .., Some(alerts)) => self.alerts(alerts, received, now),
            _ => Reply::error(404, "nothing is here"),
        }
    }

    fn for_gitlab(
        &self,
        gitlab: &GitLab,
        received: &Received,
        method: &str,
        now: i64,
        then: impl FnOnce() -> Reply,
    ) -> Reply {
        let header = received.header("authorization");
        let given = header.strip_prefix("Bearer ").unwrap_or(header);
        if !is_same(&gitlab.token, given.as_bytes()) {
            return self.refuse(now);
        }
        if received.method != method {
            return Reply::error(405, "this method is not answered here");
        }
        self.limited(now, then)
    }

    fn partner(&self, partner: &Partner, received: &Received, now: i64) -> Reply {
        if received.method != "POST" {
            return Reply::error(405, "this method is not answered here");
        }
        let id = received.header("github-public-key-identifier");
        let signature = received.header("github-public-key-signature");
        if id.is_empty() || signature.is_empty() {
            return self.refuse(now);
        }
        match partner.keys.signed(id, signature, received.body, self.transport, now) {
            Err(problem) => Reply::later(503, 60, "the public keys cannot be had").trouble(problem),
            Ok(false) => self.refuse(now),
            Ok(true) => self.limited(now, || self.take(github::leaked(received.body, now), 200)),
        }
    }

    fn alerts(&self, alerts: &Alerts, received: &Received, now: i64) -> Reply {
        if received.method != "POST" {
            return Reply::error(405, "this method is not answered here");
        }
        if !github::is_signed(alerts, received.header("x-hub-signature-256"), received.body) {
            return self.refuse(now);
        }
        self.limited(now, || match received.header("x-github-event") {
            "secret_scanning_alert" => {
                self.take(github::alert(received.body, now).map(|one| one.into_iter().collect()), 202)
            }
            _ => Reply::ok(204),
        })
    }

    fn limited(&self, now: i64, then: impl FnOnce() -> Reply) -> Reply {
        match self.rate.take(now as f64) {
            Ok(()) => then(),
            Err(seconds) => Reply::later(429, seconds, "too many requests"),
        }
    }

    fn refuse(&self, now: i64) -> Reply {
        match self.refused.take(now as f64) {
            Ok(()) => Reply::error(401, "who asks is not known"),
            Err(seconds) => Reply::later(429, seconds, "too many requests"),
        }
    }

    fn take(&self, incidents: Result<Vec<Incident>, &'static str>, status: u16) -> Reply {
        let incidents = match incidents {
            Ok(incidents) => incidents,
            Err(problem) => return Reply::error(400, problem),
        };
        // What went in before a failure is known when the request comes again.
        for incident in &incidents {
            match self.queue.put(incident) {
                Ok(_) => {}
                Err(QueueError::Full) => return Reply::later(429, 60, "too much waits").trouble("the queue is full"),
                Err(error) => return Reply::later(503, 60, "it could not be kept").trouble(error.to_string()),
            }
        }
        Reply::ok(status)
    }
}

/// Compares in constant time: hashes under a key of their own tell nothing of where two texts part.
pub fn is_same(known: &Secret, given: &[u8]) -> bool {
    let hash = |bytes: &[u8]| blake3::Hasher::new_derive_key("stopleak serve 1 compare").update(bytes).finalize();
    // `blake3::Hash` compares in constant time.
    !known.expose().is_empty() && hash(known.expose()) == hash(given)
}
