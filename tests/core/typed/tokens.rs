//! JSON Web Tokens: what they say of their end, and who has signed them.

use super::{Gate, ask, doubt, identity, scopes};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use ring::{hmac, signature};
use serde_json::{Value, json};
use stopleak_core::verify::typed::Setup;
use stopleak_core::verify::typed::jwt::Issuer;
use stopleak_core::{Doubt, Validity};

fn token(header: Value, claims: Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let signed = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()));
    format!("{signed}.{}", BASE64.encode(sign(signed.as_bytes())))
}

const LATER: i64 = 4_000_000_000;

#[test]
fn a_token_is_dead_after_its_end_and_alive_when_a_known_key_has_signed_it() {
    let random = SystemRandom::new();
    let edwards = Ed25519KeyPair::from_pkcs8(Ed25519KeyPair::generate_pkcs8(&random).unwrap().as_ref()).unwrap();
    let other = Ed25519KeyPair::from_pkcs8(Ed25519KeyPair::generate_pkcs8(&random).unwrap().as_ref()).unwrap();
    let kind = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let file = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
    let curve = EcdsaKeyPair::from_pkcs8(kind, file.as_ref(), &random).unwrap();
    let (x, y) = curve.public_key().as_ref()[1..].split_at(32);
    let shared = crate::made::random(32, 5);
    let keys = json!({ "keys": [
        { "kty": "OKP", "crv": "Ed25519", "kid": "e", "x": BASE64.encode(edwards.public_key().as_ref()) },
        { "kty": "EC", "crv": "P-256", "kid": "c", "x": BASE64.encode(x), "y": BASE64.encode(y) },
        { "kty": "oct", "kid": "s", "k": BASE64.encode(&shared) },
        { "kty": "unknown" },
    ] });
    let issuer = Issuer::from_jwks("https://id.example", &keys.to_string()).unwrap();
    let gate = Gate::new(Setup { issuers: vec![issuer], ..Setup::default() });
    let judge = |token: &str| ask(&gate, "jwt.token", token, &[]);
    let claims = json!({ "iss": "https://id.example", "sub": "app", "exp": LATER, "scope": "read write" });
    let by_edwards = |signed: &[u8]| edwards.sign(signed).as_ref().to_vec();
    let by_curve = |signed: &[u8]| curve.sign(&random, signed).unwrap().as_ref().to_vec();
    let key = hmac::Key::new(hmac::HMAC_SHA256, shared.as_bytes());
    let by_shared = |signed: &[u8]| hmac::sign(&key, signed).as_ref().to_vec();

    let good = token(json!({ "alg": "EdDSA", "kid": "e" }), claims.clone(), by_edwards);
    assert_eq!(identity(&judge(&good)), ["issuer https://id.example", "subject app", "until 2096-10-02T07:06:40Z"]);
    assert_eq!(scopes(&judge(&good)), "read write");
    for token in [
        token(json!({ "alg": "EdDSA" }), claims.clone(), by_edwards),
        token(json!({ "alg": "ES256", "kid": "c" }), claims.clone(), by_curve),
        token(json!({ "alg": "HS256", "kid": "s" }), claims.clone(), by_shared),
    ] {
        assert_eq!(judge(&token).as_str(), "active");
    }
    // The key that it names says no.
    let forged =
        token(json!({ "alg": "EdDSA", "kid": "e" }), claims.clone(), |signed| other.sign(signed).as_ref().to_vec());
    assert_eq!(judge(&forged), Validity::Inactive);
    let ended = json!({ "iss": "https://id.example", "exp": 1_000_000_000 });
    assert_eq!(judge(&token(json!({ "alg": "EdDSA", "kid": "e" }), ended, by_edwards)), Validity::Inactive);
    let unknown = [
        token(json!({ "alg": "EdDSA" }), claims.clone(), |signed| other.sign(signed).as_ref().to_vec()),
        token(
            json!({ "alg": "EdDSA", "kid": "e" }),
            json!({ "iss": "https://other.example", "exp": LATER }),
            by_edwards,
        ),
        token(json!({ "alg": "none" }), claims.clone(), |_| Vec::new()),
        // A public key is no shared word, whatever the token says of its algorithm.
        token(json!({ "alg": "HS256", "kid": "e" }), claims.clone(), |signed| {
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, edwards.public_key().as_ref()), signed).as_ref().to_vec()
        }),
        "a.b".to_owned(),
        "e.e.e".to_owned(),
    ];
    for token in &unknown {
        assert_eq!(doubt(&judge(token)), Doubt::NoWay, "{token}");
    }
    assert!(gate.asked().is_empty());
    assert!(Issuer::from_jwks("x", "{}").is_err() && Issuer::from_jwks("x", "no").is_err());
    let _ = &signature::ED25519;
}
