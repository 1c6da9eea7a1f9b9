//! What a connection string says of its password: which server, which user, which database, how safe.

use super::line::Place;
use crate::secret::Secret;
use zeroize::Zeroizing;

/// Which protocol a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    Postgres,
    MySql,
    MongoDb,
    Redis,
    Amqp,
    Smtp,
    Ldap,
}

/// When TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Safety {
    /// When the server offers it.
    Offered,
    /// As the first thing.
    AtOnce,
}

/// Where a password is to be tried.
#[derive(Clone, Debug)]
pub struct Target {
    /// The protocol.
    pub kind: Kind,
    /// The server.
    pub place: Place,
    /// Who; may be empty.
    pub user: String,
    /// The password as the server takes it: what an address escapes is not escaped any more.
    pub password: Secret,
    /// The database, the virtual host; may be empty.
    pub database: String,
    /// Whether TLS comes first.
    pub safety: Safety,
    /// Further settings, names in lower case.
    pub options: Vec<(String, String)>,
}

impl Target {
    /// The value of a further setting.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Reads a text around a value of a rule; none when it does not say where to.
pub fn parse(rule: &str, connection: &Secret, secret: &Secret) -> Option<Target> {
    let name = rule.strip_prefix("connection-string.")?;
    let (_, form) = FORMS.iter().find(|(known, _)| *known == name)?;
    let text = Zeroizing::new(std::str::from_utf8(connection.expose()).ok()?.replace("\\/", "/"));
    let value = std::str::from_utf8(secret.expose()).ok()?;
    // A zero would end a field of a protocol early.
    let has_zero = |target: &Target| {
        target.user.contains('\0') || target.database.contains('\0') || target.password.expose().contains(&0)
    };
    form(&text, value).filter(|target| is_host(&target.place.host) && !has_zero(target))
}

type Form = fn(&str, &str) -> Option<Target>;

/// By the rest of the rule's id; detection keeps the text around the values of these.
const FORMS: [(&str, Form); 11] = [
    ("postgres-url", url),
    ("mysql-url", url),
    ("mongodb-url", url),
    ("redis-url", url),
    ("amqp-url", url),
    ("ldap-url", url),
    ("mail-url", url),
    ("jdbc", jdbc),
    ("postgres-dsn", keywords),
    ("go-mysql-dsn", go),
    ("redis-dotnet", dotnet),
];

/// Protocol, usual port, and when TLS begins; none for what has no verifier.
fn scheme(name: &str) -> Option<(Kind, u16, Safety)> {
    let base = name.split('+').next().unwrap_or(name);
    Some(match (base, name.split_once('+').map(|(_, more)| more)) {
        ("postgres" | "postgresql" | "postgis" | "pgsql" | "timescaledb", _) => {
            (Kind::Postgres, 5_432, Safety::Offered)
        }
        ("cockroachdb", _) => (Kind::Postgres, 26_257, Safety::Offered),
        ("redshift", _) => (Kind::Postgres, 5_439, Safety::Offered),
        ("mysql" | "mysql2" | "mariadb", _) => (Kind::MySql, 3_306, Safety::Offered),
        // Hosts and TLS of `mongodb+srv` stand in the DNS.
        ("mongodb", None) => (Kind::MongoDb, 27_017, Safety::Offered),
        ("redis" | "valkey", None) => (Kind::Redis, 6_379, Safety::Offered),
        ("rediss" | "valkeys", None) => (Kind::Redis, 6_379, Safety::AtOnce),
        ("amqp", _) => (Kind::Amqp, 5_672, Safety::Offered),
        ("amqps", _) => (Kind::Amqp, 5_671, Safety::AtOnce),
        ("smtp" | "submission", Some("ssl")) | ("smtps" | "submissions", _) => (Kind::Smtp, 465, Safety::AtOnce),
        ("smtp" | "submission", _) => (Kind::Smtp, 587, Safety::Offered),
        ("ldap", None) => (Kind::Ldap, 389, Safety::Offered),
        ("ldaps", None) => (Kind::Ldap, 636, Safety::AtOnce),
        _ => return None,
    })
}

fn target(kind: Kind, host: &str, port: u16, safety: Safety) -> Target {
    let place = Place { host: host.to_owned(), port, from_scan: true };
    let (user, database) = (String::new(), String::new());
    Target { kind, place, user, password: Secret::new(b""), database, safety, options: Vec::new() }
}

/// `scheme://user:value@host:port/database?name=value`
fn url(text: &str, value: &str) -> Option<Target> {
    let at = text.find(&format!(":{value}@"))?;
    let colon = text[..at].rfind("://")?;
    let start = text[..colon].rfind(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '_' | '-'));
    let name = text[start.map_or(0, |at| at + 1)..colon].to_ascii_lowercase();
    let (kind, port, safety) = scheme(&name)?;
    let mut target = authority(kind, port, safety, &text[at + value.len() + 2..])?;
    (target.user, target.password) = (unescape(&text[colon + 3..at]), Secret::new(unescape(value).as_bytes()));
    Some(target)
}

