//! Where an image's blobs are: a registry, a folder, a tarball.

use super::digest::Verified;
use super::error::ImageError;
use super::manifest::Descriptor;
use std::io::Read;

/// Bytes of a manifest or a configuration beyond which it is none: registries take 4 MiB.
pub const MAX_SMALL: u64 = 16 << 20;

/// Receives the blobs that were asked for, each once, by its number in the list.
pub type Each<'e> = dyn FnMut(usize, Result<&mut dyn Read, ImageError>) + 'e;

/// Gives blobs as they are, not verified.
pub trait Store: Sync {
    /// Hands over these blobs, in whatever order suits it.
    fn read(&self, wanted: &[&Descriptor], each: &mut Each<'_>);

    /// Whether every `read` goes through everything from its beginning, so that all is best asked for at once.
    fn is_sequential(&self) -> bool {
        false
    }

    /// A manifest, whole and verified.
    fn manifest(&self, what: &Descriptor) -> Result<Vec<u8>, ImageError> {
        blob(self, what)
    }
}

/// A small blob, whole and verified.
pub fn blob<S: Store + ?Sized>(store: &S, what: &Descriptor) -> Result<Vec<u8>, ImageError> {
    let name = what.digest.short();
    let mut outcome = Err(ImageError::damaged(name, "it is not there"));
    store.read(&[what], &mut |_, found| outcome = found.and_then(|reader| whole(reader, what)));
    outcome
}

fn whole(reader: &mut dyn Read, what: &Descriptor) -> Result<Vec<u8>, ImageError> {
    let name = what.digest.short();
    let mut reader = Verified::new(reader, &what.digest, what.size);
    let mut bytes = Vec::new();
    let read = (&mut reader).take(MAX_SMALL + 1).read_to_end(&mut bytes);
    read.map_err(|error| ImageError::Unreadable { what: name.to_owned(), error })?;
    if bytes.len() as u64 > MAX_SMALL {
        return Err(ImageError::damaged(name, "it is too large to be a manifest or a configuration"));
    }
    reader.finish(name)?;
    Ok(bytes)
}
