//! GCP Secret Manager, Azure Key Vault, Kubernetes Secrets and Conjur, by strict servers that keep state.

use super::conformance::{self, ALL, Can};
use super::faults::{Fault, Faults};
use super::{fields, made, wire};
use crate::server::{Asked, Reply, Server};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use stopleak_core::Secret;
use stopleak_core::vault::azure::{self, KeyVault};
use stopleak_core::vault::conjur::{self, Conjur};
use stopleak_core::vault::gcp::{self, SecretManager};
use stopleak_core::vault::kubernetes::{self, Secrets};
use stopleak_core::vault::{Vault, VaultError};

/// A server and what it keeps: of every path its versions.
struct Fake {
    server: Server,
    kept: Arc<Mutex<BTreeMap<String, Kept>>>,
    faults: Faults,
}

#[derive(Clone, Default)]
struct Kept {
    versions: Vec<(Vec<u8>, bool)>,
    notes: Map<String, Value>,
    is_immutable: bool,
    /// Somebody writes this just before the next write.
    rival: Option<Vec<u8>>,
}

type Act = fn(&mut BTreeMap<String, Kept>, &Asked, &str, &Value) -> Reply;

impl Fake {
    fn start(act: Act) -> Fake {
        let (kept, faults) = (Arc::new(Mutex::new(BTreeMap::new())), Faults::default());
        let (inner, failing) = (Arc::clone(&kept), faults.clone());
        let server = Server::start(move |asked| {
            failing.answer(asked, |asked| {
                let body = serde_json::from_slice(&asked.body).unwrap_or(Value::Null);
                act(&mut inner.lock().unwrap(), asked, asked.path.split('?').next().unwrap(), &body)
            })
        });
        Fake { server, kept, faults }
    }

    fn address(&self) -> String {
        format!("http://{}", self.server.host)
    }

    /// Somebody else writes before the next write comes.
    fn rival(&self, path: &str, value: &str) {
        self.kept.lock().unwrap().get_mut(path).unwrap().rival = Some(value.as_bytes().to_vec());
    }

    fn values(&self, path: &str) -> Vec<(String, bool)> {
        let kept = self.kept.lock().unwrap();
        kept[path].versions.iter().map(|(value, on)| (String::from_utf8_lossy(value).into_owned(), *on)).collect()
    }
}

impl Kept {
    fn push(&mut self, value: Vec<u8>) -> usize {
        if let Some(rival) = self.rival.take() {
            self.versions.push((rival, true));
        }
        self.versions.push((value, true));
        self.versions.len()
    }
}

fn ok(value: Value) -> Reply {
    Reply::new(200, value.to_string())
}

fn token() -> Secret {
    Secret::new(b"token-of-tests")
}

fn is_known(asked: &Asked) -> bool {
    asked.header("authorization") == Some("Bearer token-of-tests")
}

/// After a race that we lost, the other's value is current and ours can be read no more.
fn a_race_is_lost_without_harm(vault: &dyn Vault, fake: &Fake, path: &str, key: &str, disables: bool) {
    let first = vault.write_if_version(path, &fields(&[("value", &made(1))]), None).unwrap();
    fake.rival(key, &made(2));
    let outcome = vault.write_if_version(path, &fields(&[("value", &made(3))]), Some(&first));
    assert!(matches!(outcome, Err(VaultError::Conflict { .. })), "{outcome:?}");
    let expected = [(made(1), true), (made(2), true), (made(3), !disables), (made(2), true)];
    assert_eq!(fake.values(key), expected);
    assert_eq!(vault.read(path, None).unwrap().fields, fields(&[("value", &made(2))]));
}

