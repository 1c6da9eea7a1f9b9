//! Asks providers about what a sweep finds, before it is written down: once a run about each secret, whoever finds it, and
//! again in every run about those whose values are kept under a key.

use super::store::{Answer, Claim, Kept, Sealed, Store, StoreError};
use crate::finding::{Finding, PartSets, Validity};
use crate::policy::Policy;
use crate::rule::Rule;
use crate::sealed::{Fields, Key};
use crate::secret::Secret;
use crate::time;
use crate::verify::{Counts, Verifier, check_findings};
use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Findings that are asked about together.
const AT_ONCE: usize = 50;
/// Who claims a question and falls silent loses it after so many seconds.
const PATIENCE: i64 = 900;
/// Begins a set of values in a sealed text; no rule is called so.
const SET: &[u8] = b"set";
/// Says that there were more sets than are kept.
const CUT: &[u8] = b"cut";

/// Writes down that providers are asked. Without the entry nobody is asked.
pub trait Ledger: Send + Sync {
    /// Runs `ask` on record; it gives how many findings are of each validity.
    fn around(&self, secrets: &[&Secret], ask: &mut dyn FnMut() -> BTreeMap<&'static str, u64>) -> Result<(), String>;
}

/// No record.
pub struct NoLedger;

impl Ledger for NoLedger {
    fn around(&self, _: &[&Secret], ask: &mut dyn FnMut() -> BTreeMap<&'static str, u64>) -> Result<(), String> {
        ask();
        Ok(())
    }
}

/// Who asks, and what becomes of the answers.
pub struct Questions {
    /// Asks, within what the user allows.
    pub verifier: Verifier,
    /// Judges what is known by then.
    pub policy: Policy,
    /// Keeps values, where the user wants that.
    pub key: Option<Key>,
    /// Where it is written down.
    pub ledger: Box<dyn Ledger>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    runs: HashSet<String>,
    counts: Counts,
    locked: u64,
}

/// Why questions were left.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Somebody said stop.
    #[error("it was stopped")]
    Stopped,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The record could not be written: nobody was asked.
    #[error("no provider is asked, since that cannot be written down: {0}")]
    Record(String),
    /// A value could not be put under its key.
    #[error("a value cannot be kept: {0}")]
    Seal(std::io::Error),
}

/// For which run and job, and when to leave.
#[derive(Clone, Copy)]
pub struct Errand<'a> {
    /// Where it is written down.
    pub store: &'a Store,
    /// The run.
    pub run: &'a str,
    /// The job, or who else asks.
    pub job: &'a str,
    /// Set when it is to be left.
    pub stop: &'a AtomicBool,
}

/// What was said, by the findings' ids.
pub type Answers = BTreeMap<String, Answer>;

impl Questions {
    /// Asks by a verifier, judges by a policy.
    pub fn new(verifier: Verifier, policy: Policy, key: Option<Key>, ledger: Box<dyn Ledger>) -> Questions {
        Questions { verifier, policy, key, ledger, state: Mutex::default() }
    }

    /// Names what was done with what held something, behind the name of the settings.
    pub fn mark(&self) -> String {
        let kept = self.key.as_ref().map(|key| format!("+kept:{}", key.name())).unwrap_or_default();
        format!("+asked{kept}")
    }

    /// What came of all questions since the last time, and how many kept values could not be opened.
    pub fn counts(&self) -> (Counts, u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (std::mem::take(&mut state.counts), std::mem::take(&mut state.locked))
    }

    /// A run has its own budget.
    fn enter(&self, run: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.runs.insert(run.to_owned()) {
            self.verifier.gate().begin_again();
        }
    }

