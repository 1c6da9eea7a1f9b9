//! Every provider whose rule says how to end or replace its secrets: GitHub, GitLab, Slack, Vault's tokens and the others.
//!
//! What is asked is data (`[[rule.revoke]]`, `[[rule.rotate]]`); the traps of some providers are here.

use super::wire::not_sent;
use crate::finding::Doubt;
use crate::respond::outcome::Trouble;
use crate::respond::responder::{Abilities, Ability, Act, Effect, Job, Reconciled, Repeat, Responder};
use crate::respond::target::{Facts, Fresh, Target};
use crate::rule::exchange::judge::Judgement;
use crate::rule::exchange::{Answer, Body, Condition, Meaning, Scalar};
use crate::rule::{Exchange, Exchanges};
use crate::secret::Secret;
use crate::verify::exchange::{Carried, Fate, How, carry_out};
use crate::verify::request::{needed, shown};
use crate::verify::values::{Values, kind};
use crate::verify::{Refusal, Verifier};

/// Ends and replaces secrets as their rules say.
pub struct Exchanged<'a> {
    verifier: &'a Verifier,
}

impl<'a> Exchanged<'a> {
    /// Asks where and as far as the verifier may.
    pub fn new(verifier: &'a Verifier) -> Exchanged<'a> {
        Exchanged { verifier }
    }

    fn exchanges(&self, target: &Target) -> Option<&Exchanges> {
        self.verifier.rules().exchanges(&target.rule.id)
    }

    /// Why it cannot be asked at all.
    fn obstacle(&self, target: &Target, exchange: &Exchange) -> Option<String> {
        if let Err(refusal) = self.verifier.admits(&target.rule) {
            return Some(refusal.reason);
        }
        let values = Values::of(&target.subject());
        let missing: Vec<String> = needed(exchange).into_iter().filter(|name| values.text(name).is_none()).collect();
        if !missing.is_empty() {
            return Some(format!("it is asked with what does not stand near it: {}", missing.join(", ")));
        }
        match self.verifier.endpoints(&target.rule, exchange) {
            Err(refusal) => Some(refusal.reason),
            Ok(_) => None,
        }
    }

    fn ability(&self, target: &Target, exchange: &Exchange, repeat: Repeat) -> Ability {
        let values = Values::of(&target.subject());
        let endpoint =
            self.verifier.endpoints(&target.rule, exchange).ok().and_then(|all| all.first().copied().flatten());
        let values = values.at(endpoint);
        let steps = exchange.steps.iter().map(|step| {
            let shown = shown(step, &values);
            format!("{} {}", shown.method, shown.url)
        });
        let request = steps.collect::<Vec<_>>().join(", then ");
        Ability { request, irreversible: true, repeat, instead: None, by_hand: target.rule.help.clone() }
    }

    /// Carries an exchange out at each of the provider's addresses until one takes it.
    fn carry(&self, target: &Target, exchange: &Exchange) -> Result<Carried, Trouble> {
        let endpoints = self.verifier.endpoints(&target.rule, exchange).map_err(not_sent)?;
        let how = How { reach: self.verifier.gate(), reads_only: false, before: &|_| Ok(()) };
        let mut last = None;
        for endpoint in endpoints {
            let carried = carry_out(exchange, Values::of(&target.subject()).at(endpoint), &how);
            let is_declined = matches!(carried.judgement, Judgement::Means { meaning: Meaning::Declined, .. });
            if !is_declined {
                return Ok(carried);
            }
            last = Some(carried);
        }
        last.ok_or_else(|| Trouble::Refused("the provider stands nowhere".into()))
    }
}

impl Responder for Exchanged<'_> {
    fn name(&self) -> &'static str {
        "exchange"
    }

    fn abilities(&self, target: &Target) -> Option<Abilities> {
        let exchanges = self.exchanges(target)?;
        let mut abilities = Abilities { by_itself: true, refusals: 1, ..Abilities::default() };
        for (act, exchange) in [(Act::Delete, &exchanges.revoke), (Act::Replace, &exchanges.rotate)] {
            let Some(exchange) = exchange else { continue };
            // A second rotation may end the whole family of tokens, the new one with it; an end is an end.
            let repeat = if act == Act::Replace { Repeat::Never } else { Repeat::WhenReadSaysNo };
            abilities.acts.insert(act, self.ability(target, exchange, repeat));
            abilities.unproven = abilities.unproven.or_else(|| exchange.unproven.clone());
            abilities.blocked = abilities.blocked.or_else(|| self.obstacle(target, exchange));
        }
        if abilities.acts.contains_key(&Act::Replace) {
            let warning =
                "one request makes the new value and ends the old one: if its answer is lost, so is the new value";
            abilities.warnings.push(warning.into());
        }
        if target.rule.provider.id == "github" && target.rule.id != "github.app-installation-token" {
            abilities.warnings.push("its owner gets an e-mail, and it cannot be taken back".into());
        }
        (!abilities.acts.is_empty()).then_some(abilities)
    }

    fn bind(&self, target: &Target) -> Result<Facts, Trouble> {
        // What is asked with the secret itself ends that secret; Slack lets us try without effect.
        if target.rule.provider.id == "slack"
            && let Some(revoke) = self.exchanges(target).and_then(|exchanges| exchanges.revoke.as_ref())
        {
            let rehearsed = self.carry(target, &rehearsal(revoke))?;
            return match rehearsed.judgement {
                Judgement::Means { meaning: Meaning::Accepted, .. } => {
                    Ok(Facts::from([("rehearsed".to_owned(), "test=1".to_owned())]))
                }
                _ => Err(trouble(rehearsed).unwrap_or_else(|| Trouble::Refused("Slack would not revoke it".into()))),
            };
        }
        Ok(Facts::new())
    }

    fn carry_out(&self, act: Act, job: &Job) -> Result<Effect, Trouble> {
        let exchanges = self.exchanges(job.target).ok_or_else(|| Trouble::Refused("no rule says how".into()))?;
        let exchange = match act {
            Act::Replace => exchanges.rotate.as_ref(),
            Act::Delete => exchanges.revoke.as_ref(),
            _ => None,
        };
        let exchange = exchange.ok_or_else(|| Trouble::Refused("no rule says how".into()))?;
        let carried = self.carry(job.target, exchange)?;
        match carried.judgement {
            Judgement::Means { meaning: Meaning::Accepted, mut kept, .. } if act == Act::Replace => {
                let none = || Trouble::Unanswered("the answer holds no new value".into());
                let secret = kept.remove("secret").filter(|secret| !secret.is_empty()).ok_or_else(none)?;
                let part =
                    |(rule, _): &(String, Secret)| Some((rule.clone(), Secret::new(kept.get(kind(rule))?.as_bytes())));
                let parts = job.target.parts.iter().filter_map(part).collect();
                let fresh = Fresh { id: None, secret: Secret::new(secret.as_bytes()), parts };
                Ok(Effect { facts: Facts::new(), fresh: Some(fresh) })
            }
            Judgement::Means { meaning: Meaning::Accepted, .. } => Ok(Effect::default()),
            _ => Err(trouble(carried).unwrap_or_else(|| Trouble::Unanswered("an answer that says nothing".into()))),
        }
    }

    fn reconcile(&self, _: Act, _: &Job) -> Result<Reconciled, Trouble> {
        Ok(Reconciled::AskVerify)
    }
}

