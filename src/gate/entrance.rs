//! How clients come in at a listener: plainly, under TLS, or to be sent to `https`.

use std::{net::SocketAddr, sync::Arc};

use crate::tls::Acceptor;

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Entrance {
    /// What is spoken there.
    pub kind: Kind,
    /// Trusted proxies say by the PROXY protocol for whom they speak.
    pub proxy_protocol: bool,
    /// Clients without TLS may begin with HTTP/2.
    pub h2c: bool,
}

/// What is spoken at a listener.
#[derive(Debug, Clone, Default)]
pub enum Kind {
    /// HTTP as it is.
    #[default]
    Plain,
    /// Under TLS.
    Tls(Arc<Acceptor>),
    /// HTTP as it is; every request is sent to `https`, at this port.
    Redirect(u16),
}

/// How one client came in.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Arrival {
    /// Its address; none for local sockets.
    pub(super) peer: Option<SocketAddr>,
    /// Where it connected to; none for local sockets.
    pub(super) local: Option<SocketAddr>,
    /// Under TLS.
    pub(super) secure: bool,
    /// It is to be sent to `https`, at this port.
    pub(super) redirect: Option<u16>,
    /// It may begin with HTTP/2.
    pub(super) h2c: bool,
    /// By HTTP/2.
    pub(super) http2: bool,
}

/// Marks requests for the gate itself that came under TLS.
pub(super) struct Secure;

/// Where a request is sent that came without TLS. `host` has no characters that end a line.
pub(super) fn location(host: &str, port: u16, origin: &str) -> String {
    let name = super::route::host_name(host);
    let slash = if origin.starts_with('/') { "" } else { "/" };
    match port {
        443 => format!("https://{name}{slash}{origin}"),
        _ => format!("https://{name}:{port}{slash}{origin}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirection_keeps_the_target_and_changes_the_port() {
        assert_eq!(location("mail.example:80", 443, "/a//b?c"), "https://mail.example/a//b?c");
        assert_eq!(location("mail.example", 8443, "?c"), "https://mail.example:8443/?c");
        assert_eq!(location("[::1]:80", 8443, "/"), "https://[::1]:8443/");
    }
}