    /// Asks about what may count, then lets the policy judge.
    pub fn ask(&self, errand: &Errand<'_>, findings: &mut [Finding]) -> Result<Answers, AskError> {
        self.enter(errand.run);
        let is_wanted = |finding: &Finding| {
            !finding.is_practice() && finding.suppression.is_none() && self.policy.may_count(finding)
        };
        let mut by_id: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, finding) in findings.iter().enumerate().filter(|(_, finding)| is_wanted(finding)) {
            by_id.entry(errand.store.key().tag(finding)).or_default().push(index);
        }
        let ids: Vec<String> = by_id.keys().cloned().collect();
        let mut answers = Answers::new();
        let mut others = Vec::new();
        for some in ids.chunks(AT_ONCE) {
            others.extend(self.claimed(errand, some, &mut answers, &|id| findings[by_id[id][0]].clone())?);
        }
        // Everything of ours is answered by now: who waits for us gets on.
        while !others.is_empty() {
            pause(errand.stop)?;
            let mut still = Vec::new();
            for some in others.chunks(AT_ONCE) {
                still.extend(self.claimed(errand, some, &mut answers, &|id| findings[by_id[id][0]].clone())?);
            }
            others = still;
        }
        for (id, answer) in &answers {
            by_id[id].iter().for_each(|index| findings[*index].validity = answer.validity.clone());
        }
        self.policy.apply(findings);
        Ok(answers)
    }

    /// Asks about those of `ids` that are ours, takes the answers to those that were asked before; gives those that another
    /// asks about now.
    fn claimed(
        &self,
        errand: &Errand<'_>,
        ids: &[String],
        answers: &mut Answers,
        finding: &dyn Fn(&str) -> Finding,
    ) -> Result<Vec<String>, AskError> {
        if errand.stop.load(Ordering::Relaxed) {
            return Err(AskError::Stopped);
        }
        let now = time::now();
        let claims = errand.store.claim((errand.run, errand.job), ids, now, now + PATIENCE)?;
        let (mut ours, mut others) = (Vec::new(), Vec::new());
        for (id, claim) in ids.iter().zip(claims) {
            match claim {
                Claim::Ours => ours.push((id.clone(), finding(id))),
                Claim::Answered(answer) => _ = answers.insert(id.clone(), answer),
                Claim::Others => others.push(id.clone()),
            }
        }
        let free: Vec<(String, Option<Answer>)> = ours.iter().map(|(id, _)| (id.clone(), None)).collect();
        let said = match self.check(ours) {
            Ok(said) => said,
            // Nobody was asked: nobody waits for us.
            Err(error) => {
                errand.store.answered(errand.run, &free)?;
                return Err(error);
            }
        };
        errand.store.answered(errand.run, &said)?;
        answers.extend(said.into_iter().filter_map(|(id, answer)| Some((id, answer?))));
        Ok(others)
    }

    /// Asks, on record.
    fn check(&self, ours: Vec<(String, Finding)>) -> Result<Vec<(String, Option<Answer>)>, AskError> {
        if ours.is_empty() {
            return Ok(Vec::new());
        }
        let (ids, mut findings): (Vec<String>, Vec<Finding>) = ours.into_iter().unzip();
        let secrets: Vec<Secret> = findings.iter().map(|finding| finding.secret.clone()).collect();
        let secrets: Vec<&Secret> = secrets.iter().collect();
        let mut ask = || {
            let counts = check_findings(&self.verifier, &mut findings, &|_| true, true, &|| ());
            self.add(counts);
            let mut words: BTreeMap<&'static str, u64> = BTreeMap::new();
            findings.iter().for_each(|finding| *words.entry(finding.validity.as_str()).or_default() += 1);
            words
        };
        self.ledger.around(&secrets, &mut ask).map_err(AskError::Record)?;
        let now = time::now();
        Ok(ids.into_iter().zip(findings).map(|(id, finding)| (id, Answer::of(&finding.validity, now))).collect())
    }

    fn add(&self, counts: Counts) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.counts.active += counts.active;
        state.counts.inactive += counts.inactive;
        for (doubt, count) in counts.unknown {
            *state.counts.unknown.entry(doubt).or_default() += count;
        }
    }

    /// Puts a finding's value under the key, with what it was seen with; nothing without a key.
    pub fn seal(&self, finding: &Finding, id: &str) -> Result<Option<Sealed>, AskError> {
        let Some(key) = &self.key else { return Ok(None) };
        let bytes = key.seal(&about(id), written(finding)).map_err(AskError::Seal)?;
        Ok(Some(Sealed { bytes, by: key.name(), sets: finding.part_sets.sets().len() as i64 }))
    }

    /// Asks again about open findings whose values are kept, as far as this run did not.
    pub fn renew(&self, errand: &Errand<'_>) -> Result<(), AskError> {
        let Some(key) = &self.key else { return Ok(()) };
        self.enter(errand.run);
        let rules: BTreeMap<&str, &Arc<Rule>> =
            self.verifier.rules().rules().iter().map(|rule| (rule.id.as_str(), rule)).collect();
        let mut after = String::new();
        loop {
            let kept = errand.store.kept(&after, AT_ONCE as i64, time::now())?;
            let Some(last) = kept.last() else { return Ok(()) };
            after.clone_from(&last.id);
            let mut known = BTreeMap::new();
            for one in &kept {
                let rule = rules.get(one.rule.as_str());
                match rule.and_then(|rule| opened(key, one, rule)) {
                    Some(finding) => _ = known.insert(one.id.clone(), finding),
                    // A rule that is gone asks nobody; a value under another key stays closed, and that is told.
                    None => self.state.lock().unwrap_or_else(PoisonError::into_inner).locked += 1,
                }
            }
            let ids: Vec<String> = known.keys().cloned().collect();
            let mut answers = Answers::new();
            self.claimed(errand, &ids, &mut answers, &|id| known[id].clone())?;
            let answers: Vec<(String, Answer)> = answers.into_iter().collect();
            errand.store.apply(errand.run, &answers, time::now())?;
        }
    }
}

