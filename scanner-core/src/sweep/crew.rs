//! Threads that take jobs and do them, until there are none left or somebody says stop.

use super::cache::Cache;
use super::git::Git;
use super::job::{Scanner, Trouble, Work};
use super::meter::Meter;
use super::questions::Questions;
use super::queue::{End, Queue, QueueError};
use super::scales::Scales;
use super::store::{Leased, Outcome, Store, StoreError};
use super::targets::Access;
use super::watch::{Event, Watcher};
use crate::time;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How often a repository may fail before it is given up.
pub const TRIES: i64 = 3;
/// How often a job is handed out again after its worker fell silent: one that kills every worker ends somewhere.
pub const DELIVERIES: i64 = 25;

/// For each repository that may be scanned at the same time, so many are asked at once whether they hold anything new: that is
/// waiting for an answer, mostly.
const ASKED: usize = 4;

/// How a crew works.
#[derive(Clone, Debug)]
pub struct Options {
    /// Names this process among all workers.
    pub worker: String,
    /// Repositories that are scanned at the same time.
    pub threads: usize,
    /// How long a job is held without a sign of life.
    pub lease: Duration,
    /// How long to wait before a failed job is tried again; the next time four times as long.
    pub retry_after: Duration,
    /// Ends when no job is left.
    pub until_empty: bool,
}

/// What a crew works with.
pub struct Crew {
    /// Where everything is written down.
    pub store: Arc<Store>,
    /// Who hands out jobs.
    pub queue: Arc<dyn Queue>,
    /// What scans.
    pub scanner: Scanner,
    /// What fetches.
    pub git: Git,
    /// What reaches registries and forges.
    pub access: Arc<Access<'static>>,
    /// Where copies are.
    pub cache: Cache,
    /// What keeps memory within bounds.
    pub scales: Scales,
    /// What is counted.
    pub meter: Arc<Meter>,
    /// Who is told.
    pub watcher: Arc<dyn Watcher>,
    /// Who asks providers, where they are asked.
    pub questions: Option<Questions>,
    /// Set from outside: jobs are left at the next part.
    pub stop: Arc<AtomicBool>,
    /// How it works.
    pub options: Options,
}

/// Jobs under way, with what ends each.
type Active = Mutex<HashMap<String, (Leased, Arc<AtomicBool>)>>;

impl Crew {
    /// Works until there is nothing left or it is stopped. The first trouble of the store or the queue ends it.
    pub fn work(&self) -> Result<(), QueueError> {
        let active: Active = Mutex::default();
        let (failed, running) = (Mutex::new(None), AtomicUsize::new(self.threads()));
        std::thread::scope(|scope| {
            for number in 0..self.threads() {
                let (active, failed, running) = (&active, &failed, &running);
                scope.spawn(move || {
                    if let Err(error) = self.take_jobs(number, active, failed) {
                        lock(failed).get_or_insert(error);
                    }
                    running.fetch_sub(1, Ordering::Relaxed);
                });
            }
            self.keep(&active, &running);
        });
        match failed.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner()) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn threads(&self) -> usize {
        self.options.threads.max(1) * ASKED
    }

    fn worker(&self, number: usize) -> String {
        format!("{}/{number}", self.options.worker)
    }

    fn take_jobs(&self, number: usize, active: &Active, failed: &Mutex<Option<QueueError>>) -> Result<(), QueueError> {
        let worker = self.worker(number);
        let mut pause = Duration::from_millis(20);
        while !self.stop.load(Ordering::Relaxed) && lock(failed).is_none() {
            if self.scales.ease(&self.stop).is_none() {
                break;
            }
            match self.queue.take(&worker)? {
                Some(job) => {
                    pause = Duration::from_millis(20);
                    self.hold_and_do(&job, &worker, active)?;
                }
                None if self.options.until_empty && !self.store.is_busy()? => break,
                None => {
                    self.rest(pause);
                    // Who serves for ever need not ask often.
                    let longest = if self.options.until_empty { 500 } else { 5_000 };
                    pause = (pause * 2).min(Duration::from_millis(longest));
                }
            }
        }
        Ok(())
    }

    /// Sleeps, unless it is stopped meanwhile.
    fn rest(&self, pause: Duration) {
        let until = Instant::now() + pause;
        while Instant::now() < until && !self.stop.load(Ordering::Relaxed) {
            std::thread::sleep(until.saturating_duration_since(Instant::now()).min(Duration::from_millis(100)));
        }
    }

