//! `stopleak hook`: what git runs before a commit or a push is accepted. New secrets stop it; anything that could not be
//! scanned does, too, unless told otherwise.

mod environment;
mod guard;
mod install;
mod message;
mod push;
mod report;
mod staged;

pub use environment::who;

use crate::args::{HookArgs, HookVerb};
use crate::failure::Result;

/// Carries out one verb.
pub fn run(args: &HookArgs) -> Result<u8> {
    match &args.verb {
        HookVerb::Install(args) => install::install(args),
        HookVerb::Uninstall { global } => install::uninstall(*global),
        HookVerb::PreCommit { files, all_files, guard } => staged::run(files, *all_files, guard),
        HookVerb::PrePush { remote, guard, .. } => push::before(remote.as_deref(), guard),
        HookVerb::PreReceive { budget, on_timeout, guard } => push::received(*budget, *on_timeout, guard),
        HookVerb::CommitMsg { file, guard } => message::run(file, guard),
    }
}
