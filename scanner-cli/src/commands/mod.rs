//! One file a verb.

pub mod audit;
mod aws;
pub mod baseline;
pub mod ci;
pub mod completions;
mod forges;
pub mod hook;
pub mod init;
pub mod live;
pub mod man;
pub mod mask;
pub mod policy;
pub mod report;
pub mod request;
pub mod rules;
pub mod scan;
