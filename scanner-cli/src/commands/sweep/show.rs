//! Progress of a sweep: a line that changes on a terminal, a line now and then elsewhere.

use crate::terminal::{message, words};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::fmt::Write;
use std::io::{IsTerminal, stderr};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use stopleak_core::sweep::Meter;

/// How often a line is written where nothing can change.
const EVERY: Duration = Duration::from_secs(30);

/// Shows progress until it is dropped.
pub struct Showing(Option<(Sender<()>, JoinHandle<()>)>);

/// Starts to show.
pub fn show(meter: &Arc<Meter>, wanted: bool) -> Showing {
    if !wanted {
        return Showing(None);
    }
    let (stop, stopped) = channel::<()>();
    let meter = Arc::clone(meter);
    let thread = std::thread::spawn(move || match stderr().is_terminal() {
        true => bar(&meter, &stopped),
        false => lines(&meter, &stopped),
    });
    Showing(Some((stop, thread)))
}

fn bar(meter: &Meter, stopped: &std::sync::mpsc::Receiver<()>) {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
        bar.set_style(style);
    }
    while stopped.recv_timeout(Duration::from_millis(200)) == Err(RecvTimeoutError::Timeout) {
        bar.set_message(line(meter));
        bar.tick();
    }
    bar.finish_and_clear();
}

fn lines(meter: &Meter, stopped: &std::sync::mpsc::Receiver<()>) {
    let mut last = Instant::now();
    while stopped.recv_timeout(Duration::from_millis(200)) == Err(RecvTimeoutError::Timeout) {
        if last.elapsed() >= EVERY {
            last = Instant::now();
            message::line(&line(meter));
        }
    }
}

/// `3 of 40 repositories, 1.2 MB a second, 5 min 2 s left, 1 new finding`.
fn line(meter: &Meter) -> String {
    let (left, ended) = (Meter::read(&meter.left), Meter::read(&meter.ended));
    let mut line = format!("{} of {} repositories", words::count(ended), words::count(ended + left));
    let _ = write!(line, ", {} a second", words::bytes(meter.rate()));
    if let Some(eta) = meter.eta().filter(|_| left > 0) {
        let _ = write!(line, ", {} left", words::duration(eta));
    }
    for (figure, noun) in [(&meter.findings, "new finding"), (&meter.failures, "failure")] {
        let number = Meter::read(figure);
        if number > 0 {
            let _ = write!(line, ", {}", words::counted(number, noun));
        }
    }
    for (number, what) in
        [(Meter::read(&meter.dead), "given up"), (Meter::read(&meter.waited) / 1_000, "s waited for limits")]
    {
        if number > 0 {
            let _ = write!(line, ", {} {what}", words::count(number));
        }
    }
    line
}

impl Drop for Showing {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.0.take() {
            drop(stop);
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_what_is_left() {
        let meter = Meter::default();
        Meter::add(&meter.left, 3);
        Meter::add(&meter.ended, 1);
        Meter::add(&meter.unchanged, 1);
        Meter::add(&meter.findings, 1);
        let line = line(&meter);
        assert!(
            line.starts_with("1 of 4 repositories, 0 bytes a second, ") && line.ends_with(" left, 1 new finding"),
            "{line}"
        );
    }
}
