//! Azure Key Vault. Nothing is checked when a secret is set: the list of versions tells afterwards whether somebody else
//! was faster, and then theirs is put on top again.
//! <https://learn.microsoft.com/rest/api/keyvault/secrets/>

use super::talk::{Ask, Reply, Talk, Wire, bearer, strange};
use super::{Entry, Fields, Vault, VaultError, Version, shape};
use crate::http::{Method, encode};
use crate::secret::Secret;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

const API: &str = "api-version=2025-07-01";
const LOGIN: &str = "https://login.microsoftonline.com";
const SCOPE: &str = "https%3A%2F%2Fvault.azure.net%2F.default";
/// More pages than any vault has.
const MAX_PAGES: usize = 10_000;

/// Where the vault is, and who asks.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `https://NAME.vault.azure.net`.
    pub address: String,
    /// Who asks.
    pub login: Login,
    /// Where logins are, when not at Microsoft's own address.
    pub authority: Option<String>,
}

/// What one logs in with.
#[derive(Clone, Debug)]
pub enum Login {
    /// An access token for `https://vault.azure.net`.
    Token(Secret),
    /// An application's secret.
    Client {
        /// The directory.
        tenant: String,
        /// The application.
        client: String,
        /// Its secret.
        secret: Secret,
    },
    /// An application that trusts a token of another provider, of a pipeline's forge perhaps.
    Federated {
        /// The directory.
        tenant: String,
        /// The application.
        client: String,
        /// The token.
        jwt: Secret,
    },
}

/// One key vault's secrets.
pub struct KeyVault {
    talk: Talk,
}

impl KeyVault {
    /// Logs in.
    pub fn open(wire: Wire, settings: &Settings) -> Result<KeyVault, VaultError> {
        let mut talk = Talk::new(wire.clone(), &settings.address)?;
        let authority = settings.authority.as_deref().unwrap_or(LOGIN);
        let token = match &settings.login {
            Login::Token(token) => token.clone(),
            Login::Client { tenant, client, secret } => {
                log_in(wire, authority, tenant, client, &[("client_secret", secret)], "")?
            }
            Login::Federated { tenant, client, jwt } => {
                let kind = "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
                log_in(wire, authority, tenant, client, &[("client_assertion", jwt)], kind)?
            }
        };
        talk.set_header("Authorization", bearer(&token));
        Ok(KeyVault { talk })
    }

    fn at(&self, path: &str, rest: &str) -> Result<String, VaultError> {
        let is_name = (1..=127).contains(&path.len()) && path.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        match is_name {
            true => Ok(format!("/secrets/{path}{rest}?{API}")),
            false => Err(VaultError::Other(format!(
                "`{}` is no name of a secret: letters, digits and -",
                path.escape_debug()
            ))),
        }
    }

    fn send(&self, ask: &Ask, object: &str) -> Result<Reply, VaultError> {
        let reply = self.talk.send(ask)?;
        if reply.is_success() {
            return Ok(reply);
        }
        let words = reply.text("/error/message").unwrap_or_default();
        let inner = reply.text("/error/innererror/code").unwrap_or_default();
        Err(match reply.status {
            403 if inner == "SecretDisabled" => VaultError::Absent(format!("{object}, which is disabled,")),
            // Deleted, and its name still taken.
            409 => VaultError::Conflict { path: object.to_owned() },
            status => self.talk.refusal(ask, status, words, object),
        })
    }

    fn pages(&self, first: String, object: &str) -> Result<Vec<Value>, VaultError> {
        let (mut items, mut next) = (Vec::new(), first);
        for _ in 0..MAX_PAGES {
            let reply = self.send(&Ask::get(next), object)?;
            items.extend(reply.json.get("value").and_then(Value::as_array).cloned().unwrap_or_default());
            match reply.text("/nextLink").filter(|link| !link.is_empty()) {
                // The next page is where the first one is, or the login would go elsewhere.
                Some(link) => {
                    let rest = link.strip_prefix(self.talk.base()).filter(|rest| rest.starts_with('/'));
                    next = rest
                        .ok_or_else(|| VaultError::Other(format!("{object}: the list goes on elsewhere")))?
                        .to_owned();
                }
                None => return Ok(items),
            }
        }
        Err(VaultError::Other(format!("{object}: its list does not end")))
    }

