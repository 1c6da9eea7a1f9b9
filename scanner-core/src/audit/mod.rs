//! The record of what was done, and why: append-only files of canonical JSON, one entry a line, under a Merkle tree whose
//! length and root are signed. Any edit, deletion, swap or cut shows, offline, against a checkpoint that was kept elsewhere.
//!
//! No audit write, no action: `Log::begin` writes the entry and hands out the `Permit` to act; `Permit::end` tells what came
//! of it. Entries name secrets by keyed tags alone.

mod canonical;
mod entry;
mod error;
mod files;
mod held;
mod keys;
mod log;
mod note;
mod prove;
mod state;
pub mod tree;
mod verify;
mod walk;

pub use canonical::canonical;
pub use entry::{Act, Entry, digest};
pub use error::AuditError;
pub use keys::{Keys, run_id};
pub use log::{Log, Permit, Written};
pub use note::{Checkpoint, PublicKey};
pub use prove::Proof;
pub use verify::{Filter, Verified};
