//! What every vault must do, whatever it is.

use super::{fields, made};
use std::collections::BTreeMap;
use stopleak_core::vault::{Vault, VaultError};

/// What a kind of vault cannot do.
#[derive(Clone, Copy, Debug)]
pub struct Can {
    /// Keeps old versions readable.
    pub versions: bool,
    /// Makes old versions unreadable at once.
    pub retires: bool,
    /// Takes notes.
    pub notes: bool,
    /// Knows that an entry is not there when asked for its versions.
    pub misses: bool,
}

pub const ALL: Can = Can { versions: true, retires: true, notes: true, misses: true };

/// Runs everything at paths that begin with `prefix`; there is nothing before.
pub fn run(vault: &dyn Vault, prefix: &str, can: Can) {
    what_is_not_there_is_absent(vault, prefix, can);
    entries_are_written_version_by_version(vault, prefix, can);
    values_come_back_as_they_were(vault, prefix);
    old_versions_are_retired(vault, prefix, can);
    notes_are_taken(vault, prefix, can);
    hostile_paths_are_refused(vault);
}

fn what_is_not_there_is_absent(vault: &dyn Vault, prefix: &str, can: Can) {
    let path = format!("{prefix}nothing");
    assert!(matches!(vault.read(&path, None), Err(VaultError::Absent(_))), "{:?}", vault.read(&path, None));
    if can.misses {
        assert!(matches!(vault.versions(&path), Err(VaultError::Absent(_))), "{:?}", vault.versions(&path));
    }
}

fn entries_are_written_version_by_version(vault: &dyn Vault, prefix: &str, can: Can) {
    let path = format!("{prefix}one");
    let (old, new) =
        (fields(&[("password", &made(1)), ("user", "app")]), fields(&[("password", &made(2)), ("user", "app")]));
    vault.can_write(&path).unwrap();
    let first = vault.write_if_version(&path, &old, None).unwrap();
    assert!(vault.list().unwrap().contains(&path), "{:?}", vault.list());
    let conflict = |outcome: Result<String, VaultError>| {
        assert!(matches!(outcome, Err(VaultError::Conflict { .. })), "{outcome:?}");
    };
    conflict(vault.write_if_version(&path, &new, None));
    let read = vault.read(&path, None).unwrap();
    assert_eq!((&read.version, &read.fields), (&first, &old));
    vault.can_write(&path).unwrap();
    let second = vault.write_if_version(&path, &new, Some(&first)).unwrap();
    let read = vault.read(&path, None).unwrap();
    assert_eq!((&read.version, &read.fields), (&second, &new));
    if !can.versions {
        return;
    }
    assert_ne!(first, second);
    conflict(vault.write_if_version(&path, &old, Some(&first)));
    assert_eq!(vault.read(&path, None).unwrap().fields, new, "a conflict changes nothing");
    assert_eq!(vault.read(&path, Some(&first)).unwrap().fields, old);
    assert!(matches!(vault.read(&path, Some("909")), Err(VaultError::Absent(_))));
    let versions = vault.versions(&path).unwrap();
    let current: Vec<&str> = versions.iter().filter(|v| v.is_current).map(|v| v.id.as_str()).collect();
    assert_eq!(current, [second.as_str()]);
    let place = |id: &str| versions.iter().position(|version| version.id == id).unwrap();
    assert!(place(&first) < place(&second), "oldest first");
    assert!(versions.iter().all(|version| version.is_readable));
}

fn values_come_back_as_they_were(vault: &dyn Vault, prefix: &str) {
    let path = format!("{prefix}odd");
    let odd = fields(&[
        ("a", "line\nline\n"),
        ("b", "Grüße \"quoted\" \\ \u{1f511}"),
        ("c", " "),
        ("d", "{\"x\":1}"),
        ("e", "5432"),
    ]);
    let first = vault.write_if_version(&path, &odd, None).unwrap();
    assert_eq!(vault.read(&path, Some(&first)).unwrap().fields, odd);
}

fn old_versions_are_retired(vault: &dyn Vault, prefix: &str, can: Can) {
    let path = format!("{prefix}one");
    let versions = vault.versions(&path).unwrap();
    let current = versions.iter().find(|version| version.is_current).unwrap();
    let refused = vault.retire(&path, &current.id);
    assert!(refused.is_err() && vault.read(&path, None).is_ok(), "the current version stays: {refused:?}");
    if !can.versions {
        return assert!(matches!(refused, Err(VaultError::Unsupported(_))));
    }
    let old = versions.iter().find(|version| !version.is_current).unwrap();
    let retired = vault.retire(&path, &old.id);
    if let Err(error) = &retired {
        assert!(!can.retires && matches!(error, VaultError::Unsupported(_)), "{error}");
    }
    if can.retires {
        assert!(matches!(vault.read(&path, Some(&old.id)), Err(VaultError::Absent(_))));
        let readable =
            vault.versions(&path).unwrap().into_iter().any(|version| version.id == old.id && version.is_readable);
        assert!(!readable);
    }
    assert!(matches!(vault.retire(&path, "909"), Err(VaultError::Absent(_))));
}

fn notes_are_taken(vault: &dyn Vault, prefix: &str, can: Can) {
    let notes = BTreeMap::from([("rotated_at".to_owned(), "2026-11-21".to_owned())]);
    let taken = vault.annotate(&format!("{prefix}one"), &notes);
    match can.notes {
        true => taken.unwrap(),
        false => assert!(matches!(taken, Err(VaultError::Unsupported(_))), "{taken:?}"),
    }
}

fn hostile_paths_are_refused(vault: &dyn Vault) {
    for path in ["../sys/seal", "a/../b", "/a", "a//b", "", "a\nb"] {
        assert!(vault.read(path, None).is_err(), "{path}");
        assert!(vault.write_if_version(path, &fields(&[("a", "b")]), None).is_err(), "{path}");
    }
}
