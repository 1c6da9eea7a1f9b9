//! Servers that do not answer, answer anything, or say nothing; hosts that may not be asked.

use super::{Gate, WRONG, ask, ask_url, doubt};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use stopleak_core::verify::typed::{Setup, is_typed};
use stopleak_core::{Doubt, Validity};

const PROTOCOLS: [(&str, &str); 7] = [
    ("postgres-url", "postgres://u"),
    ("mysql-url", "mysql://u"),
    ("mongodb-url", "mongodb://u"),
    ("redis-url", "redis://u"),
    ("amqp-url", "amqp://u"),
    ("mail-url", "smtp://u"),
    ("ldap-url", "ldap://cn=u"),
];

/// A server that does one thing with every connection.
fn server(act: impl Fn(TcpStream) + Send + Sync + Clone + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let act = act.clone();
            std::thread::spawn(move || act(stream));
        }
    });
    host
}

fn doubts(host: &str) -> Vec<(Doubt, &'static str)> {
    let gate = Gate::impatient();
    PROTOCOLS.iter().map(|(id, head)| (doubt(&ask_url(&gate, id, head, WRONG, host)), *id)).collect()
}

fn all(doubts: &[(Doubt, &str)], expected: &[Doubt]) {
    assert!(doubts.iter().all(|(doubt, _)| expected.contains(doubt)), "{doubts:?}");
}

#[test]
fn what_does_not_answer_is_unknown_by_its_reason() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    all(&doubts(&closed), &[Doubt::Connection]);
    let silent = server(|stream| {
        std::thread::sleep(std::time::Duration::from_secs(20));
        drop(stream);
    });
    all(&doubts(&silent), &[Doubt::Timeout]);
    let ending = server(drop);
    all(&doubts(&ending), &[Doubt::Connection]);
    // One byte at a time, for ever.
    let slow = server(|mut stream| {
        while stream.write_all(b"2").is_ok() {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    });
    all(&doubts(&slow), &[Doubt::Timeout, Doubt::Strange]);
    all(&doubts("denied.example:1"), &[Doubt::NotAllowed]);
    all(&doubts("gone.example:1"), &[Doubt::Dns]);
}

/// Where TLS comes first.
const SAFE: [(&str, &str, &str); 5] = [
    ("mongodb-url", "mongodb://u", "/?tls=true"),
    ("redis-url", "rediss://u", ""),
    ("amqp-url", "amqps://u", ""),
    ("mail-url", "smtps://u", ""),
    ("ldap-url", "ldaps://cn=u", ""),
];

#[test]
fn what_speaks_no_trusted_tls_is_unknown() {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    let config = std::sync::Arc::new(config);
    let untrusted = server(move |mut stream| {
        let mut connection = rustls::ServerConnection::new(config.clone()).unwrap();
        while connection.complete_io(&mut stream).is_ok_and(|(read, written)| read + written > 0) {}
    });
    let plain = server(|mut stream| {
        let _ = stream.write_all(b"220 hello\r\n");
        let _ = stream.read_to_end(&mut Vec::new());
    });
    // The head of a record that never comes, byte by byte.
    let slow = server(|mut stream| {
        let _ = stream.write_all(&[22, 3, 3, 0x40, 0]);
        while stream.write_all(b"2").is_ok() {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    });
    let gate = Gate::impatient();
    for (id, head, rest) in SAFE {
        for (host, expected) in [(&untrusted, Doubt::Tls), (&plain, Doubt::Tls)] {
            assert_eq!(doubt(&ask_url(&gate, id, head, WRONG, &format!("{host}{rest}"))), expected, "{id}");
        }
        let late = doubt(&ask_url(&gate, id, head, WRONG, &format!("{slow}{rest}")));
        assert!(matches!(late, Doubt::Timeout | Doubt::Tls), "{id}: {late:?}");
    }
}

#[test]
fn what_answers_anything_is_never_alive_and_never_dead() {
    let mut texts: Vec<Vec<u8>> = vec![
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".to_vec(),
        b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(),
        b"-ERR unknown\r\n".to_vec(),
        vec![0; 4_000],
        vec![0xff; 4_000],
        b"$99999999999999999999\r\n".to_vec(),
        b"*100000\r\n*100000\r\n*100000\r\n*100000\r\n*100000\r\n*100000\r\n".to_vec(),
        b"R\0\0\0\x08\0\0\0\x0bN".to_vec(),
        [b"N".to_vec(), b"R\xff\xff\xff\xff".to_vec()].concat(),
        b"0\x84\xff\xff\xff\xff\x02\x01\x02".to_vec(),
    ];
    texts.extend((0..40).map(|seed| crate::made::random(600, seed).into_bytes()));
    // Binary noise, the same in every run.
    let mut state = 7u64;
    texts.extend((0..60).map(|_| {
        (0..700)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 56) as u8
            })
            .collect()
    }));
    for text in texts {
        let shown = String::from_utf8_lossy(&text[..text.len().min(40)]).into_owned();
        let host = server(move |mut stream| {
            let _ = stream.write_all(&text);
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let _ = stream.read_to_end(&mut Vec::new());
        });
        let gate = Gate::impatient();
        for (id, head) in PROTOCOLS {
            let validity = ask_url(&gate, id, head, WRONG, &host);
            assert_eq!(validity.as_str(), "unknown", "{id}: {shown}: {validity:?}");
            assert!(!format!("{validity:?}").contains(WRONG));
        }
    }
}

#[test]
fn a_text_that_names_no_server_is_incomplete() {
    let gate = Gate::new(Setup::default());
    for rest in ["${HOST}/app", "%s:5432/app", "{host}/x"] {
        assert_eq!(doubt(&ask_url(&gate, "postgres-url", "postgres://u", WRONG, rest)), Doubt::Incomplete, "{rest}");
    }
    assert_eq!(doubt(&ask(&gate, "connection-string.postgres-url", WRONG, &[])), Doubt::Incomplete);
    assert_eq!(doubt(&ask_url(&gate, "mongodb-url", "mongodb+srv://u", WRONG, "a.example/x")), Doubt::Incomplete);
    assert!(gate.asked().is_empty());
    assert!(
        is_typed("connection-string.postgres-url") && is_typed("private-key.openssh") && !is_typed("github.app-token")
    );
    assert!(!is_typed("connection-string.curl-user") && !is_typed("azure.entra-client-secret"));
    let _: Validity = Validity::Inactive;
}
