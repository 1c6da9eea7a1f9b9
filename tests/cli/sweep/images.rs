//! Images of a registry: each layer once, each place known, nothing new costs one question.

use super::registry::Registry;
use super::{Fleet, found, leak, rule_of};
use crate::archives::tar;
use crate::made::token;
use crate::server::{Asked, Reply, Server};
use crate::{Run, run_in};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use stopleak_core::image::Digest;

fn layer(name: &str, text: &str) -> Vec<u8> {
    tar(&[(name, text.as_bytes())])
}

fn sweep(fleet: &Fleet, host: &str, more: &str) -> Run {
    let args = format!("run docker://{host}/ --state state --no-progress --retry-after 0 --workers 1 {more}");
    fleet.sweep(&args)
}

/// Each place's path without the registry, and what becomes of its file.
fn places(fleet: &Fleet, host: &str) -> Vec<(String, String)> {
    let run = run_in(fleet.path(), "report --from state/sweep.db --format jsonl", b"");
    let place = |line: serde_json::Value| {
        let path = line["path"].as_str().unwrap().replace(&format!("{host}/"), "");
        let parts: Vec<&str> = path.split('!').collect();
        (format!("{} › {}", parts[0], parts[2..].join("!")), line["image"]["fate"].as_str().unwrap_or("-").to_owned())
    };
    let mut places: Vec<_> = run.lines("finding").into_iter().map(place).collect();
    places.sort();
    places
}

fn status_of(status: &serde_json::Value, end: &str) -> (String, u64) {
    let list = status["repository_list"].as_array().unwrap();
    let one = list.iter().find(|one| one["key"].as_str().unwrap().ends_with(end)).unwrap();
    (one["status"].as_str().unwrap().to_owned(), one["shared"].as_u64().unwrap())
}

#[test]
fn layers_are_scanned_once_and_what_leaks_is_known_in_every_image() {
    let fleet = Fleet::new();
    let Some(registry) = Registry::start(fleet.path()) else { return };
    let base = layer("etc/os-release", "ID=none\n");
    let leaking = layer("app/a.env", &leak(21));
    let (removed, own) = (layer("app/.wh.a.env", ""), layer("app/b.env", &leak(22)));
    registry.push("team/app", "v1", &[base.clone(), leaking.clone(), removed]);
    let second = registry.push("team/app", "v2", &[base.clone(), leaking.clone(), own]);
    let other = registry.push("other", "v1", std::slice::from_ref(&base));
    registry.asked();
    let run = sweep(&fleet, &registry.host, "");
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    let (status, _) = fleet.status();
    let rule = rule_of(&status);
    assert_eq!(found(&status), [(rule.clone(), 1, 1), (rule.clone(), 2, 2)], "{status}");
    let expected = [
        ("team/app:v1 › app/a.env", "deleted"),
        ("team/app:v2 › app/a.env", "kept"),
        ("team/app:v2 › app/b.env", "kept"),
    ];
    let expected = expected.map(|(place, fate)| (place.to_owned(), fate.to_owned()));
    assert_eq!(places(&fleet, &registry.host), expected);
    let asked = registry.asked();
    let fetched = |asked: &[String], layer: &[u8]| {
        let end = format!("/blobs/{}", Digest::of(layer));
        asked.iter().filter(|asked| asked.ends_with(&end)).count()
    };
    assert_eq!((fetched(&asked, &base), fetched(&asked, &leaking)), (1, 2), "{asked:?}");

    // Nothing new: one question for each tag, and none for a manifest's text.
    let run = sweep(&fleet, &registry.host, "");
    let mut asked: Vec<String> = registry.asked().into_iter().filter(|asked| !asked.contains("/tags/list")).collect();
    let mut names =
        ["other/manifests/v1", "team/app/manifests/v1", "team/app/manifests/v2"].map(|n| format!("HEAD /v2/{n}"));
    asked.sort();
    names.sort();
    assert_eq!((asked, run.code), (names.to_vec(), 1), "{}", run.stderr);

    // A new tag, and two that are gone.
    registry.push("team/app", "v3", &[base.clone(), leaking.clone(), layer("x", "nothing\n")]);
    registry.delete("team/app", &second);
    registry.delete("other", &other);
    registry.asked();
    let run = sweep(&fleet, &registry.host, "");
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    let asked = registry.asked();
    assert_eq!((fetched(&asked, &base), fetched(&asked, &leaking)), (0, 1), "{asked:?}");
    let (status, _) = fleet.status();
    assert_eq!(status_of(&status, "app:v2#image").0, "gone");
    assert_eq!(status_of(&status, "other:v1#image").0, "gone");
    assert_eq!(status_of(&status, "app:v3#image"), ("scanned".to_owned(), 1));
    assert_eq!(found(&status), [(rule.clone(), 1, 1), (rule.clone(), 3, 3)], "what was found stays on record");
    assert_eq!(status["unlisted"], serde_json::json!([]), "{status}");
    assert!(!run.stdout.contains(&token(21)) && !run.stderr.contains(&token(21)));
}

