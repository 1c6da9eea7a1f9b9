//! Verifiers beyond HTTP: against real servers where they are installed, against strict ones made by hand elsewhere.

mod broken;
mod brokers;
mod challenge;
mod clouds;
mod databases;
mod documents;
mod keys;
mod mail;
mod tokens;
mod whole;

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;
use stopleak_core::detect::connection::around;
use stopleak_core::http::{Http, Settings, Transport};
use stopleak_core::verify::typed::{CONNECTION, Setup, check};
use stopleak_core::verify::{Reach, Refusal, Subject, Timeouts};
use stopleak_core::{Doubt, Rule, RuleSet, Secret, Validity};

/// Lets everything through that is on this machine, and counts.
struct Gate {
    http: Http,
    setup: Setup,
    timeouts: Timeouts,
    asked: Mutex<Vec<(String, u16, bool)>>,
}

impl Gate {
    fn new(setup: Setup) -> Gate {
        let timeouts = Timeouts { connect: Duration::from_secs(2), read: Duration::from_secs(4) };
        Gate { http: Http::new(Settings::default()).unwrap(), setup, timeouts, asked: Mutex::default() }
    }

    fn impatient() -> Gate {
        let (connect, read) = (Duration::from_millis(300), Duration::from_millis(200));
        Gate { timeouts: Timeouts { connect, read }, ..Gate::new(Setup::default()) }
    }

    fn asked(&self) -> Vec<(String, u16, bool)> {
        self.asked.lock().unwrap().clone()
    }
}

impl Reach for Gate {
    fn may_reach(&self, host: &str, port: u16, from_scan: bool) -> Result<Vec<SocketAddr>, Refusal> {
        self.asked.lock().unwrap().push((host.to_owned(), port, from_scan));
        match host {
            "127.0.0.1" | "localhost" => Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))]),
            "gone.example" => Err(Refusal::new(Doubt::Dns, "the name gone.example cannot be resolved")),
            _ => Err(Refusal::new(Doubt::NotAllowed, format!("{host} is not allowed"))),
        }
    }

    fn transport(&self) -> &dyn Transport {
        &self.http
    }

    fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    fn hold_back(&self, _: &str, _: Option<Duration>) {}

    fn setup(&self) -> Option<&Setup> {
        Some(&self.setup)
    }
}

fn rule(id: &str) -> std::sync::Arc<Rule> {
    RuleSet::embedded().rules().iter().find(|rule| rule.id == id).expect("there is such a rule").clone()
}

fn ask(gate: &Gate, id: &str, secret: &str, parts: &[(&str, &str)]) -> Validity {
    let parts: Vec<(String, Secret)> =
        parts.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(value.as_bytes()))).collect();
    let (rule, secret) = (rule(id), Secret::new(secret.as_bytes()));
    check(&Subject { rule: &rule, secret: &secret, parts: &parts }, gate).expect("the rule is typed")
}

/// Of a password in an address; `rest` follows its `@`.
fn ask_url(gate: &Gate, id: &str, head: &str, password: &str, rest: &str) -> Validity {
    let text = format!("x = \"{head}:{password}@{rest}\"; y");
    let start = text.find(&format!(":{password}@")).unwrap() + 1;
    let id = format!("connection-string.{id}");
    let around = around(&rule(&id), text.as_bytes(), start..start + password.len()).expect("it stands in an address");
    ask(gate, &id, password, &[(CONNECTION, std::str::from_utf8(around.expose()).unwrap())])
}

fn identity(validity: &Validity) -> Vec<String> {
    match validity {
        Validity::Active { identity, .. } => identity.iter().map(|(name, value)| format!("{name} {value}")).collect(),
        other => panic!("it is not active: {other:?}"),
    }
}

fn scopes(validity: &Validity) -> &str {
    match validity {
        Validity::Active { scopes, .. } => scopes.as_deref().unwrap_or_default(),
        other => panic!("it is not active: {other:?}"),
    }
}

fn doubt(validity: &Validity) -> Doubt {
    match validity {
        Validity::Unknown { doubt, .. } => *doubt,
        other => panic!("it is known: {other:?}"),
    }
}

/// A password that nobody has.
const WRONG: &str = "not-the-word-at-all";
