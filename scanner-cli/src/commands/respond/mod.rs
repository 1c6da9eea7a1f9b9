//! `stopleak revoke` and `stopleak rotate`: the plan, shown; with --execute carried out; the run, taken up again.

mod bench;
mod engines;
mod news;
mod places;
mod readers;
mod targets;
mod written;

pub use bench::{Audit, Bench, Patient, Responders, runs_folder};
pub use news::{By, event};
pub use readers::run as readers;
pub use written::{RespondSettings, RespondWritten};

use super::ask;
use super::hook::who;
use super::notify;
use super::record::Recorder;
use super::request;
use crate::args::{RespondArgs, RespondFormat, RotateArgs};
use crate::exit;
use crate::failure::{Failure, OrFail, Result};
use crate::network;
use crate::output;
use crate::terminal::{clean, message};
use engines::Engines;
use places::Keep;
use serde_json::{Value, json};
use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;
use stopleak_core::http::{self, Http};
use stopleak_core::respond::journal::{self, Append, Record as Entry, Records};
use stopleak_core::respond::plan::{self, Wishes};
use stopleak_core::respond::progress::{Progress, is_unfinished};
use stopleak_core::respond::run::{Announce, SystemClock};
use stopleak_core::respond::{
    Action, Guard, Journal, Mode, Outcome, Plan, Record, Report, Responder, Run, Target, World,
};
use stopleak_core::vault::Vault;

/// Carries out `revoke`.
pub fn revoke(args: RespondArgs) -> Result<u8> {
    respond(Action::Revoke, args, Wanted::default())
}

/// Carries out `rotate`.
pub fn rotate(args: RotateArgs) -> Result<u8> {
    let RotateArgs { respond: args, entry, mode } = args;
    respond(Action::Rotate, args, Wanted { mode: mode.map(Into::into), entries: entry })
}

/// What only a rotation is asked for.
#[derive(Default)]
pub struct Wanted {
    mode: Option<Mode>,
    entries: Vec<String>,
}

fn respond(action: Action, mut args: RespondArgs, wanted: Wanted) -> Result<u8> {
    let mut wiring = request::plan(&args.selection)?;
    let (settings, vaults) = (std::mem::take(&mut wiring.respond), std::mem::take(&mut wiring.vaults));
    let (folder, audit) = (runs_folder(&settings)?, Audit::new(Recorder::here(None, &wiring.audit)?));
    if let Some(run) = &args.abandon {
        return abandon(&folder, run, &audit);
    }
    let is_offline = args.selection.images.offline;
    let rules = (wiring.request.rules.clone(), wiring.has_found_rules);
    let asking = ask::plan(&args.ask, is_offline, &wiring.verify, rules, &mut wiring.notes)?;
    let guard = guard(&args, &settings);
    let wire = Http::new(http::Settings::default()).or_fail(|| "cannot use the network".to_owned())?;
    let announce = settings.announce(&Arc::new(wire)).filter(|_| action == Action::Rotate);
    let receivers = receivers(&args, &wiring)?;
    let is_on_record = args.execute || wiring.audit.record;
    let mut bench = Bench { asking, settings, guard, announce, folder, audit, is_on_record, receivers, vaults, wanted };
    let mut targets = targets::gather(&mut args, wiring, Some(&bench.asking.verifier))?;
    if is_on_record {
        bench.audit.about(&targets)?;
    }
    match &args.resume {
        Some(run) => bench.resume(action, &args, run, &targets),
        None if action == Action::Rotate => {
            let entries = places::entries(&bench.wanted.entries, &bench.vaults.names())?;
            let keep = Keep::of_targets(&bench.vaults, &targets, &entries)?;
            let done = keep.place(&mut targets, &entries).and_then(|()| bench.begin(action, &args, &targets, &keep));
            keep.close();
            done
        }
        None => bench.begin(action, &args, &targets, &Keep::default()),
    }
}

/// Whom the settings name; a credential that is missing shows before anything is done.
fn receivers(args: &RespondArgs, wiring: &request::Plan) -> Result<Vec<stopleak_core::notify::Receiver>> {
    match args.execute && !wiring.notify.is_empty() {
        true => notify::receivers(&wiring.notify, &[]),
        false => Ok(Vec::new()),
    }
}

