//! A body on its way from one connection to another, through one buffer.
//!
//! ```text
//!   buffer:   ····[ ready: to be written on ]···[ raw: read, not yet looked at ]············[ tail ]
//! ```
//!
//! [`Decoder`] finds the next piece of a body in what was read, and is where a chunk size is read;
//! [`Pipe::pass`] makes raw bytes ready, re-framed where the other side frames differently. It works in place:
//! what is written for a piece is never longer than the piece was, so data is moved only where chunk extensions
//! or odd sizes were left out.
//!
//! What must stay true: what comes out of chunked coding is canonical (no extensions, no trailers, no leading
//! zeros, CRLF everywhere); the buffer never grows beyond what its owner allows; the end of a body is found at
//! the same byte however the bytes were split.

use std::ops::Range;

use super::{framing::Body, write};

/// The longest line of a chunk size, with its extensions, in bytes.
const MAX_LINE: usize = 2 * 1024;
/// All extensions and trailers of one body together, in bytes.
const MAX_EXTRA: usize = 16 * 1024;
/// Room before the first byte, for the line of a chunk.
const LEAD: usize = 18;
/// Room behind the last byte, for the end of the last chunk.
const TAIL: usize = 8;

/// Why a body cannot be read on. The connection that it came on is of no more use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Not hexadecimal digits, or more than 64 bits.
    #[error("a chunk size is not a number")]
    Size,
    /// A control character, or a line feed without a carriage return.
    #[error("the line of a chunk size is malformed")]
    Line,
    /// Data behind the data.
    #[error("a chunk does not end where its size says")]
    End,
    /// Not a header field.
    #[error("a trailer is malformed")]
    Trailer,
    /// Extensions or trailers beyond their bounds.
    #[error("the chunk extensions and trailers are longer than {MAX_EXTRA} bytes")]
    Extra,
    /// The connection ended first.
    #[error("the body ended early")]
    Cut,
}

/// Finds the pieces of a body.
#[derive(Debug, Clone)]
pub struct Decoder {
    state: State,
    /// Bytes that extensions and trailers may still have.
    extra: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Length(u64),
    ToClose,
    Size,
    Data(u64),
    DataEnd,
    Trailers,
    Done,
}

/// The next piece of a body, as a number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    /// Of the body itself.
    Data(usize),
    /// The line before a chunk of `size` bytes; 0 is the last.
    Line { len: usize, size: u64 },
    /// The line end behind a chunk.
    DataEnd,
    /// A line of the trailers.
    Trailer(usize),
    /// The empty line at the very end.
    Last,
    /// There is not enough for another piece.
    More,
    /// The body is over.
    Over,
}

impl Decoder {
    /// At the first byte of a body.
    pub fn new(body: Body) -> Self {
        let state = match body {
            Body::None | Body::Length(0) => State::Done,
            Body::Length(length) => State::Length(length),
            Body::Chunked => State::Size,
            Body::ToClose => State::ToClose,
        };
        Self { state, extra: MAX_EXTRA }
    }

    /// Whether its last byte has been found.
    pub fn is_over(&self) -> bool {
        self.state == State::Done
    }

    fn next(&mut self, input: &[u8]) -> Result<Piece, BodyError> {
        match self.state {
            State::Done => Ok(Piece::Over),
            _ if input.is_empty() => Ok(Piece::More),
            State::Length(left) => {
                let (n, left) = take(input, left);
                self.state = if left == 0 { State::Done } else { State::Length(left) };
                Ok(Piece::Data(n))
            }
            State::ToClose => Ok(Piece::Data(input.len())),
            State::Data(left) => {
                let (n, left) = take(input, left);
                self.state = if left == 0 { State::DataEnd } else { State::Data(left) };
                Ok(Piece::Data(n))
            }
            State::DataEnd => match input {
                [b'\r', b'\n', ..] => {
                    self.state = State::Size;
                    Ok(Piece::DataEnd)
                }
                [b'\r'] => Ok(Piece::More),
                _ => Err(BodyError::End),
            },
            State::Size => {
                let (size, digits) = chunk_size(input)?;
                let Some(len) = line(&input[digits..])?.map(|len| digits + len) else { return Ok(Piece::More) };
                let extension = input[digits..len - 2].trim_ascii_start();
                if !extension.is_empty() && extension[0] != b';' {
                    return Err(BodyError::Size);
                }
                let size = size.ok_or(BodyError::Size)?;
                self.spend(len - digits - 2)?;
                self.state = if size == 0 { State::Trailers } else { State::Data(size) };
                Ok(Piece::Line { len, size })
            }
            State::Trailers => {
                let Some(len) = line(input)? else { return Ok(Piece::More) };
                if len == 2 {
                    self.state = State::Done;
                    return Ok(Piece::Last);
                }
                self.spend(len)?;
                let name = input[..len].iter().position(|&b| b == b':').ok_or(BodyError::Trailer)?;
                let token = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
                if name == 0 || !input[..name].iter().all(token) {
                    return Err(BodyError::Trailer);
                }
                Ok(Piece::Trailer(len))
            }
        }
    }

