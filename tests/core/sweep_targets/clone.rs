//! Who git is told that we are: real git, real smart HTTP, a server that asks for a password.

use super::{WHO, bearer};
use crate::support::Repo as Made;
use crate::support::http_git::Server as Git;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::path::Path;
use std::process::{Command, Output};
use stopleak_core::forge::{Forge, Server};
use stopleak_core::sweep::targets::{Access, Credential, Repo, Settings, equip};

/// A repository behind a password, and what it holds.
fn guarded(made: &Made, user: &str) -> Git {
    let expected = format!("Basic {}", STANDARD.encode(format!("{user}:{WHO}")));
    Git::guarded(made.path().parent().unwrap(), move |headers| {
        headers.iter().any(|(name, value)| name == "authorization" && *value == expected)
    })
}

fn clone(address: &str, folder: &Path, credential: Option<&Credential>, helper: &Path) -> Output {
    let mut command = Command::new("git");
    let inherited = std::env::vars_os().map(|(name, _)| name);
    inherited.filter(|name| name.to_string_lossy().starts_with("GIT_")).for_each(|name| _ = command.env_remove(name));
    // The user's own helper stores what it is told, in a file.
    let stored = format!("store --file={}", helper.display());
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    command.env("GIT_CONFIG_COUNT", "1").env("GIT_CONFIG_KEY_0", "credential.helper").env("GIT_CONFIG_VALUE_0", stored);
    command.args(["clone", "-q", "--bare", address]).arg(folder);
    equip(&mut command, credential);
    command.output().unwrap()
}

#[test]
fn git_is_told_in_memory_and_for_one_host() {
    for (forge, user) in [(Forge::Github, "x-access-token"), (Forge::Gitlab, "oauth2"), (Forge::Gitea, "oauth2")] {
        let mut made = Made::new();
        made.commit("a.txt", "a");
        let git = guarded(&made, user);
        let address = git.url("repo/.git");
        let host = address.trim_start_matches("http://").split('/').next().unwrap();
        let mut server = Server::at(forge, &format!("http://{host}")).unwrap();
        server.token = bearer();
        let network = super::network();
        let access = Access::new(Some(&network), Settings { servers: vec![server], ..Settings::default() });
        let repo = Repo { address: address.clone(), owner: "org".into(), ..Repo::default() };
        let credential = access.credentials_for(&repo.address).unwrap();
        assert_eq!(credential.as_ref().map(|credential| credential.place.clone()), Some(format!("http://{host}")));
        assert!(!format!("{credential:?}").contains(WHO));

        let home = tempfile::tempdir().unwrap();
        let (folder, stored) = (home.path().join("clone"), home.path().join("stored"));
        let refused = clone(&address, &folder, None, &stored);
        assert!(!refused.status.success(), "a server that asks for a password lets nobody in");
        let output = clone(&address, &folder, credential.as_ref(), &stored);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && !said.contains(WHO), "{said}");
        // Nothing of it is left: not in the clone's settings, not with the user's own helper.
        assert!(!std::fs::read_to_string(folder.join("config")).unwrap().contains(WHO));
        assert!(!stored.exists());

        // Another host gets nothing, whatever the address says.
        let other = guarded(&made, user);
        let elsewhere = Repo { address: other.url("repo/.git"), ..repo };
        assert!(access.credentials_for(&elsewhere.address).unwrap().is_none());
        let lured = clone(&elsewhere.address, &home.path().join("other"), credential.as_ref(), &stored);
        assert!(!lured.status.success());
    }
}

#[test]
fn a_redirect_to_another_host_gets_nothing() {
    let mut made = Made::new();
    made.commit("a.txt", "a");
    let thief = guarded(&made, "x-access-token");
    let target = thief.url("repo/.git/info/refs?service=git-upload-pack");
    let door =
        crate::server::Server::start(move |_| crate::server::Reply::new(302, "").header("Location", target.clone()));
    let credential = Credential {
        place: format!("http://{}", door.host),
        user: "x-access-token".into(),
        password: stopleak_core::Secret::new(WHO.as_bytes()),
    };
    let home = tempfile::tempdir().unwrap();
    let output = clone(
        &format!("http://{}/repo/.git", door.host),
        &home.path().join("c"),
        Some(&credential),
        &home.path().join("s"),
    );
    assert!(!output.status.success());
    assert!(thief.asked().iter().all(|headers| !headers.contains("authorization")), "{:?}", thief.asked());
}
