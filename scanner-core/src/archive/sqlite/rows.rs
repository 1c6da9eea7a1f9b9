//! The rows of one table as a text that is made as it is read.

use super::page::{Pages, half, start, word};
use super::record::{self, Value};
use super::{KEYS, Table, VALUES};
use crate::archive::kind::{HEAD, kind};
use crate::archive::limits::{Budget, Reserved, Stop};
use crate::archive::trouble::Trouble;
use std::collections::VecDeque;
use std::io::{self, Read};

/// Walks over a table's tree and tells its rows.
pub struct Rows<'p, 's, 'b, 't> {
    pages: &'p mut Pages<'s>,
    budget: &'b Budget,
    table: &'t Table,
    /// Pages still to be looked at, the next one last.
    pending: Vec<u32>,
    ready: VecDeque<Vec<Value>>,
    line: Vec<u8>,
    given: usize,
    number: u64,
    archives: Vec<(String, Vec<u8>)>,
    reserved: Vec<Reserved<'b>>,
    wants_values: bool,
    /// What was not read.
    pub trouble: Option<Trouble>,
}

impl<'p, 's, 'b, 't> Rows<'p, 's, 'b, 't> {
    /// Begins at the table's root.
    pub fn new(pages: &'p mut Pages<'s>, budget: &'b Budget, table: &'t Table) -> Self {
        Rows {
            pages,
            budget,
            table,
            pending: vec![table.root],
            ready: VecDeque::new(),
            line: Vec::new(),
            given: 0,
            number: 0,
            archives: Vec::new(),
            reserved: Vec::new(),
            wants_values: true,
            trouble: None,
        }
    }

    /// Goes over the tree without telling its rows.
    pub fn pass(&mut self) {
        self.wants_values = false;
        while let Some(page) = self.pending.pop() {
            self.page(page);
        }
    }

    /// Values that are archives themselves, and the memory they take.
    pub fn into_archives(self) -> (Vec<(String, Vec<u8>)>, Vec<Reserved<'b>>) {
        (self.archives, self.reserved)
    }

    /// The next row's values.
    pub fn next_row(&mut self) -> Option<Vec<Value>> {
        loop {
            if let Some(row) = self.ready.pop_front() {
                self.number += 1;
                return Some(row);
            }
            let page = self.pending.pop()?;
            self.page(page);
        }
    }

    fn page(&mut self, number: u32) {
        let page = match self.pages.take(number) {
            Some(Ok(page)) => page,
            Some(Err(trouble)) => return self.trouble = Some(trouble),
            None => return,
        };
        let at = start(number);
        let kind = page[at];
        let is_inner = matches!(kind, 2 | 5);
        if !matches!(kind, 2 | 5 | 10 | 13) {
            return;
        }
        let first = at + if is_inner { 12 } else { 8 };
        let cells = half(&page, at + 3).min((page.len() - first) / 2);
        let mut children = Vec::new();
        for index in 0..cells {
            let cell = half(&page, first + 2 * index);
            let Some(mut cell) = page.get(cell..) else { continue };
            if is_inner {
                children.push(word(cell, 0));
                cell = cell.get(4..).unwrap_or_default();
            }
            // Inner pages of a table hold row numbers alone.
            if kind != 5 {
                self.cell(cell, kind == 13);
            }
        }
        if is_inner {
            children.push(word(&page, at + 8));
        }
        self.pending.extend(children.into_iter().rev());
    }

    fn cell(&mut self, cell: &[u8], has_number: bool) {
        let Some((size, mut rest)) = record::number(cell) else { return };
        if has_number {
            let Some((_, after)) = record::number(rest) else { return };
            rest = after;
        }
        let usable = self.pages.usable;
        let most = if has_number { usable - 35 } else { (usable - 12) * 64 / 255 - 23 };
        if size <= most as u64 {
            let record = &rest[..rest.len().min(size as usize)];
            return self.row(record);
        }
        let least = (usable - 12) * 32 / 255 - 23;
        let local = least + ((size - least as u64) % (usable as u64 - 4)) as usize;
        let local = if local <= most { local } else { least };
        let Some(next) = rest.get(local..local + 4) else { return };
        self.overflowing(&rest[..local], word(next, 0), size);
    }

    /// A record that goes on in pages of its own.
    fn overflowing(&mut self, local: &[u8], mut next: u32, size: u64) {
        let in_file = u64::from(self.pages.count) * self.pages.size as u64;
        let Ok(_reserved) = self.budget.reserve(size.min(in_file)) else {
            self.trouble = Some(Stop::Memory(self.budget.limits.max_memory).into());
            return;
        };
        let mut record = local.to_vec();
        while (record.len() as u64) < size {
            let page = match self.pages.take(next) {
                Some(Ok(page)) => page,
                Some(Err(trouble)) => return self.trouble = Some(trouble),
                None => break,
            };
            next = word(&page, 0);
            let left = (size - record.len() as u64).min(self.pages.usable as u64 - 4) as usize;
            record.extend_from_slice(&page[4..4 + left]);
        }
        self.row(&record);
    }

    fn row(&mut self, record: &[u8]) {
        if self.wants_values {
            self.ready.push_back(record::values(record, self.pages.encoding));
        }
    }

    /// Writes a row's lines.
    fn tell(&mut self, row: &[Value]) {
        let named = |names: [&str; 4]| {
            let is_named = |column: &String| names.iter().any(|name| column.eq_ignore_ascii_case(name));
            self.table.columns.iter().position(is_named).filter(|index| matches!(row.get(*index), Some(Value::Text(_))))
        };
        let pair = named(KEYS).zip(named(VALUES));
        for (index, value) in row.iter().enumerate() {
            let name = match (pair, self.table.columns.get(index)) {
                (Some((key, value)), _) if value == index => match &row[key] {
                    Value::Text(name) => name.as_str(),
                    _ => "",
                },
                (_, Some(column)) => column.as_str(),
                (_, None) => "value",
            };
            match value {
                Value::Text(text) if !text.is_empty() => write(&mut self.line, name, text.as_bytes()),
                Value::Blob(blob) if kind(&blob[..blob.len().min(HEAD)]).is_some() => {
                    let name = format!("{}/{}/{name}", self.table.name, self.number);
                    match self.budget.reserve(blob.len() as u64) {
                        Ok(reserved) => {
                            self.reserved.push(reserved);
                            self.archives.push((name, blob.clone()));
                        }
                        Err(stop) => self.trouble = Some(stop.into()),
                    }
                }
                Value::Blob(blob) if !blob.is_empty() => write(&mut self.line, name, blob),
                _ => {}
            }
        }
    }
}

fn write(line: &mut Vec<u8>, name: &str, value: &[u8]) {
    let quote: &[u8] = if memchr::memchr2(b'"', b'\n', value).is_some() { b"" } else { b"\"" };
    line.extend_from_slice(&[name.as_bytes(), b" = ", quote, value, quote, b"\n"].concat());
}

impl Read for Rows<'_, '_, '_, '_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        while self.given == self.line.len() {
            self.line.clear();
            self.given = 0;
            let Some(row) = self.next_row() else { return Ok(0) };
            self.tell(&row);
        }
        let count = (&self.line[self.given..]).read(room)?;
        self.given += count;
        Ok(count)
    }
}
