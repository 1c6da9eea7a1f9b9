//! Against real servers: PostgreSQL, Redis, OpenSSH, AWS as moto plays it. What is not installed is skipped, loudly.

use super::fakes::{Fake, Kind, Paper};
use crate::made::random;
use crate::support::servers::{moto, postgres, redis, sshd, verdaccio};
use std::sync::Arc;
use stopleak_core::http::{Http, Settings as HttpSettings};
use stopleak_core::respond::plan::{self, Wishes};
use stopleak_core::respond::provider::{Aws, Database, Npm, Ssh, aws, database, ssh};
use stopleak_core::respond::*;
use stopleak_core::secret::{Fingerprint, Guessable};
use stopleak_core::verify::typed::ssh::Server;
use stopleak_core::verify::typed::{self, Place as Address};
use stopleak_core::verify::{Gate, Settings, Verifier, Verify};
use stopleak_core::{RuleSet, Secret, Validity};

fn verifier(setup: typed::Setup) -> Verifier {
    let settings = Settings { hosts: vec!["127.0.0.1".into()], pace: 0, setup, ..Settings::default() };
    let http = Http::new(HttpSettings::default()).unwrap();
    Verifier::new(RuleSet::embedded(), Gate::new(Arc::new(http), settings), None)
}

fn target(rule: &str, value: &str, parts: &[(&str, &str)], field: &str) -> Target {
    let rules = RuleSet::embedded();
    let rule = rules.rules().iter().find(|known| known.id == rule).expect("the rule is there").clone();
    let secret = Secret::new(value.as_bytes());
    let fingerprint = Fingerprint::new(&rule.id, b"", secret.expose(), Guessable::No);
    let place = Place { path: "team/app".into(), version: "1".into(), field: field.into(), is_current: true };
    let parts = parts.iter().map(|(rule, value)| ((*rule).to_owned(), Secret::new(value.as_bytes()))).collect();
    Target { fingerprint, rule, secret, parts, places: vec![place] }
}

fn run(
    fake: &Fake,
    verifier: &Verifier,
    responder: &dyn Responder,
    (action, target): (Action, &Target),
    wishes: &Wishes,
) -> (Report, Paper) {
    let targets = std::slice::from_ref(target);
    let plan = plan::make("run-1".into(), action, targets, &[responder], wishes);
    let mut paper = Paper::new(&plan);
    let records = vec![(String::new(), paper.records[0].clone())];
    let say = |_: &str| {};
    let world = World {
        responders: vec![responder],
        vault: Some(fake),
        verify: verifier,
        audit: fake,
        clock: fake,
        announce: None,
        say: &say,
    };
    let report = Run::new(plan, targets, &records, world, &fake.guard, &mut paper, fake.folder.path()).go();
    (report, paper)
}

fn is_active(verifier: &Verifier, target: &Target) -> Validity {
    verifier.check(&target.subject(), true)
}

fn vaulted() -> Wishes {
    Wishes { has_vault: true, ..Wishes::default() }
}

#[test]
fn a_postgres_password_is_replaced_and_its_sessions_end() {
    let Some(server) = postgres::postgres("", None) else { return };
    let old = random(20, 41);
    server.sql(&format!("CREATE ROLE app LOGIN PASSWORD '{old}'"));
    let url = |word: &str| format!("postgres://app:{word}@{}/postgres", server.running.host());
    let verifier = verifier(typed::Setup::default());
    let leaked = target("connection-string.postgres-url", &old, &[("connection", &url(&old))], "url");
    assert!(matches!(is_active(&verifier, &leaked), Validity::Active { .. }));
    // Once by itself, once by another login, which ends the role's right to log in when it is to be ended.
    let owner = database::Admin { user: postgres::OWNER.into(), password: Secret::new(server.password.as_bytes()) };
    let by_itself = Database::new(verifier.gate(), database::Setup::default());
    // An open session outlives its password.
    let mut session = std::process::Command::new("psql");
    let port = server.running.port.to_string();
    session.args(["-h", "127.0.0.1", "-p", &port, "-U", "app", "-d", "postgres", "-c", "SELECT pg_sleep(60)"]);
    let output = std::process::Stdio::null;
    session.env("PGPASSWORD", &old).stdin(output()).stdout(output()).stderr(output());
    let mut session = session.spawn().ok();
    let sessions = || server.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'");
    (0..100).take_while(|_| session.is_some() && sessions() == "0").for_each(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
    });
    let fake = Fake::new(Kind::Password).holding(&[("url", &url(&old)), ("user", "app")]);
    let (report, paper) = run(&fake, &verifier, &by_itself, (Action::Rotate, &leaked), &vaulted());
    assert_eq!(report.outcomes, [Outcome::ConfirmedDead], "{report:?}");
    if let Some(session) = &mut session {
        assert!(!session.wait().unwrap().success(), "it was ended");
    }
    assert_eq!(sessions(), "0");
    let stored = fake.fields()["url"].clone();
    let word = stored.split(['@', ':']).nth(2).unwrap().to_owned();
    assert!(word.len() == 32 && stored == url(&word), "the rest of the address stays");
    let renewed = target("connection-string.postgres-url", &word, &[("connection", &stored)], "url");
    assert!(matches!(is_active(&verifier, &renewed), Validity::Active { .. }));
    assert_eq!(is_active(&verifier, &leaked), Validity::Inactive);
    let written: String = paper.records.iter().map(|record| serde_json::to_string(record).unwrap()).collect();
    assert!(!written.contains(&word) && !written.contains(&old));
    assert!(!server.running.log().contains(&word), "the server's log shows no password");

    let setup = database::Setup { postgres: Some(owner), redis: None };
    let by_owner = Database::new(verifier.gate(), setup);
    let fake = Fake::new(Kind::Password).holding(&[("url", &stored)]);
    let (report, _) = run(&fake, &verifier, &by_owner, (Action::Revoke, &renewed), &vaulted());
    assert_eq!(report.outcomes, [Outcome::ConfirmedDead], "{report:?}");
    assert_eq!(server.sql("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'app'"), "f");
    assert_eq!(server.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'"), "0");
}

