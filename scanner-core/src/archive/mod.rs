//! Opens what hides text: archives, compressed streams, packages, documents, databases, to any depth within limits.
//!
//! What a format is, its content decides, never a name. Nothing is written to disk; streams pass in bounded memory.

mod ar;
mod brotli;
mod bzip2;
mod class;
pub mod compressed;
mod cpio;
mod gzip;
mod inflate;
mod keystore;
mod kind;
mod limits;
mod lz4;
mod lzip;
mod path;
mod pdf;
mod pyc;
mod reader;
mod rpm;
mod seven;
mod sqlite;
mod squashfs;
pub mod tar;
mod trouble;
mod walk;
mod xz;
mod zip;
mod zstd;

pub use kind::{HEAD, Kind, kind, marked};
pub use limits::{Budget, Limits, Stop};
pub use path::{clean as clean_name, stem};
pub use reader::{Feeding, Metered, Peeked, ReadSeek};
pub use trouble::Trouble;
pub use walk::{Source, Unpacked, Visit, kind_at_end, unpack};
