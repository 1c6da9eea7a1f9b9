//! Gathers sightings into findings: one secret is one finding, however often and wherever it was seen.

use crate::archive;
use crate::blob::{Origin, RunPart};
use crate::decode::log::LogPlace;
use crate::evidence::Evidence;
use crate::finding::{Decision, Finding, Occurrence, PartSet, PartSets, Position, Validity};
use crate::rule::{Form, Rule};
use crate::rule_set::RuleSet;
use crate::score;
use crate::search::Terms;
use crate::secret::{Fingerprint, Guessable, Secret};
use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Occurrences listed for one finding; more are counted.
const MAX_OCCURRENCES: usize = 1_000;

/// One place in one text where a secret was seen.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// Which text, by a number of the caller's.
    pub place: u32,
    /// Which member of it, when it is an archive.
    pub inside: Option<Arc<str>>,
    /// Where in it.
    pub position: Position,
    /// How likely, from the text alone.
    pub log_odds: f32,
    /// Encodings peeled.
    pub trail: Vec<Cow<'static, str>>,
    /// Other values it belongs with, by rule id.
    pub parts: Vec<(String, Position)>,
    /// Those values; moved to the secret they belong with when the sighting is added.
    pub values: Option<Box<PartSet>>,
    /// The reason of a mark on its line.
    pub mark: Option<String>,
    /// The job and step, when the text is a log.
    pub log: Option<LogPlace>,
    /// What its place still decides; `None` without rules and allowlists of the user's own.
    pub terms: Option<Box<Terms>>,
}

/// An origin, and whether `HEAD` holds it; `None` when that is not known.
pub type Known = (Origin, Option<bool>);

/// Origins of which it is not known whether `HEAD` holds them.
pub fn unknown(origins: Vec<Origin>) -> Vec<Known> {
    origins.into_iter().map(|origin| (origin, None)).collect()
}

/// What makes two sightings the same secret: 128 bits of a hash.
pub type Name = [u8; 16];

/// Different secrets of an endless text that are remembered.
const MAX_SECRETS: usize = 50_000;
/// Places of an endless text that are kept before there are few for each secret.
const MAX_PLACES: usize = 100_000;
/// Places that are kept of each secret then, with and without a mark.
const FEW_PLACES: usize = 4;

/// One secret while it is being gathered. There may be a million: its lists hold one item mostly, and no room to spare.
struct Gathered {
    rule: u16,
    secret: Secret,
    key: Box<str>,
    guessable: Guessable,
    /// Boxed: few secrets have any.
    part_sets: Option<Box<PartSets>>,
    sightings: Vec<Sighting>,
    /// The reasons behind each score that was seen.
    evidence: Vec<(f32, Box<[Evidence]>)>,
    occurrences: Vec<(f32, Occurrence)>,
}

/// All secrets gathered so far, by what makes two sightings the same secret.
#[derive(Default)]
pub struct Findings {
    /// Boxed: a map keeps up to half of its room empty.
    by_name: HashMap<Name, Box<Gathered>>,
    added: u64,
    /// Places beyond those that are listed.
    more: HashMap<Name, u64>,
    endless: Option<Box<Endless>>,
}

/// What keeps the memory of an endless text bounded.
#[derive(Default)]
struct Endless {
    /// Secrets that were new since they were last asked for.
    fresh: Vec<Name>,
    places: usize,
    left_out: u64,
}

impl Findings {
    /// Adds a sighting of `secret`; `explain` is asked only for a score not seen before.
    pub fn add(
        &mut self,
        index: u16,
        rule: &Rule,
        key: &[u8],
        secret: &[u8],
        mut sighting: Sighting,
        explain: impl FnOnce() -> Vec<Evidence>,
    ) {
        self.added += 1;
        let guessable = if rule.guessable || (may_be_chosen(rule) && score::is_guessable(secret)) {
            Guessable::Yes
        } else {
            Guessable::No
        };
        // The key's name tells guessable values apart; a token is the same secret under any name.
        let key_in_name = if guessable == Guessable::Yes { key } else { &[] };
        if self.endless.is_some() && !self.has_room(name(index, key_in_name, secret), &sighting) {
            return;
        }
        let gathered = self.by_name.entry(name(index, key_in_name, secret)).or_insert_with(|| {
            Box::new(Gathered {
                rule: index,
                secret: Secret::new(secret),
                key: String::from_utf8_lossy(key).into(),
                guessable,
                part_sets: None,
                sightings: Vec::new(),
                evidence: Vec::new(),
                occurrences: Vec::new(),
            })
        });
        if !gathered.evidence.iter().any(|(log_odds, _)| *log_odds == sighting.log_odds) {
            push(&mut gathered.evidence, (sighting.log_odds, explain().into_boxed_slice()));
        }
        if let Some(values) = sighting.values.take() {
            gathered.part_sets.get_or_insert_default().add(*values);
        }
        push(&mut gathered.sightings, sighting);
    }

