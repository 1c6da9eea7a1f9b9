//! AWS access keys: `GetCallerIdentity` needs no permission and changes nothing:
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>.

use super::line::Place;
use super::{Setup, label, part};
use crate::aws::xml::elements;
use crate::aws::{Endpoint, Keys};
use crate::finding::{Doubt, Validity};
use crate::http;
use crate::secret::Secret;
use crate::time;
use crate::verify::{Reach, Refusal, Subject};

/// Rules whose values are secret access keys.
pub const RULES: [&str; 2] = ["aws.secret-access-key", "aws.secret-access-key-beside-id"];

/// One region of each partition: a key is known in one of them alone.
const PARTITIONS: [&str; 3] = ["us-east-1", "cn-north-1", "us-gov-west-1"];

/// Bytes of an answer.
const MAX_ANSWER: u64 = 64 << 10;

pub(super) fn check(subject: &Subject, reach: &dyn Reach, setup: &Setup) -> Result<Validity, Refusal> {
    let text = |secret: &Secret| String::from_utf8_lossy(secret.expose()).into_owned();
    let Some(id) = part(subject, "aws.access-key-id").map(text) else {
        return Err(Refusal::new(Doubt::Incomplete, "the access key's id is not known"));
    };
    let token = part(subject, "aws.session-token").cloned();
    if id.starts_with("ASIA") && token.is_none() {
        return Err(Refusal::new(Doubt::Incomplete, "the session token that belongs with the key is not known"));
    }
    let token = token.filter(|_| id.starts_with("ASIA"));
    identify(&Keys { id, secret: subject.secret.clone(), token }, reach, setup.sts.as_deref())
}

/// Whose keys these are, where they are anybody's.
pub fn identify(keys: &Keys, reach: &dyn Reach, own: Option<&str>) -> Result<Validity, Refusal> {
    let regions = if own.is_some() { &PARTITIONS[..1] } else { &PARTITIONS[..] };
    for region in regions {
        match ask(keys, region, own, reach)? {
            Answer::Owner(identity) => return control(keys, region, own, reach, identity),
            Answer::Wrong => return Ok(Validity::Inactive),
            Answer::Unheard => {}
        }
    }
    Ok(Validity::Inactive)
}

/// Where it is asked.
pub(super) fn places(own: Option<&str>) -> Result<Vec<Place>, Refusal> {
    let regions = if own.is_some() { &PARTITIONS[..1] } else { &PARTITIONS[..] };
    let place = |region: &&str| {
        let endpoint = Endpoint::new("sts", region, own)?;
        let (host, port) = host_and_port(&endpoint.url)?;
        Ok(Place { host, port, from_scan: false })
    };
    regions.iter().map(place).collect()
}

/// What the service says.
enum Answer {
    Owner(Vec<(String, String)>),
    /// It knows the id, and this is not its secret, or not any more.
    Wrong,
    /// Nobody's here: deleted, switched off, or of another partition.
    Unheard,
}

/// A random secret of the same id must be refused.
fn control(
    keys: &Keys,
    region: &str,
    own: Option<&str>,
    reach: &dyn Reach,
    identity: Vec<(String, String)>,
) -> Result<Validity, Refusal> {
    let random = Keys { secret: Secret::new(super::bytes::random_text(40).as_bytes()), ..keys.clone() };
    match ask(&random, region, own, reach)? {
        Answer::Owner(_) => Err(Refusal::new(Doubt::Gullible, "the service takes a random secret, too")),
        Answer::Wrong | Answer::Unheard => Ok(Validity::Active { identity, scopes: None }),
    }
}

fn ask(keys: &Keys, region: &str, own: Option<&str>, reach: &dyn Reach) -> Result<Answer, Refusal> {
    let endpoint = Endpoint::new("sts", region, own)?;
    let fields = [("Action", "GetCallerIdentity"), ("Version", "2011-06-15")];
    let request = endpoint.query(keys, &fields, time::now())?.at_most(MAX_ANSWER);
    let (host, port) = host_and_port(&endpoint.url)?;
    reach.may_ask(&host, port)?;
    let answer = reach.transport().send(&request)?;
    let (status, wait) = (answer.status, answer.retry_after());
    let strange = || Refusal::new(Doubt::Strange, format!("{host} answers {status}, and not as the service does"));
    let body =
        answer.bytes().map_err(|_| Refusal::new(Doubt::Connection, format!("the answer of {host} broke off")))?;
    let (mut code, mut identity, mut is_clock) = (String::new(), Vec::new(), false);
    let read = elements(&String::from_utf8_lossy(&body), &mut |path, text| match path {
        [_, result, name] if result == "GetCallerIdentityResult" => match name.as_str() {
            "Account" => identity.push(label("account", text)),
            "Arn" => identity.push(label("arn", text)),
            "UserId" => identity.push(label("user id", text)),
            _ => {}
        },
        [.., error, name] if error == "Error" && name == "Code" => code = text.to_owned(),
        [.., error, name] if error == "Error" && name == "Message" => {
            is_clock = text.starts_with("Signature expired") || text.starts_with("Signature not yet current");
        }
        _ => {}
    });
    if read.is_err() && !(500..600).contains(&status) && status != 429 {
        return Err(strange());
    }
    identity.sort();
    match (status, code.as_str()) {
        (200, _) if identity.iter().any(|(name, _)| name == "arn") => Ok(Answer::Owner(identity)),
        _ if is_clock => Err(Refusal::new(Doubt::Strange, "this machine's clock is wrong")),
        (_, "SignatureDoesNotMatch") => Ok(Answer::Wrong),
        (_, "ExpiredToken" | "ExpiredTokenException") => Ok(Answer::Wrong),
        (_, "InvalidClientTokenId" | "UnrecognizedClientException") => Ok(Answer::Unheard),
        (429, _) | (_, "Throttling" | "ThrottlingException" | "RequestLimitExceeded") => {
            reach.hold_back(&host, wait);
            Err(Refusal::new(Doubt::RateLimited, format!("{host} limits the rate")))
        }
        (500..=599, _) => Err(Refusal::new(Doubt::Provider, format!("{host} answers {status}"))),
        _ => Err(strange()),
    }
}

/// Of an address, for the gate.
pub(super) fn host_and_port(url: &str) -> Result<(String, u16), Refusal> {
    let exact = http::exact(url)?;
    let usual = if exact.url.starts_with("https:") { 443 } else { 80 };
    match exact.host.rsplit_once(':').map(|(host, port)| (host, port.parse())) {
        Some((host, Ok(port))) => Ok((host.to_owned(), port)),
        _ => Ok((exact.host, usual)),
    }
}
