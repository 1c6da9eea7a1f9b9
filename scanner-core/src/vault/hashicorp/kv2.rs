//! KV version 2: every write is a new version, and says which version it expects.
//! <https://openbao.org/api-docs/secret/kv/kv-v2/>

use super::{Hashicorp, error_words};
use crate::http::Method;
use crate::time;
use crate::time::now;
use crate::vault::talk::{Ask, Reply, field, quoted, strange, unfield, wipe};
use crate::vault::{Entry, Fields, VaultError, Version};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What the server says when somebody else was faster; it says it with 400.
const MISMATCH: &str = "check-and-set parameter did not match the current version";
/// Versions that are kept unless the entry or the mount says otherwise.
const USUAL_VERSIONS: u64 = 10;

impl Hashicorp {
    fn at(&self, kind: &str, path: &str) -> Result<String, VaultError> {
        Ok(format!("{}/{kind}/{}", crate::http::encode(&self.mount, true), quoted(path)?))
    }

    pub(super) fn list_v2(&self) -> Result<Vec<String>, VaultError> {
        let mount = crate::http::encode(&self.mount, true);
        self.names(&|folder| format!("{mount}/metadata/{}", crate::http::encode(folder, true)))
    }

    fn metadata(&self, path: &str) -> Result<Reply, VaultError> {
        let ask = Ask::get(format!("/v1/{}", self.at("metadata", path)?));
        let reply = self.send(&ask)?;
        if reply.is_success() { Ok(reply) } else { Err(self.refused(&ask, &reply, path)) }
    }

    pub(super) fn versions_v2(&self, path: &str) -> Result<Vec<Version>, VaultError> {
        let reply = self.metadata(path)?;
        let data = reply.json.get("data").ok_or_else(|| strange(path))?;
        let current = data.get("current_version").and_then(Value::as_u64).ok_or_else(|| strange(path))?;
        let known = data.get("versions").and_then(Value::as_object).ok_or_else(|| strange(path))?;
        let now = now();
        let mut versions: Vec<(u64, Version)> = Vec::new();
        for (id, about) in known {
            let number: u64 = id.parse().map_err(|_| strange(path))?;
            versions.push((
                number,
                Version {
                    id: id.clone(),
                    created: about.get("created_time").and_then(Value::as_str).and_then(seconds),
                    is_current: number == current,
                    is_readable: is_readable(about, now),
                },
            ));
        }
        versions.sort_by_key(|(number, _)| *number);
        Ok(versions.into_iter().map(|(_, version)| version).collect())
    }

    pub(super) fn read_v2(&self, path: &str, version: Option<&str>) -> Result<Entry, VaultError> {
        let reply = self.read_raw(path, version)?;
        let data = reply.json.pointer("/data/data").and_then(Value::as_object).ok_or_else(|| strange(path))?;
        let fields: Fields = data.iter().map(|(name, value)| (name.clone(), field(value))).collect();
        let number =
            reply.json.pointer("/data/metadata/version").and_then(Value::as_u64).ok_or_else(|| strange(path))?;
        Ok(Entry { version: number.to_string(), fields })
    }

    fn read_raw(&self, path: &str, version: Option<&str>) -> Result<Reply, VaultError> {
        let query = match version {
            Some(version) => format!("?version={}", number(path, version)?),
            None => String::new(),
        };
        let ask = Ask::get(format!("/v1/{}{query}", self.at("data", path)?));
        let reply = self.send(&ask)?;
        match reply.status {
            200..300 => Ok(reply),
            // A version that was deleted answers 404 with what is known of it.
            404 => Err(VaultError::Absent(gone(path, &reply.json))),
            _ => Err(self.refused(&ask, &reply, path)),
        }
    }

    pub(super) fn can_write_v2(&self, path: &str) -> Result<(), VaultError> {
        let wanted = match self.metadata(path) {
            Ok(_) => "update",
            Err(VaultError::Absent(_)) => "create",
            // Whoever may write need not be able to read what is known of the entry.
            Err(VaultError::Denied(_)) => "update",
            Err(error) => return Err(error),
        };
        crate::vault::talk::checked(path)?;
        self.may(&format!("{}/data/{path}", self.mount), &[wanted])
    }

    pub(super) fn write_v2(&self, path: &str, fields: &Fields, expected: Option<&str>) -> Result<String, VaultError> {
        let cas = expected.map_or(Ok(0), |expected| number(path, expected))?;
        let before = match expected {
            // A number stays a number; a version that was deleted tells nothing of that.
            Some(_) => self.read_raw(path, expected).ok(),
            None => None,
        };
        let of_before = |name: &str| before.as_ref().and_then(|reply| reply.json.pointer("/data/data")?.get(name));
        let mut data = Map::new();
        for (name, value) in fields {
            data.insert(name.clone(), unfield(name, value, of_before(name))?);
        }
        let ask = Ask::change(Method::Post, format!("/v1/{}", self.at("data", path)?))
            .json(json!({ "options": { "cas": cas }, "data": data }));
        data.values_mut().for_each(wipe);
        let reply = self.send(&ask)?;
        if reply.is_success() {
            let version = reply.json.pointer("/data/version").and_then(Value::as_u64);
            let unknown = || VaultError::Unanswered(format!("{path}: it was written, but the answer names no version"));
            return version.map(|version| version.to_string()).ok_or_else(unknown);
        }
        if reply.status == 400 && error_words(&reply.json).contains(MISMATCH) {
            return Err(VaultError::Conflict { path: path.to_owned() });
        }
        Err(self.refused(&ask, &reply, path))
    }

