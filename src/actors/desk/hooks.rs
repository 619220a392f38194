//! How the hooks of this node are, for the API and `/metrics`.

use std::sync::atomic::Ordering;

use serde::Serialize;

use super::Desk;
use crate::availability::{Moment, Name};

/// One webhook of this node, or its mail, as `GET /api/v1/webhooks` shows it (docs/contract.md#webhooks).
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub(crate) struct HookView {
    /// Its name; `mail` for `[mail]`.
    pub name: Name,
    /// `webhook` or `mail`.
    pub kind: &'static str,
    /// Events that this node has told it since it was started.
    pub told: u64,
    /// Attempts that failed since then.
    pub failures: u64,
    /// Events that were given up since then.
    pub given_up: u64,
    /// Events that wait.
    pub waiting: usize,
    /// When the oldest of them happened.
    pub waiting_since: Option<Moment>,
    /// Why the last attempt failed; absent where it did not.
    pub problem: Option<String>,
}

impl Desk {
    /// The hooks of this node, in the order of the configuration.
    pub(crate) fn hooks(&self) -> Vec<HookView> {
        let view = |state: &std::sync::Arc<crate::actors::told::HookState>| {
            let oldest = state.oldest.load(Ordering::Relaxed);
            HookView {
                name: state.name.clone(),
                kind: state.kind,
                told: state.told.load(Ordering::Relaxed),
                failures: state.failures.load(Ordering::Relaxed),
                given_up: state.given_up.load(Ordering::Relaxed),
                waiting: state.waiting.load(Ordering::Relaxed),
                waiting_since: (oldest != 0).then(|| Moment::from_millis(oldest)),
                problem: state.problem.load().as_deref().cloned(),
            }
        };
        self.shared.book.hooks().iter().map(view).collect()
    }
}
