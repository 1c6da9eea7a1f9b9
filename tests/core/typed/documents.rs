//! MongoDB by a strict server made by hand: one user, SCRAM with either hash, and one that lies.

use super::{Gate, WRONG, ask_url, doubt, identity, scopes};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::{digest, hmac, pbkdf2};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::num::NonZeroU32;
use stopleak_core::verify::typed::Setup;
use stopleak_core::{Doubt, Validity};

/// What the server does.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Sha256,
    Sha1,
    /// Lets everybody in, without being able to prove that it knows the password.
    Open,
}

fn start(kind: Kind) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || talk(stream, kind));
        }
    });
    host
}

fn word_of() -> String {
    crate::made::random(18, 78)
}

/// A document of strings, numbers and bytes: name, kind, value.
type Fields = Vec<(String, u8, Vec<u8>)>;

fn parse(mut bytes: &[u8]) -> Fields {
    let mut fields = Vec::new();
    bytes = &bytes[4..];
    while bytes[0] != 0 {
        let kind = bytes[0];
        let end = bytes.iter().skip(1).position(|byte| *byte == 0).unwrap() + 1;
        let name = String::from_utf8(bytes[1..end].to_vec()).unwrap();
        bytes = &bytes[end + 1..];
        let number = || u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize;
        let (skip, len) = match kind {
            2 => (4, number()),
            3 => (0, number()),
            5 => (5, number()),
            8 => (0, 1),
            16 => (0, 4),
            other => panic!("{other}"),
        };
        fields.push((name, kind, bytes[skip..skip + len].to_vec()));
        bytes = &bytes[skip + len..];
    }
    fields
}

fn field<'a>(fields: &'a Fields, name: &str) -> Option<&'a [u8]> {
    fields.iter().find(|(known, ..)| known == name).map(|(_, _, value)| value.as_slice())
}

fn put(out: &mut Vec<u8>, kind: u8, name: &str, value: &[u8]) {
    out.push(kind);
    out.extend([name.as_bytes(), b"\0"].concat());
    if matches!(kind, 2 | 5) {
        out.extend((value.len() as u32 + u32::from(kind == 2)).to_le_bytes());
    }
    out.extend(if kind == 5 { &b"\0"[..] } else { b"" });
    out.extend(value);
    out.extend(if kind == 2 { &b"\0"[..] } else { b"" });
}

fn document(fields: &[(u8, &str, Vec<u8>)]) -> Vec<u8> {
    let mut body = Vec::new();
    fields.iter().for_each(|(kind, name, value)| put(&mut body, *kind, name, value));
    [&(body.len() as u32 + 5).to_le_bytes()[..], &body, b"\0"].concat()
}

fn refused() -> Vec<u8> {
    document(&[
        (1, "ok", 0f64.to_le_bytes().into()),
        (16, "code", 18u32.to_le_bytes().into()),
        (2, "codeName", b"AuthenticationFailed".into()),
    ])
}

