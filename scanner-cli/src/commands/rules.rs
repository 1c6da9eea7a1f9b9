//! `stopleak rules`: what the scanner looks for, and whether rules of one's own are sound.

use super::request::load_rules;
use crate::args::{RulesArgs, RulesVerb};
use crate::exit;
use crate::failure::{Failure, OrFail, Result};
use crate::settings;
use crate::terminal::{message, table, words};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use stopleak_core::detect::Engine;
use stopleak_core::report::GENERAL_HELP;
use stopleak_core::rule::check::{self, Checked, RuleError};
use stopleak_core::rule::exchange::{Exchange, Exchanges, Purpose};
use stopleak_core::rule::own::Allow;
use stopleak_core::scan::{examples, lint};
use stopleak_core::{Rule, RuleSet, rule_set};

/// Carries out `rules list`, `show`, `check`, `test` or `import`.
pub fn run(args: &RulesArgs) -> Result<u8> {
    match &args.verb {
        RulesVerb::List { rules } => print(&list(&load(rules)?)),
        RulesVerb::Show { id, rules } => print(&show(&*load_rules(&[], rules, &[])?, id)?),
        RulesVerb::Check { files } => check(files),
        RulesVerb::Test { files } => test(files),
        RulesVerb::Import { file, output } => import(file, output.as_deref()),
    }
}

fn print(text: &str) -> Result<u8> {
    // A reader that stops early has what it wanted.
    let _ = anstream::stdout().write_all(text.as_bytes());
    Ok(exit::CLEAN)
}

fn load(extra: &[PathBuf]) -> Result<Vec<Arc<Rule>>> {
    let mut rules = load_rules(&[], extra, &[])?.rules().to_vec();
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(rules)
}

fn list(rules: &[Arc<Rule>]) -> String {
    let rows: Vec<_> = rules.iter().map(|rule| (rule.id.as_str(), rule.severity, rule.name.as_str())).collect();
    table::rules(&rows)
}

fn show(set: &RuleSet, id: &str) -> Result<String> {
    let Some(rule) = set.rules().iter().find(|rule| rule.id == id) else {
        return Err(unknown(set.rules(), id));
    };
    let exchanges: Vec<_> = set.exchanges(id).into_iter().flat_map(Exchanges::all).map(requests).collect();
    let help = if rule.help.is_empty() { GENERAL_HELP } else { &rule.help };
    let parts = rule.parts.iter().map(|part| part.rule.as_str()).collect::<Vec<_>>().join(", ");
    let (pattern, path) = patterns(rule);
    let literals = literals(rule);
    let mut rows = vec![
        ("rule", rule.id.as_str()),
        ("name", &rule.name),
        ("provider", &rule.provider.name),
        ("severity", rule.severity.as_str()),
        ("pattern", pattern),
        ("path", path),
        ("keywords", &literals),
        ("parts", &parts),
        ("fix", help),
    ];
    rows.extend(exchanges.iter().map(|(purpose, requests)| (*purpose, requests.as_str())));
    rows.extend(rule.references.iter().map(|link| ("see", link.as_str())));
    rows.retain(|(_, value)| !value.is_empty());
    Ok(table::fields(&rows))
}

/// What an exchange is for, and its requests in order.
fn requests((purpose, exchange): (Purpose, &Exchange)) -> (&'static str, String) {
    let requests = exchange.steps.iter().map(|step| format!("{} {}", step.method, step.url));
    let endpoints = match exchange.endpoints.as_slice() {
        [] if exchange.steps.iter().any(|step| step.url.starts_with("{endpoint}")) => " (your endpoint)".to_owned(),
        [] => String::new(),
        endpoints => format!(" ({})", endpoints.join(", ")),
    };
    (purpose.as_str(), requests.collect::<Vec<_>>().join(", then ") + &endpoints)
}

/// What a rule looks for, and the paths it is for.
fn patterns(rule: &Rule) -> (&str, &str) {
    match (rule.form.search(), rule.form.pattern()) {
        (Some(search), _) => {
            let pattern = search.pattern.as_deref().unwrap_or("any file at its path");
            (pattern, search.path.as_deref().unwrap_or_default())
        }
        (None, Some(pattern)) => (&pattern.source, ""),
        (None, None) if rule.is_practice() => ("risky practice in a pipeline", ""),
        (None, None) => ("any value assigned to a name that says secret", ""),
    }
}

/// What must stand in the text before the pattern is tried.
fn literals(rule: &Rule) -> String {
    let keywords = rule.form.search().map_or(&[][..], |search| &search.keywords);
    let factors = rule.factors.iter().map(|(literal, _)| String::from_utf8_lossy(literal).into_owned());
    let texts: BTreeSet<String> = factors.chain(keywords.iter().cloned()).collect();
    let shown: Vec<String> = texts.iter().take(8).cloned().collect();
    let more = if texts.len() > shown.len() { ", …" } else { "" };
    shown.join(", ") + more
}

