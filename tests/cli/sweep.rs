//! Many repositories: each is scanned, what is found is stored once, and an interruption costs no more than a part.

mod crash;
mod images;
mod logins;
mod measure;
mod registry;
pub mod servers;
mod texts;

use crate::made::{random, token};
use crate::support::Repo;
use crate::support::http_git::Server;
use crate::{Run, run_in};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A folder with repositories, and one for the sweep's state.
pub struct Fleet {
    home: TempDir,
}

impl Fleet {
    pub fn new() -> Fleet {
        let home = TempDir::new().unwrap();
        std::fs::create_dir(home.path().join("repos")).unwrap();
        Fleet { home }
    }

    pub fn path(&self) -> &Path {
        self.home.path()
    }

    /// Makes a bare repository by `git fast-import`: each commit writes files.
    pub fn repo(&self, name: &str, commits: &[&[(&str, &str)]]) -> PathBuf {
        let path = self.path().join("repos").join(format!("{name}.git"));
        import(&path, "refs/heads/main", None, 0, commits);
        path
    }

    /// Adds commits to a repository.
    pub fn push(&self, name: &str, after: u64, commits: &[&[(&str, &str)]]) {
        let path = self.path().join("repos").join(format!("{name}.git"));
        import(&path, "refs/heads/main", Some("refs/heads/main^0"), after, commits);
    }

    /// Repositories with a secret each; every third shares the first one's.
    pub fn many(&self, count: u64) {
        for number in 0..count {
            let seed = if number % 3 == 0 { 1 } else { number + 1 };
            let (own, secret) = (format!("text of {number}\n"), format!("HF_TOKEN={}\n", token(seed)));
            self.repo(
                &format!("r{number:04}"),
                &[&[("own.txt", &own), ("a.env", &secret)], &[("own.txt", "changed\n")]],
            );
        }
    }

    /// Runs `stopleak sweep`.
    pub fn sweep(&self, args: &str) -> Run {
        run_in_state(self.path(), &format!("sweep {args}"))
    }

    pub fn run(&self, more: &str) -> Run {
        self.sweep(&format!("run repos --state state --no-progress --retry-after 0 {more}"))
    }

    /// The status, once there is a store.
    pub fn status_if_there(&self) -> Option<serde_json::Value> {
        let run = self.sweep("status --state state --format json");
        serde_json::from_str(&run.stdout).ok()
    }

