//! How far a sweep is, for the terminal and for Prometheus.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Figures of one process.
#[derive(Debug)]
pub struct Meter {
    started: Instant,
    /// Jobs of the run that wait or are worked on by anybody.
    pub left: AtomicU64,
    /// Jobs of the run that are ended.
    pub ended: AtomicU64,
    /// Jobs under way here.
    pub active: AtomicU64,
    /// Repositories scanned here.
    pub scanned: AtomicU64,
    /// Repositories without anything new.
    pub unchanged: AtomicU64,
    /// Tries that failed.
    pub failures: AtomicU64,
    /// Repositories given up.
    pub dead: AtomicU64,
    /// Blobs scanned.
    pub blobs: AtomicU64,
    /// Their bytes.
    pub bytes: AtomicU64,
    /// Objects that were not scanned again.
    pub shared: AtomicU64,
    /// Findings that were new.
    pub findings: AtomicU64,
    /// Milliseconds waited for limits of servers.
    pub waited: AtomicU64,
    /// References listed and repositories fetched.
    pub git: [AtomicU64; 2],
    /// Bytes of copies on disk.
    pub cache: AtomicU64,
    /// How often the store was lost or busy.
    pub retries: AtomicU64,
}

impl Default for Meter {
    fn default() -> Meter {
        Meter {
            started: Instant::now(),
            left: AtomicU64::default(),
            ended: AtomicU64::default(),
            active: AtomicU64::default(),
            scanned: AtomicU64::default(),
            unchanged: AtomicU64::default(),
            failures: AtomicU64::default(),
            dead: AtomicU64::default(),
            blobs: AtomicU64::default(),
            bytes: AtomicU64::default(),
            shared: AtomicU64::default(),
            findings: AtomicU64::default(),
            waited: AtomicU64::default(),
            git: Default::default(),
            cache: AtomicU64::default(),
            retries: AtomicU64::default(),
        }
    }
}

impl Meter {
    /// Adds to a figure.
    pub fn add(figure: &AtomicU64, by: u64) {
        figure.fetch_add(by, Ordering::Relaxed);
    }

    /// What a figure is at.
    pub fn read(figure: &AtomicU64) -> u64 {
        figure.load(Ordering::Relaxed)
    }

    /// Bytes scanned a second since the start.
    pub fn rate(&self) -> u64 {
        (Meter::read(&self.bytes) as f64 / self.started.elapsed().as_secs_f64().max(0.001)) as u64
    }

    /// How long it may still take, by how long it took so far.
    pub fn eta(&self) -> Option<Duration> {
        let done = Meter::read(&self.scanned) + Meter::read(&self.unchanged) + Meter::read(&self.dead);
        let each = (done > 0).then(|| self.started.elapsed().as_secs_f64() / done as f64)?;
        Some(Duration::from_secs_f64((each * Meter::read(&self.left) as f64).min(1e9)))
    }

    /// As Prometheus reads it: <https://prometheus.io/docs/instrumenting/exposition_formats/>.
    pub fn prometheus(&self) -> String {
        let gauges = [
            ("jobs_left", "Jobs that are not ended", Meter::read(&self.left)),
            ("jobs_ended", "Jobs that are ended", Meter::read(&self.ended)),
            ("jobs_active", "Jobs under way in this process", Meter::read(&self.active)),
            ("eta_seconds", "Seconds that are left, by the pace so far", self.eta().map_or(0, |eta| eta.as_secs())),
            ("cache_bytes", "Bytes of copies on disk", Meter::read(&self.cache)),
        ];
        let counters = [
            ("repositories_scanned_total", "Repositories scanned", Meter::read(&self.scanned)),
            ("repositories_unchanged_total", "Repositories without anything new", Meter::read(&self.unchanged)),
            ("repositories_dead_total", "Repositories given up", Meter::read(&self.dead)),
            ("failures_total", "Tries that failed", Meter::read(&self.failures)),
            ("blobs_total", "Blobs scanned", Meter::read(&self.blobs)),
            ("bytes_total", "Bytes scanned", Meter::read(&self.bytes)),
            ("objects_shared_total", "Objects that were not scanned again", Meter::read(&self.shared)),
            ("findings_new_total", "New findings", Meter::read(&self.findings)),
            ("git_listings_total", "Listings of references", Meter::read(&self.git[0])),
            ("git_fetches_total", "Fetches", Meter::read(&self.git[1])),
            ("limit_wait_milliseconds_total", "Time waited for limits of servers", Meter::read(&self.waited)),
            ("store_retries_total", "Times the store was lost or busy", Meter::read(&self.retries)),
        ];
        let mut text = String::new();
        let all = gauges.iter().map(|one| ("gauge", one)).chain(counters.iter().map(|one| ("counter", one)));
        for (kind, (name, help, value)) in all {
            let _ = write!(text, "# HELP stopleak_sweep_{name} {help}\n# TYPE stopleak_sweep_{name} {kind}\n");
            let _ = writeln!(text, "stopleak_sweep_{name} {value}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_written_as_prometheus_reads_them() {
        let meter = Meter::default();
        Meter::add(&meter.bytes, 5);
        let text = meter.prometheus();
        assert!(text.contains("# TYPE stopleak_sweep_bytes_total counter\nstopleak_sweep_bytes_total 5\n"), "{text}");
        assert!(text.lines().all(|line| line.starts_with('#') || line.split(' ').count() == 2));
    }
}
