//! HashiCorp Vault and OpenBao, by a strict server that keeps state; a real one where `VAULT_ADDR` names it.

use super::conformance::{self, ALL, Can};
use super::faults::{Fault, Faults};
use super::{fields, made, wire};
use crate::kv2::{Kept, answer};
pub use crate::kv2::{ROOT, State};
use crate::server::{Reply, Server};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use stopleak_core::Secret;
use stopleak_core::vault::hashicorp::{Hashicorp, Kv, Login, Settings};
use stopleak_core::vault::{Vault, VaultError};

/// A server that knows the token `root-of-tests`.
pub struct Fake {
    pub server: Server,
    pub state: Arc<Mutex<State>>,
    pub faults: Faults,
}

impl Fake {
    pub fn start() -> Fake {
        let leases = [("database/creds/app/1".to_owned(), "2026-11-01T10:00:00Z".to_owned())].into();
        let state = State { engines: Some(super::engines::answer), leases, ..State::new() };
        let (state, faults) = (Arc::new(Mutex::new(state)), Faults::default());
        let (inner, failing) = (Arc::clone(&state), faults.clone());
        let server =
            Server::start(move |asked| failing.answer(asked, |asked| answer(&mut inner.lock().unwrap(), asked)));
        Fake { server, state, faults }
    }

    pub fn settings(&self, mount: &str) -> Settings {
        let (address, mount) = (format!("http://{}", self.server.host), mount.to_owned());
        Settings { address, namespace: None, mount, kv: None, allow_no_cas: false }
    }

    pub fn open(&self, mount: &str) -> Hashicorp {
        Hashicorp::open(wire(), &self.settings(mount), &Login::Token(Secret::new(ROOT.as_bytes()))).unwrap()
    }

    /// Requests that change something.
    pub fn changes(&self) -> Vec<String> {
        let harmless =
            ["/v1/sys/capabilities-self", "/v1/sys/leases/lookup", "/v1/sys/audit-hash", "/v1/auth/token/lookup"];
        let asked = self.server.asked().into_iter();
        let changing = asked.filter(|asked| !matches!(asked.method.as_str(), "GET" | "LIST" | "HEAD"));
        let lines = changing.map(|asked| format!("{} {}", asked.method, asked.path));
        lines.filter(|line| !harmless.iter().any(|path| line.ends_with(path))).collect()
    }
}

#[test]
fn kv_version_2_does_what_every_vault_must() {
    let fake = Fake::start();
    let vault = fake.open("secret");
    assert_eq!(vault.kv(), Kv::V2);
    conformance::run(&vault, "team/a/", ALL);
    assert!(fake.server.asked().iter().all(|asked| !asked.path.contains("..") && !asked.path.contains("//")));
}

#[test]
fn kv_version_1_is_overwritten_only_when_that_is_allowed() {
    let fake = Fake::start();
    let settings = Settings { allow_no_cas: true, ..fake.settings("kv") };
    let login = Login::Token(Secret::new(ROOT.as_bytes()));
    let vault = Hashicorp::open(wire(), &settings, &login).unwrap();
    assert_eq!(vault.kv(), Kv::V1);
    conformance::run(&vault, "team/", Can { versions: false, retires: false, notes: false, ..ALL });
    let guarded = fake.open("kv");
    let before = fake.changes().len();
    let new = fields(&[("password", &made(3))]);
    let refused = guarded.write_if_version("team/one", &new, Some("current"));
    assert!(
        matches!(refused, Err(VaultError::Unsupported(_)))
            && matches!(guarded.can_write("team/one"), Err(VaultError::Unsupported(_)))
    );
    assert_eq!(fake.changes().len(), before);
}

#[test]
fn a_number_stays_a_number_when_another_field_is_rotated() {
    let fake = Fake::start();
    let data = json!({ "port": 5432, "tags": ["a"], "password": "old" });
    fake.state
        .lock()
        .unwrap()
        .v2
        .insert("db".into(), Kept { next: 1, versions: [(1, (data, false, false))].into(), ..Kept::default() });
    let vault = fake.open("secret");
    let mut read = vault.read("db", None).unwrap();
    read.fields.insert("password".into(), Secret::new(made(1).as_bytes()));
    assert_eq!(vault.write_if_version("db", &read.fields, Some("1")).unwrap(), "2");
    let state = fake.state.lock().unwrap();
    assert_eq!(state.v2["db"].versions[&2].0, json!({ "port": 5432, "tags": ["a"], "password": made(1) }));
}

