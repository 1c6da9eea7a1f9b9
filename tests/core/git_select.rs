//! Which objects of a git repository a scan wants, and who introduced them.

use crate::support::Repo;
use crate::support::repo::AUTHOR;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::SystemTime;
use stopleak_core::ObjectId;
use stopleak_core::source::git::attribution::Attributed;
use stopleak_core::source::git::message::{message_introduction, message_origin, message_range};
use stopleak_core::source::git::objects::{Kind, Limits, Objects, Reader};
use stopleak_core::source::git::repository::{GitError, Repository};
use stopleak_core::source::git::selection::{Selected, Selection, select};
use stopleak_core::source::git::staged::staged;

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
    repo.commit("out/deep/d.env", "4");
    repo.git(["sparse-checkout", "init", "--cone", "--sparse-index"]);
    repo.git(["sparse-checkout", "set", "in"]);
    assert_eq!(staged_paths(&repo), [""; 0]);
    repo.git(["update-ref", "refs/heads/main", "HEAD~1"]);
    assert!(
        repo.git(["ls-files", "--sparse"]).contains("out/\n") || repo.git(["ls-files", "--sparse"]).ends_with("out/")
    );
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

// --- everything ------------------------------------------------------------------------------------------------------

#[test]
fn everything_is_all_blobs_and_messages_reachable_or_not() {
    let mut repo = Repo::new();
    repo.commit("a.env", "first").tag("v1", "tag message").note("a note");
    repo.write("a.env", "old stash").stash();
    repo.write("a.env", "new stash").stash();
    let lost = repo.write("lost.env", "unreachable").git(["hash-object", "-w", "lost.env"]);
    repo.remove("lost.env");
    repo.commit("b.env", "amended away");
    repo.write("b.env", "kept").stage().git(["commit", "-q", "--amend", "-m", "kept message"]);
    for step in ["loose", "packed"] {
        let scene = Scene::everything(&repo);
        let expected = ["first", "a note\n", "old stash", "new stash", "unreachable", "amended away", "kept"];
        assert_eq!(scene.blobs(), set(&expected), "{step}");
        assert!(scene.texts(Kind::Tag).iter().any(|text| text.contains("tag message")));
        assert!(scene.texts(Kind::Commit).iter().any(|text| text.contains("kept message")));
        assert!(scene.texts(Kind::Commit).iter().any(|text| text.contains("write b.env")));
        assert_eq!(scene.selected.warnings, []);
        // -k keeps what is unreachable.
        repo.git(["repack", "-q", "-a", "-d", "-k"]);
    }
    let scene = Scene::everything(&repo);
    assert_eq!(scene.attribute(&lost), []);
}

#[test]
fn an_older_stash_is_attributed_through_the_reflog() {
    let mut repo = Repo::new();
    repo.commit("a.env", "first");
    repo.write("a.env", "old stash").stash().write("a.env", "new stash").stash();
    let scene = Scene::everything(&repo);
    for name in ["stash@{0}", "stash@{1}"] {
        let places = scene.places(&repo.blob(name, "a.env"));
        assert_eq!(places.len(), 1);
        assert!(places[0].starts_with("a.env "), "{places:?}");
    }
}

#[test]
fn borrowed_objects_count_when_reachable() {
    let mut lender = Repo::new();
    lender.commit("a.env", "shared").branch("secret").commit("b.env", "not ours").checkout("main").pack();
    let mut borrower = lender.clone_with("borrower", &["--shared", "--single-branch"]);
    borrower.commit("c.env", "own");
    let scene = Scene::everything(&borrower);
    assert_eq!(scene.blobs(), set(&["shared", "own"]));
    assert_eq!(scene.selected.warnings, []);
}

#[test]
fn a_quarantine_folder_is_looked_into() {
    let mut repo = Repo::new();
    repo.commit("a.env", "1");
    let base = repo.id("HEAD");
    let mut other = repo.clone_with("other", &[]);
    other.commit("b.env", "pushed");
    let quarantine = other.at(".git/objects");
    let repository = open(repo.path()).with_objects([quarantine]);
    let objects = Objects::open(&repository.objects_dir(), repository.extra_objects(), Limits::default()).unwrap();
    let spec = Selection::range(format!("{base}..{}", other.id("HEAD")));
    let selected = select(&repository, &objects, &spec, 1).unwrap();
    assert_eq!((Scene { objects, selected }).blobs(), set(&["pushed"]));
}

