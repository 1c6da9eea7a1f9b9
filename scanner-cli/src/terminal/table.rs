//! Aligned columns.

use super::{BOLD, DIM, clean, severity_style};
use stopleak_core::Severity;

/// One rule a line: id, severity, name.
pub fn rules(rows: &[(&str, Severity, &str)]) -> String {
    let width = rows.iter().map(|(id, _, _)| id.chars().count()).max().unwrap_or(0);
    let line = |(id, severity, name): &(&str, Severity, &str)| {
        let style = severity_style(*severity);
        format!("{BOLD}{id:<width$}{BOLD:#}  {style}{:<8}{style:#}  {}\n", severity.as_str(), clean(name))
    };
    rows.iter().map(line).collect()
}

/// A label and a value a line.
pub fn fields(rows: &[(&str, &str)]) -> String {
    let width = rows.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
    rows.iter().map(|(label, value)| format!("{DIM}{label:<width$}{DIM:#}  {}\n", clean(value))).collect()
}
