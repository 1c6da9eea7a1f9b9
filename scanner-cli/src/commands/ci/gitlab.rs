//! `stopleak ci gitlab`: a job of a GitLab pipeline, or anything that sets its variables.

use super::{open, report, scan};
use crate::args::CiArgs;
use crate::failure::{Failure, Result};
use crate::terminal::message;
use stopleak_core::event::gitlab;

/// Scans and reports.
pub fn run(args: &CiArgs) -> Result<u8> {
    let variable = |name: &str| std::env::var(name).ok();
    let event = gitlab::read(&variable).map_err(|error| {
        Failure::new(error.to_string()).hint("this runs in a job of GitLab CI; elsewhere: stopleak scan --range A..B")
    })?;
    let mut writings = open(args, Vec::new())?;
    let done = scan(event, args)?;
    report(&done, &mut writings)?;
    message::line(&format!("stopleak: {}", done.words));
    Ok(done.code(args.guard.allow_partial))
}
