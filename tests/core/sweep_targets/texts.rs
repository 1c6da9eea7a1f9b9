//! Issues and their comments.

use super::{at, list, settings};
use crate::server::{Asked, Reply, Server};
use std::ops::ControlFlow;
use stopleak_core::forge::Forge;
use stopleak_core::sweep::targets::{Access, Kind, Reached, Repo, Settings, Text, UNREAD, Wants};

type Row = (String, String, String);

/// Reads once more from where it was read to; gives the texts and the warnings.
fn read_on(forge: Forge, host: &str, reached: &mut Reached) -> (Vec<Row>, Vec<String>) {
    let network = super::network();
    let access = Access::new(Some(&network), settings(at(forge, host)));
    let repo = Repo { address: format!("http://{host}/group/app/issues"), kind: Kind::Issues, ..Repo::default() };
    let mut found = Vec::new();
    let of = |text: Text| (text.path, text.author, text.text);
    let read = access.texts(&repo, reached, &mut |texts, _| {
        found.extend(texts.into_iter().map(of));
        ControlFlow::Continue(())
    });
    (found, read.unwrap().warnings.iter().map(ToString::to_string).collect())
}

fn read(forge: Forge, host: &str) -> (Vec<Row>, Vec<String>) {
    read_on(forge, host, &mut Reached::default())
}

/// What was asked for since the last time, without the rest of the query.
fn since(asked: &[Asked]) -> Vec<Option<String>> {
    let of = |asked: &Asked| {
        super::query(&asked.path).into_iter().find(|(name, _)| name == "updated_after" || name == "since")
    };
    asked.iter().map(|asked| of(asked).map(|(_, value)| value)).collect()
}

fn row(path: &str, author: &str, text: &str) -> Row {
    (path.to_owned(), author.to_owned(), text.to_owned())
}

