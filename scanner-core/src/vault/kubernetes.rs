//! Kubernetes Secrets: one version of each, whose `resourceVersion` is the check of a write.
//! <https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/secret-v1/>

use super::talk::{Ask, Reply, Talk, Wire, bearer, checked, quoted, strange};
use super::{Entry, Fields, Vault, VaultError, Version, hashicorp};
use crate::http::{Method, encode};
use crate::secret::Secret;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// Before the names of our notes.
const NOTES: &str = "stopleak.dev/";
/// More pages than any cluster has.
const MAX_PAGES: usize = 10_000;
/// Names alone, without the values.
const ONLY_NAMES: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1, application/json";

/// Where the cluster is, and who asks.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `https://10.0.0.1:6443`.
    pub address: String,
    /// Secrets of this namespace; of all of them for none.
    pub namespace: Option<String>,
    /// A service account's token.
    pub token: Secret,
}

/// The secrets of one cluster or namespace; paths are `namespace/name`.
pub struct Secrets {
    talk: Talk,
    namespace: Option<String>,
}

impl Secrets {
    /// Nothing is sent yet.
    pub fn open(wire: Wire, settings: &Settings) -> Result<Secrets, VaultError> {
        let mut talk = Talk::new(wire, &settings.address)?;
        talk.set_header("Authorization", bearer(&settings.token));
        Ok(Secrets { talk, namespace: settings.namespace.clone() })
    }

    fn send(&self, ask: &Ask, object: &str) -> Result<Reply, VaultError> {
        let reply = self.talk.send(ask)?;
        if reply.is_success() {
            return Ok(reply);
        }
        let words = reply.text("/message").unwrap_or_default();
        Err(match reply.status {
            409 => VaultError::Conflict { path: object.to_owned() },
            422 if words.contains("immutable") => VaultError::Unsupported(format!("{object} is immutable")),
            status => self.talk.refusal(ask, status, words, object),
        })
    }

    fn get(&self, path: &str) -> Result<Reply, VaultError> {
        self.send(&Ask::get(at(path)?), path)
    }

    fn create(&self, path: &str, data: Value) -> Result<Reply, VaultError> {
        let (namespace, name) = split(path)?;
        let metadata = json!({ "name": name, "namespace": namespace });
        let body =
            json!({ "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": metadata, "data": data });
        let at = format!("/api/v1/namespaces/{}/secrets", quoted(namespace)?);
        self.send(&Ask::change(Method::Post, at).json(body), path)
    }

    fn replace(&self, path: &str, data: Value, expected: &str) -> Result<Reply, VaultError> {
        let mut known = self.get(path)?;
        if version_of(&known, path)? != expected {
            return Err(VaultError::Conflict { path: path.to_owned() });
        }
        // The version stays in it: the server compares.
        let mut body = known.json.take();
        body["data"] = data;
        self.send(&Ask::change(Method::Put, at(path)?).json(body), path)
    }
}

fn split(path: &str) -> Result<(&str, &str), VaultError> {
    let parts = checked(path)?.split_once('/').filter(|(_, name)| !name.contains('/'));
    parts.ok_or_else(|| VaultError::Other(format!("`{}` is no secret: write NAMESPACE/NAME", path.escape_debug())))
}

fn at(path: &str) -> Result<String, VaultError> {
    let (namespace, name) = split(path)?;
    Ok(format!("/api/v1/namespaces/{}/secrets/{}", encode(namespace, false), encode(name, false)))
}

fn version_of(reply: &Reply, path: &str) -> Result<String, VaultError> {
    reply.text("/metadata/resourceVersion").map(str::to_owned).ok_or_else(|| strange(path))
}

/// When the value was written, as far as the owners of its fields tell.
fn written(reply: &Reply) -> Option<i64> {
    let owners = reply.json.pointer("/metadata/managedFields").and_then(Value::as_array);
    let of_data = owners.into_iter().flatten().filter(|owner| owner.pointer("/fieldsV1/f:data").is_some());
    of_data.filter_map(|owner| hashicorp::seconds(owner.get("time")?.as_str()?)).max()
}

impl Vault for Secrets {
    fn name(&self) -> String {
        format!("kubernetes {} {}", self.talk.base(), self.namespace.as_deref().unwrap_or("(all namespaces)"))
    }

