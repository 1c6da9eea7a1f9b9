//! What several tests share.
#![allow(dead_code)]

pub mod repo;

pub use repo::Repo;
