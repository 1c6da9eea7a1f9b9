//! Reads a single object, whatever chain of deltas it hangs on, from whichever of its copies is sound.

use std::collections::HashSet;

use super::Objects;
use super::buffer::Buffer;
use super::delta;
use super::error::ObjectError;
use super::inflate::Inflater;
use super::visit::{Kind, Operation};

/// Longer than any chain git makes; cycles between copies end here.
const MAX_CHAIN: usize = 50_000;
/// How many ways to read one object are tried.
const MAX_ATTEMPTS: u32 = 16;

/// Reusable memory for reading single objects; one per thread.
pub struct Reader {
    inflater: Inflater,
    file: Vec<u8>,
    bytes: Buffer,
    next: Buffer,
    delta: Buffer,
    operations: Vec<Operation>,
    chain: Vec<u32>,
    damaged: HashSet<u32>,
    attempts: u32,
}

impl Default for Reader {
    fn default() -> Reader {
        Reader {
            inflater: Inflater::new(u32::MAX.into()),
            file: Vec::new(),
            bytes: Buffer::default(),
            next: Buffer::default(),
            delta: Buffer::default(),
            operations: Vec::new(),
            chain: Vec::new(),
            damaged: HashSet::new(),
            attempts: 0,
        }
    }
}

impl Reader {
    /// A reader without memory yet.
    pub fn new() -> Reader {
        Reader::default()
    }

    /// Reads an object into the reader's own memory.
    pub fn read(&mut self, objects: &Objects, object: u32) -> Result<(Kind, &[u8]), ObjectError> {
        self.inflater.limit(objects.limits.max_bytes());
        self.damaged.clear();
        self.attempts = 0;
        let kind = loop {
            match self.attempt(objects, object) {
                Ok(kind) => break kind,
                Err((entry, error)) => self.detour(objects, object, entry, error)?,
            }
        };
        self.next.trim();
        self.delta.trim();
        Ok((kind, self.bytes.bytes()))
    }

    /// Plans a way around a damaged entry: another copy of it, or of what was to be made of it.
    fn detour(&mut self, objects: &Objects, object: u32, entry: u32, error: ObjectError) -> Result<(), ObjectError> {
        let catalog = &objects.catalog;
        let above = self.chain.iter().rev().skip_while(|other| **other != entry);
        let mut detours = above.copied().take_while(|_| !catalog.duplicates.is_empty() && self.attempts < MAX_ATTEMPTS);
        let is_open = detours.any(|entry| {
            self.damaged.insert(entry);
            catalog.copies(catalog.object(entry)).any(|copy| !self.damaged.contains(&copy))
        });
        self.attempts += 1;
        match catalog.object(entry) {
            _ if is_open => Ok(()),
            own if own == object => Err(error),
            base => Err(ObjectError::UnreadableBase(catalog.names.id(base))),
        }
    }

    fn sound_copy(&self, objects: &Objects, object: u32) -> Option<u32> {
        objects.catalog.copies(object).find(|copy| !self.damaged.contains(copy))
    }

    /// Reads along one chain of entries; fails with the entry that is damaged.
    fn attempt(&mut self, objects: &Objects, object: u32) -> Result<Kind, (u32, ObjectError)> {
        self.list_chain(objects, object)?;
        let root = *self.chain.last().expect("a chain holds at least the object itself");
        let kind = self.read_root(objects, root).map_err(|error| (root, error))?;
        for i in (0..self.chain.len() - 1).rev() {
            let entry = self.chain[i];
            self.apply(objects, entry).map_err(|error| (entry, error))?;
        }
        Ok(kind)
    }

    /// The entries from the object down to the root of its deltas, without those known to be damaged.
    fn list_chain(&mut self, objects: &Objects, object: u32) -> Result<(), (u32, ObjectError)> {
        let catalog = &objects.catalog;
        self.chain.clear();
        let mut at = self.sound_copy(objects, object).unwrap_or(catalog.primary(object));
        loop {
            self.chain.push(at);
            if self.chain.len() > MAX_CHAIN {
                return Err((at, ObjectError::Corrupt("its chain of deltas does not end")));
            }
            let Some(base) = catalog.base(at) else { return Ok(()) };
            at = match self.damaged.contains(&base) {
                false => base,
                true => self.sound_copy(objects, catalog.object(base)).unwrap_or(base),
            };
        }
    }

    fn read_root(&mut self, objects: &Objects, entry: u32) -> Result<Kind, ObjectError> {
        objects.read_whole(entry, |_| true, &mut self.inflater, &mut self.file, &mut self.bytes)
    }

    fn apply(&mut self, objects: &Objects, entry: u32) -> Result<(), ObjectError> {
        objects.inflate(entry, &mut self.inflater, &mut self.delta)?;
        let max_bytes = objects.limits.max_bytes();
        delta::apply(self.bytes.bytes(), self.delta.bytes(), max_bytes, &mut self.next, &mut self.operations)?;
        std::mem::swap(&mut self.bytes, &mut self.next);
        Ok(())
    }
}
