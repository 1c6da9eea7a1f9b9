//! A compiled Python module as text: assignments of constant strings as `NAME = "value"`, every other string on a line.

use super::trouble::Trouble;
use super::walk::Walk;
use std::rc::Rc;

/// Code inside code, tuples inside tuples; CPython's own limit is 2000.
const MAX_DEPTH: usize = 200;

/// Whether a beginning is a module: a known version's mark, and code behind a header of that version.
pub fn is_pyc(head: &[u8]) -> bool {
    let Some(version) = Version::of(head) else { return false };
    head.get(version.header).is_some_and(|kind| kind & 0x7f == b'c')
}

/// Hands over the text.
pub fn unpack(walk: &mut Walk<'_, '_>, bytes: &[u8]) -> Result<(), Trouble> {
    let version = Version::of(bytes).ok_or(Trouble::damaged("its version is not known"))?;
    let rest = bytes.get(version.header..).unwrap_or_default();
    let mut module = Module { rest, version, known: Vec::new(), lines: Vec::new() };
    let outcome = module.object(0);
    let text: Vec<u8> = module.lines.concat();
    walk.text("(constants)", &text)?;
    match outcome {
        Some(_) => Ok(()),
        None => Err(Trouble::damaged("an object in it is damaged or of an unknown kind")),
    }
}

/// What differs between the versions of Python.
#[derive(Clone, Copy)]
struct Version {
    /// Bytes before the code.
    header: usize,
    /// Numbers that a code object begins with.
    numbers: usize,
    /// What follows the constants.
    layout: Layout,
    /// A string constant, and what stores it under a name or in a local variable.
    load: u8,
    store: [u8; 2],
    store_local: u8,
    extended: u8,
    /// Instructions of two bytes each; before, of one or three.
    is_wide: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Layout {
    /// names, varnames, freevars, cellvars, filename, name; line; table.
    Old,
    /// names, locals, kinds, filename, name, qualified name; line; two tables.
    New,
}

impl Version {
    fn of(head: &[u8]) -> Option<Version> {
        let [a, b, b'\r', b'\n', ..] = *head else { return None };
        let old = Version {
            header: 16,
            numbers: 6,
            layout: Layout::Old,
            load: 100,
            store: [90, 97],
            store_local: 125,
            extended: 144,
            is_wide: true,
        };
        Some(match u16::from_le_bytes([a, b]) {
            62161 | 62171 | 62181 | 62191 | 62201 | 62211 => {
                Version { header: 8, numbers: 4, is_wide: false, extended: 145, ..old }
            }
            3000..=3189 => Version { header: 8, numbers: 5, is_wide: false, ..old },
            3190..=3359 => Version { header: 12, numbers: 5, is_wide: false, ..old },
            3360..=3389 => Version { header: 12, numbers: 5, ..old },
            3390..=3399 => Version { numbers: 5, ..old },
            3400..=3449 => old,
            3450..=3549 => Version { numbers: 5, layout: Layout::New, ..old },
            3550..=3599 => {
                let (load, store, store_local, extended) = (83, [114, 113], 110, 71);
                Version { numbers: 5, layout: Layout::New, load, store, store_local, extended, ..old }
            }
            // Later versions read alike; their instructions are not known.
            3600..=3999 => {
                Version { numbers: 5, layout: Layout::New, load: 255, store: [255; 2], store_local: 255, ..old }
            }
            _ => return None,
        })
    }
}

#[derive(Clone)]
enum Value<'m> {
    Text(&'m [u8]),
    Many(Rc<[Value<'m>]>),
    Other,
}

impl<'m> Value<'m> {
    fn texts(&self) -> Vec<Option<&'m [u8]>> {
        let text = |value: &Value<'m>| match value {
            Value::Text(text) => Some(*text),
            _ => None,
        };
        match self {
            Value::Many(values) => values.iter().map(text).collect(),
            _ => Vec::new(),
        }
    }
}

struct Module<'m> {
    rest: &'m [u8],
    version: Version,
    /// Objects that others refer to by number.
    known: Vec<Value<'m>>,
    lines: Vec<Vec<u8>>,
}

