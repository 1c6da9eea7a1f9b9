//! Asks a store: finds the bucket's region, waits when it is busy, says in words why it refuses.

use super::address::Base;
use super::error::BucketError;
use super::list::{Listed, Page};
use super::object::Object;
use crate::aws::xml::elements;
use crate::aws::{self, Asked, Keys, Scope, is_region};
use crate::http::{self, Answer, Request, Transport, TransportError};
use crate::time;
use std::io::Read;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Tries at a request that a store has no time for, and at going on with an object that broke off.
pub(super) const MAX_TRIES: u32 = 5;
/// The longest wait that a store may ask for.
const MAX_WAIT: Duration = Duration::from_secs(60);
/// The region of a bucket that nobody names one for: every other one is told from there.
const DEFAULT_REGION: &str = "us-east-1";

/// Who asks, and where.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// None asks anonymously, as public buckets allow.
    pub keys: Option<Keys>,
    /// Where the bucket is; a store tells when it is elsewhere.
    pub region: Option<String>,
    /// A store that is not AWS.
    pub endpoint: Option<String>,
}

/// One bucket.
pub struct Bucket<'t> {
    transport: &'t dyn Transport,
    name: String,
    access: Access,
    place: Mutex<Arc<Place>>,
}

/// Where a bucket was found.
struct Place {
    region: String,
    base: Base,
}

impl Place {
    fn new(access: &Access, bucket: &str, region: &str) -> Result<Arc<Place>, BucketError> {
        match is_region(region) {
            true => Ok(Arc::new(Place { region: region.to_owned(), base: Base::new(access, bucket, region)? })),
            false => Err(BucketError::Region(region.to_owned())),
        }
    }
}

