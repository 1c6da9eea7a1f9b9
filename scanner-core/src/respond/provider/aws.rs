//! AWS access keys: two a user, made, disabled and deleted by the key itself or by another login.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/id-credentials-access-keys-update.html>. A user whom AWS quarantined may
//! neither make nor disable keys, but may delete them:
//! <https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSCompromisedKeyQuarantineV3.html>.

use super::wire::{Reply, send};
use crate::aws::{Endpoint, Keys, xml};
use crate::respond::outcome::Trouble;
use crate::respond::responder::{Abilities, Ability, Act, Effect, Job, Reconciled, Repeat, Responder};
use crate::respond::target::{Facts, Fresh, Target};
use crate::secret::Secret;
use crate::time::{now, parse_rfc3339, rfc3339};
use crate::verify::Reach;
use std::collections::BTreeMap;
use std::time::Duration;

/// The rules whose secrets are access keys.
const RULES: [&str; 2] = ["aws.secret-access-key", "aws.secret-access-key-beside-id"];
/// The part that names the key.
const ID: &str = "aws.access-key-id";
/// How far clocks may differ.
const SKEW: i64 = 300;

/// Where and as whom AWS is asked.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// Another login, for what the leaked key may not do itself.
    pub admin: Option<Keys>,
    /// Where IAM is asked instead.
    pub iam: Option<String>,
    /// Where STS is asked instead.
    pub sts: Option<String>,
}

/// Ends and replaces access keys.
pub struct Aws<'a> {
    reach: &'a dyn Reach,
    setup: Setup,
    now: fn() -> i64,
}

/// One of a user's keys.
struct Key {
    id: String,
    is_active: bool,
    made: Option<i64>,
}

