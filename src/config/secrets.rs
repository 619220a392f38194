//! Fresh passwords, tokens and farm secrets. Randomness comes from the system's cryptographic source.

use rand::Rng as _;

use super::ConfigError;
use crate::vocabulary::password;
pub use crate::vocabulary::token_sha256;

/// 32 characters, 5 bits each, without similar ones.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Hashes a password with a fresh salt, as a PHC string for `operator.password`.
///
/// # Errors
///
/// [`ConfigError::Hash`] when the password is too long or no salt can be made.
pub fn hash_password(text: &str) -> Result<String, ConfigError> {
    password::hash(text).map_err(ConfigError::Hash)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_long_and_differ() {
        let token = new_token();
        assert_eq!(token.len(), 3 + 64);
        assert_ne!(token, new_token());
    }

    #[test]
    fn passwords_have_four_groups_that_can_be_typed() {
        let password = new_password();
        assert_eq!(password.split('-').map(str::len).collect::<Vec<_>>(), [5; 4]);
        assert_ne!(password, new_password());
    }
}
