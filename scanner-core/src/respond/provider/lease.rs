//! Credentials that a vault made for a while: the lease is ended, and with it the login, before the vault answers.
//!
//! One lease by its id, never all below a prefix and never by force, which forgets a lease whose login lives on.
//! <https://openbao.org/api-docs/system/leases/>

use super::keeper::{Keeper, VAULT, login, named, recalled};
use crate::respond::journal::Records;
use crate::respond::outcome::Trouble;
use crate::respond::responder::{Abilities, Ability, Act, Effect, Job, Reconciled, Repeat, Responder};
use crate::respond::target::{Facts, Target};
use crate::vault::VaultError;
use crate::vault::hashicorp::Lease;
use std::collections::BTreeMap;

const NAME: &str = "vault-lease";
const LEASE: &str = "lease";
/// Seconds between the time in a login's name and the time of its lease.
const BETWEEN: std::ops::RangeInclusive<i64> = -2..=30;
/// Leases that are looked at in a search.
const MAX_LEASES: usize = 500;

/// Ends leases.
pub struct Leases<'a> {
    keepers: &'a [Keeper],
    /// The leases a credential may be of, by its fingerprint; several are none.
    leases: BTreeMap<String, Vec<Facts>>,
}

impl<'a> Leases<'a> {
    /// Finds the leases of these credentials: the one that the user names, else those whose role and time stand in the
    /// login's name, where our login may list. `records` are those of a run that is taken up again. With what could not
    /// be read.
    pub fn find(
        keepers: &'a [Keeper],
        targets: &[Target],
        named: Option<&str>,
        records: &Records,
    ) -> (Leases<'a>, Vec<String>) {
        let recalled = recalled(records, NAME).into_iter().map(|(name, facts)| (name, vec![facts])).collect();
        let (mut found, mut unread) = (Leases { keepers, leases: recalled }, Vec::new());
        for target in targets {
            let fingerprint = target.fingerprint.to_string();
            if found.leases.contains_key(&fingerprint) {
                continue;
            }
            let keepers = || keepers.iter().filter(|keeper| keeper.has_login);
            let leases: Vec<Facts> = match named {
                Some(id) => keepers().filter_map(|keeper| look_up(keeper, id, &mut unread)).collect(),
                None => keepers().flat_map(|keeper| search(keeper, target, &mut unread)).collect(),
            };
            if !leases.is_empty() {
                found.leases.insert(fingerprint, leases);
            }
        }
        (found, unread)
    }

    fn lease<'f>(&self, facts: &'f Facts) -> Result<(&'a Keeper, &'f str), Trouble> {
        let keeper = named(self.keepers, facts).filter(|keeper| keeper.has_login);
        let found = keeper.zip(facts.get(LEASE).map(String::as_str));
        found.ok_or_else(|| Trouble::Refused("the lease's vault is not set up any more".into()))
    }
}

fn look_up(keeper: &Keeper, id: &str, unread: &mut Vec<String>) -> Option<Facts> {
    match keeper.vault.lease(id) {
        Ok(lease) => return Some(facts_of(keeper, &lease)),
        Err(VaultError::Absent(_)) => unread.push(format!("{}: there is no lease {id}", keeper.name)),
        Err(error) => unread.push(format!("{}: {error}", keeper.name)),
    }
    None
}

/// The leases of the roles and the time that the login's name tells of.
fn search(keeper: &Keeper, target: &Target, unread: &mut Vec<String>) -> Vec<Facts> {
    let Some(login) = login(target) else { return Vec::new() };
    let Some(made) = made_at(&login.user) else { return Vec::new() };
    let (mut found, mut looked) = (Vec::new(), 0);
    for mount in &keeper.databases {
        let folder = format!("{mount}/creds");
        let roles = leases(keeper, &folder, unread);
        for role in roles.iter().filter_map(|path| path.strip_suffix('/')) {
            let name = role.rsplit('/').next().unwrap_or_default();
            if !names_role(&login.user, name) {
                continue;
            }
            for id in leases(keeper, role, unread) {
                looked += 1;
                if looked > MAX_LEASES {
                    unread.push(format!("{}: more than {MAX_LEASES} leases: name one with --lease", keeper.name));
                    return Vec::new();
                }
                match keeper.vault.lease(&id) {
                    Ok(lease) if lease.issued_at().is_some_and(|issued| BETWEEN.contains(&(issued - made))) => {
                        found.push(facts_of(keeper, &lease));
                    }
                    Ok(_) | Err(VaultError::Absent(_)) => {}
                    Err(error) => unread.push(format!("{}: {error}", keeper.name)),
                }
            }
        }
    }
    found
}

