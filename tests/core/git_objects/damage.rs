//! Damaged and hostile packs: everything readable is read, everything else is announced, nothing panics or hangs.

use stopleak_core::Warning;
use stopleak_core::source::git::objects::{Kind, Kinds, Limits, Objects, Reader};

use super::Collector;
use super::handmade::{Maker, copy, delta, id, insert, stored};
use super::repo::Repo;

/// Walks everything; what is wanted is either visited or announced. Returns the warnings' codes and how many were visited.
fn outcome(objects: &Objects) -> (Vec<&'static str>, u64) {
    let walked = objects.walk(Kinds::ALL, &|_| true, 2, &Collector::default);
    assert_eq!(walked.objects as usize + walked.warnings.len(), objects.len(), "{:?}", walked.warnings);
    assert!(walked.warnings.iter().all(|warning| warning.unscanned));
    let mut reader = Reader::new();
    for object in 0..objects.len() as u32 {
        let visited = walked.visitors.iter().flat_map(|visitor| &visitor.wanted).find(|visit| visit.0 == object);
        match objects.read(object, &mut reader) {
            Ok((kind, bytes)) => assert_eq!(visited.map(|visit| (visit.1, &visit.2)), Some((kind, &bytes))),
            Err(_) => assert!(visited.is_none()),
        }
        objects.kind(object);
        assert_eq!(objects.find(&objects.id(object)).map(|found| objects.id(found)), Some(objects.id(object)));
    }
    let mut codes: Vec<&str> = walked.warnings.iter().map(|warning| warning.code).collect();
    codes.sort_unstable();
    (codes, walked.objects)
}

fn hostile(make: impl FnOnce(&mut Maker, u64)) -> (Vec<&'static str>, u64) {
    let mut maker = Maker::new();
    let base = maker.blob(0, b"0123456789");
    make(&mut maker, base);
    outcome(&maker.open(Limits::default()))
}

const CORRUPT: &str = "corrupt-object";
const MISSING: &str = "missing-object";

#[test]
fn lying_deltas_are_announced_and_the_rest_is_read() {
    let result = |instructions: &[u8]| {
        let bytes = delta(10, 12, instructions);
        hostile(|maker, base| {
            maker.offset_delta(1, base, &bytes);
        })
    };
    let bad = (vec![CORRUPT], 1);
    assert_eq!(result(&copy(0, 10)), bad, "fewer bytes than declared");
    assert_eq!(result(&[copy(0, 10), copy(0, 10)].concat()), bad, "more bytes than declared");
    assert_eq!(result(&copy(5, 12)), bad, "a copy past the end");
    assert_eq!(result(&copy(u32::MAX, 12)), bad, "a copy from far away");
    assert_eq!(result(&[0]), bad, "an unknown instruction");
    assert_eq!(result(&[12, b'a']), bad, "an insertion cut short");
    assert_eq!(result(&[0xff, 0, 0]), bad, "a copy cut short");
    assert_eq!(result(&[copy(0, 10), insert(b"ab")].concat()), (vec![], 2), "and a sound one");
    for bytes in [&b""[..], b"\x80", &[0xff; 30], &delta(9, 2, &copy(0, 2)), &delta(10, u64::MAX >> 8, &copy(0, 2))] {
        assert_eq!(
            hostile(|maker, base| {
                maker.offset_delta(1, base, bytes);
            })
            .1,
            1
        );
    }
}

#[test]
fn a_delta_of_nothing_is_announced_with_what_hangs_on_it() {
    let keep = delta(10, 10, &copy(0, 10));
    let codes = hostile(|maker, _| {
        let orphan = maker.named_delta(1, 99, &keep);
        maker.offset_delta(2, orphan, &keep);
    });
    assert_eq!(codes, (vec![CORRUPT, MISSING], 1));
}

