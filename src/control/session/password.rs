//! Passwords against their argon2id hashes. Slow by design: call it off the async threads.

use argon2::{
    Argon2,
    password_hash::{PasswordVerifier as _, phc::PasswordHash},
};

/// Whether this password made this hash (a PHC string, `$argon2id$…`). False, too, for what is no
/// such string. Takes some 20 ms and 19 MiB with the default parameters.
pub fn verify(phc: &str, password: &str) -> bool {
    // The cost parameters are those in the string, not those of the default.
    PasswordHash::new(phc).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

/// The hash of a password, cheap on purpose, for tests of this room and of the pages.
#[cfg(test)]
pub fn cheap_hash(password: &str) -> String {
    use argon2::{Algorithm, Params, PasswordHasher as _, Version};
    let params = Params::new(64, 1, 1, None).expect("small parameters");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password(password.as_bytes())
        .expect("a hash")
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_fits_and_nonsense_fits_nothing() {
        let phc = cheap_hash("correct horse");
        assert!(verify(&phc, "correct horse"));
        assert!(!verify(&phc, "correct horse "));
        assert!(!verify("", "") && !verify("$argon2id$", "x"));
    }
}
