//! Google Cloud service account keys: a signed assertion is changed for a token that may do nothing but say who it is:
//! <https://developers.google.com/identity/protocols/oauth2/service-account#httprest>.

use super::aws::host_and_port;
use super::line::Place;
use super::ssh::key::der;
use super::{CONNECTION, Setup, label, part};
use crate::finding::{Doubt, Validity};
use crate::http::{Method, Request, encode};
use crate::time;
use crate::verify::{Reach, Refusal, Subject};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

/// Never the address in the key's own file: that was read in what was scanned.
const TOKENS: &str = "https://oauth2.googleapis.com/token";
/// It tells an address and opens nothing.
const SCOPE: &str = "https://www.googleapis.com/auth/userinfo.email";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

pub(super) fn check(subject: &Subject, reach: &dyn Reach, setup: &Setup) -> Result<Validity, Refusal> {
    let incomplete = |what: &str| Refusal::new(Doubt::Incomplete, what);
    let file = part(subject, CONNECTION).and_then(|text| read(text.expose()));
    let file = file.ok_or_else(|| incomplete("the service account that the key belongs to is not known"))?;
    let email =
        file["client_email"].as_str().ok_or_else(|| incomplete("the service account's address is not known"))?;
    let key = der(subject.secret.expose()).and_then(|der| RsaKeyPair::from_pkcs8(&der).ok());
    let key = key.ok_or_else(|| incomplete("the key is not whole"))?;
    let url = setup.google.as_deref().unwrap_or(TOKENS);
    let signed = assertion(&key, email, file["private_key_id"].as_str(), time::now());
    if !ask(url, &signed, reach)? {
        return Ok(Validity::Inactive);
    }
    // The same with a signature that is none.
    let head = signed.rsplit_once('.').map_or("", |(head, _)| head);
    let forged = format!("{head}.{}", BASE64.encode(vec![0x5a; key.public().modulus_len()]));
    if ask(url, &forged, reach)? {
        return Err(Refusal::new(Doubt::Gullible, "the service takes a signature that is none"));
    }
    let project = file["project_id"].as_str().map(|project| label("project", project));
    let identity = [label("service account", email)].into_iter().chain(project).collect();
    Ok(Validity::Active { identity, scopes: None })
}

/// Where it is asked.
pub(super) fn places(own: Option<&str>) -> Result<Vec<Place>, Refusal> {
    let (host, port) = host_and_port(own.unwrap_or(TOKENS))?;
    Ok(vec![Place { host, port, from_scan: false }])
}

/// The key's file; it may stand in a string, with every quote escaped.
fn read(text: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(text).ok()?;
    let plain = serde_json::from_str(text).ok();
    plain.or_else(|| {
        let whole: String = serde_json::from_str(&format!("\"{text}\"")).ok()?;
        serde_json::from_str(&whole).ok()
    })
}

fn assertion(key: &RsaKeyPair, email: &str, id: Option<&str>, now: i64) -> String {
    let mut header = json!({ "alg": "RS256", "typ": "JWT" });
    if let Some(id) = id {
        header["kid"] = id.into();
    }
    let claims = json!({ "iss": email, "scope": SCOPE, "aud": TOKENS, "iat": now - 10, "exp": now + 300 });
    let signed = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()));
    let mut signature = vec![0; key.public().modulus_len()];
    // It fails for want of randomness alone; then the signature is none, and is refused as such.
    let _ = key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature);
    format!("{signed}.{}", BASE64.encode(signature))
}

/// Whether the service gives a token for an assertion.
fn ask(url: &str, assertion: &str, reach: &dyn Reach) -> Result<bool, Refusal> {
    let (host, port) = host_and_port(url)?;
    reach.may_ask(&host, port)?;
    let mut request = Request::new(Method::Post, url).header("content-type", "application/x-www-form-urlencoded");
    request.body = format!("grant_type={}&assertion={assertion}", encode(GRANT, false)).into_bytes();
    let answer = reach.transport().send(&request.at_most(64 << 10))?;
    let (status, wait) = (answer.status, answer.retry_after());
    let broke = |_| Refusal::new(Doubt::Connection, format!("the answer of {host} broke off"));
    let body: Value = serde_json::from_slice(&answer.bytes().map_err(broke)?).unwrap_or(Value::Null);
    let (error, detail) =
        (body["error"].as_str().unwrap_or_default(), body["error_description"].as_str().unwrap_or_default());
    match status {
        200 if body["access_token"].as_str().is_some_and(|token| !token.is_empty()) => Ok(true),
        400 | 401 if error == "invalid_grant" && is_refusal(detail) => Ok(false),
        429 => {
            reach.hold_back(&host, wait);
            Err(Refusal::new(Doubt::RateLimited, format!("{host} limits the rate")))
        }
        500..=599 => Err(Refusal::new(Doubt::Provider, format!("{host} answers {status}"))),
        _ => Err(Refusal::new(Doubt::Strange, format!("{host} answers {status}, and not as the service does"))),
    }
}

/// Of the key: other reasons (a clock that is wrong) share the code.
fn is_refusal(detail: &str) -> bool {
    let detail = detail.to_ascii_lowercase();
    ["invalid jwt signature", "account not found", "account has been deleted", "account disabled"]
        .iter()
        .any(|known| detail.contains(known))
}
