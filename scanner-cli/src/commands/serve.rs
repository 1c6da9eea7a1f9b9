//! `stopleak serve`: answers forges that report leaks, does what waits in the queue, and shows the live page of sweeps.

mod desk;
pub(super) mod http;
mod page;
pub(super) mod reply;
mod response;

use super::record::{Recorder, state_folder};
use super::request::{now, today};
use super::signals::{self, Asking};
use super::{ask, notify, respond};
use crate::args::{AskArgs, ServeArgs};
use crate::exit;
use crate::failure::{Failure, OrFail, Result};
use crate::network;
use crate::settings::{self, Settings};
use crate::terminal::{message, words};
use desk::Desk;
use page::Page;
use response::Responding;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use stopleak_core::inbound::{Intake, Queue, QueueError, Rate, Service};
use stopleak_core::verify::Verify;

/// So much waits at most.
const MOST_WAITING: usize = 10_000;
/// What waits is tried again after this, and after twice that the next time.
const PAUSE: Duration = Duration::from_secs(15);
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// Serves until it is told to stop.
pub fn run(args: &ServeArgs) -> Result<u8> {
    let settings = settings::load(Some(&args.config), &[], &today())?;
    let served = settings.serve.served()?;
    let recorder = Recorder::here(None, &settings.audit)?;
    let keys = recorder.keys()?;
    let folder = match &settings.serve.queue {
        Some(folder) => folder.clone(),
        None => state_folder()?.join("queue"),
    };
    let queue = || Queue::open(&folder, &keys.derive("queue"), MOST_WAITING).or_fail(|| "cannot serve".to_owned());
    let http = network::client(None)?;
    let (rules, mut notes) = (load_rules(&settings)?, Vec::new());
    let asking = ask::plan(&AskArgs::default(), false, &settings.verify, (rules.clone(), false), &mut notes)?;
    message::warnings(&notes, true);
    let receivers = receivers(&settings)?;
    let verify = settings.serve.verify.unwrap_or(true).then_some(&asking.verifier as &dyn Verify);
    let stop = Arc::new(AtomicBool::new(false));
    let responding = Responding {
        verifier: &asking.verifier,
        settings: &settings.respond,
        folder: respond::runs_folder(&settings.respond)?,
        revokes: settings.serve.revoke,
        stop: stop.clone(),
    };
    // A login that is half there shows now, not with the first leak.
    respond::Responders::new(&asking.verifier, &settings.respond)?;
    let (alerts, told) = (served.alerts_api, Mutex::default());
    let desk = Desk { recorder: &recorder, rules, receivers, http: &http, verify, responding, alerts, told };
    let waiting = queue()?;
    if args.drain {
        return match work_off(&waiting, &desk) {
            0 => Ok(exit::CLEAN),
            left => Err(Failure::new(format!("{} still in the queue", words::counted(left, "incident")))),
        };
    }
    let per_second = f64::from(args.rate) / 60.0;
    let service = Service {
        gitlab: served.gitlab,
        partner: served.partner,
        alerts: served.alerts,
        queue: queue()?,
        rate: Rate::new(args.rate.min(100), per_second),
        refused: Rate::new(10, per_second.min(1.0)),
        transport: &http,
    };
    let page = served.page.map(|page| Page::open(page, args, &recorder)).transpose()?;
    if page.is_none() && args.store.is_some() {
        return Err(Failure::new("--store is for the page of [serve.page], which the settings do not have"));
    }
    listen(args, (&service, page), &waiting, (&desk, &stop))
}

fn load_rules(settings: &Settings) -> Result<Arc<stopleak_core::RuleSet>> {
    super::request::load_rules(settings.imported.as_slice(), &settings.rules, &settings.disabled)
}

fn receivers(settings: &Settings) -> Result<Vec<stopleak_core::notify::Receiver>> {
    match settings.notify.is_empty() {
        true => Ok(Vec::new()),
        false => notify::receivers(&settings.notify, &[]),
    }
}

fn listen(
    args: &ServeArgs,
    (service, page): (&Service, Option<Page>),
    waiting: &Queue,
    (desk, stop): (&Desk, &Arc<AtomicBool>),
) -> Result<u8> {
    let listener = TcpListener::bind(args.listen).or_fail(|| format!("cannot listen at {}", args.listen))?;
    let address = listener.local_addr().or_fail(|| "cannot listen".to_owned())?;
    if !address.ip().is_loopback() {
        message::caution(
            "others can reach this address, and it speaks no TLS: tokens would go over the network in clear",
        );
    }
    let page = page.map(|page| page.reached_at(address));
    // Whoever reads that it serves may stop it at once: its signals are listened to by then.
    // A connection of our own ends the wait for others'.
    let wake = move || _ = TcpStream::connect(address);
    signals::stop_on(Asking::Ending, stop, wake).or_fail(|| "cannot serve".to_owned())?;
    message::line(&format!("stopleak: serving at http://{address}"));
    let (wake, woken) = mpsc::sync_channel(1);
    let wake = Mutex::new(wake);
    std::thread::scope(|scope| {
        scope.spawn(|| work(waiting, desk, woken, stop));
        http::serve(&listener, &http::Limits::default(), &|| stop.load(Ordering::SeqCst), &|received, peer| {
            let response = match page.as_ref().filter(|_| Page::has(received.path)) {
                Some(page) => page.answer(received, peer),
                None => service.answer(received, now()).into(),
            };
            if let Some(trouble) = &response.trouble {
                message::error(&Failure::new(trouble.clone()));
            }
            ring(&wake);
            response
        });
        ring(&wake);
    });
    message::line("stopleak: stopped; what waits is done when it serves again");
    Ok(exit::CLEAN)
}

/// A full channel has woken already.
fn ring(wake: &Mutex<SyncSender<()>>) {
    let wake = wake.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let _ = wake.try_send(());
}

/// Does what waits, whenever something comes and now and then.
fn work(queue: &Queue, desk: &Desk, woken: Receiver<()>, stop: &AtomicBool) {
    let mut pause = PAUSE;
    while !stop.load(Ordering::SeqCst) {
        pause = match work_off(queue, desk) {
            0 => PAUSE,
            _ => (pause * 2).min(LONGEST_PAUSE),
        };
        if let Err(RecvTimeoutError::Disconnected) = woken.recv_timeout(pause) {
            return;
        }
    }
}

/// How many incidents are left.
fn work_off(queue: &Queue, desk: &Desk) -> u64 {
    let ids = match queue.waiting() {
        Ok(ids) => ids,
        Err(error) => {
            message::error(&Failure::new(error.to_string()));
            return 1;
        }
    };
    let mut left = 0;
    for id in ids {
        let done = queue.get(&id).map(|incident| desk.take(&incident));
        match done {
            Ok(Ok(())) => {
                if let Err(error) = queue.done(&id) {
                    left += 1;
                    message::error(&Failure::new(error.to_string()));
                }
            }
            Ok(Err(postponed)) => {
                left += 1;
                message::error(&Failure::new(format!("an incident waits: {postponed}")));
            }
            Err(error @ QueueError::Broken { .. }) => message::error(&Failure::new(error.to_string())),
            Err(error) => {
                left += 1;
                message::error(&Failure::new(error.to_string()));
            }
        }
    }
    left
}
