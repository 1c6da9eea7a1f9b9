//! Reads configurations of gitleaks and betterleaks and writes them as a rule file of our own.
//!
//! ```text
//! file → read (tables, notes on what is unknown) → extend (the files it builds on) → convert → rule file, notes
//! ```
//!
//! The rule file is all there is: a scan with the foreign configuration is a scan with that file, made in memory.

mod convert;
pub mod counterparts;
mod expression;
mod extend;
mod foreign;
mod print;
mod table;

use crate::rule::{RuleError, RuleErrors};
use crate::warning::Warning;
use std::path::Path;

/// A configuration made a rule file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The rule file: `[[rule]]` and `[[allow]]`, with the notes as comments.
    pub text: String,
    /// What could not be carried over, or was carried over otherwise, by place.
    pub notes: Vec<Note>,
    /// How many rules it holds.
    pub rules: usize,
    /// How many `[[allow]]` entries it holds, those of rules included.
    pub allowed: usize,
}

/// Something the import could not carry over, or carried over otherwise.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// The file, as it was named.
    pub file: String,
    /// Counts from 1.
    pub line: usize,
    /// One sentence without a full stop.
    pub message: String,
}

impl Note {
    /// The same as a warning of a scan.
    pub fn warning(&self) -> Warning {
        Warning::note("imported-rules", format!("{}:{}", self.file, self.line), &self.message)
    }
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// Where something was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Place {
    file: String,
    line: usize,
}

impl Place {
    fn note(&self, message: impl Into<String>) -> Note {
        Note { file: self.file.clone(), line: self.line, message: message.into() }
    }

    fn error(&self, message: impl Into<String>) -> RuleError {
        RuleError { file: self.file.clone(), line: self.line, message: message.into() }
    }
}

/// What went well or badly on the way.
#[derive(Default)]
struct Log {
    notes: Vec<Note>,
    errors: Vec<RuleError>,
    /// Rules with tags: one note for all.
    tagged: Vec<(Place, String)>,
}

impl Log {
    fn note_tags(&mut self) {
        let Some((place, id)) = self.tagged.first() else { return };
        let others = match self.tagged.len() - 1 {
            0 => String::new(),
            1 => " and one other rule".into(),
            count => format!(" and {count} other rules"),
        };
        self.notes.push(place.note(format!("rule `{id}`{others}: `tags` were not carried over")));
    }
}

/// Whether a text is a configuration of gitleaks or betterleaks, by its content; `None` when it is no TOML at all.
pub fn is_foreign(text: &str) -> Option<bool> {
    table::is_foreign(text)
}

/// Reads the configuration `file` and those it extends.
///
/// Errors name every entry that cannot be used, with its file and line.
pub fn import(file: &Path) -> Result<Imported, RuleErrors> {
    let mut log = Log::default();
    let imported = extend::read(file, &mut log).map(|foreign| convert::convert(foreign, &mut log));
    log.note_tags();
    log.errors.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    log.notes.sort();
    log.notes.dedup();
    match imported {
        Some(file) if log.errors.is_empty() => Ok(print::print(file, log.notes)),
        _ => Err(RuleErrors(log.errors)),
    }
}
