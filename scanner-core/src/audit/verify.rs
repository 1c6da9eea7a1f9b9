//! Checks a whole log, offline: every entry, their order, the tree, and the checkpoints that were kept.

use super::entry::Entry;
use super::error::AuditError;
use super::held::wait;
use super::log::{Log, origin};
use super::note::{Checkpoint, PublicKey};
use super::state::State;
use super::tree::Hash;
use super::walk::{Walked, walk};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::ErrorKind;

/// What a log that holds together came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many entries there are.
    pub entries: u64,
    /// The root of the tree over them.
    pub root: Hash,
    /// How checkpoints name the log; `None` without entries.
    pub origin: Option<String>,
    /// How many files it has.
    pub files: usize,
    /// Bytes of an entry that was never acknowledged: a crash left them, the next writer takes them off.
    pub torn: u64,
    /// Entries that began something of which no entry tells the end.
    pub open: BTreeSet<u64>,
    /// The largest size of the kept checkpoints that hold.
    pub signed: Option<u64>,
}

/// Which entries to show; all conditions must hold.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// What was done.
    pub action: Option<String>,
    /// Who did it.
    pub actor: Option<String>,
    /// Written then or later: `2026-11-21`, or with a time.
    pub since: Option<String>,
    /// A secret's tag, or the fingerprint of a finding.
    pub subject: Option<String>,
    /// A run of the program, or one of `revoke` and `rotate`.
    pub run: Option<String>,
    /// What came of it.
    pub outcome: Option<String>,
}

impl Filter {
    /// Whether an entry is asked for.
    pub fn holds(&self, entry: &Entry) -> bool {
        let is = |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|wanted| wanted == value);
        is(&self.action, &entry.action)
            && is(&self.actor, &entry.actor)
            && self.run.as_deref().is_none_or(|run| run == entry.run || names(entry, "run", run))
            && is(&self.outcome, &entry.outcome)
            && self.since.as_ref().is_none_or(|since| entry.time >= *since)
            && self.subject.as_ref().is_none_or(|subject| mentions(entry, subject))
    }
}

/// What a scan was about is known at its end: then the details name it.
fn mentions(entry: &Entry, subject: &str) -> bool {
    let later = entry.details.get("subjects").and_then(|list| list.as_array());
    let mut later = later.into_iter().flatten().filter_map(|tag| tag.as_str());
    let is_tagged = entry.subjects.iter().any(|tag| tag == subject) || later.any(|tag| tag == subject);
    is_tagged || names(entry, "fingerprint", subject)
}

fn names(entry: &Entry, label: &str, value: &str) -> bool {
    entry.details.get(label).and_then(|known| known.as_str()) == Some(value)
}

impl Log {
    /// Checks everything, also against checkpoints that were kept: it says at which entry the log is not what was written.
    pub fn verify(&self, kept: &[Checkpoint]) -> Result<Verified, AuditError> {
        self.read(kept, &mut |_| ())
    }

    /// As `verify`, and shows every entry to `visit`.
    pub fn read(&self, kept: &[Checkpoint], visit: &mut dyn FnMut(&Entry)) -> Result<Verified, AuditError> {
        let (own, _lock) = self.own_state()?;
        let mut wanted: Vec<(u64, Hash, bool)> = kept.iter().map(|kept| (kept.size, kept.root, true)).collect();
        wanted.extend(own.map(|own| (own.frontier.size(), own.frontier.root(), false)));
        wanted.sort();
        let (mut open, mut roots) = (BTreeSet::new(), vec![None; wanted.len()]);
        let Walked { state, torn, files } = walk(&self.files, &mut |entry, state| {
            for (root, _) in roots.iter_mut().zip(&wanted).filter(|(_, (size, ..))| *size == entry.number) {
                *root = Some(state.frontier.root());
            }
            match entry.of {
                Some(begun) => _ = open.remove(&begun),
                None if entry.outcome == "begun" => _ = open.insert(entry.number),
                None => {}
            }
            visit(entry);
        })?;
        self.compare(&state, &wanted, &roots)?;
        let name = (state.frontier.size() > 0).then(|| origin(&state.origin));
        for kept in kept {
            if name.as_ref() != Some(&kept.origin) && kept.size > 0 {
                return Err(AuditError::Proof(format!("the checkpoint is of another log, {}", kept.origin)));
            }
        }
        Ok(Verified {
            entries: state.frontier.size(),
            root: state.frontier.root(),
            origin: name,
            files,
            torn: torn.map_or(0, |line| line.len() as u64),
            open,
            signed: kept.iter().map(|kept| kept.size).max(),
        })
    }

    fn compare(&self, state: &State, wanted: &[(u64, Hash, bool)], roots: &[Option<Hash>]) -> Result<(), AuditError> {
        let (mut good, there) = (0, state.frontier.size());
        for ((size, root, is_signed), found) in wanted.iter().zip(roots) {
            let by = if *is_signed { "a checkpoint" } else { "the tree beside the log" };
            if *size > there {
                let gone = format!("the log ends here, and {by} tells of {size} entries: the rest was cut off");
                return Err(AuditError::broken(&self.files.active, there + 1, gone));
            }
            if *size > 0 && *found != Some(*root) {
                let problem = format!("{by} tells of other entries from {} to {size}", good + 1);
                return Err(AuditError::broken(&self.files.active, good + 1, problem));
            }
            good = *size;
        }
        Ok(())
    }

    /// What was kept of the tree, and a lock that keeps writers out meanwhile.
    fn own_state(&self) -> Result<(Option<State>, Option<File>), AuditError> {
        let path = self.files.tree();
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok((None, None)),
            Err(error) => return Err(AuditError::file(&path)(error)),
        };
        wait(|| file.try_lock_shared(), &self.files.active)?;
        let state = State::read(&mut file).map_err(AuditError::file(&path))?;
        Ok((state, Some(file)))
    }

    /// The checkpoint that is kept beside the log, if there is one.
    pub fn newest_checkpoint(&self, key: &PublicKey) -> Result<Option<Checkpoint>, AuditError> {
        let path = self.files.checkpoint();
        match std::fs::read_to_string(&path) {
            Ok(note) => Checkpoint::open(&note, key).map(Some),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(AuditError::file(&path)(error)),
        }
    }
}
