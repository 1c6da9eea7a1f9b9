//! The vault's entry: read before, written if nobody else did, read back, and put as it was when all fails.

use super::change::{Change, Changed};
use super::renew::trouble_of;
use super::step::{nothing_done, of};
use super::{Flow, Halt, Run};
use crate::respond::journal::Ended;
use crate::respond::outcome::{Outcome, Trouble};
use crate::respond::plan::Step;
use crate::respond::responder::{Act, Reconciled, Repeat};
use crate::respond::target::Facts;
use crate::secret::Secret;
use crate::vault::{Entry, Fields};
use zeroize::Zeroizing;

/// A value this short may stand in a longer one by chance.
const MIN_INSIDE: usize = 8;

impl Run<'_> {
    pub(super) fn preflight(&mut self) -> Result<Flow, Halt> {
        match self.patiently(|| self.look_ahead()) {
            Ok(facts) => {
                self.end(Act::Preflight, Ended::Done, facts)?;
                Ok(Flow::On)
            }
            Err(trouble) => Ok(Flow::Stop(nothing_done(trouble))),
        }
    }

    fn look_ahead(&self) -> Result<Facts, Trouble> {
        let (vault, place) = (self.vault().map_err(Trouble::Refused)?, self.place().map_err(Trouble::Refused)?);
        let entry = vault.read(&place.path, None).map_err(trouble_of)?;
        if !self.holds_old(&entry) {
            let message = format!("the current version of {} no longer holds it in {}", place.path, place.field);
            return Err(Trouble::Conflict(message));
        }
        vault.can_write(&place.path).map_err(trouble_of)?;
        Ok(Facts::from([("base".to_owned(), entry.version)]))
    }

    fn holds_old(&self, entry: &Entry) -> bool {
        let Ok(place) = self.place() else { return false };
        let old = &self.target().secret;
        entry.fields.get(&place.field).is_some_and(|value| count(value, old) == 1)
    }

    pub(super) fn store(&mut self, step: &Step) -> Result<Flow, Halt> {
        let ready = match self.here().is_done(Act::Mint) || self.here().is_done(Act::Replace) {
            true => self.load_fresh(),
            false => self.prepare(),
        };
        if let Err(trouble) = ready {
            return self.without_value(trouble);
        }
        for is_last in [false, true] {
            match self.change(&of(step))? {
                Changed::Done | Changed::Orphan => return Ok(Flow::On),
                // Somebody wrote: another field, which does not matter, or this one.
                Changed::NotDone(Trouble::Conflict(reason)) => match self.patiently(|| self.look_ahead()) {
                    Ok(facts) if !is_last => self.end(Act::Preflight, Ended::Done, facts)?,
                    _ => return Ok(self.not_stored(&reason)),
                },
                Changed::NotDone(trouble) => return Ok(self.not_stored(&trouble.to_string())),
                Changed::NotAgain(reason) | Changed::Unclear(reason) => {
                    let reason = format!("whether the vault has the new value cannot be told: {reason}");
                    return Ok(Flow::Stop(Outcome::Unknown { reason }));
                }
            }
        }
        Ok(self.not_stored("it was changed again and again"))
    }

    /// The new value cannot be had again: a credential beside the old one is ended and made anew.
    fn without_value(&mut self, trouble: Trouble) -> Result<Flow, Halt> {
        let waits = matches!(trouble, Trouble::Unanswered(_) | Trouble::Unavailable(_));
        if self.here().is_done(Act::Mint) && !waits {
            let reason = format!("the new credential was ended again: {trouble}");
            return Ok(Flow::GiveUp(Outcome::Declined { reason }));
        }
        if self.here().is_done(Act::Replace) || waits {
            let reason = format!("the new value cannot be had now: {trouble}");
            return Ok(Flow::Stop(Outcome::Unknown { reason }));
        }
        Ok(Flow::Stop(nothing_done(trouble)))
    }

    fn not_stored(&self, why: &str) -> Flow {
        if self.here().is_done(Act::Replace) {
            let reason =
                format!("the vault did not take the new value, the only one that works: {why}. It is kept sealed");
            return Flow::Stop(Outcome::Unknown { reason });
        }
        let reason = format!("the vault did not take the new value: {why}");
        match self.here().is_done(Act::Mint) {
            true => Flow::GiveUp(Outcome::Declined { reason }),
            false => Flow::Stop(Outcome::Declined { reason }),
        }
    }

    /// The fields of the version read before, with the new values.
    fn renewed(&self) -> Result<(String, Fields), Trouble> {
        let (vault, place) = (self.vault().map_err(Trouble::Refused)?, self.place().map_err(Trouble::Refused)?);
        let fresh = self.fresh.as_ref().ok_or_else(|| Trouble::Refused("the new value is not at hand".into()))?;
        let base = self.base()?;
        let entry = vault.read(&place.path, Some(&base)).map_err(trouble_of)?;
        let mut fields = entry.fields;
        for (old, new) in self.target().changes(fresh) {
            for (name, value) in &mut fields {
                // The leaked field may hold the value inside a longer text; others change only when they are the value.
                let is_named = *name == place.field;
                if value == old || (is_named && count(value, old) == 1) {
                    *value = replace(value, old, new);
                }
            }
        }
        Ok((base, fields))
    }

    fn base(&self) -> Result<String, Trouble> {
        let base = self.here().facts(Act::Preflight).remove("base");
        base.ok_or_else(|| Trouble::Refused("the entry was not read before".into()))
    }

    pub(super) fn write_new(&self) -> Result<Facts, Trouble> {
        let (vault, place) = (self.vault().map_err(Trouble::Refused)?, self.place().map_err(Trouble::Refused)?);
        // What is read before a write may go unanswered without anything being written.
        let (base, fields) = self.renewed().map_err(only_read)?;
        let version = vault.write_if_version(&place.path, &fields, Some(&base)).map_err(trouble_of)?;
        Ok(Facts::from([("version".to_owned(), version)]))
    }

    pub(super) fn look_for_new(&self) -> Result<Reconciled, Trouble> {
        let (vault, place) = (self.vault().map_err(Trouble::Refused)?, self.place().map_err(Trouble::Refused)?);
        let current = vault.read(&place.path, None).map_err(trouble_of)?;
        let base = self.base()?;
        if current.version == base {
            return Ok(Reconciled::NotDone);
        }
        match self.is_new(&current) {
            true => Ok(Reconciled::Done(Facts::from([("version".to_owned(), current.version)]))),
            // Somebody else wrote; the write that follows is refused by the vault and sorted out there.
            false => Ok(Reconciled::NotDone),
        }
    }

    fn is_new(&self, entry: &Entry) -> bool {
        let (Ok(place), Some(fresh)) = (self.place(), &self.fresh) else { return false };
        entry.fields.get(&place.field).is_some_and(|value| count(value, &fresh.secret) == 1)
    }

    /// Whether the vault gives the new value back.
    pub(super) fn is_stored(&self) -> Result<bool, Trouble> {
        let (vault, place) = (self.vault().map_err(Trouble::Refused)?, self.place().map_err(Trouble::Refused)?);
        let entry = vault.read(&place.path, None).map_err(trouble_of)?;
        let Some(fresh) = &self.fresh else { return Ok(false) };
        let values: Vec<&Secret> = self.target().changes(fresh).into_iter().map(|(_, new)| new).collect();
        let is_there = |new: &Secret| entry.fields.values().any(|value| count(value, new) == 1);
        // A part that the entry never held is not missed.
        Ok(self.is_new(&entry) && values.first().is_some_and(|secret| is_there(secret)))
    }

    /// Writes the old fields back; why not, if it could not be done.
    pub(super) fn restore(&mut self) -> Result<Option<String>, Halt> {
        let request = self.place().map(|place| format!("write the old value back to {}", place.path));
        let request = request.unwrap_or_default();
        let change = Change { act: Act::Restore, repeat: Repeat::WhenReadSaysNo, request };
        Ok(match self.change(&change)? {
            Changed::Done | Changed::Orphan => None,
            Changed::NotDone(trouble) => Some(trouble.to_string()),
            Changed::NotAgain(reason) | Changed::Unclear(reason) => Some(reason),
        })
    }

    pub(super) fn write_old(&self) -> Result<Facts, Trouble> {
        let (vault, place) = (self.vault().map_err(Trouble::Refused)?, self.place().map_err(Trouble::Refused)?);
        let entry = vault.read(&place.path, Some(&self.base()?)).map_err(trouble_of).map_err(only_read)?;
        let ours = self.here().facts(Act::Store).remove("version");
        vault.write_if_version(&place.path, &entry.fields, ours.as_deref()).map_err(trouble_of)?;
        Ok(Facts::new())
    }

    pub(super) fn look_for_old(&self) -> Result<Reconciled, Trouble> {
        let (vault, place) = (self.vault().map_err(Trouble::Refused)?, self.place().map_err(Trouble::Refused)?);
        let current = vault.read(&place.path, None).map_err(trouble_of)?;
        Ok(if self.holds_old(&current) { Reconciled::Done(Facts::new()) } else { Reconciled::NotDone })
    }
}

fn only_read(trouble: Trouble) -> Trouble {
    match trouble {
        Trouble::Unanswered(reason) => Trouble::Unavailable(reason),
        trouble => trouble,
    }
}

/// How often a value is or stands in another.
fn count(value: &Secret, part: &Secret) -> usize {
    match part.expose().len() {
        _ if value == part => 1,
        len if len < MIN_INSIDE => 0,
        _ => memchr::memmem::find_iter(value.expose(), part.expose()).count(),
    }
}

fn replace(value: &Secret, old: &Secret, new: &Secret) -> Secret {
    let at = memchr::memmem::find(value.expose(), old.expose());
    let Some(at) = at.filter(|_| value != old) else { return new.clone() };
    let (before, after) = (&value.expose()[..at], &value.expose()[at + old.expose().len()..]);
    Secret::new(&Zeroizing::new([before, new.expose(), after].concat()))
}
