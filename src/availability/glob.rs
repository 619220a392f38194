//! Globs of criteria (docs/contract.md#criteria): `*` is any run of characters, `/` included, `?` one
//! character, `[…]` a class (`[a-z]`, `[!a-z]` or `[^a-z]`). No escapes: `[*]` is a literal star.
//!
//! There are two ways to read a glob. A *submitted* glob keeps the bounds below, so that comparing it with a
//! request has a known cost. A glob from peers or the store is kept and compared as it is, within the wider
//! bounds of earlier versions.
//!
//! Must stay true: a glob is its text. Two globs are equal if their texts are, and the text is written as it
//! was read. Matching allocates once per glob ([`Glob::prepare`]) and reads each character of the text once
//! ([`matcher`]).

use std::{cmp::Ordering, fmt, hash, sync::OnceLock};

use self::matcher::Matcher;
use element::Element;

mod element;
mod language;
mod matcher;
pub(super) mod path;
mod search;

pub(super) use language::{COOKIES, HEADERS, Language, TEXTS};

/// Longest glob that may be submitted, in bytes.
pub const MAX_GLOB: usize = 256;
/// Most `*` of a glob that may be submitted.
pub const MAX_STARS: usize = 8;
/// Longest glob that is kept when a peer hands it over, in characters.
const LONGEST_KEPT: usize = 500;

/// A checked pattern.
pub struct Glob {
    text: String,
    /// The prepared matchers: case-sensitive and case-insensitive. Made when first needed.
    matchers: [OnceLock<Box<Matcher>>; 2],
}

/// What a glob is compared with.
#[derive(Debug, Clone, Copy)]
pub enum Text<'a> {
    /// Characters.
    Utf8(&'a str),
    /// Bytes that are not UTF-8: each is taken for the character of Latin-1.
    Latin1(&'a [u8]),
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self::Utf8(text)
    }
}

impl<'a> From<&'a [u8]> for Text<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        std::str::from_utf8(bytes).map_or(Self::Latin1(bytes), Self::Utf8)
    }
}

/// Why a text is not a glob, or not one that may be submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    /// It is empty.
    #[error("is empty")]
    Empty,
    /// Longer than a peer's may be.
    #[error("is longer than {LONGEST_KEPT} characters")]
    TooLong,
    /// Longer than a submitted one may be.
    #[error("is longer than {MAX_GLOB} bytes")]
    TooManyBytes,
    /// More stars than a submitted one may have.
    #[error("has more than {MAX_STARS} '*'")]
    TooManyStars,
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
    /// Reads a pattern as peers and the store hand it over.
    ///
    /// # Errors
    /// When it is empty, longer than 500 characters, or has a broken class.
    pub fn new(text: &str) -> Result<Self, GlobError> {
        if text.is_empty() {
            return Err(GlobError::Empty);
        }
        if text.chars().count() > LONGEST_KEPT {
            return Err(GlobError::TooLong);
        }
        element::parse(text)?;
        Ok(Self { text: text.to_owned(), matchers: Default::default() })
    }

    /// Reads a pattern as it is submitted.
    ///
    /// # Errors
    /// When it is empty, longer than [`MAX_GLOB`] bytes, has more than [`MAX_STARS`] stars, or a broken
    /// class.
    pub fn submitted(text: &str) -> Result<Self, GlobError> {
        if text.len() > MAX_GLOB {
            return Err(GlobError::TooManyBytes);
        }
        let glob = Self::new(text)?;
        let stars = glob.elements().filter(|element| matches!(element, Element::Star)).count();
        if stars > MAX_STARS { Err(GlobError::TooManyStars) } else { Ok(glob) }
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the whole of a text matches; `fold` ignores ASCII case. Linear in the length of the text.
    pub fn matches<'t>(&self, text: impl Into<Text<'t>>, fold: bool) -> bool {
        self.matcher(fold).matches(text.into())
    }

    /// Prepares [`Glob::matches`], so that no request waits for it.
    pub fn prepare(&self, fold: bool) {
        self.matcher(fold);
    }

    /// How many words of 64 bits a search for what stands between its stars takes, which its cost is
    /// proportional to; 0 where nothing is searched for.
    pub(super) fn words(&self, fold: bool) -> usize {
        self.matcher(fold).words()
    }

    /// Whether some text of this language matches.
    pub(super) fn can_match(&self, language: &Language, fold: bool) -> bool {
        language.meets(&self.elements().collect::<Vec<_>>(), fold)
    }

    /// The text that every match begins with, if case counts.
    pub(super) fn start(&self) -> String {
        let one = |element| if let Element::One(c) = element { Some(c) } else { None };
        self.elements().map_while(one).collect()
    }

    fn matcher(&self, fold: bool) -> &Matcher {
        self.matchers[usize::from(fold)].get_or_init(|| Box::new(Matcher::of(self.elements(), fold)))
    }

    fn elements(&self) -> impl Iterator<Item = Element> {
        // Was read once before.
        element::parse(&self.text).unwrap_or_default().into_iter().map(|(element, _)| element)
    }
}

impl Clone for Glob {
    fn clone(&self) -> Self {
        Self { text: self.text.clone(), matchers: Default::default() }
    }
}

impl PartialEq for Glob {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Glob {}

impl PartialOrd for Glob {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Glob {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl hash::Hash for Glob {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
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
            ("a*a", "a", false),
            ("*ä?[ö-ü]*z", "xäyöz", true),
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
    fn bytes_that_are_no_utf_8_are_read_as_latin_1() {
        let glob = Glob::new("*caf? [é]*").unwrap();
        assert!(glob.matches("x café é", true));
        assert!(glob.matches(b"x caf\xe9 \xe9.".as_slice(), true));
        assert!(!glob.matches(b"x caf\xe9 e".as_slice(), true));
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
    fn submitted_ones_are_bounded_and_kept_ones_of_earlier_versions_still_match() {
        assert!(Glob::submitted(&"é".repeat(128)).is_ok());
        assert_eq!(Glob::submitted(&"é".repeat(129)), Err(GlobError::TooManyBytes));
        assert!(Glob::submitted("*a*b*c*d*e*f*g*[*]").is_ok());
        assert_eq!(Glob::submitted("*a*b*c*d*e*f*g*h*"), Err(GlobError::TooManyStars));
        let old = Glob::new(&"a*".repeat(200)).unwrap();
        assert!(old.matches("ab".repeat(200).as_str(), false));
        assert!(!old.matches(("ab".repeat(199) + "c").as_str(), false));
    }
}
