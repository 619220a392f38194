//! Finds a piece of a glob in a text, by the Shift-And algorithm (Baeza-Yates and Gonnet, 1992): a bit for
//! each position of the piece, set while the characters just read are its beginning. Its cost depends on
//! the length of text and piece and on nothing else.
//!
//! Texts are read byte by byte. A UTF-8 character of the piece is one position for each of its bytes; a
//! wildcard is one position that matches the first byte of a character and stays set over the bytes that follow
//! it. A class that distinguishes characters above 127 cannot be matched by bytes: such a piece is searched for
//! character by character, which is slower.

use super::element::Element;

/// Bits in a word.
const BITS: usize = 64;
/// Most words of a piece. Longer ones (of peers) are searched for character by character, and fit there.
const MOST_WORDS: usize = 8;
/// Chunk size of the search in four places at the same time: each place waits only for its own last step, and a
/// processor can overlap several.
const LANE: usize = 1_024;
/// Texts shorter than this are not worth that.
const SHORT: usize = 512;

/// One piece between two stars.
pub(super) struct Piece {
    latin1: Table,
    utf8: Utf8,
}

enum Utf8 {
    Bytes(Table),
    Characters(Characters),
}

impl Piece {
    pub(super) fn of(elements: Vec<Element>, fold: bool) -> Self {
        let single = |element: &Element| {
            let takes = |byte: u8| element.takes(char::from(byte), fold);
            Position { takes: std::array::from_fn(|byte| takes(byte as u8)), stays: false }
        };
        let latin1 = Table::of(&elements.iter().map(single).collect::<Vec<_>>());
        let positions: Option<Vec<Vec<Position>>> = elements.iter().map(|element| in_utf8(element, fold)).collect();
        let positions = positions.map(|positions| positions.concat()).filter(|p| p.len() <= MOST_WORDS * BITS);
        let utf8 = match positions {
            Some(positions) => Utf8::Bytes(Table::of(&positions)),
            None => Utf8::Characters(Characters::of(elements, fold)),
        };
        Self { latin1, utf8 }
    }

    /// Reads Latin-1 up to the end of the first place where the piece stands; false: it stands nowhere.
    pub(super) fn skip_latin1(&self, text: &mut &[u8]) -> bool {
        skip(text, self.latin1.find(text))
    }

    /// The same in UTF-8.
    pub(super) fn skip_utf8(&self, text: &mut &[u8]) -> bool {
        let end = match &self.utf8 {
            Utf8::Bytes(table) => table.find(text),
            Utf8::Characters(characters) => characters.find(text),
        };
        skip(text, end)
    }

    /// See [`super::Glob::words`]. Character by character costs as much as so many more.
    pub(super) fn words(&self) -> usize {
        match &self.utf8 {
            Utf8::Bytes(table) => table.words,
            Utf8::Characters(characters) => 6 + 2 * characters.words,
        }
    }
}

fn skip(text: &mut &[u8], end: Option<usize>) -> bool {
    *text = &text[end.unwrap_or(text.len())..];
    end.is_some()
}

/// One position of a piece.
#[derive(Clone)]
struct Position {
    takes: [bool; 256],
    /// Over the bytes that follow the first one of a character.
    stays: bool,
}

/// The positions of an element; none, if bytes do not tell what it takes.
fn in_utf8(element: &Element, fold: bool) -> Option<Vec<Position>> {
    if let Element::One(c) = element
        && !c.is_ascii()
    {
        let exactly = |byte: u8| Position { takes: std::array::from_fn(|at| at == usize::from(byte)), stays: false };
        return Some(c.encode_utf8(&mut [0; 4]).bytes().map(exactly).collect());
    }
    let mut edges = vec![0x80];
    element.edges(&mut edges);
    let mut beyond = edges.into_iter().filter_map(char::from_u32).map(|c| element.takes(c, fold));
    let stays = beyond.next().unwrap_or(false);
    if beyond.any(|takes| takes != stays) {
        return None;
    }
    let takes = |byte: u8| if byte.is_ascii() { element.takes(char::from(byte), fold) } else { stays && byte >= 0xc0 };
    Some(vec![Position { takes: std::array::from_fn(|byte| takes(byte as u8)), stays }])
}

/// What Shift-And needs.
struct Table {
    /// 1, 2, 4 or 8.
    words: usize,
    /// Word and bit of the last position.
    last: (usize, u64),
    /// For each byte the positions that take it, `words` words each.
    takes: Vec<u64>,
    /// The positions that stay.
    stays: Vec<u64>,
    /// Most bytes that the piece can take up.
    longest: usize,
}

