//! Buckets of S3-compatible stores: <https://docs.aws.amazon.com/AmazonS3/latest/API/>. Lists objects page by page and
//! streams each; nothing is held or written.
//!
//! Signatures stand in headers, never in an address: a session token in a query would end up in every log on its way.

mod address;
mod client;
mod error;
mod list;
mod object;
mod profile;

pub use crate::aws::Keys;
pub use address::Address;
pub use client::{Access, Bucket};
pub use error::BucketError;
pub use list::{Listed, Page, seconds};
pub use object::Object;
pub use profile::{Profile, ProfileError, profile};