/// What a failed exchange means; none for one that did not fail.
fn trouble(carried: Carried) -> Option<Trouble> {
    let last = carried.asked.last();
    let status = last.and_then(|asked| match asked.fate {
        Fate::Answered(status) => Some(status),
        _ => None,
    });
    let changes = last.is_some_and(|asked| !matches!(asked.shown.method.as_str(), "GET" | "HEAD"));
    let reason = match carried.judgement {
        Judgement::Means { meaning: Meaning::Declined, .. } => {
            let status = status.map(|status| format!(" ({status})")).unwrap_or_default();
            return Some(Trouble::Refused(format!("the provider declines it{status}")));
        }
        Judgement::Unknown(reason) => reason,
        _ => return None,
    };
    Some(match (last.map(|asked| asked.fate), carried.doubt) {
        (None, _) | (Some(Fate::NotSent), _) => {
            not_sent(Refusal::new(carried.doubt.unwrap_or(Doubt::Incomplete), reason))
        }
        (Some(Fate::Answered(429)), _) => Trouble::Unavailable(reason),
        (Some(Fate::Unanswered), _) if !changes => Trouble::Unavailable(reason),
        (Some(Fate::Answered(500..)), _) if !changes => Trouble::Unavailable(reason),
        // A list that does not hold the secret, or holds it twice: nobody else's is touched.
        (Some(Fate::Answered(200..300)), _) if !changes => Trouble::Ambiguous(reason),
        (Some(Fate::Answered(300..500)), _) => Trouble::Refused(reason),
        _ => Trouble::Unanswered(reason),
    })
}

/// The same request with `test=1`: <https://docs.slack.dev/reference/methods/auth.revoke>.
fn rehearsal(revoke: &Exchange) -> Exchange {
    let mut rehearsal = revoke.clone();
    for step in &mut rehearsal.steps {
        step.body = Body::Form([("test".to_owned(), "1".to_owned())].into());
        let when = |ok| Condition { json: [("/ok".to_owned(), Scalar::Bool(ok))].into(), ..Condition::default() };
        step.answers = vec![
            Answer { meaning: Meaning::Declined, when: when(false) },
            Answer { meaning: Meaning::Accepted, when: when(true) },
        ];
    }
    rehearsal
}
