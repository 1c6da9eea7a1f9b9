//! An object as it arrives; one that breaks off is asked for again from there, as long as it is the same.

use super::client::{Bucket, MAX_TRIES, backoff};
use super::error::BucketError;
use super::list::Listed;
use std::io::{self, Read};

/// The bytes of one object.
pub struct Object<'b> {
    bucket: &'b Bucket<'b>,
    listed: &'b Listed,
    inner: Box<dyn Read + Send>,
    read: u64,
    size: Option<u64>,
    /// What the bytes that were read are a version of.
    tag: Option<String>,
    tries: u32,
}

impl<'b> Object<'b> {
    pub(super) fn open(bucket: &'b Bucket<'b>, listed: &'b Listed) -> Result<Object<'b>, BucketError> {
        let answer = bucket.get(listed, &[])?;
        let size = answer.header("content-length").and_then(|size| size.parse().ok());
        let tag = answer.header("etag").map(str::to_owned);
        Ok(Object { bucket, listed, inner: answer.body, read: 0, size, tag, tries: 0 })
    }

    /// Goes on where it broke off; `false` when it cannot be told whether it is the same.
    fn resume(&mut self) -> Result<bool, BucketError> {
        let Some(tag) = &self.tag else { return Ok(false) };
        let range = ("range".to_owned(), format!("bytes={}-", self.read));
        let answer = self.bucket.get(self.listed, &[("if-match".to_owned(), tag.clone()), range])?;
        let is_same = answer.header("etag").is_none_or(|other| other == tag);
        if !is_same {
            return Ok(false);
        }
        let is_whole = answer.status != 206;
        self.inner = answer.body;
        if is_whole {
            // The range was not looked at: it begins anew.
            let passed = io::copy(&mut (&mut self.inner).take(self.read), &mut io::sink());
            passed.map_err(|error| BucketError::Unreadable { host: self.bucket.host(), error })?;
        }
        Ok(true)
    }
}

impl Read for Object<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        loop {
            let is_short = self.size.is_some_and(|size| self.read < size);
            let error = match self.inner.read(room) {
                Ok(0) if is_short && !room.is_empty() => io::ErrorKind::UnexpectedEof.into(),
                Ok(count) => {
                    self.read += count as u64;
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => error,
            };
            self.tries += 1;
            if self.tries >= MAX_TRIES {
                return Err(error);
            }
            std::thread::sleep(backoff(self.tries));
            if !self.resume()? {
                return Err(error);
            }
        }
    }
}
