//! Packs made by hand: shapes that git does not write, sound and damaged.

use stopleak_core::ObjectId;
use stopleak_core::source::git::objects::{Kinds, Limits, Objects, Reader};

use super::Collector;

/// A pack and its index in the making; ids are chosen, not hashed.
#[derive(Default)]
pub struct Maker {
    pub pack: Vec<u8>,
    pub entries: Vec<(ObjectId, u64)>,
}

impl Maker {
    pub fn new() -> Maker {
        Maker { pack: b"PACK\0\0\0\x02\0\0\0\0".to_vec(), entries: Vec::new() }
    }

    /// Adds an entry; `between` is what stands between its header and its stream.
    pub fn entry(&mut self, name: u32, kind: u8, size: u64, between: &[u8], stream: &[u8]) -> u64 {
        let offset = self.pack.len() as u64;
        self.entries.push((id(name), offset));
        let mut rest = size >> 4;
        self.pack.push((kind << 4) | (size & 15) as u8 | if rest > 0 { 0x80 } else { 0 });
        while rest > 0 {
            self.pack.push((rest & 0x7f) as u8 | if rest > 0x7f { 0x80 } else { 0 });
            rest >>= 7;
        }
        self.pack.extend_from_slice(between);
        self.pack.extend_from_slice(stream);
        offset
    }

    pub fn blob(&mut self, name: u32, bytes: &[u8]) -> u64 {
        self.entry(name, 3, bytes.len() as u64, b"", &stored(bytes))
    }

    /// A delta of the entry at an offset.
    pub fn offset_delta(&mut self, name: u32, base: u64, delta: &[u8]) -> u64 {
        let distance = distance(self.pack.len() as u64 - base);
        self.entry(name, 6, delta.len() as u64, &distance, &stored(delta))
    }

    /// A delta of a named object.
    pub fn named_delta(&mut self, name: u32, base: u32, delta: &[u8]) -> u64 {
        self.entry(name, 7, delta.len() as u64, &id(base).0, &stored(delta))
    }

    /// The pack and an index of version 2.
    pub fn finish(mut self) -> (Vec<u8>, Vec<u8>) {
        self.pack[8..12].copy_from_slice(&(self.entries.len() as u32).to_be_bytes());
        self.pack.extend_from_slice(&[7; 20]);
        self.entries.sort();
        let mut index = b"\xfftOc\0\0\0\x02".to_vec();
        for first in 0..=255 {
            let count = self.entries.iter().filter(|(id, _)| id.0[0] <= first).count() as u32;
            index.extend_from_slice(&count.to_be_bytes());
        }
        self.entries.iter().for_each(|(id, _)| index.extend_from_slice(&id.0));
        index.resize(index.len() + 4 * self.entries.len(), 0);
        self.entries.iter().for_each(|(_, offset)| index.extend_from_slice(&(*offset as u32).to_be_bytes()));
        index.extend_from_slice(&[7; 40]);
        (self.pack, index)
    }

    pub fn open(self, limits: Limits) -> Objects {
        let (pack, index) = self.finish();
        Objects::from_pack(pack, index, limits).expect("few objects")
    }
}

pub fn id(name: u32) -> ObjectId {
    let mut id = [0x11; 20];
    id[..4].copy_from_slice(&name.wrapping_mul(0x9e37_79b1).to_be_bytes());
    id[16..].copy_from_slice(&name.to_be_bytes());
    ObjectId(id)
}

/// A zlib stream.
pub fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0; bytes.len() + bytes.len() / 100 + 64];
    let mut stream = zlib_rs::Deflate::new(1, true, 15);
    stream.compress(bytes, &mut out, zlib_rs::DeflateFlush::Finish).expect("there is room");
    out.truncate(stream.total_out() as usize);
    out
}

fn distance(mut distance: u64) -> Vec<u8> {
    let mut bytes = vec![(distance & 0x7f) as u8];
    while distance > 0x7f {
        distance = (distance >> 7) - 1;
        bytes.insert(0, (distance & 0x7f) as u8 | 0x80);
    }
    bytes
}

pub fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// A delta: both sizes, then instructions.
pub fn delta(base: u64, result: u64, instructions: &[u8]) -> Vec<u8> {
    [varint(base), varint(result), instructions.to_vec()].concat()
}

pub fn insert(bytes: &[u8]) -> Vec<u8> {
    bytes.chunks(127).flat_map(|chunk| [&[chunk.len() as u8], chunk].concat()).collect()
}

