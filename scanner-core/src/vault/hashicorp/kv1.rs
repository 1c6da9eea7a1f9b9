//! KV version 1: one value an entry, and nothing that guards it against others who write.
//! <https://openbao.org/api-docs/secret/kv/kv-v1/>

use super::Hashicorp;
use crate::http::{Method, encode};
use crate::vault::talk::{Ask, Reply, field, quoted, strange, unfield};
use crate::vault::{Entry, Fields, VaultError, Version};
use serde_json::{Map, Value};

/// What the only version is called.
const ONLY: &str = "current";

impl Hashicorp {
    pub(super) fn list_v1(&self) -> Result<Vec<String>, VaultError> {
        let mount = encode(&self.mount, true);
        self.names(&|folder| format!("{mount}/{}", encode(folder, true)))
    }

    fn read_raw_v1(&self, path: &str) -> Result<Reply, VaultError> {
        let ask = Ask::get(format!("/v1/{}/{}", encode(&self.mount, true), quoted(path)?));
        let reply = self.send(&ask)?;
        if reply.is_success() { Ok(reply) } else { Err(self.refused(&ask, &reply, path)) }
    }

    pub(super) fn versions_v1(&self, path: &str) -> Result<Vec<Version>, VaultError> {
        self.read_raw_v1(path)?;
        Ok(vec![Version { id: ONLY.into(), created: None, is_current: true, is_readable: true }])
    }

    pub(super) fn read_v1(&self, path: &str, version: Option<&str>) -> Result<Entry, VaultError> {
        if let Some(version) = version.filter(|version| *version != ONLY) {
            return Err(VaultError::Absent(format!("{path}, version {version}")));
        }
        let reply = self.read_raw_v1(path)?;
        let data = reply.json.get("data").and_then(Value::as_object).ok_or_else(|| strange(path))?;
        let fields = data.iter().map(|(name, value)| (name.clone(), field(value))).collect();
        Ok(Entry { version: ONLY.into(), fields })
    }

    pub(super) fn can_write_v1(&self, path: &str) -> Result<(), VaultError> {
        self.refuse_unguarded(path)?;
        self.may(&format!("{}/{path}", self.mount), &["create", "update"])
    }

    fn refuse_unguarded(&self, path: &str) -> Result<(), VaultError> {
        match self.allow_no_cas {
            true => Ok(()),
            false => Err(VaultError::Unsupported(format!(
                "{path}: KV version 1 cannot check that nobody else writes; it is written only with allow-no-cas"
            ))),
        }
    }

    /// Reads, compares and writes: what somebody writes in between is lost.
    pub(super) fn write_v1(&self, path: &str, fields: &Fields, expected: Option<&str>) -> Result<String, VaultError> {
        self.refuse_unguarded(path)?;
        let before = match self.read_raw_v1(path) {
            Err(VaultError::Absent(_)) => None,
            reply => Some(reply?),
        };
        if before.is_some() != expected.is_some() || expected.is_some_and(|expected| expected != ONLY) {
            return Err(VaultError::Conflict { path: path.to_owned() });
        }
        let of_before = |name: &str| before.as_ref().and_then(|reply| reply.json.get("data")?.get(name));
        let mut data = Map::new();
        for (name, value) in fields {
            data.insert(name.clone(), unfield(name, value, of_before(name))?);
        }
        let at = format!("{}/{}", encode(&self.mount, true), quoted(path)?);
        self.change(Method::Post, &at, Value::Object(data), path)?;
        Ok(ONLY.to_owned())
    }
}
