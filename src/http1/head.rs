//! The head of a request or an answer, borrowed from the buffer that it arrived in.
//!
//! What must stay true: a head is read whole or not at all; its size, its target and the number of its fields
//! are bounded; the work is linear in the bytes, however they arrive ([`Search`]).

use std::mem::MaybeUninit;

pub use httparse::Header as Field;
use httparse::{Error, ParserConfig, Status};

/// The longest head of a request, in bytes.
pub const MAX_HEAD: usize = 32 * 1024;
/// The longest request target, in bytes.
pub const MAX_TARGET: usize = 8 * 1024;
/// The fields that a request may have.
pub const MAX_FIELDS: usize = 100;
/// The longest head of an answer, in bytes.
pub const MAX_ANSWER_HEAD: usize = 64 * 1024;
/// The fields that an answer may have.
pub const MAX_ANSWER_FIELDS: usize = 256;
/// What a request line has beside its target: the longest method and the version.
const LINE_ROOM: usize = 256;

/// Why a head cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// 400.
    #[error("the first line or a header field is malformed ({0})")]
    Malformed(Error),
    /// 414.
    #[error("the request target is longer than {MAX_TARGET} bytes")]
    Target,
    /// 431.
    #[error("the head is longer than {limit} bytes")]
    Size {
        /// Bytes.
        limit: usize,
    },
    /// 431.
    #[error("the head has more than {limit} header fields")]
    Fields {
        /// Fields.
        limit: usize,
    },
}

impl HeadError {
    fn of(error: Error, limit: usize) -> Self {
        match error {
            Error::TooManyHeaders => Self::Fields { limit },
            other => Self::Malformed(other),
        }
    }
}

/// Places for the fields of a head. Not initialized, so it costs nothing but stack.
pub struct Slots<'b, const N: usize>([MaybeUninit<Field<'b>>; N]);

impl<const N: usize> Default for Slots<'_, N> {
    fn default() -> Self {
        Self([const { MaybeUninit::uninit() }; N])
    }
}

/// The head of a request.
#[derive(Debug, Clone, Copy)]
pub struct RequestHead<'h, 'b> {
    /// A token; letters keep their case.
    pub method: &'b str,
    /// As it was sent.
    pub target: &'b str,
    /// 0 or 1: the version is HTTP/1.x.
    pub minor: u8,
    /// In order; values without the white space around them.
    pub fields: &'h [Field<'b>],
    /// Bytes up to and including the empty line.
    pub len: usize,
}

/// The head of an answer.
#[derive(Debug, Clone, Copy)]
pub struct AnswerHead<'h, 'b> {
    /// 0 or 1: the version is HTTP/1.x.
    pub minor: u8,
    /// 100 to 999.
    pub status: u16,
    /// Often empty.
    pub reason: &'b str,
    /// In order; values without the white space around them.
    pub fields: &'h [Field<'b>],
    /// Bytes up to and including the empty line.
    pub len: usize,
}

/// Reads the head of a request. `None`: more bytes are needed. Targets that begin with `unlimited` may be as long as
/// a head.
///
/// # Errors
/// When no further bytes can make it a head, or it is beyond the limits.
pub fn request<'h, 'b>(
    bytes: &'b [u8],
    slots: &'h mut Slots<'b, MAX_FIELDS>,
    unlimited: &str,
) -> Result<Option<RequestHead<'h, 'b>>, HeadError> {
    let mut parsed = httparse::Request::new(&mut []);
    match parsed.parse_with_uninit_headers(bytes, &mut slots.0) {
        Ok(Status::Complete(len)) => {
            let (Some(method), Some(target), Some(minor)) = (parsed.method, parsed.path, parsed.version) else {
                return Err(HeadError::Malformed(Error::Token));
            };
            if target.len() > MAX_TARGET && !target.starts_with(unlimited) {
                return Err(HeadError::Target);
            }
            if len > MAX_HEAD {
                return Err(HeadError::Size { limit: MAX_HEAD });
            }
            Ok(Some(RequestHead { method, target, minor, fields: parsed.headers, len }))
        }
        Ok(Status::Partial) => {
            let line = &bytes[..bytes.len().min(MAX_TARGET + LINE_ROOM)];
            let line = line.trim_ascii_start();
            if bytes.len() >= MAX_TARGET + LINE_ROOM && !line.contains(&b'\n') {
                let target = line.split(|&b| b == b' ').nth(1).unwrap_or_default();
                if !target.starts_with(unlimited.as_bytes()) {
                    return Err(HeadError::Target);
                }
            }
            if bytes.len() >= MAX_HEAD {
                return Err(HeadError::Size { limit: MAX_HEAD });
            }
            Ok(None)
        }
        Err(error) => Err(HeadError::of(error, MAX_FIELDS)),
    }
}

