//! JSON Web Tokens: <https://datatracker.ietf.org/doc/html/rfc7519>; keys: <https://datatracker.ietf.org/doc/html/rfc7517>.
//! Nothing is asked: a token past its end is dead, one signed by a known key is alive, of all others nobody can tell.

use super::label;
use crate::finding::{Doubt, Validity};
use crate::secret::Secret;
use crate::time;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::{hmac, signature};
use serde_json::Value;

/// How far clocks may differ.
const LEEWAY: i64 = 300;

/// Who signs tokens.
#[derive(Clone, Debug, Default)]
pub struct Issuer {
    /// What their tokens say in `iss`; empty for tokens of any issuer.
    pub name: String,
    keys: Vec<Key>,
}

/// A key that signs, or proves signatures.
#[derive(Clone, Debug)]
struct Key {
    id: Option<String>,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Curve { name: String, point: Vec<u8> },
    Edwards(Vec<u8>),
    Shared(Secret),
}

impl Issuer {
    /// Reads a set of keys (JWKS). One without a key that can be used is an error.
    pub fn from_jwks(name: &str, json: &str) -> Result<Issuer, String> {
        let set: Value =
            serde_json::from_str(json).map_err(|error| format!("the keys of {name} are no JSON: {error}"))?;
        let keys: Vec<Key> = set["keys"].as_array().into_iter().flatten().filter_map(key).collect();
        match keys.is_empty() {
            true => Err(format!("there is no key of {name} that can be used")),
            false => Ok(Issuer { name: name.to_owned(), keys }),
        }
    }
}

fn key(json: &Value) -> Option<Key> {
    let bytes = |name: &str| BASE64.decode(json[name].as_str()?.trim_end_matches('=')).ok();
    let kind = match json["kty"].as_str()? {
        "RSA" => Kind::Rsa { n: trimmed(bytes("n")?), e: trimmed(bytes("e")?) },
        "EC" => {
            let point = [vec![4], bytes("x")?, bytes("y")?].concat();
            Kind::Curve { name: json["crv"].as_str()?.to_owned(), point }
        }
        "OKP" if json["crv"] == "Ed25519" => Kind::Edwards(bytes("x")?),
        "oct" => Kind::Shared(Secret::new(&bytes("k")?)),
        _ => return None,
    };
    Some(Key { id: json["kid"].as_str().map(str::to_owned), kind })
}

fn trimmed(mut number: Vec<u8>) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.drain(..zeros);
    number
}

/// What a token says, and whether a known key has signed it; `now` counts from 1970.
pub fn check(token: &Secret, issuers: &[Issuer], now: i64) -> Validity {
    let text = String::from_utf8_lossy(token.expose());
    let parts: Vec<&str> = text.split('.').collect();
    let json = |part: &str| serde_json::from_slice::<Value>(&BASE64.decode(part.trim_end_matches('=')).ok()?).ok();
    let [head, body, signature] = parts[..] else { return unreadable() };
    let (Some(header), Some(claims)) = (json(head), json(body)) else { return unreadable() };
    let end = claims["exp"].as_f64().map(|end| end as i64);
    if end.is_some_and(|end| end.saturating_add(LEEWAY) < now) {
        return Validity::Inactive;
    }
    let by = claims["iss"].as_str().unwrap_or_default();
    let Ok(signature) = BASE64.decode(signature.trim_end_matches('=')) else { return unreadable() };
    let algorithm = header["alg"].as_str().unwrap_or_default();
    let signed = format!("{head}.{body}");
    let id = header["kid"].as_str();
    let mut is_disproved = false;
    for issuer in issuers.iter().filter(|issuer| issuer.name.is_empty() || issuer.name == by) {
        for key in issuer.keys.iter().filter(|key| id.is_none() || key.id.is_none() || key.id.as_deref() == id) {
            match proves(&key.kind, algorithm, signed.as_bytes(), &signature) {
                Some(true) => return active(&claims, end),
                // The very key that the token names says that the token is not its own.
                Some(false) => is_disproved |= !issuer.name.is_empty() && id.is_some() && key.id.as_deref() == id,
                None => {}
            }
        }
    }
    match is_disproved {
        true => Validity::Inactive,
        false => Validity::unknown(Doubt::NoWay, "it has not ended, and no configured key has signed it"),
    }
}

fn unreadable() -> Validity {
    Validity::unknown(Doubt::NoWay, "it is not a token that can be read")
}

/// None when the key is for another algorithm: a key chooses its own, never the token.
fn proves(key: &Kind, algorithm: &str, signed: &[u8], proof: &[u8]) -> Option<bool> {
    let of = |kind: &'static dyn signature::VerificationAlgorithm, key: &[u8]| {
        signature::UnparsedPublicKey::new(kind, key).verify(signed, proof).is_ok()
    };
    match (key, algorithm) {
        (Kind::Rsa { n, e }, _) => {
            let kind = match algorithm {
                "RS256" => &signature::RSA_PKCS1_2048_8192_SHA256,
                "RS384" => &signature::RSA_PKCS1_2048_8192_SHA384,
                "RS512" => &signature::RSA_PKCS1_2048_8192_SHA512,
                "PS256" => &signature::RSA_PSS_2048_8192_SHA256,
                "PS384" => &signature::RSA_PSS_2048_8192_SHA384,
                "PS512" => &signature::RSA_PSS_2048_8192_SHA512,
                _ => return None,
            };
            Some(signature::RsaPublicKeyComponents { n, e }.verify(kind, signed, proof).is_ok())
        }
        (Kind::Curve { name, point }, "ES256") if name == "P-256" => {
            Some(of(&signature::ECDSA_P256_SHA256_FIXED, point))
        }
        (Kind::Curve { name, point }, "ES384") if name == "P-384" => {
            Some(of(&signature::ECDSA_P384_SHA384_FIXED, point))
        }
        (Kind::Edwards(point), "EdDSA" | "Ed25519") => Some(of(&signature::ED25519, point)),
        (Kind::Shared(key), _) => {
            let kind = match algorithm {
                "HS256" => hmac::HMAC_SHA256,
                "HS384" => hmac::HMAC_SHA384,
                "HS512" => hmac::HMAC_SHA512,
                _ => return None,
            };
            Some(hmac::verify(&hmac::Key::new(kind, key.expose()), signed, proof).is_ok())
        }
        _ => None,
    }
}

fn active(claims: &Value, end: Option<i64>) -> Validity {
    let names = [("issuer", "iss"), ("subject", "sub"), ("audience", "aud")];
    let mut identity: Vec<(String, String)> =
        names.iter().filter_map(|(name, claim)| Some(label(name, claims[claim].as_str()?))).collect();
    identity.extend(end.map(|end| label("until", time::rfc3339(end))));
    let scopes = claims["scope"].as_str().or(claims["scp"].as_str()).map(|scopes| label("", scopes).1);
    Validity::Active { identity, scopes }
}
