//! What the fields of a head mean for the connection: where the body ends, whether the connection goes on.
//!
//! What must stay true: both neighbours agree on where a message ends, or it is refused. So there is one length
//! or `chunked`, never both, never twice; a field that Connection names ends at this hop, unless its loss would
//! change the framing.

use super::head::{AnswerHead, Field, RequestHead, host};

/// Names that Connection may list; each costs a comparison with every field.
pub const MAX_OPTIONS: usize = 16;

/// Where a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// There is none, and no length was said.
    None,
    /// After so many bytes.
    Length(u64),
    /// With the last chunk.
    Chunked,
    /// With the connection; answers only.
    ToClose,
}

/// Why a message's end or its host cannot be told. A request's is answered, and the connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// 400.
    #[error("Content-Length is not one number")]
    Length,
    /// 400.
    #[error("it has Content-Length and Transfer-Encoding")]
    Both,
    /// 501.
    #[error("it has a transfer coding other than chunked")]
    Coding,
    /// 400.
    #[error("HTTP/1.0 has no transfer codings")]
    OldCoding,
    /// 400.
    #[error("the Host header is missing, or there are several")]
    Host,
    /// 400.
    #[error("the Host header is not a host name with an optional port")]
    HostName,
    /// 400.
    #[error("the Connection header names more than {MAX_OPTIONS} options")]
    Options,
}

/// A field's part in the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// `Connection`
    Connection,
    /// `Content-Length`
    ContentLength,
    /// `Transfer-Encoding`
    TransferEncoding,
    /// `Host`
    Host,
    /// `Expect`
    Expect,
    /// `Upgrade`
    Upgrade,
    /// `TE`
    Te,
    /// Another field of one hop.
    Hop,
    /// All others.
    Other,
}

impl Known {
    /// By a name in any case.
    pub fn of(name: &str) -> Self {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        match name.len() {
            2 if is("te") => Self::Te,
            4 if is("host") => Self::Host,
            6 if is("expect") => Self::Expect,
            7 if is("upgrade") => Self::Upgrade,
            7 if is("trailer") => Self::Hop,
            10 if is("connection") => Self::Connection,
            10 if is("keep-alive") => Self::Hop,
            14 if is("content-length") => Self::ContentLength,
            14 if is("http2-settings") => Self::Hop,
            16 if is("proxy-connection") => Self::Hop,
            17 if is("transfer-encoding") => Self::TransferEncoding,
            18 if is("proxy-authenticate") => Self::Hop,
            19 if is("proxy-authorization") => Self::Hop,
            _ => Self::Other,
        }
    }
}

/// The options of all Connection fields.
#[derive(Debug, Default, Clone, Copy)]
pub struct Options<'b> {
    names: [&'b [u8]; MAX_OPTIONS],
    len: usize,
    /// `close`
    pub close: bool,
    /// `keep-alive`
    pub keep_alive: bool,
    /// `upgrade`
    pub upgrade: bool,
}

impl<'b> Options<'b> {
    fn read(&mut self, value: &'b [u8]) -> Result<(), FramingError> {
        for name in value.split(|&b| b == b',').map(<[u8]>::trim_ascii).filter(|name| !name.is_empty()) {
            if name.eq_ignore_ascii_case(b"close") {
                self.close = true;
            } else if name.eq_ignore_ascii_case(b"keep-alive") {
                self.keep_alive = true;
            } else if name.eq_ignore_ascii_case(b"upgrade") {
                self.upgrade = true;
            } else {
                *self.names.get_mut(self.len).ok_or(FramingError::Options)? = name;
                self.len += 1;
            }
        }
        Ok(())
    }

    /// The trailers of a message with these options: Connection may name trailers as well, and they come when it is
    /// forgotten. So where it names anything, none are passed on.
    pub(super) fn trailers(&self, passed: fn(&str) -> bool) -> fn(&str) -> bool {
        let named = self.names[..self.len].iter().any(|name| !name.eq_ignore_ascii_case(b"te"));
        if named { |_| false } else { passed }
    }

    /// Whether a field ends at this hop because Connection names it.
    pub fn name(&self, field: &str) -> bool {
        self.names[..self.len].iter().any(|name| name.eq_ignore_ascii_case(field.as_bytes()))
    }
}

/// What a request's head means for the connection.
#[derive(Debug, Clone, Copy)]
pub struct RequestMeaning<'b> {
    /// The Host field; empty where HTTP/1.0 has none.
    pub host: &'b str,
    /// Where its body ends.
    pub body: Body,
    /// Whether another request may follow on the connection.
    pub keeps: bool,
    /// `Expect: 100-continue`, for a body that is to come.
    pub expects: bool,
    /// The protocol that it wants to change to, without HTTP itself: a tunnel of HTTP/2 would carry requests
    /// without a decision.
    pub upgrade: Option<&'b [u8]>,
    /// `TE: trailers`: the client reads trailers. It counts only where Connection names it.
    pub trailers: bool,
    /// What Connection says.
    pub options: Options<'b>,
}

