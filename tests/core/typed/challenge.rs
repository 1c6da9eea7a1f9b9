//! MySQL's own way in (`caching_sha2_password`) by a strict server made by hand: none is packaged that has it.

use super::{Gate, WRONG, ask_url, doubt, identity};
use ring::digest::{SHA256, digest};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use stopleak_core::verify::typed::Setup;
use stopleak_core::{Doubt, Validity};

const CHALLENGE: [u8; 20] = *b"abcdefghijklmnopqrst";

fn word_of() -> String {
    crate::made::random(18, 79)
}

/// `knows` whether the server has seen the user before: otherwise it wants the password itself.
fn start(knows: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || talk(stream, knows));
        }
    });
    host
}

fn say(stream: &mut TcpStream, sequence: u8, body: &[u8]) {
    let len = (body.len() as u32).to_le_bytes();
    let _ = stream.write_all(&[&len[..3], &[sequence], body].concat());
}

fn hear(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let mut head = [0; 4];
    stream.read_exact(&mut head).ok()?;
    let mut body = vec![0; u32::from_le_bytes([head[0], head[1], head[2], 0]) as usize];
    stream.read_exact(&mut body).ok()?;
    Some((head[3], body))
}

fn talk(mut stream: TcpStream, knows: bool) {
    let way = b"caching_sha2_password\0";
    let (first, last) = CHALLENGE.split_at(8);
    let abilities = 0x0028_a205u32.to_le_bytes();
    let greeting = [
        &b"\x0a8.0.40\0\x01\0\0\0"[..],
        first,
        b"\0",
        &abilities[..2],
        b"\x2d\x02\0",
        &abilities[2..],
        b"\x15",
        &[0; 10],
        last,
        b"\0",
        way,
    ];
    say(&mut stream, 0, &greeting.concat());
    let Some((sequence, login)) = hear(&mut stream) else { return };
    assert_eq!(sequence, 1);
    let rest = &login[32..];
    let end = rest.iter().position(|byte| *byte == 0).unwrap();
    let (user, proof) = (&rest[..end], &rest[end + 2..end + 2 + usize::from(rest[end + 1])]);
    assert!(rest.ends_with(way));
    let once = digest(&SHA256, word_of().as_bytes());
    let twice = digest(&SHA256, once.as_ref());
    let salted = digest(&SHA256, &[twice.as_ref(), &CHALLENGE].concat());
    let expected: Vec<u8> = once.as_ref().iter().zip(salted.as_ref()).map(|(a, b)| a ^ b).collect();
    match (knows, user == b"app" && proof == expected) {
        (false, _) => say(&mut stream, 2, b"\x01\x04"),
        (true, true) => {
            say(&mut stream, 2, b"\x01\x03");
            say(&mut stream, 3, &[0, 0, 0, 2, 0, 0, 0]);
            // Questions are answered by an error: what is let in stays in.
            while hear(&mut stream).is_some() {
                say(&mut stream, 1, b"\xff\x28\x04#42000no");
            }
        }
        (true, false) => say(&mut stream, 2, b"\xff\x15\x04#28000Access denied"),
    }
    // The password itself must never come without TLS.
    assert_eq!(hear(&mut stream), None);
}

#[test]
fn mysql_says_whether_a_password_is_alive() {
    let gate = Gate::new(Setup::default());
    let ask = |host: &str, user: &str, word: &str| {
        ask_url(&gate, "mysql-url", &format!("mysql://{user}"), word, &format!("{host}/shop"))
    };
    let host = start(true);
    assert_eq!(identity(&ask(&host, "app", &word_of())), ["user app"]);
    for (user, word) in [("app", WRONG), ("nobody", &word_of())] {
        assert_eq!(ask(&host, user, word), Validity::Inactive, "{user}");
    }
    assert_eq!(doubt(&ask(&start(false), "app", &word_of())), Doubt::Tls);
}
