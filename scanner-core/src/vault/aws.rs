//! AWS Secrets Manager. A new version is put beside the current one under a label of its own; then the label
//! `AWSCURRENT` is moved to it from the version that was expected, which is the check.
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/>

use super::talk::{Ask, Reply, Talk, Wire, checked, strange};
use super::{Entry, Fields, Vault, VaultError, Version, random, shape};
use crate::aws::{Endpoint, Keys};
use crate::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use zeroize::Zeroizing;

const CURRENT: &str = "AWSCURRENT";
/// The label of a version that is not current yet.
const OURS: &str = "STOPLEAK";
/// How often a question is asked while it is throttled.
const TRIES: u32 = 4;
/// More pages than any account has.
const MAX_PAGES: usize = 10_000;

/// Where Secrets Manager is, and who asks.
#[derive(Clone, Debug)]
pub struct Settings {
    /// As in `eu-central-1`.
    pub region: String,
    /// An address other than Amazon's.
    pub endpoint: Option<String>,
    /// Who asks.
    pub keys: Keys,
}

/// The secrets of one account and region.
pub struct SecretsManager {
    talk: Talk,
    endpoint: Endpoint,
    keys: Keys,
}

impl SecretsManager {
    /// Nothing is sent yet.
    pub fn open(wire: Wire, settings: Settings) -> Result<SecretsManager, VaultError> {
        let endpoint = Endpoint::new("secretsmanager", &settings.region, settings.endpoint.as_deref());
        let endpoint = endpoint.map_err(|error| VaultError::Other(error.to_string()))?;
        let talk = Talk::new(wire, &endpoint.url)?;
        Ok(SecretsManager { talk, endpoint, keys: settings.keys })
    }

    fn ask(&self, operation: &str, body: &Value, changes: bool) -> Result<Ask, VaultError> {
        let target = format!("secretsmanager.{operation}");
        let body = serde_json::to_vec(body).unwrap_or_default();
        let request = self.endpoint.json(&self.keys, &target, body, crate::time::now());
        let request = request.map_err(|error| VaultError::Other(error.to_string()))?;
        let mut ask = Ask::change(Method::Post, "/");
        (ask.headers, ask.body, ask.changes) = (request.headers.clone(), request.body.clone(), changes);
        Ok(ask)
    }

    /// Asks, and again while it is throttled.
    fn question(&self, operation: &str, body: Value, object: &str) -> Result<Reply, VaultError> {
        let mut tried = 0;
        loop {
            let ask = self.ask(operation, &body, false)?;
            let reply = self.talk.send(&ask)?;
            tried += 1;
            match kind(&reply) {
                _ if reply.is_success() => return Ok(reply),
                "ThrottlingException" if tried < TRIES => std::thread::sleep(Duration::from_millis(200 << tried)),
                _ => return Err(self.refused(&ask, &reply, object)),
            }
        }
    }

    /// Changes something, once.
    fn change(&self, operation: &str, body: &Value, object: &str) -> Result<Reply, VaultError> {
        let ask = self.ask(operation, body, true)?;
        let reply = self.talk.send(&ask)?;
        if reply.is_success() { Ok(reply) } else { Err(self.refused(&ask, &reply, object)) }
    }

    /// The same for a change that carries a token: sent twice it is done once, so that a lost answer is asked for again.
    fn change_by_token(&self, operation: &str, body: &Value, object: &str) -> Result<Reply, VaultError> {
        match self.change(operation, body, object) {
            Err(VaultError::Unanswered(_)) => self.change(operation, body, object),
            done => done,
        }
    }

    fn refused(&self, ask: &Ask, reply: &Reply, object: &str) -> VaultError {
        let words = reply.text("/message").or(reply.text("/Message")).unwrap_or_default();
        let said = self.talk.refusal(ask, reply.status, &format!("{}: {words}", kind(reply)), object);
        let message = said.to_string();
        match kind(reply) {
            "ResourceNotFoundException" => VaultError::Absent(object.to_owned()),
            "InvalidRequestException" if words.contains("marked for deletion") => {
                VaultError::Absent(format!("{object} is marked for deletion; it"))
            }
            "ResourceExistsException" => VaultError::Conflict { path: object.to_owned() },
            "AccessDeniedException"
            | "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "ExpiredTokenException"
            | "SignatureDoesNotMatch"
            | "InvalidSignatureException"
            | "DecryptionFailure" => VaultError::Denied(message),
            "ThrottlingException" => VaultError::Unavailable(message),
            _ => said,
        }
    }

