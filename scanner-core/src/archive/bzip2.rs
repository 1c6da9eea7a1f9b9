//! Bzip2, in any number of streams. No library for it is both permissively licensed by its SPDX name and cared for; the
//! format has not changed since 1998.

use std::io::{self, BufRead, Read};

const BLOCK: u64 = 0x3141_5926_5359;
const END: u64 = 0x1772_4538_5090;
/// Longest code of a symbol.
const MAX_CODE: usize = 20;
/// Codes up to this length are looked up.
const FAST: u32 = 10;
/// Symbols that share a table.
const GROUP: usize = 50;

/// The content of all streams.
pub struct Bzip2<R> {
    bits: Bits<R>,
    /// The largest block in bytes; zero before a stream's header.
    level: usize,
    is_first: bool,
    /// The block, as a list of where each byte's successor is, and the byte.
    links: Vec<u32>,
    next: u32,
    left: usize,
    /// Four equal bytes are followed by a count of more.
    previous: u16,
    run: u8,
    repeat: u8,
}

impl<R: BufRead> Bzip2<R> {
    /// Begins before the first stream's header.
    pub fn new(source: R) -> Bzip2<R> {
        let bits = Bits { source, held: 0, count: 0 };
        let links = Vec::new();
        Bzip2 { bits, level: 0, is_first: true, links, next: 0, left: 0, previous: 256, run: 0, repeat: 0 }
    }

    /// Reads the next block; `false` at the end.
    fn block(&mut self) -> io::Result<bool> {
        loop {
            if self.level == 0 {
                if !self.is_first && self.bits.is_at_end()? {
                    return Ok(false);
                }
                let mark = self.bits.take(24)?;
                if mark == 0 && !self.is_first && self.bits.only_zeros()? {
                    return Ok(false);
                }
                let level = self.bits.take(8)? as u8;
                if mark != 0x42_5a68 || !level.is_ascii_digit() || level == b'0' {
                    return Err(damaged("bytes follow its end that are no bzip2"));
                }
                (self.level, self.is_first) = (usize::from(level - b'0') * 100_000, false);
            }
            let mark = u64::from(self.bits.take(24)?) << 24 | u64::from(self.bits.take(24)?);
            self.bits.take(32)?;
            match mark {
                END => {
                    self.bits.align();
                    self.level = 0;
                }
                BLOCK => {
                    self.decode()?;
                    return Ok(true);
                }
                _ => return Err(damaged("a block does not begin where it should")),
            }
        }
    }

    fn decode(&mut self) -> io::Result<()> {
        if self.bits.take(1)? != 0 {
            return Err(damaged("it is randomised, as only bzip2 0.9 did"));
        }
        let origin = self.bits.take(24)? as usize;
        let used = self.used()?;
        let symbols = used.len() + 2;
        let groups = self.bits.take(3)? as usize;
        let selectors = self.selectors(groups)?;
        let tables = (0..groups).map(|_| self.table(symbols)).collect::<io::Result<Vec<_>>>()?;
        self.symbols(used, &selectors, &tables)?;
        if origin >= self.links.len() {
            return Err(damaged("a block begins outside itself"));
        }
        self.link();
        self.next = self.links[origin] >> 8;
        self.left = self.links.len();
        (self.previous, self.run, self.repeat) = (256, 0, 0);
        Ok(())
    }

    fn used(&mut self) -> io::Result<Vec<u8>> {
        let rows = self.bits.take(16)?;
        let mut used = Vec::new();
        for row in (0..16).filter(|row| rows & (0x8000 >> row) != 0) {
            let columns = self.bits.take(16)?;
            used.extend(
                (0..16).filter(|column| columns & (0x8000 >> column) != 0).map(|column| (row * 16 + column) as u8),
            );
        }
        if used.is_empty() { Err(damaged("a block has no symbols")) } else { Ok(used) }
    }

