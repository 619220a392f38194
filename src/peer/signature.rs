//! Signatures of the requests and answers of peers: HMAC-SHA256 with the farm's secret (RFC 2104;
//! docs/contract.md#who-may-do-what).
//!
//! A request's signature covers its headers alone: the sender, the receiver, the time, and the length and hash
//! of its body. So a receiver knows from the head whether to read on, and hashes the body while it arrives.
//!
//! Must stay true: every part that a receiver acts on is under the signature; two different
//! messages never yield the same signed bytes (each field is preceded by its length, and requests
//! and answers begin with different words); a request is good at one node only; signatures are
//! compared in constant time; those who cannot sign learn nothing about clocks, replays or ids. What
//! is signed is part of the wire format: another order or another field needs another first word,
//! and a test pins the bytes.
//!
//! Pure: time is an argument. Knows no HTTP library; headers come in through a look-up function.

use std::{fmt, time::Duration};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

mod fields;

pub use self::fields::{BOOT, BOOT_NONCE, HASH, LENGTH, NODE, NONCE, SIGNATURE, SIGNATURE_TOO, TIME, TO};
use self::fields::{SenderFields, decimal, digits, node, text, time};
use crate::availability::{Moment, NodeId};

/// The largest accepted difference between the clocks of two nodes.
pub const WINDOW: Duration = Duration::from_secs(300);

/// The first signed field of a request.
const REQUEST: &str = "forewarn-request-v2";
/// The first signed field of an answer: no answer can pass for a request, nor the other way round.
const ANSWER: &str = "forewarn-answer-v1";

/// The first signed field of what is published for all nodes.
const BROADCAST: &str = "forewarn-broadcast-v1";

/// Who a node is and which of its runs this is: copied and restored stores are found by it
/// (docs/contract.md#announcement).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The UUID in its store.
    pub node: NodeId,
    /// How often the store has been opened.
    pub boot: u64,
    /// Drawn at this boot: two copies of one store have the same number, but not this.
    pub boot_nonce: u64,
}

/// 128 random bits, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Nonce(pub u128);

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The sender of a request with a valid signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sender {
    /// Who sent it.
    pub identity: Identity,
    /// When it was signed, by the sender's clock; at most [`WINDOW`] away from this node's.
    pub time: Moment,
    /// Its nonce: for the memory of replays, and the answer's signature is bound to it.
    pub nonce: Nonce,
}

/// The names under which a node is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receiver {
    /// Its identity.
    pub node: NodeId,
    /// Its advertised address, for those who do not know its identity yet.
    pub address: String,
}

impl Receiver {
    fn is_meant_by(&self, to: &str) -> bool {
        to == self.address || to == self.node.to_string()
    }
}

/// What a request promises about its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Promise {
    /// Its length in bytes.
    pub length: u64,
    /// Its SHA-256.
    pub hash: [u8; 32],
}

impl Promise {
    /// What is promised of this body.
    pub fn of(body: &[u8]) -> Self {
        Self { length: body.len() as u64, hash: Sha256::digest(body).into() }
    }

    fn hex(&self) -> String {
        hex::encode(self.hash)
    }
}

/// The head of a request whose signature holds. Its body is still to be compared with `body`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Who sent it.
    pub sender: Sender,
    /// What its body must be.
    pub body: Promise,
}

/// Why a request or an answer is not believed. The texts say what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A header is not there.
    #[error("the header {0} is missing: only nodes of this farm may send requests here, and they sign them")]
    Missing(&'static str),
    /// A header is not in its one form.
    #[error("the header {0} is malformed")]
    Malformed(&'static str),
    /// Another secret, or something was changed on the way.
    #[error("wrong signature: farm.secret differs between the two nodes, or the message was changed on its way")]
    Forged,
    /// Properly signed, but for another node.
    #[error(
        "this request is for {to}, and this node is {me}: another node answers at the address that was asked, or farm.peers lists an address that the node there does not advertise (control.advertise)"
    )]
    Elsewhere {
        /// The receiver.
        to: String,
        /// The address that this node advertises.
        me: String,
    },
    /// Properly signed, but too early or too late.
    #[error("clock more than {} s apart: {} s (the sender's is {}); set both nodes' clocks", WINDOW.as_secs(), .skew_ms.unsigned_abs() / 1000, if *.skew_ms > 0 { "ahead" } else { "behind" })]
    Clock {
        /// The sender's clock minus this node's, in milliseconds.
        skew_ms: i64,
    },
    /// Properly signed, but it has been here before.
    #[error("this request was received before; every request needs a nonce of its own")]
    Replayed,
    /// Whether it is a replay cannot be remembered.
    #[error("too many requests within {} s to tell replays from new ones; try again in a minute", WINDOW.as_secs())]
    Busy,
}

