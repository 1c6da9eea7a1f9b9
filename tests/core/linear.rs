//! Work grows with the bytes, whatever they are: each rule reads its own worst text, and bytes looked at are counted.
//!
//! Seconds drift with the machine, counts do not. No window of the engine is longer than a match may be, so that texts of
//! a few times that show growth; the megabytes are an ignored test: `cargo test --test core linear -- --ignored`.

use std::sync::atomic::{AtomicUsize, Ordering};
use stopleak_core::detect::{Engine, Worker};
use stopleak_core::rule::Rule;
use stopleak_core::rule::check::check_file;
use stopleak_core::rule::example::expand;
use stopleak_core::scan::lint::{Costliest, WORST_BYTES, repeated, work_on, worst};
use stopleak_core::{RuleSet, rule_set};

fn rules() -> Vec<(Rule, String)> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules");
    let mut all = Vec::new();
    for folder in ["providers", "generic"] {
        for (name, text) in rule_set::read(&root.join(folder)).expect("the rules are there") {
            for checked in check_file(&name, &text).expect("the build has linted them") {
                let example = expand(&checked.matching[0], 1).expect("templates are checked");
                all.push((checked.rule, example));
            }
        }
    }
    all
}

#[test]
fn no_rule_is_slow_on_its_own_worst_text() {
    examine_rules(WORST_BYTES);
}

#[test]
#[ignore = "minutes without optimisation"]
fn no_rule_is_slow_on_a_megabyte_of_its_own_worst_text() {
    examine_rules(1 << 20);
}

#[test]
fn no_text_is_slow() {
    examine_texts(WORST_BYTES);
}

#[test]
#[ignore = "a minute without optimisation"]
fn no_megabyte_is_slow() {
    examine_texts(1 << 20);
}

fn examine_rules(len: usize) {
    let engine = Engine::new(RuleSet::embedded());
    let (rules, next) = (rules(), AtomicUsize::new(0));
    let share = || {
        let mut worker = Worker::new(&engine, Costliest);
        let (mut most, mut wrong) = ((0.0, String::new()), Vec::new());
        while let Some((rule, example)) = rules.get(next.fetch_add(1, Ordering::Relaxed)) {
            for (name, unit) in worst(rule, example) {
                let (each, complaint) = work_on(&mut worker, &name, &|len| repeated(&unit, len), len);
                if each > most.0 {
                    most = (each, name);
                }
                wrong.extend(complaint);
            }
        }
        (most, wrong)
    };
    let shares: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(share)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no thread panics")).collect()
    });
    let most = shares.iter().map(|(most, _)| most).max_by(|a, b| a.0.total_cmp(&b.0)).expect("two shares");
    println!("most work: {:.0} bytes looked at a byte, {}", most.0, most.1);
    let wrong: Vec<&String> = shares.iter().flat_map(|(_, wrong)| wrong).collect();
    assert!(wrong.is_empty(), "{} texts:\n{wrong:#?}", wrong.len());
}

fn examine_texts(len: usize) {
    let engine = Engine::new(RuleSet::embedded());
    let mut worker = Worker::new(&engine, Costliest);
    let units: &[&[u8]] = &[
        b"password=",
        b"password = ",
        b"password: \"",
        b"password\n",
        b"password(",
        b"\"password\": {",
        b"<password>",
        b"<password ",
        b"--password ",
        b"${PASSWORD:-",
        b"secret_key = \"",
        b"api_key_",
        b"api_key.",
        b"apikeysecrettokenpassword",
        b"token token token\t",
        b"-----BEGIN PRIVATE KEY-----",
        b"-----BEGIN PRIVATE KEY-----\\n",
        b"-----BEGIN ",
        b"postgres://",
        b"postgres://a:",
        b"https://a:b",
        b"https://user:password@",
        b"://",
        b"eyJ",
        b"eyJ.",
        b"\"'`",
        b"\\\"",
        b"\\",
        b"{[(",
        b"=",
        b"0",
        b"9876543210",
        b"a",
        b"Zm9v",
        b"QUtJQQ+/",
        b" ",
        b"\n",
        b"\r\n",
        b"\0",
        b"\xff\xfe",
        b"\xc3\xa9",
        b"key",
        b"key=key:key;",
        b"\x1b[0m",
        b"\\x41",
        b"\\u0041",
        b"%41",
        b"&#65;",
        b"=3D",
        b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=\n",
        b"\"aaaaaaaaaaaaaaaaaa\" + ",
        b"dGhpcyBpcyBhIHRleHQgbGlrZSBhbnk ",
        b"ZEdocGN5QnBjeUJoSUhSbGVIUWdiR2xyWlNCaGJuaw ",
        b"5a47687063794270637942684948526c6548516762476c725a53426862 ",
        b"%20",
        b"[0;",
    ];
    let mut wrong = Vec::new();
    let mut most: (f64, String) = (0.0, String::new());
    for unit in units {
        for (suffix, run) in [("", 0), (" and a run", 4_000)] {
            let text = |len: usize| repeated(&[unit, vec![b'A'; run].as_slice()].concat(), len);
            let name = format!("{}{suffix}", unit.escape_ascii());
            let (each, complaint) = work_on(&mut worker, &name, &text, len);
            if each > most.0 {
                most = (each, name);
            }
            wrong.extend(complaint);
        }
    }
    println!("most work: {:.0} bytes looked at a byte, {}", most.0, most.1);
    // Nesting that is opened and closed far apart.
    for (open, close) in [("{\"password\":", "}"), ("<password>", "</password>"), ("password=\"", "\""), ("(", ")")] {
        let nested = |len: usize| {
            let depth = len / (open.len() + close.len());
            [open.repeat(depth), close.repeat(depth)].concat().into_bytes()
        };
        wrong.extend(work_on(&mut worker, open, &nested, len).1);
    }
    assert!(wrong.is_empty(), "{} texts:\n{wrong:#?}", wrong.len());
}