impl Table {
    fn of(positions: &[Position]) -> Self {
        let words = positions.len().div_ceil(BITS).next_power_of_two();
        let place = |at: usize| (at / BITS, 1u64 << (at % BITS));
        let (mut takes, mut stays) = (vec![0; 256 * words], vec![0; words]);
        for (at, position) in positions.iter().enumerate() {
            let (word, bit) = place(at);
            for (byte, _) in position.takes.iter().enumerate().filter(|(_, takes)| **takes) {
                takes[byte * words + word] |= bit;
            }
            stays[word] |= if position.stays { bit } else { 0 };
        }
        let longest = positions.iter().map(|position| if position.stays { 4 } else { 1 }).sum();
        Self { words, last: place(positions.len() - 1), takes, stays, longest }
    }

    /// Where the first place ends at which the piece stands.
    fn find(&self, text: &[u8]) -> Option<usize> {
        match self.words {
            1 => self.in_lanes(text),
            2 => self.step_by_step::<2>(text),
            4 => self.step_by_step::<4>(text),
            _ => self.step_by_step::<MOST_WORDS>(text),
        }
    }

    fn step_by_step<const WORDS: usize>(&self, text: &[u8]) -> Option<usize> {
        let (takes, _) = self.takes.as_chunks::<WORDS>();
        let (Ok(takes), Ok(stays)) = (<&[[u64; WORDS]; 256]>::try_from(takes), <[u64; WORDS]>::try_from(&*self.stays))
        else {
            return None; // made for so many words
        };
        let mut begun = [0u64; WORDS];
        let step = |byte: &u8| {
            let (takes, follows) = (&takes[usize::from(*byte)], follows(*byte));
            let mut carry = 1;
            for word in 0..WORDS {
                let next = ((begun[word] << 1 | carry) & takes[word]) | (begun[word] & stays[word] & follows);
                carry = begun[word] >> (BITS - 1);
                begun[word] = next;
            }
            begun[self.last.0] & self.last.1 != 0
        };
        text.iter().position(step).map(|at| at + 1)
    }

    /// The same for a piece of one word: in four places at the same time while the text is long enough.
    fn in_lanes(&self, text: &[u8]) -> Option<usize> {
        let mut start = 0;
        while text.len() - start >= SHORT {
            let lane = ((text.len() - start) / 4).min(LANE);
            // Each reads on until what has begun within its part must have ended.
            let part = |at: usize| {
                let from = start + at * lane;
                &text[from..text.len().min(from + lane + self.longest - 1)]
            };
            if let Some(end) = self.first_of([part(0), part(1), part(2), part(3)], lane) {
                return Some(start + end);
            }
            start += 4 * lane;
        }
        self.step_by_step::<1>(&text[start..]).map(|end| start + end)
    }

    fn first_of(&self, parts: [&[u8]; 4], lane: usize) -> Option<usize> {
        let Ok(takes) = <&[u64; 256]>::try_from(&*self.takes) else { return None };
        let (stays, last) = (self.stays[0], self.last.1);
        let step =
            |begun: u64, byte: u8| ((begun << 1 | 1) & takes[usize::from(byte)]) | (begun & stays & follows(byte));
        let mut begun = [0u64; 4];
        let mut first: Option<usize> = None;
        let [a, b, c, d] = parts;
        let common = d.len();
        for (at, (((a, b), c), d)) in a.iter().zip(b).zip(c).zip(d).enumerate() {
            begun = [step(begun[0], *a), step(begun[1], *b), step(begun[2], *c), step(begun[3], *d)];
            if (begun[0] | begun[1] | begun[2] | begun[3]) & last != 0 {
                let ended = (0..4).filter(|lane| begun[*lane] & last != 0).map(|in_lane| in_lane * lane + at + 1);
                first = first.into_iter().chain(ended).min();
                if begun[0] & last != 0 {
                    return first;
                }
            }
        }
        // The last part may be shorter than the others.
        for (in_lane, part) in parts.into_iter().enumerate() {
            for (at, byte) in part.iter().enumerate().skip(common) {
                begun[in_lane] = step(begun[in_lane], *byte);
                if begun[in_lane] & last != 0 {
                    first = first.into_iter().chain([in_lane * lane + at + 1]).min();
                }
            }
        }
        first
    }
}

/// All bits for a byte that follows the first one of a character in UTF-8, none for others.
fn follows(byte: u8) -> u64 {
    u64::from(byte & 0xc0 == 0x80).wrapping_neg()
}

/// The same for a piece that bytes do not tell, character by character.
struct Characters {
    words: usize,
    last: (usize, u64),
    /// The first character of each interval that the piece does not tell apart, ascending from NUL.
    edges: Vec<u32>,
    /// For each interval the elements that take its characters.
    takes: Vec<u64>,
}

