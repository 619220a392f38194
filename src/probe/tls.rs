//! TLS of monitors that ask an `https` address.
//!
//! Must stay true: every check verifies the certificate anew, so that one that has expired is found; hence no
//! session is resumed.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore, client::Resumption};

use crate::tls::client::client;

/// The settings of a client that believes these authorities, or the system's.
///
/// # Errors
/// Why the system's authorities cannot be read.
pub(super) fn unresumed(roots: Option<&Arc<RootCertStore>>) -> Result<Arc<ClientConfig>, rustls::Error> {
    let mut config = client(roots, None)?;
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}
