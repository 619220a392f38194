//! TLS: `[gate.tls]`, `[control.tls]`, and the authorities and certificates of `[farm]`
//! (docs/contract.md#tls).
//!
//! What must stay true: the files are read here, so that what is wrong with them is a problem of the configuration, with
//! the key and the file named, and a reload that finds one changes nothing.

use std::{path::Path, sync::Arc, time::Duration};

use rustls::RootCertStore;

use super::{
    reader::Reader,
    settings::{ControlTls, FarmTls, GateTls},
    values,
};
use crate::tls::{Certificate, authorities};

/// The most certificates of a listener.
const MOST: usize = 1_000;
const DAY: Duration = Duration::from_secs(86_400);

/// `[gate.tls]`; none without the section.
pub(super) fn gate(mut section: Reader<'_>, file: &Path) -> Option<GateTls> {
    if !section.is_there() {
        return None;
    }
    let mut certificates: Vec<Certificate> = Vec::new();
    if section.has("cert") || section.has("key") || !section.has("certificates") {
        certificates.extend(certificate(&mut section, file, ["cert", "key"]));
    }
    for mut entry in section.sections("certificates") {
        certificates.extend(certificate(&mut entry, file, ["cert", "key"]));
        entry.finish();
    }
    if certificates.len() > MOST {
        section.problem("certificates", format!("must be at most {MOST}"));
    }
    let hsts = section.text("hsts", values::duration_in(Duration::from_secs(1)..=3_650 * DAY));
    section.finish();
    (!certificates.is_empty()).then_some(GateTls { certificates, hsts })
}

/// `[control.tls]`; none without the section.
pub(super) fn control(mut section: Reader<'_>, file: &Path) -> Option<ControlTls> {
    if !section.is_there() {
        return None;
    }
    let certificate = certificate(&mut section, file, ["cert", "key"]);
    let client_ca = roots(&mut section, file, "client_ca");
    section.finish();
    Some(ControlTls { certificate: certificate?, client_ca })
}

/// `tls_ca`, `tls_cert` and `tls_key` of `[farm]`.
pub(super) fn farm(section: &mut Reader<'_>, file: &Path) -> FarmTls {
    let roots = roots(section, file, "tls_ca");
    let keys = ["tls_cert", "tls_key"];
    let own = if keys.iter().any(|key| section.has(key)) { certificate(section, file, keys) } else { None };
    FarmTls { roots, own }
}

/// The authorities in the file that this key names.
pub(super) fn roots(section: &mut Reader<'_>, file: &Path, key: &'static str) -> Option<Arc<RootCertStore>> {
    section.text(key, |text| authorities(&values::beside(file, text)))
}

fn certificate(section: &mut Reader<'_>, file: &Path, [cert, key]: [&'static str; 2]) -> Option<Certificate> {
    let chain = section.required(cert, |text| Certificate::chain(&values::beside(file, text)));
    match chain {
        Some(chain) => section.required(key, |text| chain.with_key(&values::beside(file, text))),
        None => section.required(key, |_| Ok(())).and(None),
    }
    .inspect(|certificate| section.lasts(cert, certificate))
}
