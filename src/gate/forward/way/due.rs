//! How long an exchange may stand still, and what it means when it does.

use std::task::Context;

use tokio::time::Instant;

use super::{Failure, Way};
use crate::gate::{client::Socket, error::ProxyError};

impl<S: Socket> Way<'_, S> {
    /// Sets the deadline of the current wait. Returns what to do if it has passed.
    pub(super) fn wait(&mut self, cx: &mut Context<'_>) -> Option<Result<(), Failure>> {
        loop {
            let (due, late) = self.due();
            let now = Instant::now();
            if due <= now {
                return Some(late.map_or(Ok(()), |error| Err(self.fail(error))));
            }
            self.client.deadline.set_at(due);
            if !self.client.deadline.poll(cx) {
                return None;
            }
        }
    }

    /// The deadline of the current wait, and the meaning of missing it. `None`: the exchange just ends.
    fn due(&self) -> (Instant, Option<ProxyError>) {
        let limits = &self.client.gate.limits;
        let exchange = &self.plan.exchange;
        if let Some((since, _)) = self.draining {
            return (since + limits.drain, None);
        }
        if exchange.is_tunnel() {
            let limit = if self.shut == [false; 2] { limits.tunnel } else { limits.body };
            return (self.up.max(self.down) + limit, Some(ProxyError::SilentUpload(limit)));
        }
        let slow = |phase, limit| ProxyError::Timeout { upstream: self.name(), phase, limit };
        let writing = self.pending_up();
        let uploading = !exchange.is_upload_over();
        let up = match (writing, uploading) {
            (true, _) => Some((self.up + limits.body, slow("read", limits.body))),
            (false, true) if !exchange.is_expecting() => {
                Some((self.up + self.upload_patience, ProxyError::SilentUpload(self.upload_patience)))
            }
            _ => None,
        };
        let down = match exchange.is_awaited() {
            true if uploading && !exchange.is_expecting() => None,
            true => Some((self.up.max(self.down) + limits.upstream, slow("answer", limits.upstream))),
            false => {
                // A stream may be silent for long, but its reader has to read.
                let unread = self.client.unwritten() > 0 || !self.link.input.ready().is_empty();
                let limit = if unread { limits.body } else { self.patience };
                Some((self.down + limit, slow("answer", limit)))
            }
        };
        let earlier = up.into_iter().chain(down).min_by_key(|(due, _)| *due);
        let never = || (self.up + limits.upstream, slow("answer", limits.upstream));
        let (due, error) = earlier.unwrap_or_else(never);
        (due, Some(error))
    }
}
