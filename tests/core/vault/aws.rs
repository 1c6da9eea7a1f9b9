//! AWS Secrets Manager, by moto's server where it is installed: in the folder that `STOPLEAK_MOTO` names, in
//! `target/moto/bin`, or on the PATH.

use super::conformance::{self, ALL, Can};
use super::{fields, made, wire};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use stopleak_core::Secret;
use stopleak_core::aws::Keys;
use stopleak_core::vault::aws::{SecretsManager, Settings};
use stopleak_core::vault::{Vault, VaultError};

struct Moto {
    process: Child,
    address: String,
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn start() -> Option<Moto> {
    let named = std::env::var_os("STOPLEAK_MOTO").map(PathBuf::from);
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/moto/bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = named.into_iter().chain([usual]).chain(std::env::split_paths(&path));
    let Some(folder) = folders.find(|folder| folder.join("moto_server").is_file()) else {
        eprintln!("SKIPPED: moto_server is not installed, so Secrets Manager is not tested against a real server");
        return None;
    };
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new(folder.join("moto_server"));
    command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
    let moto = Moto { process: command.spawn().unwrap(), address: format!("http://127.0.0.1:{port}") };
    let deadline = Instant::now() + Duration::from_secs(60);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < deadline, "moto does not start");
        std::thread::sleep(Duration::from_millis(100));
    }
    Some(moto)
}

fn open(address: &str) -> SecretsManager {
    let secret = |text: &str| Secret::new(text.as_bytes());
    let keys = Keys { id: "an-id".into(), secret: secret("of tests"), token: None };
    let settings = Settings { region: "us-east-1".into(), endpoint: Some(address.to_owned()), keys };
    SecretsManager::open(wire(), settings).unwrap()
}

#[test]
fn secrets_manager_does_what_every_vault_must() {
    let Some(moto) = start() else { return };
    let vault = open(&moto.address);
    // Asked for versions of nothing moto fails with 500, where AWS says ResourceNotFoundException.
    conformance::run(&vault, "team/a/", Can { retires: false, misses: false, ..ALL });
    whole_texts_stay_whole(&vault);
    many_secrets_are_listed(&vault);
}

fn whole_texts_stay_whole(vault: &SecretsManager) {
    let first = vault.write_if_version("whole", &fields(&[("value", &made(4))]), None).unwrap();
    assert_eq!(first.len(), 32);
    let second = vault.write_if_version("whole", &fields(&[("value", &made(5))]), Some(&first)).unwrap();
    assert_eq!(vault.read("whole", None).unwrap().fields, fields(&[("value", &made(5))]));
    assert_eq!(vault.read("whole", Some(&first)).unwrap().fields, fields(&[("value", &made(4))]));
    let third = vault.write_if_version("whole", &fields(&[("value", &made(6))]), Some(&first));
    assert!(matches!(third, Err(VaultError::Conflict { .. })), "{third:?}");
    let current: Vec<_> = vault.versions("whole").unwrap().into_iter().filter(|v| v.is_current).map(|v| v.id).collect();
    assert_eq!(current, [second]);
}

fn many_secrets_are_listed(vault: &SecretsManager) {
    let before = vault.list().unwrap().len();
    for number in 0..120 {
        vault.write_if_version(&format!("many/{number:03}"), &fields(&[("value", "x")]), None).unwrap();
    }
    assert_eq!(vault.list().unwrap().len(), before + 120);
}
