//! Where questions may go, how often, and with what.

use super::fake::{Fake, finding, github, leading_to, settings, verifier};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use stopleak_core::verify::{Cache, Gate, Reach, Settings, Subject, Verifier, Verify, check_findings, hosts_of};
use stopleak_core::{Doubt, Finding, RuleSet, Secret, Validity};

const USER: &str = r#"{"login":"octocat","type":"User"}"#;
const SCOPES: &str = r#"{"access_scopes":[{"handle":"read_products"}]}"#;

fn shop() -> Finding {
    finding("shopify.admin-access-token", "shpat_<hex:32>", &[("shopify.shop", "acme-store")])
}

fn doubt(validity: &Validity) -> Option<Doubt> {
    match validity {
        Validity::Unknown { doubt, .. } => Some(*doubt),
        _ => None,
    }
}

/// Active for the first question only: what comes after is the control.
fn lively(body: &'static str) -> Arc<Fake> {
    Fake::new(move |number, _| {
        Ok(if number == 0 { (200, vec![], body.to_owned()) } else { (401, vec![], "{}".into()) })
    })
}

#[test]
fn a_host_that_only_the_scan_names_is_asked_when_the_user_allows_it() {
    let host = || vec!["acme-store.myshopify.com".to_owned()];
    let table: [(Settings, &str, Option<Doubt>); 7] = [
        (settings(), "93.184.216.34", Some(Doubt::NotAllowed)),
        (Settings { scanned_hosts: true, ..settings() }, "93.184.216.34", None),
        (Settings { scanned_hosts: true, ..settings() }, "10.0.0.1", Some(Doubt::NotAllowed)),
        (Settings { scanned_hosts: true, ..settings() }, "169.254.169.254", Some(Doubt::NotAllowed)),
        (Settings { hosts: host(), ..settings() }, "10.0.0.1", None),
        (Settings { hosts: vec!["*.myshopify.com".into()], ..settings() }, "93.184.216.34", None),
        (Settings { hosts: host(), ..settings() }, "169.254.169.254", Some(Doubt::NotAllowed)),
    ];
    for (allowed, address, expected) in table {
        let fake = lively(SCOPES);
        let gate = Gate::resolving(fake.clone(), allowed.clone(), leading_to(address));
        let validity = Verifier::new(RuleSet::embedded(), gate, None).check_finding(&shop(), false);
        assert_eq!(doubt(&validity), expected, "{allowed:?} {address}: {validity:?}");
        assert_eq!(fake.count() == 0, expected.is_some(), "{validity:?}");
        let pinned =
            fake.asked.lock().unwrap().iter().all(|asked| asked.pinned == [format!("{address}:443").parse().unwrap()]);
        assert!(pinned, "what was resolved is what is connected to");
    }
}

#[test]
fn a_name_is_resolved_once_so_that_it_cannot_lead_elsewhere_later() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let resolve = Box::new(move |_: &str, port: u16| {
        let address = if counted.fetch_add(1, Ordering::SeqCst) == 0 { [93, 184, 216, 34] } else { [127, 0, 0, 1] };
        Ok(vec![(address, port).into()])
    });
    let fake = Fake::always(401, "");
    let gate = Gate::resolving(fake.clone(), Settings { scanned_hosts: true, ..settings() }, resolve);
    let verifier = Verifier::new(RuleSet::embedded(), gate, None);
    for _ in 0..3 {
        assert_eq!(verifier.check_finding(&shop(), true), Validity::Inactive);
    }
    assert_eq!((fake.count(), calls.load(Ordering::SeqCst)), (3, 1));
}

#[test]
fn a_part_cannot_lead_out_of_the_rules_hosts() {
    for part in ["evil.example/x?", "evil.example#", "a.b", "evil.example:1@x", "", "..", "a/../b", "x\r\ny"] {
        let fake = Fake::always(200, SCOPES);
        let finding = finding("shopify.admin-access-token", "shpat_<hex:32>", &[("shopify.shop", part)]);
        let validity = verifier(&fake, Settings { scanned_hosts: true, ..settings() }).check_finding(&finding, false);
        assert!(doubt(&validity).is_some() && fake.count() == 0, "{part}: {validity:?}");
    }
}

