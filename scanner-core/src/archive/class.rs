//! A compiled Java class as text: each string of its constant pool on a line, each constant field as `NAME = "value"`.

use super::trouble::Trouble;
use super::walk::Walk;
use std::collections::HashSet;

/// Hands over the text.
pub fn unpack(walk: &mut Walk<'_, '_>, bytes: &[u8]) -> Result<(), Trouble> {
    let mut class = Class { rest: bytes.get(8..).unwrap_or_default(), pool: Vec::new(), told: HashSet::new() };
    let pool = class.constants();
    let mut text = Vec::new();
    if pool.is_some() {
        let _ = class.fields(&mut text);
    }
    for (index, constant) in class.pool.iter().enumerate() {
        if let Constant::Text(string) = constant
            && !class.told.contains(&index)
        {
            text.extend_from_slice(string);
            text.push(b'\n');
        }
    }
    walk.text("(constants)", &text)?;
    pool.ok_or(Trouble::damaged("its constant pool is damaged"))
}

enum Constant<'c> {
    Text(&'c [u8]),
    /// A string by the number of its text.
    String(u16),
    Other,
}

struct Class<'c> {
    rest: &'c [u8],
    pool: Vec<Constant<'c>>,
    /// Strings that stand behind their field's name.
    told: HashSet<usize>,
}

impl<'c> Class<'c> {
    fn take(&mut self, count: usize) -> Option<&'c [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn half(&mut self) -> Option<u16> {
        self.take(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
    }

    fn constants(&mut self) -> Option<()> {
        let count = usize::from(self.half()?);
        self.pool.push(Constant::Other);
        while self.pool.len() < count {
            let constant = match self.take(1)?[0] {
                1 => {
                    let len = self.half()?;
                    Constant::Text(self.take(usize::from(len))?)
                }
                8 => Constant::String(self.half()?),
                // Numbers of 64 bits count twice.
                5 | 6 => {
                    self.take(8)?;
                    self.pool.push(Constant::Other);
                    Constant::Other
                }
                7 | 16 | 19 | 20 => self.take(2).map(|_| Constant::Other)?,
                15 => self.take(3).map(|_| Constant::Other)?,
                3 | 4 | 9..=12 | 17 | 18 => self.take(4).map(|_| Constant::Other)?,
                _ => return None,
            };
            self.pool.push(constant);
        }
        Some(())
    }

    fn text(&self, index: u16) -> Option<&'c [u8]> {
        match self.pool.get(usize::from(index))? {
            Constant::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Fields whose value is a string known at compile time.
    fn fields(&mut self, out: &mut Vec<u8>) -> Option<()> {
        self.take(6)?;
        let interfaces = self.half()?;
        self.take(2 * usize::from(interfaces))?;
        for _ in 0..self.half()? {
            self.take(2)?;
            let name = self.half()?;
            self.take(2)?;
            for _ in 0..self.half()? {
                let attribute = self.half()?;
                let len = self.take(4)?;
                let value = self.take(u32::from_be_bytes([len[0], len[1], len[2], len[3]]) as usize)?;
                if self.text(attribute) != Some(b"ConstantValue") || value.len() != 2 {
                    continue;
                }
                let index = usize::from(u16::from_be_bytes([value[0], value[1]]));
                let Some(Constant::String(string)) = self.pool.get(index) else { continue };
                let place = *string;
                let (Some(name), Some(string)) = (self.text(name), self.text(place)) else { continue };
                self.told.insert(usize::from(place));
                out.extend_from_slice(&[name, b" = \"", string, b"\"\n"].concat());
            }
        }
        Some(())
    }
}