impl<'t> Bucket<'t> {
    /// Nothing is asked yet.
    pub fn new(transport: &'t dyn Transport, name: &str, access: &Access) -> Result<Bucket<'t>, BucketError> {
        let region = access.region.as_deref().unwrap_or(DEFAULT_REGION);
        let place = Mutex::new(Place::new(access, name, region)?);
        Ok(Bucket { transport, name: name.to_owned(), access: access.clone(), place })
    }

    /// The name of the bucket.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// One page of the objects whose keys begin with `prefix`; `next` is from the page before.
    pub fn list(
        &self,
        prefix: &str,
        versions: bool,
        next: Option<&[(&'static str, String)]>,
    ) -> Result<Page, BucketError> {
        let mut query = vec![("encoding-type", "url".to_owned()), ("prefix", prefix.to_owned())];
        query.push(if versions { ("versions", String::new()) } else { ("list-type", "2".to_owned()) });
        query.extend(next.into_iter().flatten().cloned());
        query.sort();
        let query: Vec<String> =
            query.iter().map(|(name, value)| format!("{name}={}", http::encode(value, false))).collect();
        let answer = self.send("", &query.join("&"), &[], "the list of objects")?;
        let host = self.host();
        let bytes = answer.bytes().map_err(|error| BucketError::Unreadable { host: host.clone(), error })?;
        let text = String::from_utf8_lossy(&bytes);
        Page::parse(&text).map_err(|reason| BucketError::Damaged { host, reason })
    }

    /// An object as it arrives.
    pub fn open<'b>(&'b self, listed: &'b Listed) -> Result<Object<'b>, BucketError> {
        Object::open(self, listed)
    }

    pub(super) fn get(&self, listed: &Listed, headers: &[(String, String)]) -> Result<Answer, BucketError> {
        let version = listed.version.as_ref().map(|version| format!("versionId={}", http::encode(version, false)));
        self.send(&http::encode(&listed.key, true), &version.unwrap_or_default(), headers, "the object")
    }

    /// Host and port, for messages.
    pub(super) fn host(&self) -> String {
        self.place().base.host.clone()
    }

    /// Sends until it is answered with success; looks for the bucket where it is said to be, once.
    fn send(
        &self,
        key: &str,
        query: &str,
        headers: &[(String, String)],
        what: &'static str,
    ) -> Result<Answer, BucketError> {
        let (mut tries, mut moves) = (0, 0);
        loop {
            let place = self.place();
            tries += 1;
            let answer = match self.transport.send(&self.request(&place, key, query, headers)?) {
                Err(error) if error.is_passing() && tries < MAX_TRIES => {
                    std::thread::sleep(backoff(tries));
                    continue;
                }
                answer => answer?,
            };
            if answer.is_success() {
                return Ok(answer);
            }
            let wait = wait(&answer, tries);
            let refusal = Refusal::read(answer);
            if let Some(region) = refusal.region.as_ref().filter(|region| **region != place.region && moves < 2) {
                moves += 1;
                self.go(Place::new(&self.access, &self.name, region)?);
                continue;
            }
            // Another thread may have found the region meanwhile.
            if !Arc::ptr_eq(&place, &self.place()) && moves < 2 {
                moves += 1;
                continue;
            }
            match wait.filter(|_| refusal.is_passing()) {
                Some(wait) if tries < MAX_TRIES => std::thread::sleep(wait),
                _ => {
                    let (host, anonymous) = (place.base.host.clone(), self.access.keys.is_none());
                    let Refusal { status, code, .. } = refusal;
                    return Err(BucketError::Refused { host, status, code, what, anonymous });
                }
            }
        }
    }

    fn request(
        &self,
        place: &Place,
        key: &str,
        query: &str,
        headers: &[(String, String)],
    ) -> Result<Request, BucketError> {
        let base = &place.base;
        let path = format!("{}{key}", base.path);
        let url =
            if query.is_empty() { format!("{}{path}", base.root) } else { format!("{}{path}?{query}", base.root) };
        // An address that is put in order is another object's, or another bucket's.
        if http::exact(&url)?.url != url {
            return Err(BucketError::Unaskable("`.` and `..` in a key are not kept in an address"));
        }
        let mut request = Request::get(url).at_most(u64::MAX);
        request.headers.extend(headers.iter().cloned());
        if let Some(keys) = &self.access.keys {
            let asked = Asked { method: "GET", host: &base.host, path: &path, query, headers, body: b"" };
            let scope = Scope { region: &place.region, service: "s3" };
            request.headers.extend(aws::headers(keys, scope, &asked, time::now()));
        }
        Ok(request)
    }

    fn place(&self) -> Arc<Place> {
        Arc::clone(&self.place.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }

    fn go(&self, place: Arc<Place>) {
        *self.place.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = place;
    }
}

/// An answer that is no success.
struct Refusal {
    status: u16,
    code: String,
    /// Where the bucket is instead.
    region: Option<String>,
}

impl Refusal {
    fn read(answer: Answer) -> Refusal {
        let status = answer.status;
        let told = answer.header("x-amz-bucket-region").map(str::to_owned);
        let mut body = Vec::new();
        let _ = answer.body.take(64 << 10).read_to_end(&mut body);
        let (mut code, mut region) = (String::new(), None);
        let _ = elements(&String::from_utf8_lossy(&body), &mut |path, text| match path {
            [_, name] if name == "Code" => code = text.chars().filter(char::is_ascii_alphanumeric).take(64).collect(),
            [_, name] if name == "Region" => region = Some(text.to_owned()),
            _ => {}
        });
        // A refusal for other reasons names the region, too: then it is the one that was asked.
        let region = told.or(region).filter(|region| is_region(region));
        Refusal { status, code, region }
    }

    fn is_passing(&self) -> bool {
        matches!(self.status, 429 | 500 | 502..=504)
            || matches!(&*self.code, "RequestTimeout" | "SlowDown" | "InternalError")
    }
}

/// How long to wait before the next try; none when the store asks for too much.
fn wait(answer: &Answer, tries: u32) -> Option<Duration> {
    answer.retry_after().or(Some(backoff(tries))).filter(|wait| *wait <= MAX_WAIT)
}

pub(super) fn backoff(tries: u32) -> Duration {
    Duration::from_millis(50 << (2 * tries.min(4)))
}

impl From<BucketError> for std::io::Error {
    fn from(error: BucketError) -> std::io::Error {
        match error {
            BucketError::Transport(TransportError::Timeout { .. }) => {
                std::io::Error::new(std::io::ErrorKind::TimedOut, error)
            }
            error => std::io::Error::other(error),
        }
    }
}