pub fn copy(from: u32, len: u32) -> Vec<u8> {
    let (from, len) = (from.to_le_bytes(), len.to_le_bytes());
    [&[0xff], &from[..], &len[..3]].concat()
}

/// A delta that keeps `base` bytes and adds a few.
fn append(base: usize, more: &[u8]) -> Vec<u8> {
    let kept = copy(0, base as u32);
    delta(base as u64, (base + more.len()) as u64, &[kept, insert(more)].concat())
}

#[test]
fn one_large_delta_tree_is_shared_between_threads_and_read_whole() {
    // 2047 objects of 20 kB in one tree: 40 MB, of which many subtrees are worth stealing.
    let root: Vec<u8> =
        (0..20_000u32).flat_map(|i| (i.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[..1].to_vec()).collect();
    let mut maker = Maker::new();
    let mut made = vec![(maker.blob(0, &root), root)];
    for name in 1..2047u32 {
        let (offset, base) = &made[(name as usize - 1) / 2];
        let more = format!("{name},").into_bytes();
        let offset = maker.offset_delta(name, *offset, &append(base.len(), &more));
        let bytes = [base.clone(), more].concat();
        made.push((offset, bytes));
    }
    let objects = maker.open(Limits::default());
    for threads in [1, 2, 5] {
        let walked = objects.walk(Kinds::BLOBS, &|_| true, threads, &Collector::default);
        assert_eq!((walked.objects, walked.warnings), (2047, vec![]));
        for (object, _, bytes) in walked.visitors.iter().flat_map(|visitor| &visitor.wanted) {
            let name = u32::from_be_bytes(objects.id(*object).0[16..].try_into().expect("four bytes"));
            assert!(made[name as usize].1 == *bytes, "object {name}");
        }
    }
}

#[test]
fn a_chain_of_twenty_thousand_deltas_is_read() {
    let mut maker = Maker::new();
    let mut offset = maker.blob(0, b"start");
    for name in 1..20_000u32 {
        let instructions = [copy(0, 5), insert(&name.to_be_bytes())].concat();
        let size = if name == 1 { 5 } else { 9 };
        offset = maker.offset_delta(name, offset, &delta(size, 9, &instructions));
    }
    let objects = maker.open(Limits::default());
    let walked = objects.walk(Kinds::BLOBS, &|_| true, 2, &Collector::default);
    assert_eq!((walked.objects, walked.warnings), (20_000, vec![]));
    let last = objects.find(&id(19_999)).expect("it was made");
    let (_, bytes) = objects.read(last, &mut Reader::new()).expect("it is sound");
    assert_eq!(bytes, [&b"start"[..], &19_999u32.to_be_bytes()].concat());
}

#[test]
fn a_base_that_comes_after_its_delta_is_read_first() {
    let mut maker = Maker::new();
    maker.named_delta(1, 2, &append(8, b" more"));
    maker.named_delta(2, 3, &append(4, b" end"));
    maker.blob(3, b"base");
    let objects = maker.open(Limits::default());
    let walked = objects.walk(Kinds::BLOBS, &|object| objects.id(object) == id(1), 1, &Collector::default);
    assert_eq!(walked.visitors[0].wanted[0].2, b"base end more");
    assert_eq!((walked.visitors[0].as_base.len(), walked.warnings.len()), (2, 0));
}

#[test]
fn copies_and_insertions_that_continue_each_other_are_one_operation() {
    let mut maker = Maker::new();
    let base = maker.blob(0, b"0123456789");
    let long = vec![b'x'; 300];
    let instructions = [copy(0, 4), copy(4, 2), insert(&long), copy(8, 2)].concat();
    maker.offset_delta(1, base, &delta(10, 308, &instructions));
    let objects = maker.open(Limits::default());
    let walked = objects.walk(Kinds::BLOBS, &|_| true, 1, &Operations::default);
    assert_eq!(
        walked.visitors[0].0,
        "Copy { from: 0, to: 0, len: 6 } Insert { to: 6, len: 300 } Copy { from: 8, to: 306, len: 2 } "
    );
}

#[derive(Default)]
struct Operations(String);

impl stopleak_core::source::git::objects::Visitor for Operations {
    type State = ();

    fn visit(&mut self, object: &stopleak_core::source::git::objects::Visit<'_, ()>, (): &mut ()) {
        for operation in object.base.iter().flat_map(|base| base.operations) {
            self.0 += &format!("{operation:?} ");
        }
    }
}
