//! Container images: from registries, layout folders and tarballs to configurations, layers and the files in them.
//!
//! Blobs are streamed and their digests verified on the way; nothing is written to disk.

mod config;
mod credentials;
mod digest;
mod error;
mod layer;
mod layout;
mod manifest;
mod reference;
mod registry;
mod resolve;
mod store;
mod tarball;

pub use config::{Section, Step, notes, sections, steps};
pub use credentials::{Credentials, Login};
pub use digest::{Digest, Verified};
pub use error::ImageError;
pub use layer::{Changes, Walked, walk};
pub use layout::Folder;
pub use manifest::{Descriptor, Manifest, Platform};
pub use reference::Reference;
pub use registry::Registry;
pub use resolve::{Image, Resolved};
pub use store::{Store, blob};
pub use tarball::{Dialect, Tarball};
