//! A transport that answers as a test says and remembers what it was asked, and findings to ask about.

use crate::made;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use stopleak_core::http::{Answer, Request, Transport, TransportError};
use stopleak_core::rule::example;
use stopleak_core::verify::{Gate, Resolve, Settings, Verifier};
use stopleak_core::{Finding, RuleSet, Secret};

/// Status, headers and body.
pub type Said = (u16, Vec<(String, String)>, String);

/// What one question is answered, by its number from 0.
pub type Answering = dyn Fn(usize, &Request) -> Result<Said, TransportError> + Send + Sync;

/// Answers by a function.
pub struct Fake {
    answer: Box<Answering>,
    /// Every request so far.
    pub asked: Mutex<Vec<Request>>,
}

impl Fake {
    pub fn new(answer: impl Fn(usize, &Request) -> Result<Said, TransportError> + Send + Sync + 'static) -> Arc<Fake> {
        Arc::new(Fake { answer: Box::new(answer), asked: Mutex::default() })
    }

    /// The same answer to everything.
    pub fn always(status: u16, body: &str) -> Arc<Fake> {
        let body = body.to_owned();
        Fake::new(move |_, _| Ok((status, Vec::new(), body.clone())))
    }

    pub fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl Transport for Fake {
    fn send(&self, request: &Request) -> Result<Answer, TransportError> {
        let mut asked = self.asked.lock().unwrap();
        let number = asked.len();
        asked.push(request.clone());
        drop(asked);
        let (status, headers, body) = (self.answer)(number, request)?;
        Ok(Answer::new(status, headers, std::io::Cursor::new(body.into_bytes())))
    }
}

/// Without pauses.
pub fn settings() -> Settings {
    Settings { pace: 0, max_wait: std::time::Duration::ZERO, ..Settings::default() }
}

/// Every name leads to this address.
pub fn leading_to(address: &str) -> Box<Resolve> {
    let address: std::net::IpAddr = address.parse().unwrap();
    Box::new(move |_, port| Ok(vec![SocketAddr::new(address, port)]))
}

/// A verifier of the embedded rules before a fake.
pub fn verifier(fake: &Arc<Fake>, settings: Settings) -> Verifier {
    let gate = Gate::resolving(fake.clone(), settings, leading_to("93.184.216.34"));
    Verifier::new(RuleSet::embedded(), gate, None)
}

/// A finding of an embedded rule with a generated value, and the values it is seen with.
pub fn finding(rule: &str, template: &str, parts: &[(&str, &str)]) -> Finding {
    let rules = RuleSet::embedded();
    let rule = rules.rules().iter().find(|known| known.id == rule).expect("the rule is there");
    let mut finding = made::finding(1, vec![made::on_disk("a.env", 1)]);
    finding.rule = rule.clone();
    finding.secret = Secret::new(example::expand(template, 7).expect("a template").as_bytes());
    if !parts.is_empty() {
        let part = |(rule, value): &(&str, &str)| ((*rule).to_owned(), Secret::new(value.as_bytes()));
        finding.part_sets.add(parts.iter().map(part).collect());
    }
    finding
}

/// A GitHub token.
pub fn github() -> Finding {
    finding("github.personal-access-token", "<github:ghp_>", &[])
}