/// Reads the head of an answer. `None`: more bytes are needed.
///
/// # Errors
/// When no further bytes can make it a head, or it is beyond the limits.
pub fn answer<'h, 'b>(
    bytes: &'b [u8],
    slots: &'h mut Slots<'b, MAX_ANSWER_FIELDS>,
) -> Result<Option<AnswerHead<'h, 'b>>, HeadError> {
    let mut parsed = httparse::Response::new(&mut []);
    let config = ParserConfig::default();
    match config.parse_response_with_uninit_headers(&mut parsed, bytes, &mut slots.0) {
        Ok(Status::Complete(len)) => {
            let (Some(minor), Some(status @ 100..)) = (parsed.version, parsed.code) else {
                return Err(HeadError::Malformed(Error::Status));
            };
            if len > MAX_ANSWER_HEAD {
                return Err(HeadError::Size { limit: MAX_ANSWER_HEAD });
            }
            let reason = parsed.reason.unwrap_or_default();
            Ok(Some(AnswerHead { minor, status, reason, fields: parsed.headers, len }))
        }
        Ok(Status::Partial) if bytes.len() >= MAX_ANSWER_HEAD => Err(HeadError::Size { limit: MAX_ANSWER_HEAD }),
        Ok(Status::Partial) => Ok(None),
        Err(error) => Err(HeadError::of(error, MAX_ANSWER_FIELDS)),
    }
}

/// Says when a head that arrives in pieces is worth reading again: when its end may have come, or when twice as
/// much is there as at the last try. So a head that comes byte by byte costs no more than twice one that comes
/// whole, and garbage is still noticed early.
#[derive(Debug, Default, Clone, Copy)]
pub struct Search {
    looked: usize,
    tried: usize,
}

impl Search {
    /// Whether to try. `bytes` are all that have come of this head.
    pub fn is_worthwhile(&mut self, bytes: &[u8]) -> bool {
        if self.tried == 0 {
            // Mostly a head comes whole, and needs no search.
            (self.looked, self.tried) = (bytes.len(), bytes.len());
            return !bytes.is_empty();
        }
        let new = &bytes[self.looked.min(bytes.len())..];
        // An empty line ends a head; its first line feed may have been seen before.
        let ended = new.iter().enumerate().any(|(at, &byte)| {
            byte == b'\n' && {
                let at = self.looked + at;
                let before = &bytes[..at];
                before.ends_with(b"\n") || before.ends_with(b"\n\r")
            }
        });
        self.looked = bytes.len();
        let due = ended || bytes.len() >= 2 * self.tried || bytes.len() >= MAX_HEAD;
        if due {
            self.tried = bytes.len();
        }
        due
    }
}

/// What a request asks for, in the forms that a server has to understand (RFC 9112, section 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'b> {
    /// Of the absolute form, which counts instead of Host.
    pub authority: Option<&'b str>,
    /// Begins with a slash, or is empty in an absolute form without a path.
    pub path: &'b str,
    /// What follows the first question mark, if there is one.
    pub query: Option<&'b str>,
    /// Path and query, as they were sent.
    pub origin: &'b str,
}

/// A target that a server does not understand; the client's fault (400).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request target must be a path that begins with /")]
pub struct TargetError;

impl<'b> Target<'b> {
    /// # Errors
    /// For the asterisk and the authority form, other schemes than http and https, and everything else.
    pub fn parse(text: &'b str) -> Result<Self, TargetError> {
        if text.starts_with('/') {
            return Ok(Self::split(None, text));
        }
        let (scheme, rest) = text.split_once("://").ok_or(TargetError)?;
        if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
            return Err(TargetError);
        }
        let (authority, origin) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        // A fragment is no part of a target, and behind an authority it would take the place of the path.
        if authority.is_empty() || origin.starts_with('#') {
            return Err(TargetError);
        }
        Ok(Self::split(Some(authority), origin))
    }

    /// The same with an end of its path instead of the path; an empty one is the root.
    #[must_use]
    pub fn with_path(self, end: &'b str) -> Self {
        let from = self.path.len().saturating_sub(end.len());
        Self { path: &self.path[from..], origin: &self.origin[from..], ..self }
    }

    fn split(authority: Option<&'b str>, origin: &'b str) -> Self {
        let (path, query) = origin.split_once('?').map_or((origin, None), |(path, query)| (path, Some(query)));
        Self { authority, path, query, origin }
    }
}

