//! GitHub Actions.

use super::{WAITS, forges, is_us, json, log, messages, now, paths, places, request, since, unscanned};
use crate::archives::zip_stored;
use crate::made::token;
use crate::server::{Asked, Reply, Server};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use stopleak_core::forge::{Chosen, Client, Place, Recent, list};
use stopleak_core::scan::{Forges, Request, scan};

const BASE: &str = "/api/v3/repos/o/r/actions/";

/// Answers by the path below the repository's actions.
fn api(answer: impl Fn(&str, &Asked) -> Reply + Send + Sync + 'static) -> Server {
    Server::start(move |asked| match asked.path.strip_prefix(BASE) {
        Some(_) if !is_us(asked) => Reply::new(401, "{\"message\":\"Requires authentication\"}"),
        Some(path) => answer(path, asked),
        None => Reply::new(404, "{}"),
    })
}

/// A storage that takes nobody who says who they are, as signed addresses do.
fn storage(content: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Server {
    Server::start(move |asked| {
        let is_signed = asked.path.ends_with("?sig=word-of-the-signature");
        match is_signed && asked.header("authorization").is_none() && asked.header("x-github-api-version").is_none() {
            true => Reply::new(200, content(asked.path.split('?').next().unwrap())),
            false => Reply::new(403, "signature"),
        }
    })
}

fn sent_on(host: &str, path: &str) -> Reply {
    Reply::new(302, "").header("Location", format!("http://{host}/{path}?sig=word-of-the-signature"))
}

#[test]
fn a_run_is_the_logs_of_its_attempts_and_its_artifacts() {
    let [first, second, deep] = [71, 72, 73].map(token);
    let jar = zip_stored(&[("app.properties", format!("a={deep}\n").as_bytes())]);
    let zips = [
        zip_stored(&[("build/2_Run tests.txt", log(&first).as_bytes())]),
        zip_stored(&[("0_build.txt", log(&second).as_bytes()), ("build/2_Run tests.txt", log(&second).as_bytes())]),
        zip_stored(&[("out/app.jar", &jar)]),
    ];
    let store = storage(move |path| zips[path[1..].parse::<usize>().unwrap()].clone());
    let host = store.host.clone();
    let server = api(move |path, _| match path {
        "runs/7" => json(r#"{"id":7,"run_attempt":2,"status":"completed","name":"CI"}"#),
        "runs/7/attempts/1/logs" => sent_on(&host, "0"),
        "runs/7/attempts/2/logs" => sent_on(&host, "1"),
        "runs/7/artifacts?per_page=100" => json(
            r#"{"total_count":1,"artifacts":[{"id":9,"name":"out","expired":false,"expires_at":"2027-01-01T00:00:00Z"}]}"#,
        ),
        "artifacts/9/zip" => sent_on(&host, "2"),
        _ => Reply::new(404, ""),
    });
    let outcome = scan(&request("github://o/r/actions/runs/7", forges(&server.host))).unwrap();
    let at = |attempt: u32| {
        let path = format!("o/r/actions/runs/7/attempts/{attempt}/logs!build/2_Run tests.txt");
        vec![(path, 3, Some("build".to_owned()), Some("Run tests".to_owned()))]
    };
    assert_eq!(places(&outcome, &first), at(1), "{}", messages(&outcome));
    assert_eq!(places(&outcome, &second), at(2));
    let artifact = "o/r/actions/runs/7/artifacts/out!out/app.jar!app.properties".to_owned();
    assert_eq!(places(&outcome, &deep), [(artifact, 1, None, None)]);
    assert_eq!((outcome.findings.len(), unscanned(&outcome)), (3, vec![]));
    assert_eq!(store.asked().len(), 3);
    let shown: Vec<String> = outcome.findings.iter().map(|finding| finding.occurrences[0].origin.to_string()).collect();
    let host = &server.host;
    let expected = format!("run {host}/o/r/actions/runs/7 › artifact out › out/app.jar › app.properties");
    assert!(shown.contains(&expected), "{shown:?}");
    // One attempt alone.
    let one = scan(&request("github://o/r/actions/runs/7/attempts/1", forges(&server.host)));
    assert!(one.unwrap_err().to_string().contains("has no run 7, or does not show it to this token"));
}

#[test]
fn a_job_and_an_artifact_can_be_named_alone() {
    let [in_log, in_artifact] = [74, 75].map(token);
    let (text, zip) = (log(&in_log), zip_stored(&[("a.env", format!("A={in_artifact}\n").as_bytes())]));
    let server = api(move |path, _| match path {
        "jobs/5" => json(r#"{"id":5,"name":"build (linux)","status":"completed","run_id":7}"#),
        "jobs/5/logs" => Reply::new(200, text.clone()),
        "jobs/6" => json(r#"{"id":6,"name":"deploy","status":"in_progress"}"#),
        "artifacts/9" => json(r#"{"id":9,"name":"out","expired":false,"workflow_run":{"id":7}}"#),
        "artifacts/9/zip" => Reply::new(200, zip.clone()),
        _ => Reply::new(404, ""),
    });
    let fetch = |target: &str| scan(&request(target, forges(&server.host))).unwrap();
    let outcome = fetch("github://o/r/actions/jobs/5");
    let (job, step) = (Some("build (linux)".to_owned()), Some("Run ./test".to_owned()));
    assert_eq!(places(&outcome, &in_log), [("o/r/actions/jobs/5/log".to_owned(), 3, job, step)]);
    let outcome = fetch("github://o/r/actions/artifacts/9");
    assert_eq!(paths(&outcome, &in_artifact), ["o/r/actions/runs/7/artifacts/out!a.env"]);
    let outcome = fetch("github://o/r/actions/jobs/6");
    assert_eq!(unscanned(&outcome), ["forge-unfinished", "nothing-scanned"]);
}

#[test]
fn lists_are_read_to_their_last_page() {
    let tokens: Vec<String> = (0..5).map(|seed| token(800 + seed)).collect();
    let held = tokens.clone();
    let server = api(move |path, asked| {
        let of = |number: usize| format!(r#"{{"id":{number},"name":"part {number}"}}"#);
        let host = asked.header("host").unwrap();
        // Addresses of further pages name the repository by its number.
        let next = |page: usize| {
            let next =
                format!("<http://{host}/api/v3/repositories/1/actions/x?per_page=100&page={page}>; rel=\"next\"");
            format!("<http://{host}/x?page=1>; rel=\"first\", {next}")
        };
        let page = |parts: &[usize]| {
            json(format!(r#"{{"artifacts":[{}]}}"#, parts.iter().map(|p| of(*p)).collect::<Vec<_>>().join(",")))
        };
        match path {
            "runs/7" => json(r#"{"id":7,"status":"completed"}"#),
            "runs/7/artifacts?per_page=100" => page(&[0, 1]).header("Link", next(2)),
            "runs/7/artifacts?per_page=100&page=2" => page(&[2, 3]).header("Link", next(3)),
            "runs/7/artifacts?per_page=100&page=3" => page(&[4]),
            "runs/7/attempts/1/logs" => Reply::new(200, zip_stored(&[("0_a.txt", b"x")])),
            path => {
                let number: usize = path.split('/').nth(1).unwrap().parse().unwrap();
                Reply::new(200, zip_stored(&[("a.env", format!("A={}\n", held[number]).as_bytes())]))
            }
        }
    });
    let outcome = scan(&request("github://o/r/actions/runs/7", forges(&server.host))).unwrap();
    for (number, token) in tokens.iter().enumerate() {
        assert_eq!(paths(&outcome, token), [format!("o/r/actions/runs/7/artifacts/part {number}!a.env")]);
    }
    assert_eq!(unscanned(&outcome), [""; 0]);
}

#[test]
fn what_expired_is_named_and_the_rest_is_scanned() {
    let token = token(76);
    let zip = zip_stored(&[("a.env", format!("A={token}\n").as_bytes())]);
    let server = api(move |path, _| match path {
        "runs/7" => json(r#"{"id":7,"status":"completed"}"#),
        "runs/7/attempts/1/logs" => Reply::new(410, r#"{"message":"Server Error"}"#),
        "runs/7/artifacts?per_page=100" => json(
            r#"{"artifacts":[{"id":1,"name":"old","expired":true,"expires_at":"2026-01-01T00:00:00Z"},
                {"id":2,"name":"new"},{"id":3,"name":"lost"}]}"#,
        ),
        "artifacts/2/zip" => Reply::new(200, zip.clone()),
        _ => Reply::new(404, ""),
    });
    let outcome = scan(&request("github://o/r/actions/runs/7", forges(&server.host))).unwrap();
    assert_eq!(paths(&outcome, &token).len(), 1);
    assert_eq!(unscanned(&outcome), ["forge-gone", "forge-gone", "forge-missing"]);
    let told = messages(&outcome);
    assert!(told.contains("artifacts/old: the artifact expired on 2026-01-01T00:00:00Z: it is gone"), "{told}");
    assert!(
        told.contains("attempts/1/logs: the log is gone") && told.contains("does not show it to this token"),
        "{told}"
    );
}

#[test]
fn of_a_run_that_goes_on_the_jobs_that_ended_are_scanned() {
    let token = token(77);
    let text = log(&token);
    let server = api(move |path, _| match path {
        "runs/7" => json(r#"{"id":7,"run_attempt":1,"status":"in_progress"}"#),
        "runs/7/attempts/1/jobs?per_page=100" => {
            json(r#"{"jobs":[{"id":1,"name":"a","status":"completed"},{"id":2,"name":"b","status":"in_progress"}]}"#)
        }
        "jobs/1/logs" => Reply::new(200, text.clone()),
        _ => json(r#"{"artifacts":[]}"#),
    });
    let outcome = scan(&request("github://o/r/actions/runs/7", forges(&server.host))).unwrap();
    assert_eq!(paths(&outcome, &token), ["o/r/actions/runs/7/attempts/1/jobs/1/log"]);
    assert_eq!(unscanned(&outcome), ["forge-unfinished"]);
    assert!(messages(&outcome).contains("job b has not ended"));
}

#[test]
fn recent_runs_are_those_that_failed_unless_all_are_asked_for() {
    let [failed, passed] = [78, 79].map(token);
    let (one, two) = (log(&failed), log(&passed));
    let server = api(move |path, _| match path {
        "runs?per_page=100&created=%3E%3D2026-01-31T00:00:00Z&status=failure" => {
            json(r#"{"workflow_runs":[{"id":1,"status":"completed"}]}"#)
        }
        "runs?per_page=100&created=%3E%3D2026-01-31T00:00:00Z" => {
            json(r#"{"workflow_runs":[{"id":1,"status":"completed"},{"id":2,"status":"completed"}]}"#)
        }
        "runs/1/attempts/1/logs" => Reply::new(200, zip_stored(&[("a/1_x.txt", one.as_bytes())])),
        "runs/2/attempts/1/logs" => Reply::new(200, zip_stored(&[("a/1_x.txt", two.as_bytes())])),
        path if path.starts_with("runs?") => json(r#"{"workflow_runs":[]}"#),
        _ => json(r#"{"artifacts":[]}"#),
    });
    let outcome = scan(&since("github://o/r/actions", forges(&server.host))).unwrap();
    assert_eq!((paths(&outcome, &failed).len(), paths(&outcome, &passed).len()), (1, 0));
    let all = Forges { chosen: Chosen::All, ..forges(&server.host) };
    let outcome = scan(&since("github://o/r/actions", all)).unwrap();
    assert_eq!((paths(&outcome, &failed).len(), paths(&outcome, &passed).len()), (1, 1));
    assert_eq!(unscanned(&outcome), [""; 0]);
    let error = scan(&request("github://o/r/actions", forges(&server.host))).unwrap_err();
    assert!(error.to_string().contains("it names no run") && error.hint().unwrap().contains("--since"), "{error}");
}

#[test]
fn no_failed_run_is_a_clean_scan() {
    let server = api(|_, _| json(r#"{"workflow_runs":[]}"#));
    let outcome = scan(&since("github://o/r/actions", forges(&server.host))).unwrap();
    assert_eq!((outcome.findings.len(), unscanned(&outcome)), (0, vec![]));
}

#[test]
fn a_list_that_ends_at_its_limit_goes_on_from_its_oldest_run() {
    // Runs 1,200 to 1, one a minute, in lists of at most 1,000.
    let time = |run: usize| format!("2026-02-{:02}T{:02}:{:02}:00Z", 1 + run / 1440, run / 60 % 24, run % 60);
    let server = api(move |path, asked| {
        let Some(query) = path.strip_prefix("runs?") else { return json(r#"{"artifacts":[]}"#) };
        let value = |key: &str| query.split('&').find_map(|pair| pair.strip_prefix(key));
        let newest = value("created=").unwrap().split_once("..").map(|(_, newest)| newest.to_owned());
        let page: usize = value("page=").map_or(1, |page| page.parse().unwrap());
        let matching = (1..=1200).rev().filter(|run| newest.as_ref().is_none_or(|newest| time(*run) <= *newest));
        let listed: Vec<String> = (matching.take(1000).skip((page - 1) * 100).take(100))
            .map(|run| format!(r#"{{"id":{run},"status":"completed","created_at":"{}"}}"#, time(run)))
            .collect();
        let is_last = page == 10 || listed.len() < 100;
        let reply = json(format!(r#"{{"workflow_runs":[{}]}}"#, listed.join(",")));
        let host = asked.header("host").unwrap();
        let query = query.split("&page=").next().unwrap();
        match is_last {
            true => reply,
            false => reply.header("Link", format!("<http://{host}/x?{query}&page={}>; rel=\"next\"", page + 1)),
        }
    });
    let forges = forges(&server.host);
    let client = Client::new(forges.transport.as_deref().unwrap(), &forges.github, WAITS);
    let recent = Recent { since: Some(1_769_817_600), chosen: Chosen::All };
    let listing = list(&client, &Place::parse("github://o/r/actions").unwrap(), &recent).unwrap();
    assert_eq!((listing.items.len(), listing.warnings.len()), (1200, 0));
}

#[test]
fn a_list_that_goes_in_circles_ends() {
    let server = api(|_, _| json("[]").header("Link", "</x?page=1>; rel=\"next\""));
    let forges = forges(&server.host);
    let client = Client::new(forges.transport.as_deref().unwrap(), &forges.github, WAITS);
    let mut pages = 0;
    let error = client.pages("/repos/o/r/actions/x?page=1", "a list", &mut |_: Vec<u8>| {
        pages += 1;
        ControlFlow::Continue(())
    });
    assert!(error.unwrap_err().to_string().contains("circles") && pages == 1);
}

#[test]
fn a_limit_is_waited_for_within_the_budget() {
    let token = token(81);
    let text = log(&token);
    let count = AtomicUsize::new(0);
    let server = api(move |path, _| match (path, count.fetch_add(1, Ordering::SeqCst)) {
        (_, 0) => Reply::new(403, r#"{"message":"API rate limit exceeded"}"#)
            .header("X-RateLimit-Remaining", "0")
            .header("X-RateLimit-Reset", (now() + 1).to_string()),
        (_, 1) => {
            Reply::new(429, r#"{"message":"You have exceeded a secondary rate limit"}"#).header("Retry-After", "1")
        }
        ("jobs/5", _) => json(r#"{"id":5,"name":"a","status":"completed"}"#),
        _ => Reply::new(200, text.clone()),
    });
    let outcome = scan(&request("github://o/r/actions/jobs/5", forges(&server.host))).unwrap();
    assert_eq!((paths(&outcome, &token).len(), unscanned(&outcome)), (1, vec![]));
    assert_eq!(server.asked().len(), 4);
}

#[test]
fn a_limit_beyond_the_budget_is_named_with_its_end_and_nothing_more_is_asked() {
    let server = api(|path, _| match path {
        "runs/7" => json(r#"{"id":7,"run_attempt":3,"status":"completed"}"#),
        _ => Reply::new(403, r#"{"message":"API rate limit exceeded"}"#)
            .header("X-RateLimit-Remaining", "0")
            .header("X-RateLimit-Reset", "4102444800"),
    });
    let outcome = scan(&request("github://o/r/actions/runs/7", forges(&server.host))).unwrap();
    assert_eq!(unscanned(&outcome), ["forge-limit", "forge-limit", "forge-limit", "forge-limit", "nothing-scanned"]);
    assert!(messages(&outcome).contains("it may go on at 2100-01-01T00:00:0"), "{}", messages(&outcome));
    assert_eq!(server.asked().len(), 2);
}

#[test]
fn a_name_that_holds_a_secret_is_masked_wherever_it_is_shown() {
    let [printed, named] = [82, 83].map(token);
    let (text, name) = (log(&printed), format!("deploy with {named}"));
    let zip = zip_stored(&[("a.env", format!("A={printed}\n").as_bytes())]);
    let server = api(move |path, _| match path {
        "runs/7" => json(r#"{"id":7,"status":"in_progress"}"#),
        "runs/7/attempts/1/jobs?per_page=100" => json(format!(
            r#"{{"jobs":[{{"id":1,"name":"{name}","status":"completed"}},{{"id":2,"name":"{name}","status":"queued"}}]}}"#
        )),
        "jobs/1/logs" => Reply::new(200, text.clone()),
        "artifacts/9/zip" => Reply::new(200, zip.clone()),
        "artifacts/6/zip" => Reply::new(404, "{}"),
        _ => json(format!(
            r#"{{"artifacts":[{{"id":9,"name":"{name}"}},{{"id":8,"name":"{name}","expired":true}},{{"id":6,"name":"{name}"}}]}}"#
        )),
    });
    let outcome = scan(&request("github://o/r/actions/runs/7", forges(&server.host))).unwrap();
    let found = format!("{:?} {}", places(&outcome, &printed), messages(&outcome));
    assert_eq!((paths(&outcome, &printed).len(), unscanned(&outcome).len()), (2, 3), "{found}");
    assert!(found.contains("deploy with") && !found.contains(&named), "{found}");
}

#[test]
fn archives_that_are_to_stay_closed_are_named_and_the_one_that_was_sent_is_opened() {
    let [plain, deep] = [84, 85].map(token);
    let jar = zip_stored(&[("b.env", format!("A={deep}\n").as_bytes())]);
    let zip = zip_stored(&[("a.env", format!("A={plain}\n").as_bytes()), ("b.jar", &jar)]);
    let server = api(move |path, _| match path {
        "artifacts/9" => json(r#"{"id":9,"name":"out"}"#),
        _ => Reply::new(200, zip.clone()),
    });
    let request = Request { archives: None, ..request("github://o/r/actions/artifacts/9", forges(&server.host)) };
    let outcome = scan(&request).unwrap();
    assert_eq!((paths(&outcome, &plain).len(), paths(&outcome, &deep).len()), (1, 0));
    assert_eq!(unscanned(&outcome), ["archive-limit"]);
}
