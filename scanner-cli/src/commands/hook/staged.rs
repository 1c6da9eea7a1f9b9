//! `hook pre-commit`: the index, as git will commit it; or files that were named.

use super::environment;
use super::guard::{self, Guard};
use super::report::Kind;
use crate::args::GuardArgs;
use crate::commands::request;
use crate::failure::{OrFail, Result};
use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};
use stopleak_core::scan::{Change, History, scan};

/// Checks what the next commit adds. Files that are named outside of a commit, as `pre-commit run --all-files` does, are
/// checked whole.
pub fn run(files: &[PathBuf], all_files: bool, args: &GuardArgs) -> Result<u8> {
    if all_files {
        return everything(args);
    }
    let folder = std::env::current_dir().or_fail(|| "cannot tell the current folder".to_owned())?;
    // Git names the index to hooks of a commit alone.
    let is_commit = environment::index().is_some();
    let kind = if files.is_empty() || is_commit { Kind::PreCommit } else { Kind::Files };
    guard::check(kind, args, |repository| {
        if files.is_empty() {
            return Ok(Change::Staged(None));
        }
        if !is_commit {
            let paths = files.iter().map(|file| folder.join(file)).collect();
            return Ok(Change::Files { root: folder.clone(), paths });
        }
        let prefix = repository.prefix();
        Ok(Change::Staged(Some(files.iter().map(|file| in_repository(prefix, file)).collect::<HashSet<String>>())))
    })
}

/// All files on disk, as a scan without history takes them.
fn everything(args: &GuardArgs) -> Result<u8> {
    let (mut request, hides_practices, audit) = guard::plan(args)?;
    request.history = History::None;
    let repository = environment::repository()?;
    let guard = Guard { hides_practices, ..Guard::new(Kind::Files, args, &request.policy, &audit, &repository) };
    guard.decide(scan(&request).map_err(|error| request::failed(&error)))
}

/// A file named from a folder of the work tree, as git writes it.
fn in_repository(prefix: &Path, file: &Path) -> String {
    let mut names: Vec<String> = Vec::new();
    for part in prefix.join(file).components() {
        match part {
            Component::ParentDir => _ = names.pop(),
            Component::Normal(name) => names.push(name.to_string_lossy().into_owned()),
            _ => {}
        }
    }
    names.join("/")
}
