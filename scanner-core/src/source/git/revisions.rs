//! What a range names: the commits it starts from and those it leaves out, exactly as git reads them.

use super::repository::{GitError, Repository, Tip, own_id, parse_id};
use crate::blob::ObjectId;
use gix::revision::plumbing::Spec;

/// Objects whose history is asked for, and objects whose history is not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revisions {
    /// Commits, or tags of them, with all their ancestors.
    pub wanted: Vec<ObjectId>,
    /// Commits, or tags of them, left out with all their ancestors.
    pub unwanted: Vec<ObjectId>,
    /// Pairs of `A...B`: what both reach is left out.
    pub symmetric: Vec<(ObjectId, ObjectId)>,
}

/// Reads what `git rev-list` would: `A..B`, `A...B`, `B`, `^A B`, `B --not A`, `--all`, `--branches`, `--remotes`, `--tags`.
pub fn resolve(repository: &Repository, tips: &[Tip], spec: &str) -> Result<Revisions, GitError> {
    let mut revisions = Revisions::default();
    let mut is_negated = false;
    for word in spec.split_whitespace() {
        match named_tips(tips, word) {
            _ if word == "--not" => is_negated = !is_negated,
            Some(ids) if is_negated => revisions.unwanted.extend(ids),
            Some(ids) => revisions.wanted.extend(ids),
            None => {
                let mut one = resolve_word(repository, spec, word)?;
                if is_negated {
                    std::mem::swap(&mut one.wanted, &mut one.unwanted);
                }
                revisions.wanted.extend(one.wanted);
                revisions.unwanted.extend(one.unwanted);
                revisions.symmetric.extend(one.symmetric);
            }
        }
    }
    if spec.trim().is_empty() {
        return Err(unresolved(repository, spec, spec, "it is empty"));
    }
    Ok(revisions)
}

fn named_tips(tips: &[Tip], word: &str) -> Option<Vec<ObjectId>> {
    let prefix = match word {
        "--all" => "",
        "--branches" => "refs/heads/",
        "--remotes" => "refs/remotes/",
        "--tags" => "refs/tags/",
        _ => &format!("refs/remotes/{}/", word.strip_prefix("--remotes=")?),
    };
    Some(tips.iter().filter(|tip| tip.name.starts_with(prefix)).map(|tip| tip.id).collect())
}

fn resolve_word(repository: &Repository, spec: &str, word: &str) -> Result<Revisions, GitError> {
    let mut revisions = Revisions::default();
    if let Some((left, right)) = split_range(word, "...") {
        let (left, right) = (resolve_one(repository, spec, left)?, resolve_one(repository, spec, right)?);
        revisions.wanted = vec![left, right];
        revisions.symmetric.push((left, right));
    } else if let Some((left, right)) = split_range(word, "..") {
        revisions.unwanted.push(resolve_one(repository, spec, left)?);
        revisions.wanted.push(resolve_one(repository, spec, right)?);
    } else if let Some(name) = word.strip_prefix('^') {
        revisions.unwanted.push(resolve_one(repository, spec, name)?);
    } else {
        match parse(repository, spec, word)? {
            // `B^@` and `B^!`: all parents, and all but the parents.
            Spec::IncludeOnlyParents(id) => revisions.wanted = parents(repository, own_id(&id))?,
            Spec::ExcludeParents(id) => {
                revisions.unwanted = parents(repository, own_id(&id))?;
                revisions.wanted.push(own_id(&id));
            }
            Spec::Include(id) => revisions.wanted.push(own_id(&id)),
            _ => return Err(unresolved(repository, spec, word, "it names no commit")),
        }
    }
    Ok(revisions)
}

/// Splits at `dots` unless they are part of `:/text` or `^{/text}`; an omitted side is `HEAD`.
fn split_range<'a>(word: &'a str, dots: &str) -> Option<(&'a str, &'a str)> {
    let is_text = |before: &str| before.contains(':') || before.matches('{').count() > before.matches('}').count();
    let at = word.find(dots).filter(|at| !is_text(&word[..*at]))?;
    let or_head = |name: &'a str| if name.is_empty() { "HEAD" } else { name };
    Some((or_head(&word[..at]), or_head(&word[at + dots.len()..])))
}

fn resolve_one(repository: &Repository, spec: &str, name: &str) -> Result<ObjectId, GitError> {
    match parse(repository, spec, name)? {
        Spec::Include(id) => Ok(own_id(&id)),
        _ => Err(unresolved(repository, spec, name, "it is no single commit")),
    }
}

fn parse(repository: &Repository, spec: &str, name: &str) -> Result<Spec, GitError> {
    // A full id needs no lookup, and may be in a folder that only the caller named.
    if let Some(id) = parse_id(name.as_bytes()) {
        return Ok(Spec::Include(gix::ObjectId::Sha1(id.0)));
    }
    let reason = |error: gix::Error| unresolved(repository, spec, name, &first_line(&error.to_string()));
    repository.gix.rev_parse(name).map(|parsed| parsed.detach()).map_err(reason)
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

pub(super) fn unresolved(repository: &Repository, spec: &str, name: &str, reason: &str) -> GitError {
    let is_shallow = !repository.shallow_roots().is_empty();
    let (spec, name, reason) = (spec.to_owned(), name.to_owned(), reason.to_owned());
    GitError::Revision { spec, name, reason, is_shallow }
}

fn parents(repository: &Repository, commit: ObjectId) -> Result<Vec<ObjectId>, GitError> {
    let bytes = repository.read_small(commit)?;
    let headers = bytes.split(|byte| *byte == b'\n').take_while(|line| !line.is_empty());
    Ok(headers.filter_map(|line| parse_id(line.strip_prefix(b"parent ")?)).collect())
}
