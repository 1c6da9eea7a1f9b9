//! Sessions of browsers, in memory: a cookie names one, and is not the token that opened it.

use super::doors::{Caller, Door};
use crate::settings::Role;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use stopleak_core::Secret;
use stopleak_core::inbound::{Received, is_same};
use stopleak_core::secret::{hex, random};

/// So many at once; the one that ends first makes room.
const MOST: usize = 1_000;

/// Those that are open.
pub struct Sessions {
    lasts: Duration,
    tls: bool,
    open: Mutex<BTreeMap<String, Session>>,
}

struct Session {
    secret: Secret,
    name: String,
    role: Role,
    token: String,
    ends: i64,
}

/// What nobody can guess.
pub fn random_name() -> Option<String> {
    let mut bytes = [0; 32];
    random(&mut bytes).ok()?;
    Some(hex(&bytes))
}

impl Sessions {
    pub fn new(lasts: Duration, tls: bool) -> Sessions {
        Sessions { lasts, tls, open: Mutex::default() }
    }

    /// Opens one, and gives its cookie; nothing when the system gives no randomness.
    pub fn begin(&self, name: &str, role: Role, now: i64) -> Option<String> {
        let (key, secret, token) = (random_name()?, random_name()?, random_name()?);
        let cookie = self.cookie(&format!("{key}.{secret}"), self.lasts.as_secs());
        let ends = now.saturating_add(self.lasts.as_secs() as i64);
        let secret = Secret::new(secret.as_bytes());
        let mut open = self.open();
        open.retain(|_, session| session.ends > now);
        while open.len() >= MOST {
            let first = open.iter().min_by_key(|(_, session)| session.ends).map(|(key, _)| key.clone());
            first.and_then(|key| open.remove(&key));
        }
        open.insert(key, Session { secret, name: name.to_owned(), role, token, ends });
        Some(cookie)
    }

    /// Ends one, and gives the cookie that takes its own away.
    pub fn end(&self, key: &str) -> String {
        self.open().remove(key);
        self.cookie("", 0)
    }

    /// Who came in by the session of the request's cookie.
    pub fn caller(&self, received: &Received, now: i64) -> Option<Caller> {
        let cookies = received.headers.iter().filter(|(name, _)| name == "cookie");
        let mut pairs = cookies.flat_map(|(_, value)| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let (_, value) = pairs.find(|(name, _)| *name == self.name())?;
        // The first half finds it, the second is compared in constant time.
        let (key, secret) = value.split_once('.')?;
        let open = self.open();
        let session = open.get(key).filter(|session| session.ends > now)?;
        is_same(&session.secret, secret.as_bytes()).then(|| Caller {
            name: session.name.clone(),
            role: session.role,
            door: Door::Session(key.to_owned()),
            token: session.token.clone(),
        })
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<String, Session>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The prefix has browsers take it from this host over TLS alone.
    fn name(&self) -> &'static str {
        if self.tls { "__Host-stopleak" } else { "stopleak" }
    }

    fn cookie(&self, value: &str, seconds: u64) -> String {
        let secure = if self.tls { "; Secure" } else { "" };
        format!("{}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}", self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST, Role, Sessions};
    use std::time::Duration;
    use stopleak_core::inbound::Received;

    fn caller(sessions: &Sessions, cookie: &str, now: i64) -> Option<String> {
        let headers = [("cookie".to_owned(), format!("a=b; {}", cookie.split(';').next().unwrap_or_default()))];
        let received = Received { method: "GET", path: "/", headers: &headers, body: b"" };
        sessions.caller(&received, now).map(|caller| caller.name)
    }

    #[test]
    fn a_session_holds_until_its_time_and_only_with_all_of_its_cookie() {
        let sessions = Sessions::new(Duration::from_secs(60), false);
        let cookie = sessions.begin("ann", Role::Read, 100).unwrap();
        assert_eq!(caller(&sessions, &cookie, 159).as_deref(), Some("ann"));
        assert_eq!(caller(&sessions, &cookie, 160), None);
        let (key, _) = cookie.split_once('.').unwrap();
        assert_eq!(caller(&sessions, &format!("{key}.{}", "0".repeat(64)), 101), None);
        assert_eq!(caller(&sessions, key, 101), None);
    }

    #[test]
    fn there_are_never_more_than_fit_and_the_oldest_goes() {
        let sessions = Sessions::new(Duration::from_secs(10_000), false);
        let first = sessions.begin("first", Role::Read, 0).unwrap();
        let rest: Vec<String> = (0..MOST as i64).map(|n| sessions.begin("ann", Role::Read, n + 1).unwrap()).collect();
        assert_eq!(caller(&sessions, &first, 5), None);
        assert!(rest.iter().all(|cookie| caller(&sessions, cookie, 5).is_some()));
    }
}
