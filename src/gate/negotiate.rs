//! Which of four shapes an answer has, by the client's Accept header.
//!
//! The most specific range that matches a shape decides its quality, `q=0` excludes it, and the
//! best quality wins (RFC 9110, section 12.5.1). Among equals: the shape that the client named
//! more exactly, then JSON, problem+json, HTML, text; `text/*` prefers HTML. No header, nothing
//! acceptable or nothing readable is JSON: never 406. So a browser, which names `text/html`, gets
//! the page; curl, which sends `*/*`, gets JSON.
//!
//! What must stay true: no allocation, bounded work, no panic on any bytes.

pub(crate) use crate::answer::Shape;

/// Ranges beyond these are not read; no honest client sends as many.
const MAX_RANGES: usize = 64;

/// The media type of a shape, in two halves.
const fn media_type(shape: Shape) -> (&'static [u8], &'static [u8]) {
    match shape {
        Shape::Json => (b"application", b"json"),
        Shape::ProblemJson => (b"application", b"problem+json"),
        Shape::Html => (b"text", b"html"),
        Shape::Text => (b"text", b"plain"),
    }
}

/// What is known about one shape so far: how exactly it was named, and its quality in
/// thousandths. Not named at all is (0, 0).
type Rank = (u8, u16);

/// From here on a shape was named itself, not by a range.
const NAMED: u8 = 3;

/// Chooses by the values of all Accept header lines.
pub(crate) fn negotiate<'a>(accept: impl IntoIterator<Item = &'a [u8]>) -> Shape {
    read(accept).0
}

/// Whether a stream of events is wanted before every shape that is named.
pub(crate) fn wants_events<'a>(accept: impl IntoIterator<Item = &'a [u8]>) -> bool {
    let (_, (quality, exactness), events) = read(accept);
    events > 0 && (events > quality || (events == quality && exactness < NAMED))
}

/// The best shape, its quality and how exactly it was named, and the quality of event streams.
fn read<'a>(accept: impl IntoIterator<Item = &'a [u8]>) -> (Shape, (u16, u8), u16) {
    let mut ranks: [Rank; 4] = [(0, 0); 4];
    let mut events = 0;
    let ranges = accept.into_iter().flat_map(|value| Split { rest: Some(value), by: b',' });
    for range in ranges.take(MAX_RANGES) {
        let Some((kind, sub, parameters, quality)) = read_range(range) else {
            continue;
        };
        if kind.eq_ignore_ascii_case(b"text") && sub.eq_ignore_ascii_case(b"event-stream") {
            events = events.max(quality);
        }
        for (shape, rank) in Shape::ALL.into_iter().zip(&mut ranks) {
            let (own_kind, own_sub) = media_type(shape);
            let exactness = match (kind, sub) {
                (b"*", b"*") => 1,
                (k, b"*") if k.eq_ignore_ascii_case(own_kind) => 2,
                // `text/html;level=1` asks for something narrower than what is offered: it
                // counts, but less than the plain name does
                (k, s) if k.eq_ignore_ascii_case(own_kind) && s.eq_ignore_ascii_case(own_sub) => {
                    NAMED + 1 - u8::from(parameters)
                }
                _ => continue,
            };
            if exactness > rank.0 || (exactness == rank.0 && quality > rank.1) {
                *rank = (exactness, quality);
            }
        }
    }
    let mut best = (Shape::Json, (0, 0));
    for (shape, (exactness, quality)) in Shape::ALL.into_iter().zip(ranks) {
        // strictly better only: the server's order settles the rest
        if quality > 0 && (quality, exactness) > best.1 {
            best = (shape, (quality, exactness));
        }
    }
    (best.0, best.1, events)
}

/// Type, subtype, whether it has parameters of its own, quality; none if it is malformed.
fn read_range(range: &[u8]) -> Option<(&[u8], &[u8], bool, u16)> {
    let mut parts = Split { rest: Some(range), by: b';' };
    let media = parts.next()?.trim_ascii();
    let slash = media.iter().position(|&b| b == b'/')?;
    let (kind, sub) = (&media[..slash], &media[slash + 1..]);
    if kind.is_empty() || sub.is_empty() || (kind == b"*" && sub != b"*") {
        return None;
    }
    let mut parameters = false;
    for parameter in parts {
        let parameter = parameter.trim_ascii();
        let equals = parameter.iter().position(|&b| b == b'=');
        let (name, value) = match equals {
            Some(i) => (parameter[..i].trim_ascii(), parameter[i + 1..].trim_ascii()),
            None => (parameter, &b""[..]),
        };
        if name.eq_ignore_ascii_case(b"q") {
            // what follows q are extensions, which are not in use
            return Some((kind, sub, parameters, read_quality(value)?));
        }
        let ours = name.eq_ignore_ascii_case(b"charset") && value.eq_ignore_ascii_case(b"utf-8");
        parameters |= !name.is_empty() && !ours;
    }
    Some((kind, sub, parameters, 1000))
}

