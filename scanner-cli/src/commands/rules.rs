//! `stopleak rules`: what the scanner looks for.

use super::request::load_rules;
use crate::args::{RulesArgs, RulesVerb};
use crate::exit;
use crate::failure::{Failure, Result};
use crate::terminal::table;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use stopleak_core::Rule;
use stopleak_core::report::GENERAL_HELP;

/// Carries out `rules list` or `rules show`.
pub fn run(args: &RulesArgs) -> Result<u8> {
    let text = match &args.verb {
        RulesVerb::List { rules } => list(&load(rules)?),
        RulesVerb::Show { id, rules } => show(&load(rules)?, id)?,
    };
    // A reader that stops early has what it wanted.
    let _ = anstream::stdout().write_all(text.as_bytes());
    Ok(exit::CLEAN)
}

fn load(extra: &[PathBuf]) -> Result<Vec<Arc<Rule>>> {
    let mut rules = load_rules(extra, &[])?.rules().to_vec();
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(rules)
}

fn list(rules: &[Arc<Rule>]) -> String {
    let rows: Vec<_> = rules.iter().map(|rule| (rule.id.as_str(), rule.severity, rule.name.as_str())).collect();
    table::rules(&rows)
}

fn show(rules: &[Arc<Rule>], id: &str) -> Result<String> {
    let Some(rule) = rules.iter().find(|rule| rule.id == id) else {
        return Err(unknown(rules, id));
    };
    let help = if rule.help.is_empty() { GENERAL_HELP } else { &rule.help };
    let mut rows = vec![
        ("rule", rule.id.as_str()),
        ("name", &rule.name),
        ("provider", &rule.provider.name),
        ("severity", rule.severity.as_str()),
        ("fix", help),
    ];
    rows.extend(rule.references.iter().map(|link| ("see", link.as_str())));
    Ok(table::fields(&rows))
}

fn unknown(rules: &[Arc<Rule>], id: &str) -> Failure {
    let provider = id.split('.').next().unwrap_or(id);
    let near: Vec<&str> =
        rules.iter().map(|rule| rule.id.as_str()).filter(|known| known.starts_with(provider)).collect();
    let hint = match near.as_slice() {
        [] => "`stopleak rules list` prints the ids".to_owned(),
        near => format!("rules of that provider: {}", near.join(", ")),
    };
    Failure::new(format!("no rule has the id `{id}`")).hint(hint)
}
