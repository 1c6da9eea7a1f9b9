//! Who is told, of what, and how.

use super::event::{Event, Kind};
use crate::rule::Severity;
use crate::secret::Secret;
use std::path::PathBuf;

/// One `[[notify]]` of the settings, its credentials read.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// As messages call it.
    pub name: String,
    /// How it is told.
    pub channel: Channel,
    /// What it is told of.
    pub events: Vec<Kind>,
    /// The least that it is told of.
    pub severity: Severity,
}

impl Receiver {
    /// Whether it wants to know.
    pub fn wants(&self, event: &Event) -> bool {
        event.kind == Kind::Test || (self.events.contains(&event.kind) && event.severity >= self.severity)
    }
}

/// How a receiver is told. Addresses that open a channel by themselves are secrets.
#[derive(Clone, Debug)]
pub enum Channel {
    /// JSON to an address, signed.
    Webhook {
        /// Where to.
        url: Secret,
        /// What signs it; none for receivers that check nothing.
        secret: Option<Secret>,
    },
    /// Slack's incoming webhooks, and what speaks like them.
    Slack {
        /// The webhook's address.
        url: Secret,
    },
    /// PagerDuty's Events API v2.
    PagerDuty {
        /// `https://events.pagerduty.com/v2/enqueue`, or what speaks like it.
        url: String,
        /// The integration's key.
        routing_key: Secret,
    },
    /// An issue for each secret.
    Jira(Jira),
    /// OTLP over HTTP in JSON: `…/v1/logs`.
    Otlp {
        /// The collector, with the path.
        url: String,
        /// `Authorization`, whole.
        authorization: Option<Secret>,
    },
    /// A file of JSON Lines that another program picks up.
    Log {
        /// The file.
        path: PathBuf,
    },
}

/// A Jira to open issues in.
#[derive(Clone, Debug)]
pub struct Jira {
    /// `https://company.atlassian.net`.
    pub url: String,
    /// The project's key.
    pub project: String,
    /// `Bug`, `Task`.
    pub issue_type: String,
    /// Jira Cloud asks for the user a token belongs to; Data Center does not.
    pub user: Option<String>,
    /// An API token.
    pub token: Secret,
}
