//! Unknown values of `restore`, `priority` and `source` from a newer version: kept and passed on unchanged, so
//! that versions can mix (docs/contract.md#a-notification).
//!
//! Must stay true: every version that does not know such a value treats it in the same way, which each of these
//! types documents; a version that knows it does not drop differently (see `dropping.rs`). Knows nothing of
//! what the values mean.

use std::{fmt, str::FromStr};

/// Longest value, in bytes.
const LONGEST: usize = 16;

/// 1 to 16 of small ASCII letters, digits and `-`, as all these words are. Kept in place: an entry
/// does not grow by an allocation for what hardly ever occurs.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Unread([u8; LONGEST]);

impl Unread {
    /// The value as it came.
    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(LONGEST);
        // ASCII by construction.
        std::str::from_utf8(&self.0[..end]).unwrap_or_default()
    }
}

impl FromStr for Unread {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = (1..=LONGEST).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !fits {
            return Err("is no word of 1 to 16 of small letters, digits and '-'");
        }
        let mut bytes = [0; LONGEST];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self(bytes))
    }
}

impl fmt::Debug for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

/// The text of each known word of a type whose last variant is `Unread(Unread)`: reads and writes it.
macro_rules! open_words {
    ($type:ident: $($text:literal => $variant:ident),+) => {
        impl $type {
            /// As it is written; a newer version's word as it came.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Unread(word) => word.as_str(),
                }
            }
        }

        impl std::str::FromStr for $type {
            type Err = &'static str;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    other => other.parse().map(Self::Unread),
                }
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str($crate::availability::unread::Parsed(std::marker::PhantomData))
            }
        }
    };
}
pub(super) use open_words;

/// Parses a text where it lies: entries are read by the hundred thousand at start.
pub(super) struct Parsed<T>(pub(super) std::marker::PhantomData<T>);

impl<T: FromStr<Err = &'static str>> serde::de::Visitor<'_> for Parsed<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a word of 1 to 16 of small letters, digits and '-'")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().or(Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::availability::{Priority, Restore, Source};
    use serde_json::{Value, from_value, json, to_value};

    #[test]
    fn known_words_are_read_and_others_are_written_as_they_came() {
        assert_eq!(from_value::<Priority>(json!("critical")).unwrap(), Priority::Critical);
        assert_eq!(from_value::<Restore>(json!("automatic")).unwrap(), Restore::Automatic);
        assert_eq!(from_value::<Source>(json!("farm")).unwrap(), Source::Farm);
        assert_eq!(to_value(Source::Operator).unwrap(), json!("operator"));
        for newer in ["urgent", "step-by-step-2-3"] {
            assert_eq!(to_value(from_value::<Priority>(json!(newer)).unwrap()).unwrap(), json!(newer));
            assert_ne!(from_value::<Priority>(json!(newer)).unwrap(), Priority::Normal);
        }
    }

    #[test]
    fn what_is_no_such_word_is_not_kept() {
        for wrong in [
            json!(""),
            json!("Critical"),
            json!("no spaces"),
            json!("seventeen-letters"),
            json!(1),
            json!({}),
            Value::Null,
        ] {
            assert!(from_value::<Restore>(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
