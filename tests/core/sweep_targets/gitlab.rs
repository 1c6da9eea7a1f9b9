//! Groups of GitLab.

use super::{at, everything, kept, keys, list, marked, number, query, settings, unscanned};
use crate::server::{Asked, Reply, Server};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, OnceLock};
use stopleak_core::forge::Forge;
use stopleak_core::sweep::targets::{Kind, Settings};

/// Lists longer than this tell neither their length nor their last page, as GitLab's do beyond 10,000.
const TOLD: usize = 250;

struct Lab {
    projects: Vec<Value>,
    snippets: Value,
    used: usize,
}

struct Running {
    server: Server,
    lab: Arc<Mutex<Lab>>,
}

fn project(host: &str, number: usize) -> Value {
    let path = format!("Group/sub/project-{number:04}");
    json!({
        "id": number, "path_with_namespace": path, "http_url_to_repo": format!("http://{host}/{path}.git"),
        "default_branch": "main", "archived": false, "topics": [], "last_activity_at": "2024-03-01T12:30:00.000Z",
        "repository_access_level": "enabled", "wiki_access_level": "disabled", "issues_access_level": "disabled", "merge_requests_access_level": "disabled",
        "snippets_access_level": "disabled", "statistics": { "repository_size": 700 },
    })
}

fn start(count: usize) -> Running {
    let lab = Arc::new(Mutex::new(Lab { projects: Vec::new(), snippets: json!([]), used: 0 }));
    let (shared, host) = (Arc::clone(&lab), Arc::new(OnceLock::<String>::new()));
    let known = Arc::clone(&host);
    let server = Server::start(move |asked| answer(&mut shared.lock().unwrap(), asked, known.get().unwrap()));
    host.set(server.host.clone()).unwrap();
    lab.lock().unwrap().projects = (1..=count).map(|number| project(&server.host, number)).collect();
    Running { server, lab }
}

