//! Which of several languages a client wants.
//!
//! A range fits a language with its tag, one that continues the range (`pt` and `pt-BR`), and one that the range
//! continues (`de-AT` and `de`). A language that is excluded (`q=0`) is not chosen through a shorter range.
//!
//! What must stay true: no allocation, bounded work, no panic on any bytes.

use std::sync::Arc;

use super::Language;

/// Ranges beyond these are not read; no honest client sends as many.
const MOST: usize = 32;

/// The best one; none, if nothing fits.
pub(super) fn wanted<'a, 'l>(
    languages: &'l [Arc<Language>],
    accept: impl IntoIterator<Item = &'a [u8]>,
) -> Option<&'l Arc<Language>> {
    let mut best: Option<(u16, usize, usize)> = None;
    let ranges = accept.into_iter().flat_map(|line| line.split(|&b| b == b','));
    for (place, (range, quality)) in ranges.take(MOST).filter_map(read).enumerate() {
        // English stands for "anything".
        let found = match range {
            b"*" => Some(0),
            range => languages.iter().position(|language| fits(language.tag().as_bytes(), range)),
        };
        if let Some(found) = found.filter(|_| quality > 0)
            && best.is_none_or(|(known, _, _)| quality > known)
        {
            best = Some((quality, place, found));
        }
    }
    best.map(|(_, _, found)| &languages[found])
}

fn fits(tag: &[u8], range: &[u8]) -> bool {
    let begins = |whole: &[u8], part: &[u8]| {
        let same = whole.get(..part.len()).is_some_and(|start| start.eq_ignore_ascii_case(part));
        same && matches!(whole.get(part.len()), None | Some(b'-'))
    };
    begins(tag, range) || begins(range, tag)
}

/// A range and its quality in thousandths; none if it is malformed.
fn read(part: &[u8]) -> Option<(&[u8], u16)> {
    let mut pieces = part.split(|&b| b == b';');
    let range = pieces.next()?.trim_ascii();
    let named = |b: &u8| b.is_ascii_alphanumeric() || *b == b'-';
    if range.is_empty() || range.len() > 35 || (range != b"*" && !range.iter().all(named)) {
        return None;
    }
    let mut quality = 1_000;
    for piece in pieces {
        let piece = piece.trim_ascii();
        if let [b'q' | b'Q', b'=', value @ ..] = piece {
            quality = thousandths(value)?;
        }
    }
    Some((range, quality))
}

/// `0`, `1`, `0.5`, `1.000`; at most three digits behind the point.
fn thousandths(value: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(value).ok().filter(|text| text.len() <= 5)?;
    let valid = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let number: f32 = text.parse().ok().filter(|_| valid)?;
    (0.0..=1.0).contains(&number).then_some((number * 1000.0).round() as u16)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use crate::text::Texts;

    fn of(accept: &str) -> String {
        Texts::default().wanted([accept.as_bytes()]).tag().to_owned()
    }

    #[test]
    fn real_browsers_and_the_rules() {
        for (accept, tag) in [
            ("de-DE,de;q=0.9,en;q=0.8", "de"),
            ("fr-CA, fr;q=0.9", "fr"),
            ("pt-BR,pt;q=0.9,en-US;q=0.8", "pt"),
            ("ja", "ja"),
            ("AR-eg", "ar"),
            ("en-GB,en;q=0.9,de;q=0.8", "en"),
            ("nl-NL,nl;q=0.9,de;q=0.5,en;q=0.4", "de"),
            ("nl", "en"),
            ("*", "en"),
            ("", "en"),
            ("de;q=0, fr;q=0.1", "fr"),
            ("de;q=0", "en"),
            ("de;q=0.5, fr;q=0.5", "de"),
            ("de;q=nonsense, es;q=0.1", "es"),
            ("deutsch, \u{e9}, ;;;, es;q=0.001", "es"),
        ] {
            assert_eq!(of(accept), tag, "{accept}");
        }
        assert_eq!(Texts::default().wanted([&b"en;q=0.1"[..], b"de"]).tag(), "de", "several lines");
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            Texts::default().wanted([&bytes[..]]);
        }
    }
}