impl Bench {
    fn begin(&self, action: Action, args: &RespondArgs, targets: &[Target], keep: &Keep) -> Result<u8> {
        let engines = Engines::open(&self.vaults, targets, args)?;
        let (tokens, leases, roles) = engines.responders(targets, args, &Vec::new());
        let own = self.responders()?;
        let mut responders: Vec<&dyn Responder> = vec![&tokens, &leases, &roles];
        responders.extend(own.all());
        let run = journal::run_name(request::now());
        let plan = plan::make(run, action, targets, &responders, &self.wishes(action, args)?);
        if !args.execute {
            if self.is_on_record {
                self.audit.plan(&plan, "planned")?;
            }
            show(&plan, args.format)?;
            let is_whole = plan.tasks.iter().all(|task| task.blocked.is_none());
            return Ok(if is_whole { exit::CLEAN } else { exit::FAILED });
        }
        self.refuse_unfinished(&plan)?;
        if args.format == RespondFormat::Text {
            message::line(&clean_lines(&plan.to_text()));
        }
        confirm(&plan, args)?;
        self.audit.plan(&plan, "confirmed").map_err(|failure| {
            Failure::new(format!("what is not on record is not done, so nothing was done: {failure}"))
        })?;
        let mut journal = Journal::begin(&self.folder, &plan).or_fail(|| "nothing was done".to_owned())?;
        let records = vec![(String::new(), Entry::Begun { plan: plan.clone() })];
        self.carry_out(args, plan, targets, (&records, &mut journal), (&responders, keep))
    }

    fn resume(&self, action: Action, args: &RespondArgs, run: &str, targets: &[Target]) -> Result<u8> {
        let engines = Engines::open(&self.vaults, targets, args)?;
        let earlier = Journal::read(&self.folder, checked(run)?).unwrap_or_default();
        let (tokens, leases, roles) = engines.responders(targets, args, &earlier);
        let own = self.responders()?;
        let mut responders: Vec<&dyn Responder> = vec![&tokens, &leases, &roles];
        responders.extend(own.all());
        let (mut journal, records) = Journal::resume(&self.folder, checked(run)?)
            .map_err(|error| Failure::new(error.to_string()).hint(unfinished_hint(&self.folder)))?;
        let Some((_, Entry::Begun { plan })) = records.first().cloned() else {
            return Err(Failure::new(format!("the journal of {run} begins with no plan")));
        };
        if records.iter().any(|(_, record)| matches!(record, Entry::Abandoned { .. })) {
            return Err(Failure::new(format!("the run {run} was abandoned")));
        }
        if let Some(task) = plan.tasks.iter().find(|task| task.action != action) {
            let verb = verb_of(task.action);
            return Err(Failure::new(format!("the run {run} is one of `stopleak {verb}`"))
                .hint(format!("go on with it by `stopleak {verb} … --execute --resume {run}`")));
        }
        confirm(&plan, args)?;
        let keep = Keep::of_plan(&self.vaults, &plan)?;
        let done = self.carry_out(args, plan, targets, (&records, &mut journal), (&responders, &keep));
        keep.close();
        done
    }

    fn wishes(&self, action: Action, args: &RespondArgs) -> Result<Wishes> {
        let names = if action == Action::Rotate { self.vaults.names() } else { Vec::new() };
        let entries = places::entries(&self.wanted.entries, &names)?;
        Ok(Wishes {
            mode: self.wanted.mode,
            delete: args.delete,
            allow_unproven: args.allow_unproven,
            entries,
            announces: self.announce.is_some(),
            has_vault: !names.is_empty(),
        })
    }