    fn hold_and_do(&self, job: &Leased, worker: &str, active: &Active) -> Result<(), QueueError> {
        let leave = Arc::new(AtomicBool::new(false));
        lock(active).insert(worker.to_owned(), (job.clone(), leave.clone()));
        Meter::add(&self.meter.active, 1);
        // A scan that panics is that repository's trouble; its thread goes on.
        let done = match job.deliveries > DELIVERIES {
            true => Ok(Err(Trouble::Never(format!("{DELIVERIES} workers fell silent over it")))),
            false => std::panic::catch_unwind(AssertUnwindSafe(|| self.work_on(job, &leave).run())),
        };
        let done =
            done.unwrap_or_else(|_| Err(Trouble::Other("the scanner failed in a way that it must not".to_owned())));
        self.meter.active.fetch_sub(1, Ordering::Relaxed);
        lock(active).remove(worker);
        let end = match done {
            // A store that is gone ends the work; one that refuses what this job writes is this job's trouble.
            Err(Trouble::Store(error)) if error.is_passing() && !leave.load(Ordering::Relaxed) => {
                return Err(error.into());
            }
            // Another has it by now: that one ends it.
            _ if leave.load(Ordering::Relaxed) && !self.stop.load(Ordering::Relaxed) => return Ok(()),
            done => self.judge(job, done)?,
        };
        self.queue.end(job, &end)
    }

    fn work_on<'a>(&'a self, job: &'a Leased, leave: &'a AtomicBool) -> Work<'a> {
        let Crew { store, scanner, git, access, cache, scales, meter, watcher, .. } = self;
        let (watcher, questions) = (watcher.as_ref(), self.questions.as_ref());
        Work { store, scanner, git, access, cache, scales, meter, stop: leave, watcher, questions, job }
    }

    /// What becomes of a job.
    fn judge(&self, job: &Leased, done: Result<Outcome, Trouble>) -> Result<End, StoreError> {
        let trouble = match done {
            Ok(outcome) => {
                let figure = if outcome == Outcome::Scanned { &self.meter.scanned } else { &self.meter.unchanged };
                Meter::add(figure, 1);
                return Ok(End::Done(outcome));
            }
            Err(Trouble::Stopped) => return Ok(End::Again(Duration::ZERO)),
            Err(Trouble::Absent) => {
                self.store.absent(&job.key, time::now())?;
                return Ok(End::Done(Outcome::Unchanged));
            }
            Err(trouble) => trouble,
        };
        let reason = trouble.to_string();
        let failures = self.store.failed(&job.key, &reason)?;
        Meter::add(&self.meter.failures, 1);
        let is_last = failures >= TRIES || matches!(trouble, Trouble::Never(_));
        if !is_last {
            self.watcher.event(&Event::Failed { repository: &job.key, reason: &reason });
            let wait = self.options.retry_after * 4_u32.pow(u32::try_from(failures - 1).unwrap_or(0).min(6));
            return Ok(End::Again(wait));
        }
        self.store.unscanned((&job.key, &job.run), &reason, time::now())?;
        Meter::add(&self.meter.dead, 1);
        self.watcher.event(&Event::Dead { repository: &job.key, reason: &reason });
        Ok(End::Dead(reason))
    }

    /// Holds what is being worked on, ends runs that are over, and keeps the figures up to date.
    fn keep(&self, active: &Active, running: &AtomicUsize) {
        let (beat, mut held, mut looked) = (self.options.lease / 3, Instant::now(), None::<Instant>);
        let pace = Duration::from_secs(if self.options.until_empty { 1 } else { 5 });
        while running.load(Ordering::Relaxed) > 0 {
            std::thread::sleep(Duration::from_millis(50));
            if self.stop.load(Ordering::Relaxed) {
                lock(active).values().for_each(|(_, leave)| leave.store(true, Ordering::Relaxed));
            }
            if held.elapsed() >= beat {
                held = Instant::now();
                self.hold_all(active);
            }
            if looked.is_none_or(|looked| looked.elapsed() >= pace) {
                looked = Some(Instant::now());
                self.look();
            }
        }
        self.look();
    }

    fn hold_all(&self, active: &Active) {
        let jobs: Vec<(String, (Leased, Arc<AtomicBool>))> =
            lock(active).iter().map(|(worker, job)| (worker.clone(), job.clone())).collect();
        for (worker, (job, leave)) in jobs {
            // A queue that cannot be reached for a moment is no reason to leave a job: at worst it is done twice.
            if let Ok(false) = self.queue.hold(&job, &worker) {
                leave.store(true, Ordering::Relaxed);
            }
        }
    }

    fn look(&self) {
        if let Ok(counts) = self.store.counted(time::now()) {
            self.meter.left.store(counts.left(), Ordering::Relaxed);
            self.meter.ended.store(counts.done + counts.dead, Ordering::Relaxed);
        }
        // Trouble of the queue shows where jobs are taken.
        let _ = self.queue.mend();
        let (listings, fetches) = self.git.calls();
        self.meter.git[0].store(listings, Ordering::Relaxed);
        self.meter.git[1].store(fetches, Ordering::Relaxed);
        self.meter.cache.store(self.cache.bytes(), Ordering::Relaxed);
        self.meter.retries.store(self.store.retries(), Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
