//! Passwords that a vault's database engine keeps as static roles: one request to the vault makes a new one and ends the
//! old one, and the vault keeps it for those who read it there. <https://openbao.org/api-docs/secret/databases/>

use super::keeper::{Keeper, VAULT, login, named, recalled, written};
use crate::respond::journal::Records;
use crate::respond::outcome::Trouble;
use crate::respond::responder::{Abilities, Ability, Act, Effect, Job, Reconciled, Repeat, Responder};
use crate::respond::target::{Facts, Fresh, Place, Target};
use crate::vault::VaultError;
use crate::vault::hashicorp::StaticLogin;
use crate::vault::several::path_in;
use std::collections::BTreeMap;
use std::time::Duration;

const NAME: &str = "vault-static-role";
const MOUNT: &str = "mount";
const ROLE: &str = "role";
const ROTATED: &str = "rotated";
/// Roles of one engine that are read.
const MAX_ROLES: usize = 1_000;

/// Rotates static roles.
pub struct StaticRoles<'a> {
    keepers: &'a [Keeper],
    /// The roles that keep a password, by its fingerprint; several are none.
    roles: BTreeMap<String, Vec<Facts>>,
}

impl<'a> StaticRoles<'a> {
    /// Finds out which roles keep these passwords: reads roles, compares in memory, and only where a password of a database
    /// leaked. `records` are those of a run that is taken up again. With what could not be read.
    pub fn find(keepers: &'a [Keeper], targets: &[Target], records: &Records) -> (StaticRoles<'a>, Vec<String>) {
        let recalled = recalled(records, NAME).into_iter().map(|(name, facts)| (name, vec![facts])).collect();
        let mut roles = StaticRoles { keepers, roles: recalled };
        let mut unread = Vec::new();
        let open = |target: &&Target| !roles.roles.contains_key(target.fingerprint.as_str());
        let asked: Vec<_> = targets.iter().filter(open).filter_map(|target| Some((target, login(target)?))).collect();
        if asked.is_empty() {
            return (roles, unread);
        }
        for keeper in keepers.iter().filter(|keeper| keeper.has_login) {
            for mount in &keeper.databases {
                let found = each_login(keeper, mount, &mut unread, |role, kept| {
                    for (target, login) in &asked {
                        if login.user == kept.username && login.password == kept.password {
                            let facts = roles.roles.entry(target.fingerprint.to_string()).or_default();
                            facts.push(facts_of(keeper, mount, role, kept));
                        }
                    }
                });
                match found {
                    Ok(()) | Err(VaultError::Absent(_)) => {}
                    Err(error) => unread.push(format!("{}: {error}", keeper.name)),
                }
            }
        }
        (roles, unread)
    }

    /// The vault, the mount and the role.
    fn role<'f>(&self, facts: &'f Facts) -> Result<(&'a Keeper, &'f str, &'f str), Trouble> {
        let keeper = named(self.keepers, facts).filter(|keeper| keeper.has_login);
        let found = keeper.zip(facts.get(MOUNT)).zip(facts.get(ROLE));
        let found = found.map(|((keeper, mount), role)| (keeper, mount.as_str(), role.as_str()));
        found.ok_or_else(|| Trouble::Refused("the role's vault is not set up any more".into()))
    }

    fn read(&self, facts: &Facts) -> Result<StaticLogin, Trouble> {
        let (keeper, mount, role) = self.role(facts)?;
        Ok(keeper.vault.static_login(mount, role)?)
    }
}

fn each_login(
    keeper: &Keeper,
    mount: &str,
    unread: &mut Vec<String>,
    mut visit: impl FnMut(&str, &StaticLogin),
) -> Result<(), VaultError> {
    let roles = keeper.vault.static_roles(mount)?;
    if roles.len() > MAX_ROLES {
        unread.push(format!(
            "{}: {mount} has {} static roles: the first {MAX_ROLES} were read",
            keeper.name,
            roles.len()
        ));
    }
    for role in roles.iter().take(MAX_ROLES) {
        match keeper.vault.static_login(mount, role) {
            Ok(login) => visit(role, &login),
            Err(VaultError::Absent(_)) => {}
            Err(error) => unread.push(format!("{}: {error}", keeper.name)),
        }
    }
    Ok(())
}

fn facts_of(keeper: &Keeper, mount: &str, role: &str, kept: &StaticLogin) -> Facts {
    let known = [(VAULT, keeper.name.as_str()), (MOUNT, mount), (ROLE, role), ("user", &kept.username)];
    let mut facts: Facts = known.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    facts.extend(kept.rotated.clone().map(|time| (ROTATED.to_owned(), time)));
    facts
}

