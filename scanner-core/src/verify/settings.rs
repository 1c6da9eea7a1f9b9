//! What the user allows, and how far verifying may go.

use super::Timeouts;
use super::request::is_of;
use super::typed;
use crate::http::{exact, is_loopback};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What the user allows.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where providers stand at the user's, by provider: in place of the addresses that rules know.
    pub endpoints: BTreeMap<String, Vec<String>>,
    /// Hosts that may be asked although only the scan names them, private ones too; `*.` stands for one label.
    pub hosts: Vec<String>,
    /// Whether any other host that the scan names may be asked, if all its addresses are public.
    pub scanned_hosts: bool,
    /// Rules that nobody trusted says how to ask about: those of a file that only the scanned project names.
    pub distrusted: BTreeSet<String>,
    /// Requests and connections of the whole run, at most.
    pub max_requests: u64,
    /// Time for the whole run.
    pub max_time: Duration,
    /// For a host that limits the rate.
    pub max_wait: Duration,
    /// Requests a second to one host; zero stands for no limit.
    pub pace: u32,
    /// For each connection and answer.
    pub timeouts: Timeouts,
    /// What questions that are no HTTP need to know.
    pub setup: typed::Setup,
    /// Providers that are asked at the same time.
    pub threads: usize,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            endpoints: BTreeMap::new(),
            hosts: Vec::new(),
            scanned_hosts: false,
            distrusted: BTreeSet::new(),
            max_requests: 5_000,
            max_time: Duration::from_secs(600),
            max_wait: Duration::from_secs(30),
            pace: 5,
            timeouts: Timeouts::default(),
            setup: typed::Setup::default(),
            threads: 8,
        }
    }
}

impl Settings {
    /// Adds where a provider stands at the user's; says what is wrong with an address.
    pub fn add_endpoint(&mut self, provider: &str, address: &str) -> Result<(), String> {
        let address = address.trim().trim_end_matches('/');
        let exact = exact(address).map_err(|error| error.to_string())?;
        if address.contains(['{', '?', '#']) {
            return Err(format!("`{address}` must be an address without a query: https://host/path"));
        }
        if !address.starts_with("https://") && !is_loopback(&exact.host) {
            return Err(format!("{} would be asked without TLS, which is for loopback only", exact.host));
        }
        let known = self.endpoints.entry(provider.to_owned()).or_default();
        if !known.iter().any(|other| other == address) {
            known.push(address.to_owned());
        }
        Ok(())
    }

    /// Whether the user named this host.
    pub fn names(&self, host: &str) -> bool {
        self.hosts.iter().any(|known| is_of(host, known))
    }
}