#[test]
fn issues_of_github_and_every_comment_are_read() {
    let server = Server::start(|asked| match asked.path.split('?').next().unwrap() {
        "/api/v3/repos/group/app/issues" if asked.path.contains("state=all") => Reply::new(
            200,
            r#"[{"number":7,"title":"Broken","body":"a word","user":{"login":"ann"},"updated_at":"2024-03-01T12:30:00Z","html_url":"https://x"}]"#,
        ),
        "/api/v3/repos/group/app/issues/comments" => {
            Reply::new(200, r#"[{"id":12,"body":"another","user":{"login":"bob"}}]"#)
        }
        "/api/v3/repos/group/app/pulls/comments" => Reply::new(500, "{}"),
        _ => Reply::new(404, "{}"),
    });
    let (found, warnings) = read(Forge::Github, &server.host);
    assert_eq!(found, [row("issues/7", "ann", "Broken\n\na word"), row("issues/comments/12", "bob", "another")]);
    assert!(warnings.len() == 1 && warnings[0].contains("pulls/comments"), "{warnings:?}");
}

#[test]
fn issues_and_requests_of_gitlab_are_read_with_their_notes() {
    let server = Server::start(|asked| match asked.path.split('?').next().unwrap() {
        "/api/v4/projects/group%2Fapp/issues" => Reply::new(
            200,
            r#"[{"iid":1,"title":"One","description":"a word","author":{"username":"ann"},"user_notes_count":2},{"iid":2,"title":"Two","description":null,"user_notes_count":0}]"#,
        ),
        "/api/v4/projects/group%2Fapp/merge_requests" => Reply::new(200, "[]"),
        "/api/v4/projects/group%2Fapp/issues/1/notes" => {
            Reply::new(200, r#"[{"id":5,"body":"noted","author":{"username":"bob"}}]"#)
        }
        _ => Reply::new(404, "{}"),
    });
    let (found, warnings) = read(Forge::Gitlab, &server.host);
    let expected = [
        row("issues/1", "ann", "One\n\na word"),
        row("issues/1/notes/5", "bob", "noted"),
        row("issues/2", "", "Two\n\n"),
    ];
    assert_eq!((found.as_slice(), warnings.len()), (expected.as_slice(), 0));
}

#[test]
fn issues_of_gitea_are_read() {
    let server = Server::start(|asked| match asked.path.split('?').next().unwrap() {
        "/api/v1/repos/group/app/issues" => {
            Reply::new(200, r#"[{"number":3,"title":"T","body":"B","user":{"login":"x"}}]"#)
        }
        "/api/v1/repos/group/app/issues/comments" => Reply::new(200, "[]"),
        _ => Reply::new(404, "{}"),
    });
    assert_eq!(read(Forge::Gitea, &server.host).0, [row("issues/3", "x", "T\n\nB")]);
}

#[test]
fn notes_that_cannot_be_read_are_asked_for_again_and_none_before_them_is_lost() {
    let broken = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let is_broken = broken.clone();
    let server = Server::start(move |asked| match asked.path.split('?').next().unwrap() {
        "/api/v4/projects/group%2Fapp/issues" => Reply::new(
            200,
            r#"[{"iid":1,"title":"One","updated_at":"2024-03-01T12:30:00Z","web_url":"https://l.example/issues/1"},
                {"iid":2,"title":"Two","updated_at":"2024-03-01T13:30:00Z","user_notes_count":0}]"#,
        ),
        "/api/v4/projects/group%2Fapp/merge_requests" => Reply::new(200, "[]"),
        _ if is_broken.load(std::sync::atomic::Ordering::Relaxed) => Reply::new(404, "{}"),
        _ => Reply::new(200, r#"[{"id":5,"body":"old","updated_at":"2020-01-01T00:00:00Z"}]"#),
    });
    let mut reached = Reached::default();
    let (found, warnings) = read_on(Forge::Gitlab, &server.host, &mut reached);
    assert_eq!((found.len(), warnings.len()), (2, 1), "{warnings:?}");
    broken.store(false, std::sync::atomic::Ordering::Relaxed);
    let before = server.asked().len();
    let (found, warnings) = read_on(Forge::Gitlab, &server.host, &mut reached);
    // The note is older than what was read to: it was never read.
    assert!(found.contains(&row("issues/1/notes/5", "", "old")) && warnings.is_empty(), "{found:?} {warnings:?}");
    assert_eq!(since(&server.asked()[before..])[0].as_deref(), Some("2024-03-01T12:28:00Z"));
    // From now on what is older than that is known.
    let (found, _) = read_on(Forge::Gitlab, &server.host, &mut reached);
    assert!(found.iter().all(|(path, ..)| !path.contains("notes")), "{found:?}");
}

#[test]
fn a_page_that_is_full_of_one_moment_is_followed_by_the_next() {
    // Five comments of one second, two on a page; the server sends what changed after a time alone.
    let server = Server::start(|asked| {
        let query = super::query(&asked.path);
        let number = super::number(&query, "page", 1);
        if !asked.path.contains("/issues/comments") {
            return Reply::new(200, "[]");
        }
        let after = query.iter().find(|(name, _)| name == "since").map_or(String::new(), |(_, value)| value.clone());
        let all: Vec<serde_json::Value> = (1..=5)
            .map(|id| serde_json::json!({ "id": id, "body": "x", "updated_at": "2024-03-01T12:30:00Z" }))
            .filter(|_| after.as_str() < "2024-03-01T12:30:00Z")
            .collect();
        let page: Vec<_> = all.iter().skip((number - 1) * 2).take(2).cloned().collect();
        let reply = Reply::new(200, serde_json::Value::Array(page).to_string());
        match all.len() > number * 2 {
            true => {
                let others: Vec<String> =
                    query.iter().filter(|(name, _)| name != "page").map(|(n, v)| format!("{n}={v}")).collect();
                reply.header("Link", format!("<https://x/y?{}&page={}>; rel=\"next\"", others.join("&"), number + 1))
            }
            false => reply,
        }
    });
    assert_eq!(read(Forge::Github, &server.host).0.len(), 5);
}

#[test]
fn what_is_wanted_and_not_read_is_announced_and_hides_nothing_of_the_list() {
    let server = Server::start(|asked| match asked.path.as_str() {
        path if path.starts_with("/2.0/repositories/team?") => {
            Reply::new(200, r#"{"values":[{"full_name":"team/a"}],"size":1,"pagelen":100,"page":1}"#)
        }
        path if path.starts_with("/org/_apis/projects?") => Reply::new(200, r#"{"value":[]}"#),
        _ => Reply::new(404, "{}"),
    });
    let wants = Wants { issues: true, ..Wants::default() };
    let of = |forge| Settings { wants, ..settings(at(forge, &server.host)) };
    let listing = list("bitbucket://team", of(Forge::Bitbucket), None).unwrap();
    let told = |listing: &stopleak_core::sweep::targets::Listing| {
        let of = |warning: &stopleak_core::Warning| (warning.code, warning.object.clone());
        listing.warnings.iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!((told(&listing), listing.repos.len()), (vec![(UNREAD, "bitbucket://team".to_owned())], 1));
    let listing = list("azure://org", of(Forge::Azure), None).unwrap();
    assert_eq!(told(&listing), [(UNREAD, "azure://org".to_owned())]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("list");
    std::fs::write(&file, "git@own.example:org/a\nhttps://github.com/org/b.git\n").unwrap();
    let listing = list(file.to_str().unwrap(), Settings { wants, ..Settings::default() }, None).unwrap();
    assert_eq!(told(&listing), [(UNREAD, "own.example/org/a".to_owned())]);
    let issues = listing.repos.iter().find(|repo| repo.kind == Kind::Issues).unwrap();
    assert_eq!(
        (issues.key.as_str(), issues.address.as_str()),
        ("github.com/org/b/issues", "https://github.com/org/b/issues")
    );
}
