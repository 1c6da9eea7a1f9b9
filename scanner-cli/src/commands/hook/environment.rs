//! What git tells its hooks through the environment: where the repository is, which index, which objects, which options.

use crate::failure::{Failure, OrFail, Result};
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use stopleak_core::source::git::repository::Repository;

/// The repository a hook runs for, with the index and the objects that git hands over.
pub fn repository() -> Result<Repository> {
    let opened = match env::var_os("GIT_DIR") {
        Some(folder) => Repository::open_git_dir(Path::new(&folder)).map(Some),
        None => Repository::open(Path::new(".")),
    };
    let repository = opened.map_err(|error| {
        let failure = Failure::new(error.to_string());
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })?;
    let repository = repository.ok_or_else(|| {
        Failure::new("there is no git repository here").hint("hooks run inside a repository; git starts them")
    })?;
    let repository = match index() {
        Some(index) => repository.with_index(index),
        None => repository,
    };
    let own = repository.objects_dir().canonicalize().ok();
    let others = objects().into_iter().filter(|folder| folder.canonicalize().ok() != own);
    Ok(repository.with_objects(others))
}

/// The index that `git commit` hands over: another one than usual for `-a`, `--include` and `commit FILE`.
pub fn index() -> Option<PathBuf> {
    let index = env::var_os("GIT_INDEX_FILE")?;
    Some(env::current_dir().map_or_else(|_| PathBuf::from(&index), |folder| folder.join(&index)))
}

/// Object folders beside the repository's own: what is being received is in quarantine.
fn objects() -> Vec<PathBuf> {
    let single = ["GIT_QUARANTINE_PATH", "GIT_OBJECT_DIRECTORY"].into_iter().filter_map(env::var_os);
    let mut folders: Vec<PathBuf> = single.map(PathBuf::from).collect();
    if let Some(list) = env::var_os("GIT_ALTERNATE_OBJECT_DIRECTORIES") {
        folders.extend(env::split_paths(&list).filter(|folder| !folder.as_os_str().is_empty()));
    }
    folders.dedup();
    folders
}

/// The reason in `STOPLEAK_BYPASS`, even an empty one.
pub fn bypass() -> Option<String> {
    env::var_os("STOPLEAK_BYPASS").map(|reason| reason.to_string_lossy().into_owned())
}

/// The reason in the push option `stopleak.bypass=REASON`.
pub fn pushed_bypass() -> Option<String> {
    let count: usize = env::var("GIT_PUSH_OPTION_COUNT").ok()?.parse().ok()?;
    let options = (0..count).filter_map(|number| env::var(format!("GIT_PUSH_OPTION_{number}")).ok());
    let mut reasons = options.filter_map(|option| match option.strip_prefix("stopleak.bypass")? {
        "" => Some(String::new()),
        rest => rest.strip_prefix('=').map(str::to_owned),
    });
    reasons.next_back()
}

/// Who is at work: as a forge names the pusher, the system its user, or git its committer.
pub fn who() -> String {
    const NAMES: [&str; 8] = [
        "GL_USERNAME",
        "GITHUB_USER_LOGIN",
        "GITEA_PUSHER_NAME",
        "GL_ID",
        "REMOTE_USER",
        "USER",
        "LOGNAME",
        "USERNAME",
    ];
    let found = NAMES.iter().filter_map(|name| env::var(name).ok()).find(|name| !name.is_empty());
    let committer = || ask_git(&["var", "GIT_COMMITTER_IDENT"]).ok().flatten();
    let found = found.or_else(|| Some(committer()?.split_inclusive('>').next()?.to_owned()));
    found.unwrap_or_else(|| "unknown".to_owned())
}

/// What git answers; `None` when it says no.
pub fn ask_git(arguments: &[&str]) -> Result<Option<String>> {
    let output = Command::new("git").args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output();
    let output = output.or_fail(|| "cannot run git".to_owned())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let text = text.strip_suffix('\n').unwrap_or(&text).to_owned();
    Ok(output.status.success().then_some(text))
}
