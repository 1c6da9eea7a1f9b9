//! Files of addresses, folders of repositories.

use super::{hub, keys, settings, unscanned};
use crate::support::Repo;
use stopleak_core::forge::Forge;
use stopleak_core::sweep::targets::{Access, Filter, Kind, Listing, Settings, State, gather, parse};

fn list(path: &std::path::Path, state: Option<&State>) -> Listing {
    let access = Access::new(None, Settings::default());
    let lister = access.lister(&parse(path.to_str().unwrap()).unwrap()).unwrap();
    gather(&*lister, state, &Filter::default()).unwrap()
}

#[test]
fn a_folder_is_the_repositories_in_it_bare_or_not() {
    let mut made = Repo::new();
    made.commit("a.txt", "a");
    let root = made.path().parent().unwrap().to_owned();
    made.clone_with("mirrors/deep/er/bare.git", &["--bare"]);
    made.clone_with("mirrors/work", &[]);
    made.git(["worktree", "add", "-q", "../linked"]);
    std::fs::create_dir_all(root.join("no/repository")).unwrap();
    std::os::unix::fs::symlink(root.join("mirrors/work"), root.join("a-link")).unwrap();
    std::os::unix::fs::symlink(&root, root.join("circle")).unwrap();

    let listing = list(&root, None);
    let root = root.canonicalize().unwrap();
    let expected = ["linked", "mirrors/deep/er/bare.git", "mirrors/work", "repo"]
        .map(|name| root.join(name).display().to_string());
    assert_eq!((keys(&listing), unscanned(&listing)), (expected.iter().map(String::as_str).collect(), Vec::new()));
    let bare = listing.repos[1].clone().measured();
    assert_eq!(
        (bare.default_branch.as_deref(), bare.owner.as_str(), bare.kind),
        (Some("main"), "mirrors/deep/er", Kind::Git)
    );
    assert!(bare.size.is_some_and(|size| size > 100) && bare.pushed.is_some());
    // One repository is a folder of one.
    assert_eq!(list(&root.join("repo"), None).repos.len(), 1);
    assert!(
        Access::new(None, Settings::default())
            .lister(&parse("nowhere").unwrap())
            .unwrap()
            .list(None, &mut |_| ())
            .is_err()
    );
}

#[test]
fn a_file_is_addresses_and_targets_and_what_is_neither_is_announced_unrepeated() {
    let mut made = Repo::new();
    made.commit("a.txt", "a");
    let file = made.path().parent().unwrap().join("list.txt");
    let hub = hub::start(3);
    let secret = format!("https://ann:{}@github.com/x/y", "hidden-word");
    let lines = [
        "# ours",
        "https://GitHub.com/Org/One.git  # the first",
        "git@github.com:org/one",
        "ssh://git@git.example:2222/team/two.git",
        "repo",
        "docker://registry.example/app:v1",
        "",
        "github://org",
        &secret,
        "--upload-pack=x",
        "github://org/too/deep",
        "missing",
    ];
    std::fs::write(&file, lines.join("\n")).unwrap();
    let network = super::network();
    let access = Access::new(Some(&network), settings(super::at(Forge::Github, hub.host())));
    let listed = |state: Option<&State>| {
        let lister = access.lister(&parse(file.to_str().unwrap()).unwrap()).unwrap();
        gather(&*lister, state, &Filter::default()).unwrap()
    };
    let listing = listed(None);
    let repo = made.path().canonicalize().unwrap().display().to_string();
    let keys = keys(&listing);
    for key in ["github.com/org/one", "git.example:2222/team/two", "registry.example/app:v1", &repo] {
        assert_eq!(keys.iter().filter(|known| **known == key).count(), 1, "{key} in {keys:?}");
    }
    assert_eq!((keys.len(), listing.calls), (7, 2));
    let warnings: Vec<String> = unscanned(&listing).into_iter().map(|(_, text)| text).collect();
    let told = ["line 9: the address holds", "line 10", "line 11", "line 12"];
    assert!(warnings.len() == 4 && told.iter().zip(&warnings).all(|(word, text)| text.contains(word)), "{warnings:?}");
    assert!(!warnings.concat().contains("hidden-word"));
    // What the file names is asked conditionally, too.
    assert!(listed(Some(&listing.state)).unchanged);
}
