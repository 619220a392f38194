//! `multipart/form-data` (RFC 7578) as browsers write it. Names are left as they were written: browsers write a
//! quote as `%22`, and would do so again.

use std::ops::Range;

use super::{Field, Kind, MOST_FIELDS};

/// Longest head of a part, in bytes.
const LONGEST_HEAD: usize = 4 * 1024;

/// The fields of a body. None: it is malformed, or has too many.
pub(super) fn fields(body: &[u8], boundary: &[u8]) -> Option<Vec<Field>> {
    let first = [b"--", boundary].concat();
    let between = [b"\r\n", &first[..]].concat();
    let mut at = if body.starts_with(&first) { first.len() } else { find(body, &between, 0)? + between.len() };
    let mut fields = Vec::new();
    loop {
        match body.get(at..at + 2)? {
            b"--" => return Some(fields),
            b"\r\n" => at += 2,
            _ => return None,
        }
        if fields.len() == MOST_FIELDS {
            return None;
        }
        let limit = body.len().min(at + LONGEST_HEAD);
        let head = at..find(&body[..limit], b"\r\n\r\n", at)?;
        let value = head.end + 4..find(body, &between, head.end + 4)?;
        at = value.end + between.len();
        fields.push(field(body, head, value)?);
    }
}

fn field(body: &[u8], head: Range<usize>, value: Range<usize>) -> Option<Field> {
    let mut disposition = None;
    let mut start = head.start;
    while start <= head.end {
        let end = find(&body[..head.end], b"\r\n", start).unwrap_or(head.end);
        let colon = start + body[start..end].iter().position(|byte| *byte == b':')?;
        match &body[start..colon] {
            name if name.eq_ignore_ascii_case(b"content-disposition") => disposition = Some(colon + 1..end),
            name if name.eq_ignore_ascii_case(b"content-type") => {}
            // An encoding of the value, or something newer: it would not be sent again.
            _ => return None,
        }
        start = end + 2;
    }
    let disposition = disposition?;
    let name = parameter(body, &disposition, b"name")?;
    Some(match parameter(body, &disposition, b"filename") {
        Some(file) => Field { name, value: file, kind: Kind::File },
        None => Field { name, value, kind: Kind::Text },
    })
}

/// A quoted parameter; its quote ends it only before a semicolon or at the end.
fn parameter(body: &[u8], within: &Range<usize>, name: &[u8]) -> Option<Range<usize>> {
    let mut at = within.start;
    while let Some(semicolon) = body[at..within.end].iter().position(|byte| *byte == b';') {
        at += semicolon + 1;
        at += body[at..within.end].iter().take_while(|byte| **byte == b' ').count();
        let equals = at + body[at..within.end].iter().position(|byte| *byte == b'=')?;
        if body.get(equals + 1) != Some(&b'"') {
            return None;
        }
        let start = equals + 2;
        let ends = |quote: &usize| body[*quote] == b'"' && (quote + 1 == within.end || body[quote + 1] == b';');
        let end = (start..within.end).find(ends)?;
        if body[at..equals].eq_ignore_ascii_case(name) {
            return Some(start..end);
        }
        at = end + 1;
    }
    None
}

/// Where a pattern begins, from `from` on.
fn find(body: &[u8], pattern: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    // By its first byte: boundaries are long and seldom begin by chance.
    loop {
        at += body.get(at..)?.iter().position(|byte| *byte == pattern[0])?;
        if body[at..].starts_with(pattern) {
            return Some(at);
        }
        at += 1;
    }
}
