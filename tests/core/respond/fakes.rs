//! A strict provider and a strict vault in memory, one clock, and everything that can go wrong with them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;
use stopleak_core::finding::{Doubt, Validity};
use stopleak_core::respond::journal::{JournalError, Record as Entry, Records};
use stopleak_core::respond::plan::{self, Wishes};
use stopleak_core::respond::responder::Abilities;
use stopleak_core::respond::run::Clock;
use stopleak_core::respond::*;
use stopleak_core::secret::{Fingerprint, Guessable};
use stopleak_core::vault::{self, Fields, Vault, VaultError, Version};
use stopleak_core::verify::{Subject, Verify};
use stopleak_core::{RuleSet, Secret};

/// What a provider is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Two keys at a time, disabled and deleted by id: AWS.
    TwoKeys,
    /// One request makes the new one and ends the old one; a second one would end the family: GitLab.
    Atomic,
    /// One password, chosen here: PostgreSQL.
    Password,
    /// Several passwords at a time, chosen here: Redis.
    Passwords,
}

pub const KINDS: [Kind; 4] = [Kind::TwoKeys, Kind::Atomic, Kind::Password, Kind::Passwords];

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No answer, and nothing was done.
    LostRequest,
    /// No answer, and it was done.
    LostAnswer,
    /// A limit: nothing was done.
    Limited,
    /// Nobody but an admin may do it.
    Denied,
}

/// One credential.
#[derive(Clone, Debug)]
struct Credential {
    id: String,
    value: String,
    /// It works until then.
    ends: Option<i64>,
}

/// One call that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub what: String,
    pub changes: bool,
    /// Whether it had its effect.
    pub took: bool,
}

/// A version's fields, and whether it can be read.
type Kept = (BTreeMap<String, String>, bool);

