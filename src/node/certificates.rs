//! The certificates of a node's listeners: offered, replaced when the configuration is read again, and watched for
//! their end.
//!
//! What must stay true: a reload offers what the settings have, all of it or nothing; operators are warned before a
//! certificate expires.

use std::{path::Path, sync::Arc, time::Duration};

use super::NodeError;
use crate::{
    availability::Moment,
    clock,
    config::Settings,
    tls::{Acceptor, Offer},
};

/// So long before its end a certificate is warned about.
const AHEAD: Duration = Duration::from_secs(14 * 86_400);
/// How often that is looked at.
const EVERY: Duration = Duration::from_secs(6 * 3_600);

/// The TLS of both listeners; none where one has no TLS.
#[derive(Debug, Clone, Default)]
pub(super) struct Certificates {
    pub(super) gate: Option<Arc<Acceptor>>,
    pub(super) control: Option<Arc<Acceptor>>,
}

impl Certificates {
    /// As the settings have them.
    pub(super) fn new(settings: &Settings) -> Result<Self, NodeError> {
        Ok(Self {
            gate: gate(settings)?.map(|offer| Acceptor::new("gate", offer)),
            control: control(settings)?.map(|offer| Acceptor::new("control", offer)),
        })
    }

    /// Offers from now on what these settings have. A listener that had no TLS gets none: that needs a restart.
    pub(super) fn reload(&self, settings: &Settings) -> Result<(), NodeError> {
        let (gate, control) = (gate(settings)?, control(settings)?);
        for (acceptor, offer) in [(&self.gate, gate), (&self.control, control)] {
            if let (Some(acceptor), Some(offer)) = (acceptor, offer) {
                acceptor.reload(offer);
            }
        }
        self.look(clock::now());
        Ok(())
    }

    /// Those that there are.
    pub(super) fn all(&self) -> Vec<Arc<Acceptor>> {
        self.gate.iter().chain(&self.control).cloned().collect()
    }

    /// Warns of what ends soon; ends with the node's runtime.
    pub(super) async fn watch(self) {
        loop {
            self.look(clock::now());
            actix::clock::sleep(EVERY).await;
        }
    }

    fn look(&self, now: Moment) {
        for acceptor in self.all() {
            for (file, expires) in acceptor.expiries() {
                warn(acceptor.listener(), &file, Moment::from_millis(expires * 1_000), now);
            }
        }
    }
}

fn warn(listener: &str, file: &Path, expires: Moment, now: Moment) {
    let file = file.display();
    match level(expires, now) {
        Some(log::Level::Error) => {
            log::error!(listener, file:%, at:% = expires, note = "clients refuse it"; "certificate_expired");
        }
        Some(_) => log::warn!(listener, file:%, at:% = expires; "certificate_expires_soon"),
        None => {}
    }
}

/// How much it matters now that a certificate ends then; `None`: not yet.
fn level(expires: Moment, now: Moment) -> Option<log::Level> {
    match () {
        () if expires <= now => Some(log::Level::Error),
        () if expires <= now.after(AHEAD) => Some(log::Level::Warn),
        () => None,
    }
}

fn gate(settings: &Settings) -> Result<Option<Offer>, NodeError> {
    let Some(tls) = &settings.gate.tls else { return Ok(None) };
    Offer::new(&tls.certificates, &["h2", "http/1.1"], None).map(Some).map_err(|error| wrong("gate.tls", &error))
}

fn control(settings: &Settings) -> Result<Option<Offer>, NodeError> {
    let Some(tls) = &settings.control.tls else { return Ok(None) };
    let certificates = std::slice::from_ref(&tls.certificate);
    let offer = Offer::new(certificates, &["http/1.1"], tls.client_ca.as_ref());
    offer.map(Some).map_err(|error| wrong("control.tls", &error))
}

fn wrong(section: &str, error: &str) -> NodeError {
    NodeError::Settings(format!("[{section}]: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_warned_of_14_days_before_it_ends() {
        let day = Duration::from_secs(86_400);
        let end = Moment::ZERO.after(1_000 * day);
        let of = |before: Duration| level(end, end.before(before));
        assert_eq!((of(15 * day), of(14 * day), of(day)), (None, Some(log::Level::Warn), Some(log::Level::Warn)));
        assert_eq!(
            (of(Duration::ZERO), level(end, end.after(day))),
            (Some(log::Level::Error), Some(log::Level::Error))
        );
    }
}
