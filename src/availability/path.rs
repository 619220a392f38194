//! The path of a request, brought into one form before anything is decided on it.
//!
//! What must stay true: **what was decided on is what the upstream sees.** The gate forwards
//! [`Path::literal`], never the text that the client sent, and decides on every way in which an
//! upstream may read that text ([`Path::readings`]). So `//mail`, `/%6dail`, `/chat/../mail`,
//! `/x;y/../mail` or `/shop%2Fcart` cannot slip past a closed application.
//!
//! There are two readings. The *literal* one is RFC 3986, section 6.2.2: unreserved characters
//! decoded, escapes in upper case, everything that is no path character escaped, doubled slashes
//! collapsed, dot segments resolved; letters keep their case. Some servers read more into a path:
//! they take `%2F`, `\` and `%5C` as slashes, cut `;parameters` off segments, and do not tell
//! `%40` from `@`. That is the *strict* reading. Mostly both are the same text and nothing is
//! allocated. Where they differ, the strict one chooses the route (prefixes are kept in strict
//! form, so its match is never less specific) and both must be open. A path whose strict reading
//! has dot segments left is refused: no honest client sends one, and no two servers agree on it.
//!
//! Knows nothing of routes, applications or HTTP types.

use std::borrow::Cow;

/// Why a path cannot be decided on; each is the client's fault (400).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The target is `*`, an authority (CONNECT), or relative.
    #[error("the request target must be a path that begins with /")]
    Form,
    /// `%` without two hexadecimal digits after it.
    #[error("the path has a percent sign without two hexadecimal digits")]
    Escape,
    /// NUL, written out or as `%00`; it ends strings in some upstreams.
    #[error("the path has a NUL character")]
    Nul,
    /// A raw control character, space, `?` or `#`.
    #[error("the path has a character that must be escaped")]
    Character,
    /// `..` behind an encoded slash, a backslash, a wildcard, or before a parameter.
    #[error("the path has dot segments beside encoded slashes, parameters or wildcards")]
    Ambiguous,
}

/// A path in its one form, with every reading that an upstream may give it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path<'a> {
    literal: Cow<'a, str>,
    /// Only where it differs from the literal reading.
    strict: Option<String>,
}

impl<'a> Path<'a> {
    /// Reads the path of a request target, without its query. The empty path of an absolute
    /// target (`http://host`) is `/`.
    pub fn parse(raw: &'a str) -> Result<Self, PathError> {
        let literal = normalize(raw)?;
        let strict = strict_reading(&literal)?;
        Ok(Self { literal, strict })
    }

    /// What is forwarded, shown and matched by criteria: normalized, encoded slashes kept.
    pub fn literal(&self) -> &str {
        &self.literal
    }

    /// What chooses the route.
    pub fn strict(&self) -> &str {
        self.strict.as_deref().unwrap_or(&self.literal)
    }

    /// Both readings, or one where they are the same. A request is let through only if it is
    /// open under each.
    pub fn readings(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&*self.literal).chain(self.strict.as_deref())
    }

    /// Whether upstreams may read this path in two ways.
    pub fn is_ambiguous(&self) -> bool {
        self.strict.is_some()
    }
}

/// The literal reading of `raw`; borrowed when it is in that form already. Idempotent.
pub fn normalize(raw: &str) -> Result<Cow<'_, str>, PathError> {
    let bytes = raw.as_bytes();
    match bytes.first() {
        None => return Ok(Cow::Borrowed("/")),
        Some(b'/') => {}
        Some(_) => return Err(PathError::Form),
    }
    // One look at each byte settles nearly every request: nothing to decode, collapse or resolve.
    let mut after_slash = false;
    let plain = bytes.iter().all(|&b| {
        let suspicious = after_slash && (b == b'/' || b == b'.');
        after_slash = b == b'/';
        !suspicious && (b == b'/' || is_pchar(b))
    });
    if plain {
        return Ok(Cow::Borrowed(raw));
    }
    let built = rebuild(bytes)?;
    // `/.well-known/x` and `/a%20b` look suspicious and are in order.
    Ok(if built == raw { Cow::Borrowed(raw) } else { Cow::Owned(built) })
}

/// Builds the literal reading segment by segment; `raw` begins with a slash.
fn rebuild(raw: &[u8]) -> Result<String, PathError> {
    let mut builder = Builder::at_root();
    builder.literal(&raw[1..])?;
    builder.finish()
}

