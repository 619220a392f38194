//! Passwords and their argon2id hashes (m = 19,456 KiB, t = 2, p = 1: RFC 9106 by way of OWASP's
//! minimum).
//!
//! Must stay true: a comparison takes the same time wherever it fails; a hash in the configuration can be
//! verified at a cost that this node can bear. Hashing and verifying take tens of milliseconds and 19 MiB:
//! never do this on a thread that others wait for.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{self, PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};

/// The longest password, in bytes; more would only cost time.
pub const MAX_PASSWORD: usize = 1_024;

/// The most memory that a configured hash may ask for, in KiB (1 GiB): a slip of the pen there must
/// not let a sign-in exhaust the node.
const MAX_MEMORY: u32 = 1024 * 1024;

/// Hashes a password with a fresh salt, as a PHC string.
///
/// # Errors
/// When the password is longer than [`MAX_PASSWORD`] or no salt can be made.
pub fn hash(password: &str) -> Result<String, password_hash::Error> {
    if password.len() > MAX_PASSWORD {
        return Err(password_hash::Error::PasswordInvalid);
    }
    hasher().hash_password(password.as_bytes()).map(|hash| hash.to_string())
}

/// The parameters of new hashes, written out so that a library's new default is our decision.
fn hasher() -> Argon2<'static> {
    let params = Params::new(19_456, 2, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Whether `password` is the one that `phc` was made from. A `phc` that is not a hash belongs to no
/// password. The cost is the one written in `phc`.
pub fn verify(phc: &str, password: &str) -> bool {
    let right = |hash| hasher().verify_password(password.as_bytes(), &hash).is_ok();
    password.len() <= MAX_PASSWORD && PasswordHash::new(phc).is_ok_and(right)
}

/// Checks that a hash can be verified at a cost that this node can bear.
///
/// # Errors
/// What is wrong with it; the hash is not repeated.
pub fn check_phc(phc: &str) -> Result<String, String> {
    let wanted = "must be an argon2id hash, as `forewarn hash-password` prints it";
    let hash = PasswordHash::new(phc).map_err(|error| format!("{wanted}: {error}"))?;
    if hash.algorithm.as_str() != Algorithm::Argon2id.as_str() || hash.hash.is_none() {
        return Err(wanted.to_owned());
    }
    let params = Params::try_from(&hash).map_err(|error| format!("{wanted}: {error}"))?;
    if params.m_cost() > MAX_MEMORY || params.t_cost() > 100 || params.p_cost() > 64 {
        return Err("asks for more than m=1048576 (1 GiB), t=100 or p=64".to_owned());
    }
    Ok(phc.to_owned())
}

/// The hash of a password, cheap on purpose, for tests.
#[cfg(test)]
pub fn cheap_hash(password: &str) -> String {
    let params = Params::new(64, 1, 1, None).expect("small parameters");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password(password.as_bytes())
        .expect("a hash")
        .to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_hash_verifies_its_password_and_no_other() {
        let hash = hash("correct horse").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(verify(&hash, "correct horse"));
        assert!(!verify(&hash, "correct horsf") && !verify(&hash, "correct horse "));
        assert_ne!(hash, super::hash("correct horse").unwrap(), "same salt");
        check_phc(&hash).unwrap();
        let cheap = cheap_hash("x");
        assert!(verify(&cheap, "x") && !verify(&cheap, "y"));
    }

    #[test]
    fn what_is_not_a_hash_belongs_to_no_password() {
        assert!(!verify("", "") && !verify("plain", "plain") && !verify("$argon2id$", "x"));
        let long = "x".repeat(MAX_PASSWORD + 1);
        assert!(hash(&long).is_err() && !verify(&cheap_hash(&long), &long));
    }

    #[test]
    fn hashes_that_cannot_be_verified_here_are_refused() {
        let good = hash("x").unwrap();
        assert!(check_phc(&good.replace("argon2id", "argon2i")).is_err());
        assert!(check_phc(&good.replace("m=19456", "m=4000000")).is_err());
        assert!(check_phc(good.rsplit_once('$').unwrap().0).is_err(), "without its hash");
    }
}
