//! The keyed index: what it tells without its key, and what is found with it.

use super::hashicorp::Fake;
use super::{fields, made};
use crate::encode::ENCODERS;
use std::io::Cursor;
use std::ops::Range;
use std::sync::Arc;
use stopleak_core::blob::Origin;
use stopleak_core::detect::{Candidate, Engine, Judge, State, Worker};
use stopleak_core::finding::Finding;
use stopleak_core::rule::Rule;
use stopleak_core::rule::example::Random;
use stopleak_core::scan::{Gate, Mask, scan_bytes, scan_reader};
use stopleak_core::source::git::objects::Operation;
use stopleak_core::vault::index::{Filter, Source, ensure_key, gather, write};
use stopleak_core::vault::status::{Found, Wanted, drift};
use stopleak_core::vault::{Vault, VaultError, Version};
use stopleak_core::vaulted::{self, About, IndexError, Key, Known, Place};
use stopleak_core::{RuleSet, Secret};

fn key(seed: u8) -> Key {
    Key::of(&[seed; 32]).unwrap()
}

fn place(entry: &str, version: &str, current: bool) -> Place {
    Place { vault: "prod".into(), entry: entry.into(), field: "password".into(), version: version.into(), current }
}

fn known(value: &str, entry: &str) -> Known {
    Known { value: Secret::new(value.as_bytes()), is_word: false, place: place(entry, "1", true) }
}

fn index(values: Vec<Known>) -> String {
    vaulted::write(&key(1), [7; 16], values, About::default())
}

fn engine(values: Vec<Known>) -> Engine {
    let values = vaulted::read(&index(values), &key(1)).unwrap();
    Engine::new(RuleSet::embedded().with_vaulted(Arc::new(values)))
}

fn found(engine: &Engine, text: &[u8]) -> Vec<Finding> {
    scan_bytes(engine, text, Origin::Stdin).0.into_iter().filter(|finding| !finding.vaulted.is_empty()).collect()
}

/// Values of no form: words with signs between.
const ODD: [&str; 4] = ["blue;horse!7", "Correct horse battery", "(tea) for <two>", "\u{e4}\u{f6}\u{fc}-\u{df}123"];

#[test]
fn an_index_tells_nothing_without_its_key() {
    let values = ["one-value-here-1", "one-value-here-1", "another-value-2"];
    let entries = ["app/a", "app/b", "app/c"];
    let text = index(values.iter().zip(entries).map(|(value, entry)| known(value, entry)).collect());
    assert!(entries.iter().all(|entry| text.contains(entry)), "paths can be read");
    assert!(values.iter().all(|value| !text.contains(value)));
    // Two entries with one value look as different as any: not even that can be told.
    let sealed: Vec<&str> = text.lines().filter_map(|line| line.split("\"sealed\":\"").nth(1)).collect();
    let shared = |a: &str, b: &str| a.bytes().zip(b.bytes()).filter(|(a, b)| a == b).count();
    assert_eq!(sealed.len(), 3);
    assert!(shared(sealed[0], sealed[1]) < 12, "{sealed:?}");
    assert!(matches!(vaulted::read(&text, &key(2)), Err(IndexError::Key { .. })));
    let without_last = text.lines().take(4).map(|line| format!("{line}\n")).collect::<String>();
    let less = text.lines().filter(|line| !line.contains("app/b")).map(|line| format!("{line}\n")).collect::<String>();
    let changed = text.replace("app/a", "app/x");
    for damaged in [without_last, less, changed] {
        assert!(matches!(vaulted::read(&damaged, &key(1)), Err(IndexError::Damaged(_))));
    }
    for foreign in ["", "{}", "{\"type\":\"finding\"}\n"] {
        assert!(matches!(vaulted::read(foreign, &key(1)), Err(IndexError::Foreign)));
    }
    assert_eq!(vaulted::read(&index(Vec::new()), &key(1)).unwrap().len(), 0);
    let (findings, _) = scan_bytes(&Engine::new(RuleSet::embedded()), text.as_bytes(), Origin::Stdin);
    assert!(findings.iter().all(|finding| finding.confidence.0 < 0.5), "an index is no finding: {findings:?}");
}

#[test]
fn values_that_match_no_rule_are_found_wherever_they_stand() {
    for value in ODD {
        let engine = engine(vec![known(value, "app/odd")]);
        let surroundings =
            [("", ""), ("x = \"", "\"\n"), ("abc", "def"), ("line\n", "\nline\n"), ("http://h/?q=", "&r=1")];
        for (before, after) in surroundings {
            let text = format!("{before}{value}{after}");
            let found = found(&engine, text.as_bytes());
            assert_eq!(found.len(), 1, "{text:?}");
            assert_eq!((found[0].rule.id.as_str(), found[0].confidence.0), ("vault.value", 1.0), "{text:?}");
            assert_eq!(found[0].secret.expose(), value.as_bytes());
            assert_eq!(found[0].vaulted, [place("app/odd", "1", true)]);
        }
        assert!(found(&engine, b"nothing of the kind; blue;horse!8 Correct horse batter").is_empty());
    }
}

