//! Zstandard: frames one after the other, skippable ones passed over. A frame's window is taken from the budget first.

use super::limits::{Budget, Reserved, Stop};
use super::reader::{exactly, fill, skip};
use super::trouble::Trouble;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::io::{self, BufRead, Read};

/// An empty last block, and a checksum.
const LAST_BLOCK: &[u8] = &[1, 0, 0, 0, 0, 0, 0];

/// The content of all frames.
pub struct Zstd<'b, R> {
    source: R,
    budget: &'b Budget,
    decoder: FrameDecoder,
    reserved: Option<Reserved<'b>>,
    is_inside: bool,
    is_first: bool,
    is_damaged: bool,
}

impl<'b, R: BufRead> Zstd<'b, R> {
    /// Begins before the first frame.
    pub fn new(source: R, budget: &'b Budget) -> Zstd<'b, R> {
        Zstd {
            source,
            budget,
            decoder: FrameDecoder::new(),
            reserved: None,
            is_inside: false,
            is_first: true,
            is_damaged: false,
        }
    }

    /// Goes to the next frame; `false` at the end.
    fn open(&mut self) -> Result<bool, Trouble> {
        loop {
            let mut mark = [0; 4];
            match fill(&mut self.source, &mut mark)? {
                0 => return Ok(false),
                4 => {}
                _ if mark == [0; 4] => return Ok(false),
                _ => return Err(Trouble::CUT_SHORT),
            }
            match mark {
                [0x28, 0xb5, 0x2f, 0xfd] => break,
                [0x50..=0x5f, 0x2a, 0x4d, 0x18] => {
                    let len = u32::from_le_bytes(exactly(&mut self.source)?);
                    skip(&mut self.source, u64::from(len))?;
                }
                [0, 0, 0, 0] if !self.is_first => {}
                _ => return Err(Trouble::damaged("bytes follow its end that are no zstd")),
            }
        }
        let (header, window) = header(&mut self.source)?;
        self.reserved = None;
        self.reserved = Some(self.budget.reserve(window)?);
        self.decoder.set_max_window_size(window.max(1024));
        self.decoder.reset(&header[..]).map_err(|error| Trouble::Damaged(error.to_string().into()))?;
        (self.is_inside, self.is_first) = (true, false);
        Ok(true)
    }

    fn step(&mut self, room: &mut [u8]) -> Result<Option<usize>, Trouble> {
        if !self.is_inside && !self.open()? {
            return Ok(Some(0));
        }
        if self.decoder.can_collect() > 0 {
            return Ok(Some(self.decoder.read(room)?));
        }
        if self.is_damaged {
            return Err(Trouble::damaged("a zstd frame is damaged or cut short"));
        }
        if self.decoder.is_finished() {
            self.is_inside = false;
            return Ok(None);
        }
        let one = || BlockDecodingStrategy::UptoBlocks(1);
        if self.decoder.decode_blocks(&mut self.source, one()).is_err() {
            self.is_damaged = true;
            // The window is given only at a frame's end.
            let _ = self.decoder.decode_blocks(LAST_BLOCK, one());
        }
        Ok(None)
    }
}

impl<R: BufRead> Read for Zstd<'_, R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if room.is_empty() {
            return Ok(0);
        }
        loop {
            match self.step(room) {
                Ok(Some(count)) => return Ok(count),
                Ok(None) => {}
                Err(Trouble::Stop(stop)) => return Err(Stop::into(stop)),
                Err(trouble) => return Err(io::Error::new(io::ErrorKind::InvalidData, trouble.describe().1)),
            }
        }
    }
}

/// A frame's header with its mark, and the window it asks for.
fn header(source: &mut dyn Read) -> Result<(Vec<u8>, u64), Trouble> {
    let mut header = vec![0x28, 0xb5, 0x2f, 0xfd];
    let [descriptor] = exactly(source)?;
    header.push(descriptor);
    let is_single = descriptor & 0x20 != 0;
    let mut window = 0;
    if !is_single {
        let [coded] = exactly(source)?;
        header.push(coded);
        let base = 1u64 << (10 + (coded >> 3));
        window = base + base / 8 * u64::from(coded & 7);
    }
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let size = match descriptor >> 6 {
        0 => usize::from(is_single),
        flag => 1 << flag,
    };
    let mut rest = [0; 12];
    let rest = &mut rest[..dictionary + size];
    if fill(source, rest)? < rest.len() {
        return Err(Trouble::CUT_SHORT);
    }
    header.extend_from_slice(rest);
    if is_single {
        let mut content = [0; 8];
        content[..size].copy_from_slice(&rest[dictionary..]);
        window = u64::from_le_bytes(content) + if size == 2 { 256 } else { 0 };
    }
    Ok((header, window))
}
