//! Compares a text with a glob, reading each character once.
//!
//! A glob is split at its stars. The text must begin with the part before the first star and end with the part
//! after the last one. The pieces between two stars are searched for from left to right ([`super::search`]),
//! each behind the previous one. The leftmost match is always sufficient, so there is no backtracking.

use super::{Text, element::Element, search::Piece};

/// See the module.
pub(super) struct Matcher {
    fold: bool,
    /// Before the first star.
    head: Vec<Element>,
    /// Between the stars, without empty pieces.
    middle: Vec<Piece>,
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
        let middle = pieces.into_iter().filter(|piece| !piece.is_empty()).map(|piece| Piece::of(piece, fold)).collect();
        Self { fold, head, middle, tail: Some(piece) }
    }

    pub(super) fn matches(&self, text: Text<'_>) -> bool {
        match text {
            Text::Utf8(text) => {
                let mut characters = text.chars();
                self.has_ends(&mut characters) && {
                    let mut rest = characters.as_str().as_bytes();
                    self.middle.iter().all(|piece| piece.skip_utf8(&mut rest))
                }
            }
            Text::Latin1(bytes) => {
                let mut bytes = bytes.iter();
                self.has_ends(&mut bytes.by_ref().map(|byte| char::from(*byte))) && {
                    let mut rest = bytes.as_slice();
                    self.middle.iter().all(|piece| piece.skip_latin1(&mut rest))
                }
            }
        }
    }

    /// Takes head and tail off a text; false: it does not have them.
    fn has_ends(&self, text: &mut impl DoubleEndedIterator<Item = char>) -> bool {
        let takes = |element: &Element, c: Option<char>| c.is_some_and(|c| element.takes(c, self.fold));
        if !self.head.iter().all(|element| takes(element, text.next())) {
            return false;
        }
        match &self.tail {
            None => text.next().is_none(),
            Some(tail) => tail.iter().rev().all(|element| takes(element, text.next_back())),
        }
    }

    /// See [`super::Glob::words`].
    pub(super) fn words(&self) -> usize {
        self.middle.iter().map(Piece::words).max().unwrap_or(0)
    }
}
