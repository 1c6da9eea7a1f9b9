//! Vaults that the user's settings name, as those see them who end what a vault made. No address comes from scanned data.

use crate::respond::journal::{Record, Records};
use crate::respond::progress::Progress;
use crate::respond::responder::Act;
use crate::respond::target::{Facts, Target};
use crate::secret::Secret;
use crate::vault::hashicorp::Hashicorp;
use crate::verify::typed::{self, CONNECTION};
use std::collections::BTreeMap;

/// The fact that names the vault.
pub(super) const VAULT: &str = "vault";

/// A vault that may be asked.
pub struct Keeper {
    /// As the settings name it.
    pub name: String,
    /// Where it is, and who we are there.
    pub vault: Hashicorp,
    /// Whether we are anybody there: without a login a token can end itself, and no more.
    pub has_login: bool,
    /// Mounts of its database engines.
    pub databases: Vec<String>,
}

/// The vault that a fact names.
pub(super) fn named<'a>(keepers: &'a [Keeper], facts: &Facts) -> Option<&'a Keeper> {
    facts.get(VAULT).and_then(|name| keepers.iter().find(|keeper| keeper.name == *name))
}

/// The server and the login that the text around a password names.
pub(super) fn login(target: &Target) -> Option<typed::Target> {
    let (_, connection) = target.parts.iter().find(|(name, _)| name == CONNECTION)?;
    typed::parse(&target.rule.id, connection, &target.secret)
}

/// What `bind` found for the tasks of a responder in a run that is taken up again: after the change it could not be found.
pub(super) fn recalled(records: &Records, responder: &str) -> BTreeMap<String, Facts> {
    let Some((_, Record::Begun { plan })) = records.first() else { return BTreeMap::new() };
    let (progress, _) = Progress::of(records, plan.tasks.len());
    let tasks = plan.tasks.iter().zip(progress).filter(|(task, _)| task.responder == responder);
    let facts = tasks.map(|(task, progress)| (task.fingerprint.clone(), progress.facts(Act::Bind)));
    facts.filter(|(_, facts)| !facts.is_empty()).collect()
}

/// A password as the text around it holds it.
pub(super) fn written(target: &Target, password: &Secret) -> Secret {
    let text = std::str::from_utf8(password.expose());
    match text {
        Ok(text) if target.rule.id.ends_with("-url") => Secret::new(crate::http::encode(text, false).as_bytes()),
        _ => password.clone(),
    }
}
