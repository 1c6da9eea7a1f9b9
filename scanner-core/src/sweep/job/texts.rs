//! What people wrote at a repository: issues, requests to merge and comments, from where they were read to before.
//!
//! A text that was edited or deleted since is not looked at again: what it held is on record.

use super::{Trouble, Work};
use crate::blob::Origin;
use crate::scan::{Request, scan_texts};
use crate::sweep::store::{Anew, Known, Left, Outcome, Status, Step};
use crate::sweep::targets::{Reached, Text};
use crate::time;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

/// What begins the codes of warnings about what a forge did not give: it is asked for it again.
const ASKED_AGAIN: &str = "forge-";

/// How far the texts of a repository are read, and by which rules: kept as JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct State {
    settings: String,
    reached: Reached,
    /// When the first reading of everything began, until it has come to its end.
    began: Option<i64>,
}

impl State {
    /// What is kept, if it was read by the same rules.
    fn of(work: &Work<'_>, known: &Known) -> Option<State> {
        let state: State = serde_json::from_str(known.refs.as_deref()?).ok()?;
        work.scanner.is_by_these(Some(&state.settings)).then_some(state)
    }

    fn new(work: &Work<'_>) -> State {
        State { settings: work.scanner.all_settings(), reached: Reached::default(), began: Some(time::now()) }
    }

    fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Sweeps those of one repository.
pub fn run(work: &Work<'_>, known: &Known) -> Result<Outcome, Trouble> {
    let _weight = work.scales.put(0, work.stop).ok_or(Trouble::Stopped)?;
    let before = match State::of(work, known) {
        Some(state) => state,
        None => begin(work)?,
    };
    let (mut reached, mut failed) = (before.reached.clone(), None);
    let request = work.scanner.request();
    let read = work.access.texts(&work.job.repo, &mut reached, &mut |texts, reached| {
        let state = State { reached: reached.clone(), ..before.clone() };
        match page(work, &request, texts, &state) {
            Ok(()) => ControlFlow::Continue(()),
            Err(trouble) => {
                failed = Some(trouble);
                ControlFlow::Break(())
            }
        }
    })?;
    failed.map_or(Ok(()), Err)?;
    work.go_on()?;
    let is_complete = read.warnings.is_empty();
    let state = State { reached, began: before.began.filter(|_| !is_complete), ..before.clone() };
    if read.news == 0 && is_complete && known.status == Status::Scanned && before.began.is_none() {
        if state != before {
            work.keep_with(&mut [], &Step { mark: Some(&state.text()), ..Step::default() })?;
        }
        return Ok(Outcome::Unchanged);
    }
    let whole = before.began.filter(|_| is_complete);
    let left = Left { anew: Anew::Codes(ASKED_AGAIN), whole, warnings: read.warnings, ..work.left(&state.text()) };
    work.finish(&request, left)?;
    Ok(Outcome::Scanned)
}

/// Begins with nothing.
fn begin(work: &Work<'_>) -> Result<State, Trouble> {
    let state = State::new(work);
    work.keep_with(&mut [], &Step { is_first: true, mark: Some(&state.text()), ..Step::default() })?;
    Ok(state)
}

/// Scans a page of texts and writes down what it gave, and that it was read.
fn page(work: &Work<'_>, request: &Request, texts: Vec<Text>, state: &State) -> Result<(), Trouble> {
    work.go_on()?;
    if texts.is_empty() {
        return Ok(());
    }
    let texts: Vec<(Origin, String)> = texts.into_iter().map(|text| placed(work, text)).collect();
    let before = request.progress.figures();
    let mut outcome = scan_texts(request, &work.scanner.engine, &texts);
    work.count(before, &request.progress);
    let (mark, missed) = (state.text(), outcome.summary.warnings.as_slice());
    // Who gave no answer is asked again with the values that are kept, not by reading everything again.
    work.keep_with(&mut outcome.findings, &Step { mark: Some(&mark), missed, ..Step::default() }).map(|_| ())
}

/// A text, with the address that shows it.
fn placed(work: &Work<'_>, text: Text) -> (Origin, String) {
    let is_address = ["https://", "http://"].iter().any(|scheme| text.address.starts_with(scheme));
    let path = match is_address {
        true => text.address,
        false => format!("{}/{}", work.job.repo.home(), text.path),
    };
    (Origin::Text { author: text.author.into(), path }, text.text)
}
