//! The audit log: what was changed in it shows, what was acknowledged is there.

mod crash;
mod notes;
mod tamper;
mod trees;

use serde_json::json;
use std::path::Path;
use stopleak_core::Secret;
use stopleak_core::audit::{Act, Entry, Filter, Keys, Log};

fn log_in(folder: &Path) -> Log {
    Log::of_repository(folder).by("ann")
}

fn act(n: u64) -> Act {
    Act::new("bypass").details(json!({ "reason": format!("reason {n}") }))
}

fn log_with(entries: u64) -> (tempfile::TempDir, Log) {
    let folder = tempfile::tempdir().unwrap();
    let log = log_in(folder.path());
    (0..entries).for_each(|n| _ = log.append(act(n), 0).unwrap());
    (folder, log)
}

fn entries(log: &Log) -> Vec<Entry> {
    let mut entries = Vec::new();
    log.read(&[], &mut |entry| entries.push(entry.clone())).unwrap();
    entries
}

fn keys(log: &Log) -> Keys {
    Keys::open(&log.key_path()).unwrap()
}

#[test]
fn entries_count_and_name_the_one_before() {
    let (_folder, log) = log_with(3);
    let entries = entries(&log);
    assert_eq!(entries.iter().map(|entry| entry.number).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(entries[0].previous, "0".repeat(64));
    assert_eq!((&*entries[0].time, &*entries[0].actor, &*entries[0].run), ("1970-01-01T00:00:00Z", "ann", log.run()));
    let verified = log.verify(&[]).unwrap();
    assert_eq!((verified.entries, verified.files, verified.torn), (3, 1, 0));
}

#[test]
fn a_log_that_is_not_there_is_empty_and_has_no_checkpoint() {
    let (_folder, log) = log_with(0);
    assert_eq!(log.verify(&[]).unwrap().entries, 0);
    assert!(log.checkpoint(&keys(&log)).unwrap().is_none());
}

#[test]
fn a_permit_is_an_entry_and_its_end_names_it() {
    let (_folder, log) = log_with(1);
    let permit = log.begin(Act::new("revoke").about("h1:x").request("sha256:y"), 5).unwrap();
    assert_eq!(log.verify(&[]).unwrap().open.into_iter().collect::<Vec<_>>(), [permit.number()]);
    permit.end("confirmed-dead", json!({ "status": 204 }), 6).unwrap();
    let entries = entries(&log);
    assert_eq!((&*entries[1].outcome, &*entries[2].outcome, entries[2].of), ("begun", "confirmed-dead", Some(2)));
    assert_eq!((&entries[2].subjects[0], entries[2].request.as_deref()), (&"h1:x".to_owned(), Some("sha256:y")));
    assert!(log.verify(&[]).unwrap().open.is_empty());
}

#[test]
fn without_a_log_to_write_there_is_no_permit() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("stopleak"), "a file where the folder should be").unwrap();
    assert!(log_in(folder.path()).begin(Act::new("revoke"), 0).is_err());
}

#[test]
fn what_has_no_one_form_is_refused_and_nothing_is_written() {
    let (_folder, log) = log_with(1);
    assert!(log.append(Act::new("scan").details(json!({ "seconds": 0.5 })), 0).is_err());
    assert!(log.append(Act::new("scan").details(json!("x".repeat(17 << 20))), 0).is_err());
    assert_eq!(log.verify(&[]).unwrap().entries, 1);
}

#[test]
fn entries_are_filtered_by_every_field() {
    let (_folder, log) = log_with(2);
    log.append(Act::new("scan").about("h1:a").outcome("clean"), 1_709_296_200).unwrap();
    let text = |text: &str| Some(text.to_owned());
    let table = [
        (Filter::default(), 3),
        (Filter { action: text("bypass"), ..Filter::default() }, 2),
        (Filter { actor: text("bob"), ..Filter::default() }, 0),
        (Filter { since: text("2024-03-01"), ..Filter::default() }, 1),
        (Filter { since: text("2024-03-02"), ..Filter::default() }, 0),
        (Filter { subject: text("h1:a"), ..Filter::default() }, 1),
        (Filter { run: text(log.run()), ..Filter::default() }, 3),
        (Filter { outcome: text("clean"), action: text("scan"), ..Filter::default() }, 1),
    ];
    for (filter, count) in table {
        assert_eq!(entries(&log).iter().filter(|entry| filter.holds(entry)).count(), count, "{filter:?}");
    }
}

