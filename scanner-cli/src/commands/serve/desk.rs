//! What is done about an incident: written down, the secret's kind told, its provider asked, a plan made, people told, and
//! the plan carried out where the settings say so.

use super::response::{Case, Ended, Ready, Responding, trace};
use crate::commands::notify;
use crate::commands::record::Recorder;
use crate::commands::request::now;
use crate::failure::Failure;
use crate::terminal::message;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use stopleak_core::audit::Act;
use stopleak_core::http::Http;
use stopleak_core::inbound::{AlertName, AlertsApi, Incident, Intake, Postponed};
use stopleak_core::notify::{Event, Kind, Receiver};
use stopleak_core::respond::{Act as Step, Outcome, Record as _};
use stopleak_core::scan::identify;
use stopleak_core::verify::{Subject, Verify};
use stopleak_core::{Finding, RuleSet, Secret, Severity, Validity};

/// What is not proved is tried again for so long.
const PATIENCE: i64 = 86_400;

/// Where incidents go, one after the other.
pub struct Desk<'d> {
    pub recorder: &'d Recorder,
    pub rules: Arc<RuleSet>,
    pub receivers: Vec<Receiver>,
    pub http: &'d Http,
    /// Asks the provider; `None` when the settings say not to.
    pub verify: Option<&'d dyn Verify>,
    pub responding: Responding<'d>,
    /// Reads and resolves GitHub's alerts, where there is a token.
    pub alerts: Option<AlertsApi>,
    /// What was told since the start: what waits in the queue is not told again each time.
    pub told: Mutex<BTreeSet<String>>,
}

/// What came of an incident, as far as one try goes.
#[derive(Default)]
struct Course {
    told: u64,
    untold: u64,
    details: Value,
    /// What keeps it in the queue.
    waits: Option<String>,
}

impl Course {
    /// It is tried again, for a day.
    fn postpone(&mut self, incident: &Incident, reason: String) {
        match now() - incident.received < PATIENCE {
            true => self.waits = Some(reason),
            false => message::error(&Failure::new(format!("given up after a day: {reason}"))),
        }
    }
}

impl<'d> Desk<'d> {
    /// What is known of a value, and what its provider says.
    fn judge(&self, secret: &Secret) -> Option<Finding> {
        let mut finding = identify(&self.rules, secret.expose()).into_iter().next()?;
        if let Some(verify) = self.verify {
            let subject = Subject { rule: &finding.rule, secret: &finding.secret, parts: &[] };
            finding.validity = verify.check(&subject, true);
        }
        Some(finding)
    }

    /// Tells whoever wants to know, once.
    fn tell(&self, event: &Event, course: &mut Course) {
        let key = format!("{} {} {}", event.kind.as_str(), event.fingerprint, event.places.join(" "));
        if !self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(key) {
            return;
        }
        for receiver in self.receivers.iter().filter(|receiver| receiver.wants(event)) {
            match notify::deliver(self.http, receiver, std::slice::from_ref(event), &mut |_| ()) {
                true => course.told += 1,
                false => course.untold += 1,
            }
        }
    }

    /// The value of an alert, which GitHub's webhook does not tell.
    fn ask_for_value(&self, incident: &Incident, course: &mut Course) -> Option<Secret> {
        let (api, alert) = (self.alerts.as_ref()?, incident.alert.as_ref()?);
        api.value(alert, self.http).unwrap_or_else(|error| {
            let reason = format!("the value of the alert {} is not known: {error}", api.address(alert));
            course.details["value"] = json!(error.to_string());
            match error.is_passing {
                true => course.postpone(incident, reason),
                false => message::error(&Failure::new(reason)),
            }
            None
        })
    }

    /// Carries the plan out, and says what came of it.
    fn respond(&self, incident: &Incident, case: &Case, ready: Ready, course: &mut Course) -> Option<Outcome> {
        let (plan, is_begun) = match ready {
            Ready::Run { plan, is_begun } => (plan, is_begun),
            Ready::Over(plan) => {
                let ended = Ended { plan, outcome: Outcome::ConfirmedDead, halted: None };
                return Some(self.ended(incident, case, ended, course));
            }
            Ready::Held(reason) => {
                course.postpone(incident, reason);
                return None;
            }
            Ready::Impossible(_) | Ready::Planned(_) => return None,
        };
        match self.responding.carry_out(case, plan, is_begun) {
            Ok(ended) => Some(self.ended(incident, case, ended, course)),
            Err(failure) => {
                course.postpone(incident, failure.to_string());
                None
            }
        }
    }

    fn ended(&self, incident: &Incident, case: &Case, ended: Ended, course: &mut Course) -> Outcome {
        course.details["run"] = json!(ended.plan.run);
        course.details["halted"] = json!(ended.halted);
        let places: Vec<String> = Some(location(incident)).filter(|place| !place.is_empty()).into_iter().collect();
        if let Some(event) = ended.event(case, &places) {
            self.tell(&event, course);
        }
        if ended.outcome == Outcome::ConfirmedDead {
            self.resolve(incident, case, &ended, course);
        } else if ended.halted.is_some() {
            // Whoever holds it back lets it go on.
            course.waits = Some(ended.reason());
        } else if ended.may_go_on() {
            course.postpone(incident, ended.reason());
        }
        ended.outcome
    }

    /// Resolves the alert of a secret that is proved dead.
    fn resolve(&self, incident: &Incident, case: &Case, ended: &Ended, course: &mut Course) {
        let (Some(api), Some(alert)) = (&self.alerts, &incident.alert) else { return };
        if let Err(reason) = self.close(api, alert, case, ended) {
            let reason = format!("the alert {} was not resolved: {reason}", api.address(alert));
            course.details["alert"] = json!("not resolved");
            course.postpone(incident, reason);
            return;
        }
        course.details["alert"] = json!("resolved");
    }

