//! Finds leaked secrets: bytes in, findings out. No terminal, no environment, no exit.
//!
//! The modules in the order data meets them; a module uses only those above it.

pub mod secret; // the value, kept out of every output, and its fingerprint
pub mod sealed; // values under a key, where one must be kept
pub mod private; // files that their owner alone can look into
pub mod time; // times as text, in UTC
pub mod warning; // what went wrong without ending the scan
pub mod http; // questions to servers, and their answers
pub mod aws; // signed requests to Amazon's services
pub mod rule; // rules as data, checked once when loaded
pub mod search; // rules of one's own, run over whole texts
pub mod import; // other scanners' configurations, made rules of one's own
pub mod vaulted; // values that stand in a vault, known by keyed hashes
pub mod rule_set; // the rules a scan runs with
pub mod blob; // bytes to scan and where they came from
pub mod ci; // pipelines understood: risky practice, secrets in manifests
pub mod source; // where blobs come from
pub mod event; // what started a pipeline's run, and the commits it brought
pub mod decode; // text hidden in bytes
pub mod archive; // texts hidden in archives, to any depth within limits
pub mod image; // container images: registries, layouts, layers
pub mod bucket; // buckets of S3-compatible stores: listed, streamed
pub mod forge; // what pipelines printed and left behind, by the forges' APIs
pub mod evidence; // how sure we are, and the reasons
pub mod detect; // candidates: where a secret may stand
pub mod score; // how likely a candidate is real, and why
pub mod finding; // what the scan reports
pub mod suppress; // why a finding is not held against the target
pub mod policy; // what becomes of a finding: block, warn, allow
pub mod audit; // the append-only record of what was done, and why
pub mod verify; // asks the provider whether a secret is alive
pub mod notify; // tells people and systems, never a secret
pub mod inbound; // leaks that forges report to us
pub mod vault; // where secrets are kept, version by version
pub mod respond; // ends a leaked secret, or replaces it and then ends it
pub mod summary; // what a scan did
pub mod scan; // one scan, from what was asked for to what came out
pub mod report; // findings on their way out
pub mod sweep; // many repositories, on a schedule

pub use blob::{Blob, Fate, Introduction, ObjectId, Origin, RunPart};
pub use evidence::{Confidence, Evidence};
pub use finding::{Decision, Doubt, Finding, Occurrence, PartSets, Position, Validity, Verdict};
pub use policy::{Gate, Policy};
pub use rule::{Provider, Rule, Severity};
pub use rule_set::RuleSet;
pub use secret::{Fingerprint, Guessable, Secret};
pub use summary::Summary;
pub use warning::Warning;
