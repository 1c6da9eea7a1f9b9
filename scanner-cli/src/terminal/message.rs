//! Messages on standard error: what went wrong, what was not scanned, what to do next.

use super::{BOLD, DIM, clean};
use crate::failure::Failure;
use anstyle::{AnsiColor, Style};
use std::collections::BTreeMap;
use std::io::Write;
use stopleak_core::Warning;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();

/// More of one kind are counted, not listed.
const MOST_OF_A_KIND: usize = 10;

/// Prints why a command could not be done.
pub fn error(failure: &Failure) {
    line(&format!("{ERROR}error:{ERROR:#} {}", clean_lines(&failure.to_string())));
    if let Some(step) = failure.next_step() {
        hint(step);
    }
}

/// Prints a next step.
pub fn hint(step: &str) {
    line(&format!("{HINT}hint:{HINT:#} {}", clean(step)));
}

/// What to do with findings, in one breath.
pub fn next_steps() {
    line(&format!(
        "{DIM}Revoke what is real. A value that is no leak: end its line with {DIM:#}stopleak:allow REASON{DIM}, \
         or accept all of today's with {DIM:#}stopleak baseline create{DIM}.{DIM:#}"
    ));
}

/// Prints warnings: always what was not scanned; notes unless quiet.
pub fn warnings(warnings: &[Warning], quiet: bool) {
    let mut of_a_kind: BTreeMap<&str, usize> = BTreeMap::new();
    for warning in warnings.iter().filter(|warning| warning.unscanned || !quiet) {
        let seen = of_a_kind.entry(warning.code).or_default();
        *seen += 1;
        if *seen <= MOST_OF_A_KIND {
            one(warning);
        }
    }
    for (code, seen) in of_a_kind.into_iter().filter(|(_, seen)| *seen > MOST_OF_A_KIND) {
        line(&format!("{WARNING}warning:{WARNING:#} and {} more of the kind {code}", seen - MOST_OF_A_KIND));
    }
}

/// Prints something to know about `subject`.
pub fn note(subject: &str, text: &str) {
    line(&format!("{BOLD}note:{BOLD:#} {}", clean(&format!("{subject}: {text}"))));
}

/// Prints something to heed.
pub fn caution(text: &str) {
    line(&format!("{WARNING}caution:{WARNING:#} {}", clean(text)));
}

fn one(warning: &Warning) {
    let text = clean(&warning.to_string());
    match warning.unscanned {
        true => line(&format!("{WARNING}not scanned:{WARNING:#} {text}")),
        false => line(&format!("{BOLD}note:{BOLD:#} {text}")),
    }
}

/// Prints a line; nobody to read it is no reason to fail.
pub fn line(text: &str) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Keeps the line breaks of a message that points into a file.
fn clean_lines(text: &str) -> String {
    text.trim_end().lines().map(clean).collect::<Vec<_>>().join("\n")
}
