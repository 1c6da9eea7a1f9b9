//! `stopleak report`: write a saved result in another format, without a scan.

use super::sweep;
use crate::args::ReportArgs;
use crate::exit;
use crate::failure::{Failure, OrFail, Result};
use crate::output;
use crate::terminal::message;
use std::io::Read;
use std::path::Path;
use stopleak_core::report::{Saved, Secrets, read};

/// Reads the saved report and writes it as asked; what the findings mean for the build, the scan's exit code said.
pub fn run(args: &ReportArgs) -> Result<u8> {
    let outputs = output::plan(&args.format, &args.output)?;
    let Saved { records, summary } = match &args.from {
        Some(store) => sweep::saved(store, args.store_key.as_deref(), args.all)?,
        None => saved(args)?,
    };
    for output in &outputs {
        let mut writing = output.open(args.quiet)?;
        records.iter().try_for_each(|record| writing.step(|report| report.record(record)))?;
        writing.step(|report| report.finish(&summary))?;
    }
    if args.show_secrets && !args.quiet && records.iter().all(|record| record.value.to_mask().is_none()) {
        message::hint("the saved report holds no value in clear; scan with --show-secrets to have them");
    }
    Ok(exit::CLEAN)
}

fn saved(args: &ReportArgs) -> Result<Saved> {
    let secrets = if args.show_secrets { Secrets::Shown } else { Secrets::Redacted };
    let file = args.saved.as_deref().unwrap_or(Path::new("-"));
    let text = text(file)?;
    let name = || file.display().to_string();
    read(&text, secrets).map_err(|error| {
        Failure::new(format!("cannot read {}: {error}", name()))
            .hint("save one with `stopleak scan --format json=FILE`")
    })
}

fn text(file: &Path) -> Result<String> {
    let act = || format!("cannot read {}", file.display());
    if file == Path::new("-") {
        let mut text = String::new();
        return std::io::stdin().read_to_string(&mut text).or_fail(act).map(|_| text);
    }
    std::fs::read_to_string(file).or_fail(act)
}