impl<'m> Module<'m> {
    fn take(&mut self, count: usize) -> Option<&'m [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<usize> {
        self.take(4).map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]) as usize)
    }

    /// Reads one object; its strings become lines where they are values.
    fn object(&mut self, depth: usize) -> Option<Value<'m>> {
        let kind = self.take(1)?[0];
        let is_known = kind & 0x80 != 0;
        let place = self.known.len();
        if is_known {
            self.known.push(Value::Other);
        }
        let value = self.value(kind & 0x7f, depth)?;
        if is_known {
            self.known[place] = value.clone();
        }
        Some(value)
    }

    fn value(&mut self, kind: u8, depth: usize) -> Option<Value<'m>> {
        let many = |module: &mut Self, count: usize| {
            let mut values = Vec::new();
            for _ in 0..count {
                values.push(module.object(depth + 1).filter(|_| depth < MAX_DEPTH)?);
            }
            Some(Value::Many(values.into()))
        };
        match kind {
            b'0' | b'N' | b'F' | b'T' | b'S' | b'.' => {}
            b'i' => _ = self.take(4)?,
            b'I' | b'g' => _ = self.take(8)?,
            b'y' => _ = self.take(16)?,
            b'f' => {
                let len = self.take(1)?[0];
                self.take(usize::from(len))?;
            }
            b'l' => {
                let digits = (self.number()? as u32 as i32).unsigned_abs() as usize;
                self.take(digits.checked_mul(2)?)?;
            }
            b's' | b't' | b'u' | b'a' | b'A' => {
                let len = self.number()?;
                let text = Value::Text(self.take(len)?);
                // Python 2 numbers interned strings, and has no other references.
                if kind == b't' && !self.version.is_wide {
                    self.known.push(text.clone());
                }
                return Some(text);
            }
            b'z' | b'Z' => {
                let len = self.take(1)?[0];
                return Some(Value::Text(self.take(usize::from(len))?));
            }
            b'r' | b'R' => {
                let index = self.number()?;
                return self.known.get(index).cloned();
            }
            b'(' | b'[' | b'<' | b'>' => {
                let count = self.number()?;
                return many(self, count);
            }
            b')' => {
                let count = self.take(1)?[0];
                return many(self, usize::from(count));
            }
            b':' => return many(self, 3),
            b'{' => {
                let mut values = Vec::new();
                while *self.rest.first()? != b'0' {
                    values.push(self.object(depth + 1).filter(|_| depth < MAX_DEPTH)?);
                }
                self.take(1)?;
                return Some(Value::Many(values.into()));
            }
            b'c' => return self.code(depth),
            _ => return None,
        }
        Some(Value::Other)
    }

    fn code(&mut self, depth: usize) -> Option<Value<'m>> {
        if depth >= MAX_DEPTH {
            return None;
        }
        self.take(4 * self.version.numbers)?;
        let instructions = self.object(depth + 1)?;
        let constants = self.object(depth + 1)?;
        let names = self.object(depth + 1)?;
        let locals = self.object(depth + 1)?;
        // Old: freevars, cellvars, filename, name. New: kinds, filename, name, qualified name.
        for _ in 0..4 {
            self.object(depth + 1)?;
        }
        self.rest_of_code(depth)?;
        self.tell(&instructions, &constants, &names, &locals);
        Some(Value::Other)
    }

    /// Behind the names: the first line's number and the tables of lines and exceptions.
    fn rest_of_code(&mut self, depth: usize) -> Option<()> {
        let tables = if self.version.layout == Layout::New { 2 } else { 1 };
        self.take(4)?;
        for _ in 0..tables {
            self.object(depth + 1)?;
        }
        Some(())
    }

    fn tell(&mut self, instructions: &Value<'m>, constants: &Value<'m>, names: &Value<'m>, locals: &Value<'m>) {
        let (texts, names, locals) = (constants.texts(), names.texts(), locals.texts());
        let mut is_told = vec![false; texts.len()];
        let Value::Text(code) = instructions else { return };
        let mut loaded = None;
        for (operation, argument) in self.version.instructions(code) {
            let name = match operation {
                operation if operation == self.version.load => {
                    loaded = Some(argument);
                    continue;
                }
                operation if self.version.store.contains(&operation) => names.get(argument),
                operation if operation == self.version.store_local => locals.get(argument),
                _ => None,
            };
            if let (Some(constant), Some(Some(name))) = (loaded.take(), name)
                && let Some(Some(text)) = texts.get(constant)
            {
                is_told[constant] = true;
                self.lines.push([name, &b" = \""[..], text, b"\"\n"].concat());
            }
        }
        self.tell_rest(constants, &is_told, 0);
    }

    fn tell_rest(&mut self, constants: &Value<'m>, is_told: &[bool], depth: usize) {
        let Value::Many(values) = constants else { return };
        for (index, value) in values.iter().enumerate() {
            match value {
                Value::Text(text) if !is_told.get(index).copied().unwrap_or(false) => {
                    self.lines.push([text, &b"\n"[..]].concat());
                }
                // Tuples of constants; deeper ones are built of references that could multiply.
                Value::Many(_) if depth < 2 => self.tell_rest(value, &[], depth + 1),
                _ => {}
            }
        }
    }
}

impl Version {
    /// Each instruction with its argument.
    fn instructions(self, code: &[u8]) -> Vec<(u8, usize)> {
        let (mut at, mut high, mut all) = (0, 0usize, Vec::new());
        while at < code.len() {
            let operation = code[at];
            let byte = |offset: usize| code.get(at + offset).copied().map_or(0, usize::from);
            let (argument, len) = match self.is_wide {
                true => (byte(1), 2),
                false if operation >= 90 => (byte(1) | byte(2) << 8, 3),
                false => (0, 1),
            };
            let argument = (high << if self.is_wide { 8 } else { 16 } | argument) & 0xffff_ffff;
            high = if operation == self.extended { argument } else { 0 };
            if operation != self.extended {
                all.push((operation, argument));
            }
            at += len;
        }
        all
    }
}