    fn read_raw(&self, path: &str, version: Option<&str>) -> Result<Reply, VaultError> {
        let mut body = json!({ "SecretId": checked(path)? });
        match version {
            Some(version) => body["VersionId"] = Value::from(version),
            None => body["VersionStage"] = Value::from(CURRENT),
        }
        self.question("GetSecretValue", body, path)
    }

    /// A new secret; one that is there is a conflict, unless it is the one we just made and never heard of.
    fn create(&self, path: &str, text: &[u8]) -> Result<String, VaultError> {
        let token = random::name()?;
        let mut body = with_text(json!({ "Name": checked(path)?, "ClientRequestToken": token }), text);
        let done = self.change_by_token("CreateSecret", &body, path);
        super::talk::wipe(&mut body);
        match done {
            Err(VaultError::Conflict { path }) => {
                let is_ours = self.versions(&path)?.iter().any(|version| version.id == token && version.is_current);
                if is_ours { Ok(token) } else { Err(VaultError::Conflict { path }) }
            }
            done => done.map(|_| token),
        }
    }

    /// Moves `AWSCURRENT` from the version that was expected.
    fn make_current(&self, path: &str, new: &str, expected: &str) -> Result<(), VaultError> {
        let body = json!({
            "SecretId": path, "VersionStage": CURRENT, "MoveToVersionId": new, "RemoveFromVersionId": expected
        });
        let ask = self.ask("UpdateSecretVersionStage", &body, true)?;
        let outcome = match self.talk.send(&ask) {
            Ok(reply) if reply.is_success() => Ok(()),
            Ok(reply) if kind(&reply) == "InvalidParameterException" => {
                Err(VaultError::Conflict { path: path.to_owned() })
            }
            Ok(reply) => Err(self.refused(&ask, &reply, path)),
            Err(error) => Err(error),
        };
        match outcome {
            Err(VaultError::Unanswered(message)) => match self.current(path) {
                Ok(current) if current == new => Ok(()),
                _ => Err(VaultError::Unanswered(message)),
            },
            outcome => outcome,
        }
    }

    fn current(&self, path: &str) -> Result<String, VaultError> {
        let current = self.versions(path)?.into_iter().find(|version| version.is_current);
        current.map(|version| version.id).ok_or_else(|| VaultError::Absent(format!("the current version of {path}")))
    }

    fn drop_label(&self, path: &str, label: &str, version: &str) -> Result<(), VaultError> {
        let body = json!({ "SecretId": path, "VersionStage": label, "RemoveFromVersionId": version });
        self.change("UpdateSecretVersionStage", &body, path).map(|_| ())
    }

    /// Versions with their labels, as listed.
    fn labelled(&self, path: &str) -> Result<Vec<(Version, Vec<String>)>, VaultError> {
        let body = json!({ "SecretId": path, "IncludeDeprecated": true, "MaxResults": 100 });
        let mut versions = Vec::new();
        self.pages("ListSecretVersionIds", body, path, &mut |reply| {
            let listed = reply.json.get("Versions").and_then(Value::as_array);
            for one in listed.into_iter().flatten() {
                let id = one.get("VersionId").and_then(Value::as_str).ok_or_else(|| strange(path))?.to_owned();
                let stages = one.get("VersionStages").and_then(Value::as_array);
                let labels: Vec<String> = texts(stages);
                let created = one.get("CreatedDate").and_then(Value::as_f64).map(|seconds| seconds as i64);
                let is_current = labels.iter().any(|label| label == CURRENT);
                versions.push((Version { id, created, is_current, is_readable: true }, labels));
            }
            Ok(())
        })?;
        versions.sort_by(|(a, _), (b, _)| (a.is_current, a.created, &a.id).cmp(&(b.is_current, b.created, &b.id)));
        Ok(versions)
    }

    fn pages(
        &self,
        operation: &str,
        mut body: Value,
        object: &str,
        visit: &mut dyn FnMut(&Reply) -> Result<(), VaultError>,
    ) -> Result<(), VaultError> {
        for _ in 0..MAX_PAGES {
            let reply = self.question(operation, body.clone(), object)?;
            visit(&reply)?;
            match reply.text("/NextToken").filter(|token| !token.is_empty()) {
                Some(next) => body["NextToken"] = Value::from(next),
                None => return Ok(()),
            }
        }
        Err(VaultError::Other(format!("{object}: its list does not end")))
    }
}

/// The exception's name, whatever stands before it.
fn kind(reply: &Reply) -> &str {
    reply.text("/__type").unwrap_or_default().rsplit(['#', '.']).next().unwrap_or_default()
}