#[derive(Default)]
struct State {
    credentials: Vec<Credential>,
    made: usize,
    sessions: bool,
    log: Vec<Call>,
    faults: BTreeMap<usize, Fault>,
    /// Faults of every call of a name.
    always: BTreeMap<String, Fault>,
    now: i64,
    slept: u64,
    /// How long the provider takes after it accepted.
    delay: i64,
    /// Whether the new value was in the vault each time an old one ended.
    was_safe: Vec<bool>,
    versions: Vec<Kept>,
    escrow: BTreeMap<String, Vec<Kept>>,
    notes: BTreeMap<String, String>,
    /// Every value there ever was.
    secrets: Vec<String>,
    audit: Vec<String>,
    audit_fails_at: Option<usize>,
    said: Vec<String>,
    meddles_at: Option<(usize, &'static str)>,
    sealed: bool,
    new_is_dead: bool,
    family_revoked: bool,
}

/// Provider, vault, verifier, audit log and clock.
pub struct Fake {
    pub kind: Kind,
    state: Mutex<State>,
    pub folder: tempfile::TempDir,
    pub guard: Guard,
    pub wishes: Wishes,
}

fn value(number: usize) -> String {
    // Long enough to be looked for in everything that is written.
    format!("{}-{number:03}-{}", "fresh".repeat(2), "q7x".repeat(6))
}

fn text(secret: &Secret) -> String {
    String::from_utf8_lossy(secret.expose()).into_owned()
}

fn open(fields: &BTreeMap<String, String>) -> Fields {
    fields.iter().map(|(name, value)| (name.clone(), Secret::new(value.as_bytes()))).collect()
}

fn shut(fields: &Fields) -> BTreeMap<String, String> {
    fields.iter().map(|(name, value)| (name.clone(), text(value))).collect()
}

impl Fake {
    pub fn new(kind: Kind) -> Fake {
        let old = Credential { id: "key-0".into(), value: value(0), ends: None };
        let fields = [("user", "app"), ("password", &*value(0)), ("note", "keep me")];
        let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let state = State {
            secrets: vec![value(0)],
            credentials: vec![old],
            sessions: true,
            versions: vec![(fields, true)],
            now: 1_800_000_000,
            delay: 20,
            ..State::default()
        };
        let wishes = Wishes { has_vault: true, ..Wishes::default() };
        let folder = tempfile::tempdir().unwrap();
        Fake { kind, state: Mutex::new(state), folder, guard: Guard::default(), wishes }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The vault's entry holds these fields.
    pub fn holding(self, fields: &[(&str, &str)]) -> Fake {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.state().versions = vec![(fields, true)];
        self
    }

    /// The call of this number, from 0 over provider and vault, goes wrong.
    pub fn fail(self, call: usize, fault: Fault) -> Fake {
        self.state().faults.insert(call, fault);
        self
    }

    pub fn fail_always(self, what: &str, fault: Fault) -> Fake {
        self.state().always.insert(what.into(), fault);
        self
    }

    pub fn mend(&self) {
        self.state().always.clear();
        self.state().sealed = false;
    }

    /// Somebody else writes a field just before this call.
    pub fn meddle(self, call: usize, field: &'static str) -> Fake {
        self.state().meddles_at = Some((call, field));
        self
    }

    pub fn seal_vault(&self) {
        self.state().sealed = true;
    }

    pub fn with_dead_values(self) -> Fake {
        self.state().new_is_dead = true;
        self
    }

    pub fn with_delay(self, seconds: i64) -> Fake {
        self.state().delay = seconds;
        self
    }

    pub fn without_audit_after(self, entries: usize) -> Fake {
        self.state().audit_fails_at = Some(entries);
        self
    }

    pub fn target(&self) -> Target {
        let secret = Secret::new(value(0).as_bytes());
        let rules = RuleSet::embedded();
        let rule = rules.rules().iter().find(|rule| rule.id == "generic.password").unwrap_or(&rules.rules()[0]);
        let fingerprint = Fingerprint::new(&rule.id, b"", secret.expose(), Guessable::No);
        let place = Place { path: "team/app".into(), version: "1".into(), field: "password".into(), is_current: true };
        Target { fingerprint, rule: rule.clone(), secret, parts: Vec::new(), places: vec![place] }
    }

    pub fn plan(&self, action: Action) -> Plan {
        plan::make("run-1".into(), action, &[self.target()], &[self], &self.wishes)
    }

    /// A run to its end, in one go.
    pub fn run(&self, action: Action) -> (Report, Paper) {
        let mut paper = Paper::new(&self.plan(action));
        (self.go_on(&mut paper), paper)
    }

    /// Takes a run up where its journal ends.
    pub fn go_on(&self, paper: &mut Paper) -> Report {
        let targets = [self.target()];
        let records: Records = paper.records.iter().map(|record| (String::new(), record.clone())).collect();
        let Entry::Begun { plan } = &paper.records[0] else { panic!("a journal begins with its plan") };
        let say = |line: &str| self.state().said.push(line.to_owned());
        let world = World {
            responders: vec![self],
            vault: Some(self),
            verify: self,
            audit: self,
            clock: self,
            announce: None,
            say: &say,
        };
        Run::new(plan.clone(), &targets, &records, world, &self.guard, paper, self.folder.path()).go()
    }

    pub fn log(&self) -> Vec<Call> {
        self.state().log.clone()
    }

    pub fn changes(&self) -> Vec<String> {
        self.log().into_iter().filter(|call| call.changes).map(|call| call.what).collect()
    }

    pub fn is_alive(&self, value: &str) -> bool {
        let state = self.state();
        state.credentials.iter().any(|known| known.value == value && known.ends.is_none_or(|ends| state.now < ends))
    }

    pub fn old(&self) -> String {
        value(0)
    }

    pub fn living(&self) -> Vec<String> {
        let state = self.state();
        let lives = |known: &&Credential| known.ends.is_none_or(|ends| state.now < ends);
        state.credentials.iter().filter(lives).map(|known| known.value.clone()).collect()
    }

    /// Those that work and that nobody asked to end.
    pub fn lasting(&self) -> Vec<String> {
        let state = self.state();
        state.credentials.iter().filter(|known| known.ends.is_none()).map(|known| known.value.clone()).collect()
    }

    /// The current fields of the vault's entry.
    pub fn fields(&self) -> BTreeMap<String, String> {
        self.state().versions.last().unwrap().0.clone()
    }

    pub fn has_sessions(&self) -> bool {
        self.state().sessions
    }

    pub fn slept(&self) -> u64 {
        self.state().slept
    }

    /// Whether the new value was in the vault whenever the old one ended.
    pub fn was_safe(&self) -> bool {
        self.state().was_safe.iter().all(|safe| *safe)
    }

    pub fn family_revoked(&self) -> bool {
        self.state().family_revoked
    }

    /// The values that are sealed on the disk under the key that the vault has.
    pub fn sealed(&self) -> Option<String> {
        let key = self.state().escrow.get("stopleak/escrow/run-1").and_then(|versions| {
            let (fields, _) = versions.last()?;
            escrow::Key::from_secret(&Secret::new(fields["key"].as_bytes()))
        })?;
        let fresh = escrow::Escrow::new(self.folder.path(), "run-1").open(&key, 0).ok()??;
        Some(text(&fresh.secret))
    }

    /// Nothing that was written or said holds a secret.
    pub fn assert_silent(&self, paper: &Paper) {
        let state = self.state();
        let mut all: Vec<String> = paper.records.iter().map(|record| serde_json::to_string(record).unwrap()).collect();
        all.extend(paper.records.iter().filter_map(|record| match record {
            Entry::Begun { plan } => Some(plan.to_text()),
            _ => None,
        }));
        all.extend(state.audit.iter().chain(&state.said).cloned());
        all.extend(state.notes.iter().map(|(name, value)| format!("{name}={value}")));
        for file in std::fs::read_dir(self.folder.path()).unwrap().flatten() {
            all.push(String::from_utf8_lossy(&std::fs::read(file.path()).unwrap()).into_owned());
        }
        for secret in &state.secrets {
            let shows = all.iter().find(|text| text.contains(secret.as_str()));
            assert!(shows.is_none(), "{shows:?}");
        }
    }

    /// One call: counted, logged, and gone wrong when it is its turn. `Ok(true)` when its answer is lost.
    fn call(&self, what: &str, changes: bool) -> Result<bool, Fault> {
        let mut state = self.state();
        let number = state.log.len();
        let fault = state.faults.get(&number).copied().or_else(|| state.always.get(what).copied());
        if let Some((at, field)) = state.meddles_at
            && at == number
        {
            let mut fields = state.versions.last().unwrap().0.clone();
            fields.insert(field.into(), "somebody else's".into());
            state.versions.push((fields, true));
        }
        let took = fault.is_none_or(|fault| fault == Fault::LostAnswer);
        state.log.push(Call { what: what.into(), changes, took });
        state.now += 1;
        match fault {
            None => Ok(false),
            Some(Fault::LostAnswer) => Ok(true),
            Some(fault) => Err(fault),
        }
    }

    fn provider(&self, what: &str, changes: bool) -> Result<bool, Trouble> {
        self.call(what, changes).map_err(|fault| match fault {
            Fault::Limited => Trouble::Unavailable("the provider limits the rate".into()),
            Fault::Denied => Trouble::Denied("not authorized".into()),
            _ => Trouble::Unanswered("no answer in time".into()),
        })
    }

    fn vault(&self, what: &str, changes: bool) -> Result<bool, VaultError> {
        let called = self.call(what, changes);
        if self.state().sealed {
            self.state().log.last_mut().unwrap().took = false;
            return Err(VaultError::Unavailable("the vault is sealed".into()));
        }
        called.map_err(|fault| match fault {
            Fault::Limited => VaultError::Unavailable("rate limit quota exceeded".into()),
            Fault::Denied => VaultError::Denied("permission denied".into()),
            _ => VaultError::Unanswered("no answer in time".into()),
        })
    }

    fn make(&self, chosen: Option<&Fresh>) -> Fresh {
        let mut state = self.state();
        state.made += 1;
        let id = format!("key-{}", state.made);
        let value = chosen.map_or_else(|| value(state.made), |fresh| text(&fresh.secret));
        let dead = state.new_is_dead.then_some(0);
        // Setting a password that is set is nothing new.
        if !state.credentials.iter().any(|known| known.value == value && known.ends.is_none()) {
            state.credentials.push(Credential { id: id.clone(), value: value.clone(), ends: dead });
        }
        state.secrets.push(value.clone());
        Fresh { id: Some(id), secret: Secret::new(value.as_bytes()), parts: Vec::new() }
    }

    fn end(&self, value: &str) {
        let mut state = self.state();
        let ends = state.now + state.delay;
        let stored = state.versions.last().unwrap().0["password"].clone();
        if value == self::value(0) {
            state.was_safe.push(stored != value);
        }
        for known in state.credentials.iter_mut().filter(|known| known.value == value && known.ends.is_none()) {
            known.ends = Some(ends);
        }
    }
}

fn ability(request: &str, repeat: Repeat) -> Ability {
    Ability { request: request.into(), irreversible: false, repeat, instead: None, by_hand: "ask an admin".into() }
}

impl Responder for Fake {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn abilities(&self, _: &Target) -> Option<Abilities> {
        let mut acts = BTreeMap::new();
        let end = ability("DELETE /keys/key-0", Repeat::WhenReadSaysNo);
        match self.kind {
            Kind::TwoKeys => {
                acts.insert(Act::Mint, ability("POST /keys", Repeat::WhenReadSaysNo));
                let disable = ability("PATCH /keys/key-0", Repeat::Freely);
                acts.insert(Act::Disable, Ability { instead: Some(Act::Delete), ..disable });
                acts.insert(Act::Delete, Ability { irreversible: true, ..end });
                acts.insert(Act::Discard, ability("DELETE /keys/NEW", Repeat::WhenReadSaysNo));
            }
            Kind::Atomic => {
                acts.insert(Act::Replace, ability("POST /self/rotate", Repeat::Never));
                acts.insert(Act::Delete, end);
            }
            Kind::Password => {
                acts.insert(Act::Replace, ability("ALTER ROLE", Repeat::Freely));
                acts.insert(Act::EndSessions, ability("terminate", Repeat::Freely));
            }
            Kind::Passwords => {
                acts.insert(Act::Mint, ability("SETUSER >new", Repeat::Freely));
                acts.insert(Act::Disable, ability("SETUSER <old", Repeat::Freely));
                acts.insert(Act::Discard, ability("SETUSER <new", Repeat::Freely));
                acts.insert(Act::EndSessions, ability("CLIENT KILL", Repeat::Freely));
            }
        }
        let chooses = matches!(self.kind, Kind::Password | Kind::Passwords);
        Some(Abilities { acts, chooses, by_itself: self.kind == Kind::Atomic, refusals: 1, ..Abilities::default() })
    }

