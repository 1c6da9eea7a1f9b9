//! Which objects of a git repository a scan wants, and who introduced them.

use crate::support::Repo;
use crate::support::repo::AUTHOR;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::SystemTime;
use stopleak_core::source::git::attribution::Attributed;
use stopleak_core::source::git::message::{message_introduction, message_origin, message_range};
use stopleak_core::source::git::objects::{Kind, Limits, Objects, Reader};
use stopleak_core::source::git::repository::{GitError, Repository};
use stopleak_core::source::git::selection::{Selected, Selection, select};
use stopleak_core::source::git::staged::staged;
use stopleak_core::{ObjectId, Warning};

fn open(path: &Path) -> Repository {
    Repository::open(path).expect("it can be opened").expect("it is a repository")
}

fn id(hex: &str) -> ObjectId {
    let mut id = [0; 20];
    for (at, byte) in id.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).expect("hex");
    }
    ObjectId(id)
}

fn staged_paths(repo: &Repo) -> Vec<String> {
    staged(&open(repo.path())).expect("the index can be read").files.into_iter().map(|file| file.path).collect()
}

/// A repository opened and selected from, as a scan does.
struct Scene {
    objects: Objects,
    selected: Selected,
}

impl Scene {
    fn try_new(path: &Path, selection: &Selection) -> Result<Scene, GitError> {
        let repository = open(path);
        let objects = Objects::open(&repository.objects_dir(), repository.extra_objects(), Limits::default());
        let objects = objects.expect("the objects can be opened");
        let selected = select(&repository, &objects, selection, 2)?;
        Ok(Scene { objects, selected })
    }

    fn new(path: &Path, selection: &Selection) -> Scene {
        Scene::try_new(path, selection).expect("it can be selected")
    }

    fn everything(repo: &Repo) -> Scene {
        Scene::new(repo.path(), &Selection::everything())
    }

    fn range(repo: &Repo, spec: &str) -> Scene {
        Scene::new(repo.path(), &Selection::range(spec))
    }

    /// The wanted objects of a kind, as text.
    fn texts(&self, kind: Kind) -> BTreeSet<String> {
        let wanted = self.selected.wanted.iter().filter(|object| self.objects.kind(*object) == Some(kind));
        let read = |object| self.objects.read(object, &mut Reader::default()).expect("it can be read").1;
        wanted.map(|object| String::from_utf8_lossy(&read(object)).into_owned()).collect()
    }

    fn blobs(&self) -> BTreeSet<String> {
        self.texts(Kind::Blob)
    }

    fn attribute(&self, blob: &str) -> Vec<Attributed> {
        let object = self.objects.find(&id(blob)).expect("the blob is there");
        self.selected.attribute(&self.objects, &[object]).remove(0)
    }

    /// `path commit` of each place of a blob.
    fn places(&self, blob: &str) -> Vec<String> {
        let places = self.attribute(blob).into_iter();
        let text = |place: Attributed| {
            let commit = place.introduction.map(|introduction| introduction.commit.to_string());
            format!("{} {}", place.path.unwrap_or("-".into()), commit.unwrap_or("-".into()))
        };
        places.map(text).collect()
    }

    fn codes(&self) -> Vec<&'static str> {
        self.selected.warnings.iter().map(|warning| warning.code).collect()
    }
}

fn set(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|text| text.to_string()).collect()
}

// --- where a repository is -------------------------------------------------------------------------------------------

#[test]
fn a_folder_without_repository_is_none() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Repository::open(folder.path()).unwrap().is_none());
}

#[test]
fn a_folder_that_does_not_exist_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(Repository::open(&folder.path().join("no")), Err(GitError::Open { .. })));
}

