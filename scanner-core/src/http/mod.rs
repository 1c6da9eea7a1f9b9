//! Questions to servers and their answers. `Http` is the one way onto the network; everything else sees `Transport`.
//!
//! Nothing is followed by itself: a redirect is an answer, and `Request::redirected` is the way to go on, without the
//! headers that were meant for the first host alone.

mod client;
#[cfg(feature = "postgres")]
mod config;
mod error;
mod link;
mod request;
mod tls;

pub use client::{Http, Settings};
#[cfg(feature = "postgres")]
pub use config::tls_config;
pub use error::TransportError;
pub use link::link;
pub use request::{Answer, Exact, Method, Request, encode, exact, is_loopback};
pub use tls::{Stream, Tls};

/// Sends a request and returns the answer, whatever its status. The seam between what asks and the network.
pub trait Transport: Sync {
    /// Sends one request, once.
    fn send(&self, request: &Request) -> Result<Answer, TransportError>;
}
