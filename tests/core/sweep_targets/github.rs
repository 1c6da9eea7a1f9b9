//! Organisations, users and enterprises of GitHub.

use super::hub::{Running, repo, start};
use super::{at, everything, kept, keys, list, settings, unscanned};
use crate::server::Reply;
use serde_json::json;
use std::sync::Arc;
use std::time::Instant;
use stopleak_core::forge::Forge;
use stopleak_core::sweep::targets::{Kind, Listing, Settings};

fn of(hub: &Running) -> Settings {
    settings(at(Forge::Github, hub.host()))
}

fn organisation(hub: &Running) -> Listing {
    list("github://org", of(hub), None).unwrap()
}

#[test]
fn ten_thousand_repositories_are_listed_within_the_limit_and_again_for_nearly_nothing() {
    let hub = start(10_000);
    {
        // Every twentieth is a fork of the one before it.
        let host = hub.host().to_owned();
        for number in (20..=10_000).step_by(20) {
            let parent = json!({ "clone_url": format!("http://{host}/org/repo-{:05}.git", number - 1) });
            let repos = &mut hub.hub().repos;
            (repos[number - 1]["fork"], repos[number - 1]["parent"]) = (json!(true), parent);
        }
    }
    let began = Instant::now();
    let first = organisation(&hub);
    let used = hub.hub().used;
    let state = serde_json::to_string(&first.state).unwrap();
    eprintln!(
        "10,000 repositories: {} calls, {used} counted, {:?}, a state of {} KB",
        first.calls,
        began.elapsed(),
        state.len() / 1024
    );
    assert_eq!((first.repos.len(), unscanned(&first)), (10_000, Vec::new()));
    // 100 pages, the first and the last one again, 5 questions about 500 forks, and how many there are.
    assert_eq!((first.calls, used), (108, 106));
    assert!(state.len() < 8 << 20);
    let fork = first.repos.iter().find(|repo| repo.key.ends_with("repo-00020")).unwrap();
    assert_eq!(fork.fork_of.as_deref().unwrap(), format!("{}/org/repo-00019", hub.host()));
    assert_eq!(first.rate.unwrap().limit, Some(5_000));

    let second = list("github://org", of(&hub), Some(&kept(&first.state))).unwrap();
    assert_eq!((second.repos.len(), second.unchanged), (10_000, true));
    // How many there are, and whether a page came to be after the last one, which is full.
    assert_eq!((second.calls, hub.hub().used - used), (104, 2));
    assert_eq!(second.repos, first.repos);

    // One push: one page is sent again.
    hub.hub().repos[4_999]["pushed_at"] = json!("2025-01-01T00:00:00Z");
    let third = list("github://org", of(&hub), Some(&second.state)).unwrap();
    assert_eq!((third.unchanged, hub.hub().used - used), (false, 5));
    assert_eq!(third.repos.iter().filter(|repo| repo.pushed == Some(1_735_689_600)).count(), 1);
}

