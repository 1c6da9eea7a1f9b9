//! The list of a pack's objects and their offsets: an index file of version 1 or 2, or a part of a multi-pack index.

use crate::ObjectId;

use super::bytes::Bytes;

const MAGIC_2: &[u8] = b"\xfftOc\0\0\0\x02";
const FAN_OUT: usize = 256 * 4;

/// The objects of one pack, sorted by id when the file is sound.
pub enum Index {
    V1(Bytes),
    V2(Bytes),
    Listed(Vec<(ObjectId, u64)>),
}

impl Index {
    /// Checks the layout of an index file; the message says what is wrong with it.
    pub fn parse(bytes: Bytes) -> Result<Index, &'static str> {
        let index = if bytes.starts_with(MAGIC_2) {
            Index::V2(bytes)
        } else if bytes.starts_with(b"\xfftOc") {
            return Err("its version is unknown");
        } else {
            Index::V1(bytes)
        };
        if index.has_plausible_length() { Ok(index) } else { Err("its length does not fit its number of objects") }
    }

    fn has_plausible_length(&self) -> bool {
        match self {
            Index::V1(bytes) => bytes.len() >= FAN_OUT + 40 && bytes.len() == FAN_OUT + self.len() * 24 + 40,
            Index::V2(bytes) => {
                let least = 8 + FAN_OUT + self.len() * 28 + 40;
                bytes.len() >= 8 + FAN_OUT + 40 && bytes.len() >= least && (bytes.len() - least).is_multiple_of(8)
            }
            Index::Listed(_) => true,
        }
    }

    /// The number of objects.
    pub fn len(&self) -> usize {
        match self {
            Index::V1(bytes) => number(bytes, FAN_OUT - 4).unwrap_or(0) as usize,
            Index::V2(bytes) => number(bytes, 8 + FAN_OUT - 4).unwrap_or(0) as usize,
            Index::Listed(list) => list.len(),
        }
    }

    /// The id at a position.
    #[inline]
    pub fn id(&self, position: usize) -> ObjectId {
        let (bytes, at) = match self {
            Index::V1(bytes) => (bytes, FAN_OUT + position * 24 + 4),
            Index::V2(bytes) => (bytes, 8 + FAN_OUT + position * 20),
            Index::Listed(list) => return list[position].0,
        };
        ObjectId(bytes[at..at + 20].try_into().expect("twenty bytes were cut out"))
    }

    /// The offset in the pack of the object at a position; `None` when it is nowhere.
    pub fn offset(&self, position: usize) -> Option<u64> {
        match self {
            Index::V1(bytes) => number(bytes, FAN_OUT + position * 24).map(u64::from),
            Index::V2(bytes) => {
                let offsets = 8 + FAN_OUT + self.len() * 24;
                let offset = number(bytes, offsets + position * 4)?;
                if offset & 0x8000_0000 == 0 {
                    return Some(u64::from(offset));
                }
                let large = offsets + self.len() * 4 + (offset & 0x7fff_ffff) as usize * 8;
                // The two checksums at the end are no offsets.
                let bytes = bytes.get(large..large + 8).filter(|_| large + 8 <= bytes.len() - 40)?;
                Some(u64::from_be_bytes(bytes.try_into().ok()?))
            }
            Index::Listed(list) => Some(list[position].1),
        }
    }

    /// Whether the table of first bytes counts the ids it stands for.
    pub fn has_sound_fan_out(&self) -> bool {
        let start = match self {
            Index::V1(_) => 0,
            Index::V2(_) => 8,
            Index::Listed(_) => return true,
        };
        let (Index::V1(bytes) | Index::V2(bytes)) = self else { return true };
        let mut position = 0;
        (0..256).all(|first| {
            let end = number(bytes, start + first * 4).unwrap_or(0) as usize;
            let sound = position <= end
                && end <= self.len()
                && (position == end
                    || (self.id(position).0[0] as usize == first && self.id(end - 1).0[0] as usize == first));
            position = end;
            sound
        })
    }

    /// Whether every id is greater than the one before it.
    pub fn is_sorted(&self) -> bool {
        (1..self.len()).all(|position| self.id(position - 1) < self.id(position))
    }

    /// The checksum of the pack this index was made for.
    pub fn pack_checksum(&self) -> Option<&[u8]> {
        match self {
            Index::V1(bytes) | Index::V2(bytes) => bytes.get(bytes.len() - 40..bytes.len() - 20),
            Index::Listed(_) => None,
        }
    }
}

/// The big-endian number at a place.
pub fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}