#[test]
fn a_missing_object_is_announced_with_its_path() {
    for (what, revision) in
        [("blob", "HEAD:d/a.env"), ("tree", "HEAD:d"), ("tree", "HEAD^{tree}"), ("commit", "HEAD~1")]
    {
        let mut repo = Repo::new();
        repo.commit("x.env", "0").commit("d/a.env", "1").commit("d/b.env", "2");
        let missing = repo.id(revision);
        std::fs::remove_file(repo.loose(&missing)).unwrap();
        for selection in [Selection::everything(), Selection::range("HEAD")] {
            let scene = Scene::new(repo.path(), &selection);
            assert_eq!(scene.codes(), ["missing-object"], "{what} {revision}: {:?}", scene.selected.warnings);
            let warning = &scene.selected.warnings[0];
            assert!(warning.message.contains(&missing) && warning.unscanned, "{warning:?}");
            if what == "blob" {
                assert_eq!(warning.object, "d/a.env");
            }
        }
    }
}

#[test]
fn a_missing_object_that_nothing_reachable_needs_is_no_matter() {
    let mut repo = Repo::new();
    repo.commit("a.env", "1").commit("b.env", "dropped");
    let missing = repo.blob("HEAD", "b.env");
    repo.git(["reset", "-q", "--hard", "HEAD~1"]);
    std::fs::remove_file(repo.loose(&missing)).unwrap();
    assert_eq!(Scene::everything(&repo).selected.warnings, []);
}

#[test]
fn a_reference_to_nothing_is_announced() {
    let mut repo = Repo::new();
    repo.commit("a.env", "1");
    std::fs::write(repo.at(".git/refs/heads/broken"), format!("{}\n", "1".repeat(40))).unwrap();
    std::fs::write(repo.at(".git/refs/heads/garbled"), "no id\n").unwrap();
    assert_eq!(
        Scene::everything(&repo).codes(),
        ["unreadable-reference", "missing-object"].map(|c| c).into_iter().rev().collect::<Vec<_>>()
    );
}

#[test]
fn a_partial_clone_says_what_it_never_fetched() {
    let mut repo = Repo::new();
    for file in 0..30 {
        repo.write(&format!("f{file:02}.env"), format!("old {file}"));
    }
    repo.commit_all("old");
    for file in 0..30 {
        repo.write(&format!("f{file:02}.env"), format!("new {file}"));
    }
    repo.commit_all("new");
    let partial = repo.clone_with("partial", &["--filter=blob:none"]);
    assert!(open(partial.path()).is_partial_clone() && !open(repo.path()).is_partial_clone());
    let scene = Scene::everything(&partial);
    assert_eq!(scene.blobs().len(), 30);
    assert_eq!(scene.codes(), ["partial-clone"; 21]);
    assert!(scene.selected.warnings.iter().any(|warning| warning.object == "f00.env"));
    assert!(scene.selected.warnings.iter().any(|warning| warning.message.starts_with("10 more objects")));
    assert_eq!(Scene::range(&partial, "HEAD~1..HEAD").selected.warnings, []);
}

#[test]
fn a_shallow_clone_says_that_history_is_cut_off() {
    let mut repo = Repo::new();
    repo.commit("a.env", "1").commit("a.env", "2").commit("a.env", "3");
    let shallow = repo.clone_with("shallow", &["--depth=2"]);
    assert_eq!(open(shallow.path()).shallow_roots(), [id(&repo.id("HEAD~1"))]);
    let scene = Scene::everything(&shallow);
    assert_eq!((scene.blobs(), scene.codes()), (set(&["2", "3"]), vec!["shallow-history"]));
    assert_eq!(Scene::range(&shallow, "HEAD~1..HEAD").selected.warnings, []);
    assert_eq!(Scene::range(&shallow, "HEAD").codes(), ["shallow-history"]);
    let error =
        Scene::try_new(shallow.path(), &Selection::range(format!("{}..HEAD", repo.id("HEAD~2")))).err().unwrap();
    assert!(error.hint().is_some_and(|hint| hint.contains("--unshallow")), "{error}");
    let error = Scene::try_new(shallow.path(), &Selection::range("HEAD~2..HEAD")).err().unwrap();
    assert!(error.hint().is_some_and(|hint| hint.contains("--unshallow")), "{error}");
}

