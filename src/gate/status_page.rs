//! What the status page shows besides what the gate knows.
//!
//! Must stay true: the record is made elsewhere and put here; it outlives readings of the configuration.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::{outside::Record, vocabulary::StatusSettings};

/// What the page needs besides the gate.
#[derive(Debug)]
pub struct StatusPage {
    /// `[status_page]`
    pub settings: StatusSettings,
    /// The last 90 days, as they were known a short time ago.
    pub record: Arc<ArcSwap<Record>>,
}