/// `0`, `1`, `0.5`, `1.000`: thousandths; at most three digits behind the point.
fn read_quality(value: &[u8]) -> Option<u16> {
    let (whole, digits) = match value {
        [whole, b'.', digits @ ..] if digits.len() <= 3 => (*whole, digits),
        [whole] => (*whole, &b""[..]),
        _ => return None,
    };
    if !matches!(whole, b'0' | b'1') || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut quality = u16::from(whole - b'0') * 1000;
    for (digit, weight) in digits.iter().zip([100, 10, 1]) {
        quality += u16::from(digit - b'0') * weight;
    }
    (quality <= 1000).then_some(quality)
}

/// Pieces between separators that stand outside quoted strings.
struct Split<'a> {
    rest: Option<&'a [u8]>,
    by: u8,
}

impl<'a> Iterator for Split<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let text = self.rest?;
        let (mut quoted, mut escaped) = (false, false);
        let end = text.iter().position(|&b| {
            let literal = std::mem::take(&mut escaped);
            if quoted {
                escaped = b == b'\\' && !literal;
                quoted = b != b'"' || literal;
                return false;
            }
            quoted = b == b'"';
            b == self.by
        });
        match end {
            Some(end) => {
                self.rest = Some(&text[end + 1..]);
                Some(&text[..end])
            }
            None => self.rest.take(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(accept: &str) -> Shape {
        negotiate([accept.as_bytes()])
    }

    #[test]
    fn real_clients() {
        for browser in [
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
            "text/html, application/xhtml+xml, */*",
        ] {
            assert_eq!(of(browser), Shape::Html);
        }
        assert_eq!(of("*/*"), Shape::Json);
        assert_eq!(of("application/json, text/plain, */*"), Shape::Json);
        assert_eq!(of("application/json, text/javascript, */*; q=0.01"), Shape::Json);
        assert_eq!(of("application/problem+json, application/json;q=0.9"), Shape::ProblemJson);
        assert_eq!(of("image/avif,image/webp,*/*;q=0.8"), Shape::Json);
        assert_eq!(of("text/plain"), Shape::Text);
        assert_eq!(negotiate([]), Shape::Json);
    }

    #[test]
    fn the_rules() {
        for (accept, shape) in [
            ("text/*", Shape::Html),
            ("application/*", Shape::Json),
            ("text/*, text/html;q=0", Shape::Text),
            ("*/*;q=1, application/json;q=0, application/problem+json;q=0", Shape::Html),
            ("text/html;q=0.5, */*;q=0.4", Shape::Html),
            ("text/html;q=0.4, */*;q=0.5", Shape::Json),
            ("text/html, */*", Shape::Html),
            ("text/html;q=0, application/json;q=0, application/problem+json;q=0, text/plain;q=0", Shape::Json),
            ("image/png", Shape::Json),
            ("TEXT/HTML;Q=0.9", Shape::Html),
            ("text/html;charset=utf-8", Shape::Html),
            ("text/html;level=1;q=0, text/html;q=0.5", Shape::Html),
            ("text/html;a=\",text/plain,\";q=0.5, text/plain;q=0.4", Shape::Html),
            ("text/plain;q=nonsense, text/html;q=0.1", Shape::Html),
            ("text/plain;q=0.1234, text/html;q=1.5, ;;,,/,*/x,text", Shape::Json),
        ] {
            assert_eq!(of(accept), shape, "{accept}");
        }
        assert_eq!(negotiate([&b"text/html;q=0.1"[..], b"text/plain"]), Shape::Text, "several lines");
    }

    #[test]
    fn streams_of_events() {
        for (accept, wanted) in [
            ("text/event-stream", true),
            ("text/event-stream, */*", true),
            ("text/event-stream, application/json;q=0.9", true),
            ("text/event-stream;q=0", false),
            ("application/json, text/event-stream", false),
            ("text/html, text/event-stream;q=0.5", false),
            ("text/*", false),
            ("*/*", false),
        ] {
            assert_eq!(wants_events([accept.as_bytes()]), wanted, "{accept}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            negotiate([&bytes[..]]);
        }

        #[test]
        fn nothing_excluded_is_sent(accept in r#"((text|application|\*)/(html|json|plain|\*)(;q=(0|1|0\.[0-9]{1,3}))?,){0,5}text/html;q=0,x/y"#) {
            // an exact exclusion loses only against an exact inclusion
            if !accept.replace("text/html;q=0,x/y", "").contains("text/html") {
                prop_assert_ne!(of(&accept), Shape::Html);
            }
        }
    }
}
