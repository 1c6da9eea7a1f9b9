//! JSON Lines: one object a line and occurrence, the summary last.

use super::wire::{self, Rules};
use super::{Record, Report, Summary};
use serde::Serialize;
use std::io::{self, Write};

/// Writes JSON Lines.
pub struct JsonLines<W> {
    out: W,
    rules: Rules,
}

impl<W: Write> JsonLines<W> {
    /// A report into `out`.
    pub fn new(out: W) -> JsonLines<W> {
        JsonLines { out, rules: Rules::default() }
    }
}

fn line(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

impl<W: Write> Report for JsonLines<W> {
    fn record(&mut self, record: &Record) -> io::Result<()> {
        self.rules.add(record);
        wire::lines(record).try_for_each(|occurrence| line(&mut self.out, &occurrence))
    }

    fn repeated(&mut self, record: &Record) -> io::Result<()> {
        line(&mut self.out, &wire::repeated(record))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn finish(&mut self, summary: &Summary) -> io::Result<()> {
        line(&mut self.out, &wire::end(summary, &self.rules))?;
        self.out.flush()
    }
}