    fn carry_out(
        &self,
        args: &RespondArgs,
        plan: Plan,
        targets: &[Target],
        (records, journal): (&Records, &mut Journal),
        (responders, keep): (&[&dyn Responder], &Keep),
    ) -> Result<u8> {
        let say = |line: &str| {
            if !args.selection.quiet {
                message::line(&clean(line));
            }
        };
        let (several, guard) = (keep.several(), keep.guard(&self.guard, &plan, &self.vaults));
        let world = World {
            responders: responders.to_vec(),
            vault: keep.is_open().then_some(&several as &dyn Vault),
            verify: &Patient(&self.asking.verifier),
            audit: &self.audit,
            clock: &SystemClock,
            announce: self.announce.as_ref().map(|all| all as &dyn Announce),
            say: &say,
        };
        let report = Run::new(plan.clone(), targets, records, world, &guard, journal, &self.folder).go();
        if let Err(error) = self.asking.verifier.save() {
            message::caution(&format!("what earlier answers said is kept for a while: {error}"));
        }
        let code = tell(&plan, &report, args.format)?;
        match self.tell_receivers(args, &plan, &report, (targets, records))? {
            // What somebody was not told of fails, even where all is dead.
            false if code == exit::CLEAN => Ok(exit::FAILED),
            _ => Ok(code),
        }
    }

    /// Tells receivers what came of each task that had not come to its end before; false when one could not be told.
    fn tell_receivers(
        &self,
        args: &RespondArgs,
        plan: &Plan,
        report: &Report,
        (targets, records): (&[Target], &Records),
    ) -> Result<bool> {
        if self.receivers.is_empty() {
            return Ok(true);
        }
        let (before, _) = Progress::of(records, plan.tasks.len());
        let was_over = |at: usize| before[at].outcome.as_ref().is_some_and(Outcome::is_final);
        let halted = report.halted.as_ref().map(ToString::to_string);
        let event_of = |(at, task): (usize, &plan::Task)| {
            let target = targets.iter().find(|target| target.fingerprint.as_str() == task.fingerprint);
            let by = By { run: &plan.run, subject: self.audit.tag(&task.fingerprint), halted: halted.as_deref() };
            event(task, &report.outcomes[at], target, by)
        };
        let events: Vec<_> = plan.tasks.iter().enumerate().filter(|(at, _)| !was_over(*at)).map(event_of).collect();
        let http = network::client(args.selection.images.registry_ca.as_deref())?;
        let told = self.receivers.iter().map(|receiver| notify::deliver(&http, receiver, &events, &mut |_| ()));
        Ok(told.fold(true, |all, told| all & told))
    }

    /// A credential that another run left half done is that run's.
    fn refuse_unfinished(&self, plan: &Plan) -> Result<()> {
        for run in Journal::runs(&self.folder) {
            let Ok(records) = Journal::read(&self.folder, &run) else { continue };
            let Some((_, Entry::Begun { plan: other })) = records.first() else { continue };
            let is_same = |fingerprint: &str| other.tasks.iter().any(|task| task.fingerprint == fingerprint);
            if is_unfinished(&records)
                && let Some(task) = plan.tasks.iter().find(|task| is_same(&task.fingerprint))
            {
                let message =
                    format!("the run {run} has begun with {} {} and did not come to its end", task.rule, task.secret);
                let hint = format!(
                    "go on with it: --execute --resume {run}; or put it in order by hand, then --abandon {run}"
                );
                return Err(Failure::new(message).hint(hint));
            }
        }
        Ok(())
    }
}

fn verb_of(action: Action) -> &'static str {
    match action {
        Action::Revoke => "revoke",
        Action::Rotate => "rotate",
    }
}

fn guard(args: &RespondArgs, settings: &RespondSettings) -> Guard {
    let mut guard = settings.guard();
    guard.max_changes = args.max_mutations.unwrap_or(guard.max_changes);
    guard.wait = args.wait.unwrap_or(guard.wait);
    if !args.account.is_empty() {
        guard.accounts.clone_from(&args.account);
    }
    guard
}

/// A run's name becomes a part of a path.
fn checked(run: &str) -> Result<&str> {
    match !run.is_empty() && run.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        true => Ok(run),
        false => Err(Failure::new(format!("`{run}` is no run"))),
    }
}