fn texts(list: Option<&Vec<Value>>) -> Vec<String> {
    list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn with_text(mut body: Value, text: &[u8]) -> Value {
    match std::str::from_utf8(text) {
        Ok(text) => body["SecretString"] = Value::from(text),
        Err(_) => body["SecretBinary"] = Value::from(STANDARD.encode(text)),
    }
    body
}

fn text_of(reply: &Reply, path: &str) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    match (reply.text("/SecretString"), reply.text("/SecretBinary")) {
        (Some(text), _) => Ok(Zeroizing::new(text.as_bytes().to_vec())),
        (None, Some(encoded)) => STANDARD.decode(encoded).map(Zeroizing::new).map_err(|_| strange(path)),
        (None, None) => Err(strange(path)),
    }
}

impl Vault for SecretsManager {
    fn name(&self) -> String {
        format!("aws secrets manager {}", self.endpoint.region)
    }

    fn list(&self) -> Result<Vec<String>, VaultError> {
        let mut names = Vec::new();
        self.pages("ListSecrets", json!({ "MaxResults": 100 }), "the list of secrets", &mut |reply| {
            let listed = reply.json.get("SecretList").and_then(Value::as_array).ok_or_else(|| strange("the list"))?;
            names.extend(listed.iter().filter_map(|one| Some(one.get("Name")?.as_str()?.to_owned())));
            Ok(())
        })?;
        names.sort();
        Ok(names)
    }

    fn versions(&self, path: &str) -> Result<Vec<Version>, VaultError> {
        Ok(self.labelled(path)?.into_iter().map(|(version, _)| version).collect())
    }

    fn read(&self, path: &str, version: Option<&str>) -> Result<Entry, VaultError> {
        let reply = self.read_raw(path, version)?;
        let version = reply.text("/VersionId").ok_or_else(|| strange(path))?.to_owned();
        Ok(Entry { version, fields: shape::fields(&text_of(&reply, path)?) })
    }

    fn can_write(&self, path: &str) -> Result<(), VaultError> {
        // There is no question for one's own rights: that the secret is known and not being deleted is all that can be told.
        match self.question("DescribeSecret", json!({ "SecretId": path }), path) {
            Ok(reply) if reply.json.get("DeletedDate").is_some_and(|date| !date.is_null()) => {
                Err(VaultError::Unavailable(format!("{path} is marked for deletion")))
            }
            Ok(_) | Err(VaultError::Absent(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn write_if_version(&self, path: &str, fields: &Fields, expected: Option<&str>) -> Result<String, VaultError> {
        let Some(expected) = expected else { return self.create(path, &shape::text(fields, None)?) };
        let before = match self.read_raw(path, Some(expected)) {
            Err(VaultError::Absent(_)) => return Err(VaultError::Conflict { path: path.to_owned() }),
            before => before?,
        };
        let stages = texts(before.json.get("VersionStages").and_then(Value::as_array));
        if !stages.iter().any(|stage| stage == CURRENT) {
            return Err(VaultError::Conflict { path: path.to_owned() });
        }
        let text = shape::text(fields, Some(&text_of(&before, path)?))?;
        let token = random::name()?;
        let body = json!({ "SecretId": path, "ClientRequestToken": token, "VersionStages": [OURS] });
        let mut body = with_text(body, &text);
        let put = self.change_by_token("PutSecretValue", &body, path);
        super::talk::wipe(&mut body);
        put?;
        let moved = self.make_current(path, &token, expected);
        // The label only kept the version alive until it was current; that it stays is no harm.
        if !matches!(moved, Err(VaultError::Unanswered(_))) {
            let _ = self.drop_label(path, OURS, &token);
        }
        moved.map(|()| token)
    }

    /// Takes the labels of an old version away: nobody reads it by a label any more, and AWS deletes it in time.
    fn retire(&self, path: &str, version: &str) -> Result<(), VaultError> {
        let versions = self.labelled(path)?;
        let Some((known, labels)) = versions.iter().find(|(known, _)| known.id == version) else {
            return Err(VaultError::Absent(format!("{path}, version {version}")));
        };
        if known.is_current {
            return Err(VaultError::Other(format!("{path}: version {version} is the current one")));
        }
        labels.iter().try_for_each(|label| self.drop_label(path, label, version))
    }

    fn annotate(&self, path: &str, notes: &BTreeMap<String, String>) -> Result<(), VaultError> {
        let tags: Vec<Value> = notes.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
        self.change("TagResource", &json!({ "SecretId": path, "Tags": tags }), path).map(|_| ())
    }
}
