//! Notifications: those of a scan, and `stopleak notify test`.

use super::hook::who;
use super::record::{Recorder, state_folder, this_run};
use super::request::{now, today};
use crate::args::{NotifyArgs, NotifyVerb};
use crate::exit;
use crate::failure::{Failure, OrFail, Result};
use crate::network;
use crate::settings::{self, AuditSettings, NotifyWritten};
use crate::terminal::message;
use std::path::Path;
use stopleak_core::Finding;
use stopleak_core::audit::Keys;
use stopleak_core::http::Http;
use stopleak_core::notify::{Courier, Event, Patience, Receiver, Seen, Trace};

/// Carries out `notify test`.
pub fn run(args: &NotifyArgs) -> Result<u8> {
    let NotifyVerb::Test { config, to } = &args.verb;
    let settings = settings::load(Some(config), &[], &today())?;
    let receivers = receivers(&settings.notify, to)?;
    let http = network::client(None)?;
    let mut code = exit::CLEAN;
    for receiver in &receivers {
        match deliver(&http, receiver, &[Event::test(now())], &mut |_| ()) {
            true => message::line(&format!("{}: told", receiver.name)),
            false => code = exit::FAILED,
        }
    }
    Ok(code)
}

/// The receivers of the settings, their credentials read; only those named, if any are.
pub fn receivers(written: &[NotifyWritten], names: &[String]) -> Result<Vec<Receiver>> {
    if let Some(name) = names.iter().find(|name| written.iter().all(|one| one.name() != *name)) {
        return Err(Failure::new(format!("no [[notify]] is called {name}")));
    }
    if written.is_empty() {
        return Err(Failure::new("the settings name nobody to tell").hint("write a [[notify]] table into the file"));
    }
    let wanted = written.iter().filter(|one| names.is_empty() || names.iter().any(|name| name == one.name()));
    wanted.map(NotifyWritten::receiver).collect()
}

/// Tells receivers of what is new among findings that count; false when one could not be told.
pub fn tell(
    receivers: &[Receiver],
    findings: &[Finding],
    extra_ca: Option<&Path>,
    audit: &AuditSettings,
) -> Result<bool> {
    let counting: Vec<&Finding> =
        findings.iter().filter(|finding| finding.is_blocking() && !finding.is_practice()).collect();
    if receivers.is_empty() || counting.is_empty() {
        return Ok(true);
    }
    let path = state_folder()?.join("notified");
    let mut seen = Seen::open(&path).or_fail(|| format!("cannot read {}", path.display()))?;
    let http = network::client(extra_ca)?;
    // Tags are those of the audit log: without one there are none.
    let keys = if audit.record { Some(Recorder::here(None, audit)?.keys()?) } else { None };
    let mut all_told = true;
    for receiver in receivers {
        let event = |finding: &&Finding| {
            let kind = seen.news(&receiver.name, finding)?;
            Some(Event::new(kind, finding, now()).traced(trace(finding, keys.as_ref())))
        };
        let news: Vec<Event> = counting.iter().filter_map(event).collect();
        let mut kept = Ok(());
        let told = deliver(&http, receiver, &news, &mut |event| {
            if kept.is_ok() {
                kept = seen.told(&receiver.name, event);
            }
        });
        all_told &= told;
        if let Err(error) = kept {
            message::caution(&format!("cannot write {}: {error}; the next scan tells again", path.display()));
        }
    }
    Ok(all_told)
}

fn trace(finding: &Finding, keys: Option<&Keys>) -> Trace {
    Trace {
        run: this_run().to_owned(),
        actor: who(),
        subject: keys.map(|keys| keys.tag(&finding.secret)).unwrap_or_default(),
        outcome: finding.validity.as_str().to_owned(),
    }
}

/// Tells a receiver; trouble is said on standard error.
pub fn deliver(http: &Http, receiver: &Receiver, events: &[Event], told: &mut dyn FnMut(&Event)) -> bool {
    let courier = Courier::new(http, Patience::default(), &std::thread::sleep, &now);
    match courier.deliver(receiver, events, told) {
        Ok(()) => true,
        Err(error) => {
            message::error(&Failure::new(error.to_string()));
            false
        }
    }
}
