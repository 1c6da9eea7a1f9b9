//! Carries out a plan, or goes on with one: each task step by step, each change by way of the audit log and the journal.

mod change;
mod confirm;
mod renew;
mod step;
mod store;

use super::escrow::{Escrow, Key};
use super::guard::{Guard, Record as Audit};
use super::journal::{Append, JournalError, Record, Records};
use super::outcome::{Outcome, Trouble};
use super::plan::{Plan, Task};
use super::progress::Progress;
use super::responder::{Abilities, Act, Job, Responder};
use super::target::{Facts, Fresh, Place, Target};
use crate::finding::Validity;
use crate::secret::Secret;
use crate::time;
use crate::vault::Vault;
use crate::verify::Verify;
use serde_json::json;
use std::path::Path;
use std::time::Duration;

/// Time, so that a test need not wait.
pub trait Clock {
    /// Seconds since 1970.
    fn now(&self) -> i64;
    /// Waits.
    fn sleep(&self, time: Duration);
}

/// The system's time.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> i64 {
        time::now()
    }

    fn sleep(&self, time: Duration) {
        std::thread::sleep(time);
    }
}

/// What those who use a secret are told when the vault has its new value.
#[derive(Clone, Copy, Debug)]
pub struct News<'a> {
    /// The run.
    pub run: &'a str,
    /// Names the old secret.
    pub fingerprint: &'a str,
    /// Its rule.
    pub rule: &'a str,
    /// Where the vault keeps the new one.
    pub place: &'a Place,
    /// The new version.
    pub version: &'a str,
    /// The new value; handed on only where the user asked for it.
    pub value: &'a Secret,
}

/// Tells those who use a secret: a command, a webhook. It may be told the same twice after a crash.
pub trait Announce {
    /// What is done, without any secret.
    fn name(&self) -> String;
    /// Tells them.
    fn announce(&self, news: &News) -> Result<(), Trouble>;
}

/// All that a run talks to.
pub struct World<'a> {
    /// The first that can do something about a secret does it.
    pub responders: Vec<&'a dyn Responder>,
    /// Where new values go.
    pub vault: Option<&'a dyn Vault>,
    /// Whether a secret is alive.
    pub verify: &'a dyn Verify,
    /// What cannot be recorded is not done.
    pub audit: &'a dyn Audit,
    /// Time.
    pub clock: &'a dyn Clock,
    /// Who is told of new values.
    pub announce: Option<&'a dyn Announce>,
    /// Lines for whoever watches; no secret.
    pub say: &'a dyn Fn(&str),
}

/// Why the whole run stops where it is; it can be taken up again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Halt {
    /// What cannot be written down is not done.
    #[error("{0}")]
    Journal(#[from] JournalError),
    /// What cannot be recorded is not done.
    #[error("the audit log could not be written, so nothing more was done: {0}")]
    Audit(String),
    /// The kill switch or the budget.
    #[error("{0}")]
    Held(String),
    /// A new value could not be sealed.
    #[error("a new value could not be sealed: {0}")]
    Escrow(std::io::Error),
}

/// What came of a run.
#[derive(Debug)]
pub struct Report {
    /// One a task, in the plan's order.
    pub outcomes: Vec<Outcome>,
    /// Why it stopped before its end.
    pub halted: Option<Halt>,
}

/// A plan being carried out.
pub struct Run<'a> {
    plan: Plan,
    targets: Vec<Option<&'a Target>>,
    world: World<'a>,
    guard: &'a Guard,
    journal: &'a mut dyn Append,
    escrow: Escrow,
    progress: Vec<Progress>,
    changes: u32,
    key: Option<Key>,
    fresh: Option<Fresh>,
    /// The task at hand.
    at: usize,
}

/// Where a step leads.
enum Flow {
    /// To the next one.
    On,
    /// To the end of the task.
    Stop(Outcome),
    /// To the end, after what was made is undone.
    GiveUp(Outcome),
}

