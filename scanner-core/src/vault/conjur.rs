//! CyberArk Conjur. Variables are made by policy; a value is added without a check, and the numbers of its versions tell
//! afterwards whether somebody else was faster: then theirs is put on top again.
//! <https://docs.cyberark.com/conjur-open-source/latest/en/content/developer/lp_rest_api.htm>

use super::talk::{Ask, Reply, Talk, Wire, checked, strange};
use super::{Entry, Fields, Vault, VaultError, Version, shape};
use crate::http::{Method, encode};
use crate::secret::Secret;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// Names of a listing's page.
const PAGE: usize = 500;
const MAX_PAGES: usize = 10_000;
/// Tokens live eight minutes.
const TOKEN_LIFE: Duration = Duration::from_secs(5 * 60);

/// Where Conjur is, and who asks.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `https://conjur.example`.
    pub address: String,
    /// The account.
    pub account: String,
    /// Who asks.
    pub login: Login,
}

/// What one logs in with.
#[derive(Clone, Debug)]
pub enum Login {
    /// A user or a host (`host/ci`) and its API key.
    ApiKey {
        /// Who.
        login: String,
        /// Its key.
        key: Secret,
    },
    /// A token of another provider, of a pipeline's forge perhaps.
    Jwt {
        /// The authenticator's service.
        service: String,
        /// The token.
        jwt: Secret,
    },
}

/// The variables of one account.
pub struct Conjur {
    talk: Talk,
    account: String,
    login: Login,
    token: Mutex<Option<(Instant, Secret)>>,
}

impl Conjur {
    /// Logs in.
    pub fn open(wire: Wire, settings: &Settings) -> Result<Conjur, VaultError> {
        let talk = Talk::new(wire, &settings.address)?;
        let account = encode(&settings.account, false);
        let conjur = Conjur { talk, account, login: settings.login.clone(), token: Mutex::default() };
        conjur.token()?;
        Ok(conjur)
    }

    /// The header that says who we are; made anew before it grows too old.
    fn token(&self) -> Result<Secret, VaultError> {
        let mut known = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, token)) = known.as_ref().filter(|(made, _)| made.elapsed() < TOKEN_LIFE) {
            return Ok(token.clone());
        }
        let (path, body) = match &self.login {
            Login::ApiKey { login, key } => {
                (format!("/authn/{}/{}/authenticate", self.account, encode(login, false)), key.expose().to_vec())
            }
            Login::Jwt { service, jwt } => (
                format!("/authn-jwt/{}/{}/authenticate", encode(service, false), self.account),
                [b"jwt=", jwt.expose()].concat(),
            ),
        };
        let mut ask = Ask::change(Method::Post, path).harmless();
        ask.body = body;
        if matches!(self.login, Login::Jwt { .. }) {
            ask.headers.push(("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned()));
        }
        let reply = self.talk.send(&ask)?;
        if !reply.is_success() {
            return Err(self.talk.refusal(&ask, reply.status, "", "the login"));
        }
        let header = Zeroizing::new(format!("Token token=\"{}\"", STANDARD.encode(&*reply.bytes)));
        let token = Secret::new(header.as_bytes());
        *known = Some((Instant::now(), token.clone()));
        Ok(token)
    }

    fn send(&self, mut ask: Ask, object: &str) -> Result<Reply, VaultError> {
        let token = self.token()?;
        ask.headers.push(("Authorization".to_owned(), String::from_utf8_lossy(token.expose()).into_owned()));
        let reply = self.talk.send(&ask)?;
        let words = reply.text("/error/message").unwrap_or_default();
        if reply.is_success() { Ok(reply) } else { Err(self.talk.refusal(&ask, reply.status, words, object)) }
    }

    fn at(&self, kind: &str, path: &str) -> Result<String, VaultError> {
        Ok(format!("/{kind}/{}/variable/{}", self.account, encode(checked(path)?, false)))
    }

    fn numbers(&self, path: &str) -> Result<Vec<u64>, VaultError> {
        let reply = self.send(Ask::get(self.at("resources", path)?), path)?;
        let kept = reply.json.get("secrets").and_then(Value::as_array).ok_or_else(|| strange(path))?;
        let mut numbers: Vec<u64> = kept.iter().filter_map(|one| one.get("version")?.as_u64()).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn text(&self, path: &str, version: Option<u64>) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let query = version.map(|version| format!("?version={version}")).unwrap_or_default();
        let reply = self.send(Ask::get(format!("{}{query}", self.at("secrets", path)?)), path)?;
        Ok(reply.bytes.clone())
    }

    fn add(&self, path: &str, text: &[u8]) -> Result<(), VaultError> {
        let mut ask = Ask::change(Method::Post, self.at("secrets", path)?);
        ask.body = text.to_vec();
        self.send(ask, path).map(|_| ())
    }
}

