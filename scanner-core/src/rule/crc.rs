//! CRC-32 as tokens carry it.

/// The six characters of base62 that GitHub (since 2021) and npm append to a token's random part.
/// <https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/>
pub fn github_check(random: &[u8]) -> [u8; 6] {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut number = crc32(random);
    let mut text = [b'0'; 6];
    for place in text.iter_mut().rev() {
        *place = DIGITS[(number % 62) as usize];
        number /= 62;
    }
    text
}

/// What GitLab appends to `prefix`, payload, `.` and version: `.`, the payload's length and the CRC-32 of all that, in base36.
/// <https://handbook.gitlab.com/handbook/engineering/architecture/design-documents/cells/routable_tokens/>
pub fn gitlab_check(token: &str, payload_len: usize) -> String {
    let counted = format!("{token}.{}", base36(payload_len as u32, 2));
    format!(".{}{}", base36(payload_len as u32, 2), base36(crc32(counted.as_bytes()), 7))
}

/// A number in base36, with zeros before it up to `width`.
pub fn base36(mut number: u32, width: usize) -> String {
    let mut digits = vec![b'0'; width];
    for place in digits.iter_mut().rev() {
        *place = b"0123456789abcdefghijklmnopqrstuvwxyz"[(number % 36) as usize];
        number /= 36;
    }
    String::from_utf8_lossy(&digits).into_owned()
}

/// CRC-32 as in IEEE 802.3, zip and PNG; bit by bit, since values are short.
pub fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}
