//! What is going to be done about each secret, step by step, before anything is asked or changed.

use super::responder::{Abilities, Ability, Act, Repeat, Responder};
use super::target::{Place, Target};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// What is wanted of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// End it.
    Revoke,
    /// Replace it, then end it.
    Rotate,
}

/// In which order a secret is replaced and ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The new value is in the vault and proved before the old one ends.
    RotateFirst,
    /// The old value ends first: it is being abused.
    ContainFirst,
    /// One request does both: the provider has no other way.
    Atomic,
}

impl Mode {
    /// The word used in plans and flags.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::RotateFirst => "rotate-first",
            Mode::ContainFirst => "contain-first",
            Mode::Atomic => "atomic",
        }
    }
}

/// What the user wants.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// The order; by default rotate-first, and atomic where the provider has no other way.
    pub mode: Option<Mode>,
    /// Delete what was disabled, too.
    pub delete: bool,
    /// Send requests that nobody checked against the provider.
    pub allow_unproven: bool,
    /// Entries and fields meant where several hold a secret: `path` or `path#field`.
    pub entries: Vec<String>,
    /// Whether somebody is told when the vault has the new value.
    pub announces: bool,
    /// Whether there is a vault.
    pub has_vault: bool,
}

/// What a run carries out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The run's name.
    pub run: String,
    /// One a secret.
    pub tasks: Vec<Task>,
}

/// What is done about one secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Names the secret.
    pub fingerprint: String,
    /// The rule that found it.
    pub rule: String,
    /// The value with its middle hidden.
    pub secret: String,
    /// What is wanted.
    pub action: Action,
    /// The order, for a rotation.
    pub mode: Option<Mode>,
    /// Who carries it out.
    pub responder: String,
    /// Where the vault keeps it.
    pub place: Option<Place>,
    /// In this order.
    pub steps: Vec<Step>,
    /// What to know before.
    pub warnings: Vec<String>,
    /// Why nothing is done.
    pub blocked: Option<String>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What.
    pub act: Act,
    /// The request, without any secret.
    pub request: String,
    /// Whether it changes something.
    pub changes: bool,
    /// Whether it cannot be taken back.
    pub irreversible: bool,
    /// What to do when nobody answers.
    pub repeat: Repeat,
    /// What is done instead when it is denied.
    pub instead: Option<Act>,
    /// What follows when it fails.
    pub fallback: String,
}

/// Makes a plan: a pure function, nobody is asked.
pub fn make(run: String, action: Action, targets: &[Target], responders: &[&dyn Responder], wishes: &Wishes) -> Plan {
    Plan { run, tasks: targets.iter().map(|target| task(action, target, responders, wishes)).collect() }
}

/// Who can do something about a secret.
pub fn responder_of<'r>(target: &Target, responders: &[&'r dyn Responder]) -> Option<(&'r dyn Responder, Abilities)> {
    responders.iter().find_map(|responder| Some((*responder, responder.abilities(target)?)))
}

fn task(action: Action, target: &Target, responders: &[&dyn Responder], wishes: &Wishes) -> Task {
    let mut task = Task {
        fingerprint: target.fingerprint.to_string(),
        rule: target.rule.id.clone(),
        secret: target.secret.redacted(),
        action,
        mode: None,
        responder: String::new(),
        place: None,
        steps: Vec::new(),
        warnings: Vec::new(),
        blocked: None,
    };
    let Some((responder, abilities)) = responder_of(target, responders) else {
        let help = if target.rule.help.is_empty() { String::new() } else { format!(": {}", target.rule.help) };
        task.blocked = Some(format!("{} offers no request that ends it{help}", target.rule.provider.name));
        return task;
    };
    task.responder = responder.name().to_owned();
    task.warnings = abilities.warnings.clone();
    let steps = match action {
        Action::Revoke => revoke(&abilities, wishes, !target.places.is_empty()),
        Action::Rotate if abilities.kept_at.is_some() => {
            (task.place, task.mode) = (abilities.kept_at.clone(), Some(Mode::Atomic));
            rotate_kept(&abilities, wishes)
        }
        Action::Rotate => place(target, wishes).and_then(|place| {
            let mode = mode(&abilities, wishes)?;
            task.warnings.extend(others(target, &place));
            (task.place, task.mode) = (Some(place.clone()), Some(mode));
            rotate(&abilities, mode, &place, wishes)
        }),
    };
    match steps {
        Ok(steps) => task.steps = steps,
        Err(reason) => task.blocked = Some(reason),
    }
    if let Some(why) = &abilities.unproven {
        match wishes.allow_unproven {
            true => task.warnings.push(format!("unproven: {why}")),
            false => task.blocked = Some(format!("unproven: {why}; --allow-unproven sends it all the same")),
        }
    }
    if let Some(reason) = abilities.blocked {
        task.blocked = Some(reason);
    }
    task
}

