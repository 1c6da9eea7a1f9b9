//! HashiCorp Vault and OpenBao: entries of KV version 2 and 1, logins, and the engines that end credentials.
//! <https://openbao.org/api-docs/>, <https://developer.hashicorp.com/vault/api-docs>

mod engines;
mod kv1;
mod kv2;
mod login;

pub(super) use kv2::seconds;

pub use engines::{Holder, Lease, StaticLogin};
pub use login::{Login, github_token};

use super::talk::{Ask, Reply, Talk, Wire, checked, strange};
use super::{Entry, Fields, Vault, VaultError, Version};
use crate::http::Method;
use crate::secret::Secret;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Where a vault is, and how it is used.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `https://vault.example:8200`.
    pub address: String,
    /// As in `team/a`.
    pub namespace: Option<String>,
    /// The KV engine's mount, as in `secret`.
    pub mount: String,
    /// Which KV it is; asked for when not said.
    pub kv: Option<Kv>,
    /// Entries of KV version 1 may be overwritten, which nothing guards against others who write.
    pub allow_no_cas: bool,
}

/// The two kinds of KV engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kv {
    /// Without versions.
    V1,
    /// With versions, and writes that check them.
    V2,
}

/// A vault, logged in.
pub struct Hashicorp {
    pub(super) talk: Talk,
    mount: String,
    kv: Kv,
    allow_no_cas: bool,
    /// The token was made for us by a login, so that we end it.
    is_lent: bool,
}

impl Hashicorp {
    /// Logs in, and asks which KV the mount is unless the settings say.
    pub fn open(wire: Wire, settings: &Settings, login: &Login) -> Result<Hashicorp, VaultError> {
        let mut talk = Talk::new(wire, &settings.address)?;
        // A proxy before the vault may ask for it.
        talk.set_header("X-Vault-Request", Secret::new(b"true"));
        if let Some(namespace) = &settings.namespace {
            checked(namespace.trim_matches('/'))?;
            talk.set_header("X-Vault-Namespace", Secret::new(namespace.as_bytes()));
        }
        let mount = checked(settings.mount.trim_matches('/'))?.to_owned();
        let token = login::token(&talk, login)?;
        talk.set_header("X-Vault-Token", token);
        let is_lent = !matches!(login, Login::Token(_));
        let mut vault = Hashicorp { talk, mount, kv: Kv::V2, allow_no_cas: settings.allow_no_cas, is_lent };
        vault.kv = match settings.kv {
            Some(kv) => kv,
            None => vault.discover()?,
        };
        Ok(vault)
    }

    /// The same server without a login: tokens that are not ours may be asked about and ended by themselves.
    pub fn without_login(wire: Wire, settings: &Settings) -> Result<Hashicorp, VaultError> {
        let known = Settings { kv: Some(settings.kv.unwrap_or(Kv::V2)), ..settings.clone() };
        let mut vault = Hashicorp::open(wire, &known, &Login::Token(Secret::new(b"")))?;
        vault.talk = vault.talk.without("X-Vault-Token");
        Ok(vault)
    }

    /// Which KV the mount is.
    pub fn kv(&self) -> Kv {
        self.kv
    }

    /// Ends the token that a login gave us; one that was brought along stays.
    pub fn log_out(self) -> Result<(), VaultError> {
        if self.is_lent { self.revoke_self() } else { Ok(()) }
    }

