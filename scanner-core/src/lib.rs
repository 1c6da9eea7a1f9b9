//! Finds leaked secrets: bytes in, findings out. No terminal, no environment, no exit.
//!
//! The modules in the order data meets them; a module uses only those above it.

pub mod secret; // the value, kept out of every output, and its fingerprint
pub mod warning; // what went wrong without ending the scan
pub mod rule; // rules as data, checked once when loaded
pub mod blob; // bytes to scan and where they came from
pub mod source; // where blobs come from
pub mod finding; // what the scan reports
pub mod report; // findings on their way out

pub use blob::{Blob, Introduction, ObjectId, Origin};
pub use finding::{Confidence, Evidence, Finding, Occurrence, Position, Validity};
pub use rule::{Provider, Rule, Severity};
pub use secret::{Fingerprint, Guessable, Secret};
pub use warning::Warning;