#[test]
fn what_may_be_guessed_counts_as_a_word_only() {
    let word = Known { is_word: true, ..known("Summer-2026", "app/word") };
    let engine = engine(vec![word]);
    for (text, expected) in
        [("Summer-2026", 1), ("(Summer-2026)", 1), ("aSummer-2026", 0), ("Summer-20267", 0), ("Summer-2026_x", 0)]
    {
        assert_eq!(found(&engine, text.as_bytes()).len(), expected, "{text}");
    }
}

#[test]
fn encoded_values_are_found_with_the_way_to_them() {
    let value = "blue;horse!7-of-the-night";
    let engine = engine(vec![known(value, "app/odd")]);
    let mut missed = Vec::new();
    for (name, encode) in ENCODERS {
        let text = format!("config: {}\n", encode(&format!("login with {value} today")));
        if found(&engine, text.as_bytes()).is_empty() {
            missed.push(name);
        }
    }
    assert!(missed.is_empty(), "{missed:?}");
    let wide: Vec<u8> = format!("\u{feff}a {value} b\n").encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(found(&engine, &wide).len(), 1);
}

#[test]
fn a_stream_gives_what_the_whole_gives() {
    let engine = engine(ODD.iter().zip(["a", "b", "c", "d"]).map(|(value, entry)| known(value, entry)).collect());
    let mut text = String::new();
    let mut random = Random::new(3);
    for _ in 0..400 {
        match random.below(4) {
            0 => text.push_str(ODD[random.below(4)]),
            1 => text.push_str(&format!("password = \"{}\"\n", made(random.draw()))),
            _ => text.push_str("let total = items.len() + 1; // nothing here\n"),
        }
    }
    let shown = |findings: Vec<Finding>| -> Vec<String> {
        let one = |f: &Finding| {
            format!(
                "{} {} {:?}",
                f.rule.id,
                f.fingerprint,
                f.occurrences.iter().map(|o| o.position).collect::<Vec<_>>()
            )
        };
        findings.iter().map(one).collect()
    };
    let whole = shown(scan_bytes(&engine, text.as_bytes(), Origin::Stdin).0);
    assert!(whole.iter().filter(|line| line.starts_with("vault.value")).count() == 4, "{whole:?}");
    for block in [1 << 16, 70_001] {
        let mut reader = Cursor::new(text.as_bytes());
        assert_eq!(shown(scan_reader(&engine, &mut reader, block, Origin::Stdin).0), whole, "{block}");
    }
}

/// Says that everything is as likely.
struct Even;

impl Judge for Even {
    fn judge(&mut self, _: &[u8], _: &Rule, candidate: &Candidate) -> (f32, Range<usize>) {
        (1.0, candidate.secret())
    }
}

#[test]
fn a_change_gives_what_the_whole_gives() {
    let word = Known { is_word: true, ..known("Summer-2026", "app/word") };
    let mut values: Vec<Known> = ODD.iter().map(|value| known(value, "x")).collect();
    values.push(word);
    let engine = engine(values);
    let mut random = Random::new(5);
    let pieces: Vec<&str> = ODD
        .into_iter()
        .chain(["Summer-2026", "Summer", "-2026", "a", " ", "\n", "blue;horse", "!7", "let x = 1;\n"])
        .collect();
    let text = |random: &mut Random, count: usize| -> Vec<u8> {
        (0..count).flat_map(|_| pieces[random.below(pieces.len())].bytes()).collect()
    };
    let (mut worker, mut found) = (Worker::new(&engine, Even), 0);
    for round in 0..2_000 {
        let count = 3 + random.below(20);
        let base = text(&mut random, count);
        let (mut bytes, mut operations) = (Vec::new(), Vec::new());
        for _ in 0..1 + random.below(5) {
            let to = bytes.len() as u32;
            if random.below(3) == 0 {
                let insert = text(&mut random, 2);
                operations.push(Operation::Insert { to, len: insert.len() as u32 });
                bytes.extend_from_slice(&insert);
            } else {
                let from = random.below(base.len());
                let len = 1 + random.below(base.len() - from);
                operations.push(Operation::Copy { from: from as u32, to, len: len as u32 });
                bytes.extend_from_slice(&base[from..from + len]);
            }
        }
        let (mut known, mut derived, mut whole) = (State::default(), State::default(), State::default());
        worker.scan(&base, &mut known);
        worker.scan_derived(&bytes, &operations, &known, base.len(), &mut derived);
        worker.scan(&bytes, &mut whole);
        let sorted = |state: &State| {
            let mut all = state.candidates().to_vec();
            all.sort_by_key(|candidate| (candidate.start, candidate.end, candidate.rule));
            all.dedup();
            all
        };
        assert_eq!(sorted(&derived), sorted(&whole), "round {round}: {:?}", String::from_utf8_lossy(&bytes));
        found += whole.candidates().len();
    }
    assert!(found > 1_000, "{found}");
}

