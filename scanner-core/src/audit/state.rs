//! Where a log stands: the frontier of its tree and the end of its last file; kept in a small file so that adding an entry
//! reads none, and made anew from the entries when that file does not fit them.

use super::entry::{Entry, leaf, parse};
use super::tree::{Frontier, Hash};
use crate::secret::{from_hex, hex};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};

/// Larger than any that was written.
const MAX: u64 = 1 << 16;

/// Where a log stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub frontier: Frontier,
    /// The leaf of the last entry; zeros when there is none.
    pub previous: Hash,
    /// The leaf of the first entry, which names the log.
    pub origin: Hash,
    /// The first entry of the file that grows.
    pub first: u64,
    /// The end of the last entry in it.
    pub bytes: u64,
}

#[derive(Serialize, Deserialize)]
struct Written {
    size: u64,
    peaks: Vec<String>,
    previous: String,
    origin: String,
    first: u64,
    bytes: u64,
}

impl Default for State {
    fn default() -> State {
        State { frontier: Frontier::default(), previous: [0; 32], origin: [0; 32], first: 1, bytes: 0 }
    }
}

impl State {
    /// Goes past a line that must be the next entry.
    pub fn take(&mut self, line: &[u8]) -> Result<Entry, String> {
        let entry = parse(line, self.frontier.size() + 1, &self.previous)?;
        self.push(line);
        Ok(entry)
    }

    /// Goes past a line that was just made.
    pub fn push(&mut self, line: &[u8]) {
        let leaf = leaf(line);
        if self.frontier.size() == 0 {
            self.origin = leaf;
        }
        self.frontier.push(leaf);
        self.previous = leaf;
        self.bytes += line.len() as u64 + 1;
    }

    /// Begins the next file.
    pub fn turn(&mut self) {
        (self.first, self.bytes) = (self.frontier.size() + 1, 0);
    }

    /// What was kept; `None` when it is not whole.
    pub fn read(file: &mut File) -> std::io::Result<Option<State>> {
        let mut text = String::new();
        file.seek(SeekFrom::Start(0))?;
        match file.take(MAX).read_to_string(&mut text) {
            Err(error) if error.kind() != std::io::ErrorKind::InvalidData => Err(error),
            _ => Ok(State::parse(&text)),
        }
    }

    fn parse(text: &str) -> Option<State> {
        let (line, sum) = text.split_once('\n')?;
        if sum.strip_suffix('\n')? != hex(&Sha256::digest(line)) {
            return None;
        }
        let Written { size, peaks, previous, origin, first, bytes } = serde_json::from_str(line).ok()?;
        let peaks: Option<Vec<Hash>> = peaks.iter().map(|peak| from_hex(peak)).collect();
        Some(State {
            frontier: Frontier::from_peaks(size, peaks?)?,
            previous: from_hex(&previous)?,
            origin: from_hex(&origin)?,
            first,
            bytes,
        })
    }

    /// Keeps it. What is cut short is not whole, and made anew.
    pub fn write(&self, file: &mut File) -> std::io::Result<()> {
        let written = Written {
            size: self.frontier.size(),
            peaks: self.frontier.peaks().iter().map(|peak| hex(peak)).collect(),
            previous: hex(&self.previous),
            origin: hex(&self.origin),
            first: self.first,
            bytes: self.bytes,
        };
        let line = serde_json::to_string(&written).map_err(std::io::Error::other)?;
        let text = format!("{line}\n{}\n", hex(&Sha256::digest(&line)));
        file.seek(SeekFrom::Start(0))?;
        file.write_all(text.as_bytes())?;
        file.set_len(text.len() as u64)
    }
}
