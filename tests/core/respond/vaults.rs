//! What a vault made or keeps, ended by the vault: tokens, static roles, leases, against the strict server of its own tests.

use super::fakes::{Fake, Kind, Paper};
use crate::server::Reply;
use crate::vault::faults::Fault;
use crate::vault::hashicorp::{Fake as Server, ROOT};
use crate::vault::wire;
use std::sync::Mutex;
use stopleak_core::finding::{Doubt, Validity};
use stopleak_core::respond::journal::Records;
use stopleak_core::respond::plan::{self, Wishes};
use stopleak_core::respond::provider::{Keeper, Leases, StaticRoles, VaultTokens};
use stopleak_core::respond::*;
use stopleak_core::secret::{Fingerprint, Guessable};
use stopleak_core::vault::hashicorp::Hashicorp;
use stopleak_core::verify::typed::{CONNECTION, parse};
use stopleak_core::verify::{Subject, Verify};
use stopleak_core::{RuleSet, Secret};

/// `1793527200` is 2026-11-01T10:00:00Z.
const USER: &str = "v-ci-app-Zq8kQw3LmN5rT7vX9yBa-1793527200";
const LEASE: &str = "database/creds/app/1";

fn token() -> String {
    format!("hvs{}{}", ".", "Ab3dEf7hIjKl5nOp".repeat(2))
}

fn target(rule: &str, value: &str, parts: &[(&str, &str)]) -> Target {
    let rules = RuleSet::embedded();
    let rule = rules.rules().iter().find(|known| known.id == rule).expect("the rule is there").clone();
    let secret = Secret::new(value.as_bytes());
    let fingerprint = Fingerprint::new(&rule.id, b"", secret.expose(), Guessable::No);
    let parts = parts.iter().map(|(rule, value)| ((*rule).to_owned(), Secret::new(value.as_bytes()))).collect();
    Target { fingerprint, rule, secret, parts, places: Vec::new() }
}

fn password(user: &str, value: &str) -> Target {
    let url = format!("postgres{}//{user}:{value}@db.example/app", ":");
    target("connection-string.postgres-url", value, &[(CONNECTION, &url)])
}

/// The database, as far as the vault's server says whose passwords work.
struct Database<'a>(&'a Server);

impl Verify for Database<'_> {
    fn check(&self, subject: &Subject, _: bool) -> Validity {
        let Some((_, connection)) = subject.parts.iter().find(|(name, _)| name == CONNECTION) else {
            return Validity::unknown(Doubt::NoWay, "nobody can ask");
        };
        let login = parse(&subject.rule.id, connection, subject.secret).expect("it names a server");
        let state = self.0.state.lock().unwrap();
        let is_alive = match login.user.as_str() {
            "app" => login.password.expose() == format!("password-{}", state.static_password).as_bytes(),
            USER => state.leases.contains_key(LEASE),
            _ => true,
        };
        if is_alive { Validity::Active { identity: Vec::new(), scopes: None } } else { Validity::Inactive }
    }
}

struct Bench {
    server: Server,
    keepers: Vec<Keeper>,
    fake: Fake,
    target: Target,
    lease: Option<&'static str>,
    notes: Mutex<Vec<String>>,
}

impl Bench {
    fn new(target: Target) -> Bench {
        let server = Server::start();
        let (name, databases) = ("main".to_owned(), vec!["database".to_owned()]);
        let keepers = vec![Keeper { name, vault: server.open("secret"), has_login: true, databases }];
        let fake = Fake::new(Kind::Atomic);
        Bench { server, keepers, fake, target, lease: None, notes: Mutex::default() }
    }

    /// A token that the server knows.
    fn token() -> Bench {
        let bench = Bench::new(target("hashicorp-vault.service-token", &token(), &[]));
        let mut state = bench.server.state.lock().unwrap();
        state.tokens.push(token());
        state.accessors.insert(token(), "acc-7".into());
        drop(state);
        bench
    }

    fn without_login(mut self) -> Bench {
        let vault = Hashicorp::without_login(wire(), &self.server.settings("secret")).unwrap();
        self.keepers[0].vault = vault;
        self.keepers[0].has_login = false;
        self
    }