#[test]
fn a_subfolder_belongs_to_the_repository_around_it() {
    let mut repo = Repo::new();
    repo.commit("a/b/c.env", "1");
    let found = open(&repo.at("a/b"));
    assert_eq!(found.prefix(), Path::new("a/b"));
    assert_eq!(found.work_dir().unwrap().canonicalize().unwrap(), repo.path().canonicalize().unwrap());
    assert_eq!(open(&repo.at("a/b/c.env")).prefix(), Path::new("a/b"));
    assert_eq!(open(repo.path()).prefix(), Path::new(""));
}

#[test]
fn the_git_folder_itself_is_the_repository() {
    let mut repo = Repo::new();
    repo.commit("a.env", "1");
    assert_eq!(open(&repo.at(".git")).head(), Some(id(&repo.id("HEAD"))));
}

#[test]
fn a_bare_repository_has_no_work_tree() {
    let mut repo = Repo::new();
    repo.commit("a.env", "1");
    let bare = repo.clone_with("bare.git", &["--bare"]);
    let found = open(bare.path());
    assert!(found.is_bare() && found.work_dir().is_none());
    assert_eq!(found.head(), Some(id(&repo.id("HEAD"))));
}

#[test]
fn a_linked_work_tree_has_its_own_head_and_shares_the_objects() {
    let mut repo = Repo::new();
    repo.commit("a.env", "1").commit("b.env", "2");
    let linked = repo.path().with_file_name("linked");
    repo.git(["worktree", "add", "-q", "--detach", linked.to_str().unwrap(), "HEAD~1"]);
    let found = open(&linked);
    assert_eq!(found.head(), Some(id(&repo.id("HEAD~1"))));
    assert_eq!(found.objects_dir().canonicalize().unwrap(), repo.at(".git/objects").canonicalize().unwrap());
    let tips = open(repo.path()).tips().0;
    assert!(tips.iter().any(|tip| tip.name == "worktrees/linked/HEAD" && tip.id == found.head().unwrap()));
    assert_eq!(found.tips().0, tips);
}

#[test]
fn a_submodules_folder_is_its_own_repository() {
    let mut inner = Repo::new();
    inner.commit("inner.env", "1");
    let mut outer = Repo::new();
    outer.commit("outer.env", "2");
    outer.git(["submodule", "--quiet", "add", inner.path().to_str().unwrap(), "sub"]);
    outer.commit_all("add sub");
    let found = open(&outer.at("sub"));
    assert_eq!(found.head(), Some(id(&inner.id("HEAD"))));
    assert!(found.git_dir().canonicalize().unwrap().ends_with(".git/modules/sub"));
    assert!(!found.is_bare());
}

#[test]
fn a_git_file_that_leads_nowhere_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(".git"), "gitdir: ../gone/.git/modules/x\n").unwrap();
    assert!(matches!(Repository::open(folder.path()), Err(GitError::Open { .. })));
}

#[test]
fn a_broken_git_folder_is_an_error() {
    let mut repo = Repo::new();
    repo.commit("a.env", "1");
    std::fs::remove_file(repo.at(".git/HEAD")).unwrap();
    assert!(matches!(Repository::open(repo.path()), Err(GitError::Open { .. })));
}

#[test]
fn a_sha_256_repository_is_refused_by_name() {
    let repo = Repo::with_format("sha256");
    let error = Repository::open(repo.path()).err().expect("it is refused");
    assert!(matches!(error, GitError::Sha256 { .. }));
    assert!(error.to_string().contains("SHA-256") && error.hint().is_some());
}

#[test]
fn an_unborn_branch_has_no_head() {
    let repo = Repo::new();
    assert_eq!(open(repo.path()).head(), None);
    assert_eq!(open(repo.path()).tips().0, []);
    assert_eq!(Scene::everything(&repo).selected.wanted.count(), 0);
}

