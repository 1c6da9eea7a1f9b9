//! Leaks that forges report: who may ask, what is answered, and that nothing is lost.

use crate::made;
use crate::server::{Reply as Answered, Server};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use std::path::Path;
use stopleak_core::Secret;
use stopleak_core::http::{Http, Settings};
use stopleak_core::inbound::{
    Alerts, Forge, GitLab, KeySource, Partner, PublicKeys, Put, Queue, QueueError, Rate, Received, Reply, Service,
};

const KIND: &str = "gitleaks_rule_id_acme";

fn queue(folder: &Path) -> Queue {
    Queue::open(folder, &[7; 32], 5).unwrap()
}

fn network() -> Http {
    Http::new(Settings::default()).unwrap()
}

fn service<'t>(folder: &Path, http: &'t Http, keys: KeySource) -> Service<'t> {
    Service {
        gitlab: Some(GitLab { token: Secret::new(b"known to both"), types: vec![KIND.into()] }),
        partner: Some(Partner { keys: PublicKeys::new(keys) }),
        alerts: Some(Alerts { secret: Secret::new(b"the webhook's") }),
        queue: queue(folder),
        rate: Rate::new(20, 1.0),
        refused: Rate::new(3, 0.1),
        transport: http,
    }
}

fn nowhere() -> KeySource {
    KeySource::File("/nowhere/keys.json".into())
}

fn ask(service: &Service, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    let headers: Vec<(String, String)> =
        headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    service.answer(&Received { method, path, headers: &headers, body }, 100)
}

fn revoke(service: &Service, body: &str) -> Reply {
    ask(service, "POST", "/v1/revoke_tokens", &[("authorization", "known to both")], body.as_bytes())
}

fn leaked(seeds: std::ops::Range<u64>) -> String {
    let one = |seed| serde_json::json!({ "type": KIND, "token": format!("acme_{}", made::random(32, seed)), "location": "https://g.example/x" });
    serde_json::Value::from(seeds.map(one).collect::<Vec<_>>()).to_string()
}

#[test]
fn gitlab_is_told_the_types_if_it_knows_the_token() {
    let (folder, http) = (tempfile::tempdir().unwrap(), network());
    let service = service(folder.path(), &http, nowhere());
    let types = |token: &str| ask(&service, "GET", "/v1/revocable_token_types", &[("authorization", token)], b"");
    let reply = types("known to both");
    assert_eq!((reply.status, reply.body.as_str()), (200, "{\"types\":[\"gitleaks_rule_id_acme\"]}"));
    assert_eq!(types("Bearer known to both").status, 200);
    assert_eq!([types("known to bot").status, types("").status, types("other").status], [401; 3]);
    let reply = types("guess");
    assert_eq!((reply.status, reply.retry_after), (429, Some(10)), "guessing is slow");
    assert_eq!(types("known to both").status, 200, "and does not keep out who knows");
    assert_eq!(
        ask(&service, "POST", "/v1/revocable_token_types", &[("authorization", "known to both")], b"").status,
        405
    );
    assert_eq!(ask(&service, "GET", "/v1/other", &[], b"").status, 404);
}

#[test]
fn tokens_are_sealed_before_the_answer_and_known_the_second_time() {
    let (folder, http) = (tempfile::tempdir().unwrap(), network());
    let service = service(folder.path(), &http, nowhere());
    assert_eq!((revoke(&service, &leaked(0..2)).status, revoke(&service, &leaked(0..2)).status), (204, 204));
    drop(service);
    // As after a crash: another process opens the queue.
    let queue = queue(folder.path());
    let waiting = queue.waiting().unwrap();
    assert_eq!(waiting.len(), 2);
    let incidents: Vec<_> = waiting.iter().map(|id| queue.get(id).unwrap()).collect();
    let value = format!("acme_{}", made::random(32, 0));
    assert!(incidents.iter().any(|incident| incident.secret.as_ref().unwrap().expose() == value.as_bytes()));
    assert_eq!((incidents[0].forge, incidents[0].received, incidents[0].kind.as_str()), (Forge::Gitlab, 100, KIND));
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        assert!(!bytes.windows(10).any(|window| window == &value.as_bytes()[..10]), "in clear");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
    queue.done(&waiting[0]).unwrap();
    assert_eq!(queue.waiting().unwrap().len(), 1);
    assert_eq!(queue.put(&incidents[0]).unwrap(), Put::Known, "what was done is not done again");
}

