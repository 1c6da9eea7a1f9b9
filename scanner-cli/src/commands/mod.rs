//! One file a verb.

pub mod ask;
pub mod audit;
pub mod aws;
pub mod baseline;
pub mod ci;
pub mod completions;
mod forges;
pub mod hook;
pub mod init;
pub mod live;
pub mod man;
pub mod mask;
pub mod notify;
pub mod policy;
mod record;
pub mod report;
pub mod request;
pub mod respond;
pub mod rules;
pub mod scan;
pub mod serve;
mod signals;
pub mod sweep;
pub mod vault;
pub mod verify;
