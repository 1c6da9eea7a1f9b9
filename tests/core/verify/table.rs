//! Every rule's question, before every kind of trouble and before the answers its provider documents.

use super::fake::{Fake, Said, settings, verifier};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use stopleak_core::detect::Engine;
use stopleak_core::http::TransportError;
use stopleak_core::rule::example;
use stopleak_core::rule::exchange::written::StepWritten;
use stopleak_core::rule::written::RuleFile;
use stopleak_core::scan::scan_bytes;
use stopleak_core::verify::{Settings, Verifier};
use stopleak_core::{Doubt, Finding, Origin, RuleSet, Secret, Validity};

/// One rule's question as it is written, and a finding to ask about.
struct Case {
    steps: Vec<StepWritten>,
    finding: Finding,
}

fn rule_files() -> Vec<RuleFile> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules");
    let mut files = Vec::new();
    for folder in ["providers", "generic"] {
        let entries = std::fs::read_dir(root.join(folder)).unwrap();
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        files.extend(paths.iter().map(|path| toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()));
    }
    files
}

/// Everything may be asked: what is tested here is what answers come to.
fn open(steps: &[StepWritten], finding: &Finding) -> Settings {
    let mut settings = Settings { scanned_hosts: true, max_requests: u64::MAX, ..settings() };
    if steps.iter().any(|step| step.url.starts_with("{endpoint}")) {
        settings.endpoints.insert(finding.rule.provider.id.clone(), vec!["https://self.example/base".into()]);
    }
    settings
}

fn cases() -> Vec<Case> {
    let engine = Engine::new(RuleSet::embedded());
    let mut cases = Vec::new();
    let files = rule_files();
    for rule in files.iter().flat_map(|file| &file.rules).filter(|rule| !rule.verify.is_empty()) {
        let id = rule.id.get_ref();
        let template = &rule.examples.matching[0];
        let text = example::expand(template, 1).unwrap();
        let (found, _) = scan_bytes(&engine, text.as_bytes(), Origin::Stdin);
        let mut finding = found.into_iter().find(|found| found.rule.id == *id).unwrap_or_else(|| panic!("{id}"));
        add_missing(&rule.verify, &mut finding);
        cases.push(Case { steps: rule.verify.clone(), finding });
    }
    cases
}

/// Examples show the value alone mostly: what it is asked with is made up.
fn add_missing(steps: &[StepWritten], finding: &mut Finding) {
    let fake = Fake::always(404, "");
    let validity = verifier(&fake, open(steps, finding)).check_finding(finding, false);
    let Validity::Unknown { doubt: Doubt::Incomplete, reason } = validity else {
        return;
    };
    let (_, names) = reason.split_once(": ").unwrap_or_else(|| panic!("{}: {reason}", finding.rule.id));
    let mut set = finding.part_sets.sets().first().cloned().unwrap_or_default();
    for name in names.split(", ").map(|name| name.split(" (").next().unwrap()) {
        set.push((format!("{}.{name}", finding.rule.provider.id), Secret::new(b"made-up-1")));
    }
    finding.part_sets.add(set);
}

fn ask(case: &Case, fake: &std::sync::Arc<Fake>) -> Validity {
    verifier(fake, open(&case.steps, &case.finding)).check_finding(&case.finding, false)
}

/// The answers that lead to the last step.
fn leading(case: &Case) -> Vec<Said> {
    let secret = String::from_utf8_lossy(case.finding.secret.expose()).into_owned();
    let before = &case.steps[..case.steps.len() - 1];
    let next = |step: &StepWritten| {
        let example = step.examples.iter().find(|example| example.means == "next").expect("the linter asks for one");
        (example.status, headers(&example.headers), example.body.replace("{secret}", &secret))
    };
    before.iter().map(next).collect()
}

fn headers(written: &BTreeMap<String, String>) -> Vec<(String, String)> {
    written.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect()
}

