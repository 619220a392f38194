//! What a notification is about (docs/contract.md#targets).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Name;

/// `"system"`, `"application:NAME"` or `"resource:NAME"`. Their order is that of the causes of a
/// verdict among equals: the system, applications, resources by name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// Everything that the farm offers.
    System,
    /// One application.
    Application(Name),
    /// Something that applications draw on; all of those that use it are touched.
    Resource(Name),
}

impl FromStr for Target {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "is none of \"system\", \"application:NAME\" and \"resource:NAME\" (a name is 1 to 64 of letters, digits, '-', '_', '.')";
        match text.split_once(':') {
            None if text == "system" => Ok(Self::System),
            Some(("application", name)) => name.parse().map(Self::Application).or(Err(FORM)),
            Some(("resource", name)) => name.parse().map(Self::Resource).or(Err(FORM)),
            _ => Err(FORM),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("system"),
            Self::Application(name) => write!(f, "application:{name}"),
            Self::Resource(name) => write!(f, "resource:{name}"),
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}
