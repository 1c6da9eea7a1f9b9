//! Registries made by hand: what real ones do seldom, and what hostile ones would do.

use super::made::{Made, Packing, layer};
use super::{pull, seen, unscanned};
use crate::http::tls::start_tls;
use crate::server::{Asked, Reply, Server};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use stopleak_core::http::{Answer, Http, Request, Settings, Transport, TransportError};
use stopleak_core::image::Credentials;
use tempfile::TempDir;

fn http() -> Arc<dyn Transport + Send> {
    let read_timeout = Duration::from_secs(5);
    Arc::new(Http::new(Settings { read_timeout, ..Settings::default() }).unwrap())
}

/// An image with one token in one layer.
fn simple(seed: u64) -> (Made, String) {
    let token = crate::made::token(seed);
    let mut made = Made::default();
    let layer = made.layer(&layer(&[("etc/app.env", format!("A={token}\n").as_bytes())]), Packing::Gzip);
    made.image("{\"os\":\"linux\",\"architecture\":\"amd64\"}", &[layer], "amd64");
    (made, token)
}

/// Serves blobs and manifests to whoever asks.
fn serve(made: &Made, asked: &Asked) -> Reply {
    let last = asked.path.rsplit('/').next().unwrap_or_default();
    let is_manifest = asked.path.contains("/manifests/");
    let digest = if last == "v1" { made.images[0].manifest.as_str() } else { last };
    match (asked.path.as_str(), made.blobs.get(digest)) {
        ("/v2/", _) => Reply::new(200, "{}"),
        (_, Some(bytes)) if is_manifest => Reply::new(200, bytes.clone()).header("Docker-Content-Digest", digest),
        (_, Some(bytes)) => Reply::new(200, bytes.clone()),
        (_, None) => Reply::new(404, r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"unknown"}]}"#),
    }
}

fn logins(json: &str) -> (TempDir, Credentials) {
    let folder = TempDir::new().unwrap();
    let file: PathBuf = folder.path().join("config.json");
    std::fs::write(&file, json).unwrap();
    (folder, Credentials { file: Some(file), ..Credentials::default() })
}