    fn plan(&self, action: Action) -> Plan {
        let targets = std::slice::from_ref(&self.target);
        let tokens = VaultTokens::new(&self.keepers);
        let (roles, unread) = StaticRoles::find(&self.keepers, targets, &Vec::new());
        self.notes.lock().unwrap().extend(unread);
        let (leases, unread) = Leases::find(&self.keepers, targets, self.lease, &Vec::new());
        self.notes.lock().unwrap().extend(unread);
        plan::make("run-1".into(), action, targets, &[&tokens, &leases, &roles], &Wishes::default())
    }

    fn run(&self, action: Action) -> (Report, Paper) {
        let plan = self.plan(action);
        assert_eq!(self.server.changes(), [""; 0], "a plan changes nothing");
        let mut paper = Paper::new(&plan);
        (self.go_on(&mut paper), paper)
    }

    fn go_on(&self, paper: &mut Paper) -> Report {
        let targets = std::slice::from_ref(&self.target);
        let records: Records = paper.records.iter().map(|record| (String::new(), record.clone())).collect();
        let tokens = VaultTokens::new(&self.keepers);
        let (roles, _) = StaticRoles::find(&self.keepers, targets, &records);
        let (leases, _) = Leases::find(&self.keepers, targets, self.lease, &records);
        let journal::Record::Begun { plan } = paper.records[0].clone() else {
            panic!("a journal begins with its plan")
        };
        let (said, database) = (Mutex::new(Vec::new()), Database(&self.server));
        let say = |line: &str| said.lock().unwrap().push(line.to_owned());
        let world = World {
            responders: vec![&tokens, &leases, &roles],
            vault: None,
            verify: &database,
            audit: &self.fake,
            clock: &self.fake,
            announce: None,
            say: &say,
        };
        let report = Run::new(plan, targets, &records, world, &self.fake.guard, paper, self.fake.folder.path()).go();
        let written = paper.records.iter().map(|record| serde_json::to_string(record).unwrap());
        for line in said.into_inner().unwrap().into_iter().chain(written) {
            assert!(!line.contains("password-") && !line.contains(&token()) && !line.contains(ROOT), "{line}");
        }
        self.fake.assert_silent(paper);
        report
    }

