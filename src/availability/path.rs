//! The path of a request, in every reading that an upstream may give it.
//!
//! What must stay true: **the gate decides on every path that the upstream may read.** It forwards the path as
//! it was sent, and decides on every way in which an upstream may read it ([`Path::readings`]). So `//mail`,
//! `/%6dail`, `/chat/../mail`, `/x;y/../mail` or `/shop%2Fcart` cannot slip past a closed application.
//!
//! There are three readings. The *literal* one is RFC 3986, section 6.2.2: unreserved characters are decoded,
//! escapes are in upper case, every other character is escaped, doubled slashes are collapsed, dot segments are
//! resolved; letters keep their case. In the *unresolved* reading doubled slashes and dot segments stay, as
//! some servers leave them. The *strict* reading follows servers that interpret more: they treat `%2F`, `\` and
//! `%5C` as slashes, cut `;parameters` off segments, and do not distinguish `%40` from `@`. Usually all
//! readings are the same text and nothing is allocated. If they differ, the strict one chooses the route
//! (prefixes are kept in strict form, so its match is never less specific), and every reading must be open. A
//! path whose strict reading still has dot segments is refused: no legitimate client sends one, and no two
//! servers agree on it.
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

/// A path with every reading that an upstream may give it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path<'a> {
    literal: Cow<'a, str>,
    /// Only where it differs from the literal reading.
    unresolved: Option<String>,
    /// Only where it differs from the literal reading.
    strict: Option<String>,
}

impl<'a> Path<'a> {
    /// Reads the path of a request target, without its query. The empty path of an absolute
    /// target (`http://host`) is `/`. Bytes beyond ASCII are read as their escapes.
    pub fn parse(raw: &'a [u8]) -> Result<Self, PathError> {
        let literal = literal(raw)?;
        let unresolved = match &literal {
            Cow::Borrowed(_) => None,
            Cow::Owned(resolved) => Some(forgiving(raw)).filter(|kept| kept != resolved),
        };
        let strict = strict_reading(&literal)?;
        Ok(Self { literal, unresolved, strict })
    }

    /// What is shown and matched by criteria: normalized, encoded slashes kept.
    pub fn literal(&self) -> &str {
        &self.literal
    }

    /// What chooses the route.
    pub fn strict(&self) -> &str {
        self.strict.as_deref().unwrap_or(&self.literal)
    }

    /// Every reading, each once: mostly one. A request is let through only if it is open under each.
    pub fn readings(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&*self.literal).chain(self.others())
    }

    /// The readings that differ from the literal one.
    pub fn others(&self) -> impl Iterator<Item = &str> {
        self.strict.as_deref().into_iter().chain(self.unresolved.as_deref())
    }
}

/// How a path that [`Path::parse`] refuses may be read all the same: broken escapes as they stand,
/// cut off at what may end it, with and without slashes and dot segments resolved. For the question
/// whether a route can match it at all.
pub fn guesses(raw: &[u8]) -> Vec<String> {
    let end = (0..raw.len()).find(|&at| matches!(raw[at], b'#' | b'?' | 0) || raw[at..].starts_with(b"%00"));
    let mut guesses = Vec::new();
    for text in [Some(raw), end.map(|end| &raw[..end])].into_iter().flatten() {
        let kept = forgiving(text);
        let slashes = slashes(&kept);
        guesses.extend([&kept, &slashes].into_iter().filter_map(|path| Some(normalize(path).ok()?.into_owned())));
        guesses.extend([kept, slashes]);
    }
    guesses
}

/// Any bytes as a path that is in order but for its segments: what cannot stand in one is escaped. NUL
/// becomes another control character, which is allowed; no route has either.
fn forgiving(raw: &[u8]) -> String {
    let mut out = String::with_capacity(raw.len() + 16);
    if raw.first() != Some(&b'/') {
        out.push('/');
    }
    let mut i = 0;
    while let Some(&b) = raw.get(i) {
        match (b, escaped(raw, i)) {
            (b'%', Some(byte)) => {
                push(&mut out, byte.max(1), is_unreserved);
                i += 2;
            }
            _ => push(&mut out, b.max(1), |b| b == b'/' || is_pchar(b)),
        }
        i += 1;
    }
    out
}

/// The literal reading of a path that is text; borrowed when it is in that form already. Idempotent.
pub fn normalize(raw: &str) -> Result<Cow<'_, str>, PathError> {
    literal(raw.as_bytes())
}

/// The literal reading of `raw`; borrowed when it is in that form already.
fn literal(raw: &[u8]) -> Result<Cow<'_, str>, PathError> {
    match raw.first() {
        None => return Ok(Cow::Borrowed("/")),
        Some(b'/') => {}
        Some(_) => return Err(PathError::Form),
    }
    // One look at each byte settles nearly every request: nothing to decode, collapse or resolve.
    let mut after_slash = false;
    let plain = raw.iter().all(|&b| {
        let suspicious = after_slash && (b == b'/' || b == b'.');
        after_slash = b == b'/';
        !suspicious && (b == b'/' || is_pchar(b))
    });
    let text = std::str::from_utf8(raw);
    if plain && let Ok(text) = text {
        return Ok(Cow::Borrowed(text));
    }
    let built = rebuild(raw)?;
    // `/.well-known/x` and `/a%20b` look suspicious and are in order.
    match text {
        Ok(text) if text == built => Ok(Cow::Borrowed(text)),
        _ => Ok(Cow::Owned(built)),
    }
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

