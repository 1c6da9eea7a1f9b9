//! The report for people: one block a finding with the place first, the reasons in words and what to do.

use super::{BOLD, DIM, clean, severity_style, words};
use std::collections::HashSet;
use std::io::{self, Write};
use stopleak_core::report::{ImagePlace, Introduced, Place, Record, Report, Source, Summary};

const MOST_PLACES: usize = 3;

/// Writes the text report; the stream beneath strips colour where it cannot be shown.
pub struct Text<W> {
    out: W,
    quiet: bool,
    places: u64,
}

impl<W: Write> Text<W> {
    /// A report into `out`; a quiet one ends without totals.
    pub fn new(out: W, quiet: bool) -> Text<W> {
        Text { out, quiet, places: 0 }
    }

    fn row(&mut self, label: &str, text: &str) -> io::Result<()> {
        writeln!(self.out, "  {DIM}{label:<5}{DIM:#} {text}")
    }

    fn head(&mut self, record: &Record) -> io::Result<()> {
        let (severity, style) = (record.rule.severity.as_str(), severity_style(record.rule.severity));
        let (name, shown) = (clean(&record.rule.name), clean(record.value.redacted()));
        writeln!(self.out, "{style}{severity}{style:#}  {BOLD}{name}{BOLD:#}  {shown}")
    }

    /// A value shown in clear, a row a line.
    fn value(&mut self, record: &Record) -> io::Result<()> {
        let value = record.value.print();
        let lines = value.lines().map(clean).collect::<Vec<_>>();
        lines.iter().enumerate().try_for_each(|(n, line)| self.row(if n == 0 { "value" } else { "" }, line))
    }
}

impl<W: Write> Report for Text<W> {
    fn record(&mut self, record: &Record) -> io::Result<()> {
        let (places, since) = current(record);
        if !record.rule.is_practice {
            self.places += places.len() as u64 + record.more_places;
        }
        self.head(record)?;
        if let Some((first, others)) = places.split_first() {
            let since = since.map(|introduced| format!("  since {}", commit(introduced))).unwrap_or_default();
            self.row("at", &format!("{}{}{since}", place(first, BOLD), story(first)))?;
            for (rule, at) in &first.parts {
                self.row("with", &format!("{} at line {}", clean(rule), at.line))?;
            }
            if let Some(others) = further(others, record.more_places) {
                self.row("also", &others)?;
            }
        }
        if record.value.shown().is_some() {
            self.value(record)?;
        }
        for (label, value) in &record.facts {
            self.row(label, &clean(value))?;
        }
        if record.validity != "unchecked" {
            self.row("state", &clean(&record.validity_words()))?;
        }
        for place in record.vault.iter().take(5) {
            self.row("vault", &clean(&place.words()))?;
        }
        self.row("why", &confidence(record))?;
        self.row("fix", &clean(record.rule.advice()))?;
        if let Some(excuse) = &record.suppression {
            self.row("note", &clean(&format!("not counted: {}", excuse.words())))?;
        }
        if let (None, Some(ruling)) = (&record.suppression, &record.decision) {
            self.row("note", &clean(&ruling.words()))?;
        }
        self.row("id", &format!("{DIM}{} {}{DIM:#}", clean(&record.rule.id), record.fingerprint))?;
        writeln!(self.out)
    }

