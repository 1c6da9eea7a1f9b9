//! Who we are as a GitHub App: signed for minutes, renewed before the hour is over.

use super::hub::{Running, start};
use super::{WAITS, list, unscanned};
use crate::server::{Reply, Server as Loopback};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Value, json};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use stopleak_core::forge::{App, Forge, Server, Token};
use stopleak_core::sweep::targets::{Access, Repo, Settings};
use stopleak_core::time::{now, rfc3339};

/// A new key, as GitHub gives it and as other tools keep it, and its public half.
struct Key {
    pkcs1: Vec<u8>,
    pkcs8: Vec<u8>,
    public: Vec<u8>,
}

fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut command = Command::new("openssl");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("openssl is there");
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap().stdout
}

fn key() -> Key {
    let pkcs8 = openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], b"");
    let pkcs1 = openssl(&["rsa", "-traditional"], &pkcs8);
    let public = openssl(&["rsa", "-RSAPublicKey_out", "-outform", "DER"], &pkcs8);
    Key { pkcs1, pkcs8, public }
}

/// GitHub behind a door that gives tokens to applications alone.
struct Door {
    door: Loopback,
    hub: Running,
    /// Whom tokens were given, and how long they last.
    given: Arc<Mutex<Vec<String>>>,
    lasting: Arc<Mutex<i64>>,
}