#[test]
fn a_repository_tells_what_it_is() {
    let hub = start(1);
    {
        let repos = &mut hub.hub().repos;
        repos[0]["full_name"] = json!("Org/Some.Name");
        let user = format!("user:{}@", "word");
        repos[0]["clone_url"] = json!(format!("http://{user}{}/Org/Some.Name.git", hub.host()));
        (repos[0]["archived"], repos[0]["has_wiki"], repos[0]["has_issues"]) = (json!(true), json!(true), json!(true));
    }
    hub.hub().more.insert("/orgs/org/members".into(), json!([{ "login": "ann" }]));
    let gist = json!([{ "id": "aa5a", "git_pull_url": format!("http://gist.{}/aa5a.git", hub.host()), "updated_at": "2024-03-01T12:30:00Z" }]);
    hub.hub().more.insert("/users/ann/gists".into(), gist);
    let listing = list("github://org", everything(at(Forge::Github, hub.host())), None).unwrap();
    let host = hub.host();
    let found: Vec<_> = listing.repos.iter().map(|repo| (repo.kind, repo.key.clone(), repo.address.clone())).collect();
    let expected = [
        (Kind::Git, format!("{host}/org/some.name"), format!("http://{host}/Org/Some.Name.git")),
        (Kind::Wiki, format!("{host}/org/some.name.wiki"), format!("http://{host}/Org/Some.Name.wiki.git")),
        (Kind::Issues, format!("{host}/org/some.name/issues"), format!("http://{host}/Org/Some.Name/issues")),
        (Kind::Gist, format!("gist.{host}/aa5a"), format!("http://gist.{host}/aa5a.git")),
    ];
    assert_eq!(found, expected);
    let repo = &listing.repos[0];
    assert_eq!((repo.size, repo.pushed, repo.is_archived), (Some(12_288), Some(1_709_296_200), true));
    assert_eq!(
        (repo.id.as_deref(), repo.default_branch.as_deref(), repo.owner.as_str()),
        (Some("R_1"), Some("main"), "Org")
    );
    assert_eq!(repo.topics, ["web"]);
    // Without being asked for, nothing beside it is listed.
    assert_eq!(organisation(&hub).repos.len(), 1);
}

#[test]
fn a_list_that_moves_while_it_is_read_is_read_again() {
    let hub = start(350);
    // After the second page the first repositories are deleted: all others move to the left.
    hub.hub().then = Some((2, |hub| _ = hub.repos.drain(..5)));
    let listing = organisation(&hub);
    let found = keys(&listing).into_iter().filter(|key| !key.contains("repo-0000")).count();
    // The deleted ones were seen; nobody else is missing.
    assert_eq!((found, unscanned(&listing)), (341, Vec::new()));
    let again = list("github://org", of(&hub), Some(&listing.state)).unwrap();
    assert_eq!(again.repos.len(), 345);
    // A repository that was renamed keeps its id.
    let host = hub.host().to_owned();
    hub.hub().repos[0]["clone_url"] = json!(format!("http://{host}/org/new-name.git"));
    let renamed = list("github://org", of(&hub), Some(&again.state)).unwrap();
    let id = |key: &str| renamed.repos.iter().find(|repo| repo.key.ends_with(key)).and_then(|repo| repo.id.clone());
    assert_eq!((id("new-name").as_deref(), id("repo-00006")), (Some("R_6"), None));
}

#[test]
fn a_list_that_grew_beyond_full_pages_is_read_to_its_new_end() {
    for count in [100, 200] {
        let hub = start(count);
        let first = organisation(&hub);
        let host = hub.host().to_owned();
        hub.hub().repos.push(repo(&host, "org", count + 1));
        let second = list("github://org", of(&hub), Some(&kept(&first.state))).unwrap();
        assert_eq!((second.repos.len(), second.unchanged), (count + 1, false));
    }
    // A repository that comes to stand among the others while they are read: none is lost.
    let hub = start(350);
    hub.hub().then = Some((3, |hub| {
        let new = repo("127.0.0.1", "moved", 9);
        hub.repos.insert(10, new);
    }));
    let listing = organisation(&hub);
    assert_eq!((listing.repos.len(), unscanned(&listing)), (351, Vec::new()));
}

