//! The live page of a store of sweeps: the report itself, for who may see it; what they say of findings goes on record
//! before it is done.

mod doors;
mod form;
mod login;
mod sessions;
mod triage;

use super::reply::Response;
use crate::args::ServeArgs;
use crate::commands::record::Recorder;
use crate::commands::request::now;
use crate::commands::sweep;
use crate::failure::{Failure, Result};
use crate::settings::PageSettings;
use doors::{Caller, Door, Doors, Refusal};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use stopleak_core::audit::digest;
use stopleak_core::inbound::{Rate, Received};
use stopleak_core::report::{Html, Json, Report, Saved, Viewer};
use stopleak_core::sweep::{Store, StoreError};

/// Of a finding in thousands of repositories so many places are listed; the rest is counted.
const MOST_PLACES: usize = 500;
/// Somebody is waiting for the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A page, and who may see it.
pub struct Page {
    store: Store,
    recorder: Recorder,
    doors: Doors,
    /// For each request that may ask.
    rate: Rate,
    /// For each that may not.
    refused: Rate,
    /// Reading all of a store takes memory: one at a time.
    reading: Mutex<()>,
}

impl Page {
    /// Opens the store.
    pub fn open(settings: PageSettings, args: &ServeArgs, recorder: &Recorder) -> Result<Page> {
        let named = settings.store.as_ref().map(|store| String::from_utf8_lossy(store.expose()).into_owned());
        let store = args.store.clone().or(named).ok_or_else(|| {
            Failure::new("[serve.page] names no store")
                .hint("write `store = \"/var/lib/stopleak/sweep.db\"` there, or say --store")
        })?;
        let key = args.store_key.as_deref().or(settings.key.as_deref());
        let store = sweep::store_at(&store, key)?.patient_for(PATIENCE);
        let per_second = f64::from(args.rate) / 60.0;
        Ok(Page {
            store,
            recorder: recorder.clone(),
            doors: Doors::new(settings),
            rate: Rate::new(args.rate.min(100), per_second),
            refused: Rate::new(10, per_second.min(1.0)),
            reading: Mutex::new(()),
        })
    }

    /// The page as it is reached at this address.
    pub fn reached_at(self, address: SocketAddr) -> Page {
        Page { doors: self.doors.reached_at(address), ..self }
    }

    /// Whether a path is the page's.
    pub fn has(path: &str) -> bool {
        path == "/" || path == "/login" || path.starts_with("/page/")
    }

    /// Answers a request for one of its paths.
    pub fn answer(&self, received: &Received, peer: IpAddr) -> Response {
        if !self.doors.is_reached(received) {
            return Response::error(421, "this name is not answered here: add it to `hosts` of [serve.page]");
        }
        if received.path == "/login" && self.doors.has_login() {
            return self.login(received);
        }
        let caller = match self.doors.caller(received, peer, now()) {
            Ok(caller) => caller,
            Err(Refusal::Nobody) if received.path == "/" && self.doors.has_login() => return Response::to("/login"),
            Err(refusal) => return self.refuse(refusal),
        };
        if let Err(seconds) = self.rate.take(now() as f64) {
            return Response::later(429, seconds, "too many requests");
        }
        match (received.method, received.path) {
            ("GET", "/") => self.page(&caller),
            ("GET", "/page/findings") => self.findings(received),
            ("POST", "/page/triage") => self.guarded(received, &caller, || self.triage(received, &caller)),
            ("POST", "/page/logout") => self.guarded(received, &caller, || self.logout(&caller)),
            (_, "/" | "/page/findings" | "/page/triage" | "/page/logout") => {
                Response::error(405, "this method is not answered here")
            }
            _ => Response::error(404, "nothing is here"),
        }
    }

    /// Does something only for a request that the page itself made.
    fn guarded(&self, received: &Received, caller: &Caller, then: impl FnOnce() -> Response) -> Response {
        match self.doors.is_meant(received, caller) {
            Ok(()) => then(),
            Err(problem) => Response::error(403, problem),
        }
    }

    fn refuse(&self, refusal: Refusal) -> Response {
        match (refusal, self.refused.take(now() as f64)) {
            (_, Err(seconds)) => Response::later(429, seconds, "too many requests"),
            (Refusal::Nobody | Refusal::Unknown, Ok(())) => {
                Response::error(401, "who asks is not known").with("WWW-Authenticate", "Bearer")
            }
            (Refusal::Forbidden, Ok(())) => Response::error(403, "who asks is not known"),
        }
    }

    fn page(&self, caller: &Caller) -> Response {
        let viewer = Viewer {
            name: caller.name.clone(),
            triages: caller.may_triage(),
            logs_out: matches!(caller.door, Door::Session(_)),
            token: caller.token.clone(),
        };
        match self.written(|out| Box::new(Html::live(out, now(), viewer))) {
            Ok(page) => Response::page(page, Html::live_policy()),
            Err(error) => unavailable(&error),
        }
    }

    fn findings(&self, received: &Received) -> Response {
        match self.written(|out| Box::new(Json::new(out))) {
            Ok(findings) => {
                let tag = format!("\"{}\"", digest(&findings));
                match received.header("if-none-match") == tag {
                    true => Response::empty(304).with("ETag", tag),
                    false => Response::json(200, findings).with("ETag", tag),
                }
            }
            Err(error) => unavailable(&error),
        }
    }

    /// All of the store, as a report writes it.
    fn written(
        &self,
        report: impl for<'o> FnOnce(&'o mut Vec<u8>) -> Box<dyn Report + 'o>,
    ) -> std::result::Result<Vec<u8>, StoreError> {
        let _one = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let Saved { records, summary } = self.store.export(now(), MOST_PLACES)?;
        let mut out = Vec::new();
        let mut writing = report(&mut out);
        let written = records.iter().try_for_each(|record| writing.record(record));
        written.and_then(|()| writing.finish(&summary)).map_err(|error| StoreError::Failed(error.to_string()))?;
        drop(writing);
        Ok(out)
    }

    fn logout(&self, caller: &Caller) -> Response {
        match &caller.door {
            Door::Session(key) => Response::empty(204).with("Set-Cookie", self.doors.sessions.end(key)),
            Door::Bearer | Door::Proxy => Response::error(400, "there is no session to end"),
        }
    }
}

/// What the operator should know of is not told to who asks.
fn unavailable(error: &StoreError) -> Response {
    Response::later(503, 10, "the store cannot be read now").trouble(error.to_string())
}
