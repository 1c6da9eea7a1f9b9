//! The local encrypted file.

use super::conformance::{self, ALL};
use super::{fields, made};
use stopleak_core::Secret;
use stopleak_core::vault::file::{LocalFile, Unlock};
use stopleak_core::vault::{Vault, VaultError};
use tempfile::TempDir;

fn unlock(word: &str) -> Unlock {
    // Quick to try: these files keep nothing.
    Unlock::Passphrase(Secret::new(word.as_bytes()), 2)
}

#[test]
fn a_file_does_what_every_vault_must_and_shows_nothing() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("vault.age");
    let vault = LocalFile::open(&path, &unlock("open")).unwrap();
    conformance::run(&vault, "app/", ALL);
    let bytes = std::fs::read(&path).unwrap();
    assert!(bytes.starts_with(b"age-encryption.org/v1\n-> scrypt "));
    for hidden in [made(1), "password".into(), "app/one".into()] {
        assert!(!bytes.windows(hidden.len()).any(|window| window == hidden.as_bytes()), "{hidden}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let wrong = LocalFile::open(&path, &unlock("shut")).err().unwrap();
    assert!(matches!(wrong, VaultError::Denied(_)), "{wrong}");
    // Beside it stays the empty file that writers lock, and nothing else.
    let entries = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap());
    let mut left: Vec<_> = entries.map(|entry| (entry.file_name(), entry.metadata().unwrap().len())).collect();
    left.sort();
    assert_eq!(left, [("vault.age".into(), bytes.len() as u64), ("vault.age.lock".into(), 0)]);
}

#[test]
fn many_writers_of_one_file_lose_nothing() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("vault.age");
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let path = &path;
            scope.spawn(move || {
                let vault = LocalFile::open(path, &unlock("open")).unwrap();
                for entry in 0..5 {
                    vault.write_if_version(&format!("{writer}/{entry}"), &fields(&[("a", "b")]), None).unwrap();
                }
            });
        }
    });
    assert_eq!(LocalFile::open(&path, &unlock("open")).unwrap().list().unwrap().len(), 20);
}
