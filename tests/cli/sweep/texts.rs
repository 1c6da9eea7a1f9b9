//! Issues and comments of a forge: read once, then what is new alone, within its limits.

use super::{Fleet, found, leak};
use crate::server::{Asked, Reply, Server};
use crate::{Run, run_in};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use stopleak_core::time::{parse_rfc3339, rfc3339};

const START: i64 = 1_709_296_200;
/// On a page: of few texts there are several pages.
const EACH: usize = 2;

/// What GitHub has, and how it behaves.
#[derive(Default)]
struct Hub {
    /// The list, the id, when it was changed, the text.
    written: Vec<(&'static str, u64, i64, String)>,
    /// Requests that are still answered.
    left: Option<u64>,
    /// The next one is refused for a second.
    is_busy: bool,
    /// Issues are switched off.
    is_off: bool,
}

struct Forge {
    server: Server,
    hub: Arc<Mutex<Hub>>,
}

impl Forge {
    fn start() -> Forge {
        let hub = Arc::new(Mutex::new(Hub::default()));
        let shared = Arc::clone(&hub);
        let server = Server::start(move |asked| answer(&mut shared.lock().unwrap(), asked));
        Forge { server, hub }
    }

    /// Writes or edits a text, so many minutes after the start.
    fn write(&self, list: &'static str, id: u64, minute: i64, text: &str) {
        let mut hub = self.hub.lock().unwrap();
        hub.written.retain(|(known, number, ..)| (*known, *number) != (list, id));
        hub.written.push((list, id, START + minute * 60, text.to_owned()));
    }

    /// Requests for texts since so many, each with the status it was answered with.
    fn asked(&self, after: usize) -> Vec<String> {
        let of_texts = |asked: &Asked| asked.path.starts_with("/api/v3/repos/").then(|| asked.path.clone());
        self.server.asked().iter().filter_map(of_texts).skip(after).collect()
    }