    fn selectors(&mut self, groups: usize) -> io::Result<Vec<u8>> {
        let count = self.bits.take(15)? as usize;
        if !(2..=6).contains(&groups) || count == 0 {
            return Err(damaged("a block has no tables"));
        }
        let mut order: Vec<u8> = (0..groups as u8).collect();
        let mut selectors = Vec::with_capacity(count);
        for _ in 0..count {
            let mut at = 0;
            while self.bits.take(1)? == 1 {
                at += 1;
                if at >= groups {
                    return Err(damaged("a selector names no table"));
                }
            }
            order[..=at].rotate_right(1);
            selectors.push(order[0]);
        }
        Ok(selectors)
    }

    fn table(&mut self, symbols: usize) -> io::Result<Table> {
        let mut length = self.bits.take(5)? as usize;
        let mut lengths = Vec::with_capacity(symbols);
        for _ in 0..symbols {
            loop {
                if !(1..=MAX_CODE).contains(&length) {
                    return Err(damaged("a code is too long"));
                }
                if self.bits.take(1)? == 0 {
                    break;
                }
                length = if self.bits.take(1)? == 0 { length + 1 } else { length - 1 };
            }
            lengths.push(length as u8);
        }
        Ok(Table::new(&lengths))
    }

    /// Undoes the codes, the runs of the most recent byte, and the order of recency.
    fn symbols(&mut self, mut recent: Vec<u8>, selectors: &[u8], tables: &[Table]) -> io::Result<()> {
        let end = recent.len() as u16 + 1;
        self.links.clear();
        let (mut run, mut weight) = (0usize, 1usize);
        for selector in selectors {
            let table = &tables[usize::from(*selector)];
            for _ in 0..GROUP {
                let symbol = table.read(&mut self.bits)?;
                if symbol <= 1 {
                    run += weight << symbol;
                    weight <<= 1;
                    if run > self.level {
                        return Err(damaged("a run is longer than its block"));
                    }
                    continue;
                }
                if run > 0 {
                    self.push(recent[0], run)?;
                    (run, weight) = (0, 1);
                }
                if symbol == end {
                    return Ok(());
                }
                let at = usize::from(symbol - 1);
                let byte = recent[at];
                recent.copy_within(..at, 1);
                recent[0] = byte;
                self.push(byte, 1)?;
            }
        }
        Err(damaged("a block has no end"))
    }

    fn push(&mut self, byte: u8, count: usize) -> io::Result<()> {
        if self.links.len() + count > self.level {
            return Err(damaged("a block is longer than it may be"));
        }
        self.links.extend(std::iter::repeat_n(u32::from(byte), count));
        Ok(())
    }

    /// Undoes the sorting: each byte learns where the one after it is.
    fn link(&mut self) {
        let mut starts = [0u32; 256];
        self.links.iter().for_each(|link| starts[(link & 0xff) as usize] += 1);
        let mut total = 0;
        for start in &mut starts {
            total += std::mem::replace(start, total);
        }
        for index in 0..self.links.len() {
            let byte = (self.links[index] & 0xff) as usize;
            self.links[starts[byte] as usize] |= (index as u32) << 8;
            starts[byte] += 1;
        }
    }

    fn give(&mut self, room: &mut [u8]) -> usize {
        let mut given = 0;
        while given < room.len() {
            if self.repeat > 0 {
                let count = usize::from(self.repeat).min(room.len() - given);
                room[given..given + count].fill(self.previous as u8);
                self.repeat -= count as u8;
                given += count;
                continue;
            }
            if self.left == 0 {
                break;
            }
            let link = self.links[self.next as usize];
            let byte = link as u8;
            self.next = link >> 8;
            self.left -= 1;
            if self.run == 4 {
                (self.run, self.repeat) = (0, byte);
                if byte == 0 {
                    self.previous = 256;
                }
                continue;
            }
            self.run = if self.previous == u16::from(byte) { self.run + 1 } else { 1 };
            self.previous = u16::from(byte);
            room[given] = byte;
            given += 1;
        }
        given
    }
}

