//! Names of buckets and objects, and the addresses they are asked for at.

use super::client::Access;
use super::error::BucketError;
use crate::http;

/// What `s3://bucket/prefix` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The bucket.
    pub bucket: String,
    /// What keys begin with; may be empty.
    pub prefix: String,
}

impl Address {
    /// Parses what stands behind `s3://`.
    pub fn parse(text: &str) -> Result<Address, BucketError> {
        let (bucket, prefix) = text.split_once('/').unwrap_or((text, ""));
        // Old buckets have names of up to 255 characters, capitals and `_` among them.
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        let is_name = (3..=255).contains(&bucket.len()) && bucket.chars().all(is_part) && !bucket.contains("..");
        match is_name && !bucket.starts_with('.') {
            true => Ok(Address { bucket: bucket.to_owned(), prefix: prefix.to_owned() }),
            false => Err(BucketError::Address("a bucket's name is 3 to 255 letters, digits, `-`, `.` and `_`")),
        }
    }
}

/// Where a bucket is: scheme and host, and the path before its keys, which ends in `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// `https://host`.
    pub root: String,
    /// As in `Host`.
    pub host: String,
    /// `/`, `/bucket/`.
    pub path: String,
}

impl Base {
    /// The address of a bucket in a region; of a store of one's own the bucket is a part of the path.
    pub fn new(access: &Access, bucket: &str, region: &str) -> Result<Base, BucketError> {
        let url = match &access.endpoint {
            Some(endpoint) => format!("{}/{bucket}/", endpoint.trim_end_matches('/')),
            None => {
                let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
                match fits_into_host(bucket) {
                    true => format!("https://{bucket}.s3.{region}.{domain}/"),
                    false => format!("https://s3.{region}.{domain}/{bucket}/"),
                }
            }
        };
        let exact = http::exact(&url)
            .map_err(|_| BucketError::Endpoint("it is no address of http or https, or holds a user"))?;
        let is_safe = exact.url.starts_with("https://") || http::is_loopback(&exact.url);
        if !is_safe && access.keys.as_ref().is_some_and(|keys| keys.token.is_some()) {
            return Err(BucketError::Endpoint("a session token would go there without TLS"));
        }
        if exact.url.contains(['?', '#']) {
            return Err(BucketError::Endpoint("an endpoint has no query"));
        }
        let root = exact.url.find("://").and_then(|at| exact.url[at + 3..].find('/').map(|slash| at + 3 + slash));
        let (root, path) = exact.url.split_at(root.unwrap_or(exact.url.len()));
        Ok(Base { root: root.to_owned(), host: exact.host, path: path.to_owned() })
    }
}

/// Whether a bucket may stand in front of the host: a dot is beyond what the certificate is for.
fn fits_into_host(bucket: &str) -> bool {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    bucket.len() <= 63 && bucket.chars().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_told_from_its_prefix() {
        let table = [
            ("logs", Some(("logs", ""))),
            ("logs/", Some(("logs", ""))),
            ("logs/2026/a b", Some(("logs", "2026/a b"))),
            ("my.logs/x", Some(("my.logs", "x"))),
            ("", None),
            ("a", None),
            ("a@b.example/x", None),
            ("logs?x=1", None),
            ("../x", None),
        ];
        for (text, expected) in table {
            let address = Address::parse(text).ok();
            let got = address.as_ref().map(|address| (address.bucket.as_str(), address.prefix.as_str()));
            assert_eq!(got, expected, "{text}");
        }
    }

    #[test]
    fn a_bucket_stands_in_the_host_where_it_can() {
        let at = |endpoint: Option<&str>, bucket: &str, region: &str| {
            let access = Access { endpoint: endpoint.map(str::to_owned), ..Access::default() };
            Base::new(&access, bucket, region).map(|base| format!("{} {}{}", base.host, base.root, base.path)).ok()
        };
        let table = [
            (None, "logs", "eu-west-1", "logs.s3.eu-west-1.amazonaws.com https://logs.s3.eu-west-1.amazonaws.com/"),
            (None, "my.logs", "us-east-1", "s3.us-east-1.amazonaws.com https://s3.us-east-1.amazonaws.com/my.logs/"),
            (
                None,
                "logs",
                "cn-north-1",
                "logs.s3.cn-north-1.amazonaws.com.cn https://logs.s3.cn-north-1.amazonaws.com.cn/",
            ),
            (Some("http://LOCALHOST:9000/"), "logs", "x", "localhost:9000 http://localhost:9000/logs/"),
            (Some("https://s.example:443/api/s3"), "logs", "x", "s.example https://s.example/api/s3/logs/"),
        ];
        for (endpoint, bucket, region, expected) in table {
            assert_eq!(at(endpoint, bucket, region).as_deref(), Some(expected));
        }
        for endpoint in ["ftp://s.example", "s.example", "https://s.example/?x=", "https://u:p@s.example"] {
            assert_eq!(at(Some(endpoint), "logs", "x"), None, "{endpoint}");
        }
    }
}
