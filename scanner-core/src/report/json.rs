//! One JSON object: every finding with its occurrences, one finding a line, then the summary.

use super::{Report, Secrets, Summary, record};
use crate::finding::Finding;
use std::io::{self, Write};

/// Writes one JSON object.
pub struct Json<W> {
    out: W,
    secrets: Secrets,
    findings: u64,
}

impl<W: Write> Json<W> {
    /// A report into `out`.
    pub fn new(out: W, secrets: Secrets) -> Json<W> {
        Json { out, secrets, findings: 0 }
    }
}

impl<W: Write> Report for Json<W> {
    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        self.out.write_all(if self.findings == 0 { HEAD } else { b",\n" })?;
        self.findings += 1;
        Ok(serde_json::to_writer(&mut self.out, &record::whole(finding, self.secrets))?)
    }

    fn finish(&mut self, summary: &Summary) -> io::Result<()> {
        if self.findings == 0 {
            self.out.write_all(HEAD)?;
        }
        self.out.write_all(b"\n],\"summary\":")?;
        serde_json::to_writer(&mut self.out, &record::end(summary))?;
        self.out.write_all(b"}\n")?;
        self.out.flush()
    }
}

// The version counts changes that a reader must know of; new fields are none.
const HEAD: &[u8] = b"{\"version\":1,\"findings\":[\n";
