//! What helps to put things right: the history rewritten, templates without values, what was accepted elsewhere.

pub mod accepted;
mod blobs;
mod expression;
mod replacements;
pub mod templates;

pub use blobs::{Blobs, slice};
pub use replacements::Replacements;