/// `host:port/database?name=value`
fn authority(kind: Kind, port: u16, safety: Safety, rest: &str) -> Option<Target> {
    let (hosts, rest) = rest.split_at(rest.find(['/', '?', '#', ';']).unwrap_or(rest.len()));
    let (host, port) = host_and_port(hosts.split(',').next()?, port)?;
    let mut target = target(kind, host, port, safety);
    let (path, query) = rest.split_at(rest.find(['?', ';', '#']).unwrap_or(rest.len()));
    target.database = unescape(path.trim_start_matches('/').trim_end_matches(['\\', ',', ')']));
    let pairs = query.split(['?', '&', ';', '#']).filter_map(|pair| pair.split_once('='));
    target.options = pairs.map(|(name, value)| (name.to_ascii_lowercase(), unescape(value))).collect();
    let at_once = kind == Kind::MongoDb
        && ["tls", "ssl"]
            .iter()
            .any(|name| target.option(name).is_some_and(|value| value.eq_ignore_ascii_case("true")));
    if at_once {
        target.safety = Safety::AtOnce;
    }
    if kind == Kind::Smtp && target.place.port == 465 {
        target.safety = Safety::AtOnce;
    }
    Some(target)
}

fn jdbc(text: &str, value: &str) -> Option<Target> {
    let start = text.find("jdbc:")? + 5;
    let (name, rest) = text[start..].split_once("://")?;
    let (kind, port, safety) = scheme(name).filter(|(kind, ..)| matches!(kind, Kind::Postgres | Kind::MySql))?;
    let mut target = authority(kind, port, safety, rest)?;
    target.user = target.option("user").or(target.option("username"))?.to_owned();
    target.password = Secret::new(unescape(value).as_bytes());
    target.options.retain(|(name, _)| !matches!(&**name, "password" | "pwd"));
    Some(target)
}

/// `host=… user=… password=…`
fn keywords(text: &str, value: &str) -> Option<Target> {
    let get = |name: &str| text.split_whitespace().find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let host = get("host").or(get("hostaddr"))?;
    let port = get("port").map_or(Some(5_432), |port| port.parse().ok())?;
    let mut target = target(Kind::Postgres, host, port, Safety::Offered);
    target.user = get("user")?.to_owned();
    target.database = get("dbname").unwrap_or_default().to_owned();
    target.password = Secret::new(value.as_bytes());
    Some(target)
}

/// `user:value@tcp(host:port)/database`
fn go(text: &str, value: &str) -> Option<Target> {
    let at = text.find(&format!(":{value}@tcp("))?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let start = text[..at].rfind(|c| !is_name(c)).map_or(0, |before| before + 1);
    let (place, rest) = text[at + value.len() + 6..].split_once(')')?;
    let (host, port) = host_and_port(place, 3_306)?;
    let mut target = target(Kind::MySql, host, port, Safety::Offered);
    target.user = text[start..at].to_owned();
    target.database = rest.trim_start_matches('/').split('?').next().unwrap_or_default().to_owned();
    target.password = Secret::new(value.as_bytes());
    Some(target)
}

/// `host:port,ssl=True,password=…`
fn dotnet(text: &str, value: &str) -> Option<Target> {
    let mut fields = text.split(',');
    let place = fields.next()?.rsplit(['=', ';']).next()?;
    let (host, port) = host_and_port(place, 6_379)?;
    let pairs: Vec<(String, &str)> = fields
        .filter_map(|pair| pair.split_once('=').map(|(name, value)| (name.to_ascii_lowercase(), value)))
        .collect();
    let get = |name: &str| pairs.iter().find(|(known, _)| known == name).map(|(_, value)| *value);
    let is_tls = get("ssl").is_some_and(|ssl| ssl.eq_ignore_ascii_case("true"));
    let mut target = target(Kind::Redis, host, port, if is_tls { Safety::AtOnce } else { Safety::Offered });
    target.user = get("user").unwrap_or_default().to_owned();
    target.password = Secret::new(value.as_bytes());
    Some(target)
}