/// The one entry that is meant.
fn place(target: &Target, wishes: &Wishes) -> Result<Place, String> {
    if !wishes.has_vault {
        return Err("no vault is named: a new value would have nowhere to go".into());
    }
    let is_named = |place: &&Place| {
        let is = |entry: &String| *entry == place.path || *entry == format!("{}#{}", place.path, place.field);
        wishes.entries.iter().any(is)
    };
    // What is named for another secret says nothing of this one.
    let named: Vec<&Place> = target.places.iter().filter(is_named).collect();
    let found: Vec<&Place> = if named.is_empty() { target.places.iter().collect() } else { named };
    let current: Vec<&&Place> = found.iter().filter(|place| place.is_current).collect();
    match (current.as_slice(), found.is_empty()) {
        ([place], _) => Ok((**place).clone()),
        ([], true) => Err("no entry of the vault holds it (unvaulted): name one with --entry, or revoke it".into()),
        ([], false) => Err(format!(
            "only old versions of {} hold it: it was replaced already, so revoke it",
            found.iter().map(|place| place.path.as_str()).collect::<Vec<_>>().join(", ")
        )),
        (several, _) => Err(format!(
            "{} fields of the vault hold it ({}): name one with --entry",
            several.len(),
            several.iter().map(|place| format!("{}#{}", place.path, place.field)).collect::<Vec<_>>().join(", ")
        )),
    }
}

/// Other entries keep a value that is about to end.
fn others(target: &Target, place: &Place) -> Option<String> {
    let others = target.places.iter().filter(|other| other.is_current && *other != place);
    let others: Vec<String> = others.map(|other| format!("{}#{}", other.path, other.field)).collect();
    let words =
        if others.len() > 1 { "hold it, too, and are not written" } else { "holds it, too, and is not written" };
    (!others.is_empty()).then(|| format!("{} {words}", others.join(", ")))
}

fn mode(abilities: &Abilities, wishes: &Wishes) -> Result<Mode, String> {
    let can = |act: Act| abilities.acts.contains_key(&act);
    let mode = wishes.mode.unwrap_or(if can(Act::Mint) { Mode::RotateFirst } else { Mode::Atomic });
    match mode {
        Mode::RotateFirst if !can(Act::Mint) && can(Act::Replace) => {
            Err("the provider replaces and ends in one request: use --mode atomic".into())
        }
        Mode::Atomic if !can(Act::Replace) && can(Act::Mint) => {
            Err("the provider has no request that does both: use --mode rotate-first".into())
        }
        Mode::RotateFirst if !can(Act::Discard) => {
            Err("a new credential could not be taken back if the vault refused it".into())
        }
        Mode::ContainFirst if abilities.by_itself => {
            Err("new values are asked for with the leaked one: it cannot end first without another login".into())
        }
        Mode::ContainFirst if !can(Act::Disable) && !can(Act::Delete) => Err("there is no request that ends it".into()),
        _ if !can(Act::Mint) && !can(Act::Replace) => Err("there is no request that replaces it: revoke it".into()),
        mode => Ok(mode),
    }
}

fn revoke(abilities: &Abilities, wishes: &Wishes, is_vaulted: bool) -> Result<Vec<Step>, String> {
    let mut steps = vec![own(Act::Check), own(Act::Bind)];
    steps.extend(end(abilities, wishes)?);
    steps.extend((wishes.has_vault && is_vaulted).then(|| own(Act::Note)));
    Ok(steps)
}

fn rotate(abilities: &Abilities, mode: Mode, place: &Place, wishes: &Wishes) -> Result<Vec<Step>, String> {
    let renew = [Act::Mint, Act::Replace].into_iter().find(|act| match mode {
        Mode::Atomic => *act == Act::Replace,
        Mode::RotateFirst => *act == Act::Mint,
        Mode::ContainFirst => abilities.acts.contains_key(act),
    });
    let renew = renew.and_then(|act| Some((act, abilities.acts.get(&act)?))).ok_or("there is no request for it")?;
    let store =
        || Step { request: format!("write {}#{} if nobody else did", place.path, place.field), ..own(Act::Store) };
    let mut middle = vec![own(Act::Escrow)];
    // A value chosen here can be in the vault before the old one ends.
    match renew.0 == Act::Replace && abilities.chooses {
        true => middle.extend([store(), theirs(renew.0, renew.1)]),
        false => middle.extend([theirs(renew.0, renew.1), store()]),
    }
    middle.push(own(Act::Prove));
    middle.extend(wishes.announces.then(|| own(Act::Announce)));
    let mut steps = vec![own(Act::Check), own(Act::Preflight), own(Act::Bind)];
    match mode {
        Mode::RotateFirst => {
            steps.extend(middle);
            steps.extend(end(abilities, wishes)?);
        }
        Mode::ContainFirst => {
            steps.extend(end(abilities, &Wishes { delete: false, ..wishes.clone() })?);
            steps.extend(middle);
            let later = abilities.acts.get(&Act::Delete).filter(|_| wishes.delete);
            let is_there = steps.iter().any(|step| step.act == Act::Delete);
            steps.extend(later.filter(|_| !is_there).map(|ability| theirs(Act::Delete, ability)));
        }
        Mode::Atomic => {
            steps.extend(middle);
            steps.extend(abilities.acts.get(&Act::EndSessions).map(|ability| theirs(Act::EndSessions, ability)));
            steps.push(own(Act::Confirm));
        }
    }
    steps.push(own(Act::Note));
    Ok(steps)
}