#[test]
fn a_stream_is_masked_wherever_it_pauses() {
    for value in [ODD[0], ODD[3], "with-signs:and/more.of_them"] {
        let engine = engine(vec![known(value, "app/odd")]);
        let text = format!("before {value} after\n");
        for cut in 0..text.len() {
            let (mut mask, mut out) = (Mask::new(&engine, Gate::default()), Vec::new());
            mask.write(&text.as_bytes()[..cut], &mut out);
            mask.pause(&mut out);
            mask.write(&text.as_bytes()[cut..], &mut out);
            mask.finish(&mut out);
            assert_eq!(
                String::from_utf8(out).unwrap(),
                "before [stopleak:vault.value] after\n",
                "{value} cut at {cut}"
            );
        }
    }
}

#[test]
fn a_rules_own_finding_is_marked_and_told_once() {
    let token = crate::made::token(9);
    let engine = engine(vec![
        Known { place: place("app/hub", "2", false), ..known(&token, "") },
        Known { place: place("app/copy", "1", true), ..known(&token, "") },
    ]);
    let findings = scan_bytes(&engine, format!("HF_TOKEN={token}\n").as_bytes(), Origin::Stdin).0;
    let of_token: Vec<&Finding> =
        findings.iter().filter(|finding| finding.secret.expose() == token.as_bytes()).collect();
    assert_eq!(of_token.len(), 1, "{findings:?}");
    assert_eq!(of_token[0].rule.provider.id, "huggingface");
    assert_eq!(of_token[0].vaulted, [place("app/copy", "1", true), place("app/hub", "2", false)]);
    assert!(of_token[0].evidence.iter().any(|reason| reason.reason == "stands-in-the-vault"));
}

#[test]
fn every_readable_version_of_every_entry_is_in_the_index() {
    let fake = Fake::start();
    let vault = fake.open("secret");
    let (old, new) = (made(1), made(2));
    vault.write_if_version("app/db", &fields(&[("password", &old), ("host", "db.internal")]), None).unwrap();
    vault.write_if_version("app/db", &fields(&[("password", &new), ("host", "db.internal")]), Some("1")).unwrap();
    vault.write_if_version("app/other", &fields(&[("password", &made(3))]), None).unwrap();
    vault.write_if_version("left/out", &fields(&[("password", &made(4))]), None).unwrap();
    let (first, is_new) = ensure_key(&vault, "stopleak/index-key").unwrap();
    assert!(is_new);
    let (again, is_new) = ensure_key(&vault, "stopleak/index-key").unwrap();
    assert!(!is_new && again.id() == first.id());
    let filter = Filter::new(&[], &["left/**".into()]).unwrap();
    let source = Source { name: "prod".into(), vault: &vault, filter };
    let gathered = gather(&[source], Some("stopleak/index-key"), &|_| ()).unwrap();
    assert!(gathered.unread.is_empty() && gathered.versions == 3);
    let text = write(&gathered, &first, vec![vault.name()], 0).unwrap();
    assert!(!text.contains("left/out") && !text.contains(&old));
    assert_eq!(vaulted::about(&text).unwrap().skipped["plain"], 2);
    let values = vaulted::read(&text, &first).unwrap();
    let engine = Engine::new(RuleSet::embedded().with_vaulted(Arc::new(values)));
    let found = |value: &str| found(&engine, value.as_bytes()).pop().map(|finding| finding.vaulted);
    assert_eq!(found(&old), Some(vec![place("app/db", "1", false)]));
    assert_eq!(found(&new), Some(vec![place("app/db", "2", true)]));
    assert_eq!(found(&made(4)), None);
    let key = vault.read("stopleak/index-key", None).unwrap().fields.remove("key").unwrap();
    assert_eq!(found(std::str::from_utf8(key.expose()).unwrap()), None, "the key is in no index");
}