fn leases(keeper: &Keeper, prefix: &str, unread: &mut Vec<String>) -> Vec<String> {
    match keeper.vault.leases(prefix) {
        Ok(ids) => ids,
        Err(VaultError::Absent(_)) => Vec::new(),
        Err(error) => {
            unread.push(format!("{}: {error}; name the lease with --lease", keeper.name));
            Vec::new()
        }
    }
}

fn facts_of(keeper: &Keeper, lease: &Lease) -> Facts {
    let mut facts = Facts::from([(VAULT.to_owned(), keeper.name.clone()), (LEASE.to_owned(), lease.id.clone())]);
    facts.extend(lease.issued.clone().map(|time| ("issued".to_owned(), time)));
    facts
}

/// When a login was made, by its name: `v-NAME-ROLE-RANDOM-SECONDS`, or with other marks between.
fn made_at(user: &str) -> Option<i64> {
    let user = user.strip_prefix(['v', 'V'])?.strip_prefix(['-', '_'])?;
    let last = user.rsplit(['-', '_']).next()?;
    (last.len() == 10).then(|| last.parse().ok()).flatten()
}

/// Whether a login's name holds the beginning of a role's.
fn names_role(user: &str, role: &str) -> bool {
    let plain = |text: &str| text.to_ascii_lowercase().replace('_', "-");
    let role: String = plain(role).chars().take(8).collect();
    plain(user).contains(&format!("-{role}-"))
}

impl Responder for Leases<'_> {
    fn name(&self) -> &'static str {
        NAME
    }

    fn abilities(&self, target: &Target) -> Option<Abilities> {
        let leases = self.leases.get(target.fingerprint.as_str())?;
        let of = |facts: &Facts, name: &str| facts.get(name).cloned().unwrap_or_default();
        let facts = leases.first()?;
        let ability = Ability {
            request: format!("vault {}: POST sys/leases/revoke {}, in sync", of(facts, VAULT), of(facts, LEASE)),
            irreversible: true,
            repeat: Repeat::WhenReadSaysNo,
            instead: None,
            by_hand: "see why the vault cannot end it; forcing it forgets the lease and leaves the login alive".into(),
        };
        let mut abilities = Abilities { refusals: 1, ..Abilities::default() };
        abilities.acts.insert(Act::Delete, ability);
        if leases.len() > 1 {
            let ids: Vec<String> = leases.iter().map(|facts| of(facts, LEASE)).collect();
            abilities.blocked =
                Some(format!("it may be of {} leases ({}): name one with --lease", ids.len(), ids.join(", ")));
        }
        Some(abilities)
    }

    fn bind(&self, target: &Target) -> Result<Facts, Trouble> {
        let known = self.leases.get(target.fingerprint.as_str()).and_then(|leases| leases.first());
        let facts = known.ok_or_else(|| Trouble::Refused("its lease is not known".into()))?;
        let (keeper, id) = self.lease(facts)?;
        let lease = keeper.vault.lease(id)?;
        // A name that tells its time must be of this lease, whoever named the lease.
        let made = login(target).and_then(|login| made_at(&login.user));
        match made.zip(lease.issued_at()) {
            Some((made, issued)) if !BETWEEN.contains(&(issued - made)) => {
                Err(Trouble::Ambiguous(format!("{id} was made at another time than this login")))
            }
            _ => Ok(facts.clone()),
        }
    }

    fn carry_out(&self, act: Act, job: &Job) -> Result<Effect, Trouble> {
        if act != Act::Delete {
            return Err(Trouble::Refused("a lease has no such request".into()));
        }
        let (keeper, id) = self.lease(job.bound)?;
        keeper.vault.revoke_lease(id)?;
        Ok(Effect::default())
    }

    fn reconcile(&self, _: Act, job: &Job) -> Result<Reconciled, Trouble> {
        let (keeper, id) = self.lease(job.bound)?;
        match keeper.vault.lease(id) {
            Ok(_) => Ok(Reconciled::NotDone),
            Err(VaultError::Absent(_)) => Ok(Reconciled::Done(Facts::new())),
            Err(VaultError::Denied(_)) => Ok(Reconciled::AskVerify),
            Err(error) => Err(error.into()),
        }
    }
}
