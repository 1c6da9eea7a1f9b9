//! One JSON object: every finding with its occurrences, one finding a line, then the summary.

use super::wire::{self, Rules};
use super::{Record, Report, Summary};
use std::io::{self, Write};

/// One finding with its occurrences, as it stands in a report.
pub fn to_value(record: &Record) -> serde_json::Value {
    serde_json::to_value(wire::whole(record)).unwrap_or_default()
}

/// Writes one JSON object.
pub struct Json<W> {
    out: W,
    findings: u64,
    rules: Rules,
}

impl<W: Write> Json<W> {
    /// A report into `out`.
    pub fn new(out: W) -> Json<W> {
        Json { out, findings: 0, rules: Rules::default() }
    }
}

impl<W: Write> Report for Json<W> {
    fn record(&mut self, record: &Record) -> io::Result<()> {
        self.out.write_all(if self.findings == 0 { HEAD } else { b",\n" })?;
        self.findings += 1;
        self.rules.add(record);
        Ok(serde_json::to_writer(&mut self.out, &wire::whole(record))?)
    }

    fn finish(&mut self, summary: &Summary) -> io::Result<()> {
        if self.findings == 0 {
            self.out.write_all(HEAD)?;
        }
        self.out.write_all(b"\n],\"summary\":")?;
        serde_json::to_writer(&mut self.out, &wire::end(summary, &self.rules))?;
        self.out.write_all(b"}\n")?;
        self.out.flush()
    }
}

// The version counts changes that a reader must know of; new fields are none.
const HEAD: &[u8] = b"{\"version\":1,\"findings\":[\n";
