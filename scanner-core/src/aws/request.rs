//! A request to one of Amazon's services, signed: where it goes, and what it must carry.

use super::sign::{Asked, Keys, Scope, headers};
use crate::http::{self, Method, Request, TransportError};

/// Where a service is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// `https://sts.us-east-1.amazonaws.com/`.
    pub url: String,
    /// What signatures are for.
    pub region: String,
    /// As in `sts`.
    pub service: &'static str,
}

impl Endpoint {
    /// The service in a region, or at an address of one's own; a region that is none is an error.
    pub fn new(service: &'static str, region: &str, own: Option<&str>) -> Result<Endpoint, TransportError> {
        if !is_region(region) {
            return Err(TransportError::Other(format!("`{region}` is no region")));
        }
        let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let url = match (own, service) {
            (Some(own), _) => own.to_owned(),
            // One for the whole partition; signatures are for its first region.
            (None, "iam") if domain == "amazonaws.com" => format!("https://iam.{domain}/"),
            (None, service) => format!("https://{service}.{region}.{domain}/"),
        };
        let region = if service == "iam" && domain == "amazonaws.com" { "us-east-1" } else { region };
        Ok(Endpoint { url: http::exact(&url)?.url, region: region.to_owned(), service })
    }

    /// The signed request that posts a body there; `own` are headers beside those of the signature, names in lower case.
    pub fn post(&self, keys: &Keys, own: &[(&str, &str)], body: Vec<u8>, now: i64) -> Result<Request, TransportError> {
        let exact = http::exact(&self.url)?;
        if keys.token.is_some() && !exact.url.starts_with("https://") && !http::is_loopback(&exact.url) {
            return Err(TransportError::Other("a session token would go there without TLS".into()));
        }
        let path = exact.url.splitn(4, '/').nth(3).map_or_else(|| "/".to_owned(), |path| format!("/{path}"));
        let own: Vec<(String, String)> = own.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let scope = Scope { region: &self.region, service: self.service };
        let asked = Asked { method: "POST", host: &exact.host, path: &path, query: "", headers: &own, body: &body };
        let signed = headers(keys, scope, &asked, now);
        let mut request = Request::new(Method::Post, exact.url);
        request.headers = own.into_iter().chain(signed).collect();
        request.body = body;
        Ok(request)
    }

    /// A question of the query protocol (`sts`, `iam`): `Action`, its version and its fields.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/programming.html>
    pub fn query(&self, keys: &Keys, fields: &[(&str, &str)], now: i64) -> Result<Request, TransportError> {
        let pair = |(name, value): &(&str, &str)| format!("{name}={}", http::encode(value, false));
        let body = fields.iter().map(pair).collect::<Vec<_>>().join("&");
        let kind = ("content-type", "application/x-www-form-urlencoded; charset=utf-8");
        self.post(keys, &[kind], body.into_bytes(), now)
    }

    /// A question of the JSON protocol (`secretsmanager`): its target, as in `secretsmanager.GetSecretValue`.
    pub fn json(&self, keys: &Keys, target: &str, body: Vec<u8>, now: i64) -> Result<Request, TransportError> {
        let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target)];
        self.post(keys, &headers, body, now)
    }
}

/// Whether a region is a name: it becomes a part of a host's, and servers tell it.
pub fn is_region(region: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (1..=64).contains(&region.len()) && region.chars().all(is_part) && !region.starts_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn services_are_asked_where_they_are() {
        let at = |service, region, own| Endpoint::new(service, region, own).map(|e| format!("{} {}", e.url, e.region));
        let table = [
            ("sts", "eu-west-1", None, "https://sts.eu-west-1.amazonaws.com/ eu-west-1"),
            ("sts", "cn-north-1", None, "https://sts.cn-north-1.amazonaws.com.cn/ cn-north-1"),
            ("iam", "eu-west-1", None, "https://iam.amazonaws.com/ us-east-1"),
            ("iam", "cn-north-1", None, "https://iam.cn-north-1.amazonaws.com.cn/ cn-north-1"),
            ("secretsmanager", "x-1", Some("http://LOCALHOST:5000"), "http://localhost:5000/ x-1"),
        ];
        for (service, region, own, expected) in table {
            assert_eq!(at(service, region, own).as_deref(), Ok(expected));
        }
        assert!(at("sts", "evil.example/", None).is_err() && at("sts", "x", Some("ftp://x")).is_err());
    }

    #[test]
    fn a_session_token_goes_nowhere_without_tls() {
        let lent = Keys { id: "id".into(), secret: Secret::new(b"x"), token: Some(Secret::new(b"y")) };
        let ask = |url| Endpoint::new("sts", "x", Some(url)).unwrap().query(&lent, &[("Action", "A b")], 0);
        assert!(ask("http://sts.example/").is_err());
        let request = ask("http://127.0.0.1:5000/").unwrap();
        assert_eq!(request.body, b"Action=A%20b");
        assert!(request.headers.iter().any(|(name, _)| name == "x-amz-security-token"));
    }
}
