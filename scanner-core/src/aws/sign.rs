//! Signature version 4 in the headers of a request:
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>,
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>.

use crate::secret::{Secret, hex};
use crate::time;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// The keys of who asks.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The access key's id.
    pub id: String,
    /// The secret access key.
    pub secret: Secret,
    /// What comes with keys that were lent for a while.
    pub token: Option<Secret>,
}

/// What a signature is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope<'a> {
    /// As in `us-east-1`.
    pub region: &'a str,
    /// As in `s3`, `sts`, `iam`, `secretsmanager`.
    pub service: &'a str,
}

/// What a signature covers of a request.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// As in `GET`.
    pub method: &'a str,
    /// As in `Host`.
    pub host: &'a str,
    /// Percent-encoded.
    pub path: &'a str,
    /// Percent-encoded, sorted, without `?`.
    pub query: &'a str,
    /// Names in lower case.
    pub headers: &'a [(String, String)],
    /// As it is sent.
    pub body: &'a [u8],
}

/// The headers that a request needs beside its own: `Authorization` and what it covers. `now` counts from 1970.
pub fn headers(keys: &Keys, scope: Scope<'_>, asked: &Asked<'_>, now: i64) -> Vec<(String, String)> {
    let (day, time) = stamps(now);
    let Scope { region, service } = scope;
    let digest = hex(&Sha256::digest(asked.body));
    let mut added = vec![("x-amz-content-sha256".to_owned(), digest), ("x-amz-date".to_owned(), time.clone())];
    if let Some(token) = &keys.token {
        added.push(("x-amz-security-token".to_owned(), String::from_utf8_lossy(token.expose()).into_owned()));
    }
    let host = ("host".to_owned(), asked.host.to_owned());
    let mut signed: Vec<&(String, String)> = asked.headers.iter().chain(&added).chain([&host]).collect();
    signed.sort();
    let names = signed.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";");
    let lines: String = signed.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
    let Asked { method, path, query, .. } = asked;
    let canonical = format!("{method}\n{path}\n{query}\n{lines}\n{names}\n{}", added[0].1);
    let scope = format!("{day}/{region}/{service}/aws4_request");
    let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
    let first = zeroize::Zeroizing::new([b"AWS4", keys.secret.expose()].concat());
    let dated = mac(&first, day.as_bytes());
    let key = [region, service, "aws4_request"].iter().fold(dated, |key, part| mac(&key, part.as_bytes()));
    let signature = hex(&mac(&key, to_sign.as_bytes()));
    let id = &keys.id;
    let value = format!("AWS4-HMAC-SHA256 Credential={id}/{scope},SignedHeaders={names},Signature={signature}");
    added.push(("authorization".to_owned(), value));
    added
}

fn mac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key may have any length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}

/// `20130524` and `20130524T000000Z`.
fn stamps(now: i64) -> (String, String) {
    let time: String = time::rfc3339(now).chars().filter(|c| !matches!(c, '-' | ':')).collect();
    (time[..8].to_owned(), time)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The provider's own examples; the keys are its public samples, in parts since they look like keys.
    #[test]
    fn signatures_are_those_of_the_published_examples() {
        let id = ["AKIA", "IOSF", "ODNN", "7EXA", "MPLE"].concat();
        let sample = ["wJal", "rXUt", "nFEM", "I/K7", "MDEN", "G/bP", "xRfi", "CYEX", "AMPL", "EKEY"].concat();
        let keys = Keys { id, secret: Secret::new(sample.as_bytes()), token: None };
        let range = [("range".to_owned(), "bytes=0-9".to_owned())];
        /// Path, query, headers; the signature's two halves.
        type Row<'a> = (&'a str, &'a str, &'a [(String, String)], [&'a str; 2]);
        let table: [Row; 3] = [
            ("/test.txt", "", &range, ["f0e8bdb87c964420e857bd35b5d6ed31", "0bd44f0170aba48dd91039c6036bdb41"]),
            ("/", "max-keys=2&prefix=J", &[], ["34b48302e7b5fa45bde8084f4b7868a8", "6f0a534bc59db6670ed5711ef69dc6f7"]),
            ("/", "lifecycle=", &[], ["fea454ca298b7da1c68078a5d1bdbfbb", "e0d65c699e0f91ac7a200a0136783543"]),
        ];
        for (path, query, own, expected) in table {
            let host = "examplebucket.s3.amazonaws.com";
            let asked = Asked { method: "GET", host, path, query, headers: own, body: b"" };
            let scope = Scope { region: "us-east-1", service: "s3" };
            let signed = headers(&keys, scope, &asked, 1_369_353_600);
            let (name, value) = signed.last().unwrap();
            assert_eq!(name, "authorization");
            assert!(value.ends_with(&format!("Signature={}", expected.concat())), "{path}?{query}: {value}");
        }
    }
}
