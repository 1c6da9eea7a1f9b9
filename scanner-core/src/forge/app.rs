//! Who we are as an application of GitHub's: a key signs for short, and gives tokens for an hour.
//!
//! <https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app>

use super::error::ForgeError;
use crate::secret::Secret;
use crate::time::{now, parse_rfc3339};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use zeroize::Zeroizing;

/// A token is renewed so many seconds before it ends: a request and its waits fit in.
const MARGIN: i64 = 300;
/// Seconds that a signature of ours is valid; GitHub takes at most ten minutes.
const SIGNED_FOR: i64 = 540;

/// An application that is installed at organisations and users.
#[derive(Clone)]
pub struct App {
    /// Its number, or its client id.
    id: String,
    key: Arc<RsaKeyPair>,
    /// The one installation that is used; otherwise that of whom is asked about.
    pub(super) installation: Option<u64>,
    /// By the organisation or user.
    issued: Arc<Mutex<BTreeMap<String, Issued>>>,
}

#[derive(Clone)]
struct Issued {
    token: Secret,
    expires: i64,
}

/// The installation at an organisation or user.
#[derive(Deserialize)]
pub struct Installation {
    /// Its number.
    pub id: u64,
}

/// A token as it is issued.
#[derive(Deserialize)]
pub struct Granted {
    token: String,
    expires_at: String,
}

impl App {
    /// An application by its number or client id and its private key, as GitHub gives it: PEM.
    pub fn new(id: &str, pem: &[u8], installation: Option<u64>) -> Result<App, ForgeError> {
        let bad = |reason: &str| ForgeError::App(format!("cannot use the key of the GitHub app: {reason}"));
        let (label, der) = der(pem).ok_or_else(|| bad("it is no private key in PEM"))?;
        let key = match label {
            Label::Pkcs1 => RsaKeyPair::from_der(&der),
            Label::Pkcs8 => RsaKeyPair::from_pkcs8(&der),
        };
        let key = key.map_err(|_| bad("it is no RSA key of 2,048 to 4,096 bits"))?;
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.') {
            return Err(ForgeError::App("the GitHub app's number or client id is none".into()));
        }
        Ok(App { id: id.to_owned(), key: Arc::new(key), installation, issued: Arc::default() })
    }

    /// Whose tokens these are: one installation's are the same for everybody.
    fn account(&self, owner: &str) -> String {
        if self.installation.is_some() { String::new() } else { owner.to_ascii_lowercase() }
    }

    /// A token for an owner's repositories that does not end too soon; none when one must be asked for.
    pub(super) fn token(&self, owner: &str) -> Option<Secret> {
        let issued = self.issued().get(&self.account(owner)).cloned();
        issued.filter(|issued| issued.expires - MARGIN > now()).map(|issued| issued.token)
    }

    /// Keeps a token that was given, and returns it.
    pub(super) fn keep(&self, owner: &str, granted: Granted) -> Secret {
        let token = Secret::new(Zeroizing::new(granted.token).as_bytes());
        // Without a time that can be read it is asked for anew each time.
        let expires = parse_rfc3339(&granted.expires_at).unwrap_or(0);
        self.issued().insert(self.account(owner), Issued { token: token.clone(), expires });
        token
    }

    /// Forgets the token that was refused.
    pub(super) fn forget(&self, owner: &str) {
        self.issued().remove(&self.account(owner));
    }

    /// A JSON Web Token that says who the application is, valid for some minutes.
    pub(super) fn signed(&self) -> Result<Zeroizing<String>, ForgeError> {
        let now = now();
        // Clocks differ: it begins a minute ago, as GitHub advises.
        let claims = serde_json::json!({ "iat": now - 60, "exp": now + SIGNED_FOR, "iss": self.id });
        let header = r#"{"alg":"RS256","typ":"JWT"}"#;
        let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims.to_string()));
        let mut signature = vec![0; self.key.public().modulus_len()];
        let signed = self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature);
        signed.map_err(|_| ForgeError::App("the key of the GitHub app does not sign".into()))?;
        Ok(Zeroizing::new(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }

    fn issued(&self) -> MutexGuard<'_, BTreeMap<String, Issued>> {
        self.issued.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("id", &self.id).field("installation", &self.installation).finish_non_exhaustive()
    }
}

enum Label {
    Pkcs1,
    Pkcs8,
}

/// The first private key in a PEM text.
fn der(pem: &[u8]) -> Option<(Label, Zeroizing<Vec<u8>>)> {
    let text = std::str::from_utf8(pem).ok()?;
    // A variable of the environment often holds its line breaks as `\n`.
    let text = Zeroizing::new(text.replace("\\n", "\n"));
    let (_, rest) = text.split_once("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let (body, _) = rest.split_once("-----END ")?;
    let label = match label {
        "RSA PRIVATE KEY" => Label::Pkcs1,
        "PRIVATE KEY" => Label::Pkcs8,
        _ => return None,
    };
    let body: Zeroizing<String> = Zeroizing::new(body.split_whitespace().collect());
    Some((label, Zeroizing::new(STANDARD.decode(body.as_bytes()).ok()?)))
}

/// Whom a path of the API is about: `/orgs/NAME/…`, `/users/NAME/…`, `/repos/NAME/…`.
pub(super) fn owner(path: &str) -> &str {
    let mut parts = path.trim_start_matches('/').split(['/', '?']);
    match parts.next() {
        Some("orgs" | "users" | "repos") => parts.next().unwrap_or_default(),
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_key_is_refused_without_being_shown() {
        let begin = format!("-----BEGIN {}-----", ["PRIVATE", "KEY"].join(" "));
        for text in
            ["", "hidden-word", &format!("{begin}\nhidden-word\n-----END x"), &format!("{begin}\naGk=\n-----END x")]
        {
            let error = App::new("1", text.as_bytes(), None).unwrap_err().to_string();
            assert!(error.contains("key") && !error.contains("hidden-word"), "{error}");
        }
    }

    #[test]
    fn a_path_tells_whom_it_is_about() {
        let table =
            [("/orgs/a/repos?x=1", "a"), ("/repos/a/b", "a"), ("/users/a", "a"), ("/user/repos", ""), ("/", "")];
        for (path, expected) in table {
            assert_eq!(owner(path), expected, "{path}");
        }
    }
}
