//! Whose requests are one too many (docs/contract.md#rate-limits).
//!
//! Must stay true: what is never turned away is not counted; an answer says how long to wait.

use std::time::Duration;

use super::{
    fields::Fields,
    path::Path,
    service::{Gate, Incoming},
};
use crate::{
    answer::{Problem, ProblemKind},
    clock,
    noise::Noise,
};

static LIMITED: Noise = Noise::new("rate_limited");

impl Gate {
    /// How long the sender of a request for application `index` has to wait, if it asks too often. Paths that are never
    /// turned away, trusted proxies that speak for themselves and local sockets are not counted.
    pub(super) fn asks_too_often<F: Fields>(&self, index: usize, incoming: &Incoming<'_, F>) -> Option<Duration> {
        let served = &self.served[index];
        let limit = served.rate_limit.as_ref()?;
        let client = self.trusted.client_address(incoming.peer?, incoming.fields);
        let exempts = || Path::parse(incoming.path.as_bytes()).is_ok_and(|path| served.exempts(&path));
        let is_exempt = || !served.exempt.is_empty() && exempts();
        if self.trusted.contains(client) || is_exempt() {
            return None;
        }
        let wait = limit.beyond(client, clock::mono())?;
        self.slots[index].traffic.limited();
        if LIMITED.admits() {
            log::warn!(application:% = self.slots[index].app.name(), client:%; "rate_limited");
        }
        Some(wait)
    }

    /// What its sender is told.
    pub(super) fn too_often(&self, index: usize, wait: Duration) -> Problem<'_> {
        let problem = Problem::new(ProblemKind::TooOften, &self.shared.node);
        problem.of(&self.slots[index].app).unsent().wait(whole_seconds(wait))
    }
}

/// Rounded up, so at least one.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}
