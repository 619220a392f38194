//! Whom a client believes: the system's authorities, or those of a file; and the certificate that it shows.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_platform_verifier::BuilderVerifierExt as _;

use super::Certificate;

/// The settings of a client that believes these authorities, or the system's, and shows this certificate where it is
/// asked for one.
///
/// # Errors
/// Why the system's authorities cannot be read.
pub fn client(roots: Option<&Arc<RootCertStore>>, own: Option<&Certificate>) -> Result<ClientConfig, rustls::Error> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?;
    let builder = match roots {
        Some(roots) => builder.with_root_certificates(Arc::clone(roots)),
        None => builder.with_platform_verifier()?,
    };
    Ok(match own {
        None => builder.with_no_client_auth(),
        Some(own) => {
            builder.with_client_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(Arc::clone(&own.key))))
        }
    })
}
