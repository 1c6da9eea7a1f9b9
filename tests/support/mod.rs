//! What several tests share.
#![allow(dead_code)]

pub mod http_git;
pub mod repo;

pub use repo::Repo;