#[test]
fn a_tag_that_moves_on_leaves_what_it_held_stale() {
    let fleet = Fleet::new();
    let Some(registry) = Registry::start(fleet.path()) else { return };
    registry.push("app", "latest", &[layer("a.env", &leak(23))]);
    sweep(&fleet, &registry.host, "");
    assert_eq!(fleet.status().0["stale"], serde_json::json!({}));
    std::thread::sleep(Duration::from_millis(1_100));
    registry.push("app", "latest", &[layer("a.env", "nothing\n")]);
    let run = sweep(&fleet, &registry.host, "");
    let stale = "the last scan of everything did not see it";
    assert!(run.code == 1 && run.stdout.contains(stale), "{}{}", run.stdout, run.stderr);
    assert_eq!(fleet.status().0["list"][0]["stale"], stale);
}

/// A registry of one image that answers as it is told.
struct Made {
    server: Server,
    /// Blobs are not sent to their end.
    is_broken: Arc<AtomicBool>,
}

fn made(layers: Vec<Vec<u8>>) -> Made {
    let is_broken = Arc::new(AtomicBool::new(true));
    let broken = Arc::clone(&is_broken);
    let config = "{}".as_bytes().to_vec();
    let of = |bytes: &[u8]| format!(r#"{{"digest":"{}","size":{}}}"#, Digest::of(bytes), bytes.len());
    let list: Vec<String> = layers.iter().map(|layer| of(layer)).collect();
    let manifest = format!(r#"{{"schemaVersion":2,"config":{},"layers":[{}]}}"#, of(&config), list.join(","));
    let first = Digest::of(&layers[0]).to_string();
    let blobs: Vec<Vec<u8>> = layers.into_iter().chain([config]).collect();
    let server = Server::start(move |asked: &Asked| match asked.path.as_str() {
        "/v2/" => Reply::new(200, "{}"),
        path if path.starts_with("/v2/_catalog") => Reply::new(200, r#"{"repositories":["app"]}"#),
        path if path.contains("/tags/list") => Reply::new(200, r#"{"name":"app","tags":["v1"]}"#),
        path if path.contains("/manifests/") => {
            Reply::new(200, manifest.clone()).header("Docker-Content-Digest", Digest::of(manifest.as_bytes()).as_str())
        }
        path => match blobs.iter().find(|blob| path.ends_with(Digest::of(blob).as_str())) {
            Some(_) if path.ends_with(&first) && broken.load(Ordering::Relaxed) => {
                std::thread::sleep(Duration::from_millis(50));
                Reply::new(404, r#"{"errors":[{"code":"BLOB_UNKNOWN","message":"not now"}]}"#)
            }
            Some(blob) => Reply::new(200, blob.clone()),
            None => Reply::new(404, ""),
        },
    });
    Made { server, is_broken }
}

#[test]
fn a_layer_that_cannot_be_read_is_on_the_ledger_and_asked_for_again() {
    let fleet = Fleet::new();
    let clean = layer("b.txt", "nothing\n");
    let Made { server, is_broken } = made(vec![layer("a.env", &leak(24)), clean.clone()]);
    let run = sweep(&fleet, &server.host, "");
    assert_eq!(run.code, 2, "{}{}", run.stdout, run.stderr);
    let (status, _) = fleet.status();
    let one = &status["unscanned"][0];
    assert!(one["code"] == "image-layer" && one["reason"].as_str().unwrap().contains("404"), "{status}");
    let of_clean = || {
        let end = Digest::of(&clean).to_string();
        server.asked().iter().filter(|asked| asked.path.ends_with(&end)).count()
    };
    // Three tries: the layer that held nothing was read at the first.
    assert_eq!((run.stderr.matches("it is tried again").count(), of_clean()), (2, 1), "{}", run.stderr);
    is_broken.store(false, Ordering::Relaxed);
    let run = sweep(&fleet, &server.host, "");
    // Once more for what it does to the file below, now that something leaks there.
    assert_eq!((run.code, of_clean()), (1, 2), "{}{}", run.stdout, run.stderr);
    assert_eq!(fleet.status().0["unscanned"], serde_json::json!([]));
}

#[test]
fn an_interrupted_image_goes_on_with_the_layer_it_was_at() {
    let fleet = Fleet::new();
    let (slow, quick) = (layer("a.txt", "nothing\n"), layer("b.txt", "no more\n"));
    let asked_for = Arc::new(Mutex::new(Vec::<String>::new()));
    let known = Arc::clone(&asked_for);
    let of = |bytes: &[u8]| format!(r#"{{"digest":"{}","size":{}}}"#, Digest::of(bytes), bytes.len());
    let manifest = format!(r#"{{"schemaVersion":2,"config":{},"layers":[{},{}]}}"#, of(b"{}"), of(&slow), of(&quick));
    let (slow_digest, quick_digest) = (Digest::of(&slow).to_string(), Digest::of(&quick).to_string());
    let (end, quick_end) = (slow_digest.clone(), quick_digest.clone());
    let server = Server::start(move |asked: &Asked| match asked.path.as_str() {
        "/v2/" => Reply::new(200, "{}"),
        path if path.starts_with("/v2/_catalog") => Reply::new(200, r#"{"repositories":["app"]}"#),
        path if path.contains("/tags/list") => Reply::new(200, r#"{"name":"app","tags":["v1"]}"#),
        path if path.contains("/manifests/") => Reply::new(200, manifest.clone()),
        path => {
            let count = {
                let mut known = known.lock().unwrap();
                known.push(path.to_owned());
                known.iter().filter(|known| *known == path).count()
            };
            match path {
                path if path.ends_with(&end) => {
                    std::thread::sleep(Duration::from_secs(if count == 1 { 30 } else { 0 }));
                    Reply::new(200, slow.clone())
                }
                path if path.ends_with(&quick_end) => Reply::new(200, quick.clone()),
                _ => Reply::new(200, "{}"),
            }
        }
    });
    let args = format!("sweep run docker://{}/ --state state --no-progress --workers 1 --lease 1", server.host);
    let mut child = crate::command_in(fleet.path(), &args).spawn().unwrap();
    let count = |digest: &str| asked_for.lock().unwrap().iter().filter(|asked| asked.ends_with(digest)).count();
    let deadline = Instant::now() + Duration::from_secs(60);
    while count(&slow_digest) == 0 {
        assert!(Instant::now() < deadline, "it does not come so far");
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let run = sweep(&fleet, &server.host, "--lease 1");
    assert_eq!((run.code, count(&quick_digest), count(&slow_digest)), (0, 1, 2), "{}{}", run.stdout, run.stderr);
}
