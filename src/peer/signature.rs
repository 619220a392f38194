//! Signatures under the requests and answers of peers: HMAC-SHA256 with the farm's secret (RFC 2104).
//!
//! Must stay true: every part that a receiver acts on is under the signature; two different
//! messages never yield the same signed bytes (each field is preceded by its length, and requests
//! and answers begin with different words); signatures are compared in constant time; nothing is
//! said about clock or replay to those who cannot sign. What is signed is part of the wire format:
//! another order or another field needs another first word, and a test pins the bytes.
//!
//! Pure: time is an argument. Knows no HTTP library; headers come in through a look-up function.

use std::{fmt, time::Duration};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::availability::{Moment, NodeId};

/// Who sends, or who answers: a UUID.
pub const NODE: &str = "forewarn-node";
/// How often the sender's store has been opened: a decimal number.
pub const BOOT: &str = "forewarn-boot";
/// What the sender drew at this boot: 16 hexadecimal digits.
pub const BOOT_NONCE: &str = "forewarn-boot-nonce";
/// When the request was signed: milliseconds since 1970, decimal.
pub const TIME: &str = "forewarn-time";
/// What makes the request unlike any other: 32 hexadecimal digits.
pub const NONCE: &str = "forewarn-nonce";
/// The signature: 64 hexadecimal digits.
pub const SIGNATURE: &str = "forewarn-signature";

/// How far the clocks of two nodes may be apart (SPEC 6). Exactly this much is still accepted.
pub const WINDOW: Duration = Duration::from_secs(300);

/// The first signed field of a request.
const REQUEST: &str = "forewarn-request-v1";
/// The first signed field of an answer: no answer can pass for a request, nor the other way round.
const ANSWER: &str = "forewarn-answer-v1";

/// Who a node is and which of its runs this is (SPEC 5): copied and restored stores are found by it.
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

/// What a request with a valid signature says about where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sender {
    /// Who sent it.
    pub identity: Identity,
    /// When it was signed, by the sender's clock; at most [`WINDOW`] away from this node's.
    pub time: Moment,
    /// Its nonce: for the memory of replays, and the answer's signature is bound to it.
    pub nonce: Nonce,
}

