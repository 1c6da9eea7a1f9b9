//! GCP Secret Manager. There is no check when a version is added: its number tells afterwards whether somebody else was
//! faster, and then theirs is put on top again.
//! <https://cloud.google.com/secret-manager/docs/reference/rest>

use super::talk::{Ask, Reply, Talk, Wire, bearer, strange};
use super::{Entry, Fields, Vault, VaultError, Version, hashicorp, shape};
use crate::http::{Method, encode};
use crate::secret::Secret;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

const ADDRESS: &str = "https://secretmanager.googleapis.com";
/// More pages than any project has.
const MAX_PAGES: usize = 10_000;

/// Where the secrets are, and who asks.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The project's id or number.
    pub project: String,
    /// An address other than Google's.
    pub address: Option<String>,
    /// An access token, as `gcloud auth print-access-token` prints it.
    pub token: Secret,
}

/// The secrets of one project.
pub struct SecretManager {
    talk: Talk,
    project: String,
}

impl SecretManager {
    /// Nothing is sent yet.
    pub fn open(wire: Wire, settings: &Settings) -> Result<SecretManager, VaultError> {
        let mut talk = Talk::new(wire, settings.address.as_deref().unwrap_or(ADDRESS))?;
        talk.set_header("Authorization", bearer(&settings.token));
        Ok(SecretManager { talk, project: named("project", &settings.project)?.to_owned() })
    }

    fn at(&self, path: &str, rest: &str) -> Result<String, VaultError> {
        Ok(format!("/v1/projects/{}/secrets/{}{rest}", self.project, named("secret", path)?))
    }

    fn send(&self, ask: &Ask, object: &str) -> Result<Reply, VaultError> {
        let reply = self.talk.send(ask)?;
        if reply.is_success() { Ok(reply) } else { Err(self.refused(ask, &reply, object)) }
    }

    fn refused(&self, ask: &Ask, reply: &Reply, object: &str) -> VaultError {
        let words = reply.text("/error/message").unwrap_or_default();
        match (reply.status, reply.text("/error/status")) {
            // A version that is disabled or destroyed.
            (400, Some("FAILED_PRECONDITION")) if !ask.changes => {
                VaultError::Absent(format!("{object}, which is disabled,"))
            }
            (400, Some("FAILED_PRECONDITION")) | (409, _) => VaultError::Conflict { path: object.to_owned() },
            (status, _) => self.talk.refusal(ask, status, words, object),
        }
    }

    /// Every item of a list that comes in pages.
    fn pages(&self, path: &str, list: &str, object: &str) -> Result<Vec<Value>, VaultError> {
        let (mut items, mut next) = (Vec::new(), String::new());
        for _ in 0..MAX_PAGES {
            let page = if next.is_empty() { String::new() } else { format!("&pageToken={}", encode(&next, false)) };
            let reply = self.send(&Ask::get(format!("{path}?pageSize=250{page}")), object)?;
            items.extend(reply.json.get(list).and_then(Value::as_array).cloned().unwrap_or_default());
            match reply.text("/nextPageToken").filter(|token| !token.is_empty()) {
                Some(token) => next = token.to_owned(),
                None => return Ok(items),
            }
        }
        Err(VaultError::Other(format!("{object}: its list does not end")))
    }

    fn numbered(&self, path: &str) -> Result<Vec<(u64, Value)>, VaultError> {
        let number = |item: Value| {
            let number = last(item.get("name")?.as_str()?).parse().ok()?;
            Some((number, item))
        };
        let items = self.pages(&self.at(path, "/versions")?, "versions", path)?;
        let mut items: Vec<(u64, Value)> = items.into_iter().filter_map(number).collect();
        items.sort_by_key(|(number, _)| *number);
        Ok(items)
    }

    fn current(&self, path: &str) -> Result<Option<u64>, VaultError> {
        match self.numbered(path) {
            Ok(versions) => Ok(versions.last().map(|(number, _)| *number)),
            Err(VaultError::Absent(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn text(&self, path: &str, version: &str) -> Result<(String, Zeroizing<Vec<u8>>), VaultError> {
        let reply = self.send(&Ask::get(self.at(path, &format!("/versions/{version}:access"))?), path)?;
        let data = reply.text("/payload/data").unwrap_or_default();
        let text = Zeroizing::new(STANDARD.decode(data).map_err(|_| strange(path))?);
        let sum =
            reply.json.pointer("/payload/dataCrc32c").map(|sum| sum.as_str().map_or(sum.to_string(), str::to_owned));
        if sum.is_some_and(|sum| sum != crc32c(&text).to_string()) {
            return Err(VaultError::Other(format!("{path}: the value was damaged on its way")));
        }
        Ok((last(reply.text("/name").ok_or_else(|| strange(path))?).to_owned(), text))
    }

    fn add(&self, path: &str, text: &[u8]) -> Result<u64, VaultError> {
        let payload = json!({ "data": STANDARD.encode(text), "dataCrc32c": crc32c(text).to_string() });
        let ask = Ask::change(Method::Post, self.at(path, ":addVersion")?).json(json!({ "payload": payload }));
        let reply = self.send(&ask, path)?;
        let number = reply.text("/name").and_then(|name| last(name).parse().ok());
        number.ok_or_else(|| VaultError::Unanswered(format!("{path}: it was written, but the answer names no version")))
    }

    fn disable(&self, path: &str, version: &str, etag: Option<&str>) -> Result<(), VaultError> {
        let body = etag.map_or(json!({}), |etag| json!({ "etag": etag }));
        let ask = Ask::change(Method::Post, self.at(path, &format!("/versions/{version}:disable"))?).json(body);
        self.send(&ask, path).map(|_| ())
    }

    fn create(&self, path: &str) -> Result<(), VaultError> {
        let at = format!("/v1/projects/{}/secrets?secretId={}", self.project, named("secret", path)?);
        let ask = Ask::change(Method::Post, at).json(json!({ "replication": { "automatic": {} } }));
        match self.send(&ask, path) {
            // A secret without a version is waiting for one.
            Err(VaultError::Conflict { .. }) => Ok(()),
            done => done.map(|_| ()),
        }
    }
}

/// Ids of secrets and projects, which become a part of an address.
fn named<'n>(what: &str, name: &'n str) -> Result<&'n str, VaultError> {
    let is_name =
        (1..=255).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    is_name.then_some(name).ok_or_else(|| VaultError::Other(format!("`{}` is no id of a {what}", name.escape_debug())))
}

fn last(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// Castagnoli's polynomial, as Google's services sum their payloads.
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |sum: u32, byte: &u8| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0x82f6_3b78 & (sum & 1).wrapping_neg()))
    };
    !bytes.iter().fold(!0, step)
}