    fn get(&self, path: &str, version: Option<&str>) -> Result<Reply, VaultError> {
        let rest = version.map(|version| format!("/{}", encode(version, false))).unwrap_or_default();
        self.send(&Ask::get(self.at(path, &rest)?), path)
    }

    fn ids(&self, path: &str) -> Result<BTreeSet<String>, VaultError> {
        match self.versions(path) {
            Ok(versions) => Ok(versions.into_iter().map(|version| version.id).collect()),
            Err(VaultError::Absent(_)) => Ok(BTreeSet::new()),
            Err(error) => Err(error),
        }
    }

    fn put(&self, path: &str, text: &[u8], before: Option<&Reply>) -> Result<String, VaultError> {
        let text =
            std::str::from_utf8(text).map_err(|_| VaultError::Unsupported(format!("{path}: Key Vault holds texts")))?;
        let mut body = json!({ "value": text });
        // A new version has nothing of the old one by itself.
        for name in ["contentType", "tags"] {
            if let Some(known) = before.and_then(|before| before.json.get(name)) {
                body[name] = known.clone();
            }
        }
        let reply = self.send(&Ask::change(Method::Put, self.at(path, "")?).json(body), path)?;
        let id = reply.text("/id").map(last).map(str::to_owned);
        id.ok_or_else(|| VaultError::Unanswered(format!("{path}: it was written, but the answer names no version")))
    }

    fn disable(&self, path: &str, version: &str) -> Result<(), VaultError> {
        let body = json!({ "attributes": { "enabled": false } });
        let at = self.at(path, &format!("/{}", encode(version, false)))?;
        self.send(&Ask::change(Method::Patch, at).json(body), path).map(|_| ())
    }
}