/// One request, after which the provider has the new value and the old one is dead.
fn rotate_kept(abilities: &Abilities, wishes: &Wishes) -> Result<Vec<Step>, String> {
    if wishes.mode.is_some_and(|mode| mode != Mode::Atomic) {
        return Err("the vault replaces and ends in one request: use --mode atomic".into());
    }
    let get = |act: Act| abilities.acts.get(&act).map(|ability| theirs(act, ability));
    let mut steps = vec![own(Act::Check), own(Act::Bind), get(Act::Replace).ok_or("there is no request for it")?];
    steps.push(own(Act::Prove));
    steps.extend(wishes.announces.then(|| own(Act::Announce)));
    steps.extend(get(Act::EndSessions));
    steps.push(own(Act::Confirm));
    Ok(steps)
}

/// Disable if that is possible, end sessions, ask until it is dead, delete if that is wanted or the only way.
fn end(abilities: &Abilities, wishes: &Wishes) -> Result<Vec<Step>, String> {
    let get = |act: Act| abilities.acts.get(&act).map(|ability| theirs(act, ability));
    let first = get(Act::Disable).or_else(|| get(Act::Delete)).ok_or("there is no request that ends it")?;
    let is_delete = first.act == Act::Delete;
    let mut steps = vec![first];
    steps.extend(get(Act::EndSessions));
    steps.push(own(Act::Confirm));
    steps.extend(get(Act::Delete).filter(|_| wishes.delete && !is_delete));
    Ok(steps)
}

fn theirs(act: Act, ability: &Ability) -> Step {
    Step {
        act,
        request: ability.request.clone(),
        changes: true,
        irreversible: ability.irreversible,
        repeat: ability.repeat,
        instead: ability.instead,
        fallback: ability.by_hand.clone(),
    }
}

/// A step that needs no provider.
fn own(act: Act) -> Step {
    let (request, repeat, fallback) = match act {
        Act::Check => ("ask whether it is alive, and whose it is", Repeat::Freely, "nothing is done"),
        Act::Preflight => ("read the entry, and whether it may be written", Repeat::Freely, "nothing is done"),
        Act::Bind => ("prove which credential this is", Repeat::Freely, "nothing is done"),
        Act::Escrow => ("write the key that seals the new value", Repeat::WhenReadSaysNo, "nothing is done"),
        Act::Store => ("", Repeat::WhenReadSaysNo, "the new credential is ended again"),
        Act::Prove => ("read the new value back and ask whether it works", Repeat::Freely, "the old value stays"),
        Act::Announce => ("tell those who use it", Repeat::Freely, "the old value stays"),
        Act::Confirm => ("ask until the provider refuses it", Repeat::Freely, "still-live or unknown is reported"),
        _ => ("note what was done", Repeat::Freely, "a warning"),
    };
    Step {
        act,
        request: request.to_owned(),
        changes: act.is_change(),
        irreversible: false,
        repeat,
        instead: None,
        fallback: fallback.to_owned(),
    }
}

impl Plan {
    /// How many changes it makes when all goes well.
    pub fn changes(&self) -> usize {
        let open = self.tasks.iter().filter(|task| task.blocked.is_none());
        open.flat_map(|task| &task.steps).filter(|step| step.changes).count()
    }

    /// For people.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        for (number, task) in (1..).zip(&self.tasks) {
            let action = if task.action == Action::Rotate { "rotate" } else { "revoke" };
            let mode = task.mode.map(|mode| format!(" ({})", mode.as_str())).unwrap_or_default();
            let _ = writeln!(out, "{number}. {action} {} {}{mode}  {}", task.rule, task.secret, task.fingerprint);
            if let Some(place) = &task.place {
                let _ = writeln!(out, "   vault {}#{}, version {}", place.path, place.field, place.version);
            }
            for warning in &task.warnings {
                let _ = writeln!(out, "   warning: {warning}");
            }
            if let Some(reason) = &task.blocked {
                let _ = writeln!(out, "   not possible: {reason}");
            }
            for step in &task.steps {
                let mark = if step.changes { '!' } else { ' ' };
                let _ = writeln!(out, "   {mark} {:<12} {}", step.act.as_str(), step.request);
                let mut notes = Vec::new();
                notes.extend(step.irreversible.then(|| "cannot be taken back".to_owned()));
                notes.extend((step.repeat == Repeat::Never).then(|| "never sent twice".to_owned()));
                notes.extend(step.instead.map(|act| format!("if denied: {}", act.as_str())));
                notes.extend(
                    (step.changes && !step.fallback.is_empty()).then(|| format!("if it fails: {}", step.fallback)),
                );
                if !notes.is_empty() {
                    let _ = writeln!(out, "                  {}", notes.join("; "));
                }
            }
        }
        out
    }
}