impl<R: BufRead> Read for Bzip2<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if room.is_empty() {
            return Ok(0);
        }
        loop {
            match self.give(room) {
                0 if self.block()? => {}
                count => return Ok(count),
            }
        }
    }
}

/// A Huffman table: short codes by a look, long ones by counting.
struct Table {
    /// Symbol and length by the next bits; length zero for longer codes.
    fast: Vec<(u16, u8)>,
    /// By length: one past the last code, and what to add to a code for its place among the symbols.
    limits: [i64; MAX_CODE + 2],
    offsets: [i64; MAX_CODE + 2],
    symbols: Vec<u16>,
}

impl Table {
    fn new(lengths: &[u8]) -> Table {
        let mut symbols = Vec::with_capacity(lengths.len());
        let mut fast = vec![(0, 0); 1 << FAST];
        let (mut limits, mut offsets) = ([0; MAX_CODE + 2], [0; MAX_CODE + 2]);
        let mut code = 0i64;
        for length in 1..=MAX_CODE {
            offsets[length] = symbols.len() as i64 - code;
            for (symbol, _) in lengths.iter().enumerate().filter(|(_, own)| usize::from(**own) == length) {
                if length as u32 <= FAST {
                    let first = (code as usize) << (FAST as usize - length);
                    let last = first + (1 << (FAST as usize - length));
                    if let Some(slots) = fast.get_mut(first..last) {
                        slots.fill((symbol as u16, length as u8));
                    }
                }
                symbols.push(symbol as u16);
                code += 1;
            }
            limits[length] = code;
            code <<= 1;
        }
        Table { fast, limits, offsets, symbols }
    }

    fn read<R: BufRead>(&self, bits: &mut Bits<R>) -> io::Result<u16> {
        if bits.ensure(FAST)? {
            let (symbol, length) = self.fast[bits.peek(FAST) as usize];
            if length > 0 {
                bits.drop(u32::from(length));
                return Ok(symbol);
            }
        }
        let mut code = 0i64;
        for length in 1..=MAX_CODE {
            code = code << 1 | i64::from(bits.take(1)?);
            if code < self.limits[length] {
                let symbol = self.symbols.get((code + self.offsets[length]) as usize);
                return symbol.copied().ok_or_else(|| damaged("a code has no symbol"));
            }
        }
        Err(damaged("a code has no symbol"))
    }
}

/// Bits, the highest first.
struct Bits<R> {
    source: R,
    held: u64,
    count: u32,
}

impl<R: BufRead> Bits<R> {
    /// Makes sure that `count` bits are held; `false` when there are not as many.
    fn ensure(&mut self, count: u32) -> io::Result<bool> {
        while self.count < count {
            let buffer = self.source.fill_buf()?;
            if buffer.is_empty() {
                return Ok(false);
            }
            let mut taken = 0;
            while self.count <= 48 && taken < buffer.len() {
                self.held = self.held << 8 | u64::from(buffer[taken]);
                self.count += 8;
                taken += 1;
            }
            self.source.consume(taken);
        }
        Ok(true)
    }

    fn peek(&self, count: u32) -> u32 {
        (self.held >> (self.count - count)) as u32 & ((1u64 << count) - 1) as u32
    }

    fn drop(&mut self, count: u32) {
        self.count -= count;
    }

    fn take(&mut self, count: u32) -> io::Result<u32> {
        if !self.ensure(count)? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let bits = self.peek(count);
        self.drop(count);
        Ok(bits)
    }

    /// Whether nothing but padding follows, which is passed over.
    fn only_zeros(&mut self) -> io::Result<bool> {
        while self.ensure(8)? {
            if self.take(8)? != 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn align(&mut self) {
        self.count -= self.count % 8;
    }

    fn is_at_end(&mut self) -> io::Result<bool> {
        Ok(!self.ensure(1)?)
    }
}

fn damaged(message: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}
