//! Rules and repositories as SARIF describes them, within the length limits of code-scanning services.

use super::super::GENERAL_HELP;
use super::bag;
use crate::rule::{Rule, Severity};
use crate::summary::Repository;
use serde_json::json;
use serde_sarif::sarif;

const MAX_NAME: usize = 255;
const MAX_DESCRIPTION: usize = 1_024;

/// A rule; `confidence` is the best of its findings, which orders alerts.
pub fn descriptor(rule: &Rule, confidence: f32) -> sarif::ReportingDescriptor {
    let help = if rule.help.is_empty() { GENERAL_HELP } else { &rule.help };
    let full = format!("{} of {}, severity {}. {help}", rule.name, rule.provider.name, rule.severity.as_str());
    let mut properties = bag([
        ("security-severity", json!(security_severity(rule.severity))),
        ("precision", json!(precision(confidence))),
    ]);
    let weakness = if rule.is_practice() { "external/cwe/cwe-522" } else { "external/cwe/cwe-798" };
    properties.tags = Some(vec!["security".into(), "secret".into(), weakness.into()]);
    sarif::ReportingDescriptor::builder()
        .id(cut(&rule.id, MAX_NAME))
        .name(cut(&rule.name, MAX_NAME))
        .short_description(text(&rule.name))
        .full_description(text(&full))
        .help(with_markdown(help, rule))
        .help_uri(help_uri(rule))
        .properties(properties)
        .build()
}

/// The repository without the user name or password its address may carry; `None` when it is no address.
pub fn provenance(repository: &Repository) -> Option<sarif::VersionControlDetails> {
    let mut details = sarif::VersionControlDetails::builder().repository_uri(without_user(&repository.url)?).build();
    details.revision_id.clone_from(&repository.revision);
    details.branch.clone_from(&repository.branch);
    Some(details)
}

// The bounds are above 9.0 critical, 7.0 high, 4.0 medium.
fn security_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.0",
    }
}

fn precision(confidence: f32) -> &'static str {
    match confidence {
        c if c >= 0.9 => "very-high",
        c if c >= 0.75 => "high",
        c if c >= 0.5 => "medium",
        _ => "low",
    }
}

fn text(text: &str) -> sarif::MultiformatMessageString {
    sarif::MultiformatMessageString::builder().text(cut(text, MAX_DESCRIPTION)).build()
}

fn with_markdown(help: &str, rule: &Rule) -> sarif::MultiformatMessageString {
    let links = rule.references.iter().map(|link| format!("\n- <{link}>")).collect::<String>();
    let markdown = format!("**{}**\n\n{help}\n{links}", rule.name);
    sarif::MultiformatMessageString::builder().text(help).markdown(markdown.trim_end()).build()
}

fn help_uri(rule: &Rule) -> &str {
    let page = rule.references.iter().find(|link| link.starts_with("https://"));
    page.map_or(env!("CARGO_PKG_REPOSITORY"), String::as_str)
}

fn without_user(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    // A query or fragment may carry a token.
    let path = path.split(['?', '#']).next().unwrap_or_default();
    (!host.is_empty()).then(|| format!("{scheme}://{host}{path}"))
}

fn cut(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_address_loses_its_user() {
        let with_user = |user: &str| format!("https://{user}@host.example/a/b.git");
        let (name, both) = (with_user("user"), with_user("user:password"));
        let table = [
            (name.as_str(), Some("https://host.example/a/b.git")),
            (both.as_str(), Some("https://host.example/a/b.git")),
            ("https://host.example/a?token=x", Some("https://host.example/a")),
            ("ssh://git@host.example:22/a", Some("ssh://host.example:22/a")),
            ("git@host.example:a/b", None),
            ("/srv/git/a", None),
        ];
        for (url, expected) in table {
            assert_eq!(without_user(url).as_deref(), expected, "{url}");
        }
    }
}