impl<'a> Run<'a> {
    /// A run of `plan` whose journal, in `folder`, holds `records` so far: `Begun` alone for a new one.
    pub fn new(
        plan: Plan,
        targets: &'a [Target],
        records: &Records,
        world: World<'a>,
        guard: &'a Guard,
        journal: &'a mut dyn Append,
        folder: &Path,
    ) -> Run<'a> {
        let find = |task: &Task| targets.iter().find(|target| target.fingerprint.as_str() == task.fingerprint);
        let found = plan.tasks.iter().map(find).collect();
        let (progress, changes) = Progress::of(records, plan.tasks.len());
        let escrow = Escrow::new(folder, &plan.run);
        let (key, fresh) = (None, None);
        Run { plan, targets: found, world, guard, journal, escrow, progress, changes, key, fresh, at: 0 }
    }

    /// Carries it out, as far as that goes.
    pub fn go(mut self) -> Report {
        let mut halted = None;
        for at in 0..self.plan.tasks.len() {
            (self.at, self.fresh) = (at, None);
            if let Err(halt) = self.drive() {
                halted = Some(halt);
                break;
            }
        }
        let outcome = |progress: &Progress| progress.outcome.clone().unwrap_or(Outcome::Planned);
        let outcomes: Vec<Outcome> = self.progress.iter().map(outcome).collect();
        if halted.is_none() && outcomes.iter().all(Outcome::is_final) {
            self.retire_key();
        }
        Report { outcomes, halted }
    }

    fn drive(&mut self) -> Result<(), Halt> {
        let task = self.plan.tasks[self.at].clone();
        if self.here().outcome.as_ref().is_some_and(Outcome::is_final) {
            return Ok(());
        }
        if let Some(reason) = &task.blocked {
            return self.finish(Outcome::Declined { reason: reason.clone() });
        }
        if self.targets[self.at].is_none() {
            let reason = "its value was not given again: name the findings or the vault entry that hold it".to_owned();
            return self.finish(Outcome::Unknown { reason });
        }
        if let Some(outcome) = self.here().giving_up.clone() {
            return self.clean_up(outcome);
        }
        for step in &task.steps {
            // What was denied was done in the other way.
            let is_done = |act: Act| self.here().is_done(act);
            if is_done(step.act) || step.instead.is_some_and(is_done) {
                continue;
            }
            match self.step(step)? {
                Flow::On => {}
                Flow::Stop(outcome) => return self.finish(outcome),
                Flow::GiveUp(outcome) => {
                    self.append(Record::GivingUp { task: self.at, outcome: outcome.clone() })?;
                    return self.clean_up(outcome);
                }
            }
        }
        self.finish(Outcome::ConfirmedDead)
    }

    /// Undoes what was made: first the vault, so that nobody reads a value that is about to end.
    fn clean_up(&mut self, outcome: Outcome) -> Result<(), Halt> {
        if self.here().is_done(Act::Store)
            && !self.here().is_done(Act::Replace)
            && let Some(reason) = self.restore()?
        {
            self.say(&format!("the old value was not written back: {reason}"));
        }
        if (self.here().is_done(Act::Mint) || self.here().orphan.is_some())
            && let Some(reason) = self.discard()?
        {
            return self.finish(Outcome::Unknown { reason });
        }
        self.finish(outcome)
    }

    fn finish(&mut self, outcome: Outcome) -> Result<(), Halt> {
        let task = &self.plan.tasks[self.at];
        let details = json!({ "run": self.plan.run, "rule": task.rule, "outcome": outcome });
        self.world.audit.record("respond.outcome", &task.fingerprint, details).map_err(Halt::Audit)?;
        self.append(Record::Outcome { task: self.at, outcome: outcome.clone() })?;
        if outcome.is_final()
            && let Err(error) = self.escrow.discard(self.at)
        {
            self.say(&format!("a sealed value was not removed: {error}"));
        }
        Ok(())
    }

    fn append(&mut self, record: Record) -> Result<(), Halt> {
        let text = serde_json::to_string(&record).unwrap_or_default();
        let target = self.targets[self.at].map(|target| &target.secret);
        let shows = |secret: &Secret| {
            // Anyone may write a word of a few letters by chance.
            secret.expose().len() >= 16 && memchr::memmem::find(text.as_bytes(), secret.expose()).is_some()
        };
        if target.into_iter().chain(self.fresh.as_ref().map(|fresh| &fresh.secret)).any(shows) {
            return Err(JournalError::Secret(self.plan.tasks[self.at].rule.clone()).into());
        }
        self.journal.append(&record)?;
        self.progress[self.at].take(&record);
        Ok(())
    }

    fn here(&self) -> &Progress {
        &self.progress[self.at]
    }

    fn task(&self) -> &Task {
        &self.plan.tasks[self.at]
    }

    fn target(&self) -> &'a Target {
        self.targets[self.at].expect("a task without its value was ended before its first step")
    }

    fn responder(&self) -> Result<(&'a dyn Responder, Abilities), String> {
        let name = &self.task().responder;
        let found = self.world.responders.iter().find(|responder| responder.name() == name);
        let found = found.and_then(|responder| Some((*responder, responder.abilities(self.target())?)));
        found.ok_or_else(|| format!("`{name}` is not set up any more"))
    }

    /// Whether the provider itself keeps the new value.
    fn is_kept(&self) -> bool {
        self.responder().is_ok_and(|(_, abilities)| abilities.kept_at.is_some())
    }

    /// Asks whoever knows best whether a secret is alive.
    fn ask_whether(&self, target: &Target) -> Validity {
        let bound = self.here().facts(Act::Bind);
        let told = self.responder().ok().and_then(|(responder, _)| responder.check(target, &bound));
        told.unwrap_or_else(|| self.world.verify.check(&target.subject(), true))
    }

    fn vault(&self) -> Result<&'a dyn Vault, String> {
        self.world.vault.ok_or_else(|| "no vault is named".to_owned())
    }

    fn place(&self) -> Result<Place, String> {
        self.task().place.clone().ok_or_else(|| "the plan names no entry of a vault".to_owned())
    }

    fn say(&self, line: &str) {
        (self.world.say)(&format!("{} {}: {line}", self.task().rule, self.task().secret));
    }

    /// Waits, and says so when it is long.
    fn sleep(&self, time: Duration) {
        if time >= Duration::from_secs(30) {
            self.say(&format!("waiting {} s", time.as_secs()));
        }
        self.world.clock.sleep(time);
    }

    fn job<'j>(&'j self, bound: &'j Facts, before: &'j Facts) -> Job<'j> {
        Job { target: self.target(), bound, before, fresh: self.fresh.as_ref() }
    }
}
