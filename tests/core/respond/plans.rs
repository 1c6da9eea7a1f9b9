//! Plans: made without a question, shown as they are carried out.

use super::fakes::{Fake, Kind};
use stopleak_core::respond::plan::{self, Wishes};
use stopleak_core::respond::*;

#[test]
fn a_plan_asks_nobody_and_says_what_will_be_done() {
    let fake = Fake::new(Kind::TwoKeys);
    let plan = fake.plan(Action::Rotate);
    assert!(fake.log().is_empty());
    let acts: Vec<&str> = plan.tasks[0].steps.iter().map(|step| step.act.as_str()).collect();
    let expected = ["check", "preflight", "bind", "escrow", "mint", "store", "prove", "disable", "confirm", "note"];
    assert_eq!(acts, expected);
    assert_eq!(plan.changes(), 5);
    let read: Plan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
    assert_eq!(read, plan);
    let text = plan.to_text();
    assert!(text.contains("write team/app#password") && text.contains("if denied: delete"), "{text}");
    assert!(!text.contains(&fake.old()));
}

#[test]
fn what_is_not_clear_is_not_done() {
    let place =
        |path: &str, is_current| Place { path: path.into(), version: "1".into(), field: "password".into(), is_current };
    let wishes = |entry: Option<&str>| Wishes {
        has_vault: true,
        entries: entry.map(str::to_owned).into_iter().collect(),
        ..Wishes::default()
    };
    let two = vec![place("a", true), place("b", true)];
    let table = [
        (vec![], wishes(None), "unvaulted"),
        (two.clone(), wishes(None), "2 fields of the vault hold it (a#password, b#password)"),
        (two.clone(), wishes(Some("b")), ""),
        (two, wishes(Some("a#password")), ""),
        (vec![place("a", false)], wishes(None), "only old versions of a hold it"),
        (vec![place("a", true), place("a", false)], wishes(None), ""),
        (vec![place("a", true)], Wishes::default(), "no vault is named"),
        (vec![place("a", true)], Wishes { mode: Some(Mode::Atomic), ..wishes(None) }, "--mode rotate-first"),
    ];
    for (places, wishes, expected) in table {
        let fake = Fake::new(Kind::TwoKeys);
        let target = Target { places, ..fake.target() };
        let plan = plan::make("r".into(), Action::Rotate, &[target], &[&fake], &wishes);
        let blocked = plan.tasks[0].blocked.clone().unwrap_or_default();
        assert!(blocked.contains(expected) && blocked.is_empty() == expected.is_empty(), "{blocked}");
    }
    let fake = Fake::new(Kind::Atomic);
    let plan =
        |mode| plan::make("r".into(), Action::Rotate, &[fake.target()], &[&fake], &Wishes { mode, ..wishes(None) });
    assert_eq!(plan(None).tasks[0].mode, Some(Mode::Atomic));
    assert!(plan(Some(Mode::RotateFirst)).tasks[0].blocked.is_some());
    assert!(plan(Some(Mode::ContainFirst)).tasks[0].blocked.is_some());
}

#[test]
fn a_journal_on_the_disk_is_read_back_and_a_torn_line_forgotten() {
    let fake = Fake::new(Kind::TwoKeys);
    let plan = fake.plan(Action::Revoke);
    let folder = fake.folder.path().join("runs");
    let mut journal = Journal::begin(&folder, &plan).unwrap();
    let record = journal::Record::Abandoned { reason: "by hand".into() };
    journal.append(&record).unwrap();
    assert!(Journal::begin(&folder, &plan).is_err(), "a run begins once");
    let held = Journal::resume(&folder, "run-1");
    assert!(matches!(held, Err(journal::JournalError::Held(_))), "one process at a time");
    let path = journal.path().to_owned();
    drop(journal);
    let mut text = std::fs::read(&path).unwrap();
    text.extend_from_slice(b"{\"number\":3,\"ti");
    std::fs::write(&path, &text).unwrap();
    let (mut journal, records) = Journal::resume(&folder, "run-1").unwrap();
    assert_eq!((records.len(), &records[1].1), (2, &record));
    journal.append(&record).unwrap();
    assert_eq!(Journal::read(&folder, "run-1").unwrap().len(), 3);
    assert_eq!(Journal::runs(&folder), ["run-1"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&folder)), (0o600, 0o700));
    }
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"number\":2", "\"number\":7")).unwrap();
    assert!(Journal::read(&folder, "run-1").is_err());
}

#[test]
fn a_named_entry_is_searched_for_the_value() {
    let fake = Fake::new(Kind::TwoKeys);
    let secret = fake.target().secret;
    let found = places_in(&fake, "team/app", &secret).unwrap();
    assert_eq!(found, fake.target().places);
    assert_eq!(places_in(&fake, "team/app#password", &secret).unwrap(), found);
    assert!(places_in(&fake, "team/app#user", &secret).unwrap().is_empty());
    assert!(places_in(&fake, "no/such", &secret).is_err());
}
