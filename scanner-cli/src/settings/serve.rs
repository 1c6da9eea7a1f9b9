//! `[serve]`: which forges are answered, and with which credentials.

use super::credential::Reference;
use super::page::{PageSettings, PageWritten};
use crate::failure::{Failure, Result};
use serde::Deserialize;
use std::path::PathBuf;
use stopleak_core::http::is_loopback;
use stopleak_core::inbound::{Alerts, AlertsApi, GitLab, KeySource, Partner, PublicKeys};

/// Where GitHub publishes the keys of its partner program.
const GITHUB_KEYS: &str = "https://api.github.com/meta/public_keys/secret_scanning";

/// Where GitHub's alerts are.
const GITHUB: &str = "https://api.github.com";

/// `[serve]`, as written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ServeWritten {
    /// Where incidents wait.
    pub queue: Option<PathBuf>,
    /// Whether the provider of a reported secret is asked; it is unless this says no.
    pub verify: Option<bool>,
    /// Whether reported secrets are ended; they are not unless this says so.
    #[serde(default)]
    pub revoke: bool,
    gitlab: Option<GitLabWritten>,
    github_partner: Option<PartnerWritten>,
    github_alerts: Option<AlertsWritten>,
    page: Option<PageWritten>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GitLabWritten {
    token: Reference,
    types: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PartnerWritten {
    keys_url: Option<String>,
    keys_file: Option<PathBuf>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AlertsWritten {
    secret: Reference,
    /// Reads the values of alerts, and resolves those whose secret is dead.
    token: Option<Reference>,
    /// Where the API is.
    url: Option<String>,
}

/// Who is answered.
pub struct Served {
    pub gitlab: Option<GitLab>,
    pub partner: Option<Partner>,
    pub alerts: Option<Alerts>,
    pub alerts_api: Option<AlertsApi>,
    pub page: Option<PageSettings>,
}

impl ServeWritten {
    /// Reads the credentials. Nobody to answer is an error.
    pub fn served(&self) -> Result<Served> {
        let gitlab = self.gitlab.as_ref().map(|gitlab| {
            let token = gitlab.token.read("[serve.gitlab]")?;
            match token.expose().len() {
                16.. => Ok(GitLab { token, types: gitlab.types.clone() }),
                _ => Err(Failure::new("the token of [serve.gitlab] can be guessed: 16 characters at least")),
            }
        });
        let partner = self.github_partner.as_ref().map(|partner| match (&partner.keys_url, &partner.keys_file) {
            (Some(_), Some(_)) => {
                Err(Failure::new("[serve.github-partner] has `keys-url` and `keys-file`: one of them"))
            }
            (_, Some(file)) => Ok(KeySource::File(file.clone())),
            (url, None) => Ok(KeySource::Url(url.clone().unwrap_or_else(|| GITHUB_KEYS.to_owned()))),
        });
        let alerts = self.github_alerts.as_ref().map(|alerts| {
            let secret = alerts.secret.read("[serve.github-alerts]")?;
            Ok::<_, Failure>(Alerts { secret })
        });
        if self.revoke && self.verify == Some(false) {
            let problem = "[serve] has `revoke = true` and `verify = false`: what nobody asks about is not ended";
            return Err(Failure::new(problem));
        }
        let alerts_api = self.github_alerts.as_ref().and_then(AlertsWritten::api).transpose()?;
        let served = Served {
            alerts_api,
            gitlab: gitlab.transpose()?,
            partner: partner.transpose()?.map(|source| Partner { keys: PublicKeys::new(source) }),
            alerts: alerts.transpose()?,
            page: self.page.as_ref().map(PageWritten::checked).transpose()?,
        };
        match (&served.gitlab, &served.partner, &served.alerts, &served.page) {
            (None, None, None, None) => Err(Failure::new("the settings name nobody to answer")
                .hint("write [serve.gitlab], [serve.github-partner], [serve.github-alerts] or [serve.page]")),
            _ => Ok(served),
        }
    }

    /// Its paths, from the folder of the settings.
    pub fn within(mut self, folder: &std::path::Path) -> ServeWritten {
        self.queue = self.queue.map(|path| folder.join(path));
        self.page = self.page.map(|page| page.within(folder));
        if let Some(partner) = &mut self.github_partner {
            partner.keys_file = partner.keys_file.take().map(|path| folder.join(path));
        }
        self
    }
}

impl AlertsWritten {
    fn api(&self) -> Option<Result<AlertsApi>> {
        let token = self.token.as_ref()?;
        let url = self.url.clone().unwrap_or_else(|| GITHUB.to_owned());
        if !url.starts_with("https://") && !is_loopback(&url) {
            let problem = "the `url` of [serve.github-alerts] is not https: the token would go in clear";
            return Some(Err(Failure::new(problem)));
        }
        Some(token.read("[serve.github-alerts]").map(|token| AlertsApi { url, token }))
    }
}
