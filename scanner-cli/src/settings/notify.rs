//! `[[notify]]`: who is told of what. Credentials are read only when somebody is told.

use super::credential::{Address, Reference};
use crate::failure::{Failure, Result};
use serde::Deserialize;
use std::path::PathBuf;
use stopleak_core::notify::{Channel, Jira, Kind, Receiver};
use stopleak_core::{Secret, Severity};

const PAGERDUTY: &str = "https://events.pagerduty.com/v2/enqueue";

/// One `[[notify]]`, as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NotifyWritten {
    name: String,
    kind: KindWritten,
    url: Option<Address>,
    /// Signs a webhook.
    secret: Option<Reference>,
    /// PagerDuty's routing key, Jira's token, the collector's `Authorization`.
    key: Option<Reference>,
    project: Option<String>,
    issue_type: Option<String>,
    user: Option<String>,
    path: Option<PathBuf>,
    events: Option<Vec<String>>,
    severity: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum KindWritten {
    Webhook,
    Slack,
    Pagerduty,
    Jira,
    Otlp,
    Log,
}

impl NotifyWritten {
    /// As messages call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What can be checked without credentials, and what they open.
    pub fn receiver(&self) -> Result<Receiver> {
        Ok(Receiver {
            name: self.name.clone(),
            events: self.events()?,
            severity: self.severity()?,
            channel: self.channel()?,
        })
    }

    fn wrong(&self, problem: &str) -> Failure {
        Failure::new(format!("[[notify]] {}: {problem}", self.name))
    }

    /// Says what is wrong with it, credentials apart.
    pub fn check(&self) -> Result<()> {
        self.events()?;
        self.severity()?;
        let need = |is_there: bool, key: &str| match is_there {
            true => Ok(()),
            false => Err(self.wrong(&format!("needs `{key}`"))),
        };
        match self.kind {
            KindWritten::Webhook | KindWritten::Otlp => need(self.url.is_some(), "url"),
            KindWritten::Slack => match &self.url {
                Some(Address::Hidden(_)) => Ok(()),
                _ => Err(self.wrong("Slack's address is a credential: write url = { env = \"NAME\" }")),
            },
            KindWritten::Pagerduty => need(self.key.is_some(), "key"),
            KindWritten::Jira => need(self.url.is_some(), "url")
                .and_then(|()| need(self.project.is_some(), "project"))
                .and_then(|()| need(self.key.is_some(), "key")),
            KindWritten::Log => need(self.path.is_some(), "path"),
        }
    }

    fn events(&self) -> Result<Vec<Kind>> {
        let Some(words) = &self.events else { return Ok(Kind::ALL.to_vec()) };
        let all = Kind::ALL.map(Kind::as_str).join(", ");
        let kind = |word: &String| Kind::parse(word).ok_or_else(|| self.wrong(&format!("`{word}` is none of {all}")));
        words.iter().map(kind).collect()
    }

    fn severity(&self) -> Result<Severity> {
        let Some(word) = &self.severity else { return Ok(Severity::Low) };
        let all = [Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
        let found = all.into_iter().find(|severity| severity.as_str() == word);
        found.ok_or_else(|| self.wrong("`severity` is low, medium, high or critical"))
    }

    fn channel(&self) -> Result<Channel> {
        self.check()?;
        let of = format!("[[notify]] {}", self.name);
        let url = self.url.as_ref().map(|url| url.read(&of)).transpose()?;
        let key = self.key.as_ref().map(|key| key.read(&of)).transpose()?;
        let secret = self.secret.as_ref().map(|secret| secret.read(&of)).transpose()?;
        let missing = || self.wrong("something it needs is missing");
        let text = |secret: Option<Secret>| {
            secret.map(|secret| String::from_utf8_lossy(secret.expose()).into_owned()).ok_or_else(missing)
        };
        Ok(match self.kind {
            KindWritten::Webhook => Channel::Webhook { url: url.ok_or_else(missing)?, secret },
            KindWritten::Slack => Channel::Slack { url: url.ok_or_else(missing)? },
            KindWritten::Pagerduty => Channel::PagerDuty {
                url: if url.is_some() { text(url)? } else { PAGERDUTY.to_owned() },
                routing_key: key.ok_or_else(missing)?,
            },
            KindWritten::Jira => Channel::Jira(Jira {
                url: text(url)?,
                project: self.project.clone().ok_or_else(missing)?,
                issue_type: self.issue_type.clone().unwrap_or_else(|| "Task".to_owned()),
                user: self.user.clone(),
                token: key.ok_or_else(missing)?,
            }),
            KindWritten::Otlp => Channel::Otlp { url: text(url)?, authorization: key },
            KindWritten::Log => Channel::Log { path: self.path.clone().ok_or_else(missing)? },
        })
    }

    /// Its paths, from the folder of the settings.
    pub fn within(mut self, folder: &std::path::Path) -> NotifyWritten {
        self.path = self.path.map(|path| folder.join(path));
        self
    }
}
