//! Fields of binary messages, read without ever reading past their end, and randomness.

use crate::secret::random;

/// What is left of a message.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    /// The next bytes.
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// One byte.
    pub fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    /// A number of up to four bytes, the highest first.
    pub fn big(&mut self, width: usize) -> Option<usize> {
        Some(self.take(width)?.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }

    /// A number of up to four bytes, the lowest first.
    pub fn little(&mut self, width: usize) -> Option<usize> {
        Some(self.take(width)?.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }

    /// Bytes up to a zero, which is passed over.
    pub fn until_zero(&mut self) -> Option<&'a [u8]> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        let taken = self.take(end)?;
        self.take(1)?;
        Some(taken)
    }

    /// An element of BER or DER: its tag and its content.
    pub fn element(&mut self) -> Option<(u8, &'a [u8])> {
        let tag = self.byte()?;
        let len = match self.byte()? {
            len @ 0..=0x7f => usize::from(len),
            width @ 0x81..=0x84 => self.big(usize::from(width & 0x7f))?,
            _ => return None,
        };
        Some((tag, self.take(len)?))
    }

    /// Bytes behind their length of four bytes, the highest first.
    pub fn counted(&mut self) -> Option<&'a [u8]> {
        let count = self.big(4)?;
        self.take(count)
    }
}

/// Bytes behind their length of four bytes, the highest first.
pub fn put_counted(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend(bytes);
}

/// Letters and digits that nobody can guess: a nonce, a password that is none.
pub fn random_text(len: usize) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789ab";
    let mut bytes = vec![0; len];
    // Without randomness a nonce repeats and a control asks for a known value: nothing is worse than before.
    let _ = random(&mut bytes);
    bytes.iter().map(|byte| char::from(DIGITS[usize::from(byte & 63)])).collect()
}
