//! The header fields of signed messages: their names, and how each is written and read. Every value has exactly one
//! form, so that what is signed is what was sent.

use uuid::Uuid;

use super::{Identity, Refusal, Sender};
use crate::availability::{Moment, NodeId};

/// Who sends, or who answers: a UUID.
pub const NODE: &str = "forewarn-node";
/// How often the sender's store has been opened: a decimal number.
pub const BOOT: &str = "forewarn-boot";
/// What the sender drew at this boot: 16 hexadecimal digits.
pub const BOOT_NONCE: &str = "forewarn-boot-nonce";
/// When the request was signed: milliseconds since 1970, decimal.
pub const TIME: &str = "forewarn-time";
/// The receiver of the request: a node's UUID or, while that is unknown, its advertised address.
pub const TO: &str = "forewarn-to";
/// The length of the request's body in bytes, decimal.
pub const LENGTH: &str = "forewarn-length";
/// The SHA-256 of the request's body: 64 hexadecimal digits.
pub const HASH: &str = "forewarn-hash";
/// What makes the request unlike any other: 32 hexadecimal digits.
pub const NONCE: &str = "forewarn-nonce";
/// The signature: 64 hexadecimal digits.
pub const SIGNATURE: &str = "forewarn-signature";
/// While the farm changes its secret: the signature with the new secret, beside the one with the previous.
pub const SIGNATURE_TOO: &str = "forewarn-signature-new";

/// A sender in the form of its headers, which is also the form that is signed.
pub(super) struct SenderFields {
    pub(super) node: String,
    pub(super) boot: String,
    pub(super) boot_nonce: String,
    pub(super) time: String,
    pub(super) nonce: String,
}

impl SenderFields {
    pub(super) fn of(sender: &Sender) -> Self {
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

pub(super) fn text<'h>(
    header: &impl Fn(&'static str) -> Option<&'h [u8]>,
    name: &'static str,
) -> Result<&'h str, Refusal> {
    let bytes = header(name).ok_or(Refusal::Missing(name))?;
    std::str::from_utf8(bytes).or(Err(Refusal::Malformed(name)))
}

pub(super) fn node<'h>(header: &impl Fn(&'static str) -> Option<&'h [u8]>) -> Result<NodeId, Refusal> {
    // the hyphenated form only: `Uuid` reads others as well
    let text = text(header, NODE)?;
    let uuid = Some(text).filter(|text| text.len() == 36).and_then(|text| Uuid::try_parse(text).ok());
    uuid.map(NodeId).ok_or(Refusal::Malformed(NODE))
}

pub(super) fn decimal<'h>(
    header: &impl Fn(&'static str) -> Option<&'h [u8]>,
    name: &'static str,
) -> Result<u64, Refusal> {
    // no sign: `parse` would take a plus
    let text = text(header, name)?;
    let number = Some(text).filter(|text| text.bytes().all(|b| b.is_ascii_digit())).and_then(|text| text.parse().ok());
    number.ok_or(Refusal::Malformed(name))
}

pub(super) fn time<'h>(header: &impl Fn(&'static str) -> Option<&'h [u8]>) -> Result<Moment, Refusal> {
    let millis = i64::try_from(decimal(header, TIME)?).or(Err(Refusal::Malformed(TIME)))?;
    // a moment stops at the year 9999; what lies beyond must not be read as something else
    Some(Moment::from_millis(millis)).filter(|time| time.millis() == millis).ok_or(Refusal::Malformed(TIME))
}

pub(super) fn digits<'h, const N: usize>(
    header: &impl Fn(&'static str) -> Option<&'h [u8]>,
    name: &'static str,
) -> Result<[u8; N], Refusal> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text(header, name)?, &mut bytes).or(Err(Refusal::Malformed(name)))?;
    Ok(bytes)
}
