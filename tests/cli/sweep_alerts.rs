//! Sweeps that ask providers and tell people: each thing once, whoever tells it, and never a value.

use crate::Run;
use crate::made::token as hugging;
use crate::server::{Asked, Reply, Server};
use crate::sweep::Fleet;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use stopleak_core::rule::example;

const PROXIES: [&str; 8] =
    ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"];

fn token(seed: u64) -> String {
    example::expand("<github:ghp_>", seed).unwrap()
}

fn leak(seed: u64) -> String {
    format!("A={}\n", token(seed))
}

/// A key for values that are kept.
fn key(digit: u8) -> String {
    let key = stopleak_core::sealed::Key::derived("test", &[digit; 32]).to_secret();
    String::from_utf8(key.expose().to_vec()).unwrap()
}

/// A provider that knows tokens until it is told otherwise.
struct Provider {
    server: Server,
    knows: Arc<Mutex<Vec<String>>>,
}

impl Provider {
    fn knowing(seeds: &[u64]) -> Provider {
        let knows = Arc::new(Mutex::new(seeds.iter().map(|seed| token(*seed)).collect::<Vec<_>>()));
        let known = Arc::clone(&knows);
        let server = Server::start(move |asked: &Asked| {
            let said = asked.header("authorization").unwrap_or_default();
            match known.lock().unwrap().iter().any(|token| said == format!("Bearer {token}")) {
                true => Reply::new(200, r#"{"login":"octocat","type":"User"}"#),
                false => Reply::new(401, r#"{"message":"Bad credentials"}"#),
            }
        });
        Provider { server, knows }
    }

    fn knows(&self, seeds: &[u64]) {
        *self.knows.lock().unwrap() = seeds.iter().map(|seed| token(*seed)).collect();
    }

    /// How often a token was asked about.
    fn asked(&self, seed: u64) -> usize {
        let bearer = format!("Bearer {}", token(seed));
        self.server.asked().iter().filter(|asked| asked.header("authorization") == Some(&bearer)).count()
    }

    fn verify(&self) -> String {
        format!("--verify --endpoint github=http://{}", self.server.host)
    }
}

/// A receiver, up or down.
struct Ops {
    server: Server,
    is_up: Arc<AtomicBool>,
}

impl Ops {
    fn new() -> Ops {
        let is_up = Arc::new(AtomicBool::new(true));
        let up = Arc::clone(&is_up);
        let server = Server::start(move |_| Reply::new(if up.load(Ordering::SeqCst) { 204 } else { 500 }, ""));
        Ops { server, is_up }
    }

    fn settings(&self) -> String {
        format!("[[notify]]\nname = 'ops'\nkind = 'webhook'\nurl = 'http://{}/hook'\n", self.server.host)
    }

    fn bodies(&self) -> Vec<Value> {
        self.server.asked().iter().map(|asked| serde_json::from_slice(&asked.body).unwrap()).collect()
    }

    /// How many messages of each kind there were.
    fn kinds(&self) -> BTreeMap<String, usize> {
        self.bodies().iter().fold(BTreeMap::new(), |mut kinds, body| {
            *kinds.entry(body["type"].as_str().unwrap().to_owned()).or_default() += 1;
            kinds
        })
    }
}

fn kinds(kinds: &[(&str, usize)]) -> BTreeMap<String, usize> {
    kinds.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect()
}

fn sweep(fleet: &Fleet, args: &str) -> Run {
    sweep_with(fleet, args, &[])
}

fn sweep_with(fleet: &Fleet, args: &str, variables: &[(&str, &str)]) -> Run {
    let mut command = crate::command_in(fleet.path(), &format!("sweep {args}"));
    PROXIES.iter().for_each(|name| _ = command.env_remove(name));
    command.env("HOME", fleet.path()).envs(variables.iter().copied());
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

const RUN: &str = "run repos --state state --config own.toml --no-progress --retry-after 0";

fn with_settings(settings: &str) -> Fleet {
    let fleet = Fleet::new();
    std::fs::write(fleet.path().join("own.toml"), settings).unwrap();
    fleet
}

/// No file of the sweep, and no message, holds any of these values.
fn holds_no_value(fleet: &Fleet, messages: &[Asked], seeds: &[u64]) {
    for value in seeds.iter().map(|seed| token(*seed)) {
        let holds = |bytes: &[u8]| bytes.windows(value.len()).any(|window| window == value.as_bytes());
        for folder in ["state", "."] {
            let files = std::fs::read_dir(fleet.path().join(folder)).unwrap().flatten();
            for file in files.filter(|file| file.path().is_file()) {
                assert!(!holds(&std::fs::read(file.path()).unwrap()), "{:?}", file.path());
            }
        }
        assert!(messages.iter().all(|asked| !holds(&asked.body) && !asked.path.contains(&value)));
    }
}

/// The finding of the list whose rule is GitHub's, by what the provider says.
fn of_validity<'s>(status: &'s Value, word: &str) -> Vec<&'s Value> {
    status["list"].as_array().unwrap().iter().filter(|one| one["validity"] == word).collect()
}

#[test]
fn what_is_found_is_asked_about_once_a_run_and_told_once() {
    let (provider, ops) = (Provider::knowing(&[1]), Ops::new());
    let fleet = with_settings(&(ops.settings() + "[audit]\nrecord = true\nlog = 'audit.jsonl'\nkey = 'audit.key'\n"));
    for number in 0..6 {
        fleet.repo(&format!("r{number}"), &[&[("a.env", &leak(1)), ("own.txt", &format!("{number}\n"))]]);
    }
    fleet.repo("dead", &[&[("b.env", &leak(2))]]);
    let run = sweep(&fleet, &format!("{RUN} {}", provider.verify()));
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    assert_eq!((provider.asked(1), provider.asked(2)), (1, 1));
    let (status, _) = fleet.status();
    assert_eq!((of_validity(&status, "active").len(), of_validity(&status, "inactive").len()), (1, 1), "{status}");
    let live = of_validity(&status, "active")[0];
    assert_eq!((&live["verification"]["identity"]["account"], &live["repositories"]), (&"octocat".into(), &6.into()));
    assert!(live["asked"].is_string() && status["validity"]["active"] == 1, "{status}");
    assert_eq!(ops.kinds(), kinds(&[("new-finding", 1), ("newly-active", 1)]));
    let told = ops.bodies().into_iter().find(|body| body["type"] == "newly-active").unwrap();
    assert!(told["validity"].as_str().unwrap().contains("octocat"), "{told}");
    assert!(told["places"][0].as_str().unwrap().ends_with("a.env:1"), "{told}");
    // The report has what the provider said.
    let report = crate::run_in(fleet.path(), "report --from state/sweep.db --format jsonl", b"");
    let words: Vec<_> = report.lines("finding").iter().map(|line| line["validity"].clone()).collect();
    assert!(words.contains(&"active".into()) && words.contains(&"inactive".into()), "{words:?}");
    let shown = sweep(&fleet, "status --state state --findings").stdout;
    assert!(shown.contains("active (account octocat") && shown.contains("; inactive, asked 20"), "{shown}");
    // Nothing new: nobody is asked and nobody is told.
    assert_eq!(sweep(&fleet, &format!("{RUN} {}", provider.verify())).code, 1);
    assert_eq!((provider.asked(1), provider.asked(2), ops.bodies().len()), (1, 1, 2));
    holds_no_value(&fleet, &ops.server.asked(), &[1, 2]);
    // Runs and questions are on record.
    let verified = crate::run_in(fleet.path(), "audit --log audit.jsonl verify", b"");
    assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
    let entries = std::fs::read_to_string(fleet.path().join("audit.jsonl")).unwrap();
    let count = |action: &str| entries.matches(&format!("\"action\":\"{action}\"")).count();
    assert_eq!(count("sweep"), 4, "a beginning and an end for each run: {entries}");
    assert!(count("verify") >= 2 && count("verify") % 2 == 0, "{entries}");
    assert!(entries.contains("\"validities\":{\"active\":1"), "{entries}");
}

#[test]
fn a_state_that_somebody_gave_outlives_what_a_provider_says() {
    let provider = Provider::knowing(&[1]);
    let fleet = with_settings("");
    fleet.repo("a", &[&[("a.env", &leak(1))]]);
    sweep(&fleet, &format!("{RUN} {}", provider.verify()));
    let id = fleet.status().0["list"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(fleet.sweep(&format!("ack {id} --as false-positive --reason sample --state state")).code, 0);
    fleet.push("a", 5, &[&[("b.env", &leak(1))]]);
    assert_eq!(sweep(&fleet, &format!("{RUN} {}", provider.verify())).code, 0);
    let (status, _) = fleet.status();
    assert_eq!(
        (&status["list"][0]["state"], &status["list"][0]["validity"]),
        (&"false-positive".into(), &"active".into())
    );
    assert_eq!(provider.asked(1), 2, "what is found anew is asked about");
}

#[test]
fn kept_values_are_asked_about_in_every_run() {
    let (provider, ops) = (Provider::knowing(&[]), Ops::new());
    let fleet = with_settings(&(ops.settings() + "[sweep]\nkeep-values = { env = 'KEPT' }\n"));
    fleet.repo("a", &[&[("a.env", &leak(1))]]);
    let args = format!("{RUN} {}", provider.verify());
    let (first, other) = (key(7), key(8));
    let run = || sweep_with(&fleet, &args, &[("KEPT", &first)]);
    assert!(sweep(&fleet, &args).stderr.contains("the variable KEPT"));
    for (seeds, word, told) in [
        (&[][..], "inactive", &[("new-finding", 1)][..]),
        (&[1][..], "active", &[("new-finding", 1), ("newly-active", 1)][..]),
        (&[1][..], "active", &[("new-finding", 1), ("newly-active", 1)][..]),
        (&[][..], "inactive", &[("new-finding", 1), ("newly-active", 1)][..]),
        (&[1][..], "active", &[("new-finding", 1), ("newly-active", 2)][..]),
    ] {
        provider.knows(seeds);
        let run = run();
        assert_eq!(run.code, 1, "{}", run.stderr);
        let (status, _) = fleet.status();
        assert_eq!(of_validity(&status, word).len(), 1, "{word}: {status}");
        assert_eq!(status["list"][0]["is_kept"], true);
        assert_eq!(status["list"][0]["died"].is_string(), word == "inactive" && told.len() > 1, "{status}");
        assert_eq!(ops.kinds(), kinds(told), "{word}");
    }
    assert_eq!(provider.asked(1), 5);
    let bodies = ops.bodies();
    let ids: std::collections::BTreeSet<_> = bodies.iter().map(|body| body["id"].to_string()).collect();
    assert_eq!(ids.len(), bodies.len(), "what happens twice is told apart: {bodies:?}");
    holds_no_value(&fleet, &ops.server.asked(), &[1]);
    let db = std::fs::read(fleet.path().join("state/sweep.db")).unwrap();
    assert!(!db.windows(first.len()).any(|window| window == first.as_bytes()), "nor the key");
    // Who says that it is ended is told if it is not.
    let id = fleet.status().0["list"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(fleet.sweep(&format!("ack {id} --as revoked --reason done --state state")).code, 0);
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    run();
    assert_eq!(ops.kinds().get("still-live"), Some(&1), "{:?}", ops.kinds());
    assert_eq!(fleet.status().0["alerts"][0]["code"], "still-live");
    // Under another key what held something is scanned, asked about and kept anew.
    assert_eq!(fleet.sweep(&format!("reopen {id} --state state")).code, 0);
    let asked = provider.asked(1);
    let changed = sweep_with(&fleet, &args, &[("KEPT", &other)]);
    assert_eq!((changed.code, provider.asked(1)), (1, asked + 1), "{}", changed.stderr);
    assert!(!changed.stderr.contains("another key"), "{}", changed.stderr);
    for wrong in ["state/x", "vault:x", "env:NOT_SET", "file:none"] {
        let run = sweep(&fleet, &format!("{args} --keep-values {wrong}"));
        assert_eq!(run.code, 2, "{wrong}: {}", run.stderr);
    }
    assert!(sweep(&fleet, &format!("{RUN} --keep-values env:KEPT")).stderr.contains("--verify"));
}

#[test]
fn a_receiver_that_was_down_is_told_the_next_time() {
    let ops = Ops::new();
    let fleet = with_settings(&ops.settings());
    fleet.repo("a", &[&[("a.env", &leak(1))]]);
    ops.is_up.store(false, Ordering::SeqCst);
    let run = sweep(&fleet, RUN);
    assert!(run.code == 1 && run.stderr.contains("ops was not told of 1 event"), "{}", run.stderr);
    assert!(run.stderr.contains("the next run tells"), "{}", run.stderr);
    assert_eq!(fleet.status().0["untold"]["ops"], 1);
    assert!(sweep(&fleet, "status --state state").stdout.contains("not told      ops of 1 alert"));
    let before = ops.bodies().len();
    ops.is_up.store(true, Ordering::SeqCst);
    assert_eq!(sweep(&fleet, RUN).code, 1);
    assert_eq!(sweep(&fleet, RUN).code, 1);
    assert_eq!(ops.bodies().len(), before + 1);
    assert_eq!(fleet.status().0["untold"], serde_json::json!({}));
}

#[test]
fn a_clean_sweep_that_could_not_tell_fails() {
    let ops = Ops::new();
    let fleet = with_settings(&ops.settings());
    fleet.repo("a", &[&[("a.env", &leak(1))]]);
    ops.is_up.store(false, Ordering::SeqCst);
    sweep(&fleet, RUN);
    let id = fleet.status().0["list"][0]["id"].as_str().unwrap().to_owned();
    fleet.sweep(&format!("ack {id} --as revoked --reason done --state state"));
    assert_eq!(sweep(&fleet, RUN).code, 0, "it was dealt with: there is nothing to tell");
    fleet.push("a", 5, &[&[("b.env", &leak(1))]]);
    assert_eq!(sweep(&fleet, RUN).code, 2, "it came back, and nobody was told");
}

#[test]
fn several_workers_tell_once() {
    let ops = Ops::new();
    let fleet = with_settings(&ops.settings());
    for number in 0..12 {
        fleet.repo(&format!("r{number}"), &[&[("a.env", &leak(number)), ("b.env", &leak(50))]]);
    }
    let common = "--state state --config own.toml --no-progress";
    let spawn = |args: &str| {
        let mut command = crate::command_in(fleet.path(), &format!("sweep {args} {common}"));
        PROXIES.iter().for_each(|name| _ = command.env_remove(name));
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap()
    };
    let mut planner = spawn("run repos --no-work");
    while fleet.status_if_there().is_none_or(|status| status["jobs"]["waiting"].as_u64() < Some(1)) {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let mut workers: Vec<_> = (0..2).map(|_| spawn("work --until-empty --workers 1")).collect();
    workers.iter_mut().for_each(|worker| assert!(worker.wait().unwrap().success()));
    assert_eq!(planner.wait().unwrap().code(), Some(1));
    assert_eq!(ops.kinds(), kinds(&[("new-finding", 13)]));
    let names: std::collections::BTreeSet<_> =
        ops.bodies().iter().map(|body| body["fingerprint"].to_string()).collect();
    assert_eq!(names.len(), 13);
}

#[test]
fn what_was_ended_and_comes_back_where_it_stood_is_told_and_a_rescan_is_not() {
    let ops = Ops::new();
    let fleet = with_settings(&ops.settings());
    fleet.repo("a", &[&[("a.env", &leak(1))], &[("other.txt", "text\n")]]);
    sweep(&fleet, RUN);
    let id = fleet.status().0["list"][0]["id"].as_str().unwrap().to_owned();
    let end = || fleet.sweep(&format!("ack {id} --as rotated --reason done --state state"));
    assert_eq!(end().code, 0);
    // A rescan, an edit beside the secret, and its removal.
    sweep(&fleet, &format!("{RUN} --gate 0.4"));
    fleet.push("a", 5, &[&[("a.env", &format!("{}B=1\n", leak(1)))]]);
    sweep(&fleet, RUN);
    fleet.push("a", 6, &[&[("a.env", "gone\n")]]);
    sweep(&fleet, RUN);
    sweep(&fleet, &format!("{RUN} --gate 0.4"));
    assert_eq!(
        (ops.kinds(), fleet.status().0["alerts"].clone()),
        (kinds(&[("new-finding", 1)]), serde_json::json!([]))
    );
    fleet.push("a", 7, &[&[("a.env", &leak(1))]]);
    sweep(&fleet, RUN);
    sweep(&fleet, RUN);
    sweep(&fleet, &format!("{RUN} --gate 0.4"));
    assert_eq!(ops.kinds(), kinds(&[("new-finding", 1), ("returned", 1)]));
    assert_eq!(fleet.status().0["alerts"][0]["code"], "returned");
    assert!(ops.bodies()[1]["note"].as_str().unwrap().contains("a.git"), "{:?}", ops.bodies()[1]);
}

#[test]
fn what_is_open_for_too_long_is_told_once() {
    let ops = Ops::new();
    let fleet =
        with_settings(&(ops.settings() + "[sweep]\nrotate-within = { critical = '0 days', high = '0 days' }\n"));
    fleet.repo("a", &[&[("a.env", &leak(1))]]);
    sweep(&fleet, RUN);
    sweep(&fleet, RUN);
    assert_eq!(ops.kinds(), kinds(&[("new-finding", 1), ("overdue", 1)]));
    assert_eq!(fleet.status().0["alerts"][0]["code"], "overdue");
    for wrong in ["'soon'", "{ bad = '7 days' }", "7"] {
        std::fs::write(fleet.path().join("own.toml"), format!("[sweep]\nrotate-within = {wrong}\n")).unwrap();
        let run = sweep(&fleet, RUN);
        assert!(run.code == 2 && run.stderr.contains("rotate-within"), "{wrong}: {}", run.stderr);
    }
}

#[test]
fn a_sweep_that_fails_is_told() {
    let ops = Ops::new();
    let fleet = with_settings(&ops.settings());
    let gone = format!("file://{}\n", fleet.path().join("gone.git").display());
    std::fs::write(fleet.path().join("list"), gone).unwrap();
    let run = || sweep(&fleet, &RUN.replace("repos", "list"));
    assert_eq!(run().code, 2);
    assert_eq!(ops.kinds(), kinds(&[("sweep-failed", 2)]), "the repository, and the run");
    let notes: Vec<String> = ops.bodies().iter().map(|body| body["note"].as_str().unwrap().to_owned()).collect();
    assert!(notes.iter().any(|note| note.contains("it was given up")), "{notes:?}");
    assert!(notes.iter().any(|note| note.contains("repositories that are not scanned: 1")), "{notes:?}");
    assert_eq!(run().code, 2);
    assert_eq!(ops.kinds(), kinds(&[("sweep-failed", 3)]), "the repository is told once, each run is one of its own");
}

#[test]
fn many_are_told_as_one_and_a_log_takes_each() {
    let ops = Ops::new();
    let settings =
        ops.settings() + "[[notify]]\nname = 'siem'\nkind = 'log'\npath = 'events.jsonl'\n[sweep]\none-by-one = 5\n";
    let fleet = with_settings(&settings);
    let many: String = (0..300).map(|seed| format!("HF_TOKEN_{seed}={}\n", hugging(seed))).collect();
    fleet.repo("a", &[&[("a.env", &many)]]);
    sweep(&fleet, RUN);
    let bodies = ops.bodies();
    assert_eq!(bodies.len(), 6, "five, and one for the rest");
    let last = &bodies[5];
    assert!(last["note"].as_str().unwrap().contains("295 more of run") && last["name"] == "295 more", "{last}");
    assert_eq!(std::fs::read_to_string(fleet.path().join("events.jsonl")).unwrap().lines().count(), 300);
    sweep(&fleet, RUN);
    assert_eq!(ops.bodies().len(), 6);
}

#[test]
fn what_got_no_answer_is_asked_about_the_next_time() {
    let provider = Provider::knowing(&[1]);
    let fleet = with_settings("");
    fleet.repo("a", &[&[("a.env", &leak(1))]]);
    let down = sweep(&fleet, &format!("{RUN} --verify --endpoint github=http://127.0.0.1:1"));
    assert!(down.code == 1 && down.stderr.contains("got no answer"), "{}", down.stderr);
    let (status, _) = fleet.status();
    let one = of_validity(&status, "unknown")[0];
    assert_eq!(one["verification"]["doubt"], "connection");
    sweep(&fleet, &format!("{RUN} {}", provider.verify()));
    assert_eq!((of_validity(&fleet.status().0, "active").len(), provider.asked(1)), (1, 1));
}

#[test]
fn without_an_entry_in_the_log_nobody_is_asked() {
    let provider = Provider::knowing(&[1]);
    let fleet = with_settings("[audit]\nrecord = true\nlog = 'own.toml/audit.jsonl'\nkey = 'audit.key'\n");
    fleet.repo("a", &[&[("a.env", &leak(1))]]);
    let run = sweep(&fleet, &format!("{RUN} {}", provider.verify()));
    assert_eq!((run.code, provider.server.asked().len()), (2, 0), "{}", run.stderr);
}
