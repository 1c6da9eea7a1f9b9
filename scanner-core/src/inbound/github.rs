//! GitHub's two ways: the partner program hands over tokens that it found in public, signed by GitHub's key; an
//! organisation's own `secret_scanning_alert` webhook tells that there is an alert.

use super::alert::name;
use super::incident::{Forge, Incident, Wiped};
use super::keys::PublicKeys;
use crate::secret::Secret;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;

/// One request hands over at most so many.
const MOST: usize = 10_000;

/// How the partner program is answered.
pub struct Partner {
    /// GitHub's keys.
    pub keys: PublicKeys,
}

/// How alerts are answered.
#[derive(Clone, Debug)]
pub struct Alerts {
    /// The webhook's secret.
    pub secret: Secret,
}

#[derive(Deserialize)]
struct Leaked {
    token: Wiped,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    url: Option<String>,
}

#[derive(Deserialize)]
struct Told {
    #[serde(default)]
    action: String,
    alert: Option<Alert>,
    repository: Option<Repository>,
}

#[derive(Deserialize)]
struct Repository {
    #[serde(default)]
    full_name: String,
}

#[derive(Deserialize)]
struct Alert {
    #[serde(default)]
    secret_type: Option<String>,
    #[serde(default)]
    secret: Option<Wiped>,
    #[serde(default)]
    html_url: Option<String>,
    #[serde(default)]
    number: Option<u64>,
}

/// The incidents of a message of the partner program.
pub(super) fn leaked(body: &[u8], now: i64) -> Result<Vec<Incident>, &'static str> {
    let leaked: Vec<Leaked> = serde_json::from_slice(body).map_err(|_| "the body is no list of token, type, url")?;
    if leaked.len() > MOST {
        return Err("these are too many tokens for one request");
    }
    let filled = leaked.into_iter().filter(|leaked| !leaked.token.0.is_empty());
    Ok(filled
        .map(|leaked| Incident {
            forge: Forge::GithubPartner,
            received: now,
            kind: leaked.kind,
            secret: Some(Secret::new(leaked.token.0.as_bytes())),
            location: leaked.url.unwrap_or_default(),
            action: String::new(),
            alert: None,
        })
        .collect())
}

/// The incident of an alert; none for what needs no answer.
pub(super) fn alert(body: &[u8], now: i64) -> Result<Option<Incident>, &'static str> {
    let told: Told = serde_json::from_slice(body).map_err(|_| "the body is no webhook of GitHub")?;
    let alert = told.alert.ok_or("the body holds no alert")?;
    // Only these say that a secret is out there; the others tell what people made of it.
    if !matches!(told.action.as_str(), "created" | "reopened" | "publicly_leaked") {
        return Ok(None);
    }
    Ok(Some(Incident {
        forge: Forge::GithubAlert,
        received: now,
        kind: alert.secret_type.unwrap_or_default(),
        secret: alert.secret.filter(|secret| !secret.0.is_empty()).map(|secret| Secret::new(secret.0.as_bytes())),
        location: alert.html_url.unwrap_or_default(),
        action: told.action,
        alert: told.repository.zip(alert.number).and_then(|(repository, number)| name(&repository.full_name, number)),
    }))
}

/// Whether `X-Hub-Signature-256` is that of the body.
pub(super) fn is_signed(alerts: &Alerts, header: &str, body: &[u8]) -> bool {
    let Some(digits) = header.strip_prefix("sha256=").filter(|digits| digits.len() == 64 && digits.is_ascii()) else {
        return false;
    };
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16);
    let Ok(signature) = (0..64).step_by(2).map(byte).collect::<Result<Vec<u8>, _>>() else { return false };
    let mut mac = Hmac::<Sha256>::new_from_slice(alerts.secret.expose()).expect("HMAC takes keys of any length");
    mac.update(body);
    // Compares in constant time.
    mac.verify_slice(&signature).is_ok()
}
