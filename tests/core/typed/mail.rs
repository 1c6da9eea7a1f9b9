//! SMTP by a strict server made by hand: it knows one user and one password, and offers no login before TLS if told so.

use super::{Gate, WRONG, ask_url, doubt, identity};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use stopleak_core::http::Tls;
use stopleak_core::verify::typed::Setup;
use stopleak_core::{Doubt, Validity};

/// How the server is set up.
#[derive(Clone, Default)]
struct Mail {
    ways: &'static str,
    /// What it says to a wrong password.
    refusal: &'static str,
    is_open: bool,
    tls: Option<Arc<rustls::ServerConfig>>,
}

trait Both: Read + Write {}
impl<T: Read + Write> Both for T {}

fn start(mail: Mail) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mail = mail.clone();
            std::thread::spawn(move || talk(stream, &mail));
        }
    });
    host
}

fn talk(stream: TcpStream, mail: &Mail) {
    let (mut socket, mut is_safe) = (BufReader::new(Box::new(stream.try_clone().unwrap()) as Box<dyn Both>), false);
    let say = |socket: &mut BufReader<Box<dyn Both>>, text: &str| {
        let _ = socket.get_mut().write_all(format!("{text}\r\n").as_bytes()).and_then(|()| socket.get_mut().flush());
    };
    say(&mut socket, "220 mail.example ESMTP");
    let mut line = String::new();
    while socket.read_line(&mut line).is_ok_and(|count| count > 0) {
        let words: Vec<&str> = line.trim_end().split(' ').collect();
        match words.as_slice() {
            ["EHLO", _] if mail.tls.is_some() && !is_safe => say(&mut socket, "250-mail.example\r\n250 STARTTLS"),
            ["EHLO", _] => say(&mut socket, &format!("250-mail.example\r\n250 AUTH {}", mail.ways)),
            ["STARTTLS"] => {
                say(&mut socket, "220 go on");
                let connection = rustls::ServerConnection::new(mail.tls.clone().unwrap()).unwrap();
                let stream = rustls::StreamOwned::new(connection, stream.try_clone().unwrap());
                (socket, is_safe) = (BufReader::new(Box::new(stream) as Box<dyn Both>), true);
            }
            ["AUTH", "PLAIN", word] => {
                assert!(mail.tls.is_none() || is_safe, "no password without TLS");
                let word = BASE64.decode(word).unwrap();
                let right = format!("\0app\0{}", word_of());
                say(&mut socket, if mail.is_open || word == right.as_bytes() { "235 2.7.0 in" } else { mail.refusal });
            }
            ["AUTH", "LOGIN"] => {
                let mut said = Vec::new();
                for question in ["VXNlcm5hbWU6", "UGFzc3dvcmQ6"] {
                    say(&mut socket, &format!("334 {question}"));
                    let mut line = String::new();
                    socket.read_line(&mut line).unwrap();
                    said.push(String::from_utf8(BASE64.decode(line.trim_end()).unwrap()).unwrap());
                }
                say(&mut socket, if said == ["app".to_owned(), word_of()] { "235 in" } else { mail.refusal });
            }
            ["QUIT"] => return,
            _ => say(&mut socket, "500 what"),
        }
        line.clear();
    }
}

fn word_of() -> String {
    crate::made::random(18, 77)
}

fn ask(gate: &Gate, host: &str, user: &str, word: &str) -> Validity {
    ask_url(gate, "mail-url", &format!("smtp://{user}"), word, host)
}

#[test]
fn smtp_says_whether_a_password_is_alive() {
    let gate = Gate::new(Setup::default());
    for ways in ["PLAIN LOGIN", "LOGIN"] {
        let host = start(Mail { ways, refusal: "535 5.7.8 no", ..Mail::default() });
        assert_eq!(identity(&ask(&gate, &host, "app", &word_of())), ["user app"]);
        assert_eq!(ask(&gate, &host, "app", WRONG), Validity::Inactive);
        assert_eq!(ask(&gate, &host, "nobody", &word_of()), Validity::Inactive);
    }
    let open = start(Mail { ways: "PLAIN", is_open: true, ..Mail::default() });
    assert_eq!(doubt(&ask(&gate, &open, "app", WRONG)), Doubt::Gullible);
    // Refusals that say nothing of the password.
    for (refusal, expected) in [
        ("535 5.7.139 logins are switched off", Doubt::Strange),
        ("534 5.7.9 another way in", Doubt::Strange),
        ("454 4.7.0 later", Doubt::Provider),
        ("421 too many", Doubt::Provider),
    ] {
        let host = start(Mail { ways: "PLAIN", refusal, ..Mail::default() });
        assert_eq!(doubt(&ask(&gate, &host, "app", WRONG)), expected, "{refusal}");
    }
    let none = start(Mail { ways: "GSSAPI", ..Mail::default() });
    assert_eq!(doubt(&ask(&gate, &none, "app", WRONG)), Doubt::Strange);
}

#[test]
fn smtp_begins_tls_before_the_password() {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    let host = start(Mail { ways: "PLAIN", refusal: "535 no", tls: Some(Arc::new(config)), ..Mail::default() });
    let trusting = Setup { tls: Some(Tls::new(Some(made.cert.pem().as_bytes())).unwrap()), ..Setup::default() };
    assert_eq!(ask(&Gate::new(trusting.clone()), &host, "app", &word_of()).as_str(), "active");
    assert_eq!(ask(&Gate::new(trusting), &host, "app", WRONG), Validity::Inactive);
    assert_eq!(doubt(&ask(&Gate::new(Setup::default()), &host, "app", &word_of())), Doubt::Tls);
}
