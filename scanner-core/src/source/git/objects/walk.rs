//! Visits many objects on several threads: whole delta trees, depth first, the heaviest subtree last so that few buffers
//! live at once; large subtrees can be stolen by idle threads.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::time::Duration;

use crossbeam_deque::{Steal, Stealer, Worker as Queue};

use super::Objects;
use super::buffer::Buffer;
use super::delta;
use super::error::ObjectError;
use super::failures::{self, Failure};
use super::inflate::Inflater;
use super::visit::{Base, Kind, Kinds, Operation, Visit, Visitor, Walked};
use super::weights::Weights;

/// How many entries a thread claims at once when it looks for roots.
const CLAIM: u32 = 16;
/// A subtree that yields more bytes than this may be stolen.
const SHARED_BYTES: u64 = 4 << 20;
/// How many blank nodes a thread keeps.
const SPARE: usize = 32;

/// Walks over the wanted objects.
pub fn walk<V: Visitor>(
    objects: &Objects,
    kinds: Kinds,
    wanted: &(dyn Fn(u32) -> bool + Sync),
    threads: usize,
    make: &(dyn Fn() -> V + Sync),
) -> Walked<V> {
    let queues: Vec<Queue<Task<V::State>>> = (0..threads).map(|_| Queue::new_lifo()).collect();
    let plan = Plan {
        objects,
        kinds,
        weights: Weights::new(&objects.catalog, kinds, wanted),
        claimed: AtomicU32::new(0),
        busy: AtomicUsize::new(threads),
        stealers: queues.iter().map(Queue::stealer).collect(),
    };
    let mut done = run(&plan, queues, make);
    drop(plan);
    let (mut visitors, mut failed, mut count) = (Vec::new(), Vec::new(), Count::default());
    for worker in done.drain(..) {
        visitors.push(worker.visitor);
        failed.extend(worker.failed);
        count.objects += worker.count.objects;
        count.bytes += worker.count.bytes;
    }
    let lost = failures::retry(objects, failed, kinds, &mut visitors[0], &mut count);
    Walked { visitors, warnings: failures::warnings(objects, lost), objects: count.objects, bytes: count.bytes }
}

/// Runs one worker per queue, the first on this thread.
fn run<V: Visitor>(
    plan: &Plan<'_, V::State>,
    mut queues: Vec<Queue<Task<V::State>>>,
    make: &(dyn Fn() -> V + Sync),
) -> Vec<Done<V>> {
    let own = queues.remove(0);
    std::thread::scope(|scope| {
        let others: Vec<_> =
            queues.into_iter().map(|queue| scope.spawn(move || Worker::new(plan, queue, make()).run())).collect();
        let mut done = vec![Worker::new(plan, own, make()).run()];
        for other in others {
            match other.join() {
                Ok(worker) => done.push(worker),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    })
}

/// What all threads of a walk share.
struct Plan<'a, S> {
    objects: &'a Objects,
    kinds: Kinds,
    weights: Weights,
    /// Entries below this were looked at for roots.
    claimed: AtomicU32,
    /// Threads that may still produce work.
    busy: AtomicUsize,
    stealers: Vec<Stealer<Task<S>>>,
}

/// A subtree to visit: its top entry, and what that is a delta of.
struct Task<S> {
    entry: u32,
    base: Option<Arc<Node<S>>>,
}

/// An object's bytes and what its visit left.
#[derive(Default)]
struct Node<S> {
    kind: Option<Kind>,
    bytes: Buffer,
    state: S,
}

/// What was visited because it was wanted.
#[derive(Default)]
pub struct Count {
    pub objects: u64,
    pub bytes: u64,
}

impl Count {
    /// Counts one object.
    pub fn add(&mut self, bytes: &[u8]) {
        self.objects += 1;
        self.bytes += bytes.len() as u64;
    }
}

struct Done<V> {
    visitor: V,
    failed: Vec<Failure>,
    count: Count,
}

struct Worker<'a, V: Visitor> {
    plan: &'a Plan<'a, V::State>,
    presence: Presence<'a>,
    visitor: V,
    /// Large subtrees, open to thieves.
    queue: Queue<Task<V::State>>,
    /// Small subtrees.
    stack: Vec<Task<V::State>>,
    /// Claimed entries that are still to be looked at.
    roots: Range<u32>,
    spare: Vec<Arc<Node<V::State>>>,
    inflater: Inflater,
    file: Vec<u8>,
    delta: Buffer,
    operations: Vec<Operation>,
    failed: Vec<Failure>,
    count: Count,
}

