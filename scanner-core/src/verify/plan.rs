//! What would be asked, without asking.

use super::request::{self, Shown, host_and_port, names_in_host, needed};
use super::values::{Source, Values};
use super::{Refusal, Subject, Verifier, sets, typed};
use crate::finding::{Doubt, Finding};
use crate::http::exact;
use crate::rule::Rule;
use std::collections::BTreeSet;

/// One request that would be sent, or why none is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// As people may see it; of a question that is no HTTP nothing.
    pub shown: Option<Shown>,
    /// Where, with a port that is not the usual one.
    pub host: String,
    /// Why it would not be sent.
    pub refusal: Option<Refusal>,
}

impl Verifier {
    /// What would be asked about a finding; an error when nothing can be.
    pub fn plan(&self, finding: &Finding) -> Result<Vec<Planned>, Refusal> {
        let rule = &finding.rule;
        self.admits(rule)?;
        if typed::is_typed(&rule.id) {
            return self.plan_typed(finding);
        }
        let exchange =
            self.exchange(rule).ok_or_else(|| Refusal::new(Doubt::NoWay, "no rule says how to ask about it"))?;
        let needed = needed(exchange);
        let endpoints = self.endpoints(rule, exchange)?;
        let mut planned = Vec::new();
        for parts in sets::to_ask(&finding.part_sets, Some(&needed)).0 {
            let values = Values::of(&Subject { rule, secret: &finding.secret, parts: &parts });
            if let Some(missing) = needed.iter().find(|name| values.text(name).is_none()) {
                let reason = format!("it is asked with what does not stand near it: {missing}");
                return Err(Refusal::new(Doubt::Incomplete, reason));
            }
            for endpoint in &endpoints {
                let values = values.at(*endpoint);
                for step in &exchange.steps {
                    let shown = request::shown(step, &values);
                    let from_scan =
                        names_in_host(&step.url).iter().any(|name| values.source(name) == Some(Source::Scan));
                    let host = host(&shown.url);
                    let refusal = self.gate().allows(&host_and_port(&host, true).0, from_scan).err();
                    planned.push(Planned { shown: Some(shown), host, refusal });
                }
            }
        }
        Ok(planned)
    }

    /// Questions that are no HTTP, or signed: where they go.
    fn plan_typed(&self, finding: &Finding) -> Result<Vec<Planned>, Refusal> {
        let fixed = typed_hosts(self, &finding.rule);
        let asked = |(host, from_scan): (String, bool)| {
            let refusal = self.gate().allows(&host_and_port(&host, true).0, from_scan).err();
            Planned { shown: None, host, refusal }
        };
        let connections = finding.part_sets.sets().iter().flatten().filter(|(name, _)| name == typed::CONNECTION);
        let targets = connections.filter_map(|(_, text)| typed::parse(&finding.rule.id, text, &finding.secret));
        let targets =
            targets.map(|target| (format!("{}:{}", target.place.host, target.place.port), target.place.from_scan));
        let all: BTreeSet<(String, bool)> = fixed.into_iter().map(|host| (host, false)).chain(targets).collect();
        match all.is_empty() {
            true if finding.rule.id == JWT => Err(Refusal::new(Doubt::NoWay, "it is looked at, and nobody is asked")),
            true => Err(Refusal::new(Doubt::Incomplete, "the text around it names no server that can be asked")),
            false => Ok(all.into_iter().map(asked).collect()),
        }
    }
}

const JWT: &str = "jwt.token";

/// The hosts of a typed verifier that are not read in what is scanned.
fn typed_hosts(verifier: &Verifier, rule: &Rule) -> Vec<String> {
    let places = typed::fixed_places(&rule.id, &verifier.gate().settings().setup).unwrap_or_default();
    let shown = |place: typed::Place| match place.port {
        443 => place.host,
        port => format!("{}:{port}", place.host),
    };
    places.into_iter().map(shown).collect()
}

/// The host of a shown URL, whatever holes are left in it.
pub(super) fn host(url: &str) -> String {
    exact(url).map_or_else(
        |_| {
            let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
            rest.split(['/', '?']).next().unwrap_or_default().to_owned()
        },
        |exact| exact.host,
    )
}

/// Every host that a rule's question may go to: as listed (`*.` stands for one label), or the user's endpoints.
pub fn hosts_of(verifier: &Verifier, rule: &Rule) -> BTreeSet<String> {
    if typed::is_typed(&rule.id) {
        return typed_hosts(verifier, rule).into_iter().collect();
    }
    let Some(exchange) = verifier.exchange(rule) else { return BTreeSet::new() };
    let mut hosts = BTreeSet::new();
    if let Ok(endpoints) = verifier.endpoints(rule, exchange) {
        hosts.extend(endpoints.into_iter().flatten().map(host));
    }
    let of_endpoints: BTreeSet<String> = exchange.endpoints.iter().map(|endpoint| host(endpoint)).collect();
    let is_fixed = |known: &&String| {
        !of_endpoints.contains(*known) || exchange.steps.iter().any(|step| host(&step.url) == **known)
    };
    hosts.extend(exchange.hosts.iter().filter(is_fixed).cloned());
    hosts
}