impl Vault for SecretManager {
    fn name(&self) -> String {
        format!("gcp secret manager {}", self.project)
    }

    fn list(&self) -> Result<Vec<String>, VaultError> {
        let items = self.pages(&format!("/v1/projects/{}/secrets", self.project), "secrets", "the list of secrets")?;
        let name = |item: &Value| Some(last(item.get("name")?.as_str()?).to_owned());
        let mut names: Vec<String> = items.iter().filter_map(name).collect();
        names.sort();
        Ok(names)
    }

    fn versions(&self, path: &str) -> Result<Vec<Version>, VaultError> {
        let items = self.numbered(path)?;
        let newest = items.last().map(|(number, _)| *number);
        let version = |(number, item): &(u64, Value)| Version {
            id: number.to_string(),
            created: item.get("createTime").and_then(Value::as_str).and_then(hashicorp::seconds),
            is_current: Some(*number) == newest,
            is_readable: item.get("state").and_then(Value::as_str) == Some("ENABLED"),
        };
        Ok(items.iter().map(version).collect())
    }

    fn read(&self, path: &str, version: Option<&str>) -> Result<Entry, VaultError> {
        let (version, text) = self.text(path, &encode(version.unwrap_or("latest"), false))?;
        Ok(Entry { version, fields: shape::fields(&text) })
    }

    fn can_write(&self, path: &str) -> Result<(), VaultError> {
        let wanted = "secretmanager.versions.add";
        let ask = Ask::change(Method::Post, self.at(path, ":testIamPermissions")?);
        let ask = ask.json(json!({ "permissions": [wanted] })).harmless();
        match self.send(&ask, path) {
            Ok(reply)
                if reply.json.get("permissions").is_some_and(|list| list.as_array().is_some_and(|l| !l.is_empty())) =>
            {
                Ok(())
            }
            // Of a secret that is not there nothing can be told.
            Err(VaultError::Absent(_)) => Ok(()),
            Ok(_) if self.current(path)?.is_none() => Ok(()),
            Ok(_) => Err(VaultError::Denied(format!("{path}: the login has no {wanted}"))),
            Err(error) => Err(error),
        }
    }

    fn write_if_version(&self, path: &str, fields: &Fields, expected: Option<&str>) -> Result<String, VaultError> {
        let conflict = || VaultError::Conflict { path: path.to_owned() };
        let current = self.current(path)?;
        if current.map(|number| number.to_string()).as_deref() != expected {
            return Err(conflict());
        }
        let text = match expected {
            Some(expected) => {
                shape::text(fields, self.text(path, expected).ok().as_ref().map(|(_, text)| text.as_slice()))?
            }
            None => {
                self.create(path)?;
                shape::text(fields, None)?
            }
        };
        let number = self.add(path, &text)?;
        if number == current.unwrap_or(0) + 1 {
            return Ok(number.to_string());
        }
        // Somebody wrote in between: theirs is the current one again, ours can be read no more.
        let (_, theirs) = self.text(path, &(number - 1).to_string())?;
        self.add(path, &theirs)?;
        self.disable(path, &number.to_string(), None)?;
        Err(conflict())
    }

    fn retire(&self, path: &str, version: &str) -> Result<(), VaultError> {
        let items = self.numbered(path)?;
        let found = items.iter().find(|(number, _)| number.to_string() == version);
        let Some((number, item)) = found else {
            return Err(VaultError::Absent(format!("{path}, version {version}")));
        };
        if items.last().is_some_and(|(newest, _)| newest == number) {
            return Err(VaultError::Other(format!("{path}: version {version} is the current one")));
        }
        self.disable(path, version, item.get("etag").and_then(Value::as_str))
    }

    fn annotate(&self, path: &str, notes: &BTreeMap<String, String>) -> Result<(), VaultError> {
        let known = self.send(&Ask::get(self.at(path, "")?), path)?;
        let mut all: Map<String, Value> =
            known.json.get("annotations").and_then(Value::as_object).cloned().unwrap_or_default();
        all.extend(notes.iter().map(|(name, note)| (name.clone(), Value::from(note.as_str()))));
        let body = json!({ "annotations": all, "etag": known.text("/etag") });
        let ask = Ask::change(Method::Patch, self.at(path, "?updateMask=annotations")?).json(body);
        self.send(&ask, path).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn sums_are_castagnolis() {
        assert_eq!(super::crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(super::crc32c(b""), 0);
    }
}