impl<'a, V: Visitor> Worker<'a, V> {
    fn new(plan: &'a Plan<'a, V::State>, queue: Queue<Task<V::State>>, visitor: V) -> Self {
        Worker {
            plan,
            presence: Presence { busy: &plan.busy, is_busy: true },
            visitor,
            queue,
            stack: Vec::new(),
            roots: 0..0,
            spare: Vec::new(),
            inflater: Inflater::new(plan.objects.limits.max_bytes()),
            file: Vec::new(),
            delta: Buffer::default(),
            operations: Vec::new(),
            failed: Vec::new(),
            count: Count::default(),
        }
    }

    fn run(mut self) -> Done<V> {
        while let Some(task) = self.next() {
            self.step(task);
        }
        Done { visitor: self.visitor, failed: self.failed, count: self.count }
    }

    fn next(&mut self) -> Option<Task<V::State>> {
        let own = self.stack.pop().or_else(|| self.queue.pop());
        own.or_else(|| self.next_root()).or_else(|| self.steal())
    }

    /// The next root with something wanted below it.
    fn next_root(&mut self) -> Option<Task<V::State>> {
        let catalog = &self.plan.objects.catalog;
        let end = catalog.entries() as u32;
        loop {
            let has_work = |entry: &u32| self.plan.weights.of(*entry) > 0 && catalog.base(*entry).is_none();
            if let Some(entry) = self.roots.by_ref().find(has_work) {
                return Some(Task { entry, base: None });
            }
            if self.plan.claimed.load(Relaxed) >= end {
                return None;
            }
            let start = self.plan.claimed.fetch_add(CLAIM, Relaxed);
            self.roots = start.min(end)..start.saturating_add(CLAIM).min(end);
        }
    }

    /// Waits for a subtree of another thread; none when no thread can produce one any more.
    fn steal(&mut self) -> Option<Task<V::State>> {
        self.presence.leave();
        for round in 0u32.. {
            if self.plan.stealers.iter().any(|stealer| !stealer.is_empty()) {
                // Busy before stealing: nobody may conclude that all work is done while a task is in these hands.
                self.presence.enter();
                if let Some(task) = self.try_steal() {
                    return Some(task);
                }
                self.presence.leave();
            } else if self.plan.busy.load(SeqCst) == 0 {
                return None;
            }
            match round {
                0..16 => std::thread::yield_now(),
                _ => std::thread::sleep(Duration::from_micros(100)),
            }
        }
        None
    }

    fn try_steal(&self) -> Option<Task<V::State>> {
        self.plan.stealers.iter().find_map(|stealer| {
            loop {
                match stealer.steal() {
                    Steal::Success(task) => return Some(task),
                    Steal::Empty => return None,
                    Steal::Retry => {}
                }
            }
        })
    }

    /// Visits the top of a subtree and queues what is below.
    fn step(&mut self, task: Task<V::State>) {
        let mut node = self.blank();
        let is_visited = self.visit(task.entry, task.base.as_deref(), &mut node);
        if let Some(base) = task.base {
            self.recycle(base);
        }
        match is_visited {
            true => self.descend(task.entry, node),
            false => self.recycle(node),
        }
    }

    /// Visits an object and leaves it in `node`; `false` when there is nothing to go on from.
    fn visit(&mut self, entry: u32, base: Option<&Node<V::State>>, node: &mut Arc<Node<V::State>>) -> bool {
        let node = Arc::get_mut(node).expect("a blank node is nobody else's");
        match self.fill(entry, base, node) {
            Ok(Some(kind)) => {
                self.hand_over(entry, kind, base, node);
                true
            }
            Ok(None) => false,
            Err(error) => {
                self.fail(entry, error);
                false
            }
        }
    }

