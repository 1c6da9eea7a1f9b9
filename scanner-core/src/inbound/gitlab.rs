//! GitLab's Token Revocation API: a self-managed GitLab asks which kinds of tokens may be revoked, and hands over those that
//! leaked (<https://docs.gitlab.com/user/application_security/secret_detection/automatic_response/>).

use super::incident::{Forge, Incident, Wiped};
use crate::secret::Secret;
use serde::Deserialize;

/// One request hands over at most so many.
const MOST: usize = 10_000;

/// How GitLab is answered.
#[derive(Clone, Debug)]
pub struct GitLab {
    /// The token that both sides know.
    pub token: Secret,
    /// The kinds that may be revoked, as GitLab calls them.
    pub types: Vec<String>,
}

#[derive(Deserialize)]
struct Leaked {
    #[serde(rename = "type")]
    kind: String,
    token: Wiped,
    #[serde(default)]
    location: Option<String>,
}

/// The incidents of a request's body, or why it is none.
pub(super) fn incidents(gitlab: &GitLab, body: &[u8], now: i64) -> Result<Vec<Incident>, &'static str> {
    let leaked: Vec<Leaked> =
        serde_json::from_slice(body).map_err(|_| "the body is no list of type, token, location")?;
    if leaked.len() > MOST {
        return Err("these are too many tokens for one request");
    }
    if leaked.iter().any(|leaked| !gitlab.types.contains(&leaked.kind)) {
        return Err("a type of token is not among those that may be revoked");
    }
    if leaked.iter().any(|leaked| leaked.token.0.is_empty()) {
        return Err("a token is empty");
    }
    let incident = |leaked: Leaked| Incident {
        forge: Forge::Gitlab,
        received: now,
        kind: leaked.kind,
        secret: Some(Secret::new(leaked.token.0.as_bytes())),
        location: leaked.location.unwrap_or_default(),
        action: String::new(),
        alert: None,
    };
    Ok(leaked.into_iter().map(incident).collect())
}
