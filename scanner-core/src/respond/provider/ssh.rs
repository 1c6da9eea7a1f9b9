//! SSH keys: a command of the user's takes the public key off the servers, or puts it on their list of revoked keys.

use super::command;
use crate::respond::outcome::Trouble;
use crate::respond::responder::{Abilities, Ability, Act, Effect, Job, Repeat, Responder};
use crate::respond::target::{Facts, Target};
use crate::secret::Secret;
use crate::verify::typed::ssh::RULES;
use crate::verify::typed::ssh::key::Key;
use base64::Engine as _;
use std::time::Duration;

/// How long the command may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the user said about SSH keys.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// Ends a key: it reads the public key, a line as in `authorized_keys`, from its standard input. It may run twice.
    pub revoke: Vec<String>,
}

/// Ends SSH keys.
pub struct Ssh {
    setup: Setup,
}

impl Ssh {
    /// By the user's command.
    pub fn new(setup: Setup) -> Ssh {
        Ssh { setup }
    }
}

impl Responder for Ssh {
    fn name(&self) -> &'static str {
        "ssh"
    }

    fn abilities(&self, target: &Target) -> Option<Abilities> {
        if !RULES.contains(&target.rule.id.as_str()) {
            return None;
        }
        let mut abilities = Abilities { refusals: 1, ..Abilities::default() };
        let ability = Ability {
            request: format!("run `{}` with the public key on its input", self.setup.revoke.join(" ")),
            irreversible: false,
            repeat: Repeat::Freely,
            instead: None,
            by_hand: target.rule.help.clone(),
        };
        abilities.acts.insert(Act::Delete, ability);
        if self.setup.revoke.is_empty() {
            let reason = "no command ends SSH keys here: name one in [respond.ssh] revoke = [\"…\"]";
            abilities.blocked = Some(reason.into());
        } else if public_line(&target.secret).is_none() {
            abilities.blocked = Some("the key is of a kind that is not read, or not whole".into());
        }
        Some(abilities)
    }

    fn bind(&self, target: &Target) -> Result<Facts, Trouble> {
        let line = public_line(&target.secret).ok_or_else(|| Trouble::Refused("the key cannot be read".into()))?;
        Ok(Facts::from([("public".to_owned(), line)]))
    }

    fn carry_out(&self, _: Act, job: &Job) -> Result<Effect, Trouble> {
        let line = public_line(&job.target.secret).ok_or_else(|| Trouble::Refused("the key cannot be read".into()))?;
        let variables = [("STOPLEAK_FINGERPRINT", job.target.fingerprint.as_str())];
        command::run(&self.setup.revoke, format!("{line}\n").as_bytes(), &variables, PATIENCE)?;
        Ok(Effect::default())
    }
}

/// `ssh-ed25519 AAAA…`, which is no secret.
pub fn public_line(secret: &Secret) -> Option<String> {
    let public = Key::read(secret.expose())?.public();
    let (len, rest) = public.split_first_chunk::<4>()?;
    let kind = std::str::from_utf8(rest.get(..u32::from_be_bytes(*len) as usize)?).ok()?;
    Some(format!("{kind} {}", base64::engine::general_purpose::STANDARD.encode(&public)))
}
