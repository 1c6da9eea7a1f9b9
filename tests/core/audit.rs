//! The audit log: what was changed in it shows.

use serde_json::json;
use stopleak_core::audit::{AuditError, Log};

fn log_with(entries: u64) -> (tempfile::TempDir, Log) {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::of_repository(folder.path());
    (0..entries).for_each(|n| _ = log.append("bypass", "ann", json!({ "reason": format!("reason {n}") }), 0).unwrap());
    (folder, log)
}

#[test]
fn entries_are_chained_by_the_hash_of_the_line_before() {
    let (_folder, log) = log_with(3);
    let entries = log.entries().unwrap();
    assert_eq!(entries.iter().map(|entry| entry.number).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(entries[0].previous, "0".repeat(64));
    assert_eq!((&*entries[0].time, &*entries[0].who), ("1970-01-01T00:00:00Z", "ann"));
    let hashes = log.hashes().unwrap();
    assert_eq!(entries[1].previous, hashes[0]);
    let head = log.verify().unwrap();
    assert_eq!((head.entries, &head.hash), (3, &hashes[2]));
}

#[test]
fn a_log_that_is_not_there_is_empty() {
    let (_folder, log) = log_with(0);
    assert_eq!(log.verify().unwrap().entries, 0);
}

#[test]
fn whatever_is_changed_inside_shows() {
    let (_folder, log) = log_with(4);
    let text = std::fs::read_to_string(log.path()).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let changed = [
        text.replace("reason 1", "reason 9"),
        [lines[0], lines[2], lines[3]].concat(),
        [lines[1], lines[2], lines[3]].concat(),
        [lines[0], lines[2], lines[1], lines[3]].concat(),
        [lines[0], lines[0], lines[1], lines[2]].concat(),
        text.trim_end().to_owned(),
        text.replace("}\n", "} \n"),
        text.clone() + "{\n",
        text.clone() + "\n",
    ];
    for (number, changed) in changed.into_iter().enumerate() {
        std::fs::write(log.path(), changed).unwrap();
        assert!(matches!(log.verify(), Err(AuditError::Broken { .. })), "change {number}");
    }
}

#[test]
fn what_is_cut_off_at_the_end_shows_against_a_hash_kept_elsewhere() {
    let (_folder, log) = log_with(3);
    let kept = log.verify().unwrap().hash;
    let text = std::fs::read_to_string(log.path()).unwrap();
    let shorter: String = text.split_inclusive('\n').take(2).collect();
    std::fs::write(log.path(), shorter).unwrap();
    assert!(log.verify().is_ok());
    assert!(!log.hashes().unwrap().contains(&kept));
}

#[test]
fn nothing_is_added_after_a_broken_end() {
    let (_folder, log) = log_with(2);
    let text = std::fs::read_to_string(log.path()).unwrap();
    std::fs::write(log.path(), text.trim_end()).unwrap();
    assert!(log.append("bypass", "ann", json!({}), 0).is_err());
}

#[test]
fn long_entries_are_read_back() {
    let (_folder, log) = log_with(1);
    let long = "x".repeat(100_000);
    log.append("bypass", "ann", json!({ "reason": long }), 0).unwrap();
    log.append("bypass", "ann", json!({}), 0).unwrap();
    assert_eq!(log.verify().unwrap().entries, 3);
}

#[test]
fn writers_at_the_same_time_wait_for_each_other() {
    let (_folder, log) = log_with(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..5).for_each(|_| _ = log.append("bypass", "ann", json!({}), 0).unwrap()));
        }
    });
    assert_eq!(log.verify().unwrap().entries, 20);
}
