//! Logs and artifacts of pipelines by the command line: where forges are, who we are there, and what is told.

use super::archives::zip_stored;
use super::made::token;
use super::server::{Reply, Server};
use super::{Project, Run};
use serde_json::Value;

/// What we are known by in these tests.
const WHO: &str = "word-of-a-test";

/// A GitHub with one run, whose log and artifact hold a token each.
fn github(printed: &str, left: &str) -> Server {
    let log =
        format!("2026-02-01T10:00:00.0Z ##[group]Run x\n2026-02-01T10:00:01.0Z token: \x1b[31m{printed}\x1b[0m ***\n");
    let logs = zip_stored(&[("build/3_Run tests.txt", log.as_bytes())]);
    let artifact = zip_stored(&[("out/a.env", format!("A={left}\n").as_bytes())]);
    Server::start(move |asked| match asked.path.strip_prefix("/api/v3/repos/o/r/actions/").unwrap_or_default() {
        "runs/7" => Reply::new(200, r#"{"id":7,"status":"completed"}"#),
        "runs/7/attempts/1/logs" => Reply::new(200, logs.clone()),
        "runs/7/artifacts?per_page=100" => Reply::new(200, r#"{"artifacts":[{"id":9,"name":"out put"}]}"#),
        "artifacts/9/zip" => Reply::new(200, artifact.clone()),
        path if path.starts_with("runs?") => Reply::new(200, r#"{"workflow_runs":[]}"#),
        "runs/8" => Reply::new(403, r#"{"message":"API rate limit exceeded"}"#)
            .header("X-RateLimit-Remaining", "0")
            .header("X-RateLimit-Reset", "4102444800"),
        _ => Reply::new(404, "{}"),
    })
}

/// Runs with these variables and none of the machine's own.
fn run(project: &Project, args: &str, variables: &[(&str, &str)]) -> Run {
    let mut command = project.command(args);
    let known =
        ["GH_TOKEN", "GITHUB_TOKEN", "GITHUB_API_URL", "GITLAB_TOKEN", "GITLAB_HOST", "CI_API_V4_URL", "CI_JOB_TOKEN"];
    known.iter().for_each(|name| _ = command.env_remove(name));
    command.envs(variables.iter().copied());
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[test]
fn a_run_is_scanned_and_its_places_are_told_in_every_format() {
    let [printed, left] = [61, 62].map(token);
    let server = github(&printed, &left);
    let url = format!("http://{}", server.host);
    let variables = [("GITHUB_API_URL", url.as_str()), ("GITHUB_TOKEN", WHO)];
    let project = Project::new();
    let scan = |format: &str| run(&project, &format!("scan -f {format} github://o/r/actions/runs/7"), &variables);
    let lines = scan("jsonl");
    assert_eq!(lines.code, 1, "{}", lines.stderr);
    let mut found = lines.lines("finding");
    found.sort_by_key(|finding| finding["path"].to_string());
    let (artifact, log) = (&found[0], &found[1]);
    let name = format!("{}/o/r/actions/runs/7", server.host);
    assert_eq!(log["path"], format!("{name}/attempts/1/logs!build/3_Run tests.txt"));
    assert_eq!((&log["line"], &log["job"], &log["step"]), (&2.into(), &"build".into(), &"Run tests".into()));
    assert_eq!(log["run"], serde_json::json!({"name": format!("{name}/attempts/1"), "part": "log"}));
    assert_eq!(log["origin"], format!("run {name}/attempts/1 › log › build/3_Run tests.txt"));
    assert_eq!(artifact["path"], format!("{name}/artifacts/out put!out/a.env"));
    assert_eq!(artifact["run"], serde_json::json!({"name": name, "part": "artifact", "artifact": "out put"}));
    let text = scan("text");
    assert!(text.stdout.contains("logs › build/3_Run tests.txt:2:"), "{}", text.stdout);
    assert!(text.stdout.contains("job build, step Run tests"), "{}", text.stdout);
    let sarif = scan("sarif");
    let sarif: Value = serde_json::from_str(&sarif.stdout).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let uri = |result: &Value| {
        let physical = &result["locations"][0]["physicalLocation"];
        physical["artifactLocation"]["uri"].as_str().unwrap().split_once("/o/").unwrap().1.to_owned()
    };
    let mut uris: Vec<String> = results.iter().map(uri).collect();
    uris.sort();
    let expected =
        ["r/actions/runs/7/artifacts/out%20put!out/a.env", "r/actions/runs/7/attempts/1/logs!build/3_Run%20tests.txt"];
    assert_eq!(uris, expected);
    assert!(server.asked().iter().all(|asked| asked.header("authorization") == Some("Bearer word-of-a-test")));
    for run in [lines, text, scan("json")] {
        assert!(!run.stdout.contains(WHO) && !run.stderr.contains(WHO) && !run.stdout.contains(&printed));
    }
}

#[test]
fn a_token_goes_to_hosts_that_the_user_named_and_not_to_those_of_settings_that_were_found() {
    let [printed, left] = [63, 64].map(token);
    let server = github(&printed, &left);
    let url = format!("http://{}", server.host);
    let project = Project::new().file("stopleak.toml", format!("[forge.github]\nurl = \"{url}\"\n"));
    let target = "github://o/r/actions/runs/7";
    let asked_with = |from: usize| {
        let asked = server.asked().split_off(from);
        assert_eq!(asked.len(), 4);
        asked.iter().all(|asked| asked.header("authorization").is_some())
    };
    let found = run(&project, &format!("scan {target}"), &[("GH_TOKEN", WHO)]);
    assert!(found.code == 1 && found.stderr.contains("no token is sent there"), "{}", found.stderr);
    assert!(!asked_with(0));
    let named = run(&project, &format!("scan --config stopleak.toml {target}"), &[("GH_TOKEN", WHO)]);
    assert!(named.code == 1 && !named.stderr.contains("no token"), "{}", named.stderr);
    assert!(asked_with(4));
    let confirmed = run(&project, &format!("scan {target}"), &[("GH_TOKEN", WHO), ("GITHUB_API_URL", &url)]);
    assert!(confirmed.code == 1 && asked_with(8), "{}", confirmed.stderr);
    // Plain HTTP is for loopback only.
    let plain = Project::new().file("stopleak.toml", "[forge.github]\nurl = \"http://forge.example\"\n");
    let refused = run(&plain, &format!("scan {target}"), &[]);
    assert!(refused.code == 2 && refused.stderr.contains("without TLS"), "{}", refused.stderr);
}

#[test]
fn a_jobs_own_token_is_for_the_server_that_runs_the_job() {
    let token = token(65);
    let trace = format!("Running with gitlab-runner 17\n$ echo {token}\n");
    let server = Server::start(move |asked| match asked.path.as_str() {
        "/api/v4/projects/g%2Fp/jobs/5" => {
            Reply::new(200, r#"{"id":5,"name":"test","started_at":"2026-02-01T10:00:00Z"}"#)
        }
        "/api/v4/projects/g%2Fp/jobs/5/trace" => Reply::new(200, trace.clone()),
        _ => Reply::new(404, "{}"),
    });
    let (url, api) = (format!("http://{}", server.host), format!("http://{}/api/v4", server.host));
    let table = [
        (vec![("CI_API_V4_URL", api.as_str()), ("CI_JOB_TOKEN", WHO)], Some("job-token")),
        (vec![("CI_API_V4_URL", "https://other.example/api/v4"), ("CI_JOB_TOKEN", WHO), ("GITLAB_HOST", &url)], None),
        (vec![("GITLAB_HOST", url.as_str()), ("GITLAB_TOKEN", WHO), ("CI_JOB_TOKEN", "x")], Some("authorization")),
    ];
    for (variables, expected) in table {
        let before = server.asked().len();
        let project = Project::new();
        let run = run(&project, "scan -f jsonl gitlab://g/p/-/jobs/5", &variables);
        assert_eq!(run.code, 1, "{}", run.stderr);
        assert_eq!(run.lines("finding")[0]["job"], "test");
        let asked = server.asked().split_off(before);
        let used = ["job-token", "authorization"].into_iter().find(|name| asked[0].header(name).is_some());
        assert_eq!((asked.len(), used), (2, expected), "{variables:?}");
    }
}

#[test]
fn what_cannot_be_had_makes_the_exit_code_2_and_says_what_to_do() {
    let server = github("", "");
    let url = format!("http://{}", server.host);
    let project = Project::new();
    let table = [
        ("scan --offline github://o/r/actions/runs/7", "the network is forbidden"),
        ("scan github://o/r", "write github://OWNER/REPOSITORY/actions"),
        ("scan github://o/r/actions", "hint: --since DATE"),
        ("scan github://o/r/actions/runs/9", "does not show it to somebody without a token"),
        ("scan --max-wait 0 github://o/r/actions/runs/8", "it may go on at 2100-01-01T00:00:0"),
        ("scan --since nonsense github://o/r/actions", "nonsense"),
    ];
    for (args, expected) in table {
        let run = run(&project, args, &[("GITHUB_API_URL", &url)]);
        assert!(run.code == 2 && run.stderr.contains(expected), "{args}: {}", run.stderr);
    }
    let clean = run(&project, "scan --since 2026-01-31 github://o/r/actions", &[("GITHUB_API_URL", &url)]);
    assert_eq!(clean.code, 0, "{}", clean.stderr);
    assert!(clean.stderr.contains("there is no such run since then"), "{}", clean.stderr);
    let asked = server.asked();
    assert!(asked.last().unwrap().path.contains("created=%3E%3D2026-01-31T00:00:00Z&status="));
}
