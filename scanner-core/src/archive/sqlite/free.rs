//! What no row holds any more: pages that belong to no tree, and the gaps of those that do.

use super::page::{Pages, half, start};
use std::io::{self, Read};

/// Shorter texts are no secrets.
const LEAST: usize = 8;

/// The free space of a file, page by page.
pub struct Free<'p, 's> {
    pages: &'p mut Pages<'s>,
    next: u32,
    text: Vec<u8>,
    given: usize,
}

impl<'p, 's> Free<'p, 's> {
    /// Begins at the first page; what is free are the pages that were not given.
    pub fn new(pages: &'p mut Pages<'s>) -> Free<'p, 's> {
        Free { pages, next: 1, text: Vec::new(), given: 0 }
    }

    fn page(&mut self, number: u32) {
        let Ok(page) = self.pages.read(number) else { return };
        self.text.clear();
        self.given = 0;
        if !self.pages.is_seen(number) {
            self.add(&page);
            return;
        }
        let at = start(number);
        if !matches!(page[at], 10 | 13) {
            return;
        }
        let cells = at + 8 + 2 * half(&page, at + 3);
        let content = match half(&page, at + 5) {
            0 => 65_536,
            content => content,
        };
        self.add(page.get(cells..content.min(page.len())).unwrap_or_default());
        let mut block = half(&page, at + 1);
        // Blocks are linked in rising order.
        while block >= content && block + 4 <= page.len() {
            let (next, len) = (half(&page, block), half(&page, block + 2));
            self.add(&page[block + 4..(block + len.max(4)).min(page.len())]);
            if next <= block {
                break;
            }
            block = next;
        }
    }

    /// Zeros are left out, but for one.
    fn add(&mut self, bytes: &[u8]) {
        let first = bytes.iter().position(|byte| *byte != 0);
        let trimmed = first.map_or(&[][..], |first| &bytes[first.saturating_sub(1)..]);
        if !trimmed.is_empty() {
            let start = self.text.len();
            self.text.extend_from_slice(trimmed);
            part(&mut self.text[start..]);
            self.text.push(b'\n');
        }
    }
}

/// Parts a text from the number before it, which tells its length and may look like its first letter.
fn part(bytes: &mut [u8]) {
    let is_text = |byte: &u8| matches!(byte, b' '..=b'~' | b'\n' | b'\t');
    for at in 0..bytes.len() {
        let before = at.checked_sub(1).map_or(0, |before| bytes[before]);
        // The size of a freed cell, of two bytes, may stand between and look like a letter too.
        let is_after_size = at.checked_sub(2).is_some_and(|before| bytes[before] == 0);
        if !is_text(&bytes[at]) || is_text(&before) && !is_after_size {
            continue;
        }
        let high = if before & 0x80 != 0 { usize::from(before & 0x7f) << 7 } else { 0 };
        let len = (high | usize::from(bytes[at])).saturating_sub(13) / 2;
        let text = bytes.get(at + 1..at + 1 + len);
        if len >= LEAST && text.is_some_and(|text| text.iter().all(is_text)) {
            bytes[at] = b'\n';
        }
    }
}

impl Read for Free<'_, '_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        while self.given == self.text.len() {
            if self.next > self.pages.count {
                return Ok(0);
            }
            self.next += 1;
            self.page(self.next - 1);
        }
        let count = (&self.text[self.given..]).read(room)?;
        self.given += count;
        Ok(count)
    }
}