/// Reads all fields once.
///
/// # Errors
/// The first contradiction.
pub fn request<'b>(head: &RequestHead<'_, 'b>) -> Result<RequestMeaning<'b>, FramingError> {
    let mut read = Fields::default();
    let (mut named, mut expects, mut upgrade, mut trailers) = (None, false, None, false);
    for field in head.fields {
        match Known::of(field.name) {
            Known::Other | Known::Hop => {}
            Known::Host if named.is_some() => return Err(FramingError::Host),
            Known::Host => named = Some(field.value),
            Known::Te => {
                trailers |=
                    field.value.split(|&b| b == b',').any(|one| one.trim_ascii().eq_ignore_ascii_case(b"trailers"));
            }
            Known::Expect => expects |= field.value.eq_ignore_ascii_case(b"100-continue"),
            Known::Upgrade if upgrade.is_none() => upgrade = Some(field.value),
            Known::Upgrade => upgrade = Some(&b""[..]),
            known => read.framing(known, field)?,
        }
    }
    let host = match named {
        Some(value) => host(value).ok_or(FramingError::HostName)?,
        None if head.minor == 0 => "",
        None => return Err(FramingError::Host),
    };
    let body = match read.body()? {
        Some(_) if head.minor == 0 && read.coding.is_some() => return Err(FramingError::OldCoding),
        Some(body) => body,
        None => Body::None,
    };
    let bodied = !matches!(body, Body::None | Body::Length(0));
    let options = read.options;
    let keeps = !options.close && (head.minor == 1 || options.keep_alive);
    let upgrade = upgrade.filter(|protocol| head.minor == 1 && options.upgrade && is_tunnel(protocol));
    let expects = expects && bodied && head.minor == 1;
    let trailers = trailers && head.minor == 1 && options.name("te");
    Ok(RequestMeaning { host, body, keeps, expects, upgrade, trailers, options })
}

/// Whether a protocol's bytes may pass unread. `h2c` and other versions of HTTP may not.
fn is_tunnel(protocol: &[u8]) -> bool {
    let http = |name: &[u8]| {
        name.eq_ignore_ascii_case(b"h2c") || name.eq_ignore_ascii_case(b"h2") || name.eq_ignore_ascii_case(b"http")
    };
    let names =
        || protocol.split(|&b| b == b',').map(|one| one.split(|&b| b == b'/').next().unwrap_or(one).trim_ascii());
    !protocol.is_empty() && names().all(|name| !name.is_empty() && !http(name))
}

/// What an answer's head means for the connection.
#[derive(Debug, Clone, Copy)]
pub struct AnswerMeaning<'b> {
    /// Where its body ends; for HEAD, 204 and 304 there is none.
    pub body: Body,
    /// The length that it says, also where it has no body.
    pub length: Option<u64>,
    /// Whether another request may follow on the connection.
    pub keeps: bool,
    /// The protocol that it changes to.
    pub upgrade: Option<&'b [u8]>,
    /// What Connection says.
    pub options: Options<'b>,
}

/// Reads all fields once. `asked_head`: the request's method was HEAD.
///
/// # Errors
/// The first contradiction.
pub fn answer<'b>(head: &AnswerHead<'_, 'b>, asked_head: bool) -> Result<AnswerMeaning<'b>, FramingError> {
    let mut read = Fields::default();
    let mut upgrade = None;
    for field in head.fields {
        match Known::of(field.name) {
            Known::Other | Known::Hop | Known::Te | Known::Host | Known::Expect => {}
            Known::Upgrade => upgrade = Some(field.value),
            known => read.framing(known, field)?,
        }
    }
    let said = read.body()?;
    let bodiless = asked_head || matches!(head.status, 100..=199 | 204 | 304);
    let body = match said {
        _ if bodiless => Body::None,
        Some(body) => body,
        None => Body::ToClose,
    };
    let length = if let Some(Body::Length(length)) = said { Some(length) } else { None };
    let options = read.options;
    let keeps = body != Body::ToClose && !options.close && (head.minor == 1 || options.keep_alive);
    Ok(AnswerMeaning { body, length, keeps, upgrade: upgrade.filter(|_| options.upgrade), options })
}

/// The fields that frame, as far as they were read.
#[derive(Default)]
struct Fields<'b> {
    options: Options<'b>,
    length: Option<u64>,
    coding: Option<()>,
}

impl<'b> Fields<'b> {
    fn framing(&mut self, known: Known, field: &Field<'b>) -> Result<(), FramingError> {
        match known {
            Known::Connection => self.options.read(field.value),
            Known::ContentLength if self.length.is_some() => Err(FramingError::Length),
            Known::ContentLength => {
                self.length = Some(number(field.value).ok_or(FramingError::Length)?);
                Ok(())
            }
            Known::TransferEncoding if self.coding.is_none() && field.value.eq_ignore_ascii_case(b"chunked") => {
                self.coding = Some(());
                Ok(())
            }
            Known::TransferEncoding => Err(FramingError::Coding),
            _ => Ok(()),
        }
    }

