//! One step of a task.

use super::change::{Change, Changed, is_passing};
use super::confirm::cannot_ask;
use super::{Flow, Halt, News, Run};
use crate::finding::Validity;
use crate::respond::journal::Ended;
use crate::respond::outcome::{Outcome, Trouble};
use crate::respond::plan::{Action, Mode, Step};
use crate::respond::responder::{Abilities, Act, Repeat};
use crate::respond::target::Facts;
use crate::time::rfc3339;
use std::collections::BTreeMap;
use std::time::Duration;

/// Pauses while a new value is not known everywhere yet, in seconds.
const SETTLING: [u64; 5] = [2, 5, 10, 20, 30];

impl Run<'_> {
    pub(super) fn step(&mut self, step: &Step) -> Result<Flow, Halt> {
        match step.act {
            Act::Check => self.check(),
            Act::Preflight => self.preflight(),
            Act::Bind => self.bind(),
            Act::Escrow => self.keep_key(step),
            Act::Mint | Act::Replace => self.renew(step),
            Act::Store => self.store(step),
            Act::Prove => self.prove(),
            Act::Announce => self.announce(step),
            Act::Confirm => self.confirm(),
            Act::Note => self.change(&of(step)).map(|_| Flow::On),
            Act::Disable | Act::Delete | Act::Overrule | Act::EndSessions => self.end_it(step),
            Act::Discard | Act::Restore => Ok(Flow::On),
        }
    }

    /// Whether it is alive, and whose it is.
    fn check(&mut self) -> Result<Flow, Halt> {
        let is_rotation = self.task().action == Action::Rotate;
        let validity = self.is_alive(false);
        let facts = match validity {
            Validity::Active { identity, .. } => {
                if !self.guard.admits_account(&identity) {
                    let who = identity.iter().map(|(label, value)| format!("{label} {value}")).collect::<Vec<_>>();
                    let reason = format!("its account is not on the allowlist ({})", who.join(", "));
                    return Ok(Flow::Stop(Outcome::Declined { reason }));
                }
                identity.into_iter().map(|(label, value)| (format!("identity.{label}"), value)).collect()
            }
            Validity::Inactive => return Ok(Flow::Stop(Outcome::ConfirmedDead)),
            Validity::Unknown { doubt, reason } if cannot_ask(doubt) => {
                if is_rotation || !self.guard.accounts.is_empty() {
                    let reason = format!("whether it is alive, and whose it is, cannot be told: {reason}");
                    return Ok(Flow::Stop(Outcome::Declined { reason }));
                }
                Facts::from([("unverified".to_owned(), reason)])
            }
            Validity::Unknown { reason, .. } => {
                let reason = format!("nothing was done: whether it is alive cannot be told now: {reason}");
                return Ok(Flow::Stop(Outcome::Unknown { reason }));
            }
            _ => {
                let reason = "nothing was done: nobody was asked whether it is alive".to_owned();
                return Ok(Flow::Stop(Outcome::Unknown { reason }));
            }
        };
        self.end(Act::Check, Ended::Done, facts)?;
        Ok(Flow::On)
    }

    fn bind(&mut self) -> Result<Flow, Halt> {
        let bound = self.responder().map_err(Trouble::Refused);
        let bound = bound.and_then(|(responder, _)| self.patiently(|| responder.bind(self.target())));
        match bound {
            Ok(facts) => {
                self.end(Act::Bind, Ended::Done, facts)?;
                Ok(Flow::On)
            }
            Err(trouble) => Ok(Flow::Stop(nothing_done(trouble))),
        }
    }

    /// Reads the new value back and proves it.
    fn prove(&mut self) -> Result<Flow, Halt> {
        // What the provider keeps is read back when it is loaded.
        let is_back = match self.is_kept() {
            true => self.load_fresh().map(|()| true),
            false => self.load_fresh().and_then(|()| self.patiently(|| self.is_stored())),
        };
        match is_back {
            Ok(true) => {}
            Ok(false) if self.here().is_done(Act::Replace) => {
                let reason = "the vault does not give the new value back, and the old one may be dead".to_owned();
                return Ok(Flow::Stop(Outcome::Unknown { reason }));
            }
            Ok(false) => {
                let reason = "somebody else wrote the entry before the new value was proved".to_owned();
                return Ok(Flow::GiveUp(Outcome::Declined { reason }));
            }
            Err(trouble) => {
                let old = if self.here().is_done(Act::Replace) {
                    "and the old one may be dead"
                } else {
                    "so the old one was left"
                };
                let reason = format!("the new value could not be read back, {old}: {trouble}");
                return Ok(Flow::Stop(Outcome::Unknown { reason }));
            }
        }
        let mut validity = self.is_alive(true);
        for pause in SETTLING {
            if !matches!(validity, Validity::Inactive) {
                break;
            }
            self.sleep(Duration::from_secs(pause));
            validity = self.is_alive(true);
        }
        let is_only_one = self.here().is_done(Act::Replace);
        match validity {
            Validity::Active { .. } => {
                self.end(Act::Prove, Ended::Done, Facts::new())?;
                Ok(Flow::On)
            }
            Validity::Inactive if !is_only_one && self.task().mode != Some(Mode::ContainFirst) => {
                let reason = "the new value does not work: it was taken back, and the old one left".to_owned();
                Ok(Flow::GiveUp(Outcome::Declined { reason }))
            }
            validity => {
                let why = match validity {
                    Validity::Unknown { reason, .. } => reason,
                    _ => "the provider refuses it".into(),
                };
                let reason = format!("the new value is in the vault and not proved: {why}");
                Ok(Flow::Stop(Outcome::Unknown { reason }))
            }
        }
    }

    fn announce(&mut self, step: &Step) -> Result<Flow, Halt> {
        if let Err(trouble) = self.load_fresh() {
            let reason = format!("its users were not told, so the old value was left: {trouble}");
            return Ok(Flow::Stop(Outcome::Unknown { reason }));
        }
        let name = self.world.announce.map_or_else(|| step.request.clone(), |announce| announce.name());
        match self.change(&Change { request: name, ..of(step) })? {
            Changed::Done => {
                if !self.guard.grace.is_zero() {
                    self.sleep(self.guard.grace);
                }
                Ok(Flow::On)
            }
            Changed::NotDone(trouble) => {
                let reason = format!("the new value is in the vault, but its users could not be told: {trouble}");
                Ok(Flow::Stop(Outcome::StillLive { reason }))
            }
            Changed::NotAgain(reason) | Changed::Unclear(reason) => Ok(Flow::Stop(Outcome::StillLive { reason })),
            Changed::Orphan => Ok(Flow::On),
        }
    }

    pub(super) fn tell(&self) -> Result<Facts, Trouble> {
        let announce = self.world.announce.ok_or_else(|| Trouble::Refused("nobody to tell is set up".into()))?;
        let fresh = self.fresh.as_ref().ok_or_else(|| Trouble::Refused("the new value is not at hand".into()))?;
        let place = self.place().map_err(Trouble::Refused)?;
        let version = self.here().facts(Act::Store).remove("version").unwrap_or_default();
        let task = self.task();
        let (run, fingerprint, rule) = (self.plan.run.as_str(), task.fingerprint.as_str(), task.rule.as_str());
        let news = News { run, fingerprint, rule, place: &place, version: &version, value: &fresh.secret };
        announce.announce(&news)?;
        Ok(Facts::new())
    }

    /// Disables, deletes, ends sessions.
    fn end_it(&mut self, step: &Step) -> Result<Flow, Halt> {
        // The new value must be in the vault and proved before the old one ends: the plan's order, held to once more.
        let is_too_soon = self.here().is_done(Act::Mint) && !self.here().is_done(Act::Prove);
        if is_too_soon && self.task().mode == Some(Mode::RotateFirst) {
            return Ok(Flow::Stop(Outcome::Declined { reason: "the new value is not proved".into() }));
        }
        if self.here().is_done(Act::Mint) || self.here().is_done(Act::Replace) {
            // A login that has a new password ends its own sessions with that; where it is not needed, it may be gone.
            let _ = self.load_fresh();
        }
        let mut changed = self.change(&of(step))?;
        if let (Changed::NotDone(Trouble::Denied(reason)), Some(instead)) = (&changed, step.instead) {
            self.say(&format!("{} is denied ({reason}): {} instead", step.act.as_str(), instead.as_str()));
            let of_other = |abilities: Abilities| Some(abilities.acts.get(&instead)?.request.clone());
            let request = self.responder().ok().and_then(|(_, abilities)| of_other(abilities));
            let request = request.unwrap_or_else(|| step.request.clone());
            changed = self.change(&Change { act: instead, repeat: Repeat::WhenReadSaysNo, request })?;
        }
        let reason = match changed {
            Changed::Done | Changed::Orphan => return Ok(Flow::On),
            Changed::NotAgain(reason) | Changed::Unclear(reason) => {
                return Ok(Flow::Stop(match self.is_alive(false) {
                    Validity::Inactive if step.act != Act::EndSessions => return self.count_as_done(step),
                    Validity::Active { .. } => Outcome::StillLive { reason },
                    _ => Outcome::Requested { reason },
                }));
            }
            Changed::NotDone(trouble) => trouble.to_string(),
        };
        // Providers refuse to end what is dead already, with the answers they refuse a stranger with.
        let by_hand = &step.fallback;
        let reason = if by_hand.is_empty() { reason } else { format!("{reason}; {by_hand}") };
        Ok(Flow::Stop(match self.is_alive(false) {
            Validity::Inactive if step.act != Act::EndSessions => return self.count_as_done(step),
            Validity::Unknown { doubt, .. } if cannot_ask(doubt) => Outcome::Declined { reason },
            validity if is_passing(&validity) => Outcome::Unknown { reason },
            _ => Outcome::StillLive { reason },
        }))
    }

    fn count_as_done(&mut self, step: &Step) -> Result<Flow, Halt> {
        self.end(step.act, Ended::Done, Facts::from([("found".to_owned(), "dead".to_owned())]))?;
        Ok(Flow::On)
    }

    /// Notes beside the vault's entry; a note that fails is no reason to call the secret alive.
    pub(super) fn note(&self) -> Result<Facts, Trouble> {
        let (Ok(vault), now) = (self.vault(), rfc3339(self.world.clock.now())) else { return Ok(Facts::new()) };
        let mut notes: BTreeMap<String, String> = [
            ("leak_finding".to_owned(), self.task().fingerprint.clone()),
            ("stopleak_run".to_owned(), self.plan.run.clone()),
        ]
        .into();
        let when = if self.task().action == Action::Rotate { "rotated_at" } else { "revoked_at" };
        notes.insert(when.to_owned(), now);
        let mut paths: Vec<String> = match self.place() {
            Ok(place) => vec![place.path],
            Err(_) => self.target().places.iter().map(|place| place.path.clone()).collect(),
        };
        paths.dedup();
        for path in &paths {
            if let Err(error) = vault.annotate(path, &notes) {
                self.say(&format!("no note was left at {path}: {error}"));
            }
        }
        if self.guard.retires_versions
            && let Ok(place) = self.place()
            && let Some(base) = self.here().facts(Act::Preflight).get("base")
            && let Err(error) = vault.retire(&place.path, base)
        {
            self.say(&format!("version {base} of {} can still be read: {error}", place.path));
        }
        Ok(Facts::new())
    }
}

/// A step as a change.
pub(super) fn of(step: &Step) -> Change {
    Change { act: step.act, repeat: step.repeat, request: step.request.clone() }
}

/// Nothing was changed: for good, or for now.
pub(super) fn nothing_done(trouble: Trouble) -> Outcome {
    let reason = format!("nothing was done: {trouble}");
    match trouble {
        Trouble::Unanswered(_) | Trouble::Unavailable(_) => Outcome::Unknown { reason },
        _ => Outcome::Declined { reason },
    }
}
