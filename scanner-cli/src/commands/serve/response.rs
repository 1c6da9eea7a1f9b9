//! What is done about a reported secret itself: a plan always; carried out where the settings say so, within the limits,
//! once, and gone on with when it broke off.

use crate::commands::hook::who;
use crate::commands::record::Recorder;
use crate::commands::request::now;
use crate::commands::respond::{Audit, By, Patient, RespondSettings, Responders, event};
use crate::failure::{Failure, Result};
use crate::terminal::{clean, message};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use stopleak_core::Finding;
use stopleak_core::notify::{Event, Trace};
use stopleak_core::respond::journal::{self, Record, Records};
use stopleak_core::respond::plan::{self, Wishes};
use stopleak_core::respond::progress::{Progress, is_unfinished};
use stopleak_core::respond::run::{Clock, SystemClock};
use stopleak_core::respond::{Action, Guard, Journal, Outcome, Plan, Run, Target, World};
use stopleak_core::time::rfc3339;
use stopleak_core::verify::Verifier;

/// The budget of changes counts those of all runs within this time.
const DAY: i64 = 86_400;

/// How reported secrets are ended.
pub struct Responding<'d> {
    pub verifier: &'d Verifier,
    pub settings: &'d RespondSettings,
    /// Where journals are.
    pub folder: PathBuf,
    /// Whether plans are carried out.
    pub revokes: bool,
    /// Whether the server is to end: then nothing is waited for.
    pub stop: Arc<AtomicBool>,
}

/// A secret, and where its entries go.
pub struct Case {
    pub target: Target,
    pub audit: Audit,
}

/// What is about to be done.
pub enum Ready {
    /// Nothing can be: why.
    Impossible(String),
    /// It could be, and the settings do not say so.
    Planned(Plan),
    /// Another run has begun with the secret.
    Held(String),
    /// A run proved it dead since it was reported.
    Over(Plan),
    /// This plan is carried out; a journal that is there already is gone on with.
    Run { plan: Plan, is_begun: bool },
}

/// What came of it.
pub struct Ended {
    pub plan: Plan,
    pub outcome: Outcome,
    /// Why the run stopped where it was.
    pub halted: Option<String>,
}

/// What earlier runs did.
#[derive(Default)]
struct Past {
    /// The run that has begun with the secret, its plan.
    open: Option<Plan>,
    /// The run that proved it dead, its plan.
    over: Option<Plan>,
}

impl Case {
    /// The case of a finding.
    pub fn new(finding: &Finding, recorder: &Recorder) -> Result<Case> {
        let (fingerprint, rule) = (finding.fingerprint.clone(), Arc::clone(&finding.rule));
        let target =
            Target { fingerprint, rule, secret: finding.secret.clone(), parts: Vec::new(), places: Vec::new() };
        let mut audit = Audit::new(recorder.clone());
        audit.about(std::slice::from_ref(&target))?;
        Ok(Case { target, audit })
    }
}

impl Ready {
    /// For the incident's own notification.
    pub fn sentence(&self) -> String {
        match self {
            Ready::Impossible(reason) => format!("not ended: {reason}"),
            Ready::Planned(plan) => format!("planned, not carried out: {}", requests(plan)),
            Ready::Held(reason) => reason.clone(),
            Ready::Over(plan) => format!("ended by run {}", plan.run),
            Ready::Run { plan, .. } => format!("being ended by run {}: {}", plan.run, requests(plan)),
        }
    }

    /// One word for the audit log.
    pub fn word(&self) -> &'static str {
        match self {
            Ready::Impossible(_) => "impossible",
            Ready::Planned(_) => "planned",
            Ready::Held(_) => "held",
            Ready::Over(_) => "over",
            Ready::Run { .. } => "carried-out",
        }
    }
}

impl Ended {
    /// Whether doing it again later may bring it to its end.
    pub fn may_go_on(&self) -> bool {
        self.halted.is_some() || !(self.outcome.is_final() || matches!(self.outcome, Outcome::Accepted { .. }))
    }

    /// In words.
    pub fn reason(&self) -> String {
        let why = self.halted.as_deref().or(self.outcome.reason()).unwrap_or_default();
        format!("run {}: {} {why}", self.plan.run, self.outcome.as_str())
    }

    /// What receivers are told.
    pub fn event(&self, case: &Case, places: &[String]) -> Option<Event> {
        let task = self.plan.tasks.first()?;
        let subject = case.audit.tag(&task.fingerprint);
        let by = By { run: &self.plan.run, subject, halted: self.halted.as_deref() };
        let event = event(task, &self.outcome, Some(&case.target), by);
        Some(Event { places: places.to_vec(), ..event })
    }
}