#[test]
fn every_name_is_a_tip() {
    let mut repo = Repo::new();
    repo.commit("a.env", "1").tag("v1", "one").note("n");
    repo.write("a.env", "2").stash();
    repo.write("a.env", "3").stash();
    repo.branch("topic").commit("b.env", "4").checkout("HEAD~0");
    let clone = repo.clone_with("clone", &[]);
    let (tips, warnings) = open(repo.path()).tips();
    let names: Vec<&str> = tips.iter().map(|tip| tip.name.as_str()).collect();
    let expected = [
        "HEAD",
        "refs/heads/main",
        "refs/heads/topic",
        "refs/notes/commits",
        "refs/stash",
        "refs/stash@{0}",
        "refs/stash@{1}",
        "refs/tags/v1",
    ];
    assert_eq!((names.as_slice(), warnings), (&expected[..], vec![]));
    let remote = open(clone.path()).tips().0;
    assert!(remote.iter().any(|tip| tip.name == "refs/remotes/origin/topic"));
}

// --- what is staged --------------------------------------------------------------------------------------------------

#[test]
fn nothing_staged_is_nothing_new() {
    let mut repo = Repo::new();
    repo.commit("a.env", "1").write("a.env", "only on disk");
    assert_eq!(staged_paths(&repo), [""; 0]);
}

#[test]
fn before_the_first_commit_everything_staged_is_new() {
    let mut repo = Repo::new();
    assert_eq!(staged_paths(&repo), [""; 0]);
    repo.write("a.env", "1").write("d/b.env", "2").stage();
    assert_eq!(staged_paths(&repo), ["a.env", "d/b.env"]);
}

#[test]
fn staged_content_counts_and_not_the_file_on_disk() {
    let mut repo = Repo::new();
    repo.commit("a.env", "1").write("a.env", "staged").stage().write("a.env", "disk");
    let repository = open(repo.path());
    let files = staged(&repository).unwrap().files;
    let bytes = stopleak_core::source::git::staged::read(&repository, &files[0]).unwrap();
    assert_eq!((files.len(), bytes.as_slice()), (1, &b"staged"[..]));
}

#[test]
fn each_kind_of_staged_change_counts_or_not() {
    let body = "line\n".repeat(50);
    for (case, change, expected) in [
        ("added", (|repo: &mut Repo| _ = repo.write("new.env", "n").stage()) as fn(&mut Repo), vec!["new.env"]),
        ("modified in a folder", |repo| _ = repo.write("d/e/deep.env", "n").stage(), vec!["d/e/deep.env"]),
        ("renamed", |repo| _ = repo.rename("a.env", "z/b.env").stage(), vec![]),
        ("a renamed folder", |repo| _ = repo.rename("d/e/deep.env", "q/e/deep.env").stage(), vec![]),
        (
            "renamed and edited",
            |repo| _ = repo.rename("a.env", "b.env").write("b.env", "line\n".repeat(50) + "x").stage(),
            vec!["b.env"],
        ),
        ("copied", |repo| _ = repo.write("copy.env", "line\n".repeat(50)).stage(), vec!["copy.env"]),
        ("removed", |repo| _ = repo.remove("a.env").stage(), vec![]),
        (
            "a file that becomes a link",
            |repo| {
                repo.remove("a.env");
                std::os::unix::fs::symlink("d", repo.at("a.env")).unwrap();
                repo.stage();
            },
            vec!["a.env"],
        ),
        (
            "a file that becomes a folder",
            |repo| _ = repo.remove("a.env").write("a.env/in", "n").stage(),
            vec!["a.env/in"],
        ),
        ("made executable", |repo| _ = repo.git(["update-index", "--chmod=+x", "a.env"]), vec![]),
        (
            "intended to be added",
            |repo| {
                repo.write("later.env", "n");
                repo.git(["add", "-N", "later.env"]);
            },
            vec![],
        ),
        (
            "a submodule's link",
            |repo| {
                let commit = repo.id("HEAD");
                repo.git(["update-index", "--add", "--cacheinfo", &format!("160000,{commit},sub")]);
            },
            vec![],
        ),
        (
            "without the cached trees",
            |repo| {
                repo.git(["read-tree", "HEAD^{tree}"]);
                repo.write("d/e/deep.env", "n").stage();
                repo.git(["update-index", "--force-remove", "other/x.env"]);
            },
            vec!["d/e/deep.env"],
        ),
        (
            "a split index",
            |repo| {
                repo.git(["update-index", "--split-index"]);
                repo.write("d/e/deep.env", "n").stage();
            },
            vec!["d/e/deep.env"],
        ),
        (
            "an index of version 4",
            |repo| {
                repo.git(["update-index", "--index-version", "4"]);
                repo.write("d/e/deep.env", "n").stage();
            },
            vec!["d/e/deep.env"],
        ),
    ] {
        let mut repo = Repo::new();
        repo.write("a.env", &body).write("d/e/deep.env", "deep").write("d/f.env", "f").write("other/x.env", "x");
        repo.commit_all("start");
        change(&mut repo);
        assert_eq!(staged_paths(&repo), expected, "{case}");
    }
}

