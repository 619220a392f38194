//! The pieces of a body: where its data, its chunk lines, its trailers and its end are.
//!
//! [`Decoder`] is the only place where a chunk size is read; it reads requests and answers alike.
//!
//! What must stay true: the end of a body is found at the same byte however the bytes were split; lines that are no
//! data are bounded, each and together; what other readers may take for another size is refused.

use super::framing::Body;

/// The longest line of a chunk size, with its extensions, in bytes.
pub(super) const MAX_LINE: usize = 2 * 1024;
/// All extensions and trailers of one body together, in bytes.
const MAX_EXTRA: usize = 16 * 1024;

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
    /// By their names, the trailers that are passed on.
    trailers: fn(&str) -> bool,
}

/// What comes next.
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
pub(super) enum Piece {
    /// Of the body itself.
    Data(usize),
    /// The line before a chunk of `size` bytes; 0 is the last.
    Line { len: usize, size: u64 },
    /// The line end behind a chunk.
    DataEnd,
    /// A line of the trailers, and whether it is passed on.
    Trailer { len: usize, travels: bool },
    /// The empty line at the very end.
    Last,
    /// There is not enough for another piece.
    More,
    /// The body is over.
    Over,
}

impl Decoder {
    /// At the first byte of a body. Its trailers are dropped.
    pub fn new(body: Body) -> Self {
        Self::keeping(body, |_| false)
    }

    /// At the first byte of a body. The trailers with these names are passed on where it is chunked again.
    pub fn keeping(body: Body, trailers: fn(&str) -> bool) -> Self {
        let state = match body {
            Body::None | Body::Length(0) => State::Done,
            Body::Length(length) => State::Length(length),
            Body::Chunked => State::Size,
            Body::ToClose => State::ToClose,
        };
        Self { state, extra: MAX_EXTRA, trailers }
    }

    /// Whether its last byte has been found.
    pub fn is_over(&self) -> bool {
        self.state == State::Done
    }

    pub(super) fn next(&mut self, input: &[u8]) -> Result<Piece, BodyError> {
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
                let colon = input[..len].iter().position(|&b| b == b':').ok_or(BodyError::Trailer)?;
                let token = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
                let name = std::str::from_utf8(&input[..colon]).ok();
                let name = name.filter(|name| !name.is_empty() && name.bytes().all(|b| token(&b)));
                let travels = (self.trailers)(name.ok_or(BodyError::Trailer)?);
                Ok(Piece::Trailer { len, travels })
            }
        }
    }

    /// Whether only the end of its connection ends it.
    pub(super) fn runs_to_close(&self) -> bool {
        self.state == State::ToClose
    }

    /// Its connection has ended. Returns whether the body has ended with it, and not before.
    pub(super) fn close(&mut self) -> Result<bool, BodyError> {
        match self.state {
            State::Done => Ok(false),
            State::ToClose => {
                self.state = State::Done;
                Ok(true)
            }
            _ => Err(BodyError::Cut),
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
