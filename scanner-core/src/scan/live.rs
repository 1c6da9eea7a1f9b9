//! Standard input that may never end: what is found is told while it goes on, in bounded memory.
//!
//! The blocks are scanned as ever. Beside it, the last lines are looked at whenever nothing more comes for a moment: what
//! can no longer change is told at once. Each secret is told once; how often it was seen is known at the end.

use super::collect::{Findings, Name};
use super::text::TextScanner;
use super::{Part, Request, archives, stream, vaulted};
use crate::archive::{self, HEAD, Peeked};
use crate::blob::Origin;
use crate::decode;
use crate::detect::{Engine, Sliding};
use crate::finding::Finding;
use crate::warning::Warning;
use std::collections::HashSet;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Bytes read at a time.
const BLOCK: usize = 256 << 10;
/// Blocks that are read ahead.
const AHEAD: usize = 8;
/// Nothing more came for this long: the last lines are looked at.
const QUIET: Duration = Duration::from_millis(200);
/// They are looked at this often even though more keeps coming.
const BUSY: Duration = Duration::from_secs(1);
/// A stream that lasts longer is shown while it goes on; a shorter one that never pauses is reported whole.
const SHORT: Duration = Duration::from_secs(2);
/// How long a stream that was told to end may still give what it holds.
const GRACE: Duration = Duration::from_secs(2);
/// The most and the least of the last lines that is kept.
const TAIL: (usize, usize) = (512 << 10, 256 << 10);

/// Takes a finding; `Break` says that nobody listens.
pub type Show = dyn Fn(&Finding) -> ControlFlow<()> + Send + Sync;

/// Who is told of findings while standard input goes on, and who ends it.
pub struct Live {
    /// Is told of each secret once, at the first place it was seen; `Break` ends the scan.
    pub show: Box<Show>,
    /// Once set, what standard input still holds is scanned and the scan ends.
    pub stop: Arc<AtomicBool>,
}

/// Scans standard input until it ends, is ended, or nobody listens.
pub fn scan(request: &Request, engine: &Engine, live: &Live) -> Part {
    let shown = Shown { request, live, state: Mutex::default() };
    let mut scanner = TextScanner::new(engine);
    scanner.findings = Findings::endless();
    scanner.live = Some(&shown);
    let name = || "standard input".to_owned();
    let mut incoming = Incoming::new(&shown, engine);
    let read = Peeked::new(&mut incoming).and_then(|mut input| {
        let limits = request.archives.as_ref();
        if archives::scan_stream(&mut scanner, &mut input, limits, 0, &name, &request.progress) {
            return Ok(0);
        }
        let progress = |bytes| request.progress.add(0, bytes);
        stream::scan(&mut scanner, &mut input, stream::BLOCK, 0, &name, &progress)
    });
    let mut part = Part::default();
    if let Err(error) = read {
        let message = format!("cannot read on: {error}");
        part.warnings.push(Warning::unscanned("unreadable-input", name(), message));
    }
    request.progress.add(1, 0);
    scanner.tell();
    if let Some(count) = scanner.findings.left_out() {
        let message = format!("too many different secrets to remember: {count} more were seen and are not listed");
        part.warnings.push(Warning::unscanned("limit-findings", name(), message));
    }
    part.findings = scanner.findings;
    part.findings.complete_with(shown.take_early());
    part.warnings.append(&mut scanner.warnings);
    part.findings.place(&|_| vec![Origin::Stdin]);
    part
}

/// What was told so far.
pub struct Shown<'r> {
    request: &'r Request,
    live: &'r Live,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    names: HashSet<Name>,
    /// What was told before the scan of the blocks came to it.
    early: Findings,
    has_begun: bool,
    is_closed: bool,
}

impl Shown<'_> {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self) {
        self.lock().has_begun = true;
    }

    /// Tells of secrets that `findings` got since the last time.
    pub fn tell(&self, findings: &mut Findings, engine: &Engine) {
        let mut state = self.lock();
        if !state.has_begun {
            return;
        }
        let fresh: Vec<Name> = findings.take_fresh().into_iter().filter(|name| state.names.insert(*name)).collect();
        let fresh = fresh.iter().filter_map(|name| findings.preview(name, engine.rules(), &Origin::Stdin)).collect();
        self.show(&mut state, fresh);
    }

    /// Tells of what was seen in the last lines.
    fn tell_early(&self, mut seen: Findings, engine: &Engine) {
        let mut state = self.lock();
        seen.retain_names(|name| !state.names.contains(name));
        let names: Vec<Name> = seen.names().collect();
        let fresh = names.iter().filter_map(|name| seen.preview(name, engine.rules(), &Origin::Stdin)).collect();
        state.names.extend(names);
        state.early.absorb(seen);
        self.show(&mut state, fresh);
    }

    fn show(&self, state: &mut State, mut fresh: Vec<Finding>) {
        vaulted::mark(&mut fresh, &self.request.rules);
        // What it says of entries that nothing used is said at the end.
        let _ = self.request.suppressions.apply(&mut fresh);
        self.request.policy.apply(&mut fresh);
        fresh.sort_by(|a, b| a.occurrences.cmp(&b.occurrences).then_with(|| a.rule.id.cmp(&b.rule.id)));
        for finding in &fresh {
            if state.is_closed {
                return;
            }
            state.is_closed = (self.live.show)(finding).is_break();
        }
    }

    fn is_closed(&self) -> bool {
        self.lock().is_closed
    }

    fn take_early(&self) -> Findings {
        std::mem::take(&mut self.lock().early)
    }
}