    /// Fails once: nothing is done and nobody answers, it is done and the answer is lost, the server fails, it is sealed.
    fn faults(path: &str) -> [(String, Fault); 4] {
        let sealed = Reply::new(503, r#"{"errors":["Vault is sealed"]}"#);
        let failed = Reply::new(500, r#"{"errors":["internal error"]}"#);
        [Fault::Silence, Fault::Lost, Fault::Answer(failed), Fault::Answer(sealed)]
            .map(|fault| (format!("POST /v1/{path}"), fault))
    }

    fn count(&self, path: &str) -> usize {
        self.server.changes().iter().filter(|line| line.ends_with(path)).count()
    }
}

fn dead(report: &Report) -> bool {
    report.halted.is_none() && report.outcomes == [Outcome::ConfirmedDead]
}

#[test]
fn a_leaked_vault_token_ends_itself() {
    for bench in [Bench::token(), Bench::token().without_login()] {
        let (report, _) = bench.run(Action::Revoke);
        assert!(dead(&report), "{report:?}");
        assert_eq!(bench.server.changes(), ["POST /v1/auth/token/revoke-self"]);
        // What is dead is left alone.
        let (again, _) = (bench.go_on(&mut Paper::new(&bench.plan(Action::Revoke))), ());
        assert!(
            bench.keepers[0].has_login == dead(&again),
            "without a login a plain refusal proves nothing: {again:?}"
        );
        assert_eq!(bench.server.changes().len(), 1);
        assert!(bench.server.server.asked().iter().all(|asked| !asked.path.contains(&token())));
    }
}

#[test]
fn a_vault_token_that_may_not_end_itself_is_ended_by_its_accessor() {
    for is_blind in [false, true] {
        let bench = Bench::token();
        bench.server.state.lock().unwrap().weak.push(token());
        if is_blind {
            bench.server.state.lock().unwrap().blind.push(token());
        }
        let (report, paper) = bench.run(Action::Revoke);
        assert!(dead(&report), "{is_blind} {report:?}");
        let changes = ["POST /v1/auth/token/revoke-self", "POST /v1/auth/token/revoke-accessor"];
        assert_eq!(bench.server.changes(), changes);
        assert!(paper.records.iter().any(|record| format!("{record:?}").contains("Overrule")));
        assert!(bench.server.state.lock().unwrap().tokens.contains(&ROOT.to_owned()), "ours lives");
    }
    let alone = Bench::token().without_login();
    alone.server.state.lock().unwrap().weak.push(token());
    let (report, _) = alone.run(Action::Revoke);
    assert!(
        matches!(&report.outcomes[..], [Outcome::StillLive { reason }] if reason.contains("accessor")),
        "{report:?}"
    );
}

#[test]
fn a_vault_token_is_ended_once_whatever_fails() {
    for (path, fault) in Bench::faults("auth/token/revoke-self") {
        let bench = Bench::token();
        let is_lost = matches!(fault, Fault::Lost);
        bench.server.faults.add(&path, fault);
        let (report, _) = bench.run(Action::Revoke);
        assert!(dead(&report), "{report:?}");
        assert_eq!(bench.count("revoke-self"), if is_lost { 1 } else { 2 }, "what was done is not done again");
    }
    let sealed = Bench::token();
    sealed.server.state.lock().unwrap().sealed = true;
    let (report, mut paper) = sealed.run(Action::Revoke);
    assert!(matches!(&report.outcomes[..], [Outcome::Unknown { .. }]), "{report:?}");
    assert_eq!(sealed.server.changes(), [""; 0]);
    sealed.server.state.lock().unwrap().sealed = false;
    assert!(dead(&sealed.go_on(&mut paper)));
}

#[test]
fn batch_tokens_are_said_to_be_beyond_revoking() {
    let values = [
        ("hashicorp-vault.batch-token", format!("hvb{}{}", ".", "Ab3d".repeat(40))),
        ("hashicorp-vault.legacy-token", format!("b{}AAAAAQ{}", ".", "Ab3d".repeat(40))),
    ];
    for (rule, value) in values {
        let mut bench = Bench::new(target(rule, &value, &[]));
        for _ in 0..2 {
            let plan = bench.plan(Action::Revoke);
            assert!(plan.tasks[0].blocked.as_ref().is_some_and(|why| why.contains("token that made it")), "{plan:?}");
            bench.keepers.clear();
        }
    }
    let bench = Bench::new(target("hashicorp-vault.service-token", &token(), &[]));
    let no_vaults = VaultTokens::new(&[]);
    assert!(no_vaults.abilities(&bench.target).is_none(), "the rule's own request is left to do it");
}

#[test]
fn a_static_roles_password_is_rotated_by_the_vault_that_keeps_it() {
    for action in [Action::Rotate, Action::Revoke] {
        let bench = Bench::new(password("app", "password-0"));
        let plan = bench.plan(action);
        assert!(plan.to_text().contains("POST database/rotate-role/app"), "{}", plan.to_text());
        let (report, paper) = bench.run(action);
        assert!(dead(&report), "{report:?}");
        assert_eq!(bench.server.changes(), ["POST /v1/database/rotate-role/app"]);
        let proved = paper.records.iter().any(|record| format!("{record:?}").contains("act: Prove, result: Done"));
        assert_eq!(proved, action == Action::Rotate);
    }
}

#[test]
fn passwords_of_nobody_or_of_another_time_are_no_static_roles() {
    for (user, value) in [("app", "password-9"), ("other", "password-0")] {
        let bench = Bench::new(password(user, value));
        let plan = bench.plan(Action::Revoke);
        assert_eq!((plan.tasks[0].responder.as_str(), plan.tasks[0].blocked.is_some()), ("", true));
    }
    // Roles are read only where a password of a database leaked, and what may not be read is said.
    let none = Bench::token();
    none.plan(Action::Revoke);
    assert!(none.server.server.asked().iter().all(|asked| !asked.path.contains("database")));
    let denied = Bench::new(password("app", "password-0"));
    denied.server.state.lock().unwrap().forbidden = vec!["database/static-creds"];
    assert!(denied.plan(Action::Rotate).tasks[0].blocked.is_some());
    assert!(denied.notes.lock().unwrap()[0].contains("permission denied"));
    // Somebody rotates between the plan and the run.
    let late = Bench::new(password("app", "password-0"));
    let mut paper = Paper::new(&late.plan(Action::Rotate));
    let (roles, targets) = (StaticRoles::find(&late.keepers, std::slice::from_ref(&late.target), &Vec::new()).0, ());
    late.server.state.lock().unwrap().static_password = 1;
    let (_, trouble) = (targets, roles.bind(&late.target));
    assert!(matches!(trouble, Err(Trouble::Conflict(_))), "{trouble:?}");
    assert!(dead(&late.go_on(&mut paper)));
    assert_eq!(late.server.changes(), [""; 0]);
}

#[test]
fn a_static_role_is_rotated_once_whatever_fails() {
    for action in [Action::Rotate, Action::Revoke] {
        for (path, fault) in Bench::faults("database/rotate-role/app") {
            let bench = Bench::new(password("app", "password-0"));
            bench.server.faults.add(&path, fault);
            let (report, _) = bench.run(action);
            assert!(dead(&report), "{report:?}");
            assert_eq!(bench.server.state.lock().unwrap().static_password, 1, "one new password");
        }
    }
}

#[test]
fn a_rotation_that_broke_off_anywhere_is_gone_on_with() {
    let whole = Bench::new(password("app", "password-0"));
    let (_, paper) = whole.run(Action::Rotate);
    for at in 1..paper.records.len() {
        for is_written in [false, true] {
            let bench = Bench::new(password("app", "password-0"));
            let mut paper = Paper::new(&bench.plan(Action::Rotate)).dying(at - 1, is_written);
            let report = bench.go_on(&mut paper);
            assert!(report.halted.is_some(), "{at} {is_written} {report:?}");
            paper.revive(None);
            let report = bench.go_on(&mut paper);
            assert!(dead(&report), "{at} {is_written} {report:?}");
            assert_eq!(bench.server.state.lock().unwrap().static_password, 1, "{at} {is_written}");
        }
    }
}

#[test]
fn a_login_of_a_lease_ends_with_it() {
    for named in [None, Some(LEASE)] {
        let mut bench = Bench::new(password(USER, "a-generated-word"));
        bench.lease = named;
        let (report, _) = bench.run(Action::Revoke);
        assert!(dead(&report), "{report:?}");
        assert_eq!(bench.server.changes(), ["POST /v1/sys/leases/revoke"]);
        assert!(bench.plan(Action::Revoke).tasks[0].blocked.is_some(), "there is no such lease any more");
    }
    for (path, fault) in Bench::faults("sys/leases/revoke") {
        let bench = Bench::new(password(USER, "a-generated-word"));
        let is_lost = matches!(fault, Fault::Lost);
        bench.server.faults.add(&path, fault);
        let (report, mut paper) = bench.run(Action::Revoke);
        assert!(dead(&report), "{report:?}");
        assert!(dead(&bench.go_on(&mut paper)));
        assert_eq!(bench.count("revoke"), if is_lost { 1 } else { 2 });
    }
}

#[test]
fn a_lease_that_cannot_be_told_is_left_alone() {
    let twins = Bench::new(password(USER, "a-generated-word"));
    let twin = ("database/creds/app/2".to_owned(), "2026-11-01T10:00:01.5Z".to_owned());
    twins.server.state.lock().unwrap().leases.extend([twin]);
    let plan = twins.plan(Action::Revoke);
    assert!(plan.tasks[0].blocked.as_ref().is_some_and(|why| why.contains("2 leases")), "{plan:?}");

    let denied = Bench::new(password(USER, "a-generated-word"));
    denied.server.state.lock().unwrap().forbidden = vec!["sys/leases/lookup/"];
    assert!(denied.plan(Action::Revoke).tasks[0].blocked.is_some());
    assert!(denied.notes.lock().unwrap().iter().any(|note| note.contains("--lease")));

    // The lease that was named is of another time than the login's name says.
    let mut other = Bench::new(password(USER, "a-generated-word"));
    let elsewhere = ("database/creds/app/3".to_owned(), "2026-11-02T10:00:00Z".to_owned());
    other.server.state.lock().unwrap().leases.extend([elsewhere]);
    other.lease = Some("database/creds/app/3");
    let (report, _) = other.run(Action::Revoke);
    assert!(matches!(&report.outcomes[..], [Outcome::Declined { .. }]), "{report:?}");
    assert_eq!(other.server.changes(), [""; 0]);
}
