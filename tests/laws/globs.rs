//! Globs against a matcher that tries everything.

use forewarn::availability::Glob;
use proptest::prelude::*;

use crate::{cases, naive::glob_matches};

const SEEDS: &str = "tests/laws/proptest-regressions/globs.txt";

proptest! {
    #![proptest_config(cases(20_000, SEEDS))]

    #[test]
    fn a_glob_matches_what_it_must(
        parts in prop::collection::vec(
            prop::sample::select(vec!["*", "?", "a", "b", "é", "/", "-", "[ab]", "[!a]", "[^b/]", "[]a]", "[a-c]", "[-b]", "[a-]", "[*]", "[!]]"]), 1..7),
        text in "[abcAB/é*\\]-]{0,7}",
    ) {
        let pattern = parts.concat();
        let glob = Glob::new(&pattern).unwrap();
        prop_assert_eq!(glob.matches(text.as_str(), false), glob_matches(&pattern, &text), "{} {}", pattern, text);
        // Without case: as if both were small, for these classes have no capitals of their own.
        prop_assert_eq!(glob.matches(text.as_str(), true), glob_matches(&pattern, &text.to_ascii_lowercase()), "{} {} folded", pattern, text);
    }

    #[test]
    fn no_text_makes_reading_or_matching_panic(pattern in "[\\[\\]!^a-c*?é-]{0,8}", text in "\\PC{0,6}") {
        if let Ok(glob) = Glob::new(&pattern) {
            glob.matches(text.as_str(), true);
            prop_assert_eq!(glob.matches(text.as_str(), false), glob_matches(&pattern, &text), "{} {}", pattern, text);
        }
    }
}
