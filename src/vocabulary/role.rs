//! What an operator or the bearer of a token may do (docs/contract.md#who-may-do-what).

use std::{fmt, str::FromStr};

/// The role of an operator or a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Everything; speaks as a person.
    Operator,
    /// Reads, and speaks as a monitor.
    Monitor,
    /// Reads only.
    Viewer,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 3] = [Self::Operator, Self::Monitor, Self::Viewer];

    /// As it is written in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Monitor => "monitor",
            Self::Viewer => "viewer",
        }
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| {
            let roles = Self::ALL.map(|role| format!("\"{role}\""));
            format!("must be {}", roles.join(" or "))
        })
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
