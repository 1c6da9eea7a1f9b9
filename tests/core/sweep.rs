//! Sweeps: the store on both databases, the queue, names under a key, rules that change, logins.

use crate::made;
use std::collections::{BTreeMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use stopleak_core::finding::Doubt;
use stopleak_core::notify::Kind;
use stopleak_core::sweep::git::{Git, GitTrouble};
use stopleak_core::sweep::packs::{Difference, Pack};
use stopleak_core::sweep::queue::{Embedded, End, Queue};
use stopleak_core::sweep::store::{Answer, Claim, Clean, Outcome, Run, Sealed, Seen, Step, Taken};
use stopleak_core::sweep::targets::{Credential, Repo};
use stopleak_core::sweep::{Store, StoreKey};
use stopleak_core::{ObjectId, RuleSet, Secret, Severity, Validity};
use tempfile::TempDir;

mod again;

#[path = "../cli/sweep/servers.rs"]
mod servers;

fn key(digit: char) -> StoreKey {
    StoreKey::parse(&digit.to_string().repeat(64)).unwrap()
}

/// Does something with a store of each kind: `open` opens one more handle of the same.
fn on_both(act: impl Fn(&dyn Fn() -> Store)) {
    let home = TempDir::new().unwrap();
    let file = home.path().join("sweep.db");
    act(&|| Store::in_file(&file, key('a')).unwrap());
    if let Some(server) = servers::postgres(home.path()) {
        let address = format!("postgres://sweep@127.0.0.1:{}/postgres?sslmode=disable", server.port);
        act(&|| Store::on_server(&address, key('a')).unwrap());
    }
}

fn repos(count: usize) -> Vec<Repo> {
    let repo = |number| Repo { key: format!("git.example/r{number}"), size: Some(number as u64), ..Repo::default() };
    (0..count).map(repo).collect()
}

fn enqueued(store: &Store, count: usize) -> Run {
    let run = Run { id: "run".into(), targets: vec!["x".into()], rules: "rules".into() };
    store.begin(&run, 0).unwrap();
    store.enqueue(&run, "x", &repos(count), 0).unwrap();
    store.all_listed(&run, &[]).unwrap();
    run
}

#[test]
fn every_job_is_handed_out_once_whoever_asks() {
    on_both(|open| {
        let first = open();
        enqueued(&first, 60);
        // The plan made twice is one.
        enqueued(&first, 60);
        let stores: Vec<Arc<Store>> = (0..3).map(|_| Arc::new(open())).collect();
        let taken = std::sync::Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for (number, store) in stores.iter().enumerate() {
                let (queue, taken) = (Embedded::new(Arc::clone(store), Duration::from_secs(60)), &taken);
                scope.spawn(move || {
                    while let Some(job) = queue.take(&format!("w{number}")).unwrap() {
                        queue.end(&job, &End::Done(Outcome::Scanned)).unwrap();
                        taken.lock().unwrap().push(job.key);
                    }
                });
            }
        });
        let taken = taken.into_inner().unwrap();
        assert_eq!((taken.len(), taken.iter().collect::<HashSet<_>>().len()), (60, 60));
        assert_eq!(first.counts(None).unwrap().done, 60);
        assert_eq!(first.end_runs(1).unwrap(), ["run"]);
        assert!(first.interrupted(&["x".to_owned()]).unwrap().is_none());
    });
}

#[test]
fn a_holder_that_falls_silent_loses_its_job_and_large_ones_go_first() {
    on_both(|open| {
        let store = open();
        enqueued(&store, 2);
        let large = store.lease("one", 100, 110).unwrap().unwrap();
        assert_eq!(large.key, "git.example/r1");
        let small = store.lease("one", 100, 110).unwrap().unwrap();
        assert_eq!(store.lease("two", 109, 200).unwrap(), None);
        assert!(store.extend(&large.id, "one", 150).unwrap());
        assert_eq!(store.lease_named(&large.id, "two", 120, 200).unwrap(), Taken::Busy(150));
        let again = store.lease("two", 120, 200).unwrap().unwrap();
        assert_eq!((&again.id, again.deliveries), (&small.id, 2));
        assert!(!store.extend(&small.id, "one", 300).unwrap(), "it is another's");
        store.finish(&small.id, Outcome::Unchanged, 500).unwrap();
        assert_eq!(store.lease_named(&small.id, "two", 500, 600).unwrap(), Taken::Ended);
        assert_eq!(store.counts(Some("run")).unwrap().unchanged, 1);
    });
}