    /// Reads an entry's bytes; none when it turns out to be of another kind.
    fn fill(
        &mut self,
        entry: u32,
        base: Option<&Node<V::State>>,
        node: &mut Node<V::State>,
    ) -> Result<Option<Kind>, ObjectError> {
        let (objects, kinds) = (self.plan.objects, self.plan.kinds);
        let Some(base) = base else {
            let is_wanted = |kind| kinds.contains(kind);
            let kind = objects.read_whole(entry, is_wanted, &mut self.inflater, &mut self.file, &mut node.bytes)?;
            node.kind = Some(kind);
            return Ok(node.kind.filter(|kind| kinds.contains(*kind)));
        };
        objects.inflate(entry, &mut self.inflater, &mut self.delta)?;
        let max_bytes = objects.limits.max_bytes();
        delta::apply(base.bytes.bytes(), self.delta.bytes(), max_bytes, &mut node.bytes, &mut self.operations)?;
        self.delta.trim();
        node.kind = base.kind;
        Ok(node.kind)
    }

    fn hand_over(&mut self, entry: u32, kind: Kind, base: Option<&Node<V::State>>, node: &mut Node<V::State>) {
        let only_as_base = !self.plan.weights.is_wanted(entry);
        let operations = &self.operations;
        let base = base.map(|base| Base { bytes: base.bytes.bytes(), state: &base.state, operations });
        let bytes = node.bytes.bytes();
        if !only_as_base {
            self.count.add(bytes);
        }
        let object = self.plan.objects.catalog.object(entry);
        self.visitor.visit(&Visit { object, kind, bytes, base, only_as_base }, &mut node.state);
    }

    /// Visits the leaves below an entry and queues its other children, the heaviest to be visited last.
    fn descend(&mut self, entry: u32, node: Arc<Node<V::State>>) {
        let weights = &self.plan.weights;
        let children = self.plan.objects.catalog.children.of(entry);
        for leaf in children.iter().filter(|child| weights.is_leaf(**child)) {
            let mut blank = self.blank();
            self.visit(*leaf, Some(&node), &mut blank);
            self.recycle(blank);
        }
        let inner = || children.iter().copied().filter(|child| weights.of(*child) > 0 && !weights.is_leaf(*child));
        if let Some(heaviest) = inner().max_by_key(|child| weights.of(*child)) {
            self.push(heaviest, &node);
            inner().rev().filter(|child| *child != heaviest).for_each(|child| self.push(child, &node));
        }
        self.recycle(node);
    }

    fn push(&mut self, entry: u32, base: &Arc<Node<V::State>>) {
        let task = Task { entry, base: Some(base.clone()) };
        let likely_bytes = u64::from(self.plan.weights.of(entry)) * base.bytes.bytes().len() as u64;
        if self.plan.stealers.len() > 1 && likely_bytes > SHARED_BYTES {
            self.queue.push(task);
        } else {
            self.stack.push(task);
        }
    }

    /// Notes a damaged entry and every wanted object below it.
    fn fail(&mut self, entry: u32, error: ObjectError) {
        let catalog = &self.plan.objects.catalog;
        let id = catalog.names.id(catalog.object(entry));
        for below in catalog.children.below(entry) {
            if self.plan.weights.is_wanted(below) {
                let error = if below == entry { error.clone() } else { ObjectError::UnreadableBase(id) };
                self.failed.push((catalog.object(below), error));
            }
        }
    }

    fn blank(&mut self) -> Arc<Node<V::State>> {
        self.spare.pop().unwrap_or_default()
    }

    /// Keeps a node that nobody else holds for its memory.
    fn recycle(&mut self, mut node: Arc<Node<V::State>>) {
        if let Some(unshared) = Arc::get_mut(&mut node)
            && self.spare.len() < SPARE
        {
            unshared.bytes.trim();
            self.spare.push(node);
        }
    }
}

/// Whether a thread is counted as busy; a panicking one is not.
struct Presence<'a> {
    busy: &'a AtomicUsize,
    is_busy: bool,
}

impl Presence<'_> {
    fn enter(&mut self) {
        self.busy.fetch_add(1, SeqCst);
        self.is_busy = true;
    }

    fn leave(&mut self) {
        self.busy.fetch_sub(1, SeqCst);
        self.is_busy = false;
    }
}

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        if self.is_busy {
            self.busy.fetch_sub(1, SeqCst);
        }
    }
}