#[test]
fn deltas_of_themselves_are_announced() {
    let keep = delta(10, 10, &copy(0, 10));
    let cycle = hostile(|maker, _| {
        maker.named_delta(1, 2, &keep);
        maker.named_delta(2, 3, &keep);
        maker.named_delta(3, 1, &keep);
        maker.named_delta(4, 1, &keep);
    });
    assert_eq!(cycle, (vec![CORRUPT; 4], 1));
    assert_eq!(
        hostile(|maker, _| {
            maker.named_delta(1, 1, &keep);
        }),
        (vec![MISSING], 1)
    );
}

#[test]
fn offsets_to_nowhere_are_announced() {
    let keep = delta(10, 10, &copy(0, 10));
    let entry = |between: &'static [u8]| {
        let keep = &keep;
        move |maker: &mut Maker, _| {
            maker.entry(1, 6, keep.len() as u64, between, &stored(keep));
        }
    };
    assert_eq!(hostile(entry(&[0])), (vec![CORRUPT], 1), "itself");
    assert_eq!(hostile(entry(&[1])), (vec![CORRUPT], 1), "into another entry");
    assert_eq!(hostile(entry(&[0xff, 0xff, 0xff, 0x7f])), (vec![CORRUPT], 1), "before the pack");
    assert_eq!(hostile(entry(&[0xff; 40])), (vec![CORRUPT], 1), "a number that does not end");
    assert_eq!(hostile(|maker, _| maker.entries.push((id(1), 1 << 20))), (vec![CORRUPT], 1), "after the pack");
    assert_eq!(hostile(|maker, _| maker.entries.push((id(1), 4))), (vec![CORRUPT], 1), "the pack's header");
}

#[test]
fn wrong_kinds_and_sizes_are_announced_without_allocating_them() {
    let entry = |kind: u8, size: u64| {
        hostile(|maker, _| {
            maker.entry(1, kind, size, b"", &stored(b"abc"));
        })
    };
    assert_eq!(entry(3, 3), (vec![], 2));
    assert_eq!(entry(0, 3), (vec![CORRUPT], 1));
    assert_eq!(entry(5, 3), (vec![CORRUPT], 1));
    assert_eq!(entry(3, 2), (vec![CORRUPT], 1));
    assert_eq!(entry(3, 4), (vec![CORRUPT], 1));
    assert_eq!(entry(3, 500 << 20), (vec![CORRUPT], 1), "three bytes do not inflate to 500 MB");
    assert_eq!(entry(3, 1 << 40), (vec!["limit-object-size"], 1));
}

#[test]
fn objects_over_the_limit_are_announced() {
    let mut maker = Maker::new();
    let base = maker.blob(0, &[b'a'; 100]);
    maker.blob(1, &[b'b'; 101]);
    maker.offset_delta(2, base, &delta(100, 200, &[copy(0, 100), copy(0, 100)].concat()));
    let objects = maker.open(Limits { max_object_bytes: 100 });
    assert_eq!(outcome(&objects), (vec!["limit-object-size"; 2], 1));
    let repo = Repo::new();
    repo.git_with_input(&["hash-object", "-w", "--stdin"], &[b'a'; 5000]);
    repo.git_with_input(&["hash-object", "-w", "--stdin"], &[b'a'; 50]);
    let objects = Objects::open(&repo.objects(), &[], Limits { max_object_bytes: 100 }).expect("it is there");
    assert_eq!(outcome(&objects), (vec!["limit-object-size"], 1));
}

#[test]
fn beyond_a_hundred_unreadable_objects_are_counted() {
    let mut maker = Maker::new();
    (0..300).for_each(|name| {
        maker.named_delta(name, 1000, b"");
    });
    let objects = maker.open(Limits::default());
    let warnings = objects.walk(Kinds::BLOBS, &|_| true, 1, &Collector::default).warnings;
    assert_eq!(warnings.len(), 101);
    assert_eq!(warnings[100].message, "200 more objects not scanned for a reason of this kind");
}

fn codes(warnings: &[Warning]) -> Vec<&'static str> {
    warnings.iter().map(|warning| warning.code).collect()
}

