//! A server that speaks GitHub's documented API, strictly and with its limits.

use super::{WHO, marked, number, query};
use crate::server::{Asked, Reply, Server};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

/// Something that happens on the server.
pub type Change = fn(&mut Hub);

/// What the server has, and how it behaves.
pub struct Hub {
    pub repos: Vec<Value>,
    /// Requests an hour.
    pub limit: u64,
    /// Those that were counted.
    pub used: u64,
    pub reset: u64,
    /// Refused with these statuses when the path ends so, each once.
    pub troubles: Vec<(String, u16)>,
    /// Refused with this answer for ever.
    pub walls: HashMap<String, Reply>,
    /// Every this many requests are followed by a secondary limit.
    pub secondary: Option<u64>,
    pub graphql: bool,
    /// Tokens that are taken.
    pub tokens: Vec<String>,
    /// Beside those that are listed.
    pub hidden: u64,
    pub sso: bool,
    /// Done once, after the n-th request that was counted.
    pub then: Option<(u64, Change)>,
    /// Other paths and what they hold.
    pub more: HashMap<String, Value>,
    pub requests: u64,
}

/// One that is running.
pub struct Running {
    pub server: Server,
    pub hub: Arc<Mutex<Hub>>,
}

pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A repository as GitHub lists it.
pub fn repo(host: &str, owner: &str, number: usize) -> Value {
    json!({
        "id": number, "node_id": format!("R_{number}"), "full_name": format!("{owner}/repo-{number:05}"),
        "clone_url": format!("http://{host}/{owner}/repo-{number:05}.git"), "default_branch": "main", "size": 12,
        "pushed_at": "2024-03-01T12:30:00Z", "archived": false, "disabled": false, "fork": false, "topics": ["web"],
        "has_wiki": false, "has_issues": false, "private": true,
    })
}

/// Starts a server with so many repositories in `org`.
pub fn start(count: usize) -> Running {
    let hub = Hub {
        repos: Vec::new(),
        limit: 5_000,
        used: 0,
        reset: now() + 3_600,
        troubles: Vec::new(),
        walls: HashMap::new(),
        secondary: None,
        graphql: true,
        tokens: vec![WHO.to_owned()],
        hidden: 0,
        sso: false,
        then: None,
        more: HashMap::new(),
        requests: 0,
    };
    let hub = Arc::new(Mutex::new(hub));
    let (shared, host) = (Arc::clone(&hub), Arc::new(OnceLock::<String>::new()));
    let known = Arc::clone(&host);
    let server = Server::start(move |asked| answer(&mut shared.lock().unwrap(), asked, known.get().unwrap()));
    host.set(server.host.clone()).unwrap();
    hub.lock().unwrap().repos = (1..=count).map(|number| repo(&server.host, "org", number)).collect();
    Running { server, hub }
}

impl Running {
    pub fn hub(&self) -> MutexGuard<'_, Hub> {
        self.hub.lock().unwrap()
    }

    pub fn host(&self) -> &str {
        &self.server.host
    }
}

fn answer(hub: &mut Hub, asked: &Asked, host: &str) -> Reply {
    hub.requests += 1;
    let reply = judged(hub, asked, host);
    let is_free = reply.status == 304;
    hub.used += u64::from(!is_free);
    if let Some((_, then)) = hub.then.take_if(|(after, _)| hub.used >= *after) {
        then(hub);
    }
    let remaining = hub.limit.saturating_sub(hub.used);
    let resource = if asked.path.ends_with("/graphql") { "graphql" } else { "core" };
    reply
        .header("X-RateLimit-Limit", hub.limit.to_string())
        .header("X-RateLimit-Remaining", remaining.to_string())
        .header("X-RateLimit-Reset", hub.reset.to_string())
        .header("X-RateLimit-Resource", resource)
}

fn refusal(status: u16, message: &str) -> Reply {
    Reply::new(status, json!({ "message": message, "documentation_url": "https://docs.example" }).to_string())
}

fn judged(hub: &mut Hub, asked: &Asked, host: &str) -> Reply {
    let is_formal = asked.header("user-agent").is_some()
        && asked.header("x-github-api-version") == Some("2022-11-28")
        && asked.header("accept") == Some("application/vnd.github+json");
    if !is_formal {
        return refusal(400, "headers are missing");
    }
    if hub.used >= hub.limit {
        return refusal(403, "API rate limit exceeded for user ID 1.");
    }
    if hub.secondary.is_some_and(|every| hub.requests.is_multiple_of(every)) {
        return refusal(403, "You have exceeded a secondary rate limit.").header("Retry-After", "1");
    }
    let Some(path) = asked.path.strip_prefix("/api/v3") else {
        return match asked.path.as_str() {
            "/api/graphql" => graphql(hub, asked),
            _ => refusal(404, "Not Found"),
        };
    };
    if let Some(place) = hub.troubles.iter().position(|(end, _)| path.ends_with(end.as_str())) {
        let (_, status) = hub.troubles.remove(place);
        return refusal(status, "Server Error");
    }
    if let Some((_, reply)) = hub.walls.iter().find(|(end, _)| path.ends_with(end.as_str())) {
        return reply.clone();
    }
    let is_known = hub.tokens.iter().any(|token| asked.header("authorization") == Some(&format!("Bearer {token}")));
    if asked.header("authorization").is_some()
        && !is_known
        && !path.starts_with("/app/")
        && !path.ends_with("/installation")
    {
        return refusal(401, "Bad credentials");
    }
    rest(hub, asked, host, path)
}

