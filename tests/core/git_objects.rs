//! The object database against what git itself says it holds.

mod damage;
pub mod handmade;
mod repo;

use std::collections::HashMap;
use std::path::PathBuf;

use stopleak_core::ObjectId;
use stopleak_core::source::git::objects::{Kind, Kinds, Limits, Objects, Operation, Reader, Visit, Visitor};

use repo::{Contents, Repo};

/// Keeps what it is shown, and checks what it is told about bases.
#[derive(Default)]
struct Collector {
    wanted: Vec<(u32, Kind, Vec<u8>)>,
    as_base: Vec<u32>,
    deltas: usize,
}

impl Visitor for Collector {
    type State = Vec<u8>;

    fn visit(&mut self, object: &Visit<'_, Vec<u8>>, state: &mut Vec<u8>) {
        if let Some(base) = &object.base {
            assert_eq!(base.state, base.bytes, "the state is the one the base's visit left");
            assert_eq!(replay(base.operations, base.bytes, object.bytes), object.bytes);
            self.deltas += 1;
        }
        state.clear();
        state.extend_from_slice(object.bytes);
        match object.only_as_base {
            true => self.as_base.push(object.object),
            false => self.wanted.push((object.object, object.kind, object.bytes.to_vec())),
        }
    }
}

/// The bytes that operations make: copies from the base, insertions from the result itself.
fn replay(operations: &[Operation], base: &[u8], result: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for operation in operations {
        let (to, source) = match *operation {
            Operation::Copy { from, to, len } => (to, &base[from as usize..][..len as usize]),
            Operation::Insert { to, len } => (to, &result[to as usize..][..len as usize]),
        };
        assert_eq!(to as usize, bytes.len(), "operations leave no gap");
        assert!(!source.is_empty(), "no operation is empty");
        bytes.extend_from_slice(source);
    }
    bytes
}

fn open(repo: &Repo) -> Objects {
    Objects::open(&repo.objects(), &[], Limits::default()).expect("the folder is there")
}

/// What a walk visits as wanted: each object once.
fn walked(objects: &Objects, kinds: Kinds, threads: usize) -> (Contents, usize) {
    let walked = objects.walk(kinds, &|_| true, threads, &Collector::default);
    assert_eq!(walked.warnings, []);
    assert_eq!(walked.visitors.len(), threads);
    let mut contents = HashMap::new();
    let mut bytes = 0;
    for (object, kind, content) in walked.visitors.iter().flat_map(|visitor| &visitor.wanted) {
        bytes += content.len() as u64;
        let earlier = contents.insert(objects.id(*object), (*kind, content.clone()));
        assert!(earlier.is_none(), "{} is visited twice", objects.id(*object));
    }
    assert_eq!((walked.objects, walked.bytes), (contents.len() as u64, bytes));
    (contents, walked.visitors.iter().map(|visitor| visitor.deltas).sum())
}

/// Every way to read gives what git gives. Returns how many deltas were met.
fn check(objects: &Objects, repo: &Repo) -> usize {
    assert_eq!(objects.warnings(), []);
    let expected = repo.contents();
    assert_eq!(objects.len(), expected.len());
    let mut deltas = 0;
    for threads in [1, 4] {
        let (all, found) = walked(objects, Kinds::ALL, threads);
        assert!(all == expected, "all objects, {threads} threads");
        deltas = found;
        let (blobs, _) = walked(objects, Kinds::BLOBS, threads);
        let mut expected = expected.clone();
        expected.retain(|_, (kind, _)| *kind == Kind::Blob);
        assert!(blobs == expected, "blobs, {threads} threads");
    }
    let mut reader = Reader::new();
    for (id, (kind, bytes)) in &expected {
        let object = objects.find(id).expect("git lists it");
        assert_eq!(objects.id(object), *id);
        assert_eq!(objects.kind(object), Some(*kind));
        assert!(objects.read(object, &mut reader) == Ok((*kind, bytes.clone())), "read {id}");
    }
    assert_eq!(objects.find(&ObjectId([0x5a; 20])), None);
    deltas
}

#[test]
fn an_empty_repository_has_no_objects() {
    let repo = Repo::new();
    let objects = open(&repo);
    assert!(objects.is_empty());
    assert_eq!(check(&objects, &repo), 0);
    assert_eq!(objects.size_on_disk(), 0);
}

#[test]
fn loose_objects_are_read() {
    let repo = Repo::new();
    repo.import(0..20, true);
    assert_eq!(repo.packs(".pack").len(), 0);
    assert_eq!(check(&open(&repo), &repo), 0);
}

#[test]
fn a_pack_with_offset_deltas_is_read() {
    let repo = Repo::new();
    repo.import(0..60, false);
    repo.git(&["repack", "-adfq", "--depth=20", "--window=20"]);
    let objects = open(&repo);
    assert!(check(&objects, &repo) > 40);
    assert!(objects.size_on_disk() > 1000);
}

#[test]
fn a_pack_with_deltas_of_named_bases_is_read() {
    let repo = Repo::new();
    repo.import(0..60, false);
    repo.git(&["-c", "repack.useDeltaBaseOffset=false", "repack", "-adfq"]);
    assert!(check(&open(&repo), &repo) > 40);
}

#[test]
fn an_index_of_version_1_is_read() {
    let repo = Repo::new();
    repo.import(0..30, false);
    repo.git(&["-c", "pack.indexVersion=1", "repack", "-adfq"]);
    assert!(check(&open(&repo), &repo) > 20);
}