#[test]
fn ones_own_endpoints_take_the_place_of_the_vendors() {
    let own = |addresses: &[&str]| {
        let mut settings = settings();
        addresses.iter().for_each(|address| settings.add_endpoint("github", address).unwrap());
        settings
    };
    let ask = |addresses: &[&str], alive: &'static str| {
        let fake = Fake::new(move |number, asked| match () {
            _ if alive == "down" && number > 0 => Ok((503, vec![], String::new())),
            _ if asked.url.contains(alive) && number < 2 => Ok((200, vec![], USER.into())),
            _ => Ok((401, vec![], "{}".into())),
        });
        let validity = verifier(&fake, own(addresses)).check_finding(&github(), false);
        let hosts: Vec<String> = fake.asked.lock().unwrap().iter().map(|asked| asked.url.clone()).collect();
        (validity.as_str(), hosts)
    };
    let (a, b) = ("https://a.corp/api/v3", "https://b.corp/api/v3");
    assert_eq!(ask(&[a, b], "nowhere"), ("inactive", vec![format!("{a}/user"), format!("{b}/user")]));
    let (word, asked) = ask(&[a, b], "b.corp");
    assert_eq!((word, &asked[..2]), ("active", &[format!("{a}/user"), format!("{b}/user")][..]));
    assert_eq!(ask(&[a, b], "down").0, "unknown");
    assert_eq!(ask(&[], "nowhere"), ("inactive", vec!["https://api.github.com/user".to_owned()]));
    assert!(settings().add_endpoint("github", "http://a.corp").is_err());
    assert!(settings().add_endpoint("github", "https://a.corp/?x={secret}").is_err());
    assert!(settings().add_endpoint("github", &format!("https://user:{}@a.corp", "word")).is_err());
}

#[test]
fn a_rule_that_knows_the_vendors_host_alone_calls_nothing_dead_where_there_are_others() {
    let fake = Fake::always(401, "{}");
    let mut settings = settings();
    settings.add_endpoint("huggingface", "https://hub.corp").unwrap();
    let finding = finding("huggingface.user-access-token", "hf_<alpha:34>", &[]);
    assert_eq!(doubt(&verifier(&fake, settings).check_finding(&finding, false)), Some(Doubt::Incomplete));
}

#[test]
fn one_question_is_asked_once_and_an_answer_of_an_earlier_run_is_none() {
    let folder = tempfile::TempDir::new().unwrap();
    let (fake, cache) = (Fake::always(401, "{}"), || Some(Cache::open(folder.path(), 60, 1_000).unwrap()));
    let verifier = |disk| {
        let gate = Gate::resolving(fake.clone(), settings(), leading_to("93.184.216.34"));
        Verifier::new(RuleSet::embedded(), gate, disk)
    };
    let first = verifier(cache());
    assert_eq!(first.check_finding(&github(), false), Validity::Inactive);
    assert_eq!(first.check_finding(&github(), false), Validity::Inactive);
    assert_eq!(fake.count(), 1);
    first.save().unwrap();
    assert_eq!(verifier(cache()).check_finding(&github(), false), Validity::Inactive);
    assert_eq!(fake.count(), 1);
    assert_eq!(verifier(cache()).check_finding(&github(), true), Validity::Inactive);
    assert_eq!(fake.count(), 2);
    let kept = std::fs::read_to_string(folder.path().join("verify.json")).unwrap();
    assert!(!kept.contains(std::str::from_utf8(github().secret.expose()).unwrap()));
}

#[test]
fn the_control_is_asked_once_for_a_provider_and_never_with_the_secret() {
    let fake = Fake::new(|_, asked| {
        let is_known = asked.headers.iter().any(|(_, value)| value.contains("Bearer ghp_"));
        Ok(if is_known { (200, vec![], USER.into()) } else { (401, vec![], "{}".into()) })
    });
    let verifier = verifier(&fake, settings());
    let other = Finding { secret: Secret::new(b"ghp_other"), ..github() };
    for finding in [github(), other] {
        assert_eq!(doubt(&verifier.check_finding(&finding, false)), Some(Doubt::Gullible));
    }
    let tokens: Vec<String> = fake.asked.lock().unwrap().iter().map(|asked| asked.headers[1].1.clone()).collect();
    assert_eq!(tokens.len(), 3, "two questions and one control");
    assert!(tokens[0] != tokens[1] && tokens[0].len() == tokens[1].len(), "{}", tokens.len());
}

#[test]
fn the_budget_ends_the_questions_and_says_so() {
    let fake = Fake::always(401, "{}");
    let verifier = verifier(&fake, Settings { max_requests: 3, threads: 2, ..settings() });
    let mut findings: Vec<Finding> =
        (0..6).map(|n| Finding { secret: Secret::new(format!("ghp_{n}").as_bytes()), ..github() }).collect();
    let counts = check_findings(&verifier, &mut findings, &|_| true, false, &|| ());
    assert_eq!((counts.inactive, counts.unknown.get(&Doubt::Budget), fake.count()), (3, Some(&3), 3));
    assert_eq!((verifier.gate().requests(), verifier.gate().beyond_budget()), (3, 3));
    let late = Settings { max_time: Duration::ZERO, ..settings() };
    let validity = self::verifier(&fake, late).check_finding(&github(), false);
    assert_eq!(doubt(&validity), Some(Doubt::Budget));
}