    pub(super) fn pushed_out_v2(&self, path: &str) -> Result<Vec<String>, VaultError> {
        let reply = match self.metadata(path) {
            Err(VaultError::Absent(_)) => return Ok(Vec::new()),
            reply => reply?,
        };
        let of = |way: &str| reply.json.pointer(way).and_then(Value::as_u64);
        let most = match of("/data/max_versions").filter(|most| *most > 0) {
            Some(most) => most,
            None => self.most_versions()?,
        };
        let kept = self.versions_v2(path)?;
        let too_many = (kept.len() as u64 + 1).saturating_sub(most) as usize;
        Ok(kept.into_iter().take(too_many).map(|version| version.id).collect())
    }

    /// Of the mount, when it may be asked.
    fn most_versions(&self) -> Result<u64, VaultError> {
        let reply = self.get(&format!("{}/config", crate::http::encode(&self.mount, true)))?;
        let most = reply.json.pointer("/data/max_versions").and_then(Value::as_u64).filter(|most| *most > 0);
        Ok(most.unwrap_or(USUAL_VERSIONS))
    }

    pub(super) fn retire_v2(&self, path: &str, version: &str) -> Result<(), VaultError> {
        let version = number(path, version)?;
        let id = version.to_string();
        match self.versions_v2(path)?.iter().find(|known| known.id == id) {
            None => return Err(VaultError::Absent(format!("{path}, version {id}"))),
            Some(known) if known.is_current => {
                return Err(VaultError::Other(format!("{path}: version {id} is the current one")));
            }
            Some(_) => {}
        }
        let body = json!({ "versions": [version] });
        self.change(Method::Post, &self.at("delete", path)?, body, path).map(|_| ())
    }

    pub(super) fn annotate_v2(&self, path: &str, notes: &BTreeMap<String, String>) -> Result<(), VaultError> {
        let at = self.at("metadata", path)?;
        let mut ask = Ask::change(Method::Patch, format!("/v1/{at}")).json(json!({ "custom_metadata": notes }));
        ask.headers = vec![("Content-Type".to_owned(), "application/merge-patch+json".to_owned())];
        let reply = self.send(&ask)?;
        match reply.status {
            200..300 => Ok(()),
            // Without the capability to patch, or on a server without it, the whole is written again with what is there.
            403 | 405 => self.annotate_whole(path, &at, notes),
            _ => Err(self.refused(&ask, &reply, path)),
        }
    }

    fn annotate_whole(&self, path: &str, at: &str, notes: &BTreeMap<String, String>) -> Result<(), VaultError> {
        let known = self.metadata(path)?;
        let known = known.json.pointer("/data/custom_metadata").and_then(Value::as_object);
        let mut all: Map<String, Value> = known.cloned().unwrap_or_default();
        all.extend(notes.iter().map(|(name, note)| (name.clone(), Value::String(note.clone()))));
        self.change(Method::Post, at, json!({ "custom_metadata": all }), path).map(|_| ())
    }
}

fn number(path: &str, version: &str) -> Result<u64, VaultError> {
    let number = version.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| VaultError::Absent(format!("{path}, version {version}")))
}

fn gone(path: &str, json: &Value) -> String {
    let about = json.pointer("/data/metadata");
    let is_destroyed = about.and_then(|about| about.get("destroyed")).and_then(Value::as_bool) == Some(true);
    match about.and_then(|about| about.get("version")).and_then(Value::as_u64) {
        Some(version) if is_destroyed => format!("{path}: version {version} was destroyed; what it held"),
        Some(version) => format!("{path}: version {version} was deleted; what it held"),
        None => path.to_owned(),
    }
}

/// A time of deletion may lie ahead: until then the version can be read.
fn is_readable(about: &Value, now: i64) -> bool {
    let is_destroyed = about.get("destroyed").and_then(Value::as_bool) == Some(true);
    let deleted = about.get("deletion_time").and_then(Value::as_str).filter(|time| !time.is_empty());
    !is_destroyed && deleted.is_none_or(|time| seconds(time).is_some_and(|time| time > now))
}

/// `2026-11-21T10:00:00.123456789Z`, or with an offset, to the second.
pub(in crate::vault) fn seconds(time: &str) -> Option<i64> {
    let (date, rest) = time.split_at_checked(19)?;
    let zone = rest.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let offset = match zone {
        "Z" => 0,
        zone => {
            let sign = if zone.starts_with('-') { -1 } else { 1 };
            let (hours, minutes) = zone.get(1..)?.split_once(':')?;
            sign * (hours.parse::<i64>().ok()? * 3_600 + minutes.parse::<i64>().ok()? * 60)
        }
    };
    Some(time::parse_rfc3339(&format!("{date}Z"))? - offset)
}