fn unfinished_hint(folder: &Path) -> String {
    let is_open = |run: &String| Journal::read(folder, run).is_ok_and(|records| is_unfinished(&records));
    let open: Vec<String> = Journal::runs(folder).into_iter().filter(is_open).collect();
    match open.is_empty() {
        true => "no run waits to be gone on with".into(),
        false => format!("these did not come to their end: {}", open.join(", ")),
    }
}

fn abandon(folder: &Path, run: &str, audit: &Audit) -> Result<u8> {
    let (mut journal, _) = Journal::resume(folder, checked(run)?)
        .map_err(|error| Failure::new(error.to_string()).hint(unfinished_hint(folder)))?;
    audit.record("respond.abandon", run, json!({ "run": run })).map_err(Failure::new)?;
    let record = Entry::Abandoned { reason: format!("by {}", who()) };
    journal.append(&record).or_fail(|| "the run was not abandoned".to_owned())?;
    Ok(exit::CLEAN)
}

/// Asks on the terminal, unless --yes said it.
fn confirm(plan: &Plan, args: &RespondArgs) -> Result<()> {
    if args.yes || plan.changes() == 0 {
        return Ok(());
    }
    let by_terminal = std::io::stdin().is_terminal() && args.saved.as_deref() != Some(Path::new("-"));
    if !by_terminal {
        return Err(Failure::new("nobody is there to say yes, so nothing was done").hint("say it with --yes"));
    }
    let mut out = std::io::stderr();
    let _ = write!(out, "Carry out {} changes? Type yes: ", plan.changes()).and_then(|()| out.flush());
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).or_fail(|| "cannot read the answer".to_owned())?;
    match answer.trim() {
        "yes" => Ok(()),
        _ => Err(Failure::new("not confirmed: nothing was done")),
    }
}

fn clean_lines(text: &str) -> String {
    text.lines().map(clean).collect::<Vec<_>>().join("\n")
}

fn show(plan: &Plan, format: RespondFormat) -> Result<()> {
    match format {
        RespondFormat::Text => output::print(&(clean_lines(&plan.to_text()) + "\n")),
        RespondFormat::Json => output::print(&(serde_json::to_string_pretty(plan).unwrap_or_default() + "\n")),
    }
}

/// What came of it, and the exit code that says so.
fn tell(plan: &Plan, report: &Report, format: RespondFormat) -> Result<u8> {
    let pairs = || plan.tasks.iter().zip(&report.outcomes);
    let halted = report.halted.as_ref().map(ToString::to_string);
    match format {
        RespondFormat::Json => {
            let task = |(task, outcome): (&plan::Task, &Outcome)| {
                let mut value = json!(outcome);
                value["fingerprint"] = json!(task.fingerprint);
                value["rule"] = json!(task.rule);
                value["secret"] = json!(task.secret);
                value
            };
            let tasks: Vec<Value> = pairs().map(task).collect();
            let all = json!({ "run": plan.run, "tasks": tasks, "halted": halted });
            output::print(&(serde_json::to_string_pretty(&all).unwrap_or_default() + "\n"))?;
        }
        RespondFormat::Text => {
            let line = |(task, outcome): (&plan::Task, &Outcome)| {
                let reason = outcome.reason().map(|reason| format!(": {reason}")).unwrap_or_default();
                clean(&format!("{:<14} {} {}{reason}", outcome.as_str(), task.rule, task.secret)) + "\n"
            };
            output::print(&pairs().map(line).collect::<String>())?;
        }
    }
    let is_open = report.outcomes.iter().any(|outcome| !outcome.is_final());
    if let Some(reason) = &halted {
        message::error(&Failure::new(reason.clone()));
    }
    if is_open {
        message::hint(&format!("go on with it later: --execute --resume {}", plan.run));
    }
    let lives = report.outcomes.iter().any(|outcome| matches!(outcome, Outcome::StillLive { .. }));
    let is_dead = report.outcomes.iter().all(|outcome| *outcome == Outcome::ConfirmedDead);
    Ok(match (lives, is_dead && halted.is_none()) {
        (true, _) => exit::LEAKS,
        (false, true) => exit::CLEAN,
        _ => exit::FAILED,
    })
}
