//! From a text to what its server says: found, asked, told.

use crate::support::servers::{redis, word};
use base64::Engine as _;
use std::sync::Arc;
use stopleak_core::detect::Engine;
use stopleak_core::http::Http;
use stopleak_core::scan::scan_bytes;
use stopleak_core::verify::{Gate, Settings, Verifier};
use stopleak_core::{Doubt, Origin, RuleSet, Validity};

#[test]
fn a_password_in_a_text_is_tried_where_the_text_says_and_the_user_allows() {
    let word = word();
    let Some(server) = redis::redis(&["--requirepass", &word]) else { return };
    let verify = |text: &str, settings: Settings| {
        let (findings, _) = scan_bytes(&Engine::new(RuleSet::embedded()), text.as_bytes(), Origin::Stdin);
        let finding =
            findings.iter().find(|finding| finding.rule.id == "connection-string.redis-url").expect("it is found");
        let http = Arc::new(Http::new(Default::default()).unwrap());
        Verifier::new(RuleSet::embedded(), Gate::new(http, settings), None).check_finding(finding, false)
    };
    let line = |word: &str| format!("REDIS_URL=redis://:{word}@{}/0\n", server.running.host());
    let settings = || Settings { hosts: vec!["127.0.0.1".into()], ..Settings::default() };
    assert_eq!(super::identity(&verify(&line(&word), settings())), ["user default"]);
    assert_eq!(verify(&line(&format!("{word}9")), settings()), Validity::Inactive);
    // In a manifest's value.
    let encoded = base64::engine::general_purpose::STANDARD.encode(line(&word));
    let manifest = format!("apiVersion: v1\nkind: Secret\ndata:\n  env: {encoded}\n");
    assert_eq!(super::identity(&verify(&manifest, settings())), ["user default"]);
    for refused in [Settings::default(), Settings { scanned_hosts: true, ..Settings::default() }] {
        assert_eq!(super::doubt(&verify(&line(&word), refused)), Doubt::NotAllowed);
    }
}
