//! HashiCorp Vault and OpenBao as a strict server that keeps state: KV version 2 at `secret`, version 1 at `kv`.
#![allow(dead_code)]

use crate::server::{Asked, Reply};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The token that may do everything.
pub const ROOT: &str = "root-of-tests";

#[derive(Default)]
pub struct State {
    /// By path.
    pub v2: BTreeMap<String, Kept>,
    pub v1: BTreeMap<String, Value>,
    pub sealed: bool,
    pub tokens: Vec<String>,
    pub capabilities: Option<Vec<&'static str>>,
    pub knows_patch: bool,
    pub most: usize,
    /// The other envelope.
    pub terse: bool,
    pub static_password: u32,
    /// Tokens that may not end themselves, and those that may not even ask about themselves.
    pub weak: Vec<String>,
    pub blind: Vec<String>,
    /// The accessors of tokens that have one of their own.
    pub accessors: BTreeMap<String, String>,
    /// When they were issued, by their ids.
    pub leases: BTreeMap<String, String>,
    /// Paths that our login may not use.
    pub forbidden: Vec<&'static str>,
    /// What other engines answer.
    pub engines: Option<Engines>,
    /// Once, somebody else writes these fields just before the next write of this path.
    pub meddler: Option<(String, Value)>,
}

/// Given the method and headers, the path, the body and the token; `None` where the path is none of theirs.
pub type Engines = fn(&mut State, &Asked, &str, &Value, &str) -> Option<Reply>;

/// An entry: each version with its data, and whether it was deleted or destroyed.
#[derive(Default)]
pub struct Kept {
    pub next: u64,
    pub versions: BTreeMap<u64, (Value, bool, bool)>,
    pub notes: Map<String, Value>,
}

impl State {
    /// A vault that knows `ROOT`.
    pub fn new() -> State {
        State { tokens: vec![ROOT.into()], knows_patch: true, most: 10, ..State::default() }
    }

    /// Writes a version.
    pub fn put(&mut self, path: &str, data: Value) {
        let kept = self.v2.entry(path.to_owned()).or_default();
        kept.next += 1;
        kept.versions.insert(kept.next, (data, false, false));
    }

    /// What the current version holds.
    pub fn current(&self, path: &str) -> Value {
        self.v2.get(path).map_or(Value::Null, |kept| kept.versions[&kept.next].0.clone())
    }
}

fn errors(state: &State, status: u16, words: &str) -> Reply {
    let body = match (state.terse, words) {
        (true, words) => json!({ "error": words }),
        (false, "") => json!({ "errors": [] }),
        (false, words) => json!({ "errors": [words] }),
    };
    Reply::new(status, body.to_string())
}

/// What it answers.
pub fn answer(state: &mut State, asked: &Asked) -> Reply {
    if state.sealed {
        return errors(state, 503, "Vault is sealed");
    }
    let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
    let Some(path) = path.strip_prefix("/v1/") else { return errors(state, 404, "") };
    let body: Value = serde_json::from_slice(&asked.body).unwrap_or(Value::Null);
    if asked.header("x-vault-request") != Some("true") {
        return errors(state, 400, "missing the header of a proxy");
    }
    if let Some(reply) = login(state, path, &body) {
        return reply;
    }
    let token = asked.header("x-vault-token").unwrap_or_default().to_owned();
    if !state.tokens.contains(&token) {
        return errors(state, 403, "permission denied");
    }
    if state.forbidden.iter().any(|forbidden| path.starts_with(forbidden)) {
        return errors(state, 403, "permission denied");
    }
    if let Some(reply) = state.engines.and_then(|answer| answer(state, asked, path, &body, &token)) {
        return reply;
    }
    match path.split_once('/').unwrap_or((path, "")) {
        ("sys", rest) => of_system(state, rest, &body),
        ("secret", rest) => of_v2(state, asked, rest, query, &body),
        ("kv", rest) => of_v1(state, asked, rest, body),
        _ => errors(state, 404, ""),
    }
}

fn login(state: &mut State, path: &str, body: &Value) -> Option<Reply> {
    let is_right = match path {
        "auth/approle/login" => body["role_id"] == "role-7" && body["secret_id"] == "id-of-tests",
        "auth/jwt/login" | "auth/kubernetes/login" => body["role"] == "ci" && body["jwt"] == "a.b.c",
        _ => return None,
    };
    if !is_right {
        return Some(errors(state, 400, "invalid role or secret ID"));
    }
    let token = format!("lent-{}", state.tokens.len());
    state.tokens.push(token.clone());
    let auth = json!({ "auth": { "client_token": token, "accessor": "x", "lease_duration": 60, "policies": ["ci"] } });
    Some(Reply::new(200, auth.to_string()))
}

fn of_system(state: &mut State, rest: &str, body: &Value) -> Reply {
    match rest {
        "internal/ui/mounts/secret" => {
            Reply::new(200, json!({ "data": { "type": "kv", "options": { "version": "2" } } }).to_string())
        }
        "internal/ui/mounts/kv" => Reply::new(200, json!({ "data": { "type": "kv", "options": null } }).to_string()),
        "capabilities-self" => {
            let path = body["paths"][0].as_str().unwrap_or_default().to_owned();
            let list = state.capabilities.clone().unwrap_or(vec!["root"]);
            let data = json!({ "capabilities": list, path: list });
            Reply::new(200, json!({ "data": data }).to_string())
        }
        _ => errors(state, 404, ""),
    }
}

