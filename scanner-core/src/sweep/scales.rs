//! Keeps memory and cores within bounds: a job that has something to fetch or scan waits for its turn, and until what it weighs
//! fits beside those that run.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// Scales that hold so much at once.
pub struct Scales {
    capacity: u64,
    most: usize,
    held: Mutex<Held>,
    changed: Condvar,
}

#[derive(Default)]
struct Held {
    bytes: u64,
    turns: usize,
    /// Jobs that wait for a turn.
    waiting: usize,
}

/// One of the jobs that may fetch and scan at the same time.
pub struct Turn<'a>(&'a Scales);

/// A weight that lies on the scales.
pub struct Weight<'a> {
    scales: &'a Scales,
    bytes: u64,
}

impl Scales {
    /// What a job weighs beside its repository: its share of patterns, buffers and tables.
    pub const BASE: u64 = 48 << 20;

    /// Scales for so many bytes, and so many jobs that fetch and scan at the same time.
    pub fn new(capacity: u64, most: usize) -> Scales {
        let (capacity, most) = (capacity.max(1), most.max(1));
        Scales { capacity, most, held: Mutex::default(), changed: Condvar::new() }
    }

    /// Waits for a turn to fetch and scan. None when `stop` is set meanwhile.
    pub fn turn(&self, stop: &AtomicBool) -> Option<Turn<'_>> {
        self.lock().waiting += 1;
        let turn = self.when(stop, |held| held.turns < self.most).map(|mut held| held.turns += 1);
        self.lock().waiting -= 1;
        self.changed.notify_all();
        turn.map(|()| Turn(self))
    }

    /// Waits while as many wait for their turn as may have one: jobs that others could do are left to them. None when `stop` is set.
    pub fn ease(&self, stop: &AtomicBool) -> Option<()> {
        self.when(stop, |held| held.waiting < self.most).map(|_| ())
    }

    /// Waits until so much fits; what is heavier than all that fits goes alone. None when `stop` is set meanwhile.
    pub fn put(&self, bytes: u64, stop: &AtomicBool) -> Option<Weight<'_>> {
        let bytes = bytes.saturating_add(Scales::BASE).min(self.capacity);
        self.when(stop, |held| held.bytes + bytes <= self.capacity)?.bytes += bytes;
        Some(Weight { scales: self, bytes })
    }

    fn when(&self, stop: &AtomicBool, fits: impl Fn(&Held) -> bool) -> Option<MutexGuard<'_, Held>> {
        let mut held = self.lock();
        while !fits(&held) {
            if stop.load(Ordering::Relaxed) {
                return None;
            }
            let waited = self.changed.wait_timeout(held, Duration::from_millis(200));
            held = waited.unwrap_or_else(|poisoned| poisoned.into_inner()).0;
        }
        Some(held)
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Drop for Weight<'_> {
    fn drop(&mut self) {
        self.scales.lock().bytes -= self.bytes;
        self.scales.changed.notify_all();
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.lock().turns -= 1;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_waits_and_what_never_fits_goes_alone() {
        let (scales, stop) = (Scales::new(2 * Scales::BASE, 9), AtomicBool::new(false));
        let huge = scales.put(u64::MAX, &stop).unwrap();
        stop.store(true, Ordering::Relaxed);
        assert!(scales.put(0, &stop).is_none());
        drop(huge);
        let (_one, _two) = (scales.put(0, &stop).unwrap(), scales.put(0, &stop).unwrap());
        assert!(scales.put(0, &stop).is_none());
    }
    #[test]
    fn so_many_scan_at_the_same_time_and_no_more_is_taken_than_waits_for_its_turn() {
        let (scales, stop) = (Scales::new(1, 1), AtomicBool::new(false));
        let first = scales.turn(&stop).unwrap();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| scales.turn(&stop).is_some());
            while scales.lock().waiting == 0 {
                std::thread::yield_now();
            }
            let third = scope.spawn(|| scales.ease(&stop));
            assert!(!third.is_finished());
            drop(first);
            assert_eq!((second.join().unwrap(), third.join().unwrap()), (true, Some(())));
        });
        assert!(scales.turn(&stop).is_some());
        stop.store(true, Ordering::Relaxed);
        let _held = scales.turn(&stop);
        assert!(scales.turn(&stop).is_none());
    }
}