/// The strict reading of a literal one; `None` where they are the same. The literal one has no dot
/// segments any more, so those found here come from the tricks that this reading is about.
fn strict_reading(literal: &str) -> Result<Option<String>, PathError> {
    if !literal.bytes().any(|b| matches!(b, b'%' | b';')) {
        return Ok(None);
    }
    let out = slashes(literal);
    if out.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Err(PathError::Ambiguous);
    }
    let out = normalize(&out)?.into_owned();
    Ok((out != literal).then_some(out))
}

/// Encoded slashes and backslashes as slashes, parameters cut off, and every escape decoded that may
/// be; dot segments and empty ones stay. `path` has no broken escapes.
fn slashes(path: &str) -> String {
    let raw = path.as_bytes();
    let mut out = String::with_capacity(raw.len());
    let mut in_parameter = false;
    let mut i = 0;
    while let Some(&b) = raw.get(i) {
        let (byte, width) = match (b, escaped(raw, i)) {
            (b'%', Some(byte)) => (byte, 3),
            _ => (b, 1),
        };
        match byte {
            b'/' | b'\\' => {
                out.push('/');
                in_parameter = false;
            }
            _ if in_parameter => {}
            // servers cut parameters before they decode: an escaped semicolon is only a letter
            b';' if width == 1 => in_parameter = true,
            b';' => push_escaped(&mut out, b';'),
            b => push(&mut out, b, is_pchar),
        }
        i += width;
    }
    out
}

/// The byte that the escape at `raw[at]` stands for.
fn escaped(raw: &[u8], at: usize) -> Option<u8> {
    let digit = |i: usize| raw.get(i).and_then(|&b| char::from(b).to_digit(16));
    let value = digit(at + 1)? * 16 + digit(at + 2)?;
    u8::try_from(value).ok()
}

/// The byte as it is, if it may stand so; else its escape.
fn push(out: &mut String, byte: u8, stands: impl Fn(u8) -> bool) {
    match stands(byte) {
        true => out.push(char::from(byte)),
        false => push_escaped(out, byte),
    }
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
        let path = Path::parse(raw.as_bytes()).unwrap();
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
    fn doubled_slashes_and_dot_segments_may_stay_as_they_are() {
        let readings = |raw: &[u8]| Path::parse(raw).unwrap().readings().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(readings(b"//mail"), ["/mail", "//mail"]);
        assert_eq!(readings(b"/chat/../mail/%7e"), ["/mail/~", "/chat/../mail/~"]);
        assert_eq!(readings(b"/a;b//c"), ["/a;b/c", "/a/c", "/a;b//c"]);
        assert_eq!(readings(b"/caf\xc3\xa9/\xff"), ["/caf%C3%A9/%FF"]);
        assert_eq!(readings(b"/%6dail"), ["/mail"]);
    }

    #[test]
    fn what_is_not_in_order_has_guesses() {
        for (raw, guess) in [
            (&b"/mail/%zz"[..], "/mail/%25zz"),
            (b"/mail%00.png", "/mail"),
            (b"/mail#x", "/mail"),
            (b"mail", "/mail"),
            (b"/x/..;/mail", "/mail"),
            (b"/mail%2f..%2fchat", "/chat"),
            (b"/mail%2f..%2fchat", "/mail/../chat"),
            (b"/m ail", "/m%20ail"),
        ] {
            assert!(guesses(raw).iter().any(|found| found == guess), "{guess}: {:?}", guesses(raw));
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
            assert_eq!(Path::parse(raw.as_bytes()), Err(error), "{raw}");
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
            if let Ok(path) = Path::parse(raw.as_bytes()) {
                prop_assert_eq!(&*normalize(path.literal()).unwrap(), path.literal());
                let again = Path::parse(path.literal().as_bytes()).unwrap();
                prop_assert_eq!(again.strict(), path.strict());
                for reading in [path.literal(), path.strict()] {
                    prop_assert!(reading.starts_with('/') && !reading.contains("//"));
                    prop_assert!(!reading.split('/').any(|s| s == "." || s == ".."));
                }
                if let Some(unresolved) = &path.unresolved {
                    prop_assert_eq!(&*normalize(unresolved).unwrap(), path.literal());
                }
                prop_assert!(!path.strict().contains("%2F") && !path.strict().contains(';'));
            }
        }

        #[test]
        fn nothing_panics(raw in any::<Vec<u8>>()) {
            let _ = Path::parse(&raw);
            for guess in guesses(&raw) {
                prop_assert!(guess.starts_with('/') && normalize(&guess).is_ok(), "{}", guess);
            }
        }

        #[test]
        fn what_is_in_order_is_among_the_guesses(raw in "/([a-c./;%\\\\é]|%2[eEfF]|%5c|%6d|%25){0,12}") {
            if let Ok(path) = Path::parse(raw.as_bytes()) {
                let guesses = guesses(raw.as_bytes());
                for reading in [path.literal(), path.strict()] {
                    prop_assert!(guesses.iter().any(|guess| guess.trim_end_matches('/') == reading.trim_end_matches('/')), "{}", reading);
                }
            }
        }
    }
}
