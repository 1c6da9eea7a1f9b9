//! The seam to a provider: what it can do about a credential, doing it once, and reading whether it was done.

use super::outcome::Trouble;
use super::target::{Facts, Fresh, Place, Target};
use crate::finding::Validity;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// One thing that is done about a secret; the order is no order of doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// Ask whether the secret is alive, and whose it is.
    Check,
    /// Read the vault's entry, and whether it may be written.
    Preflight,
    /// Prove which credential of the provider this is.
    Bind,
    /// Put the key that seals new values into the vault.
    Escrow,
    /// Make a new credential beside the old one.
    Mint,
    /// Make a new credential that ends the old one.
    Replace,
    /// Write the new value to the vault.
    Store,
    /// Read the new value back from the vault and prove that it works.
    Prove,
    /// Tell those who use it.
    Announce,
    /// End the secret in the way that can be taken back.
    Disable,
    /// End what was opened with it.
    EndSessions,
    /// Ask until the provider refuses the secret.
    Confirm,
    /// End the secret for good.
    Delete,
    /// End it for good by another login, where it may not end itself.
    Overrule,
    /// Note in the vault what was done; make the old version unreadable.
    Note,
    /// End the new credential again.
    Discard,
    /// Write the old value back to the vault.
    Restore,
}

impl Act {
    /// The word used in journals and plans.
    pub fn as_str(self) -> &'static str {
        match self {
            Act::Check => "check",
            Act::Preflight => "preflight",
            Act::Bind => "bind",
            Act::Escrow => "escrow",
            Act::Mint => "mint",
            Act::Replace => "replace",
            Act::Store => "store",
            Act::Prove => "prove",
            Act::Announce => "announce",
            Act::Disable => "disable",
            Act::EndSessions => "end-sessions",
            Act::Confirm => "confirm",
            Act::Delete => "delete",
            Act::Overrule => "overrule",
            Act::Note => "note",
            Act::Discard => "discard",
            Act::Restore => "restore",
        }
    }

    /// Whether it changes something outside.
    pub fn is_change(self) -> bool {
        !matches!(self, Act::Check | Act::Preflight | Act::Bind | Act::Prove | Act::Confirm)
    }
}

/// Whether a change may be made again when nobody knows whether it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Repeat {
    /// Doing it twice is doing it once.
    Freely,
    /// Only after reading showed that it was not made.
    WhenReadSaysNo,
    /// Never: a second request does harm.
    Never,
}

/// One thing a provider can do about a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ability {
    /// The request, without any secret.
    pub request: String,
    /// Whether it cannot be taken back.
    pub irreversible: bool,
    /// What to do when nobody answers.
    pub repeat: Repeat,
    /// What is done instead when it is denied.
    pub instead: Option<Act>,
    /// What remains for people when it fails.
    pub by_hand: String,
}

/// All that a provider can do about a credential.
#[derive(Clone, Debug, Default)]
pub struct Abilities {
    /// `Mint`, `Replace`, `Disable`, `EndSessions`, `Delete`, `Overrule`, `Discard`.
    pub acts: BTreeMap<Act, Ability>,
    /// Whether new values are chosen here, not by the provider: then a value is sealed before anything is asked for.
    pub chooses: bool,
    /// Whether the leaked secret itself is what it is all asked with.
    pub by_itself: bool,
    /// Where the provider itself keeps the new value, so that nothing is sealed or stored.
    pub kept_at: Option<Place>,
    /// How many refusals in a row prove it dead: more than one where replicas lag.
    pub refusals: u8,
    /// Why nothing can be done about this one, though its kind is known.
    pub blocked: Option<String>,
    /// Why its requests were not held against the provider's documentation.
    pub unproven: Option<String>,
    /// What a plan warns of.
    pub warnings: Vec<String>,
}

/// What a change is about.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// The leaked secret.
    pub target: &'a Target,
    /// What `bind` found.
    pub bound: &'a Facts,
    /// What `before` read before the change.
    pub before: &'a Facts,
    /// The new value, where there is one: chosen here, or made by `Mint` and `Replace`.
    pub fresh: Option<&'a Fresh>,
}

/// What a change brought.
#[derive(Clone, Debug, Default)]
pub struct Effect {
    /// What is worth keeping; no secret.
    pub facts: Facts,
    /// The new value, after `Mint` and `Replace` of a provider that chooses itself.
    pub fresh: Option<Fresh>,
}

/// Whether a change that nobody answered was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reconciled {
    /// It was.
    Done(Facts),
    /// It was not.
    NotDone,
    /// A credential of this id was made whose value nobody has.
    Orphan(String),
    /// Only the secret itself can tell: is it alive?
    AskVerify,
    /// It cannot be told.
    Unclear(String),
}

/// A provider that can end or replace credentials. Nothing is repeated inside: one call, one request that changes.
pub trait Responder: Sync {
    /// As plans and journals name it.
    fn name(&self) -> &'static str;

    /// What it could do, without asking anybody; `None` when it has nothing to do with this kind.
    fn abilities(&self, target: &Target) -> Option<Abilities>;

    /// Proves which credential this is: reads only. `Ambiguous` when it cannot be told.
    fn bind(&self, target: &Target) -> Result<Facts, Trouble>;

    /// Reads what tells afterwards whether a change was made.
    fn before(&self, _act: Act, _job: &Job) -> Result<Facts, Trouble> {
        Ok(Facts::new())
    }

    /// Makes one change.
    fn carry_out(&self, act: Act, job: &Job) -> Result<Effect, Trouble>;

    /// Whether a change was made: reads only.
    fn reconcile(&self, _act: Act, _job: &Job) -> Result<Reconciled, Trouble> {
        Ok(Reconciled::AskVerify)
    }

    /// How long a change may take to show in what is read.
    fn settles_in(&self) -> Duration {
        Duration::from_secs(5)
    }

    /// Whether the secret is alive, where the provider tells more than its rule asks; `bound` is empty before `bind`.
    fn check(&self, _target: &Target, _bound: &Facts) -> Option<Validity> {
        None
    }

    /// The new value as the provider that keeps it gives it back: reads only.
    fn kept(&self, _target: &Target, _bound: &Facts) -> Result<Fresh, Trouble> {
        Err(Trouble::Refused("the provider keeps no values".into()))
    }

    /// A new value, for a provider whose values are chosen here.
    fn choose(&self, _target: &Target) -> Result<Fresh, Trouble> {
        Err(Trouble::Refused("the provider chooses its values itself".into()))
    }
}
