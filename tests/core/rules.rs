//! Every rule of the pack does what its examples say, with all other rules beside it.

use std::path::Path;
use stopleak_core::detect::Engine;
use stopleak_core::rule::check::Checked;
use stopleak_core::rule::check::check_file;
use stopleak_core::scan::{examples, lint};
use stopleak_core::{RuleSet, rule_set};

/// Every rule of the pack, with its examples.
fn all() -> Vec<Checked> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules");
    let files = ["providers", "generic", "practices"]
        .map(|folder| rule_set::read(&root.join(folder)).expect("the rules are there"));
    let rules = files.into_iter().flatten();
    rules.flat_map(|(name, text)| check_file(&name, &text).expect("the build has linted them")).collect()
}

#[test]
fn every_example_is_found_by_its_own_rule_and_no_other() {
    let rules = all();
    assert!(!rules.is_empty());
    let failures = examples::test(&Engine::new(RuleSet::embedded()), &rules);
    let shown: Vec<String> = failures.iter().map(ToString::to_string).collect();
    assert!(failures.is_empty(), "{} of {} rules' examples fail:\n{}", shown.len(), rules.len(), shown.join("\n"));
}

#[test]
fn rules_that_match_the_same_text_say_which_goes_first() {
    let failures = lint::overlaps(&Engine::new(RuleSet::embedded()), &all());
    let shown: Vec<String> = failures.iter().map(ToString::to_string).collect();
    assert!(failures.is_empty(), "{} overlaps:\n{}", shown.len(), shown.join("\n"));
}
