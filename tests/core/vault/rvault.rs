//! A real server that speaks Vault's protocol: rvault, where `STOPLEAK_RVAULT` names its binary. It has KV version 1 alone,
//! and the other envelope of errors.

use super::conformance::{self, ALL, Can};
use super::wire;
use serde_json::{Value, json};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use stopleak_core::Secret;
use stopleak_core::http::{Method, Request};
use stopleak_core::vault::hashicorp::{Hashicorp, Kv, Login, Settings};
use stopleak_core::vault::{Vault, VaultError};
use tempfile::TempDir;

struct Rvault {
    process: Child,
    address: String,
    _folder: TempDir,
}

impl Drop for Rvault {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn start() -> Option<Rvault> {
    let Some(binary) = std::env::var_os("STOPLEAK_RVAULT") else {
        eprintln!("SKIPPED: STOPLEAK_RVAULT names no rvault, so KV version 1 is not tested against a real server");
        return None;
    };
    let folder = TempDir::new().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (data, address) = (folder.path().display(), format!("127.0.0.1:{port}"));
    let config = format!(
        "storage \"file\" {{ path = \"{data}/data\" }}\nlistener \"tcp\" {{ address = \"{address}\" tls_disable = \"true\" }}\n\
         api_addr = \"http://{address}\"\nlog_level = \"warn\"\npid_file = \"{data}/pid\"\nwork_dir = \"{data}\"\n"
    );
    std::fs::write(folder.path().join("config.hcl"), config).unwrap();
    let mut command = Command::new(binary);
    command
        .args(["server", "--config"])
        .arg(folder.path().join("config.hcl"))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let process = command.spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while TcpStream::connect(&address).is_err() {
        assert!(Instant::now() < deadline, "rvault does not start");
        std::thread::sleep(Duration::from_millis(50));
    }
    Some(Rvault { process, address: format!("http://{address}"), _folder: folder })
}

fn put(server: &Rvault, path: &str, body: &Value) -> Value {
    let mut request = Request::new(Method::Put, format!("{}/v1/{path}", server.address));
    request.body = body.to_string().into_bytes();
    let answer = wire().send(&request).unwrap();
    serde_json::from_slice(&answer.bytes().unwrap()).unwrap_or(Value::Null)
}

#[test]
fn rvault_does_what_kv_version_1_must() {
    let Some(server) = start() else { return };
    let made = put(&server, "sys/init", &json!({ "secret_shares": 1, "secret_threshold": 1 }));
    let token = Login::Token(Secret::new(made["root_token"].as_str().unwrap().as_bytes()));
    let settings = |kv| {
        let (address, mount) = (server.address.clone(), "secret".to_owned());
        Settings { address, namespace: None, mount, kv, allow_no_cas: true }
    };
    let sealed = Hashicorp::open(wire(), &settings(Some(Kv::V1)), &token).unwrap().list();
    assert!(matches!(sealed, Err(VaultError::Unavailable(_))), "{sealed:?}");
    put(&server, "sys/unseal", &json!({ "key": made["keys"][0] }));
    let vault = Hashicorp::open(wire(), &settings(None), &token).unwrap();
    assert_eq!(vault.kv(), Kv::V1);
    conformance::run(&vault, "team/", Can { versions: false, retires: false, notes: false, ..ALL });
    let wrong =
        Hashicorp::open(wire(), &settings(Some(Kv::V1)), &Login::Token(Secret::new(b"no-token"))).unwrap().list();
    assert!(matches!(wrong, Err(VaultError::Denied(_))), "{wrong:?}");
}