    fn list(&self) -> Result<Vec<String>, VaultError> {
        let base = match &self.namespace {
            Some(namespace) => format!("/api/v1/namespaces/{}/secrets", quoted(namespace)?),
            None => "/api/v1/secrets".to_owned(),
        };
        let (mut names, mut next) = (Vec::new(), String::new());
        for _ in 0..MAX_PAGES {
            let page = if next.is_empty() { String::new() } else { format!("&continue={}", encode(&next, false)) };
            let mut ask = Ask::get(format!("{base}?limit=500{page}"));
            ask.headers.push(("Accept".to_owned(), ONLY_NAMES.to_owned()));
            let reply = self.send(&ask, "the list of secrets")?;
            for item in reply.json.get("items").and_then(Value::as_array).into_iter().flatten() {
                let word = |way: &str| item.pointer(way).and_then(Value::as_str);
                if let (Some(namespace), Some(name)) = (word("/metadata/namespace"), word("/metadata/name")) {
                    names.push(format!("{namespace}/{name}"));
                }
            }
            match reply.text("/metadata/continue").filter(|token| !token.is_empty()) {
                Some(token) => next = token.to_owned(),
                None => {
                    names.sort();
                    return Ok(names);
                }
            }
        }
        Err(VaultError::Other("the list of secrets does not end".into()))
    }

    fn versions(&self, path: &str) -> Result<Vec<Version>, VaultError> {
        let reply = self.get(path)?;
        let id = version_of(&reply, path)?;
        Ok(vec![Version { id, created: written(&reply), is_current: true, is_readable: true }])
    }

    fn read(&self, path: &str, version: Option<&str>) -> Result<Entry, VaultError> {
        let reply = self.get(path)?;
        let current = version_of(&reply, path)?;
        if let Some(version) = version.filter(|version| *version != current) {
            return Err(VaultError::Absent(format!("{path}, version {version}")));
        }
        let data = reply.json.get("data").and_then(Value::as_object);
        let field = |(name, value): (&String, &Value)| {
            let bytes = Zeroizing::new(STANDARD.decode(value.as_str()?).ok()?);
            Some((name.clone(), Secret::new(&bytes)))
        };
        let fields = data.into_iter().flatten().map(field).collect::<Option<Fields>>().ok_or_else(|| strange(path))?;
        Ok(Entry { version: current, fields })
    }

    fn can_write(&self, path: &str) -> Result<(), VaultError> {
        let (namespace, name) = split(path)?;
        let verb = match self.get(path) {
            Ok(reply) if reply.json.get("immutable").and_then(Value::as_bool) == Some(true) => {
                return Err(VaultError::Unsupported(format!("{path} is immutable")));
            }
            Err(VaultError::Absent(_)) => "create",
            _ => "update",
        };
        let wanted = json!({ "namespace": namespace, "verb": verb, "resource": "secrets", "name": name });
        let body = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": { "resourceAttributes": wanted }
        });
        let at = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let reply = self.send(&Ask::change(Method::Post, at).json(body).harmless(), path)?;
        match reply.json.pointer("/status/allowed").and_then(Value::as_bool) {
            Some(false) => Err(VaultError::Denied(format!("{path}: the login may not {verb} secrets"))),
            _ => Ok(()),
        }
    }

    fn write_if_version(&self, path: &str, fields: &Fields, expected: Option<&str>) -> Result<String, VaultError> {
        let encoded = fields.iter().map(|(name, value)| (name.clone(), Value::from(STANDARD.encode(value.expose()))));
        let data = Value::Object(encoded.collect::<Map<_, _>>());
        let written = match expected {
            None => self.create(path, data),
            Some(expected) => self.replace(path, data, expected),
        };
        // What was deleted meanwhile was changed by somebody else.
        let written = match (written, expected) {
            (Err(VaultError::Absent(_)), Some(_)) => return Err(VaultError::Conflict { path: path.to_owned() }),
            (written, _) => written?,
        };
        version_of(&written, path)
            .map_err(|_| VaultError::Unanswered(format!("{path}: it was written, but the answer names no version")))
    }

    fn retire(&self, path: &str, _: &str) -> Result<(), VaultError> {
        Err(VaultError::Unsupported(format!("{path}: Kubernetes keeps no old versions")))
    }

    /// As annotations; they change the version.
    fn annotate(&self, path: &str, notes: &BTreeMap<String, String>) -> Result<(), VaultError> {
        let notes: BTreeMap<String, &String> =
            notes.iter().map(|(name, note)| (format!("{NOTES}{name}"), note)).collect();
        let mut ask = Ask::change(Method::Patch, at(path)?).json(json!({ "metadata": { "annotations": notes } }));
        ask.headers = vec![("Content-Type".to_owned(), "application/merge-patch+json".to_owned())];
        self.send(&ask, path).map(|_| ())
    }
}
