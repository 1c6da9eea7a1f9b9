//! One run: list the targets, make a job of each repository that may hold something new, and go on with a run that was interrupted.

use super::glance;
use super::job::Scanner;
use super::queue::{Queue, QueueError};
use super::store::{Resumed, Run, Store, store_key};
use super::targets::{Filter, Lister, Repo, UNREAD, gather};
use crate::audit::run_id;
use crate::time;
use crate::warning::Warning;

/// Repositories that are looked at together.
const AT_ONCE: usize = 5_000;

/// A target and who lists it.
pub struct Listed<'a> {
    /// As it was written.
    pub name: String,
    /// Lists it.
    pub lister: Box<dyn Lister + 'a>,
}

/// What was planned.
#[derive(Clone, Debug, Default)]
pub struct Planned {
    /// The run.
    pub run: String,
    /// Whether it goes on where one was interrupted.
    pub is_resumed: bool,
    /// Repositories that were listed.
    pub repositories: u64,
    /// Of those, the ones on this machine that hold nothing new: there is no job of them.
    pub unchanged: u64,
    /// Those that a filter left out.
    pub filtered: u64,
    /// Requests that were sent.
    pub calls: u64,
    /// What could not be listed.
    pub warnings: Vec<Warning>,
}

/// Begins a run of these targets, or goes on with the one that was interrupted.
///
/// What cannot be listed is a warning that something stays unscanned; the rest is swept.
pub fn plan(
    store: &Store,
    queue: &dyn Queue,
    targets: &[Listed<'_>],
    filter: &Filter,
    scanner: &Scanner,
) -> Result<Planned, QueueError> {
    let names: Vec<String> = targets.iter().map(|target| target.name.clone()).collect();
    let resumed = store.interrupted(&names)?;
    if let Some(Resumed { run, is_listed: true }) = &resumed {
        let left = store.waiting(&run.id)?;
        queue.publish(&run.id, &left)?;
        return Ok(Planned {
            run: run.id.clone(),
            is_resumed: true,
            repositories: left.len() as u64,
            ..Planned::default()
        });
    }
    let is_resumed = resumed.is_some();
    let run = resumed.map_or_else(|| new_run(names, &scanner.pack().digest), |resumed| resumed.run);
    store.begin(&run, time::now())?;
    let mut planned = Planned { run: run.id.clone(), is_resumed, ..Planned::default() };
    for target in targets {
        list(store, &run, target, filter, scanner, &mut planned)?;
    }
    store.all_listed(&run, &planned.warnings)?;
    queue.publish(&run.id, &store.waiting(&run.id)?)?;
    Ok(planned)
}

fn list(
    store: &Store,
    run: &Run,
    target: &Listed<'_>,
    filter: &Filter,
    scanner: &Scanner,
    planned: &mut Planned,
) -> Result<(), QueueError> {
    let state = store.target_state(&target.name)?;
    match gather(target.lister.as_ref(), state.as_ref(), filter) {
        Ok(listing) => {
            for some in listing.repos.chunks(AT_ONCE) {
                planned.unchanged += enqueue(store, run, &target.name, some, scanner)?;
            }
            store.listed(&target.name, Some(&listing.state), None, time::now())?;
            if listing.warnings.iter().all(|warning| !warning.unscanned || warning.code == UNREAD) {
                store.gone(run, &target.name)?;
            }
            planned.repositories += listing.repos.len() as u64;
            planned.filtered += listing.filtered;
            planned.calls += listing.calls;
            planned.warnings.extend(listing.warnings);
        }
        Err(error) => {
            store.listed(&target.name, None, Some(&error.to_string()), time::now())?;
            planned.warnings.push(Warning::unscanned("unlisted", &*target.name, error.to_string()));
        }
    }
    Ok(())
}

/// Makes jobs of what may hold something new; gives how many hold nothing new.
fn enqueue(store: &Store, run: &Run, target: &str, repos: &[Repo], scanner: &Scanner) -> Result<u64, QueueError> {
    let keys: Vec<String> = repos.iter().map(store_key).collect();
    let same = glance::unchanged(repos, &store.known(&keys)?, scanner);
    let settled: Vec<String> = keys.into_iter().zip(&same).filter(|(_, same)| **same).map(|(key, _)| key).collect();
    store.unchanged(&run.id, target, &settled, time::now())?;
    let rest = repos.iter().zip(&same).filter(|(_, same)| !**same);
    let rest: Vec<Repo> = rest.map(|(repo, _)| repo.clone().measured()).collect();
    store.enqueue(run, target, &rest, time::now())?;
    Ok(settled.len() as u64)
}

fn new_run(targets: Vec<String>, rules: &str) -> Run {
    // Two runs that begin in the same second on two machines are still two.
    let id = format!("{}-{}", time::rfc3339(time::now()), &run_id()[..8]);
    Run { id, targets, rules: rules.to_owned() }
}
