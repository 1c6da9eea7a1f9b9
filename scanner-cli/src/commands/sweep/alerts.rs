//! Tells receivers while a sweep goes on, in a thread of its own, and once more when it ends.

use super::crew::{Ready, worker};
use super::store;
use crate::commands::hook::who;
use crate::commands::{notify, request};
use crate::failure::{Failure, Result};
use crate::network;
use crate::terminal::{message, words};
use std::collections::{BTreeSet, HashMap};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use stopleak_core::sweep::alerts::{ONE_BY_ONE, Round};
use stopleak_core::sweep::{Store, Teller};

/// How often it is looked whether there is something to tell.
const EVERY: Duration = Duration::from_secs(2);
/// How long the end of a sweep waits for receivers.
const PATIENCE: Duration = Duration::from_secs(30);
/// Receivers that are told nothing for a month are forgotten: those that are named show up more often.
const SEEN: Duration = Duration::from_secs(86_400);

/// Tells until it is finished; nobody, where nobody is named.
pub struct Telling(Option<(Sender<()>, Receiver<bool>)>);

/// Begins to tell whom `[[notify]]` names.
pub fn tell(ready: &Ready) -> Result<Telling> {
    let written = &ready.settings.notify;
    if written.is_empty() {
        return Ok(Telling(None));
    }
    let teller = Teller {
        receivers: notify::receivers(written, &[])?,
        transport: Box::new(network::client(None)?),
        holder: worker(),
        one_by_one: ready.settings.sweep.one_by_one.unwrap_or(ONE_BY_ONE),
        actor: who(),
        resting: Mutex::new(HashMap::new()),
    };
    let names: BTreeSet<&str> = teller.receivers.iter().map(|receiver| receiver.name.as_str()).collect();
    if names.len() < teller.receivers.len() {
        return Err(Failure::new("two [[notify]] have the same name: a sweep remembers by it who was told"));
    }
    let store = Arc::clone(&ready.crew.store);
    teller.register(&store, request::now()).map_err(store::failed)?;
    let ((stop, stopped), (done, is_done)) = (channel(), channel());
    std::thread::spawn(move || {
        let all_told = keep_telling(&teller, &store, &stopped);
        // Who waited for it may have gone.
        let _ = done.send(all_told);
    });
    Ok(Telling(Some((stop, is_done))))
}

impl Telling {
    /// Tells what is left, within bounds; false when something could not be told.
    pub fn finish(self) -> bool {
        let Some((stop, is_done)) = self.0 else { return true };
        drop(stop);
        // A message that is under way may take as long again.
        is_done.recv_timeout(PATIENCE * 2).unwrap_or_else(|_| {
            message::caution("a receiver takes too long; what it was not told is told by the next run");
            false
        })
    }
}

fn keep_telling(teller: &Teller, store: &Store, stopped: &Receiver<()>) -> bool {
    let (mut said, mut seen) = (BTreeSet::new(), Instant::now());
    while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
        round(teller, store, false, &mut said);
        if seen.elapsed() >= SEEN {
            seen = Instant::now();
            let _ = teller.register(store, request::now());
        }
    }
    let started = Instant::now();
    loop {
        let left = round(teller, store, true, &mut said);
        if left == Some(0) {
            return true;
        }
        if started.elapsed() + EVERY >= PATIENCE || (!said.is_empty() && started.elapsed() >= EVERY) {
            let left = left.map_or("some alerts".to_owned(), |left| words::counted(left, "alert"));
            message::caution(&format!("{left} could not be told now; the next run tells"));
            return false;
        }
        std::thread::sleep(EVERY / 2);
    }
}

/// One round; gives how much is left, and says each trouble once.
fn round(teller: &Teller, store: &Store, is_last: bool, said: &mut BTreeSet<String>) -> Option<u64> {
    let (problems, left) = match teller.round(store, is_last, &request::now) {
        Ok(Round { problems, left, .. }) => (problems, Some(left)),
        Err(error) => (vec![format!("nobody can be told: {error}")], None),
    };
    if problems.is_empty() && left == Some(0) {
        said.clear();
    }
    for problem in problems {
        if said.insert(problem.clone()) {
            message::error(&Failure::new(problem));
        }
    }
    left
}