/// Why a request or an answer is not believed. The texts say what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A header is not there.
    #[error("the header {0} is missing: only nodes of this farm may ask here, and they sign what they send")]
    Missing(&'static str),
    /// A header is not in its one form.
    #[error("the header {0} is malformed")]
    Malformed(&'static str),
    /// Another secret, or something was changed on the way.
    #[error("wrong signature: farm.secret differs between the two nodes, or the message was changed on its way")]
    Forged,
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
pub struct Key(Hmac<Sha256>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    /// The key that this secret is. Whether it is long enough is the configuration's business.
    pub fn new(secret: &str) -> Self {
        Self(Hmac::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length (RFC 2104 §2)"))
    }

    /// The headers that make a request the sender's own. `path` is what stands in the request line,
    /// with its query; `nonce` must be fresh.
    pub fn sign_request(&self, sender: &Sender, method: &str, path: &str, body: &[u8]) -> [(&'static str, String); 6] {
        let fields = SenderFields::of(sender);
        let signature = self.request(&fields, method, path, body).finalize().into_bytes();
        let SenderFields { node, boot, boot_nonce, time, nonce } = fields;
        [
            (NODE, node),
            (BOOT, boot),
            (BOOT_NONCE, boot_nonce),
            (TIME, time),
            (NONCE, nonce),
            (SIGNATURE, hex::encode(signature)),
        ]
    }

    /// Who sent this request. Whether it was here before is the business of
    /// [`Nonces`](super::nonces::Nonces), to be asked next.
    ///
    /// # Errors
    /// [`Refusal::Missing`], [`Refusal::Malformed`], [`Refusal::Forged`], and only then
    /// [`Refusal::Clock`].
    pub fn verify_request<'h>(
        &self,
        header: impl Fn(&'static str) -> Option<&'h [u8]>,
        method: &str,
        path: &str,
        body: &[u8],
        now: Moment,
    ) -> Result<Sender, Refusal> {
        let sender = Sender {
            identity: Identity {
                node: node(&header)?,
                boot: decimal(&header, BOOT)?,
                boot_nonce: u64::from_be_bytes(digits(&header, BOOT_NONCE)?),
            },
            time: time(&header)?,
            nonce: Nonce(u128::from_be_bytes(digits(&header, NONCE)?)),
        };
        let signature: [u8; 32] = digits(&header, SIGNATURE)?;
        // What was read is written again and that is signed, so only the values count.
        let mac = self.request(&SenderFields::of(&sender), method, path, body);
        mac.verify_slice(&signature).or(Err(Refusal::Forged))?;
        let skew_ms = sender.time.millis() - now.millis();
        if u128::from(skew_ms.unsigned_abs()) > WINDOW.as_millis() {
            return Err(Refusal::Clock { skew_ms });
        }
        Ok(sender)
    }

    /// The headers that make an answer `node`'s own, to the request with this nonce and no other.
    pub fn sign_answer(&self, node: NodeId, nonce: Nonce, status: u16, body: &[u8]) -> [(&'static str, String); 2] {
        let signature = self.answer(node, nonce, status, body).finalize().into_bytes();
        [(NODE, node.to_string()), (SIGNATURE, hex::encode(signature))]
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
        let signature: [u8; 32] = digits(&header, SIGNATURE)?;
        self.answer(node, nonce, status, body).verify_slice(&signature).or(Err(Refusal::Forged))?;
        Ok(node)
    }

    /// Everything that a request's signature covers.
    fn request(&self, sender: &SenderFields, method: &str, path: &str, body: &[u8]) -> Hmac<Sha256> {
        let SenderFields { node, boot, boot_nonce, time, nonce } = sender;
        let body = body_hash(body);
        self.over(&[REQUEST, node, boot, boot_nonce, time, nonce, method, path, &body])
    }

    /// Everything that an answer's signature covers.
    fn answer(&self, node: NodeId, nonce: Nonce, status: u16, body: &[u8]) -> Hmac<Sha256> {
        let (node, nonce, status) = (node.to_string(), nonce.to_string(), status.to_string());
        self.over(&[ANSWER, &node, &nonce, &status, &body_hash(body)])
    }

    /// Each field after its length (8 bytes, big-endian), so that no two lists of fields look alike.
    fn over(&self, fields: &[&str]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        for field in fields {
            mac.update(&(field.len() as u64).to_be_bytes());
            mac.update(field.as_bytes());
        }
        mac
    }
}

/// A sender in the form of its headers, which is also the form that is signed.
struct SenderFields {
    node: String,
    boot: String,
    boot_nonce: String,
    time: String,
    nonce: String,
}

impl SenderFields {
    fn of(sender: &Sender) -> Self {
        let Identity { node, boot, boot_nonce } = sender.identity;
        Self {
            node: node.to_string(),
            boot: boot.to_string(),
            boot_nonce: format!("{boot_nonce:016x}"),
            time: sender.time.millis().to_string(),
            nonce: sender.nonce.to_string(),
        }
    }
}

/// The body's SHA-256, 64 hexadecimal digits.
fn body_hash(body: &[u8]) -> String {
    hex::encode(Sha256::digest(body))
}

fn text<'h>(header: &impl Fn(&'static str) -> Option<&'h [u8]>, name: &'static str) -> Result<&'h str, Refusal> {
    let bytes = header(name).ok_or(Refusal::Missing(name))?;
    std::str::from_utf8(bytes).or(Err(Refusal::Malformed(name)))
}

fn node<'h>(header: &impl Fn(&'static str) -> Option<&'h [u8]>) -> Result<NodeId, Refusal> {
    // the hyphenated form only: `Uuid` reads others as well
    let text = text(header, NODE)?;
    let uuid = Some(text).filter(|text| text.len() == 36).and_then(|text| Uuid::try_parse(text).ok());
    uuid.map(NodeId).ok_or(Refusal::Malformed(NODE))
}

fn decimal<'h>(header: &impl Fn(&'static str) -> Option<&'h [u8]>, name: &'static str) -> Result<u64, Refusal> {
    // no sign: `parse` would take a plus
    let text = text(header, name)?;
    let number = Some(text).filter(|text| text.bytes().all(|b| b.is_ascii_digit())).and_then(|text| text.parse().ok());
    number.ok_or(Refusal::Malformed(name))
}

fn time<'h>(header: &impl Fn(&'static str) -> Option<&'h [u8]>) -> Result<Moment, Refusal> {
    let millis = i64::try_from(decimal(header, TIME)?).or(Err(Refusal::Malformed(TIME)))?;
    // a moment stops at the year 9999; what lies beyond must not be read as something else
    Some(Moment::from_millis(millis)).filter(|time| time.millis() == millis).ok_or(Refusal::Malformed(TIME))
}

fn digits<'h, const N: usize>(
    header: &impl Fn(&'static str) -> Option<&'h [u8]>,
    name: &'static str,
) -> Result<[u8; N], Refusal> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text(header, name)?, &mut bytes).or(Err(Refusal::Malformed(name)))?;
    Ok(bytes)
}

#[cfg(test)]
#[path = "signature_tests.rs"]
mod tests;
