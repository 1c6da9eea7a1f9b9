//! `stopleak ci gitlab`, and the template's own script.

use super::{Ran, binary, run, with_leaks};
use crate::made::token;
use crate::server::{Reply, Server};
use crate::support::Repo;
use std::process::Command;

fn variables<'a>(base: &'a str, head: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("CI_PIPELINE_SOURCE", "merge_request_event"),
        ("CI_MERGE_REQUEST_IID", "4"),
        ("CI_MERGE_REQUEST_DIFF_BASE_SHA", base),
        ("CI_COMMIT_SHA", head),
    ]
}

fn job(repo: &Repo, depth: &str) -> Repo {
    let clone = repo.clone_with(&format!("job{depth}"), &[&format!("--depth={depth}"), "--branch=feature"]);
    clone.git(["checkout", "-q", "--detach"]);
    clone
}

fn is_stopped(ran: &Ran) {
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("new.env:2") && !ran.stdout.contains("old.env"), "{}", ran.stdout);
    assert!(!ran.all().contains(&token(2)[4..]));
}

#[test]
fn a_merge_request_is_stopped_for_its_new_secret_only() {
    let repo = with_leaks();
    let (base, head) = (repo.id("main~1"), repo.id("feature"));
    for depth in ["1", "20"] {
        let mut command = Command::new(binary());
        command.args(["ci", "gitlab"]);
        is_stopped(&run(command, job(&repo, depth).path(), &variables(&base, &head)));
    }
}

#[test]
fn outside_of_a_pipeline_it_says_what_is_missing() {
    let repo = with_leaks();
    let mut command = Command::new(binary());
    command.args(["ci", "gitlab"]);
    let ran = run(command, repo.path(), &[]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("CI_PIPELINE_SOURCE is missing"), "{}", ran.stderr);
}

/// The lines that the template's job runs.
fn script() -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ci/gitlab.yml");
    let text = std::fs::read_to_string(path).unwrap();
    let after = text.split_once("    - |\n").unwrap().1;
    let lines = after.lines().take_while(|line| line.is_empty() || line.starts_with("      "));
    lines.map(|line| format!("{}\n", line.strip_prefix("      ").unwrap_or(""))).collect()
}

#[test]
fn the_template_s_job_scans_and_leaves_the_report() {
    let repo = with_leaks();
    let (base, head) = (repo.id("main~1"), repo.id("feature"));
    let clone = job(&repo, "50");
    let binary = binary();
    let mut command = Command::new("sh");
    command.arg("-c").arg(script());
    let own = [("STOPLEAK_BINARY", binary.to_str().unwrap()), ("STOPLEAK_FAIL_ON", "high")];
    let ran = run(command, clone.path(), &[&own[..], &variables(&base, &head)[..]].concat());
    is_stopped(&ran);
    let report = std::fs::read_to_string(clone.at("gl-secret-detection-report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["vulnerabilities"][0]["location"]["file"], "new.env");
    assert!(!report.to_string().contains(&token(2)[4..]));
}

#[test]
fn the_template_runs_nothing_that_is_not_what_the_checksums_say() {
    let server = Server::start(|asked| match asked.path.ends_with("SHA256SUMS") {
        true => {
            let machine = std::env::consts::ARCH;
            let sum = "0".repeat(64);
            Reply::new(200, format!("{sum}  stopleak-9.8.7-{machine}-unknown-linux-musl.tar.gz\n"))
        }
        false => Reply::new(200, "not an archive"),
    });
    let repo = with_leaks();
    let releases = format!("http://{}", server.host);
    let variables = [
        ("STOPLEAK_RELEASES", releases.as_str()),
        ("STOPLEAK_VERSION", "9.8.7"),
        ("STOPLEAK_SHA256", ""),
        ("STOPLEAK_FAIL_ON", "policy"),
    ];
    let mut command = Command::new("sh");
    command.arg("-c").arg(script());
    let ran = run(command, repo.path(), &variables);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stdout.contains("is not what the release says"), "{}{}", ran.stdout, ran.stderr);
}
