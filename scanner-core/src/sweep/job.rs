//! One job: is anything new, fetch it, scan it a part at a time, write down what each part gave.
//!
//! What is read and how differs by kind, a file each; what was found is written down in one way, here.

mod git;
mod image;
mod texts;

use super::cache::Cache;
use super::git::{Git, GitTrouble};
use super::meter::Meter;
use super::packs::Pack;
use super::questions::{Answers, AskError, Errand, Questions};
use super::scales::Scales;
use super::store::{Clean, Known, Leased, Left, Outcome, Seen, Status, Step, Store, StoreError};
use super::targets::{Access, Kind, TargetError};
use super::watch::{Event, Watcher};
use crate::detect::Engine;
use crate::finding::{Doubt, Finding};
use crate::rule_set::RuleSet;
use crate::scan::{Progress, Request, ScanError};
use crate::source::git::repository::GitError;
use crate::time;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Makes what is asked of a scan, by given rules.
pub type MakeRequest = Box<dyn Fn(Arc<RuleSet>) -> Request + Send + Sync>;

/// What scans, the same for every job.
pub struct Scanner {
    engine: Engine,
    rules: Arc<RuleSet>,
    pack: Pack,
    /// Names everything that decides what counts.
    settings: String,
    /// Names what is done with what counts.
    asked: String,
    /// Names what decides how much of a blob is read: what held nothing within these limits may hold something beyond.
    reach: String,
    request: MakeRequest,
    /// Objects in a part: what is redone at most when a scan is interrupted.
    part: usize,
}

/// What keeps a job from its end.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// It was stopped, or is another's by now.
    #[error("it was stopped")]
    Stopped,
    /// There is nothing behind the name, and that is no failure.
    #[error("there is nothing behind it")]
    Absent,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Git.
    #[error(transparent)]
    Git(GitTrouble),
    /// The copy on disk.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// A registry or a forge.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// What no further try will change.
    #[error("{0}")]
    Never(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl From<GitTrouble> for Trouble {
    fn from(trouble: GitTrouble) -> Trouble {
        match trouble {
            GitTrouble::Stopped => Trouble::Stopped,
            other => Trouble::Git(other),
        }
    }
}

impl From<AskError> for Trouble {
    fn from(error: AskError) -> Trouble {
        match error {
            AskError::Stopped => Trouble::Stopped,
            AskError::Store(error) => Trouble::Store(error),
            other => Trouble::Other(other.to_string()),
        }
    }
}

impl From<GitError> for Trouble {
    fn from(error: GitError) -> Trouble {
        Trouble::Scan(ScanError::Git(error))
    }
}

impl Scanner {
    /// A scanner by `rules`; `settings` names what else decides what counts.
    pub fn new(rules: Arc<RuleSet>, settings: &str, part: usize, request: MakeRequest) -> Scanner {
        let pack = Pack::of(&rules);
        let settings = blake3::hash(format!("{}\n{settings}", pack.digest).as_bytes()).to_hex()[..32].to_owned();
        let reach = format!("{:?}", request(rules.clone()).archives);
        let reach = blake3::hash(reach.as_bytes()).to_hex()[..8].to_owned();
        Scanner {
            engine: Engine::new(rules.clone()),
            rules,
            pack,
            settings,
            asked: String::new(),
            reach,
            request,
            part: part.max(1),
        }
    }

    /// The same, where `asked` names what is done with what is found: what was found without is looked at again.
    pub fn asking(self, asked: &str) -> Scanner {
        Scanner { asked: asked.to_owned(), ..self }
    }

    /// The rules it scans with.
    pub fn pack(&self) -> &Pack {
        &self.pack
    }

    /// Whether nothing is new since a target was scanned, of which this is the mark. What was scanned in part stays so until
    /// something changes: another try finds the same damage.
    pub fn is_unchanged(&self, known: &Known, refs: &str) -> bool {
        self.is_settled(known) && known.refs.as_deref() == Some(refs)
    }

    /// Whether that can be so at all, whatever its references are.
    pub fn is_settled(&self, known: &Known) -> bool {
        self.is_by_these(known.settings.as_deref()) && matches!(known.status, Status::Scanned | Status::Partial)
    }

    /// Everything that decides what counts, and what is done with it then.
    fn all_settings(&self) -> String {
        self.settings.clone() + &self.asked
    }

    /// Whether settings are these, or these and then some.
    fn is_by_these(&self, settings: Option<&str>) -> bool {
        let rest = settings.and_then(|settings| settings.strip_prefix(&*self.all_settings()));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('+'))
    }

    /// What is asked of a scan.
    fn request(&self) -> Request {
        (self.request)(self.rules.clone())
    }

    /// The name under which it is remembered what of a family held nothing.
    fn family(&self, name: &str) -> String {
        format!("{name}/{}", self.reach)
    }
}

