//! What a walk hands over: one object at a time, with how its bytes were made of its delta base.

use crate::Warning;

/// What an object is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Kind {
    /// A commit.
    Commit = 1,
    /// A folder.
    Tree = 2,
    /// A file's content.
    Blob = 3,
    /// An annotated tag.
    Tag = 4,
}

impl Kind {
    /// All kinds, in the order of their numbers in a pack.
    pub const ALL: [Kind; 4] = [Kind::Commit, Kind::Tree, Kind::Blob, Kind::Tag];

    /// The kind with this number in a pack's entry header.
    pub fn from_number(number: u8) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| *kind as u8 == number)
    }

    /// The kind with this name in a loose object's header.
    pub fn from_name(name: &[u8]) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name().as_bytes() == name)
    }

    /// Git's word for the kind.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Commit => "commit",
            Kind::Tree => "tree",
            Kind::Blob => "blob",
            Kind::Tag => "tag",
        }
    }
}

/// A set of kinds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Kinds(u8);

impl Kinds {
    /// Every kind.
    pub const ALL: Kinds = Kinds(0b11110);
    /// Blobs alone.
    pub const BLOBS: Kinds = Kinds(1 << Kind::Blob as u8);

    /// The set of these kinds.
    pub const fn of(kinds: &[Kind]) -> Kinds {
        let (mut bits, mut i) = (0, 0);
        while i < kinds.len() {
            bits |= 1 << kinds[i] as u8;
            i += 1;
        }
        Kinds(bits)
    }

    /// Whether `kind` is in the set.
    pub fn contains(self, kind: Kind) -> bool {
        self.0 & (1 << kind as u8) != 0
    }
}

/// How a stretch of an object's bytes was made. Operations are in order of `to` and leave no gap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// The same bytes as the base's at `from`; two copies that continue each other are one.
    Copy { from: u32, to: u32, len: u32 },
    /// Bytes the base does not supply.
    Insert { to: u32, len: u32 },
}

/// The object that a visited one is a delta of.
#[derive(Debug)]
pub struct Base<'a, S> {
    /// The base's bytes.
    pub bytes: &'a [u8],
    /// What its visitor left in its state.
    pub state: &'a S,
    /// How the object's bytes were made of the base's.
    pub operations: &'a [Operation],
}

/// One object on its way through a visitor.
#[derive(Debug)]
pub struct Visit<'a, S> {
    /// Its number in the object database.
    pub object: u32,
    /// What it is.
    pub kind: Kind,
    /// Its content.
    pub bytes: &'a [u8],
    /// What it was made of, when it is stored as a delta.
    pub base: Option<Base<'a, S>>,
    /// Not wanted, or visited elsewhere: here only because a wanted object is a delta of it.
    pub only_as_base: bool,
}

/// Receives objects; each thread of a walk has its own.
pub trait Visitor: Send {
    /// What the visit of an object leaves for the visits of the deltas made of it.
    /// It is recycled between objects: it may hold an earlier object's leftovers.
    type State: Default + Send + Sync;

    /// Receives one object; a delta's base was visited before, perhaps by another thread's visitor.
    fn visit(&mut self, object: &Visit<'_, Self::State>, state: &mut Self::State);
}

/// What a walk leaves behind.
#[derive(Debug)]
pub struct Walked<V> {
    /// The visitors, one per thread.
    pub visitors: Vec<V>,
    /// Objects that were wanted and could not be read.
    pub warnings: Vec<Warning>,
    /// How many wanted objects were visited.
    pub objects: u64,
    /// How many bytes they hold.
    pub bytes: u64,
}
