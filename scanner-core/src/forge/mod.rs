//! Forges: what pipelines printed and left behind, by the forges' own APIs.
//!
//! A `Client` knows how a forge is asked: who we are, pages, redirects, limits and what a refusal means. The modules of the
//! forges know what to ask for.

mod client;
mod download;
mod error;
mod github;
mod gitlab;
mod item;
mod limits;
mod paging;
mod place;

pub use client::{Client, Server, Token};
pub use download::Download;
pub use error::ForgeError;
pub use item::{Chosen, Item, Listing, Recent};
pub use limits::Waits;
pub use place::{Forge, Place, What};

/// Everything that a place holds, to be downloaded.
pub fn list(client: &Client<'_>, place: &Place, recent: &Recent) -> Result<Listing, ForgeError> {
    match place.forge {
        Forge::Github => github::list(client, place, recent),
        Forge::Gitlab => gitlab::list(client, place, recent),
    }
}