#[test]
fn a_token_is_fetched_with_the_login_and_used_for_the_registry_alone() {
    let (made, token) = simple(21);
    let auth = Server::start(|asked| match asked.header("authorization") {
        Some(given) if given == format!("Basic {}", STANDARD.encode("ann:pw")) => {
            Reply::new(200, r#"{"token":"short-lived"}"#)
        }
        _ => Reply::new(401, ""),
    });
    let blobs = made.clone();
    let storage = Server::start(move |asked| match asked.header("authorization") {
        // Signed addresses refuse a second login, as S3 does.
        Some(_) => Reply::new(400, "only one way to log in"),
        None => serve(&blobs, asked),
    });
    let (realm, store) = (format!("http://{}/token", auth.host), storage.host.clone());
    let server = Server::start(move |asked| {
        if asked.header("authorization") != Some("Bearer short-lived") {
            let challenge = format!("Bearer realm=\"{realm}\",service=\"own\",scope=\"repository:team/app:pull\"");
            return Reply::new(401, "").header("Www-Authenticate", challenge);
        }
        match asked.path.contains("/blobs/") {
            true => Reply::new(307, "").header("Location", format!("http://{store}{}", asked.path)),
            false => serve(&made, asked),
        }
    });
    let login = format!("{{\"auths\":{{\"{}\":{{\"auth\":\"{}\"}}}}}}", server.host, STANDARD.encode("ann:pw"));
    let (_folder, credentials) = logins(&login);
    let outcome = pull(&format!("{}/team/app:v1", server.host), http(), credentials).unwrap();
    assert_eq!((seen(&outcome, &token).len(), unscanned(&outcome)), (1, vec![]));
    let asked = auth.asked();
    assert_eq!((asked.len(), asked[0].path.as_str()), (1, "/token?scope=repository%3Ateam%2Fapp%3Apull&service=own"));
    assert!(storage.asked().len() == 2 && storage.asked().iter().all(|asked| asked.header("authorization").is_none()));
}

#[test]
fn an_identity_token_is_exchanged() {
    let (made, token) = simple(22);
    let auth = Server::start(|asked| {
        let body = String::from_utf8_lossy(&asked.body).into_owned();
        let is_good = asked.method == "POST" && body.contains("refresh_token=long%2Flived") && body.contains("scope=");
        if is_good { Reply::new(200, r#"{"access_token":"x"}"#) } else { Reply::new(403, "") }
    });
    let realm = format!("http://{}/token", auth.host);
    let server = Server::start(move |asked| match asked.header("authorization") {
        Some("Bearer x") => serve(&made, asked),
        _ => Reply::new(401, "").header("Www-Authenticate", format!("Bearer realm=\"{realm}\"")),
    });
    let (_folder, credentials) =
        logins(&format!("{{\"auths\":{{\"{}\":{{\"identitytoken\":\"long/lived\"}}}}}}", server.host));
    let outcome = pull(&format!("{}/team/app:v1", server.host), http(), credentials).unwrap();
    assert_eq!(seen(&outcome, &token).len(), 1);
}

#[test]
fn a_blob_that_breaks_off_goes_on_and_a_busy_server_is_asked_again() {
    let (made, token) = simple(24);
    let tries = AtomicUsize::new(0);
    let server = Server::start(move |asked| {
        let is_layer = asked.path.contains(&made.images[0].layers[0].digest);
        let bytes = &made.blobs[&made.images[0].layers[0].digest];
        match (is_layer, asked.header("range"), tries.fetch_add(1, Ordering::SeqCst)) {
            (false, _, 2) => Reply::new(429, "").header("Retry-After", "0"),
            (true, None, _) => Reply { cut_at: Some(40), ..Reply::new(200, bytes.clone()) },
            (true, Some("bytes=40-"), _) => Reply::new(206, &bytes[40..]),
            _ => serve(&made, asked),
        }
    });
    let outcome = pull(&format!("{}/team/app:v1", server.host), http(), Credentials::default()).unwrap();
    assert_eq!((seen(&outcome, &token).len(), unscanned(&outcome)), (1, vec![]));
}

#[test]
fn content_that_is_not_what_was_asked_for_is_announced() {
    let (made, token) = simple(25);
    let layer = made.images[0].layers[0].digest.clone();
    let (other, _) = simple(26);
    let wrong = other.blobs[&other.images[0].layers[0].digest].clone();
    let served = made.clone();
    let server = Server::start(move |asked| match asked.path.contains(&layer) {
        true => Reply::new(200, wrong.clone()),
        false => serve(&served, asked),
    });
    let name = format!("{}/team/app", server.host);
    let outcome = pull(&format!("{name}:v1"), http(), Credentials::default()).unwrap();
    assert_eq!((seen(&outcome, &token).len(), unscanned(&outcome)), (0, vec!["image-digest"]));
    // By digest, another manifest than the one that was named is no image at all.
    let manifest = made.images[0].manifest.clone();
    let changed = made.blobs[&manifest].iter().chain(b" ").copied().collect::<Vec<u8>>();
    let liar = Server::start(move |_| Reply::new(200, changed.clone()));
    let error = pull(&format!("{}/team/app@{manifest}", liar.host), http(), Credentials::default()).unwrap_err();
    assert!(error.to_string().contains("another digest"), "{error}");
}

#[test]
fn a_refusal_is_an_error_in_the_servers_words_with_a_hint() {
    let (made, _) = simple(27);
    let server = Server::start(move |asked| serve(&made, asked));
    let error = pull(&format!("{}/team/app:nope", server.host), http(), Credentials::default()).unwrap_err();
    assert!(error.to_string().contains("404 to the manifest nope: MANIFEST_UNKNOWN unknown"), "{error}");
    assert!(error.hint().unwrap().contains("name and tag"));
    let locked = Server::start(|_| Reply::new(401, "").header("Www-Authenticate", "Basic realm=\"r\""));
    let error = pull(&format!("{}/team/app:v1", locked.host), http(), Credentials::default()).unwrap_err();
    assert!(error.to_string().contains("401") && error.hint().unwrap().contains("docker login"), "{error}");
}

/// A network on which a registry that is not on loopback is watched.
struct Watched;

impl Transport for Watched {
    fn send(&self, request: &Request) -> Result<Answer, TransportError> {
        assert!(request.url.starts_with("https://"), "asked without TLS");
        let challenge = "Bearer realm=\"http://tokens.example/\"".to_owned();
        Ok(Answer::new(401, vec![("www-authenticate".into(), challenge)], std::io::empty()))
    }
}

#[test]
fn nothing_is_asked_without_tls_beyond_loopback() {
    let login = format!("{{\"auths\":{{\"registry.example\":{{\"auth\":\"{}\"}}}}}}", STANDARD.encode("ann:pw"));
    let (_folder, credentials) = logins(&login);
    let error = pull("registry.example/team/app:v1", Arc::new(Watched), credentials).unwrap_err();
    assert!(error.to_string().contains("where there is no TLS"), "{error}");
}

#[test]
fn a_private_authority_is_trusted_when_it_is_named() {
    let (made, token) = simple(28);
    let (server, authority) = start_tls(move |asked| serve(&made, asked));
    let name = format!("{}/team/app:v1", server.host);
    let error = pull(&name, http(), Credentials::default()).unwrap_err();
    assert!(error.hint().unwrap().contains("--registry-ca"), "{error}");
    let settings = Settings { extra_ca: Some(authority.into_bytes()), ..Settings::default() };
    let outcome = pull(&name, Arc::new(Http::new(settings).unwrap()), Credentials::default()).unwrap();
    assert_eq!(seen(&outcome, &token).len(), 1);
}
