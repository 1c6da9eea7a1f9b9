//! Every rule of the pack does what its examples say, with all other rules beside it.

use std::path::Path;
use stopleak_core::detect::Engine;
use stopleak_core::rule::check::check_file;
use stopleak_core::scan::examples;
use stopleak_core::{RuleSet, rule_set};

#[test]
fn every_example_is_found_by_its_own_rule_and_no_other() {
    let engine = Engine::new(RuleSet::embedded());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules");
    let mut failures = Vec::new();
    let mut rules = 0;
    for folder in ["providers", "generic"] {
        for (name, text) in rule_set::read(&root.join(folder)).expect("the rules are there") {
            let checked = check_file(&name, &text).expect("the build has linted them");
            rules += checked.len();
            failures.extend(examples::test(&engine, &checked).iter().map(ToString::to_string));
        }
    }
    assert!(rules > 0);
    assert!(failures.is_empty(), "{} of {rules} rules' examples fail:\n{}", failures.len(), failures.join("\n"));
}
