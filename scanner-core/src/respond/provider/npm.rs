//! npm's tokens: the registry lists them shortened, so that a token is told by its beginning and end, or not at all.
//!
//! npm's guide on revoking access tokens: a revoked one may work for up to an hour.

use super::wire::send;
use crate::http::{Method, Request};
use crate::respond::outcome::Trouble;
use crate::respond::responder::{Abilities, Ability, Act, Effect, Job, Reconciled, Repeat, Responder};
use crate::respond::target::{Facts, Target};
use crate::secret::Secret;
use crate::verify::{Reach, Verifier};
use serde_json::Value;

/// Pages of the list that are read.
const MAX_PAGES: usize = 50;
/// Characters that tell one token from all others.
const MIN_SHOWN: usize = 6;

/// Ends npm's tokens.
pub struct Npm<'a> {
    verifier: &'a Verifier,
}

impl<'a> Npm<'a> {
    /// Asks where the verifier may.
    pub fn new(verifier: &'a Verifier) -> Npm<'a> {
        Npm { verifier }
    }

    /// Where the registry stands: one address, or it is not clear whose token it is.
    fn registry(&self, target: &Target) -> Result<String, String> {
        let exchanges = self.verifier.rules().exchanges(&target.rule.id);
        let verify =
            exchanges.and_then(|exchanges| exchanges.verify.as_ref()).ok_or("no rule says where npm stands")?;
        let endpoints = self.verifier.endpoints(&target.rule, verify).map_err(|refusal| refusal.reason)?;
        match endpoints.as_slice() {
            [Some(one)] => Ok(one.trim_end_matches('/').to_owned()),
            _ => Err("it is not clear at which registry: name one in [verify.endpoints] npm".into()),
        }
    }

    fn ask(&self, target: &Target, method: Method, path: &str) -> Result<(u16, Vec<u8>), Trouble> {
        let registry = self.registry(target).map_err(Trouble::Refused)?;
        let url = format!("{registry}{path}");
        if !url.starts_with("https://") && !crate::http::is_loopback(&url) {
            return Err(Trouble::Refused("the registry would be asked without TLS".into()));
        }
        let token = std::str::from_utf8(target.secret.expose());
        let token = token.map_err(|_| Trouble::Refused("it is no text".into()))?;
        let request = Request::new(method, url).header("Authorization", format!("Bearer {token}"));
        let reply = send(self.verifier.gate() as &dyn Reach, &request)?;
        Ok((reply.status, reply.body))
    }

    /// The keys of all tokens in the list that may be this one.
    fn matching(&self, target: &Target) -> Result<Vec<String>, Trouble> {
        let (mut path, mut found) = ("/-/npm/v1/tokens".to_owned(), Vec::new());
        for _ in 0..MAX_PAGES {
            let (status, body) = self.ask(target, Method::Get, &path)?;
            if status != 200 {
                return Err(Trouble::Denied(format!("npm does not list the tokens ({status})")));
            }
            let page: Value = serde_json::from_slice(&body)
                .map_err(|_| Trouble::Refused("npm's list of tokens is no JSON".into()))?;
            let objects = page.get("objects").and_then(Value::as_array);
            let objects = objects.ok_or_else(|| Trouble::Refused("npm's answer holds no list of tokens".into()))?;
            let of = |object: &Value, name: &str| object.get(name).and_then(Value::as_str).map(str::to_owned);
            let matches = |object: &&Value| of(object, "token").is_some_and(|shown| is_shown(&shown, &target.secret));
            found.extend(objects.iter().filter(matches).filter_map(|object| of(object, "key")));
            match page.pointer("/urls/next").and_then(Value::as_str).filter(|next| next.starts_with("/-/npm/v1/tokens"))
            {
                Some(next) => path = next.to_owned(),
                None => return Ok(found),
            }
        }
        Err(Trouble::Ambiguous("npm's list of tokens has no end".into()))
    }
}

impl Responder for Npm<'_> {
    fn name(&self) -> &'static str {
        "npm"
    }

    fn abilities(&self, target: &Target) -> Option<Abilities> {
        if target.rule.provider.id != "npm" {
            return None;
        }
        let registry = self.registry(target);
        let place = registry.as_deref().unwrap_or("{endpoint}");
        let ability = Ability {
            request: format!("GET {place}/-/npm/v1/tokens, then DELETE {place}/-/npm/v1/tokens/token/{{key}}"),
            irreversible: true,
            repeat: Repeat::Freely,
            instead: None,
            by_hand: target.rule.help.clone(),
        };
        let mut abilities = Abilities { by_itself: true, refusals: 1, ..Abilities::default() };
        abilities.acts.insert(Act::Delete, ability);
        abilities.blocked = registry.err();
        abilities.warnings.push("a revoked token may work for up to an hour: --wait 1h asks so long".into());
        Some(abilities)
    }

    fn bind(&self, target: &Target) -> Result<Facts, Trouble> {
        let found = self.matching(target)?;
        match found.as_slice() {
            [key] => Ok(Facts::from([("key".to_owned(), key.clone())])),
            [] => Err(Trouble::Ambiguous("npm's list holds no token that begins and ends so".into())),
            several => Err(Trouble::Ambiguous(format!(
                "{} tokens in npm's list begin and end so: revoke by hand",
                several.len()
            ))),
        }
    }

    fn carry_out(&self, _: Act, job: &Job) -> Result<Effect, Trouble> {
        let key = job.bound.get("key").ok_or_else(|| Trouble::Refused("the token's key is not known".into()))?;
        let is_key = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        if !is_key {
            return Err(Trouble::Refused("npm names the token in a way that no address can hold".into()));
        }
        match self.ask(job.target, Method::Delete, &format!("/-/npm/v1/tokens/token/{key}"))? {
            (200..300, _) => Ok(Effect::default()),
            (status, _) => Err(Trouble::Refused(format!("npm declines it ({status})"))),
        }
    }

    fn reconcile(&self, _: Act, _: &Job) -> Result<Reconciled, Trouble> {
        Ok(Reconciled::AskVerify)
    }
}

/// Whether a shortened token (`npm_ab...wxyz`) may be this one.
fn is_shown(shown: &str, secret: &Secret) -> bool {
    let Ok(secret) = std::str::from_utf8(secret.expose()) else { return false };
    match shown.split_once("...").or_else(|| shown.split_once('…')) {
        Some((head, tail)) => {
            head.len() + tail.len() >= MIN_SHOWN
                && head.len() + tail.len() <= secret.len()
                && secret.starts_with(head)
                && secret.ends_with(tail)
        }
        None => shown == secret,
    }
}
