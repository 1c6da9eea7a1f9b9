//! One file a verb.

mod aws;
pub mod baseline;
pub mod completions;
pub mod live;
mod forges;
pub mod mask;
pub mod request;
pub mod rules;
pub mod scan;
