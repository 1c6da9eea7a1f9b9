//! CSV, one line a place: for spreadsheets, so no cell may begin a formula.

use super::time::rfc3339;
use super::{Place, Record, Report, Summary};
use std::io::{self, Write};

/// The columns, in their order.
const COLUMNS: [&str; 26] = [
    "severity",
    "rule",
    "name",
    "provider",
    "confidence",
    "validity",
    "fingerprint",
    "secret",
    "key",
    "path",
    "line",
    "column",
    "end_line",
    "end_column",
    "source",
    "in_head",
    "commit",
    "author",
    "time",
    "origin",
    "suppression",
    "why",
    "fix",
    "decision",
    "verification",
    "vault",
];

/// Writes CSV with a header line, as RFC 4180 has it.
pub struct Csv<W> {
    out: W,
    began: bool,
}

impl<W: Write> Csv<W> {
    /// A report into `out`.
    pub fn new(out: W) -> Csv<W> {
        Csv { out, began: false }
    }

    fn begin(&mut self) -> io::Result<()> {
        if !self.began {
            self.began = true;
            self.line(COLUMNS.map(str::to_owned))?;
        }
        Ok(())
    }

    fn line(&mut self, cells: [String; COLUMNS.len()]) -> io::Result<()> {
        let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
        write!(self.out, "{}\r\n", cells.join(","))
    }
}

impl<W: Write> Report for Csv<W> {
    fn record(&mut self, record: &Record) -> io::Result<()> {
        self.begin()?;
        record.places.iter().try_for_each(|place| self.line(cells(record, place)))
    }

    fn finish(&mut self, summary: &Summary) -> io::Result<()> {
        self.begin()?;
        // A table without them would look complete.
        for warning in summary.warnings.iter().filter(|warning| warning.unscanned) {
            let mut cells = [const { String::new() }; COLUMNS.len()];
            cells[0] = "not scanned".to_owned();
            cells[1] = warning.code.to_string();
            cells[9] = warning.object.clone();
            cells[21] = warning.message.clone();
            self.line(cells)?;
        }
        self.out.flush()
    }
}

fn cells(record: &Record, place: &Place) -> [String; COLUMNS.len()] {
    let at = place.position;
    let introduced = place.introduced.as_ref();
    let why: Vec<String> = record.evidence.iter().map(|one| format!("{} {:+.1}", one.words(), one.weight)).collect();
    [
        record.rule.severity.as_str().to_owned(),
        record.rule.id.clone(),
        record.rule.name.clone(),
        record.rule.provider_name.clone(),
        record.confidence.to_string(),
        record.validity.clone(),
        record.fingerprint.clone(),
        record.value.print().into_owned(),
        record.key.clone(),
        place.path.clone().unwrap_or_default(),
        at.line.to_string(),
        at.column.to_string(),
        at.end_line.to_string(),
        at.end_column.to_string(),
        place.source.as_str().to_owned(),
        place.in_head.map(|is| is.to_string()).unwrap_or_default(),
        place.commit().unwrap_or_default().to_owned(),
        introduced.map(|introduced| introduced.author.clone()).unwrap_or_default(),
        introduced.map(|introduced| rfc3339(introduced.time)).unwrap_or_default(),
        place.origin.clone(),
        place.suppression.as_ref().map(|excuse| excuse.words()).unwrap_or_default(),
        why.join("; "),
        record.rule.advice().to_owned(),
        record.decision.as_ref().map(|ruling| ruling.words()).unwrap_or_default(),
        record.verification.words(),
        record.vault_words().unwrap_or_default(),
    ]
}

/// Quoted where it must be. A spreadsheet runs a cell that begins with `=`, `+`, `-`, `@`, a tab or a line break as a
/// formula, spaces before it or not: an apostrophe in front makes it text.
/// <https://owasp.org/www-community/attacks/CSV_Injection>
fn cell(text: &str) -> String {
    let begins = text.trim_start_matches([' ', '\u{feff}', '\u{a0}']).chars().next();
    let is_formula = matches!(
        begins,
        Some(
            '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}' | '|' | '%'
        )
    );
    let safe = if is_formula { format!("'{text}") } else { text.to_owned() };
    // A separator of other countries would end the cell there.
    match safe.contains(['"', ',', ';', '\t', '\r', '\n', '\'']) || safe.starts_with(' ') || safe.ends_with(' ') {
        true => format!("\"{}\"", safe.replace('"', "\"\"")),
        false => safe,
    }
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn no_cell_begins_a_formula() {
        let table = [
            ("plain/path.env", "plain/path.env"),
            ("=1+1", "\"'=1+1\""),
            ("  =cmd|' /C calc'!A0", "\"'  =cmd|' /C calc'!A0\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("-2", "\"'-2\""),
            ("\t=1", "\"'\t=1\""),
            ("a\"b", "\"a\"\"b\""),
            ("a,b;c\nd", "\"a,b;c\nd\""),
            ("", ""),
        ];
        for (text, expected) in table {
            assert_eq!(cell(text), expected, "{text}");
        }
    }
}
