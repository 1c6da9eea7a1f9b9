//! What to do about a finding, step by step: the same words in every report. Rotation comes first, always.

use super::{About, Place, Record, Source};
use serde::Serialize;

/// When a step is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// For every secret.
    Always,
    /// While it stands in files: on disk, in the index, in `HEAD`.
    InFiles,
    /// When git's history holds it.
    InHistory,
    /// When a container image holds it.
    InImage,
    /// When a log printed it.
    InLog,
}

/// One step; `{advice}` stands for what the rule says, `{at}` and `{of}` for the provider.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Step {
    /// When it is needed.
    pub when: When,
    /// What to do, in a few words.
    pub title: &'static str,
    /// How.
    pub text: &'static str,
}

/// Providers of rules that do not know what a value opens.
pub const NO_SERVICE: [&str; 6] =
    ["generic", "command-line", "connection-string", "credentials-file", "private-key", "terraform-state"];

/// All steps for a secret, in their order.
pub const STEPS: [Step; 7] = [
    Step { when: When::Always, title: "Revoke or rotate it {at}", text: "{advice}" },
    Step {
        when: When::Always,
        title: "Look for misuse",
        text: "Check the audit log {of} for use you cannot explain, from the day the secret entered until the day \
               it was revoked.",
    },
    Step {
        when: When::InFiles,
        title: "Take it out of the files",
        text: "Let the program read the new value from its environment or a secret manager, and commit that. Deleting the \
               line alone ends nothing: the old value stays in the history and in every clone.",
    },
    Step {
        when: When::InHistory,
        title: "Decide about the history",
        text: "Once revoked, the old value is harmless and may stay. Rewriting history (`git filter-repo --replace-text`) \
               changes every later commit and reaches neither clones, forks nor caches: it never replaces the revocation.",
    },
    Step {
        when: When::InImage,
        title: "Build the image anew",
        text: "Hand the value to the build as a secret mount (`RUN --mount=type=secret`), or to the container when it \
               starts. A later layer that deletes the file leaves it in its own layer: delete the old tags, and their \
               digests, from the registry.",
    },
    Step {
        when: When::InLog,
        title: "Delete the log and mask the value",
        text: "Delete the run's log where the service allows it, and register the new value as a masked variable before \
               it is used again.",
    },
    Step {
        when: When::Always,
        title: "Scan again",
        text: "Run `stopleak scan`. What remains in the history can be accepted by its fingerprint: \
               `stopleak baseline add --fingerprint ID`.",
    },
];

/// The steps one finding needs, with what its rule says filled in.
pub fn steps(record: &Record) -> Vec<(String, String)> {
    if record.rule.is_practice {
        return vec![("Change the pipeline".to_owned(), record.rule.advice().to_owned())];
    }
    let needed = STEPS.iter().filter(|step| is_needed(step.when, &record.places));
    needed.map(|step| filled(step, &record.rule)).collect()
}

/// The steps of a rule in plain text.
pub fn text(rule: &About) -> String {
    let steps = of_rule(rule).into_iter().zip(1..);
    steps.map(|((title, text), number)| format!("{number}. {title}. {text}")).collect::<Vec<_>>().join("\n")
}

/// The steps of a rule in Markdown, with the provider's pages.
pub fn markdown(rule: &About) -> String {
    let steps = of_rule(rule).into_iter().zip(1..);
    let steps = steps.map(|((title, text), number)| format!("{number}. **{title}**: {text}\n")).collect::<String>();
    let links = rule.references.iter().map(|link| format!("\n- <{link}>")).collect::<String>();
    let links = if links.is_empty() { links } else { format!("\nPages of {}:\n{links}\n", rule.provider_name) };
    format!("**{}**\n\n{steps}{links}", rule.name).trim_end().to_owned()
}

fn of_rule(rule: &About) -> Vec<(String, String)> {
    if rule.is_practice {
        return vec![("Change the pipeline".to_owned(), rule.advice().to_owned())];
    }
    STEPS
        .iter()
        .filter(|step| !matches!(step.when, When::InImage | When::InLog))
        .map(|step| filled(step, rule))
        .collect()
}

fn is_needed(when: When, places: &[Place]) -> bool {
    match when {
        When::Always => true,
        When::InFiles => places
            .iter()
            .any(|place| matches!(place.source, Source::Disk | Source::Index) || place.in_head == Some(true)),
        When::InHistory => places.iter().any(|place| matches!(place.source, Source::History | Source::Message)),
        When::InImage => places.iter().any(|place| place.image.is_some()),
        When::InLog => places.iter().any(Place::is_log),
    }
}

fn filled(step: &Step, rule: &About) -> (String, String) {
    let fill = |text: &str| match text {
        "{advice}" => rule.advice().to_owned(),
        text if NO_SERVICE.contains(&rule.provider.as_str()) => {
            text.replace("{at}", "where it was issued").replace("{of}", "of whatever it opens")
        }
        text => {
            let name = &rule.provider_name;
            text.replace("{at}", &format!("at {name}")).replace("{of}", &format!("of {name}"))
        }
    };
    (fill(step.title), fill(step.text))
}