#[test]
fn versions_that_a_write_ends_are_told_before_it() {
    let fake = Fake::start();
    fake.state.lock().unwrap().most = 2;
    let vault = fake.open("secret");
    assert_eq!(vault.pushed_out("db").unwrap(), Vec::<String>::new());
    vault.write_if_version("db", &fields(&[("a", "1")]), None).unwrap();
    assert_eq!(vault.pushed_out("db").unwrap(), Vec::<String>::new());
    vault.write_if_version("db", &fields(&[("a", "2")]), Some("1")).unwrap();
    assert_eq!(vault.pushed_out("db").unwrap(), ["1"]);
    vault.write_if_version("db", &fields(&[("a", "3")]), Some("2")).unwrap();
    assert!(matches!(vault.read("db", Some("1")), Err(VaultError::Absent(_))));
}

#[test]
fn notes_do_not_wipe_each_other_without_patch() {
    let fake = Fake::start();
    let vault = fake.open("secret");
    vault.write_if_version("db", &fields(&[("a", "1")]), None).unwrap();
    fake.state.lock().unwrap().knows_patch = false;
    for note in ["leak_finding", "rotated_at"] {
        vault.annotate("db", &BTreeMap::from([(note.to_owned(), "x".to_owned())])).unwrap();
    }
    assert_eq!(fake.state.lock().unwrap().v2["db"].notes.len(), 2);
}

#[test]
fn a_deleted_version_says_so_and_keeps_its_number() {
    let fake = Fake::start();
    let vault = fake.open("secret");
    vault.write_if_version("db", &fields(&[("a", "1")]), None).unwrap();
    fake.state.lock().unwrap().v2.get_mut("db").unwrap().versions.get_mut(&1).unwrap().1 = true;
    let error = vault.read("db", None).unwrap_err();
    assert!(matches!(&error, VaultError::Absent(what) if what.contains("version 1 was deleted")), "{error}");
    assert!(!vault.versions("db").unwrap()[0].is_readable);
    // The number is taken: only who knows it may write.
    assert!(matches!(vault.write_if_version("db", &fields(&[("a", "2")]), None), Err(VaultError::Conflict { .. })));
    assert_eq!(vault.write_if_version("db", &fields(&[("a", "2")]), Some("1")).unwrap(), "2");
}

#[test]
fn what_is_sealed_busy_or_forbidden_is_told_apart() {
    let fake = Fake::start();
    let vault = fake.open("secret");
    vault.write_if_version("db", &fields(&[("a", "1")]), None).unwrap();
    fake.state.lock().unwrap().sealed = true;
    assert!(matches!(vault.read("db", None), Err(VaultError::Unavailable(m)) if m.contains("sealed")));
    assert!(matches!(vault.write_if_version("db", &fields(&[("a", "2")]), Some("1")), Err(VaultError::Unavailable(_))));
    fake.state.lock().unwrap().sealed = false;
    // Reading waits for a quota, a change does not.
    let busy =
        || Fault::Answer(Reply::new(429, "{\"errors\":[\"rate limit quota exceeded\"]}").header("Retry-After", "0"));
    fake.faults.add("GET /v1/secret/data/db", busy());
    assert!(vault.read("db", None).is_ok());
    fake.faults.add("POST /v1/secret/data/db", busy());
    assert!(matches!(vault.write_if_version("db", &fields(&[("a", "2")]), Some("1")), Err(VaultError::Unavailable(_))));
    fake.state.lock().unwrap().terse = true;
    fake.state.lock().unwrap().tokens.clear();
    let error = vault.read("db", None).unwrap_err();
    assert!(matches!(&error, VaultError::Denied(m) if m.contains("permission denied")), "{error}");
    assert!(!error.to_string().contains(ROOT));
}

