//! Certificates with their keys, and authorities, from PEM files.
//!
//! What must stay true: a [`Certificate`] has a key that belongs to it; every error names the file.

use std::{
    fmt::Display,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    sign::CertifiedKey,
};
use x509_parser::{extensions::GeneralName, prelude::FromDer as _};

/// The largest file of certificates that is read, in bytes: the system's own list is about 220 KiB.
const MOST: u64 = 4 << 20;

/// A certificate with what signs it, its key, and what it says of itself.
#[derive(Debug, Clone)]
pub struct Certificate {
    pub(super) key: Arc<CertifiedKey>,
    /// Names and wildcards in small letters.
    pub(super) names: Vec<String>,
    file: PathBuf,
    /// Seconds since 1970.
    begins: i64,
    expires: i64,
}

impl Certificate {
    /// The file that it came from.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// From when on it is not valid any more, in seconds since 1970.
    pub fn expires(&self) -> i64 {
        self.expires
    }

    /// Why it is not valid at this time, if it is not. Seconds since 1970.
    pub fn problem_at(&self, now: i64) -> Option<String> {
        let (file, day) = (self.file.display(), |at| crate::availability::Moment::from_millis(at * 1_000));
        if self.expires <= now {
            return Some(format!("{file} has expired at {}", day(self.expires)));
        }
        (self.begins > now).then(|| format!("{file} is not valid before {}", day(self.begins)))
    }

    /// Whether this is one of its names.
    pub(super) fn is_for(&self, name: &str) -> bool {
        self.names.iter().any(|own| match own.strip_prefix('*') {
            // One label, no more.
            Some(rest) => name.find('.').is_some_and(|at| at > 0 && name[at..].eq_ignore_ascii_case(rest)),
            None => own.eq_ignore_ascii_case(name),
        })
    }

    /// The chain of a certificate, without its key.
    ///
    /// # Errors
    /// When the file cannot be read, or its first certificate not be understood.
    pub fn chain(file: &Path) -> Result<Chain, String> {
        let chain = certificates(file)?;
        let (_, parsed) =
            x509_parser::certificate::X509Certificate::from_der(&chain[0]).map_err(|error| cannot(file, &error))?;
        let validity = parsed.validity();
        let (begins, expires) = (validity.not_before.timestamp(), validity.not_after.timestamp());
        let extension = parsed.subject_alternative_name().map_err(|error| cannot(file, &error))?;
        let names = extension.iter().flat_map(|extension| &extension.value.general_names);
        let names = names.filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            _ => None,
        });
        Ok(Chain { names: names.collect(), begins, expires, file: file.to_owned(), chain })
    }
}

/// A certificate and those between it and an authority.
pub struct Chain {
    chain: Vec<CertificateDer<'static>>,
    names: Vec<String>,
    file: PathBuf,
    begins: i64,
    expires: i64,
}

impl Chain {
    /// The same with its key from this file.
    ///
    /// # Errors
    /// When the file cannot be read, has no key that can be used, or the key of another certificate.
    pub fn with_key(self, file: &Path) -> Result<Certificate, String> {
        let pem = read(file)?;
        let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|error| match error {
            rustls::pki_types::pem::Error::NoItemsFound => format!("{} has no private key", file.display()),
            error => cannot(file, &error),
        })?;
        let key = ring::default_provider().key_provider.load_private_key(key).map_err(|error| cannot(file, &error))?;
        let key = CertifiedKey::new(self.chain, key);
        match key.keys_match() {
            Ok(()) => {}
            Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) => {
                return Err(format!("{} is not the key of the certificate in {}", file.display(), self.file.display()));
            }
            Err(error) => return Err(cannot(file, &error)),
        }
        let Self { names, file, begins, expires, .. } = self;
        Ok(Certificate { key: Arc::new(key), names, file, begins, expires })
    }
}

/// All certificates of a file, as authorities.
///
/// # Errors
/// When the file cannot be read, or has none.
pub fn authorities(file: &Path) -> Result<Arc<RootCertStore>, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots.add(certificate).map_err(|error| cannot(file, &error))?;
    }
    Ok(Arc::new(roots))
}

/// All certificates of a file, in their order; at least one.
///
/// # Errors
/// When the file cannot be read, or has none.
pub fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = read(file)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let all = all.map_err(|error| cannot(file, &error))?;
    match all.is_empty() {
        true => Err(format!("{} has no certificate", file.display())),
        false => Ok(all),
    }
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    let mut pem = Vec::new();
    let opened = File::open(file).map_err(|error| cannot(file, &error))?;
    opened.take(MOST).read_to_end(&mut pem).map_err(|error| cannot(file, &error))?;
    Ok(pem)
}

fn cannot(file: &Path, error: &dyn Display) -> String {
    format!("{} cannot be read: {error}", file.display())
}
