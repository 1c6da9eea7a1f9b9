//! What somebody says of a finding on the page: checked, on record, and only if nobody said something else meanwhile.

use super::doors::Caller;
use super::{MOST_PLACES, Page, unavailable};
use crate::commands::request::now;
use crate::commands::serve::reply::Response;
use crate::commands::sweep::{Saying, say_on_record};
use serde::Deserialize;
use serde_json::json;
use stopleak_core::inbound::Received;
use stopleak_core::report::to_value;
use stopleak_core::sweep::StoreError;
use stopleak_core::sweep::store::{State, Version};

/// A request's body.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    /// Its whole id.
    finding: String,
    /// What was known of it.
    version: String,
    state: State,
    #[serde(default)]
    reason: String,
    /// The last day of an acknowledgement.
    until: Option<String>,
}

impl Page {
    pub(super) fn triage(&self, received: &Received, caller: &Caller) -> Response {
        if !caller.may_triage() {
            return Response::error(403, "this takes the role triage");
        }
        let Ok(said) = serde_json::from_slice::<Said>(received.body) else {
            return Response::error(400, "the body is no finding with version, state, reason and until");
        };
        let Ok(seen) = said.version.parse::<Version>() else {
            return Response::error(400, "the version makes no sense");
        };
        let saying = Saying { state: said.state, reason: &said.reason, until: said.until.as_deref() };
        let triage = match saying.checked(&caller.name) {
            Ok(triage) => triage,
            Err(failure) => return Response::error(400, &failure.to_string()),
        };
        match self.store.stands(&said.finding, now()) {
            Ok((_, version)) if version != seen => return self.overtaken(&said.finding),
            Ok(_) => {}
            Err(StoreError::Missing(_)) => return Response::error(404, "there is no such finding"),
            Err(error) => return unavailable(&error),
        }
        let recorder = self.recorder.clone().by(&caller.name);
        match say_on_record(&self.store, &recorder, &said.finding, &triage, seen) {
            Ok(true) => self.told(200, &said.finding, json!({})),
            Ok(false) => self.overtaken(&said.finding),
            Err(failure) => {
                Response::later(503, 10, "it was not done: it could not be written down").trouble(failure.to_string())
            }
        }
    }

    fn overtaken(&self, finding: &str) -> Response {
        self.told(409, finding, json!({ "error": "somebody said something else meanwhile" }))
    }

    /// The finding as it is now, and the trend.
    fn told(&self, status: u16, finding: &str, mut body: serde_json::Value) -> Response {
        let now = now();
        match self.store.export_one(finding, now, MOST_PLACES).and_then(|record| Ok((record, self.store.trend(now)?))) {
            Ok((record, trend)) => {
                body["finding"] = record.as_ref().map(to_value).unwrap_or_default();
                body["trend"] = json!(trend);
                Response::json(status, body.to_string().into_bytes())
            }
            Err(error) => unavailable(&error),
        }
    }
}
