//! A body on its way from one connection to another, through one buffer.
//!
//! ```text
//!   buffer:   ····[ ready: to be written on ]···[ raw: read, not yet looked at ]············[ tail ]
//! ```
//!
//! [`Pipe::pass`] makes raw bytes ready, piece by piece as [`Decoder`] finds them, re-framed where the other side
//! frames differently. It works in place: what is written for a piece is never longer than the piece was, so data is
//! moved only where chunk extensions, odd sizes or trailers were left out.
//!
//! What must stay true: what comes out of chunked coding is canonical (no extensions, no leading zeros, CRLF
//! everywhere); the buffer never grows beyond what its owner allows.

use std::ops::Range;

use super::{
    body::{BodyError, Decoder, Piece},
    write,
};

/// Room before the first byte, for the line of a chunk.
const LEAD: usize = 18;
/// Room behind the last byte, for the end of the last chunk.
const TAIL: usize = 8;

/// How a body is framed where it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// It goes nowhere.
    Dropped,
    /// As it is.
    Plain,
    /// In chunks.
    Chunked,
}

/// See the module. Without a buffer it takes no memory; its owner lends it one.
#[derive(Debug, Default)]
pub struct Pipe {
    buffer: Vec<u8>,
    ready: Range<usize>,
    raw: Range<usize>,
    /// The last read filled all the space there was: a larger buffer would save reads.
    hungry: bool,
}