    /// A mount may be hidden from whoever may read its entries: then the answer to a listing tells.
    fn discover(&self) -> Result<Kv, VaultError> {
        let object = format!("mount {}", self.mount);
        let reply = self.get(&format!("sys/internal/ui/mounts/{}", crate::http::encode(&self.mount, true)))?;
        if reply.is_success() {
            let version = reply.json.pointer("/data/options/version").or(reply.json.pointer("/options/version"));
            return Ok(match version.and_then(Value::as_str) {
                Some("2") => Kv::V2,
                _ => Kv::V1,
            });
        }
        if !matches!(reply.status, 404 | 405 | 500) {
            return Err(self.refused(&Ask::get(""), &reply, &object));
        }
        // What does not know the question is no vault that has version 2.
        let mounts = self.get("sys/mounts")?;
        let of_mount = mounts
            .json
            .get(format!("{}/", self.mount))
            .or_else(|| mounts.json.pointer("/data")?.get(format!("{}/", self.mount)));
        match of_mount {
            Some(of_mount) => {
                let is_v2 = of_mount.pointer("/options/version").and_then(Value::as_str) == Some("2");
                Ok(if is_v2 && self.answers_metadata()? { Kv::V2 } else { Kv::V1 })
            }
            None => Err(VaultError::Absent(object)),
        }
    }

    /// One kind of server takes a mount of version 2 and makes it version 1.
    fn answers_metadata(&self) -> Result<bool, VaultError> {
        let reply = self.get(&format!("{}/config", self.mount))?;
        Ok(reply.json.pointer("/data/max_versions").is_some())
    }

    pub(super) fn get(&self, path: &str) -> Result<Reply, VaultError> {
        self.send(&Ask::get(format!("/v1/{path}")))
    }

    pub(super) fn send(&self, ask: &Ask) -> Result<Reply, VaultError> {
        self.talk.send(ask)
    }

    /// Sends a change; a documented 204 may come back as 200 with warnings.
    pub(super) fn change(&self, method: Method, path: &str, body: Value, object: &str) -> Result<Reply, VaultError> {
        let ask = Ask::change(method, format!("/v1/{path}")).json(body);
        let reply = self.send(&ask)?;
        if reply.is_success() { Ok(reply) } else { Err(self.refused(&ask, &reply, object)) }
    }

    pub(super) fn refused(&self, ask: &Ask, reply: &Reply, object: &str) -> VaultError {
        refused(&self.talk, ask, reply, object)
    }

    /// What a list holds, folders with a slash at their end; one that is not there is empty.
    pub(super) fn list_at(&self, path: &str, object: &str) -> Result<Vec<String>, VaultError> {
        let mut ask = Ask::get(format!("/v1/{path}"));
        ask.method = Method::List;
        let mut reply = self.send(&ask)?;
        if matches!(reply.status, 400 | 405 | 501) {
            // Some proxies know no LIST.
            reply = self.get(&format!("{path}?list=true"))?;
        }
        match reply.status {
            404 if error_words(&reply.json).is_empty() => Ok(Vec::new()),
            200..300 => {
                let keys = reply.json.pointer("/data/keys").and_then(Value::as_array).ok_or_else(|| strange(object))?;
                Ok(keys.iter().filter_map(Value::as_str).map(str::to_owned).collect())
            }
            _ => Err(self.refused(&ask, &reply, object)),
        }
    }

    /// Every name below a folder; `list` is the path of the listing.
    fn names(&self, list: &dyn Fn(&str) -> String) -> Result<Vec<String>, VaultError> {
        let (mut folders, mut names) = (vec![String::new()], Vec::new());
        while let Some(folder) = folders.pop() {
            let object = format!("the list of {}/{folder}", self.mount);
            for key in self.list_at(&list(&folder), &object)? {
                let path = format!("{folder}{key}");
                if checked(path.trim_end_matches('/')).is_err() {
                    return Err(VaultError::Other(format!(
                        "`{}` is a name that cannot be asked for",
                        path.escape_debug()
                    )));
                }
                if path.ends_with('/') { folders.push(path) } else { names.push(path) }
            }
        }
        names.sort();
        Ok(names)
    }