/// The farm's secret, ready for use. Cheap to clone; never shown.
#[derive(Clone)]
pub struct Key {
    now: Hmac<Sha256>,
    previous: Option<Hmac<Sha256>>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    /// The key that this secret is. Whether it is long enough is the configuration's business.
    pub fn new(secret: &str) -> Self {
        Self { now: mac(secret), previous: None }
    }

    /// The same while the farm changes its secret: messages are signed with both secrets, and either is believed.
    /// So a node is understood by those that know only one of the two, whichever it is.
    #[must_use]
    pub fn with_previous(self, secret: &str) -> Self {
        Self { previous: Some(mac(secret)), ..self }
    }

    /// What sets this farm apart from all others, for anybody to know: nothing of the secret can be learned from it.
    pub fn farm_id(&self) -> String {
        let mut mac = self.now.clone();
        mac.update(b"forewarn farm id");
        hex::encode(&mac.finalize().into_bytes()[..16])
    }

    /// The headers that make a request the sender's own. `to` is the receiver's id or address, `path`
    /// is what stands in the request line, with its query; the sender's nonce must be fresh.
    pub fn sign_request(
        &self,
        sender: &Sender,
        to: &str,
        method: &str,
        path: &str,
        body: &[u8],
    ) -> Vec<(&'static str, String)> {
        let (fields, promise) = (SenderFields::of(sender), Promise::of(body));
        let seal = self.request(&fields, to, method, path, &promise);
        let SenderFields { node, boot, boot_nonce, time, nonce } = fields;
        let mut headers = vec![
            (NODE, node),
            (BOOT, boot),
            (BOOT_NONCE, boot_nonce),
            (TIME, time),
            (NONCE, nonce),
            (TO, to.to_owned()),
            (LENGTH, promise.length.to_string()),
            (HASH, promise.hex()),
        ];
        headers.extend(seal.headers());
        headers
    }

    /// Who sent this request to `me`, and what its body must be. Whether it was here before is the
    /// business of [`Nonces`](super::nonces::Nonces), to be asked next.
    ///
    /// # Errors
    /// [`Refusal::Missing`], [`Refusal::Malformed`], [`Refusal::Forged`], and only then
    /// [`Refusal::Elsewhere`] and [`Refusal::Clock`].
    pub fn verify_request<'h>(
        &self,
        header: impl Fn(&'static str) -> Option<&'h [u8]>,
        method: &str,
        path: &str,
        me: &Receiver,
        now: Moment,
    ) -> Result<Claim, Refusal> {
        let sender = Sender {
            identity: Identity {
                node: node(&header)?,
                boot: decimal(&header, BOOT)?,
                boot_nonce: u64::from_be_bytes(digits(&header, BOOT_NONCE)?),
            },
            time: time(&header)?,
            nonce: Nonce(u128::from_be_bytes(digits(&header, NONCE)?)),
        };
        let to = text(&header, TO)?;
        let body = Promise { length: decimal(&header, LENGTH)?, hash: digits(&header, HASH)? };
        // What was read is written again and that is signed, so only the values count.
        self.request(&SenderFields::of(&sender), to, method, path, &body).verify(&header)?;
        if !me.is_meant_by(to) {
            return Err(Refusal::Elsewhere { to: to.to_owned(), me: me.address.clone() });
        }
        let skew_ms = sender.time.millis() - now.millis();
        if u128::from(skew_ms.unsigned_abs()) > WINDOW.as_millis() {
            return Err(Refusal::Clock { skew_ms });
        }
        Ok(Claim { sender, body })
    }

    /// The headers that make an answer `node`'s own, to the request with this nonce and no other.
    pub fn sign_answer(&self, node: NodeId, nonce: Nonce, status: u16, body: &[u8]) -> Vec<(&'static str, String)> {
        let mut headers = vec![(NODE, node.to_string())];
        headers.extend(self.answer(node, nonce, status, body).headers());
        headers
    }

