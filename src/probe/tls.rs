//! Who is believed when a monitor asks an `https` address: the system's authorities, or those of `tls_ca`.
//!
//! Must stay true: every check verifies the certificate anew, so that one that has expired is found; hence no
//! session is resumed.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore, client::Resumption, crypto::ring};
use rustls_platform_verifier::BuilderVerifierExt as _;

/// The settings of a client that believes these authorities, or the system's.
///
/// # Errors
/// Why the system's authorities cannot be read.
pub(super) fn client(roots: Option<&Arc<RootCertStore>>) -> Result<Arc<ClientConfig>, rustls::Error> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?;
    let builder = match roots {
        Some(roots) => builder.with_root_certificates(Arc::clone(roots)),
        None => builder.with_platform_verifier()?,
    };
    let mut config = builder.with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}
