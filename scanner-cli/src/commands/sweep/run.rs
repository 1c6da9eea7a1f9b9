//! `sweep run` and `sweep work`.

use super::credentials;
use super::crew::Ready;
use super::{access, alerts, crew, questions, settings_of, show, status, store};
use crate::args::{SweepRunArgs, SweepWorkArgs};
use crate::commands::record::{Deed, Recorder, Told};
use crate::commands::request;
use crate::commands::signals::{self, Asking};
use crate::exit;
use crate::failure::{Failure, Result};
use crate::terminal::message;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use stopleak_core::sweep::crew::Crew;
use stopleak_core::sweep::queue::QueueError;
use stopleak_core::sweep::run::plan;
use stopleak_core::sweep::targets::{Access, Filter, Target, Wants};
use stopleak_core::sweep::{Event, Meter, Schedule};

/// Sweeps once, or whenever it is due.
pub fn run(args: &SweepRunArgs) -> Result<u8> {
    let targets = access::targets(&args.what)?;
    let (stop, filter) = (watched(), access::filter(&args.what)?);
    let (servers, settings) = (&args.what.servers, settings_of(args.crew.config.as_deref())?);
    let credentials = credentials::read(&settings, servers.offline)?;
    let wants = access::wants(&args.what);
    let meter = Arc::default();
    let reach = Arc::new(access::access(servers, wants, &targets, &credentials, Some(&stop), &meter)?);
    // What cannot be a target is told before anything is waited for.
    access::listed(&reach, &targets)?;
    let schedule = args.schedule.as_deref().map(Schedule::parse).transpose().map_err(Failure::new)?;
    let ready = crew::crew(&args.crew, settings, (&reach, &meter), &credentials, &stop, (servers.offline, true))?;
    let crew = &ready.crew;
    let telling = alerts::tell(&ready)?;
    let _showing = show::show(&crew.meter, !args.crew.no_progress);
    loop {
        if let Some(schedule) = &schedule
            && !wait(schedule, crew)?
        {
            telling.finish();
            return Ok(exit::CLEAN);
        }
        let deed = Deed { action: "sweep", details: begun(&targets, crew) };
        let does = || once(&ready, &reach, &targets, &filter, args);
        Recorder::around(&ready.settings.audit, deed, does, |run| told(&ready, run))?;
        let left = crew.store.counts(None).map_err(store::failed)?.left();
        if stop.load(Ordering::Relaxed) {
            telling.finish();
            message::hint(&format!("stopped with {left} repositories left; the same command goes on there"));
            return Ok(exit::FAILED);
        }
        if schedule.is_none() {
            // A leak that nobody was told of fails, even where the gate would let it pass.
            let all_told = telling.finish();
            return match status::summarise(&crew.store, args.allow_partial)? {
                exit::CLEAN if !all_told => Ok(exit::FAILED),
                code => Ok(code),
            };
        }
        status::summarise(&crew.store, args.allow_partial)?;
    }
}

/// Does what others planned.
pub fn work(args: &SweepWorkArgs) -> Result<u8> {
    let stop = watched();
    let settings = settings_of(args.crew.config.as_deref())?;
    let credentials = credentials::read(&settings, args.servers.offline)?;
    // What there is was listed by who planned it.
    let meter = Arc::default();
    let reach = Arc::new(access::access(&args.servers, Wants::default(), &[], &credentials, Some(&stop), &meter)?);
    let ready = crew::crew(
        &args.crew,
        settings,
        (&reach, &meter),
        &credentials,
        &stop,
        (args.servers.offline, args.until_empty),
    )?;
    let crew = &ready.crew;
    let telling = alerts::tell(&ready)?;
    let _showing = show::show(&crew.meter, !args.crew.no_progress);
    let deed = Deed { action: "sweep-work", details: json!({ "verify": crew.questions.is_some() }) };
    let does = || {
        crew.work().map_err(failed)?;
        questions::warn(crew);
        Ok(String::new())
    };
    let worked = Recorder::around(&ready.settings.audit, deed, does, |run| told(&ready, run));
    let all_told = telling.finish();
    worked?;
    Ok(if all_told { exit::CLEAN } else { exit::FAILED })
}

