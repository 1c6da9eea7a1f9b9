//! Passwords of PostgreSQL and Redis. New ones are chosen here, and no server is told one: it gets what it would keep.
//!
//! Open sessions survive a new password, so they are ended, too:
//! <https://www.postgresql.org/docs/current/sql-alterrole.html>, <https://redis.io/docs/latest/commands/acl-setuser/>.

use super::{random_word, wire::not_sent};
use crate::respond::outcome::Trouble;
use crate::respond::responder::{Abilities, Ability, Act, Effect, Job, Repeat, Responder};
use crate::respond::target::{Facts, Fresh, Target};
use crate::secret::{Secret, hex, random};
use crate::verify::typed::{self, CONNECTION, Failed, Kind, postgres, redis};
use crate::verify::{Reach, Refusal};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// Characters of a new password: 190 bits.
const LEN: usize = 32;
/// As PostgreSQL itself does by default.
const ROUNDS: u32 = 4096;

/// A login that may do more than the leaked one.
#[derive(Clone, Debug)]
pub struct Admin {
    /// Who.
    pub user: String,
    /// With which password.
    pub password: Secret,
}

/// What the user said about databases.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// Of PostgreSQL's servers.
    pub postgres: Option<Admin>,
    /// Of Redis's servers.
    pub redis: Option<Admin>,
}

/// Replaces and ends passwords.
pub struct Database<'a> {
    reach: &'a dyn Reach,
    setup: Setup,
}

impl<'a> Database<'a> {
    /// Connects through the gate.
    pub fn new(reach: &'a dyn Reach, setup: Setup) -> Database<'a> {
        Database { reach, setup }
    }

    fn admin(&self, kind: Kind) -> Option<&Admin> {
        if kind == Kind::Postgres { self.setup.postgres.as_ref() } else { self.setup.redis.as_ref() }
    }

    /// Who carries an act out: another login, the new password once it is proved, the leaked one.
    fn login(&self, act: Act, job: &Job) -> Result<(typed::Target, String), Trouble> {
        let place = place(job.target).ok_or_else(|| Trouble::Refused("the server is not known".into()))?;
        let user = if place.user.is_empty() { "default".to_owned() } else { place.user.clone() };
        let mut login = place;
        if let Some(admin) = self.admin(login.kind) {
            (login.user, login.password) = (admin.user.clone(), admin.password.clone());
        } else if matches!(act, Act::Disable | Act::EndSessions)
            && let Some(fresh) = job.fresh
        {
            login.password = fresh.secret.clone();
        }
        Ok((login, user))
    }

    fn postgres(&self, act: Act, job: &Job) -> Result<Facts, Trouble> {
        let (login, user) = self.login(act, job)?;
        let (role, name) = (format!("\"{}\"", user.replace('"', "\"\"")), user.replace('\'', "''"));
        let fresh = || job.fresh.ok_or_else(|| Trouble::Refused("the new password is not at hand".into()));
        let statement = match act {
            Act::Replace => {
                let may = if self.setup.postgres.is_some() { " LOGIN" } else { "" };
                format!("ALTER ROLE {role}{may} PASSWORD '{}'", verifier(&fresh()?.secret)?)
            }
            Act::Disable => format!("ALTER ROLE {role} NOLOGIN"),
            Act::EndSessions => format!(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = '{name}' AND pid <> pg_backend_pid()"
            ),
            _ => return Err(Trouble::Refused("PostgreSQL has no such statement".into())),
        };
        let setup = typed::Setup::default();
        let by = (self.reach, self.reach.setup().unwrap_or(&setup));
        let answers = postgres::carry_out(&login, by, &[statement]).map_err(|failed| trouble(failed, "PostgreSQL"))?;
        let ended = answers.into_iter().next().filter(|count| act == Act::EndSessions && !count.is_empty());
        Ok(ended.map(|count| ("sessions".to_owned(), count)).into_iter().collect())
    }

    fn redis(&self, act: Act, job: &Job) -> Result<Facts, Trouble> {
        let (login, user) = self.login(act, job)?;
        let fresh = || job.fresh.ok_or_else(|| Trouble::Refused("the new password is not at hand".into()));
        let old = place(job.target).map(|place| place.password).unwrap_or_else(|| job.target.secret.clone());
        // Redis takes the digest in place of a password: `#` adds it, `!` takes it away.
        let first: Vec<String> = match act {
            Act::Mint => words(&["ACL", "SETUSER", &user, &format!("#{}", digest(&fresh()?.secret))]),
            Act::Disable => words(&["ACL", "SETUSER", &user, &format!("!{}", digest(&old))]),
            Act::Discard => words(&["ACL", "SETUSER", &user, &format!("!{}", digest(&fresh()?.secret))]),
            Act::EndSessions => words(&["CLIENT", "KILL", "USER", &user]),
            _ => return Err(Trouble::Refused("Redis has no such command".into())),
        };
        let mut commands = vec![first];
        if act != Act::EndSessions {
            // Without this a restart brings the old passwords back.
            commands.extend([words(&["ACL", "SAVE"]), words(&["CONFIG", "REWRITE"])]);
        }
        let bytes: Vec<Vec<Vec<u8>>> =
            commands.into_iter().map(|words| words.into_iter().map(String::into_bytes).collect()).collect();
        let setup = typed::Setup::default();
        let by = (self.reach, self.reach.setup().unwrap_or(&setup));
        let answers = redis::carry_out(&login, by, &bytes).map_err(|failed| trouble(failed, "Redis"))?;
        match &answers[0] {
            Err(error) if error.starts_with("NOPERM") => {
                Err(Trouble::Denied("Redis does not let this login do it".into()))
            }
            // The password is not there any more: that is what was wanted.
            Err(error) if error.contains("no such password") => Ok(Facts::new()),
            Err(_) => Err(Trouble::Refused("Redis declines the command".into())),
            Ok(_) if act == Act::EndSessions => Ok(Facts::new()),
            Ok(_) => {
                let is_kept = answers[1..].iter().any(Result::is_ok);
                let kept = if is_kept { "yes" } else { "no: a restart of the server brings the old password back" };
                Ok(Facts::from([("kept".to_owned(), kept.to_owned())]))
            }
        }
    }
}

impl Responder for Database<'_> {
    fn name(&self) -> &'static str {
        "database"
    }

    fn abilities(&self, target: &Target) -> Option<Abilities> {
        let is_known = target.rule.id.starts_with("connection-string.");
        let place = place(target).filter(|place| is_known && matches!(place.kind, Kind::Postgres | Kind::Redis))?;
        let (user, host) = (if place.user.is_empty() { "default" } else { &place.user }, &place.place.host);
        let has_admin = self.admin(place.kind).is_some();
        let by_hand = "name another login in [respond.postgres] or [respond.redis]";
        let ability = |request: String| Ability {
            request: format!("{host}: {request}"),
            irreversible: false,
            repeat: Repeat::Freely,
            instead: None,
            by_hand: by_hand.into(),
        };
        let mut abilities = Abilities { chooses: true, by_itself: !has_admin, refusals: 1, ..Abilities::default() };
        let mut can = |act: Act, request: String| _ = abilities.acts.insert(act, ability(request));
        match place.kind {
            Kind::Postgres => {
                can(Act::Replace, format!("ALTER ROLE {user} PASSWORD (its verifier)"));
                can(Act::EndSessions, format!("pg_terminate_backend of every session of {user}"));
                if has_admin {
                    can(Act::Disable, format!("ALTER ROLE {user} NOLOGIN"));
                }
                abilities
                    .warnings
                    .push("between the vault's write and the role's new password nobody can log in anew".into());
            }
            _ => {
                can(Act::Mint, format!("ACL SETUSER {user} #(digest of the new password)"));
                can(Act::Disable, format!("ACL SETUSER {user} !(digest of the old password)"));
                can(Act::Discard, format!("ACL SETUSER {user} !(digest of the new password)"));
                can(Act::EndSessions, format!("CLIENT KILL USER {user}"));
            }
        }
        Some(abilities)
    }

    fn bind(&self, target: &Target) -> Result<Facts, Trouble> {
        // A password that works has shown that it is this user's.
        let place = place(target).ok_or_else(|| Trouble::Refused("the server is not known".into()))?;
        let host = format!("{}:{}", place.place.host, place.place.port);
        Ok(Facts::from([("user".to_owned(), place.user), ("host".to_owned(), host)]))
    }

    fn carry_out(&self, act: Act, job: &Job) -> Result<Effect, Trouble> {
        let kind = place(job.target).map(|place| place.kind);
        let facts = match kind {
            Some(Kind::Postgres) => self.postgres(act, job)?,
            Some(Kind::Redis) => self.redis(act, job)?,
            _ => return Err(Trouble::Refused("the server is not known".into())),
        };
        Ok(Effect { facts, fresh: None })
    }

    fn choose(&self, _: &Target) -> Result<Fresh, Trouble> {
        Ok(Fresh { id: None, secret: random_word(LEN)?, parts: Vec::new() })
    }
}

