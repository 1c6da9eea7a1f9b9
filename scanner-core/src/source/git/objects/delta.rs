//! Applies a delta: git's list of copies from a base and inserted bytes.

use super::buffer::Buffer;
use super::entry::size_varint;
use super::error::ObjectError;
use super::visit::Operation;

/// The first room for a result that declares more than its base and delta suggest; it grows as bytes arrive.
const FIRST_ROOM: usize = 64 << 10;

/// Fills `out` with what `delta` makes of `base`, and `operations` with how.
pub fn apply(
    base: &[u8],
    delta: &[u8],
    max_bytes: u64,
    out: &mut Buffer,
    operations: &mut Vec<Operation>,
) -> Result<(), ObjectError> {
    operations.clear();
    let mut instructions = Instructions { delta, at: 0 };
    let size = instructions.sizes(base.len(), max_bytes)?;
    let mut to = 0;
    let likely = size.min(2 * base.len() + delta.len() + FIRST_ROOM);
    let mut room = out.room(likely);
    while let Some(step) = instructions.next()? {
        let (source, operation) = match step {
            Step::Copy { from, len } => {
                let source =
                    base.get(from..from + len).ok_or(ObjectError::Corrupt("its delta copies from outside its base"))?;
                (source, Operation::Copy { from: from as u32, to: to as u32, len: len as u32 })
            }
            Step::Insert(source) => (source, Operation::Insert { to: to as u32, len: source.len() as u32 }),
        };
        let end = to + source.len();
        if end > size {
            return Err(ObjectError::Corrupt("its delta makes more bytes than it declares"));
        }
        if end > room.len() {
            room = out.grow(to, end);
        }
        room[to..end].copy_from_slice(source);
        push(operations, operation);
        to = end;
    }
    if to != size {
        return Err(ObjectError::Corrupt("its delta makes fewer bytes than it declares"));
    }
    out.set(0, size);
    Ok(())
}

/// Adds an operation, as part of the one before when it continues it.
fn push(operations: &mut Vec<Operation>, operation: Operation) {
    match (operations.last_mut(), operation) {
        (Some(Operation::Copy { from, len, .. }), Operation::Copy { from: next, len: more, .. })
            if *from + *len == next =>
        {
            *len += more;
        }
        (Some(Operation::Insert { len, .. }), Operation::Insert { len: more, .. }) => *len += more,
        _ => operations.push(operation),
    }
}

enum Step<'a> {
    Copy { from: usize, len: usize },
    Insert(&'a [u8]),
}

/// Reads a delta's instructions.
struct Instructions<'a> {
    delta: &'a [u8],
    at: usize,
}

impl<'a> Instructions<'a> {
    /// The size of the result, once both declared sizes are plausible.
    fn sizes(&mut self, base: usize, max_bytes: u64) -> Result<usize, ObjectError> {
        const CUT: ObjectError = ObjectError::Corrupt("its delta has no sizes");
        let declared_base = size_varint(self.delta, &mut self.at).ok_or(CUT)?;
        let size = size_varint(self.delta, &mut self.at).ok_or(CUT)?;
        if declared_base != base as u64 {
            return Err(ObjectError::Corrupt("its delta is for a base of another size"));
        }
        if size > max_bytes {
            return Err(ObjectError::TooLarge { size, limit: max_bytes });
        }
        usize::try_from(size).map_err(|_| ObjectError::TooLarge { size, limit: max_bytes })
    }

    #[inline]
    fn next(&mut self) -> Result<Option<Step<'a>>, ObjectError> {
        let Some((&code, rest)) = self.delta.get(self.at..).and_then(<[u8]>::split_first) else {
            return Ok(None);
        };
        self.at += 1;
        match code {
            0 => Err(ObjectError::Corrupt("its delta has an unknown instruction")),
            1..=0x7f => {
                let literal = rest.get(..code as usize).ok_or(ObjectError::Corrupt("its delta is cut short"))?;
                self.at += literal.len();
                Ok(Some(Step::Insert(literal)))
            }
            _ => {
                let from = self.little_endian(code, 4).ok_or(ObjectError::Corrupt("its delta is cut short"))?;
                let len = self.little_endian(code >> 4, 3).ok_or(ObjectError::Corrupt("its delta is cut short"))?;
                Ok(Some(Step::Copy { from, len: if len == 0 { 0x10000 } else { len } }))
            }
        }
    }

    /// A number of which only the bytes flagged in `present` are stored.
    #[inline]
    fn little_endian(&mut self, present: u8, bytes: u32) -> Option<usize> {
        let mut number = 0;
        for byte in 0..bytes {
            if present & (1 << byte) != 0 {
                number |= (*self.delta.get(self.at)? as usize) << (8 * byte);
                self.at += 1;
            }
        }
        Some(number)
    }
}
