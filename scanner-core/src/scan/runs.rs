//! Scans what pipelines printed and left behind: each log and artifact is scanned while it is downloaded.

use super::mask::Mask;
use super::text::TextScanner;
use super::{Gate, History, Part, Progress, Request, ScanError, Target, archives, stream};
use crate::archive::{Limits, Peeked};
use crate::blob::{Origin, RunPart};
use crate::detect::Engine;
use crate::forge::{self, Chosen, Client, Forge, ForgeError, Item, Listing, Place, Recent, Server, Waits, What};
use crate::http::Transport;
use crate::source::git::selection::Selection;
use crate::warning::Warning;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

/// Downloads at a time: forges slow down who asks for more, and each may hold an archive in memory.
const MAX_DOWNLOADS: usize = 4;

/// How forges are asked.
#[derive(Clone)]
pub struct Forges {
    /// The network; none forbids it.
    pub transport: Option<Arc<dyn Transport + Send>>,
    /// Where GitHub is.
    pub github: Server,
    /// Where GitLab is.
    pub gitlab: Server,
    /// Of targets that name no run, which of their runs; since when, the history says.
    pub chosen: Chosen,
    /// How long they are waited for.
    pub waits: Waits,
}

impl Default for Forges {
    fn default() -> Forges {
        Forges {
            transport: None,
            github: Server::public(Forge::Github),
            gitlab: Server::public(Forge::Gitlab),
            chosen: Chosen::default(),
            waits: Waits::default(),
        }
    }
}

impl Forges {
    fn server(&self, forge: Forge) -> &Server {
        match forge {
            Forge::Github => &self.github,
            // No place is on another one.
            _ => &self.gitlab,
        }
    }
}

impl Target {
    /// The run, job or artifact on a forge that a text names by its prefix; none when it names none.
    pub fn run(text: &str) -> Option<Target> {
        Place::is_one(text).then(|| Target::Run(text.to_owned()))
    }
}

/// Scans every target that is on a forge; none when there is none.
pub fn scan(request: &Request, engine: &Engine) -> Result<Option<Part>, ScanError> {
    let named = request.targets.iter().filter_map(|target| match target {
        Target::Run(name) => Some(name),
        _ => None,
    });
    let mut places = Vec::new();
    for name in named {
        places.push((name, Place::parse(name).map_err(|error| failed(name, error))?));
    }
    let Some((first, _)) = places.first() else { return Ok(None) };
    let transport = request.forges.transport.as_deref().ok_or_else(|| failed(first, ForgeError::Offline))?;
    let clients =
        Forge::WITH_RUNS.map(|forge| Client::new(transport, request.forges.server(forge), request.forges.waits));
    let client = |forge| &clients[usize::from(forge == Forge::Gitlab)];
    let recent = Recent { since: since(request)?, chosen: request.forges.chosen };
    let (mut part, mut found) = (Part::default(), Vec::new());
    request.progress.enter("listing runs");
    for (name, place) in &places {
        match forge::list(client(place.forge), place, &recent) {
            Ok(Listing { items, warnings }) => {
                if items.is_empty() && warnings.is_empty() && place.what == What::Recent {
                    part.warnings.push(Warning::note(NONE_DUE, name.as_str(), "there is no such run since then"));
                }
                found.extend(items.into_iter().map(|item| (client(place.forge), masked(engine, item))));
                part.warnings.extend(warnings.into_iter().map(|warning| masked_warning(engine, warning)));
            }
            Err(error) if error.is_partial() => part.warnings.push(error.warning(name)),
            Err(error) => return Err(failed(name, error)),
        }
    }
    request.progress.enter("scanning runs");
    scan_items(request, engine, &found, &mut part);
    Ok(Some(part))
}

/// The code of the note that a list of runs is empty.
const NONE_DUE: &str = "forge-no-runs";

/// Whether it is as it should be that nothing was scanned: no run failed.
pub fn are_none_due(request: &Request, warnings: &[Warning]) -> bool {
    let are_runs = request.targets.iter().all(|target| matches!(target, Target::Run(_)));
    are_runs && warnings.iter().any(|warning| warning.code == NONE_DUE)
}

