//! Where a listener waits for connections.

use std::{
    fmt,
    net::{AddrParseError, SocketAddr},
    path::PathBuf,
    str::FromStr,
};

/// Begins the address of a local socket.
const UNIX: &str = "unix:";

/// An address and a port, or the file of a local socket.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Listen {
    /// `[::]` takes IPv4 too.
    Tcp(SocketAddr),
    /// `unix:/path`, an absolute one.
    Unix(PathBuf),
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix(UNIX) {
            // The system's limit is 108 bytes, one of which ends the path.
            Some(path) if path.starts_with('/') && path.len() < 108 && !path.contains('\0') => {
                Ok(Self::Unix(path.into()))
            }
            Some(_) => Err("must be \"unix:\" and an absolute path of at most 107 bytes".to_owned()),
            None => text.parse().map(Self::Tcp).map_err(|error: AddrParseError| {
                format!("must be an address and a port such as \"127.0.0.1:8080\": {error}")
            }),
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_address_or_a_file() {
        for text in ["127.0.0.1:8080", "[::]:0", "unix:/run/forewarn.sock"] {
            assert_eq!(text.parse::<Listen>().unwrap().to_string(), text);
        }
        for wrong in ["", "localhost:80", "8080", "unix:", "unix:run/x", &format!("unix:/{}", "x".repeat(107))] {
            assert!(wrong.parse::<Listen>().is_err(), "{wrong:?}");
        }
    }
}
