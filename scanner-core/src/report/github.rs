//! GitHub's workflow commands: every value masked before anything else, then an annotation a finding.
//!
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>

use super::{Place, Record, Report, Summary};
use crate::rule::Severity;
use std::io::{self, Write};

/// GitHub shows ten errors and ten warnings a step; the report goes on, so that the log holds all.
const SHOWN: usize = 10;
/// Of a value of many lines, shorter ones would mask ordinary words everywhere.
const LEAST_MASKED: usize = 6;

/// Writes workflow commands; findings are gathered, since every mask comes before the first of them.
pub struct Github<W> {
    out: W,
    has_runner: bool,
    masks: Vec<Vec<u8>>,
    lines: Vec<String>,
}

impl<W: Write> Github<W> {
    /// A report into `out`. Values appear in masks alone, which the runner takes out of the log: there are none unless
    /// `has_runner`.
    pub fn new(out: W, has_runner: bool) -> Github<W> {
        Github { out, has_runner, masks: Vec::new(), lines: Vec::new() }
    }
}

impl<W: Write> Report for Github<W> {
    fn record(&mut self, record: &Record) -> io::Result<()> {
        if let Some(secret) = record.value.to_mask().filter(|_| self.has_runner) {
            self.masks.extend(masks(secret.expose()));
        }
        if record.suppression.is_none() {
            self.lines.push(annotation(record));
        }
        Ok(())
    }

    fn finish(&mut self, summary: &Summary) -> io::Result<()> {
        for mask in &self.masks {
            self.out.write_all(b"::add-mask::")?;
            self.out.write_all(mask)?;
            self.out.write_all(b"\n")?;
        }
        for line in &self.lines {
            writeln!(self.out, "{line}")?;
        }
        for warning in summary.warnings.iter().filter(|warning| warning.unscanned) {
            writeln!(self.out, "::error title=not scanned::{}", data(&warning.to_string()))?;
        }
        if self.lines.len() > SHOWN {
            let text =
                format!("{} findings; GitHub shows ten annotations of a kind, the log holds all", self.lines.len());
            writeln!(self.out, "::notice title=stopleak::{text}")?;
        }
        self.out.flush()
    }
}

/// A mask is a line: a value of several lines is masked line by line.
fn masks(value: &[u8]) -> Vec<Vec<u8>> {
    let lines = value.split(|byte| matches!(byte, b'\n' | b'\r'));
    let is_alone = !value.contains(&b'\n') && !value.contains(&b'\r');
    // What holds `%` is unescaped by the runner.
    let escaped = |line: &[u8]| String::from_utf8_lossy(line).replace('%', "%25").into_bytes();
    lines
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty() && (is_alone || line.len() >= LEAST_MASKED))
        .map(escaped)
        .collect()
}

fn annotation(record: &Record) -> String {
    let command = match record.rule.severity {
        _ if record.is_warning() => "notice",
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "notice",
    };
    let title = property(&format!("{} ({})", record.rule.name, record.rule.severity.as_str()));
    let place = record.places.iter().find_map(properties).unwrap_or_default();
    format!("::{command} {place}title={title}::{}", data(&message(record)))
}

/// Where the annotation goes. What is gone from `HEAD`, an archive's member and what has no file have no line to show
/// it at: the message names the place.
fn properties(place: &Place) -> Option<String> {
    let at = place.position;
    let path = place.path.as_deref().filter(|path| place.in_head != Some(false) && !path.contains('!'))?;
    let end = match at.end_line > at.line {
        true => format!("endLine={}", at.end_line),
        false => format!("endColumn={}", at.end_column),
    };
    Some(format!("file={},line={},col={},{end},", property(path), at.line.max(1), at.column.max(1)))
}

fn message(record: &Record) -> String {
    let place = record.places.first();
    let at = place.map(Place::name).unwrap_or_default();
    let commit = place.and_then(Place::commit).map(|commit| format!(" in commit {commit}")).unwrap_or_default();
    let more = match record.count() {
        0 | 1 => String::new(),
        count => format!(", and {} more places", count - 1),
    };
    let validity = match record.validity.as_str() {
        "unchecked" => String::new(),
        _ => format!("It is {}.\n", record.validity_words()),
    };
    let ruling = record.decision.as_ref().map(|ruling| format!("{}\n", ruling.words())).unwrap_or_default();
    let vault = record.vault_words().map(|words| format!("In the vault: {words}\n")).unwrap_or_default();
    format!(
        "{} at {at}{commit}{more} ({}).\n{validity}{vault}{ruling}{}\nFingerprint {}",
        record.value.redacted(),
        record.standing(),
        record.rule.advice(),
        record.fingerprint
    )
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
