//! Scans the objects of a bucket as files are scanned, several at a time: while some arrive others are scanned.

use super::content::ContentScanner;
use super::{History, Part, Request, ScanError, Target};
use crate::blob::{BUCKET, Origin};
use crate::bucket::{Access, Address, Bucket, BucketError, Listed, Page};
use crate::detect::Engine;
use crate::http::Transport;
use crate::source::git::selection::Selection;
use crate::warning::Warning;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// Transfers for each thread: most of their time is waiting.
const TRANSFERS: usize = 4;
const MAX_TRANSFERS: usize = 32;
/// Objects that are listed ahead.
const AHEAD: usize = 2_000;

/// How buckets are got.
#[derive(Clone, Default)]
pub struct Buckets {
    /// Who asks, and where.
    pub access: Access,
    /// Also versions that were overwritten or deleted.
    pub versions: bool,
    /// The network; none forbids it.
    pub transport: Option<Arc<dyn Transport + Send>>,
}

impl Target {
    /// The bucket that a text names by its prefix; none when it names none.
    pub fn bucket(text: &str) -> Option<Target> {
        Some(Target::Bucket { name: text.strip_prefix(BUCKET)?.to_owned() })
    }
}

/// Scans every object whose key begins as `name` says.
pub fn scan(request: &Request, engine: &Engine, name: &str) -> Result<Part, ScanError> {
    let shown = format!("{BUCKET}{name}");
    let since = since(request, &shown)?;
    let failed = |error| ScanError::Bucket { target: shown.clone(), error };
    let address = Address::parse(name).map_err(failed)?;
    let buckets = &request.buckets;
    let transport = buckets.transport.as_deref().ok_or(BucketError::Offline).map_err(failed)?;
    let bucket = Bucket::new(transport, &address.bucket, &buckets.access).map_err(failed)?;
    request.progress.enter("listing objects");
    let first = bucket.list(&address.prefix, buckets.versions, None).map_err(failed)?;
    request.progress.enter("scanning objects");
    let list = List { bucket: &bucket, prefix: &address.prefix, versions: buckets.versions, since, shown: &shown };
    let (sender, receiver) = sync_channel(AHEAD);
    let receiver = Mutex::new(receiver);
    let workers = (request.threads * TRANSFERS).clamp(1, MAX_TRANSFERS);
    let mut part = Part::default();
    let done = std::thread::scope(|scope| {
        let work = || Worker { request, bucket: &bucket }.run(engine, &receiver);
        let running: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        part.warnings.extend(list.send(first, sender));
        running.into_iter().map(|thread| thread.join().expect("a scanner does not panic")).collect::<Vec<_>>()
    });
    for mut share in done {
        share.content.scanner.findings.place(&|place| vec![share.origins[place as usize].clone()]);
        part.findings.absorb(share.content.scanner.findings);
        part.warnings.extend(share.content.scanner.warnings);
    }
    Ok(part)
}

/// The time an object must not be older than; a range of commits is nothing that a bucket has.
fn since(request: &Request, shown: &str) -> Result<Option<i64>, ScanError> {
    let no = |asked| ScanError::NoRepository { path: shown.to_owned(), asked };
    match &request.history {
        _ if request.staged => Err(no("staged changes")),
        History::Part { range: Some(_), .. } => Err(no("range")),
        History::Part { since: Some(date), .. } => {
            Ok(Selection::default().since(date, SystemTime::now()).map_err(ScanError::Git)?.since)
        }
        _ => Ok(None),
    }
}

/// The list that is worked through.
struct List<'l> {
    bucket: &'l Bucket<'l>,
    prefix: &'l str,
    versions: bool,
    since: Option<i64>,
    shown: &'l str,
}

impl List<'_> {
    /// Hands all objects to `to`, from the first page on; tells what keeps the list from going on.
    fn send(&self, mut page: Page, to: SyncSender<Listed>) -> Option<Warning> {
        loop {
            for object in page.objects.drain(..).filter(|object| self.is_wanted(object)) {
                // Somebody works as long as this goes on.
                to.send(object).ok()?;
            }
            let next = page.next.take()?;
            page = match self.bucket.list(self.prefix, self.versions, Some(&next)) {
                Ok(page) if page.next.as_ref() == Some(&next) => {
                    return Some(self.broken("it goes on where it began"));
                }
                Ok(page) => page,
                Err(error) => return Some(self.broken(&error.to_string())),
            };
        }
    }

    fn broken(&self, reason: &str) -> Warning {
        let message = format!("the list of objects broke off: {reason}");
        Warning::unscanned("bucket-list", self.shown, message)
    }

    /// A folder that somebody made is an object without content.
    fn is_wanted(&self, object: &Listed) -> bool {
        let is_folder = object.key.ends_with('/') && object.size == Some(0);
        let is_old = self.since.zip(object.modified).is_some_and(|(since, modified)| modified < since);
        !is_folder && !is_old
    }
}

/// What one thread found, and where.
struct Share<'p, 'e> {
    content: ContentScanner<'p, 'e>,
    /// Places with findings.
    origins: Vec<Origin>,
}

/// One thread.
struct Worker<'w> {
    request: &'w Request,
    bucket: &'w Bucket<'w>,
}

impl<'w> Worker<'w> {
    fn run<'e>(&self, engine: &'e Engine, objects: &Mutex<Receiver<Listed>>) -> Share<'w, 'e> {
        let mut share = Share { content: ContentScanner::new(self.request, engine), origins: Vec::new() };
        loop {
            let next = objects.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(listed) = next else { return share };
            let origin = Origin::object(self.bucket.name(), &listed.key, listed.version.as_deref());
            let before = share.content.scanner.findings.added();
            if let Err((code, message)) = self.scan(&mut share, &listed, &origin) {
                let warning = Warning::unscanned(code, origin.to_string(), message);
                share.content.scanner.warnings.push(warning);
            }
            if share.content.scanner.findings.added() > before {
                share.origins.push(origin);
            }
        }
    }

    fn scan(&self, share: &mut Share<'_, '_>, listed: &Listed, origin: &Origin) -> Result<(), (&'static str, String)> {
        let name = || origin.to_string();
        let place = share.origins.len() as u32;
        if listed.size == Some(0) {
            share.content.scan_whole(place, &name, b"");
            return Ok(());
        }
        let mut object = self.bucket.open(listed).map_err(|error| (error.warning_code(), error.to_string()))?;
        share.content.scan(place, &name, &mut object).map_err(|error| {
            let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<BucketError>());
            let code = inner.map_or("unreadable-object", BucketError::warning_code);
            (code, format!("only its beginning was scanned: {error}"))
        })
    }
}
