//! The words of `notify` and `serve`.

use clap::{Args, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

/// `notify`.
#[derive(Debug, Args)]
pub struct NotifyArgs {
    #[command(subcommand)]
    pub verb: NotifyVerb,
}

/// What to do with notifications.
#[derive(Debug, Subcommand)]
pub enum NotifyVerb {
    /// Send a test to every [[notify]] of the settings
    Test {
        /// The settings; they must be named
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Send it to this one only (repeatable)
        #[arg(long, value_name = "NAME")]
        to: Vec<String>,
    },
}

/// `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The settings; they must be named
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,

    /// Where to listen, without TLS: put a proxy in front that speaks it
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8787")]
    pub listen: SocketAddr,

    /// Requests that are answered in a minute
    #[arg(long, value_name = "N", default_value = "600", value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: u32,

    /// The store that the page of [serve.page] shows: a file, or postgres://user@host/database
    #[arg(long, value_name = "STORE")]
    pub store: Option<String>,

    /// The file of the store's key [default: store.key beside the store]
    #[arg(long, value_name = "FILE")]
    pub store_key: Option<PathBuf>,

    /// Do what waits in the queue, and end
    #[arg(long)]
    pub drain: bool,
}
