//! What a vault can do to credentials: database roles, leases, tokens, the audit log's hash.

use super::hashicorp::{Fake, ROOT, State};
use super::wire;
use crate::server::{Asked, Reply};
use serde_json::{Value, json};
use stopleak_core::Secret;
use stopleak_core::vault::VaultError;
use stopleak_core::vault::hashicorp::github_token;

/// The engines' part of the strict server; `None` where the path is none of theirs.
pub fn answer(state: &mut State, asked: &Asked, path: &str, body: &Value, token: &str) -> Option<Reply> {
    let ok = |value: Value| Some(Reply::new(200, value.to_string()));
    let refused = |status, words: &str| Some(Reply::new(status, json!({ "errors": [words] }).to_string()));
    let end = |state: &mut State, ended: &str| {
        let before = state.tokens.len();
        state.tokens.retain(|known| known != ended);
        state.tokens.len() < before
    };
    match (asked.method.as_str(), path) {
        ("LIST", "database/static-roles") => ok(json!({ "data": { "keys": ["app"] } })),
        ("GET", "database/static-creds/app") => {
            let password = format!("password-{}", state.static_password);
            let time = format!("2026-11-01T10:00:{:02}Z", state.static_password);
            ok(json!({ "data": { "username": "app", "password": password, "last_openbao_rotation": time, "ttl": 5 } }))
        }
        ("POST", "database/rotate-role/app" | "database/rotate-root/main") => {
            state.static_password += 1;
            Some(Reply::new(204, ""))
        }
        ("POST", "aws/config/rotate-root") => ok(json!({ "data": { "access_key": "the-new-id" } })),
        ("POST", "sys/leases/lookup") => match state.leases.get(body["lease_id"].as_str().unwrap_or_default()) {
            Some(time) => ok(json!({ "data": { "issue_time": time, "ttl": 60, "renewable": true } })),
            None => refused(400, "invalid lease"),
        },
        ("LIST", path) if path.starts_with("sys/leases/lookup/") => {
            let prefix = format!("{}/", path.trim_start_matches("sys/leases/lookup/"));
            let below = state.leases.keys().filter_map(|id| id.strip_prefix(&prefix));
            let name = |rest: &str| rest.split_once('/').map_or(rest.to_owned(), |(first, _)| format!("{first}/"));
            let mut keys: Vec<String> = below.map(name).collect();
            keys.dedup();
            if keys.is_empty() {
                Some(Reply::new(404, json!({ "errors": [] }).to_string()))
            } else {
                ok(json!({ "data": { "keys": keys } }))
            }
        }
        ("POST", "sys/leases/revoke") if body["sync"] == true => {
            state.leases.remove(body["lease_id"].as_str().unwrap_or_default());
            Some(Reply::new(204, ""))
        }
        ("POST", "auth/token/lookup") => {
            let asked = body["token"].as_str().unwrap_or_default().to_owned();
            if !state.tokens.contains(&asked) {
                return refused(403, "bad token");
            }
            let accessor = state.accessors.get(&asked).cloned().unwrap_or("acc-1".into());
            ok(json!({ "data": { "accessor": accessor, "display_name": "ci", "policies": ["ci"], "type": "service" } }))
        }
        ("GET", "auth/token/lookup-self") if state.blind.iter().any(|blind| blind == token) => {
            refused(403, "permission denied")
        }
        ("GET", "auth/token/lookup-self") => {
            let accessor = state.accessors.get(token).cloned().unwrap_or("acc-1".into());
            let kind = if token.starts_with("batch") { "batch" } else { "service" };
            let about =
                json!({ "accessor": accessor, "display_name": "ci", "policies": ["default"], "type": kind, "ttl": 9 });
            ok(json!({ "data": about }))
        }
        ("POST", "auth/token/revoke-self") if token.starts_with("batch") => {
            refused(400, "batch tokens cannot be revoked")
        }
        ("POST", "auth/token/revoke-self") if state.weak.iter().any(|weak| weak == token) => {
            refused(403, "permission denied")
        }
        ("POST", "auth/token/revoke-self") => end(state, token).then(|| Reply::new(204, "")),
        ("POST", "auth/token/revoke") => {
            end(state, body["token"].as_str().unwrap_or_default());
            Some(Reply::new(204, ""))
        }
        ("POST", "auth/token/revoke-accessor") => {
            let ended = state.accessors.iter().find(|(_, accessor)| body["accessor"] == **accessor);
            if let Some(ended) = ended.map(|(token, _)| token.clone()) {
                end(state, &ended);
            }
            Some(Reply::new(204, ""))
        }
        ("POST", "sys/audit-hash/file") => {
            let length = body["input"].as_str().unwrap_or_default().len();
            ok(json!({ "data": { "hash": format!("hmac-sha256:{length:064x}") } }))
        }
        _ => None,
    }
}

