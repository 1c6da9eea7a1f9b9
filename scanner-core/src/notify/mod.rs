//! Tells people and systems what was found and what became of it. No notification holds a secret: a redaction, the
//! fingerprint, places and links are all there is.
//!
//! What a receiver takes only once, by a key, is sent again when no answer came; anything else never is.

mod channel;
mod deliver;
mod event;
mod jira;
mod json;
mod otlp;
mod pagerduty;
mod seen;
mod slack;
mod webhook;

pub use channel::{Channel, Jira, Receiver};
pub use deliver::{Courier, NotifyError, Patience};
pub use event::{Event, Kind, Trace};
pub use seen::Seen;
pub use webhook::signature;
