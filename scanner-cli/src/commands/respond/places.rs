//! The vaults of a rotation: which ones are opened, where they hold the leaked values, and all of them as one.

use crate::failure::{Failure, OrFail, Result};
use crate::vaults::{Kind, Opened, Vaults};
use std::collections::BTreeSet;
use stopleak_core::respond::{Act, Guard, Plan, Target, Task, places_in};
use stopleak_core::vault::VaultError;
use stopleak_core::vault::several::{Several, path_in, split};

/// Vaults that are open; none without a rotation.
#[derive(Default)]
pub struct Keep(Vec<Opened>);

/// `--entry`, each with the name of its vault: `prod:app/db#password`.
pub fn entries(written: &[String], names: &[String]) -> Result<Vec<String>> {
    let full = |text: &String| match (split(names, text), names) {
        (Some(_), _) => Ok(text.clone()),
        (None, [only]) => Ok(path_in(only, text)),
        (None, []) => Err(no_vault()),
        (None, _) => Err(Failure::new(format!("--entry {text} names no vault")).hint(format!(
            "write it as in --entry {}:{text}; there are {}",
            names[0],
            names.join(", ")
        ))),
    };
    written.iter().map(full).collect()
}

fn no_vault() -> Failure {
    Failure::new("no vault is named")
        .hint("write [[vault]] into settings and name them with --config, or set VAULT_ADDR and VAULT_TOKEN")
}

/// Whether its entry is written by the run; a static role's is written by the vault.
fn is_written(task: &Task) -> bool {
    task.steps.iter().any(|step| step.act == Act::Store)
}

impl Keep {
    /// Opens the vaults that the index or `--entry` names.
    pub fn of_targets(vaults: &Vaults, targets: &[Target], entries: &[String]) -> Result<Keep> {
        let places = targets.iter().flat_map(|target| &target.places).map(|place| place.path.as_str());
        Keep::open(vaults, places.chain(entries.iter().map(String::as_str)))
    }

    /// Opens the vaults of a plan.
    pub fn of_plan(vaults: &Vaults, plan: &Plan) -> Result<Keep> {
        let places = plan.tasks.iter().filter(|task| is_written(task)).filter_map(|task| task.place.as_ref());
        Keep::open(vaults, places.map(|place| place.path.as_str()))
    }

    fn open<'p>(vaults: &Vaults, paths: impl Iterator<Item = &'p str>) -> Result<Keep> {
        let names = vaults.names();
        let mut needed = BTreeSet::new();
        for path in paths {
            let unknown = || {
                let failure = Failure::new(format!("{path} is of a vault that the settings do not name"));
                failure.hint("name the settings with its [[vault]]: --config FILE")
            };
            needed.insert(split(&names, path).ok_or_else(unknown)?.0.to_owned());
        }
        let needed: Vec<String> = needed.into_iter().collect();
        Ok(Keep(if needed.is_empty() { Vec::new() } else { vaults.open(&needed)? }))
    }

    /// Whether one is open.
    pub fn is_open(&self) -> bool {
        !self.0.is_empty()
    }

    /// All as one.
    pub fn several(&self) -> Several<'_> {
        Several::new(self.0.iter().map(|opened| (opened.name.clone(), opened.vault())).collect())
    }

    /// Reads where the values stand now: an index may be old, and knows no values inside longer ones.
    pub fn place(&self, targets: &mut [Target], entries: &[String]) -> Result<()> {
        let several = self.several();
        let mut is_used = vec![false; entries.len()];
        for target in targets {
            let mut places = Vec::new();
            let by_index: BTreeSet<String> = target.places.drain(..).map(|place| place.path).collect();
            for path in &by_index {
                match places_in(&several, path, &target.secret) {
                    Ok(found) => places.extend(found),
                    // Deleted since the index was made.
                    Err(VaultError::Absent(_)) => {}
                    Err(error) => return Err(error).or_fail(|| format!("cannot read {path}")),
                }
            }
            for (entry, is_used) in entries.iter().zip(&mut is_used) {
                let found = places_in(&several, entry, &target.secret).or_fail(|| format!("cannot read {entry}"))?;
                *is_used |= !found.is_empty();
                places.extend(found);
            }
            places.sort();
            places.dedup();
            target.places = places;
        }
        match entries.iter().zip(is_used).find(|(_, is_used)| !is_used) {
            Some((entry, _)) => {
                Err(Failure::new(format!("{entry} holds none of these values, so none can be replaced there"))
                    .hint("`stopleak vault put` writes the value into an entry; then it can be rotated"))
            }
            None => Ok(()),
        }
    }

    /// The limits, and the vault that holds the key which seals new values: the first task's.
    pub fn guard(&self, guard: &Guard, plan: &Plan, vaults: &Vaults) -> Guard {
        let names = self.0.iter().map(|opened| &opened.name);
        let places = plan
            .tasks
            .iter()
            .filter(|task| task.blocked.is_none() && is_written(task))
            .filter_map(|task| task.place.as_ref());
        let Some((vault, entry)) = places.map(|place| place.path.as_str()).find_map(|path| split(names.clone(), path))
        else {
            return guard.clone();
        };
        let is_usual = guard.escrow == Guard::default().escrow;
        let below = match vaults.kind(vault) {
            Kind::Gcp | Kind::Azure if is_usual => "stopleak-escrow-".to_owned(),
            Kind::Kubernetes if is_usual => {
                format!("{}/stopleak-escrow-", entry.split('/').next().unwrap_or_default())
            }
            _ => guard.escrow.clone(),
        };
        Guard { escrow: path_in(vault, &below), ..guard.clone() }
    }

    /// Ends what logins gave.
    pub fn close(self) {
        self.0.into_iter().for_each(Opened::close);
    }
}