#[test]
fn what_is_written_twice_is_there_once() {
    on_both(|open| {
        let store = open();
        enqueued(&store, 2);
        let finding = made::finding(1, vec![made::in_history("a.env", 1, 1, 5)]);
        let seen = Seen::of(std::slice::from_ref(&finding), store.key());
        assert_eq!(seen.len(), 1);
        let step = Step { seen: &seen, ..Step::default() };
        assert_eq!(store.write("git.example/r0", &step, 5).unwrap(), [seen[0].id.clone()]);
        assert!(store.write("git.example/r0", &step, 6).unwrap().is_empty());
        assert!(store.write("git.example/r1", &step, 7).unwrap().is_empty());
        let list = store.findings(10).unwrap();
        assert_eq!((list.len(), list[0].repositories), (1, 2));
        assert_eq!(list[0].places, 2 * seen[0].places.len() as u64);
        assert_eq!(
            (list[0].first_seen.as_str(), list[0].last_seen.as_str()),
            ("1970-01-01T00:00:05Z", "1970-01-01T00:00:07Z")
        );
        let saved = store.export(10, usize::MAX).unwrap();
        assert_eq!((saved.records.len(), saved.records[0].places.len() as u64), (1, list[0].places));
        assert_eq!(saved.records[0].value.redacted(), finding.shown());
        assert!(saved.records[0].value.to_mask().is_none(), "the store does not know the value");
    });
}

#[test]
fn objects_that_hold_nothing_are_remembered_however_many_parts_there_are() {
    on_both(|open| {
        let store = open();
        enqueued(&store, 1);
        let id = |number: u8| ObjectId([number; 20]);
        for number in 0..80 {
            let part = Clean::of([id(number).0[..12].to_vec()]);
            let step = Step { clean: Some(("family", "rules", &part)), ..Step::default() };
            store.write("git.example/r0", &step, 0).unwrap();
        }
        let clean = store.clean(&["family".into(), "other".into()], "rules").unwrap();
        assert_eq!(clean.len(), 80);
        assert!(clean.contains(&id(79)) && !clean.contains(&id(80)));
        assert!(store.clean(&["family".into()], "other rules").unwrap().is_empty());
    });
}