fn of_google(all: &mut BTreeMap<String, Kept>, asked: &Asked, path: &str, body: &Value) -> Reply {
    let error = |code: u16, status: &str| {
        Reply::new(code, json!({ "error": { "code": code, "status": status, "message": "no" } }).to_string())
    };
    if !is_known(asked) {
        return error(401, "UNAUTHENTICATED");
    }
    let Some(rest) = path.strip_prefix("/v1/projects/p-1/secrets") else { return error(404, "NOT_FOUND") };
    let full = |name: &str| format!("projects/1/secrets/{name}");
    if rest.is_empty() {
        return match asked.method.as_str() {
            "GET" => {
                // One name a page.
                let at = asked.path.split("pageToken=").nth(1).and_then(|at| at.parse().ok()).unwrap_or(0usize);
                let names: Vec<&String> = all.keys().collect();
                let page: Vec<Value> =
                    names.iter().skip(at).take(1).map(|name| json!({ "name": full(name) })).collect();
                let next = if at + 1 < names.len() { (at + 1).to_string() } else { String::new() };
                ok(json!({ "secrets": page, "nextPageToken": next }))
            }
            _ => {
                let name = asked.path.split("secretId=").nth(1).unwrap().to_owned();
                if all.contains_key(&name) {
                    return error(409, "ALREADY_EXISTS");
                }
                all.insert(name, Kept::default());
                ok(json!({}))
            }
        };
    }
    let (name, act) = rest[1..].split_once(['/', ':']).unwrap_or((&rest[1..], ""));
    let Some(kept) = all.get_mut(name) else { return error(404, "NOT_FOUND") };
    let version = |number: usize| format!("{}/versions/{number}", full(name));
    match (asked.method.as_str(), act) {
        ("GET", "") => ok(json!({ "name": full(name), "etag": "\"e1\"", "annotations": kept.notes })),
        ("PATCH", "") if body["etag"] == "\"e1\"" => {
            kept.notes = body["annotations"].as_object().unwrap().clone();
            ok(json!({}))
        }
        ("GET", "versions") => {
            let items = kept.versions.iter().enumerate().rev().map(|(at, (_, on))| {
                let number = at + 1;
                let state = if *on { "ENABLED" } else { "DISABLED" };
                json!({ "name": version(number), "state": state, "etag": "\"v\"", "createTime": "2026-11-01T10:00:00.1Z" })
            });
            ok(json!({ "versions": items.collect::<Vec<_>>() }))
        }
        ("POST", "testIamPermissions") => ok(body.clone()),
        ("POST", "addVersion") => {
            let value = STANDARD.decode(body["payload"]["data"].as_str().unwrap()).unwrap();
            ok(json!({ "name": version(kept.push(value)) }))
        }
        (method, act) => {
            let (number, act) = act.trim_start_matches("versions/").split_once(':').unwrap();
            let number = if number == "latest" { kept.versions.len() } else { number.parse().unwrap_or(0) };
            let Some((value, on)) = number.checked_sub(1).and_then(|at| kept.versions.get_mut(at)) else {
                return error(404, "NOT_FOUND");
            };
            match (method, act) {
                ("GET", "access") if *on => {
                    ok(json!({ "name": version(number), "payload": { "data": STANDARD.encode(value) } }))
                }
                ("GET", "access") => error(400, "FAILED_PRECONDITION"),
                ("POST", "disable") => {
                    *on = false;
                    ok(json!({}))
                }
                _ => error(400, "INVALID_ARGUMENT"),
            }
        }
    }
}

fn google(fake: &Fake) -> SecretManager {
    let settings = gcp::Settings { project: "p-1".into(), address: Some(fake.address()), token: token() };
    SecretManager::open(wire(), &settings).unwrap()
}

#[test]
fn google_does_what_every_vault_must() {
    let fake = Fake::start(of_google);
    let vault = google(&fake);
    conformance::run(&vault, "team-a-", ALL);
    a_race_is_lost_without_harm(&vault, &fake, "raced", "raced", true);
    assert!(vault.read("a/b", None).is_err());
    fake.faults.add("GET", Fault::Answer(Reply::new(401, "{}")));
    assert!(matches!(vault.list(), Err(VaultError::Denied(_))));
}

