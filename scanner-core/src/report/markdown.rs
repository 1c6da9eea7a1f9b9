//! Markdown: the summary of a job, a comment on a pull request. Bounded, since services cut long ones off.

use super::time::date;
use super::{Record, Report, Summary, remedy};
use crate::rule::Severity;
use std::fmt::Write as _;
use std::io::{self, Write};

/// Findings in the table; more are counted.
const MOST_FINDINGS: usize = 200;
/// Findings told in full below it.
const MOST_DETAILS: usize = 30;
const MOST_PLACES: usize = 5;
const MOST_WARNINGS: usize = 20;
/// GitHub takes at most 1 MiB a step.
const MOST_BYTES: usize = 900_000;

/// Writes Markdown; findings are gathered, since the totals come first.
pub struct Markdown<W> {
    out: W,
    rows: String,
    details: String,
    about: String,
    listed: usize,
    counts: [u64; 4],
    warned: u64,
    places: u64,
    suppressed: u64,
    practices: u64,
    total: usize,
}

impl<W: Write> Markdown<W> {
    /// A report into `out`. It never holds a value: summaries are shown to all who see the job.
    pub fn new(out: W) -> Markdown<W> {
        let (rows, details, about) = (String::new(), String::new(), String::new());
        let (listed, counts, warned, places, suppressed, practices, total) = (0, [0; 4], 0, 0, 0, 0, 0);
        Markdown { out, rows, details, about, listed, counts, warned, places, suppressed, practices, total }
    }

    /// Says below the title what was scanned; what stands between backticks is code.
    pub fn about(self, text: &str) -> Markdown<W> {
        Markdown { about: steps_text(text), ..self }
    }

    fn count(&mut self, record: &Record) {
        self.total += 1;
        match (&record.suppression, record.rule.is_practice) {
            (Some(_), _) => self.suppressed += 1,
            (None, true) => self.practices += 1,
            (None, false) if record.is_warning() => self.warned += 1,
            (None, false) => {
                self.counts[record.rule.severity as usize] += 1;
                self.places += record.count();
            }
        }
    }

    fn title(&self, summary: &Summary) -> String {
        let secrets: u64 = self.counts.iter().sum();
        match (secrets, summary.is_partial()) {
            (0, false) if self.warned > 0 => "## ✅ No secrets that count".to_owned(),
            (0, false) => "## ✅ No secrets found".to_owned(),
            (0, true) => "## ⚠️ No secrets that count, but not everything was scanned".to_owned(),
            (secrets, _) => format!("## 🚨 {} in {}", counted(secrets, "secret"), counted(self.places, "place")),
        }
    }

    fn severities(&self) -> String {
        let all = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low];
        let some = all.into_iter().map(|severity| (severity, self.counts[severity as usize]));
        let some = some.filter(|(_, count)| *count > 0);
        let mut words: Vec<String> =
            some.map(|(severity, count)| format!("**{count} {}**", severity.as_str())).collect();
        words.extend((self.warned > 0).then(|| format!("{} not counting", self.warned)));
        words.extend((self.practices > 0).then(|| counted(self.practices, "risky practice")));
        words.extend((self.suppressed > 0).then(|| format!("{} suppressed", self.suppressed)));
        words.join(" · ")
    }
}

impl<W: Write> Report for Markdown<W> {
    fn record(&mut self, record: &Record) -> io::Result<()> {
        self.count(record);
        if self.listed < MOST_FINDINGS && self.rows.len() + self.details.len() < MOST_BYTES {
            self.listed += 1;
            self.rows.push_str(&row(record));
            if self.listed <= MOST_DETAILS && record.suppression.is_none() {
                self.details.push_str(&detail(record));
            }
        }
        Ok(())
    }

    fn finish(&mut self, summary: &Summary) -> io::Result<()> {
        writeln!(self.out, "{}\n", self.title(summary))?;
        if !self.about.is_empty() {
            writeln!(self.out, "{}\n", self.about)?;
        }
        let severities = self.severities();
        if !severities.is_empty() {
            writeln!(self.out, "{severities}\n")?;
        }
        self.out.write_all(missed(summary).as_bytes())?;
        if !self.rows.is_empty() {
            writeln!(
                self.out,
                "| severity | secret | place | stands | since | fingerprint |\n|---|---|---|---|---|---|"
            )?;
            writeln!(self.out, "{}", self.rows)?;
            if self.total > self.listed {
                writeln!(
                    self.out,
                    "and {} more; `stopleak scan --format html` lists all.\n",
                    self.total - self.listed
                )?;
            }
            self.out.write_all(self.details.as_bytes())?;
        }
        let left = [
            (summary.suppressed, "suppressed"),
            (summary.below_gate, "below the gate"),
            (summary.known, "known before"),
        ];
        let left = left.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!(" · {count} {what}"));
        let (left, version) = (left.collect::<String>(), env!("CARGO_PKG_VERSION"));
        writeln!(
            self.out,
            "<sub>stopleak {version}: {}, {} bytes scanned{left}</sub>",
            counted(summary.blobs, "blob"),
            summary.bytes
        )?;
        self.out.flush()
    }
}

