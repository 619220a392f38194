//! A farm's own authority, and certificates of it: for a first try, and for tests.
//!
//! What must stay true: the authority signs certificates and nothing else; a certificate names every host that it is
//! for, and serves a listener as well as a client.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, Error, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};

/// How long what is made here is valid.
const YEARS: i32 = 10;

/// A certificate and its key, as PEM.
pub struct Issued {
    /// The certificate.
    pub cert: String,
    /// Its key; to be kept from others.
    pub key: String,
}

/// An authority that was just made.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// With this name. `year`: the present one.
    ///
    /// # Errors
    /// Without randomness.
    pub fn new(name: &str, year: i32) -> Result<Self, Error> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        validity(&mut params, year, YEARS);
        CertifiedIssuer::self_signed(params, KeyPair::generate()?).map(Self)
    }

    /// The authority itself.
    pub fn issued(&self) -> Issued {
        Issued { cert: self.0.pem(), key: self.0.key().serialize_pem() }
    }

    /// A certificate for these hosts (names and addresses), for so many years.
    ///
    /// # Errors
    /// When one of them is no host, or without randomness.
    pub fn issue(&self, hosts: &[&str], year: i32, years: i32) -> Result<Issued, Error> {
        let mut params = CertificateParams::new(hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>())?;
        if let Some(host) = hosts.first() {
            params.distinguished_name.push(DnType::CommonName, *host);
        }
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        validity(&mut params, year, years);
        let key = KeyPair::generate()?;
        let cert = params.signed_by(&key, &self.0)?.pem();
        Ok(Issued { cert, key: key.serialize_pem() })
    }
}

/// From the beginning of the year before, so that no clock is too slow for it.
fn validity(params: &mut CertificateParams, year: i32, years: i32) {
    params.not_before = rcgen::date_time_ymd(year - 1, 1, 1);
    params.not_after = rcgen::date_time_ymd(year + years, 1, 1);
}