// --- ranges ----------------------------------------------------------------------------------------------------------

#[test]
fn a_side_branch_older_than_the_base_is_in_the_range() {
    let mut repo = Repo::new();
    repo.commit("a.env", "root").branch("side").commit("side.env", "old side");
    repo.checkout("main").commit("b.env", "base").tag("base", "the base");
    repo.branch("topic").commit("c.env", "topic").merge("side");
    let scene = Scene::range(&repo, "base..topic");
    assert_eq!(scene.selected.commits, 3);
    assert_eq!(scene.blobs(), set(&["old side", "topic"]));
    assert_eq!(scene.texts(Kind::Commit).len(), 3);
    assert_eq!(scene.texts(Kind::Tag).len(), 0);
    assert_eq!(scene.places(&repo.blob("side", "side.env")), [format!("side.env {}", repo.id("side"))]);
}

#[test]
fn each_range_is_gits() {
    let mut repo = Repo::new();
    repo.commit("a.env", "root").branch("side").commit("side.env", "side").checkout("main").commit("b.env", "base");
    repo.tag("v1", "one").branch("topic").commit("c.env", "topic").merge("side").commit("d.env", "after");
    for spec in [
        "HEAD",
        "main..topic",
        "topic..main",
        "side...topic",
        "main...side",
        "^main topic",
        "topic --not main",
        "v1..",
        "..topic",
        "--all",
        "--branches --not side",
        "topic^!",
        "topic~1^@",
        "v1^{commit}..topic",
        "@~1..@",
        ":/c.env",
        "--tags",
    ] {
        let arguments = spec.split(' ').collect::<Vec<_>>();
        let expected = repo.git([vec!["rev-list"], arguments, vec!["--"]].concat());
        let expected: BTreeSet<ObjectId> = expected.lines().map(id).collect();
        let scene = Scene::range(&repo, spec);
        let wanted = scene.selected.wanted.iter().filter(|object| scene.objects.kind(*object) == Some(Kind::Commit));
        assert_eq!(wanted.map(|object| scene.objects.id(object)).collect::<BTreeSet<_>>(), expected, "{spec}");
        assert_eq!(scene.selected.commits, expected.len());
    }
}

#[test]
fn a_bad_reference_is_named() {
    let mut repo = Repo::new();
    repo.commit("a.env", "1");
    repo.git(["tag", "blob", &repo.blob("HEAD", "a.env")]);
    for (spec, part) in [("HEAD..nope", "nope"), ("nope..HEAD", "nope"), ("nope", "nope"), ("", ""), ("blob..HEAD", "")]
    {
        let error = Scene::try_new(repo.path(), &Selection::range(spec)).err().expect(spec);
        let GitError::Revision { spec: whole, name, .. } = &error else { panic!("{error}") };
        assert!(whole == spec && (part.is_empty() || name == part) && error.hint().is_some(), "{error}");
    }
    let zeros = format!("{}..HEAD", "0".repeat(40));
    assert!(Scene::try_new(repo.path(), &Selection::range(zeros)).is_err());
}

