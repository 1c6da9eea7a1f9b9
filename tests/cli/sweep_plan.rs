//! `stopleak sweep plan` by the command line: servers and tokens of the environment, what is told, how it ends.

use super::server::{Reply, Server};
use super::{Project, Run};
use serde_json::{Value, json};

const WHO: &str = "word-of-a-test";

fn github() -> Server {
    Server::start(|asked| {
        let repo = |name: &str, size: u64, fork: bool| {
            json!({
                "id": size, "node_id": name, "full_name": format!("org/{name}"), "size": size, "fork": fork,
                "clone_url": format!("https://github.com/org/{name}.git"), "has_wiki": true,
            })
        };
        if asked.header("authorization") != Some(&format!("Bearer {WHO}")) {
            return Reply::new(401, r#"{"message":"Bad credentials"}"#);
        }
        let reply = match asked.path.split('?').next().unwrap() {
            "/api/v3/orgs/org/repos" => {
                Reply::new(200, json!([repo("one", 1_000, false), repo("two", 50, true)]).to_string())
            }
            "/api/v3/orgs/org" => Reply::new(200, json!({ "total_private_repos": 3 }).to_string()),
            "/api/graphql" => {
                let node = json!({ "id": "two", "parent": { "url": "https://github.com/up/two" } });
                Reply::new(200, json!({ "data": { "nodes": [node] } }).to_string())
            }
            _ => Reply::new(404, r#"{"message":"Not Found"}"#),
        };
        reply
            .header("X-RateLimit-Limit", "5000")
            .header("X-RateLimit-Remaining", "4990")
            .header("X-RateLimit-Reset", "4102444800")
    })
}

/// Runs with these variables and none of the machine's own.
fn run(args: &str, variables: &[(&str, &str)]) -> Run {
    let project = Project::new();
    let mut command = project.command(args);
    let inherited = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let is_of_forge = |name: &String| {
        ["GH_", "GITHUB_", "GITLAB_", "GITEA_", "FORGEJO_", "BITBUCKET_", "AZURE_", "CI_", "SYSTEM_"]
            .iter()
            .any(|start| name.starts_with(start))
    };
    inherited.filter(is_of_forge).for_each(|name| _ = command.env_remove(name));
    command.envs(variables.iter().copied());
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[test]
fn a_plan_tells_what_would_be_swept_and_what_of_the_limit_is_left() {
    let server = github();
    let url = format!("http://{}", server.host);
    let variables = [("GITHUB_API_URL", url.as_str()), ("GITHUB_TOKEN", WHO)];
    let plan = run("sweep plan github://org --wikis", &variables);
    // The organisation says that it has one more.
    assert_eq!(plan.code, 2, "{}", plan.stderr);
    assert!(plan.stderr.contains("has 3 repositories, and 2 of them"), "{}", plan.stderr);
    let expected = "    1.0 MB  github.com/org/one  git\n         -  github.com/org/one.wiki  wiki\n   51.2 kB  github.com/org/two  git, fork of github.com/up/two\n";
    assert!(plan.stdout.contains(expected), "{}", plan.stdout);
    assert!(plan.stdout.contains("4,990 of 5,000 left until 2100-01-01T00:00:00Z"), "{}", plan.stdout);
    assert!(!format!("{}{}", plan.stdout, plan.stderr).contains(WHO));

    let plan = run("sweep plan github://org github://org --no-forks --allow-partial -f json", &variables);
    assert_eq!(plan.code, 0, "{}", plan.stderr);
    let json: Value = serde_json::from_str(&plan.stdout).unwrap();
    assert_eq!(json["totals"]["repositories"], 1);
    assert_eq!(json["repositories"][0]["key"], "github.com/org/one");
    assert_eq!((&json["targets"][0]["filtered"], &json["targets"][0]["rate"]["remaining"]), (&json!(1), &json!(4_990)));
    assert_eq!(json["warnings"][0]["unscanned"], true);
}

#[test]
fn what_cannot_be_planned_is_an_error_with_the_next_step() {
    let server = github();
    let url = format!("http://{}", server.host);
    let table = [
        ("sweep plan github://org", vec![("GITHUB_API_URL", url.as_str())], "GITHUB_TOKEN"),
        ("sweep plan svn://x", vec![], "targets are github://ORG"),
        ("sweep plan github://org --offline", vec![], "network is forbidden"),
        ("sweep plan nowhere", vec![], "cannot read nowhere"),
        ("sweep plan . --pushed-since yesterday", vec![], "no date"),
        ("sweep plan . --include [", vec![], "no glob"),
        ("sweep plan github://org", vec![("GITHUB_APP_ID", "1")], "GITHUB_APP_PRIVATE_KEY"),
        ("sweep plan gitea://u:p@h/org", vec![], "a host and an organisation"),
    ];
    for (args, variables, expected) in table {
        let run = run(args, &variables);
        assert_eq!(run.code, 2, "{args}");
        assert!(run.stderr.contains(expected), "{args}: {}", run.stderr);
    }
}
