//! The tokens of the configuration, and how one is presented (RFC 6750).
//!
//! Must stay true: a token's text is compared by its SHA-256 in constant time, and is never logged or stored.

use std::{fmt, sync::Arc};

use arc_swap::ArcSwap;
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};
use tokio_util::sync::CancellationToken;

use crate::{availability::Moment, control::rights::Rights, vocabulary::token_sha256};

/// One token, as the configuration has it.
#[derive(Clone)]
pub(crate) struct Token {
    /// Stands in the history: as operator, or as reporter `token/NAME`.
    pub name: String,
    /// What it may do.
    pub rights: Rights,
    /// From when on it is not valid any more.
    pub expires: Option<Moment>,
    /// The SHA-256 of its text.
    pub sha256: [u8; 32],
    /// Cancelled when it leaves the configuration, or changes there.
    pub ended: CancellationToken,
}

impl Token {
    pub(super) fn is_valid(&self, now: Moment) -> bool {
        self.expires.is_none_or(|end| now < end)
    }

    fn is_same(&self, other: &Self) -> bool {
        let Self { name, rights, expires, sha256, ended: _ } = self;
        (name, rights, expires, sha256) == (&other.name, &other.rights, &other.expires, &other.sha256)
    }
}

impl fmt::Debug for Token {
    /// Without the hash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("name", &self.name).field("rights", &self.rights).finish_non_exhaustive()
    }
}

/// The tokens of this node.
#[derive(Debug, Default)]
pub(crate) struct Tokens(ArcSwap<Vec<Token>>);

impl Tokens {
    /// These and no others.
    pub(crate) fn new(tokens: Vec<Token>) -> Self {
        Self(ArcSwap::from_pointee(tokens))
    }

    /// These from now on. A long-running request ends with its token, if that has changed.
    pub(crate) fn change(&self, tokens: Vec<Token>) {
        let before = self.0.load_full();
        let kept = |token: Token| before.iter().find(|known| known.is_same(&token)).cloned().unwrap_or(token);
        let now: Vec<Token> = tokens.into_iter().map(kept).collect();
        let gone: Vec<&Token> = before.iter().filter(|token| !now.iter().any(|kept| kept.is_same(token))).collect();
        self.0.store(Arc::new(now));
        gone.into_iter().for_each(|token| token.ended.cancel());
    }

    /// There are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.load().is_empty()
    }

    /// The token whose text this is. Looks at all of them, whichever it is.
    pub(crate) fn find(&self, text: &str) -> Option<Token> {
        let (presented, tokens) = (token_sha256(text), self.0.load());
        let mut found = u64::MAX;
        for (at, token) in (0_u64..).zip(tokens.iter()) {
            let same: Choice = token.sha256[..].ct_eq(&presented[..]);
            found = u64::conditional_select(&found, &at, same);
        }
        usize::try_from(found).ok().and_then(|at| tokens.get(at).cloned())
    }
}

/// The token of `Bearer TOKEN`; the scheme's case does not count (RFC 9110 §11.1).
pub(super) fn bearer(credentials: &str) -> Option<&str> {
    let (scheme, token) = credentials.trim().split_once(' ')?;
    let token = token.trim_start();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && !token.contains(' ')).then_some(token)
}
