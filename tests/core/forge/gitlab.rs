//! GitLab CI.

use super::{forges, is_us, json, messages, paths, places, request, since, unscanned};
use crate::archives::zip_stored;
use crate::made::token;
use crate::server::{Asked, Reply, Server};
use stopleak_core::Secret;
use stopleak_core::forge::Token;
use stopleak_core::scan::scan;

const BASE: &str = "/api/v4/projects/g%2Fs%2Fp";

fn api(answer: impl Fn(&str, &Asked) -> Reply + Send + Sync + 'static) -> Server {
    Server::start(move |asked| match asked.path.strip_prefix(BASE) {
        Some(_) if !is_us(asked) && asked.header("job-token") != Some("word-of-a-job") => Reply::new(401, "{}"),
        Some(path) => answer(path, asked),
        None => Reply::new(404, r#"{"message":"404 Project Not Found"}"#),
    })
}

/// A trace with a section, colours and carriage returns, the token on line 3.
fn trace(token: &str) -> String {
    format!(
        "\x1b[0KRunning with gitlab-runner 17.0.0\x1b[0;m\n\
         section_start:1700000000:step_script\r\x1b[0K\x1b[36;1mExecuting\x1b[0;m\n\
         \x1b[32;1m$ export KEY=\x1b[0;m{token}\nPASSWORD=[MASKED]\nsection_end:1700000001:step_script\r\x1b[0K\n"
    )
}

fn job(id: u32, more: &str) -> String {
    format!(r#"{{"id":{id},"name":"job-{id}","status":"failed","started_at":"2026-02-01T10:00:00.000Z"{more}}}"#)
}

const ARCHIVE: &str =
    r#","artifacts_file":{"filename":"artifacts.zip","size":9},"artifacts":[{"file_type":"archive"}]"#;

#[test]
fn a_job_is_its_trace_and_its_artifacts() {
    let [printed, left] = [91, 92].map(token);
    let (text, zip) = (trace(&printed), zip_stored(&[("out/a.env", format!("A={left}\n").as_bytes())]));
    let storage = Server::start(move |asked| match asked.header("authorization") {
        None => Reply::new(200, zip.clone()),
        Some(_) => Reply::new(400, "two ways to log in"),
    });
    let store = storage.host.clone();
    let server = api(move |path, _| match path {
        "/jobs/5" => json(job(5, ARCHIVE)),
        "/jobs/5/trace" => Reply::new(200, text.clone()),
        "/jobs/5/artifacts" => Reply::new(302, "").header("Location", format!("http://{store}/a?X-Amz-Signature=x")),
        _ => Reply::new(404, ""),
    });
    let outcome = scan(&request("gitlab://g/s/p/jobs/5", forges(&server.host))).unwrap();
    let (job, step) = (Some("job-5".to_owned()), Some("step_script".to_owned()));
    assert_eq!(places(&outcome, &printed), [("g/s/p/jobs/5/trace".to_owned(), 3, job, step)], "{}", messages(&outcome));
    assert_eq!(paths(&outcome, &left), ["g/s/p/jobs/5/artifacts!out/a.env"]);
    assert_eq!((outcome.findings.len(), unscanned(&outcome)), (2, vec![]));
}

#[test]
fn a_pipeline_is_its_jobs_retried_ones_and_those_of_its_children() {
    let tokens: Vec<String> = (0..4).map(|seed| token(900 + seed)).collect();
    let held = tokens.clone();
    let server = api(move |path, asked| match path {
        "" => json(r#"{"id":42}"#),
        "/pipelines/3" => json(r#"{"id":3,"status":"failed"}"#),
        "/pipelines/3/jobs?per_page=100&include_retried=true" => {
            json(format!("[{}]", job(0, ""))).header("X-Next-Page", "2").header("X-Page", "1")
        }
        "/pipelines/3/jobs?per_page=100&include_retried=true&page=2" => {
            let host = asked.header("host").unwrap();
            let keyset = format!("<http://{host}{BASE}/pipelines/3/jobs?cursor=abc>; rel=\"next\"");
            json(format!("[{}]", job(1, ""))).header("Link", keyset)
        }
        "/pipelines/3/jobs?cursor=abc" => json(format!("[{}]", job(2, ""))).header("X-Next-Page", ""),
        "/pipelines/3/bridges?per_page=100" => json(
            r#"[{"downstream_pipeline":{"id":4,"project_id":42}},{"downstream_pipeline":{"id":5,"project_id":43}},
                {"downstream_pipeline":null}]"#,
        ),
        // A child that names its parent ends all the same.
        "/pipelines/4/bridges?per_page=100" => json(r#"[{"downstream_pipeline":{"id":3,"project_id":42}}]"#),
        "/pipelines/4/jobs?per_page=100&include_retried=true" => json(format!("[{}]", job(3, ""))),
        path => match path.strip_prefix("/jobs/").and_then(|rest| rest.strip_suffix("/trace")) {
            Some(number) => Reply::new(200, trace(&held[number.parse::<usize>().unwrap()])),
            None => Reply::new(404, ""),
        },
    });
    let outcome = scan(&request("gitlab://g/s/p/-/pipelines/3", forges(&server.host))).unwrap();
    for (number, token) in tokens.iter().enumerate() {
        assert_eq!(paths(&outcome, token), [format!("g/s/p/jobs/{number}/trace")], "{}", messages(&outcome));
    }
    assert_eq!(unscanned(&outcome), [""; 0]);
    assert!(messages(&outcome).contains("it starts pipeline 5 of another project, which was not asked for"));
}

#[test]
fn what_was_erased_or_expired_is_named() {
    let token = token(93);
    let text = trace(&token);
    let server = api(move |path, _| match path {
        "/pipelines/3" => json(r#"{"id":3}"#),
        "/pipelines/3/jobs?per_page=100&include_retried=true" => json(format!(
            "[{},{},{},{}]",
            job(1, r#","erased_at":"2026-02-02T00:00:00Z""#),
            job(2, r#","artifacts_expire_at":"2026-02-03T00:00:00Z""#),
            job(3, r#","artifacts":[{"file_type":"trace"},{"file_type":"junit"}]"#).replace("failed", "running"),
            r#"{"id":4,"name":"never","status":"skipped","started_at":null}"#,
        )),
        "/pipelines/3/bridges?per_page=100" => json("[]"),
        "/jobs/2/trace" => Reply::new(200, text.clone()),
        "/jobs/3/trace" => Reply::new(200, "nothing yet\n"),
        _ => Reply::new(404, ""),
    });
    let outcome = scan(&request("gitlab://g/s/p/pipelines/3", forges(&server.host))).unwrap();
    assert_eq!((paths(&outcome, &token).len(), unscanned(&outcome)), (1, vec!["forge-gone", "forge-gone"]));
    let told = messages(&outcome);
    for expected in [
        "jobs/1: the job was erased on 2026-02-02T00:00:00Z",
        "jobs/2/artifacts: the artifacts expired on 2026-02-03",
        "job job-3 is still running",
        "jobs/3/artifacts: reports are not scanned: junit",
    ] {
        assert!(told.contains(expected), "{told}");
    }
}

#[test]
fn recent_pipelines_that_failed_are_scanned_children_included() {
    let [parent, child] = [94, 95].map(token);
    let (one, two) = (trace(&parent), trace(&child));
    let server = api(move |path, _| {
        let listed = "/pipelines?per_page=100&order_by=id&sort=desc&updated_after=2026-01-31T00:00:00Z&status=failed";
        match path {
            path if path == listed => json(r#"[{"id":3}]"#),
            path if path.strip_prefix(listed) == Some("&source=parent_pipeline") => json(r#"[{"id":4}]"#),
            "/pipelines/3/jobs?per_page=100&include_retried=true" => json(format!("[{}]", job(1, ""))),
            "/pipelines/4/jobs?per_page=100&include_retried=true" => json(format!("[{}]", job(2, ""))),
            "/jobs/1/trace" => Reply::new(200, one.clone()),
            "/jobs/2/trace" => Reply::new(200, two.clone()),
            _ => json("[]"),
        }
    });
    let outcome = scan(&since("gitlab://g/s/p", forges(&server.host))).unwrap();
    assert_eq!((paths(&outcome, &parent).len(), paths(&outcome, &child).len()), (1, 1), "{}", messages(&outcome));
    assert_eq!(unscanned(&outcome), [""; 0]);
}

#[test]
fn a_jobs_own_token_goes_into_its_own_header() {
    let token = token(96);
    let text = trace(&token);
    let server = api(move |path, _| match path {
        "/jobs/5" => json(job(5, "")),
        _ => Reply::new(200, text.clone()),
    });
    let mut forges = forges(&server.host);
    forges.gitlab.token = Some(Token::Job(Secret::new(b"word-of-a-job")));
    let outcome = scan(&request("gitlab://g/s/p/jobs/5", forges)).unwrap();
    assert_eq!(paths(&outcome, &token).len(), 1);
    assert!(server.asked().iter().all(|asked| asked.header("authorization").is_none()));
}

#[test]
fn a_busy_server_says_so_in_its_own_headers() {
    let token = token(97);
    let text = trace(&token);
    let first = std::sync::atomic::AtomicBool::new(true);
    let server = api(move |path, _| match path {
        "/jobs/5" if first.swap(false, std::sync::atomic::Ordering::SeqCst) => Reply::new(429, "Retry later\n")
            .header("RateLimit-Remaining", "0")
            .header("RateLimit-Reset", (super::now() + 1).to_string()),
        "/jobs/5" => json(job(5, "")),
        _ => Reply::new(200, text.clone()),
    });
    let outcome = scan(&request("gitlab://g/s/p/jobs/5", forges(&server.host))).unwrap();
    assert_eq!((paths(&outcome, &token).len(), unscanned(&outcome)), (1, vec![]));
}
