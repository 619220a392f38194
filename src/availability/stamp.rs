//! Stamps order notifications, totally and identically on every node (docs/contract.md#stamps).
//!
//! A stamp is a hybrid logical clock's time (Kulkarni et al., "Logical Physical Clocks", 2014), the
//! node that made it and a hash of the content. It is also the key of the ledger, so that the same
//! statement, handed in twice, is one entry.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

use super::Moment;

/// The identity of a node: a random UUID in its store. Names are for people.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub Uuid);

impl NodeId {
    /// Stands for any submitter: used in the stamps of submissions with their own timestamp, so that a retry at
    /// another node yields an equal entry.
    pub const NONE: Self = Self(Uuid::nil());
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Milliseconds, counter, node, content hash; compared in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// The time that decides precedence.
    pub time: Moment,
    /// Tells apart what one node stamps within a millisecond.
    pub counter: u32,
    /// Who made the stamp.
    pub node: NodeId,
    /// The first 16 bytes of the content's SHA-256.
    pub hash: [u8; 16],
}

/// Why bytes or a text are not a stamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a stamp")]
pub struct StampError;

impl Stamp {
    /// Length of the binary form, in bytes.
    pub const LEN: usize = 44;

    /// Big-endian, so that byte order is the order of stamps.
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[..8].copy_from_slice(&self.time.millis().to_be_bytes());
        bytes[8..12].copy_from_slice(&self.counter.to_be_bytes());
        bytes[12..28].copy_from_slice(self.node.0.as_bytes());
        bytes[28..].copy_from_slice(&self.hash);
        bytes
    }

    /// Reads what [`Stamp::to_bytes`] wrote.
    ///
    /// # Errors
    /// When the length or the time is not that of a stamp.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StampError> {
        let bytes: &[u8; Self::LEN] = bytes.try_into().or(Err(StampError))?;
        let millis = i64::from_be_bytes(bytes[..8].try_into().or(Err(StampError))?);
        let time = Moment::from_millis(millis);
        if time.millis() != millis {
            return Err(StampError);
        }
        Ok(Self {
            time,
            counter: u32::from_be_bytes(bytes[8..12].try_into().or(Err(StampError))?),
            node: NodeId(Uuid::from_bytes(bytes[12..28].try_into().or(Err(StampError))?)),
            hash: bytes[28..].try_into().or(Err(StampError))?,
        })
    }
}

impl fmt::Display for Stamp {
    /// The binary form in hexadecimal, 88 digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.to_bytes()))
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}@{}", self.time, self.counter, &self.node.to_string()[..8])
    }
}

impl FromStr for Stamp {
    type Err = StampError;

    fn from_str(text: &str) -> Result<Self, StampError> {
        let mut bytes = [0; Self::LEN];
        hex::decode_to_slice(text, &mut bytes).or(Err(StampError))?;
        Self::from_bytes(&bytes)
    }
}

impl Serialize for Stamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Stamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// A node's hybrid logical clock. It never gives a time that is not above everything it has seen,
/// whatever the node's own clock does.
#[derive(Debug, Clone, Copy, Default)]
pub struct StampClock {
    last: (Moment, u32),
}

impl StampClock {
    /// Records a stamp, an own one or another node's.
    pub fn see(&mut self, stamp: &Stamp) {
        self.last = self.last.max((stamp.time, stamp.counter));
    }

    /// Records a time, such as the greatest one ever admitted.
    pub fn see_time(&mut self, time: Moment) {
        self.last = self.last.max((time, u32::MAX));
    }

    /// The time and the counter of the next stamp.
    pub fn next(&mut self, now: Moment) -> (Moment, u32) {
        self.last = match self.last {
            (time, _) if now > time => (now, 0),
            (time, counter) if counter < u32::MAX => (time, counter + 1),
            (time, _) => (Moment::from_millis(time.millis() + 1), 0),
        };
        self.last
    }

    /// What [`StampClock::next`] would give as its time.
    pub fn peek(&self, now: Moment) -> Moment {
        let mut copy = *self;
        copy.next(now).0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn stamp(millis: i64, counter: u32) -> Stamp {
        Stamp { time: Moment::from_millis(millis), counter, node: NodeId(Uuid::from_u128(7)), hash: [3; 16] }
    }

    #[test]
    fn bytes_and_text_keep_the_order() {
        let (low, high) = (stamp(255, 9), stamp(256, 0));
        assert!(low < high && low.to_bytes() < high.to_bytes() && low.to_string() < high.to_string());
        assert_eq!(Stamp::from_bytes(&low.to_bytes()), Ok(low));
        assert_eq!(high.to_string().parse(), Ok(high));
        assert_eq!("00".parse::<Stamp>(), Err(StampError));
        assert_eq!(Stamp::from_bytes(&[0xff; Stamp::LEN]), Err(StampError));
    }

    #[test]
    fn a_clock_that_goes_back_gives_no_lower_stamp() {
        let mut clock = StampClock::default();
        let first = clock.next(Moment::from_millis(1_000));
        clock.see(&stamp(5_000, 4));
        let second = clock.next(Moment::from_millis(900));
        assert_eq!(second, (Moment::from_millis(5_000), 5));
        assert!(second > first);
        clock.see_time(Moment::from_millis(6_000));
        assert!(clock.next(Moment::from_millis(0)) > (Moment::from_millis(6_000), u32::MAX));
    }
}
