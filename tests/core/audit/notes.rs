//! Checkpoints and proofs that leave the machine.

use super::{act, keys, log_with};
use stopleak_core::audit::{Checkpoint, Proof, PublicKey};

/// The example of the signed-note specification.
const NOTE: &str = "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
const CHECKER: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

#[test]
fn the_specifications_own_note_opens() {
    let key = PublicKey::parse(CHECKER).unwrap();
    assert_eq!(key.to_string(), CHECKER);
    assert_eq!(key.open(NOTE).unwrap(), "This is an example message.\n");
    for (from, to) in [
        ("example m", "Example m"),
        ("foo Uw2", "bar Uw2"),
        ("Uw2QOkn8", "Uw2QOkn9"),
        ("\n— ", "\n- "),
        ("aQM=\n", "aQM="),
    ] {
        assert!(key.open(&NOTE.replace(from, to)).is_err(), "{from}");
    }
    assert!(PublicKey::parse(&CHECKER.replace("530d", "530e")).is_err());
}

#[test]
fn another_signature_beside_it_does_no_harm() {
    let key = PublicKey::parse(CHECKER).unwrap();
    let witness = "— witness.example/w AAAAAAECAwQFBgcICQ==\n";
    assert!(key.open(&format!("{NOTE}{witness}")).is_ok());
    assert!(key.open(&format!("{NOTE}not a signature\n")).is_err());
}

#[test]
fn a_checkpoint_is_signed_text() {
    let (_folder, log) = log_with(3);
    let keys = keys(&log);
    let (checkpoint, note) = log.checkpoint(&keys).unwrap().unwrap();
    let lines: Vec<&str> = note.lines().collect();
    assert!(lines[0].starts_with("stopleak-audit/") && lines[1] == "3" && lines[3].is_empty(), "{note}");
    assert!(lines[4].starts_with(&format!("— {} ", keys.public().name())), "{note}");
    assert_eq!(Checkpoint::open(&note, keys.public()).unwrap(), checkpoint);
    assert_eq!(log.newest_checkpoint(keys.public()).unwrap().unwrap(), checkpoint);
    assert!(Checkpoint::open(&note.replace("\n3\n", "\n4\n"), keys.public()).is_err());
    let key = PublicKey::parse(&keys.public().to_string()).unwrap();
    assert_eq!(&key, keys.public());
}

#[test]
fn proofs_are_checked_without_the_log() {
    let (_folder, log) = log_with(5);
    let keys = keys(&log);
    let (old, _) = log.checkpoint(&keys).unwrap().unwrap();
    (0..6).for_each(|n| _ = log.append(act(n), 1).unwrap());
    let (new, _) = log.checkpoint(&keys).unwrap().unwrap();
    let proof = log.prove_inclusion(4, Some(5)).unwrap();
    let text = serde_json::to_string(&proof).unwrap();
    drop(log);
    let proof: Proof = serde_json::from_str(&text).unwrap();
    proof.check(std::slice::from_ref(&old)).unwrap();
    assert!(proof.check(std::slice::from_ref(&new)).unwrap_err().to_string().contains("checkpoint of 5"));
    let forged: Proof = serde_json::from_str(&text.replace("reason 3", "reason 4")).unwrap();
    assert!(forged.check(&[old]).is_err());
}

#[test]
fn a_later_log_is_proved_to_go_on_from_an_earlier_one() {
    let (_folder, log) = log_with(5);
    let keys = keys(&log);
    let (old, _) = log.checkpoint(&keys).unwrap().unwrap();
    log.append(act(9), 1).unwrap();
    let (new, _) = log.checkpoint(&keys).unwrap().unwrap();
    let proof = log.prove_consistency(5, None).unwrap();
    proof.check(&[old.clone(), new.clone()]).unwrap();
    assert!(proof.check(&[Checkpoint { root: [7; 32], ..old }, new]).is_err());
    assert!(log.prove_consistency(7, None).is_err() && log.prove_inclusion(0, None).is_err());
    assert!(log.prove_inclusion(1, Some(99)).is_err());
}