#[test]
fn a_limit_is_waited_for_within_a_bound_and_holds_the_host_back() {
    let limited = |wait: &'static str| {
        Fake::new(move |number, _| {
            Ok(match number {
                0 => (429, vec![("retry-after".into(), wait.into())], String::new()),
                _ => (401, vec![], "{}".into()),
            })
        })
    };
    let patient = Settings { max_wait: Duration::from_secs(2), ..settings() };
    let (fake, started) = (limited("1"), Instant::now());
    assert_eq!(verifier(&fake, patient.clone()).check_finding(&github(), false), Validity::Inactive);
    assert!(started.elapsed() >= Duration::from_millis(950), "{:?}", started.elapsed());
    let (fake, started) = (limited("3600"), Instant::now());
    let held = verifier(&fake, patient);
    assert_eq!(doubt(&held.check_finding(&github(), false)), Some(Doubt::RateLimited));
    let other = Finding { secret: Secret::new(b"ghp_other"), ..github() };
    assert_eq!(doubt(&held.check_finding(&other, false)), Some(Doubt::RateLimited));
    assert!(fake.count() == 1 && started.elapsed() < Duration::from_millis(900), "it is not asked again");
}

#[test]
fn questions_to_one_host_keep_their_pace() {
    let fake = Fake::always(401, "{}");
    let verifier = verifier(&fake, Settings { pace: 20, ..settings() });
    let started = Instant::now();
    for n in 0..5 {
        let finding = Finding { secret: Secret::new(format!("ghp_{n}").as_bytes()), ..github() };
        verifier.check_finding(&finding, false);
    }
    assert!(started.elapsed() >= Duration::from_millis(195), "{:?}", started.elapsed());
}

#[test]
fn the_gate_gives_what_is_resolved_and_refuses_what_is_not_for_others() {
    let gate = |allowed: Settings, address: &str| Gate::resolving(Fake::always(200, ""), allowed, leading_to(address));
    let open = || Settings { scanned_hosts: true, ..settings() };
    let reached = gate(open(), "93.184.216.34").may_reach("DB.example.", 5432, true).unwrap();
    assert_eq!(reached, ["93.184.216.34:5432".parse().unwrap()]);
    for literal in ["127.0.0.1", "[::1]", "10.0.0.1", "169.254.169.254", "::ffff:10.0.0.1"] {
        let refused = gate(open(), "93.184.216.34").may_reach(literal, 5432, true).unwrap_err();
        assert_eq!(refused.doubt, Doubt::NotAllowed, "{literal}");
    }
    let named = Settings { hosts: vec!["127.0.0.1".into()], ..settings() };
    assert!(gate(named, "93.184.216.34").may_reach("127.0.0.1", 5432, true).is_ok());
    assert!(gate(settings(), "10.0.0.1").may_reach("own.example", 1, false).is_ok());
    let nowhere = Gate::resolving(Fake::always(200, ""), open(), Box::new(|_, _| Ok(Vec::new())));
    assert_eq!(nowhere.may_reach("db.example", 1, true).unwrap_err().doubt, Doubt::Dns);
}

#[test]
fn what_a_provider_tells_holds_no_secret_and_no_control_characters() {
    let fake = Fake::new(|number, asked| {
        let token = asked.headers.iter().find_map(|(_, value)| value.strip_prefix("Bearer ")).unwrap_or_default();
        Ok(match number {
            0 => (
                200,
                vec![],
                serde_json::json!({"login": format!("me {token}\u{1b}[2J"), "type": "x".repeat(999)}).to_string(),
            ),
            _ => (401, vec![], "{}".into()),
        })
    });
    let Validity::Active { identity, .. } = verifier(&fake, settings()).check_finding(&github(), false) else {
        panic!("it is active");
    };
    let told: Vec<(&str, usize)> =
        identity.iter().map(|(label, value)| (label.as_str(), value.chars().count())).collect();
    assert_eq!((identity[0].1.as_str(), told[1]), ("me …[2J", ("kind", 300)));
}

#[test]
fn a_rule_of_a_file_that_only_the_project_names_is_not_asked_about() {
    let fake = Fake::always(401, "{}");
    let distrusted = ["github.personal-access-token".to_owned()].into();
    let verifier = verifier(&fake, Settings { distrusted, ..settings() });
    assert_eq!(doubt(&verifier.check_finding(&github(), false)), Some(Doubt::NotAllowed));
    assert!(fake.count() == 0 && verifier.plan(&github()).is_err());
}

#[test]
fn a_subject_without_its_parts_is_incomplete_and_hosts_are_known_beforehand() {
    let fake = Fake::always(401, "{}");
    let verifier = verifier(&fake, settings());
    let finding = shop();
    let alone = Subject { rule: &finding.rule, secret: &finding.secret, parts: &[] };
    assert_eq!(doubt(&verifier.check(&alone, false)), Some(Doubt::Incomplete));
    let hosts = |finding: &Finding| hosts_of(&verifier, &finding.rule).into_iter().collect::<Vec<_>>();
    assert_eq!(hosts(&finding), ["*.myshopify.com"]);
    assert_eq!(hosts(&github()), ["api.github.com"]);
    assert_eq!(fake.count(), 0);
}
