//! How the paths begin that some criteria can match: a request whose path begins otherwise is left alone without a
//! closer look.
//!
//! What must stay true: whatever is refused here would be refused by the globs too. Costs a few instructions, so
//! that a hundred criteria on one application cost a request next to nothing.

use super::Criteria;

/// How many bytes are compared.
const LEN: usize = 32;

/// The first bytes that all path globs of some criteria have in common; none where there are no globs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Beginning {
    bytes: [u64; LEN / 8],
    /// Which bits of them count.
    mask: [u64; LEN / 8],
}

/// The first bytes of a path.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start([u64; LEN / 8]);

impl Start {
    pub(super) fn of(path: &str) -> Self {
        Self(words(path.as_bytes()))
    }
}

impl Beginning {
    pub(super) fn of(criteria: &Criteria) -> Self {
        let common = criteria.path_start();
        let mask = vec![0xff; common.len()];
        Self { bytes: words(common.as_bytes()), mask: words(&mask) }
    }

    /// Whether a path that starts like this may match.
    pub(super) fn fits(&self, start: &Start) -> bool {
        let differs = |at: usize| (self.bytes[at] ^ start.0[at]) & self.mask[at];
        (0..LEN / 8).map(differs).fold(0, |all, one| all | one) == 0
    }
}

/// The first bytes of a text, with zeros behind its end.
fn words(text: &[u8]) -> [u64; LEN / 8] {
    let mut bytes = [0; LEN];
    let len = text.len().min(LEN);
    bytes[..len].copy_from_slice(&text[..len]);
    std::array::from_fn(|at| bytes[at * 8..(at + 1) * 8].iter().fold(0, |word, byte| word << 8 | u64::from(*byte)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_cannot_match_is_refused() {
        for (globs, path, fits) in [
            (&["/mail/a*"][..], "/mail/abc", true),
            (&["/mail/a*"], "/mail/b", false),
            (&["/mail/a*"], "/mail", false),
            (&["/mail/a*", "/mail/b*"], "/mail/b", true),
            (&["/mail/a*", "/mail/b*"], "/mail/c", true),
            (&["/mail/a*", "/chat/b*"], "/mail/c", true),
            (&["/*"], "/x", true),
            (&["*x"], "/y", true),
            (&["/é[a-c]?z"], "/%C3%A9x", true),
            (&["/é[a-c]?z"], "/%C3%AAx", false),
            (&["/exactly-this-path-which-is-longer-than-what-is-compared"], "/exactly-this-path-which-is-long", true),
            (&["/exactly-this-path-which-is-longer-than-what-is-compared"], "/exactly-this-path-which-is-lon", false),
        ] {
            let criteria = Criteria::parse(&json!({"paths": globs})).unwrap().unwrap();
            let may = Beginning::of(&criteria).fits(&Start::of(path));
            assert_eq!(may, fits, "{globs:?} {path}");
            assert!(may || !criteria.match_path(path));
        }
        let without = Criteria::parse(&json!({"methods": ["GET"]})).unwrap().unwrap();
        assert!(Beginning::of(&without).fits(&Start::of("/any")));
    }
}