#[test]
fn of_two_who_make_the_key_one_takes_the_others() {
    let fake = Fake::start();
    let keys: Vec<String> = std::thread::scope(|scope| {
        let make = || ensure_key(&fake.open("secret"), "key").unwrap().0.id();
        let all: Vec<_> = (0..6).map(|_| scope.spawn(make)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    let vault = fake.open("secret");
    vault.write_if_version("bad", &fields(&[("key", "short")]), None).unwrap();
    assert!(matches!(ensure_key(&vault, "bad"), Err(VaultError::Other(_))), "what is no key is not replaced");
}

#[test]
fn what_has_drifted_is_listed_without_values() {
    let fake = Fake::start();
    let vault = fake.open("secret");
    let put = |path: &str, value: &str, expected: Option<&str>| {
        vault.write_if_version(path, &fields(&[("password", value)]), expected).unwrap();
    };
    put("prod/db", &made(1), None);
    put("staging/db", &made(1), None);
    put("prod/api", &made(2), None);
    put("prod/api", &made(3), Some("1"));
    let source = Source { name: "corp".into(), vault: &vault, filter: Filter::default() };
    let gathered = gather(&[source], None, &|_| ()).unwrap();
    let at = |entry: &str, version: &str, current| Place { vault: "corp".into(), ..place(entry, version, current) };
    let leak = |fingerprint: &str, validity: &str, vaulted: Vec<Place>| Found {
        fingerprint: fingerprint.into(),
        rule: "a.b".into(),
        validity: validity.into(),
        at: "app.env:1:1".into(),
        vaulted,
    };
    let found = [
        leak("t1:1", "unchecked", vec![at("prod/api", "1", false)]),
        leak("t1:2", "active", vec![at("prod/db", "1", true)]),
        leak("t1:3", "active", Vec::new()),
        leak("t1:4", "inactive", Vec::new()),
    ];
    // The server says that every version is of 2026-11-01T10:00:00.
    let now = 1_793_527_200 + 100 * 86_400;
    let list = drift(&gathered, &found, Wanted { rotate_days: Some(90), keep_days: Some(30) }, now);
    assert_eq!(list.duplicates.len(), 1);
    assert_eq!(list.duplicates[0].environments, ["production", "staging"]);
    let leaked: Vec<(&str, bool)> = list.leaked.iter().map(|one| (one.fingerprint.as_str(), one.is_current)).collect();
    assert_eq!(leaked, [("t1:2", true), ("t1:1", false)]);
    assert_eq!(list.unvaulted.iter().map(|one| one.fingerprint.as_str()).collect::<Vec<_>>(), ["t1:3"]);
    assert_eq!(
        list.stale.iter().map(|one| (one.entry.as_str(), one.versions.clone())).collect::<Vec<_>>(),
        [("prod/api", vec!["1".to_owned()])]
    );
    assert_eq!(list.overdue.iter().map(|one| one.days).collect::<Vec<_>>(), [100, 100, 100]);
    let text = serde_json::to_string(&list).unwrap();
    assert!((1..4).all(|seed| !text.contains(&made(seed))));
    let quiet = drift(&gathered, &[], Wanted::default(), now);
    assert!(quiet.stale.is_empty() && quiet.overdue.is_empty() && !quiet.is_empty());
}

/// A vault that may be listed and not read.
struct Shut;

impl Vault for Shut {
    fn name(&self) -> String {
        "shut".into()
    }
    fn list(&self) -> Result<Vec<String>, VaultError> {
        Ok(vec!["a".into()])
    }
    fn versions(&self, _: &str) -> Result<Vec<Version>, VaultError> {
        Err(VaultError::Denied("not allowed".into()))
    }
    fn read(&self, path: &str, _: Option<&str>) -> Result<stopleak_core::vault::Entry, VaultError> {
        Err(VaultError::Absent(path.into()))
    }
    fn can_write(&self, _: &str) -> Result<(), VaultError> {
        Ok(())
    }
    fn write_if_version(
        &self,
        path: &str,
        _: &stopleak_core::vault::Fields,
        _: Option<&str>,
    ) -> Result<String, VaultError> {
        Err(VaultError::Denied(path.into()))
    }
    fn retire(&self, path: &str, _: &str) -> Result<(), VaultError> {
        Err(VaultError::Denied(path.into()))
    }
    fn annotate(&self, path: &str, _: &std::collections::BTreeMap<String, String>) -> Result<(), VaultError> {
        Err(VaultError::Denied(path.into()))
    }
}

#[test]
fn what_cannot_be_read_is_told() {
    let source = Source { name: "prod".into(), vault: &Shut, filter: Filter::default() };
    let gathered = gather(&[source], None, &|_| ()).unwrap();
    assert_eq!(gathered.unread, [("prod: a".to_owned(), "not allowed".to_owned())]);
}