#[test]
fn new_content_is_what_no_parent_had() {
    let body = "line\n".repeat(60);
    let mut repo = Repo::new();
    repo.commit("a.env", &body).commit("keep.env", "keep").write("d/one.env", "one").commit_all("d");
    type Step = (&'static str, fn(&mut Repo), &'static [&'static str]);
    let steps: [Step; 7] = [
        ("renamed", |repo| _ = repo.rename("a.env", "b.env").commit_all("move"), &[]),
        ("a folder renamed", |repo| _ = repo.rename("d/one.env", "e/f/one.env").commit_all("move"), &[]),
        ("copied", |repo| _ = repo.write("copy.env", "keep").commit_all("copy"), &["keep"]),
        (
            "renamed and edited",
            |repo| _ = repo.rename("b.env", "c.env").write("c.env", "edited").commit_all("edit"),
            &["edited"],
        ),
        (
            "reverted",
            |repo| _ = repo.write("c.env", "line").commit_all("1").write("c.env", "edited").commit_all("2"),
            &["edited"],
        ),
        (
            "swapped",
            |repo| _ = repo.rename("c.env", "x").rename("keep.env", "c.env").rename("x", "keep.env").commit_all("s"),
            &[],
        ),
        ("message alone", |repo| _ = repo.commit_all("empty"), &[]),
    ];
    for (case, step, expected) in steps {
        step(&mut repo);
        let scene = Scene::range(&repo, "HEAD~1..HEAD");
        assert_eq!(scene.blobs(), set(expected), "{case}");
        assert_eq!(scene.texts(Kind::Commit).len(), 1, "{case}");
    }
    assert!(Scene::range(&repo, "HEAD").blobs().contains(&body));
}

#[test]
fn content_that_only_a_merge_brought_is_found() {
    let mut repo = Repo::new();
    repo.commit("a.env", "base").branch("topic").commit("a.env", "theirs").checkout("main").commit("a.env", "ours");
    repo.git(["tag", "before"]);
    repo.merge_resolved("topic", "a.env", "resolved");
    repo.write("evil.env", "evil").stage().git(["commit", "-q", "--amend", "--no-edit"]);
    let scene = Scene::range(&repo, "before..HEAD");
    assert_eq!(scene.blobs(), set(&["theirs", "resolved", "evil"]));
    let place = |path: &str, commit: &str| vec![format!("{path} {}", repo.id(commit))];
    for scene in [scene, Scene::everything(&repo)] {
        assert_eq!(scene.places(&repo.blob("HEAD", "a.env")), place("a.env", "HEAD"));
        assert_eq!(scene.places(&repo.blob("HEAD", "evil.env")), place("evil.env", "HEAD"));
        assert_eq!(scene.places(&repo.blob("topic", "a.env")), place("a.env", "topic"));
    }
}

#[test]
fn since_takes_the_commits_from_a_date_on() {
    let mut repo = Repo::new();
    repo.commit("a.env", "1").commit("b.env", "2").branch("other").commit("c.env", "3").checkout("main");
    let now = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(crate::support::repo::START + 240);
    let blobs = |base: Selection, date: &str| Scene::new(repo.path(), &base.since(date, now).unwrap()).blobs();
    assert_eq!(blobs(Selection::everything(), "2024-01-01T00:02:00Z"), set(&["2", "3"]));
    assert_eq!(blobs(Selection::everything(), "90 seconds ago"), set(&["3"]));
    assert_eq!(blobs(Selection::everything(), "2024-01-01"), set(&["1", "2", "3"]));
    assert_eq!(blobs(Selection::everything(), "2025-01-01"), set(&[]));
    assert_eq!(blobs(Selection::range("main"), "2024-01-01T00:02:00Z"), set(&["2"]));
    assert!(matches!(Selection::everything().since("no date", now), Err(GitError::Date { .. })));
}

// --- attribution -----------------------------------------------------------------------------------------------------

#[test]
fn a_blob_has_every_path_with_its_first_commit() {
    let mut repo = Repo::new();
    repo.commit("a.env", "x").commit("b/c.env", "y").write("b/d.env", "x").commit_all("copy").rename("a.env", "z.env");
    repo.commit_all("move").commit("a.env", "x");
    let blob = repo.blob("HEAD", "a.env");
    for _ in 0..2 {
        let scene = Scene::everything(&repo);
        let expected = [("a.env", "HEAD~4"), ("b/d.env", "HEAD~2"), ("z.env", "HEAD~1")];
        let expected = expected.map(|(path, commit)| format!("{path} {}", repo.id(commit)));
        assert_eq!(scene.places(&blob), expected);
        let first = scene.attribute(&blob).remove(0).introduction.unwrap();
        assert_eq!((&*first.author, first.time), (AUTHOR, crate::support::repo::START as i64 + 60));
        repo.pack();
    }
}

#[test]
fn a_blob_that_only_a_tag_names_is_the_tags() {
    let mut repo = Repo::new();
    repo.commit("a.env", "1");
    let blob = repo.write("key", "tagged").git(["hash-object", "-w", "key"]);
    repo.remove("key").git(["tag", "-a", "key", "-m", "a key", &blob]);
    let scene = Scene::everything(&repo);
    assert_eq!(scene.places(&blob), [format!("- {}", repo.id("key"))]);
}

/// What git itself says: for each blob and path the commits that brought it there.
fn truth(repo: &Repo) -> std::collections::BTreeMap<(String, String), Vec<String>> {
    let log = repo.git([
        "log",
        "--all",
        "--raw",
        "-t",
        "--no-renames",
        "-m",
        "--root",
        "--no-abbrev",
        "--format=%H",
        "--reverse",
        "--topo-order",
    ]);
    let mut truth = std::collections::BTreeMap::new();
    let mut commit = "";
    for line in log.lines() {
        if let Some(change) = line.strip_prefix(':') {
            let (fields, path) = change.split_once('\t').unwrap();
            let fields: Vec<&str> = fields.split(' ').collect();
            if fields[1].starts_with("10") {
                let commits: &mut Vec<String> = truth.entry((fields[3].to_owned(), path.to_owned())).or_default();
                commits.push(commit.to_owned());
            }
        } else if !line.is_empty() {
            commit = line;
        }
    }
    truth
}

/// A random history with branches, merges, renames, reverts and copies.
fn random_history(seed: u64, commits: usize) -> Repo {
    let mut state = seed;
    let mut random = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut repo = Repo::new();
    repo.commit("d0/f0", "text 0");
    let mut branches = vec!["main".to_owned()];
    for step in 0..commits {
        let path = format!("d{}/e{}/f{}", random(4), random(3), random(5));
        match random(10) {
            0 => {
                branches.push(format!("b{step}"));
                repo.branch(&format!("b{step}"));
            }
            1 => _ = repo.checkout(&branches[random(branches.len() as u64) as usize]),
            2 => {
                let other = branches[random(branches.len() as u64) as usize].clone();
                repo.try_git(["merge", "-q", "--no-ff", "--no-commit", "-X", "ours", &other]);
                if random(2) == 0 {
                    repo.write("resolution", format!("text {}", random(30)));
                }
                repo.commit_all("merge");
            }
            3 => {
                let files = repo.git(["ls-files"]);
                let files: Vec<&str> = files.lines().collect();
                let from = files[random(files.len() as u64) as usize];
                let to = format!("moved{}", random(6));
                repo.rename(from, &to).commit_all("rename");
            }
            4 => {
                let files = repo.git(["ls-files"]);
                let files: Vec<&str> = files.lines().collect();
                let from = files[random(files.len() as u64) as usize];
                let text = std::fs::read(repo.at(from)).unwrap();
                repo.write(&path, text).commit_all("copy");
            }
            _ => {
                repo.write(&path, format!("text {}", random(30)));
                repo.write(&format!("d{}/g{}", random(4), random(20)), format!("text {}", random(40)))
                    .commit_all("write");
            }
        }
    }
    repo
}

#[test]
fn attribution_is_what_git_log_says() {
    for (seed, is_packed, commits) in [(1, true, 200), (2, false, 40), (3, true, 60)] {
        let mut repo = random_history(seed, commits);
        if is_packed {
            repo.pack();
        }
        let truth = truth(&repo);
        let scene = Scene::everything(&repo);
        let mut compared = 0;
        let blobs: BTreeSet<&String> = truth.keys().map(|(blob, _)| blob).collect();
        for blob in blobs {
            let places = scene.attribute(blob);
            let paths: Vec<&str> = places.iter().map(|place| place.path.as_deref().unwrap()).collect();
            let expected = truth.range((blob.clone(), String::new())..).take_while(|((other, _), _)| other == blob);
            let expected: Vec<(&str, &Vec<String>)> =
                expected.map(|((_, path), commits)| (path.as_str(), commits)).collect();
            assert_eq!(paths, expected.iter().map(|(path, _)| *path).collect::<Vec<_>>(), "seed {seed}, {blob}");
            for (place, (path, commits)) in places.iter().zip(expected) {
                let commit = place.introduction.as_ref().unwrap().commit.to_string();
                assert!(commits.contains(&commit), "seed {seed}: {blob} at {path}: {commit} is none of {commits:?}");
                let earlier = commits.iter().filter(|other| **other != commit);
                for other in earlier {
                    let is_before = repo.try_git(["merge-base", "--is-ancestor", other, &commit]).status.success();
                    assert!(!is_before, "seed {seed}: {blob} at {path}: {other} is before {commit}");
                }
                compared += 1;
            }
        }
        assert!(compared > 50, "{compared}");
    }
}

#[test]
fn a_range_has_the_content_that_git_diff_shows() {
    let repo = random_history(4, 40);
    let commits = repo.git(["rev-list", "--all"]);
    for commit in commits.lines() {
        let diff =
            repo.git(["diff-tree", "-r", "-c", "--root", "--no-renames", "--no-commit-id", "--no-abbrev", commit]);
        let (mut new, mut old) = (BTreeSet::new(), BTreeSet::new());
        for line in diff.lines() {
            let parents = line.bytes().take_while(|byte| *byte == b':').count();
            let fields: Vec<&str> = line.split([' ', '\t']).collect();
            let ids = &fields[parents + 1..2 * parents + 2];
            old.extend(ids[..parents].iter().map(|id| id.to_string()));
            new.insert(ids[parents].to_string());
        }
        let zeros = "0".repeat(40);
        let expected: BTreeSet<String> = new.difference(&old).filter(|id| **id != zeros).cloned().collect();
        let scene = Scene::range(&repo, &format!("{commit}^!"));
        let wanted = scene.selected.wanted.iter().filter(|object| scene.objects.kind(*object) == Some(Kind::Blob));
        let wanted: BTreeSet<String> = wanted.map(|object| scene.objects.id(object).to_string()).collect();
        // A combined diff leaves out files that equal one parent; what it lists can only be more than pure renames.
        assert!(wanted.is_subset(&new), "{commit}");
        assert!(expected.is_subset(&wanted), "{commit}: {expected:?} {wanted:?}");
    }
}

#[test]
fn the_answer_is_the_same_for_any_number_of_threads() {
    let mut repo = random_history(5, 40);
    repo.pack();
    let repository = open(repo.path());
    let objects = Objects::open(&repository.objects_dir(), &[], Limits::default()).unwrap();
    let all: Vec<u32> = (0..objects.len() as u32).filter(|object| objects.kind(*object) == Some(Kind::Blob)).collect();
    let answer = |selection: &Selection, threads| {
        let selected = select(&repository, &objects, selection, threads).unwrap();
        (selected.wanted.clone(), selected.attribute(&objects, &all), selected.warnings)
    };
    for selection in [Selection::everything(), Selection::range("--all")] {
        assert_eq!(answer(&selection, 1), answer(&selection, 4));
    }
}

// --- messages --------------------------------------------------------------------------------------------------------

#[test]
fn a_message_has_an_author_a_time_and_a_range() {
    let mut repo = Repo::new();
    repo.commit("a.env", "1").tag("v1", "tag message");
    let scene = Scene::everything(&repo);
    let start = crate::support::repo::START as i64;
    for (revision, kind, time, message) in
        [("HEAD", "commit", start + 60, "write a.env\n"), ("v1", "tag", start + 120, "tag message\n")]
    {
        let object = scene.objects.find(&id(&repo.id(revision))).unwrap();
        let introduction = message_introduction(&scene.objects, object).unwrap();
        assert_eq!((&*introduction.author, introduction.time), (AUTHOR, time));
        let origin = message_origin(&scene.objects, object).unwrap();
        assert_eq!(origin.to_string(), format!("{kind} message {}", repo.id(revision)));
        let bytes = scene.objects.read(object, &mut Reader::default()).unwrap().1;
        assert_eq!(&bytes[message_range(&bytes)], message.as_bytes());
    }
    assert_eq!(message_range(b"tree x"), 6..6);
}