#[test]
fn each_side_of_a_conflict_is_looked_at() {
    let mut repo = Repo::new();
    repo.commit("a.env", "base").branch("topic").commit("a.env", "theirs").checkout("main").commit("a.env", "ours");
    assert!(!repo.try_git(["merge", "topic"]).status.success());
    let repository = open(repo.path());
    let files = staged(&repository).unwrap().files;
    let read = |file| String::from_utf8(stopleak_core::source::git::staged::read(&repository, file).unwrap()).unwrap();
    assert_eq!(files.iter().map(read).collect::<BTreeSet<_>>(), set(&["base", "theirs"]));
}

#[test]
fn a_sparse_index_is_read_through() {
    let mut repo = Repo::new();
    repo.write("in/a.env", "1").write("out/b.env", "2").write("out/deep/c.env", "3").commit_all("start");
    repo.git(["sparse-checkout", "init", "--cone", "--sparse-index"]);
    repo.git(["sparse-checkout", "set", "in"]);
    assert_eq!(staged_paths(&repo), [""; 0]);
    // The reset makes the index differ from HEAD outside of the sparse checkout.
    repo.commit("in/a.env", "4");
    let start = repo.id("HEAD");
    let blob = repo.blob("HEAD", "in/a.env");
    repo.git(["update-index", "--add", "--cacheinfo", &format!("100644,{blob},out/deep/d.env")]);
    repo.git(["commit", "-q", "-m", "outside"]);
    repo.git(["sparse-checkout", "reapply", "--sparse-index"]);
    repo.git(["reset", "-q", "--soft", &start]);
    assert_eq!(staged_paths(&repo), ["out/deep/d.env"]);
}

#[test]
fn another_index_can_be_named() {
    let mut repo = Repo::new();
    repo.commit("a.env", "1").write("b.env", "2").stage();
    std::fs::copy(repo.at(".git/index"), repo.at(".git/next-index")).unwrap();
    repo.git(["reset", "-q"]);
    let repository = open(repo.path()).with_index(repo.at(".git/next-index"));
    assert_eq!(staged(&repository).unwrap().files.len(), 1);
    assert_eq!(staged_paths(&repo), [""; 0]);
}

#[test]
fn a_corrupt_index_is_an_error() {
    let mut repo = Repo::new();
    repo.commit("a.env", "1");
    std::fs::write(repo.at(".git/index"), "DIRCnothing").unwrap();
    assert!(matches!(staged(&open(repo.path())), Err(GitError::Index { .. })));
}

#[test]
fn a_linked_work_tree_has_its_own_index() {
    let mut repo = Repo::new();
    repo.commit("a.env", "1");
    let linked = repo.path().with_file_name("linked");
    repo.git(["worktree", "add", "-q", linked.to_str().unwrap()]);
    std::fs::write(linked.join("b.env"), "2").unwrap();
    repo.git(["-C", linked.to_str().unwrap(), "add", "b.env"]);
    assert_eq!(staged(&open(&linked)).unwrap().files.len(), 1);
    assert_eq!(staged_paths(&repo), [""; 0]);
}
