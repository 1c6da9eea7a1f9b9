//! Candidates: where a secret may stand. One filter over all text, then exact verification at its hits.
//!
//! ```text
//! bytes → filter (literals of all rules) → hits → worker (patterns, connections, boundaries) → candidates
//!         decode (encoded stretches) → hidden (each decoded text scanned in turn) → candidates with a trail
//!                                                       delta: hits of the base are translated, verdicts inherited
//! ```

pub mod connection;
pub mod assignment;
mod automaton;
mod boundary;
mod delta;
mod engine;
mod filter;
mod hidden;
mod inside;
mod merge;
mod resolve;
mod sliding;
mod state;

pub use engine::{Engine, Judge, Worker};
pub use filter::{Filter, Hit};
pub use hidden::{Decoded, Hidden};
pub use resolve::{Counts, MAX_PER_RULE, Resolved, find_parts, resolve, standing};
pub use sliding::{LOOK_BEHIND, Settled, Sliding};
pub use state::{Candidate, State};
