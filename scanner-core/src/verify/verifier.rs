//! Asks about one secret: with every endpoint, once a run, with a control where the answer is good news for a thief.

use super::cache::{self, Cache, Tag};
use super::exchange::{How, carry_out};
use super::plan::host;
use super::request::{needed, shown};
use super::values::Values;
use super::{Gate, Refusal, Settings, Subject, Verify, control, sets, typed};
use crate::finding::{Doubt, Finding, PartSets, Validity};
use crate::rule::exchange::Meaning;
use crate::rule::exchange::judge::Judgement;
use crate::rule::{Exchange, Rule};
use crate::rule_set::RuleSet;
use crate::secret::Secret;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Characters of an identity or of scopes that are kept.
const MOST_TOLD: usize = 300;

/// Asks providers, within what the user allows.
pub struct Verifier {
    rules: Arc<RuleSet>,
    gate: Gate,
    disk: Option<Cache>,
    answered: Mutex<HashMap<Tag, Validity>>,
    /// Whether a provider calls a random value active, by what is asked where.
    gullible: Mutex<HashMap<String, Arc<Mutex<Option<bool>>>>>,
}

impl Verifier {
    /// One run's verifier; `disk` holds answers of earlier runs.
    pub fn new(rules: Arc<RuleSet>, gate: Gate, disk: Option<Cache>) -> Verifier {
        Verifier { rules, gate, disk, answered: Mutex::default(), gullible: Mutex::default() }
    }

    /// The way out.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// What can be asked.
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// Keeps what was answered for later runs.
    pub fn save(&self) -> std::io::Result<()> {
        self.disk.as_ref().map_or(Ok(()), Cache::save)
    }

    /// Asks about a finding with every set of values it was seen with.
    pub fn check_finding(&self, finding: &Finding, again: bool) -> Validity {
        self.check_sets(&finding.rule, &finding.secret, &finding.part_sets, again)
    }

    /// Asks about a value with every set of values it was seen with.
    pub fn check_sets(&self, rule: &Rule, secret: &Secret, part_sets: &PartSets, again: bool) -> Validity {
        let needed = self.exchange(rule).map(needed).filter(|_| !typed::is_typed(&rule.id));
        let (sets, is_cut) = sets::to_ask(part_sets, needed.as_ref());
        let mut answers = Vec::new();
        for parts in &sets {
            answers.push(self.check(&Subject { rule, secret, parts }, again));
            if matches!(answers.last(), Some(Validity::Active { .. })) {
                break;
            }
        }
        sets::together(answers, is_cut)
    }

    /// How the rule's secrets are asked about.
    pub(super) fn exchange(&self, rule: &Rule) -> Option<&Exchange> {
        self.rules.exchanges(&rule.id)?.verify.as_ref()
    }

    /// Whether it may be asked about, before anything is looked at.
    pub(crate) fn admits(&self, rule: &Rule) -> Result<(), Refusal> {
        if rule.is_practice() {
            return Err(Refusal::new(Doubt::NoWay, "it is risky practice, no secret"));
        }
        if self.settings().distrusted.contains(&rule.id) {
            let reason = "its rule is of a file that only the scanned project names: name it with --rules or --config";
            return Err(Refusal::new(Doubt::NotAllowed, reason));
        }
        Ok(())
    }

    fn settings(&self) -> &Settings {
        self.gate.settings()
    }

