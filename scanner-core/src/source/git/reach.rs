//! Which commits some names reach and others do not, and whether a shallow clone shows all of them.

use super::frontier::{self, Frontier, Seen};
use super::repository::{GitError, Repository, parse_id};
use crate::blob::ObjectId;
use std::collections::HashSet;

/// What some names reach and others do not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// New commits.
    pub commits: usize,
    /// Annotated tags on the way to them.
    pub tags: usize,
    /// New commits whose parents a shallow clone left out: what lies behind them is not here.
    pub cut: Vec<ObjectId>,
    /// Known commits, younger than the oldest new one, whose parents a shallow clone left out: what is behind them may
    /// count as new here and be known.
    pub blurred: Vec<ObjectId>,
}

/// Looks what `wanted` reaches and `known` does not; a known object that is not here is passed over.
pub fn reach(repository: &Repository, wanted: &[ObjectId], known: &[ObjectId]) -> Result<Reach, GitError> {
    let mut walk = Frontier::new(repository);
    for id in known {
        if let Ok((commit, _)) = peel(repository, *id) {
            walk.mark(commit, true);
        }
    }
    let mut tags = HashSet::new();
    for id in wanted {
        let (commit, passed) = peel(repository, *id)?;
        tags.extend(passed);
        if !walk.mark(commit, false) {
            let reason = "it is no commit that can be read".to_owned();
            return Err(GitError::Object { id: commit, reason });
        }
    }
    walk.run(usize::MAX);
    Ok(result(repository, &walk, tags.len()))
}

/// The parents that a commit names, here or not; `None` when it cannot be read or is no commit.
pub fn parents(repository: &Repository, id: ObjectId) -> Option<Vec<ObjectId>> {
    frontier::read(repository, id).map(|(_, parents, _)| parents)
}

/// Whether an object is here.
pub fn is_here(repository: &Repository, id: ObjectId) -> bool {
    repository.read_small(id).is_ok()
}

/// Follows annotated tags to what they name.
fn peel(repository: &Repository, mut id: ObjectId) -> Result<(ObjectId, Vec<ObjectId>), GitError> {
    let mut tags = Vec::new();
    // A tag names an object that existed before it: the chain ends, and 100 is beyond any real one.
    for _ in 0..100 {
        let bytes = repository.read_small(id)?;
        match bytes.strip_prefix(b"object ").and_then(|rest| parse_id(rest.get(..40)?)) {
            Some(target) => tags.push(std::mem::replace(&mut id, target)),
            None => return Ok((id, tags)),
        }
    }
    Err(GitError::Object { id, reason: "it is a tag of too many tags".to_owned() })
}

fn result(repository: &Repository, walk: &Frontier, tags: usize) -> Reach {
    let new = || walk.seen.iter().filter(|(_, seen)| !seen.is_known);
    let oldest = new().map(|(_, seen)| seen.time).min();
    // A root that git lists as shallow lacks nothing.
    let is_cut = |id: &ObjectId| walk.shallow.contains(id) && parents(repository, *id).is_some_and(|p| !p.is_empty());
    let mut cut: Vec<ObjectId> = new().map(|(id, _)| *id).filter(|id| is_cut(id)).collect();
    let young = |seen: &Seen| oldest.is_some_and(|oldest| seen.time >= oldest);
    let known = walk.seen.iter().filter(|(_, seen)| seen.is_known && young(seen));
    let mut blurred: Vec<ObjectId> = known.map(|(id, _)| *id).filter(|id| is_cut(id)).collect();
    cut.sort();
    blurred.sort();
    Reach { commits: new().count(), tags, cut, blurred }
}