fn answer(lab: &mut Lab, asked: &Asked, host: &str) -> Reply {
    if asked.header("authorization") != Some("Bearer word-of-a-test") {
        return Reply::new(401, r#"{"message":"401 Unauthorized"}"#);
    }
    let path = asked.path.split('?').next().unwrap();
    let known = asked.header("if-none-match");
    let reply = match path {
        "/api/v4/groups/group/projects" | "/api/v4/groups/group%2Fsub/projects" => page(lab, asked, host),
        "/api/v4/projects/2/snippets" => marked(lab.snippets.to_string(), known),
        "/api/v4/projects/3/snippets" => Reply::new(403, r#"{"message":"403 Forbidden"}"#),
        _ => Reply::new(404, r#"{"message":"404 Group Not Found"}"#),
    };
    lab.used += usize::from(reply.status == 200);
    // GitLab counts every request, whatever comes of it.
    reply
        .header("RateLimit-Limit", "2000")
        .header("RateLimit-Remaining", "1500")
        .header("RateLimit-Reset", "4102444800")
}

fn page(lab: &Lab, asked: &Asked, host: &str) -> Reply {
    let query = query(&asked.path);
    let is = |name: &str, value: &str| query.contains(&(name.to_owned(), value.to_owned()));
    if !is("include_subgroups", "true") || !is("order_by", "id") || !is("sort", "asc") {
        return Reply::new(400, r#"{"error":"order_by does not have a valid value"}"#);
    }
    let (each, page) = (number(&query, "per_page", 20).clamp(1, 100), number(&query, "page", 1));
    let last = lab.projects.len().div_ceil(each).max(1);
    let some: Vec<&Value> = lab.projects.iter().skip((page - 1) * each).take(each).collect();
    let reply = marked(serde_json::to_string(&some).unwrap(), asked.header("if-none-match"));
    let link = |page: usize, relation: &str| {
        format!(
            "<http://{host}/api/v4/groups/1/projects?include_subgroups=true&order_by=id&page={page}&per_page={each}&sort=asc>; rel=\"{relation}\""
        )
    };
    let next = if page < last { (page + 1).to_string() } else { String::new() };
    let mut links = vec![link(1, "first")];
    links.extend((page < last).then(|| link(page + 1, "next")));
    match lab.projects.len() <= TOLD {
        true => reply
            .header("Link", [links, vec![link(last, "last")]].concat().join(", "))
            .header("X-Total", lab.projects.len().to_string())
            .header("X-Total-Pages", last.to_string())
            .header("X-Next-Page", next),
        false => reply.header("Link", links.join(", ")).header("X-Next-Page", next),
    }
}

fn of(lab: &Running) -> Settings {
    settings(at(Forge::Gitlab, &lab.server.host))
}

#[test]
fn a_group_is_its_projects_and_those_of_the_groups_below() {
    let lab = start(230);
    let first = list("gitlab://group", of(&lab), None).unwrap();
    assert_eq!((first.repos.len(), first.calls, unscanned(&first)), (230, 5, Vec::new()));
    let repo = &first.repos[0];
    assert_eq!(repo.key, format!("{}/group/sub/project-0001", lab.server.host));
    assert_eq!((repo.size, repo.pushed, repo.owner.as_str()), (Some(700), Some(1_709_296_200), "Group/sub"));
    assert_eq!(first.rate.map(|rate| (rate.limit, rate.remaining)), Some((Some(2_000), 1_500)));
    // A subgroup is a target as well.
    assert_eq!(list("gitlab://group/sub", of(&lab), None).unwrap().repos.len(), 230);

    let used = lab.lab.lock().unwrap().used;
    let second = list("gitlab://group", of(&lab), Some(&kept(&first.state))).unwrap();
    assert_eq!((second.repos.len(), second.unchanged, lab.lab.lock().unwrap().used), (230, true, used));
}

#[test]
fn a_list_that_does_not_tell_its_length_is_read_until_nothing_new_is_on_it() {
    let lab = start(451);
    let listing = list("gitlab://group", of(&lab), None).unwrap();
    assert_eq!((listing.repos.len(), unscanned(&listing)), (451, Vec::new()));
    // Five pages, and four of them again for what may have moved.
    assert_eq!(listing.calls, 9);
}

#[test]
fn what_belongs_to_a_project_is_listed_where_it_is_wanted() {
    let lab = start(3);
    let host = lab.server.host.clone();
    {
        let mut lab = lab.lab.lock().unwrap();
        for (name, on) in
            [("wiki_access_level", "enabled"), ("issues_access_level", "private"), ("snippets_access_level", "enabled")]
        {
            lab.projects[1][name] = json!(on);
        }
        lab.projects[2]["snippets_access_level"] = json!("enabled");
        lab.projects[2]["repository_access_level"] = json!("disabled");
        lab.projects[0]["http_url_to_repo"] = Value::Null;
        lab.projects[0]["forked_from_project"] = json!({ "path_with_namespace": "Other/Origin" });
        lab.snippets = json!([{ "id": 7, "updated_at": "2024-03-01T12:30:00Z" }]);
    }
    let listing = list("gitlab://group", everything(at(Forge::Gitlab, &host)), None).unwrap();
    let found: Vec<_> = listing.repos.iter().map(|repo| (repo.kind, repo.address.replace(&host, "H"))).collect();
    let expected = [
        (Kind::Git, "http://H/Group/sub/project-0001.git"),
        (Kind::Git, "http://H/Group/sub/project-0002.git"),
        (Kind::Wiki, "http://H/Group/sub/project-0002.wiki.git"),
        (Kind::Issues, "http://H/Group/sub/project-0002/issues"),
        (Kind::Gist, "http://H/Group/sub/project-0002/snippets/7.git"),
    ];
    assert_eq!(found.iter().map(|(kind, address)| (*kind, address.as_str())).collect::<Vec<_>>(), {
        let mut expected = expected.to_vec();
        expected.sort_by_key(|(_, address)| {
            listing.repos.iter().position(|repo| repo.address.replace(&host, "H") == *address)
        });
        expected
    });
    assert_eq!(listing.repos[0].fork_of, Some(format!("{host}/other/origin")));
    // A repository that is switched off is said to be, and snippets that are refused.
    assert!(listing.warnings.iter().any(|warning| warning.code == "sweep-off" && !warning.unscanned));
    let warnings = unscanned(&listing);
    assert!(warnings.len() == 1 && warnings[0].1.contains("403"), "{warnings:?}");
}

#[test]
fn a_group_that_is_not_there_is_an_error_with_a_hint() {
    let lab = start(1);
    let error = list("gitlab://other", of(&lab), None).unwrap_err();
    assert!(error.to_string().contains("gitlab://other") && error.hint().is_some(), "{error}");
    let mut nobody = of(&lab);
    nobody.servers[0].token = None;
    let error = list("gitlab://group", nobody, None).unwrap_err();
    assert!(error.to_string().contains("401"), "{error}");
    assert_eq!(keys(&list("gitlab://group", of(&lab), None).unwrap()).len(), 1);
}