    /// Findings of a text that may never end: their memory is bounded, and new secrets can be asked for.
    pub fn endless() -> Findings {
        Findings { endless: Some(Box::default()), ..Findings::default() }
    }

    /// Whether they are of a text that may never end.
    pub fn is_endless(&self) -> bool {
        self.endless.is_some()
    }

    /// Whether one more place is kept; one that is not is counted.
    fn has_room(&mut self, name: Name, sighting: &Sighting) -> bool {
        let Some(endless) = &mut self.endless else { return true };
        let Some(known) = self.by_name.get(&name) else {
            let is_full = self.by_name.len() >= MAX_SECRETS;
            endless.left_out += u64::from(is_full);
            if !is_full {
                endless.fresh.push(name);
                endless.places += 1;
            }
            return !is_full;
        };
        let most = if endless.places < MAX_PLACES { MAX_OCCURRENCES } else { FEW_PLACES };
        let is_alike = |other: &&Sighting| other.mark.is_some() == sighting.mark.is_some();
        let has_room =
            known.sightings.len() < most || known.sightings.iter().filter(is_alike).take(most).count() < most;
        match has_room {
            true => endless.places += 1,
            false => *self.more.entry(name).or_default() += u64::from(sighting.mark.is_none()),
        }
        has_room
    }

    /// Secrets that were new since the last time.
    pub fn take_fresh(&mut self) -> Vec<Name> {
        self.endless.as_mut().map(|endless| std::mem::take(&mut endless.fresh)).unwrap_or_default()
    }

    /// How many sightings of further secrets there were, if any.
    pub fn left_out(&self) -> Option<u64> {
        self.endless.as_ref().map(|endless| endless.left_out).filter(|count| *count > 0)
    }

    /// Every secret's name.
    pub fn names(&self) -> impl Iterator<Item = Name> {
        self.by_name.keys().copied()
    }

    /// Forgets other secrets.
    pub fn retain_names(&mut self, is_wanted: impl Fn(&Name) -> bool) {
        self.by_name.retain(|name, _| is_wanted(name));
    }

    /// Moves all places down by `lines`; forgets those that do not end before line `certain`, as counted before.
    pub fn shift(&mut self, lines: u32, certain: u32) {
        for gathered in self.by_name.values_mut() {
            gathered.sightings.retain(|sighting| sighting.position.end_line < certain);
            for sighting in &mut gathered.sightings {
                let parts = sighting.parts.iter_mut().map(|(_, position)| position);
                for position in parts.chain([&mut sighting.position]) {
                    position.line = position.line.saturating_add(lines);
                    position.end_line = position.end_line.saturating_add(lines);
                }
            }
        }
        self.by_name.retain(|_, gathered| !gathered.sightings.is_empty());
    }

    /// One secret at the first place it was seen, as a finding; all places are of one origin.
    pub fn preview(&self, name: &Name, rules: &RuleSet, origin: &Origin) -> Option<Finding> {
        let gathered = self.by_name.get(name)?;
        let first = gathered.sightings.first()?.clone();
        let copy = Gathered {
            rule: gathered.rule,
            secret: gathered.secret.clone(),
            key: gathered.key.clone(),
            guessable: gathered.guessable,
            part_sets: gathered.part_sets.clone(),
            sightings: vec![first],
            evidence: gathered.evidence.clone(),
            occurrences: Vec::new(),
        };
        let mut alone = Findings { by_name: HashMap::from([(*name, Box::new(copy))]), ..Findings::default() };
        alone.place(&|_| vec![origin.clone()]);
        alone.finish(rules).pop()
    }

