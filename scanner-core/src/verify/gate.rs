//! The gate to the network: which hosts, at what pace, how often, for how long.

use super::address::{is_of_link, is_public};
use super::{Reach, Refusal, Settings, Timeouts, typed};
use crate::finding::Doubt;
use crate::http::Transport;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Waited when a limit does not say how long.
const USUAL_WAIT: Duration = Duration::from_secs(5);

/// Turns a name into addresses.
pub type Resolve = dyn Fn(&str, u16) -> std::io::Result<Vec<SocketAddr>> + Send + Sync;

/// The gate of one run. Waits are real: it sleeps in the thread that asks.
pub struct Gate {
    transport: Arc<dyn Transport + Send>,
    resolve: Box<Resolve>,
    settings: Settings,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// When the first question was asked.
    started: Option<Instant>,
    requests: u64,
    /// What was refused because the budget was spent.
    beyond: u64,
    hosts: HashMap<String, Host>,
}

#[derive(Default)]
struct Host {
    /// When the next request may go.
    next: Option<Instant>,
    /// Nothing goes before, since it limits the rate.
    held: Option<Instant>,
    /// What its name led to, asked once: a name must not lead elsewhere later.
    addresses: HashMap<u16, Result<Vec<SocketAddr>, Refusal>>,
}

impl Gate {
    /// A gate that resolves names as the system does.
    pub fn new(transport: Arc<dyn Transport + Send>, settings: Settings) -> Gate {
        let resolve = |host: &str, port: u16| {
            std::net::ToSocketAddrs::to_socket_addrs(&(host, port)).map(|addresses| addresses.collect())
        };
        Gate::resolving(transport, settings, Box::new(resolve))
    }

    /// A gate that resolves names by `resolve`.
    pub fn resolving(transport: Arc<dyn Transport + Send>, settings: Settings, resolve: Box<Resolve>) -> Gate {
        Gate { transport, resolve, settings, state: Mutex::default() }
    }

    /// What the user allows.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How many requests and connections went out.
    pub fn requests(&self) -> u64 {
        self.lock().requests
    }

    /// How many were refused because the budget was spent.
    pub fn beyond_budget(&self) -> u64 {
        self.lock().beyond
    }

    /// Begins the budget anew, and forgets where names led: for what asks for longer than a run. Paces and limits stay.
    pub fn begin_again(&self) {
        let mut state = self.lock();
        (state.started, state.requests) = (None, 0);
        state.hosts.values_mut().for_each(|host| host.addresses.clear());
    }

    /// Whether a host may be asked at all; nothing is counted.
    pub fn allows(&self, host: &str, from_scan: bool) -> Result<(), Refusal> {
        if !from_scan || self.settings.names(host) || self.settings.scanned_hosts {
            return Ok(());
        }
        let reason = format!("{host} was read in what was scanned: name it in [verify] hosts to have it asked");
        Err(Refusal::new(Doubt::NotAllowed, reason))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the host's next turn and waits for it.
    fn take_turn(&self, host: &str) -> Result<(), Refusal> {
        let (now, mut state) = (Instant::now(), self.lock());
        let started = *state.started.get_or_insert(now);
        let left = self.settings.max_time.saturating_sub(now.saturating_duration_since(started));
        if state.requests >= self.settings.max_requests || left.is_zero() {
            state.beyond += 1;
            let reason = match left.is_zero() {
                true => format!("the run's {} seconds for verifying are over", self.settings.max_time.as_secs()),
                false => format!("the run's {} requests for verifying are spent", self.settings.max_requests),
            };
            return Err(Refusal::new(Doubt::Budget, reason));
        }
        let known = state.hosts.entry(host.to_owned()).or_default();
        let held = known.held.filter(|held| *held > now);
        if held.is_some_and(|held| held - now > self.settings.max_wait.min(left)) {
            return Err(Refusal::new(Doubt::RateLimited, format!("{host} limits the rate for longer than is waited")));
        }
        let turn = [known.next, held].into_iter().flatten().max().unwrap_or(now).max(now);
        if turn - now > left {
            state.beyond += 1;
            return Err(Refusal::new(Doubt::Budget, format!("{host} would be asked after the run's time is over")));
        }
        let pause = Duration::from_secs(1).checked_div(self.settings.pace).unwrap_or_default();
        known.next = Some(turn + pause);
        state.requests += 1;
        drop(state);
        std::thread::sleep(turn - now);
        Ok(())
    }

    fn addresses(&self, host: &str, port: u16, from_scan: bool) -> Result<Vec<SocketAddr>, Refusal> {
        let known = self.lock().hosts.get(host).and_then(|known| known.addresses.get(&port).cloned());
        let found = known.unwrap_or_else(|| {
            let found = self.look_up(host, port);
            // Of two that look at once the first one's answer holds.
            let mut state = self.lock();
            state.hosts.entry(host.to_owned()).or_default().addresses.entry(port).or_insert(found).clone()
        })?;
        let is_named = self.settings.names(host);
        let refused = found
            .iter()
            .map(SocketAddr::ip)
            .find(|ip| from_scan && (is_of_link(*ip) || (!is_named && !is_public(*ip))));
        match refused {
            None => Ok(found),
            Some(ip) => {
                Err(Refusal::new(Doubt::NotAllowed, format!("{host} leads to {ip}, which is no public address")))
            }
        }
    }

    fn look_up(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Refusal> {
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        match (self.resolve)(host, port) {
            Ok(found) if !found.is_empty() => Ok(found),
            _ => Err(Refusal::new(Doubt::Dns, format!("the name {host} cannot be resolved"))),
        }
    }
}

/// In lower case, without brackets and the dot that may end a name.
fn plain(host: &str) -> String {
    host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase()
}

impl Reach for Gate {
    fn may_reach(&self, host: &str, port: u16, from_scan: bool) -> Result<Vec<SocketAddr>, Refusal> {
        let host = plain(host);
        self.allows(&host, from_scan)?;
        let addresses = match self.addresses(&host, port, from_scan) {
            // A proxy may know the name.
            Err(refusal) if refusal.doubt == Doubt::Dns && !from_scan => Vec::new(),
            found => found?,
        };
        self.take_turn(&host)?;
        Ok(addresses)
    }

    fn may_ask(&self, host: &str, _port: u16) -> Result<(), Refusal> {
        self.take_turn(&plain(host))
    }

    fn transport(&self) -> &dyn Transport {
        &*self.transport
    }

    fn timeouts(&self) -> Timeouts {
        self.settings.timeouts
    }

    fn setup(&self) -> Option<&typed::Setup> {
        Some(&self.settings.setup)
    }

    fn hold_back(&self, host: &str, wait: Option<Duration>) {
        // More than a day is for ever, and no instant overflows.
        let wait = wait.unwrap_or(USUAL_WAIT).min(Duration::from_secs(86_400));
        let until = Instant::now() + wait;
        let mut state = self.lock();
        let known = state.hosts.entry(plain(host)).or_default();
        known.held = Some(known.held.map_or(until, |held| held.max(until)));
    }
}