fn of_azure(all: &mut BTreeMap<String, Kept>, asked: &Asked, path: &str, body: &Value) -> Reply {
    let error = |code: u16, word: &str, inner: &str| {
        Reply::new(
            code,
            json!({ "error": { "code": word, "message": "no", "innererror": { "code": inner } } }).to_string(),
        )
    };
    if path == "/tenant-1/oauth2/v2.0/token" {
        let form = String::from_utf8_lossy(&asked.body).into_owned();
        let is_right = form.contains("client_id=app-1") && form.contains("client_secret=secret-of-tests");
        return match is_right {
            true => ok(json!({ "access_token": "token-of-tests" })),
            false => Reply::new(401, json!({ "error": "invalid_client" }).to_string()),
        };
    }
    if !is_known(asked) {
        return error(401, "Unauthorized", "").header("WWW-Authenticate", "Bearer authorization=\"x\"");
    }
    assert!(asked.path.contains("api-version="), "{}", asked.path);
    let host = asked.header("host").unwrap();
    let id = |name: &str, number: usize| format!("http://{host}/secrets/{name}/v{number:03}");
    let parts: Vec<&str> = path.trim_start_matches("/secrets").split('/').filter(|part| !part.is_empty()).collect();
    let of_version = |name: &str, kept: &Kept, number: usize| {
        let (value, on) = &kept.versions[number - 1];
        // All within one second.
        let attributes = json!({ "enabled": on, "created": 1_793_000_000 });
        json!({ "id": id(name, number), "value": String::from_utf8_lossy(value), "attributes": attributes, "tags": kept.notes })
    };
    match (asked.method.as_str(), parts.as_slice()) {
        ("GET", []) => {
            let items: Vec<Value> =
                all.keys().map(|name| json!({ "id": format!("http://{host}/secrets/{name}") })).collect();
            let is_first = !asked.path.contains("skip");
            let next =
                if is_first { json!(format!("http://{host}/secrets?api-version=x&skip=1")) } else { Value::Null };
            let half = items.len() / 2;
            ok(json!({ "value": if is_first { &items[..half] } else { &items[half..] }, "nextLink": next }))
        }
        ("PUT", [name]) => {
            let kept = all.entry((*name).to_owned()).or_default();
            let number = kept.push(body["value"].as_str().unwrap().as_bytes().to_vec());
            ok(of_version(name, kept, number))
        }
        (_, [name, ..]) if !all.contains_key(*name) => error(404, "SecretNotFound", ""),
        ("GET", [name, "versions"]) => {
            let kept = &all[*name];
            let items: Vec<Value> = (1..=kept.versions.len()).map(|number| of_version(name, kept, number)).collect();
            ok(json!({ "value": items, "nextLink": null }))
        }
        (method, [name, rest @ ..]) => {
            let kept = all.get_mut(*name).unwrap();
            let number = rest.first().map_or(kept.versions.len(), |v| v.trim_start_matches('v').parse().unwrap_or(0));
            if number == 0 || number > kept.versions.len() {
                return error(404, "SecretNotFound", "");
            }
            if method == "PATCH" {
                if body["attributes"]["enabled"] == false {
                    kept.versions[number - 1].1 = false;
                }
                kept.notes.extend(body["tags"].as_object().cloned().unwrap_or_default());
                return ok(json!({}));
            }
            match kept.versions[number - 1].1 {
                true => ok(of_version(name, kept, number)),
                false => error(403, "Forbidden", "SecretDisabled"),
            }
        }
        _ => error(400, "BadParameter", ""),
    }
}

fn azure(fake: &Fake, secret: &str) -> Result<KeyVault, VaultError> {
    let (tenant, client, secret) = ("tenant-1".into(), "app-1".into(), Secret::new(secret.as_bytes()));
    let login = azure::Login::Client { tenant, client, secret };
    KeyVault::open(wire(), &azure::Settings { address: fake.address(), login, authority: Some(fake.address()) })
}