fn pause(stop: &AtomicBool) -> Result<(), AskError> {
    std::thread::sleep(Duration::from_millis(200));
    if stop.load(Ordering::Relaxed) { Err(AskError::Stopped) } else { Ok(()) }
}

fn about(id: &str) -> String {
    format!("stopleak sweep 1 {id}")
}

/// The value, then each set of values it was seen with.
fn written(finding: &Finding) -> zeroize::Zeroizing<Vec<u8>> {
    let sets = finding.part_sets.sets();
    let parts = || sets.iter().flatten();
    let bytes: usize = parts().map(|(rule, value)| rule.len() + value.expose().len()).sum();
    let secret = finding.secret.expose();
    let mut fields =
        Fields::with_room(2 + sets.len() + 2 * parts().count(), secret.len() + bytes + SET.len() * (sets.len() + 1));
    fields.put(secret);
    for set in sets {
        fields.put(SET);
        for (rule, value) in set {
            fields.put(rule.as_bytes());
            fields.put(value.expose());
        }
    }
    if finding.part_sets.is_cut {
        fields.put(CUT);
    }
    fields.text()
}

/// A finding without places, of what is kept.
fn opened(key: &Key, kept: &Kept, rule: &Arc<Rule>) -> Option<Finding> {
    let text = key.open(&about(&kept.id), &kept.sealed.bytes)?;
    let fields = Fields::read(&text)?;
    let (secret, mut rest) = fields.split_first()?;
    let mut part_sets = PartSets::new();
    let mut set = None;
    while let Some((field, more)) = rest.split_first() {
        rest = more;
        match *field {
            SET => set.replace(Vec::new()).into_iter().for_each(|whole| part_sets.add(whole)),
            CUT if rest.is_empty() => part_sets.is_cut = true,
            name => {
                let (value, more) = rest.split_first()?;
                rest = more;
                set.as_mut()?.push((String::from_utf8(name.to_vec()).ok()?, Secret::new(value)));
            }
        }
    }
    set.into_iter().for_each(|whole| part_sets.add(whole));
    Some(Finding {
        fingerprint: crate::secret::Fingerprint::new(&rule.id, b"", secret, crate::secret::Guessable::No),
        rule: Arc::clone(rule),
        secret: Secret::new(secret),
        key: String::new(),
        confidence: crate::evidence::Confidence(1.0),
        evidence: Vec::new(),
        facts: Vec::new(),
        validity: Validity::Unchecked,
        part_sets,
        occurrences: Vec::new(),
        suppression: None,
        decision: Default::default(),
        more_occurrences: 0,
        vaulted: Vec::new(),
    })
}