fn failed(target: &str, error: ForgeError) -> ScanError {
    ScanError::Forge { target: target.to_owned(), error }
}

fn since(request: &Request) -> Result<Option<i64>, ScanError> {
    let History::Part { since: Some(date), .. } = &request.history else { return Ok(None) };
    Ok(Selection::default().since(date, SystemTime::now())?.since)
}

type Found<'c, 't> = (&'c Client<'t>, Item);

fn scan_items(request: &Request, engine: &Engine, found: &[Found<'_, '_>], part: &mut Part) {
    let next = AtomicUsize::new(0);
    let threads = request.threads.clamp(1, MAX_DOWNLOADS).min(found.len().max(1));
    // What comes in an archive is opened in any case: it is how forges send it.
    let closed = Limits { max_depth: 1, ..Limits::default() };
    let limits = request.archives.as_ref().unwrap_or(&closed);
    let scanners = std::thread::scope(|scope| {
        let work = || scan_share(&request.progress, limits, engine, found, &next);
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().expect("a scanner does not panic")).collect::<Vec<_>>()
    });
    for scanner in scanners {
        part.findings.absorb(scanner.findings);
        part.warnings.extend(scanner.warnings);
    }
    part.findings.place(&|place| vec![origin(&found[place as usize].1)]);
}

fn scan_share<'e>(
    progress: &Progress,
    limits: &Limits,
    engine: &'e Engine,
    found: &[Found<'_, '_>],
    next: &AtomicUsize,
) -> TextScanner<'e> {
    let mut scanner = TextScanner::new(engine);
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        let Some((client, item)) = found.get(index) else { return scanner };
        if let Err(error) = scan_item(progress, limits, &mut scanner, client, item, index as u32) {
            scanner.warnings.push(error.warning(&item.path()));
        }
    }
}

fn scan_item(
    progress: &Progress,
    limits: &Limits,
    scanner: &mut TextScanner,
    client: &Client<'_>,
    item: &Item,
    place: u32,
) -> Result<(), ForgeError> {
    let what = match &item.artifact {
        Some(name) => format!("artifact {name}"),
        None => "the log".to_owned(),
    };
    let mut download = client.download(&item.address, &what)?;
    let name = || item.path();
    let read = Peeked::new(&mut download).and_then(|mut peeked| {
        if archives::scan_stream(scanner, &mut peeked, Some(limits), place, &name, progress) {
            // The directory behind the members tells whether all of it came.
            return std::io::copy(&mut peeked.by_ref().take(MOST_UNREAD), &mut std::io::sink()).map(|_| ());
        }
        progress.add(1, 0);
        stream::scan(scanner, &mut peeked, stream::BLOCK, place, &name, &|bytes| progress.add(0, bytes)).map(|_| ())
    });
    match (download.failure(), read) {
        (Some(failure), _) => Err(failure.clone()),
        (None, Err(error)) => Err(ForgeError::Unreadable { what, reason: error.to_string() }),
        (None, Ok(())) => Ok(()),
    }
}

/// Bytes behind an archive that are looked at for an early end; its directory is rarely longer.
const MOST_UNREAD: u64 = 64 << 20;

fn origin(item: &Item) -> Origin {
    let part = match &item.artifact {
        Some(name) => RunPart::Artifact(name.as_str().into()),
        None => RunPart::Log,
    };
    Origin::Run { run: item.run.as_str().into(), part, job: item.job.as_deref().map(Into::into), path: item.path() }
}

/// Names that people chose may hold a secret, and reports show them.
fn masked(engine: &Engine, item: Item) -> Item {
    let mask = |text: &str| mask(engine, text);
    let (artifact, job) = (item.artifact.as_deref().map(mask), item.job.as_deref().map(mask));
    Item { part: mask(&item.part), artifact, job, ..item }
}

fn masked_warning(engine: &Engine, warning: Warning) -> Warning {
    Warning { object: mask(engine, &warning.object), message: mask(engine, &warning.message), ..warning }
}

fn mask(engine: &Engine, text: &str) -> String {
    let mut mask = Mask::new(engine, Gate { confidence: 0.0, ..Gate::default() });
    let mut out = Vec::new();
    mask.write(text.as_bytes(), &mut out);
    mask.finish(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}