/// Set once the system asks to stop: jobs are left at the next part, and nothing is lost.
fn watched() -> Arc<AtomicBool> {
    let stop = Arc::default();
    // Without handlers a signal ends this process as it would any other.
    let _ = signals::stop_on(Asking::Ending, &stop, || ());
    stop
}

/// What the record tells before.
fn begun(targets: &[Target], crew: &Crew) -> serde_json::Value {
    let targets: Vec<String> = targets.iter().map(ToString::to_string).collect();
    json!({ "targets": targets, "rules": crew.scanner.pack().digest, "verify": crew.questions.is_some() })
}

/// What the record tells after: how far it came, and what was found that was not known.
fn told(ready: &Ready, run: &str) -> Told {
    let secrets = std::mem::take(&mut *ready.found.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    let overview = ready.crew.store.overview(request::now()).unwrap_or_default();
    let is_stopped = ready.crew.stop.load(Ordering::Relaxed);
    let is_partial = !overview.unscanned.is_empty() || !overview.unlisted.is_empty();
    let word = match overview.findings.get("open").copied().unwrap_or(0) {
        _ if is_stopped => "stopped",
        0 if is_partial => "partial",
        0 => "clean",
        _ => "leaks",
    };
    let details = json!({ "run": run, "repositories": overview.repositories, "findings": overview.findings,
        "validities": overview.validity, "new": secrets.len(), "unscanned": overview.unscanned.len(),
        "unlisted": overview.unlisted.len() });
    Told { word, details, secrets }
}

/// One run; gives its id.
fn once(
    ready: &Ready,
    reach: &Access<'static>,
    targets: &[Target],
    filter: &Filter,
    args: &SweepRunArgs,
) -> Result<String> {
    let crew = &ready.crew;
    reach.begin();
    let (pack, listed) = (crew.scanner.pack(), access::listed(reach, targets)?);
    let planned = plan(&crew.store, crew.queue.as_ref(), &listed, filter, &crew.scanner).map_err(failed)?;
    message::warnings(&planned.warnings, false);
    Meter::add(&crew.meter.unchanged, planned.unchanged);
    if planned.is_resumed {
        message::note(&planned.run, &format!("goes on with {} repositories left", planned.repositories));
    }
    match args.no_work {
        true => watch(crew)?,
        false => crew.work().map_err(failed)?,
    }
    questions::renew(crew, &planned.run)?;
    questions::warn(crew);
    if let Some(within) = &ready.settings.sweep.rotate_within {
        let limits: Vec<(&str, i64)> = within.0.iter().map(|(severity, seconds)| (*severity, *seconds)).collect();
        crew.store.overdue(&limits, &planned.run, request::now()).map_err(store::failed)?;
    }
    crew.store.forget_clean(&pack.digest).map_err(store::failed)?;
    for run in crew.store.end_runs(request::now()).map_err(store::failed)? {
        crew.watcher.event(&Event::Ended { run: &run });
    }
    Ok(planned.run)
}

/// Waits while others work.
fn watch(crew: &Crew) -> Result<()> {
    while !crew.stop.load(Ordering::Relaxed) && crew.store.is_busy().map_err(store::failed)? {
        std::thread::sleep(Duration::from_secs(1));
    }
    Ok(())
}

/// Waits until a sweep is due; false when it was stopped meanwhile.
fn wait(schedule: &Schedule, crew: &Crew) -> Result<bool> {
    let next = schedule.after(request::now()).ok_or_else(|| Failure::new("the schedule is never due"))?;
    message::note("schedule", &format!("the next sweep begins at {}", stopleak_core::time::rfc3339(next)));
    while request::now() < next {
        if crew.stop.load(Ordering::Relaxed) {
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(true)
}

fn failed(error: QueueError) -> Failure {
    match error {
        QueueError::Store(error) => store::failed(error),
        other => Failure::new(other.to_string()),
    }
}
