//! From the client to the upstream: the head, then the body, or the client's part of a tunnel.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::AsyncWrite as _;

use super::{Failure, Way};
use crate::{
    gate::{
        client::{Socket, poll_write_both},
        error::{Fault, ProxyError},
        limits::{BUFFER, READ_AHEAD},
    },
    http1::body::BodyError,
};

impl<S: Socket> Way<'_, S> {
    /// Whether there is anything to be written to the upstream.
    pub(super) fn pending_up(&self) -> bool {
        self.deaf.is_none()
            && (self.sent < self.plan.head.len() || !self.client.input.ready().is_empty() || self.link.unflushed)
    }

    /// Writes to the upstream. Returns whether anything moved.
    pub(super) fn write_up(&mut self, cx: &mut Context<'_>) -> Result<bool, Failure> {
        let mut moved = false;
        while self.pending_up() {
            let head = &self.plan.head[self.sent..];
            let body = self.client.input.ready();
            let written = match head.is_empty() && body.is_empty() {
                true => Pin::new(&mut self.link.stream).poll_flush(cx).map_ok(|()| 0),
                false => poll_write_both(&mut self.link.stream, cx, head, body),
            };
            match written {
                Poll::Ready(Ok(n)) => {
                    self.link.unflushed = n > 0 && self.link.stream.keeps();
                    let of_head = n.min(head.len());
                    self.sent += of_head;
                    self.client.input.written(n - of_head);
                    moved = true;
                }
                Poll::Ready(Err(error)) if self.sent == 0 => return Err(self.broken(Fault::Io(error))),
                Poll::Ready(Err(error)) => {
                    // It may have answered before it closed.
                    self.deaf = Some(error);
                    self.plan.exchange.drop_upload();
                    self.client.input.written(usize::MAX / 2);
                }
                Poll::Pending => break,
            }
        }
        let tunnel = self.plan.exchange.is_tunnel() && self.client.ended && !self.pending_up();
        if tunnel && !self.shut[0] {
            self.shut[0] = Pin::new(&mut self.link.stream).poll_shutdown(cx).is_ready();
        }
        Ok(moved)
    }

    /// Reads from the client: its body, its part of a tunnel, or further requests.
    pub(super) fn read_client(&mut self, cx: &mut Context<'_>) -> Result<bool, Failure> {
        let ahead = self.plan.exchange.is_upload_over() && !self.plan.exchange.is_tunnel();
        let limit = if ahead { READ_AHEAD } else { BUFFER };
        let mut moved = false;
        while !self.client.ended && self.client.input.has_space(limit) {
            match self.client.poll_fill(cx, limit) {
                Poll::Ready(Ok(n)) => {
                    moved |= !ahead;
                    // One piece at a time is passed on, so that both directions get their turn.
                    if n == 0 || !ahead {
                        break;
                    }
                }
                Poll::Ready(Err(_)) => return Err(Failure::Gone),
                Poll::Pending => break,
            }
        }
        let passed = match self.plan.exchange.upload(&mut self.client.input) {
            Ok(passed) => passed,
            Err(error) => return Err(self.fail(error.into())),
        };
        self.body += passed;
        let most = self.plan.max_body;
        if self.body > most && !self.plan.exchange.is_tunnel() {
            return Err(self.fail(ProxyError::TooLarge(most)));
        }
        if self.client.ended && !self.plan.exchange.is_upload_over() {
            return Err(self.fail(BodyError::Cut.into()));
        }
        Ok(moved || passed > 0)
    }
}