/// Builds a literal reading from its parts. For globs some parts are wildcards, which it takes as they
/// are: they can stand for anything, slashes included, so no `..` may take one of them away.
pub(super) struct Builder {
    out: String,
    /// Where the current segment begins in `out`.
    segment: usize,
    /// The end of the last wildcard in `out`.
    kept: usize,
}

impl Builder {
    /// Behind the slash that every path begins with.
    pub(super) fn at_root() -> Self {
        Self { out: "/".to_owned(), segment: 1, kept: 0 }
    }

    /// A wildcard comes first.
    pub(super) fn anywhere() -> Self {
        Self { out: String::new(), segment: 0, kept: 0 }
    }

    /// Adds this part of a path.
    pub(super) fn literal(&mut self, raw: &[u8]) -> Result<(), PathError> {
        let mut i = 0;
        while let Some(&byte) = raw.get(i) {
            match byte {
                b'/' => {
                    self.end_segment(true)?;
                    self.segment = self.out.len();
                }
                b'%' => {
                    match escaped(raw, i).ok_or(PathError::Escape)? {
                        0 => return Err(PathError::Nul),
                        b if is_unreserved(b) => self.out.push(char::from(b)),
                        b => push_escaped(&mut self.out, b),
                    }
                    i += 2;
                }
                0 => return Err(PathError::Nul),
                b if is_pchar(b) => self.out.push(char::from(b)),
                b'?' | b'#' | 0x7f | 0..=b' ' => return Err(PathError::Character),
                b => push_escaped(&mut self.out, b),
            }
            i += 1;
        }
        Ok(())
    }

    /// Adds a wildcard as it is written.
    pub(super) fn wildcard(&mut self, text: &str) {
        self.out.push_str(text);
        self.kept = self.out.len();
    }

    /// The whole.
    pub(super) fn finish(mut self) -> Result<String, PathError> {
        self.end_segment(false)?;
        Ok(self.out)
    }

    /// Ends the current segment: drops it if it is empty or `.`, and with its parent if it is `..`.
    /// Above the root is the root.
    fn end_segment(&mut self, slash: bool) -> Result<(), PathError> {
        match &self.out[self.segment..] {
            "" => {}
            "." => self.out.truncate(self.segment),
            ".." => {
                let parent = self.out[..self.segment.saturating_sub(1)].rfind('/').map_or(0, |slash| slash + 1);
                if parent < self.kept {
                    return Err(PathError::Ambiguous);
                }
                self.out.truncate(parent.max(1));
            }
            _ if slash => self.out.push('/'),
            _ => {}
        }
        Ok(())
    }
}

/// The strict reading of a literal one; `None` where they are the same.
fn strict_reading(literal: &str) -> Result<Option<String>, PathError> {
    let raw = literal.as_bytes();
    if !raw.iter().any(|b| matches!(b, b'%' | b';')) {
        return Ok(None);
    }
    let mut out = String::with_capacity(raw.len());
    out.push('/');
    let mut segment = 1;
    let mut in_parameter = false;
    let mut i = 1;
    while let Some(&b) = raw.get(i) {
        let (byte, width) = match b {
            b'%' => (escaped(raw, i).ok_or(PathError::Escape)?, 3),
            b => (b, 1),
        };
        match byte {
            b'/' | b'\\' => {
                end_strict(&mut out, segment, true)?;
                segment = out.len();
                in_parameter = false;
            }
            _ if in_parameter => {}
            // servers cut parameters before they decode: an escaped semicolon is only a letter
            b';' if width == 1 => in_parameter = true,
            b';' => push_escaped(&mut out, b';'),
            b if is_pchar(b) => out.push(char::from(b)),
            b => push_escaped(&mut out, b),
        }
        i += width;
    }
    end_strict(&mut out, segment, false)?;
    Ok((out != literal).then_some(out))
}

/// Ends a segment of the strict reading. The literal one has no dot segments any more, so those
/// found here come from the tricks that this reading is about.
fn end_strict(out: &mut String, start: usize, slash: bool) -> Result<(), PathError> {
    match &out[start..] {
        "." | ".." => return Err(PathError::Ambiguous),
        "" => {}
        _ if slash => out.push('/'),
        _ => {}
    }
    Ok(())
}

/// The byte that the escape at `raw[at]` stands for.
fn escaped(raw: &[u8], at: usize) -> Option<u8> {
    let digit = |i: usize| raw.get(i).and_then(|&b| char::from(b).to_digit(16));
    let value = digit(at + 1)? * 16 + digit(at + 2)?;
    u8::try_from(value).ok()
}