fn host_and_port(text: &str, usual: u16) -> Option<(&str, u16)> {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, port)) => (host, port.strip_prefix(':')),
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let port = match port {
        Some(port) => port.trim_end_matches(|c: char| !c.is_ascii_digit()).parse().ok()?,
        None => usual,
    };
    Some((host, port))
}

/// A name or an address; placeholders and templates are none.
fn is_host(host: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    (1..=253).contains(&host.len()) && host.chars().all(is_part) && !host.starts_with(['-', '.'])
}

/// Percent-decoded; text with a broken escape is taken as it is.
fn unescape(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        match (digit(bytes.next()), digit(bytes.next())) {
            (Some(high), Some(low)) => out.push((high * 16 + low) as u8),
            _ => return text.to_owned(),
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(rule: &str, text: &str, value: &str) -> Option<String> {
        let target =
            parse(&format!("connection-string.{rule}"), &Secret::new(text.as_bytes()), &Secret::new(value.as_bytes()))?;
        let Target { kind, place, user, database, safety, .. } = &target;
        let password = String::from_utf8_lossy(target.password.expose()).into_owned();
        Some(format!("{kind:?} {} {} {user}/{password} {database} {safety:?}", place.host, place.port))
    }

    #[test]
    fn detection_keeps_the_text_around_what_is_read_here() {
        let ids = FORMS.map(|(name, _)| format!("connection-string.{name}"));
        assert!(ids.iter().all(|id| crate::detect::connection::is_needed(id)));
    }

    #[test]
    fn connection_strings_say_where_a_password_belongs() {
        let (colon, at, word) = (":", "@", "password");
        let with = |head: &str, rest: &str| format!("{head}{colon}w%21x{at}{rest}");
        let table = [
            (
                "postgres-url",
                with("postgres://app", "db.example/shop"),
                "Postgres db.example 5432 app/w!x shop Offered",
            ),
            (
                "postgres-url",
                with("postgresql+psycopg2://a%40b", "[::1]:5433/x?sslmode=require"),
                "Postgres ::1 5433 a@b/w!x x Offered",
            ),
            ("mysql-url", with("mysql://root", "db,db2:3307/shop"), "MySql db 3306 root/w!x shop Offered"),
            ("mongodb-url", with("mongodb://u", "m1:27018,m2/app?tls=true"), "MongoDb m1 27018 u/w!x app AtOnce"),
            ("redis-url", with("rediss://", "cache:6380/0"), "Redis cache 6380 /w!x 0 AtOnce"),
            ("amqp-url", with("amqp://u", "mq/%2F"), "Amqp mq 5672 u/w!x / Offered"),
            ("mail-url", with("smtp://u", "mail:465"), "Smtp mail 465 u/w!x  AtOnce"),
            ("ldap-url", with("ldaps://cn=a,dc=b", "dir"), "Ldap dir 636 cn=a,dc=b/w!x  AtOnce"),
            (
                "jdbc",
                format!("url=jdbc:postgresql://db:5433/app?user=me&{word}=w%21x"),
                "Postgres db 5433 me/w!x app Offered",
            ),
            (
                "postgres-dsn",
                format!("host=db user=me {word}=w%21x dbname=app port=1"),
                "Postgres db 1 me/w%21x app Offered",
            ),
            ("go-mysql-dsn", with("me", "tcp(db:3307)/app?x=y"), "MySql db 3307 me/w%21x app Offered"),
            (
                "redis-dotnet",
                format!("cache.example:6380,ssl=True,{word}=w%21x"),
                "Redis cache.example 6380 /w%21x  AtOnce",
            ),
        ];
        for (rule, text, expected) in table {
            assert_eq!(read(rule, &text, "w%21x").as_deref(), Some(expected), "{rule}");
        }
        for (rule, text) in [
            ("postgres-url", with("postgres://app", "${HOST}/x")),
            ("postgres-url", with("postgres://app", "db:99999/x")),
            ("postgres-url", with("postgres://a%00options", "db/x")),
            ("mongodb-url", with("mongodb+srv://app", "db/x")),
            ("mail-url", with("imap://app", "db/x")),
            ("jdbc", format!("jdbc:sqlserver://db;user=a;{word}=w%21x")),
            ("curl-user", "x".into()),
        ] {
            assert_eq!(read(rule, &text, "w%21x"), None, "{rule}");
        }
    }
}