    fn body(&self) -> Result<Option<Body>, FramingError> {
        match (self.length, self.coding) {
            (Some(_), Some(())) => Err(FramingError::Both),
            (Some(length), None) => Ok(Some(Body::Length(length))),
            (None, Some(())) => Ok(Some(Body::Chunked)),
            (None, None) => Ok(None),
        }
    }
}

/// Digits and nothing else (RFC 9110, section 8.6).
fn number(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0_u64, |sum, &digit| {
        digit.is_ascii_digit().then_some(())?;
        sum.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::http1::head::{self, Slots};

    fn of(text: &str) -> Result<(Body, bool, bool, bool), FramingError> {
        let text = format!("{text}\r\n");
        let mut slots = Slots::default();
        let head = head::request(text.as_bytes(), &mut slots, "/long/").unwrap().unwrap();
        request(&head).map(|m| (m.body, m.keeps, m.expects, m.upgrade.is_some()))
    }

    #[test]
    fn requests() {
        let with = |fields: &str| of(&format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}"));
        assert_eq!(with(""), Ok((Body::None, true, false, false)));
        assert_eq!(with("Content-Length: 005\r\n"), Ok((Body::Length(5), true, false, false)));
        assert_eq!(with("Transfer-Encoding: CHUNKED\r\n"), Ok((Body::Chunked, true, false, false)));
        assert_eq!(with("Connection: a, close\r\n"), Ok((Body::None, false, false, false)));
        assert_eq!(with("Expect: 100-Continue\r\nContent-Length: 1\r\n"), Ok((Body::Length(1), true, true, false)));
        assert_eq!(with("Expect: 100-continue\r\nContent-Length: 0\r\n"), Ok((Body::Length(0), true, false, false)));
        assert_eq!(with("Connection: x, Upgrade\r\nUpgrade: foo/2, bar\r\n"), Ok((Body::None, true, false, true)));
        for none in [
            "Upgrade: foo\r\n",
            "Connection: upgrade\r\nUpgrade: h2c\r\n",
            "Connection: upgrade\r\nUpgrade: x, HTTP/2.0\r\n",
            "Connection: upgrade\r\nUpgrade: \r\n",
        ] {
            assert_eq!(with(none), Ok((Body::None, true, false, false)), "{none}");
        }
        for (fields, error) in [
            ("Content-Length: 5\r\nContent-Length: 5\r\n", FramingError::Length),
            ("Content-Length: 5, 5\r\n", FramingError::Length),
            ("Content-Length: +5\r\n", FramingError::Length),
            ("Content-Length: \r\n", FramingError::Length),
            ("Content-Length: 18446744073709551616\r\n", FramingError::Length),
            ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", FramingError::Both),
            ("Transfer-Encoding: gzip, chunked\r\n", FramingError::Coding),
            ("Transfer-Encoding: \r\n", FramingError::Coding),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", FramingError::Coding),
            ("Host: a\r\n", FramingError::Host),
            ("Connection: a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q\r\n", FramingError::Options),
        ] {
            assert_eq!(with(fields), Err(error), "{fields}");
        }
        assert_eq!(of("GET / HTTP/1.1\r\n"), Err(FramingError::Host));
        assert_eq!(of("GET / HTTP/1.1\r\nHost: a/b\r\n"), Err(FramingError::HostName));
        assert_eq!(of("GET / HTTP/1.0\r\n"), Ok((Body::None, false, false, false)));
        assert_eq!(of("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n"), Ok((Body::None, true, false, false)));
        assert_eq!(of("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n"), Err(FramingError::OldCoding));
    }

    #[test]
    fn answers() {
        let with = |line: &str, head_request: bool| {
            let text = format!("HTTP/1.1 {line}\r\n\r\n");
            let mut slots = Slots::default();
            let head = head::answer(text.as_bytes(), &mut slots).unwrap().unwrap();
            answer(&head, head_request).map(|m| (m.body, m.length, m.keeps))
        };
        assert_eq!(with("200 OK\r\nContent-Length: 5", false), Ok((Body::Length(5), Some(5), true)));
        assert_eq!(with("200 OK\r\nContent-Length: 5", true), Ok((Body::None, Some(5), true)));
        assert_eq!(with("304 X\r\nContent-Length: 5", false), Ok((Body::None, Some(5), true)));
        assert_eq!(with("200 OK", false), Ok((Body::ToClose, None, false)));
        assert_eq!(
            with("200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close", false),
            Ok((Body::Chunked, None, false))
        );
        assert_eq!(with("200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked", false), Err(FramingError::Both));
        assert_eq!(with("200 OK\r\nTransfer-Encoding: gzip, chunked", false), Err(FramingError::Coding));
    }
}
