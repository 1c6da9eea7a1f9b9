//! How far an archive is unpacked: every bound, what was spent of it, and which one stopped the work.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::time::{Duration, Instant};

/// Bytes that may come out of any archive before its ratio counts: small files of zeros are no bombs.
const RATIO_FROM: u64 = 64 << 20;

/// The bounds of one archive: a file, a blob or a stream with everything inside it, at any depth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Archives inside archives; a compressed one counts once. Default 10.
    pub max_depth: u32,
    /// Bytes that come out, at all depths together, for each byte of the archive; the first 64 MiB are free.
    /// Default 2500: deflate reaches 1032 on zeros, and a tar inside counts once more.
    pub max_ratio: u64,
    /// Bytes that come out, at all depths together. Default 1 TiB.
    pub max_bytes: u64,
    /// Members, at all depths together. Default ten million.
    pub max_entries: u64,
    /// Bytes that windows of decoders, and members held whole because their format needs seeking, may take at once.
    /// Default 224 MiB, enough for `zstd --ultra -22`, or `xz -9` in another.
    pub max_memory: u64,
    /// From the first byte of the archive to the last. Default one hour.
    pub max_time: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_depth: 10,
            max_ratio: 2_500,
            max_bytes: 1 << 40,
            max_entries: 10_000_000,
            max_memory: 224 << 20,
            max_time: Duration::from_secs(3_600),
        }
    }
}

/// The limit that was hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// `max_depth`; the rest goes on.
    Depth(u32),
    /// `max_memory`; the rest goes on.
    Memory(u64),
    /// `max_ratio`.
    Ratio(u64),
    /// `max_bytes`.
    Bytes(u64),
    /// `max_entries`.
    Entries(u64),
    /// `max_time`.
    Time(Duration),
}

impl Stop {
    /// Whether nothing more of the archive is read.
    pub fn is_final(self) -> bool {
        !matches!(self, Stop::Depth(_) | Stop::Memory(_))
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::Depth(most) => write!(f, "archives are nested deeper than {most}"),
            Stop::Memory(most) => write!(f, "unpacking it needs more than {most} bytes of memory"),
            Stop::Ratio(most) => write!(f, "more than {most} bytes came out for each byte of the archive"),
            Stop::Bytes(most) => write!(f, "more than {most} bytes came out of the archive"),
            Stop::Entries(most) => write!(f, "the archive has more than {most} members"),
            Stop::Time(most) => write!(f, "unpacking took longer than {} s", most.as_secs_f64()),
        }
    }
}

impl std::error::Error for Stop {}

impl From<Stop> for io::Error {
    fn from(stop: Stop) -> io::Error {
        io::Error::other(stop)
    }
}

/// What one archive has used of its limits.
pub struct Budget {
    /// The bounds.
    pub limits: Limits,
    started: Instant,
    /// Bytes of the outermost archive: all of them, or as many as were read.
    input: Cell<u64>,
    bytes: Cell<u64>,
    entries: Cell<u64>,
    memory: Cell<u64>,
    stopped: Cell<Option<Stop>>,
}

impl Budget {
    /// A budget for an archive of `input` bytes; zero when they are counted as they come.
    pub fn new(limits: &Limits, input: u64) -> Budget {
        Budget {
            limits: limits.clone(),
            started: Instant::now(),
            input: Cell::new(input),
            bytes: Cell::new(0),
            entries: Cell::new(0),
            memory: Cell::new(0),
            stopped: Cell::new(None),
        }
    }

    /// The final limit that was hit: decoders wrap errors beyond recognition, this does not.
    pub fn stopped(&self) -> Option<Stop> {
        self.stopped.get()
    }

    /// Counts bytes read of the outermost archive.
    pub fn feed(&self, bytes: u64) {
        self.input.set(self.input.get() + bytes);
    }

    /// Counts bytes that came out.
    pub fn charge(&self, bytes: u64) -> Result<(), Stop> {
        let total = self.bytes.get().saturating_add(bytes);
        self.bytes.set(total);
        let limits = &self.limits;
        let stop = if total > limits.max_bytes {
            Stop::Bytes(limits.max_bytes)
        } else if total > RATIO_FROM && (total - RATIO_FROM) / limits.max_ratio.max(1) > self.input.get() {
            Stop::Ratio(limits.max_ratio)
        } else if self.started.elapsed() > limits.max_time {
            Stop::Time(limits.max_time)
        } else {
            return self.stopped.get().map_or(Ok(()), Err);
        };
        self.stop(stop)
    }

    /// Counts one member.
    pub fn enter(&self) -> Result<(), Stop> {
        self.entries.set(self.entries.get() + 1);
        match self.entries.get() > self.limits.max_entries {
            true => self.stop(Stop::Entries(self.limits.max_entries)),
            false => self.charge(0),
        }
    }

    /// Bytes of memory that are still free.
    pub fn free(&self) -> u64 {
        self.limits.max_memory.saturating_sub(self.memory.get())
    }

    /// Takes memory until the reservation is dropped.
    pub fn reserve(&self, bytes: u64) -> Result<Reserved<'_>, Stop> {
        if bytes > self.free() {
            return Err(Stop::Memory(self.limits.max_memory));
        }
        self.memory.set(self.memory.get() + bytes);
        Ok(Reserved { budget: self, bytes })
    }

    fn stop(&self, stop: Stop) -> Result<(), Stop> {
        self.stopped.set(Some(self.stopped.get().unwrap_or(stop)));
        Err(stop)
    }
}

/// Memory taken from a budget, given back when dropped.
pub struct Reserved<'b> {
    budget: &'b Budget,
    bytes: u64,
}

impl Reserved<'_> {
    /// The limit as the reason why no more is taken.
    pub fn refusal(&self) -> Stop {
        Stop::Memory(self.budget.limits.max_memory)
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        self.budget.memory.set(self.budget.memory.get() - self.bytes);
    }
}
