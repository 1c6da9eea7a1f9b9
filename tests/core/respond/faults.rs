//! Every call goes wrong in every way.

use super::crash::assert_whole;
use super::fakes::{Fake, Fault, KINDS, Kind};
use stopleak_core::respond::*;

const FAULTS: [Fault; 4] = [Fault::LostRequest, Fault::LostAnswer, Fault::Limited, Fault::Denied];

/// Whatever happened, the old value is dead only if a stored one works, and what is said is true.
fn assert_honest(fake: &Fake, outcome: &Outcome, name: &str) {
    let stored = fake.fields()["password"].clone();
    match outcome {
        Outcome::ConfirmedDead => {
            assert!(!fake.is_alive(&fake.old()), "{name}: it lives");
            assert!(fake.is_alive(&stored) && stored != fake.old(), "{name}: the vault's value is dead");
            assert_eq!(fake.lasting(), [stored], "{name}: something is left over");
        }
        Outcome::Declined { .. } => {
            assert_eq!(stored, fake.old(), "{name}");
            assert_eq!(fake.lasting(), [fake.old()], "{name}: something is left over");
        }
        _ => {}
    }
}

#[test]
fn every_call_fails_once_in_every_way() {
    for kind in KINDS {
        let calls = {
            let fake = Fake::new(kind);
            fake.run(Action::Rotate);
            fake.log()
        };
        for (at, call) in calls.iter().enumerate() {
            for fault in FAULTS {
                let name = format!("{kind:?}, call {at} ({}), {fault:?}", call.what);
                let fake = Fake::new(kind).fail(at, fault);
                let (report, mut paper) = fake.run(Action::Rotate);
                assert!(report.halted.is_none(), "{name}: {:?}", report.halted);
                let lost = kind == Kind::Atomic && call.what == "replace" && fault == Fault::LostAnswer;
                if lost {
                    // The one case that cannot be mended: the provider's only answer with the value is gone, and so it is said.
                    assert!(matches!(&report.outcomes[0], Outcome::Unknown { .. }), "{name}: {report:?}");
                    assert!(!fake.family_revoked());
                    continue;
                }
                assert_whole(&fake, &paper, &name);
                assert_honest(&fake, &report.outcomes[0], &name);
                // Taken up again, it comes to an end, unless the request is one that is never sent twice.
                let report = fake.go_on(&mut paper);
                assert_whole(&fake, &paper, &name);
                assert_honest(&fake, &report.outcomes[0], &name);
                let once = kind == Kind::Atomic && call.what == "replace";
                assert!(report.outcomes[0].is_final() || once, "{name}: {report:?}");
            }
        }
    }
}

#[test]
fn every_call_of_a_kind_fails_for_good() {
    for kind in KINDS {
        let names: std::collections::BTreeSet<String> = {
            let fake = Fake::new(kind);
            fake.run(Action::Rotate);
            fake.log().into_iter().map(|call| call.what).collect()
        };
        for what in &names {
            for fault in FAULTS {
                let name = format!("{kind:?}, every {what}, {fault:?}");
                if kind == Kind::Atomic && what == "replace" && fault == Fault::LostAnswer {
                    continue;
                }
                let fake = Fake::new(kind).fail_always(what, fault);
                let (report, mut paper) = fake.run(Action::Rotate);
                assert_whole(&fake, &paper, &name);
                if !matches!(fault, Fault::LostAnswer) || what != "verify" {
                    assert_honest(&fake, &report.outcomes[0], &name);
                }
                fake.mend();
                let report = fake.go_on(&mut paper);
                assert_whole(&fake, &paper, &name);
                assert_honest(&fake, &report.outcomes[0], &name);
            }
        }
    }
}

#[test]
fn the_vault_is_sealed_at_every_moment() {
    for kind in KINDS {
        for written in 0..20 {
            let fake = Fake::new(kind);
            let mut paper = super::fakes::Paper::new(&fake.plan(Action::Rotate)).dying(written, true);
            fake.go_on(&mut paper);
            fake.seal_vault();
            paper.revive(None);
            let name = format!("{kind:?}, sealed after {written} records");
            fake.go_on(&mut paper);
            assert!(kind == Kind::Atomic || fake.was_safe(), "{name}");
            fake.mend();
            let report = fake.go_on(&mut paper);
            assert_whole(&fake, &paper, &name);
            assert_honest(&fake, &report.outcomes[0], &name);
        }
    }
}

#[test]
fn somebody_else_writes_the_entry_at_every_moment() {
    for kind in KINDS {
        let calls = {
            let fake = Fake::new(kind);
            fake.run(Action::Rotate);
            fake.log().len()
        };
        for at in 0..calls {
            for field in ["note", "password"] {
                let name = format!("{kind:?}, {field} written before call {at}");
                let fake = Fake::new(kind).meddle(at, field);
                let (report, paper) = fake.run(Action::Rotate);
                fake.assert_silent(&paper);
                let living = fake.lasting();
                let (stored, sealed) = (fake.fields()["password"].clone(), fake.sealed());
                // Either ours is stored, or the old one lives, or (one request did both) the new one is kept sealed.
                let is_kept = |value: &String| {
                    *value == fake.old() || *value == stored || sealed.as_ref() == Some(value) || field == "password"
                };
                assert!(living.iter().all(is_kept), "{name}: {living:?} {report:?}");
                if field == "note" {
                    assert_eq!(report.outcomes, [Outcome::ConfirmedDead], "{name}");
                    assert_eq!(fake.fields()["note"], "somebody else's", "{name}: their write is lost");
                }
                if stored == "somebody else's" {
                    assert!(kind != Kind::TwoKeys || living.len() <= 1, "{name}: {living:?} {report:?}");
                }
            }
        }
    }
}
