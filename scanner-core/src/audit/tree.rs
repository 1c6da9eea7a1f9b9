//! The Merkle tree of RFC 6962 (and 9162): roots, the frontier that grows it, proofs and their checks.

use sha2::{Digest, Sha256};

/// A SHA-256.
pub type Hash = [u8; 32];

/// The hash of an entry's bytes (RFC 6962 2.1: leaves and nodes are kept apart by their first byte).
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(entry).finalize().into()
}

fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// What a growing tree needs to know: the roots of its full subtrees, largest first; at most 64 of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// A frontier as it was kept; `None` when the number of peaks does not fit the size.
    pub fn from_peaks(size: u64, peaks: Vec<Hash>) -> Option<Frontier> {
        (peaks.len() == size.count_ones() as usize).then_some(Frontier { size, peaks })
    }

    /// How many leaves there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the full subtrees, largest first.
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Adds a leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut node = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                node = node_hash(&left, &node);
            }
        }
        self.peaks.push(node);
        self.size += 1;
    }

    /// The root over all leaves.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        match peaks.next() {
            None => Sha256::digest([]).into(),
            Some(last) => peaks.fold(*last, |right, left| node_hash(left, &right)),
        }
    }
}

/// The root over leaves.
pub fn root(leaves: &[Hash]) -> Hash {
    let mut frontier = Frontier::default();
    leaves.iter().for_each(|leaf| frontier.push(*leaf));
    frontier.root()
}

/// The largest power of two below `count`, for two leaves or more.
fn split(count: usize) -> usize {
    count.next_power_of_two() / 2
}

/// What proves that leaf `index` (from 0) is in the tree (RFC 6962 2.1.1); `None` when there is no such leaf.
pub fn inclusion(leaves: &[Hash], index: usize) -> Option<Vec<Hash>> {
    (index < leaves.len()).then(|| path(leaves, index))
}

fn path(leaves: &[Hash], index: usize) -> Vec<Hash> {
    if leaves.len() < 2 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut path, other) = match index < left.len() {
        true => (path(left, index), right),
        false => (path(right, index - left.len()), left),
    };
    path.push(root(other));
    path
}

/// What proves that the tree of the first `old` leaves is the beginning of this one (RFC 6962 2.1.2); `None` when there are
/// fewer leaves, or `old` is zero.
pub fn consistency(leaves: &[Hash], old: usize) -> Option<Vec<Hash>> {
    (0 < old && old <= leaves.len()).then(|| subproof(leaves, old, true))
}

fn subproof(leaves: &[Hash], old: usize, is_known: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if is_known { Vec::new() } else { vec![root(leaves)] };
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut proof, other) = match old <= left.len() {
        true => (subproof(left, old, is_known), right),
        false => (subproof(right, old - left.len(), false), left),
    };
    proof.push(root(other));
    proof
}

/// Whether a proof shows that `leaf` is at `index` (from 0) of the tree of `size` leaves with this root (RFC 9162 2.1.3.2).
pub fn is_included(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut first, mut last, mut hash) = (index, size - 1, *leaf);
    for node in proof {
        if last == 0 {
            return false;
        }
        if first & 1 == 1 || first == last {
            hash = node_hash(node, &hash);
            while first & 1 == 0 && first != 0 {
                (first, last) = (first >> 1, last >> 1);
            }
        } else {
            hash = node_hash(&hash, node);
        }
        (first, last) = (first >> 1, last >> 1);
    }
    last == 0 && hash == *root
}

/// Whether a proof shows that the tree with the old size and root is the beginning of the new one (RFC 9162 2.1.4.2).
pub fn is_consistent(old: (u64, &Hash), new: (u64, &Hash), proof: &[Hash]) -> bool {
    let ((old_size, old_root), (new_size, new_root)) = (old, new);
    if old_size == 0 || old_size > new_size {
        return false;
    }
    if old_size == new_size {
        return proof.is_empty() && old_root == new_root;
    }
    // A full tree is its own first node: the proof leaves it out.
    let (start, rest) = match (old_size.is_power_of_two(), proof.split_first()) {
        (true, _) => (old_root, proof),
        (false, Some((start, rest))) => (start, rest),
        (false, None) => return false,
    };
    let shift = (old_size - 1).trailing_ones();
    let shifted = |n: u64| n.checked_shr(shift).unwrap_or(0);
    let (mut first, mut last) = (shifted(old_size - 1), shifted(new_size - 1));
    let (mut from, mut to) = (*start, *start);
    for node in rest {
        if last == 0 {
            return false;
        }
        if first & 1 == 1 || first == last {
            (from, to) = (node_hash(node, &from), node_hash(node, &to));
            while first & 1 == 0 && first != 0 {
                (first, last) = (first >> 1, last >> 1);
            }
        } else {
            to = node_hash(&to, node);
        }
        (first, last) = (first >> 1, last >> 1);
    }
    last == 0 && from == *old_root && to == *new_root
}
