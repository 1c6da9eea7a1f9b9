//! `hook pre-push` and `hook pre-receive`: the commits that the other side lacks, over every reference of the push.

use super::environment;
use super::guard::{self, Guard};
use super::report::Kind;
use crate::args::{GuardArgs, OnTimeout};
use crate::commands::request;
use crate::exit;
use crate::failure::{Failure, OrFail, Result};
use crate::terminal::{message, words};
use serde_json::json;
use std::io::Read;
use std::sync::mpsc;
use std::time::{Duration, Instant};
use stopleak_core::ObjectId;
use stopleak_core::scan::{Change, Outcome, scan_change};
use stopleak_core::source::git::repository::{Repository, parse_id};
use stopleak_core::source::git::selection::Push;

/// One reference of a push.
struct Update {
    name: String,
    old: Option<ObjectId>,
    new: Option<ObjectId>,
}

/// `pre-push`: on the machine that pushes.
pub fn before(remote: Option<&str>, args: &GuardArgs) -> Result<u8> {
    let (updates, framework_remote) = match of_framework()? {
        Some((update, remote)) => (vec![update], remote),
        None => (read_updates(|words| (words[0], words[3], words[1]), 4)?, None),
    };
    let remote = framework_remote.as_deref().or(remote);
    if updates.iter().all(|update| update.new.is_none()) {
        return Ok(exit::CLEAN);
    }
    let (request, hides_practices, audit) = guard::plan(args)?;
    let repository = environment::repository()?;
    let mut guard = Guard::new(Kind::PrePush, args, &request.policy, &audit, &repository);
    guard.references = names(&updates);
    guard.hides_practices = hides_practices;
    // The names under which the remote's branches were last seen.
    let seen = remote.map(|remote| format!("refs/remotes/{remote}/"));
    let known = |name: &str| seen.as_deref().is_some_and(|seen| name.starts_with(seen));
    let change = Change::Push { push: push(&repository, &updates, known), look_elsewhere: true };
    guard.decide(scan_change(&request, &repository, &change).map_err(|error| request::failed(&error)))
}

/// `pre-receive`: on the machine that is pushed to.
pub fn received(budget: Option<Duration>, on_timeout: OnTimeout, args: &GuardArgs) -> Result<u8> {
    let started = Instant::now();
    let updates = read_updates(|words| (words[2], words[0], words[1]), 3)?;
    if updates.iter().all(|update| update.new.is_none()) {
        return Ok(exit::CLEAN);
    }
    let (request, hides_practices, audit) = guard::plan(args)?;
    let repository = environment::repository()?;
    let mut guard = Guard::new(Kind::PreReceive, args, &request.policy, &audit, &repository);
    guard.references = names(&updates);
    guard.hides_practices = hides_practices;
    let scan = move |repository: &Repository| -> Result<Outcome> {
        let change = Change::Push { push: push(repository, &updates, |_| true), look_elsewhere: false };
        scan_change(&request, repository, &change).map_err(|error| request::failed(&error))
    };
    let Some(budget) = budget else { return guard.decide(scan(&repository)) };
    let (done, outcome) = mpsc::channel();
    drop(repository);
    std::thread::spawn(move || {
        // A receiver that is gone has decided.
        let _ = done.send(environment::repository().and_then(|repository| scan(&repository)));
    });
    match outcome.recv_timeout(budget.saturating_sub(started.elapsed())) {
        Ok(outcome) => guard.decide(outcome),
        Err(_) => timed_out(&guard, budget, on_timeout),
    }
}

/// The budget is spent: what is stated happens, and passing goes on record.
fn timed_out(guard: &Guard, budget: Duration, on_timeout: OnTimeout) -> Result<u8> {
    let spent = format!("the push could not be scanned within {}", words::duration(budget));
    if guard.bypass.is_some()
        && let Some(code) = guard.pass(json!({ "error": spent }), &[])
    {
        return Ok(code);
    }
    let details = json!({ "hook": guard.kind.as_str(), "references": guard.references, "error": spent });
    if on_timeout == OnTimeout::Allow && guard.record("timeout", details, &[]) {
        message::line(&format!("stopleak: not scanned: {spent}; it passes, as --on-timeout allow says (recorded)"));
        return Ok(exit::CLEAN);
    }
    Err(Failure::new(spent)
        .hint("push less at a time; --budget sets the time, --on-timeout allow lets such pushes pass"))
}

fn names(updates: &[Update]) -> Vec<String> {
    updates.iter().map(|update| update.name.clone()).collect()
}

fn push(repository: &Repository, updates: &[Update], is_known: impl Fn(&str) -> bool) -> Push {
    let (tips, _) = repository.tips();
    let mut known: Vec<ObjectId> = updates.iter().filter_map(|update| update.old).collect();
    known.extend(tips.into_iter().filter(|tip| is_known(&tip.name)).map(|tip| tip.id));
    known.sort();
    known.dedup();
    let mut wanted: Vec<ObjectId> = updates.iter().filter_map(|update| update.new).collect();
    wanted.sort();
    wanted.dedup();
    Push { wanted, known }
}

/// Reads the lines git writes: `pick` finds name, old and new id among the words.
fn read_updates(pick: impl for<'l> Fn(&[&'l str]) -> (&'l str, &'l str, &'l str), words: usize) -> Result<Vec<Update>> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).or_fail(|| "cannot read the references".to_owned())?;
    let update = |line: &str| {
        // From the right: what was pushed may be written with spaces, `HEAD^{/a message}`.
        let mut parts: Vec<&str> = line.rsplitn(words, ' ').collect();
        parts.reverse();
        let picked = (parts.len() == words).then(|| pick(&parts));
        let read =
            picked.and_then(|(name, old, new)| Some(Update { name: name.to_owned(), old: id(old)?, new: id(new)? }));
        read.ok_or_else(|| {
            Failure::new("standard input holds a line that git does not write to this hook")
                .hint("git starts this hook itself: `stopleak hook install`")
        })
    };
    text.lines().map(update).collect()
}

/// An id, or nothing for git's zeros; `None` for text that is neither.
fn id(text: &str) -> Option<Option<ObjectId>> {
    let id = parse_id(text.as_bytes())?;
    Some((id != ObjectId([0; 20])).then_some(id))
}

/// The pre-commit framework reads git's lines itself and hands on ids and the remote's name by variables.
fn of_framework() -> Result<Option<(Update, Option<String>)>> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let Some(to) = variable("PRE_COMMIT_TO_REF") else { return Ok(None) };
    let resolve = |name: &str| -> Result<ObjectId> {
        let answer = environment::ask_git(&["rev-parse", "--verify", "--quiet", &format!("{name}^{{}}")])?;
        let id = answer.and_then(|text| parse_id(text.as_bytes()));
        id.ok_or_else(|| Failure::new(format!("cannot resolve `{name}`, which the pre-commit framework names")))
    };
    let new = resolve(&to)?;
    let from = variable("PRE_COMMIT_FROM_REF");
    let old = from.as_deref().and_then(|name| resolve(name).ok());
    let name = variable("PRE_COMMIT_REMOTE_BRANCH").unwrap_or(to);
    Ok(Some((Update { name, old, new: Some(new) }, variable("PRE_COMMIT_REMOTE_NAME"))))
}