#[test]
fn no_trouble_is_taken_for_an_answer_by_any_rule() {
    let host = || "h".to_owned();
    let failures: [(TransportError, Doubt); 4] = [
        (TransportError::Timeout { host: host() }, Doubt::Timeout),
        (TransportError::Dns { host: host() }, Doubt::Dns),
        (TransportError::Tls { host: host(), reason: "x".into() }, Doubt::Tls),
        (TransportError::Connection { host: host(), reason: "x".into() }, Doubt::Connection),
    ];
    let page = "<html><title>Welcome, please sign in</title></html>";
    let answers: [(u16, &str, Option<Doubt>); 19] = [
        (429, "", Some(Doubt::RateLimited)),
        (429, r#"{"error":"invalid token"}"#, Some(Doubt::RateLimited)),
        (500, "", Some(Doubt::Provider)),
        (502, page, Some(Doubt::Provider)),
        (503, r#"{"error":"unauthorized"}"#, Some(Doubt::Provider)),
        (301, "", Some(Doubt::Strange)),
        (302, page, Some(Doubt::Strange)),
        (307, "", Some(Doubt::Strange)),
        (407, "", Some(Doubt::Strange)),
        (511, page, Some(Doubt::Strange)),
        (200, "", None),
        (200, "{}", None),
        (200, "[]", None),
        (200, "null", None),
        (200, page, None),
        (200, r#"{"unexpected":[1,{"a":null}]}"#, None),
        (204, "", None),
        (403, page, None),
        (404, "", None),
    ];
    let cases = cases();
    assert!(cases.len() > 900, "{}", cases.len());
    let mut wrong = Vec::new();
    let mut check = |case: &Case, what: &str, expected: Option<Doubt>, validity: Validity| {
        let is_right = match (&validity, expected) {
            (Validity::Unknown { doubt, .. }, Some(expected)) => *doubt == expected,
            (Validity::Unknown { .. }, None) => true,
            _ => false,
        };
        if !is_right {
            wrong.push(format!("{} {what}: {validity:?}", case.finding.rule.id));
        }
    };
    for case in &cases {
        for step in 0..case.steps.len() {
            let leading = leading(case);
            let before = move |number: usize| leading[..step].get(number).cloned();
            for (error, doubt) in &failures {
                let (error, before) = (error.clone(), before.clone());
                let fake = Fake::new(move |number, _| before(number).ok_or(error.clone()));
                check(case, &format!("{doubt:?} at {step}"), Some(*doubt), ask(case, &fake));
            }
            for (status, body, doubt) in answers {
                let before = before.clone();
                let fake = Fake::new(move |number, _| Ok(before(number).unwrap_or((status, vec![], body.to_owned()))));
                check(case, &format!("{status} {body} at {step}"), doubt, ask(case, &fake));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn the_answers_that_providers_document_mean_what_they_say_for_every_rule() {
    let (mut wrong, mut seen) = (Vec::new(), BTreeSet::new());
    let cases = cases();
    for case in &cases {
        let last = case.steps.last().expect("a question has steps");
        for example in &last.examples {
            let (leading, count) = (leading(case), case.steps.len());
            let secret = String::from_utf8_lossy(case.finding.secret.expose()).into_owned();
            let answer = (example.status, headers(&example.headers), example.body.replace("{secret}", &secret));
            // What comes after is the control's: a provider that is none refuses it.
            let refused = |_: usize| (401, vec![], String::new());
            let fake = Fake::new(move |number, _| {
                Ok(match number {
                    _ if number + 1 < count => leading[number].clone(),
                    // A failure is asked about again.
                    _ if number + 1 == count || answer.0 >= 500 => answer.clone(),
                    _ => refused(number),
                })
            });
            let validity = ask(case, &fake);
            if validity.as_str() != example.means {
                wrong.push(format!("{} {} {}: {validity:?}", case.finding.rule.id, example.status, example.body));
            }
            seen.insert((case.finding.rule.id.clone(), example.means.clone()));
        }
    }
    let active = seen.iter().filter(|(_, means)| means == "active").count();
    assert_eq!(active, cases.len(), "every rule shows what is active");
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn who_calls_a_random_value_active_calls_nothing_active() {
    let mut wrong = Vec::new();
    for case in &cases() {
        let last = case.steps.last().expect("a question has steps");
        let active = last.examples.iter().find(|example| example.means == "active").expect("every rule shows one");
        let (leading, count) = (leading(case), case.steps.len());
        let secret = String::from_utf8_lossy(case.finding.secret.expose()).into_owned();
        let answer = (active.status, headers(&active.headers), active.body.replace("{secret}", &secret));
        let fake = Fake::new(move |number, _| {
            let step = number % count;
            Ok(if step + 1 < count { leading[step].clone() } else { answer.clone() })
        });
        let validity = ask(case, &fake);
        // An answer that holds the secret itself cannot be right for another value.
        let is_right = matches!(&validity, Validity::Unknown { doubt: Doubt::Gullible, .. })
            || last.examples.iter().any(|example| example.body.contains("{secret}"))
            || case.steps.iter().any(|step| step.find.is_some());
        if !is_right {
            wrong.push(format!("{}: {validity:?}", case.finding.rule.id));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn no_request_shows_a_value_where_people_look() {
    for case in &cases() {
        let fake = Fake::always(404, "");
        let verifier: Verifier = verifier(&fake, open(&case.steps, &case.finding));
        let secret = String::from_utf8_lossy(case.finding.secret.expose()).into_owned();
        let planned =
            verifier.plan(&case.finding).unwrap_or_else(|refusal| panic!("{}: {refusal:?}", case.finding.rule.id));
        let shown = format!("{planned:?} {:?} {:?}", verifier.check_finding(&case.finding, false), case.finding);
        let asked = format!("{:?}", fake.asked.lock().unwrap());
        assert!(!shown.contains(&secret) && !asked.contains(&secret), "{}: {shown} {asked}", case.finding.rule.id);
    }
}