    fn repeated(&mut self, record: &Record) -> io::Result<()> {
        if !record.rule.is_practice {
            self.places += record.count().saturating_sub(1);
        }
        let (name, shown) = (clean(&record.rule.name), clean(record.value.redacted()));
        writeln!(self.out, "{BOLD}{name}{BOLD:#}  {shown}  was seen in {}", words::counted(record.count(), "place"))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
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
    let secrets = summary.findings.saturating_sub(summary.practices);
    let found = match (secrets, places) {
        (0, _) => format!("{BOLD}No secrets found{BOLD:#}"),
        (secrets, Some(places)) => {
            format!("{BOLD}{}{BOLD:#} in {}", words::counted(secrets, "secret"), words::counted(places, "place"))
        }
        (secrets, None) => format!("{BOLD}{}{BOLD:#}", words::counted(secrets, "secret")),
    };
    let practices = match summary.practices {
        0 => String::new(),
        count => format!(", {}", words::counted(count, "risky practice")),
    };
    let left_out = [(summary.suppressed, "suppressed"), (summary.below_gate, "below the gate")];
    let left_out = left_out.iter().filter(|(count, _)| *count > 0);
    let left_out: String = left_out.map(|(count, why)| format!(", {} {why}", words::count(*count))).collect();
    let (blobs, bytes) = (words::counted(summary.blobs, "blob"), words::bytes(summary.bytes));
    format!("{found}{practices}{left_out} {DIM}· {blobs}, {bytes} in {}{DIM:#}", words::duration(summary.elapsed))
}

/// The places worth a look, and the commit that brought the first one: an older version of a file that still holds
/// the secret is the same place.
fn current(record: &Record) -> (Vec<&Place>, Option<&Introduced>) {
    let places: Vec<&Place> = record.places.iter().collect();
    let Some(first) = places.first().copied() else { return (places, None) };
    let today: HashSet<&str> = places.iter().filter(|p| !is_history(p)).filter_map(|p| p.path.as_deref()).collect();
    let is_older =
        |place: &&&Place| is_history(place) && place.path.as_deref().is_some_and(|path| today.contains(path));
    let since = places.iter().filter(is_older).find(|older| older.path == first.path);
    let since = since.and_then(|older| older.introduced.as_ref());
    (places.iter().filter(|place| !is_older(place)).copied().collect(), since)
}

fn is_history(place: &Place) -> bool {
    place.introduced.is_some()
}

/// `path:line:column`, which terminals and editors open; in an image or archive `image › layer › jar › path:line:column`.
fn place(place: &Place, style: anstyle::Style) -> String {
    let at = place.position;
    let name = match (&place.path, place.source) {
        (Some(_), _) => place.chain.join(" › "),
        // Its id stands behind it.
        (None, Source::Message) => {
            place.origin.rsplit_once(' ').map_or(place.origin.as_str(), |(kind, _)| kind).to_owned()
        }
        (None, _) => place.origin.clone(),
    };
    format!("{style}{}{style:#}:{}:{}", clean(&name), at.line, at.column)
}

/// Where a place of history came from, and how the text was hidden.
fn story(place: &Place) -> String {
    let mut story = String::new();
    if place.source == Source::Index {
        story.push_str("  staged");
    }
    if let Some(introduced) = &place.introduced {
        story.push_str(&format!("  {}", commit(introduced)));
    }
    if let Some(image) = &place.image {
        story.push_str(&in_image(image));
    }
    if let Some(log) = place.printed_by() {
        story.push_str(&format!("  {}", clean(&log)));
    }
    if !place.trail.is_empty() {
        story.push_str(&format!("  inside {}", clean(&place.trail.join(" › "))));
    }
    story
}

/// What became of it in the image, and the step that made its layer.
fn in_image(image: &ImagePlace) -> String {
    let fate = match image.fate.as_deref() {
        Some(fate) if image.is_buried() => format!("  {} in a later layer", clean(fate)),
        Some(_) => String::new(),
        None => "  image configuration".to_owned(),
    };
    let made_by = image.step.as_deref().map(|step| format!("  by {}", clean(step)));
    fate + &made_by.unwrap_or_default()
}

fn commit(introduced: &Introduced) -> String {
    let day = stopleak_core::time::date(introduced.time);
    format!("commit {}, {}, {day}", clean(introduced.short()), clean(introduced.name()))
}

/// A few more places and how many there are beyond them.
fn further(others: &[&Place], unlisted: u64) -> Option<String> {
    let listed = others.iter().take(MOST_PLACES).map(|other| match &other.introduced {
        Some(introduced) => {
            format!("{} ({})", place(other, anstyle::Style::new()), clean(introduced.short()))
        }
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

fn confidence(record: &Record) -> String {
    let percent = (record.confidence * 100.0).floor().clamp(0.0, 100.0);
    match words::reasons(&record.evidence) {
        reasons if reasons.is_empty() => format!("{percent:.0} % sure"),
        reasons => format!("{percent:.0} % sure: {reasons}"),
    }
}

#[cfg(test)]
#[path = "../../../tests/support/finding.rs"]
mod made;

#[cfg(test)]
mod tests {
    use super::made::{self, finding, in_history, on_disk};
    use super::*;
    use std::time::Duration;
    use stopleak_core::Finding;
    use stopleak_core::Severity;
    use stopleak_core::finding::Suppression;
    use stopleak_core::report::Secrets;

    fn text(findings: &[Finding], secrets: Secrets) -> String {
        let mut out = anstream::StripStream::new(Vec::new());
        let mut report = Text::new(&mut out, false);
        findings.iter().for_each(|finding| report.record(&Record::new(finding, secrets)).unwrap());
        let summary = Summary {
            blobs: 1_234,
            bytes: 56_300_000,
            elapsed: Duration::from_millis(420),
            findings: findings.len() as u64,
            suppressed: 2,
            ..Summary::default()
        };
        report.finish(&summary).unwrap();
        String::from_utf8(out.into_inner()).unwrap()
    }

    #[test]
    fn a_finding_is_one_block() {
        let mut first = on_disk("src/app.env", 3);
        first.parts = vec![("acme.key-id".into(), first.position)];
        first.trail = vec!["utf-16le".into()];
        let mut places: Vec<stopleak_core::Occurrence> =
            (1..=5).map(|n| in_history("old.env", 7, n, 1_709_296_200 + i64::from(n))).collect();
        places.push(first);
        places.push(in_history("src/app.env", 2, 8, 1_709_300_000));
        let everywhere = finding(1, places);
        let mut history = finding(2, vec![in_history("gone.env", 1, 9, 951_782_400)]);
        history.rule = std::sync::Arc::new(made::rule("acme.webhook", Severity::Medium));
        history.suppression = Some(Suppression::Allowlist { reason: "sample".into() });
        insta::assert_snapshot!(text(&[everywhere, history], Secrets::Redacted));
    }

    #[test]
    fn nothing_found_is_one_line() {
        assert_eq!(text(&[], Secrets::Redacted), "No secrets found, 2 suppressed · 1,234 blobs, 56.3 MB in 0.42 s\n");
    }

    #[test]
    fn the_value_shows_only_when_asked() {
        let one = finding(1, vec![on_disk("a", 1)]);
        let value = String::from_utf8(one.secret.expose().to_vec()).unwrap();
        assert!(!text(std::slice::from_ref(&one), Secrets::Redacted).contains(&value));
        assert!(text(&[one], Secrets::Shown).contains(&format!("value {value}")));
    }

    #[test]
    fn text_from_outside_cannot_drive_the_terminal() {
        let mut hostile = finding(1, vec![on_disk("a\u{1b}[2Jb\u{202e}c\nd", 1)]);
        hostile.key = "\u{1b}]0;x\u{7}".into();
        let shown = text(&[hostile], Secrets::Redacted);
        assert!(!shown.contains('\u{1b}') && !shown.contains('\u{202e}') && !shown.contains("c\nd"), "{shown}");
    }
}
