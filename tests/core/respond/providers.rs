//! Providers end to end, against a network in memory that is as strict as they are: states, delays, faults, a call log.

use super::fakes::{Fake, Kind, Paper};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use stopleak_core::finding::Validity;
use stopleak_core::http::{Answer, Request, Transport, TransportError};
use stopleak_core::respond::plan::{self, Wishes};
use stopleak_core::respond::provider::{Aws, Exchanged, Npm, aws};
use stopleak_core::respond::*;
use stopleak_core::secret::{Fingerprint, Guessable};
use stopleak_core::verify::{Gate, Settings, Subject, Verifier, Verify};
use stopleak_core::{RuleSet, Secret};

/// What the provider does with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    LostRequest,
    LostAnswer,
    Failed,
}

#[derive(Clone, Debug)]
struct Token {
    id: String,
    value: String,
    is_active: bool,
    /// How many more questions it answers after it was ended.
    lingers: Option<u32>,
    is_used: bool,
}

/// Every provider at once.
#[derive(Default)]
pub struct Net {
    tokens: Vec<Token>,
    log: Vec<String>,
    signers: Vec<String>,
    /// By the request's name.
    faults: BTreeMap<String, Fault>,
    denied: Vec<&'static str>,
    made: usize,
    lingers: u32,
    is_root: bool,
}

struct Wire(Arc<Mutex<Net>>);

fn made(head: &str, number: usize, len: usize) -> String {
    let digits = format!("{number}");
    let fill: String = "Ab3dEf7hIj".chars().cycle().take(len - head.len() - digits.len()).collect();
    format!("{head}{digits}{fill}")
}

impl Net {
    fn with(tokens: &[(&str, &str)]) -> Net {
        let token = |(id, value): &(&str, &str)| Token {
            id: (*id).to_owned(),
            value: (*value).to_owned(),
            is_active: true,
            lingers: None,
            is_used: false,
        };
        Net { tokens: tokens.iter().map(token).collect(), ..Net::default() }
    }

    fn alive(&mut self, value: &str) -> Option<&mut Token> {
        let token = self.tokens.iter_mut().find(|token| token.value == value)?;
        match &mut token.lingers {
            None => token.is_active.then_some(token),
            Some(0) => None,
            Some(left) => {
                *left -= 1;
                Some(token)
            }
        }
    }

    fn end(&mut self, value: &str) {
        let lingers = self.lingers;
        if let Some(token) = self.tokens.iter_mut().find(|token| token.value == value) {
            token.lingers = Some(lingers);
        }
    }

