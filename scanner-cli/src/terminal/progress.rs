//! A progress bar for long scans, on a terminal only.

use super::words;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, stderr};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;
use stopleak_core::scan::Progress;

/// A scan that ends sooner needs no bar.
const PATIENCE: Duration = Duration::from_millis(500);
const TICK: Duration = Duration::from_millis(100);

/// Shows progress until it is dropped.
pub struct Watching(Option<(Sender<()>, JoinHandle<()>)>);

/// Starts showing `progress` on standard error if that is a terminal and `wanted`.
pub fn watch(progress: &Arc<Progress>, wanted: bool) -> Watching {
    if !wanted || !stderr().is_terminal() {
        return Watching(None);
    }
    let (stop, stopped) = channel::<()>();
    let progress = Arc::clone(progress);
    let thread = std::thread::spawn(move || {
        let mut bar = None;
        let mut wait = PATIENCE;
        while stopped.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
            show(bar.get_or_insert_with(bar_on_stderr), &progress);
            wait = TICK;
        }
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
    });
    Watching(Some((stop, thread)))
}

impl Drop for Watching {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.0.take() {
            drop(stop);
            // A bar that failed to draw must not fail the scan.
            let _ = thread.join();
        }
    }
}

fn bar_on_stderr() -> ProgressBar {
    ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
}

fn show(bar: &ProgressBar, progress: &Progress) {
    let (bytes, total) = (progress.bytes.load(Relaxed), progress.total_bytes.load(Relaxed));
    let template = match total {
        0 => "{spinner} {msg}",
        _ => "{bar:30.cyan/dim} {percent:>3} %  {msg}",
    };
    // A fixed template; should it not parse, the bar keeps its own.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━━─"));
    }
    if total > 0 {
        bar.set_length(total.max(bytes));
    }
    bar.set_position(bytes);
    bar.set_message(message(progress, bytes));
    bar.tick();
}

fn message(progress: &Progress, bytes: u64) -> String {
    let stage = progress.stage.lock().map_or("", |stage| *stage);
    let blobs = words::counted(progress.blobs.load(Relaxed), "blob");
    format!("{stage}  {blobs}, {}", words::bytes(bytes)).trim_start().to_owned()
}
