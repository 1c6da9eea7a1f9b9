//! `[respond]` of `stopleak.toml`: limits, other logins, commands. All but the kill switch counts only in settings that the
//! user named: what a repository of somebody else's brings has no say in what is run and with which login.

use crate::failure::{Failure, Result};
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use stopleak_core::Secret;
use stopleak_core::aws::Keys;
use stopleak_core::http::Http;
use stopleak_core::respond::Guard;
use stopleak_core::respond::announce::{All, Hook, OnRotated, Value};
use stopleak_core::respond::provider::{aws, database, ssh};
use stopleak_core::respond::run::Announce;

/// How secrets are ended and replaced, as the settings say.
#[derive(Debug, Default)]
pub struct RespondSettings {
    pub written: RespondWritten,
    /// The user named the settings: they were not just found beside a target.
    pub are_named: bool,
}

/// `[respond]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RespondWritten {
    /// The kill switch: nothing is changed.
    pub disabled: bool,
    /// The same, while this file is there.
    pub kill_switch: Option<PathBuf>,
    pub max_mutations: Option<u32>,
    pub accounts: Vec<String>,
    pub wait_seconds: Option<u64>,
    pub grace_seconds: Option<u64>,
    pub escrow: Option<String>,
    pub retire_versions: bool,
    pub state: Option<PathBuf>,
    pub aws: AwsWritten,
    pub postgres: LoginWritten,
    pub redis: LoginWritten,
    pub ssh: SshWritten,
    pub on_rotated: OnRotatedWritten,
}

/// `[respond.aws]`: another login, by the names of variables.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct AwsWritten {
    pub access_key_id_env: Option<String>,
    pub secret_access_key_env: Option<String>,
    pub session_token_env: Option<String>,
    pub iam: Option<String>,
    pub sts: Option<String>,
}

/// `[respond.postgres]`, `[respond.redis]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct LoginWritten {
    pub user: Option<String>,
    pub password_env: Option<String>,
}

/// `[respond.ssh]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct SshWritten {
    pub revoke: Vec<String>,
}

/// `[respond.on-rotated]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct OnRotatedWritten {
    pub command: Vec<String>,
    pub value: ValueWritten,
    pub url: Option<String>,
    pub max_seconds: Option<u64>,
}

/// How the command gets the new value.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ValueWritten {
    #[default]
    None,
    Stdin,
    Env,
}

impl RespondSettings {
    /// What counts of it.
    fn trusted(&self) -> Option<&RespondWritten> {
        self.are_named.then_some(&self.written)
    }

    /// The limits.
    pub fn guard(&self) -> Guard {
        let mut guard = Guard { is_killed: self.written.disabled, ..Guard::default() };
        guard.kill_switch.clone_from(&self.written.kill_switch);
        if let Some(written) = self.trusted() {
            guard.max_changes = written.max_mutations.unwrap_or(guard.max_changes);
            guard.accounts.clone_from(&written.accounts);
            guard.wait = written.wait_seconds.map_or(guard.wait, Duration::from_secs);
            guard.grace = written.grace_seconds.map_or(guard.grace, Duration::from_secs);
            guard.escrow = written.escrow.clone().unwrap_or(guard.escrow);
            guard.retires_versions = written.retire_versions;
        }
        guard
    }

    /// Where journals are kept, if the settings say.
    pub fn state(&self) -> Option<PathBuf> {
        self.trusted()?.state.clone()
    }

    /// How AWS is asked.
    pub fn aws(&self) -> Result<aws::Setup> {
        let Some(AwsWritten { access_key_id_env, secret_access_key_env, session_token_env, iam, sts }) =
            self.trusted().map(|written| &written.aws)
        else {
            return Ok(aws::Setup::default());
        };
        let admin = match (access_key_id_env, secret_access_key_env) {
            (Some(id), Some(secret)) => Some(Keys {
                id: variable(id)?,
                secret: Secret::new(variable(secret)?.as_bytes()),
                token: session_token_env
                    .as_ref()
                    .map(|name| variable(name))
                    .transpose()?
                    .map(|token| Secret::new(token.as_bytes())),
            }),
            (None, None) => None,
            _ => {
                return Err(Failure::new(
                    "[respond.aws] names a half login: access-key-id-env and secret-access-key-env",
                ));
            }
        };
        Ok(aws::Setup { admin, iam: iam.clone(), sts: sts.clone() })
    }

    /// How databases are asked.
    pub fn database(&self) -> Result<database::Setup> {
        let Some(written) = self.trusted() else { return Ok(database::Setup::default()) };
        Ok(database::Setup { postgres: written.postgres.login("postgres")?, redis: written.redis.login("redis")? })
    }

    /// How SSH keys are ended.
    pub fn ssh(&self) -> ssh::Setup {
        ssh::Setup { revoke: self.trusted().map(|written| written.ssh.revoke.clone()).unwrap_or_default() }
    }

    /// Who is told of new values.
    pub fn announce(&self, http: &Arc<Http>) -> Option<All> {
        let written = &self.trusted()?.on_rotated;
        let mut all: Vec<Box<dyn Announce>> = Vec::new();
        if !written.command.is_empty() {
            let value = match written.value {
                ValueWritten::None => Value::None,
                ValueWritten::Stdin => Value::Input,
                ValueWritten::Env => Value::Variable,
            };
            let patience = Duration::from_secs(written.max_seconds.unwrap_or(300));
            all.push(Box::new(OnRotated { words: written.command.clone(), value, patience }));
        }
        if let Some(url) = &written.url {
            let wire = Arc::clone(http) as Arc<dyn stopleak_core::http::Transport + Send>;
            all.push(Box::new(Hook { url: url.clone(), wire }));
        }
        (!all.is_empty()).then_some(All(all))
    }
}

impl LoginWritten {
    fn login(&self, name: &str) -> Result<Option<database::Admin>> {
        match (&self.user, &self.password_env) {
            (Some(user), Some(password)) => {
                let password = Secret::new(variable(password)?.as_bytes());
                Ok(Some(database::Admin { user: user.clone(), password }))
            }
            (None, None) => Ok(None),
            _ => Err(Failure::new(format!("[respond.{name}] names a half login: user and password-env"))),
        }
    }
}

fn variable(name: &str) -> Result<String> {
    std::env::var(name).map_err(|_| Failure::new(format!("the variable {name}, which [respond] names, is not set")))
}