    /// Who gave this answer to the request with this nonce.
    ///
    /// # Errors
    /// [`Refusal::Missing`], [`Refusal::Malformed`] or [`Refusal::Forged`].
    pub fn verify_answer<'h>(
        &self,
        header: impl Fn(&'static str) -> Option<&'h [u8]>,
        nonce: Nonce,
        status: u16,
        body: &[u8],
    ) -> Result<NodeId, Refusal> {
        let node = node(&header)?;
        self.answer(node, nonce, status, body).verify(&header)?;
        Ok(node)
    }

    /// The headers that make something `node`'s own, published for all nodes.
    pub fn sign_broadcast(&self, node: NodeId, body: &[u8]) -> Vec<(&'static str, String)> {
        let mut headers = vec![(NODE, node.to_string())];
        headers.extend(self.broadcast(node, body).headers());
        headers
    }

    /// Who has published this.
    ///
    /// # Errors
    /// [`Refusal::Missing`], [`Refusal::Malformed`] or [`Refusal::Forged`].
    pub fn verify_broadcast<'h>(
        &self,
        header: impl Fn(&'static str) -> Option<&'h [u8]>,
        body: &[u8],
    ) -> Result<NodeId, Refusal> {
        let node = node(&header)?;
        self.broadcast(node, body).verify(&header)?;
        Ok(node)
    }

    fn broadcast(&self, node: NodeId, body: &[u8]) -> Seal {
        self.over(&[BROADCAST, &node.to_string(), &Promise::of(body).hex()])
    }

    /// Everything that a request's signature covers.
    fn request(&self, sender: &SenderFields, to: &str, method: &str, path: &str, body: &Promise) -> Seal {
        let SenderFields { node, boot, boot_nonce, time, nonce } = sender;
        let (length, hash) = (body.length.to_string(), body.hex());
        self.over(&[REQUEST, node, boot, boot_nonce, time, nonce, to, method, path, &length, &hash])
    }

    /// Everything that an answer's signature covers.
    fn answer(&self, node: NodeId, nonce: Nonce, status: u16, body: &[u8]) -> Seal {
        let (node, nonce, status) = (node.to_string(), nonce.to_string(), status.to_string());
        self.over(&[ANSWER, &node, &nonce, &status, &Promise::of(body).hex()])
    }

    /// Each field after its length (8 bytes, big-endian), so that no two lists of fields look alike.
    fn over(&self, fields: &[&str]) -> Seal {
        let over = |mac: &Hmac<Sha256>| {
            let mut mac = mac.clone();
            for field in fields {
                mac.update(&(field.len() as u64).to_be_bytes());
                mac.update(field.as_bytes());
            }
            mac
        };
        Seal { now: over(&self.now), previous: self.previous.as_ref().map(over) }
    }
}

fn mac(secret: &str) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length (RFC 2104 §2)")
}

/// A message under each secret that this node knows.
struct Seal {
    now: Hmac<Sha256>,
    previous: Option<Hmac<Sha256>>,
}

impl Seal {
    /// The signatures. A node that knows only the previous secret reads the first header alone.
    fn headers(self) -> impl Iterator<Item = (&'static str, String)> {
        let (first, too) = match self.previous {
            Some(previous) => (previous, Some(self.now)),
            None => (self.now, None),
        };
        let named = [(SIGNATURE, Some(first)), (SIGNATURE_TOO, too)];
        named.into_iter().filter_map(|(name, mac)| Some((name, hex::encode(mac?.finalize().into_bytes()))))
    }

    /// Whether one of the signatures is by one of the secrets.
    fn verify<'h>(self, header: &impl Fn(&'static str) -> Option<&'h [u8]>) -> Result<(), Refusal> {
        let first: [u8; 32] = digits(header, SIGNATURE)?;
        let too: Option<[u8; 32]> = header(SIGNATURE_TOO).map(|_| digits(header, SIGNATURE_TOO)).transpose()?;
        let macs = [Some(self.now), self.previous];
        let good = |signature: &[u8; 32]| macs.iter().flatten().any(|mac| mac.clone().verify_slice(signature).is_ok());
        match good(&first) || too.is_some_and(|too| good(&too)) {
            true => Ok(()),
            false => Err(Refusal::Forged),
        }
    }
}

#[cfg(test)]
mod tests;
