//! A buffer that keeps its initialised memory between uses, so that nothing is zeroed or allocated twice.

/// Memory above this is given back when a buffer is recycled.
const KEPT: usize = 4 << 20;

/// A reusable buffer whose content is a part of initialised memory.
#[derive(Default)]
pub struct Buffer {
    memory: Vec<u8>,
    start: usize,
    end: usize,
}

impl Buffer {
    /// The content.
    pub fn bytes(&self) -> &[u8] {
        &self.memory[self.start..self.end]
    }

    /// Says which part of the room is the content.
    pub fn set(&mut self, start: usize, end: usize) {
        debug_assert!(start <= end && end <= self.memory.len());
        self.start = start;
        self.end = end;
    }

    /// At least `len` bytes of room, holding anything; the content is gone.
    pub fn room(&mut self, len: usize) -> &mut [u8] {
        self.set(0, 0);
        if self.memory.len() < len {
            self.memory = Vec::new();
            self.memory = vec![0; len + len / 8];
        }
        &mut self.memory
    }

    /// At least `len` bytes of room, the first `kept` of which stay as they are.
    pub fn grow(&mut self, kept: usize, len: usize) -> &mut [u8] {
        if self.memory.len() < len {
            let mut memory = vec![0; len + len / 2];
            memory[..kept].copy_from_slice(&self.memory[..kept]);
            self.memory = memory;
        }
        &mut self.memory
    }

    /// Gives the memory of an unusually large content back.
    pub fn trim(&mut self) {
        if self.memory.len() > KEPT {
            *self = Buffer::default();
        }
    }
}