    /// The status, and its exit code.
    pub fn status(&self) -> (serde_json::Value, i32) {
        let run = self.sweep("status --state state --format json --findings --repositories");
        (serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{} {}", run.stdout, run.stderr)), run.code)
    }
}

/// Runs `stopleak` where the user's own state is out of reach.
fn run_in_state(folder: &Path, args: &str) -> Run {
    let output = crate::command_in(folder, args).env("STOPLEAK_STATE", folder.join("own")).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

fn import(path: &Path, branch: &str, from: Option<&str>, after: u64, commits: &[&[(&str, &str)]]) {
    use std::io::Write;
    let git = || {
        let mut command = Command::new("git");
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
        command
    };
    if !path.exists() {
        let made = git().args(["init", "--quiet", "--bare", "-b", "main"]).arg(path).status().unwrap();
        assert!(made.success());
    }
    let mut text = String::new();
    for (number, files) in commits.iter().enumerate() {
        let time = crate::support::repo::START + (after + number as u64) * 60;
        text += &format!("commit {branch}\ncommitter {} {time} +0000\ndata 1\nc\n", crate::support::repo::AUTHOR);
        if let Some(from) = from.filter(|_| number == 0) {
            text += &format!("from {from}\n");
        }
        for (name, content) in *files {
            text += &format!("M 100644 inline {name}\ndata {}\n{content}\n", content.len());
        }
    }
    let mut command = git();
    command.arg("--git-dir").arg(path).args(["fast-import", "--quiet"]).stdin(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

/// Each finding's rule, number of repositories and number of places; sorted.
pub fn found(status: &serde_json::Value) -> Vec<(String, u64, u64)> {
    let list = status["list"].as_array().unwrap();
    let one = |one: &serde_json::Value| {
        let number = |name: &str| one[name].as_u64().unwrap();
        (one["rule"].as_str().unwrap().to_owned(), number("repositories"), number("places"))
    };
    let mut found: Vec<_> = list.iter().map(one).collect();
    found.sort();
    found
}

pub fn leak(seed: u64) -> String {
    format!("HF_TOKEN={}\n", token(seed))
}

const RULE: &str = "huggingface.user-access-token";

fn rule_of(status: &serde_json::Value) -> String {
    status["list"][0]["rule"].as_str().unwrap_or(RULE).to_owned()
}

#[test]
fn one_secret_in_many_repositories_is_one_finding() {
    let fleet = Fleet::new();
    fleet.many(6);
    let run = fleet.run("");
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    let (status, code) = fleet.status();
    let rule = rule_of(&status);
    let one = |repositories, places| (rule.clone(), repositories, places);
    assert_eq!(found(&status), [one(1, 1), one(1, 1), one(1, 1), one(1, 1), one(2, 2)]);
    assert_eq!((code, &status["repositories"]["scanned"]), (1, &serde_json::json!(6)));
    assert_eq!(status["list"][0]["in_head"], status["list"][0]["places"]);
}

#[test]
fn the_store_holds_no_secret() {
    let fleet = Fleet::new();
    let password = format!("Zq{}", &token(9)[4..20]);
    fleet.repo("a", &[&[("a.env", &leak(3)), ("b.yml", &format!("database:\n  password: \"{password}\"\n"))]]);
    fleet.run("");
    let secrets = [token(3), password];
    for file in std::fs::read_dir(fleet.path().join("state")).unwrap().flatten().filter(|file| file.path().is_file()) {
        let bytes = std::fs::read(file.path()).unwrap();
        for secret in &secrets {
            assert!(!bytes.windows(secret.len()).any(|bytes| bytes == secret.as_bytes()), "{:?}", file.path());
        }
    }
    let key = std::fs::metadata(fleet.path().join("state/store.key")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&key.permissions()) & 0o777, 0o600);
    let other = fleet.path().join("other.key");
    std::fs::write(&other, "0".repeat(64)).unwrap();
    let run = fleet.run("--store-key other.key");
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("another key") && run.stderr.contains("STOPLEAK_STORE_KEY"), "{}", run.stderr);
}

/// A `git` that writes down what it is called with; gives the folder for the PATH, and the file.
fn counted_git(home: &Path) -> (String, PathBuf) {
    let (folder, log) = (home.join("bin"), home.join("git.log"));
    std::fs::create_dir_all(&folder).unwrap();
    let git = Command::new("sh").args(["-c", "command -v git"]).output().unwrap();
    let git = String::from_utf8(git.stdout).unwrap();
    let script = format!("#!/bin/sh\necho \"$@\" >> {}\nexec {} \"$@\"\n", log.display(), git.trim());
    std::fs::write(folder.join("git"), script).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.join("git"), mode).unwrap();
    (format!("{}:{}", folder.display(), std::env::var("PATH").unwrap()), log)
}

/// Sweeps what a server on loopback serves, with a counted git; gives the run and the calls.
fn over_http(fleet: &Fleet, server: &Server, names: &[&str], more: &str) -> (Run, Vec<String>) {
    let (path, log) = counted_git(fleet.path());
    let _ = std::fs::remove_file(&log);
    let list: Vec<String> = names.iter().map(|name| server.url(&format!("{name}.git"))).collect();
    std::fs::write(fleet.path().join("list"), list.join("\n")).unwrap();
    let args = format!("sweep run list --state state --no-progress --retry-after 0 {more}");
    let output = crate::command_in(fleet.path(), &args).env("PATH", path).output().unwrap();
    let run = Run {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    };
    let calls = std::fs::read_to_string(&log).unwrap_or_default();
    let verb = |line: &str| {
        let verbs = ["ls-remote", "fetch", "log", "repack"];
        verbs.into_iter().find(|verb| line.split(' ').any(|word| word == *verb)).unwrap_or("?").to_owned()
    };
    let mut calls: Vec<String> = calls.lines().map(verb).collect();
    calls.sort();
    (run, calls)
}

#[test]
fn nothing_new_costs_one_listing_a_repository_and_what_is_new_one_fetch() {
    let fleet = Fleet::new();
    fleet.repo("a", &[&[("a.txt", "clean\n")]]);
    fleet.repo("b", &[&[("b.env", &leak(5))]]);
    let server = Server::start(&fleet.path().join("repos"));
    let (run, calls) = over_http(&fleet, &server, &["a", "b"], "");
    assert_eq!((run.code, calls), (1, words("fetch fetch log ls-remote ls-remote")), "{}", run.stderr);
    let first = fleet.status().0;
    let (_, calls) = over_http(&fleet, &server, &["a", "b"], "");
    assert_eq!(calls, words("ls-remote ls-remote"));
    assert_eq!(found(&fleet.status().0), found(&first));
    fleet.push("a", 10, &[&[("new.env", &leak(6))]]);
    let (_, calls) = over_http(&fleet, &server, &["a", "b"], "");
    assert_eq!(calls, words("fetch log ls-remote ls-remote"));
    let status = fleet.status().0;
    assert_eq!(found(&status).len(), 2);
    // The new file and nothing else: the old ones were scanned before.
    let blobs: u64 =
        status["repository_list"].as_array().unwrap().iter().map(|one| one["blobs"].as_u64().unwrap()).sum();
    assert_eq!(blobs, 3);
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

#[test]
fn what_a_fork_shares_is_not_scanned_again_and_what_leaks_there_is_found() {
    let fleet = Fleet::new();
    let files: Vec<(String, String)> = (0..50).map(|n| (format!("f{n}.txt"), format!("text {n}\n"))).collect();
    let mut files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let secret = leak(7);
    files.push(("a.env", &secret));
    fleet.repo("upstream", &[&files]);
    fleet.run("");
    let copied =
        Command::new("cp").arg("-r").arg("repos/upstream.git").arg("repos/fork.git").current_dir(fleet.path()).status();
    assert!(copied.unwrap().success());
    fleet.push("fork", 5, &[&[("own.env", &leak(8))]]);
    fleet.run("");
    let status = fleet.status().0;
    let fork =
        status["repository_list"].as_array().unwrap().iter().find(|one| one["key"].as_str().unwrap().contains("fork"));
    let fork = fork.unwrap();
    // The file with a secret is attributed anew, and the fork's own file is new.
    assert_eq!((fork["blobs"].as_u64(), fork["shared"].as_u64() >= Some(50)), (Some(2), true), "{fork}");
    let counts: BTreeSet<u64> = found(&status).iter().map(|(_, repositories, _)| *repositories).collect();
    assert_eq!(counts, BTreeSet::from([1, 2]));
}

#[test]
fn small_scans_leave_what_one_large_scan_would() {
    let (grown, whole) = (Fleet::new(), Fleet::new());
    let (one, two, three) = (leak(11), leak(12), format!("# moved down\n\n{}", leak(11)));
    let steps: [&[(&str, &str)]; 4] =
        [&[("a.env", &one)], &[("b.env", &two)], &[("a.env", &three)], &[("b.env", "nothing\n"), ("c.env", &one)]];
    grown.repo("r", &steps[..1]);
    grown.run("");
    for (number, step) in steps.iter().enumerate().skip(1) {
        grown.push("r", number as u64, &[step]);
        grown.run("");
    }
    whole.repo("r", &steps);
    whole.run("");
    let exported = |fleet: &Fleet| {
        let run = run_in(fleet.path(), "report --from state/sweep.db --format jsonl", b"");
        let place = |line: serde_json::Value| {
            let text = |name: &str| line[name].to_string();
            let path = line["path"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
            (text("fingerprint"), path, text("line"), text("commit"), text("in_head"))
        };
        let mut places: Vec<_> = run.lines("finding").into_iter().map(place).collect();
        places.sort();
        places
    };
    assert_eq!(exported(&grown), exported(&whole));
    assert_eq!(exported(&whole).len(), 3);
}

#[test]
fn a_new_rule_is_looked_for_everywhere_and_nothing_else_is() {
    let fleet = Fleet::new();
    let digits =
        random(20, 5).bytes().map(|byte| char::from(b"0123456789abcdef"[usize::from(byte) % 16])).collect::<String>();
    let mark = format!("ACMEKEY-{digits}");
    fleet.repo("a", &[&[("a.txt", "clean\n"), ("b.txt", &format!("key {mark}\n"))]]);
    fleet.repo("b", &[&[("c.env", &leak(13))]]);
    fleet.run("");
    assert_eq!(found(&fleet.status().0).len(), 1);
    let rule = "[provider]\nid = \"acme\"\nname = \"Acme\"\nreferences = [\"https://acme.example\"]\n\n[[rule]]\nid = \"acme.key\"\n\
                name = \"Acme key\"\nseverity = \"high\"\npattern = 'ACMEKEY-[0-9a-f]{20}'\nconfidence = 0.9\nhelp = \"Revoke it.\"\n\
                references = [\"https://acme.example\"]\n\n[rule.examples]\nmatch = ['k ACMEKEY-<hex:20>', 'ACMEKEY-<hex:20>']\n\
                no-match = ['ACMEKEY-x', 'KEY']\n";
    std::fs::write(fleet.path().join("acme.toml"), rule).unwrap();
    let run = fleet.run("--rules acme.toml");
    assert_eq!(run.code, 1, "{}", run.stderr);
    let (status, _) = fleet.status();
    assert_eq!(found(&status).len(), 2, "{}", run.stderr);
    assert!(!run.stderr.contains("all of it is scanned again"), "{}", run.stderr);
    let shared: u64 =
        status["repository_list"].as_array().unwrap().iter().map(|one| one["shared"].as_u64().unwrap()).sum();
    assert!(shared > 0, "what the new rule does not touch is not scanned with the others: {status}");
}

#[test]
fn what_cannot_be_scanned_is_never_clean() {
    let fleet = Fleet::new();
    fleet.repo("a", &[&[("a.txt", "clean\n")]]);
    let gone = fleet.path().join("gone.git");
    std::fs::write(
        fleet.path().join("list"),
        format!("file://{}\nfile://{}\n", gone.display(), fleet.path().join("repos/a.git").display()),
    )
    .unwrap();
    let run = fleet.sweep("run list --state state --no-progress --retry-after 0");
    assert_eq!(run.code, 2, "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.matches("it is tried again").count() == 2, "{}", run.stderr);
    let (status, code) = fleet.status();
    assert_eq!((code, status["unscanned"].as_array().unwrap().len()), (2, 1), "{status}");
    let one = &status["unscanned"][0];
    assert_eq!(one["code"], "unscanned");
    assert!(one["name"].as_str().unwrap().contains("gone") && !one["reason"].as_str().unwrap().is_empty(), "{one}");
    let report = run_in(fleet.path(), "report --from state/sweep.db --format jsonl", b"");
    assert_eq!(report.lines("summary")[0]["skipped"].as_array().unwrap().len(), 1, "{}", report.stdout);
    assert_eq!(fleet.sweep("status --state state --allow-partial").code, 0);
}

#[test]
fn damage_is_on_the_ledger_until_it_is_gone() {
    let fleet = Fleet::new();
    let mut repo = Repo::new();
    repo.commit("a.txt", "one\n").commit("b.txt", "two\n");
    let blob = repo.id("HEAD:b.txt");
    let object = repo.at(&format!(".git/objects/{}/{}", &blob[..2], &blob[2..]));
    let bytes = std::fs::read(&object).unwrap();
    std::fs::remove_file(&object).unwrap();
    let target = repo.path().display().to_string();
    let run = |fleet: &Fleet| fleet.sweep(&format!("run {target} --state state --no-progress"));
    let first = run(&fleet);
    assert_eq!(first.code, 2, "{}{}", first.stdout, first.stderr);
    let (status, _) = fleet.status();
    assert_eq!(status["repositories"]["partial"], 1, "{status}");
    assert!(status["unscanned"][0]["object"].as_str().unwrap().contains("b.txt"), "{status}");
    // Nothing changed: it is still not scanned.
    assert_eq!(run(&fleet).code, 2);
    std::fs::write(&object, bytes).unwrap();
    repo.commit("c.txt", "three\n");
    assert_eq!(run(&fleet).code, 0, "{}", fleet.status().0);
}

#[test]
fn what_is_said_of_a_finding_holds_until_it_runs_out_or_comes_back() {
    let fleet = Fleet::new();
    fleet.repo("a", &[&[("a.env", &leak(15))]]);
    fleet.run("");
    let id = fleet.status().0["list"][0]["id"].as_str().unwrap().to_owned();
    let say = |words: &str| fleet.sweep(&format!("{words} --state state"));
    assert_eq!(say(&format!("ack {id} --reason known --until 2001-01-01")).code, 2);
    assert_eq!(say(&format!("ack {id} --reason known --until 2999-01-01")).code, 0);
    let (status, code) = fleet.status();
    assert_eq!((code, &status["findings"]["acknowledged"]), (0, &serde_json::json!(1)));
    assert_eq!(say(&format!("reopen {}", &id[..8])).code, 0);
    assert_eq!(fleet.status().1, 1);
    assert_eq!(say(&format!("ack {id} --as revoked --reason done")).code, 0);
    assert_eq!(fleet.run("").code, 0);
    assert_eq!(fleet.status().0["alerts"], serde_json::json!([]));
    fleet.push("a", 5, &[&[("again.env", &leak(15))]]);
    fleet.run("");
    let status = fleet.status().0;
    assert_eq!(
        (&status["alerts"][0]["code"], &status["alerts"][0]["finding"]),
        (&serde_json::json!("returned"), &serde_json::json!(id))
    );
    assert_eq!(say("ack 0000000000 --reason x").code, 2);
    let (_, trend) = status["trend"].as_object().unwrap().iter().next().unwrap();
    assert_eq!((&trend["revoked"], &trend["new"]), (&serde_json::json!(1), &serde_json::json!(1)));
}

#[test]
fn every_format_is_written_of_the_store() {
    let fleet = Fleet::new();
    fleet.repo("a", &[&[("a.env", &leak(16)), ("CODEOWNERS", "*.env @org/secrets\n")]]);
    fleet.repo("b", &[&[("x/a.env", &leak(16))]]);
    fleet.run("");
    for format in ["text", "jsonl", "json", "sarif", "gitlab", "github", "markdown", "html", "junit", "csv"] {
        let run = run_in(fleet.path(), &format!("report --from state/sweep.db --format {format}"), b"");
        assert_eq!(run.code, 0, "{format}: {}", run.stderr);
        assert!(run.stdout.contains("a.env"), "{format}: {}", run.stdout);
        assert!(!run.stdout.contains(&token(16)), "{format}");
    }
    let run = run_in(fleet.path(), "report --from state/sweep.db --format json", b"");
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let finding = &report["findings"][0];
    assert_eq!(finding["facts"]["owners"], "@org/secrets");
    assert_eq!(
        (finding["occurrences"].as_array().unwrap().len(), &finding["facts"]["repositories"]),
        (2, &serde_json::json!("2"))
    );
    assert_eq!(
        (&finding["tracked"]["state"], &finding["tracked"]["owners"][0]),
        (&"open".into(), &"@org/secrets".into())
    );
    assert!(finding["occurrences"][0]["repository"].as_str().unwrap().contains("repos/"), "{finding}");
    assert_eq!(report["summary"]["trend"].as_object().unwrap().len(), 1);
    // What is made of the saved report is what is made of the store.
    std::fs::write(fleet.path().join("saved.json"), &run.stdout).unwrap();
    for format in ["html", "json", "csv"] {
        let of = |from: &str| run_in(fleet.path(), &format!("report {from} --format {format}"), b"").stdout;
        assert!(of("saved.json") == of("--from state/sweep.db"), "{format}");
    }
    assert_eq!(run_in(fleet.path(), "report --from nowhere.db", b"").code, 2);
}

#[test]
fn figures_are_served_and_a_stopped_sweep_goes_on() {
    use std::io::{Read, Write};
    let fleet = Fleet::new();
    fleet.many(30);
    let args = "sweep run repos --state state --no-progress --workers 1 --metrics 127.0.0.1:0";
    let mut child = crate::command_in(fleet.path(), args).spawn().unwrap();
    let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut stderr, &mut line).unwrap();
    let address = line.trim().rsplit("http://").next().unwrap().trim_end_matches("/metrics").to_owned();
    let get = |path: &str| {
        let mut stream = std::net::TcpStream::connect(&address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    };
    assert!(get("/metrics").contains("\nstopleak_sweep_jobs_left "), "{}", get("/metrics"));
    assert!(get("/healthz").ends_with("ok\n") && get("/x").starts_with("HTTP/1.1 404"));
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    let ended = child.wait().unwrap();
    assert!(matches!(ended.code(), Some(1 | 2)), "{ended:?}");
    fleet.run("");
    assert_eq!(fleet.status().0["repositories"]["scanned"], 30);
}

#[test]
fn what_is_no_longer_there_is_no_longer_asked_for() {
    let fleet = Fleet::new();
    fleet.repo("a", &[&[("a.txt", "clean\n")]]);
    let broken = fleet.repo("b", &[&[("b.txt", "clean\n")]]);
    std::fs::write(broken.join("config"), "[extensions]\n\trefStorage = other\n").unwrap();
    assert_eq!(fleet.run("").code, 2);
    std::fs::remove_dir_all(broken).unwrap();
    let run = fleet.run("");
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert_eq!(fleet.status().0["repositories"], serde_json::json!({ "gone": 1, "scanned": 1 }));
    fleet.repo("b", &[&[("b.txt", "clean\n"), ("b.env", &leak(20))]]);
    assert_eq!(fleet.run("").code, 1);
    assert_eq!(fleet.status().0["repositories"]["scanned"], 2);
}

#[test]
fn mistakes_are_told() {
    let fleet = Fleet::new();
    fleet.repo("a", &[&[("a.txt", "clean\n")]]);
    let table = [
        ("run", "required arguments"),
        ("run repos --state state --schedule noon", "`noon` is no schedule"),
        ("run repos --state state --queue redis://x", "nats://"),
        ("run repos --state state --store postgres://127.0.0.1:1/x", "cannot be reached"),
        ("status --state elsewhere", "there is no store"),
        ("status --state state --store elsewhere.db", "there is no store"),
    ];
    for (args, words) in table {
        let run = fleet.sweep(args);
        assert_eq!((run.code, run.stderr.contains(words)), (2, true), "{args}: {}", run.stderr);
    }
    assert_eq!(fleet.run("").code, 0);
    let finding = fleet.sweep("ack nothing --reason x --state state");
    assert!(finding.stderr.contains("no finding is called"), "{}", finding.stderr);
}

#[test]
fn a_finding_whose_rule_is_gone_stays_and_says_so() {
    let fleet = Fleet::new();
    let rule = |id: &str, word: &str| {
        format!(
            "[provider]\nid = \"acme\"\nname = \"Acme\"\nreferences = [\"https://acme.example\"]\n\n[[rule]]\nid = \"{id}\"\n\
             name = \"Acme key\"\nseverity = \"high\"\npattern = '{word}-[0-9a-f]{{20}}'\nconfidence = 0.9\nhelp = \"Revoke it.\"\n\
             references = [\"https://acme.example\"]\n\n[rule.examples]\nmatch = ['k {word}-<hex:20>', '{word}-<hex:20>']\n\
             no-match = ['{word}-x', 'KEY']\n"
        )
    };
    std::fs::write(fleet.path().join("acme.toml"), rule("acme.key", "ACMEKEY")).unwrap();
    let hex: String =
        random(20, 6).bytes().map(|byte| char::from(b"0123456789abcdef"[usize::from(byte) % 16])).collect();
    fleet.repo("a", &[&[("a.txt", &format!("key ACMEKEY-{hex}\n")), ("c.env", &leak(14))]]);
    fleet.run("--rules acme.toml");
    assert_eq!(fleet.status().0["stale"], serde_json::json!({}));
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    // Without its rule.
    let run = fleet.run("");
    assert!(run.code == 1 && run.stdout.contains("its rule is gone"), "{}{}", run.stdout, run.stderr);
    let status = fleet.status().0;
    assert_eq!((&status["stale"], found(&status).len()), (&serde_json::json!({ "its rule is gone": 1 }), 2));
    let report = run_in(fleet.path(), "report --from state/sweep.db --format json", b"");
    assert!(report.stdout.contains("its rule is gone"), "{}", report.stdout);
    // A gate that leaves the other out: no scan of everything sees it any more.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let run = fleet.run("--gate critical,1.0");
    let stale = &fleet.status().0["stale"];
    assert_eq!(stale["the last scan of everything did not see it"], 1, "{stale} {}", run.stderr);
}
