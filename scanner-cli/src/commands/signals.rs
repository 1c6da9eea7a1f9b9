//! The first signal to end asks for an end in good order; a second one ends the program at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Which signals ask for the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    /// Ctrl-C, and who manages services.
    Ending,
    /// Those, and a terminal that goes away.
    OrHangup,
}

/// Sets `stop` when the end is asked for, and calls `wake`; an error when signals cannot be listened to: they end this process
/// then as they would any other.
#[cfg(unix)]
pub fn stop_on(asking: Asking, stop: &Arc<AtomicBool>, wake: impl Fn() + Send + 'static) -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use std::sync::atomic::Ordering;
    let kinds: &[i32] = if asking == Asking::OrHangup { &[SIGINT, SIGTERM, SIGHUP] } else { &[SIGINT, SIGTERM] };
    let mut signals = signal_hook::iterator::Signals::new(kinds)?;
    let stop = Arc::clone(stop);
    std::thread::spawn(move || {
        for signal in signals.forever() {
            // Who asks twice does not want to wait.
            if stop.swap(true, Ordering::SeqCst) {
                std::process::exit(128 + signal);
            }
            wake();
        }
    });
    Ok(())
}

/// There are no signals here.
#[cfg(not(unix))]
pub fn stop_on(_: Asking, _: &Arc<AtomicBool>, _: impl Fn() + Send + 'static) -> io::Result<()> {
    Ok(())
}