/// Standard input as it arrives.
struct Incoming<'s, 'e> {
    shown: &'s Shown<'s>,
    blocks: Receiver<io::Result<Vec<u8>>>,
    block: Vec<u8>,
    at: usize,
    begun: Instant,
    stopped: Option<Instant>,
    has_ended: bool,
    scout: Scout<'e>,
}

impl<'s, 'e> Incoming<'s, 'e> {
    fn new(shown: &'s Shown<'s>, engine: &'e Engine) -> Incoming<'s, 'e> {
        let (sender, blocks) = sync_channel(AHEAD);
        std::thread::spawn(move || read(&mut io::stdin().lock(), &sender));
        let scout = Scout::new(engine);
        let begun = Instant::now();
        Incoming { shown, blocks, block: Vec::new(), at: 0, begun, stopped: None, has_ended: false, scout }
    }

    /// The next block; none at the end.
    fn next(&mut self) -> io::Result<bool> {
        while !self.is_over() {
            match self.blocks.recv_timeout(QUIET) {
                Ok(block) => {
                    (self.block, self.at) = (block?, 0);
                    self.scout.append(&self.block);
                    if self.begun.elapsed() > SHORT {
                        self.shown.begin();
                    }
                    if self.scout.looked.elapsed() > BUSY && self.begun.elapsed() > SHORT {
                        self.scout.look(self.shown);
                    }
                    return Ok(true);
                }
                // It gave all it had.
                Err(RecvTimeoutError::Timeout) if self.stopped.is_some() => break,
                Err(RecvTimeoutError::Timeout) => {
                    self.shown.begin();
                    self.scout.look(self.shown);
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.has_ended = true;
        Ok(false)
    }

    fn is_over(&mut self) -> bool {
        if self.stopped.is_none() && self.shown.live.stop.load(Ordering::Relaxed) {
            self.stopped = Some(Instant::now());
        }
        self.has_ended || self.shown.is_closed() || self.stopped.is_some_and(|stopped| stopped.elapsed() > GRACE)
    }
}

impl Read for Incoming<'_, '_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if room.is_empty() || (self.at == self.block.len() && !self.next()?) {
            return Ok(0);
        }
        let count = (&self.block[self.at..]).read(room)?;
        self.at += count;
        Ok(count)
    }
}

/// Sends what `from` gives, as it comes; ends with it, or when nobody listens.
fn read(from: &mut dyn Read, to: &SyncSender<io::Result<Vec<u8>>>) {
    let mut buffer = vec![0; BLOCK];
    loop {
        let block = match from.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => Ok(buffer[..count].to_vec()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let is_last = block.is_err();
        if to.send(block).is_err() || is_last {
            return;
        }
    }
}

/// Looks at the last lines ahead of the blocks.
struct Scout<'e> {
    engine: &'e Engine,
    scanner: Option<TextScanner<'e>>,
    text: Vec<u8>,
    /// The line that the text begins at, from 1.
    line: u32,
    /// Bytes of the text that the last look saw.
    seen: usize,
    looked: Instant,
    /// It is no text that can be looked at in pieces.
    is_blind: bool,
}

impl<'e> Scout<'e> {
    fn new(engine: &'e Engine) -> Scout<'e> {
        let looked = Instant::now();
        Scout { engine, scanner: None, text: Vec::new(), line: 1, seen: 0, looked, is_blind: false }
    }

    fn append(&mut self, block: &[u8]) {
        if self.is_blind {
            return;
        }
        self.text.extend_from_slice(block);
        if self.text.len() > TAIL.0 {
            let head = &self.text[..self.text.len() - TAIL.1];
            let cut = memchr::memrchr(b'\n', head).map_or(head.len(), |newline| newline + 1);
            let lines = memchr::memchr_iter(b'\n', &head[..cut]).count();
            self.line = self.line.saturating_add(lines as u32);
            self.seen = self.seen.saturating_sub(cut);
            self.text.drain(..cut);
        }
    }

    fn look(&mut self, shown: &Shown<'_>) {
        self.looked = Instant::now();
        let end = memchr::memrchr(b'\n', &self.text).map_or(0, |newline| newline + 1);
        if end <= self.seen || self.is_blind {
            return;
        }
        let head = &self.text[..end.min(HEAD)];
        self.is_blind = self.line == 1 && (archive::kind(head).is_some() || decode::wide(head).is_some());
        if self.is_blind {
            self.text = Vec::new();
            return;
        }
        self.seen = end;
        let engine = self.engine;
        let scanner = self.scanner.get_or_insert_with(|| TextScanner::new(engine));
        let text = &self.text[..end];
        let mut sliding = Sliding::default();
        sliding.text.extend_from_slice(text);
        sliding.advance(&mut scanner.worker, false);
        let open = sliding.first_open().min(end);
        // What ends before this line is what it will be in the end.
        let certain = memchr::memchr_iter(b'\n', &text[..open]).count() as u32 + 1;
        scanner.findings = Findings::endless();
        // Bytes in memory cannot fail.
        let _ = stream::scan(scanner, &mut &*text, stream::BLOCK, 0, &String::new, &|_| ());
        scanner.warnings.clear();
        let mut found = std::mem::take(&mut scanner.findings);
        found.shift(self.line - 1, certain);
        shown.tell_early(found, engine);
    }
}
