//! Runs the examples that every rule carries: what must be found is found by that rule alone, the rest is not.

use crate::blob::Origin;
use crate::detect::Engine;
use crate::rule::Rule;
use crate::rule::check::Checked;
use crate::rule::example;
use std::fmt;

/// Expansions tried of each template: random text must not decide.
const SEEDS: u64 = 3;
/// A finding in an example counts from here.
const GATE: f32 = 0.5;

/// One example that went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The rule whose example it is.
    pub rule: String,
    /// The template, not the text made of it.
    pub template: String,
    /// What went wrong.
    pub message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n    {}", self.rule, self.message, self.template.replace('\n', "\n    "))
    }
}

/// Tests the examples of `checked` against all rules of `engine`.
pub fn test(engine: &Engine, checked: &[Checked]) -> Vec<Failure> {
    let mut failures = Vec::new();
    for Checked { rule, matching, no_match, .. } in checked {
        let mut fail = |template: &str, message: String| {
            failures.push(Failure { rule: rule.id.clone(), template: template.to_owned(), message });
        };
        for template in matching {
            if let Some(message) = (0..SEEDS).find_map(|seed| complaint(engine, rule, template, seed)) {
                fail(template, message);
            }
        }
        for template in no_match {
            let is_found = |seed| {
                found(engine, template, seed).iter().any(|(id, confidence)| *id == rule.id && *confidence >= GATE)
            };
            if (0..SEEDS).any(is_found) {
                fail(template, "must not be found by this rule, and is".to_owned());
            }
        }
    }
    failures
}

fn complaint(engine: &Engine, rule: &Rule, template: &str, seed: u64) -> Option<String> {
    let found = found(engine, template, seed);
    let own = found.iter().find(|(id, _)| *id == rule.id);
    match own {
        None if rule.part_only => None,
        None => {
            let others: Vec<&str> = found.iter().map(|(id, _)| id.as_str()).collect();
            Some(format!("not found (others that found something: {others:?})"))
        }
        Some((_, confidence)) if *confidence < GATE => Some(format!("found, but at confidence {confidence:.2}")),
        Some(_) => {
            let is_related = |id: &str| rule.parts.iter().any(|part| part.rule == id) || is_part_of(engine, rule, id);
            let mut strangers =
                found.iter().filter(|(id, confidence)| *id != rule.id && *confidence >= GATE && !is_related(id));
            strangers.next().map(|(id, confidence)| format!("also found by `{id}` at {confidence:.2}"))
        }
    }
}

fn is_part_of(engine: &Engine, rule: &Rule, other: &str) -> bool {
    let other = engine.rules().rules().iter().find(|known| known.id == other);
    other.is_some_and(|other| other.parts.iter().any(|part| part.rule == rule.id))
}

fn found(engine: &Engine, template: &str, seed: u64) -> Vec<(String, f32)> {
    let text = example::expand(template, seed).expect("templates were checked with their rules");
    let (findings, _) = super::scan_bytes(engine, text.as_bytes(), Origin::Stdin);
    findings.into_iter().map(|finding| (finding.rule.id.clone(), finding.confidence.0)).collect()
}