    /// Where the provider stands: `None` for a rule that names its host itself.
    pub(crate) fn endpoints<'s>(
        &'s self,
        rule: &Rule,
        exchange: &'s Exchange,
    ) -> Result<Vec<Option<&'s str>>, Refusal> {
        if !exchange.steps.iter().any(|step| step.url.starts_with("{endpoint}")) {
            return Ok(vec![None]);
        }
        let own = self.settings().endpoints.get(&rule.provider.id).filter(|own| !own.is_empty());
        let known = own.unwrap_or(&exchange.endpoints);
        if known.is_empty() {
            let provider = &rule.provider.id;
            let reason = format!(
                "nobody said where {} stands: [verify.endpoints] {provider} = [\"https://…\"]",
                rule.provider.name
            );
            return Err(Refusal::new(Doubt::Incomplete, reason));
        }
        Ok(known.iter().map(|endpoint| Some(endpoint.as_str())).collect())
    }

    fn ask(&self, subject: &Subject) -> Result<Validity, Refusal> {
        self.admits(subject.rule)?;
        if let Some(validity) = typed::check(subject, &self.gate) {
            return Ok(validity);
        }
        let exchange = self.exchange(subject.rule);
        let exchange = exchange.ok_or_else(|| Refusal::new(Doubt::NoWay, "no rule says how to ask about it"))?;
        let values = Values::of(subject);
        let missing: Vec<String> = needed(exchange).into_iter().filter(|name| values.text(name).is_none()).collect();
        if !missing.is_empty() {
            let reason = format!("it is asked with what does not stand near it: {}", missing.join(", "));
            return Err(Refusal::new(Doubt::Incomplete, reason));
        }
        let endpoints = self.endpoints(subject.rule, exchange)?;
        let is_elsewhere = endpoints == [None] && self.settings().endpoints.contains_key(&subject.rule.provider.id);
        let mut answers = Vec::new();
        for endpoint in endpoints {
            let answer = self.ask_at(subject, exchange, values.at(endpoint));
            if matches!(answer, Validity::Active { .. }) {
                return Ok(answer);
            }
            answers.push(answer);
        }
        let answer = sets::together(answers, false);
        if answer == Validity::Inactive && is_elsewhere {
            let reason = "refused by the provider's own host; it may be of the user's, where this rule cannot ask";
            return Err(Refusal::new(Doubt::Incomplete, reason));
        }
        Ok(answer)
    }

    fn ask_at(&self, subject: &Subject, exchange: &Exchange, values: Values) -> Validity {
        match self.judged(exchange, values.clone()) {
            Validity::Active { identity, scopes } => {
                if self.is_gullible(subject, exchange, &values) {
                    let reason = "the provider's answer to a random value looks the same";
                    return Validity::unknown(Doubt::Gullible, reason);
                }
                let tell = |text: &str| told(text, &values);
                Validity::Active {
                    identity: identity.iter().map(|(label, value)| (label.clone(), tell(value))).collect(),
                    scopes: scopes.as_deref().map(tell),
                }
            }
            other => other,
        }
    }

    fn judged(&self, exchange: &Exchange, values: Values) -> Validity {
        let how = How { reach: &self.gate, reads_only: true, before: &|_| Ok(()) };
        let carried = carry_out(exchange, values, &how);
        match carried.judgement {
            Judgement::Means { meaning: Meaning::Active, identity, scopes, .. } => {
                Validity::Active { identity, scopes }
            }
            Judgement::Means { meaning: Meaning::Inactive, .. } => Validity::Inactive,
            Judgement::Unknown(reason) => {
                let doubt = carried.doubt.unwrap_or(Doubt::Strange);
                let place =
                    carried.asked.last().map(|asked| host(&asked.shown.url)).filter(|host| !reason.contains(host));
                let place = place.filter(|_| doubt != Doubt::Incomplete).map(|host| format!(" ({host})"));
                Validity::unknown(doubt, reason + &place.unwrap_or_default())
            }
            Judgement::Means { .. } | Judgement::Next(_) => {
                Validity::unknown(Doubt::Strange, "the answer means nothing for a question")
            }
        }
    }

    /// Whether a random value gets the same answer; answered once for what is asked in one place.
    fn is_gullible(&self, subject: &Subject, exchange: &Exchange, values: &Values) -> bool {
        let place: Vec<String> = exchange.steps.iter().map(|step| shown(step, values).url).collect();
        let place = format!("{} {}", subject.rule.provider.id, place.join(" "));
        let known = Arc::clone(self.gullible.lock().unwrap_or_else(PoisonError::into_inner).entry(place).or_default());
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = *known {
            return known;
        }
        let mut random = values.clone();
        random.insert("secret", control::value_like(subject.rule, subject.secret), super::values::Source::Secret);
        let answer = self.judged(exchange, random);
        let is_gullible = matches!(answer, Validity::Active { .. });
        // What got no answer is asked again with the next one.
        let is_answered =
            !matches!(answer, Validity::Unknown { doubt, .. } if doubt.is_trouble() && doubt != Doubt::Strange);
        if is_answered {
            *known = Some(is_gullible);
        }
        is_gullible
    }

    fn tag(&self, subject: &Subject) -> Tag {
        let mut fields: Vec<&[u8]> = vec![b"verify 1", subject.rule.id.as_bytes(), subject.secret.expose()];
        for (rule, value) in subject.parts {
            fields.extend([rule.as_bytes(), value.expose()]);
        }
        let own = self.settings().endpoints.get(&subject.rule.provider.id);
        fields.extend(own.into_iter().flatten().map(|endpoint| endpoint.as_bytes()));
        self.disk.as_ref().map_or_else(|| cache::tag(&[0; 32], &fields), |disk| disk.tag(&fields))
    }
}

impl Verify for Verifier {
    fn check(&self, subject: &Subject, again: bool) -> Validity {
        let tag = self.tag(subject);
        let known = || {
            let answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner).get(&tag).cloned();
            answered.or_else(|| self.disk.as_ref()?.get(&tag))
        };
        if let Some(known) = if again { None } else { known() } {
            return known;
        }
        let validity = self.ask(subject).unwrap_or_else(Validity::from);
        self.answered.lock().unwrap_or_else(PoisonError::into_inner).insert(tag, validity.clone());
        if let Some(disk) = &self.disk {
            disk.put(&tag, &validity);
        }
        validity
    }
}

/// What a provider says of itself may repeat the secret, or drive a terminal.
fn told(text: &str, values: &Values) -> String {
    let secret = values.text("secret").unwrap_or_default();
    let text = if secret.is_empty() { text.to_owned() } else { text.replace(&secret, "…") };
    text.chars().filter(|c| !c.is_control()).take(MOST_TOLD).collect()
}
