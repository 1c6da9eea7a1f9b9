//! Verifiers for what one request over HTTP cannot tell: logins of databases and brokers, signatures, keys.
//!
//! Active needs the server's own proof, inactive its refusal of just these credentials from a server that is who it should
//! be. A password is said in clear to nobody but a server trusted by its certificate, or this machine. Where the protocol
//! does not make the server prove that it knows the password, a random one must be refused, too.

pub mod amqp;
pub mod aws;
mod bytes;
pub mod gcp;
pub mod jwt;
pub mod ldap;
mod line;
pub mod mongodb;
pub mod mysql;
pub mod postgres;
pub mod redis;
pub mod scram;
pub mod smtp;
pub mod ssh;
mod target;

pub use crate::detect::connection::CONNECTION;
pub use line::Place;
pub use target::{Kind, Safety, Target, parse};

use super::{Reach, Refusal, Subject};
use crate::detect::connection::is_needed;
use crate::finding::{Doubt, Validity};
use crate::http::Tls;
use crate::secret::Secret;
use line::Line;

/// What the user has said about where keys and tokens belong, and whom to trust.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// Trust beyond the system's certificate authorities, for connections that are no HTTP.
    pub tls: Option<Tls>,
    /// Where AWS's security token service is asked instead.
    pub sts: Option<String>,
    /// Where Google's tokens are asked for instead.
    pub google: Option<String>,
    /// Servers that private keys are tried at; the public forges when empty.
    pub ssh: Vec<ssh::Server>,
    /// Who signs JSON Web Tokens, and with which keys.
    pub issuers: Vec<jwt::Issuer>,
}

/// Whether a rule's secrets are verified here.
pub fn is_typed(rule: &str) -> bool {
    rule.strip_prefix("connection-string.").is_some_and(|_| is_needed(rule))
        || aws::RULES.contains(&rule)
        || ssh::RULES.contains(&rule)
        || matches!(rule, "gcp.service-account-key" | "jwt.token")
}

/// Asks whether a secret is alive; none when its rule is not verified here.
pub fn check(subject: &Subject, reach: &dyn Reach) -> Option<Validity> {
    let rule = subject.rule.id.as_str();
    if !is_typed(rule) {
        return None;
    }
    let standard = Setup::default();
    let setup = reach.setup().unwrap_or(&standard);
    let answer = match rule {
        "gcp.service-account-key" => gcp::check(subject, reach, setup),
        "jwt.token" => Ok(jwt::check(subject.secret, &setup.issuers, crate::time::now())),
        rule if aws::RULES.contains(&rule) => aws::check(subject, reach, setup),
        rule if ssh::RULES.contains(&rule) => ssh::check(subject.secret, reach, setup),
        _ => target_of(subject).and_then(|target| log_in(&target, reach, setup)),
    };
    Some(answer.unwrap_or_else(Validity::from))
}

/// Where would be asked about any secret of a rule, as far as that does not stand in what is scanned.
pub fn fixed_places(rule: &str, setup: &Setup) -> Result<Vec<Place>, Refusal> {
    match rule {
        "gcp.service-account-key" => gcp::places(setup.google.as_deref()),
        rule if aws::RULES.contains(&rule) => aws::places(setup.sts.as_deref()),
        rule if ssh::RULES.contains(&rule) => Ok(ssh::servers(setup).into_iter().map(|server| server.place).collect()),
        _ => Ok(Vec::new()),
    }
}

/// Which server an address tells a password of.
fn target_of(subject: &Subject) -> Result<Target, Refusal> {
    let connection = part(subject, CONNECTION);
    let target = connection.and_then(|connection| parse(&subject.rule.id, connection, subject.secret));
    target.ok_or_else(|| Refusal::new(Doubt::Incomplete, "the text around it names no server that can be asked"))
}

/// Tries a login, and what the server makes of a random password.
pub fn log_in(target: &Target, reach: &dyn Reach, setup: &Setup) -> Result<Validity, Refusal> {
    let talk = match target.kind {
        Kind::Postgres => postgres::talk,
        Kind::MySql => mysql::talk,
        Kind::MongoDb => mongodb::talk,
        Kind::Redis => redis::talk,
        Kind::Amqp => amqp::talk,
        Kind::Smtp => smtp::talk,
        Kind::Ldap => ldap::talk,
    };
    if target.password.expose().is_empty() {
        return Err(Refusal::new(Doubt::Incomplete, "there is no password"));
    }
    let session = Session { target, reach, setup };
    let host = &target.place.host;
    let login = talk(&session, target.password.expose())?;
    judge(host, login, target.password.expose().is_ascii(), || talk(&session, bytes::random_text(24).as_bytes()))
}

