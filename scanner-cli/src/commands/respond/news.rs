//! What receivers are told of a response: that a secret is dead, replaced, still alive, or that it failed.

use crate::commands::hook::who;
use crate::commands::request::now;
use stopleak_core::Severity;
use stopleak_core::notify::{Event, Kind, Trace};
use stopleak_core::respond::{Action, Outcome, Target, Task};

/// What belongs to an event beside the task.
pub struct By<'a> {
    /// The run.
    pub run: &'a str,
    /// The secret's tag in the audit log.
    pub subject: String,
    /// Why the whole run stopped.
    pub halted: Option<&'a str>,
}

/// What there is to tell of what came of a task.
pub fn event(task: &Task, outcome: &Outcome, target: Option<&Target>, by: By) -> Event {
    let kind = match (outcome, task.action) {
        (Outcome::ConfirmedDead, Action::Revoke) => Kind::Revoked,
        (Outcome::ConfirmedDead, Action::Rotate) => Kind::Rotated,
        (Outcome::StillLive { .. }, _) => Kind::StillLive,
        // What nobody proved is not called done.
        _ => Kind::Failed,
    };
    let validity = match outcome {
        Outcome::ConfirmedDead => "inactive",
        Outcome::StillLive { .. } => "active",
        _ => "unknown",
    };
    let reason = outcome.reason().or(by.halted).map(|reason| format!(": {reason}")).unwrap_or_default();
    let rule = target.map(|target| &target.rule);
    let run = by.run.to_owned();
    let trace = Trace { run, actor: who(), subject: by.subject, outcome: outcome.as_str().to_owned() };
    let event = Event {
        kind,
        time: now(),
        fingerprint: task.fingerprint.clone(),
        occasion: String::new(),
        rule: task.rule.clone(),
        name: rule.map_or_else(|| task.rule.clone(), |rule| rule.name.clone()),
        provider: rule.map_or_else(|| task.responder.clone(), |rule| rule.provider.name.clone()),
        severity: rule.map_or(Severity::High, |rule| rule.severity),
        redacted: task.secret.clone(),
        validity: validity.to_owned(),
        places: Vec::new(),
        links: rule.map(|rule| rule.references.iter().take(3).map(ToString::to_string).collect()).unwrap_or_default(),
        note: format!("{}{reason} (run {})", outcome.as_str(), by.run),
        trace,
    };
    match target {
        Some(target) => event.without(&String::from_utf8_lossy(target.secret.expose())),
        None => event,
    }
}