#[test]
fn a_name_tells_nothing_without_the_key() {
    let finding = made::finding(1, vec![made::in_history("a.env", 1, 1, 5)]);
    let (one, other) = (key('a'), key('b'));
    assert_eq!(one.tag(&finding), key('a').tag(&finding));
    assert_ne!(one.tag(&finding), other.tag(&finding));
    assert_ne!(one.check(), other.check());
    assert!(!format!("{one:?}").contains('a'));
    let home = TempDir::new().unwrap();
    let file = home.path().join("sweep.db");
    drop(Store::in_file(&file, key('a')).unwrap());
    assert!(Store::in_file(&file, key('b')).is_err_and(|error| error.to_string().contains("another key")));
    for wrong in ["", "xyz", &"g".repeat(64), &"é".repeat(32)] {
        assert!(StoreKey::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_key_is_made_once_and_kept() {
    let home = TempDir::new().unwrap();
    let file = home.path().join("store.key");
    let made = StoreKey::in_file(&file, |bytes| {
        bytes.fill(7);
        Ok(())
    });
    let read = StoreKey::in_file(&file, |_| panic!("it is there"));
    assert_eq!(made.unwrap().check(), read.unwrap().check());
}

#[test]
fn new_rules_are_told_from_other_words() {
    let embedded = RuleSet::embedded();
    let old = Pack::of(&embedded);
    assert!(matches!(old.difference(&embedded), Difference::Nothing));
    let rules: Vec<_> = embedded.rules().iter().map(|rule| (**rule).clone()).collect();
    let edited = |edit: &dyn Fn(&mut stopleak_core::Rule)| {
        let mut rules = rules.clone();
        let alone = rules.iter_mut().find(|rule| rule.id == "npm.access-token" || rule.id.starts_with("huggingface."));
        edit(alone.unwrap());
        RuleSet::from_rules(rules).unwrap()
    };
    let words = edited(&|rule| rule.help = "Other words.".into());
    assert_eq!(Pack::of(&words).digest, old.digest);
    let changed = edited(&|rule| rule.confidence = 0.51);
    match old.difference(&changed) {
        Difference::Only(set) => assert_eq!(set.rules().len(), 1),
        other => panic!("{other:?}"),
    }
    let other = Pack { rules: BTreeMap::from([(String::new(), "stopleak 0.0.0".into())]), ..old };
    assert!(matches!(other.difference(&embedded), Difference::Everything(_)));
    assert_eq!(made::rule("acme.key", Severity::High).id, "acme.key");
}

#[test]
fn a_login_reaches_git_and_its_own_host_alone() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut login = None;
            for line in BufReader::new(stream.try_clone().unwrap()).lines() {
                let line = line.unwrap_or_default();
                login = line.strip_prefix("Authorization: ").map(str::to_owned).or(login);
                if line.is_empty() {
                    break;
                }
            }
            let status = if login.is_some() {
                "404 Not Found"
            } else {
                "401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\""
            };
            let _ = sender.send(login);
            let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    let place = format!("http://{address}");
    let login = move |_: &str| {
        Ok(Some(Credential { place: place.clone(), user: "someone".into(), password: Secret::new(b"word") }))
    };
    let git = Git::new(Arc::new(login), Arc::new(AtomicBool::new(false)), Duration::from_secs(30));
    let trouble = git.list(&format!("http://{address}/a.git")).unwrap_err();
    assert!(matches!(&trouble, GitTrouble::Said(said) if said.contains("not found")), "{trouble}");
    let said: Vec<Option<String>> = heard.try_iter().collect();
    // base64 of `someone:word`
    assert_eq!(said, [None, Some("Basic c29tZW9uZTp3b3Jk".into())]);
    assert_eq!(git.calls(), (1, 0));
}

#[test]
fn git_is_stopped_when_the_sweep_is() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let git = Git::new(Arc::new(|_: &str| Ok(None)), Arc::clone(&stop), Duration::from_secs(30));
    let late = Git::new(Arc::new(|_: &str| Ok(None)), Arc::default(), Duration::from_millis(200));
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    let url = format!("http://{address}/a.git");
    assert!(matches!(git.list(&url), Err(GitTrouble::Stopped)));
    assert!(matches!(late.list(&url), Err(GitTrouble::Late(_))));
    drop(listener);
}

#[test]
fn a_question_is_asked_by_one_and_its_answer_is_everybodys() {
    on_both(|open| {
        let (store, other) = (open(), open());
        let ids = ["f1".to_owned()];
        let claim = |store: &Store, run: &str, job: &str, now: i64, until: i64| {
            store.claim((run, job), &ids, now, until).unwrap().remove(0)
        };
        assert_eq!(claim(&store, "run", "j1", 10, 100), Claim::Ours);
        assert_eq!(claim(&other, "run", "j2", 20, 100), Claim::Others);
        assert_eq!(claim(&other, "run", "j1", 30, 200), Claim::Ours, "the same job, done again");
        assert_eq!(claim(&store, "run", "j2", 201, 300), Claim::Ours, "the first fell silent");
        let identity = vec![("account".to_owned(), "a".to_owned())];
        let answer = Answer { validity: Validity::Active { identity, scopes: Some("read".into()) }, asked: 40 };
        store.answered("run", &[("f1".into(), Some(answer.clone()))]).unwrap();
        assert_eq!(claim(&other, "run", "j3", 500, 600), Claim::Answered(answer));
        assert_eq!(claim(&other, "next", "j3", 500, 600), Claim::Ours, "another run asks anew");
        let unasked = Answer { validity: Validity::unknown(Doubt::Incomplete, "no id"), asked: 50 };
        other.answered("next", &[("f1".into(), Some(unasked))]).unwrap();
        assert_eq!(claim(&store, "next", "j4", 500, 600), Claim::Ours, "where more is known it can be asked");
    });
}

#[test]
fn answers_change_what_is_known_and_alerts_wait_for_each_receiver() {
    on_both(|open| {
        let (store, other) = (open(), open());
        enqueued(&store, 2);
        store.receivers(&["ops".to_owned(), "siem".to_owned()], 0).unwrap();
        let mut seen = Seen::of(&[made::finding(1, vec![made::in_history("a.env", 1, 1, 5)])], store.key());
        let id = seen[0].id.clone();
        let said = |validity: Validity, asked: i64| Answer { validity, asked };
        let active = || Validity::Active { identity: Vec::new(), scopes: None };
        seen[0].answer = Some(said(active(), 10));
        seen[0].sealed = Some(Sealed { bytes: vec![1, 2], by: "k".into(), sets: 1 });
        for _ in 0..2 {
            store.write("git.example/r0", &Step { seen: &seen, run: "run", ..Step::default() }, 10).unwrap();
        }
        let apply = |validity, at| store.apply("run", &[(id.clone(), said(validity, at))], at).unwrap();
        let list = || store.findings(50).unwrap().remove(0);
        assert_eq!(store.kept("", 9, 10).unwrap()[0].sealed, seen[0].sealed.clone().unwrap());
        assert_eq!((list().validity.as_str(), list().is_kept, list().died), ("active", true, None));
        apply(Validity::Inactive, 20);
        assert_eq!((list().validity, list().died.unwrap()), ("inactive".into(), "1970-01-01T00:00:20Z".into()));
        apply(Validity::unknown(Doubt::Timeout, "slow"), 30);
        let stands = list();
        assert_eq!((stands.validity.as_str(), stands.unanswered.as_deref()), ("inactive", Some("timeout")));
        assert_eq!(stands.asked.as_deref(), Some("1970-01-01T00:00:20Z"));
        apply(active(), 40);
        assert_eq!((list().unanswered, list().died), (None, None));
        // Overdue is told once.
        store.overdue(&[("critical", 5)], "run", 50).unwrap();
        store.overdue(&[("critical", 5), ("low", 5)], "run", 60).unwrap();
        let kinds = |store: &Store, name: &str| -> Vec<Kind> {
            store.pending(name, 50).unwrap().iter().map(|pending| pending.kind).collect()
        };
        let all = [Kind::NewlyActive, Kind::NewlyActive, Kind::Overdue];
        assert_eq!((kinds(&store, "ops"), kinds(&other, "siem")), (all.to_vec(), all.to_vec()));
        assert!(store.pending("ops", 50).unwrap().iter().all(|pending| !pending.is_over));
        assert!(
            store.hold_receiver("ops", "a", 50, 100).unwrap() && !other.hold_receiver("ops", "b", 60, 200).unwrap()
        );
        assert!(other.hold_receiver("ops", "b", 100, 200).unwrap(), "the first fell silent");
        other.free_receiver("ops", "b").unwrap();
        let waiting = store.pending("ops", 50).unwrap();
        let alerts: Vec<&str> = waiting.iter().take(2).map(|pending| pending.id.as_str()).collect();
        for _ in 0..2 {
            store.told("ops", &alerts, Some(("run", Kind::NewlyActive))).unwrap();
        }
        assert_eq!((kinds(&other, "ops"), kinds(&other, "siem").len()), (vec![Kind::Overdue], 3));
        assert_eq!(store.sent("ops").unwrap()[&("run".to_owned(), "newly-active".to_owned())], 2);
        let about = store.about(&id, 5).unwrap().unwrap();
        assert_eq!((about.validity.0.as_str(), about.places.len()), ("active", 1));
        let export = store.export(50, usize::MAX).unwrap();
        assert_eq!(export.records[0].validity, "active");
    });
}
