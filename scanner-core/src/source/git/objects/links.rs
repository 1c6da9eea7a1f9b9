//! Which entry is a delta of which: kinds inherited down the deltas, cycles found, children listed.

use super::visit::Kind;

/// The base of an entry that is no delta, or whose base cannot be told.
pub const NO_BASE: u32 = u32::MAX;

/// The kind of an entry, or what is wrong with the root of its deltas.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct State(u8);

impl State {
    /// Not known yet.
    pub const UNKNOWN: State = State(0);
    /// A header that makes no sense.
    pub const BROKEN: State = State(5);
    /// A delta of an object that is nowhere.
    pub const ORPHAN: State = State(6);
    /// A delta of itself, through others.
    pub const CYCLE: State = State(7);

    /// The state of a readable entry.
    pub fn of(kind: Kind) -> State {
        State(kind as u8)
    }

    /// The kind of a readable entry.
    pub fn kind(self) -> Option<Kind> {
        Kind::from_number(self.0)
    }

    /// Whether the entry cannot be read.
    pub fn is_damaged(self) -> bool {
        self.0 >= State::BROKEN.0
    }
}

/// Gives every packed entry a kind or says what is wrong; the entries of a cycle lose their base, so that following bases
/// always ends.
pub fn resolve(bases: &mut [u32], states: &mut [State], mut loose_kind: impl FnMut(u32) -> State) {
    const ON_PATH: State = State(8);
    let mut path = Vec::new();
    for entry in 0..bases.len() {
        let mut at = entry as u32;
        let found = loop {
            match states.get_mut(at as usize) {
                None => break loose_kind(at),
                Some(state) if *state == ON_PATH => {
                    cut(at, bases);
                    break State::CYCLE;
                }
                Some(state) if *state != State::UNKNOWN => break *state,
                Some(state) => *state = ON_PATH,
            }
            path.push(at);
            at = bases[at as usize];
        };
        for entry in path.drain(..) {
            states[entry as usize] = found;
        }
    }
}

/// Takes the bases from all entries of the cycle that `start` is in.
fn cut(start: u32, bases: &mut [u32]) {
    let mut at = start;
    while bases[at as usize] != NO_BASE {
        at = std::mem::replace(&mut bases[at as usize], NO_BASE);
    }
}

/// The deltas of each entry.
#[derive(Default)]
pub struct Children {
    starts: Vec<u32>,
    entries: Vec<u32>,
}

impl Children {
    /// Lists the children of `entries` entries, the first of which have bases.
    pub fn new(bases: &[u32], entries: usize) -> Children {
        let mut starts = vec![0u32; entries + 1];
        for base in bases.iter().filter(|base| **base != NO_BASE) {
            starts[*base as usize + 1] += 1;
        }
        for i in 1..starts.len() {
            starts[i] += starts[i - 1];
        }
        let mut children = vec![0; starts[entries] as usize];
        // Filled backwards: each start moves from its end to its beginning, shifted by one place.
        for (entry, base) in bases.iter().enumerate().rev().filter(|(_, base)| **base != NO_BASE) {
            let place = &mut starts[*base as usize + 1];
            *place -= 1;
            children[*place as usize] = entry as u32;
        }
        starts.remove(0);
        starts.push(children.len() as u32);
        Children { starts, entries: children }
    }

    /// The entries that are deltas of `entry`, in the order of their bytes.
    #[inline]
    pub fn of(&self, entry: u32) -> &[u32] {
        let entry = entry as usize;
        &self.entries[self.starts[entry] as usize..self.starts[entry + 1] as usize]
    }

    /// `entry` and everything below it, bases before deltas.
    pub fn below(&self, entry: u32) -> Vec<u32> {
        let mut found = vec![entry];
        let mut next = 0;
        while let Some(entry) = found.get(next) {
            found.extend(self.of(*entry));
            next += 1;
        }
        found
    }
}
