//! Is anything new in a repository on this machine? Answered from its references, for many at once, before jobs are made.

use super::git::Refs;
use super::job::Scanner;
use super::store::{Known, store_key};
use super::targets::Repo;
use crate::source::git::references::References;
use crate::source::git::repository::Repository;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Repositories that one thread looks at before it takes the next ones.
const AT_ONCE: usize = 64;

/// Which of these repositories are on this machine and hold nothing new, in their order.
///
/// What cannot be told at a glance is not among them: a job finds out.
pub fn unchanged(repos: &[Repo], known: &HashMap<String, Known>, scanner: &Scanner) -> Vec<bool> {
    let is_same = |repo: &Repo| {
        let known = known.get(&store_key(repo)).filter(|known| scanner.is_settled(known));
        let refs = known.and_then(|known| Some((known, plain_refs(&local(repo)?)?)));
        refs.is_some_and(|(known, refs)| scanner.is_unchanged(known, &refs.digest))
    };
    let (threads, next) = (std::thread::available_parallelism().map_or(1, usize::from), AtomicUsize::new(0));
    let mut same = vec![false; repos.len()];
    std::thread::scope(|scope| {
        let look = || {
            let mut mine = Vec::new();
            loop {
                let from = next.fetch_add(AT_ONCE, Ordering::Relaxed);
                let Some(some) = repos.get(from..).filter(|rest| !rest.is_empty()) else { return mine };
                mine.extend(some.iter().take(AT_ONCE).map(&is_same).enumerate().map(|(at, is)| (from + at, is)));
            }
        };
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(look)).collect();
        for (at, is) in threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()) {
            same[at] = is;
        }
    });
    same
}

/// A path of this machine: it is scanned where it is.
pub fn local(repo: &Repo) -> Option<PathBuf> {
    let address = &repo.address;
    let is_scp = address.find(':').is_some_and(|colon| !address[..colon].contains('/'));
    (!address.contains("://") && (!is_scp || Path::new(address).is_dir())).then(|| PathBuf::from(address))
}

/// The references of a repository that is open.
pub fn refs_of(repository: &Repository) -> Refs {
    refs(&repository.references())
}

/// The same of one that need not be opened for it.
pub fn plain_refs(path: &Path) -> Option<Refs> {
    let found = References::of_plain(&path.join(".git")).or_else(|| References::of_plain(path))?;
    Some(refs(&found))
}

fn refs(references: &References) -> Refs {
    let (tips, _) = references.tips();
    Refs::of(tips.into_iter().map(|tip| (tip.name, tip.id)).collect(), references.branch())
}