#[test]
fn what_gitlab_should_not_ask_again_is_400_and_what_it_should_is_429() {
    let (folder, http) = (tempfile::tempdir().unwrap(), network());
    let service = service(folder.path(), &http, nowhere());
    for body in [
        "",
        "{}",
        "[{}]",
        "[{\"type\":\"other\",\"token\":\"x\"}]",
        "[{\"type\":\"gitleaks_rule_id_acme\",\"token\":\"\"}]",
        "[1]",
    ] {
        assert_eq!(revoke(&service, body).status, 400, "{body}");
    }
    assert!(queue(folder.path()).waiting().unwrap().is_empty());
    let reply = revoke(&service, &leaked(0..9));
    assert_eq!((reply.status, reply.retry_after), (429, Some(60)), "the queue is full");
    assert!(reply.trouble.is_some());
    (0..20).for_each(|_| _ = revoke(&service, "[]"));
    assert_eq!(revoke(&service, "[]").status, 429);
}

#[test]
fn a_queue_of_another_key_or_a_changed_file_is_put_aside() {
    let folder = tempfile::tempdir().unwrap();
    let http = network();
    revoke(&service(folder.path(), &http, nowhere()), &leaked(0..2));
    let other = Queue::open(folder.path(), &[8; 32], 5).unwrap();
    let ids = other.waiting().unwrap();
    assert!(matches!(other.get(&ids[0]), Err(QueueError::Broken { .. })));
    let path = folder.path().join(format!("{}.incident", ids[1]));
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(path, bytes).unwrap();
    let own = queue(folder.path());
    assert!(matches!(own.get(&ids[1]), Err(QueueError::Broken { .. })));
    assert!(own.waiting().unwrap().is_empty());
}

/// A key like GitHub's, and the list that names it.
fn key() -> (EcdsaKeyPair, String) {
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random).unwrap();
    let head = "3059301306072a8648ce3d020106082a8648ce3d030107034200";
    let head = (0..head.len()).step_by(2).map(|at| u8::from_str_radix(&head[at..at + 2], 16).unwrap());
    let der: Vec<u8> = head.chain(pair.public_key().as_ref().iter().copied()).collect();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der));
    let list = serde_json::json!({ "public_keys": [{ "key_identifier": "k1", "key": pem, "is_current": true }] });
    (pair, list.to_string())
}

#[test]
fn a_partners_message_is_taken_if_githubs_key_signed_it() {
    let (pair, list) = key();
    let server = Server::start(move |_| Answered::new(200, list.clone()));
    let (folder, http) = (tempfile::tempdir().unwrap(), network());
    let service = service(folder.path(), &http, KeySource::Url(format!("http://{}/keys", server.host)));
    let body = format!(
        "[{{\"token\":\"acme_{}\",\"type\":\"acme\",\"url\":\"https://github.example/x\",\"source\":\"commit\"}}]",
        made::random(32, 1)
    );
    let signed = STANDARD.encode(pair.sign(&SystemRandom::new(), body.as_bytes()).unwrap());
    let send = |id: &str, signature: &str, body: &str| {
        let headers = [("github-public-key-identifier", id), ("github-public-key-signature", signature)];
        ask(&service, "POST", "/github/partner", &headers, body.as_bytes()).status
    };
    assert_eq!(send("k1", &signed, &body), 200);
    assert_eq!(service.queue.waiting().unwrap().len(), 1);
    assert_eq!(send("k1", &signed, &body.replace("acme\"", "acm3\"")), 401);
    assert_eq!((send("k2", &signed, &body), send("k1", "AAAA", &body)), (401, 401));
    assert_eq!(send("k1", &signed, &body), 200);
    assert_eq!(server.asked().len(), 1, "the keys are asked for once, an unknown id a moment later asks nobody");
}

