//! Where blobs come from: git repositories, files on disk, standard input.

pub mod files;
pub mod git;
