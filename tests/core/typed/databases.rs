//! PostgreSQL, MariaDB and Redis as they are.

use super::{Gate, WRONG, ask_url, doubt, identity, scopes};
use crate::support::servers::{mariadb, postgres, redis, word};
use stopleak_core::http::Tls;
use stopleak_core::verify::typed::Setup;
use stopleak_core::{Doubt, Validity};

const HBA: &str = "host all trusting 127.0.0.1/32 trust\nhost all old 127.0.0.1/32 md5\nhost all plain 127.0.0.1/32 password\n\
    host all away 127.0.0.1/32 reject\nhostssl all safe 127.0.0.1/32 password\nhost all safe 127.0.0.1/32 reject\n";

#[test]
fn postgresql_says_whether_a_password_is_alive() {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let Some(server) = postgres::postgres(HBA, Some((&certificate, &key))) else { return };
    let word = word();
    server.sql(&format!(
        "CREATE ROLE app LOGIN CREATEDB PASSWORD '{word}'; CREATE ROLE locked NOLOGIN PASSWORD '{word}'; \
         CREATE ROLE ended LOGIN PASSWORD '{word}' VALID UNTIL '2001-01-01'; CREATE ROLE trusting LOGIN PASSWORD '{word}'; \
         CREATE ROLE plain LOGIN PASSWORD '{word}'; CREATE ROLE away LOGIN PASSWORD '{word}'; CREATE ROLE safe LOGIN PASSWORD '{word}'"
    ));
    server.sql(&format!("SET password_encryption = 'md5'; CREATE ROLE old LOGIN PASSWORD '{word}'"));
    let tls = Some(Tls::new(Some(certificate.as_bytes())).unwrap());
    let gate = Gate::new(Setup { tls, ..Setup::default() });
    let host = server.running.host();
    let ask = |user: &str, word: &str, database: &str| {
        ask_url(&gate, "postgres-url", &format!("postgres://{user}"), word, &format!("{host}/{database}"))
    };

    let app = ask("app", &word, "postgres");
    assert_eq!((identity(&app), scopes(&app)), (vec!["user app".into(), "database postgres".into()], "createdb"));
    let owner = ask(postgres::OWNER, &server.password, "postgres");
    assert_eq!(scopes(&owner), "superuser createrole createdb replication");
    // Let in, though the database is not there.
    assert_eq!(identity(&ask("app", &word, "nowhere")), ["user app"]);
    for user in ["old", "plain", "safe"] {
        assert_eq!(identity(&ask(user, &word, "postgres"))[0], format!("user {user}"));
        assert_eq!(ask(user, WRONG, "postgres"), Validity::Inactive, "{user}");
    }
    for (user, word) in [("app", WRONG), ("nobody", WRONG), ("locked", &word), ("ended", &word)] {
        assert_eq!(ask(user, word, "postgres"), Validity::Inactive, "{user}");
    }
    assert_eq!(doubt(&ask("trusting", &word, "postgres")), Doubt::Gullible);
    // The list of hosts refuses, not the password's check.
    assert_eq!(doubt(&ask("away", &word, "postgres")), Doubt::Strange);

    let untrusting = Gate::new(Setup::default());
    let validity = ask_url(&untrusting, "postgres-url", "postgres://app", &word, &format!("{host}/postgres"));
    assert_eq!(doubt(&validity), Doubt::Tls);
    assert!(!format!("{validity:?}").contains(&word));

    server.sql(&format!("ALTER ROLE app PASSWORD '{word}2'"));
    assert_eq!(ask("app", &word, "postgres"), Validity::Inactive);
    assert_eq!(ask("app", &format!("{word}2"), "postgres").as_str(), "active");
    assert!(gate.asked().iter().all(|(host, _, from_scan)| host == "127.0.0.1" && *from_scan));
}

