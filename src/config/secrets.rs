//! Passwords and tokens: made, hashed, compared.
//!
//! What must stay true: randomness comes from the system's cryptographic source; passwords are
//! kept as argon2id (m = 19,456 KiB, t = 2, p = 1: RFC 9106 by way of OWASP's minimum), tokens,
//! which have 256 bits of their own, as plain SHA-256; comparisons take the same time wherever they
//! fail. Hashing a password takes tens of milliseconds and 19 MiB: never do it on a thread that
//! others wait for.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use rand::Rng as _;
use sha2::{Digest as _, Sha256};

use super::ConfigError;

/// The longest password that is hashed, in bytes; more would only cost time.
pub const MAX_PASSWORD: usize = 1_024;

/// The most memory a configured hash may ask for, in KiB (1 GiB): a slip of the pen there must not
/// let a sign-in exhaust the node.
const MAX_MEMORY: u32 = 1024 * 1024;

/// Without letters that are mistaken for one another; 32 of them, 5 bits each.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Hashes a password with a fresh salt, as a PHC string for `operator.password`.
///
/// # Errors
///
/// [`ConfigError::Hash`] when the password is longer than [`MAX_PASSWORD`] or no salt can be made.
pub fn hash_password(password: &str) -> Result<String, ConfigError> {
    if password.len() > MAX_PASSWORD {
        let error = argon2::password_hash::Error::PasswordInvalid;
        return Err(ConfigError::Hash(error));
    }
    let hash = hasher().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string()).map_err(ConfigError::Hash)
}

/// The parameters of new hashes, written out so that a library's new default is our decision.
fn hasher() -> Argon2<'static> {
    let params = Params::new(19_456, 2, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Whether `password` is the one that `phc` was made from. A `phc` that is none is nobody's
/// password. The cost is the one written in `phc`.
pub fn verify_password(phc: &str, password: &str) -> bool {
    match PasswordHash::new(phc) {
        Ok(hash) if password.len() <= MAX_PASSWORD => {
            let verified = hasher().verify_password(password.as_bytes(), &hash);
            verified.is_ok()
        }
        _ => false,
    }
}

/// Checks that a configured hash can be verified at a cost this node can bear. The message does
/// not repeat the hash.
pub(super) fn check_phc(phc: &str) -> Result<String, String> {
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

/// A new API token: `fw_` and 256 random bits in hexadecimal.
pub fn new_token() -> String {
    format!("fw_{}", random_hex())
}

/// A new farm secret: 256 random bits in hexadecimal.
pub fn new_farm_secret() -> String {
    random_hex()
}

fn random_hex() -> String {
    let mut bytes = [0_u8; 32];
    rand::rng().fill_bytes(&mut bytes);
    hex::encode(bytes)
}

/// A new password that can be read aloud and typed: 100 random bits in four groups of five.
pub fn new_password() -> String {
    let mut bytes = [0_u8; 20];
    rand::rng().fill_bytes(&mut bytes);
    let letters = bytes.map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    let groups: Vec<String> = letters.chunks(5).map(String::from_iter).collect();
    groups.join("-")
}

/// What the configuration keeps of a token.
pub fn token_sha256(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_verifies_its_password_and_no_other() {
        let hash = hash_password("correct horse").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(verify_password(&hash, "correct horse"));
        assert!(!verify_password(&hash, "correct horsf"));
        assert_ne!(hash, hash_password("correct horse").unwrap(), "same salt");
        check_phc(&hash).unwrap();
    }

    #[test]
    fn what_is_no_hash_is_nobodys_password() {
        assert!(!verify_password("", ""));
        assert!(!verify_password("plain", "plain"));
        assert!(hash_password(&"x".repeat(MAX_PASSWORD + 1)).is_err());
    }

    #[test]
    fn hashes_that_cannot_be_verified_here_are_refused() {
        let good = hash_password("x").unwrap();
        assert!(check_phc(&good.replace("argon2id", "argon2i")).is_err());
        assert!(check_phc(&good.replace("m=19456", "m=4000000")).is_err());
        let without_hash = good.rsplit_once('$').unwrap().0;
        assert!(check_phc(without_hash).is_err());
    }

    #[test]
    fn tokens_are_long_and_differ() {
        let token = new_token();
        assert_eq!(token.len(), 3 + 64);
        assert_ne!(token, new_token());
        // the well-known digest of "abc", so that `sha256sum` can make the same line
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex::encode(token_sha256("abc")), known);
    }

    #[test]
    fn passwords_have_four_groups_that_can_be_typed() {
        let password = new_password();
        assert_eq!(password.split('-').map(str::len).collect::<Vec<_>>(), [5; 4]);
        assert_ne!(password, new_password());
    }
}
