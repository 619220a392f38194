//! A text that is never shown, and the stored form of a token.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// Its `Debug` says only that there is one.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself. The name is long so that its uses are easy to find.
    pub fn expose_secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What is kept of an API token: the SHA-256 of its text. A token has 256 random bits, so that
/// nothing slower is needed.
pub fn token_sha256(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown_and_a_token_is_hashed_as_other_tools_do() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(…)");
        // the well-known digest of "abc", so that `sha256sum` can make the same line
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex::encode(token_sha256("abc")), known);
    }
}
