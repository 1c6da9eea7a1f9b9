//! Names of content by its hash, and the reader that holds content to its name.

use super::error::ImageError;
use crate::secret::hex;
use sha2::{Digest as _, Sha256, Sha512};
use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

/// `sha256:` and 64 hex digits, or `sha512:` and 128.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(Arc<str>);

impl Digest {
    /// Reads one; none when it is of no known form.
    pub fn parse(text: &str) -> Option<Digest> {
        let (algorithm, hex) = text.split_once(':')?;
        let len = match algorithm {
            "sha256" => 64,
            "sha512" => 128,
            _ => return None,
        };
        let is_hex = hex.len() == len && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_hex.then(|| Digest(text.into()))
    }

    /// The SHA-256 of these bytes.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(format!("sha256:{}", hex(&Sha256::digest(bytes))).into())
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As it is written, shared.
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }

    /// Algorithm and hash apart.
    pub fn parts(&self) -> (&str, &str) {
        self.0.split_once(':').unwrap_or(("", &self.0))
    }

    /// The algorithm and the first twelve digits, as people and tools name a layer.
    pub fn short(&self) -> &str {
        crate::blob::short(&self.0)
    }

    /// Whether these bytes have this name.
    pub fn names(&self, bytes: &[u8]) -> bool {
        let mut hasher = Hasher::new(self);
        hasher.update(bytes);
        hasher.finish() == self.parts().1
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

enum Hasher {
    Sha256(Sha256),
    Sha512(Box<Sha512>),
}

impl Hasher {
    fn new(digest: &Digest) -> Hasher {
        match digest.parts().0 {
            "sha512" => Hasher::Sha512(Box::default()),
            _ => Hasher::Sha256(Sha256::default()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Hasher::Sha256(hasher) => hasher.update(bytes),
            Hasher::Sha512(hasher) => hasher.update(bytes),
        }
    }

    fn finish(self) -> String {
        match self {
            Hasher::Sha256(hasher) => hex(&hasher.finalize()),
            Hasher::Sha512(hasher) => hex(&hasher.finalize()),
        }
    }
}

/// A blob on its way in, hashed as it is read.
pub struct Verified<R> {
    inner: R,
    hasher: Hasher,
    digest: Digest,
    size: Option<u64>,
    read: u64,
}

impl<R: Read> Verified<R> {
    /// Reads a blob that has this name and, where it is known, this size. No more than that is read.
    pub fn new(inner: R, digest: &Digest, size: Option<u64>) -> Verified<R> {
        Verified { inner, hasher: Hasher::new(digest), digest: digest.clone(), size, read: 0 }
    }

    /// Reads on to the end and says whether the content was what its name says.
    pub fn finish(mut self, what: &str) -> Result<(), ImageError> {
        let read = io::copy(&mut self, &mut io::sink());
        read.map_err(|error| ImageError::Unreadable { what: what.to_owned(), error })?;
        if let Some(size) = self.size
            && size != self.read
        {
            return Err(ImageError::damaged(what, format!("it has {} bytes in place of {size}", self.read)));
        }
        match self.hasher.finish() {
            found if found == self.digest.parts().1 => Ok(()),
            found => Err(ImageError::damaged(what, format!("its content has the digest {found}"))),
        }
    }
}

impl<R: Read> Read for Verified<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        // One byte more than there should be is enough to know.
        let most = self.size.map_or(u64::MAX, |size| (size + 1).saturating_sub(self.read));
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(room.len());
        let count = self.inner.read(&mut room[..most])?;
        self.hasher.update(&room[..count]);
        self.read += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_held_to_its_name_and_its_size() {
        let digest = Digest::of(b"content");
        let check = |bytes: &[u8], size| Verified::new(bytes, &digest, size).finish("it").map_err(|e| e.to_string());
        assert_eq!(check(b"content", Some(7)), Ok(()));
        assert_eq!(check(b"content", None), Ok(()));
        assert!(check(b"contents", Some(7)).unwrap_err().contains("in place of 7"));
        assert!(check(b"conten", Some(7)).unwrap_err().contains("6 bytes"));
        assert!(check(b"Content", Some(7)).unwrap_err().contains("digest"));
        assert!(digest.names(b"content") && !digest.names(b"x"));
    }

    #[test]
    fn what_is_no_digest_is_refused() {
        assert!(Digest::parse(Digest::of(b"").as_str()).is_some());
        for text in ["", "sha256:", "sha256:../../etc/passwd", "md5:d41d8cd98f00b204e9800998ecf8427e", "sha256:ABC"] {
            assert!(Digest::parse(text).is_none(), "{text}");
        }
    }
}