    fn count(&self) -> usize {
        self.asked(0).len()
    }
}

fn answer(hub: &mut Hub, asked: &Asked) -> Reply {
    let Some(path) = asked.path.strip_prefix("/api/v3/repos/org/app/") else {
        // A repository of git without a reference.
        let service = "001e# service=git-upload-pack\n0000";
        return match asked.path.ends_with("/info/refs?service=git-upload-pack") {
            true => Reply::new(200, format!("{service}0000"))
                .header("Content-Type", "application/x-git-upload-pack-advertisement"),
            false => Reply::new(404, "{}"),
        };
    };
    if std::mem::take(&mut hub.is_busy) {
        return Reply::new(429, r#"{"message":"slow down"}"#).header("Retry-After", "1");
    }
    if hub.left == Some(0) {
        let reset = parse_rfc3339("2100-01-01T00:00:00Z").unwrap().to_string();
        return Reply::new(403, r#"{"message":"API rate limit exceeded"}"#)
            .header("X-RateLimit-Remaining", "0")
            .header("X-RateLimit-Reset", reset);
    }
    hub.left = hub.left.map(|left| left - 1);
    let (list, query) = path.split_once('?').unwrap();
    if list == "issues" && hub.is_off {
        return Reply::new(410, r#"{"message":"Issues are disabled for this repo"}"#);
    }
    let of = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name));
    assert_eq!(of("sort="), Some("updated"), "{path}");
    let since = of("since=").map_or(0, |since| parse_rfc3339(since).unwrap());
    let mut texts: Vec<_> = hub.written.iter().filter(|(of, _, at, _)| *of == list && *at >= since).collect();
    texts.sort_by_key(|(_, _, at, _)| *at);
    if of("direction=") == Some("desc") {
        texts.reverse();
    }
    let page: usize = of("page=").map_or(1, |page| page.parse().unwrap());
    let more = texts.len() > page * EACH;
    let one = |(_, id, at, text): &&(&str, u64, i64, String)| {
        let number = if matches!(list, "issues" | "pulls") { "number" } else { "id" };
        let page = if list == "issues" { format!("issues/{id}") } else { format!("issues/1#comment-{id}") };
        json!({ number: id, "body": text, "updated_at": rfc3339(*at), "user": { "login": "ann" },
                "html_url": format!("https://github.example/org/app/{page}") })
    };
    let texts: Vec<Value> = texts.iter().skip((page - 1) * EACH).take(EACH).map(one).collect();
    let body = Value::Array(texts).to_string();
    let mark = format!("\"{}\"", stopleak_core::image::Digest::of(body.as_bytes()));
    if asked.header("if-none-match") == Some(&mark) {
        return Reply::new(304, "").header("ETag", mark);
    }
    let reply = Reply::new(200, body).header("ETag", mark);
    let others: Vec<&str> = query.split('&').filter(|pair| !pair.starts_with("page=")).collect();
    match more {
        true => reply.header("Link", format!("<https://x/y?{}&page={}>; rel=\"next\"", others.join("&"), page + 1)),
        false => reply,
    }
}

fn sweep(fleet: &Fleet, forge: &Forge, more: &str) -> Run {
    std::fs::write(fleet.path().join("list"), format!("http://{}/org/app.git\n", forge.server.host)).unwrap();
    let args = format!("sweep run list --issues --state state --no-progress --retry-after 0 {more}");
    let mut command = crate::command_in(fleet.path(), &args);
    for name in ["GH_TOKEN", "GITHUB_TOKEN", "GITHUB_APP_ID"] {
        command.env_remove(name);
    }
    let output = command.env("GITHUB_API_URL", format!("http://{}", forge.server.host)).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

fn paths(fleet: &Fleet) -> Vec<String> {
    let run = run_in(fleet.path(), "report --from state/sweep.db --format jsonl", b"");
    let mut paths: Vec<String> =
        run.lines("finding").iter().map(|line| line["path"].as_str().unwrap().to_owned()).collect();
    paths.sort();
    paths
}

fn blobs(status: &Value) -> u64 {
    let list = status["repository_list"].as_array().unwrap();
    list.iter().find(|one| one["key"].as_str().unwrap().ends_with("#issues")).unwrap()["blobs"].as_u64().unwrap()
}

#[test]
fn texts_are_read_once_and_then_what_is_new() {
    let (fleet, forge) = (Fleet::new(), Forge::start());
    for id in 1..=5 {
        let text = if id == 4 { leak(31) } else { format!("issue {id}") };
        forge.write("issues", id, id as i64 * 10, &text);
    }
    forge.write("issues/comments", 7, 100, "a word");
    forge.write("issues/comments", 8, 101, &leak(32));
    forge.hub.lock().unwrap().is_busy = true;
    let run = sweep(&fleet, &forge, "");
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("its limit is reached"), "{}", run.stderr);
    let all = ["https://github.example/org/app/issues/1#comment-8", "https://github.example/org/app/issues/4"];
    assert_eq!(paths(&fleet), all);
    let (status, _) = fleet.status();
    assert_eq!((blobs(&status), status["unscanned"].clone()), (7, json!([])), "{status}");

    // Nothing new: the moments before are asked for once more, and from then on one question a list, which is answered
    // with nothing.
    sweep(&fleet, &forge, "");
    let before = forge.count();
    let run = sweep(&fleet, &forge, "");
    assert_eq!((forge.count() - before, run.code), (3, 1), "{:?}", forge.asked(before));
    let known = blobs(&fleet.status().0);
    sweep(&fleet, &forge, "");
    assert_eq!(blobs(&fleet.status().0), known, "an answer of nothing is not scanned");

    // One is edited, one is new, one is deleted: what was found stays.
    forge.write("issues/comments", 8, 200, "it is gone");
    forge.write("pulls/comments", 9, 201, &leak(33));
    forge.hub.lock().unwrap().written.retain(|(_, id, ..)| *id != 4);
    let before = forge.count();
    sweep(&fleet, &forge, "");
    assert!(forge.asked(before).iter().all(|path| path.contains("since=") || path.contains("pulls/comments")));
    let status = fleet.status().0;
    assert_eq!((found(&status).len(), paths(&fleet).len()), (3, 3), "{status}");
}

#[test]
fn a_limit_is_waited_for_no_longer_than_allowed_and_the_next_sweep_goes_on_there() {
    let (fleet, forge) = (Fleet::new(), Forge::start());
    for id in 1..=9 {
        forge.write("issues", id, id as i64 * 10, if id == 9 { leak(34) } else { leak(40 + id) }.as_str());
    }
    forge.hub.lock().unwrap().left = Some(2);
    let run = sweep(&fleet, &forge, "--max-wait 1");
    let (status, _) = fleet.status();
    let ledger: Vec<&str> =
        status["unscanned"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect();
    assert_eq!(ledger, ["forge-limit"; 3], "{}{status}", run.stderr);
    let found_before = found(&status).len();
    assert!((3..9).contains(&found_before), "{found_before}");
    forge.hub.lock().unwrap().left = None;
    let before = forge.count();
    let run = sweep(&fleet, &forge, "");
    assert!(forge.asked(before)[0].contains("since=2024"), "{:?}", forge.asked(before));
    let (status, _) = fleet.status();
    assert_eq!((found(&status).len(), status["unscanned"].clone()), (9, json!([])), "{}", run.stderr);
}

#[test]
fn where_issues_are_switched_off_requests_to_merge_are_read() {
    let (fleet, forge) = (Fleet::new(), Forge::start());
    forge.hub.lock().unwrap().is_off = true;
    for id in 1..=5 {
        forge.write("pulls", id, id as i64 * 10, &leak(50 + id));
    }
    let run = sweep(&fleet, &forge, "");
    assert_eq!((found(&fleet.status().0).len(), run.code), (5, 1), "{}", run.stderr);
    let before = forge.count();
    sweep(&fleet, &forge, "");
    // Issues, the first page of requests, and two lists of comments.
    assert_eq!(forge.count() - before, 4, "{:?}", forge.asked(before));
    forge.write("pulls", 2, 100, &leak(60));
    sweep(&fleet, &forge, "");
    assert_eq!(found(&fleet.status().0).len(), 6);
}

#[test]
fn a_sweep_that_is_killed_while_texts_are_read_goes_on_there() {
    let (fleet, forge) = (Fleet::new(), Forge::start());
    for id in 1..=40 {
        forge.write("issues", id, id as i64 * 10, &leak(100 + id));
    }
    std::fs::write(fleet.path().join("list"), format!("http://{}/org/app.git\n", forge.server.host)).unwrap();
    let args = "sweep run list --issues --state state --no-progress --lease 1";
    let mut command = crate::command_in(fleet.path(), args);
    command.env_remove("GH_TOKEN").env_remove("GITHUB_TOKEN");
    let mut child = command.env("GITHUB_API_URL", format!("http://{}", forge.server.host)).spawn().unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while forge.count() < 6 {
        assert!(std::time::Instant::now() < deadline, "it does not come so far");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let run = sweep(&fleet, &forge, "--lease 1");
    assert_eq!((found(&fleet.status().0).len(), run.code), (40, 1), "{}{}", run.stdout, run.stderr);
    let first = forge.asked(0).iter().filter(|path| path.contains("/issues?") && !path.contains("since=")).count();
    assert_eq!(first, 1, "it begins once: {:?}", forge.asked(0));
}

#[test]
fn two_workers_over_postgresql_sweep_images_and_texts() {
    let (fleet, forge) = (Fleet::new(), Forge::start());
    let Some(database) = super::servers::postgres(fleet.path()) else { return };
    let Some(registry) = super::registry::Registry::start(fleet.path()) else { return };
    for number in 0..6_u64 {
        let shared = crate::archives::tar(&[("b.txt", b"nothing\n")]);
        let own = crate::archives::tar(&[("a.env", leak(200 + number % 3).as_bytes())]);
        registry.push("app", &format!("v{number}"), &[shared, own]);
    }
    for id in 1..=5 {
        forge.write("issues", id, id as i64 * 10, &leak(300 + id));
    }
    let list = format!("docker://{}/\nhttp://{}/org/app.git\n", registry.host, forge.server.host);
    std::fs::write(fleet.path().join("list"), list).unwrap();
    let store = format!("postgres://sweep@127.0.0.1:{}/postgres?sslmode=disable", database.port);
    let command = |args: &str| {
        let mut command = crate::command_in(fleet.path(), args);
        command
            .env_remove("GH_TOKEN")
            .env_remove("GITHUB_TOKEN")
            .env("GITHUB_API_URL", format!("http://{}", forge.server.host));
        command.env("STOPLEAK_STORE", &store).env("STOPLEAK_STORE_KEY", "a".repeat(64));
        command
    };
    let status = || {
        let output = command("sweep status --state s --format json --findings --repositories").output().unwrap();
        serde_json::from_slice::<Value>(&output.stdout).unwrap_or_default()
    };
    let planner = command("sweep run list --issues --state p --no-work --no-progress").spawn().unwrap();
    while status()["jobs"]["waiting"].as_u64().unwrap_or(0) < 8 {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let work = |state: &str| {
        command(&format!("sweep work --state {state} --workers 2 --until-empty --no-progress")).spawn().unwrap()
    };
    for child in [work("one"), work("two"), planner] {
        let output = child.wait_with_output().unwrap();
        assert!(matches!(output.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let status = status();
    let repositories: Vec<u64> = found(&status).iter().map(|(_, repositories, _)| *repositories).collect();
    assert_eq!(repositories, [1, 1, 1, 1, 1, 2, 2, 2], "{status}");
    assert_eq!((&status["unscanned"], &status["repositories"]["scanned"]), (&json!([]), &json!(8)), "{status}");
}
