//! What people say of findings: `sweep ack` and `sweep reopen`, and the same for the live page; always on record.

use super::store;
use crate::args::{StateArg, StoreArgs, SweepAckArgs, SweepReopenArgs};
use crate::commands::hook::who;
use crate::commands::record::Recorder;
use crate::commands::request;
use crate::exit;
use crate::failure::{Failure, Result};
use crate::settings::{self, AuditSettings};
use crate::terminal::message;
use serde_json::json;
use std::path::Path;
use stopleak_core::audit::Act;
use stopleak_core::sweep::Store;
use stopleak_core::sweep::store::{State, Triage, Version};
use stopleak_core::time::{date, parse_rfc3339};

/// Bytes of a reason.
const MOST: usize = 4_000;

/// What is said of a finding, as written.
#[derive(Clone, Copy, Debug)]
pub struct Saying<'a> {
    pub state: State,
    pub reason: &'a str,
    /// The last day of an acknowledgement.
    pub until: Option<&'a str>,
}

impl Saying<'_> {
    /// What it means, said by `by`; or why it makes no sense.
    pub fn checked(&self, by: &str) -> Result<Triage> {
        let Saying { state, reason, until } = *self;
        let reason = reason.trim();
        if reason.is_empty() && state != State::Open {
            return Err(Failure::new("a reason is needed").hint("say why with --reason TEXT"));
        }
        if reason.len() > MOST || reason.chars().any(char::is_control) {
            return Err(Failure::new(format!("the reason is no line of text of at most {MOST} bytes")));
        }
        if until.is_some() && state != State::Acknowledged {
            return Err(Failure::new("a day at which it ends is for `acknowledged`: the other states stay"));
        }
        let until = until.map(end_of).transpose()?;
        Ok(Triage { state, reason: reason.to_owned(), until, by: by.to_owned() })
    }
}

/// Says something of a finding: an entry in the log, then the store, then what came of it. `false`: somebody was faster.
pub fn say_on_record(store: &Store, recorder: &Recorder, id: &str, triage: &Triage, seen: Version) -> Result<bool> {
    let (was, _) = store.stands(id, request::now()).map_err(store::failed)?;
    let details = json!({
        "finding": id, "was": was.as_str(), "state": triage.state.as_str(), "reason": triage.reason,
        "until": triage.until.map(|end| date(end - 1)),
    });
    let permit = recorder.begin(Act::new("triage").details(details))?;
    let done = store.triage(id, triage, seen, request::now());
    let (outcome, details) = match &done {
        Ok(true) => (triage.state.as_str(), json!({ "finding": id })),
        Ok(false) => ("overtaken", json!({ "finding": id })),
        Err(error) => ("failed", json!({ "finding": id, "error": error.to_string() })),
    };
    let ended = recorder.end(permit, outcome, details);
    let done = done.map_err(store::failed)?;
    if let Err(failure) = ended {
        // It is done, and that it was begun is written down.
        message::error(&failure);
    }
    Ok(done)
}

/// Says something of a finding.
pub fn ack(args: &SweepAckArgs) -> Result<u8> {
    let state = match args.what {
        StateArg::Acknowledged => State::Acknowledged,
        StateArg::FalsePositive => State::FalsePositive,
        StateArg::Revoked => State::Revoked,
        StateArg::Rotated => State::Rotated,
    };
    let saying = Saying { state, reason: &args.reason, until: args.until.as_deref() };
    say(&args.finding, saying, args.config.as_deref(), &args.at)
}

/// Takes it back.
pub fn reopen(args: &SweepReopenArgs) -> Result<u8> {
    let saying = Saying { state: State::Open, reason: &args.reason, until: None };
    say(&args.finding, saying, args.config.as_deref(), &args.at)
}

fn say(finding: &str, saying: Saying, config: Option<&Path>, at: &StoreArgs) -> Result<u8> {
    let triage = saying.checked(&who())?;
    let audit = match config {
        Some(file) => settings::load(Some(file), &[], &request::today())?.audit,
        None => AuditSettings::default(),
    };
    let store = store::open_existing(at)?;
    let id = store.find(finding).map_err(store::failed)?;
    let recorder = Recorder::here(None, &audit)?;
    let (_, seen) = store.stands(&id, request::now()).map_err(store::failed)?;
    if !say_on_record(&store, &recorder, &id, &triage, seen)? {
        return Err(Failure::new("somebody said something else of it at the same time; nothing was done")
            .hint("`stopleak sweep status --findings` shows what holds now"));
    }
    message::note(&id, &format!("is {} now", triage.state.as_str()));
    Ok(exit::CLEAN)
}

/// The end of a day, in UTC.
fn end_of(day: &str) -> Result<i64> {
    let start = parse_rfc3339(&format!("{day}T00:00:00Z"));
    let start = start.ok_or_else(|| Failure::new(format!("`{day}` is no day")).hint("write it as 2027-01-31"))?;
    let end = start + 86_400;
    match end > request::now() {
        true => Ok(end),
        false => Err(Failure::new(format!("{day} is over"))),
    }
}
