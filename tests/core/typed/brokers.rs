//! RabbitMQ and OpenLDAP as they are.

use super::{Gate, WRONG, ask_url, doubt, identity};
use crate::support::servers::{rabbitmq, slapd, word};
use stopleak_core::verify::typed::Setup;
use stopleak_core::{Doubt, Validity};

#[test]
fn rabbitmq_says_whether_a_password_is_alive() {
    let word = word();
    let Some(server) = rabbitmq::rabbitmq("app", &word) else { return };
    let gate = Gate::new(Setup::default());
    let host = server.host();
    let ask = |user: &str, word: &str, rest: &str| {
        ask_url(&gate, "amqp-url", &format!("amqp://{user}"), word, &format!("{host}{rest}"))
    };
    assert_eq!(identity(&ask("app", &word, "")), ["user app", "virtual host /"]);
    assert_eq!(identity(&ask("app", &word, "/%2F")), ["user app", "virtual host /"]);
    // Let in, though not there.
    assert_eq!(identity(&ask("app", &word, "/nowhere")), ["user app"]);
    for (user, word) in [("app", WRONG), ("nobody", &word)] {
        assert_eq!(ask(user, word, ""), Validity::Inactive, "{user}");
    }
}

#[test]
fn openldap_says_whether_a_password_is_alive() {
    let word = word();
    let Some(server) = slapd::slapd(&word) else { return };
    let gate = Gate::new(Setup::default());
    let host = server.host();
    let ask = |user: &str, word: &str| ask_url(&gate, "ldap-url", &format!("ldap://{user}"), word, &host);
    assert_eq!(identity(&ask("cn=admin,dc=example", &word)), ["user dn:cn=admin,dc=example"]);
    assert_eq!(identity(&ask("cn%3Dadmin%2Cdc%3Dexample", &word)), ["user dn:cn=admin,dc=example"]);
    for user in ["cn=admin,dc=example", "cn=nobody,dc=example"] {
        assert_eq!(ask(user, WRONG), Validity::Inactive, "{user}");
    }
    // A name that is none says nothing of the password.
    assert_eq!(doubt(&ask("admin", &word)), Doubt::Strange);
    assert_eq!(doubt(&ask("", &word)), Doubt::Incomplete);
}
