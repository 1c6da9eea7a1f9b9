//! Gitea and Forgejo, Bitbucket, Azure DevOps.

use super::{WAITS, at, everything, keys, list, number, query, settings, unscanned};
use crate::server::{Reply, Server};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::sync::{Arc, OnceLock};
use stopleak_core::Secret;
use stopleak_core::forge::{Forge, Server as At, Token};
use stopleak_core::sweep::targets::{Kind, Listing, Settings, Wants};

fn found(listing: &Listing, host: &str) -> Vec<(Kind, String)> {
    listing.repos.iter().map(|repo| (repo.kind, repo.address.replace(host, "H"))).collect()
}

/// A server that knows its own address.
fn serve(answer: impl Fn(&crate::server::Asked, &str) -> Reply + Send + Sync + 'static) -> Server {
    let host = Arc::new(OnceLock::<String>::new());
    let known = Arc::clone(&host);
    let server = Server::start(move |asked| answer(asked, known.get().unwrap()));
    host.set(server.host.clone()).unwrap();
    server
}

fn gitea() -> Server {
    serve(|asked, host| {
        if asked.header("authorization") != Some("token word-of-a-test") {
            return Reply::new(401, r#"{"message":"token is required"}"#);
        }
        let path = asked.path.split('?').next().unwrap();
        if path != "/api/v1/orgs/org/repos" && path != "/api/v1/users/ann/repos" {
            return Reply::new(404, r#"{"message":"user redirect does not exist"}"#);
        }
        let query = query(&asked.path);
        let (each, page) = (number(&query, "limit", 30).min(50), number(&query, "page", 1));
        let all: Vec<Value> = (1..=120)
            .map(|n| {
                json!({
                    "id": n, "full_name": format!("Org/r{n}"), "clone_url": format!("http://{host}/Org/r{n}.git"), "size": 3,
                    "default_branch": "main", "empty": n == 2, "updated_at": "2024-03-01T14:30:00+02:00", "fork": n == 3,
                    "parent": if n == 3 { json!({ "clone_url": format!("http://{host}/Up/r3.git") }) } else { Value::Null },
                    "topics": null, "has_wiki": n == 1, "has_issues": n == 1, "archived": n == 4,
                })
            })
            .collect();
        let last = all.len().div_ceil(each);
        let some: Vec<&Value> = all.iter().skip((page - 1) * each).take(each).collect();
        let link = |page: usize, kind: &str| format!("<http://{host}{path}?limit={each}&page={page}>; rel=\"{kind}\"");
        let mut links = vec![link(last, "last")];
        links.extend((page < last).then(|| link(page + 1, "next")));
        Reply::new(200, serde_json::to_string(&some).unwrap())
            .header("Link", links.join(","))
            .header("X-Total-Count", "120")
    })
}

#[test]
fn an_organisation_of_gitea_is_its_repositories_or_else_a_users() {
    let server = gitea();
    let target = format!("gitea://{}/org", server.host);
    let listing = list(&target, everything(at(Forge::Gitea, &server.host)), None).unwrap();
    assert_eq!((listing.repos.len(), unscanned(&listing)), (122, Vec::new()));
    let of = |name: &str| listing.repos.iter().find(|repo| repo.key.ends_with(name)).unwrap();
    assert_eq!((of("/r1").size, of("/r1").pushed), (Some(3_072), Some(1_709_296_200)));
    assert_eq!((of("/r2").default_branch.clone(), of("/r4").is_archived), (None, true));
    assert_eq!(of("/r3").fork_of, Some(format!("{}/up/r3", server.host)));
    assert_eq!((of("/r1.wiki").kind, of("/r1/issues").kind), (Kind::Wiki, Kind::Issues));
    let user = list(&format!("gitea://{}/ann", server.host), settings(at(Forge::Gitea, &server.host)), None).unwrap();
    assert_eq!(user.repos.len(), 120);
    // Of a server that no token is for, nothing is asked with one.
    let error = list(&target, Settings { waits: WAITS, ..Settings::default() }, None).unwrap_err();
    assert!(error.to_string().contains("401"), "{error}");
}

#[test]
fn a_workspace_of_bitbucket_is_its_repositories() {
    let server = serve(|asked, host| {
        let query = query(&asked.path);
        let (each, page) = (number(&query, "pagelen", 10).min(100), number(&query, "page", 1));
        if !asked.path.starts_with("/2.0/repositories/team?") {
            return Reply::new(404, r#"{"type":"error","error":{"message":"No workspace with identifier"}}"#);
        }
        let pair = format!("ann@a.example:{}", super::WHO);
        if asked.header("authorization") != Some(&format!("Basic {}", STANDARD.encode(pair))) {
            return Reply::new(401, "");
        }
        let one = |n: usize| {
            json!({
                "uuid": format!("{{{n}}}"), "full_name": format!("team/r{n}"), "size": 900, "scm": "git",
                "links": { "clone": [{ "name": "https", "href": format!("http://ann@{host}/team/r{n}.git") }, { "name": "ssh", "href": "git@h:x" }] },
                "mainbranch": { "name": "main" }, "updated_on": "2024-03-01T12:30:00.123456+00:00", "has_wiki": n == 1,
                "has_issues": n == 1, "parent": if n == 2 { json!({ "full_name": "up/r2" }) } else { Value::Null },
            })
        };
        let some: Vec<Value> = (1..=250).skip((page - 1) * each).take(each).map(one).collect();
        let mut body = json!({ "pagelen": each, "size": 250, "page": page, "values": some });
        if page * each < 250 {
            body["next"] =
                json!(format!("http://{host}/2.0/repositories/team?pagelen={each}&sort=created_on&page={}", page + 1));
        }
        Reply::new(200, body.to_string())
    });
    let mut bitbucket = at(Forge::Bitbucket, &server.host);
    bitbucket.token = Some(Token::Basic { user: "ann@a.example".into(), password: Secret::new(super::WHO.as_bytes()) });
    let listing = list("bitbucket://team", everything(bitbucket.clone()), None).unwrap();
    assert_eq!(listing.repos.len(), 251);
    let of = |name: &str| listing.repos.iter().find(|repo| repo.key.ends_with(name)).unwrap();
    // The address names no user.
    assert_eq!(of("/r1").address, format!("http://{}/team/r1.git", server.host));
    assert_eq!((of("/r1").size, of("/r1").pushed), (Some(900), Some(1_709_296_200)));
    assert_eq!(of("/r2").fork_of, Some(format!("{}/up/r2", server.host)));
    // Issues there are not read: that is said.
    let warnings = unscanned(&listing);
    assert!(warnings.len() == 1 && warnings[0].1.contains("issues"), "{warnings:?}");
    assert!(list("bitbucket://other", settings(bitbucket), None).is_err());
}

fn azure(host: &str, word: &str) -> At {
    let mut server = At::at(Forge::Azure, &format!("http://{host}")).unwrap();
    server.token = Some(Token::Basic { user: String::new(), password: Secret::new(word.as_bytes()) });
    server
}

#[test]
fn an_organisation_of_azure_is_the_repositories_of_its_projects() {
    let server = serve(|asked, _| {
        if asked.header("authorization") != Some(&format!("Basic {}", STANDARD.encode(format!(":{}", super::WHO)))) {
            return Reply::new(203, "<html>Sign in</html>").header("Content-Type", "text/html; charset=utf-8");
        }
        let (path, query) = (asked.path.split('?').next().unwrap(), query(&asked.path));
        let is = |name: &str, value: &str| query.contains(&(name.to_owned(), value.to_owned()));
        if !is("api-version", "7.1") {
            return Reply::new(400, r#"{"message":"No api-version was supplied"}"#);
        }
        match path {
            "/org/_apis/projects" if is("continuationToken", "2") => {
                let projects = json!([{ "id": "p3", "name": "Shut", "state": "wellFormed" }, { "id": "p4", "name": "Old", "state": "deleting" }]);
                Reply::new(200, json!({ "count": 2, "value": projects }).to_string())
            }
            "/org/_apis/projects" => {
                let projects = json!([{ "id": "p1", "name": "One Two", "state": "wellFormed" }, { "id": "p2", "name": "Bare", "state": "wellFormed" }]);
                Reply::new(200, json!({ "count": 2, "value": projects }).to_string())
                    .header("x-ms-continuationtoken", "2")
            }
            "/org/p1/_apis/git/repositories" | "/org/One%20Two/_apis/git/repositories" => {
                let mut repos = vec![
                    json!({ "id": "a", "name": "app one", "defaultBranch": "refs/heads/main", "size": 5, "remoteUrl": "https://org@dev.azure.com/x" }),
                    json!({ "id": "b", "name": "off", "isDisabled": true }),
                    json!({ "id": "c", "name": "fork", "isFork": true, "parentRepository": { "name": "app one", "project": { "name": "One Two" } } }),
                ];
                repos.extend(is("includeHidden", "true").then(|| json!({ "id": "w", "name": "One Two.wiki" })));
                Reply::new(200, json!({ "value": repos }).to_string())
            }
            "/org/p2/_apis/git/repositories" => Reply::new(200, r#"{"value":[]}"#),
            "/org/p3/_apis/git/repositories" => {
                Reply::new(403, r#"{"message":"TF400813: The user is not authorized"}"#)
            }
            _ => Reply::new(404, r#"{"message":"TF200016: The following project does not exist"}"#),
        }
    });
    let listing = list("azure://org", settings(azure(&server.host, super::WHO)), None).unwrap();
    let expected = [
        (Kind::Git, "http://H/org/One%20Two/_git/app%20one".to_owned()),
        (Kind::Git, "http://H/org/One%20Two/_git/fork".to_owned()),
    ];
    assert_eq!(found(&listing, &server.host), expected);
    let key = format!("{}/org/one%20two/_git/app%20one", server.host);
    assert_eq!(listing.repos[1].fork_of.as_ref(), Some(&key));
    assert_eq!((keys(&listing)[0], listing.repos[0].default_branch.as_deref()), (key.as_str(), Some("main")));
    let warnings = unscanned(&listing);
    let told = ["deleting", "disabled", "azure://org/Shut"];
    assert!(
        warnings.len() == 3 && told.iter().all(|word| warnings.iter().any(|(_, text)| text.contains(word))),
        "{warnings:?}"
    );

    let wants = Wants { wikis: true, ..Wants::default() };
    let one =
        list("azure://org/One Two", Settings { wants, ..settings(azure(&server.host, super::WHO)) }, None).unwrap();
    let wiki = (Kind::Wiki, "http://H/org/One%20Two/_git/One%20Two.wiki".to_owned());
    assert!(found(&one, &server.host).contains(&wiki), "{:?}", found(&one, &server.host));
    // Who is not known is sent a page to sign in at, with a status of success.
    let error = list("azure://org", settings(azure(&server.host, "wrong")), None).unwrap_err().to_string();
    assert!(error.contains("203") && error.contains("sign in"), "{error}");
}