impl Characters {
    fn of(piece: Vec<Element>, fold: bool) -> Self {
        let words = piece.len().div_ceil(BITS);
        let mut edges: Vec<u32> = (0..=0x80).collect();
        piece.iter().for_each(|element| element.edges(&mut edges));
        edges.sort_unstable();
        edges.dedup();
        let mut takes = vec![0; edges.len() * words];
        for (interval, first) in edges.iter().enumerate() {
            for (at, element) in piece.iter().enumerate() {
                if char::from_u32(*first).is_some_and(|first| element.takes(first, fold)) {
                    takes[interval * words + at / BITS] |= 1 << (at % BITS);
                }
            }
        }
        let last = piece.len() - 1;
        Self { words, last: (last / BITS, 1 << (last % BITS)), edges, takes }
    }

    fn find(&self, text: &[u8]) -> Option<usize> {
        // A piece before this one may have ended within a character.
        let within = text.iter().take_while(|byte| follows(**byte) != 0).count();
        let text = std::str::from_utf8(&text[within..]).ok()?;
        let mut begun = [0u64; MOST_WORDS];
        let step = |(_, c): &(usize, char)| {
            let code = u32::from(*c);
            // Those below 129 are intervals of their own.
            let interval =
                if c.is_ascii() { code as usize } else { self.edges.partition_point(|edge| *edge <= code) - 1 };
            let takes = &self.takes[interval * self.words..][..self.words];
            let mut carry = 1;
            for (begun, takes) in begun.iter_mut().zip(takes) {
                let next = (*begun << 1 | carry) & takes;
                carry = *begun >> (BITS - 1);
                *begun = next;
            }
            begun[self.last.0] & self.last.1 != 0
        };
        text.char_indices().find(step).map(|(at, c)| within + at + c.len_utf8())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::Glob;
    use proptest::prelude::*;

    #[test]
    fn pieces_that_need_several_words_are_found() {
        for length in [63, 64, 65, 127, 128, 129, 200, 257, 498] {
            let piece: String = "aäb".chars().cycle().take(length).collect();
            let glob = Glob::new(&format!("*{piece}*")).unwrap();
            assert!(glob.matches(format!("bba{piece}a").as_str(), false), "{length}");
            let almost = &piece[..piece.len() - 1 - usize::from(piece.ends_with('ä'))];
            assert!(!glob.matches(format!("{almost}-{almost}-{}", &piece[1..]).as_str(), false), "{length}");
        }
    }

    #[test]
    fn classes_and_wildcards_are_searched_for_as_well() {
        for pattern in ["*[ä-ü]?[!a]b*c", "*[ä-ü]?[!a]b*?*c"] {
            let glob = Glob::new(pattern).unwrap();
            for (text, expected) in
                [("xxöxxb-c", true), ("äöübb日c", true), ("öxabxc", false), ("öxxb-", false), ("日öx日b日c", true)]
            {
                assert_eq!(glob.matches(text, false), expected, "{pattern} {text}");
            }
        }
    }

    proptest! {
        /// Wherever a piece stands in a long text, it is found: within a lane, across two, at the end; and
        /// nothing else is.
        #[test]
        fn a_piece_is_found_wherever_it_stands(
            piece in "[ab?é日]{1,70}", before in 0..9_000usize, after in 0..600usize, filler in prop::sample::select(vec!["a", "b", "-", "é", "日-"]),
        ) {
            let glob = Glob::new(&format!("*{piece}*")).unwrap();
            let written = piece.replace('?', "日");
            let around = |count: usize| filler.repeat(count / filler.len());
            let text = format!("{}{written}{}", around(before), around(after));
            prop_assert!(glob.matches(text.as_str(), false));
            let naive = |text: &str| {
                let text: Vec<char> = text.chars().collect();
                let piece: Vec<char> = piece.chars().collect();
                text.windows(piece.len()).any(|at| at.iter().zip(&piece).all(|(c, p)| *p == '?' || c == p))
            };
            let without = format!("{}{}", around(before), around(after));
            prop_assert_eq!(glob.matches(without.as_str(), false), naive(&without));
            // The end of the first of two pieces is where the second one begins.
            let twice = Glob::new(&format!("*{piece}*{piece}*")).unwrap();
            let again = text.clone() + &written;
            prop_assert!(twice.matches(again.as_str(), false));
            let latin1: Vec<u8> = text.bytes().chain([0xff]).collect();
            let bytes = Glob::new(&format!("*{}*", piece.replace(|c: char| !c.is_ascii(), "??"))).unwrap();
            prop_assert!(piece.contains(['é', '日', '?']) || bytes.matches(latin1.as_slice(), false));
        }
    }
}