    fn spend(&mut self, bytes: usize) -> Result<(), BodyError> {
        self.extra = self.extra.checked_sub(bytes).ok_or(BodyError::Extra)?;
        Ok(())
    }
}

/// How much of `left` is there, and what remains.
fn take(input: &[u8], left: u64) -> (usize, u64) {
    let n = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
    (n, left - n as u64)
}

/// A chunk size and the number of its digits. The size is unknown while there is no digit. Empty lines, signs and
/// spaces are no sizes, and are refused with the first byte.
fn chunk_size(input: &[u8]) -> Result<(Option<u64>, usize), BodyError> {
    let mut size: Option<u64> = None;
    for (at, &byte) in input.iter().enumerate() {
        let Some(digit) = char::from(byte).to_digit(16) else {
            return if at == 0 { Err(BodyError::Size) } else { Ok((size, at)) };
        };
        let sum = size.unwrap_or(0);
        // The last bit is left free: no honest chunk needs it, and some readers take it for a sign.
        if sum >= 1 << 59 || at >= 32 {
            return Err(BodyError::Size);
        }
        size = Some(sum << 4 | u64::from(digit));
    }
    Ok((size, input.len()))
}

/// The length of the first line with its CRLF; `None`: its end has not come.
fn line(input: &[u8]) -> Result<Option<usize>, BodyError> {
    for (at, &byte) in input.iter().enumerate().take(MAX_LINE) {
        match byte {
            b'\r' => {
                return match input.get(at + 1) {
                    None => Ok(None),
                    Some(b'\n') => Ok(Some(at + 2)),
                    Some(_) => Err(BodyError::Line),
                };
            }
            b'\t' | b' '..=0x7e | 0x80.. => {}
            _ => return Err(BodyError::Line),
        }
    }
    if input.len() >= MAX_LINE { Err(BodyError::Extra) } else { Ok(None) }
}

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
            let own_line = coding == Coding::Chunked && body.state == State::ToClose;
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
                Piece::Trailer(len) => self.raw.start += len,
            }
        }
    }

    /// The connection has ended that the body came on.
    ///
    /// # Errors
    /// When the body is not over with it.
    pub fn end(&mut self, body: &mut Decoder, coding: Coding) -> Result<(), BodyError> {
        match body.state {
            State::Done => Ok(()),
            State::ToClose => {
                body.state = State::Done;
                if coding == Coding::Chunked {
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
            _ => Err(BodyError::Cut),
        }
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
mod tests {
    use super::*;

    /// What comes out of a body that arrives in pieces of `step` bytes, and what lies behind it.
    fn through(text: &[u8], body: Body, coding: Coding, step: usize) -> Result<(Vec<u8>, Vec<u8>), BodyError> {
        let (mut pipe, mut decoder, mut out) = (Pipe::default(), Decoder::new(body), Vec::new());
        let mut rest = Vec::new();
        for piece in text.chunks(step) {
            if decoder.is_over() {
                rest.extend_from_slice(piece);
                continue;
            }
            assert_eq!(pipe.feed(piece, 64 * 1024), piece.len());
            pipe.pass(&mut decoder, coding)?;
            out.extend_from_slice(pipe.ready());
            pipe.written(pipe.ready().len());
        }
        if !decoder.is_over() {
            pipe.end(&mut decoder, coding)?;
            out.extend_from_slice(pipe.ready());
            pipe.written(pipe.ready().len());
        }
        rest.splice(0..0, pipe.raw().to_vec());
        Ok((out, rest))
    }

    const CHUNKED: &[u8] = b"5;a=b;c=\"d;e\"\r\nhello\r\n0006\r\n world\r\nA \t;x\r\n0123456789\r\n000;last\r\nX-T: 1\r\nHost: x\r\n\r\nGET ";

    #[test]
    fn chunks_are_rewritten_in_one_way() {
        for step in [1, 2, 3, 5, 7, 11, 200] {
            let to = |coding| through(CHUNKED, Body::Chunked, coding, step);
            let canonical = b"5\r\nhello\r\n6\r\n world\r\na\r\n0123456789\r\n0\r\n\r\n".to_vec();
            assert_eq!(to(Coding::Chunked), Ok((canonical, b"GET ".to_vec())), "{step}");
            assert_eq!(to(Coding::Plain), Ok((b"hello world0123456789".to_vec(), b"GET ".to_vec())));
            assert_eq!(to(Coding::Dropped), Ok((Vec::new(), b"GET ".to_vec())));
        }
    }

    #[test]
    fn lengths_and_closes() {
        for step in [1, 3, 100] {
            let to = |body, coding| through(b"hello world", body, coding, step);
            assert_eq!(to(Body::Length(5), Coding::Plain), Ok((b"hello".to_vec(), b" world".to_vec())));
            assert_eq!(to(Body::Length(12), Coding::Plain), Err(BodyError::Cut));
            assert_eq!(to(Body::ToClose, Coding::Plain), Ok((b"hello world".to_vec(), Vec::new())));
        }
        let (out, _) = through(b"hello world", Body::ToClose, Coding::Chunked, 6).unwrap_or_default();
        assert_eq!(out, b"6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n");
        assert_eq!(through(b"", Body::ToClose, Coding::Chunked, 6), Ok((b"0\r\n\r\n".to_vec(), Vec::new())));
    }

    #[test]
    fn bad_chunks() {
        for (bad, error) in [
            ("g\r\n", BodyError::Size),
            ("-5\r\n", BodyError::Size),
            ("0x5\r\nhello", BodyError::Size),
            (" 5\r\n", BodyError::Size),
            ("\r\n", BodyError::Size),
            ("FFFFFFFFFFFFFFFF\r\n", BodyError::Size),
            ("10000000000000005\r\n", BodyError::Size),
            ("5\nhello", BodyError::Line),
            ("5;a\nhello", BodyError::Line),
            ("5;a\rhello", BodyError::Line),
            ("5 5\r\nhello", BodyError::Size),
            ("5\r\nhello0\r\n", BodyError::End),
            ("5\r\nhello\n0\r\n", BodyError::End),
            ("5\r\nhello\r\n", BodyError::Cut),
            ("50\r\nhello\r\n", BodyError::Cut),
            ("0\r\nno field\r\n\r\n", BodyError::Trailer),
            ("0\r\n : x\r\n\r\n", BodyError::Trailer),
        ] {
            for step in [1, 100] {
                let got = through(bad.as_bytes(), Body::Chunked, Coding::Chunked, step);
                assert_eq!(got, Err(error), "{bad:?} {step}");
            }
        }
        for endless in [
            format!("5;{}", "a".repeat(MAX_LINE)),
            "1;abcdefgh\r\nx\r\n".repeat(3_000),
            format!("0\r\n{}", "X: 1\r\n".repeat(3_000)),
        ] {
            assert_eq!(through(endless.as_bytes(), Body::Chunked, Coding::Plain, 64), Err(BodyError::Extra));
        }
    }

    #[test]
    fn without_a_buffer_it_is_empty() {
        let mut pipe = Pipe::default();
        pipe.lend(vec![0; 4096]);
        pipe.feed(b"x", 4096);
        assert!(pipe.take_buffer().is_none(), "something is in it");
        pipe.consume(1);
        assert_eq!(pipe.take_buffer().map(|buffer| buffer.len()), Some(4096));
        assert!(pipe.ready().is_empty() && pipe.raw().is_empty() && !pipe.has_buffer());
        pipe.consume(1);
        pipe.written(1);
        assert_eq!(pipe.pass(&mut Decoder::new(Body::Length(1)), Coding::Plain), Ok(0));
        assert_eq!(pipe.pass_all(), 0);
    }

    #[test]
    fn a_full_buffer_takes_no_more() {
        let mut pipe = Pipe::default();
        assert_eq!(pipe.feed(&[b'x'; 100_000], 64 * 1024), 64 * 1024 - LEAD - TAIL);
        assert!(!pipe.has_space(64 * 1024) && pipe.space(64 * 1024).is_empty());
        pipe.consume(10_000);
        assert!(pipe.has_space(64 * 1024));
        assert_eq!(pipe.feed(&[b'y'; 100_000], 64 * 1024), 10_000);
        assert_eq!(pipe.raw().len(), 64 * 1024 - LEAD - TAIL);
    }
}
