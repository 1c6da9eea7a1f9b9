//! One change: recorded, journalled, made once; when nobody answered, looked up.

use super::{Halt, Run};
use crate::finding::{Doubt, Validity};
use crate::respond::journal::{Ended, Record};
use crate::respond::outcome::Trouble;
use crate::respond::responder::{Act, Reconciled, Repeat};
use crate::respond::target::Facts;
use serde_json::json;
use std::time::Duration;

/// How often a change is begun that may be begun again.
const TRIES: u32 = 3;
/// Pauses before something is read again.
const PAUSES: [u64; 3] = [5, 30, 120];

/// What came of a change.
pub(super) enum Changed {
    /// It is made.
    Done,
    /// It is not made, for this reason.
    NotDone(Trouble),
    /// It was begun once, is not made as far as can be read, and must not be begun again.
    NotAgain(String),
    /// A credential was made whose value nobody has.
    Orphan,
    /// It cannot be told.
    Unclear(String),
}

/// A change as the journal and the plan know it.
pub(super) struct Change {
    pub act: Act,
    pub repeat: Repeat,
    pub request: String,
}

impl Run<'_> {
    /// Makes a change, or finds out that it is made.
    pub(super) fn change(&mut self, change: &Change) -> Result<Changed, Halt> {
        let act = change.act;
        let mut open = self.here().open.clone().filter(|(open, _)| *open == act).map(|(_, before)| before);
        let mut last = Trouble::Unavailable("it was interrupted".into());
        let mut tries = 0;
        loop {
            if let Some(before) = open.take() {
                if is_making(act) && !self.is_kept() {
                    // The value may have been sealed before the process ended.
                    let _ = self.load_fresh();
                }
                match self.look(act, &before, change.repeat) {
                    Reconciled::Done(facts) => {
                        self.end(act, Ended::Done, facts)?;
                        return Ok(Changed::Done);
                    }
                    Reconciled::Orphan(id) => {
                        self.say(&format!("{} left a credential whose value nobody has: {id}", act.as_str()));
                        self.end(act, Ended::Orphan(id), Facts::new())?;
                        return Ok(Changed::Orphan);
                    }
                    Reconciled::Unclear(reason) => return Ok(Changed::Unclear(format!("{last}; {reason}"))),
                    _ if change.repeat == Repeat::Never => {
                        // The intent stays open: no resumption sends it again either.
                        return Ok(Changed::NotAgain(last.to_string()));
                    }
                    _ => self.end(act, Ended::NotDone(last.to_string()), Facts::new())?,
                }
            }
            if tries == TRIES {
                return Ok(Changed::NotDone(last));
            }
            if tries > 0 {
                self.sleep(Duration::from_secs(PAUSES[tries as usize - 1]));
            }
            tries += 1;
            let before = match self.before(act) {
                Ok(before) => before,
                Err(trouble) => return Ok(Changed::NotDone(trouble)),
            };
            self.gate(change)?;
            if is_making(act) && !self.responder().is_ok_and(|(_, abilities)| abilities.chooses) {
                // What is sealed from here on is of this very request.
                self.fresh = None;
                self.escrow.discard(self.at).map_err(Halt::Escrow)?;
            }
            self.append(Record::Intent { task: self.at, act, before: before.clone() })?;
            self.changes += 1;
            self.say(&format!("{}: {}", act.as_str(), change.request));
            match self.perform(act, &before)? {
                Ok(facts) => {
                    self.end(act, Ended::Done, facts)?;
                    return Ok(Changed::Done);
                }
                Err(trouble @ Trouble::Unanswered(_)) => (last, open) = (trouble, Some(before)),
                Err(trouble @ Trouble::Unavailable(_)) => {
                    self.end(act, Ended::NotDone(trouble.to_string()), Facts::new())?;
                    if change.repeat == Repeat::Never {
                        return Ok(Changed::NotDone(trouble));
                    }
                    last = trouble;
                }
                Err(trouble) => {
                    self.end(act, Ended::NotDone(trouble.to_string()), Facts::new())?;
                    return Ok(Changed::NotDone(trouble));
                }
            }
        }
    }

    /// The kill switch, the budget, the audit log.
    fn gate(&self, change: &Change) -> Result<(), Halt> {
        self.guard.admits(change.act, self.changes).map_err(Halt::Held)?;
        let task = self.task();
        let details = json!({
            "run": self.plan.run, "rule": task.rule, "act": change.act, "request": change.request,
            "mode": task.mode, "responder": task.responder,
        });
        self.world.audit.record("respond.intent", &task.fingerprint, details).map_err(Halt::Audit)
    }

    pub(super) fn end(&mut self, act: Act, result: Ended, facts: Facts) -> Result<(), Halt> {
        self.append(Record::Result { task: self.at, act, result: result.clone(), facts })?;
        match act.is_change() {
            true => self.on_record(act, &result),
            false => Ok(()),
        }
    }

    /// What came of a change stands in the audit log, too: the next one waits for that.
    fn on_record(&self, act: Act, result: &Ended) -> Result<(), Halt> {
        let task = self.task();
        let (outcome, more) = match result {
            Ended::Done => ("done", None),
            Ended::NotDone(reason) => ("not-done", Some(reason)),
            Ended::Orphan(id) => ("orphan", Some(id)),
        };
        let details = json!({
            "run": self.plan.run, "rule": task.rule, "act": act, "outcome": outcome, "reason": more,
            "responder": task.responder,
        });
        self.world.audit.record("respond.result", &task.fingerprint, details).map_err(Halt::Audit)
    }

    /// What is read before a change, so that it can be told afterwards whether it was made.
    fn before(&self, act: Act) -> Result<Facts, Trouble> {
        match act {
            Act::Escrow | Act::Store | Act::Restore | Act::Announce | Act::Note => Ok(Facts::new()),
            Act::Discard => {
                let id = self.here().orphan.clone().or_else(|| self.here().facts(Act::Mint).remove("id"));
                Ok(id.into_iter().map(|id| ("id".to_owned(), id)).collect())
            }
            _ => {
                let (responder, _) = self.responder().map_err(Trouble::Refused)?;
                let (bound, none) = (self.here().facts(Act::Bind), Facts::new());
                self.patiently(|| responder.before(act, &self.job(&bound, &none)))
            }
        }
    }

    fn perform(&mut self, act: Act, before: &Facts) -> Result<Result<Facts, Trouble>, Halt> {
        match act {
            Act::Escrow => Ok(self.write_key()),
            Act::Store => Ok(self.write_new()),
            Act::Restore => Ok(self.write_old()),
            Act::Announce => Ok(self.tell()),
            Act::Note => Ok(self.note()),
            Act::Mint | Act::Replace => self.make(act, before),
            _ => Ok(self.ask(act, before)),
        }
    }

    pub(super) fn ask(&self, act: Act, before: &Facts) -> Result<Facts, Trouble> {
        let (responder, _) = self.responder().map_err(Trouble::Refused)?;
        let bound = self.here().facts(Act::Bind);
        Ok(responder.carry_out(act, &self.job(&bound, before))?.facts)
    }

    /// Whether a change was made that nobody answered.
    fn look(&self, act: Act, before: &Facts, repeat: Repeat) -> Reconciled {
        let read = match act {
            Act::Escrow => self.patiently(|| self.look_for_key()),
            Act::Store => self.patiently(|| self.look_for_new()),
            Act::Restore => self.patiently(|| self.look_for_old()),
            Act::Announce | Act::Note => Ok(Reconciled::NotDone),
            _ => self.look_at_provider(act, before),
        };
        match read {
            Ok(Reconciled::Unclear(_)) | Err(_) if repeat == Repeat::Freely => Reconciled::NotDone,
            Ok(reconciled) => reconciled,
            Err(trouble) => Reconciled::Unclear(format!("nor could it be read: {trouble}")),
        }
    }

    fn look_at_provider(&self, act: Act, before: &Facts) -> Result<Reconciled, Trouble> {
        let (responder, abilities) = self.responder().map_err(Trouble::Refused)?;
        self.sleep(responder.settles_in());
        match &self.fresh {
            _ if is_making(act) && abilities.chooses => return Ok(self.look_at_fresh()),
            Some(fresh) if is_making(act) => {
                let id = fresh.id.clone().map(|id| ("id".to_owned(), id));
                return Ok(Reconciled::Done(id.into_iter().collect()));
            }
            _ => {}
        }
        let bound = self.here().facts(Act::Bind);
        let read = self.patiently(|| responder.reconcile(act, &self.job(&bound, before)))?;
        if read != Reconciled::AskVerify {
            return Ok(read);
        }
        Ok(match act {
            // A dead old value shows that the replacement was made, and the answer with the new one is lost.
            Act::Replace => match self.lives_on() {
                true => Reconciled::NotDone,
                false => Reconciled::Unclear("the new value may be lost".into()),
            },
            Act::Mint => Reconciled::Unclear("a new credential may exist whose value nobody has".into()),
            Act::EndSessions => Reconciled::NotDone,
            Act::Discard => dead_is_done(self.is_alive(true)),
            _ => dead_is_done(self.is_alive(false)),
        })
    }

    /// Whether the old value works for minutes after a request that would have ended it.
    fn lives_on(&self) -> bool {
        PAUSES.into_iter().all(|pause| {
            self.sleep(Duration::from_secs(pause));
            matches!(self.is_alive(false), Validity::Active { .. })
        })
    }

    /// A value that was chosen here: whether it works already.
    fn look_at_fresh(&self) -> Reconciled {
        match self.is_alive(true) {
            Validity::Active { .. } => Reconciled::Done(Facts::new()),
            Validity::Inactive => Reconciled::NotDone,
            Validity::Unknown { reason, .. } => Reconciled::Unclear(reason),
            _ => Reconciled::Unclear("nobody was asked".into()),
        }
    }

    /// Asks about the old value, or the new one.
    pub(super) fn is_alive(&self, new: bool) -> Validity {
        let renewed = match (&self.fresh, new) {
            (Some(fresh), true) => self.target().renewed(fresh),
            (None, true) => return Validity::unknown(Doubt::NoWay, "its value is not known"),
            (_, false) => self.target().clone(),
        };
        let mut validity = Validity::Unchecked;
        for pause in [0].into_iter().chain(PAUSES) {
            self.sleep(Duration::from_secs(pause));
            validity = self.ask_whether(&renewed);
            if !is_passing(&validity) {
                break;
            }
        }
        validity
    }

    /// Reads again after a while when nobody answered.
    pub(super) fn patiently<T>(&self, read: impl Fn() -> Result<T, Trouble>) -> Result<T, Trouble> {
        let mut pauses = PAUSES.into_iter();
        loop {
            match (read(), pauses.next()) {
                (Err(Trouble::Unanswered(_) | Trouble::Unavailable(_)), Some(pause)) => {
                    self.sleep(Duration::from_secs(pause));
                }
                (read, _) => return read,
            }
        }
    }
}

/// Whether it brings a new value.
fn is_making(act: Act) -> bool {
    matches!(act, Act::Mint | Act::Replace)
}

fn dead_is_done(validity: Validity) -> Reconciled {
    match validity {
        Validity::Inactive => Reconciled::Done(Facts::new()),
        Validity::Active { .. } => Reconciled::NotDone,
        Validity::Unknown { reason, .. } => Reconciled::Unclear(reason),
        _ => Reconciled::Unclear("nobody was asked".into()),
    }
}

/// Whether asking again a little later may tell more.
pub(super) fn is_passing(validity: &Validity) -> bool {
    let Validity::Unknown { doubt, .. } = validity else { return false };
    matches!(doubt, Doubt::Timeout | Doubt::Dns | Doubt::Connection | Doubt::RateLimited | Doubt::Provider)
}
