//! Scans an image of a registry a layer at a time: what a sweep does between two things it writes down.

use super::place::{Plan, Spot};
use super::pool::{self, Stoppable};
use super::{Opened, Source, Worker, is_encrypted};
use crate::detect::Engine;
use crate::image::{Digest, Registry, Resolved, walk};
use crate::scan::{Outcome, Part, Request, conclude};
use crate::summary::Summary;
use crate::warning::Warning;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// What a registry holds under one name.
pub struct Pulled<'r> {
    source: [Source<'r>; 1],
    warnings: Vec<Warning>,
}

impl<'r> Pulled<'r> {
    /// The images behind a name.
    pub fn new(registry: Registry<'r>, resolved: Resolved) -> Pulled<'r> {
        let shown = registry.name();
        let Resolved { images, warnings } = resolved;
        let source = Source { store: Opened::Registry(registry), images, shown, rest: false };
        Pulled { source: [source], warnings }
    }
}

/// The layers of what was pulled.
pub struct Layers<'p> {
    request: &'p Request,
    engine: &'p Engine,
    plan: Plan<'p>,
    /// What of it cannot be read, so far.
    pub warnings: Vec<Warning>,
}

/// What one layer gave.
pub struct ScannedLayer {
    /// Its findings, judged as a scan's are, and what it left out.
    pub outcome: Outcome,
    /// It was read whole and holds nothing.
    pub is_clean: bool,
}

impl<'p> Layers<'p> {
    /// Reads the configurations. When `stop` is set, what is being read ends.
    pub fn new(request: &'p Request, engine: &'p Engine, pulled: &'p Pulled<'p>, stop: &'p AtomicBool) -> Layers<'p> {
        request.progress.enter("reading configurations");
        let mut warnings = pulled.warnings.clone();
        let mut plan = Plan::new(engine, &pulled.source, &mut warnings);
        plan.stop = Some(stop);
        Layers { request, engine, plan, warnings }
    }

    /// Every layer by its number and digest, from the top: what stands above one is known when its findings are placed.
    pub fn downwards(&self) -> Vec<(usize, Digest)> {
        let digest = |layer: usize| (layer, self.plan.layers[layer].what.digest.clone());
        self.plan.downwards().into_iter().map(digest).collect()
    }

    /// Bytes of the largest layer, as far as they are told.
    pub fn largest(&self) -> u64 {
        self.plan.layers.iter().filter_map(|layer| layer.what.size).max().unwrap_or(0)
    }

    /// Scans the configurations.
    pub fn configurations(&self) -> Outcome {
        let mut worker = self.worker();
        worker.configurations();
        self.judged(vec![worker], Vec::new())
    }

    /// Scans one layer; none when it was stopped.
    pub fn scan(&self, layer: usize) -> Option<ScannedLayer> {
        self.request.progress.enter("scanning layers");
        let workers = pool::run(VecDeque::from([vec![layer]]), self.request.threads, &|| self.worker());
        let mut warnings = Vec::new();
        let has_findings = workers.iter().any(|worker| !worker.content.scanner.findings.is_empty());
        if has_findings {
            self.look_above(layer, &mut warnings);
        }
        if self.is_stopped() {
            return None;
        }
        let outcome = self.judged(workers, warnings);
        let is_clean = !has_findings && outcome.summary.warnings.is_empty() && !self.is_encrypted(layer);
        Some(ScannedLayer { outcome, is_clean })
    }

    fn worker(&self) -> Worker<'_, '_> {
        Worker::new(self.request, self.engine, &self.plan, self.request.archives.clone().unwrap_or_default())
    }

    fn is_stopped(&self) -> bool {
        self.plan.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }

    fn is_encrypted(&self, layer: usize) -> bool {
        is_encrypted(&self.plan.layers[layer].what)
    }

    /// Reads what the layers above do to the files of one, where that is not known: they were scanned in another image.
    fn look_above(&self, layer: usize, warnings: &mut Vec<Warning>) {
        let limits = self.request.archives.clone().unwrap_or_default();
        for above in self.plan.above(layer) {
            let known = &self.plan.layers[above];
            if known.changes.get().is_some() || self.is_encrypted(above) || self.is_stopped() {
                continue;
            }
            let mut tell = |reason: String| {
                let message = format!("what it does to the layers below is not known: {reason}");
                warnings.push(Warning::note("image-layer", self.plan.layer_name(above), message));
            };
            let store = self.plan.sources[known.source].store.store();
            store.read(&[&known.what], &mut |_, found| match found {
                Ok(blob) => {
                    let mut blob = Stoppable { inner: blob, stop: self.plan.stop };
                    let walked = walk(&mut blob, &known.what, &limits, &mut |_, _| Ok(()));
                    walked.troubles.into_iter().for_each(|(_, reason)| tell(reason));
                    let _ = known.changes.set(walked.changes);
                }
                Err(error) => tell(error.to_string()),
            });
        }
    }

    fn judged(&self, workers: Vec<Worker<'_, '_>>, warnings: Vec<Warning>) -> Outcome {
        let started = Instant::now();
        let mut part = Part { warnings, ..Part::default() };
        for mut worker in workers {
            let spots: Vec<Spot> = std::mem::take(&mut worker.spots);
            worker.content.scanner.findings.place(&|place| self.plan.origins(&spots[place as usize]));
            part.findings.absorb(worker.content.scanner.findings);
            part.warnings.extend(worker.content.scanner.warnings);
        }
        conclude(self.request, self.engine, part, Summary::default(), started)
    }
}