impl<'a> Aws<'a> {
    /// Asks through the gate.
    pub fn new(reach: &'a dyn Reach, setup: Setup) -> Aws<'a> {
        Aws { reach, setup, now }
    }

    /// As whom a change is asked for: another login if there is one; the new key, which is proved by then, ends the old.
    fn who(&self, act: Act, job: &Job) -> Result<Keys, Trouble> {
        if let Some(admin) = &self.setup.admin {
            return Ok(admin.clone());
        }
        let renewed = job.fresh.filter(|_| matches!(act, Act::Disable | Act::Delete));
        keys_of(&renewed.map_or_else(|| job.target.clone(), |fresh| job.target.renewed(fresh)))
    }

    fn iam(&self, keys: &Keys, action: &str, fields: &[(&str, &str)]) -> Result<String, Trouble> {
        let endpoint = Endpoint::new("iam", "us-east-1", self.setup.iam.as_deref());
        self.ask(endpoint.map_err(refused)?, keys, &[&[("Action", action), ("Version", "2010-05-08")], fields].concat())
    }

    fn ask(&self, endpoint: Endpoint, keys: &Keys, fields: &[(&str, &str)]) -> Result<String, Trouble> {
        let request = endpoint.query(keys, fields, (self.now)()).map_err(refused)?;
        let Reply { status, body } = send(self.reach, &request)?;
        let text = String::from_utf8_lossy(&body).into_owned();
        if status == 200 {
            return Ok(text);
        }
        let code = first(&text, "Code").unwrap_or_default();
        let action = fields.first().map_or("", |(_, action)| action);
        let message = format!("AWS answers {action} with {status} {code}");
        Err(match (status, code.as_str()) {
            (_, "Throttling" | "ThrottlingException" | "RequestLimitExceeded") => Trouble::Unavailable(message),
            (403, "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation") => Trouble::Denied(message),
            (409, "LimitExceeded") => {
                Trouble::Refused(format!("{message}: the user has two keys, delete one that nobody uses"))
            }
            _ => Trouble::Refused(message),
        })
    }

    /// The user's keys.
    fn list(&self, keys: &Keys, user: &str) -> Result<Vec<Key>, Trouble> {
        let text = self.iam(keys, "ListAccessKeys", &[("UserName", user)])?;
        let mut found: Vec<BTreeMap<String, String>> = Vec::new();
        let read = xml::elements(&text, &mut |path, text| {
            let [.., list, member, name] = path else { return };
            if list != "AccessKeyMetadata" || member != "member" {
                return;
            }
            // Elements come one after the other: a name seen before begins the next key.
            if found.last().is_none_or(|key| key.contains_key(name)) {
                found.push(BTreeMap::new());
            }
            if let Some(last) = found.last_mut() {
                last.insert(name.clone(), text.trim().to_owned());
            }
        });
        read.map_err(Trouble::Unanswered)?;
        let key = |mut key: BTreeMap<String, String>| {
            let made =
                key.get("CreateDate").and_then(|date| parse_rfc3339(&date.replace("+00:00", "Z").replace(".000", "")));
            Some(Key { id: key.remove("AccessKeyId")?, is_active: key.get("Status")? == "Active", made })
        };
        Ok(found.into_iter().filter_map(key).collect())
    }

    /// The list, by whoever may still ask: another login, the new key, the old one.
    fn list_somehow(&self, job: &Job) -> Result<Vec<Key>, Trouble> {
        let user = user(job)?;
        let renewed = job.fresh.map(|fresh| job.target.renewed(fresh));
        let asking =
            [self.setup.admin.clone(), renewed.and_then(|target| keys_of(&target).ok()), keys_of(job.target).ok()];
        let mut last = Trouble::Denied("nobody may list the user's keys".into());
        for keys in asking.into_iter().flatten() {
            match self.list(&keys, &user) {
                Ok(list) => return Ok(list),
                Err(trouble @ (Trouble::Unanswered(_) | Trouble::Unavailable(_))) => return Err(trouble),
                Err(trouble) => last = trouble,
            }
        }
        Err(last)
    }

    fn was_used(&self, job: &Job, id: &str) -> Result<bool, Trouble> {
        let text = self.iam(&self.who(Act::Bind, job)?, "GetAccessKeyLastUsed", &[("AccessKeyId", id)])?;
        Ok(first(&text, "LastUsedDate").is_some_and(|date| !date.is_empty() && date != "N/A"))
    }

    fn mint(&self, job: &Job) -> Result<Effect, Trouble> {
        let text = self.iam(&self.who(Act::Mint, job)?, "CreateAccessKey", &[("UserName", &user(job)?)])?;
        let (id, secret) = (first(&text, "AccessKeyId"), first(&text, "SecretAccessKey"));
        let (Some(id), Some(secret)) = (id, secret) else {
            return Err(Trouble::Unanswered("AWS's answer names no key".into()));
        };
        let parts = vec![(ID.to_owned(), Secret::new(id.as_bytes()))];
        let fresh = Fresh { id: Some(id), secret: Secret::new(secret.as_bytes()), parts };
        Ok(Effect { facts: Facts::new(), fresh: Some(fresh) })
    }

    fn delete(&self, act: Act, job: &Job, id: &str) -> Result<(), Trouble> {
        match self.iam(&self.who(act, job)?, "DeleteAccessKey", &[("AccessKeyId", id), ("UserName", &user(job)?)]) {
            Err(Trouble::Refused(message)) if message.contains("NoSuchEntity") => Ok(()),
            done => done.map(|_| ()),
        }
    }

    /// The key that was made, if it can be told from all others.
    fn orphan(&self, job: &Job) -> Result<Reconciled, Trouble> {
        let before: Vec<&str> = job.before.get("ids").map(|ids| ids.split(' ').collect()).unwrap_or_default();
        let since = job.before.get("time").and_then(|time| parse_rfc3339(time)).unwrap_or(0) - SKEW;
        let list = self.list_somehow(job)?;
        let new: Vec<&Key> = list.iter().filter(|key| !before.contains(&key.id.as_str())).collect();
        match new.as_slice() {
            [] => Ok(Reconciled::NotDone),
            [key] if key.made.is_some_and(|made| made >= since) => match self.was_used(job, &key.id)? {
                false => Ok(Reconciled::Orphan(key.id.clone())),
                true => {
                    Ok(Reconciled::Unclear(format!("{} was made meanwhile and is in use: it may be another's", key.id)))
                }
            },
            keys => {
                let ids: Vec<&str> = keys.iter().map(|key| key.id.as_str()).collect();
                Ok(Reconciled::Unclear(format!("keys that were not there before: {}", ids.join(", "))))
            }
        }
    }
}

impl Responder for Aws<'_> {
    fn name(&self) -> &'static str {
        "aws"
    }

    fn abilities(&self, target: &Target) -> Option<Abilities> {
        if !RULES.contains(&target.rule.id.as_str()) {
            return None;
        }
        let id = target.part(ID).unwrap_or_default();
        let ability = |request: String, irreversible, repeat, instead, by_hand: &str| Ability {
            request,
            irreversible,
            repeat,
            instead,
            by_hand: by_hand.into(),
        };
        let admin = "a quarantined user may not do it: name another login in [respond.aws]";
        let once = Repeat::WhenReadSaysNo;
        let acts = [
            (Act::Mint, ability("iam CreateAccessKey".into(), false, once, None, admin)),
            (
                Act::Disable,
                ability(
                    format!("iam UpdateAccessKey {id} Status=Inactive"),
                    false,
                    Repeat::Freely,
                    Some(Act::Delete),
                    admin,
                ),
            ),
            (Act::Delete, ability(format!("iam DeleteAccessKey {id}"), true, once, None, admin)),
            (Act::Discard, ability("iam DeleteAccessKey of the new key".into(), true, once, None, "delete it by hand")),
        ];
        let mut abilities = Abilities { acts: acts.into(), refusals: 2, ..Abilities::default() };
        abilities.by_itself = self.setup.admin.is_none();
        abilities.blocked = match id.get(..4) {
            Some("AKIA") => None,
            Some("ASIA") => Some(
                "keys of a session cannot be deleted: deny the role what was issued before now (aws:TokenIssueTime)"
                    .into(),
            ),
            _ => Some("the id of the key does not stand near it".into()),
        };
        Some(abilities)
    }

    fn bind(&self, target: &Target) -> Result<Facts, Trouble> {
        let keys = keys_of(target)?;
        let endpoint = Endpoint::new("sts", "us-east-1", self.setup.sts.as_deref()).map_err(refused)?;
        let text = self.ask(endpoint, &keys, &[("Action", "GetCallerIdentity"), ("Version", "2011-06-15")])?;
        let (arn, account) = (first(&text, "Arn").unwrap_or_default(), first(&text, "Account").unwrap_or_default());
        let user = arn.split_once(":user/").and_then(|(_, path)| path.rsplit('/').next());
        let Some(user) = user.filter(|user| !user.is_empty()) else {
            let reason = format!("it belongs to {arn}, which is no user: end it in the console");
            return Err(Trouble::Refused(reason));
        };
        let mut facts = Facts::from([("user".to_owned(), user.to_owned()), ("account".to_owned(), account)]);
        facts.insert("id".to_owned(), keys.id.clone());
        // That id and secret belong together STS has shown; that another login sees the same user this shows.
        let asking = self.setup.admin.as_ref().unwrap_or(&keys);
        match self.list(asking, user) {
            Ok(list) if list.iter().any(|key| key.id == keys.id) => Ok(facts),
            Ok(_) => Err(Trouble::Ambiguous(format!("{} is none of {user}'s keys: another account?", keys.id))),
            Err(Trouble::Denied(_)) if self.setup.admin.is_none() => Ok(facts),
            Err(trouble) => Err(trouble),
        }
    }

    fn before(&self, act: Act, job: &Job) -> Result<Facts, Trouble> {
        if act != Act::Mint {
            return Ok(Facts::new());
        }
        let list = self.list_somehow(job)?;
        if list.len() > 1 {
            let others: Vec<String> = list
                .iter()
                .filter(|key| job.bound.get("id") != Some(&key.id))
                .map(|key| format!("{} ({})", key.id, if key.is_active { "active" } else { "inactive" }))
                .collect();
            let message =
                format!("the user has two keys already, so no new one can be made; the other: {}", others.join(", "));
            return Err(Trouble::Refused(message));
        }
        let ids: Vec<String> = list.into_iter().map(|key| key.id).collect();
        Ok(Facts::from([("ids".to_owned(), ids.join(" ")), ("time".to_owned(), rfc3339((self.now)()))]))
    }

    fn carry_out(&self, act: Act, job: &Job) -> Result<Effect, Trouble> {
        let old = job.target.part(ID).ok_or_else(|| Trouble::Refused("the id of the key is not known".into()))?;
        match act {
            Act::Mint => return self.mint(job),
            Act::Disable => {
                let fields = [("AccessKeyId", old.as_str()), ("Status", "Inactive"), ("UserName", &user(job)?)];
                self.iam(&self.who(act, job)?, "UpdateAccessKey", &fields)?;
            }
            Act::Delete => self.delete(act, job, &old)?,
            Act::Discard => {
                let id =
                    job.before.get("id").ok_or_else(|| Trouble::Refused("the new key's id is not known".into()))?;
                if *id == old {
                    return Err(Trouble::Ambiguous("the new key's id is the old one's".into()));
                }
                self.delete(act, job, id)?;
            }
            _ => return Err(Trouble::Refused("AWS has no such request".into())),
        }
        Ok(Effect::default())
    }

    fn reconcile(&self, act: Act, job: &Job) -> Result<Reconciled, Trouble> {
        if act == Act::Mint {
            return self.orphan(job);
        }
        let old = job.target.part(ID).unwrap_or_default();
        let id = if act == Act::Discard { job.before.get("id").cloned().unwrap_or_default() } else { old };
        let list = match self.list_somehow(job) {
            Ok(list) => list,
            Err(Trouble::Denied(_) | Trouble::Refused(_)) => return Ok(Reconciled::AskVerify),
            Err(trouble) => return Err(trouble),
        };
        let key = list.iter().find(|key| key.id == id);
        Ok(match (act, key) {
            (_, None) => Reconciled::Done(Facts::new()),
            (Act::Disable, Some(key)) if !key.is_active => Reconciled::Done(Facts::new()),
            _ => Reconciled::NotDone,
        })
    }

    fn settles_in(&self) -> Duration {
        Duration::from_secs(10)
    }
}

fn keys_of(target: &Target) -> Result<Keys, Trouble> {
    let id = target.part(ID).ok_or_else(|| Trouble::Refused("the id of the key is not known".into()))?;
    Ok(Keys { id, secret: target.secret.clone(), token: None })
}

fn user(job: &Job) -> Result<String, Trouble> {
    job.bound.get("user").cloned().ok_or_else(|| Trouble::Refused("the key's user is not known".into()))
}

fn refused(error: crate::http::TransportError) -> Trouble {
    Trouble::Refused(error.to_string())
}

/// The text of the first element of a name.
fn first(text: &str, name: &str) -> Option<String> {
    let mut found = None;
    let read = xml::elements(text, &mut |path, text| {
        if found.is_none() && path.last().is_some_and(|last| last == name) {
            found = Some(text.trim().to_owned());
        }
    });
    read.ok().and(found)
}