#[test]
fn large_offsets_of_an_index_are_read() {
    let repo = Repo::new();
    repo.import(0..30, false);
    repo.git(&["repack", "-adfq"]);
    let pack = repo.packs(".pack").remove(0);
    repo.git(&["index-pack", "--index-version=2,0x40", pack.to_str().expect("a plain path")]);
    assert!(check(&open(&repo), &repo) > 20);
}

#[test]
fn an_object_in_several_packs_and_loose_is_visited_once() {
    let repo = Repo::new();
    repo.import(0..30, false);
    repo.git(&["repack", "-dq"]);
    let first = repo.packs(".pack").remove(0);
    repo.import(30..60, false);
    // A second pack with everything: the first is kept aside while it is made, then put back.
    let kept = repo.packs_aside(&first);
    repo.git(&["repack", "-adfq", "--depth=10"]);
    kept.put_back();
    repo.import(60..70, true);
    let blob = repo.git_with_input(&["hash-object", "-w", "--stdin"], b"loose as well");
    repo.git_with_input(&["pack-objects", "-q", ".git/objects/pack/pack"], blob.as_bytes());
    assert_eq!(repo.packs(".pack").len(), 3);
    assert!(check(&open(&repo), &repo) > 40);
}

#[test]
fn kept_packs_and_a_multi_pack_index_change_nothing() {
    let repo = Repo::new();
    repo.import(0..20, false);
    repo.git(&["repack", "-dq"]);
    std::fs::write(repo.packs(".pack").remove(0).with_extension("keep"), "").expect("a keep file");
    repo.import(20..40, false);
    repo.git(&["repack", "-dq"]);
    repo.git(&["multi-pack-index", "write"]);
    assert_eq!(repo.packs(".pack").len(), 2);
    check(&open(&repo), &repo);
}

#[test]
fn a_pack_without_index_is_read_through_the_multi_pack_index() {
    let repo = Repo::new();
    repo.import(0..20, false);
    repo.git(&["repack", "-dq"]);
    repo.import(20..40, false);
    repo.git(&["repack", "-dq"]);
    repo.git(&["multi-pack-index", "write"]);
    let expected = repo.contents();
    repo.packs(".idx").iter().for_each(|path| std::fs::remove_file(path).expect("an index"));
    let objects = open(&repo);
    assert_eq!(objects.warnings(), []);
    assert!(walked(&objects, Kinds::ALL, 2).0 == expected);
}

#[test]
fn borrowed_objects_are_read_and_known_as_borrowed() {
    let lender = Repo::new();
    lender.import(0..20, false);
    lender.git(&["repack", "-adq"]);
    let repo = Repo::shared_clone(&lender);
    let own = repo.git_with_input(&["hash-object", "-w", "--stdin"], b"only here");
    let both = lender.git_with_input(&["hash-object", "-w", "--stdin"], b"in both");
    repo.loose_copy(&lender, &both);
    let objects = open(&repo);
    check(&objects, &repo);
    let borrowed = (0..objects.len() as u32).filter(|object| objects.is_borrowed(*object)).count();
    assert_eq!(borrowed, objects.len() - 2);
    assert!([own, both].iter().all(|id| !objects.is_borrowed(objects.find(&repo::id(id)).expect("written above"))));
}

#[test]
fn folders_that_borrow_from_each_other_are_opened_once() {
    let (repo, other) = (Repo::new(), Repo::new());
    other.import(0..10, true);
    let list = |repo: &Repo, line: &str| {
        std::fs::write(repo.objects().join("info/alternates"), line).expect("an alternates file")
    };
    let relative = PathBuf::from("../../..").join(other.path().file_name().expect("a name")).join(".git/objects");
    list(&repo, &format!("# a comment\n{}\n", relative.display()));
    list(&other, &format!("\"{}\"\n", repo.objects().display()));
    check(&open(&repo), &repo);
    let extra = Objects::open(&repo.objects(), &[other.objects()], Limits::default()).expect("both are there");
    assert!((0..extra.len() as u32).all(|object| !extra.is_borrowed(object)));
}

#[test]
fn a_missing_alternate_is_announced() {
    let repo = Repo::new();
    repo.import(0..3, true);
    std::fs::write(repo.objects().join("info/alternates"), "/nowhere/objects\n").expect("an alternates file");
    let objects = open(&repo);
    assert_eq!(
        objects.warnings().iter().map(|warning| (warning.code, warning.unscanned)).collect::<Vec<_>>(),
        [("missing-object-folder", true)]
    );
    assert!(!objects.is_empty());
}

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    assert!(Objects::open(&PathBuf::from("/nowhere/objects"), &[], Limits::default()).is_err());
}

#[test]
fn what_is_not_wanted_is_visited_only_as_a_base() {
    let repo = Repo::new();
    repo.import(0..60, false);
    repo.git(&["repack", "-adfq", "--depth=20", "--window=20"]);
    let objects = open(&repo);
    let blobs: Vec<u32> =
        (0..objects.len() as u32).filter(|object| objects.kind(*object) == Some(Kind::Blob)).collect();
    for chosen in [&blobs[..0], &blobs[..1], &blobs[..blobs.len() / 2]] {
        let walked = objects.walk(Kinds::BLOBS, &|object| chosen.contains(&object), 2, &Collector::default);
        let mut wanted: Vec<u32> =
            walked.visitors.iter().flat_map(|visitor| visitor.wanted.iter().map(|visit| visit.0)).collect();
        wanted.sort_unstable();
        assert_eq!(wanted, chosen);
        let bases = walked.visitors.iter().map(|visitor| visitor.as_base.len()).sum::<usize>();
        assert!(bases <= chosen.len() * 20, "a chain is at most 20 deltas long");
        assert!(walked.visitors.iter().all(|visitor| visitor.as_base.iter().all(|object| !chosen.contains(object))));
    }
}