    /// What we may do at a path, as the vault says; `None` when it does not.
    pub fn capabilities(&self, path: &str) -> Result<Option<Vec<String>>, VaultError> {
        let ask = Ask::change(Method::Post, "/v1/sys/capabilities-self").json(json!({ "paths": [path] })).harmless();
        let reply = self.send(&ask)?;
        match reply.status {
            200..300 => {
                let of_path =
                    reply.json.pointer("/data").and_then(|data| data.get(path)).or_else(|| reply.json.get(path));
                let list = of_path.or_else(|| reply.json.get("capabilities")).and_then(Value::as_array);
                Ok(list.map(|list| list.iter().filter_map(Value::as_str).map(str::to_owned).collect()))
            }
            503 => Err(self.refused(&ask, &reply, "our capabilities")),
            _ => Ok(None),
        }
    }

    /// Whether one of these capabilities is ours.
    fn may(&self, path: &str, wanted: &[&str]) -> Result<(), VaultError> {
        match self.capabilities(path)? {
            Some(ours) if !ours.iter().any(|one| one == "root" || wanted.contains(&one.as_str())) => {
                Err(VaultError::Denied(format!("{path}: the login may only {}", ours.join(", "))))
            }
            _ => Ok(()),
        }
    }
}

/// Of both kinds of envelopes: `{"errors": […]}` and `{"error": "…"}`.
pub(super) fn error_words(json: &Value) -> String {
    let list = json.get("errors").and_then(Value::as_array);
    let of_list = list.map(|list| list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; "));
    of_list.or_else(|| json.get("error")?.as_str().map(str::to_owned)).unwrap_or_default()
}

fn refused(talk: &Talk, ask: &Ask, reply: &Reply, object: &str) -> VaultError {
    let words = error_words(&reply.json);
    // Of enterprise's own: a state that is missing here, a secondary, a standby.
    if matches!(reply.status, 412 | 472 | 473) {
        return VaultError::Unavailable(format!("{object}: {} is not the active node ({})", talk.base(), reply.status));
    }
    talk.refusal(ask, reply.status, &words, object)
}

impl Vault for Hashicorp {
    fn name(&self) -> String {
        format!("vault {} {}/", self.talk.base(), self.mount)
    }

    fn list(&self) -> Result<Vec<String>, VaultError> {
        match self.kv {
            Kv::V1 => self.list_v1(),
            Kv::V2 => self.list_v2(),
        }
    }

    fn versions(&self, path: &str) -> Result<Vec<Version>, VaultError> {
        match self.kv {
            Kv::V1 => self.versions_v1(path),
            Kv::V2 => self.versions_v2(path),
        }
    }

    fn read(&self, path: &str, version: Option<&str>) -> Result<Entry, VaultError> {
        match self.kv {
            Kv::V1 => self.read_v1(path, version),
            Kv::V2 => self.read_v2(path, version),
        }
    }

    fn can_write(&self, path: &str) -> Result<(), VaultError> {
        match self.kv {
            Kv::V1 => self.can_write_v1(path),
            Kv::V2 => self.can_write_v2(path),
        }
    }

    fn write_if_version(&self, path: &str, fields: &Fields, expected: Option<&str>) -> Result<String, VaultError> {
        match self.kv {
            Kv::V1 => self.write_v1(path, fields, expected),
            Kv::V2 => self.write_v2(path, fields, expected),
        }
    }

    fn pushed_out(&self, path: &str) -> Result<Vec<String>, VaultError> {
        match self.kv {
            Kv::V1 => Ok(Vec::new()),
            Kv::V2 => self.pushed_out_v2(path),
        }
    }

    fn retire(&self, path: &str, version: &str) -> Result<(), VaultError> {
        match self.kv {
            Kv::V1 => Err(VaultError::Unsupported(format!("{path}: KV version 1 keeps no old versions"))),
            Kv::V2 => self.retire_v2(path, version),
        }
    }

    fn annotate(&self, path: &str, notes: &BTreeMap<String, String>) -> Result<(), VaultError> {
        match self.kv {
            Kv::V1 => Err(VaultError::Unsupported(format!("{path}: KV version 1 keeps no notes"))),
            Kv::V2 => self.annotate_v2(path, notes),
        }
    }
}