#[test]
fn githubs_documented_example_is_signed_as_it_says() {
    let pem = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEsz9ugWDj5jK5ELBK42ynytbo38gP\nHzZFI03Exwz8Lh/tCfL3YxwMdLjB+bMznsanlhK0RwcGP3IDb34kQDIo3Q==\n-----END PUBLIC KEY-----";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    std::fs::write(&file, serde_json::json!({ "public_keys": [{ "key_identifier": "k", "key": pem }] }).to_string())
        .unwrap();
    let keys = PublicKeys::new(KeySource::File(file));
    let body = b"[{\"token\":\"some_token\",\"type\":\"some_type\",\"url\":\"some_url\",\"source\":\"some_source\"}]";
    let signature = "MEUCIFLZzeK++IhS+y276SRk2Pe5LfDrfvTXu6iwKKcFGCrvAiEAhHN2kDOhy2I6eGkOFmxNkOJ+L2y8oQ9A2T9GGJo6WJY=";
    assert_eq!(keys.signed("k", signature, body, &network(), 0), Ok(true));
    assert_eq!(keys.signed("k", signature, &body[1..], &network(), 0), Ok(false));
}

#[test]
fn without_the_keys_the_message_is_to_come_again() {
    let (folder, http) = (tempfile::tempdir().unwrap(), network());
    let service = service(folder.path(), &http, nowhere());
    let headers = [("github-public-key-identifier", "k"), ("github-public-key-signature", "AAAA")];
    for _ in 0..2 {
        let reply = ask(&service, "POST", "/github/partner", &headers, b"[]");
        assert!(reply.status == 503 && reply.retry_after.is_some() && reply.trouble.is_some(), "{reply:?}");
    }
}

fn hub(body: &[u8]) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"the webhook's").unwrap();
    mac.update(body);
    mac.finalize().into_bytes().iter().fold("sha256=".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

#[test]
fn alerts_are_taken_if_the_webhooks_secret_signed_them() {
    let (folder, http) = (tempfile::tempdir().unwrap(), network());
    let service = service(folder.path(), &http, nowhere());
    let send = |event: &str, body: &str, signature: &str| {
        let headers = [("x-github-event", event), ("x-hub-signature-256", signature)];
        ask(&service, "POST", "/github/alerts", &headers, body.as_bytes()).status
    };
    let body = |action: &str| {
        format!(
            "{{\"action\":\"{action}\",\"alert\":{{\"number\":4,\"secret_type\":\"acme\",\"html_url\":\"https://g.example/4\"}}}}"
        )
    };
    let created = body("created");
    assert_eq!(send("secret_scanning_alert", &created, &hub(created.as_bytes())), 202);
    let incident = service.queue.get(&service.queue.waiting().unwrap()[0]).unwrap();
    assert_eq!((incident.secret, incident.location.as_str()), (None, "https://g.example/4"));
    let resolved = body("resolved");
    assert_eq!(send("secret_scanning_alert", &resolved, &hub(resolved.as_bytes())), 202);
    assert_eq!(service.queue.waiting().unwrap().len(), 1, "what people resolved needs no answer");
    assert_eq!(send("ping", "{}", &hub(b"{}")), 204);
    assert_eq!(send("secret_scanning_alert", "{}", &hub(b"{}")), 400);
    for wrong in ["", "sha256=", "sha1=00", &hub(b"x"), &format!("sha256={}", "€".repeat(22))] {
        assert!(matches!(send("secret_scanning_alert", &created, wrong), 401 | 429), "{wrong}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_request_makes_it_panic(body in any::<Vec<u8>>(), header in "\\PC{0,90}", path in 0usize..5, post in any::<bool>()) {
        let (folder, http) = (tempfile::tempdir().unwrap(), network());
        let service = service(folder.path(), &http, nowhere());
        let path = ["/v1/revocable_token_types", "/v1/revoke_tokens", "/github/partner", "/github/alerts", "/healthz"][path];
        let signed = hub(&body);
        for (hub, token) in [(header.as_str(), header.as_str()), (&signed, "known to both")] {
            let headers = [("authorization", token), ("x-hub-signature-256", hub), ("x-github-event", "secret_scanning_alert"),
                ("github-public-key-identifier", "k"), ("github-public-key-signature", header.as_str())];
            let reply = ask(&service, if post { "POST" } else { "GET" }, path, &headers, &body);
            prop_assert!((200..=503).contains(&reply.status));
        }
    }
}
