//! JSON Lines: one object a line and occurrence, the summary last.

use super::{Report, Secrets, Summary, record};
use crate::finding::Finding;
use serde::Serialize;
use std::io::{self, Write};

/// Writes JSON Lines.
pub struct JsonLines<W> {
    out: W,
    secrets: Secrets,
}

impl<W: Write> JsonLines<W> {
    /// A report into `out`.
    pub fn new(out: W, secrets: Secrets) -> JsonLines<W> {
        JsonLines { out, secrets }
    }

    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, value)?;
        self.out.write_all(b"\n")
    }
}

impl<W: Write> Report for JsonLines<W> {
    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        record::lines(finding, self.secrets).try_for_each(|line| self.line(&line))
    }

    fn repeated(&mut self, finding: &Finding) -> io::Result<()> {
        self.line(&record::repeated(finding))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn finish(&mut self, summary: &Summary) -> io::Result<()> {
        self.line(&record::end(summary))?;
        self.out.flush()
    }
}
