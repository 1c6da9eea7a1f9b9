//! What was told already, so that a scheduled scan tells of a secret once: one line a receiver, secret and state.

use super::event::{Event, Kind};
use crate::finding::{Finding, Validity};
use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file of what was told; it holds fingerprints, no secrets.
#[derive(Debug)]
pub struct Seen {
    path: PathBuf,
    lines: BTreeSet<String>,
}

impl Seen {
    /// What this file says; nothing if there is none.
    pub fn open(path: &Path) -> io::Result<Seen> {
        let text = match std::fs::read(path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        Ok(Seen { path: path.to_owned(), lines: text.lines().map(str::to_owned).collect() })
    }

    /// What is new about a finding: that it is there, or that it works.
    pub fn news(&self, receiver: &str, finding: &Finding) -> Option<Kind> {
        let knows = |kind| self.lines.contains(&line(receiver, kind, finding.fingerprint.as_str()));
        match finding.validity {
            Validity::Active { .. } if !knows(Kind::NewlyActive) => Some(Kind::NewlyActive),
            Validity::Active { .. } => None,
            _ => (!knows(Kind::NewFinding) && !knows(Kind::NewlyActive)).then_some(Kind::NewFinding),
        }
    }

    /// Notes that the receiver knows.
    pub fn told(&mut self, receiver: &str, event: &Event) -> io::Result<()> {
        let line = line(receiver, event.kind, &event.fingerprint);
        let mut file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        // One write, so that processes do not mix their lines.
        file.write_all(format!("{line}\n").as_bytes())?;
        self.lines.insert(line);
        Ok(())
    }
}

fn line(receiver: &str, kind: Kind, fingerprint: &str) -> String {
    format!("{} {fingerprint} {}", kind.as_str(), receiver.replace(['\n', '\r'], " "))
}
