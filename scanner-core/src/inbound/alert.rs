//! GitHub's alerts by its API: the value that the webhook keeps to itself, and the end of an alert whose secret is dead.
//! <https://docs.github.com/rest/secret-scanning/secret-scanning>

use super::incident::{AlertName, Wiped};
use crate::http::{Answer, Method, Request, Transport};
use crate::secret::Secret;
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

/// No alert is longer.
const MAX_ANSWER: u64 = 1 << 20;

/// Where alerts are, and who asks.
#[derive(Clone, Debug)]
pub struct AlertsApi {
    /// As in `https://api.github.com`.
    pub url: String,
    /// Reads and writes secret scanning alerts.
    pub token: Secret,
}

/// Why an alert was not read or written; no secret in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct AlertError {
    /// What went wrong.
    pub problem: String,
    /// Whether it may work later.
    pub is_passing: bool,
}

#[derive(Deserialize)]
struct Told {
    #[serde(default)]
    secret: Option<Wiped>,
}

impl AlertsApi {
    /// The address of an alert.
    pub fn address(&self, alert: &AlertName) -> String {
        let AlertName { repository, number } = alert;
        format!("{}/repos/{repository}/secret-scanning/alerts/{number}", self.url.trim_end_matches('/'))
    }

    /// The value of an alert, if GitHub gives it away.
    pub fn value(&self, alert: &AlertName, transport: &dyn Transport) -> Result<Option<Secret>, AlertError> {
        let answer = self.ask(self.request(Method::Get, alert), transport)?;
        let body = answer.bytes().map(Zeroizing::new).map_err(|error| passing(format!("GitHub's answer: {error}")))?;
        let told: Told = serde_json::from_slice(&body).map_err(|_| lasting("GitHub's answer is no alert"))?;
        Ok(told.secret.filter(|secret| !secret.0.is_empty()).map(|secret| Secret::new(secret.0.as_bytes())))
    }

    /// Resolves an alert as revoked. Doing it twice is doing it once.
    pub fn resolve(&self, alert: &AlertName, comment: &str, transport: &dyn Transport) -> Result<(), AlertError> {
        let mut request = self.request(Method::Patch, alert).header("Content-Type", "application/json");
        let body = json!({ "state": "resolved", "resolution": "revoked", "resolution_comment": comment });
        request.body = body.to_string().into_bytes();
        self.ask(request, transport).map(|_| ())
    }

    fn request(&self, method: Method, alert: &AlertName) -> Request {
        Request::new(method, self.address(alert))
            .header("Accept", "application/vnd.github+json")
            .header("X-GitHub-Api-Version", "2022-11-28")
            .header("Authorization", format!("Bearer {}", String::from_utf8_lossy(self.token.expose())))
            .at_most(MAX_ANSWER)
    }

    fn ask(&self, request: Request, transport: &dyn Transport) -> Result<Answer, AlertError> {
        let answer = transport.send(&request).map_err(|error| passing(format!("GitHub was not reached: {error}")))?;
        match answer.status {
            200..=299 => Ok(answer),
            // Limits come as 403, too.
            status @ (403 | 429 | 500..) => Err(passing(format!("GitHub answered {status}"))),
            status => Err(lasting(&format!("GitHub answered {status}"))),
        }
    }
}

fn passing(problem: String) -> AlertError {
    AlertError { problem, is_passing: true }
}

fn lasting(problem: &str) -> AlertError {
    AlertError { problem: problem.to_owned(), is_passing: false }
}

/// The name of an alert, if it can stand in an address as it is.
pub(super) fn name(repository: &str, number: u64) -> Option<AlertName> {
    let fits = |part: &str| {
        !matches!(part, "" | "." | "..") && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    let (owner, project) = repository.split_once('/')?;
    (fits(owner) && fits(project)).then(|| AlertName { repository: repository.to_owned(), number })
}
