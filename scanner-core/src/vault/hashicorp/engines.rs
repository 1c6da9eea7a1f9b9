//! What the vault can do to credentials that it made or keeps: rotate a database's, end a lease or a token, and say under
//! which hash its audit log names a value.

use super::{Hashicorp, error_words};
use crate::http::{Method, encode};
use crate::secret::Secret;
use crate::vault::VaultError;
use crate::vault::talk::{Ask, Reply, Talk, quoted, strange};
use serde_json::{Value, json};

/// Who a token is. The token itself is nowhere in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Names the token without being one.
    pub accessor: String,
    /// As in `token-ci`.
    pub display_name: String,
    /// What it may do.
    pub policies: Vec<String>,
    /// `service` or `batch`; a batch token cannot be revoked.
    pub kind: String,
    /// Seconds that it still lives; none for one without end.
    pub seconds: Option<u64>,
}

/// A lease, as the vault keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Its id.
    pub id: String,
    /// When it was made, RFC 3339.
    pub issued: Option<String>,
    /// Seconds that it still lives.
    pub seconds: Option<i64>,
    /// Whether it can be made longer.
    pub is_renewable: bool,
}

impl Lease {
    /// When it was made, in seconds since 1970.
    pub fn issued_at(&self) -> Option<i64> {
        self.issued.as_deref().and_then(super::seconds)
    }
}

/// A login that the vault keeps and rotates.
#[derive(Clone, Debug)]
pub struct StaticLogin {
    /// Whose.
    pub username: String,
    /// Its password, or its secret key.
    pub password: Secret,
    /// When it was rotated last, RFC 3339.
    pub rotated: Option<String>,
}

/// <https://openbao.org/api-docs/secret/databases/>
impl Hashicorp {
    /// Names of the database engine's static roles.
    pub fn static_roles(&self, mount: &str) -> Result<Vec<String>, VaultError> {
        self.list_at(&format!("{}/static-roles", quoted(mount)?), &format!("static roles of {mount}"))
    }

    /// The login of a static role: to tell whether a leaked password is this role's.
    pub fn static_login(&self, mount: &str, role: &str) -> Result<StaticLogin, VaultError> {
        let (path, object) = role_path(mount, "static-creds", role)?;
        let reply = self.question(&path, &object)?;
        let word = |name: &str| reply.text(&format!("/data/{name}"));
        Ok(StaticLogin {
            username: word("username").or(word("access_key")).ok_or_else(|| strange(&object))?.to_owned(),
            password: Secret::new(word("password").or(word("secret_key")).ok_or_else(|| strange(&object))?.as_bytes()),
            rotated: word("last_vault_rotation").or(word("last_openbao_rotation")).map(str::to_owned),
        })
    }

    /// Gives a static role's login a new password now: the one call to make for a leaked one.
    pub fn rotate_role(&self, mount: &str, role: &str) -> Result<(), VaultError> {
        let (path, object) = role_path(mount, "rotate-role", role)?;
        self.change(Method::Post, &path, json!({}), &object).map(|_| ())
    }

    /// Gives a connection's own login a new password that nobody but the vault knows from then on. It cannot be undone.
    pub fn rotate_root(&self, mount: &str, connection: &str) -> Result<(), VaultError> {
        let (path, object) = role_path(mount, "rotate-root", connection)?;
        self.change(Method::Post, &path, json!({}), &object).map(|_| ())
    }

    /// Gives the AWS engine a new key of its own; its id. The user must have this one key and no other.
    /// <https://developer.hashicorp.com/vault/api-docs/secret/aws>
    pub fn rotate_aws_root(&self, mount: &str) -> Result<String, VaultError> {
        let object = format!("the root key of {mount}");
        let reply = self.change(Method::Post, &format!("{}/config/rotate-root", quoted(mount)?), json!({}), &object)?;
        let unknown = || VaultError::Unanswered(format!("{object}: it was rotated, but the answer names no key"));
        reply.text("/data/access_key").map(str::to_owned).ok_or_else(unknown)
    }

    /// What is known of a lease.
    pub fn lease(&self, id: &str) -> Result<Lease, VaultError> {
        let ask = Ask::change(Method::Post, "/v1/sys/leases/lookup").json(json!({ "lease_id": id })).harmless();
        let reply = self.send(&ask)?;
        match reply.status {
            200..300 => Ok(Lease {
                id: id.to_owned(),
                issued: reply.text("/data/issue_time").map(str::to_owned),
                seconds: reply.json.pointer("/data/ttl").and_then(Value::as_i64),
                is_renewable: reply.json.pointer("/data/renewable").and_then(Value::as_bool) == Some(true),
            }),
            // A lease that is none answers 400 `invalid lease`.
            400 => Err(VaultError::Absent(format!("lease {id}"))),
            _ => Err(self.refused(&ask, &reply, &format!("lease {id}"))),
        }
    }

    /// Ends a lease and the credential it stands for, before the answer comes.
    pub fn revoke_lease(&self, id: &str) -> Result<(), VaultError> {
        let body = json!({ "lease_id": id, "sync": true });
        self.change(Method::Post, "sys/leases/revoke", body, &format!("lease {id}")).map(|_| ())
    }

    /// Ends our own token.
    pub fn revoke_self(&self) -> Result<(), VaultError> {
        self.change(Method::Post, "auth/token/revoke-self", json!({}), "our own token").map(|_| ())
    }