#[test]
fn azure_does_what_every_vault_must() {
    let fake = Fake::start(of_azure);
    let vault = azure(&fake, "secret-of-tests").unwrap();
    conformance::run(&vault, "team-a-", ALL);
    a_race_is_lost_without_harm(&vault, &fake, "raced", "raced", true);
    let refused = azure(&fake, "another-secret").err().unwrap();
    assert!(matches!(&refused, VaultError::Denied(words) if !words.contains("another-secret")), "{refused}");
}

#[test]
fn a_list_of_azures_that_goes_on_elsewhere_is_refused() {
    let server = Server::start(|_| ok(json!({ "value": [], "nextLink": "https://evil.example/secrets" })));
    let settings = azure::Settings {
        address: format!("http://{}", server.host),
        login: azure::Login::Token(token()),
        authority: None,
    };
    let error = KeyVault::open(wire(), &settings).unwrap().list().unwrap_err();
    assert!(error.to_string().contains("elsewhere"), "{error}");
}

fn of_kubernetes(all: &mut BTreeMap<String, Kept>, asked: &Asked, path: &str, body: &Value) -> Reply {
    let status = |code: u16, words: &str| Reply::new(code, json!({ "kind": "Status", "message": words }).to_string());
    if !is_known(asked) {
        return status(401, "Unauthorized");
    }
    let shown = |path: &str, kept: &Kept| {
        let (namespace, name) = path.split_once('/').unwrap();
        let data: Value = serde_json::from_slice(&kept.versions.last().unwrap().0).unwrap();
        let metadata = json!({ "namespace": namespace, "name": name, "resourceVersion": format!("{}", 100 + kept.versions.len()),
            "annotations": kept.notes, "managedFields": [{ "time": "2026-11-01T10:00:00Z", "fieldsV1": { "f:data": {} } }] });
        json!({ "kind": "Secret", "metadata": metadata, "data": data, "immutable": kept.is_immutable })
    };
    if path == "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews" {
        return ok(json!({ "status": { "allowed": body["spec"]["resourceAttributes"]["resource"] == "secrets" } }));
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let data = || serde_json::to_vec(&body["data"]).unwrap();
    match (asked.method.as_str(), parts.as_slice()) {
        ("GET", ["api", "v1", "secrets"]) => {
            assert!(asked.header("accept").unwrap().contains("PartialObjectMetadataList"));
            let items: Vec<Value> =
                all.iter().map(|(path, kept)| json!({ "metadata": shown(path, kept)["metadata"] })).collect();
            let is_first = !asked.path.contains("continue=");
            let (page, next) =
                if is_first { (&items[..items.len().min(1)], "more") } else { (&items[items.len().min(1)..], "") };
            ok(json!({ "items": page, "metadata": { "continue": next } }))
        }
        ("POST", ["api", "v1", "namespaces", namespace, "secrets"]) => {
            let path = format!("{namespace}/{}", body["metadata"]["name"].as_str().unwrap());
            if all.contains_key(&path) {
                return status(409, "already exists");
            }
            all.insert(path.clone(), Kept { versions: vec![(data(), true)], ..Kept::default() });
            ok(shown(&path, &all[&path]))
        }
        (method, ["api", "v1", "namespaces", namespace, "secrets", name]) => {
            let path = format!("{namespace}/{name}");
            let Some(kept) = all.get_mut(&path) else { return status(404, "not found") };
            match method {
                "PUT" => {
                    if let Some(rival) = kept.rival.take() {
                        kept.versions.push((rival, true));
                    }
                    if body["metadata"]["resourceVersion"] != format!("{}", 100 + kept.versions.len()) {
                        return status(409, "the object has been modified");
                    }
                    if kept.is_immutable {
                        return status(422, "field is immutable when `immutable` is set");
                    }
                    kept.versions.push((data(), true));
                }
                "PATCH" => kept.notes.extend(body["metadata"]["annotations"].as_object().cloned().unwrap()),
                _ => {}
            }
            ok(shown(&path, &all[&path]))
        }
        _ => status(404, "not found"),
    }
}

#[test]
fn kubernetes_does_what_every_vault_must() {
    let fake = Fake::start(of_kubernetes);
    let settings = kubernetes::Settings { address: fake.address(), namespace: None, token: token() };
    let vault = Secrets::open(wire(), &settings).unwrap();
    conformance::run(&vault, "team/", Can { versions: false, retires: false, ..ALL });
    let read = vault.read("team/one", None).unwrap();
    // Somebody writes between our reading and our writing: the server itself says so.
    fake.rival("team/one", &json!({ "word": STANDARD.encode("theirs") }).to_string());
    let outcome = vault.write_if_version("team/one", &fields(&[("a", "b")]), Some(&read.version));
    assert!(matches!(outcome, Err(VaultError::Conflict { .. })), "{outcome:?}");
    assert_eq!(vault.read("team/one", None).unwrap().fields, fields(&[("word", "theirs")]));
    fake.kept.lock().unwrap().get_mut("team/one").unwrap().is_immutable = true;
    assert!(matches!(vault.can_write("team/one"), Err(VaultError::Unsupported(_))));
    let now = vault.read("team/one", None).unwrap().version;
    let outcome = vault.write_if_version("team/one", &fields(&[("a", "b")]), Some(&now));
    assert!(matches!(outcome, Err(VaultError::Unsupported(_))), "{outcome:?}");
}

fn of_conjur(all: &mut BTreeMap<String, Kept>, asked: &Asked, path: &str, _: &Value) -> Reply {
    if path == "/authn/corp/host%2Fci/authenticate" {
        return match asked.body == b"key-of-tests" {
            true => Reply::new(200, "{\"protected\":\"x\"}"),
            false => Reply::new(401, ""),
        };
    }
    let expected = format!("Token token=\"{}\"", STANDARD.encode("{\"protected\":\"x\"}"));
    if asked.header("authorization") != Some(&expected) {
        return Reply::new(401, "");
    }
    if path == "/resources/corp" {
        return ok(all.keys().map(|name| json!({ "id": format!("corp:variable:{name}") })).collect());
    }
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let [kind, "corp", "variable", name] = parts.as_slice() else { return Reply::new(404, "") };
    let name = name.replace("%2F", "/");
    // Its policy made every variable but one.
    if name.ends_with("nothing") {
        return Reply::new(404, "");
    }
    let kept = all.entry(name).or_default();
    match (asked.method.as_str(), *kind) {
        ("GET", "resources") => {
            let versions: Vec<Value> = (1..=kept.versions.len()).map(|version| json!({ "version": version })).collect();
            ok(json!({ "id": "x", "secrets": versions }))
        }
        ("GET", "secrets") => {
            let version = asked.path.split("version=").nth(1).map_or(kept.versions.len(), |v| v.parse().unwrap_or(0));
            match version.checked_sub(1).and_then(|at| kept.versions.get(at)) {
                Some((value, _)) => Reply::new(200, value.clone()),
                None => Reply::new(404, ""),
            }
        }
        ("POST", "secrets") => {
            kept.push(asked.body.clone());
            Reply::new(201, "")
        }
        _ => Reply::new(405, ""),
    }
}

#[test]
fn conjur_does_what_every_vault_must() {
    let fake = Fake::start(of_conjur);
    let open = |key: &[u8]| {
        let login = conjur::Login::ApiKey { login: "host/ci".into(), key: Secret::new(key) };
        Conjur::open(wire(), &conjur::Settings { address: fake.address(), account: "corp".into(), login })
    };
    let vault = open(b"key-of-tests").unwrap();
    // Conjur ends old versions by their number alone: the suite asks for that, too.
    conformance::run(&vault, "team/a/", Can { retires: false, notes: false, ..ALL });
    a_race_is_lost_without_harm(&vault, &fake, "raced", "raced", false);
    let unmade = vault.write_if_version("nothing", &fields(&[("value", "x")]), None);
    assert!(matches!(unmade, Err(VaultError::Unsupported(_))), "{unmade:?}");
    assert!(matches!(open(b"another-key"), Err(VaultError::Denied(_))));
}
