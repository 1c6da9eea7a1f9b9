//! What bytes are, by what they begin with: a few compares, cheap enough for every blob.

/// Bytes of a beginning that are looked at.
pub const HEAD: usize = 1024;

/// A format that hides text from a scan of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// One compressed stream: RFC 1952, of any number of members.
    Gzip,
    /// One compressed stream.
    Bzip2,
    /// One compressed stream.
    Xz,
    /// One compressed stream, the format before xz.
    Lzma,
    /// One compressed stream.
    Lzip,
    /// One compressed stream of any number of frames.
    Zstd,
    /// One compressed stream of any number of frames.
    Lz4,
    /// One compressed stream; it has no mark, so that only what unpacks to text is told.
    Brotli,
    /// Files, in any dialect: v7, ustar, GNU, pax.
    Tar,
    /// Files, and every format made of it: jar, whl, nupkg, apk, docx, odt.
    Zip,
    /// Files.
    SevenZip,
    /// Files, and Debian packages.
    Ar,
    /// Files, in its ASCII and binary dialects.
    Cpio,
    /// A package: headers and a compressed cpio.
    Rpm,
    /// A file system.
    Squashfs,
    /// A document.
    Pdf,
    /// A database.
    Sqlite,
    /// A compiled Java class.
    Class,
    /// A compiled Python module.
    Pyc,
    /// A Java keystore, JKS or JCEKS.
    JavaKeystore,
    /// A PKCS#12 keystore.
    Pkcs12,
}

impl Kind {
    /// The word for it in messages.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Gzip => "gzip",
            Kind::Bzip2 => "bzip2",
            Kind::Xz => "xz",
            Kind::Lzma => "lzma",
            Kind::Lzip => "lzip",
            Kind::Zstd => "zstd",
            Kind::Lz4 => "lz4",
            Kind::Brotli => "brotli",
            Kind::Tar => "tar",
            Kind::Zip => "zip",
            Kind::SevenZip => "7z",
            Kind::Ar => "ar",
            Kind::Cpio => "cpio",
            Kind::Rpm => "rpm",
            Kind::Squashfs => "squashfs",
            Kind::Pdf => "pdf",
            Kind::Sqlite => "sqlite",
            Kind::Class => "class",
            Kind::Pyc => "pyc",
            Kind::JavaKeystore => "java keystore",
            Kind::Pkcs12 => "pkcs12",
        }
    }

    /// Whether it holds one stream and no names.
    pub fn is_compression(self) -> bool {
        use Kind::*;
        matches!(self, Gzip | Bzip2 | Xz | Lzma | Lzip | Zstd | Lz4 | Brotli)
    }
}

/// The kind of what begins with `head`, its first `HEAD` bytes or all of it.
pub fn kind(head: &[u8]) -> Option<Kind> {
    marked(head).or_else(|| super::brotli::is_brotli(head).then_some(Kind::Brotli))
}

/// The kind by marks, of all but brotli, which has none.
pub fn marked(head: &[u8]) -> Option<Kind> {
    let by_mark = match *head {
        [0x1f, 0x8b, 8, flags, ..] if flags & 0xe0 == 0 => Kind::Gzip,
        [b'B', b'Z', b'h', b'1'..=b'9', ref rest @ ..] if is_bzip2_block(rest) => Kind::Bzip2,
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Kind::Xz,
        [b'L', b'Z', b'I', b'P', 1, ..] => Kind::Lzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Kind::Zstd,
        [0x04, 0x22, 0x4d, 0x18, ..] | [0x02, 0x21, 0x4c, 0x18, ..] => Kind::Lz4,
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] | [b'P', b'K', 7, 8, b'P', b'K', 3, 4, ..] => Kind::Zip,
        [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => Kind::SevenZip,
        [b'!', b'<', b'a', b'r', b'c', b'h', b'>', b'\n', ..] => Kind::Ar,
        [b'0', b'7', b'0', b'7', b'0', b'1' | b'2' | b'7', ref rest @ ..] if is_hex(rest, 70) => Kind::Cpio,
        [0xc7, 0x71, ..] | [0x71, 0xc7, ..] if super::cpio::is_binary(head) => Kind::Cpio,
        [0xed, 0xab, 0xee, 0xdb, 3 | 4, ..] => Kind::Rpm,
        [b'h', b's', b'q', b's', ..] if head.get(28..32) == Some(&[4, 0, 0, 0]) => Kind::Squashfs,
        [b'%', b'P', b'D', b'F', b'-', b'1'..=b'2', b'.', ..] => Kind::Pdf,
        [b'S', b'Q', b'L', b'i', ..] if head.starts_with(b"SQLite format 3\0") => Kind::Sqlite,
        // Mach-O's fat binaries share the mark and hold fewer than 45 architectures.
        [0xca, 0xfe, 0xba, 0xbe, _, _, 0, 45..=120, ..] => Kind::Class,
        [0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 1 | 2, ..] | [0xce, 0xce, 0xce, 0xce, 0, 0, 0, 1 | 2, ..] => {
            Kind::JavaKeystore
        }
        [0x30, 0x80..=0x84, ..] if super::keystore::is_pkcs12(head) => Kind::Pkcs12,
        [_, _, b'\r', b'\n', ..] if super::pyc::is_pyc(head) => Kind::Pyc,
        [0x5d, 0, 0, ..] if is_lzma(head) => Kind::Lzma,
        _ => return super::tar::is_tar(head).then_some(Kind::Tar),
    };
    Some(by_mark)
}

/// A first block, or the end of an empty stream.
fn is_bzip2_block(rest: &[u8]) -> bool {
    rest.starts_with(&[0x31, 0x41, 0x59, 0x26, 0x53, 0x59]) || rest.starts_with(&[0x17, 0x72, 0x45, 0x38, 0x50, 0x90])
}

fn is_hex(bytes: &[u8], count: usize) -> bool {
    bytes.get(..count).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
}

/// The usual properties, a dictionary of 2^n or 2^n + 2^(n-1) bytes, and a size that is unknown or below 256 GB.
fn is_lzma(head: &[u8]) -> bool {
    let Some(size) = head.get(5..13) else { return false };
    let dictionary = u32::from_le_bytes([head[1], head[2], head[3], head[4]]);
    let is_round = dictionary.is_power_of_two() || (dictionary / 3).is_power_of_two() && dictionary.is_multiple_of(3);
    let is_size = *size == [0xff; 8] || size[5..] == [0, 0, 0] && *size != [0; 8];
    is_round && is_size && head.get(13) == Some(&0)
}
