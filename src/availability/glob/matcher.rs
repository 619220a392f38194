//! Compares a text with a glob, looking at each of its characters once.
//!
//! A glob is cut at its stars. What stands before the first star must be the beginning of the text,
//! what stands after the last one its end. What stands between two stars is searched for from left to
//! right, each piece behind the one before: the leftmost place is always good enough, so that nothing
//! is ever tried again. The search itself is the Shift-And algorithm (Baeza-Yates and Gonnet, 1992): a
//! bit for each element of the piece, set while the characters just read are its beginning. Its cost
//! does not depend on what the text and the piece have in common.

use super::element::Element;

/// Bits in a word.
const BITS: usize = 64;
/// Words that the longest glob that is kept can need.
const MOST_WORDS: usize = super::LONGEST_KEPT.div_ceil(BITS);

/// See the module.
pub(super) struct Matcher {
    fold: bool,
    /// Before the first star.
    head: Vec<Element>,
    /// Between the stars, without empty pieces.
    middle: Vec<Search>,
    /// After the last star; none where there is no star.
    tail: Option<Vec<Element>>,
}

impl Matcher {
    pub(super) fn of(elements: impl Iterator<Item = Element>, fold: bool) -> Self {
        let mut pieces = Vec::new();
        let mut piece = Vec::new();
        for element in elements {
            match element {
                Element::Star => pieces.push(std::mem::take(&mut piece)),
                other => piece.push(other),
            }
        }
        if pieces.is_empty() {
            return Self { fold, head: piece, middle: Vec::new(), tail: None };
        }
        let head = pieces.remove(0);
        let middle = pieces.iter().filter(|piece| !piece.is_empty()).map(|piece| Search::of(piece, fold)).collect();
        Self { fold, head, middle, tail: Some(piece) }
    }

    pub(super) fn matches(&self, text: &[u8]) -> bool {
        match std::str::from_utf8(text) {
            Ok(characters) if !text.is_ascii() => self.run(characters.chars()),
            // ASCII, which is quicker read byte by byte, or Latin-1.
            _ => self.run(text.iter().map(|byte| char::from(*byte))),
        }
    }

    fn run(&self, mut text: impl DoubleEndedIterator<Item = char>) -> bool {
        let takes = |element: &Element, c: Option<char>| c.is_some_and(|c| element.takes(c, self.fold));
        if !self.head.iter().all(|element| takes(element, text.next())) {
            return false;
        }
        let Some(tail) = &self.tail else { return text.next().is_none() };
        tail.iter().rev().all(|element| takes(element, text.next_back()))
            && self.middle.iter().all(|piece| piece.find(&mut text))
    }

    /// Words that the longest piece needs that is searched for; 0 without a search.
    pub(super) fn words(&self) -> usize {
        self.middle.iter().map(|piece| piece.words).max().unwrap_or(0)
    }
}

/// One piece that is searched for.
struct Search {
    /// Words that hold one bit for each element.
    words: usize,
    /// The bit of the last element, in the last word.
    last: u64,
    /// Which elements take a character, `words` words a character: one below 128 …
    ascii: Vec<u64>,
    /// … and one above, by the interval that it lies in.
    beyond: Vec<u64>,
    /// The first character of each interval, ascending.
    edges: Vec<u32>,
}

impl Search {
    fn of(piece: &[Element], fold: bool) -> Self {
        let words = piece.len().div_ceil(BITS);
        let mut edges = vec![0x80];
        piece.iter().for_each(|element| element.edges(&mut edges));
        edges.sort_unstable();
        edges.dedup();
        let mut ascii = vec![0; 128 * words];
        let mut beyond = vec![0; edges.len() * words];
        for (at, element) in piece.iter().enumerate() {
            let (word, bit) = (at / BITS, 1u64 << (at % BITS));
            let taken = element.ascii(fold);
            for c in (0..128).filter(|c| taken >> c & 1 == 1) {
                ascii[c * words + word] |= bit;
            }
            for (interval, first) in edges.iter().enumerate() {
                if char::from_u32(*first).is_some_and(|first| element.takes(first, fold)) {
                    beyond[interval * words + word] |= bit;
                }
            }
        }
        Self { words, last: 1 << ((piece.len() - 1) % BITS), ascii, beyond, edges }
    }

    /// The elements that take this character.
    #[inline]
    fn taking(&self, c: char) -> &[u64] {
        let code = u32::from(c);
        if c.is_ascii() {
            return &self.ascii[code as usize * self.words..][..self.words];
        }
        // The first interval begins at 128.
        let interval = self.edges.partition_point(|edge| *edge <= code) - 1;
        &self.beyond[interval * self.words..][..self.words]
    }

    /// Reads the text up to the end of the first place where the piece stands; false: it stands nowhere.
    fn find(&self, text: &mut impl Iterator<Item = char>) -> bool {
        if self.words == 1 {
            let mut begun = 0;
            return text.any(|c| {
                begun = (begun << 1 | 1) & self.taking(c)[0];
                begun & self.last != 0
            });
        }
        let mut begun = [0u64; MOST_WORDS];
        text.any(|c| {
            let mut carry = 1;
            for (word, taking) in begun.iter_mut().zip(self.taking(c)) {
                let next = (*word << 1 | carry) & taking;
                carry = *word >> (BITS - 1);
                *word = next;
            }
            begun[self.words - 1] & self.last != 0
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::Glob;

    #[test]
    fn pieces_that_need_several_words_are_found() {
        for length in [63, 64, 65, 127, 128, 129, 200, 498] {
            let piece = "aab".repeat(170)[..length].to_owned();
            let glob = Glob::new(&format!("*{piece}*")).unwrap();
            assert!(glob.matches(format!("bba{piece}a"), false), "{length}");
            let almost = &piece[..length - 1];
            assert!(!glob.matches(format!("{almost}-{almost}-{}", &piece[1..]), false), "{length}");
        }
    }

    #[test]
    fn classes_and_wildcards_are_searched_for_as_well() {
        let glob = Glob::new("*[ä-ü]?[!a]b*c").unwrap();
        for (text, expected) in
            [("xxöxxbc", true), ("äöübbc", true), ("öxabc", false), ("öxxb", false), ("日öx日b日c", true)]
        {
            assert_eq!(glob.matches(text, false), expected, "{text}");
        }
    }
}
