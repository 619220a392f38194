//! Finds the entries in which two large ledgers differ: range-based set reconciliation (A. Meyer, 2023) by the
//! `negentropy` crate. Fingerprints of ranges are exchanged until the differing ranges are short enough to be
//! listed. 100,000 entries with 10 differences take three rounds and a few kilobytes.

use std::collections::HashMap;

use negentropy::{Id, Negentropy, NegentropyStorageVector};

use crate::availability::Stamp;

/// Longest range message, in bytes. Longer ones are cut by the protocol and continued.
const FRAME: u64 = 512 * 1024;
/// Longest range message that is read, in hexadecimal digits: twice the longest that is sent.
const MAX_MESSAGE: usize = 4 * FRAME as usize;
/// The most differing entries that one talk finds; the next talk finds the others.
const MAX_DIFFERENCES: usize = 1_000_000;

/// A set of entries, prepared for comparing. Building it takes O(n log n) for n entries, and a hash
/// each.
#[derive(Debug, Clone)]
pub struct Index {
    storage: NegentropyStorageVector,
    stamps: HashMap<Id, Stamp>,
}

impl Index {
    /// Prepares what has these stamps and digests.
    pub fn of(holdings: impl Iterator<Item = (Stamp, u128)>) -> Self {
        let mut storage = NegentropyStorageVector::new();
        let mut stamps = HashMap::new();
        for (stamp, digest) in holdings {
            let id = id(digest);
            stamps.insert(id, stamp);
            // Fails only after it was sealed.
            let _ = storage.insert(u64::try_from(stamp.time.millis()).unwrap_or(0), id);
        }
        let _ = storage.seal();
        Self { storage, stamps }
    }
}

/// The name of an entry or a record in `need` lists: its digest, in hexadecimal.
pub fn name(digest: u128) -> String {
    format!("{digest:032x}")
}

fn id(digest: u128) -> Id {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(&digest.to_be_bytes());
    Id::from_byte_array(bytes)
}

fn decode(message: &str) -> Result<Vec<u8>, String> {
    if message.len() > MAX_MESSAGE {
        return Err(format!("{} digits, more than {MAX_MESSAGE}", message.len()));
    }
    hex::decode(message).map_err(|e| e.to_string())
}

/// Whether this is a range message. Costs one reading of it, however large the ledger is.
///
/// # Errors
/// Says what is wrong with it.
pub fn check(message: &str) -> Result<(), String> {
    answer(std::iter::empty(), message).map(drop)
}

/// The reference's answer to a range message.
///
/// # Errors
/// When the message is none.
pub fn answer(holdings: impl Iterator<Item = (Stamp, u128)>, message: &str) -> Result<String, String> {
    let query = decode(message)?;
    let index = Index::of(holdings);
    let mut negentropy = Negentropy::borrowed(&index.storage, FRAME).map_err(|e| e.to_string())?;
    negentropy.reconcile(&query).map(hex::encode).map_err(|e| e.to_string())
}

/// The starting node's side.
#[derive(Debug, Clone)]
pub struct Initiator {
    index: Index,
    have: Vec<Id>,
    need: Vec<Id>,
}

impl Initiator {
    /// Begins; the first message.
    ///
    /// # Errors
    /// Never with a sealed index; the crate's types demand it.
    pub fn begin(index: Index) -> Result<(Self, String), String> {
        let first =
            Negentropy::borrowed(&index.storage, FRAME).and_then(|mut n| n.initiate()).map_err(|e| e.to_string())?;
        Ok((Self { index, have: Vec::new(), need: Vec::new() }, hex::encode(first)))
    }

    /// Takes the reference's message; the next one, or none when all differences are known.
    ///
    /// # Errors
    /// When the message is none.
    pub fn answer(&mut self, message: &str) -> Result<Option<String>, String> {
        let query = decode(message)?;
        let mut negentropy = Negentropy::borrowed(&self.index.storage, FRAME).map_err(|e| e.to_string())?;
        negentropy.set_initiator();
        let next = negentropy.reconcile_with_ids(&query, &mut self.have, &mut self.need).map_err(|e| e.to_string())?;
        if self.have.len().max(self.need.len()) > MAX_DIFFERENCES {
            return Err("it names more differences than there can be".to_owned());
        }
        Ok(next.map(hex::encode))
    }

    /// What the reference lacks, and the names of those that it has and we lack.
    pub fn differences(&mut self) -> (Vec<Stamp>, Vec<String>) {
        let have = std::mem::take(&mut self.have).iter().filter_map(|id| self.index.stamps.get(id).copied()).collect();
        let need = std::mem::take(&mut self.need).iter().map(|id| hex::encode(&id.as_bytes()[..16])).collect();
        (have, need)
    }
}
