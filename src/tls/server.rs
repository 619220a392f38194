//! What a listener offers: certificates by the name that the client asks for, and protocols.
//!
//! What must stay true: an [`Acceptor`] lives as long as its listener; [`Acceptor::reload`] replaces what it offers for
//! the handshakes that follow, and leaves connections alone.

use std::{path::PathBuf, sync::Arc};

use arc_swap::ArcSwap;
use rustls::{
    RootCertStore, ServerConfig,
    crypto::ring,
    server::{ClientHello, NoClientAuth, ResolvesServerCert, WebPkiClientVerifier, danger::ClientCertVerifier},
    sign::CertifiedKey,
};

use super::Certificate;

/// What is offered in a handshake.
#[derive(Debug)]
pub struct Offer {
    config: Arc<ServerConfig>,
    certificates: Vec<(PathBuf, i64)>,
}

impl Offer {
    /// These certificates, of which the first is for clients that name no host or an unknown one; these protocols, the
    /// preferred one first. Clients may show a certificate of `client_ca`; who must is decided by its listener.
    ///
    /// # Errors
    /// When the authority cannot be used.
    pub fn new(
        certificates: &[Certificate],
        protocols: &[&str],
        client_ca: Option<&Arc<RootCertStore>>,
    ) -> Result<Self, String> {
        let provider = Arc::new(ring::default_provider());
        let verifier: Arc<dyn ClientCertVerifier> = match client_ca {
            None => Arc::new(NoClientAuth),
            Some(roots) => {
                let builder = WebPkiClientVerifier::builder_with_provider(Arc::clone(roots), Arc::clone(&provider));
                builder.allow_unauthenticated().build().map_err(|error| error.to_string())?
            }
        };
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| error.to_string())?.with_client_cert_verifier(verifier);
        let mut config = builder.with_cert_resolver(Arc::new(ByName(certificates.to_vec())));
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        // Clients resume without a place in this process's memory.
        config.ticketer = ring::Ticketer::new().map_err(|error| error.to_string())?;
        let certificates = certificates.iter().map(|one| (one.file().to_owned(), one.expires())).collect();
        Ok(Self { config: Arc::new(config), certificates })
    }
}

/// One listener's TLS. Shared by all its workers.
#[derive(Debug)]
pub struct Acceptor {
    /// For people: `gate` or `control`.
    listener: &'static str,
    offer: ArcSwap<Offer>,
}

impl Acceptor {
    /// For this listener.
    pub fn new(listener: &'static str, offer: Offer) -> Arc<Self> {
        Arc::new(Self { listener, offer: ArcSwap::from_pointee(offer) })
    }

    /// From now on this is offered; connections that exist go on.
    pub fn reload(&self, offer: Offer) {
        self.offer.store(Arc::new(offer));
    }

    /// Its listener.
    pub fn listener(&self) -> &'static str {
        self.listener
    }

    /// The files of its certificates, and from when on each is not valid any more, in seconds since 1970.
    pub fn expiries(&self) -> Vec<(PathBuf, i64)> {
        self.offer.load().certificates.clone()
    }

    /// The settings of the next handshake.
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.offer.load().config)
    }
}

/// Chooses by the name that the client asks for.
#[derive(Debug)]
struct ByName(Vec<Certificate>);

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = hello.server_name().and_then(|name| self.0.iter().find(|one| one.is_for(name)));
        named.or_else(|| self.0.first()).map(|one| Arc::clone(&one.key))
    }
}
