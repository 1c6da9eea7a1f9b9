//! New credentials: made once, sealed before anything else happens, ended again when they cannot be used.

use super::change::{Change, Changed};
use super::step::{nothing_done, of};
use super::{Flow, Halt, Run};
use crate::respond::escrow::Key;
use crate::respond::outcome::{Outcome, Trouble};
use crate::respond::plan::Step;
use crate::respond::responder::{Act, Reconciled, Repeat};
use crate::respond::target::Facts;
use crate::secret::Secret;
use crate::vault::{Fields, VaultError};

/// How many credentials whose value was lost are ended before the task is.
const ORPHANS: u32 = 3;
/// The field of the escrow's entry.
const FIELD: &str = "key";

impl Run<'_> {
    /// Makes sure that the vault has the key that seals new values, and seals a value that is chosen here.
    pub(super) fn keep_key(&mut self, step: &Step) -> Result<Flow, Halt> {
        match self.read_key() {
            Ok(Some(_)) => self.end(Act::Escrow, crate::respond::journal::Ended::Done, Facts::new())?,
            Ok(None) => {
                let request = format!("{}: {}", step.request, self.key_path());
                match self.change(&Change { request, ..of(step) })? {
                    Changed::Done => {}
                    Changed::NotDone(trouble) => return Ok(Flow::Stop(nothing_done(trouble))),
                    Changed::NotAgain(reason) | Changed::Unclear(reason) => {
                        return Ok(Flow::Stop(Outcome::Unknown { reason }));
                    }
                    Changed::Orphan => {}
                }
            }
            Err(trouble) => return Ok(Flow::Stop(nothing_done(trouble))),
        }
        Ok(Flow::On)
    }

    fn key_path(&self) -> String {
        let below = self.guard.escrow.trim_end_matches('/');
        match below.ends_with('-') {
            // Some vaults know no folders, and some no capitals.
            true => format!("{below}{}", self.plan.run.to_ascii_lowercase()),
            false => format!("{below}/{}", self.plan.run),
        }
    }

    /// The key as the vault gives it back: what cannot be read back would be lost with us.
    fn read_key(&self) -> Result<Option<Key>, Trouble> {
        let vault = self.vault().map_err(Trouble::Refused)?;
        self.patiently(|| match vault.read(&self.key_path(), None) {
            Ok(entry) => {
                let key = entry.fields.get(FIELD).and_then(Key::from_secret);
                key.map(Some).ok_or_else(|| Trouble::Refused(format!("{} holds no key", self.key_path())))
            }
            Err(VaultError::Absent(_)) => Ok(None),
            Err(error) => Err(trouble_of(error)),
        })
    }

    pub(super) fn write_key(&mut self) -> Result<Facts, Trouble> {
        let vault = self.vault().map_err(Trouble::Refused)?;
        let key = Key::random().map_err(|error| Trouble::Refused(error.to_string()))?;
        let fields = Fields::from([(FIELD.to_owned(), key.to_secret())]);
        vault.write_if_version(&self.key_path(), &fields, None).map_err(trouble_of)?;
        Ok(Facts::new())
    }

    pub(super) fn look_for_key(&self) -> Result<Reconciled, Trouble> {
        Ok(self.read_key()?.map_or(Reconciled::NotDone, |_| Reconciled::Done(Facts::new())))
    }

    fn key(&mut self) -> Result<Key, Trouble> {
        if self.key.is_none() {
            let none = || Trouble::Refused("the vault no longer has the key that seals new values".into());
            self.key = Some(self.read_key()?.ok_or_else(none)?);
        }
        Ok(self.key.clone().expect("it was just read"))
    }

    /// The run is over: its key opens nothing any more.
    pub(super) fn retire_key(&mut self) {
        let used = self.progress.iter().any(|progress| progress.is_done(Act::Escrow));
        let (true, Ok(vault)) = (used, self.vault()) else { return };
        let path = self.key_path();
        let Ok(entry) = vault.read(&path, None) else { return };
        let details = serde_json::json!({ "run": self.plan.run, "act": "retire-key", "request": path });
        let retired = match self.world.audit.record("respond.intent", "-", details) {
            Ok(()) => {
                // Vaults do not retire the version that is read by default.
                let used = Fields::from([(FIELD.to_owned(), Secret::new(b"used"))]);
                let written = vault.write_if_version(&path, &used, Some(&entry.version));
                written.and_then(|_| vault.retire(&path, &entry.version)).map_err(|error| error.to_string())
            }
            Err(error) => Err(error),
        };
        if let Err(error) = retired {
            (self.world.say)(&format!("the key at {path} can still be read: {error}"));
        }
    }

    /// Has the new value at hand, from where it was sealed.
    pub(super) fn load_fresh(&mut self) -> Result<(), Trouble> {
        if self.fresh.is_none() && self.is_kept() {
            let (responder, _) = self.responder().map_err(Trouble::Refused)?;
            let bound = self.here().facts(Act::Bind);
            self.fresh = Some(self.patiently(|| responder.kept(self.target(), &bound))?);
        }
        if self.fresh.is_none() {
            let key = self.key()?;
            let opened = self.escrow.open(&key, self.at);
            self.fresh =
                opened.map_err(|error| Trouble::Refused(format!("the sealed value cannot be read: {error}")))?;
        }
        match &self.fresh {
            Some(_) => Ok(()),
            None => Err(Trouble::Refused("there is no sealed value".into())),
        }
    }

    /// `Mint` and `Replace`.
    pub(super) fn renew(&mut self, step: &Step) -> Result<Flow, Halt> {
        if let Err(trouble) = self.prepare() {
            return Ok(self.not_made(trouble));
        }
        for _ in 0..ORPHANS {
            if self.here().orphan.is_some()
                && let Some(reason) = self.discard()?
            {
                return Ok(Flow::Stop(Outcome::Unknown { reason }));
            }
            match self.change(&of(step))? {
                Changed::Done => return Ok(Flow::On),
                Changed::Orphan => {
                    if let Some(reason) = self.discard()? {
                        return Ok(Flow::Stop(Outcome::Unknown { reason }));
                    }
                }
                Changed::NotDone(trouble) => {
                    let trouble = with(trouble, &step.fallback);
                    return Ok(self.not_made(trouble));
                }
                Changed::NotAgain(reason) => {
                    let reason = format!("{reason}; the request is never sent twice. {}", step.fallback);
                    return Ok(Flow::Stop(Outcome::StillLive { reason }));
                }
                Changed::Unclear(reason) => {
                    let reason = format!("{reason}. {}", step.fallback);
                    return Ok(Flow::Stop(Outcome::Unknown { reason }));
                }
            }
        }
        let reason = format!("{ORPHANS} answers with a new credential were lost, and the credentials ended again");
        Ok(Flow::Stop(Outcome::Declined { reason }))
    }

    /// No new credential was made: when the vault has its value already, that is undone.
    fn not_made(&self, trouble: Trouble) -> Flow {
        match (self.here().is_done(Act::Store), nothing_done(trouble)) {
            (true, Outcome::Declined { reason }) => Flow::GiveUp(Outcome::Declined { reason }),
            (_, outcome) => Flow::Stop(outcome),
        }
    }

    /// The key is at hand before anything is made that needs it; a value chosen here is sealed.
    pub(super) fn prepare(&mut self) -> Result<(), Trouble> {
        if self.is_kept() {
            return Ok(());
        }
        let key = self.key()?;
        let (responder, abilities) = self.responder().map_err(Trouble::Refused)?;
        if !abilities.chooses || self.load_fresh().is_ok() {
            return Ok(());
        }
        let fresh = responder.choose(self.target())?;
        let sealed = self.escrow.seal(&key, self.at, &fresh);
        sealed.map_err(|error| Trouble::Refused(format!("the new value cannot be sealed: {error}")))?;
        self.fresh = Some(fresh);
        Ok(())
    }

    pub(super) fn make(&mut self, act: Act, before: &Facts) -> Result<Result<Facts, Trouble>, Halt> {
        if self.is_kept() {
            return Ok(self.ask(act, before));
        }
        let key = match self.key() {
            Ok(key) => key,
            Err(trouble) => return Ok(Err(trouble)),
        };
        let (responder, _) = match self.responder() {
            Ok(found) => found,
            Err(reason) => return Ok(Err(Trouble::Refused(reason))),
        };
        let bound = self.here().facts(Act::Bind);
        let effect = match responder.carry_out(act, &self.job(&bound, before)) {
            Ok(effect) => effect,
            Err(trouble) => return Ok(Err(trouble)),
        };
        let mut facts = effect.facts;
        if let Some(fresh) = effect.fresh {
            facts.extend(fresh.id.clone().map(|id| ("id".to_owned(), id)));
            let sealed = self.escrow.seal(&key, self.at, &fresh);
            self.fresh = Some(fresh);
            match sealed {
                Ok(()) => {}
                // The old value is dead and this is the only copy of the new one: on to the vault with it.
                Err(error) if act == Act::Replace => self.say(&format!("the new value is not sealed: {error}")),
                Err(error) => return Err(Halt::Escrow(error)),
            }
        }
        Ok(Ok(facts))
    }

    /// Ends the new credential again; why not, if it could not be done.
    pub(super) fn discard(&mut self) -> Result<Option<String>, Halt> {
        // An orphan's value is nowhere: its id must do.
        let _ = self.load_fresh();
        if self.here().orphan.is_some() {
            self.fresh = None;
        }
        let (request, fallback) = match self.responder() {
            Ok((_, abilities)) => abilities.acts.get(&Act::Discard).map(|a| (a.request.clone(), a.by_hand.clone())),
            Err(reason) => return Ok(Some(reason)),
        }
        .unwrap_or_default();
        let id = self.here().orphan.clone().or_else(|| self.here().facts(Act::Mint).remove("id")).unwrap_or_default();
        let change = Change { act: Act::Discard, repeat: Repeat::WhenReadSaysNo, request };
        let reason = match self.change(&change)? {
            Changed::Done | Changed::Orphan => {
                self.fresh = None;
                if let Err(error) = self.escrow.discard(self.at) {
                    self.say(&format!("a sealed value was not removed: {error}"));
                }
                return Ok(None);
            }
            Changed::NotDone(trouble) => trouble.to_string(),
            Changed::NotAgain(reason) | Changed::Unclear(reason) => reason,
        };
        Ok(Some(format!("the new credential {id} that nobody uses could not be ended: {reason}. {fallback}")))
    }
}

fn with(trouble: Trouble, by_hand: &str) -> Trouble {
    match trouble {
        Trouble::Denied(reason) if !by_hand.is_empty() => Trouble::Denied(format!("{reason}; {by_hand}")),
        Trouble::Refused(reason) if !by_hand.is_empty() => Trouble::Refused(format!("{reason}; {by_hand}")),
        trouble => trouble,
    }
}

/// What a vault's error means for a change.
pub(super) fn trouble_of(error: VaultError) -> Trouble {
    error.into()
}