fn number(path: &str, version: &str) -> Result<u64, VaultError> {
    version.parse().map_err(|_| VaultError::Absent(format!("{path}, version {version}")))
}

impl Vault for Conjur {
    fn name(&self) -> String {
        format!("conjur {} {}", self.talk.base(), self.account)
    }

    fn list(&self) -> Result<Vec<String>, VaultError> {
        let mut names = Vec::new();
        for page in 0..MAX_PAGES {
            let at = format!("/resources/{}?kind=variable&limit={PAGE}&offset={}", self.account, page * PAGE);
            let reply = self.send(Ask::get(at), "the list of variables")?;
            let items = reply.json.as_array().ok_or_else(|| strange("the list of variables"))?;
            let name = |item: &Value| Some(item.get("id")?.as_str()?.splitn(3, ':').nth(2)?.to_owned());
            names.extend(items.iter().filter_map(name));
            if items.len() < PAGE {
                names.sort();
                return Ok(names);
            }
        }
        Err(VaultError::Other("the list of variables does not end".into()))
    }

    fn versions(&self, path: &str) -> Result<Vec<Version>, VaultError> {
        let numbers = self.numbers(path)?;
        let newest = numbers.last().copied().ok_or_else(|| VaultError::Absent(format!("{path}: a value")))?;
        let version = |number: u64| Version {
            id: number.to_string(),
            created: None,
            is_current: number == newest,
            is_readable: true,
        };
        Ok(numbers.into_iter().map(version).collect())
    }

    fn read(&self, path: &str, version: Option<&str>) -> Result<Entry, VaultError> {
        let version = match version {
            Some(version) => number(path, version)?,
            None => {
                let newest = self.numbers(path)?.last().copied();
                newest.ok_or_else(|| VaultError::Absent(format!("{path}: a value")))?
            }
        };
        let text = self.text(path, Some(version))?;
        Ok(Entry { version: version.to_string(), fields: shape::fields(&text) })
    }

    fn can_write(&self, path: &str) -> Result<(), VaultError> {
        let reply = self.send(Ask::get(format!("{}?check=true&privilege=update", self.at("resources", path)?)), path);
        match reply {
            Ok(_) => Ok(()),
            Err(VaultError::Absent(_)) => {
                Err(VaultError::Denied(format!("{path}: no such variable, or the login may not update it")))
            }
            Err(error) => Err(error),
        }
    }

    fn write_if_version(&self, path: &str, fields: &Fields, expected: Option<&str>) -> Result<String, VaultError> {
        let conflict = || VaultError::Conflict { path: path.to_owned() };
        let before = match self.numbers(path) {
            Err(VaultError::Absent(_)) => {
                return Err(VaultError::Unsupported(format!("{path}: variables of Conjur are made by a policy")));
            }
            numbers => numbers?.last().copied(),
        };
        if before.map(|number| number.to_string()).as_deref() != expected {
            return Err(conflict());
        }
        let known = before.and_then(|before| self.text(path, Some(before)).ok());
        let text = shape::text(fields, known.as_ref().map(|known| known.as_slice()))?;
        self.add(path, &text)?;
        let next = before.unwrap_or(0) + 1;
        let newest = self.numbers(path)?.last().copied().unwrap_or(0);
        if newest == next {
            return Ok(next.to_string());
        }
        // Somebody wrote in between. When ours came last, theirs is put on top again.
        if *self.text(path, Some(newest))? == *text {
            let theirs = self.text(path, Some(newest - 1))?;
            self.add(path, &theirs)?;
        }
        Err(conflict())
    }

    fn retire(&self, path: &str, version: &str) -> Result<(), VaultError> {
        match self.versions(path)?.iter().find(|known| known.id == version) {
            None => Err(VaultError::Absent(format!("{path}, version {version}"))),
            Some(_) => Err(VaultError::Unsupported(format!("{path}: Conjur ends old versions by their number alone"))),
        }
    }

    fn annotate(&self, path: &str, _: &BTreeMap<String, String>) -> Result<(), VaultError> {
        Err(VaultError::Unsupported(format!("{path}: notes of Conjur are a part of its policy")))
    }
}
