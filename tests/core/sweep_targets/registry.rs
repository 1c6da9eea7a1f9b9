//! The catalogue of a registry.

use super::{keys, list, unscanned};
use crate::server::{Reply, Server};
use std::sync::{Arc, OnceLock};
use stopleak_core::image::Credentials;
use stopleak_core::sweep::targets::{Kind, Settings};

/// A registry that asks for a token for each scope, and pages by two.
fn registry() -> Server {
    let host = Arc::new(OnceLock::<String>::new());
    let known = Arc::clone(&host);
    let server = Server::start(move |asked| {
        let host = known.get().unwrap();
        let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
        let scope = match path {
            "/v2/" => return Reply::new(401, ""),
            "/token" => {
                let scope = super::query(&asked.path).into_iter().find(|(name, _)| name == "scope").unwrap().1;
                return Reply::new(200, format!("{{\"token\":\"{scope}\"}}"));
            }
            "/v2/_catalog" => "registry%3Acatalog%3A%2A".to_owned(),
            path => {
                let name = path.trim_start_matches("/v2/").trim_end_matches("/tags/list");
                format!("repository%3A{}%3Apull", name.replace('/', "%2F"))
            }
        };
        if asked.header("authorization") != Some(&format!("Bearer {scope}")) {
            let scope = scope.replace("%3A", ":").replace("%2F", "/").replace("%2A", "*");
            let challenge = format!("Bearer realm=\"http://{host}/token\",service=\"x\",scope=\"{scope}\"");
            return Reply::new(401, "{}").header("WWW-Authenticate", challenge);
        }
        match (path, query.contains("last=")) {
            ("/v2/_catalog", false) => Reply::new(200, r#"{"repositories":["app","team/api"]}"#)
                .header("Link", "</v2/_catalog?last=team%2Fapi&n=1000>; rel=\"next\""),
            ("/v2/_catalog", true) => Reply::new(200, r#"{"repositories":["team/empty","team/shut"]}"#),
            ("/v2/app/tags/list", false) => Reply::new(200, r#"{"name":"app","tags":["latest","v1"]}"#)
                .header("Link", "</v2/app/tags/list?last=v1&n=1000>; rel=\"next\""),
            ("/v2/app/tags/list", true) => Reply::new(200, r#"{"name":"app","tags":["v2"]}"#),
            ("/v2/team/api/tags/list", _) => Reply::new(200, r#"{"name":"team/api","tags":["main"]}"#),
            ("/v2/team/empty/tags/list", _) => Reply::new(200, r#"{"name":"team/empty","tags":null}"#),
            _ => Reply::new(403, r#"{"errors":[{"code":"DENIED","message":"no access"}]}"#),
        }
    });
    host.set(server.host.clone()).unwrap();
    server
}

#[test]
fn a_registry_is_every_tag_of_its_images() {
    let server = registry();
    let target = format!("docker://{}/", server.host);
    let settings = Settings { logins: Credentials::default(), ..Settings::default() };
    let listing = list(&target, settings.clone(), None).unwrap();
    let expected = ["app:latest", "app:v1", "app:v2", "team/api:main"].map(|name| format!("{}/{name}", server.host));
    assert_eq!(keys(&listing), expected);
    assert!(listing.repos.iter().all(|repo| repo.kind == Kind::Image));
    assert_eq!(listing.repos[3].address, format!("docker://{}/team/api:main", server.host));
    let warnings = unscanned(&listing);
    assert!(
        warnings.len() == 1 && warnings[0].1.contains("team/shut") && warnings[0].1.contains("403"),
        "{warnings:?}"
    );
    assert!(listing.calls >= 10, "{}", listing.calls);

    let few = list(&target, Settings { max_calls: Some(5), ..settings }, None).unwrap();
    assert!(unscanned(&few)[0].1.contains("of its 4 images are left"), "{:?}", unscanned(&few));
    let shut = Server::start(|_| Reply::new(404, ""));
    assert!(list(&format!("docker://{}/", shut.host), Settings::default(), None).is_err());
}
