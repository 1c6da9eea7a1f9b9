//! What several tests share.
#![allow(dead_code)]

pub mod http_git;
pub mod repo;
#[cfg(unix)]
pub mod servers;

pub use repo::Repo;