#[test]
fn redis_says_whether_a_password_is_alive() {
    let word = word();
    let acl = format!("app on >{word} ~* +@read +acl|whoami");
    let admin = format!("{word}9");
    let settings: Vec<&str> = ["--requirepass", &admin, "--user"].into_iter().chain(acl.split(" ")).collect();
    let Some(server) = redis::redis(&settings) else { return };
    let gate = Gate::new(Setup::default());
    let host = server.running.host();
    let ask =
        |user: &str, word: &str| ask_url(&gate, "redis-url", &format!("redis://{user}"), word, &format!("{host}/0"));
    assert_eq!(identity(&ask("app", &word)), ["user app"]);
    let owner = ask("", &format!("{word}9"));
    assert_eq!((identity(&owner), scopes(&owner)), (vec!["user default".into()], "+@all"));
    for (user, word) in [("app", WRONG), ("", WRONG), ("nobody", &word)] {
        assert_eq!(ask(user, word), Validity::Inactive, "{user}");
    }
    server.ask(Some(&admin), &["ACL", "SETUSER", "app", "off"]);
    assert_eq!(ask("app", &word), Validity::Inactive);
    server.ask(Some(&admin), &["ACL", "SETUSER", "app", "on", "nopass"]);
    assert_eq!(doubt(&ask("app", &word)), Doubt::Gullible);

    let Some(open) = redis::redis(&[]) else { return };
    let validity = ask_url(&gate, "redis-url", "redis://", &word, &format!("{}/0", open.running.host()));
    assert_eq!(doubt(&validity), Doubt::Gullible);
    assert_eq!(open.ask(None, &["PING"]), "PONG");
}

#[test]
fn mariadb_says_whether_a_password_is_alive() {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let folder = tempfile::TempDir::new().unwrap();
    let (certificate, key) = (folder.path().join("certificate"), folder.path().join("key"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let settings = [format!("--ssl-cert={}", certificate.display()), format!("--ssl-key={}", key.display())];
    let Some(server) = mariadb::mariadb(&[&settings[0], &settings[1]]) else { return };
    let word = word();
    server.sql(&format!(
        "CREATE USER app@'127.0.0.1' IDENTIFIED BY '{word}'; GRANT SELECT ON mysql.* TO app@'127.0.0.1'; \
         CREATE USER locked@'127.0.0.1' IDENTIFIED BY '{word}' ACCOUNT LOCK; CREATE USER safe@'127.0.0.1' IDENTIFIED BY '{word}' REQUIRE SSL; \
         CREATE USER ended@'127.0.0.1' IDENTIFIED BY '{word}' PASSWORD EXPIRE; CREATE USER other@'10.9.9.9' IDENTIFIED BY '{word}'"
    ));
    let tls = Some(Tls::new(Some(made.cert.pem().as_bytes())).unwrap());
    let gate = Gate::new(Setup { tls, ..Setup::default() });
    let host = server.running.host();
    let ask =
        |user: &str, word: &str| ask_url(&gate, "mysql-url", &format!("mysql://{user}"), word, &format!("{host}/shop"));
    let app = ask("app", &word);
    assert_eq!(identity(&app), ["user app@127.0.0.1"]);
    assert_eq!(scopes(&app), "USAGE ON *.*; SELECT ON `mysql`.*");
    assert_eq!(identity(&ask("safe", &word)), ["user safe@127.0.0.1"]);
    for (user, word) in [("app", WRONG), ("nobody", WRONG), ("locked", &word), ("safe", WRONG)] {
        assert_eq!(ask(user, word), Validity::Inactive, "{user}");
    }
    assert!(scopes(&ask("ended", &word)).contains("expired"));
    assert_eq!(ask("ended", WRONG), Validity::Inactive);
    let untrusting = Gate::new(Setup::default());
    assert_eq!(doubt(&ask_url(&untrusting, "mysql-url", "mysql://app", &word, &host)), Doubt::Tls);

    let Some(open) = mariadb::mariadb(&["--skip-grant-tables"]) else { return };
    let host = open.running.host();
    let validity = ask_url(&untrusting, "mysql-url", "mysql://app", &word, &host);
    assert_eq!(doubt(&validity), Doubt::Gullible, "{validity:?}");
}
