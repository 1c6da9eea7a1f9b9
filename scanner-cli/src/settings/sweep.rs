//! `[sweep]`: how long a secret may stay open, whether values are kept, how many alerts are told one by one, and who jobs
//! are at forges, registries, the database and the queue.

use super::credential::Reference;
use crate::failure::{Failure, Result};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use stopleak_core::policy::Age;
use stopleak_core::{Secret, Severity};

const SEVERITIES: [Severity; 4] = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low];

/// `[sweep]`, as written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct SweepWritten {
    /// Those that are not named come from the environment.
    pub credentials: CredentialsWritten,
    /// Until then a secret is to be rotated: `"7 days"`, or one for each severity.
    pub rotate_within: Option<Within>,
    /// The key that values are kept under; without one they are not.
    pub keep_values: Option<Held>,
    /// Alerts of one run and kind that are told one by one; the rest is told as one.
    pub one_by_one: Option<u64>,
}

/// Seconds for each severity.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(try_from = "toml::Value")]
pub struct Within(pub BTreeMap<&'static str, i64>);

impl TryFrom<toml::Value> for Within {
    type Error = String;

    fn try_from(value: toml::Value) -> std::result::Result<Within, String> {
        let seconds = |value: &toml::Value| {
            let text = value.as_str().ok_or_else(|| format!("`{value}` is no time span: write \"7 days\""))?;
            text.parse::<Age>().map(|age| age.seconds)
        };
        let toml::Value::Table(table) = value else {
            let seconds = seconds(&value)?;
            return Ok(Within(SEVERITIES.map(|severity| (severity.as_str(), seconds)).into()));
        };
        let named = table.iter().map(|(word, value)| {
            let found = SEVERITIES.into_iter().find(|severity| severity.as_str() == word);
            let severity = found.ok_or_else(|| format!("`{word}` is no severity: critical, high, medium or low"))?;
            Ok((severity.as_str(), seconds(value)?))
        });
        named.collect::<std::result::Result<_, String>>().map(Within)
    }
}

/// Who we are, by where.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CredentialsWritten {
    pub github: Option<Held>,
    pub github_app: Option<AppWritten>,
    pub gitlab: Option<Held>,
    pub gitea: Option<Held>,
    pub bitbucket: Option<Held>,
    /// Whose token Bitbucket's is; without it, it is a workspace's or a repository's.
    pub bitbucket_email: Option<String>,
    pub azure: Option<Held>,
    #[serde(default)]
    pub registry: Vec<RegistryWritten>,
    /// The whole address of the database, with its password.
    pub store: Option<Held>,
    /// What a file of NATS' credentials holds.
    pub nats: Option<Held>,
}

/// A GitHub App.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppWritten {
    /// Its number or client id.
    pub id: String,
    pub key: Held,
    pub installation: Option<u64>,
}

/// A login of a registry.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryWritten {
    /// With its port.
    pub host: String,
    pub user: String,
    pub password: Held,
}

/// Where a credential is: as `Reference` has it, or in a vault: `{ vault = "prod:ci/github#token" }`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Held {
    Env(String),
    File(PathBuf),
    /// The vault's name (if there are several), the entry, and the field (if it has several).
    Vault(String),
}

impl Held {
    /// As it is written on the command line: `env:NAME`, `file:PATH`, `vault:VAULT:ENTRY#FIELD`.
    pub fn parse(text: &str) -> Result<Held> {
        match text.split_once(':') {
            Some(("env", name)) if !name.is_empty() => Ok(Held::Env(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(Held::File(path.into())),
            Some(("vault", entry)) if !entry.is_empty() => Ok(Held::Vault(entry.to_owned())),
            // What was meant as the key itself is not repeated.
            _ => Err(Failure::new("--keep-values names no key")
                .hint("write env:NAME, file:PATH or vault:VAULT:ENTRY#FIELD; the key itself is not written there")),
        }
    }

    /// The credential itself; `of` says whose it is, `vault` reads entries.
    pub fn read(&self, of: &str, vault: &dyn Fn(&str) -> Result<Secret>) -> Result<Secret> {
        match self {
            Held::Env(name) => Reference::Env(name.clone()).read(of),
            Held::File(path) => Reference::File(path.clone()).read(of),
            Held::Vault(entry) => vault(entry),
        }
    }

    fn below(&mut self, folder: &Path) {
        if let Held::File(path) = self {
            *path = folder.join(&*path);
        }
    }
}

impl SweepWritten {
    /// Its paths, from the folder of the settings.
    pub fn within(mut self, folder: &Path) -> SweepWritten {
        let CredentialsWritten { github, github_app, gitlab, gitea, bitbucket, azure, registry, store, nats, .. } =
            &mut self.credentials;
        let kept = &mut self.keep_values;
        let single = [github, gitlab, gitea, bitbucket, azure, store, nats, kept].into_iter().flatten();
        let inner = github_app.iter_mut().map(|app| &mut app.key);
        let passwords = registry.iter_mut().map(|registry| &mut registry.password);
        single.chain(inner).chain(passwords).for_each(|held| held.below(folder));
        self
    }
}
