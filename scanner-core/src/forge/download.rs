//! A log or an artifact as it arrives. One that breaks off is asked for again from there; one that ends too early is an error.

use super::client::{Client, MAX_TRIES};
use super::error::ForgeError;
use crate::http::Answer;
use std::io::{self, Read};

/// What is downloaded, read as it comes.
pub struct Download<'c, 't> {
    client: &'c Client<'t>,
    path: String,
    what: String,
    inner: Box<dyn Read + Send>,
    mark: Mark,
    read: u64,
    tries: u32,
    failure: Option<ForgeError>,
}

/// What tells two versions of the same thing apart.
#[derive(Debug, Default, PartialEq, Eq)]
struct Mark {
    size: Option<u64>,
    tag: Option<String>,
}

impl Mark {
    fn of(answer: &Answer) -> Mark {
        let size = match (answer.status, answer.header("content-range")) {
            (206, Some(range)) => range.rsplit('/').next().and_then(|size| size.trim().parse().ok()),
            (206, None) => None,
            _ => answer.header("content-length").and_then(|size| size.trim().parse().ok()),
        };
        Mark { size, tag: answer.header("etag").map(str::to_owned) }
    }

    /// Whether nothing says that the other is of something else.
    fn agrees(&self, other: &Mark) -> bool {
        let differ = |a: Option<&str>, b: Option<&str>| matches!((a, b), (Some(a), Some(b)) if a != b);
        let sizes = matches!((self.size, other.size), (Some(a), Some(b)) if a != b);
        !sizes && !differ(self.tag.as_deref(), other.tag.as_deref())
    }
}

impl<'c, 't> Download<'c, 't> {
    pub(super) fn begin(client: &'c Client<'t>, path: &str, what: &str) -> Result<Download<'c, 't>, ForgeError> {
        let answer = client.ask(&client.request(path)?.header("Accept", "*/*").at_most(u64::MAX), what)?;
        let mark = Mark::of(&answer);
        let (path, what) = (path.to_owned(), what.to_owned());
        Ok(Download { client, path, what, inner: answer.body, mark, read: 0, tries: 0, failure: None })
    }

    /// Why not all of it came, once reading it failed.
    pub fn failure(&self) -> Option<&ForgeError> {
        self.failure.as_ref()
    }

    /// Goes on where it broke off. Who does not give a part gives it again from its beginning.
    fn resume(&mut self) -> Result<(), ForgeError> {
        let request = self.client.request(&self.path)?.header("Accept", "*/*").at_most(u64::MAX);
        let request = request.header("Range", format!("bytes={}-", self.read));
        let answer = self.client.ask(&request, &self.what)?;
        if !self.mark.agrees(&Mark::of(&answer)) {
            return Err(ForgeError::unreadable(&self.what, "it broke off, and meanwhile it is another one"));
        }
        let begins = answer
            .header("content-range")
            .and_then(|range| range.trim().strip_prefix("bytes ")?.split('-').next()?.parse::<u64>().ok());
        let passed = match (answer.status, begins) {
            (206, Some(begins)) if begins <= self.read => self.read - begins,
            (206, _) => return Err(ForgeError::unreadable(&self.what, "it broke off, and does not go on from there")),
            _ => self.read,
        };
        self.inner = answer.body;
        let unreadable = |error| ForgeError::unreadable(&self.what, error);
        match io::copy(&mut (&mut self.inner).take(passed), &mut io::sink()).map_err(unreadable)? {
            count if count < passed => Err(ForgeError::unreadable(&self.what, "it broke off, and is shorter now")),
            _ => Ok(()),
        }
    }

    fn fail(&mut self, error: ForgeError) -> io::Error {
        let message = error.to_string();
        self.failure = Some(error);
        io::Error::other(message)
    }
}

impl Read for Download<'_, '_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if let Some(failure) = &self.failure {
            return Err(io::Error::other(failure.to_string()));
        }
        loop {
            let is_short = self.mark.size.is_some_and(|size| self.read < size);
            let reason = match self.inner.read(room) {
                Ok(0) if is_short && !room.is_empty() => "the answer is shorter than announced".to_owned(),
                Ok(count) => {
                    self.read += count as u64;
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
                Err(error) => error.to_string(),
            };
            let mut reason = ForgeError::unreadable(&self.what, reason);
            loop {
                self.tries += 1;
                if self.tries >= MAX_TRIES {
                    return Err(self.fail(reason));
                }
                self.client.pause(self.tries);
                match self.resume() {
                    Ok(()) => break,
                    Err(error @ ForgeError::Unreadable { .. }) => reason = error,
                    Err(error) => return Err(self.fail(error)),
                }
            }
        }
    }
}
