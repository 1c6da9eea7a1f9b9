//! From what was written on the command line to a crew that can work.

use super::credentials::Credentials;
use super::{questions, store};
use crate::args::{CrewArgs, StoreArgs};
use crate::commands::record::this_run;
use crate::commands::request::{self, load_rules};
use crate::failure::{Failure, OrFail, Result};
use crate::settings::Settings;
use crate::terminal::message;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use stopleak_core::scan::{Gate, Request};
use stopleak_core::suppress::Suppressions;
use stopleak_core::sweep::cache::Cache;
use stopleak_core::sweep::crew::Crew;
use stopleak_core::sweep::queue::{Embedded, Queue};
use stopleak_core::sweep::scales::Scales;
use stopleak_core::sweep::targets::Access;
use stopleak_core::sweep::{Event, Git, MakeRequest, Meter, Options, Questions, Scanner, Store, Watcher};
use stopleak_core::{Policy, RuleSet, Secret};

/// Copies of repositories take this much at most, unless said otherwise.
const CACHE: u64 = 20 << 30;
/// Objects in a part: some ten seconds of one core.
const PART: u64 = 200_000;

/// A crew, and what else was settled.
pub struct Ready {
    pub crew: Crew,
    pub settings: Settings,
    /// What was found since the record was written last; only on record.
    pub found: Found,
}

/// Values that were found.
pub type Found = Arc<Mutex<Vec<Secret>>>;

