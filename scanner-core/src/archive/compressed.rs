//! Compressed streams, opened by kind: a reader in, a reader out.

use super::brotli::Brotli;
use super::bzip2::Bzip2;
use super::gzip::Gzip;
use super::kind::Kind;
use super::limits::Budget;
use super::lz4::Lz4;
use super::lzip::Lzip;
use super::reader::{Peeked, buffered};
use super::trouble::Trouble;
use super::xz;
use super::zstd::Zstd;
use std::io::Read;

/// The content of a compressed stream of this kind; decoders that need much memory take it from `budget`.
pub fn decoder<'a, R: Read + 'a>(
    kind: Kind,
    source: Peeked<R>,
    budget: &'a Budget,
) -> Result<Box<dyn Read + 'a>, Trouble> {
    let buffered = |source| buffered(source, u64::MAX);
    Ok(match kind {
        Kind::Gzip => Box::new(Gzip::new(buffered(source))),
        Kind::Bzip2 => Box::new(Bzip2::new(buffered(source))),
        Kind::Zstd => Box::new(Zstd::new(buffered(source), budget)),
        Kind::Lz4 => Box::new(Lz4::new(buffered(source))),
        Kind::Brotli => Box::new(Brotli::new(source, budget)?),
        Kind::Lzip => Box::new(Lzip::new(buffered(source), budget)),
        Kind::Xz | Kind::Lzma => xz::decoder(kind, source, budget)?,
        _ => return Err(Trouble::damaged("it is no compressed stream")),
    })
}