#[test]
fn a_redis_password_is_replaced_with_both_valid_in_between() {
    let Some(server) = redis::redis(&[]) else { return };
    let (old, admin) = (random(20, 42), random(20, 43));
    server.ask(None, &["ACL", "SETUSER", "app", "on", &format!(">{old}"), "~*", "+@all", "-@admin", "-acl"]);
    server.ask(None, &["ACL", "SETUSER", "chief", "on", &format!(">{admin}"), "~*", "+@all"]);
    // Anybody may be `default` otherwise.
    let closed = random(20, 44);
    server.ask(None, &["CONFIG", "SET", "requirepass", &closed]);
    let url = format!("redis://app:{old}@{}/0", server.running.host());
    let verifier = verifier(typed::Setup::default());
    let leaked = target("connection-string.redis-url", &old, &[("connection", &url)], "password");
    assert!(matches!(is_active(&verifier, &leaked), Validity::Active { .. }));

    let fake = Fake::new(Kind::Passwords).holding(&[("password", &old)]);
    let alone = Database::new(verifier.gate(), database::Setup::default());
    let (report, _) = run(&fake, &verifier, &alone, (Action::Rotate, &leaked), &vaulted());
    assert!(matches!(&report.outcomes[..], [Outcome::Declined { .. }]), "it may not change itself: {report:?}");
    assert_eq!(fake.fields()["password"], old);

    let chief = database::Admin { user: "chief".into(), password: Secret::new(admin.as_bytes()) };
    let setup = database::Setup { postgres: None, redis: Some(chief) };
    let by_chief = Database::new(verifier.gate(), setup);
    let fake = Fake::new(Kind::Passwords).holding(&[("password", &old)]);
    let (report, paper) = run(&fake, &verifier, &by_chief, (Action::Rotate, &leaked), &vaulted());
    assert_eq!(report.outcomes, [Outcome::ConfirmedDead], "{report:?}");
    let new = fake.fields()["password"].clone();
    let renewed = target("connection-string.redis-url", &new, &[("connection", &url.replace(&old, &new))], "password");
    assert!(matches!(is_active(&verifier, &renewed), Validity::Active { .. }));
    assert_eq!(is_active(&verifier, &leaked), Validity::Inactive);
    let written: String = paper.records.iter().map(|record| serde_json::to_string(record).unwrap()).collect();
    assert!(!written.contains(&new) && !written.contains(&old) && !written.contains(&admin));
}

#[test]
fn an_ssh_key_is_put_on_the_list_of_revoked_keys() {
    let Some(server) = sshd::sshd("") else { return };
    let (key, public) = sshd::key_pair(&["ed25519"]);
    server.authorize(&[&public]);
    let address = Address { host: "127.0.0.1".into(), port: server.running.port, from_scan: false };
    let known =
        Server { place: address, user: server.user.clone(), known_by: vec![server.host_key.clone()], greets: false };
    let verifier = verifier(typed::Setup { ssh: vec![known], ..typed::Setup::default() });
    let leaked = target("private-key.openssh", &key, &[], "key");
    assert!(matches!(is_active(&verifier, &leaked), Validity::Active { .. }), "{:?}", is_active(&verifier, &leaked));
    let list = server.running.home.path().join("revoked").display().to_string();
    let words = ["sh", "-c", "cat >> \"$0\"", &list].map(str::to_owned).to_vec();
    let responder = Ssh::new(ssh::Setup { revoke: words });
    let fake = Fake::new(Kind::Atomic);
    let (report, paper) = run(&fake, &verifier, &responder, (Action::Revoke, &leaked), &Wishes::default());
    assert!(!matches!(is_active(&verifier, &leaked), Validity::Active { .. }));
    // A key that this server refuses may open another: so it is said, unless the server is the only one it is for.
    assert!(matches!(&report.outcomes[..], [Outcome::Accepted { .. } | Outcome::ConfirmedDead]), "{report:?}");
    let revoked = std::fs::read_to_string(&list).unwrap();
    assert_eq!(
        revoked.split_whitespace().take(2).collect::<Vec<_>>(),
        public.split_whitespace().take(2).collect::<Vec<_>>()
    );
    let written: String = paper.records.iter().map(|record| serde_json::to_string(record).unwrap()).collect();
    assert!(!written.contains("PRIVATE KEY"));
}

