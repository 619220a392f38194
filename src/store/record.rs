//! The version byte in front of every stored record.
//!
//! Every value in the trees begins with one byte that names the encoding of the rest, so that a record can
//! change its form without a migration of the whole store. The encoder of a record knows the rest; this file
//! does not.

/// A stored value that cannot be taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a stored record is empty; even an empty one has its version byte")]
pub struct NoVersion;

/// Puts the version byte in front of an encoded record.
#[must_use]
pub fn wrap(version: u8, body: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(body.len() + 1);
    value.push(version);
    value.extend_from_slice(body);
    value
}

/// Takes a stored value apart into its version byte and the encoded record.
///
/// Fails on an empty value only; whether the version is known is for the caller to judge.
pub fn unwrap(value: &[u8]) -> Result<(u8, &[u8]), NoVersion> {
    let (version, body) = value.split_first().ok_or(NoVersion)?;
    Ok((*version, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrapped_comes_back_and_emptiness_is_noticed() {
        assert_eq!(unwrap(&wrap(7, b"body")), Ok((7, &b"body"[..])));
        assert_eq!(unwrap(&wrap(1, b"")), Ok((1, &b""[..])));
        assert_eq!(unwrap(b""), Err(NoVersion));
    }
}