fn talk(mut stream: TcpStream, kind: Kind) {
    let (mut bare, mut first, mut mechanism, mut is_known) = (String::new(), String::new(), String::new(), false);
    loop {
        let mut head = [0; 16];
        if stream.read_exact(&mut head).is_err() {
            return;
        }
        let mut body = vec![0; u32::from_le_bytes(head[..4].try_into().unwrap()) as usize - 16];
        stream.read_exact(&mut body).unwrap();
        assert_eq!((&head[12..], &body[..5]), (&2013u32.to_le_bytes()[..], &[0; 5][..]));
        let asked = parse(&body[5..]);
        let ok = (1, "ok", 1f64.to_le_bytes().to_vec());
        let id = (16, "conversationId", 1u32.to_le_bytes().to_vec());
        let answer = match asked[0].0.as_str() {
            "hello" => {
                let names = document(&[(
                    2,
                    "0",
                    if kind == Kind::Sha1 { b"SCRAM-SHA-1".into() } else { b"SCRAM-SHA-256".into() },
                )]);
                let is_app = field(&asked, "saslSupportedMechs") == Some(b"admin.app\0");
                document(&if is_app { vec![(4, "saslSupportedMechs", names), ok] } else { vec![ok] })
            }
            "saslStart" => {
                assert_eq!(field(&asked, "$db"), Some(&b"admin\0"[..]));
                mechanism = String::from_utf8(field(&asked, "mechanism").unwrap().to_vec()).unwrap();
                let payload = String::from_utf8(field(&asked, "payload").unwrap().to_vec()).unwrap();
                bare = payload.strip_prefix("n,,").unwrap().to_owned();
                is_known = bare.starts_with("n=app,");
                first = format!(
                    "r={}server,s={},i=4096",
                    bare.split_once(",r=").unwrap().1,
                    BASE64.encode("salt-of-the-test")
                );
                document(&[id, (8, "done", vec![0]), (5, "payload", first.clone().into_bytes()), ok])
            }
            "saslContinue" => {
                let payload = String::from_utf8(field(&asked, "payload").unwrap().to_vec()).unwrap();
                let proof = is_known.then(|| prove(&mechanism, &bare, &first, &payload)).flatten();
                match (proof, kind) {
                    (Some(proof), _) => document(&[id, (8, "done", vec![1]), (5, "payload", proof.into_bytes()), ok]),
                    (None, Kind::Open) => document(&[id, (8, "done", vec![1]), (5, "payload", b"v=AAAA".into()), ok]),
                    (None, _) => refused(),
                }
            }
            "connectionStatus" => {
                let role = document(&[(2, "role", b"readWrite".into()), (2, "db", b"shop".into())]);
                let info = document(&[(4, "authenticatedUserRoles", document(&[(3, "0", role)]))]);
                document(&[(3, "authInfo", info), ok])
            }
            other => panic!("{other}"),
        };
        let len = (16 + 5 + answer.len() as u32).to_le_bytes();
        let message = [&len[..], &[0; 4], &head[4..8], &2013u32.to_le_bytes(), &[0; 5], &answer].concat();
        stream.write_all(&message).unwrap();
    }
}

/// The server's side of SCRAM: its own proof for a right one.
fn prove(mechanism: &str, bare: &str, first: &str, last: &str) -> Option<String> {
    let is_long = mechanism.starts_with("SCRAM-SHA-256");
    let (kind, mac, hash) = match is_long {
        true => (pbkdf2::PBKDF2_HMAC_SHA256, hmac::HMAC_SHA256, &digest::SHA256),
        false => (pbkdf2::PBKDF2_HMAC_SHA1, hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &digest::SHA1_FOR_LEGACY_USE_ONLY),
    };
    let digested: String = {
        use md5::Digest;
        md5::Md5::digest(format!("app:mongo:{}", word_of())).iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let word = if is_long { word_of() } else { digested };
    let mut salted = vec![0; hash.output_len()];
    pbkdf2::derive(kind, NonZeroU32::new(4096).unwrap(), b"salt-of-the-test", word.as_bytes(), &mut salted);
    let sign = |key: &[u8], text: &str| hmac::sign(&hmac::Key::new(mac, key), text.as_bytes());
    let (without, proof) = last.rsplit_once(",p=").unwrap();
    let all = format!("{bare},{first},{without}");
    let client = sign(&salted, "Client Key");
    let signature = sign(digest::digest(hash, client.as_ref()).as_ref(), &all);
    let expected: Vec<u8> = client.as_ref().iter().zip(signature.as_ref()).map(|(a, b)| a ^ b).collect();
    let server = sign(sign(&salted, "Server Key").as_ref(), &all);
    (BASE64.decode(proof).unwrap() == expected).then(|| format!("v={}", BASE64.encode(server)))
}

#[test]
fn mongodb_says_whether_a_password_is_alive() {
    let gate = Gate::new(Setup::default());
    for kind in [Kind::Sha256, Kind::Sha1] {
        let host = start(kind);
        let ask = |user: &str, word: &str| {
            ask_url(&gate, "mongodb-url", &format!("mongodb://{user}"), word, &format!("{host}/shop?authSource=admin"))
        };
        let app = ask("app", &word_of());
        assert_eq!(
            (identity(&app), scopes(&app)),
            (vec!["user app".into(), "database admin".into()], "readWrite@shop")
        );
        for (user, word) in [("app", WRONG), ("nobody", &word_of())] {
            assert_eq!(ask(user, word), Validity::Inactive, "{user}");
        }
    }
    // It says `done` and proves nothing.
    let host = start(Kind::Open);
    let validity = ask_url(&gate, "mongodb-url", "mongodb://app", WRONG, &format!("{host}/admin"));
    assert_eq!(doubt(&validity), Doubt::Strange);
}