#[test]
fn an_aws_key_is_replaced_quarantined_or_not() {
    let Some(server) = moto::moto(&[]) else { return };
    let all = r#"[{"Effect":"Allow","Action":["iam:*","sts:*"],"Resource":"*"}]"#;
    let quarantine = r#"[{"Effect":"Allow","Action":["iam:*","sts:*"],"Resource":"*"},
        {"Effect":"Deny","Action":["iam:CreateAccessKey","iam:UpdateAccessKey"],"Resource":"*"}]"#;
    let (ci, quarantined, admin) = (server.user("ci", all), server.user("held", quarantine), server.user("chief", all));
    server.check_keys();
    let verifier = verifier(typed::Setup { sts: Some(server.url()), ..typed::Setup::default() });
    let leaked = |(id, secret): &(String, String)| {
        target("aws.secret-access-key", secret, &[("aws.access-key-id", id)], "secret")
    };
    let setup = |admin: Option<&(String, String)>| aws::Setup {
        admin: admin.map(|(id, secret)| stopleak_core::aws::Keys {
            id: id.clone(),
            secret: Secret::new(secret.as_bytes()),
            token: None,
        }),
        iam: Some(server.url()),
        sts: Some(server.url()),
    };
    let keys = |user: &str| {
        let code = "for key in client('iam', args[1], args[2]).list_access_keys(UserName=args[0])['AccessKeyMetadata']: \
            print(key['AccessKeyId'], key['Status'])";
        server.python(code, &[user, &admin.0, &admin.1])
    };
    let entry = |key: &(String, String)| Fake::new(Kind::TwoKeys).holding(&[("id", &key.0), ("secret", &key.1)]);

    let (fake, responder) = (entry(&ci), Aws::new(verifier.gate(), setup(None)));
    let (report, paper) = run(&fake, &verifier, &responder, (Action::Rotate, &leaked(&ci)), &vaulted());
    assert_eq!(report.outcomes, [Outcome::ConfirmedDead], "{report:?}");
    let fields = fake.fields();
    let left = keys("ci");
    assert!(
        left.contains(&format!("{} Active", fields["id"])) && left.contains(&format!("{} Inactive", ci.0)),
        "{left}"
    );
    let renewed = target("aws.secret-access-key", &fields["secret"], &[("aws.access-key-id", &fields["id"])], "secret");
    assert!(matches!(is_active(&verifier, &renewed), Validity::Active { .. }));
    let written: String = paper.records.iter().map(|record| serde_json::to_string(record).unwrap()).collect();
    assert!(!written.contains(&fields["secret"]) && !written.contains(&ci.1));

    let fake = entry(&quarantined);
    let (report, _) = run(&fake, &verifier, &responder, (Action::Rotate, &leaked(&quarantined)), &vaulted());
    assert!(matches!(&report.outcomes[..], [Outcome::Declined { .. }]), "{report:?}");
    assert_eq!(keys("held"), format!("{} Active", quarantined.0));
    let (report, _) = run(&fake, &verifier, &responder, (Action::Revoke, &leaked(&quarantined)), &vaulted());
    assert_eq!(report.outcomes, [Outcome::ConfirmedDead], "{report:?}");
    assert_eq!(keys("held"), "", "it was deleted, since it could not be disabled");
}

#[test]
fn an_npm_token_is_found_among_others_and_ended() {
    let Some(server) = verdaccio::verdaccio() else { return };
    let login = server.user("ci", &random(20, 45));
    let (leaked, other) = (server.token(&login), server.token(&login));
    let mut settings = Settings { hosts: vec!["127.0.0.1".into()], pace: 0, ..Settings::default() };
    settings.add_endpoint("npm", &server.url()).unwrap();
    let http = Http::new(HttpSettings::default()).unwrap();
    let verifier = Verifier::new(RuleSet::embedded(), Gate::new(Arc::new(http), settings), None);
    let (leaked, other) = (target("npm.access-token", &leaked, &[], ""), target("npm.access-token", &other, &[], ""));
    assert!(matches!(is_active(&verifier, &leaked), Validity::Active { .. }), "{:?}", is_active(&verifier, &leaked));
    let (fake, responder) = (Fake::new(Kind::Atomic), Npm::new(&verifier));
    let (report, _) = run(&fake, &verifier, &responder, (Action::Revoke, &leaked), &Wishes::default());
    assert_eq!(report.outcomes, [Outcome::ConfirmedDead], "{report:?}");
    assert_eq!(is_active(&verifier, &leaked), Validity::Inactive);
    assert!(matches!(is_active(&verifier, &other), Validity::Active { .. }), "the other one is not touched");
}
