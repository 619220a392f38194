//! The elements of a glob: stars, single characters and classes.

use super::GlobError;

/// One element of a glob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Element {
    /// Any run of characters, an empty one included.
    Star,
    /// `?`: any one character.
    Any,
    /// This character.
    One(char),
    /// One of these characters, or, if negated, none of them.
    Class { negated: bool, ranges: Vec<(char, char)> },
}

/// Splits a glob into elements, each with its text.
pub(super) fn parse(text: &str) -> Result<Vec<(Element, &str)>, GlobError> {
    let mut elements = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (element, length) = match first {
            '*' => (Element::Star, 1),
            '?' => (Element::Any, 1),
            '[' => class(rest)?,
            one => (Element::One(one), one.len_utf8()),
        };
        let (written, after) = rest.split_at(length);
        elements.push((element, written));
        rest = after;
    }
    Ok(elements)
}

/// Reads the class that `text` begins with, and tells how long it is. A `]` that comes first is a
/// member.
fn class(text: &str) -> Result<(Element, usize), GlobError> {
    let inside = &text[1..];
    let negated = inside.starts_with(['!', '^']);
    let inside = if negated { &inside[1..] } else { inside };
    let first = inside.chars().next().ok_or(GlobError::Unclosed)?.len_utf8();
    let end = match inside[first..].find(']') {
        Some(at) => first + at,
        None if inside.starts_with(']') => return Err(GlobError::EmptyClass),
        None => return Err(GlobError::Unclosed),
    };
    let mut ranges = Vec::new();
    let mut members = inside[..end].chars();
    while let Some(low) = members.next() {
        let mut ahead = members.clone();
        let high = match (ahead.next(), ahead.next()) {
            (Some('-'), Some(high)) => {
                members = ahead;
                high
            }
            _ => low,
        };
        if high < low {
            return Err(GlobError::Backwards);
        }
        ranges.push((low, high));
    }
    Ok((Element::Class { negated, ranges }, 1 + usize::from(negated) + end + 1))
}

impl Element {
    /// Whether it matches this character; a star matches no single character. `fold` ignores ASCII case.
    pub(super) fn takes(&self, c: char, fold: bool) -> bool {
        match self {
            Self::Star => false,
            Self::Any => true,
            Self::One(one) => *one == c || (fold && one.eq_ignore_ascii_case(&c)),
            Self::Class { negated, ranges } => {
                let has = |c: char| ranges.iter().any(|(low, high)| (*low..=*high).contains(&c));
                let inside = has(c) || (fold && (has(c.to_ascii_lowercase()) || has(c.to_ascii_uppercase())));
                inside != *negated
            }
        }
    }

    /// The characters below 128 that it matches, one bit each.
    pub(super) fn ascii(&self, fold: bool) -> u128 {
        let bit = |c: char| if c.is_ascii() { 1u128 << u32::from(c) } else { 0 };
        match self {
            Self::Star => 0,
            Self::Any => u128::MAX,
            Self::One(one) if fold => bit(one.to_ascii_lowercase()) | bit(one.to_ascii_uppercase()),
            Self::One(one) => bit(*one),
            Self::Class { negated, ranges } => {
                let mut bits = ranges.iter().fold(0, |bits, (low, high)| bits | span(*low, *high));
                if fold {
                    // 'A' and 'a' are 32 apart.
                    let (capitals, smalls) = (bits & span('A', 'Z'), bits & span('a', 'z'));
                    bits |= capitals << 32 | smalls >> 32;
                }
                if *negated { !bits } else { bits }
            }
        }
    }

    /// Whether it matches some character above 127.
    pub(super) fn takes_beyond_ascii(&self) -> bool {
        let mut edges = vec![0x80];
        self.edges(&mut edges);
        edges.into_iter().filter_map(char::from_u32).any(|c| !c.is_ascii() && self.takes(c, false))
    }

    /// Every character above 127 from which on it may take other ones than before.
    pub(super) fn edges(&self, edges: &mut Vec<u32>) {
        let mut range = |low: char, high: char| {
            // The last one before the surrogates is followed by the first one after them.
            let after = if high == '\u{d7ff}' { 0xe000 } else { u32::from(high) + 1 };
            edges.extend([u32::from(low), after].into_iter().filter(|c| (0x80..=0x10_ffff).contains(c)));
        };
        match self {
            Self::Star | Self::Any => {}
            Self::One(one) => range(*one, *one),
            Self::Class { ranges, .. } => ranges.iter().for_each(|(low, high)| range(*low, *high)),
        }
    }
}

/// The characters below 128 from `low` to `high`, one bit each.
pub(super) fn span(low: char, high: char) -> u128 {
    let (low, high) = (u32::from(low), u32::from(high).min(127));
    if low > high { 0 } else { u128::MAX >> (127 - (high - low)) << low }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_it_takes_is_the_same_in_each_form() {
        for text in [
            "a",
            "Z",
            "é",
            "?",
            "[a-c]",
            "[!a-cX]",
            "[^\u{80}-\u{10ffff}]",
            "[x-é]",
            "[]Q-]",
            "[!\u{81}-\u{d7ff}\u{e000}-\u{10ffff}]",
        ] {
            let (element, written) = parse(text).unwrap().remove(0);
            assert_eq!(written, text);
            for fold in [false, true] {
                for c in '\0'..='\u{7f}' {
                    let bit = element.ascii(fold) >> u32::from(c) & 1 == 1;
                    assert_eq!(bit, element.takes(c, fold), "{text} {c:?} {fold}");
                }
            }
            let beyond = ('\u{80}'..=char::MAX).any(|c| element.takes(c, false));
            assert_eq!(element.takes_beyond_ascii(), beyond, "{text}");
        }
    }
}
