//! Threads that read layers and scan files: a reader hands files over while others have nothing to do.

use super::place::{Plan, Spot};
use super::{Worker, is_encrypted};
use crate::image::{Descriptor, ImageError, Walked, walk};
use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard};

/// Files are handed over in batches of this much.
const BATCH: usize = 256 << 10;
/// Larger files are scanned by the thread that reads them.
const MAX_HANDED: u64 = 4 << 20;

/// A file on its way to another thread.
struct File {
    layer: usize,
    path: String,
    bytes: Vec<u8>,
}

#[derive(Default)]
struct State {
    /// Layers that are read together, by number.
    units: VecDeque<Vec<usize>>,
    batches: VecDeque<Vec<File>>,
    readers: usize,
    idle: usize,
}

/// What the threads share.
#[derive(Default)]
struct Pool {
    state: Mutex<State>,
    changed: Condvar,
}

/// Scans these layers, those together that are read together; returns what each thread found, at least one.
pub fn run<'p, 'e>(
    units: VecDeque<Vec<usize>>,
    threads: usize,
    new: &(dyn Fn() -> Worker<'p, 'e> + Sync),
) -> Vec<Worker<'p, 'e>> {
    let pool = Pool::default();
    pool.lock().units = units;
    std::thread::scope(|scope| {
        let work = || {
            let mut worker = new();
            pool.work(&mut worker);
            worker
        };
        let running: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        running.into_iter().map(|thread| thread.join().expect("a scanner does not panic")).collect()
    })
}

/// The largest layers first, so that none is left alone at the end; all of a sequential store together.
pub fn units(plan: &Plan<'_>) -> VecDeque<Vec<usize>> {
    let mut units: Vec<(u64, Vec<usize>)> = Vec::new();
    for (number, source) in plan.sources.iter().enumerate() {
        let own = plan.layers.iter().enumerate().filter(|(_, layer)| layer.source == number);
        match source.store.store().is_sequential() {
            true => units.push((u64::MAX, own.map(|(index, _)| index).collect())),
            false => units.extend(own.map(|(index, layer)| (layer.what.size.unwrap_or(0), vec![index]))),
        }
    }
    units.sort_by_key(|(size, _)| std::cmp::Reverse(*size));
    units.into_iter().map(|(_, unit)| unit).filter(|unit| !unit.is_empty()).collect()
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Scans what is handed over, reads what nobody reads yet, until nothing is left.
    fn work(&self, worker: &mut Worker<'_, '_>) {
        let mut state = self.lock();
        loop {
            if let Some(batch) = state.batches.pop_front() {
                drop(state);
                for File { layer, path, bytes } in batch {
                    worker.scan_whole(&|| Spot::File { layer, path: path.clone() }, &bytes);
                }
                state = self.lock();
            } else if let Some(unit) = state.units.pop_front() {
                state.readers += 1;
                drop(state);
                self.read(worker, &unit);
                state = self.lock();
                state.readers -= 1;
                self.changed.notify_all();
            } else if state.readers == 0 {
                return;
            } else {
                state.idle += 1;
                state = self.changed.wait(state).unwrap_or_else(|poisoned| poisoned.into_inner());
                state.idle -= 1;
            }
        }
    }

    fn read(&self, worker: &mut Worker<'_, '_>, unit: &[usize]) {
        let (plan, limits) = (worker.plan, worker.limits.clone());
        let Some(first) = unit.first() else { return };
        let wanted: Vec<&Descriptor> = unit.iter().map(|layer| &plan.layers[*layer].what).collect();
        plan.sources[plan.layers[*first].source].store.store().read(&wanted, &mut |index, found| {
            let (layer, what) = (unit[index], wanted[index]);
            match found {
                Ok(_) if is_encrypted(what) => {}
                Ok(blob) => {
                    let mut hand = Hand { pool: self, worker: &mut *worker, layer, batch: Vec::new(), bytes: 0 };
                    let walked =
                        walk(&mut Stoppable { inner: blob, stop: plan.stop }, what, &limits, &mut |path, content| {
                            hand.file(path, content)
                        });
                    hand.over();
                    tell(worker, layer, walked);
                }
                Err(error) => worker.warn(layer, "image-layer", unread(what, &error)),
            }
        });
    }

    /// Whether somebody waits who has nothing to do.
    fn has_room(&self) -> bool {
        let state = self.lock();
        state.idle > state.batches.len()
    }

    fn push(&self, batch: Vec<File>) {
        self.lock().batches.push_back(batch);
        self.changed.notify_one();
    }
}

fn unread(what: &Descriptor, error: &ImageError) -> String {
    match what.is_foreign {
        true => format!("the layer is kept elsewhere: {error}"),
        false => error.to_string(),
    }
}

fn tell(worker: &mut Worker<'_, '_>, layer: usize, walked: Walked) {
    for (code, message) in walked.troubles {
        worker.warn(layer, code, message);
    }
    let _ = worker.plan.layers[layer].changes.set(walked.changes);
}

/// Bytes that end with an error when somebody says stop.
pub struct Stoppable<'s> {
    pub inner: &'s mut dyn Read,
    pub stop: Option<&'s AtomicBool>,
}

impl Read for Stoppable<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) {
            true => Err(io::Error::other("it was stopped")),
            false => self.inner.read(room),
        }
    }
}

/// The files of one layer: scanned here, or gathered for another thread.
struct Hand<'h, 'p, 'e> {
    pool: &'h Pool,
    worker: &'h mut Worker<'p, 'e>,
    layer: usize,
    batch: Vec<File>,
    bytes: usize,
}

impl Hand<'_, '_, '_> {
    fn file(&mut self, path: &str, content: &mut dyn Read) -> io::Result<()> {
        let layer = self.layer;
        let spot = || Spot::File { layer, path: path.to_owned() };
        // A batch that was begun is finished, or small files would be handed over one by one.
        if self.batch.is_empty() && !self.pool.has_room() {
            return self.worker.scan(&spot, content);
        }
        let mut bytes = Vec::new();
        let read = (&mut *content).take(MAX_HANDED).read_to_end(&mut bytes);
        if bytes.len() as u64 == MAX_HANDED && read.is_ok() {
            return self.worker.scan(&spot, &mut bytes.as_slice().chain(content));
        }
        self.bytes += bytes.len();
        self.batch.push(File { layer, path: path.to_owned(), bytes });
        if self.bytes >= BATCH {
            self.over();
        }
        read.map(|_| ())
    }

    /// Hands over what was gathered.
    fn over(&mut self) {
        self.bytes = 0;
        let batch = std::mem::take(&mut self.batch);
        if !batch.is_empty() {
            self.pool.push(batch);
        }
    }
}