#[test]
fn damaged_packs_and_indices_are_announced() {
    let sound = || {
        let mut maker = Maker::new();
        maker.blob(0, b"0123456789");
        maker.blob(1, b"abc");
        maker.finish()
    };
    let open =
        |(pack, index): (Vec<u8>, Vec<u8>)| Objects::from_pack(pack, index, Limits::default()).expect("few objects");
    assert_eq!(codes(open(sound()).warnings()), [""; 0]);
    let damaged = |damage: &dyn Fn(&mut Vec<u8>, &mut Vec<u8>)| {
        let (mut pack, mut index) = sound();
        damage(&mut pack, &mut index);
        let objects = open((pack, index));
        (codes(objects.warnings()), outcome(&objects).1)
    };
    let bad = "corrupt-pack";
    assert_eq!(damaged(&|pack, _| pack[0] = b'X'), (vec![bad], 0), "magic");
    assert_eq!(damaged(&|pack, _| pack[7] = 9), (vec![bad], 0), "version");
    assert_eq!(damaged(&|pack, _| pack[11] = 9), (vec![bad], 2), "count");
    assert_eq!(damaged(&|pack, _| pack.truncate(pack.len() - 25)).0, vec![bad], "cut short");
    assert_eq!(damaged(&|pack, _| pack.clear()), (vec![bad], 0), "empty");
    assert_eq!(damaged(&|_, index| index.clear()), (vec![bad], 0), "empty index");
    assert_eq!(damaged(&|_, index| index.truncate(1040)), (vec![bad], 0), "short index");
    assert_eq!(damaged(&|_, index| index[7] = 3), (vec![bad], 0), "index version");
    assert_eq!(damaged(&|_, index| index[8] = 3), (vec![bad], 2), "fan-out");
    assert_eq!(damaged(&|_, index| index[8 + 255 * 4] = 0xff), (vec![bad], 0), "index count");
    assert_eq!(damaged(&|_, index| index.swap(1032, 1052)).0, vec![bad], "order");
}