fn push_escaped(out: &mut String, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    out.push('%');
    out.push(char::from(HEX[usize::from(byte >> 4)]));
    out.push(char::from(HEX[usize::from(byte & 15)]));
}

/// RFC 3986, section 2.3.
fn is_unreserved(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~')
}

/// RFC 3986, section 3.3, without escapes.
fn is_pchar(b: u8) -> bool {
    is_unreserved(b)
        || matches!(b, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b':' | b'@')
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn both(raw: &str) -> (String, String) {
        let path = Path::parse(raw).unwrap();
        (path.literal().to_owned(), path.strict().to_owned())
    }

    #[test]
    fn every_spelling_of_mail_is_mail() {
        for raw in [
            "/mail",
            "//mail",
            "/%6dail",
            "/%6Dail",
            "/chat/../mail",
            "/./mail",
            "/x/%2e%2e/mail",
            "/x/.%2E/mail",
            "///mail",
            "/../../mail",
            "/a/b/../../mail",
            "/mail/x/..",
        ] {
            let (literal, strict) = both(raw);
            assert_eq!(literal.trim_end_matches('/'), "/mail", "{raw}");
            assert_eq!(strict, literal, "{raw}");
        }
        assert_eq!(both("/mail/./x").0, "/mail/x");
        assert_eq!(both("/mail/.").0, "/mail/");
        assert_eq!(both("").0, "/");
        assert_eq!(both("/..").0, "/");
        assert_eq!(both("/Mail").0, "/Mail", "case is kept");
    }

    #[test]
    fn other_readings_are_decided_on_too() {
        for (raw, literal, strict) in [
            ("/mail;x=1", "/mail;x=1", "/mail"),
            ("/;x/mail", "/;x/mail", "/mail"),
            ("/mail;x=1/inbox", "/mail;x=1/inbox", "/mail/inbox"),
            ("/shop%2fcart", "/shop%2Fcart", "/shop/cart"),
            ("/%2fmail", "/%2Fmail", "/mail"),
            ("/shop\\cart", "/shop%5Ccart", "/shop/cart"),
            ("/a%40b", "/a%40b", "/a@b"),
            ("/a%20b%25", "/a%20b%25", "/a%20b%25"),
            ("/caf\u{e9}", "/caf%C3%A9", "/caf%C3%A9"),
            ("/a%3Bb", "/a%3Bb", "/a%3Bb"),
        ] {
            assert_eq!(both(raw), (literal.to_owned(), strict.to_owned()), "{raw}");
        }
    }

    #[test]
    fn what_cannot_be_decided_is_refused() {
        for (raw, error) in [
            ("/mail%2f..%2fchat", PathError::Ambiguous),
            ("/mail/..%2fchat", PathError::Ambiguous),
            ("/mail\\..\\chat", PathError::Ambiguous),
            ("/x/..;/mail", PathError::Ambiguous),
            ("/x/%2e%2e;a=b/mail", PathError::Ambiguous),
            ("/a%2", PathError::Escape),
            ("/a%zz", PathError::Escape),
            ("/a%+1b", PathError::Escape),
            ("/a%00b", PathError::Nul),
            ("/a\0b", PathError::Nul),
            ("*", PathError::Form),
            ("mail", PathError::Form),
            ("/a b", PathError::Character),
            ("/a?b", PathError::Character),
        ] {
            assert_eq!(Path::parse(raw), Err(error), "{raw}");
        }
    }

    #[test]
    fn what_is_in_order_is_not_copied() {
        for raw in ["/", "/mail/", "/.well-known/x", "/a%20b", "/a/b..c/.d"] {
            assert!(matches!(normalize(raw), Ok(Cow::Borrowed(_))), "{raw}");
        }
    }

    proptest! {
        #[test]
        fn normal_is_normal(raw in "/([a-c./;%\\\\é]|%2[eEfF]|%5c|%6d|%25){0,12}") {
            if let Ok(path) = Path::parse(&raw) {
                prop_assert_eq!(&*normalize(path.literal()).unwrap(), path.literal());
                let again = Path::parse(path.literal()).unwrap();
                prop_assert_eq!(again.strict(), path.strict());
                for reading in path.readings() {
                    prop_assert!(reading.starts_with('/') && !reading.contains("//"));
                    prop_assert!(!reading.split('/').any(|s| s == "." || s == ".."));
                }
                prop_assert!(!path.strict().contains("%2F") && !path.strict().contains(';'));
            }
        }

        #[test]
        fn nothing_panics(raw in any::<String>()) {
            let _ = Path::parse(&raw);
        }
    }
}
