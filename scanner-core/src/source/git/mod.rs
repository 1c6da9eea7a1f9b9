//! A git repository as a source of blobs.

pub mod objects;