    /// Adds secrets that are not there.
    pub fn complete_with(&mut self, other: Findings) {
        for (name, theirs) in other.by_name {
            self.by_name.entry(name).or_insert(theirs);
        }
    }

    /// How many sightings were added.
    pub fn added(&self) -> u64 {
        self.added
    }

    /// Every place that has a sighting, sorted, without repeats.
    pub fn places(&self) -> Vec<u32> {
        let mut places: Vec<u32> = self.by_name.values().flat_map(|g| g.sightings.iter().map(|s| s.place)).collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    /// Turns sightings into occurrences: `origins` names every origin of a place. Of one file's versions the earliest
    /// is kept.
    pub fn place(&mut self, origins: &dyn Fn(u32) -> Vec<Origin>) {
        self.place_known(&|place| unknown(origins(place)));
    }

    /// The same, where it may be known whether `HEAD` holds the bytes.
    pub fn place_known(&mut self, origins: &dyn Fn(u32) -> Vec<Known>) {
        self.place_new(origins, &|_, _, _| false);
    }

    /// The same, less the origins where a secret is known from before; returns how many secrets were known everywhere.
    pub fn place_new(
        &mut self,
        origins: &dyn Fn(u32) -> Vec<Known>,
        is_known: &dyn Fn(&Name, u32, &Origin) -> bool,
    ) -> u64 {
        let mut known = 0;
        for (name, gathered) in &mut self.by_name {
            let mut was_known = false;
            let mut placed: Vec<(f32, Occurrence)> = Vec::new();
            for sighting in std::mem::take(&mut gathered.sightings) {
                for (origin, in_head) in origins(sighting.place) {
                    if is_known(name, sighting.place, &origin) {
                        was_known = true;
                        continue;
                    }
                    let origin = match &sighting.inside {
                        // One compressed stream: what it holds is named after its file.
                        Some(inside) if inside.is_empty() => {
                            let stem = archive::stem(origin.path().unwrap_or_default());
                            Origin::entry(origin, &stem)
                        }
                        Some(inside) => Origin::entry(origin, inside),
                        None => origin,
                    };
                    if sighting.terms.as_ref().is_some_and(|terms| !terms.admits(origin.path())) {
                        continue;
                    }
                    let is_own = sighting.terms.as_ref().is_some_and(|terms| terms.is_search);
                    let path = path_evidence(&origin, is_own);
                    let log_odds = sighting.log_odds + path.iter().map(|reason| reason.weight).sum::<f32>();
                    push(&mut placed, (log_odds, Occurrence { in_head, ..occurrence(&sighting, origin) }));
                }
            }
            known += u64::from(was_known && placed.is_empty());
            keep_earliest(&mut placed);
            keep_steps(&mut placed);
            match gathered.occurrences.is_empty() {
                true => gathered.occurrences = placed,
                false => gathered.occurrences.extend(placed),
            }
        }
        self.by_name.retain(|_, gathered| !gathered.occurrences.is_empty());
        known
    }

    /// The secrets that stand somewhere without a mark.
    pub fn open_names(&self) -> HashSet<Name> {
        let is_open = |gathered: &Gathered| gathered.sightings.iter().any(|sighting| sighting.mark.is_none());
        self.by_name.iter().filter(|(_, gathered)| is_open(gathered)).map(|(name, _)| *name).collect()
    }

    /// Drops secrets by their names; returns how many.
    pub fn forget(&mut self, names: &HashSet<Name>) -> u64 {
        let before = self.by_name.len();
        self.by_name.retain(|name, _| !names.contains(name));
        (before - self.by_name.len()) as u64
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Takes in what another thread or target found.
    pub fn absorb(&mut self, other: Findings) {
        other.more.iter().for_each(|(name, more)| *self.more.entry(*name).or_default() += more);
        for (name, theirs) in other.by_name {
            match self.by_name.entry(name) {
                Entry::Vacant(entry) => {
                    entry.insert(theirs);
                }
                Entry::Occupied(mut entry) => {
                    let ours = entry.get_mut();
                    // Any one name will do, as long as it does not depend on which thread came first.
                    if theirs.key < ours.key {
                        ours.key = theirs.key;
                    }
                    if let Some(part_sets) = theirs.part_sets {
                        ours.part_sets.get_or_insert_default().absorb(*part_sets);
                    }
                    ours.sightings.extend(theirs.sightings);
                    ours.occurrences.extend(theirs.occurrences);
                    for (log_odds, evidence) in theirs.evidence {
                        if !ours.evidence.iter().any(|(known, _)| *known == log_odds) {
                            ours.evidence.push((log_odds, evidence));
                        }
                    }
                }
            }
        }
    }

    /// The findings, sorted: severe and sure ones first, then by rule and place.
    pub fn finish(self, rules: &RuleSet) -> Vec<Finding> {
        let more = |name| self.more.get(&name).copied().unwrap_or(0);
        let mut findings: Vec<Finding> =
            self.by_name.into_iter().map(|(name, gathered)| finish(*gathered, rules.rules(), more(name))).collect();
        // Of equal ones there are none; a stable sort would take half the list's memory again.
        findings.sort_unstable_by(|a, b| {
            let severity = b.rule.severity.cmp(&a.rule.severity);
            let confidence = b.confidence.0.total_cmp(&a.confidence.0);
            let place = a.rule.id.cmp(&b.rule.id).then_with(|| a.occurrences.cmp(&b.occurrences));
            severity.then(confidence).then(place).then_with(|| a.fingerprint.cmp(&b.fingerprint))
        });
        findings
    }
}

/// Whether nothing but the value tells if a person chose it.
fn may_be_chosen(rule: &Rule) -> bool {
    matches!(rule.form, Form::Assignment | Form::Search(_) | Form::Vaulted)
}

/// Adds to a list that mostly stays one item long: a first push would make room for four.
fn push<T>(list: &mut Vec<T>, item: T) {
    if list.is_empty() {
        list.reserve_exact(1);
    }
    list.push(item);
}

fn name(rule: u16, key: &[u8], secret: &[u8]) -> Name {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&rule.to_le_bytes());
    hasher.update(&(key.len() as u64).to_le_bytes());
    hasher.update(key);
    hasher.update(secret);
    let mut name = Name::default();
    hasher.finalize_xof().fill(&mut name);
    name
}

fn occurrence(sighting: &Sighting, origin: Origin) -> Occurrence {
    let Sighting { position, trail, parts, mark, terms, log, .. } = sighting.clone();
    let of_path = |log: LogPlace| match origin.path() {
        Some(path) => log.or_of_path(path),
        None => log,
    };
    let log = of_run(log.map(of_path), &origin).filter(LogPlace::is_known);
    let allowed = terms.and_then(|terms| {
        let commit = origin.introduction().map(|introduction| introduction.commit.to_string());
        terms.allowed(origin.path(), commit.as_deref())
    });
    Occurrence { origin, position, trail, parts, mark, allowed, log, in_head: None }
}

/// The job that the forge tells where its log does not.
fn of_run(log: Option<LogPlace>, origin: &Origin) -> Option<LogPlace> {
    let Origin::Run { part: RunPart::Log, job: Some(job), .. } = origin.outermost() else { return log };
    let mut log = log.unwrap_or_default();
    log.job.get_or_insert_with(|| job.clone());
    Some(log)
}

/// What a path says; nothing of matches of a rule that the user wrote for these very files. The path of a log is made
/// of the names of jobs and steps, and what a job called `test` printed is no sample.
fn path_evidence(origin: &Origin, is_own: bool) -> Vec<Evidence> {
    if let Origin::Run { part: RunPart::Log, .. } = origin.outermost() {
        return Vec::new();
    }
    origin.inner_path().filter(|_| !is_own).map(score::path_evidence).unwrap_or_default()
}

/// Of all versions of one file in history, keeps the places in the version that came first; it stands in `HEAD` when
/// any of them does.
fn keep_earliest(placed: &mut Vec<(f32, Occurrence)>) {
    let version = |occurrence: &Occurrence| match occurrence.origin.outermost() {
        Origin::GitBlob { id, path: Some(_), introduced: Some(introduced) } => {
            let path = occurrence.origin.path()?.to_owned();
            Some((path, (introduced.time, introduced.commit, *id)))
        }
        _ => None,
    };
    let mut first: HashMap<String, _> = HashMap::new();
    for (_, occurrence) in placed.iter() {
        if let Some((path, age)) = version(occurrence) {
            let known = first.entry(path).or_insert((age, occurrence.in_head));
            *known = (age.min(known.0), occurrence.in_head.max(known.1));
        }
    }
    placed.retain_mut(|(_, occurrence)| {
        let Some((path, age)) = version(occurrence) else { return true };
        let (earliest, in_head) = first[&path];
        occurrence.in_head = in_head;
        earliest == age
    });
}

/// Of a log that comes whole and in steps (`0_build.txt`, `build/2_Run tests.txt`), keeps the places in the steps.
fn keep_steps(placed: &mut Vec<(f32, Occurrence)>) {
    fn of_run(occurrence: &Occurrence) -> Option<(&str, &str)> {
        let Origin::Run { part: RunPart::Log, path: outer, .. } = occurrence.origin.outermost() else { return None };
        let inside = occurrence.origin.path()?.get(outer.len() + 1..)?;
        Some((outer, inside))
    }
    let steps = placed.iter().filter_map(|(_, occurrence)| {
        let (outer, inside) = of_run(occurrence)?;
        Some((outer.to_owned(), inside.split_once('/')?.0.to_owned()))
    });
    let steps: HashSet<(String, String)> = steps.collect();
    let whole = |occurrence: &Occurrence| {
        let (outer, inside) = of_run(occurrence)?;
        let (_, job) = inside.strip_suffix(".txt")?.split_once('_')?;
        (!job.contains('/')).then(|| (outer.to_owned(), job.to_owned()))
    };
    if !steps.is_empty() {
        placed.retain(|(_, occurrence)| whole(occurrence).is_none_or(|job| !steps.contains(&job)));
    }
}

fn finish(mut gathered: Gathered, rules: &[Arc<Rule>], unlisted: u64) -> Finding {
    let rule = rules[gathered.rule as usize].clone();
    gathered.occurrences.sort_by(|a, b| a.1.cmp(&b.1));
    gathered.occurrences.dedup_by(|a, b| a.1 == b.1);
    let best = gathered.occurrences.iter().map(|(log_odds, _)| *log_odds).fold(f32::MIN, f32::max);
    let evidence = evidence_for(&gathered, best, rule.form.search().is_some());
    let facts = score::facts(&rule, gathered.secret.expose());
    let fingerprint = Fingerprint::new(&rule.id, gathered.key.as_bytes(), gathered.secret.expose(), gathered.guessable);
    let more = cut(&mut gathered.occurrences);
    Finding {
        fingerprint,
        rule,
        secret: gathered.secret,
        key: gathered.key.into(),
        confidence: score::confidence(best),
        evidence,
        facts,
        validity: Validity::Unchecked,
        part_sets: gathered.part_sets.map(|sets| *sets).unwrap_or_default(),
        occurrences: gathered.occurrences.into_iter().map(|(_, occurrence)| occurrence).collect(),
        suppression: None,
        decision: Decision::default(),
        more_occurrences: more as u64 + unlisted,
        vaulted: Vec::new(),
    }
}

/// Keeps as many occurrences as are listed, and says how many more there were; allowed ones make room first.
fn cut(occurrences: &mut Vec<(f32, Occurrence)>) -> usize {
    let open = occurrences.iter().filter(|(_, occurrence)| occurrence.allowed.is_none()).count();
    if occurrences.len() > MAX_OCCURRENCES && open > 0 {
        occurrences.retain(|(_, occurrence)| occurrence.allowed.is_none());
    }
    occurrences.truncate(MAX_OCCURRENCES);
    open.saturating_sub(MAX_OCCURRENCES)
}

/// The reasons of the most confident occurrence: of its text and of its path.
fn evidence_for(gathered: &Gathered, best: f32, is_own: bool) -> Vec<Evidence> {
    let occurrence = gathered.occurrences.iter().find(|(log_odds, _)| *log_odds == best);
    let path = occurrence.map(|(_, occurrence)| path_evidence(&occurrence.origin, is_own)).unwrap_or_default();
    let text = best - path.iter().map(|reason| reason.weight).sum::<f32>();
    let closest = gathered.evidence.iter().min_by(|a, b| (a.0 - text).abs().total_cmp(&(b.0 - text).abs()));
    let mut evidence = closest.map(|(_, evidence)| evidence.to_vec()).unwrap_or_default();
    evidence.extend(path);
    evidence.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()).then(a.reason.cmp(b.reason)));
    evidence
}
