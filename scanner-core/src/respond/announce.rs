//! Tells those who use a secret that the vault has a new one: a command of the user's, or a web hook.

use super::outcome::Trouble;
use super::provider::command;
use super::run::{Announce, News};
use crate::http::{Method, Request, Transport};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// How the new value reaches a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Value {
    /// Not at all: it reads the vault.
    #[default]
    None,
    /// On its standard input.
    Input,
    /// In the variable `STOPLEAK_VALUE`.
    Variable,
}

/// A command that is run, without a shell.
#[derive(Clone, Debug)]
pub struct OnRotated {
    /// Its words.
    pub words: Vec<String>,
    /// How it gets the new value.
    pub value: Value,
    /// How long it may take.
    pub patience: Duration,
}

impl Announce for OnRotated {
    fn name(&self) -> String {
        format!("run `{}`", self.words.join(" "))
    }

    fn announce(&self, news: &News) -> Result<(), Trouble> {
        let text = std::str::from_utf8(news.value.expose());
        let mut variables = vec![
            ("STOPLEAK_RUN", news.run),
            ("STOPLEAK_FINGERPRINT", news.fingerprint),
            ("STOPLEAK_RULE", news.rule),
            ("STOPLEAK_VAULT_PATH", news.place.path.as_str()),
            ("STOPLEAK_VAULT_FIELD", news.place.field.as_str()),
            ("STOPLEAK_VAULT_VERSION", news.version),
        ];
        if self.value == Value::Variable {
            variables.push(("STOPLEAK_VALUE", text.map_err(|_| Trouble::Refused("the value is no text".into()))?));
        }
        let input = if self.value == Value::Input { news.value.expose() } else { b"" };
        command::run(&self.words, input, &variables, self.patience)
    }
}

/// A web hook that is told everything but the value.
pub struct Hook {
    /// Where.
    pub url: String,
    /// The way to the network.
    pub wire: Arc<dyn Transport + Send>,
}

impl Announce for Hook {
    fn name(&self) -> String {
        let host = crate::http::exact(&self.url).map(|exact| exact.host).unwrap_or_default();
        format!("POST to {host}")
    }

    fn announce(&self, news: &News) -> Result<(), Trouble> {
        if !self.url.starts_with("https://") && !crate::http::is_loopback(&self.url) {
            return Err(Trouble::Refused("the web hook would be called without TLS".into()));
        }
        let mut request = Request::new(Method::Post, self.url.clone()).header("Content-Type", "application/json");
        let body = json!({
            "event": "rotated", "run": news.run, "fingerprint": news.fingerprint, "rule": news.rule,
            "vault_path": news.place.path, "vault_field": news.place.field, "vault_version": news.version,
        });
        request.body = body.to_string().into_bytes();
        let answer = self.wire.send(&request).map_err(|error| Trouble::Unanswered(error.to_string()))?;
        match answer.is_success() {
            true => Ok(()),
            false => Err(Trouble::Refused(format!("the web hook answers {}", answer.status))),
        }
    }
}

/// Several, in order; the first that fails ends it.
pub struct All(pub Vec<Box<dyn Announce>>);

impl Announce for All {
    fn name(&self) -> String {
        self.0.iter().map(|one| one.name()).collect::<Vec<_>>().join(", then ")
    }

    fn announce(&self, news: &News) -> Result<(), Trouble> {
        self.0.iter().try_for_each(|one| one.announce(news))
    }
}
