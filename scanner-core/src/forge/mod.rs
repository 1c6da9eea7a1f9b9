//! Forges: what pipelines printed and left behind, by the forges' own APIs.
//!
//! A `Client` knows how a forge is asked: who we are, pages, redirects, limits and what a refusal means. The modules of the
//! forges know what to ask for.

mod app;
mod client;
mod download;
mod error;
mod github;
mod gitlab;
mod item;
mod limits;
mod paging;
mod place;
mod server;

pub use app::App;
pub use client::{Announce, Client, Fetched, Marks, Token};
pub use download::Download;
pub use error::ForgeError;
pub use item::{Chosen, Item, Listing, Recent};
pub use limits::{Rate, Waits};
pub use place::{Forge, Place, What};
pub use server::Server;

/// Everything that a place holds, to be downloaded.
pub fn list(client: &Client<'_>, place: &Place, recent: &Recent) -> Result<Listing, ForgeError> {
    match place.forge {
        Forge::Github => github::list(client, place, recent),
        Forge::Gitlab => gitlab::list(client, place, recent),
        Forge::Gitea | Forge::Bitbucket | Forge::Azure => Err(ForgeError::Target("its pipelines are not read")),
    }
}
