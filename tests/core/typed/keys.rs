//! SSH keys at a real server.

use super::{Gate, ask, doubt, identity};
use crate::support::servers::sshd::{Sshd, key_pair, sshd};
use stopleak_core::verify::typed::ssh::{self, Server};
use stopleak_core::verify::typed::{Place, Setup};
use stopleak_core::{Doubt, Secret, Validity};

fn server(sshd: &Sshd, known_by: &str) -> Server {
    let place = Place { host: "127.0.0.1".into(), port: sshd.running.port, from_scan: false };
    Server { place, user: sshd.user.clone(), known_by: vec![known_by.to_owned()], greets: false }
}

#[test]
fn a_server_says_whether_it_lets_a_key_in() {
    let Some(sshd) = sshd("") else { return };
    let place = server(&sshd, &sshd.host_key);
    let gate = Gate::new(Setup { ssh: vec![place.clone()], ..Setup::default() });
    // Every form that ssh-keygen writes.
    let kinds: [(&str, &[&str]); 6] = [
        ("private-key.openssh", &["ed25519"]),
        ("private-key.openssh", &["rsa", "-b", "2048"]),
        ("private-key.openssh", &["ecdsa", "-b", "256"]),
        ("private-key.rsa", &["rsa", "-b", "3072", "-m", "PEM"]),
        ("private-key.ec", &["ecdsa", "-b", "384", "-m", "PEM"]),
        ("private-key.pkcs8", &["rsa", "-b", "2048", "-m", "PKCS8"]),
    ];
    for (rule, kind) in kinds {
        let (private, public) = key_pair(kind);
        sshd.authorize(&[&public]);
        let expected = ["server 127.0.0.1".to_owned(), format!("user {}", sshd.user)];
        assert_eq!(identity(&ask(&gate, rule, &private, &[])), expected, "{kind:?}: {}", sshd.running.log());
        // As it stands in a program's string.
        let escaped = private.trim_end().replace('\n', "\\n");
        assert_eq!(ask(&gate, rule, &escaped, &[]).as_str(), "active", "{kind:?}");
    }
    let (private, public) = key_pair(&["ed25519"]);
    let secret = Secret::new(private.as_bytes());
    // Another server may still let it in.
    assert_eq!(doubt(&ask(&gate, "private-key.openssh", &private, &[])), Doubt::Incomplete);
    assert_eq!(ssh::ask(&secret, &place, &gate), Validity::Inactive);
    sshd.authorize(&[&public]);
    assert_eq!(ssh::ask(&secret, &place, &gate).as_str(), "active");
    sshd.revoke(&[&public]);
    assert_eq!(ssh::ask(&secret, &place, &gate), Validity::Inactive);
    let nobody = Server { user: "nobody-at-all".into(), ..place.clone() };
    assert_eq!(ssh::ask(&secret, &nobody, &gate), Validity::Inactive);
    // Another host key is another server.
    let (_, other) = key_pair(&["ed25519"]);
    let other = other.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    assert_eq!(doubt(&ssh::ask(&secret, &server(&sshd, &other), &gate)), Doubt::Tls);
    assert!(!std::env::temp_dir().read_dir().unwrap().flatten().any(|entry| {
        std::fs::read_to_string(entry.path()).is_ok_and(|text| text.contains(private.lines().nth(2).unwrap()))
    }));
}

#[test]
fn a_server_that_lets_every_key_in_proves_nothing() {
    // Whatever key is shown is one that may come in.
    let user = String::from_utf8(std::process::Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
    let Some(sshd) = sshd(&format!("AuthorizedKeysCommand /usr/bin/echo %t %k\nAuthorizedKeysCommandUser {user}"))
    else {
        return;
    };
    let (private, _) = key_pair(&["ed25519"]);
    let validity =
        ssh::ask(&Secret::new(private.as_bytes()), &server(&sshd, &sshd.host_key), &Gate::new(Setup::default()));
    assert_eq!(doubt(&validity), Doubt::Gullible, "{validity:?}: {}", sshd.running.log());
}

#[test]
fn a_server_that_cannot_be_asked_is_unknown_by_its_reason() {
    let Some(sshd) = sshd("") else { return };
    let place = server(&sshd, &sshd.host_key);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port();
    let (private, _) = key_pair(&["ed25519"]);
    let secret = Secret::new(private.as_bytes());
    let at = |port| Server { place: Place { port, ..place.place.clone() }, ..place.clone() };
    // It listens and says nothing.
    assert_eq!(doubt(&ssh::ask(&secret, &at(port), &Gate::impatient())), Doubt::Timeout);
    drop(closed);
    assert_eq!(doubt(&ssh::ask(&secret, &at(port), &Gate::impatient())), Doubt::Connection);
    let denied = Server { place: Place { host: "denied.example".into(), ..place.place.clone() }, ..place.clone() };
    assert_eq!(doubt(&ssh::ask(&secret, &denied, &Gate::impatient())), Doubt::NotAllowed);
    let broken = Secret::new(b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA");
    assert_eq!(doubt(&ssh::ask(&broken, &place, &Gate::impatient())), Doubt::NoWay);
}