/// One job and what it is done with.
pub struct Work<'a> {
    /// Where it is written down.
    pub store: &'a Store,
    /// What scans.
    pub scanner: &'a Scanner,
    /// What fetches.
    pub git: &'a Git,
    /// What reaches registries and forges.
    pub access: &'a Access<'static>,
    /// Where copies are.
    pub cache: &'a Cache,
    /// What it weighs.
    pub scales: &'a Scales,
    /// What is counted.
    pub meter: &'a Meter,
    /// Set when the job is to be left.
    pub stop: &'a AtomicBool,
    /// Who is told.
    pub watcher: &'a dyn Watcher,
    /// Who asks providers.
    pub questions: Option<&'a Questions>,
    /// The job.
    pub job: &'a Leased,
}

impl Work<'_> {
    /// Does it.
    pub fn run(&self) -> Result<Outcome, Trouble> {
        let known = &self.job.known;
        match self.job.repo.kind {
            Kind::Git | Kind::Wiki | Kind::Gist => git::run(self, known),
            Kind::Image => image::run(self, known),
            Kind::Issues => texts::run(self, known),
        }
    }

    /// What a scan by these rules leaves of a repository with these references.
    fn left(&self, refs: &str) -> Left {
        Left {
            refs: refs.to_owned(),
            rules: self.scanner.pack.digest.clone(),
            settings: self.scanner.all_settings(),
            ..Left::default()
        }
    }

    /// Writes down what a part gave: what was found and asked, and what of it held nothing.
    fn keep(&self, findings: &mut [Finding], clean: Option<(&str, &Clean)>, left: &mut Left) -> Result<(), Trouble> {
        let clean = clean.map(|(family, ids)| (family, self.scanner.pack.digest.as_str(), ids));
        if !self.keep_with(findings, &Step { clean, ..Step::default() })? {
            // With the next run what held something is looked at again, and asked about.
            left.settings.clone_from(&self.scanner.settings);
        }
        Ok(())
    }

    /// The same with more; says whether all who were asked answered.
    fn keep_with(&self, findings: &mut [Finding], step: &Step<'_>) -> Result<bool, Trouble> {
        let answers = self.ask(findings)?;
        let is_answered = !answers.values().any(|answer| answer.doubt().is_some_and(Doubt::is_trouble));
        let seen = self.seen(findings, answers)?;
        let step = Step { seen: &seen, run: &self.job.run, ..step.clone() };
        let new = self.store.write(&self.job.key, &step, time::now())?;
        Meter::add(&self.meter.findings, new.len() as u64);
        self.tell(&new, findings);
        Ok(is_answered)
    }

    /// Writes down what the whole scan left.
    fn finish(&self, request: &Request, mut left: Left) -> Result<(), Trouble> {
        (left.blobs, left.bytes) = request.progress.figures();
        self.store.write(&self.job.key, &Step { left: Some(&left), ..Step::default() }, time::now())?;
        Meter::add(&self.meter.shared, left.shared);
        Ok(())
    }

    /// Asks providers about what may count, and lets the policy judge.
    fn ask(&self, findings: &mut [Finding]) -> Result<Answers, Trouble> {
        let Some(questions) = self.questions else { return Ok(Answers::new()) };
        let errand = Errand { store: self.store, run: &self.job.run, job: &self.job.id, stop: self.stop };
        Ok(questions.ask(&errand, findings)?)
    }

    /// What is written down of findings: what was said of them, and their values under a key where they are kept.
    fn seen(&self, findings: &[Finding], mut answers: Answers) -> Result<Vec<Seen>, Trouble> {
        let mut seen = Seen::of(findings, self.store.key());
        seen.iter_mut().for_each(|one| one.answer = answers.remove(&one.id));
        let Some(questions) = self.questions.filter(|questions| questions.key.is_some()) else { return Ok(seen) };
        for finding in findings {
            let id = self.store.key().tag(finding);
            for one in seen.iter_mut().filter(|one| one.id == id) {
                one.sealed = questions.seal(finding, &id)?;
            }
        }
        Ok(seen)
    }

    fn tell(&self, new: &[String], findings: &[Finding]) {
        for finding in findings.iter().filter(|_| !new.is_empty()) {
            let id = self.store.key().tag(finding);
            if new.contains(&id) {
                let (rule, secret) = (&*finding.rule.id, &finding.secret);
                self.watcher.event(&Event::Found { repository: &self.job.key, finding: &id, rule, secret });
            }
        }
    }

    fn count(&self, before: (u64, u64), progress: &Progress) {
        let (blobs, bytes) = progress.figures();
        Meter::add(&self.meter.blobs, blobs - before.0);
        Meter::add(&self.meter.bytes, bytes - before.1);
    }

    fn go_on(&self) -> Result<(), Trouble> {
        if self.stop.load(Ordering::Relaxed) { Err(Trouble::Stopped) } else { Ok(()) }
    }
}
