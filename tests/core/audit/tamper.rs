//! Whoever changes the log is found out.

use super::{act, keys, log_with};
use proptest::prelude::*;
use std::fs;
use stopleak_core::audit::{AuditError, Checkpoint, Log};

fn kept(log: &Log) -> Checkpoint {
    log.checkpoint(&keys(log)).unwrap().unwrap().0
}

/// Takes away what stands beside the log: the attacker owns the folder.
fn strip(log: &Log) {
    for name in ["audit.jsonl.tree", "audit.jsonl.checkpoint"] {
        fs::remove_file(log.path().with_file_name(name)).unwrap();
    }
}

fn broken_at(log: &Log, kept: &[Checkpoint]) -> Option<u64> {
    match log.verify(kept) {
        Err(AuditError::Broken { entry, .. }) => Some(entry),
        Err(AuditError::Proof(_)) => Some(1),
        Err(other) => panic!("{other}"),
        Ok(_) => None,
    }
}

fn lines(log: &Log) -> Vec<String> {
    fs::read_to_string(log.path()).unwrap().split_inclusive('\n').map(str::to_owned).collect()
}

#[test]
fn whatever_is_changed_inside_shows_at_its_entry() {
    let (_folder, log) = log_with(4);
    let kept = kept(&log);
    strip(&log);
    let lines = lines(&log);
    let text = lines.concat();
    let table = [
        (text.replace("reason 1", "reason 9"), 3),
        (text.replace("reason 3", "reason 9"), 1),
        ([&*lines[0], &lines[2], &lines[3]].concat(), 2),
        ([&*lines[1], &lines[2], &lines[3]].concat(), 1),
        ([&*lines[0], &lines[2], &lines[1], &lines[3]].concat(), 2),
        ([&*lines[0], &lines[0], &lines[1], &lines[2]].concat(), 2),
        (text.replace("}\n", "} \n"), 1),
        (text.replace("{\"action\":\"bypass\",", "{\"action\":\"bypass\",\"action\":\"bypass\","), 1),
        (text.clone() + "{\n", 5),
        (text.clone() + "\n", 5),
        (lines[..3].concat(), 4),
        (String::new(), 1),
    ];
    for (number, (changed, entry)) in table.into_iter().enumerate() {
        fs::write(log.path(), changed).unwrap();
        assert_eq!(broken_at(&log, std::slice::from_ref(&kept)), Some(entry), "change {number}");
    }
}

#[test]
fn entries_cut_off_show_against_what_stands_beside_the_log_too() {
    let (_folder, log) = log_with(4);
    fs::write(log.path(), lines(&log)[..3].concat()).unwrap();
    assert_eq!(broken_at(&log, &[]), Some(4));
    assert!(log.append(act(5), 0).is_err(), "nothing is added to a log that was cut");
    // The tree's file is gone as well: the checkpoint beside the log still tells.
    let (_folder, log) = log_with(4);
    kept(&log);
    fs::write(log.path(), lines(&log)[..3].concat()).unwrap();
    fs::remove_file(log.path().with_file_name("audit.jsonl.tree")).unwrap();
    assert!(log.append(act(5), 0).is_err());
}

#[test]
fn a_log_written_anew_shows_against_checkpoints_kept_elsewhere() {
    let (_folder, log) = log_with(2);
    let early = kept(&log);
    (2..5).for_each(|n| _ = log.append(act(n), 0).unwrap());
    let late = kept(&log);
    let first = lines(&log)[..2].concat();
    strip(&log);
    fs::write(log.path(), first).unwrap();
    (0..9).for_each(|n| _ = log.append(act(n + 100), 0).unwrap());
    assert_eq!(broken_at(&log, &[]), None, "alone it looks whole");
    assert_eq!(broken_at(&log, std::slice::from_ref(&early)), None);
    assert_eq!(broken_at(&log, &[late, early]), Some(3), "written anew after the second entry");
}

#[test]
fn a_checkpoint_of_another_log_does_not_fit() {
    let ((_a, log), (_b, other)) = (log_with(3), log_with(3));
    assert!(log.verify(&[kept(&other)]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_changed_byte_is_found(at in any::<prop::sample::Index>(), byte in any::<u8>(), stripped in any::<bool>()) {
        let (_folder, log) = log_with(5);
        let kept = kept(&log);
        let mut bytes = fs::read(log.path()).unwrap();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != byte);
        bytes[at] = byte;
        fs::write(log.path(), bytes).unwrap();
        if stripped {
            strip(&log);
            prop_assert!(log.verify(&[kept]).is_err());
        } else {
            prop_assert!(log.verify(&[]).is_err(), "the tree beside the log tells");
        }
    }

    #[test]
    fn any_cut_or_lost_or_swapped_line_is_found(cut in any::<prop::sample::Index>(), one in 0usize..5, two in 0usize..5) {
        let (_folder, log) = log_with(5);
        let kept = kept(&log);
        strip(&log);
        let bytes = fs::read(log.path()).unwrap();
        let lines = lines(&log);
        let mut without = lines.clone();
        without.remove(one);
        let mut swapped = lines.clone();
        swapped.swap(one, two);
        let mut changes = vec![bytes[..cut.index(bytes.len())].to_vec(), without.concat().into_bytes()];
        if one != two {
            changes.push(swapped.concat().into_bytes());
        }
        for changed in changes {
            fs::write(log.path(), changed).unwrap();
            let found = log.verify(std::slice::from_ref(&kept)).is_err();
            prop_assert!(found);
        }
    }

    #[test]
    fn no_file_makes_it_panic(log_bytes in any::<Vec<u8>>(), tree in any::<Vec<u8>>(), note in ".{0,200}") {
        let (_folder, log) = log_with(1);
        fs::write(log.path(), log_bytes).unwrap();
        fs::write(log.path().with_file_name("audit.jsonl.tree"), tree).unwrap();
        fs::write(log.checkpoint_path(), note).unwrap();
        let keys = keys(&log);
        let _ = (log.verify(&[]), log.newest_checkpoint(keys.public()), log.append(act(1), 0));
    }
}
