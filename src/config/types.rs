//! The small values that settings are made of: addresses, routes, secrets.
//!
//! What must stay true: each is in one canonical form (hosts lower-case, ports always known, paths
//! without a slash at the end), so that equal ones are equal. They are made in `addresses`.

use std::fmt;

/// A prefix of requests. A longer one wins.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Route {
    /// Lower-case host without a port; `None` is any host.
    pub host: Option<String>,
    /// Path prefix on segment boundaries; begins with `/` and ends with one only when it is `/`.
    pub path: String,
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.host.as_deref().unwrap_or(""), self.path)
    }
}

/// An address that speaks plain HTTP, without a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HttpUrl {
    /// Lower-case name or address; an IPv6 address is in brackets.
    pub host: String,
    /// 80 where none is written.
    pub port: u16,
}

impl HttpUrl {
    /// `host:port`, as a connection and most headers want it. The port is always there.
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

impl fmt::Display for HttpUrl {
    /// Without a slash at the end, so that a path can follow.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            80 => write!(f, "http://{}", self.host),
            port => write!(f, "http://{}:{port}", self.host),
        }
    }
}

/// The server that performs an application.
pub type Upstream = HttpUrl;

/// A text that must not be shown: its `Debug` says only that there is one.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Wraps `text`.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself. The name is long so that its uses are easy to find.
    pub fn expose_secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