/// What was not scanned stands above the findings.
fn missed(summary: &Summary) -> String {
    let missed: Vec<_> = summary.warnings.iter().filter(|warning| warning.unscanned).collect();
    if missed.is_empty() {
        return String::new();
    }
    let mut text = format!("> [!WARNING]\n> **Not scanned: {}**\n", counted(missed.len() as u64, "item"));
    for warning in missed.iter().take(MOST_WARNINGS) {
        _ = writeln!(text, "> - {}: {}", code(&warning.object), plain(&warning.message));
    }
    if missed.len() > MOST_WARNINGS {
        _ = writeln!(text, "> - and {} more", missed.len() - MOST_WARNINGS);
    }
    text.push('\n');
    text
}

fn row(record: &Record) -> String {
    let place = record.places.first().map(|place| cell(&place.name())).unwrap_or_default();
    let more = match record.count() {
        0 | 1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    let since = record.first_introduced().map(|first| date(first.time)).unwrap_or_default();
    let name = plain(&record.rule.name);
    let stands = match &record.suppression {
        Some(excuse) => plain(&excuse.words()),
        None if record.is_warning() => format!("{}, does not count", record.standing()),
        None => record.standing(),
    };
    format!(
        "| {} | {name} {} | {place}{more} | {stands} | {since} | {} |\n",
        record.rule.severity.as_str(),
        cell(record.value.redacted()),
        cell(&record.fingerprint)
    )
}

fn detail(record: &Record) -> String {
    let severity = record.rule.severity.as_str();
    let name = html(&record.rule.name);
    let first = record.places.first().map(|place| html(&place.name())).unwrap_or_default();
    let mut text = format!("<details><summary>{severity}: {name} at <code>{first}</code></summary>\n\n");
    for place in record.places.iter().take(MOST_PLACES) {
        let commit = (place.introduced.as_ref())
            .map(|introduced| format!(", commit {}, {}", code(introduced.short()), date(introduced.time)));
        _ = writeln!(text, "- {}{}", code(&place.name()), commit.unwrap_or_default());
    }
    if record.count() > MOST_PLACES as u64 {
        _ = writeln!(text, "- and {} more", record.count() - MOST_PLACES as u64);
    }
    let reasons: Vec<String> = record.evidence.iter().map(|reason| plain(&reason.words())).collect();
    let percent = (record.confidence * 100.0).floor().min(99.0);
    _ = writeln!(
        text,
        "\n{percent:.0} % sure: {}. Validity: {}.\n",
        reasons.join(", "),
        plain(&record.validity_words())
    );
    if let Some(vault) = record.vault_words() {
        _ = writeln!(text, "In the vault: {}.\n", plain(&vault));
    }
    if let Some(ruling) = &record.decision {
        _ = writeln!(text, "{}\n", plain(&capital(&ruling.words())));
    }
    for (number, (title, what)) in (1..).zip(remedy::steps(record)) {
        _ = writeln!(text, "{number}. **{}**: {}", plain(&title), steps_text(&what));
    }
    text.push_str("\n</details>\n\n");
    text
}

fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}

/// Advice of rules may hold code between backticks, which stays; the rest is made harmless.
fn steps_text(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let is_paired = text.matches('`').count().is_multiple_of(2);
    if !is_paired {
        return plain(text);
    }
    parts.map(|(index, part)| if index % 2 == 1 { code(part) } else { plain(part) }).collect()
}

/// Code in a table, which ends a cell at every bar.
fn cell(text: &str) -> String {
    code(text).replace('|', "\\|")
}

/// Text between backticks; a path may hold backticks and line breaks.
fn code(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() || is_turning(c) { '\u{fffd}' } else { c }).collect();
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(longest + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Text that is nothing but text: no link, no image, no mention, no markup.
fn plain(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut escaped, c| {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '@' => escaped.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' => {
                escaped.push('\\');
                escaped.push(c);
            }
            c if c.is_control() || is_turning(c) => escaped.push(' '),
            c => escaped.push(c),
        }
        escaped
    })
}

/// Text inside an HTML element; some services read Markdown there, too.
fn html(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut escaped, c| {
        match c {
            '&' | '<' | '>' | '@' | '`' | '[' | ']' | '*' | '_' | '!' | '\\' => {
                escaped.push_str(&format!("&#{};", u32::from(c)));
            }
            c if c.is_control() || is_turning(c) => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
        escaped
    })
}

/// Characters that turn the text after them around.
fn is_turning(c: char) -> bool {
    matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn counted(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
