//! JUnit XML: a finding is a test that failed, so every build server shows it; what was not scanned is an error.
//!
//! There is no official schema; what build servers read is gathered at <https://github.com/testmoapp/junitxml>.

use super::{Record, Report, Summary, remedy};
use std::fmt::Write as _;
use std::io::{self, Write};

/// Writes JUnit XML; test cases are gathered, since their counts stand above them.
pub struct Junit<W> {
    out: W,
    /// One suite a rule, in the order of the findings.
    suites: Vec<Suite>,
}

struct Suite {
    rule: String,
    tests: u64,
    failures: u64,
    skipped: u64,
    cases: String,
}

impl<W: Write> Junit<W> {
    /// A report into `out`. It never holds a value: build servers keep these for all to see.
    pub fn new(out: W) -> Junit<W> {
        Junit { out, suites: Vec::new() }
    }
}

impl<W: Write> Report for Junit<W> {
    fn record(&mut self, record: &Record) -> io::Result<()> {
        let index = self.suites.iter().position(|suite| suite.rule == record.rule.id).unwrap_or_else(|| {
            let rule = record.rule.id.clone();
            self.suites.push(Suite { rule, tests: 0, failures: 0, skipped: 0, cases: String::new() });
            self.suites.len() - 1
        });
        let suite = &mut self.suites[index];
        suite.tests += 1;
        match passed(record) {
            Some(_) => suite.skipped += 1,
            None => suite.failures += 1,
        }
        suite.cases.push_str(&case(record));
        Ok(())
    }

    fn finish(&mut self, summary: &Summary) -> io::Result<()> {
        let scan = scan_suite(summary);
        let sum = |count: fn(&Suite) -> u64| self.suites.iter().map(count).sum::<u64>();
        let (tests, failures, skipped) =
            (sum(|suite| suite.tests), sum(|suite| suite.failures), sum(|suite| suite.skipped));
        let errors = scan.errors;
        let seconds = summary.elapsed.as_secs();
        writeln!(self.out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
        writeln!(
            self.out,
            "<testsuites name=\"stopleak\" tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"{seconds}\">",
            tests + scan.tests
        )?;
        for suite in &self.suites {
            let Suite { rule, tests, failures, skipped, cases } = suite;
            writeln!(
                self.out,
                "  <testsuite name=\"{}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\" time=\"0\">\n{cases}  </testsuite>",
                escape(rule)
            )?;
        }
        writeln!(
            self.out,
            "  <testsuite name=\"scan\" tests=\"{}\" failures=\"0\" errors=\"{errors}\" skipped=\"0\" time=\"{seconds}\">\n{}  </testsuite>",
            scan.tests, scan.cases
        )?;
        writeln!(self.out, "</testsuites>")?;
        self.out.flush()
    }
}

/// Why it is no failure: it is suppressed, or the policy only warns of it.
fn passed(record: &Record) -> Option<String> {
    let warned = || record.decision.as_ref().filter(|_| record.is_warning()).map(super::Ruling::words);
    record.suppression.as_ref().map(super::Excuse::words).or_else(warned)
}

fn case(record: &Record) -> String {
    let first = record.places.first();
    let place = first.map(|place| place.name()).unwrap_or_default();
    let file = first.and_then(|place| place.path.as_deref()).unwrap_or_default();
    let line = first.map_or(1, |place| place.position.line);
    let name = format!("{} {} at {place}", record.rule.name, record.value.redacted());
    let mut case = format!(
        "    <testcase name=\"{}\" classname=\"{}\" file=\"{}\" line=\"{line}\" time=\"0\">\n",
        escape(&name),
        escape(&record.rule.id),
        escape(file)
    );
    match passed(record) {
        Some(why) => _ = writeln!(case, "      <skipped message=\"{}\"/>", escape(&why)),
        None => {
            let severity = record.rule.severity.as_str();
            let message = format!("{severity}: {name}");
            _ = writeln!(
                case,
                "      <failure message=\"{}\" type=\"{severity}\">{}</failure>",
                escape(&message),
                escape(&body(record))
            );
        }
    }
    case.push_str("    </testcase>\n");
    case
}

fn body(record: &Record) -> String {
    let mut body = String::new();
    for place in record.places.iter().take(20) {
        let commit = place.commit().map(|commit| format!(" in commit {commit}")).unwrap_or_default();
        _ = writeln!(body, "{}{commit}", place.name());
    }
    if record.count() > 20 {
        _ = writeln!(body, "and {} more places", record.count() - 20);
    }
    let reasons: Vec<String> = record.evidence.iter().map(super::Reason::words).collect();
    _ = writeln!(
        body,
        "\nConfidence {}, validity {}, {}",
        record.confidence,
        record.validity_words(),
        record.standing()
    );
    _ = writeln!(body, "Why: {}", reasons.join(", "));
    if let Some(vault) = record.vault_words() {
        _ = writeln!(body, "In the vault: {vault}");
    }
    for (number, (title, text)) in (1..).zip(remedy::steps(record)) {
        _ = writeln!(body, "{number}. {title}. {text}");
    }
    _ = write!(body, "Fingerprint {}", record.fingerprint);
    body
}

/// The scan itself: a test that passes when everything was scanned.
struct ScanSuite {
    tests: u64,
    errors: u64,
    cases: String,
}

fn scan_suite(summary: &Summary) -> ScanSuite {
    let missed: Vec<_> = summary.warnings.iter().filter(|warning| warning.unscanned).collect();
    let cases: String = (missed.iter())
        .map(|warning| {
            let (object, message) = (escape(&warning.object), escape(&warning.message));
            format!(
                "    <testcase name=\"{object}\" classname=\"scan\" time=\"0\">\n      <error message=\"not scanned: {message}\" type=\"{}\"/>\n    </testcase>\n",
                escape(warning.code)
            )
        })
        .collect();
    match missed.len() as u64 {
        0 => ScanSuite {
            tests: 1,
            errors: 0,
            cases: "    <testcase name=\"everything was scanned\" classname=\"scan\" time=\"0\"/>\n".to_owned(),
        },
        errors => ScanSuite { tests: errors, errors, cases },
    }
}

/// XML 1.0 cannot hold most control characters, not even escaped.
fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut escaped, c| {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
        escaped
    })
}
