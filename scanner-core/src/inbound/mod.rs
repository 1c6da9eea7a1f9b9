//! Leaks that forges report to us: GitLab's Token Revocation API, GitHub's partner webhook and its alerts. A request is
//! answered once its incidents are sealed on the disk, so that nothing is lost; what is done about them comes after.
//!
//! Pure but for the queue: a server hands in what it received, and sends the reply.

mod alert;
mod github;
mod gitlab;
mod incident;
mod keys;
mod queue;
mod rate;
mod service;

pub use alert::{AlertError, AlertsApi};
pub use github::{Alerts, Partner};
pub use gitlab::GitLab;
pub use incident::{AlertName, Forge, Incident, Intake, Postponed};
pub use keys::{KeySource, PublicKeys};
pub use queue::{Put, Queue, QueueError};
pub use rate::Rate;
pub use service::{Received, Reply, Service, is_same};