    /// On record before and after; the kill switch holds here, too.
    fn close(&self, api: &AlertsApi, alert: &AlertName, case: &Case, ended: &Ended) -> Result<(), String> {
        self.responding.guard(&ended.plan.run).admits(Step::Note, 0)?;
        let (fingerprint, run) = (case.target.fingerprint.as_str(), &ended.plan.run);
        let request = format!("PATCH {}", api.address(alert));
        let details = json!({ "run": run, "act": "resolve-alert", "request": request });
        case.audit.record("respond.intent", fingerprint, details)?;
        let closed = api.resolve(alert, &format!("confirmed dead by stopleak, run {run}"), self.http);
        let outcome = if closed.is_ok() { "done" } else { "not-done" };
        let reason = closed.as_ref().err().map(ToString::to_string);
        let details = json!({ "run": run, "act": "resolve-alert", "outcome": outcome, "reason": reason });
        case.audit.record("respond.result", fingerprint, details)?;
        closed.map_err(|error| error.to_string())
    }
}

impl Intake for Desk<'_> {
    fn take(&self, incident: &Incident) -> Result<(), Postponed> {
        let waits = |failure: Failure| Postponed(failure.to_string());
        let keys = self.recorder.keys().map_err(waits)?;
        let act = Act::new("intake").details(about(incident));
        let act = match &incident.secret {
            Some(secret) => act.about(keys.tag(secret)),
            None => act,
        };
        let permit = self.recorder.begin(act).map_err(waits)?;
        // Each incident has the whole budget of questions.
        self.responding.verifier.gate().begin_again();
        let mut course = Course { details: json!({}), ..Course::default() };
        let mut incident = incident.clone();
        if incident.secret.is_none() {
            incident.secret = self.ask_for_value(&incident, &mut course);
        }
        let tag = incident.secret.as_ref().map(|secret| keys.tag(secret));
        let finding = incident.secret.as_ref().and_then(|secret| self.judge(secret));
        let case = finding.as_ref().map(|finding| Case::new(finding, self.recorder)).transpose().map_err(waits)?;
        let prepare = |case: &Case| self.responding.prepare(case, incident.received);
        let ready = case.as_ref().map(prepare).transpose().map_err(waits)?;
        let word = finding.as_ref().map_or("unidentified", |finding| finding.validity.as_str());
        let event = event(&incident, finding.as_ref(), tag.clone(), ready.as_ref());
        let event = event.traced(trace(self.recorder.log.run(), tag.clone(), word));
        self.tell(&event, &mut course);
        course.details["response"] = json!(ready.as_ref().map_or("none", Ready::word));
        let outcome = case.zip(ready).and_then(|(case, ready)| self.respond(&incident, &case, ready, &mut course));
        let word = outcome.as_ref().map_or(word, Outcome::as_str);
        let Course { told, untold, mut details, waits: postponed } = course;
        let known = json!({ "rule": event.rule, "fingerprint": event.fingerprint, "validity": event.validity,
            "told": told, "untold": untold, "waits": postponed });
        details.as_object_mut().into_iter().for_each(|all| all.extend(known.as_object().cloned().unwrap_or_default()));
        details["subjects"] = tag.into_iter().collect();
        self.recorder.end(permit, word, details).map_err(waits)?;
        message::line(&format!("{} {}: {} {word}", incident.forge.as_str(), event.rule, event.fingerprint));
        postponed.map_or(Ok(()), |reason| Err(Postponed(reason)))
    }
}

/// For the audit log; the value may stand in the address.
fn about(incident: &Incident) -> Value {
    json!({ "forge": incident.forge.as_str(), "kind": without(incident, &incident.kind), "location": location(incident),
        "action": without(incident, &incident.action) })
}

fn location(incident: &Incident) -> String {
    without(incident, &incident.location)
}

fn without(incident: &Incident, text: &str) -> String {
    match incident.secret.as_ref().and_then(|secret| std::str::from_utf8(secret.expose()).ok()) {
        Some(value) if !value.is_empty() => text.replace(value, "…"),
        _ => text.to_owned(),
    }
}

fn event(incident: &Incident, finding: Option<&Finding>, tag: Option<String>, ready: Option<&Ready>) -> Event {
    let places: Vec<String> = Some(location(incident)).filter(|place| !place.is_empty()).into_iter().collect();
    let response = ready.map(|ready| format!("; {}", ready.sentence())).unwrap_or_default();
    let note = format!("reported by {}{response}", incident.forge.as_str());
    if let Some(finding) = finding {
        let kind = match finding.validity {
            Validity::Active { .. } => Kind::NewlyActive,
            _ => Kind::NewFinding,
        };
        return Event { places, ..Event::new(kind, finding, now()).note(&note, finding) };
    }
    let forge = incident.forge.as_str().to_owned();
    let kind = without(incident, &incident.kind);
    Event {
        kind: Kind::NewFinding,
        time: now(),
        // Without a value the place is all that tells one from another.
        fingerprint: tag.unwrap_or_else(|| location(incident)),
        occasion: String::new(),
        rule: kind.clone(),
        name: kind,
        provider: forge,
        severity: Severity::High,
        redacted: incident.secret.as_ref().map_or("…".to_owned(), Secret::redacted),
        validity: "unchecked".to_owned(),
        links: places.clone(),
        places,
        note,
        trace: Default::default(),
    }
}