fn rest(hub: &Hub, asked: &Asked, host: &str, path: &str) -> Reply {
    let bare = path.split('?').next().unwrap();
    let parts: Vec<&str> = bare.trim_start_matches('/').split('/').collect();
    let known = asked.header("if-none-match");
    match parts.as_slice() {
        ["orgs", "org"] => {
            let private = hub.repos.len() as u64 + hub.hidden;
            marked(json!({ "login": "org", "public_repos": 0, "total_private_repos": private }).to_string(), known)
        }
        ["orgs", "org", "repos"] => page(hub, asked, host, path, "/organizations/1/repos"),
        ["organizations", "1", "repos"] => page(hub, asked, host, path, "/organizations/1/repos"),
        ["repos", owner, name] => {
            let name = format!("{owner}/{name}");
            match hub.repos.iter().find(|repo| repo["full_name"] == name.as_str()) {
                Some(repo) => marked(repo.to_string(), known),
                None => refusal(404, "Not Found"),
            }
        }
        _ => match hub.more.get(bare) {
            Some(value) => marked(value.to_string(), known),
            None => refusal(404, "Not Found"),
        },
    }
}

/// A page of repositories, in the order of their making.
fn page(hub: &Hub, asked: &Asked, host: &str, path: &str, canonical: &str) -> Reply {
    let query = query(path);
    let allowed = ["per_page", "page", "type", "sort", "direction"];
    if query.iter().any(|(name, _)| !allowed.contains(&name.as_str())) {
        return refusal(422, "unknown parameter");
    }
    let (each, page) = (number(&query, "per_page", 30).clamp(1, 100), number(&query, "page", 1).max(1));
    let last = hub.repos.len().div_ceil(each).max(1);
    let listed = |repo: &Value| {
        let mut repo = repo.clone();
        // A list does not tell what a fork is a fork of.
        repo.as_object_mut().unwrap().remove("parent");
        repo
    };
    let repos: Vec<Value> = hub.repos.iter().skip((page - 1) * each).take(each).map(listed).collect();
    let link = |number: usize, relation: &str| {
        let query: Vec<String> =
            query.iter().filter(|(name, _)| name != "page").map(|(n, v)| format!("{n}={v}")).collect();
        format!("<http://{host}/api/v3{canonical}?{}&page={number}>; rel=\"{relation}\"", query.join("&"))
    };
    let mut links = Vec::new();
    if page < last {
        links.extend([link(page + 1, "next"), link(last, "last")]);
    }
    if page > 1 {
        links.extend([link(page - 1, "prev"), link(1, "first")]);
    }
    let mut reply = marked(Value::Array(repos).to_string(), asked.header("if-none-match"));
    // Nothing says that an answer without a body tells of other pages.
    if !links.is_empty() && reply.status == 200 {
        reply = reply.header("Link", links.join(", "));
    }
    if hub.sso {
        reply = reply.header("X-GitHub-SSO", "partial-results; organizations=21955855,20582480");
    }
    reply
}

fn graphql(hub: &Hub, asked: &Asked) -> Reply {
    if asked.method != "POST" || asked.header("authorization").is_none() {
        return refusal(401, "This endpoint requires you to be authenticated.");
    }
    if !hub.graphql {
        return refusal(403, "Resource not accessible by personal access token");
    }
    let body: Value = serde_json::from_slice(&asked.body).unwrap();
    let (question, variables) = (body["query"].as_str().unwrap(), &body["variables"]);
    if question.contains("enterprise(") {
        let second =
            json!({ "nodes": [{ "login": "closed" }, null], "pageInfo": { "hasNextPage": false, "endCursor": "b" } });
        let first = json!({ "nodes": [{ "login": "org" }], "pageInfo": { "hasNextPage": true, "endCursor": "a" } });
        let page = if variables["after"] == "a" { second } else { first };
        return match variables["slug"].as_str() {
            Some("big") => Reply::new(200, json!({ "data": { "enterprise": { "organizations": page } } }).to_string()),
            _ => Reply::new(
                200,
                json!({ "data": { "enterprise": null }, "errors": [{ "message": "Could not resolve" }] }).to_string(),
            ),
        };
    }
    let ids = variables["ids"].as_array().unwrap();
    if ids.len() > 100 {
        return Reply::new(
            200,
            json!({ "errors": [{ "message": "You may not provide more than 100 node ids" }] }).to_string(),
        );
    }
    let node = |id: &Value| {
        let repo = hub.repos.iter().find(|repo| &repo["node_id"] == id);
        let parent = |repo: &Value| {
            repo.get("parent")
                .map(|parent| json!({ "url": parent["clone_url"].as_str().unwrap().trim_end_matches(".git") }))
        };
        repo.map_or(Value::Null, |repo| json!({ "id": id, "parent": parent(repo) }))
    };
    let nodes: Vec<Value> = ids.iter().map(node).collect();
    Reply::new(200, json!({ "data": { "nodes": nodes } }).to_string())
}
