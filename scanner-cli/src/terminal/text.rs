//! The report for people: one block a finding with the place first, the reasons in words and what to do.

use super::{BOLD, DIM, clean, severity_style, words};
use std::io::{self, Write};
use stopleak_core::report::{Report, Secrets, Summary, help, places};
use stopleak_core::{Finding, Introduction, Occurrence, Origin};

const MOST_PLACES: usize = 3;

/// Writes the text report; the stream beneath strips colour where it cannot be shown.
pub struct Text<W> {
    out: W,
    secrets: Secrets,
    quiet: bool,
    places: u64,
}

impl<W: Write> Text<W> {
    /// A report into `out`; a quiet one ends without totals.
    pub fn new(out: W, secrets: Secrets, quiet: bool) -> Text<W> {
        Text { out, secrets, quiet, places: 0 }
    }

    fn row(&mut self, label: &str, text: &str) -> io::Result<()> {
        writeln!(self.out, "  {DIM}{label:<5}{DIM:#} {text}")
    }

    fn head(&mut self, finding: &Finding) -> io::Result<()> {
        let (severity, style) = (finding.rule.severity.as_str(), severity_style(finding.rule.severity));
        let (name, shown) = (clean(&finding.rule.name), self.shown(finding));
        writeln!(self.out, "{style}{severity}{style:#}  {BOLD}{name}{BOLD:#}  {shown}")
    }

    /// The redaction; a value shown in clear has its own row.
    fn shown(&self, finding: &Finding) -> String {
        clean(&finding.secret.redacted())
    }

    fn value(&mut self, finding: &Finding) -> io::Result<()> {
        let value = self.secrets.print(finding);
        let lines = value.lines().map(clean).collect::<Vec<_>>();
        lines.iter().enumerate().try_for_each(|(n, line)| self.row(if n == 0 { "value" } else { "" }, line))
    }
}

impl<W: Write> Report for Text<W> {
    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        let places = places(finding);
        self.places += places.len() as u64 + finding.more_occurrences;
        self.head(finding)?;
        if let Some((first, others)) = places.split_first() {
            self.row("at", &format!("{}{}", place(first, BOLD), story(first)))?;
            for (rule, at) in &first.parts {
                self.row("with", &format!("{} at line {}", clean(rule), at.line))?;
            }
            if let Some(others) = further(others, finding.more_occurrences) {
                self.row("also", &others)?;
            }
        }
        if self.secrets == Secrets::Shown {
            self.value(finding)?;
        }
        self.row("why", &confidence(finding))?;
        self.row("fix", &clean(help(finding)))?;
        if let Some(suppression) = &finding.suppression {
            self.row("left", &clean(&suppressed(suppression)))?;
        }
        self.row("id", &format!("{DIM}{} {}{DIM:#}", clean(&finding.rule.id), finding.fingerprint))?;
        writeln!(self.out)
    }

    fn finish(&mut self, summary: &Summary) -> io::Result<()> {
        if !self.quiet {
            writeln!(self.out, "{}", totals_in(summary, Some(self.places)))?;
        }
        self.out.flush()
    }
}

/// The last line of a report: what was found in how much.
pub fn totals(summary: &Summary) -> String {
    totals_in(summary, None)
}

fn totals_in(summary: &Summary, places: Option<u64>) -> String {
    let found = match (summary.findings, places) {
        (0, _) => format!("{BOLD}No secrets found{BOLD:#}"),
        (findings, Some(places)) => {
            format!("{BOLD}{}{BOLD:#} in {}", words::counted(findings, "secret"), words::counted(places, "place"))
        }
        (findings, None) => format!("{BOLD}{}{BOLD:#}", words::counted(findings, "secret")),
    };
    let left_out = [(summary.suppressed, "suppressed"), (summary.below_gate, "below the gate")];
    let left_out = left_out.iter().filter(|(count, _)| *count > 0);
    let left_out: String = left_out.map(|(count, why)| format!(", {} {why}", words::count(*count))).collect();
    let (blobs, bytes) = (words::counted(summary.blobs, "blob"), words::bytes(summary.bytes));
    format!("{found}{left_out} {DIM}· {blobs}, {bytes} in {}{DIM:#}", words::duration(summary.elapsed))
}

/// `path:line:column`, which terminals and editors open.
fn place(occurrence: &Occurrence, style: anstyle::Style) -> String {
    let at = occurrence.position;
    let name = match (&occurrence.origin, occurrence.origin.path()) {
        (_, Some(path)) => clean(path),
        (Origin::GitMessage { kind, .. }, None) => format!("{kind} message"),
        (origin, None) => clean(&origin.to_string()),
    };
    format!("{style}{name}{style:#}:{}:{}", at.line, at.column)
}

/// Where a place of history came from, and how the text was hidden.
fn story(occurrence: &Occurrence) -> String {
    let mut story = String::new();
    if let Origin::Staged { .. } = occurrence.origin {
        story.push_str("  staged");
    }
    if let Some(introduced) = occurrence.origin.introduction() {
        story.push_str(&format!("  {}", commit(introduced)));
    }
    if !occurrence.trail.is_empty() {
        story.push_str(&format!("  inside {}", occurrence.trail.join(" › ")));
    }
    story
}

fn commit(introduced: &Introduction) -> String {
    let name = introduced.author.split(" <").next().unwrap_or_default();
    let day = stopleak_core::report::time::date(introduced.time);
    format!("commit {}, {}, {day}", short(introduced), clean(name))
}

fn short(introduced: &Introduction) -> String {
    introduced.commit.to_string().chars().take(10).collect()
}

/// A few more places and how many there are beyond them.
fn further(others: &[&Occurrence], unlisted: u64) -> Option<String> {
    let listed = others.iter().take(MOST_PLACES).map(|other| match other.origin.introduction() {
        Some(introduced) => format!("{} ({})", place(other, anstyle::Style::new()), short(introduced)),
        None => place(other, anstyle::Style::new()),
    });
    let listed = listed.collect::<Vec<_>>().join(", ");
    match others.len().saturating_sub(MOST_PLACES) as u64 + unlisted {
        _ if listed.is_empty() && unlisted == 0 => None,
        0 => Some(listed),
        more if listed.is_empty() => Some(words::counted(more, "more place")),
        more => Some(format!("{listed} and {} more", words::count(more))),
    }
}

fn confidence(finding: &Finding) -> String {
    let percent = (finding.confidence.0 * 100.0).floor().clamp(0.0, 100.0);
    match words::reasons(&finding.evidence) {
        reasons if reasons.is_empty() => format!("{percent:.0} % sure"),
        reasons => format!("{percent:.0} % sure: {reasons}"),
    }
}

fn suppressed(suppression: &stopleak_core::finding::Suppression) -> String {
    use stopleak_core::finding::Suppression;
    let (why, reason) = match suppression {
        Suppression::Mark { reason } => ("marked on its line", reason.as_str()),
        Suppression::Allowlist { reason } => ("allowed", reason.as_str()),
        Suppression::Baseline => ("accepted in the baseline", ""),
    };
    if reason.is_empty() { format!("out: {why}") } else { format!("out: {why}, {reason}") }
}
