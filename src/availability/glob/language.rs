//! The texts that a request can have in one place. A glob that matches none of them is refused, because it
//! would never count (docs/contract.md#criteria).
//!
//! Such a set of texts is a small automaton. The glob and the automaton are run together: if both can reach
//! their end, some text matches.

use std::sync::LazyLock;

use super::element::{Element, span};

/// What the other characters of a header value are taken for: a bit that no text there has otherwise.
const BEYOND_ASCII: u128 = 1;

/// A set of texts, see the module.
pub(in crate::availability) struct Language {
    /// In words, for people.
    pub(in crate::availability) name: &'static str,
    /// The first one is where a text begins.
    states: Vec<State>,
}

struct State {
    /// A text may end here.
    ends: bool,
    /// By one of these characters to that state.
    steps: Vec<(u128, usize)>,
}

impl Language {
    /// Whether a glob of these elements matches some text of this language.
    pub(super) fn meets(&self, glob: &[Element], fold: bool) -> bool {
        let takes: Vec<u128> = glob
            .iter()
            .map(|element| match element {
                Element::Star => u128::MAX,
                other => (other.ascii(fold) & !BEYOND_ASCII) | u128::from(other.takes_beyond_ascii()),
            })
            .collect();
        let mut seen = vec![false; (glob.len() + 1) * self.states.len()];
        let mut open = vec![(0, 0)];
        while let Some((at, state)) = open.pop() {
            if std::mem::replace(&mut seen[at * self.states.len() + state], true) {
                continue;
            }
            let here = &self.states[state];
            let Some(element) = glob.get(at) else {
                if here.ends {
                    return true;
                }
                continue;
            };
            let is_star = *element == Element::Star;
            if is_star {
                open.push((at + 1, state));
            }
            let after = if is_star { at } else { at + 1 };
            open.extend(here.steps.iter().filter(|(by, _)| by & takes[at] != 0).map(|(_, to)| (after, *to)));
        }
        false
    }
}

fn set(characters: &str) -> u128 {
    characters.chars().fold(0, |bits, c| bits | span(c, c))
}

/// Paths as [`crate::availability::path::normalize`] makes them.
pub(in crate::availability) static PATHS: LazyLock<Language> = LazyLock::new(|| {
    const NORMAL: usize = 2;
    const PERCENT: usize = 5;
    let unreserved = span('a', 'z') | span('A', 'Z') | span('0', '9') | set("-._~");
    let (dot, slash, percent) = (set("."), set("/"), set("%"));
    let other = (unreserved | set("!$&'()*+,;=:@")) & !dot;
    let hex = span('0', '9') | span('A', 'F');
    let state = |ends: bool, steps: &[(u128, usize)]| State { ends, steps: steps.to_vec() };
    let mut states = vec![
        state(false, &[(slash, 1)]),
        // After a slash; within a segment; after `.` and `..` that begin one.
        state(true, &[(dot, 3), (other, NORMAL), (percent, PERCENT)]),
        state(true, &[(slash, 1), (dot | other, NORMAL), (percent, PERCENT)]),
        state(false, &[(dot, 4), (other, NORMAL), (percent, PERCENT)]),
        state(false, &[(dot | other, NORMAL), (percent, PERCENT)]),
    ];
    // Escapes, in capitals, of all bytes but NUL and what is written as it is. By the first digit, what the
    // second one may be.
    let seconds =
        [hex & !set("0"), hex, hex & !set("DE"), span('A', 'F'), set("0"), span('B', 'E'), set("0"), set("BCDF"), hex];
    let firsts = ["0", "1", "2", "3", "4", "5", "6", "7", "89ABCDEF"];
    let digits = firsts.iter().enumerate().map(|(at, first)| (set(first), PERCENT + 1 + at));
    states.push(State { ends: false, steps: digits.collect() });
    states.extend(seconds.map(|second| state(false, &[(second, NORMAL)])));
    Language { name: "the path of a request, normalized and without its query", states }
});

/// Values of header fields as they arrive (RFC 9110, section 5.5): without white space around them.
pub(in crate::availability) static HEADERS: LazyLock<Language> = LazyLock::new(|| {
    let visible = span('!', '~') | BEYOND_ASCII;
    let space = set(" \t");
    let states = vec![
        State { ends: true, steps: vec![(visible, 1)] },
        State { ends: true, steps: vec![(visible, 1), (space, 2)] },
        State { ends: false, steps: vec![(visible, 1), (space, 2)] },
    ];
    Language { name: "the value of a header field, which has no space around it", states }
});

/// Values of cookies: what stands between `=` and `;`, without white space or quotes around it.
pub(in crate::availability) static COOKIES: LazyLock<Language> = LazyLock::new(|| {
    let visible = (span('!', '~') | BEYOND_ASCII) & !set(";");
    let space = set(" \t");
    let states = vec![
        State { ends: true, steps: vec![(visible, 1)] },
        State { ends: true, steps: vec![(visible, 1), (space, 2)] },
        State { ends: false, steps: vec![(visible, 1), (space, 2)] },
    ];
    Language { name: "the value of a cookie", states }
});

/// Decoded values of query parameters: anything.
pub(in crate::availability) static TEXTS: LazyLock<Language> =
    LazyLock::new(|| Language { name: "any text", states: vec![State { ends: true, steps: vec![(u128::MAX, 0)] }] });

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{super::Glob, *};
    use crate::availability::path;
    use proptest::prelude::*;

    #[test]
    fn what_no_request_has_matches_nothing() {
        let can = |glob: &str, language: &Language, fold| Glob::new(glob).unwrap().can_match(language, fold);
        for (glob, expected) in [
            ("/mail/*", true),
            ("*", true),
            ("*.pdf", true),
            ("?mail", true),
            ("/.well-known/?", true),
            ("/...", true),
            ("/%2F%C3%A9", true),
            ("/a%*", true),
            ("mail/x", false),
            ("/mail//x", false),
            ("/*/./x", false),
            ("*/..", false),
            ("/[/]x", false),
            ("/[.]/x", false),
            ("/[é]", false),
            ("/[!é]", true),
            ("/café", false),
            ("/a b", false),
            ("/a#b", false),
            ("/%2f", false),
            ("/%41*", false),
            ("/%00", false),
            ("/a%", false),
            ("/%7E", false),
        ] {
            assert_eq!(can(glob, &PATHS, false), expected, "{glob}");
        }
        for (glob, expected) in [
            ("curl/*", true),
            ("*", true),
            ("a b", true),
            ("*é*", true),
            ("* ", false),
            (" a", false),
            ("a ", false),
            ("[\n]*", false),
        ] {
            assert_eq!(can(glob, &HEADERS, true), expected, "{glob:?}");
        }
        assert!(can("*\u{7}?", &TEXTS, false) && !can("[!\0-\u{d7ff}\u{e000}-\u{10ffff}]", &TEXTS, false));
    }

    proptest! {
        #[test]
        fn every_normalized_path_is_one(raw in "/([a-z./;%~é]|%[0-9a-fA-F]{2}){0,8}") {
            if let Ok(path) = path::normalize(&raw) {
                let literal: Vec<Element> = path.chars().map(Element::One).collect();
                prop_assert!(PATHS.meets(&literal, false), "{}", path);
            }
        }

        #[test]
        fn what_is_not_normal_is_none(raw in "/([a-c./;é]|%2[eEfF]|%5c|%6d|%25|%00|%7){0,5}") {
            let literal: Vec<Element> = raw.chars().map(Element::One).collect();
            prop_assert_eq!(PATHS.meets(&literal, false), path::normalize(&raw).is_ok_and(|path| path == raw));
        }
    }
}
