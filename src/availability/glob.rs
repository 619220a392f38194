//! Globs of criteria (SPEC 2): `*` is any run of characters, `/` included, `?` one character,
//! `[…]` a class (`[a-z]`, `[!a-z]` or `[^a-z]`). No escapes: `[*]` is a literal star.
//!
//! Matching takes at most pattern × text steps and no allocation; only the last `*` is ever tried
//! again, so that no pattern is slow.

use std::fmt;

/// Longest glob, in characters.
const LONGEST: usize = 500;

/// A checked pattern.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Glob {
    text: String,
}

/// Why a text is not a glob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    /// Nothing would match it but nothing.
    #[error("is empty")]
    Empty,
    /// More than 500 characters.
    #[error("is longer than 500 characters")]
    TooLong,
    /// `[` without its `]`.
    #[error("has a '[' without its ']'")]
    Unclosed,
    /// `[]` or `[!]`.
    #[error("has an empty class '[]'")]
    EmptyClass,
    /// `[z-a]`.
    #[error("has a class whose range runs backwards")]
    Backwards,
}

impl Glob {
    /// Checks a pattern.
    ///
    /// # Errors
    /// When it is empty, too long, or has a broken class.
    pub fn new(text: &str) -> Result<Self, GlobError> {
        if text.is_empty() {
            return Err(GlobError::Empty);
        }
        if text.chars().count() > LONGEST {
            return Err(GlobError::TooLong);
        }
        let mut rest = text;
        while let Some(open) = rest.find('[') {
            let (class, after) = split_class(&rest[open..])?;
            let mut members = class.members.chars().peekable();
            while let Some(low) = members.next() {
                if members.peek() == Some(&'-') {
                    let mut ahead = members.clone();
                    ahead.next();
                    if let Some(high) = ahead.next() {
                        if high < low {
                            return Err(GlobError::Backwards);
                        }
                        members = ahead;
                    }
                }
            }
            rest = after;
        }
        Ok(Self { text: text.to_owned() })
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the whole of `text` matches; `fold` ignores ASCII case.
    pub fn matches(&self, text: &str, fold: bool) -> bool {
        let (mut pattern, mut rest) = (self.text.as_str(), text);
        // Where to go on when what follows the last star does not fit: after the star, one further.
        let mut again: Option<(&str, &str)> = None;
        loop {
            let mut ahead = rest.chars();
            match (pattern.chars().next(), ahead.next()) {
                (Some('*'), _) => {
                    pattern = &pattern[1..];
                    again = Some((pattern, rest));
                    continue;
                }
                (None, None) => return true,
                (Some(_), Some(c)) => {
                    if let Some(after) = step(pattern, c, fold) {
                        (pattern, rest) = (after, ahead.as_str());
                        continue;
                    }
                }
                _ => {}
            }
            let Some((after_star, from)) = again else { return false };
            let mut further = from.chars();
            if further.next().is_none() {
                return false;
            }
            (pattern, rest) = (after_star, further.as_str());
            again = Some((after_star, rest));
        }
    }
}

struct Class<'a> {
    negated: bool,
    members: &'a str,
}

/// Splits a class off the front of a pattern that begins with `[`. A `]` that comes first is a
/// member.
fn split_class(pattern: &str) -> Result<(Class<'_>, &str), GlobError> {
    let inside = &pattern[1..];
    let negated = inside.starts_with(['!', '^']);
    let inside = if negated { &inside[1..] } else { inside };
    let first = inside.chars().next().ok_or(GlobError::Unclosed)?.len_utf8();
    let end = match inside[first..].find(']') {
        Some(at) => first + at,
        None if inside.starts_with(']') => return Err(GlobError::EmptyClass),
        None => return Err(GlobError::Unclosed),
    };
    Ok((Class { negated, members: &inside[..end] }, &inside[end + 1..]))
}

impl Class<'_> {
    fn has(&self, c: char) -> bool {
        let mut members = self.members.chars();
        while let Some(low) = members.next() {
            let mut ahead = members.clone();
            let high = match (ahead.next(), ahead.next()) {
                (Some('-'), Some(high)) => {
                    members = ahead;
                    high
                }
                _ => low,
            };
            if (low..=high).contains(&c) {
                return true;
            }
        }
        false
    }
}

/// What is left of the pattern when its first element takes `c`.
fn step(pattern: &str, c: char, fold: bool) -> Option<&str> {
    let first = pattern.chars().next()?;
    let after = &pattern[first.len_utf8()..];
    match first {
        '?' => Some(after),
        '[' => {
            let (class, after) = split_class(pattern).ok()?;
            let inside =
                class.has(c) || (fold && (class.has(c.to_ascii_lowercase()) || class.has(c.to_ascii_uppercase())));
            (inside != class.negated).then_some(after)
        }
        literal => (literal == c || (fold && literal.eq_ignore_ascii_case(&c))).then_some(after),
    }
}

impl fmt::Debug for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn stars_classes_and_single_characters() {
        for (pattern, text, expected) in [
            ("/mail/*", "/mail/inbox/7", true),
            ("/mail/*", "/mail", false),
            ("*", "", true),
            ("*", "/a/b", true),
            ("/?", "/é", true),
            ("/?", "/", false),
            ("/[a-c]x", "/bx", true),
            ("/[!a-c]x", "/bx", false),
            ("/[^a-c]x", "/dx", true),
            ("[*]", "*", true),
            ("[*]", "a", false),
            ("[]]", "]", true),
            ("a*b*c", "a-bb-c", true),
            ("a*b*c", "a-bb-", false),
            ("*aab", "aaaab", true),
        ] {
            assert_eq!(Glob::new(pattern).unwrap().matches(text, false), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn case_counts_unless_folded() {
        let glob = Glob::new("*Chrome/[A-F]*").unwrap();
        assert!(!glob.matches("x chrome/b", false));
        assert!(glob.matches("x chrome/b", true));
    }

    #[test]
    fn broken_ones_are_refused() {
        assert_eq!(Glob::new(""), Err(GlobError::Empty));
        assert_eq!(Glob::new("a[b"), Err(GlobError::Unclosed));
        assert_eq!(Glob::new("a[]"), Err(GlobError::EmptyClass));
        assert_eq!(Glob::new("[z-a]"), Err(GlobError::Backwards));
        assert_eq!(Glob::new(&"x".repeat(501)), Err(GlobError::TooLong));
    }

    #[test]
    fn no_pattern_is_slow() {
        let glob = Glob::new(&"a*".repeat(200)).unwrap();
        assert!(!glob.matches(&("a".repeat(199).replace('a', "ab") + "c"), false));
    }
}
