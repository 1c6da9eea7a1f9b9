//! Signed requests to Amazon's services, and to stores that speak as they do.
//!
//! Signatures stand in headers, never in an address: a session token in a query would end up in every log on its way.

pub mod request;
mod sign;
pub mod xml;

pub use request::{Endpoint, is_region};
pub use sign::{Asked, Keys, Scope, headers};
