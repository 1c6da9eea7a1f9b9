//! The process ends at every record of the journal, before it is written and right after, and the run is taken up again.

use super::fakes::{Fake, KINDS, Kind, Paper};
use stopleak_core::respond::*;

/// After whatever happened: nothing is lost, nothing is left over, nothing shows.
pub fn assert_whole(fake: &Fake, paper: &Paper, name: &str) {
    fake.assert_silent(paper);
    let stored = fake.fields()["password"].clone();
    // Until the end the old value is in the entry's version before.
    let works =
        [Some(stored), fake.sealed(), Some(fake.old())].into_iter().flatten().any(|value| fake.is_alive(&value));
    assert!(works, "{name}: none works");
    assert!(fake.kind == Kind::Atomic || fake.was_safe(), "{name}: the old value ended before the new was stored");
    assert!(!fake.family_revoked(), "{name}: it was rotated twice");
    let took = |what: &str| fake.log().iter().filter(|call| call.what == what && call.took).count();
    assert!(took("replace") <= 1 || fake.kind == Kind::Password, "{name}: replaced {} times", took("replace"));
    if fake.kind == Kind::TwoKeys {
        assert!(took("mint") <= took("discard") + 1, "{name}: {} keys were made", took("mint"));
    }
}

fn crash(kind: Kind, action: Action, deaths: &[(usize, bool)]) -> bool {
    let name = format!("{kind:?} {action:?} {deaths:?}");
    let fake = Fake::new(kind);
    let mut paper = Paper::new(&fake.plan(action)).dying(deaths[0].0, deaths[0].1);
    let mut did_die = fake.go_on(&mut paper).halted.is_some();
    let first = did_die;
    for death in deaths[1..].iter().copied().map(Some).chain([None]) {
        if !did_die {
            break;
        }
        assert_whole(&fake, &paper, &name);
        paper.revive(death);
        did_die = fake.go_on(&mut paper).halted.is_some();
    }
    let report = fake.go_on(&mut paper);
    assert_whole(&fake, &paper, &name);
    let outcome = &report.outcomes[0];
    // A request that is never sent twice is not sent by a resumption, either, when nobody knows whether it was sent.
    let may_stop = kind == Kind::Atomic && action == Action::Rotate && matches!(outcome, Outcome::StillLive { .. });
    assert!(*outcome == Outcome::ConfirmedDead || may_stop, "{name}: {outcome:?}");
    if *outcome == Outcome::ConfirmedDead {
        let living = fake.living();
        let expected = if action == Action::Rotate { vec![fake.fields()["password"].clone()] } else { Vec::new() };
        assert_eq!(living, expected, "{name}");
    }
    first
}

#[test]
fn a_run_that_ended_at_any_record_is_taken_up_again() {
    for kind in KINDS {
        for at in 0.. {
            let died = [false, true].map(|is_written| crash(kind, Action::Rotate, &[(at, is_written)]));
            if died == [false, false] {
                assert!(at > 10, "{kind:?} wrote {at} records");
                break;
            }
        }
    }
    for at in 0..8 {
        _ = crash_revocation(at);
    }
}

fn crash_revocation(at: usize) -> bool {
    [Kind::TwoKeys, Kind::Atomic, Kind::Passwords].into_iter().any(|kind| {
        let fake = Fake::new(kind);
        let mut paper = Paper::new(&fake.plan(Action::Revoke)).dying(at, at.is_multiple_of(2));
        let died = fake.go_on(&mut paper).halted.is_some();
        paper.revive(None);
        let report = fake.go_on(&mut paper);
        assert_eq!(report.outcomes, [Outcome::ConfirmedDead], "{kind:?} {at}");
        fake.assert_silent(&paper);
        died
    })
}

#[test]
fn a_run_may_end_twice() {
    for kind in [Kind::TwoKeys, Kind::Password] {
        for first in 0..16 {
            for second in 0..8 {
                crash(kind, Action::Rotate, &[(first, second % 2 == 0), (second, first % 2 == 0)]);
            }
        }
    }
}
