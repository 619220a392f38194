//! What the gate gives visitors to carry: names of applications and a time, signed with a key that follows from
//! the farm's secret, so that every node can read it.
//!
//! What must stay true: what one purpose has signed is nothing to another; signatures are compared in constant
//! time; a token consists of characters that cookies and queries take as they are, and its length is bounded.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::Secret;

/// Between the parts of a token. No name has it.
const BETWEEN: char = '~';
/// The longest token that is read, in bytes.
const LONGEST: usize = 2_000;
/// Bytes of a signature.
const SIGNATURE: usize = 16;

/// A key for one purpose, and the one before it while the farm changes its secret.
#[derive(Clone)]
pub struct VisitorKey {
    now: [u8; 32],
    previous: Option<[u8; 32]>,
}

impl std::fmt::Debug for VisitorKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VisitorKey(…)")
    }
}

/// What a token says, once its signature was found good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Carried<'t> {
    names: &'t str,
    /// Since 1970.
    pub seconds: i64,
}

impl<'t> Carried<'t> {
    /// The applications.
    pub fn names(&self) -> impl Iterator<Item = &'t str> + use<'t> {
        self.names.split(BETWEEN)
    }
}

impl VisitorKey {
    fn derive(secret: &[u8], purpose: &str) -> Self {
        Self { now: mac(&hash_key(secret), &[purpose]), previous: None }
    }

    /// The same, and reads what this other key has signed.
    fn reading(self, previous: &Self) -> Self {
        Self { previous: Some(previous.now), ..self }
    }

    /// A token for these applications.
    pub fn sign<'n>(&self, names: impl IntoIterator<Item = &'n str>, seconds: i64) -> String {
        let mut token = String::new();
        names.into_iter().for_each(|name| token.extend([name, "~"]));
        token.push_str(&seconds.to_string());
        let signature = hex::encode(&mac(&self.now, &[&token])[..SIGNATURE]);
        token.push(BETWEEN);
        token + &signature
    }

    /// What a token says; `None`: this key has not signed it.
    pub fn read<'t>(&self, token: &'t str) -> Option<Carried<'t>> {
        let (said, signature) = token.get(..LONGEST.min(token.len()))?.rsplit_once(BETWEEN)?;
        let signature = hex::decode(signature).ok()?;
        let by =
            |key: &[u8; 32]| bool::from(subtle::ConstantTimeEq::ct_eq(&mac(key, &[said])[..SIGNATURE], &signature[..]));
        let good = by(&self.now) || self.previous.as_ref().is_some_and(by);
        let (names, seconds) = said.rsplit_once(BETWEEN)?;
        let seconds = seconds.parse().ok()?;
        good.then_some(Carried { names, seconds })
    }
}

/// The keys of one node.
#[derive(Debug, Clone)]
pub struct Visitors {
    /// Signs who is inside. Without a secret no other node reads it, and a restart forgets it.
    pub inside: VisitorKey,
    /// Signs testers' passes. `None`: there is nothing to sign them with.
    pub pass: Option<VisitorKey>,
}

impl Visitors {
    /// From `farm.secret` and `farm.pass_key`; `random` takes the secret's place.
    pub fn new(secret: Option<&Secret>, pass_key: Option<&Secret>, random: [u8; 32]) -> Self {
        let text = |secret: Option<&Secret>| secret.map_or(String::new(), |secret| secret.expose_secret().to_owned());
        let inside = match secret {
            Some(secret) => VisitorKey::derive(secret.expose_secret().as_bytes(), "forewarn-inside"),
            None => VisitorKey::derive(&random, "forewarn-inside"),
        };
        // Each with its length, so that no two pairs are the same bytes.
        let (one, other) = (text(secret), text(pass_key));
        let both = format!("{}:{one}{other}", one.len());
        let pass =
            (secret.is_some() || pass_key.is_some()).then(|| VisitorKey::derive(both.as_bytes(), "forewarn-pass"));
        Self { inside, pass }
    }

    /// The same keys, which also read what those of the previous secret have signed.
    #[must_use]
    pub fn reading(self, previous: &Self) -> Self {
        let pass = match (self.pass, &previous.pass) {
            (Some(pass), Some(before)) => Some(pass.reading(before)),
            (pass, _) => pass,
        };
        Self { inside: self.inside.reading(&previous.inside), pass }
    }
}

fn hash_key(secret: &[u8]) -> [u8; 32] {
    sha2::Digest::finalize(sha2::Digest::chain_update(<Sha256 as sha2::Digest>::new(), secret)).into()
}

fn mac(key: &[u8; 32], parts: &[&str]) -> [u8; 32] {
    // A key that is shorter than a block is filled up with zeros (RFC 2104, section 2).
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    parts.iter().for_each(|part| mac.update(part.as_bytes()));
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_token_is_read_by_the_key_that_signed_it_and_no_other() {
        let secret = Secret::new("a secret of some length");
        let keys = Visitors::new(Some(&secret), None, [0; 32]);
        let again = Visitors::new(Some(&secret), None, [1; 32]);
        let token = keys.inside.sign(["mail", "a.b-c"], 1_764_000_000);
        let read = again.inside.read(&token).unwrap();
        assert_eq!((read.names().collect::<Vec<_>>(), read.seconds), (vec!["mail", "a.b-c"], 1_764_000_000));
        assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b"~.-_".contains(&b)));
        assert!(keys.pass.as_ref().unwrap().read(&token).is_none(), "another purpose");
        let changed = Visitors::new(Some(&secret), Some(&Secret::new("a pass key of some length")), [0; 32]);
        let pass = keys.pass.unwrap().sign(["mail"], 1);
        assert!(again.pass.unwrap().read(&pass).is_some() && changed.pass.unwrap().read(&pass).is_none());
        assert!(Visitors::new(None, None, [0; 32]).pass.is_none());
    }

    #[test]
    fn what_the_previous_secret_has_signed_is_read_while_the_secret_changes() {
        let keys = |secret: &str| Visitors::new(Some(&Secret::new(secret)), None, [0; 32]);
        let (old, new) = (keys("the old secret of it"), keys("the new secret of it"));
        let both = new.clone().reading(&old);
        let tokens = |keys: &Visitors| (keys.inside.sign(["mail"], 7), keys.pass.as_ref().unwrap().sign(["mail"], 7));
        for signer in [&old, &new] {
            let (inside, pass) = tokens(signer);
            assert!(both.inside.read(&inside).is_some() && both.pass.as_ref().unwrap().read(&pass).is_some());
            assert!(both.inside.read(&pass).is_none());
        }
        assert_eq!(tokens(&both), tokens(&new));
        assert!(new.inside.read(&tokens(&old).0).is_none());
    }

    #[test]
    fn what_was_changed_is_not_read() {
        let key = VisitorKey::derive(b"x", "y");
        let token = key.sign(["mail"], 7);
        for wrong in
            [token.replace("mail", "chat"), token.replace("~7~", "~8~"), token[1..].to_owned(), format!("{token}0")]
        {
            assert!(key.read(&wrong).is_none(), "{wrong}");
        }
        for wrong in ["", "~", "~~", "mail~7", "mail~7~", "mail~7~zz", &"é".repeat(1_500)] {
            assert!(key.read(wrong).is_none(), "{wrong}");
        }
    }
}