    /// Ends the token that an accessor names, and what was made with it.
    pub fn revoke_accessor(&self, accessor: &str) -> Result<(), VaultError> {
        let body = json!({ "accessor": accessor });
        self.change(Method::Post, "auth/token/revoke-accessor", body, "the token of the accessor").map(|_| ())
    }

    /// Ends a token by our own authority; the token stands in the body, never in an address.
    pub fn revoke_token(&self, token: &Secret) -> Result<(), VaultError> {
        let token = String::from_utf8_lossy(token.expose()).into_owned();
        let ask = Ask::change(Method::Post, "/v1/auth/token/revoke").json(json!({ "token": token }));
        let reply = self.send(&ask)?;
        revoked(&self.talk, &ask, &reply)
    }

    /// Ends another token, by its own authority: the leaked one itself.
    pub fn revoke_own(&self, token: &Secret) -> Result<(), VaultError> {
        let talk = self.as_other(token);
        let ask = Ask::change(Method::Post, "/v1/auth/token/revoke-self").json(json!({}));
        let reply = talk.send(&ask)?;
        revoked(&talk, &ask, &reply)
    }

    /// Whose another token is. `Denied` is the vault's own word that it is dead.
    pub fn holder(&self, token: &Secret) -> Result<Holder, VaultError> {
        let talk = self.as_other(token);
        let ask = Ask::get("/v1/auth/token/lookup-self");
        let reply = talk.send(&ask)?;
        holder(&talk, &ask, &reply)
    }

    /// The same, by our own authority: for a token that may not ask about itself. A dead one is `Denied` as a bad token.
    pub fn holder_by_us(&self, token: &Secret) -> Result<Holder, VaultError> {
        let token = String::from_utf8_lossy(token.expose()).into_owned();
        let ask = Ask::change(Method::Post, "/v1/auth/token/lookup").json(json!({ "token": token })).harmless();
        let reply = self.send(&ask)?;
        holder(&self.talk, &ask, &reply)
    }

    /// Ids of the leases below a prefix, as in `database/creds/app`; it takes a right that few have.
    pub fn leases(&self, prefix: &str) -> Result<Vec<String>, VaultError> {
        let prefix = prefix.trim_matches('/');
        let names = self.list_at(&format!("sys/leases/lookup/{}", quoted(prefix)?), &format!("leases of {prefix}"))?;
        Ok(names.iter().map(|name| format!("{prefix}/{name}")).collect())
    }

    /// The audit devices' paths, as in `file/`.
    pub fn audit_devices(&self) -> Result<Vec<String>, VaultError> {
        let reply = self.question("sys/audit", "the list of audit devices")?;
        let devices = reply.json.get("data").filter(|data| data.is_object()).unwrap_or(&reply.json);
        let devices = devices.as_object().ok_or_else(|| strange("the list of audit devices"))?;
        Ok(devices.iter().filter(|(_, about)| about.get("type").is_some()).map(|(path, _)| path.clone()).collect())
    }

    /// The hash under which an audit device's log names a value: `hmac-sha256:…`.
    pub fn audit_hash(&self, device: &str, value: &Secret) -> Result<String, VaultError> {
        let object = format!("audit device {device}");
        let input = String::from_utf8_lossy(value.expose()).into_owned();
        let path = format!("/v1/sys/audit-hash/{}", encode(device.trim_matches('/'), true));
        let ask = Ask::change(Method::Post, path).json(json!({ "input": input })).harmless();
        let reply = self.send(&ask)?;
        match reply.status {
            200..300 => {
                let hash = reply.text("/data/hash").or(reply.text("/hash"));
                hash.map(str::to_owned).ok_or_else(|| strange(&object))
            }
            _ => Err(self.refused(&ask, &reply, &object)),
        }
    }

    /// The same server, asked as somebody else.
    fn as_other(&self, token: &Secret) -> Talk {
        let mut talk = self.talk.without("X-Vault-Token");
        talk.set_header("X-Vault-Token", token.clone());
        talk
    }

    fn question(&self, path: &str, object: &str) -> Result<Reply, VaultError> {
        let reply = self.get(path)?;
        if reply.is_success() { Ok(reply) } else { Err(self.refused(&Ask::get(""), &reply, object)) }
    }
}

fn role_path(mount: &str, kind: &str, role: &str) -> Result<(String, String), VaultError> {
    Ok((format!("{}/{kind}/{}", quoted(mount)?, quoted(role)?), format!("{mount}/{kind}/{role}")))
}

fn holder(talk: &Talk, ask: &Ask, reply: &Reply) -> Result<Holder, VaultError> {
    if !reply.is_success() {
        return Err(super::refused(talk, ask, reply, "the token"));
    }
    let data = reply.json.get("data").ok_or_else(|| strange("the token"))?;
    let word = |name: &str| data.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let policies = data.get("policies").and_then(Value::as_array).ok_or_else(|| strange("the token"))?;
    Ok(Holder {
        accessor: word("accessor"),
        display_name: word("display_name"),
        policies: policies.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        kind: word("type"),
        seconds: data.get("ttl").and_then(Value::as_u64).filter(|seconds| *seconds > 0),
    })
}

fn revoked(talk: &Talk, ask: &Ask, reply: &Reply) -> Result<(), VaultError> {
    match reply.status {
        200..300 => Ok(()),
        400 if error_words(&reply.json).contains("batch tokens cannot be revoked") => {
            Err(VaultError::Unsupported("a batch token cannot be revoked: it ends by itself".into()))
        }
        _ => Err(super::refused(talk, ask, reply, "the token")),
    }
}