    fn bind(&self, _: &Target) -> Result<Facts, Trouble> {
        match self.provider("bind", false)? {
            true => Err(Trouble::Unanswered("no answer in time".into())),
            false => Ok(Facts::from([("id".to_owned(), "key-0".to_owned())])),
        }
    }

    fn before(&self, act: Act, _: &Job) -> Result<Facts, Trouble> {
        if act != Act::Mint || self.kind != Kind::TwoKeys {
            return Ok(Facts::new());
        }
        if self.provider("list", false)? {
            return Err(Trouble::Unanswered("no answer in time".into()));
        }
        let ids: Vec<String> = self.state().credentials.iter().map(|known| known.id.clone()).collect();
        Ok(Facts::from([("ids".to_owned(), ids.join(" "))]))
    }

    fn carry_out(&self, act: Act, job: &Job) -> Result<Effect, Trouble> {
        let lost = self.provider(act.as_str(), true)?;
        let mut effect = Effect::default();
        let chosen = if self.kind == Kind::Atomic { None } else { job.fresh };
        match act {
            Act::Mint => effect.fresh = Some(self.make(chosen.filter(|_| self.kind == Kind::Passwords))),
            Act::Replace => {
                if self.kind == Kind::Atomic && !self.is_alive(&value(0)) {
                    self.state().family_revoked = true;
                    return Err(Trouble::Refused("reuse detected".into()));
                }
                effect.fresh = Some(self.make(chosen));
                self.end(&value(0));
            }
            Act::Disable | Act::Delete => self.end(&value(0)),
            Act::EndSessions => {
                // It logs in as itself: with the new password, since the old one is dead by now.
                let login = chosen.map_or_else(|| value(0), |fresh| text(&fresh.secret));
                if self.kind == Kind::Password && !self.is_alive(&login) {
                    return Err(Trouble::Refused("this login is not let in".into()));
                }
                self.state().sessions = false;
            }
            Act::Discard => {
                let by_id = |state: &State| {
                    let id = job.before.get("id")?;
                    state.credentials.iter().find(|known| known.id == *id).map(|known| known.value.clone())
                };
                let by_id = by_id(&self.state());
                let value = job.fresh.map(|fresh| text(&fresh.secret)).or(by_id);
                self.end(&value.ok_or(Trouble::Refused("no such key".into()))?);
            }
            _ => return Err(Trouble::Refused("no such request".into())),
        }
        if matches!(self.kind, Kind::Password | Kind::Passwords) {
            effect.fresh = None;
        }
        if lost { Err(Trouble::Unanswered("no answer in time".into())) } else { Ok(effect) }
    }