    /// The request's name, its effect and its answer.
    fn answer(&mut self, request: &Request) -> (String, u16, String) {
        let header = |name: &str| {
            let found = request.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        let bearer = header("authorization").trim_start_matches("Bearer ").to_owned();
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let path = request.url.splitn(4, '/').nth(3).unwrap_or_default().to_owned();
        let host = request.url.split('/').nth(2).unwrap_or_default().to_owned();
        let no = |name: &str| (name.to_owned(), 401, r#"{"message":"Bad credentials"}"#.to_owned());
        match (host.as_str(), request.method.as_str(), path.as_str()) {
            ("api.github.com", "GET", "user") => match self.alive(&bearer) {
                Some(_) => ("user".into(), 200, r#"{"login":"octocat","type":"User"}"#.into()),
                None => no("user"),
            },
            ("api.github.com", "POST", "credentials/revoke") => {
                assert_eq!(header("authorization"), "", "GitHub refuses a request that says who asks");
                let value: serde_json::Value = serde_json::from_str(&body).unwrap();
                self.end(value["credentials"][0].as_str().unwrap());
                ("revoke".into(), 202, String::new())
            }
            ("gitlab.com", "GET", "api/v4/personal_access_tokens/self") => match self.alive(&header("private-token")) {
                Some(_) => {
                    let body = r#"{"id":7,"name":"ci","scopes":["api"],"user_id":3,"active":true}"#;
                    ("self".into(), 200, body.into())
                }
                None => no("self"),
            },
            ("gitlab.com", "POST", "api/v4/personal_access_tokens/self/rotate") => {
                let old = header("private-token");
                if self.alive(&old).is_none() {
                    self.tokens.iter_mut().for_each(|token| token.is_active = false);
                    return no("rotate");
                }
                self.end(&old);
                self.made += 1;
                let value = made("glpat-", self.made, 26);
                self.tokens.push(Token {
                    id: "8".into(),
                    value: value.clone(),
                    is_active: true,
                    lingers: None,
                    is_used: false,
                });
                ("rotate".into(), 200, format!(r#"{{"id":8,"token":"{value}"}}"#))
            }
            ("slack.com", _, "api/auth.test") => match self.alive(&bearer) {
                Some(_) => {
                    let body = r#"{"ok":true,"url":"https://acme.slack.com/","team":"acme","user":"bot","team_id":"T1","user_id":"U1"}"#;
                    ("test".into(), 200, body.into())
                }
                None => ("test".into(), 200, r#"{"ok":false,"error":"invalid_auth"}"#.into()),
            },
            ("slack.com", "POST", "api/auth.revoke") => {
                let name = if body.contains("test=1") { "rehearse" } else { "revoke" };
                if self.denied.contains(&name) {
                    return (name.into(), 200, r#"{"ok":false,"error":"missing_scope"}"#.into());
                }
                if name == "revoke" {
                    self.end(&bearer);
                }
                (name.into(), 200, format!(r#"{{"ok":true,"revoked":{}}}"#, name == "revoke"))
            }
            ("registry.npm.example", "GET", "-/whoami") => match self.alive(&bearer) {
                Some(_) => ("whoami".into(), 200, r#"{"username":"acme"}"#.into()),
                None => no("whoami"),
            },
            ("registry.npm.example", "GET", "-/npm/v1/tokens") => {
                let short = |value: &str| format!("{}...{}", &value[..8], &value[value.len() - 4..]);
                let object = |token: &Token| format!(r#"{{"key":"{}","token":"{}"}}"#, token.id, short(&token.value));
                let objects: Vec<String> = self.tokens.iter().map(object).collect();
                ("tokens".into(), 200, format!(r#"{{"objects":[{}],"urls":{{}}}}"#, objects.join(",")))
            }
            ("registry.npm.example", "DELETE", path) => {
                let id = path.rsplit('/').next().unwrap().to_owned();
                let value = self.tokens.iter().find(|token| token.id == id).map(|token| token.value.clone());
                self.end(&value.expect("it is a key of the list"));
                ("delete".into(), 200, "{}".into())
            }
            (host, "POST", "") if host.starts_with("iam") || host.starts_with("sts") => {
                self.amazon(&header("authorization"), &body)
            }
            (host, method, path) => panic!("nobody answers {method} {host}/{path}"),
        }
    }

    fn amazon(&mut self, signed: &str, body: &str) -> (String, u16, String) {
        let signer = signed.split("Credential=").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
        let field = |name: &str| {
            let found = body.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
            found.unwrap_or_default().to_owned()
        };
        let action = field("Action");
        let error = |status: u16, code: &str| {
            (action.clone(), status, format!("<ErrorResponse><Error><Code>{code}</Code></Error></ErrorResponse>"))
        };
        let lives =
            |token: &&Token| token.id == signer && (token.is_active || token.lingers.is_some_and(|left| left > 0));
        if !self.tokens.iter().any(|token| lives(&token)) && signer != "ADMIN" {
            return error(403, "InvalidClientTokenId");
        }
        if self.denied.contains(&action.as_str()) && signer != "ADMIN" {
            return error(403, "AccessDenied");
        }
        self.signers.push(format!("{action} {signer}"));
        let id = field("AccessKeyId");
        let answer = match action.as_str() {
            "GetCallerIdentity" => {
                let who = if self.is_root { "root" } else { "user/team/ci" };
                format!("<R><Arn>arn:aws:iam::123456789012:{who}</Arn><Account>123456789012</Account></R>")
            }
            "ListAccessKeys" => {
                let member = |token: &Token| {
                    let status = if token.is_active { "Active" } else { "Inactive" };
                    format!(
                        "<member><UserName>ci</UserName><AccessKeyId>{}</AccessKeyId><Status>{status}</Status>\
                         <CreateDate>2099-01-01T00:00:00Z</CreateDate></member>",
                        token.id
                    )
                };
                let members: String = self.tokens.iter().map(member).collect();
                format!("<R><AccessKeyMetadata>{members}</AccessKeyMetadata></R>")
            }
            "CreateAccessKey" => {
                if self.tokens.len() > 1 {
                    return error(409, "LimitExceeded");
                }
                self.made += 1;
                let (id, value) = (made("AKIA", self.made, 20), made("s", self.made, 40));
                let (key, secret) = (id.clone(), value.clone());
                self.tokens.push(Token { id, value, is_active: true, lingers: None, is_used: false });
                format!(
                    "<R><AccessKey><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey></AccessKey></R>"
                )
            }
            "UpdateAccessKey" => {
                let lingers = self.lingers;
                let Some(token) = self.tokens.iter_mut().find(|token| token.id == id) else {
                    return error(404, "NoSuchEntity");
                };
                (token.is_active, token.lingers) = (false, Some(lingers));
                "<R/>".into()
            }
            "DeleteAccessKey" => {
                let before = self.tokens.len();
                self.tokens.retain(|token| token.id != id);
                if self.tokens.len() == before {
                    return error(404, "NoSuchEntity");
                }
                "<R/>".into()
            }
            "GetAccessKeyLastUsed" => {
                let is_used = self.tokens.iter().any(|token| token.id == id && token.is_used);
                if is_used { "<R><LastUsedDate>2099-01-01T00:00:00Z</LastUsedDate></R>".into() } else { "<R/>".into() }
            }
            other => panic!("AWS knows no {other}"),
        };
        (action.clone(), 200, answer)
    }
}

impl Transport for Wire {
    fn send(&self, request: &Request) -> Result<Answer, TransportError> {
        let mut net = self.0.lock().unwrap();
        let timeout = || TransportError::Timeout { host: "provider".into() };
        // A copy tells the name without the effect.
        let name = {
            let mut copy = Net { tokens: net.tokens.clone(), denied: net.denied.clone(), ..Net::default() };
            copy.answer(request).0
        };
        net.log.push(name.clone());
        match net.faults.remove(&name) {
            Some(Fault::LostRequest) => Err(timeout()),
            Some(Fault::LostAnswer) => {
                net.answer(request);
                Err(timeout())
            }
            Some(Fault::Failed) => Ok(Answer::new(500, Vec::new(), std::io::empty())),
            None => {
                let (_, status, body) = net.answer(request);
                Ok(Answer::new(status, Vec::new(), std::io::Cursor::new(body.into_bytes())))
            }
        }
    }
}

/// The verifier; of AWS's keys the network itself tells.
struct Asking<'a>(&'a Verifier, Arc<Mutex<Net>>);

impl Verify for Asking<'_> {
    fn check(&self, subject: &Subject, again: bool) -> Validity {
        if subject.rule.provider.id != "aws" {
            return self.0.check(subject, again);
        }
        let value = String::from_utf8_lossy(subject.secret.expose()).into_owned();
        match self.1.lock().unwrap().alive(&value) {
            Some(_) => Validity::Active { identity: vec![("account".into(), "123456789012".into())], scopes: None },
            None => Validity::Inactive,
        }
    }
}

/// One provider's secret, its vault entry and the way there.
struct Bench {
    net: Arc<Mutex<Net>>,
    verifier: Verifier,
    fake: Fake,
    target: Target,
    wishes: Wishes,
    setup: aws::Setup,
}

impl Bench {
    fn new(rule: &str, net: Net, parts: &[(&str, &str)], fields: &[(&str, &str)]) -> Bench {
        let rules = RuleSet::embedded();
        let rule = rules.rules().iter().find(|known| known.id == rule).expect("the rule is there").clone();
        let value = net.tokens[0].value.clone();
        let net = Arc::new(Mutex::new(net));
        let mut settings = Settings { pace: 0, ..Settings::default() };
        settings.add_endpoint("npm", "https://registry.npm.example").unwrap();
        let gate = Gate::new(Arc::new(Wire(Arc::clone(&net))), settings);
        let secret = Secret::new(value.as_bytes());
        let fingerprint = Fingerprint::new(&rule.id, b"", secret.expose(), Guessable::No);
        let field = fields.iter().find(|(_, known)| *known == value).map_or("", |(name, _)| name);
        let place = Place { path: "team/app".into(), version: "1".into(), field: field.into(), is_current: true };
        let places = if field.is_empty() { Vec::new() } else { vec![place] };
        let parts = parts.iter().map(|(rule, value)| ((*rule).to_owned(), Secret::new(value.as_bytes()))).collect();
        let fake = Fake::new(Kind::TwoKeys).holding(fields);
        let verifier = Verifier::new(rules, gate, None);
        let wishes = Wishes { has_vault: true, ..Wishes::default() };
        let target = Target { fingerprint, rule, secret, parts, places };
        Bench { net, verifier, fake, target, wishes, setup: aws::Setup::default() }
    }

    fn net(&self) -> std::sync::MutexGuard<'_, Net> {
        self.net.lock().unwrap()
    }

    fn run(&self, action: Action) -> (Report, Paper) {
        let (npm, aws) = (Npm::new(&self.verifier), Aws::new(self.verifier.gate(), self.setup.clone()));
        let exchanged = Exchanged::new(&self.verifier);
        let targets = std::slice::from_ref(&self.target);
        let plan = plan::make("run-1".into(), action, targets, &[&aws, &npm, &exchanged], &self.wishes);
        let mut paper = Paper::new(&plan);
        (self.go_on(&mut paper), paper)
    }

    fn go_on(&self, paper: &mut Paper) -> Report {
        let (npm, aws) = (Npm::new(&self.verifier), Aws::new(self.verifier.gate(), self.setup.clone()));
        let (exchanged, asking) = (Exchanged::new(&self.verifier), Asking(&self.verifier, Arc::clone(&self.net)));
        let records = paper.records.iter().map(|record| (String::new(), record.clone())).collect();
        let journal::Record::Begun { plan } = &paper.records[0] else { panic!("a journal begins with its plan") };
        let said = Mutex::new(Vec::new());
        let say = |line: &str| said.lock().unwrap().push(line.to_owned());
        let world = World {
            responders: vec![&aws, &npm, &exchanged],
            vault: Some(&self.fake),
            verify: &asking,
            audit: &self.fake,
            clock: &self.fake,
            announce: None,
            say: &say,
        };
        let targets = std::slice::from_ref(&self.target);
        let plan = plan.clone();
        let report = Run::new(plan, targets, &records, world, &self.fake.guard, paper, self.fake.folder.path()).go();
        let texts = said.into_inner().unwrap();
        for token in &self.net().tokens {
            assert!(!texts.iter().any(|line| line.contains(&token.value)), "{texts:?}");
            let lines = paper.records.iter().map(|record| serde_json::to_string(record).unwrap());
            assert!(!lines.into_iter().any(|line| line.contains(&token.value)));
        }
        report
    }

    fn count(&self, name: &str) -> usize {
        self.net().log.iter().filter(|known| *known == name).count()
    }

    fn key() -> Bench {
        let (id, secret) = (made("AKIA", 0, 20), made("s", 0, 40));
        let net = Net { lingers: 2, ..Net::with(&[(&id, &secret)]) };
        let fields = [("access_key", id.as_str()), ("secret_key", secret.as_str()), ("region", "eu-west-1")];
        Bench::new("aws.secret-access-key", net, &[("aws.access-key-id", &id)], &fields)
    }
}

#[test]
fn an_aws_key_is_replaced_by_a_second_one() {
    let mut bench = Bench::key();
    bench.wishes.delete = true;
    let (report, _) = bench.run(Action::Rotate);
    assert_eq!(report.outcomes, [Outcome::ConfirmedDead], "{report:?}");
    let (id, secret) = (made("AKIA", 1, 20), made("s", 1, 40));
    let fields = bench.fake.fields();
    assert_eq!((&fields["access_key"], &fields["secret_key"], &*fields["region"]), (&id, &secret, "eu-west-1"));
    let ids: Vec<String> = bench.net().tokens.iter().map(|token| token.id.clone()).collect();
    assert_eq!(ids, std::slice::from_ref(&id));
    // The new key, which is proved, ends the old one.
    for action in ["UpdateAccessKey", "DeleteAccessKey"] {
        assert!(bench.net().signers.contains(&format!("{action} {id}")), "{:?}", bench.net().signers);
    }
}

#[test]
fn a_quarantined_aws_key_is_deleted_or_needs_another_login() {
    let denied = vec!["CreateAccessKey", "UpdateAccessKey"];
    let bench = Bench::key();
    bench.net().denied = denied.clone();
    let (report, _) = bench.run(Action::Rotate);
    let [Outcome::Declined { reason }] = &report.outcomes[..] else { panic!("{report:?}") };
    assert!(reason.contains("quarantined") && reason.contains("[respond.aws]"), "{reason}");
    assert_eq!(bench.net().tokens.len(), 1);
    let (report, _) = bench.run(Action::Revoke);
    assert_eq!(report.outcomes, [Outcome::ConfirmedDead]);
    assert!(bench.net().tokens.is_empty());

    let mut bench = Bench::key();
    bench.net().denied = denied;
    bench.setup.admin =
        Some(stopleak_core::aws::Keys { id: "ADMIN".into(), secret: Secret::new(b"admin"), token: None });
    let (report, _) = bench.run(Action::Rotate);
    assert_eq!(report.outcomes, [Outcome::ConfirmedDead], "{report:?}");
}

#[test]
fn an_aws_key_whose_answer_was_lost_is_ended_and_made_anew() {
    let bench = Bench::key();
    bench.net().faults.insert("CreateAccessKey".into(), Fault::LostAnswer);
    let (report, _) = bench.run(Action::Rotate);
    assert_eq!(report.outcomes, [Outcome::ConfirmedDead], "{report:?}");
    assert_eq!((bench.count("CreateAccessKey"), bench.count("DeleteAccessKey")), (2, 1));
    let active: Vec<String> = bench.net().tokens.iter().filter(|key| key.is_active).map(|key| key.id.clone()).collect();
    assert_eq!(active, [made("AKIA", 2, 20)]);
    for (action, fault) in [
        ("CreateAccessKey", Fault::LostRequest),
        ("CreateAccessKey", Fault::Failed),
        ("UpdateAccessKey", Fault::LostAnswer),
        ("UpdateAccessKey", Fault::Failed),
        ("ListAccessKeys", Fault::Failed),
    ] {
        let bench = Bench::key();
        bench.net().faults.insert(action.into(), fault);
        let (report, _) = bench.run(Action::Rotate);
        assert_eq!(report.outcomes, [Outcome::ConfirmedDead], "{action} {fault:?} {report:?}");
        assert_eq!(bench.net().tokens.iter().filter(|key| key.is_active).count(), 1, "{action} {fault:?}");
    }
}

#[test]
fn aws_keys_that_cannot_be_told_or_ended_are_left_alone() {
    let bench = Bench::key();
    let other = Token {
        id: "AKIAOTHER".into(),
        value: "a value of somebody else".into(),
        is_active: true,
        lingers: None,
        is_used: true,
    };
    bench.net().tokens.push(other);
    let (report, _) = bench.run(Action::Rotate);
    let [Outcome::Declined { reason }] = &report.outcomes[..] else { panic!("{report:?}") };
    assert!(reason.contains("AKIAOTHER (active)"), "{reason}");

    let bench = Bench::key();
    bench.net().is_root = true;
    let (report, _) = bench.run(Action::Revoke);
    assert!(matches!(&report.outcomes[..], [Outcome::Declined { reason }] if reason.contains("no user")), "{report:?}");

    let mut bench = Bench::key();
    bench.target.parts = vec![("aws.access-key-id".into(), Secret::new(made("ASIA", 0, 20).as_bytes()))];
    let (report, _) = bench.run(Action::Revoke);
    assert!(matches!(&report.outcomes[..], [Outcome::Declined { reason }] if reason.contains("TokenIssueTime")));
    for action in ["CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey"] {
        assert_eq!(bench.count(action), 0);
    }
}

#[test]
fn github_takes_it_at_once_and_ends_it_later() {
    let value = made("ghp_", 0, 40);
    let net = Net { lingers: 3, ..Net::with(&[("1", &value)]) };
    let bench = Bench::new("github.personal-access-token", net, &[], &[]);
    let (report, _) = bench.run(Action::Revoke);
    assert_eq!(report.outcomes, [Outcome::ConfirmedDead]);
    assert_eq!(bench.count("revoke"), 1);
    assert!(bench.count("user") > 3);
}

#[test]
fn gitlab_is_asked_to_rotate_once_whatever_comes() {
    let value = made("glpat-", 0, 26);
    let bench = || {
        let net = Net::with(&[("7", value.as_str())]);
        Bench::new("gitlab.personal-access-token", net, &[], &[("token", &value), ("user", "ci")])
    };
    let rotated = bench();
    let (report, _) = rotated.run(Action::Rotate);
    assert_eq!(report.outcomes, [Outcome::ConfirmedDead], "{report:?}");
    assert_eq!(rotated.fake.fields()["token"], made("glpat-", 1, 26));
    for fault in [Fault::LostRequest, Fault::LostAnswer, Fault::Failed] {
        let bench = bench();
        bench.net().faults.insert("rotate".into(), fault);
        let (report, mut paper) = bench.run(Action::Rotate);
        let is_lost = fault == Fault::LostAnswer;
        match &report.outcomes[0] {
            Outcome::Unknown { reason } if is_lost => assert!(reason.contains("lost"), "{reason}"),
            Outcome::StillLive { reason } if !is_lost => assert!(reason.contains("never sent twice"), "{reason}"),
            other => panic!("{fault:?} {other:?}"),
        }
        bench.go_on(&mut paper);
        assert_eq!(bench.count("rotate"), 1, "{fault:?}");
        assert_eq!(bench.net().tokens.iter().filter(|token| token.is_active).count(), 1 + usize::from(is_lost));
    }
}

#[test]
fn slack_is_tried_without_effect_first() {
    let value = format!("xoxb-{}-{}-{}", "1".repeat(12), "2".repeat(12), made("", 0, 24));
    let bench = || Bench::new("slack.bot-token", Net::with(&[("1", value.as_str())]), &[], &[]);
    let revoked = bench();
    assert_eq!(revoked.run(Action::Revoke).0.outcomes, [Outcome::ConfirmedDead]);
    assert_eq!((revoked.count("rehearse"), revoked.count("revoke")), (1, 1));
    let refused = bench();
    refused.net().denied = vec!["rehearse"];
    let (report, _) = refused.run(Action::Revoke);
    assert!(matches!(&report.outcomes[..], [Outcome::Declined { .. }]), "{report:?}");
    assert_eq!(refused.count("revoke"), 0);
}

#[test]
fn an_npm_token_is_bound_by_its_ends_or_left_alone() {
    let value = made("npm_", 0, 40);
    let other = made("npm_9", 9, 40);
    let bench = |others: &[(&str, &str)], lingers| {
        let tokens = [&[("k1", value.as_str())], others].concat();
        let mut bench = Bench::new("npm.access-token", Net { lingers, ..Net::with(&tokens) }, &[], &[]);
        bench.fake.guard.wait = Duration::from_secs(200);
        bench
    };
    let revoked = bench(&[("k2", &other)], 1);
    assert_eq!(revoked.run(Action::Revoke).0.outcomes, [Outcome::ConfirmedDead]);
    assert!(revoked.net().alive(&other).is_some(), "the other one is not touched");

    let twin = format!("{}xxxx{}", &value[..12], &value[value.len() - 8..]);
    let ambiguous = bench(&[("k2", &twin)], 1);
    let (report, _) = ambiguous.run(Action::Revoke);
    assert!(
        matches!(&report.outcomes[..], [Outcome::Declined { reason }] if reason.contains("2 tokens")),
        "{report:?}"
    );
    assert_eq!(ambiguous.count("delete"), 0);

    let mut late = bench(&[], 6);
    let (report, mut paper) = late.run(Action::Revoke);
    assert!(matches!(&report.outcomes[..], [Outcome::StillLive { .. }]), "{report:?}");
    late.fake.guard.wait = Duration::from_secs(4000);
    assert_eq!(late.go_on(&mut paper).outcomes, [Outcome::ConfirmedDead]);
    assert_eq!(late.count("delete"), 1);
}

#[test]
fn every_rule_that_can_end_or_replace_makes_a_plan_that_shows_no_value() {
    let rules = RuleSet::embedded();
    let gate = Gate::new(Arc::new(Wire(Arc::default())), Settings::default());
    let verifier = Verifier::new(Arc::clone(&rules), gate, None);
    let exchanged = Exchanged::new(&verifier);
    let value = "leaked-value-that-must-not-show";
    let (mut ends, mut replaces, mut unproven) = (0, 0, Vec::new());
    for rule in rules.rules() {
        let Some(exchanges) = rules.exchanges(&rule.id) else { continue };
        if exchanges.revoke.is_none() && exchanges.rotate.is_none() {
            continue;
        }
        let secret = Secret::new(value.as_bytes());
        let fingerprint = Fingerprint::new(&rule.id, b"", secret.expose(), Guessable::No);
        let target = Target { fingerprint, rule: rule.clone(), secret, parts: Vec::new(), places: Vec::new() };
        let abilities = exchanged.abilities(&target).expect("its rule says how");
        ends += usize::from(exchanges.revoke.is_some());
        replaces += usize::from(exchanges.rotate.is_some());
        unproven.extend(abilities.unproven.is_some().then(|| rule.provider.id.clone()));
        for action in [Action::Revoke, Action::Rotate] {
            let targets = std::slice::from_ref(&target);
            let plan = plan::make("r".into(), action, targets, &[&exchanged], &Wishes::default());
            let task = &plan.tasks[0];
            assert!(abilities.unproven.is_none() || task.blocked.is_some(), "{}", rule.id);
            assert!(task.blocked.is_some() || !task.steps.is_empty(), "{}", rule.id);
            assert!(!plan.to_text().contains(value) && !serde_json::to_string(&plan).unwrap().contains(value));
        }
    }
    assert!(ends >= 83 && replaces >= 16, "{ends} {replaces}");
    unproven.dedup();
    let expected =
        ["cloudsmith", "linear", "rancher", "smartsheet", "sourcegraph", "toggl", "vimeo", "yoomoney", "zulip"];
    assert_eq!(unproven, expected);
}
