//! How monitors look (`docs/contract.md#monitors`): a file for each kind of check.
//!
//! Must stay true: a check is bounded in memory and leaves nothing behind, also when it is dropped half done, which
//! is how its time-out ends it; it never blocks the thread, which it shares with all other checks. What a check
//! found is for people who may not know this node: it names no address.

mod command;
mod farm;
mod http;
mod passive;
mod rule;
mod tcp;
#[cfg(test)]
mod tests;
mod tls;

use std::sync::Arc;

use futures_util::{future::LocalBoxFuture, stream::LocalBoxStream};

use crate::{
    monitor::{Check, Finding, Traffic, Watch, rule::Figures},
    vocabulary::FarmId,
};

/// One way of looking.
pub(crate) trait Probe {
    /// Makes one check. The caller drops it when its time is over. `closed`: the monitor's own closing stands.
    fn check(&self, closed: bool) -> LocalBoxFuture<'static, Finding>;

    /// Findings that come by themselves, between checks; a stream that ends is not asked for again.
    fn follow(&self) -> Option<LocalBoxStream<'static, Finding>> {
        None
    }
}

/// What the checks of a node look at, beside the outside.
pub(crate) struct Inside {
    /// The requests to the application that a passive monitor is about.
    pub(crate) traffic: Option<Arc<Traffic>>,
    /// What rules read.
    pub(crate) figures: Arc<dyn Figures>,
    /// What recognizes this farm's own words in those of another one.
    pub(crate) farm: FarmId,
}

/// The probe of a monitor.
pub(crate) fn of(watch: &Watch, inside: Inside) -> Box<dyn Probe> {
    match &watch.check {
        Check::Http(check) => Box::new(http::Http::new(check, &watch.name)),
        Check::Tcp(check) => Box::new(tcp::Tcp::new(check)),
        Check::Command(check) => Box::new(command::Command::new(check)),
        Check::Farm(check) => Box::new(farm::Partner::new(check, inside.farm, watch.every, watch.timeout)),
        Check::Passive(check) => Box::new(passive::Passive::new(check.clone(), inside.traffic.unwrap_or_default())),
        Check::Rule(rule) => Box::new(rule::RuleCheck::new(Arc::clone(rule), inside.figures)),
    }
}

/// The words of the innermost cause of an error, without the number that the system gives it.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let text = cause.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}
