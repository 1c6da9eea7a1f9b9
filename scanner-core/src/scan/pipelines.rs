//! What pipelines and manifests hold beside plain text: risky practice, and the encoded values of Secret manifests.

use super::archives;
use super::judge;
use super::position::Cursor;
use super::text::{Seen, TextScanner};
use crate::ci::{self, Practices};
use crate::detect::{self, Candidate, State};
use crate::evidence::Evidence;
use crate::rule::{Form, Rule};
use std::ops::Range;
use std::sync::Arc;

/// Looks at a whole text for what only its structure tells; returns encoded values whose plain form was found.
pub fn examine(scanner: &mut TextScanner, bytes: &[u8], place: u32, trail: &[&'static str]) -> Vec<Range<usize>> {
    find_practices(scanner, bytes, place, trail);
    open_manifest(scanner, bytes, place, trail)
}

fn find_practices(scanner: &mut TextScanner, bytes: &[u8], place: u32, trail: &[&'static str]) {
    let rules = scanner.engine.rules().rules();
    let found = scanner.practices.get_or_insert_with(|| Practices::new(rules)).find(bytes);
    let mut cursor = Cursor::new();
    for practice in found {
        let rule = &rules[practice.rule as usize];
        let (start, end) = (practice.span.start as u32, practice.span.end as u32);
        let log_odds = (rule.confidence / (1.0 - rule.confidence)).ln();
        let candidate =
            Candidate { rule: practice.rule, start, end, key_start: start, key_end: end, syntax: None, log_odds };
        let position = cursor.position(bytes, practice.span.clone());
        let seen = Seen { place, position, parts: &[], trail, log: None };
        let sighting = scanner.sighting(bytes, &candidate, practice.span.clone(), seen);
        let evidence = || vec![Evidence { reason: "risky-practice", weight: log_odds }];
        scanner.findings.add(practice.rule, rule, &bytes[practice.span], &practice.act, sighting, evidence);
    }
}

/// Scans the decoded values of a Secret manifest, each as an assignment to its key.
fn open_manifest(scanner: &mut TextScanner, bytes: &[u8], place: u32, trail: &[&'static str]) -> Vec<Range<usize>> {
    let mut opened = Vec::new();
    let rules = scanner.engine.rules().rules();
    let trail: Vec<&'static str> = trail.iter().copied().chain(["base64"]).collect();
    let mut cursor = Cursor::new();
    for hidden in ci::decoded(bytes) {
        // An archive is opened where all encoded text is.
        if archives::is_packed(&hidden.text[hidden.value..]) {
            opened.push(hidden.span);
            continue;
        }
        let mut state = State::default();
        scanner.worker.scan(&hidden.text, &mut state);
        let position = cursor.position(bytes, hidden.span.clone());
        for candidate in detect::standing(state.candidates(), rules) {
            let rule = &rules[candidate.rule as usize];
            if (candidate.start as usize) < hidden.value || rule.part_only {
                continue;
            }
            let seen = Seen { place, position, parts: &[], trail: &trail, log: None };
            let secret = candidate.secret();
            let key = candidate.key().map_or(&[][..], |key| &hidden.text[key]);
            let sighting = scanner.sighting(
                bytes,
                &Candidate { start: hidden.span.start as u32, ..candidate },
                hidden.span.clone(),
                seen,
            );
            let evidence = || judge::explain(&hidden.text, rule, &candidate);
            scanner.findings.add(candidate.rule, rule, key, &hidden.text[secret], sighting, evidence);
        }
        // Base64 of anything looks like a secret under a name such as `password`; what it holds was judged.
        opened.push(hidden.span);
    }
    opened
}

/// Whether a candidate is the encoded form of something that was opened.
pub fn is_opened(rules: &[Arc<Rule>], candidate: &Candidate, opened: &[Range<usize>]) -> bool {
    let is_weak = matches!(rules[candidate.rule as usize].form, Form::Assignment);
    let span = candidate.secret();
    is_weak && opened.iter().any(|opened| opened.start < span.end && span.start < opened.end)
}