fn door(public: Vec<u8>, repos: usize) -> Door {
    let hub = start(repos);
    hub.hub().tokens.clear();
    let (given, lasting) = (Arc::<Mutex<Vec<String>>>::default(), Arc::new(Mutex::new(3_600)));
    let (list, life, inner) = (Arc::clone(&given), Arc::clone(&lasting), Arc::clone(&hub.hub));
    let home = hub.host().to_owned();
    let door = Loopback::start(move |asked| {
        let path = asked.path.strip_prefix("/api/v3").unwrap_or(&asked.path);
        let is_ours = path.starts_with("/app/") || path.ends_with("/installation");
        if !is_ours {
            return forward(&home, asked);
        }
        let signed = asked.header("authorization").and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        if !is_signed(signed, &public) {
            return Reply::new(401, r#"{"message":"A JSON web token could not be decoded"}"#);
        }
        match (asked.method.as_str(), path) {
            ("GET", "/orgs/org/installation") => Reply::new(200, json!({ "id": 77 }).to_string()),
            ("POST", "/app/installations/77/access_tokens") => {
                let mut given = list.lock().unwrap();
                let token = format!("installed-{}", given.len());
                inner.lock().unwrap().tokens = vec![token.clone()];
                given.push(token.clone());
                let expires_at = rfc3339(now() + *life.lock().unwrap());
                Reply::new(201, json!({ "token": token, "expires_at": expires_at }).to_string())
            }
            _ => Reply::new(404, r#"{"message":"Not Found"}"#),
        }
    });
    Door { door, hub, given, lasting }
}

/// Asks the server behind the door the same.
fn forward(home: &str, asked: &crate::server::Asked) -> Reply {
    use stopleak_core::http::{Method, Request, Transport};
    let method = if asked.method == "POST" { Method::Post } else { Method::Get };
    let mut request = Request::new(method, format!("http://{home}{}", asked.path));
    for name in ["authorization", "accept", "x-github-api-version", "if-none-match", "content-type"] {
        if let Some(value) = asked.header(name) {
            request = request.header(name, value);
        }
    }
    request.body = asked.body.clone();
    let answer = super::network().send(&request).unwrap();
    let mut reply = Reply { status: answer.status, ..Reply::default() };
    for name in ["link", "etag", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"] {
        if let Some(value) = answer.header(name) {
            reply = reply.header(name, value);
        }
    }
    reply.body = answer.bytes().unwrap();
    reply
}

/// As GitHub checks it: RS256, issued in the past, at most ten minutes, by the application.
fn is_signed(jwt: &str, public: &[u8]) -> bool {
    let Some((text, signature)) = jwt.rsplit_once('.') else { return false };
    let Some((header, claims)) = text.split_once('.') else { return false };
    let read = |part: &str| -> Value { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap() };
    let (header, claims) = (read(header), read(claims));
    let (from, until) = (claims["iat"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
    let is_fit =
        header["alg"] == "RS256" && claims["iss"] == "123" && from <= now() && until > now() && until - now() <= 600;
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    is_fit && UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public).verify(text.as_bytes(), &signature).is_ok()
}

fn settings(door: &Door, key: &[u8], installation: Option<u64>) -> Settings {
    let mut server = Server::at(Forge::Github, &format!("http://{}", door.door.host)).unwrap();
    server.token = Some(Token::App(App::new("123", key, installation).unwrap()));
    Settings { servers: vec![server], waits: WAITS, ..Settings::default() }
}

#[test]
fn an_application_lists_and_clones_with_tokens_of_its_installation() {
    let key = key();
    let door = door(key.public.clone(), 250);
    for (pem, installation) in [(&key.pkcs1, None), (&key.pkcs8, None), (&key.pkcs1, Some(77))] {
        let listing = list("github://org", settings(&door, pem, installation), None).unwrap();
        assert_eq!((listing.repos.len(), unscanned(&listing)), (250, Vec::new()));
    }
    // One token each: it is kept.
    assert_eq!(door.given.lock().unwrap().len(), 3);

    let network = super::network();
    let access = Access::new(Some(&network), settings(&door, &key.pkcs1, None));
    let repo = Repo { address: format!("http://{}/org/a.git", door.door.host), owner: "org".into(), ..Repo::default() };
    let credential = access.credentials_for(&repo.address).unwrap().unwrap();
    let word = |credential: stopleak_core::sweep::targets::Credential| {
        (credential.user, String::from_utf8(credential.password.expose().to_vec()).unwrap())
    };
    assert_eq!(word(credential), ("x-access-token".to_owned(), "installed-3".to_owned()));
    assert_eq!(word(access.credentials_for(&repo.address).unwrap().unwrap()).1, "installed-3");
}

#[test]
fn a_token_is_renewed_before_it_ends_and_once_it_is_refused() {
    let key = key();
    let door = door(key.public.clone(), 250);
    // Four minutes left are too few to begin anything with: each request asks for a new one.
    *door.lasting.lock().unwrap() = 240;
    let listing = list("github://org", settings(&door, &key.pkcs1, None), None).unwrap();
    assert_eq!((listing.repos.len(), unscanned(&listing)), (250, Vec::new()));
    assert!(door.given.lock().unwrap().len() >= 4);

    // One that is taken away in the middle of the list is asked for again.
    *door.lasting.lock().unwrap() = 3_600;
    let before = door.given.lock().unwrap().len();
    let used = door.hub.hub().used;
    door.hub.hub().then = Some((used + 2, |hub| hub.tokens.clear()));
    let listing = list("github://org", settings(&door, &key.pkcs1, None), None).unwrap();
    assert_eq!((listing.repos.len(), unscanned(&listing)), (250, Vec::new()));
    assert_eq!(door.given.lock().unwrap().len() - before, 2);
}

#[test]
fn a_key_of_somebody_else_is_refused_and_nothing_of_it_is_told() {
    let (ours, theirs) = (key(), key());
    let door = door(theirs.public, 1);
    let error = list("github://org", settings(&door, &ours.pkcs1, None), None).unwrap_err().to_string();
    assert!(error.contains("401") && error.contains("JSON web token"), "{error}");
    let shown = format!("{:?}", settings(&door, &ours.pkcs1, None).servers);
    let body: String = String::from_utf8(ours.pkcs1).unwrap().lines().nth(1).unwrap().to_owned();
    assert!(!shown.contains(&body) && STANDARD.decode(body).is_ok());
}
