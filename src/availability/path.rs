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

mod build;
mod escape;

use std::borrow::Cow;

pub(super) use self::build::Builder;
use self::escape::{escaped, is_pchar, is_unreserved, push, push_escaped};

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
    // For nearly every request one pass is enough: there is nothing to decode, collapse or resolve.
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
    // `/.well-known/x` and `/a%20b` look suspicious, but are already in this form.
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
            // Servers cut parameters off before they decode, so an escaped semicolon is an ordinary character.
            b';' if width == 1 => in_parameter = true,
            b';' => push_escaped(&mut out, b';'),
            b => push(&mut out, b, is_pchar),
        }
        i += width;
    }
    out
}

#[cfg(test)]
mod tests;