    fn reconcile(&self, act: Act, job: &Job) -> Result<Reconciled, Trouble> {
        if self.provider("reconcile", false)? {
            return Err(Trouble::Unanswered("no answer in time".into()));
        }
        if act != Act::Mint || self.kind != Kind::TwoKeys {
            return Ok(Reconciled::AskVerify);
        }
        let state = self.state();
        let before: Vec<&str> = job.before["ids"].split(' ').collect();
        let new: Vec<&Credential> = state.credentials.iter().filter(|known| !before.contains(&&*known.id)).collect();
        Ok(match new.as_slice() {
            [] => Reconciled::NotDone,
            [one] => Reconciled::Orphan(one.id.clone()),
            _ => Reconciled::Unclear("several new keys".into()),
        })
    }

    fn choose(&self, _: &Target) -> Result<Fresh, Trouble> {
        let mut state = self.state();
        let chosen = format!("chosen-{}-{}", state.secrets.len(), "z9".repeat(12));
        state.secrets.push(chosen.clone());
        Ok(Fresh { id: None, secret: Secret::new(chosen.as_bytes()), parts: Vec::new() })
    }
}

impl Verify for Fake {
    fn check(&self, subject: &Subject, _: bool) -> Validity {
        match self.provider("verify", false) {
            Ok(false) => {}
            _ => return Validity::unknown(Doubt::Timeout, "no answer in time"),
        }
        match self.is_alive(&text(subject.secret)) {
            true => Validity::Active { identity: vec![("account".into(), "acme".into())], scopes: None },
            false => Validity::Inactive,
        }
    }
}

impl Vault for Fake {
    fn name(&self) -> String {
        "fake".into()
    }