/// Whether the role still keeps the leaked password.
fn holds(kept: &StaticLogin, target: &Target) -> bool {
    login(target).is_some_and(|login| login.user == kept.username && login.password == kept.password)
}

impl Responder for StaticRoles<'_> {
    fn name(&self) -> &'static str {
        NAME
    }

    fn abilities(&self, target: &Target) -> Option<Abilities> {
        let roles = self.roles.get(target.fingerprint.as_str())?;
        let facts = roles.first()?;
        let of = |name: &str| facts.get(name).cloned().unwrap_or_default();
        let (vault, mount, role) = (of(VAULT), of(MOUNT), of(ROLE));
        let ability = Ability {
            request: format!("vault {vault}: POST {mount}/rotate-role/{role}"),
            irreversible: true,
            // Two requests would make two passwords, of which those who read the first one know the wrong one.
            repeat: Repeat::WhenReadSaysNo,
            instead: None,
            by_hand: format!("rotate it by hand: vault write -f {mount}/rotate-role/{role}"),
        };
        let mut abilities = Abilities { refusals: 1, ..Abilities::default() };
        abilities.acts.extend([(Act::Replace, ability.clone()), (Act::Delete, ability)]);
        let path = path_in(&vault, &format!("{mount}/static-creds/{role}"));
        let field = "password".to_owned();
        abilities.kept_at = Some(Place { path, version: of(ROTATED), field, is_current: true });
        abilities.warnings.push("sessions that are open outlive their password: end them at the server".into());
        for place in target.places.iter().filter(|place| place.is_current) {
            let (path, field) = (&place.path, &place.field);
            abilities.warnings.push(format!("{path}#{field} holds it, too, and gets no new value"));
        }
        if roles.len() > 1 {
            abilities.blocked = Some(format!("{} static roles keep this login: rotate by hand", roles.len()));
        }
        Some(abilities)
    }

    fn bind(&self, target: &Target) -> Result<Facts, Trouble> {
        let known = self.roles.get(target.fingerprint.as_str()).and_then(|roles| roles.first());
        let facts = known.ok_or_else(|| Trouble::Refused("no static role keeps it".into()))?;
        let kept = self.read(facts)?;
        match holds(&kept, target) {
            true => Ok(facts.clone()),
            false => Err(Trouble::Conflict("the role does not keep it any more: it was rotated meanwhile".into())),
        }
    }

    fn before(&self, _: Act, job: &Job) -> Result<Facts, Trouble> {
        let kept = self.read(job.bound)?;
        match holds(&kept, job.target) {
            true => Ok(kept.rotated.map(|time| (ROTATED.to_owned(), time)).into_iter().collect()),
            false => Err(Trouble::Conflict("the role does not keep it any more: it was rotated meanwhile".into())),
        }
    }

    fn carry_out(&self, act: Act, job: &Job) -> Result<Effect, Trouble> {
        if !matches!(act, Act::Replace | Act::Delete) {
            return Err(Trouble::Refused("a static role has no such request".into()));
        }
        let (keeper, mount, role) = self.role(job.bound)?;
        keeper.vault.rotate_role(mount, role)?;
        Ok(Effect::default())
    }

    fn reconcile(&self, _: Act, job: &Job) -> Result<Reconciled, Trouble> {
        let kept = self.read(job.bound)?;
        let is_later = kept.rotated.is_some() && kept.rotated.as_ref() != job.before.get(ROTATED);
        Ok(match (is_later, holds(&kept, job.target)) {
            (_, false) => Reconciled::Done(kept.rotated.map(|time| (ROTATED.to_owned(), time)).into_iter().collect()),
            (true, true) => Reconciled::Unclear("the vault says that it rotated and keeps the same password".into()),
            (false, true) => Reconciled::NotDone,
        })
    }

    fn settles_in(&self) -> Duration {
        // The engine goes on with a rotation that failed halfway in steps of some seconds.
        Duration::from_secs(10)
    }

    fn kept(&self, target: &Target, bound: &Facts) -> Result<Fresh, Trouble> {
        let kept = self.read(bound)?;
        if holds(&kept, target) {
            return Err(Trouble::Unavailable("the vault still gives the old password".into()));
        }
        Ok(Fresh { id: None, secret: written(target, &kept.password), parts: Vec::new() })
    }
}