fn log_in(
    wire: Wire,
    authority: &str,
    tenant: &str,
    client: &str,
    secrets: &[(&str, &Secret)],
    more: &str,
) -> Result<Secret, VaultError> {
    let talk = Talk::new(wire, authority)?;
    let object = "the login at the directory";
    let mut ask = Ask::change(Method::Post, format!("/{}/oauth2/v2.0/token", encode(tenant, false))).harmless();
    let mut body = format!("grant_type=client_credentials&client_id={}&scope={SCOPE}{more}", encode(client, false));
    for (name, secret) in secrets {
        let value = std::str::from_utf8(secret.expose()).map_err(|_| strange(object))?;
        body.push_str(&format!("&{name}={}", encode(value, false)));
    }
    ask.body = body.into_bytes();
    ask.headers.push(("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned()));
    let reply = talk.send(&ask)?;
    match reply.status {
        200..300 => {
            reply.text("/access_token").map(|token| Secret::new(token.as_bytes())).ok_or_else(|| strange(object))
        }
        400 | 401 => Err(VaultError::Denied(
            talk.refusal(&ask, 401, reply.text("/error").unwrap_or_default(), object).to_string(),
        )),
        status => Err(talk.refusal(&ask, status, "", object)),
    }
}

fn last(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

impl Vault for KeyVault {
    fn name(&self) -> String {
        format!("azure key vault {}", self.talk.base())
    }

    fn list(&self) -> Result<Vec<String>, VaultError> {
        let items = self.pages(format!("/secrets?{API}&maxresults=25"), "the list of secrets")?;
        let mut names: Vec<String> =
            items.iter().filter_map(|item| Some(last(item.get("id")?.as_str()?).to_owned())).collect();
        names.sort();
        Ok(names)
    }

    fn versions(&self, path: &str) -> Result<Vec<Version>, VaultError> {
        let items = self.pages(format!("{}&maxresults=25", self.at(path, "/versions")?), path)?;
        let version = |item: &Value| {
            let attributes = item.get("attributes")?;
            Some(Version {
                id: last(item.get("id")?.as_str()?).to_owned(),
                created: attributes.get("created").and_then(Value::as_i64),
                is_current: false,
                is_readable: attributes.get("enabled").and_then(Value::as_bool) == Some(true),
            })
        };
        let mut versions: Vec<Version> = items.iter().filter_map(version).collect();
        if versions.is_empty() {
            return Err(VaultError::Absent(path.to_owned()));
        }
        versions.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
        // Times are whole seconds: of two versions of one second only the vault knows which is read.
        let newest = versions.last().and_then(|version| version.created);
        let is_clear = versions.iter().filter(|version| version.created == newest).count() == 1;
        let current = match (is_clear, versions.last()) {
            (true, Some(version)) => version.id.clone(),
            _ => last(self.get(path, None)?.text("/id").ok_or_else(|| strange(path))?).to_owned(),
        };
        versions.iter_mut().for_each(|version| version.is_current = version.id == current);
        versions.sort_by(|a, b| (a.created, a.is_current, &a.id).cmp(&(b.created, b.is_current, &b.id)));
        Ok(versions)
    }

    fn read(&self, path: &str, version: Option<&str>) -> Result<Entry, VaultError> {
        let reply = self.get(path, version)?;
        let value = reply.text("/value").ok_or_else(|| strange(path))?;
        let version = last(reply.text("/id").ok_or_else(|| strange(path))?).to_owned();
        Ok(Entry { version, fields: shape::fields(value.as_bytes()) })
    }

    fn can_write(&self, path: &str) -> Result<(), VaultError> {
        // There is no question for one's own rights: a name that may be asked for is all that can be told.
        match self.pages(self.at(path, "/versions")?, path) {
            Ok(_) | Err(VaultError::Absent(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn write_if_version(&self, path: &str, fields: &Fields, expected: Option<&str>) -> Result<String, VaultError> {
        let conflict = || VaultError::Conflict { path: path.to_owned() };
        let before = self.ids(path)?;
        let known = match expected {
            Some(expected) if !before.contains(expected) => return Err(conflict()),
            Some(expected) => {
                let is_current =
                    self.versions(path)?.iter().any(|version| version.is_current && version.id == expected);
                if !is_current {
                    return Err(conflict());
                }
                self.get(path, Some(expected)).ok()
            }
            None if before.is_empty() => None,
            None => return Err(conflict()),
        };
        let text = shape::text(fields, known.as_ref().and_then(|known| known.text("/value")).map(str::as_bytes))?;
        let own = self.put(path, &text, known.as_ref())?;
        let others: Vec<Version> = self
            .versions(path)?
            .into_iter()
            .filter(|version| version.id != own && !before.contains(&version.id))
            .collect();
        let Some(theirs) = others.last() else { return Ok(own) };
        // Somebody wrote in between: theirs is the current one again, ours can be read no more.
        let theirs = self.get(path, Some(&theirs.id))?;
        self.put(path, theirs.text("/value").ok_or_else(|| strange(path))?.as_bytes(), Some(&theirs))?;
        self.disable(path, &own)?;
        Err(conflict())
    }

    fn retire(&self, path: &str, version: &str) -> Result<(), VaultError> {
        match self.versions(path)?.iter().find(|known| known.id == version) {
            None => Err(VaultError::Absent(format!("{path}, version {version}"))),
            Some(known) if known.is_current => {
                Err(VaultError::Other(format!("{path}: version {version} is the current one")))
            }
            Some(_) => self.disable(path, version),
        }
    }

    fn annotate(&self, path: &str, notes: &BTreeMap<String, String>) -> Result<(), VaultError> {
        let current = self.get(path, None)?;
        let version = last(current.text("/id").ok_or_else(|| strange(path))?).to_owned();
        let mut tags: Map<String, Value> =
            current.json.get("tags").and_then(Value::as_object).cloned().unwrap_or_default();
        tags.extend(notes.iter().map(|(name, note)| (name.clone(), Value::from(note.as_str()))));
        let at = self.at(path, &format!("/{}", encode(&version, false)))?;
        self.send(&Ask::change(Method::Patch, at).json(json!({ "tags": tags })), path).map(|_| ())
    }
}