/// Makes a crew.
pub fn crew(
    args: &CrewArgs,
    mut settings: Settings,
    (access, meter): (&Arc<Access<'static>>, &Arc<Meter>),
    credentials: &Credentials,
    stop: &Arc<AtomicBool>,
    (is_offline, until_empty): (bool, bool),
) -> Result<Ready> {
    let named = StoreArgs { store: args.at.store.clone().or_else(|| credentials.store.clone()), ..args.at.clone() };
    let store = Arc::new(store::open(&named)?);
    let lease = Duration::from_secs(args.lease.unwrap_or(60));
    let queue = queue(args, credentials, &store, lease)?;
    let (rules, policy) = judges(args, &mut settings)?;
    let questions = questions::plan(args, &settings, &rules, &policy, is_offline)?;
    // What is asked about is judged by what was answered.
    let policy = if questions.is_some() { Policy::from(policy.gate) } else { policy };
    let asked = questions.as_ref().map(Questions::mark).unwrap_or_default();
    let scanner = scanner(args, &mut settings, rules, policy).asking(&asked);
    let found = Found::default();
    let recorded = settings.audit.record.then(|| Arc::clone(&found));
    store.keep_pack(scanner.pack(), request::now()).map_err(store::failed)?;
    let copies = store::folder(&args.at)?.join("repositories");
    let cache = Cache::open(&copies, args.cache.unwrap_or(CACHE));
    let threads = args.workers.map_or_else(request::cores, usize::from);
    if let Some(address) = &args.metrics {
        let address = super::metrics::serve(address, meter)?;
        message::line(&format!("stopleak: figures at http://{address}/metrics"));
    }
    let crew = Crew {
        store,
        queue,
        questions,
        scanner,
        git: Git::new(
            super::access::logins(access),
            Arc::clone(stop),
            Duration::from_secs(args.fetch_limit.unwrap_or(21_600)),
        ),
        access: Arc::clone(access),
        cache: cache.or_fail(|| format!("cannot use the folder {}", copies.display()))?,
        scales: Scales::new(args.memory.unwrap_or_else(memory), threads),
        meter: Arc::clone(meter),
        watcher: Arc::new(Terminal(recorded)),
        stop: Arc::clone(stop),
        options: Options {
            worker: worker(),
            threads,
            lease,
            retry_after: Duration::from_secs(args.retry_after.unwrap_or(5)),
            until_empty,
        },
    };
    Ok(Ready { crew, settings, found })
}

fn queue(args: &CrewArgs, credentials: &Credentials, store: &Arc<Store>, lease: Duration) -> Result<Arc<dyn Queue>> {
    match &args.queue {
        None => Ok(Arc::new(Embedded::new(Arc::clone(store), lease))),
        Some(address) => on_server(address, credentials.nats.as_deref(), store, lease),
    }
}

#[cfg(feature = "nats")]
fn on_server(address: &str, given: Option<&str>, store: &Arc<Store>, lease: Duration) -> Result<Arc<dyn Queue>> {
    if !["nats://", "tls://"].iter().any(|scheme| address.starts_with(scheme)) {
        return Err(Failure::new("that is no address of a queue").hint("queues are nats://host:port"));
    }
    let file = std::env::var_os("STOPLEAK_NATS_CREDENTIALS").map(std::path::PathBuf::from);
    let of_file = file.filter(|_| given.is_none()).map(|file| {
        let text = std::fs::read_to_string(&file);
        text.or_fail(|| format!("cannot read the credentials of NATS, {}", file.display()))
    });
    let of_file = of_file.transpose()?.map(zeroize::Zeroizing::new);
    let credentials = given.or(of_file.as_ref().map(|text| text.as_str()));
    let opened = stopleak_core::sweep::queue::Nats::open(address, credentials, Arc::clone(store), lease);
    opened.or_fail(|| "cannot open the queue".to_owned()).map(|queue| Arc::new(queue) as Arc<dyn Queue>)
}

#[cfg(not(feature = "nats"))]
fn on_server(_: &str, _: Option<&str>, _: &Arc<Store>, _: Duration) -> Result<Arc<dyn Queue>> {
    Err(Failure::new("this stopleak was built without NATS"))
}

/// By what is found, and judged.
fn judges(args: &CrewArgs, settings: &mut Settings) -> Result<(Arc<RuleSet>, Policy)> {
    let paths: Vec<_> = settings.rules.iter().chain(&args.rules).cloned().collect();
    let rules = load_rules(settings.imported.as_slice(), &paths, &settings.disabled)?;
    let gate = args.gate.or(settings.gate).unwrap_or_default();
    Ok((rules, std::mem::take(&mut settings.policy).with_gate(Gate { practices: false, ..gate })))
}

fn scanner(args: &CrewArgs, settings: &mut Settings, rules: Arc<RuleSet>, policy: Policy) -> Scanner {
    let gate = args.gate.or(settings.gate).unwrap_or_default();
    let (allowlist, archives) = (std::mem::take(&mut settings.allowlist), args.archives.limits());
    // What decides what counts beside the rules: when it changes, what held something is scanned again.
    let named = format!("{:?} {:?} {:?} {:?}", gate, archives, text(args), args.rules);
    let threads = request::cores().div_ceil(args.workers.map_or_else(request::cores, usize::from));
    let make: MakeRequest = Box::new(move |rules| {
        let mut request = Request::new(Vec::new());
        request.suppressions = Suppressions { allowlist: allowlist.clone(), baseline: None, complete: false };
        request.policy = policy.clone();
        request.archives = archives.clone();
        request.threads = threads;
        request.rules = rules;
        request
    });
    let part = usize::try_from(args.part.unwrap_or(PART)).unwrap_or(usize::MAX);
    Scanner::new(rules, &named, part, make)
}

/// The settings without what decides nothing about findings: another token is no reason to scan anything again.
fn text(args: &CrewArgs) -> Option<String> {
    const OTHERS: [&str; 8] = ["audit", "forge", "notify", "respond", "serve", "sweep", "vault", "verify"];
    let text = args.config.as_ref().and_then(|file| std::fs::read_to_string(file).ok())?;
    let Ok(mut table) = text.parse::<toml::Table>() else { return Some(text) };
    OTHERS.iter().for_each(|name| _ = table.remove(*name));
    Some(table.to_string())
}

/// One name a process: a restart is another worker.
pub fn worker() -> String {
    let host = std::env::var("HOSTNAME").ok().filter(|host| !host.is_empty());
    let host = host.or_else(|| std::fs::read_to_string("/proc/sys/kernel/hostname").ok());
    format!("{}:{}:{}", host.as_deref().unwrap_or("worker").trim(), std::process::id(), &this_run()[..8])
}

/// Half of the machine's memory, or of what its container may have.
fn memory() -> u64 {
    const UNKNOWN: u64 = 2 << 30;
    let number = |text: &str| text.split_whitespace().find_map(|word| word.parse::<u64>().ok());
    let machine = std::fs::read_to_string("/proc/meminfo").ok();
    let machine = machine.and_then(|text| number(text.lines().find(|line| line.starts_with("MemTotal:"))?));
    let machine = machine.map(|kilobytes| kilobytes << 10);
    let container = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|text| number(&text));
    machine.into_iter().chain(container).min().map_or(UNKNOWN, |bytes| bytes / 2)
}

/// Tells of what goes wrong, and remembers what was found for the record.
struct Terminal(Option<Found>);

/// So many values are named in the record.
const MOST: usize = 1_000;

impl Watcher for Terminal {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Failed { repository, reason } => message::note(repository, &format!("{reason}; it is tried again")),
            Event::Dead { repository, reason } => message::caution(&format!("{repository} is not scanned: {reason}")),
            Event::Everything { repository, reason } => {
                message::note(repository, &format!("all of it is scanned again: {reason}"));
            }
            Event::Found { secret, .. } => {
                let Some(found) = &self.0 else { return };
                let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                if found.len() < MOST {
                    found.push((*secret).clone());
                }
            }
            _ => {}
        }
    }
}
