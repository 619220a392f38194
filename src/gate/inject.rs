//! Puts the script into an application's pages on their way (docs/contract.md#the-script): `inject = true`.
//!
//! The element is appended behind the page, where every parser takes it for the end of its body; so nothing of the
//! page is read, and a page of any size passes in pieces.
//!
//! What must stay true: only whole pages (GET, 200, `text/html`) that are plain or gzip are changed, and only where
//! their policy lets the script run; every other answer passes byte for byte; a page that breaks off does not
//! look whole.

use std::io::{self, Write as _};

use flate2::{
    Compression,
    write::{GzDecoder, GzEncoder},
};

use crate::http1::{head::Field, machine::Framed, write};

/// What is appended.
pub(super) const ELEMENT: &str = "\n<script src=\"/.forewarn/forewarn.js\" defer></script>\n";

/// A page that is being passed on.
pub(super) struct Inject {
    /// The client is told of each piece's length.
    chunked: bool,
    gzip: Option<Box<GzDecoder<GzEncoder<Vec<u8>>>>>,
    over: bool,
}

impl Inject {
    /// Whether an answer is changed; `framed` says afterwards how it is framed then. `modern`: the client
    /// understands chunks.
    pub(super) fn of(status: u16, fields: &[Field<'_>], framed: &mut Framed, modern: bool) -> Option<Self> {
        let gzip = match (status, encoding(fields)?) {
            (200, b"" | b"identity") => false,
            (200, coding) if coding.eq_ignore_ascii_case(b"gzip") => true,
            _ => return None,
        };
        if !is_page(fields) || !is_allowed(fields) {
            return None;
        }
        match framed.length {
            Some(length) if !gzip => framed.length = Some(length + ELEMENT.len() as u64),
            _ if modern => (framed.length, framed.chunked) = (None, true),
            _ => return None,
        }
        let gzip = gzip.then(|| Box::new(GzDecoder::new(GzEncoder::new(Vec::new(), Compression::fast()))));
        Some(Self { chunked: framed.chunked, gzip, over: false })
    }

    /// Passes on a piece of the page.
    ///
    /// # Errors
    /// It is not gzip although it says so.
    pub(super) fn pass(&mut self, piece: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        match &mut self.gzip {
            None => self.write(piece, out),
            Some(gzip) => {
                gzip.write_all(piece)?;
                let made = std::mem::take(gzip.get_mut().get_mut());
                self.write(&made, out);
            }
        }
        Ok(())
    }

    /// The page is whole: passes on the rest.
    ///
    /// # Errors
    /// It breaks off within.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        if std::mem::replace(&mut self.over, true) {
            return Ok(());
        }
        match self.gzip.take() {
            None => self.write(ELEMENT.as_bytes(), out),
            Some(gzip) => {
                let mut encoder = gzip.finish()?;
                encoder.write_all(ELEMENT.as_bytes())?;
                let made = encoder.finish()?;
                self.write(&made, out);
            }
        }
        if self.chunked {
            out.extend_from_slice(b"0\r\n\r\n");
        }
        Ok(())
    }

    /// Whether everything has been passed on.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    fn write(&self, piece: &[u8], out: &mut Vec<u8>) {
        if piece.is_empty() {
            return;
        }
        if self.chunked {
            write::chunk_line(out, piece.len() as u64);
        }
        out.extend_from_slice(piece);
        if self.chunked {
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// Makes the entity tags in a head weak: the page is not byte for byte the one that they stand for.
pub(super) fn weaken(head: &mut Vec<u8>, from: usize) {
    let is_tag = |at: usize| head[at..].get(..7).is_some_and(|start| start.eq_ignore_ascii_case(b"\netag: "));
    let strong: Vec<usize> = (from..head.len()).filter(|&at| is_tag(at) && head.get(at + 7) == Some(&b'"')).collect();
    for at in strong.into_iter().rev() {
        head.splice(at + 7..at + 7, *b"W/");
    }
}

/// The values of all lines of this name.
fn lines<'a>(fields: &'a [Field<'a>], name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    fields.iter().filter(move |field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
}

/// The one coding of the body, empty where there is none; `None`: several.
fn encoding<'a>(fields: &'a [Field<'a>]) -> Option<&'a [u8]> {
    let mut codings = lines(fields, "content-encoding");
    let first = codings.next().unwrap_or_default().trim_ascii();
    codings.next().is_none().then_some(first)
}

fn is_page(fields: &[Field<'_>]) -> bool {
    let html = lines(fields, "content-type").next().is_some_and(|kind| {
        let kind = kind.split(|&b| b == b';').next().unwrap_or(kind).trim_ascii();
        kind.eq_ignore_ascii_case(b"text/html")
    });
    let has = |name| lines(fields, name).next().is_some();
    let sealed = ["content-range", "content-digest", "repr-digest", "digest", "content-md5"];
    let kept = |line: &[u8]| line.to_ascii_lowercase().windows(12).any(|part| part == b"no-transform");
    html && !sealed.into_iter().any(has) && !lines(fields, "cache-control").any(kept)
}

/// Whether every policy (CSP Level 3) lets a script of the same origin run, and ask the gate.
fn is_allowed(fields: &[Field<'_>]) -> bool {
    let policies = lines(fields, "content-security-policy").flat_map(|line| line.split(|&b| b == b','));
    policies.into_iter().all(|policy| {
        let policy = String::from_utf8_lossy(policy).to_ascii_lowercase();
        let directive = |name: &str| {
            let mut all = policy.split(';').map(|part| part.split_ascii_whitespace());
            all.find_map(|mut part| (part.next() == Some(name)).then(|| part.collect::<Vec<_>>()))
        };
        let own = |names: &[&str]| {
            let sources = names.iter().find_map(|name| directive(name));
            sources.is_none_or(|sources| {
                sources.iter().any(|source| matches!(*source, "'self'" | "*")) && !sources.contains(&"'strict-dynamic'")
            })
        };
        let sandboxed = directive("sandbox")
            .is_some_and(|flags| !(flags.contains(&"allow-scripts") && flags.contains(&"allow-same-origin")));
        !sandboxed && own(&["script-src-elem", "script-src", "default-src"]) && own(&["connect-src", "default-src"])
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn framed(length: Option<u64>) -> Framed {
        Framed { length, chunked: length.is_none(), close: false, keep_alive: false }
    }

    fn of(fields: &[(&str, &str)], length: Option<u64>, modern: bool) -> Option<(Inject, Framed)> {
        let fields: Vec<Field<'_>> =
            fields.iter().map(|(name, value)| Field { name, value: value.as_bytes() }).collect();
        let mut framed = framed(length);
        Some((Inject::of(200, &fields, &mut framed, modern)?, framed))
    }

    const HTML: (&str, &str) = ("Content-Type", "text/html; charset=utf-8");

    #[test]
    fn a_plain_page_keeps_its_length() {
        let (mut inject, framed) = of(&[HTML], Some(10), false).unwrap();
        assert_eq!((framed.length, framed.chunked), (Some(10 + ELEMENT.len() as u64), false));
        let mut out = Vec::new();
        inject.pass(b"<html>", &mut out).unwrap();
        inject.pass(b"</x>", &mut out).unwrap();
        inject.end(&mut out).unwrap();
        inject.end(&mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), format!("<html></x>{ELEMENT}"));
        assert!(inject.is_over());
        let (mut inject, framed) = of(&[HTML], None, true).unwrap();
        assert_eq!((framed.length, framed.chunked), (None, true));
        let mut out = Vec::new();
        inject.pass(b"<html>", &mut out).unwrap();
        inject.end(&mut out).unwrap();
        assert!(out.starts_with(b"6\r\n<html>\r\n") && out.ends_with(b"\r\n0\r\n\r\n"));
        assert!(of(&[HTML], None, false).is_none(), "a client of HTTP/1.0 needs a length");
    }

    #[test]
    fn a_changed_page_has_a_weak_tag() {
        let mut head = b"old\netag: \"a\"\r\nHTTP/1.1 200 OK\r\nETag: \"b\"\r\nX: \"etag: \"\r\n\r\n".to_vec();
        weaken(&mut head, 15);
        assert_eq!(head, b"old\netag: \"a\"\r\nHTTP/1.1 200 OK\r\nETag: W/\"b\"\r\nX: \"etag: \"\r\n\r\n");
        let weak = head.clone();
        weaken(&mut head, 15);
        assert_eq!(head, weak);
    }

    #[test]
    fn a_compressed_page_stays_compressed() {
        let mut page = GzEncoder::new(Vec::new(), Compression::default());
        page.write_all("long ".repeat(50_000).as_bytes()).unwrap();
        let page = page.finish().unwrap();
        let fields = [HTML, ("content-encoding", "gzip")];
        let (mut inject, framed) = of(&fields, Some(page.len() as u64), true).unwrap();
        assert_eq!((framed.length, framed.chunked), (None, true));
        inject.chunked = false;
        let mut out = Vec::new();
        for piece in page.chunks(100) {
            inject.pass(piece, &mut out).unwrap();
        }
        inject.end(&mut out).unwrap();
        let mut text = String::new();
        flate2::read::GzDecoder::new(&out[..]).read_to_string(&mut text).unwrap();
        assert_eq!(text, "long ".repeat(50_000) + ELEMENT);
        // One that breaks off is no whole page.
        let (mut inject, _) = of(&fields, Some(9), true).unwrap();
        inject.pass(&page[..page.len() / 2], &mut Vec::new()).unwrap();
        assert!(inject.end(&mut Vec::new()).is_err());
        let (mut inject, _) = of(&fields, Some(9), true).unwrap();
        assert!(inject.pass(b"no gzip at all", &mut Vec::new()).is_err());
    }

    #[test]
    fn other_answers_are_left_alone() {
        for more in [
            ("content-encoding", "br"),
            ("content-range", "bytes 0-1/2"),
            ("cache-control", "public, No-Transform"),
            ("repr-digest", "sha-256=:x:"),
            ("content-security-policy", "script-src 'none'"),
            ("content-security-policy", "default-src 'none'"),
            ("content-security-policy", "script-src 'nonce-x' 'strict-dynamic' 'self'"),
            ("content-security-policy", "script-src 'self'; connect-src https://api.example"),
            ("content-security-policy", "default-src 'self', script-src https://cdn.example"),
            ("content-security-policy", "sandbox allow-forms"),
        ] {
            assert!(of(&[HTML, more], Some(1), true).is_none(), "{more:?}");
        }
        for more in [
            ("content-security-policy", "default-src 'self'"),
            ("content-security-policy", "script-src-elem 'self'; script-src 'none'; connect-src *"),
            ("content-security-policy", "img-src 'none'"),
            ("cache-control", "no-store"),
        ] {
            assert!(of(&[HTML, more], Some(1), true).is_some(), "{more:?}");
        }
        assert!(
            of(&[("content-type", "application/json")], Some(1), true).is_none() && of(&[], Some(1), true).is_none()
        );
    }
}
