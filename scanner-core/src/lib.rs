//! Finds leaked secrets: bytes in, findings out. No terminal, no environment, no exit.
//!
//! The modules in the order data meets them; a module uses only those above it.

pub mod blob; // bytes to scan and where they came from
pub mod finding; // what the scan reports
pub mod report;
pub mod rule; // rules as data, checked once when loaded
pub mod scan; // one scan, from what was asked for to what came out
pub mod secret; // the value, kept out of every output, and its fingerprint
pub mod summary; // what a scan did
pub mod suppress; // why a finding is not held against the target
pub mod warning; // what went wrong without ending the scan // findings on their way out

pub use blob::{Blob, Introduction, ObjectId, Origin};
pub use finding::{Confidence, Evidence, Finding, Occurrence, Position, Validity};
pub use rule::{Provider, Rule, Severity};
pub use secret::{Fingerprint, Guessable, Secret};
pub use summary::Summary;
pub use warning::Warning;