/// A host with an optional port (RFC 9110, section 7.2; RFC 3986, section 3.2.2); empty is allowed. No user.
pub fn host(value: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(value).ok()?;
    let (name, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            if address.is_empty() || !address.bytes().all(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.')) {
                return None;
            }
            ("", port)
        }
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let named = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'%');
    let digits = port.strip_prefix(':').unwrap_or(port);
    let ported = port.is_empty() || (digits.len() < port.len() && digits.bytes().all(|b| b.is_ascii_digit()));
    (name.bytes().all(named) && ported && !(text.starts_with(':'))).then_some(text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_whole_or_not_there() {
        let text = b"\r\nGET /x?y HTTP/1.1\r\nHost: a\r\nX-A: \t 1 2 \t\r\n\r\nrest";
        for end in 1..text.len() {
            let mut slots = Slots::default();
            let head = request(&text[..end], &mut slots, "/long/").unwrap();
            assert_eq!(head.is_some(), end >= text.len() - 4, "{end}");
            if let Some(head) = head {
                assert_eq!((head.method, head.target, head.minor), ("GET", "/x?y", 1));
                assert_eq!(head.fields[1].value, b"1 2");
                assert_eq!(head.len, text.len() - 4);
            }
        }
    }

    #[test]
    fn bounds() {
        let of = |text: String| request(text.as_bytes(), &mut Slots::default(), "/long/").map(|head| head.is_some());
        let fits = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(MAX_TARGET - 1));
        assert_eq!(of(fits), Ok(true));
        assert_eq!(of(format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(MAX_TARGET))), Err(HeadError::Target));
        assert_eq!(of(format!("GET /{}", "a".repeat(MAX_TARGET + LINE_ROOM))), Err(HeadError::Target));
        let long = format!("GET /long/{} HTTP/1.1\r\n\r\n", "a".repeat(2 * MAX_TARGET));
        assert_eq!(of(long[..MAX_TARGET + LINE_ROOM].to_owned()), Ok(false));
        assert_eq!(of(long), Ok(true), "but for those that may be long");
        let large = format!("GET / HTTP/1.1\r\nX: {}", "a".repeat(MAX_HEAD));
        assert_eq!(of(large), Err(HeadError::Size { limit: MAX_HEAD }));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "X: 1\r\n".repeat(MAX_FIELDS + 1));
        assert_eq!(of(many), Err(HeadError::Fields { limit: MAX_FIELDS }));
    }

    #[test]
    fn garbage_is_refused_early() {
        for bad in ["\x16\x03\x01", " GET", "GET  /", "GET /a\0b", "GET / HTTP/2.0\r", "G{T / ", "GET /\r\n"] {
            assert!(request(bad.as_bytes(), &mut Slots::default(), "/long/").is_err(), "{bad:?}");
        }
        for bad in ["X A: 1", ": 1", " folded", "X-A : 1", "X: a\rb", "X: \0", "garbage"] {
            let text = format!("GET / HTTP/1.1\r\n{bad}\r\n\r\n");
            assert!(request(text.as_bytes(), &mut Slots::default(), "/long/").is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_head_byte_by_byte_is_seldom_tried() {
        let text = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "a".repeat(20_000));
        let (mut search, mut tries) = (Search::default(), 0);
        for end in 1..=text.len() {
            tries += usize::from(search.is_worthwhile(&text.as_bytes()[..end]));
        }
        assert!(tries < 20, "{tries}");
        assert_eq!(search.tried, text.len(), "its end is noticed at once");
    }

    #[test]
    fn answers() {
        let of = |text: &str| answer(text.as_bytes(), &mut Slots::default()).map(|head| head.map(|head| head.status));
        assert_eq!(of("HTTP/1.1 200 \r\n\r\n"), Ok(Some(200)));
        assert_eq!(of("HTTP/1.0 299 Odd\r\nA: b\r\n\r\n"), Ok(Some(299)));
        assert_eq!(of("HTTP/1.1 200 OK\r\nA: b\r\n"), Ok(None));
        for bad in
            ["HTTP/1.1 OK", "HTTP/1.1 99 X", "HTTP/1.1 099 X\r\n\r\n", "HTTP/1.1 2000 OK", "HTTQ", "HTTP/2.0 200 OK"]
        {
            assert!(of(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn targets_and_hosts() {
        let of = |text| Target::parse(text).map(|t| (t.authority, t.path, t.query, t.origin));
        assert_eq!(of("/a?b?c"), Ok((None, "/a", Some("b?c"), "/a?b?c")));
        assert_eq!(of("HTTP://a:1/x%2f"), Ok((Some("a:1"), "/x%2f", None, "/x%2f")));
        assert_eq!(of("http://a?x"), Ok((Some("a"), "", Some("x"), "?x")));
        for bad in ["*", "a:80", "x", "?x", "ftp://a/", "http:///x", "http://a#/x", ""] {
            assert_eq!(of(bad), Err(TargetError), "{bad}");
        }
        for good in ["", "a", "a.b:80", "a:", "[::1]", "[2001:db8::1]:80"] {
            assert_eq!(host(good.as_bytes()), Some(good));
        }
        for bad in ["a b", "a/b", "u@a", "a:b", ":80", "[::1", "[::1]x", "[]", "a:1:2", "a\u{e9}"] {
            assert_eq!(host(bad.as_bytes()), None, "{bad}");
        }
    }
}