impl Pipe {
    /// Whether there is neither anything to be looked at nor to be written on.
    pub fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.raw.is_empty()
    }

    /// Whether it has a buffer.
    pub fn has_buffer(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// Lends it a buffer, if it has none. All of its length is used.
    pub fn lend(&mut self, buffer: Vec<u8>) {
        if self.buffer.is_empty() {
            self.buffer = buffer;
            self.reset();
        }
    }

    /// Gives the buffer back, if nothing is in it.
    pub fn take_buffer(&mut self) -> Option<Vec<u8>> {
        if !self.is_empty() || self.buffer.is_empty() {
            return None;
        }
        let buffer = std::mem::take(&mut self.buffer);
        self.reset();
        Some(buffer)
    }

    /// The bytes that were read and not yet looked at.
    pub fn raw(&self) -> &[u8] {
        &self.buffer[self.raw.clone()]
    }

    /// The bytes to be written on.
    pub fn ready(&self) -> &[u8] {
        &self.buffer[self.ready.clone()]
    }

    /// So many raw bytes are done with.
    pub fn consume(&mut self, bytes: usize) {
        self.raw.start = (self.raw.start + bytes).min(self.raw.end);
        self.settle();
    }

    /// So many ready bytes were written.
    pub fn written(&mut self, bytes: usize) {
        self.ready.start = (self.ready.start + bytes).min(self.ready.end);
        self.settle();
    }

    /// Forgets everything that is in it.
    pub fn clear(&mut self) {
        self.reset();
    }

    /// Overwrites everything that is in the buffer and was done with.
    pub fn wipe(&mut self, overwrite: impl Fn(&mut [u8])) {
        let used = match (self.ready.is_empty(), self.raw.is_empty()) {
            (true, true) => 0..0,
            (true, false) => self.raw.clone(),
            (false, true) => self.ready.clone(),
            (false, false) => self.ready.start..self.raw.end,
        };
        overwrite(&mut self.buffer[..used.start]);
        overwrite(&mut self.buffer[used.end..]);
    }

    /// Where the next bytes are read to; empty when the buffer is full and has `limit` bytes already.
    pub fn space(&mut self, limit: usize) -> &mut [u8] {
        if self.raw.end + TAIL >= self.buffer.len() {
            self.compact();
        }
        let full = self.raw.end + TAIL >= self.buffer.len();
        if (full || std::mem::take(&mut self.hungry)) && self.buffer.len() < limit {
            let larger = (self.buffer.len() * 4).clamp(4 * 1024, limit.max(4 * 1024));
            self.buffer.resize(larger, 0);
            self.settle();
        }
        let end = self.buffer.len().saturating_sub(TAIL).max(self.raw.end).min(self.buffer.len());
        &mut self.buffer[self.raw.end..end]
    }

    /// Whether [`Self::space`] has room.
    pub fn has_space(&self, limit: usize) -> bool {
        let used = self.ready.len() + self.raw.len() + LEAD + TAIL;
        used < self.buffer.len().max(limit)
    }

    /// So many bytes were read into [`Self::space`].
    pub fn filled(&mut self, bytes: usize) {
        self.raw.end = (self.raw.end + bytes).min(self.buffer.len());
        self.hungry = self.raw.end + TAIL >= self.buffer.len();
    }

    /// Appends bytes as if they had been read.
    pub fn feed(&mut self, mut bytes: &[u8], limit: usize) -> usize {
        let mut fed = 0;
        while !bytes.is_empty() {
            let space = self.space(limit);
            let n = space.len().min(bytes.len());
            if n == 0 {
                break;
            }
            space[..n].copy_from_slice(&bytes[..n]);
            self.filled(n);
            bytes = &bytes[n..];
            fed += n;
        }
        fed
    }

    /// Makes raw bytes of a body ready. Returns how many bytes of the body itself went through.
    ///
    /// # Errors
    /// When what was read is no body of this kind.
    pub fn pass(&mut self, body: &mut Decoder, coding: Coding) -> Result<u64, BodyError> {
        let mut passed = 0;
        loop {
            // Data that gets a line of its own starts where that line fits.
            let own_line = coding == Coding::Chunked && body.runs_to_close();
            if own_line && !self.ready.is_empty() {
                return Ok(passed);
            }
            match body.next(&self.buffer[self.raw.clone()])? {
                Piece::More | Piece::Over => {
                    self.settle();
                    return Ok(passed);
                }
                Piece::Data(n) => {
                    passed += n as u64;
                    match coding {
                        Coding::Dropped => self.raw.start += n,
                        Coding::Plain => self.keep(n),
                        Coding::Chunked if own_line => {
                            self.emit_size(n as u64);
                            self.keep(n);
                            self.emit(b"\r\n");
                        }
                        Coding::Chunked => self.keep(n),
                    }
                }
                Piece::Line { len, size } => {
                    self.raw.start += len;
                    if coding == Coding::Chunked {
                        self.emit_size(size);
                    }
                }
                Piece::DataEnd | Piece::Last => {
                    self.raw.start += 2;
                    if coding == Coding::Chunked {
                        self.emit(b"\r\n");
                    }
                }
                Piece::Trailer { len, travels } if travels && coding == Coding::Chunked => self.keep(len),
                Piece::Trailer { len, .. } => self.raw.start += len,
            }
        }
    }

    /// The connection has ended that the body came on.
    ///
    /// # Errors
    /// When the body is not over with it.
    pub fn end(&mut self, body: &mut Decoder, coding: Coding) -> Result<(), BodyError> {
        if body.close()? && coding == Coding::Chunked {
            if self.buffer.is_empty() {
                self.buffer.resize(LEAD + TAIL, 0);
                self.reset();
            }
            if self.ready.end + 5 > self.buffer.len() {
                self.compact();
            }
            self.emit(b"0\r\n\r\n");
        }
        Ok(())
    }

    /// Makes all raw bytes ready as they are.
    pub fn pass_all(&mut self) -> usize {
        let n = self.raw.len();
        self.keep(n);
        n
    }

    /// The next raw bytes are ready as they are.
    fn keep(&mut self, n: usize) {
        let from = self.raw.start..self.raw.start + n;
        if self.ready.is_empty() {
            self.ready = from.clone();
        } else {
            if self.ready.end != from.start {
                self.buffer.copy_within(from.clone(), self.ready.end);
            }
            self.ready.end += n;
        }
        self.raw.start = from.end;
    }

    fn emit_size(&mut self, size: u64) {
        let mut line = Vec::with_capacity(LEAD);
        write::chunk_line(&mut line, size);
        self.emit(&line);
    }

    /// Puts bytes behind those that are ready. What they stand for has been consumed, so there is room between
    /// ready and raw; at the very end of a body there is the tail.
    fn emit(&mut self, bytes: &[u8]) {
        if self.ready.is_empty() && self.raw.start >= bytes.len() {
            let start = self.raw.start - bytes.len();
            self.ready = start..start;
        }
        let to = self.ready.end..self.ready.end + bytes.len();
        if self.raw.is_empty() {
            let at = self.raw.start.max(to.end).min(self.buffer.len());
            self.raw = at..at;
        }
        debug_assert!(to.end <= self.raw.start, "what is written for a piece is no longer than the piece");
        self.buffer[to.clone()].copy_from_slice(bytes);
        self.ready.end = to.end;
    }

    /// Moves what there is to the beginning.
    fn compact(&mut self) {
        let lead = LEAD.min(self.buffer.len());
        if self.ready.is_empty() {
            self.ready = lead..lead;
        } else if self.ready.start > lead {
            let len = self.ready.len();
            self.buffer.copy_within(self.ready.clone(), lead);
            self.ready = lead..lead + len;
        }
        let to = self.ready.end.max(lead);
        if self.raw.start > to {
            let len = self.raw.len();
            self.buffer.copy_within(self.raw.clone(), to);
            self.raw = to..to + len;
        }
    }

    fn settle(&mut self) {
        if self.is_empty() {
            self.reset();
        }
    }

    fn reset(&mut self) {
        let lead = LEAD.min(self.buffer.len());
        self.ready = lead..lead;
        self.raw = lead..lead;
    }
}

#[cfg(test)]
mod tests;