#[test]
fn a_pack_without_index_and_an_index_without_pack_are_announced() {
    let repo = Repo::new();
    repo.import(0..5, false);
    repo.git(&["repack", "-adq"]);
    let (pack, index) = (repo.packs(".pack").remove(0), repo.packs(".idx").remove(0));
    let open = || codes(Objects::open(&repo.objects(), &[], Limits::default()).expect("it is there").warnings());
    std::fs::rename(&index, index.with_extension("away")).expect("moved");
    assert_eq!(open(), ["corrupt-pack"]);
    std::fs::rename(index.with_extension("away"), &index).expect("moved");
    std::fs::remove_file(pack).expect("removed");
    assert_eq!(open(), ["missing-pack"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_pack_whose_name_is_no_text_is_announced() {
    use std::os::unix::ffi::OsStrExt;
    let repo = Repo::new();
    repo.import(0..5, false);
    repo.git(&["repack", "-adq"]);
    let pack = repo.packs(".pack").remove(0);
    let name = std::ffi::OsStr::from_bytes(b"pack-\xff.pack");
    std::fs::copy(&pack, pack.with_file_name(name)).expect("copied");
    let objects = Objects::open(&repo.objects(), &[], Limits::default()).expect("it is there");
    assert_eq!(codes(objects.warnings()), ["corrupt-pack"]);
}

#[test]
fn damaged_loose_objects_are_announced() {
    let repo = Repo::new();
    let path = |content: &[u8]| {
        let id = repo.git_with_input(&["hash-object", "-w", "--stdin"], content);
        let path = repo.objects().join(&id[..2]).join(&id[2..]);
        let bytes = std::fs::read(&path).expect("a loose object");
        std::fs::remove_file(&path).expect("it is replaced");
        (path, bytes)
    };
    let replace =
        |(path, _): (std::path::PathBuf, Vec<u8>), bytes: &[u8]| std::fs::write(path, bytes).expect("written");
    replace(path(b"1"), b"");
    replace(path(b"2"), b"no zlib stream");
    replace(path(b"3"), &stored(b"blob 5\0abc"));
    replace(path(b"4"), &stored(b"blob 2\0abc"));
    replace(path(b"5"), &stored(b"glob 3\0abc"));
    replace(path(b"6"), &stored(b"blob 99999999999999999999999\0abc"));
    replace(path(b"7"), &stored(b"blob -3\0abc"));
    let cut = path(&[b'a'; 100]);
    let half = cut.1[..cut.1.len() / 2].to_vec();
    replace(cut, &half);
    repo.git_with_input(&["hash-object", "-w", "--stdin"], b"sound");
    std::fs::write(repo.objects().join("12345"), "no object").expect("written");
    let objects = Objects::open(&repo.objects(), &[], Limits::default()).expect("it is there");
    assert_eq!(outcome(&objects), (vec![CORRUPT; 8], 1));
}

#[test]
fn a_damaged_copy_is_replaced_by_a_sound_one() {
    let repo = Repo::new();
    repo.import(0..30, false);
    repo.git(&["repack", "-adfq"]);
    let first = repo.packs(".pack").remove(0);
    let kept = repo.packs_aside(&first);
    repo.git(&["-c", "pack.compression=0", "repack", "-adFq", "--depth=3"]);
    kept.put_back();
    let expected = repo.contents();
    for path in repo.packs(".pack") {
        let sound = std::fs::read(&path).expect("a pack");
        let mut bytes = sound.clone();
        let middle = bytes.len() / 4..bytes.len() / 2;
        bytes[middle].fill(0xa5);
        let damaged = path.with_extension("damaged");
        std::fs::write(&damaged, &bytes).expect("written");
        std::fs::rename(&damaged, &path).expect("replaced");
        let objects = Objects::open(&repo.objects(), &[], Limits::default()).expect("it is there");
        let walked = objects.walk(Kinds::ALL, &|_| true, 2, &Collector::default);
        assert_eq!((walked.warnings.as_slice(), walked.objects as usize), (&[][..], expected.len()));
        for (object, kind, bytes) in walked.visitors.iter().flat_map(|visitor| &visitor.wanted) {
            assert!(expected[&objects.id(*object)] == (*kind, bytes.clone()));
        }
        std::fs::write(&damaged, &sound).expect("written");
        std::fs::rename(&damaged, &path).expect("put back");
    }
}

/// A reproducible sequence of numbers.
fn random(seed: &mut u64) -> usize {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed as usize
}

#[test]
fn no_damage_to_a_pack_or_its_index_goes_unsaid_or_panics() {
    let repo = Repo::new();
    repo.import(0..8, false);
    repo.git(&["repack", "-adfq", "--depth=5"]);
    let offsets = (read(&repo, ".pack"), read(&repo, ".idx"));
    repo.git(&["-c", "repack.useDeltaBaseOffset=false", "repack", "-adfq", "--depth=5"]);
    let names = (read(&repo, ".pack"), read(&repo, ".idx"));
    let mut seed = 0x9e37_79b9_7f4a_7c15;
    for round in 0..600 {
        let (mut pack, mut index) = if round % 2 == 0 { offsets.clone() } else { names.clone() };
        let target = if round % 3 == 0 { &mut index } else { &mut pack };
        for _ in 0..1 + round % 4 {
            let place = random(&mut seed) % target.len();
            target[place] = random(&mut seed) as u8;
        }
        if round % 50 == 49 {
            target.truncate(random(&mut seed) % target.len());
        }
        outcome(&Objects::from_pack(pack, index, Limits { max_object_bytes: 1 << 20 }).expect("few objects"));
    }
}

fn read(repo: &Repo, ending: &str) -> Vec<u8> {
    std::fs::read(repo.packs(ending).remove(0)).expect("a pack file")
}

#[test]
fn a_kind_is_known_only_of_what_can_be_read() {
    let mut maker = Maker::new();
    let base = maker.entry(0, 2, 3, b"", &stored(b"abc"));
    maker.offset_delta(1, base, &delta(3, 3, &copy(0, 3)));
    maker.named_delta(2, 77, b"");
    let objects = maker.open(Limits::default());
    let kind = |name| objects.kind(objects.find(&id(name)).expect("it was made"));
    assert_eq!([kind(0), kind(1), kind(2)], [Some(Kind::Tree), Some(Kind::Tree), None]);
}