fn of_v2(state: &mut State, asked: &Asked, rest: &str, query: &str, body: &Value) -> Reply {
    if rest == "config" {
        return Reply::new(200, json!({ "data": { "max_versions": 0 } }).to_string());
    }
    let (kind, path) = rest.split_once('/').unwrap_or((rest, ""));
    match (asked.method.as_str(), kind) {
        ("LIST", "metadata") => {
            let names: Vec<String> = state.v2.keys().cloned().collect();
            list(state, &names, path)
        }
        ("GET", "metadata") => metadata(state, path),
        ("PATCH" | "POST", "metadata") => notes(state, asked, path, body),
        ("GET", "data") => read(state, path, query),
        ("POST" | "PUT", "data") => write(state, path, body),
        ("POST", "delete") => {
            let Some(kept) = state.v2.get_mut(path) else { return errors(state, 404, "") };
            for version in body["versions"].as_array().into_iter().flatten().filter_map(Value::as_u64) {
                if let Some(version) = kept.versions.get_mut(&version) {
                    version.1 = true;
                }
            }
            // A documented 204 that comes with warnings.
            Reply::new(200, json!({ "warnings": ["deleted"] }).to_string())
        }
        _ => errors(state, 405, "unsupported operation"),
    }
}

fn list(state: &State, names: &[String], folder: &str) -> Reply {
    let mut keys: Vec<String> = names
        .iter()
        .filter_map(|name| name.strip_prefix(folder))
        .map(|rest| rest.split_once('/').map_or(rest.to_owned(), |(first, _)| format!("{first}/")))
        .collect();
    keys.dedup();
    match keys.is_empty() {
        true => errors(state, 404, ""),
        false => Reply::new(200, json!({ "data": { "keys": keys } }).to_string()),
    }
}

fn metadata(state: &State, path: &str) -> Reply {
    let Some(kept) = state.v2.get(path) else { return errors(state, 404, "") };
    let version = |(id, (_, deleted, destroyed)): (&u64, &(Value, bool, bool))| {
        let time = if *deleted { "2026-11-20T00:00:00.5Z" } else { "" };
        let about =
            json!({ "created_time": "2026-11-01T10:00:00.123Z", "deletion_time": time, "destroyed": destroyed });
        (id.to_string(), about)
    };
    let versions: Map<String, Value> = kept.versions.iter().map(version).collect();
    let data = json!({ "current_version": kept.next, "max_versions": state.most, "versions": versions, "custom_metadata": kept.notes });
    Reply::new(200, json!({ "data": data }).to_string())
}

fn notes(state: &mut State, asked: &Asked, path: &str, body: &Value) -> Reply {
    let is_patch = asked.method == "PATCH";
    if is_patch && (!state.knows_patch || asked.header("content-type") != Some("application/merge-patch+json")) {
        return errors(state, 405, "unsupported operation");
    }
    let Some(kept) = state.v2.get_mut(path) else { return errors(state, 404, "") };
    let new = body["custom_metadata"].as_object().cloned().unwrap_or_default();
    if !is_patch {
        kept.notes.clear();
    }
    kept.notes.extend(new);
    Reply::new(204, "")
}

fn read(state: &State, path: &str, query: &str) -> Reply {
    let Some(kept) = state.v2.get(path) else { return errors(state, 404, "") };
    let wanted = query.strip_prefix("version=").and_then(|version| version.parse().ok()).unwrap_or(kept.next);
    let Some((data, deleted, destroyed)) = kept.versions.get(&wanted) else { return errors(state, 404, "") };
    let gone = *deleted || *destroyed;
    let data = if gone { Value::Null } else { data.clone() };
    let time = if *deleted { "2026-11-20T00:00:00.5Z" } else { "" };
    let about = json!({ "version": wanted, "deletion_time": time, "destroyed": destroyed });
    Reply::new(if gone { 404 } else { 200 }, json!({ "data": { "data": data, "metadata": about } }).to_string())
}

fn write(state: &mut State, path: &str, body: &Value) -> Reply {
    if state.meddler.as_ref().is_some_and(|(meant, _)| meant == path)
        && let Some((_, data)) = state.meddler.take()
    {
        state.put(path, data);
    }
    let Some(cas) = body["options"]["cas"].as_u64() else {
        return errors(state, 400, "check-and-set parameter required for this call");
    };
    let current = state.v2.get(path).map_or(0, |kept| kept.next);
    if cas != current {
        return errors(state, 400, "check-and-set parameter did not match the current version");
    }
    let most = state.most;
    let kept = state.v2.entry(path.to_owned()).or_default();
    kept.next += 1;
    kept.versions.insert(kept.next, (body["data"].clone(), false, false));
    while kept.versions.len() > most {
        kept.versions.pop_first();
    }
    Reply::new(200, json!({ "data": { "version": kept.next, "destroyed": false } }).to_string())
}

fn of_v1(state: &mut State, asked: &Asked, path: &str, body: Value) -> Reply {
    match asked.method.as_str() {
        "LIST" => {
            let names: Vec<String> = state.v1.keys().cloned().collect();
            list(state, &names, path)
        }
        "GET" => match state.v1.get(path) {
            Some(data) => Reply::new(200, json!({ "data": data }).to_string()),
            None => errors(state, 404, ""),
        },
        "POST" => {
            state.v1.insert(path.to_owned(), body);
            Reply::new(204, "")
        }
        _ => errors(state, 405, "unsupported operation"),
    }
}
