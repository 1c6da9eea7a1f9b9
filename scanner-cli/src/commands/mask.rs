//! `stopleak mask`: standard input, or what a command prints, with every secret masked; a line that ends is shown at
//! once, the beginning of a secret never.

use super::request;
use crate::args::MaskArgs;
use crate::exit;
use crate::failure::{Failure, OrFail, Result};
use crate::settings;
use crate::terminal::message;
use crate::vaults;
use std::ffi::OsString;
use std::io::{self, ErrorKind, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};
use stopleak_core::detect::Engine;
use stopleak_core::scan::{Gate, Mask, Target};

/// Bytes read at a time.
const BLOCK: usize = 256 << 10;
/// Nothing more came for this long: what is safe is shown.
const QUIET: Duration = Duration::from_millis(10);
/// What is safe is shown this often even though more keeps coming.
const LONGEST_WAIT: Duration = Duration::from_millis(200);

/// Masks.
pub fn run(args: &MaskArgs) -> Result<u8> {
    // Settings are those of the folder the filter runs in; its allowlist names files, so it says nothing of a stream.
    let here = [Target::Stdin];
    let settings = settings::load(args.config.as_deref(), &here, &request::today())?;
    let paths: Vec<PathBuf> = settings.rules.iter().chain(&args.rules).cloned().collect();
    message::warnings(&settings.notes, false);
    let rules = request::load_rules(settings.imported.as_slice(), &paths, &settings.disabled)?;
    let engine = Engine::new(vaults::with_index(rules, &args.vault, &settings.vaults, false)?);
    let gate = args.gate.or(settings.gate).unwrap_or_default();
    match args.command.split_first() {
        Some((program, words)) => wrap(program, words, &engine, gate),
        None => {
            signals::outlive_interrupt();
            let filter = Filter { engine: &engine, gate, name: "standard input" };
            filter.pump(io::stdin(), &mut io::stdout().lock()).map(|()| exit::CLEAN)
        }
    }
}

/// Runs a command with both its outputs masked; the result is its exit code, or 128 and the signal that ended it.
fn wrap(program: &OsString, words: &[OsString], engine: &Engine, gate: Gate) -> Result<u8> {
    let name = program.to_string_lossy();
    let mut command = Command::new(program);
    command.args(words).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().or_fail(|| format!("cannot run {name}"))?;
    signals::hand_on(&child);
    let (out, err) = outputs(&mut child)?;
    let stdout = Filter { engine, gate, name: "the command's output" };
    let stderr = Filter { engine, gate, name: "the command's error output" };
    let results = std::thread::scope(|scope| {
        let second = scope.spawn(|| stderr.pump(err, &mut io::stderr()));
        let first = stdout.pump(out, &mut io::stdout());
        [first, second.join().unwrap_or_else(|_| Err(Failure::new("a filter broke")))]
    });
    let status = child.wait().or_fail(|| format!("cannot wait for {name}"))?;
    results.into_iter().collect::<Result<()>>()?;
    Ok(code(status))
}

fn outputs(child: &mut Child) -> Result<(impl Read + Send + 'static, impl Read + Send + 'static)> {
    let outputs = child.stdout.take().zip(child.stderr.take());
    outputs.ok_or_else(|| Failure::new("cannot read what the command prints"))
}

fn code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(exit::FAILED);
    }
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(exit::FAILED)
}

/// One stream's filter.
struct Filter<'e> {
    engine: &'e Engine,
    gate: Gate,
    name: &'static str,
}

impl Filter<'_> {
    /// Masks `from` into `to`, to the end of the one or until nobody reads the other.
    fn pump(&self, from: impl Read + Send + 'static, to: &mut dyn Write) -> Result<()> {
        let (sender, blocks) = sync_channel(4);
        std::thread::spawn(move || read(from, &sender));
        match self.mask(&blocks, to) {
            Err(Trouble::Write(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            Err(Trouble::Write(error)) => Err(error).or_fail(|| format!("cannot pass on {}", self.name)),
            Err(Trouble::Read(error)) => Err(error).or_fail(|| format!("cannot read {}", self.name)),
            Ok(()) => Ok(()),
        }
    }

    fn mask(&self, blocks: &Receiver<io::Result<Vec<u8>>>, to: &mut dyn Write) -> std::result::Result<(), Trouble> {
        let mut mask = Mask::new(self.engine, self.gate);
        let mut out = Vec::new();
        let mut shown = Instant::now();
        let mut is_quiet = true;
        loop {
            // Once all that is safe was shown, there is no hurry.
            let next = match is_quiet {
                true => blocks.recv().map_err(|_| RecvTimeoutError::Disconnected),
                false => blocks.recv_timeout(QUIET),
            };
            is_quiet = matches!(next, Err(RecvTimeoutError::Timeout));
            let mut trouble = None;
            let mut has_ended = false;
            match next {
                Ok(Ok(block)) => mask.write(&block, &mut out),
                Ok(Err(error)) => trouble = Some(Trouble::Read(error)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => has_ended = true,
            }
            if has_ended || trouble.is_some() {
                mask.finish(&mut out);
            } else if is_quiet || shown.elapsed() > LONGEST_WAIT {
                mask.pause(&mut out);
                shown = Instant::now();
            }
            if !out.is_empty() {
                to.write_all(&out).and_then(|()| to.flush()).map_err(Trouble::Write)?;
                out.clear();
            }
            match trouble {
                Some(trouble) => return Err(trouble),
                None if has_ended => return Ok(()),
                None => {}
            }
        }
    }
}

enum Trouble {
    Read(io::Error),
    Write(io::Error),
}

/// Sends what `from` gives, as it comes; ends with it, or when nobody listens.
fn read(mut from: impl Read, to: &SyncSender<io::Result<Vec<u8>>>) {
    let mut buffer = vec![0; BLOCK];
    loop {
        let block = match from.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => Ok(buffer[..count].to_vec()),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let is_last = block.is_err();
        if to.send(block).is_err() || is_last {
            return;
        }
    }
}

/// A terminal's Ctrl-C goes to every program of a pipeline: the filter must live to show the others' last words.
#[cfg(unix)]
mod signals {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    use signal_hook::iterator::Signals;
    use std::io::IsTerminal;
    use std::process::Child;

    /// Ctrl-C ends what writes, and thereby this; on a terminal's own input it must end this directly.
    pub fn outlive_interrupt() {
        if !std::io::stdin().is_terminal() {
            listen(&[SIGINT], |_| ());
        }
    }

    /// The command gets its own Ctrl-C from the terminal; what is sent to this process alone is handed on.
    pub fn hand_on(child: &Child) {
        let process = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
        listen(&[SIGINT, SIGQUIT, SIGTERM, SIGHUP], move |signal| {
            let signal = match signal {
                SIGTERM => rustix::process::Signal::TERM,
                SIGHUP => rustix::process::Signal::HUP,
                _ => return,
            };
            // It may have ended by now; then there is nothing to tell it.
            let _ = process.map(|process| rustix::process::kill_process(process, signal));
        });
    }

    fn listen(which: &[i32], act: impl Fn(i32) + Send + 'static) {
        // Without handlers a signal ends this process as it would any other.
        if let Ok(mut signals) = Signals::new(which) {
            std::thread::spawn(move || signals.forever().for_each(act));
        }
    }
}

#[cfg(not(unix))]
mod signals {
    use std::process::Child;

    pub fn outlive_interrupt() {}

    pub fn hand_on(_: &Child) {}
}
