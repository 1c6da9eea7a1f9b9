//! One file a verb.

pub mod baseline;
pub mod completions;
pub mod mask;
pub mod request;
pub mod rules;
pub mod scan;