#[test]
fn full_files_are_put_aside_and_the_tree_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let log = log_in(folder.path()).turning_at(2_000);
    (0..40).for_each(|n| _ = log.append(act(n), 0).unwrap());
    let verified = log.verify(&[]).unwrap();
    assert!(verified.entries == 40 && verified.files > 3, "{verified:?}");
    let (checkpoint, _) = log.checkpoint(&keys(&log)).unwrap().unwrap();
    assert_eq!(checkpoint.root, verified.root);
    let full = log.path().with_file_name("audit-000000000001.jsonl");
    assert!(std::fs::metadata(&full).unwrap().len() <= 2_000);
    log.prove_inclusion(3, None).unwrap().check(std::slice::from_ref(&checkpoint)).unwrap();
    // Without what was kept of the tree it is made anew, over all files.
    std::fs::remove_file(log.path().with_file_name("audit.jsonl.tree")).unwrap();
    log.append(act(40), 0).unwrap();
    assert_eq!(log.verify(&[checkpoint]).unwrap().entries, 41);
    std::fs::remove_file(full).unwrap();
    let error = log.verify(&[]).unwrap_err().to_string();
    assert!(error.contains("entry 1") && error.contains("is not there"), "{error}");
}

#[test]
fn long_entries_are_read_back() {
    let (_folder, log) = log_with(1);
    log.append(Act::new("bypass").details(json!({ "reason": "x".repeat(300_000) })), 0).unwrap();
    log.append(act(1), 0).unwrap();
    assert_eq!(log.verify(&[]).unwrap().entries, 3);
}

#[test]
fn adding_an_entry_reads_no_others() {
    let (_folder, log) = log_with(3);
    let text = std::fs::read_to_string(log.path()).unwrap();
    std::fs::write(log.path(), text.replace("reason 0", "reason 9")).unwrap();
    log.append(act(4), 0).unwrap();
    assert!(log.verify(&[]).unwrap_err().to_string().contains("entry 2"), "entry 1 is not the one that 2 names");
}

#[test]
fn tags_need_the_key() {
    let (_folder, log) = log_with(0);
    let (secret, keys) = (Secret::new(b"a value"), keys(&log));
    assert_eq!(keys.tag(&secret), self::keys(&log).tag(&secret), "the key is made once");
    assert_ne!(keys.tag(&secret), keys.tag(&Secret::new(b"another")));
    let other = Keys::open(&log.key_path().with_file_name("other.key")).unwrap();
    assert_ne!(keys.tag(&secret), other.tag(&secret));
    assert_ne!(*keys.derive("queue"), *keys.derive("else"));
}

#[test]
#[cfg(unix)]
fn the_key_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, log) = log_with(0);
    keys(&log);
    let mode = |mode| std::fs::set_permissions(log.key_path(), PermissionsExt::from_mode(mode)).unwrap();
    assert_eq!(std::fs::metadata(log.key_path()).unwrap().permissions().mode() & 0o777, 0o600);
    mode(0o640);
    assert!(Keys::open(&log.key_path()).err().unwrap().to_string().contains("others can read it"));
    mode(0o600);
    let text = std::fs::read_to_string(log.key_path()).unwrap();
    std::fs::write(log.key_path(), &text[..30]).unwrap();
    assert!(Keys::open(&log.key_path()).is_ok(), "a key cut short was never used");
    std::fs::write(log.key_path(), "something else").unwrap();
    assert!(Keys::open(&log.key_path()).is_err());
}
