//! Reports that are written while standard input goes on, and the signals that end it in good order.

use super::scan::Choice;
use super::signals::{self, Asking};
use crate::failure::{Failure, Result};
use crate::output::Writing;
use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::ops::ControlFlow;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use stopleak_core::Finding;
use stopleak_core::report::{Record, Secrets};
use stopleak_core::scan::{Live, Outcome};

/// The reports of a scan, and what they hold already.
pub struct Showing {
    choice: Choice,
    secrets: Secrets,
    state: Mutex<State>,
}

struct State {
    writings: Vec<Writing>,
    /// What was written.
    written: HashSet<Name>,
    failure: Option<Failure>,
}

/// What a scan of standard input tells while it goes on; signals end it, so that the summary and the exit code are told.
pub fn watch(showing: &Arc<Showing>) -> Live {
    let stop = Arc::new(AtomicBool::new(false));
    // Without handlers a signal ends this process as it would any other.
    let _ = signals::stop_on(Asking::OrHangup, &stop, || ());
    let showing = Arc::clone(showing);
    Live { show: Box::new(move |finding| showing.show(finding)), stop }
}

impl Showing {
    /// Nothing is written yet.
    pub fn new(writings: Vec<Writing>, choice: Choice, secrets: Secrets) -> Showing {
        Showing { choice, secrets, state: Mutex::new(State { writings, written: HashSet::new(), failure: None }) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a finding where that may be done at once; `Break` when there is nobody left to write for.
    fn show(&self, finding: &Finding) -> ControlFlow<()> {
        let mut state = self.lock();
        if !self.choice.shows(finding) || !state.written.insert(name(finding)) {
            return ControlFlow::Continue(());
        }
        let record = Record::new(finding, self.secrets);
        for writing in state.writings.iter_mut().filter(|writing| writing.is_live) {
            let written = writing.step(|report| report.record(&record).and_then(|()| report.flush()));
            if let Err(failure) = written {
                state.failure = Some(failure);
                return ControlFlow::Break(());
            }
        }
        match state.writings.iter().all(Writing::is_closed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    /// Writes the rest: what was not written yet, how often the others were seen, the summary.
    pub fn finish(&self, outcome: &Outcome) -> Result<()> {
        let mut state = self.lock();
        let State { writings, written, failure } = &mut *state;
        if let Some(failure) = failure.take() {
            return Err(failure);
        }
        let is_old = |finding: &Finding| written.contains(&name(finding));
        for finding in &outcome.findings {
            let record = Record::new(finding, self.secrets);
            let is_old = is_old(finding);
            for writing in writings.iter_mut().filter(|writing| !(is_old && writing.is_live)) {
                writing.step(|report| report.record(&record))?;
            }
        }
        for finding in outcome.findings.iter().filter(|finding| is_old(finding)) {
            let record = Record::new(finding, self.secrets);
            for writing in writings.iter_mut().filter(|writing| writing.is_live && record.count() > 1) {
                writing.step(|report| report.repeated(&record))?;
            }
        }
        writings.iter_mut().try_for_each(|writing| writing.step(|report| report.finish(&outcome.summary)))
    }
}

/// Rule and fingerprint, and a hash of the value: fingerprints of passwords may be alike.
type Name = (String, String, u64);

fn name(finding: &Finding) -> Name {
    let value = BuildHasherDefault::<DefaultHasher>::default().hash_one(finding.secret.expose());
    (finding.rule.id.clone(), finding.fingerprint.as_str().to_owned(), value)
}
