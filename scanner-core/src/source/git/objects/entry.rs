//! The header of one entry of a pack: its kind or its base, and its inflated size.

use crate::ObjectId;

use super::visit::Kind;

/// What an entry is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Link {
    /// Nothing but its own stream.
    Whole(Kind),
    /// A delta of the entry at this offset of the same pack.
    Offset(u64),
    /// A delta of this object, wherever it is.
    Id(ObjectId),
}

/// An entry's header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    pub link: Link,
    /// The inflated size of its own stream: of the delta, when it is one.
    pub size: u64,
    /// Where its stream starts.
    pub data: usize,
}

/// Reads the header of the entry at `offset`; `None` when it makes no sense.
pub fn header(pack: &[u8], offset: usize) -> Option<Header> {
    let mut at = offset;
    let first = *pack.get(at)?;
    at += 1;
    let mut size = u64::from(first & 15);
    if first & 0x80 != 0 {
        size |= shifted_varint(pack, &mut at, 4)?;
    }
    let link = match (first >> 4) & 7 {
        6 => Link::Offset((offset as u64).checked_sub(distance(pack, &mut at)?)?),
        7 => {
            let id = pack.get(at..at + 20)?.try_into().ok()?;
            at += 20;
            Link::Id(ObjectId(id))
        }
        number => Link::Whole(Kind::from_number(number)?),
    };
    Some(Header { link, size, data: at })
}

/// A little-endian number in groups of 7 bits.
pub fn size_varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    shifted_varint(bytes, at, 0)
}

fn shifted_varint(bytes: &[u8], at: &mut usize, mut shift: u32) -> Option<u64> {
    let mut number = 0;
    loop {
        let byte = *bytes.get(*at)?;
        *at += 1;
        // 57 bits are more than any size that is read; a longer number is damage.
        if shift > 56 {
            return None;
        }
        number |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
}

/// The big-endian distance back to a base, each further group counting from one.
fn distance(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut number = 0u64;
    loop {
        let byte = *bytes.get(*at)?;
        *at += 1;
        number = number.checked_shl(7)? | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return (number > 0).then_some(number);
        }
        number = number.checked_add(1)?;
        if number >> 56 != 0 {
            return None;
        }
    }
}