#[test]
fn a_server_that_stumbles_is_asked_again_and_one_that_falls_is_announced() {
    let hub = start(450);
    hub.hub().troubles = vec![("&page=2".into(), 500), ("&page=2".into(), 502), ("&page=4".into(), 503)];
    let whole = organisation(&hub);
    assert_eq!((whole.repos.len(), unscanned(&whole)), (450, Vec::new()));

    // A page that is never to be had: the others are, and what it held the last time.
    hub.hub().walls.insert("&page=3".into(), Reply::new(500, r#"{"message":"Server Error"}"#));
    let holed = organisation(&hub);
    let warnings = unscanned(&holed);
    assert_eq!((holed.repos.len(), warnings.len()), (350, 1), "{warnings:?}");
    assert!(warnings[0].1.contains("github://org, page 3") && warnings[0].1.contains("500"), "{warnings:?}");
    let patched = list("github://org", of(&hub), Some(&whole.state)).unwrap();
    assert_eq!((patched.repos.len(), unscanned(&patched).len(), patched.unchanged), (450, 1, false));
}

#[test]
fn a_limit_that_lasts_too_long_ends_the_list_and_the_next_one_goes_on() {
    let hub = start(1_000);
    hub.hub().limit = 4; // The first, the last and two more pages.
    let cut = organisation(&hub);
    assert_eq!((cut.repos.len(), unscanned(&cut)[0].0), (400, "forge-limit"));
    assert!(unscanned(&cut)[0].1.contains("page 7"), "{:?}", unscanned(&cut));
    // An hour later what is known costs nothing.
    hub.hub().limit = 24;
    let rest = list("github://org", of(&hub), Some(&cut.state)).unwrap();
    assert_eq!((rest.repos.len(), unscanned(&rest)), (1_000, Vec::new()));

    // Without a single request what was known is still there, announced as that.
    hub.hub().limit = 0;
    let known = list("github://org", of(&hub), Some(&rest.state)).unwrap();
    assert_eq!((known.repos.len(), unscanned(&known)[0].0, known.unchanged), (1_000, "forge-limit", false));

    // A budget of one's own is held.
    let few = Settings { max_calls: Some(3), ..of(&hub) };
    hub.hub().limit = 5_000;
    let few = list("github://org", few, None).unwrap();
    assert_eq!((few.repos.len(), few.calls), (300, 3));
    assert!(unscanned(&few)[0].1.contains("3 requests"), "{:?}", unscanned(&few));
}

#[test]
fn a_secondary_limit_is_waited_for_and_told() {
    let hub = start(350);
    hub.hub().secondary = Some(3);
    let told: super::Told = Arc::default();
    let heard = Arc::clone(&told);
    let announce = move |host: &str, wait| heard.lock().unwrap().push((host.to_owned(), wait));
    let listing = list("github://org", Settings { announce: Some(Arc::new(announce)), ..of(&hub) }, None).unwrap();
    assert_eq!((listing.repos.len(), unscanned(&listing)), (350, Vec::new()));
    let told = told.lock().unwrap();
    assert!(
        !told.is_empty() && told.iter().all(|(host, wait)| host == hub.host() && wait.as_millis() <= 1_000),
        "{told:?}"
    );
}

#[test]
fn forks_are_asked_about_one_by_one_where_graphql_is_refused() {
    let hub = start(4);
    {
        let host = hub.host().to_owned();
        let mut hub = hub.hub();
        hub.graphql = false;
        for number in [1, 2, 3] {
            hub.repos[number]["fork"] = json!(true);
            hub.repos[number]["parent"] = json!({ "clone_url": format!("http://{host}/org/repo-00001.git") });
        }
        hub.walls.insert("/repos/org/repo-00003".into(), Reply::new(451, r#"{"message":"Repository access blocked"}"#));
        hub.walls.insert("/repos/org/repo-00004".into(), Reply::new(404, r#"{"message":"Not Found"}"#));
    }
    let listing = organisation(&hub);
    assert_eq!(listing.repos.len(), 2);
    assert_eq!(listing.repos[1].fork_of.as_deref(), Some(listing.repos[0].key.as_str()));
    let warnings = unscanned(&listing);
    assert!(warnings.iter().all(|(code, _)| *code == "sweep-barred") && warnings.len() == 2, "{warnings:?}");
    assert!(warnings[0].1.contains("451") && warnings[0].1.contains("blocked"), "{warnings:?}");
    // What is known is not asked for again.
    let used = hub.hub().requests;
    let again = list("github://org", of(&hub), Some(&listing.state)).unwrap();
    assert_eq!(again.repos[1].fork_of, listing.repos[1].fork_of);
    assert_eq!(hub.hub().requests - used, 5);
}

#[test]
fn what_is_not_shown_is_announced() {
    let hub = start(2);
    hub.hub().hidden = 3;
    let hidden = organisation(&hub);
    assert!(unscanned(&hidden)[0].1.contains("has 5 repositories, and 2"), "{:?}", unscanned(&hidden));

    let hub = start(150);
    hub.hub().sso = true;
    let partial = organisation(&hub);
    assert_eq!((partial.repos.len(), unscanned(&partial)[0].0, unscanned(&partial).len()), (150, "sweep-sso", 1));
    // It is as true when nothing has changed and the answer does not say it again.
    hub.hub().sso = false;
    let again = list("github://org", of(&hub), Some(&kept(&partial.state))).unwrap();
    assert_eq!((again.unchanged, unscanned(&again)[0].0), (true, "sweep-sso"));

    let hub = start(2);
    hub.hub().repos[1]["disabled"] = json!(true);
    let disabled = organisation(&hub);
    assert_eq!((disabled.repos.len(), unscanned(&disabled)[0].0), (1, "sweep-barred"));

    let saml = r#"{"message":"Resource protected by organization SAML enforcement."}"#;
    hub.hub().walls.insert("page=1".into(), Reply::new(403, saml));
    let error = list("github://org", of(&hub), None).unwrap_err();
    assert!(error.to_string().contains("SAML") && error.hint().is_some(), "{error}");
    let error = list("github://nobody", of(&hub), None).unwrap_err();
    assert!(error.hint().is_some_and(|hint| hint.contains("check the name")), "{error}");
}

#[test]
fn an_enterprise_is_its_organisations() {
    let hub = start(3);
    let saml = r#"{"message":"Resource protected by organization SAML enforcement."}"#;
    hub.hub().walls.insert(
        "/orgs/closed/repos?per_page=100&type=all&sort=created&direction=asc&page=1".into(),
        Reply::new(403, saml),
    );
    let listing = list("github://enterprise:big", of(&hub), None).unwrap();
    let warnings = unscanned(&listing);
    assert_eq!((listing.repos.len(), warnings.len()), (3, 2), "{warnings:?}");
    assert!(warnings[0].1.contains("1 of its organisations"), "{warnings:?}");
    assert!(warnings[1].1.contains("github://closed") && warnings[1].1.contains("SAML"), "{warnings:?}");
    let error = list("github://enterprise:other", of(&hub), None).unwrap_err();
    assert!(error.to_string().contains("Could not resolve"), "{error}");
    // A server of one's own is one enterprise, told by REST where GraphQL is refused.
    let hub = start(3);
    hub.hub().graphql = false;
    hub.hub().more.insert("/organizations".into(), json!([{ "login": "org" }]));
    assert_eq!(list("github://enterprise:ours", of(&hub), None).unwrap().repos.len(), 3);
}

#[test]
fn a_user_sees_the_own_private_ones() {
    let hub = start(0);
    let host = hub.host().to_owned();
    {
        let more = &mut hub.hub().more;
        more.insert("/user".into(), json!({ "login": "Ann" }));
        more.insert("/user/repos".into(), json!([repo(&host, "ann", 1), repo(&host, "ann", 2)]));
        more.insert("/users/bob/repos".into(), json!([repo(&host, "bob", 3)]));
    }
    assert_eq!(list("github://user:ann", of(&hub), None).unwrap().repos.len(), 2);
    assert_eq!(keys(&list("github://user:bob", of(&hub), None).unwrap()), [format!("{host}/bob/repo-00003")]);
}

#[test]
fn pages_that_go_in_circles_and_answers_that_are_none_are_errors() {
    let hub = start(0);
    hub.hub().walls.insert("page=1".into(), Reply::new(200, "{\"hidden-word\""));
    let error = list("github://org", of(&hub), None).unwrap_err().to_string();
    assert!(error.contains("no JSON") && !error.contains("hidden-word"), "{error}");
    let hub = start(0);
    let circle = Reply::new(200, "[]").header("Link", format!("<http://{}/x?a=1&page=1>; rel=\"next\"", hub.host()));
    hub.hub().walls.insert("page=1".into(), circle);
    let error = list("github://org", of(&hub), None).unwrap_err().to_string();
    assert!(error.contains("circles"), "{error}");
}