/// The server that the text around the password names.
fn place(target: &Target) -> Option<typed::Target> {
    let (_, connection) = target.parts.iter().find(|(name, _)| name == CONNECTION)?;
    typed::parse(&target.rule.id, connection, &target.secret)
}

fn trouble(failed: Failed, server: &str) -> Trouble {
    match failed {
        Failed::NotIn(Refusal { doubt, reason }) => not_sent(Refusal { doubt, reason }),
        Failed::Refused(code) if code == "42501" => {
            Trouble::Denied(format!("{server} does not let this login do it ({code})"))
        }
        Failed::Refused(code) => Trouble::Refused(format!("{server} declines the statement ({code})")),
        Failed::Lost(refusal) => Trouble::Unanswered(refusal.reason),
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn digest(secret: &Secret) -> String {
    hex(&Sha256::digest(secret.expose()))
}

/// What PostgreSQL keeps of a password, RFC 5803: the password itself would stand in the server's log.
fn verifier(password: &Secret) -> Result<String, Trouble> {
    let mut salt = [0u8; 16];
    random(&mut salt).map_err(|error| Trouble::Refused(error.to_string()))?;
    let mut round = mac(password.expose(), &[&salt[..], &[0, 0, 0, 1]].concat());
    let mut salted = round;
    for _ in 1..ROUNDS {
        round = mac(password.expose(), &round);
        salted.iter_mut().zip(round).for_each(|(sum, byte)| *sum ^= byte);
    }
    let stored: [u8; 32] = Sha256::digest(mac(&salted, b"Client Key")).into();
    let (salt, stored) = (STANDARD.encode(salt), STANDARD.encode(stored));
    Ok(format!("SCRAM-SHA-256${ROUNDS}:{salt}${stored}:{}", STANDARD.encode(mac(&salted, b"Server Key"))))
}

fn mac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key may have any length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}