#[test]
fn a_change_whose_answer_is_lost_is_not_repeated() {
    let fake = Fake::start();
    let vault = fake.open("secret");
    vault.write_if_version("db", &fields(&[("a", "1")]), None).unwrap();
    let write = || vault.write_if_version("db", &fields(&[("a", "2")]), Some("1"));
    for (fault, is_done) in
        [(Fault::Silence, false), (Fault::Answer(Reply::new(500, "{}")), false), (Fault::Lost, true)]
    {
        let before = fake.changes().len();
        fake.faults.add("POST /v1/secret/data/db", fault.clone());
        let outcome = write();
        assert!(matches!(outcome, Err(VaultError::Unanswered(_))), "{fault:?}: {outcome:?}");
        assert_eq!(fake.changes().len(), before + 1, "{fault:?}");
        assert_eq!(vault.read("db", None).unwrap().version == "2", is_done, "reading tells");
    }
}

#[test]
fn what_may_be_written_is_asked_without_writing() {
    let fake = Fake::start();
    let vault = fake.open("secret");
    for (capabilities, new, known) in [
        (vec!["create"], true, false),
        (vec!["update"], false, true),
        (vec!["read"], false, false),
        (vec!["deny"], false, false),
    ] {
        fake.state.lock().unwrap().v2.insert("known".into(), Kept { next: 1, ..Kept::default() });
        fake.state.lock().unwrap().capabilities = Some(capabilities.clone());
        assert_eq!(vault.can_write("new").is_ok(), new, "{capabilities:?}");
        assert_eq!(vault.can_write("known").is_ok(), known, "{capabilities:?}");
    }
    assert_eq!(fake.changes(), Vec::<String>::new());
}

#[test]
fn every_login_gives_a_token_and_ends_it() {
    let fake = Fake::start();
    let secret = |text: &str| Secret::new(text.as_bytes());
    let role =
        |id: &str| Login::AppRole { mount: "approle".into(), role_id: secret("role-7"), secret_id: Some(secret(id)) };
    let jwt = |mount: &str| Login::Jwt { mount: mount.into(), role: "ci".into(), jwt: secret("a.b.c") };
    for login in [role("id-of-tests"), jwt("jwt"), jwt("kubernetes")] {
        let vault = Hashicorp::open(wire(), &fake.settings("secret"), &login).unwrap();
        assert_eq!(vault.list().unwrap(), Vec::<String>::new());
        vault.log_out().unwrap();
        assert_eq!(fake.state.lock().unwrap().tokens, [ROOT]);
    }
    let error = Hashicorp::open(wire(), &fake.settings("secret"), &role("wrong-secret-id")).err().unwrap();
    assert!(matches!(&error, VaultError::Denied(_)) && !error.to_string().contains("wrong-secret-id"), "{error}");
}

#[test]
fn namespaces_go_with_every_request_and_plain_http_only_to_this_machine() {
    let fake = Fake::start();
    let settings = Settings { namespace: Some("team/a".into()), ..fake.settings("secret") };
    let login = Login::Token(Secret::new(ROOT.as_bytes()));
    Hashicorp::open(wire(), &settings, &login).unwrap().list().unwrap();
    assert!(fake.server.asked().iter().all(|asked| asked.header("x-vault-namespace") == Some("team/a")));
    for address in ["http://vault.example:8200", "ftp://127.0.0.1", "https://user:word@vault.example", "vault.example"]
    {
        let settings = Settings { address: address.into(), ..fake.settings("secret") };
        assert!(Hashicorp::open(wire(), &settings, &login).is_err(), "{address}");
    }
}

/// A real Vault or OpenBao in development mode: `VAULT_ADDR`, `VAULT_TOKEN`, KV version 2 at `secret/`.
#[test]
fn a_real_vault_does_what_every_vault_must() {
    let (Ok(address), Ok(token)) = (std::env::var("VAULT_ADDR"), std::env::var("VAULT_TOKEN")) else {
        return eprintln!("SKIPPED: VAULT_ADDR and VAULT_TOKEN are not set, so no real vault is asked");
    };
    let settings = Settings { address, namespace: None, mount: "secret".into(), kv: None, allow_no_cas: false };
    let vault = Hashicorp::open(wire(), &settings, &Login::Token(Secret::new(token.as_bytes()))).unwrap();
    conformance::run(&vault, &format!("stopleak-tests/{}/", std::process::id()), ALL);
}
