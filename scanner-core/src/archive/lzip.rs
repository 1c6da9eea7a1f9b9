//! Lzip: members one after the other, each with a dictionary of its own, which is taken from the budget first. Checksums
//! are not checked.

use super::limits::{Budget, Reserved, Stop};
use super::reader::{exactly, fill};
use super::trouble::Trouble;
use lzma_rust2::LzmaReader;
use std::io::{self, Cursor, Read};

/// What a decoder takes beside its dictionary.
const OVERHEAD: u64 = 1 << 20;
/// Bytes read at a time: what was unpacked in a read that fails is lost.
const STEP: usize = 16 << 10;

/// What was read ahead, and the rest.
type Input<R> = io::Chain<Cursor<Vec<u8>>, R>;

/// The content of all members.
pub struct Lzip<'b, R: Read> {
    budget: &'b Budget,
    state: State<R>,
    reserved: Option<Reserved<'b>>,
    is_first: bool,
}

enum State<R: Read> {
    Between(Input<R>),
    Inside(Box<LzmaReader<Input<R>>>),
    Ended,
}

impl<'b, R: Read> Lzip<'b, R> {
    /// Begins before the first header.
    pub fn new(source: R, budget: &'b Budget) -> Lzip<'b, R> {
        Lzip { budget, state: State::Between(Cursor::new(Vec::new()).chain(source)), reserved: None, is_first: true }
    }

    /// The next member's decoder; none at the end.
    fn open(&mut self, mut input: Input<R>) -> Result<State<R>, Trouble> {
        let mut header = [0; 6];
        let filled = fill(&mut input, &mut header)?;
        let [b'L', b'Z', b'I', b'P', 1, coded] = header else {
            return match filled == 0 || header == [0; 6] {
                true => Ok(State::Ended),
                false if self.is_first => Err(Trouble::damaged("its header is damaged")),
                false => Err(Trouble::damaged("bytes follow its end that are no lzip")),
            };
        };
        self.is_first = false;
        let dictionary = dictionary(coded).ok_or(Trouble::damaged("its header is damaged"))?;
        self.reserved = None;
        self.reserved = Some(self.budget.reserve(u64::from(dictionary) + OVERHEAD)?);
        // Literal and position bits are the same in all files, and the end is marked.
        let decoder = LzmaReader::new(input, u64::MAX, 3, 0, 2, dictionary, None)?;
        Ok(State::Inside(Box::new(decoder)))
    }
}

impl<R: Read> Read for Lzip<'_, R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let step = room.len().min(STEP);
        if step == 0 {
            return Ok(0);
        }
        loop {
            self.state = match std::mem::replace(&mut self.state, State::Ended) {
                State::Ended => return Ok(0),
                State::Between(input) => self.open(input).map_err(error)?,
                State::Inside(mut decoder) => match decoder.read(&mut room[..step])? {
                    0 => State::Between(behind(*decoder).map_err(error)?),
                    count => {
                        self.state = State::Inside(decoder);
                        return Ok(count);
                    }
                },
            };
        }
    }
}

/// What follows a member's checksum and sizes.
fn behind<R: Read>(decoder: LzmaReader<Input<R>>) -> Result<Input<R>, Trouble> {
    let (input, unused) = decoder.into_parts();
    let (ahead, source) = input.into_inner();
    let at = (ahead.position() as usize).min(ahead.get_ref().len());
    let mut input = Cursor::new([&unused[..], &ahead.get_ref()[at..]].concat()).chain(source);
    exactly::<20>(&mut input)?;
    Ok(input)
}

fn error(trouble: Trouble) -> io::Error {
    match trouble {
        Trouble::Stop(stop) => Stop::into(stop),
        trouble => io::Error::new(io::ErrorKind::InvalidData, trouble.describe().1),
    }
}

/// The size a header asks for: a power of two less some sixteenths of it.
fn dictionary(coded: u8) -> Option<u32> {
    let base = 1u32.checked_shl(u32::from(coded & 0x1f)).filter(|base| (1 << 12..=1 << 29).contains(base))?;
    Some(base - base / 16 * u32::from(coded >> 5))
}