fn unknown(rules: &[Arc<Rule>], id: &str) -> Failure {
    let provider = id.split('.').next().unwrap_or(id);
    let near: Vec<&str> =
        rules.iter().map(|rule| rule.id.as_str()).filter(|known| known.starts_with(provider)).collect();
    let hint = match near.as_slice() {
        [] => "`stopleak rules list` prints the ids".to_owned(),
        near => format!("rules that begin alike: {}", near.join(", ")),
    };
    Failure::new(format!("no rule has the id `{id}`")).hint(hint)
}

/// Makes a rule file of another scanner's configuration.
fn import(file: &Path, output: Option<&Path>) -> Result<u8> {
    let imported = settings::import(file)?;
    let name = output.unwrap_or(file).display().to_string();
    // What is written must be a rule file that works.
    load_rules(&[(name, imported.text.clone())], &[], &[])?;
    match output {
        Some(path) => std::fs::write(path, &imported.text).or_fail(|| format!("cannot write {}", path.display()))?,
        None => _ = print(&imported.text)?,
    }
    imported.notes.iter().for_each(|note| message::line(&format!("note: {note}")));
    let rules = words::counted(imported.rules as u64, "rule");
    let allowed = words::counted(imported.allowed as u64, "allowlist");
    message::line(&format!("{rules} and {allowed} imported"));
    if let Some(path) = output {
        message::hint(&format!(
            "use them with --rules {}, or name the file under [rules] paths in stopleak.toml",
            path.display()
        ));
    }
    Ok(exit::CLEAN)
}

fn check(files: &[PathBuf]) -> Result<u8> {
    let complaints = match read(files)? {
        Ok((checked, allow)) => match with_embedded(&checked).map(Engine::new) {
            Ok(engine) => {
                let found = lint::overlaps(&engine, &checked).into_iter().chain(lint::slow(&engine, &checked));
                let found: Vec<String> = found.map(|failure| failure.to_string()).collect();
                if found.is_empty() {
                    let allowed = match allow.len() {
                        0 => String::new(),
                        count => format!(" and {}", words::counted(count as u64, "allowlist")),
                    };
                    message::line(&format!("{}{allowed} sound", words::counted(checked.len() as u64, "rule")));
                    return Ok(exit::CLEAN);
                }
                found
            }
            Err(complaint) => vec![complaint],
        },
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    };
    print(&(complaints.join("\n") + "\n"))?;
    Ok(exit::LEAKS)
}

fn test(files: &[PathBuf]) -> Result<u8> {
    let unsound = |problem: String| Failure::new(problem).hint("`stopleak rules check` lists every complaint");
    let (checked, _) = read(files)?.map_err(|errors| unsound(errors[0].to_string()))?;
    let rules = with_embedded(&checked).map_err(unsound)?;
    let failures = examples::test(&Engine::new(rules), &checked);
    if failures.is_empty() {
        message::line(&format!("examples pass: {}", words::counted(checked.len() as u64, "rule")));
        return Ok(exit::CLEAN);
    }
    print(&failures.iter().map(|failure| format!("{failure}\n")).collect::<String>())?;
    Ok(exit::LEAKS)
}

/// What files hold without a complaint.
type Sound = (Vec<Checked>, Vec<Allow>);

/// Every rule of the files, or every complaint about them; a file that cannot be read ends the command.
fn read(files: &[PathBuf]) -> Result<std::result::Result<Sound, Vec<RuleError>>> {
    let (mut checked, mut allow, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    for path in files {
        for (name, text) in rule_set::read(path).map_err(|error| Failure::new(error.to_string()))? {
            match check::check_whole_file(&name, &text) {
                Ok(file) => {
                    checked.extend(file.rules);
                    allow.extend(file.allow);
                }
                Err(complaints) => errors.extend(complaints.0),
            }
        }
    }
    if checked.is_empty() && allow.is_empty() && errors.is_empty() {
        return Err(Failure::new("no rule file was found").hint("rule files end in .toml"));
    }
    Ok(if errors.is_empty() { Ok((checked, allow)) } else { Err(errors) })
}

/// The embedded rules beside these; a rule with the id of an embedded one takes its place.
fn with_embedded(checked: &[Checked]) -> std::result::Result<Arc<RuleSet>, String> {
    let embedded = RuleSet::embedded();
    let is_replaced = |rule: &&Arc<Rule>| checked.iter().any(|own| own.rule.id == rule.id);
    let kept = embedded.rules().iter().filter(|rule| !is_replaced(rule)).map(|rule| (**rule).clone());
    RuleSet::from_rules(kept.chain(checked.iter().map(|own| own.rule.clone())).collect())
}
