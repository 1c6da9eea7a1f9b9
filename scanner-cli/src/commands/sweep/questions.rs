//! Asking providers in a sweep: from words and settings to who asks, on record where the settings want that.

use super::credentials;
use crate::args::CrewArgs;
use crate::commands::ask::{self, Asking};
use crate::commands::record::Recorder;
use crate::failure::{Failure, Result};
use crate::settings::{Held, Settings, VerifySettings, VerifyWritten};
use crate::terminal::{message, words};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use stopleak_core::audit::Act;
use stopleak_core::sealed::Key;
use stopleak_core::sweep::crew::Crew;
use stopleak_core::sweep::questions::{AskError, Errand, NoLedger};
use stopleak_core::sweep::{Ledger, Questions};
use stopleak_core::{Policy, RuleSet, Secret};

/// Questions of a run at most, unless the settings say otherwise: a sweep finds more than a scan.
const MOST: u64 = 100_000;
/// A run takes the time it takes, unless the settings say otherwise: ten years.
const LONGEST: u64 = 10 * 365 * 86_400;

/// Who asks, if anybody.
pub fn plan(
    args: &CrewArgs,
    settings: &Settings,
    rules: &Arc<RuleSet>,
    policy: &Policy,
    is_offline: bool,
) -> Result<Option<Questions>> {
    if !args.verify {
        return Ok(None);
    }
    let mut notes = Vec::new();
    // The store keeps what was said: a run asks anew.
    let words = crate::args::AskArgs { no_verify_cache: true, ..args.ask.clone() };
    let verify = VerifySettings { written: budget(&settings.verify.written), are_named: true };
    let Asking { verifier, .. } = ask::plan(&words, is_offline, &verify, (Arc::clone(rules), false), &mut notes)?;
    message::warnings(&notes, false);
    let named = args.keep_values.as_deref().map(Held::parse).transpose()?;
    let named = named.or_else(|| settings.sweep.keep_values.clone());
    let key = named.map(|held| key(settings, &held, is_offline)).transpose()?;
    let ledger: Box<dyn Ledger> = match settings.audit.record {
        true => Box::new(OnRecord(Recorder::here(None, &settings.audit)?)),
        false => Box::new(NoLedger),
    };
    Ok(Some(Questions::new(verifier, policy.clone(), key, ledger)))
}

/// The key that values are kept under.
fn key(settings: &Settings, held: &Held, is_offline: bool) -> Result<Key> {
    let kept = credentials::one(settings, is_offline, "the key of the values that are kept", held)?;
    Key::from_secret(&kept).ok_or_else(|| {
        Failure::new("the key of the values that are kept is no key: 32 bytes in base64")
            .hint("`openssl rand -base64 32` makes one")
    })
}

fn budget(written: &VerifyWritten) -> VerifyWritten {
    VerifyWritten {
        max_requests: written.max_requests.or(Some(MOST)),
        max_seconds: written.max_seconds.or(Some(LONGEST)),
        ..written.clone()
    }
}

/// Asks again about what is kept.
pub fn renew(crew: &Crew, run: &str) -> Result<()> {
    let Some(questions) = &crew.questions else { return Ok(()) };
    let errand = Errand { store: &crew.store, run, job: "renew", stop: &crew.stop };
    match questions.renew(&errand) {
        Ok(()) | Err(AskError::Stopped) => Ok(()),
        Err(AskError::Store(error)) => Err(super::store::failed(error)),
        Err(error) => Err(Failure::new(error.to_string())),
    }
}

/// Says what got no answer.
pub fn warn(crew: &Crew) {
    let Some(questions) = &crew.questions else { return };
    let (counts, locked) = questions.counts();
    message::warnings(&ask::unanswered(&counts, false), false);
    if locked > 0 {
        let count = words::counted(locked, "value");
        message::caution(&format!(
            "{count} that is kept was not asked about: it is under another key, or its rule is gone"
        ));
    }
}

/// Writes into the audit log that providers are asked, before and after.
struct OnRecord(Recorder);

impl Ledger for OnRecord {
    fn around(
        &self,
        secrets: &[&Secret],
        ask: &mut dyn FnMut() -> BTreeMap<&'static str, u64>,
    ) -> std::result::Result<(), String> {
        let told = |failure: Failure| failure.to_string();
        let keys = self.0.keys().map_err(told)?;
        let act = Act::new("verify").details(json!({ "findings": secrets.len() }));
        let act = secrets.iter().fold(act, |act, secret| act.about(keys.tag(secret)));
        let permit = self.0.begin(act).map_err(told)?;
        let validities = ask();
        self.0.end(permit, "asked", json!({ "validities": validities })).map_err(told)
    }
}
