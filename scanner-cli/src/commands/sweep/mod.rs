//! `stopleak sweep`: many repositories, on a schedule, on one machine or many.

pub mod access;
mod alerts;
mod credentials;
mod crew;
mod metrics;
mod plan;
mod questions;
mod run;
mod show;
mod status;
mod store;
mod triage;

pub use store::at as store_at;
pub use triage::{Saying, say_on_record};

use crate::args::SweepVerb;
use crate::commands::request;
use crate::failure::Result;
use crate::settings::{self, Settings};
use crate::terminal::message;
use std::path::Path;
use stopleak_core::report::Saved;

/// Does what the verb says.
pub fn run(verb: &SweepVerb) -> Result<u8> {
    match verb {
        SweepVerb::Plan(args) => plan::run(args),
        SweepVerb::Run(args) => run::run(args),
        SweepVerb::Work(args) => run::work(args),
        SweepVerb::Status(args) => status::run(args),
        SweepVerb::Ack(args) => triage::ack(args),
        SweepVerb::Reopen(args) => triage::reopen(args),
    }
}

/// What sweeps found, as a saved report.
pub fn saved(store: &str, key: Option<&Path>, all: bool) -> Result<Saved> {
    let mut saved = store::export(store, key)?;
    if !all {
        saved.records.retain(|record| record.suppression.is_none());
    }
    Ok(saved)
}

/// The settings that `--config` names, else those found here.
fn settings_of(config: Option<&Path>) -> Result<Settings> {
    let mut settings = settings::load(config, &[], &request::today())?;
    message::warnings(&std::mem::take(&mut settings.notes), false);
    Ok(settings)
}
