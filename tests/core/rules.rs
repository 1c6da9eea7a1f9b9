//! Every rule of the pack does what its examples say, with all other rules beside it.

use std::path::Path;
use stopleak_core::detect::Engine;
use stopleak_core::rule::check::Checked;
use stopleak_core::rule::check::check_file;
use stopleak_core::scan::{examples, lint, scan_bytes};
use stopleak_core::{Origin, RuleSet, rule_set};

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

/// A rule file with one keyed rule.
fn keyed(keyword: &str) -> String {
    format!(
        "[provider]\nid = \"acme\"\nname = \"Acme\"\nreferences = [\"https://acme.example\"]\n\n[[rule]]\nid = \"acme.key\"\nname = \"Key\"\n\
         severity = \"high\"\nkeywords = [\"{keyword}\"]\npattern = '[0-9a-z]{{30,40}}'\nhelp = \"Revoke it.\"\n\n[rule.examples]\n\
         match = ['{keyword}=<lowernum:32>', '{keyword}: <lowernum:36>']\nno-match = ['{keyword}=<lowernum:9>', 'x=<lowernum:32>']\n"
    )
}

/// Each joint of a keyword is written in five ways: sixty of them would fill any memory.
#[test]
fn a_keyword_of_many_words_is_a_complaint() {
    let file = keyed(&format!("word{}more", "_".repeat(60)));
    let errors = check_file("acme.toml", &file).err().expect("it is too long");
    assert!(errors.to_string().contains("more than 6 words"), "{errors}");
}

/// Of a long word the filter looks for the beginning alone: the rest was taken to stand there, even behind the text's end.
#[test]
fn a_long_word_of_a_keyword_is_compared_whole() {
    let keyword = "acme_".to_owned() + &"cloudkey".repeat(8);
    let checked = check_file("acme.toml", &keyed(&keyword)).unwrap_or_else(|errors| panic!("{errors}"));
    let rules = RuleSet::from_rules(checked.into_iter().map(|checked| checked.rule).collect()).unwrap();
    let engine = Engine::new(rules);
    let count = |text: &str| scan_bytes(&engine, text.as_bytes(), Origin::Stdin).0.len();
    let value = crate::made::random(34, 3).to_lowercase();
    assert_eq!(count(&format!("{keyword}={value}\n")), 1);
    let other = keyword[..40].to_owned() + &"x".repeat(keyword.len() - 40);
    assert_eq!([count(&format!("{other}={value}\n")), count(&keyword[..40])], [0, 0]);
}
