//! Archives in encoded text, told by the first bytes of what was decoded.

/// The most bytes of a tar's first name that are looked at.
const LEAST_NAME: usize = 1;

/// Whether the first bytes of something may be those of an archive: its mark, or a tar's short name. Marks that are text
/// (`!<arch>`, `BZh9`, `%PDF-`) pass for text as well.
pub fn begins_as_archive(start: &[u8]) -> bool {
    match *start {
        // zip, 7z, xz, zstd, lz4 in two forms
        [b'P', b'K', 3, 4, ..] | [b'7', b'z', 0xbc, 0xaf, ..] | [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => true,
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x04, 0x22, 0x4d, 0x18, ..] | [0x02, 0x21, 0x4c, 0x18, ..] => true,
        // bzip2, lzip, lzma, rpm, squashfs, PDF, which may have binary characters right behind their marks
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, ..] | [b'L', b'Z', b'I', b'P', 1, ..] => true,
        [0x5d, 0, 0, _, _, ..] | [0xed, 0xab, 0xee, 0xdb, ..] | [b'h', b's', b'q', b's', ..] => true,
        [b'%', b'P', b'D', b'F', b'-', ..] => true,
        // classes, Java keystores, PKCS#12 in its third version
        [0xca, 0xfe, 0xba, 0xbe, ..] | [0xfe, 0xed, 0xfe, 0xed, ..] | [0xce, 0xce, 0xce, 0xce, ..] => true,
        [0x30, 0x82, _, _, 2, 1, 3, 0x30, ..]
        | [0x30, 0x81, _, 2, 1, 3, 0x30, ..]
        | [0x30, 0x80, 2, 1, 3, 0x30, ..] => true,
        // binary cpio, modules of Python
        [0xc7, 0x71, ..] | [0x71, 0xc7, ..] | [_, _, b'\r', b'\n', ..] => true,
        _ => is_short_name(start),
    }
}

/// A name, and zeros to the end of what is seen.
fn is_short_name(start: &[u8]) -> bool {
    let name = start.iter().take_while(|byte| !matches!(byte, 0..=b' ' | 127..)).count();
    name >= LEAST_NAME && start[name..].iter().all(|byte| *byte == 0)
}