/// What a login says; `control` is the same with a random password.
fn judge(
    host: &str,
    login: Login,
    is_ascii: bool,
    control: impl FnOnce() -> Result<Login, Refusal>,
) -> Result<Validity, Refusal> {
    let (proved, identity, scopes) = match login {
        Login::Open => return Err(gullible(host)),
        // Servers and clients do not agree on how such text is put in order: RFC 4013.
        Login::Out { .. } if !is_ascii => {
            return Err(Refusal::new(
                Doubt::Strange,
                format!("{host} refuses it, maybe for how its characters are written"),
            ));
        }
        Login::Out { is_private: true } => return Ok(Validity::Inactive),
        Login::Out { is_private: false } => {
            let reason = format!("{host} refuses it, but without trusted TLS nobody knows who answered");
            return Err(Refusal::new(Doubt::Tls, reason));
        }
        Login::In { proved, identity, scopes } => (proved, identity, scopes),
    };
    match if proved { Ok(Login::Out { is_private: true }) } else { control() } {
        Ok(Login::Out { .. }) => Ok(Validity::Active { identity, scopes }),
        Ok(Login::In { .. } | Login::Open) => Err(gullible(host)),
        Err(Refusal { doubt, reason }) => {
            Err(Refusal::new(doubt, format!("{host} takes it, and whether it takes any other is not known: {reason}")))
        }
    }
}

/// A login to try.
struct Session<'a> {
    target: &'a Target,
    reach: &'a dyn Reach,
    setup: &'a Setup,
}

impl Session<'_> {
    /// Connects; with TLS where that comes first.
    fn open(&self) -> Result<Line, Refusal> {
        let line = Line::open(self.reach, &self.target.place)?;
        if self.target.safety == Safety::AtOnce { self.secure(line) } else { Ok(line) }
    }

    /// Speaks TLS from here on.
    fn secure(&self, line: Line) -> Result<Line, Refusal> {
        match &self.setup.tls {
            Some(tls) => line.secure(tls),
            None => line.secure(&Tls::new(None)?),
        }
    }
}

/// Why commands were not carried out.
#[derive(Debug)]
pub(crate) enum Failed {
    /// Nothing was sent but a login.
    NotIn(Refusal),
    /// The server refuses a command, with this code.
    Refused(String),
    /// It is not known whether the last command was carried out.
    Lost(Refusal),
}

/// What a server says to a login.
enum Login {
    /// It lets in.
    In {
        /// Whether it has shown that it knows the password.
        proved: bool,
        /// Who and what is opened.
        identity: Vec<(String, String)>,
        /// What may be done.
        scopes: Option<String>,
    },
    /// It refuses this password, or this user.
    Out {
        /// Whether it is who it should be.
        is_private: bool,
    },
    /// It asks for no password.
    Open,
}

fn gullible(host: &str) -> Refusal {
    Refusal::new(Doubt::Gullible, format!("{host} lets in with any password, or with none"))
}

/// A value that belongs with the secret.
fn part<'a>(subject: &Subject<'a>, name: &str) -> Option<&'a Secret> {
    subject.parts.iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

/// A label and its value, for people: servers may say anything.
fn label(name: &str, value: impl AsRef<str>) -> (String, String) {
    let value = value.as_ref().chars().filter(|c| !c.is_control()).take(200).collect();
    (name.to_owned(), value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inside(proved: bool) -> Login {
        Login::In { proved, identity: Vec::new(), scopes: None }
    }

    #[test]
    fn alive_and_dead_need_proof() {
        let unasked = || -> Result<Login, Refusal> { panic!("there is proof") };
        let active = Ok(Validity::Active { identity: Vec::new(), scopes: None });
        let doubt = |answer: Result<Validity, Refusal>| answer.map_err(|refusal| refusal.doubt);
        let out = |is_private| Login::Out { is_private };
        assert_eq!(judge("h", inside(true), true, unasked), active);
        assert_eq!(judge("h", inside(false), true, || Ok(out(true))), active);
        assert_eq!(judge("h", out(true), true, unasked), Ok(Validity::Inactive));
        // From whom nobody knows.
        assert_eq!(doubt(judge("h", out(false), true, unasked)), Err(Doubt::Tls));
        assert_eq!(doubt(judge("h", out(true), false, unasked)), Err(Doubt::Strange));
        assert_eq!(doubt(judge("h", Login::Open, true, unasked)), Err(Doubt::Gullible));
        assert_eq!(doubt(judge("h", inside(false), true, || Ok(inside(false)))), Err(Doubt::Gullible));
        let late = || Err(Refusal::new(Doubt::Timeout, "late"));
        assert_eq!(doubt(judge("h", inside(false), true, late)), Err(Doubt::Timeout));
    }
}