#[test]
fn a_static_role_is_rotated_once() {
    let fake = Fake::start();
    let vault = fake.open("secret");
    assert_eq!(vault.static_roles("database").unwrap(), ["app"]);
    let before = vault.static_login("database", "app").unwrap();
    assert_eq!((before.username.as_str(), before.rotated.as_deref()), ("app", Some("2026-11-01T10:00:00Z")));
    vault.rotate_role("database", "app").unwrap();
    assert_ne!(vault.static_login("database", "app").unwrap().password, before.password);
    vault.rotate_root("database", "main").unwrap();
    assert_eq!(vault.rotate_aws_root("aws").unwrap(), "the-new-id");
    let expected = ["database/rotate-role/app", "database/rotate-root/main", "aws/config/rotate-root"];
    assert_eq!(fake.changes(), expected.map(|path| format!("POST /v1/{path}")));
}

#[test]
fn leases_are_looked_up_and_ended() {
    let fake = Fake::start();
    let vault = fake.open("secret");
    let lease = vault.lease("database/creds/app/1").unwrap();
    assert_eq!((lease.seconds, lease.is_renewable), (Some(60), true));
    assert!(matches!(vault.lease("database/creds/app/2"), Err(VaultError::Absent(_))));
    vault.revoke_lease("database/creds/app/1").unwrap();
    assert_eq!(fake.changes(), ["POST /v1/sys/leases/revoke"]);
}

#[test]
fn a_leaked_token_ends_itself_and_is_proved_dead() {
    let fake = Fake::start();
    let (leaked, batch) = (Secret::new(b"leaked-token-1"), Secret::new(b"batch-token-1"));
    fake.state.lock().unwrap().tokens.extend(["leaked-token-1".into(), "batch-token-1".into()]);
    let vault = fake.open("secret");
    let holder = vault.holder(&leaked).unwrap();
    assert_eq!((holder.accessor.as_str(), holder.kind.as_str()), ("acc-1", "service"));
    vault.revoke_own(&leaked).unwrap();
    assert!(matches!(vault.holder(&leaked), Err(VaultError::Denied(_))));
    assert!(matches!(vault.revoke_own(&batch), Err(VaultError::Unsupported(_))));
    vault.revoke_token(&batch).unwrap();
    vault.revoke_accessor("acc-1").unwrap();
    // Our own token was never in play.
    assert!(fake.state.lock().unwrap().tokens.contains(&ROOT.to_owned()));
    let asked = fake.server.asked();
    assert!(asked.iter().all(|asked| !asked.path.contains("leaked") && !asked.path.contains("batch")));
}

#[test]
fn the_audit_logs_hash_of_a_value_is_asked_for() {
    let fake = Fake::start();
    let vault = fake.open("secret");
    let hash = vault.audit_hash("file/", &Secret::new(b"four")).unwrap();
    assert_eq!(hash, format!("hmac-sha256:{:064x}", 4));
    assert!(matches!(vault.audit_hash("none", &Secret::new(b"four")), Err(VaultError::Absent(_))));
}

#[test]
fn a_job_of_github_actions_gets_its_token() {
    use crate::server::Server;
    let server = Server::start(|asked| match asked.header("authorization") {
        Some("Bearer of-the-job") => Reply::new(200, json!({ "value": "a.b.c" }).to_string()),
        _ => Reply::new(401, "{}"),
    });
    let url = format!("http://{}/token?api-version=2", server.host);
    let token = |bearer: &[u8]| github_token(wire(), &url, &Secret::new(bearer), Some("https://vault.example"));
    assert_eq!(token(b"of-the-job").unwrap().expose(), b"a.b.c");
    assert_eq!(server.asked()[0].path, "/token?api-version=2&audience=https%3A%2F%2Fvault.example");
    assert!(matches!(token(b"of-another"), Err(VaultError::Denied(_))));
}
