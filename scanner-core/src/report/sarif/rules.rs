//! Rules and repositories as SARIF describes them, within the length limits of code-scanning services.

use super::bag;
use crate::report::About;
use crate::report::remedy;
use crate::rule::Severity;
use crate::summary::Repository;
use serde_json::json;
use serde_sarif::sarif;

const MAX_NAME: usize = 255;
const MAX_DESCRIPTION: usize = 1_024;

/// A rule; `confidence` is the best of its findings, which orders alerts.
pub fn descriptor(rule: &About, confidence: f64) -> sarif::ReportingDescriptor {
    let help = rule.advice();
    let full = format!("{} of {}, severity {}. {help}", rule.name, rule.provider_name, rule.severity.as_str());
    let mut properties = bag([
        ("security-severity", json!(security_severity(rule.severity))),
        ("precision", json!(precision(confidence))),
    ]);
    let weakness = if rule.is_practice { "external/cwe/cwe-522" } else { "external/cwe/cwe-798" };
    properties.tags = Some(vec!["security".into(), "secret".into(), weakness.into()]);
    sarif::ReportingDescriptor::builder()
        .id(cut(&rule.id, MAX_NAME))
        .name(cut(&rule.name, MAX_NAME))
        .short_description(text(&rule.name))
        .full_description(text(&full))
        .help(self::help(rule))
        .help_uri(help_uri(rule))
        .properties(properties)
        .build()
}

/// The repository without the user name or password its address may carry; `None` when it is no address.
pub fn provenance(repository: &Repository) -> Option<sarif::VersionControlDetails> {
    let mut details = sarif::VersionControlDetails::builder().repository_uri(repository.public_url()?).build();
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

fn precision(confidence: f64) -> &'static str {
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

/// The steps in both forms; the limits are for descriptions, help may be long.
fn help(rule: &About) -> sarif::MultiformatMessageString {
    sarif::MultiformatMessageString::builder().text(remedy::text(rule)).markdown(remedy::markdown(rule)).build()
}

fn help_uri(rule: &About) -> &str {
    let page = rule.references.iter().find(|link| link.starts_with("https://"));
    page.map_or(env!("CARGO_PKG_REPOSITORY"), String::as_str)
}

fn cut(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}