impl Responding<'_> {
    /// Makes the plan and writes it down, or finds the run that has begun or ended with the secret.
    pub fn prepare(&self, case: &Case, received: i64) -> Result<Ready> {
        let past = self.past(case, received);
        match past {
            Past { open: Some(plan), .. } if self.revokes && is_ours(&plan) => {
                return Ok(Ready::Run { plan, is_begun: true });
            }
            Past { open: Some(plan), .. } if self.revokes => {
                return Ok(Ready::Held(format!("the run {} has begun with it and did not come to its end", plan.run)));
            }
            Past { over: Some(plan), .. } => return Ok(Ready::Over(plan)),
            _ => {}
        }
        let responders = Responders::new(self.verifier, self.settings)?;
        let targets = std::slice::from_ref(&case.target);
        let run = journal::run_name(now());
        let plan = plan::make(run, Action::Revoke, targets, &responders.all(), &Wishes::default());
        let blocked = plan.tasks.first().and_then(|task| task.blocked.clone());
        let word = match (&blocked, self.revokes) {
            (Some(_), _) => "impossible",
            (None, true) => "confirmed",
            (None, false) => "planned",
        };
        case.audit.plan(&plan, word)?;
        Ok(match (blocked, self.revokes) {
            (Some(reason), _) => Ready::Impossible(reason),
            (None, false) => Ready::Planned(plan),
            (None, true) => Ready::Run { plan, is_begun: false },
        })
    }

    /// Carries a plan out, or goes on with its run.
    pub fn carry_out(&self, case: &Case, plan: Plan, is_begun: bool) -> Result<Ended> {
        let fail = |error: journal::JournalError| Failure::new(error.to_string());
        let (mut journal, records) = match is_begun {
            true => Journal::resume(&self.folder, &plan.run).map_err(fail)?,
            false => {
                let journal = Journal::begin(&self.folder, &plan).map_err(fail)?;
                (journal, vec![(String::new(), Record::Begun { plan: plan.clone() })])
            }
        };
        let guard = self.guard(&plan.run);
        let responders = Responders::new(self.verifier, self.settings)?;
        let say = |line: &str| message::line(&clean(line));
        let world = World {
            responders: responders.all(),
            vault: None,
            verify: &Patient(self.verifier),
            audit: &case.audit,
            clock: &Impatient(&self.stop),
            announce: None,
            say: &say,
        };
        let targets = std::slice::from_ref(&case.target);
        let report = Run::new(plan.clone(), targets, &records, world, &guard, &mut journal, &self.folder).go();
        let outcome = report.outcomes.into_iter().next().unwrap_or(Outcome::Planned);
        Ok(Ended { plan, outcome, halted: report.halted.map(|halt| halt.to_string()) })
    }

    /// The limits; other runs of the last day have spent a part of the budget.
    pub fn guard(&self, run: &str) -> Guard {
        let mut guard = self.settings.guard();
        let since = rfc3339(now() - DAY);
        let is_change = |(time, record): &&(String, Record)| matches!(record, Record::Intent { .. }) && *time >= since;
        let others = Journal::runs(&self.folder).into_iter().filter(|other| other != run);
        let spent: usize = others
            .filter_map(|other| Journal::read(&self.folder, &other).ok())
            .map(|records| records.iter().filter(is_change).count())
            .sum();
        guard.max_changes = guard.max_changes.saturating_sub(u32::try_from(spent).unwrap_or(u32::MAX));
        guard
    }

    /// What earlier runs did about this secret.
    fn past(&self, case: &Case, received: i64) -> Past {
        let (fingerprint, received) = (case.target.fingerprint.as_str(), rfc3339(received));
        let mut past = Past::default();
        for run in Journal::runs(&self.folder) {
            let Ok(records) = Journal::read(&self.folder, &run) else { continue };
            let Some((time, Record::Begun { plan })) = records.first() else { continue };
            if !plan.tasks.iter().any(|task| task.fingerprint == fingerprint) {
                continue;
            }
            if is_unfinished(&records) {
                past.open = Some(plan.clone());
            } else if *time >= received && is_ours(plan) && is_dead(&records) {
                past.over = Some(plan.clone());
            }
        }
        past
    }
}

/// Whether the run is about this one secret and needs no vault.
fn is_ours(plan: &Plan) -> bool {
    matches!(plan.tasks.as_slice(), [task] if task.action == Action::Revoke)
}

fn is_dead(records: &Records) -> bool {
    let (all, _) = Progress::of(records, 1);
    all[0].outcome == Some(Outcome::ConfirmedDead)
}

/// What a plan changes.
fn requests(plan: &Plan) -> String {
    let steps = plan.tasks.iter().flat_map(|task| &task.steps).filter(|step| step.changes);
    steps.map(|step| format!("{} {}", step.act.as_str(), step.request)).collect::<Vec<_>>().join("; ")
}

/// Where an event comes from, before anything is done.
pub fn trace(run: &str, subject: Option<String>, outcome: &str) -> Trace {
    Trace { run: run.to_owned(), actor: who(), subject: subject.unwrap_or_default(), outcome: outcome.to_owned() }
}

/// Time that waits no longer once the server is to end; what is not proved by then waits in the queue.
struct Impatient<'s>(&'s AtomicBool);

impl Clock for Impatient<'_> {
    fn now(&self) -> i64 {
        SystemClock.now()
    }

    fn sleep(&self, time: Duration) {
        let began = Instant::now();
        while began.elapsed() < time && !self.0.load(Ordering::SeqCst) {
            let left = time.saturating_sub(began.elapsed());
            SystemClock.sleep(left.min(Duration::from_millis(200)));
        }
    }
}