    fn list(&self) -> Result<Vec<String>, VaultError> {
        Ok(vec!["team/app".into()])
    }

    fn versions(&self, _: &str) -> Result<Vec<Version>, VaultError> {
        Ok(Vec::new())
    }

    fn read(&self, path: &str, version: Option<&str>) -> Result<vault::Entry, VaultError> {
        if self.vault("read", false)? {
            return Err(VaultError::Unanswered("no answer in time".into()));
        }
        let state = self.state();
        if path != "team/app" {
            let kept = state.escrow.get(path).ok_or_else(|| VaultError::Absent(path.into()))?;
            let (fields, _) = kept.last().unwrap();
            return Ok(vault::Entry { version: kept.len().to_string(), fields: open(fields) });
        }
        let number = version.map_or(state.versions.len(), |version| version.parse().unwrap());
        let (fields, _) = &state.versions[number - 1];
        Ok(vault::Entry { version: number.to_string(), fields: open(fields) })
    }

    fn can_write(&self, _: &str) -> Result<(), VaultError> {
        self.vault("can-write", false).map(|_| ())
    }

    fn write_if_version(&self, path: &str, fields: &Fields, expected: Option<&str>) -> Result<String, VaultError> {
        let lost = self.vault(if path == "team/app" { "write" } else { "write-key" }, true)?;
        let mut state = self.state();
        let conflict = || VaultError::Conflict { path: path.into() };
        let version = if path == "team/app" {
            if expected != Some(&*state.versions.len().to_string()) {
                state.log.last_mut().unwrap().took = false;
                return Err(conflict());
            }
            state.versions.push((shut(fields), true));
            state.versions.len().to_string()
        } else {
            let versions = state.escrow.get(path).map_or(0, Vec::len);
            if expected.map_or(0, |version| version.parse().unwrap()) != versions {
                return Err(conflict());
            }
            let fields = shut(fields);
            if versions == 0 {
                state.secrets.push(fields["key"].clone());
            }
            state.escrow.entry(path.into()).or_default().push((fields, true));
            (versions + 1).to_string()
        };
        if lost { Err(VaultError::Unanswered("no answer in time".into())) } else { Ok(version) }
    }

