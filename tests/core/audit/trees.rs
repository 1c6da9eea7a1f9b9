//! The Merkle tree against published vectors, and against itself.

use proptest::prelude::*;
use stopleak_core::audit::tree::{Frontier, Hash, consistency, inclusion, is_consistent, is_included, leaf_hash, root};

/// Leaves and roots of the reference implementation of Certificate Transparency.
const VECTORS: [(&str, &str); 8] = [
    ("", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
    ("00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
    ("10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
    ("2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
    ("3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
    ("40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"),
    ("5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
    ("606162636465666768696a6b6c6d6e6f", "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
];

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn leaves(count: usize) -> Vec<Hash> {
    (0..count).map(|n| leaf_hash(&n.to_le_bytes())).collect()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    use sha2::{Digest, Sha256};
    Sha256::digest([&[1][..], left, right].concat()).into()
}

#[test]
fn roots_are_those_of_the_reference() {
    let empty = bytes("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_eq!(Frontier::default().root().to_vec(), empty);
    let (mut frontier, mut all) = (Frontier::default(), Vec::new());
    for (leaf, expected) in VECTORS {
        frontier.push(leaf_hash(&bytes(leaf)));
        all.push(leaf_hash(&bytes(leaf)));
        assert_eq!(frontier.root().to_vec(), bytes(expected));
        assert_eq!(root(&all).to_vec(), bytes(expected));
    }
}

/// RFC 6962 2.1.3: the tree of seven leaves, its paths and its proofs.
#[test]
fn proofs_are_those_of_the_rfc() {
    let d = leaves(7);
    let (a, b, c, dd, e, f, j) = (d[0], d[1], d[2], d[3], d[4], d[5], d[6]);
    let (g, h, i) = (node(&a, &b), node(&c, &dd), node(&e, &f));
    let (k, l) = (node(&g, &h), node(&i, &j));
    assert_eq!(root(&d), node(&k, &l));
    assert_eq!(inclusion(&d, 0).unwrap(), [b, h, l]);
    assert_eq!(inclusion(&d, 3).unwrap(), [c, g, l]);
    assert_eq!(inclusion(&d, 4).unwrap(), [f, j, k]);
    assert_eq!(inclusion(&d, 6).unwrap(), [i, k]);
    assert_eq!(consistency(&d, 3).unwrap(), [c, dd, g, l]);
    assert_eq!(consistency(&d, 4).unwrap(), [l]);
    assert_eq!(consistency(&d, 6).unwrap(), [i, j, k]);
    assert_eq!((inclusion(&d, 7), consistency(&d, 0), consistency(&d, 8)), (None, None, None));
}

#[test]
fn every_proof_holds_and_no_other_does() {
    for size in 1..40usize {
        let all = leaves(size);
        let whole = root(&all);
        for index in 0..size {
            let proof = inclusion(&all, index).unwrap();
            assert!(is_included(&all[index], index as u64, size as u64, &proof, &whole));
            for other in (0..size).filter(|other| *other != index) {
                assert!(!is_included(&all[index], other as u64, size as u64, &proof, &whole), "{index} {other} {size}");
            }
        }
        for old in 1..=size {
            let (from, proof) = (root(&all[..old]), consistency(&all, old).unwrap());
            assert!(is_consistent((old as u64, &from), (size as u64, &whole), &proof), "{old} {size}");
            let wrong = leaf_hash(b"another");
            assert!(!is_consistent((old as u64, &wrong), (size as u64, &whole), &proof), "{old} {size}");
            assert!(!is_consistent((old as u64, &from), (size as u64, &wrong), &proof), "{old} {size}");
        }
    }
}

proptest! {
    #[test]
    fn a_changed_proof_does_not_hold(size in 2usize..200, at in any::<prop::sample::Index>(), byte in 0usize..32, bit in 0u8..8) {
        let all = leaves(size);
        let (whole, index) = (root(&all), at.index(size));
        let mut proof = inclusion(&all, index).unwrap();
        let node = at.index(proof.len());
        proof[node][byte] ^= 1 << bit;
        prop_assert!(!is_included(&all[index], index as u64, size as u64, &proof, &whole));
        let old = index + 1;
        let mut proof = consistency(&all, old).unwrap();
        if !proof.is_empty() {
            let node = at.index(proof.len());
            proof[node][byte] ^= 1 << bit;
            prop_assert!(!is_consistent((old as u64, &root(&all[..old])), (size as u64, &whole), &proof));
        }
    }

    #[test]
    fn nothing_panics(index in any::<u64>(), size in any::<u64>(), count in 0usize..70) {
        let proof = leaves(count);
        is_included(&[0; 32], index, size, &proof, &[0; 32]);
        is_consistent((index, &[0; 32]), (size, &[0; 32]), &proof);
    }
}
