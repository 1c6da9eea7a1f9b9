//! The safe order, when all goes well and when the provider or the user does not.

use super::fakes::{Fake, Fault, KINDS, Kind};
use std::time::Duration;
use stopleak_core::respond::*;

#[test]
fn a_rotation_stores_proves_and_only_then_ends_the_old_value() {
    for kind in KINDS {
        let fake = Fake::new(kind);
        let (report, paper) = fake.run(Action::Rotate);
        assert!(report.halted.is_none(), "{kind:?} {:?}", report.halted);
        assert_eq!(report.outcomes, [Outcome::ConfirmedDead], "{kind:?}");
        assert_eq!(fake.living(), [fake.fields()["password"].clone()], "{kind:?}");
        assert_eq!((&*fake.fields()["user"], &*fake.fields()["note"]), ("app", "keep me"), "{kind:?}");
        assert_eq!(fake.was_safe(), kind != Kind::Atomic, "{kind:?}");
        assert_eq!(fake.has_sessions(), matches!(kind, Kind::TwoKeys | Kind::Atomic), "{kind:?}");
        fake.assert_silent(&paper);
    }
}

#[test]
fn what_is_done_is_done_in_the_order_of_the_plan() {
    let table: [(Kind, &[&str]); 4] = [
        (Kind::TwoKeys, &["write-key", "mint", "write", "disable", "annotate", "write-key", "retire"]),
        (Kind::Atomic, &["write-key", "replace", "write", "annotate", "write-key", "retire"]),
        (Kind::Password, &["write-key", "write", "replace", "end-sessions", "annotate", "write-key", "retire"]),
        (
            Kind::Passwords,
            &["write-key", "mint", "write", "disable", "end-sessions", "annotate", "write-key", "retire"],
        ),
    ];
    for (kind, expected) in table {
        let fake = Fake::new(kind);
        fake.run(Action::Rotate);
        assert_eq!(fake.changes(), expected, "{kind:?}");
    }
}

#[test]
fn contain_first_ends_the_old_value_before_the_new_one_is_made() {
    let mut fake = Fake::new(Kind::TwoKeys);
    fake.wishes.mode = Some(Mode::ContainFirst);
    let (report, _) = fake.run(Action::Rotate);
    assert_eq!(report.outcomes, [Outcome::ConfirmedDead]);
    assert_eq!(fake.changes(), ["disable", "write-key", "mint", "write", "annotate", "write-key", "retire"]);
    assert_eq!(fake.living(), [fake.fields()["password"].clone()]);
}

#[test]
fn accepted_is_asked_about_until_the_provider_refuses_it() {
    let fake = Fake::new(Kind::Atomic).with_delay(100);
    let (report, _) = fake.run(Action::Revoke);
    assert_eq!(report.outcomes, [Outcome::ConfirmedDead]);
    assert!(fake.slept() >= 100, "{}", fake.slept());
    let mut fake = Fake::new(Kind::Atomic).with_delay(3000);
    fake.guard.wait = Duration::from_secs(60);
    let (report, mut paper) = fake.run(Action::Revoke);
    assert!(matches!(&report.outcomes[..], [Outcome::StillLive { .. }]), "{report:?}");
    // Later the same run only asks again.
    fake.guard.wait = Duration::from_secs(4000);
    assert_eq!(fake.go_on(&mut paper).outcomes, [Outcome::ConfirmedDead]);
    assert_eq!(fake.changes().iter().filter(|call| *call == "delete").count(), 1);
}

#[test]
fn what_cannot_be_disabled_is_deleted() {
    let fake = Fake::new(Kind::TwoKeys).fail_always("disable", Fault::Denied);
    let (report, _) = fake.run(Action::Rotate);
    assert_eq!(report.outcomes, [Outcome::ConfirmedDead]);
    assert_eq!(fake.changes(), ["write-key", "mint", "write", "disable", "delete", "annotate", "write-key", "retire"]);
    // Who may not make a key, either, is told so, and nothing else is touched.
    let fake = Fake::new(Kind::TwoKeys).fail_always("mint", Fault::Denied);
    let (report, _) = fake.run(Action::Rotate);
    let [Outcome::Declined { reason }] = &report.outcomes[..] else { panic!("{report:?}") };
    assert!(reason.contains("ask an admin"), "{reason}");
    assert!(fake.is_alive(&fake.old()));
}

#[test]
fn a_new_value_that_does_not_work_is_taken_back() {
    let fake = Fake::new(Kind::TwoKeys).with_dead_values();
    let (report, _) = fake.run(Action::Rotate);
    assert!(matches!(&report.outcomes[..], [Outcome::Declined { .. }]), "{report:?}");
    assert_eq!(fake.fields()["password"], fake.old(), "the old value is in the vault again");
    assert_eq!(fake.living(), [fake.old()]);
}

#[test]
fn limits_hold() {
    let mut fake = Fake::new(Kind::TwoKeys);
    fake.guard.is_killed = true;
    assert!(fake.run(Action::Rotate).0.halted.is_some());
    assert!(fake.changes().is_empty());

    let mut fake = Fake::new(Kind::TwoKeys);
    let file = fake.folder.path().join("stop");
    std::fs::write(&file, "").unwrap();
    fake.guard.kill_switch = Some(file.clone());
    let (report, mut paper) = fake.run(Action::Rotate);
    assert!(report.halted.is_some() && fake.changes().is_empty());
    std::fs::remove_file(&file).unwrap();
    assert_eq!(fake.go_on(&mut paper).outcomes, [Outcome::ConfirmedDead], "it goes on when the switch is off");

    let mut fake = Fake::new(Kind::TwoKeys);
    fake.guard.max_changes = 3;
    let (report, mut paper) = fake.run(Action::Rotate);
    assert!(report.halted.unwrap().to_string().contains("budget of 3"));
    assert_eq!(fake.changes(), ["write-key", "mint", "write"]);
    assert!(fake.go_on(&mut paper).halted.is_some(), "the budget is that of the run, not of the process");
    assert!(fake.is_alive(&fake.old()));

    let mut fake = Fake::new(Kind::TwoKeys);
    fake.guard.accounts = vec!["other".into()];
    assert!(matches!(&fake.run(Action::Revoke).0.outcomes[..], [Outcome::Declined { .. }]));
    assert!(fake.changes().is_empty());
    fake.guard.accounts = vec!["ACME".into()];
    assert_eq!(fake.run(Action::Revoke).0.outcomes, [Outcome::ConfirmedDead]);
}

#[test]
fn no_audit_entry_no_action() {
    for entries in 0..8 {
        let fake = Fake::new(Kind::TwoKeys).without_audit_after(entries);
        let (report, _) = fake.run(Action::Rotate);
        let of_key = 2 * usize::from(fake.changes().contains(&"retire".to_owned()));
        assert!(fake.changes().len() <= entries + of_key, "{entries}: {:?}", fake.changes());
        assert!(report.halted.is_some() || entries >= 6, "{entries} {report:?}");
    }
}

#[test]
fn a_dead_secret_is_left_alone() {
    let fake = Fake::new(Kind::TwoKeys).with_delay(0);
    fake.run(Action::Revoke);
    let before = fake.changes().len();
    assert_eq!(fake.run(Action::Rotate).0.outcomes, [Outcome::ConfirmedDead]);
    assert_eq!(fake.changes().len(), before);
}