    fn retire(&self, path: &str, version: &str) -> Result<(), VaultError> {
        self.vault("retire", true)?;
        let number: usize = version.parse().unwrap();
        let mut state = self.state();
        let kept = if path == "team/app" { &mut state.versions } else { state.escrow.get_mut(path).unwrap() };
        if number == kept.len() {
            return Err(VaultError::Unsupported("the current version is not retired".into()));
        }
        kept[number - 1].1 = false;
        Ok(())
    }

    fn annotate(&self, _: &str, notes: &BTreeMap<String, String>) -> Result<(), VaultError> {
        self.vault("annotate", true)?;
        self.state().notes.extend(notes.clone());
        Ok(())
    }
}

impl Record for Fake {
    fn record(&self, event: &str, subject: &str, details: serde_json::Value) -> Result<(), String> {
        let mut state = self.state();
        if state.audit_fails_at.is_some_and(|at| state.audit.len() >= at) {
            return Err("the disk is full".into());
        }
        state.audit.push(format!("{event} {subject} {details}"));
        Ok(())
    }
}

impl Clock for Fake {
    fn now(&self) -> i64 {
        self.state().now
    }

    fn sleep(&self, time: Duration) {
        let mut state = self.state();
        state.now += i64::try_from(time.as_secs()).unwrap();
        state.slept += time.as_secs();
    }
}

/// A journal in memory that ends the process at a record: before it is written, or right after.
pub struct Paper {
    pub records: Vec<Entry>,
    pub dies_at: Option<(usize, bool)>,
    appended: RefCell<usize>,
}

impl Paper {
    pub fn new(plan: &Plan) -> Paper {
        let records = vec![Entry::Begun { plan: plan.clone() }];
        Paper { records, dies_at: None, appended: RefCell::new(0) }
    }

    pub fn dying(mut self, at: usize, is_written: bool) -> Paper {
        self.dies_at = Some((at, is_written));
        self
    }

    pub fn revive(&mut self, at: Option<(usize, bool)>) {
        self.dies_at = at;
        *self.appended.borrow_mut() = 0;
    }
}

impl Append for Paper {
    fn append(&mut self, record: &Entry) -> Result<(), JournalError> {
        let number = *self.appended.borrow();
        *self.appended.borrow_mut() += 1;
        let dead = || JournalError::File { path: "paper".into(), error: std::io::Error::other("the process ended") };
        match self.dies_at {
            // Whatever dies stays dead.
            Some((at, _)) if number > at => Err(dead()),
            Some((at, is_written)) if number == at => {
                if is_written {
                    self.records.push(record.clone());
                }
                Err(dead())
            }
            _ => {
                self.records.push(record.clone());
                Ok(())
            }
        }
    }
}
