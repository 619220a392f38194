//! What is known of a request that is to be forwarded, before and while it is.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{gate::decide::Notices, http1::machine::Exchange};

/// A request that is to be forwarded.
pub(in crate::gate) struct Plan {
    /// The application that performs it.
    pub(in crate::gate) application: usize,
    /// Its head as the upstream gets it, without the empty line at its end.
    pub(in crate::gate) head: Vec<u8>,
    /// The head has no Host.
    pub(in crate::gate) hostless: bool,
    /// The largest body that is passed on, in bytes.
    pub(in crate::gate) max_body: u64,
    /// What is told beside its answer.
    pub(in crate::gate) notices: Notices,
    /// The answer gets the script, if it is a page.
    pub(in crate::gate) inject: bool,
    /// May be sent twice.
    pub(in crate::gate) repeatable: bool,
    /// Where both directions stand.
    pub(in crate::gate) exchange: Exchange,
    /// Who was asked; for the access log only.
    pub(in crate::gate) upstream: Option<Arc<str>>,
    /// When it was decided.
    pub(in crate::gate) begun: Instant,
    /// The status of the answer, and how long it was waited for; 0: there is none yet.
    pub(in crate::gate) answered: (u16, Duration),
}
