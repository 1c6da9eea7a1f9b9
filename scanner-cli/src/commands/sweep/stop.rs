//! Stops a sweep when the system asks for it: jobs are left at the next part, and nothing is lost.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Set once the system asks to stop.
pub fn watched() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    #[cfg(unix)]
    signals(&stop);
    stop
}

#[cfg(unix)]
fn signals(stop: &Arc<AtomicBool>) {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use std::sync::atomic::Ordering;
    let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGINT, SIGTERM]) else { return };
    let stop = Arc::clone(stop);
    std::thread::spawn(move || {
        for signal in signals.forever() {
            // Who asks twice does not want to wait.
            if stop.swap(true, Ordering::Relaxed) {
                let _ = signal_hook::low_level::emulate_default_handler(signal);
            }
        }
    });
}
