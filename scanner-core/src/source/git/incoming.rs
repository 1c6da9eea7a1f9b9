//! What a push brings: the commits that the other side lacks and their new content, at a cost that follows the push and not
//! the repository.

use super::changes::Comparison;
use super::frontier::{self, Frontier};
use super::message;
use super::objects::Kind;
use super::repository::{GitError, Repository};
use super::selection::Push;
use crate::blob::{Introduction, ObjectId};
use crate::warning::Warning;
use std::collections::HashSet;

/// A push of more commits is for the walk over whole packs, which reads each object once.
const MANY: usize = 1_000;

/// A commit that the other side lacks.
#[derive(Clone, Debug)]
pub struct Commit {
    /// Its id.
    pub id: ObjectId,
    /// Its root tree.
    pub tree: ObjectId,
    /// The root trees of its parents.
    pub parents: Vec<ObjectId>,
    /// Its author and time.
    pub introduction: Option<Introduction>,
    /// The whole object: headers and message.
    pub bytes: Vec<u8>,
}

/// New content at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFile {
    /// The blob.
    pub blob: ObjectId,
    /// Where it came to be; empty for a blob that a tag names.
    pub path: String,
    /// The place of its commit in the list; `None` for a blob that a tag names.
    pub commit: Option<usize>,
}

/// An annotated tag.
#[derive(Clone, Debug)]
pub struct Tag {
    /// Its id.
    pub id: ObjectId,
    /// The whole object.
    pub bytes: Vec<u8>,
    /// Its tagger and time.
    pub introduction: Option<Introduction>,
}

/// What a push brings.
#[derive(Debug, Default)]
pub struct Incoming {
    /// The oldest first.
    pub commits: Vec<Commit>,
    /// The new content of the commits, each blob and path once, with the first commit that has it.
    pub files: Vec<NewFile>,
    /// Annotated tags on the way to the commits.
    pub tags: Vec<Tag>,
    /// What is missing.
    pub warnings: Vec<Warning>,
}

/// Lists what a push brings; `None` when it is so much that the whole object database is better walked.
pub fn incoming(repository: &Repository, push: &Push) -> Result<Option<Incoming>, GitError> {
    let mut walk = Walk::new(repository);
    let mut incoming = Incoming::default();
    for id in &push.known {
        walk.start(*id, true, &mut incoming).ok();
    }
    // A tag that the other side has is not new.
    incoming = Incoming::default();
    for id in &push.wanted {
        walk.start(*id, false, &mut incoming)?;
    }
    if !walk.frontier.run(MANY) {
        return Ok(None);
    }
    walk.collect(&mut incoming);
    Ok(Some(incoming))
}

struct Walk<'a> {
    repository: &'a Repository,
    frontier: Frontier<'a>,
}

impl<'a> Walk<'a> {
    fn new(repository: &'a Repository) -> Walk<'a> {
        Walk { repository, frontier: Frontier::new(repository) }
    }

    /// Begins at what a name points to, through annotated tags.
    fn start(&mut self, mut id: ObjectId, is_known: bool, incoming: &mut Incoming) -> Result<(), GitError> {
        // A tag names an object that existed before it: the chain ends, and 100 is beyond any real one.
        for _ in 0..100 {
            let (kind, bytes) = self.repository.read_with_kind(id)?;
            match kind {
                Kind::Commit => {
                    self.frontier.mark(id, is_known);
                    return Ok(());
                }
                Kind::Blob => {
                    incoming.files.push(NewFile { blob: id, path: String::new(), commit: None });
                    return Ok(());
                }
                Kind::Tree => {
                    let mut comparison = self.comparison();
                    let new = comparison.new_content(id, &[]);
                    incoming.files.extend(new.into_iter().map(|(blob, path)| NewFile { blob, path, commit: None }));
                    return Ok(());
                }
                Kind::Tag => {
                    let target = frontier::ids(&bytes, b"object ").next();
                    let introduction = message::introduction(id, kind, &bytes);
                    incoming.tags.push(Tag { id, bytes, introduction });
                    let broken = || GitError::Object { id, reason: "it is a tag of nothing".to_owned() };
                    id = target.ok_or_else(broken)?;
                }
            }
        }
        Err(GitError::Object { id, reason: "it is a tag of too many tags".to_owned() })
    }

    fn comparison(&self) -> Comparison<'a> {
        let repository = self.repository;
        Comparison::new(Box::new(move |tree| repository.read_small(tree).ok()))
    }

    fn collect(&self, incoming: &mut Incoming) {
        let Frontier { seen, shallow, absent, order, .. } = &self.frontier;
        let new: Vec<ObjectId> = order.iter().rev().filter(|id| !seen[id].is_known).copied().collect();
        let (mut comparison, mut had) = (self.comparison(), HashSet::new());
        for id in new {
            let Ok((kind, bytes)) = self.repository.read_with_kind(id) else { continue };
            let own = &seen[&id];
            let parents = own.parents.iter().filter_map(|parent| Some(seen.get(parent)?.tree)).collect();
            let introduction = message::introduction(id, kind, &bytes);
            let commit = Commit { id, tree: own.tree, parents, introduction, bytes };
            for (blob, path) in comparison.new_content(commit.tree, &commit.parents) {
                if had.insert((blob, path.clone())) {
                    incoming.files.push(NewFile { blob, path, commit: Some(incoming.commits.len()) });
                }
            }
            if shallow.contains(&id) {
                let message = "the clone is shallow: history before it was not fetched (`git fetch --unshallow`)";
                incoming.warnings.push(Warning::unscanned("shallow-history", id.to_string(), message));
            }
            incoming.commits.push(commit);
        }
        let is_new = |commit: &ObjectId| seen.get(commit).is_some_and(|seen| !seen.is_known);
        for (parent, _) in absent.iter().filter(|(_, commit)| is_new(commit)) {
            let message = "this commit is missing from the repository";
            incoming.warnings.push(Warning::unscanned("missing-object", parent.to_string(), message));
        }
        for absent in std::mem::take(&mut comparison.absent) {
            let message = format!("object {} is missing from the repository", absent.id);
            incoming.warnings.push(Warning::unscanned("missing-object", absent.path, message));
        }
    }
}
