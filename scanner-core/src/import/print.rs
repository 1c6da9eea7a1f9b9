//! Writes a rule file: what was imported, with what was not as comments on top.

use super::convert::RuleFile;
use super::{Imported, Note};
use crate::rule::own::{Allow, Required, Search};
use crate::rule::written::When;
use std::fmt::Write;

/// The file's text, the same for the same content.
pub fn print(file: RuleFile, notes: Vec<Note>) -> Imported {
    let mut out = format!("# Made of {} by `stopleak rules import`.\n", file.source);
    if !notes.is_empty() {
        out.push_str("#\n# Not carried over, or otherwise:\n");
        notes.iter().for_each(|note| line(&mut out, format!("# - {}", note.to_string().replace('\n', " "))));
    }
    if !file.rules.is_empty() {
        line(&mut out, format!("\n[provider]\nid = {}\nname = {}", text(super::convert::PROVIDER), text("Imported")));
    }
    for rule in &file.rules {
        line(&mut out, "\n[[rule]]".into());
        line(&mut out, format!("id = {}", text(&rule.id)));
        line(&mut out, format!("name = {}", text(&rule.name)));
        line(&mut out, r#"severity = "high""#.into());
        search(&mut out, &rule.search);
        if rule.part_only {
            line(&mut out, "part-only = true".into());
        }
        rule.search.allow.iter().for_each(|entry| allow(&mut out, "rule.allow", entry));
    }
    file.allow.iter().for_each(|entry| allow(&mut out, "allow", entry));
    let allowed = file.allow.len() + file.rules.iter().map(|rule| rule.search.allow.len()).sum::<usize>();
    Imported { text: out, notes, rules: file.rules.len(), allowed }
}

fn search(out: &mut String, search: &Search) {
    let mut field = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            line(out, format!("{name} = {value}"));
        }
    };
    field("search", search.pattern.as_deref().map(text));
    field("path", search.path.as_deref().map(text));
    field("keywords", list(&search.keywords));
    field("secret-group", (search.secret_group > 0).then(|| search.secret_group.to_string()));
    field("entropy", search.entropy.map(|least| format!("{least:?}")));
    if !search.required.is_empty() {
        let parts: Vec<String> = search.required.iter().map(required).collect();
        field("required", Some(format!("[{}]", parts.join(", "))));
    }
}

fn required(required: &Required) -> String {
    let lines = required.lines.map_or(String::new(), |most| format!(", lines = {most}"));
    let columns = required.columns.map_or(String::new(), |most| format!(", columns = {most}"));
    format!("{{ rule = {}{lines}{columns} }}", text(&required.rule))
}

fn allow(out: &mut String, header: &str, allow: &Allow) {
    line(out, format!("\n[[{header}]]\nreason = {}", text(&allow.reason)));
    if allow.when == When::Any {
        line(out, r#"when = "any""#.into());
    }
    let lists = [
        ("rules", &allow.rules),
        ("commits", &allow.commits),
        ("paths", &allow.paths),
        ("values", &allow.values),
        ("matches", &allow.matches),
        ("lines", &allow.lines),
        ("stopwords", &allow.stopwords),
    ];
    for (name, texts) in lists {
        if let Some(texts) = list(texts) {
            line(out, format!("{name} = {texts}"));
        }
    }
}

fn list(texts: &[String]) -> Option<String> {
    let texts: Vec<String> = texts.iter().map(|one| text(one)).collect();
    match texts.as_slice() {
        [] => None,
        [one] => Some(format!("[{one}]")),
        many => Some(format!("[\n    {},\n]", many.join(",\n    "))),
    }
}

/// A text as TOML writes it; a pattern stays as it was, without doubled backslashes, where that can be.
fn text(value: &str) -> String {
    let is_plain = value.chars().all(|c| c == '\t' || !c.is_control());
    if is_plain && value.contains(['\\', '"']) {
        let quote = if value.contains('\'') { "'''" } else { "'" };
        if !value.contains(quote) && !value.ends_with('\'') {
            return format!("{quote}{value}{quote}");
        }
    }
    let mut out = String::from("\"");
    for sign in value.chars() {
        match sign {
            '"' | '\\' => out.extend(['\\', sign]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            _ if sign.is_control() => _ = write!(out, "\\u{:04X}", sign as u32),
            _ => out.push(sign),
        }
    }
    out.push('"');
    out
}

fn line(out: &mut String, text: String) {
    out.push_str(&text);
    out.push('\n');
}
