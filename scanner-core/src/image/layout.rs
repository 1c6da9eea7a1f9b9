//! An OCI layout in a folder: `oci-layout`, `index.json`, `blobs/sha256/…`.

use super::digest::Digest;
use super::error::ImageError;
use super::manifest::{Descriptor, Platform};
use super::resolve::{self, Resolved};
use super::store::{Each, MAX_SMALL, Store};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A layout on disk.
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// The layout in this folder; none when it is no layout.
    pub fn open(path: &Path) -> Option<Folder> {
        let is_layout = path.join("index.json").is_file() && path.join("blobs").is_dir();
        is_layout.then(|| Folder { path: path.to_owned() })
    }

    /// Its images, or the one with this tag; `shown` names the layout.
    pub fn images(&self, shown: &str, tag: Option<&str>, platform: Option<&Platform>) -> Result<Resolved, ImageError> {
        let mut index = Vec::new();
        let unreadable = |error| ImageError::Unreadable { what: "index.json".into(), error };
        let file = File::open(self.path.join("index.json")).map_err(unreadable)?;
        file.take(MAX_SMALL).read_to_end(&mut index).map_err(unreadable)?;
        resolve::resolve_layout(self, shown, &index, tag, platform)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where a blob is.
    pub fn file(&self, digest: &Digest) -> PathBuf {
        let (algorithm, hex) = digest.parts();
        self.path.join("blobs").join(algorithm).join(hex)
    }

    fn open_blob(&self, digest: &Digest) -> Result<File, ImageError> {
        let unreadable = |error| ImageError::Unreadable { what: digest.short().to_owned(), error };
        File::open(self.file(digest)).map_err(unreadable)
    }
}

impl Store for Folder {
    fn read(&self, wanted: &[&Descriptor], each: &mut Each<'_>) {
        for (index, what) in wanted.iter().enumerate() {
            match self.open_blob(&what.digest) {
                Ok(mut file) => each(index, Ok(&mut file)),
                Err(error) => each(index, Err(error)),
            }
        }
    }
}
