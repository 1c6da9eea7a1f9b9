//! CircleCI's output of a step: an array of `{message, time, type}`, of which the messages are the log.

use super::line::Line;

/// Longest key that is told from others.
const LONGEST_KEY: usize = 64;
/// A longer line is handed on in pieces.
const LONGEST_LINE: usize = 256 << 10;

/// Takes a line and whether it has ended.
type Take<'t> = dyn FnMut(Line, bool) + 't;

/// Reads messages as their bytes arrive. A text under any other name becomes a line `name="text"` of its own.
#[derive(Debug)]
pub struct Messages {
    line: Line<'static>,
    other: Line<'static>,
    row: u32,
    column: u32,
    state: State,
    /// The last string that was no value, when it was short: the name of what follows.
    key: Vec<u8>,
    is_value: bool,
    /// Whether the last byte taken stood right before the next one.
    follows: bool,
    /// The first half of a character outside the basic plane.
    high: Option<u16>,
}

/// Where a string goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Into {
    /// It names what follows.
    Key,
    Message,
    Other,
    /// Times, types: nothing is looked for in them.
    Nowhere,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Outside,
    Text(Into),
    /// Behind a backslash.
    Escape(Into),
    /// `\u` with the digits read so far.
    Unicode(Into, u8, u16),
}

impl Default for Messages {
    fn default() -> Messages {
        Messages {
            line: Line::empty(),
            other: Line::empty(),
            row: 1,
            column: 1,
            state: State::Outside,
            key: Vec::new(),
            is_value: false,
            follows: false,
            high: None,
        }
    }
}

impl Messages {
    /// Takes in more of the array and hands on the lines that are whole.
    pub fn read(&mut self, block: &[u8], take: &mut Take) {
        let mut at = 0;
        while at < block.len() {
            let plain = match self.state {
                State::Text(_) => memchr::memchr3(b'"', b'\\', b'\n', &block[at..]).unwrap_or(block.len() - at),
                _ => 0,
            };
            if let (State::Text(into), true) = (self.state, plain > 0) {
                let text = &block[at..at + plain];
                self.put(into, text, true);
                self.column = self.column.saturating_add(super::map::characters(text) as u32);
                at += plain;
            } else {
                self.step(block[at], take);
                self.advance(block[at]);
                at += 1;
            }
            if self.line.bytes().len() > LONGEST_LINE {
                self.hand_on(Into::Message, false, take);
            }
            if self.other.bytes().len() > LONGEST_LINE {
                self.hand_on(Into::Other, true, take);
            }
        }
    }

    /// Hands on what is left.
    pub fn finish(&mut self, take: &mut Take) {
        for (into, is_empty) in
            [(Into::Message, self.line.bytes().is_empty()), (Into::Other, self.other.bytes().is_empty())]
        {
            if !is_empty {
                self.hand_on(into, true, take);
            }
        }
    }

    fn advance(&mut self, byte: u8) {
        match byte {
            b'\n' => (self.row, self.column) = (self.row.saturating_add(1), 1),
            _ if byte & 0xc0 != 0x80 => self.column = self.column.saturating_add(1),
            _ => {}
        }
    }

    fn step(&mut self, byte: u8, take: &mut Take) {
        match (self.state, byte) {
            (State::Outside, b'"') => self.open(),
            (State::Outside, b':') => self.is_value = true,
            (State::Outside, b',' | b'{' | b'}' | b'[' | b']') => self.is_value = false,
            (State::Outside, _) => {}
            (State::Text(into), b'"') => {
                if into == Into::Other {
                    self.put(into, b"\"", true);
                    self.hand_on(into, true, take);
                }
                (self.state, self.follows) = (State::Outside, false);
            }
            (State::Text(into), b'\\') => self.state = State::Escape(into),
            (State::Text(into), _) => self.put(into, &[byte], false),
            (State::Escape(into), b'u') => self.state = State::Unicode(into, 0, 0),
            (State::Escape(into), _) => {
                self.state = State::Text(into);
                match byte {
                    b'n' => self.end_line(into, take),
                    b'r' => self.put(into, b"\r", false),
                    b't' => self.put(into, b"\t", false),
                    b'b' | b'f' => {}
                    _ => self.put(into, &[byte], false),
                }
            }
            (State::Unicode(into, count, value), _) => {
                let digit = (byte as char).to_digit(16).unwrap_or(0) as u16;
                let value = value << 4 | digit;
                self.state = State::Unicode(into, count + 1, value);
                if count == 3 {
                    self.state = State::Text(into);
                    self.put_unit(into, value, take);
                }
            }
        }
    }

    /// A string begins.
    fn open(&mut self) {
        let into = match (self.is_value, self.key.as_slice()) {
            (false, _) => Into::Key,
            (true, b"message") => Into::Message,
            (true, b"time" | b"type") => Into::Nowhere,
            (true, _) => Into::Other,
        };
        self.follows = false;
        self.state = State::Text(into);
        match into {
            Into::Key => self.key.clear(),
            Into::Other => {
                let name = [self.key.as_slice(), b"=\""].concat();
                self.put(into, &name, false);
                self.follows = false;
            }
            _ => {}
        }
    }

    /// Adds bytes; `are_plain` says that they stand in the log as they are.
    fn put(&mut self, into: Into, bytes: &[u8], are_plain: bool) {
        let line = match into {
            Into::Key => {
                let room = LONGEST_KEY.saturating_sub(self.key.len());
                return self.key.extend_from_slice(&bytes[..bytes.len().min(room)]);
            }
            Into::Nowhere => return,
            Into::Message => &mut self.line,
            Into::Other => &mut self.other,
        };
        line.add(bytes, self.row, self.column, are_plain && self.follows);
        self.follows = are_plain;
    }

    fn put_unit(&mut self, into: Into, unit: u16, take: &mut Take) {
        if (0xd800..0xdc00).contains(&unit) {
            self.high = Some(unit);
            return;
        }
        let units = self.high.take().into_iter().chain([unit]);
        let text: String = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
        match text.as_str() {
            "\n" => self.end_line(into, take),
            text => self.put(into, text.as_bytes(), false),
        }
    }

    /// A line's end in a string: messages have lines, other texts show it as white space.
    fn end_line(&mut self, into: Into, take: &mut Take) {
        match into {
            Into::Message => self.hand_on(into, true, take),
            _ => self.put(into, b"\n", false),
        }
    }

    fn hand_on(&mut self, into: Into, has_ended: bool, take: &mut Take) {
        let line = if into == Into::Other { &mut self.other } else { &mut self.line };
        let line = std::mem::replace(line, Line::empty());
        self.follows = false;
        take(line, has_ended);
    }
}
