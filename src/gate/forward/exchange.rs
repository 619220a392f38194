//! One forwarded request, from the choice of its upstream to the end of its answer.
//!
//! Each try is a [`Way`]; here is decided whether there is another one, and what becomes of the connection.
//!
//! What must stay true: only a connection whose exchange is complete is used again; an upstream's fault is
//! remembered, a client's is not.

use std::{future::poll_fn, sync::Arc};

use super::{
    plan::Plan,
    retry::{self, From},
    way::{Failure, Way},
};
use crate::{
    clock,
    gate::{
        client::{Client, Socket},
        error::ProxyError,
        proxy_protocol::header,
    },
};

/// The end of an exchange.
pub(in crate::gate) enum End {
    /// Its answer was passed on; the connection goes on if the exchange says so.
    Answered,
    /// There is no answer, for this reason; nothing of one was passed on.
    Failed(ProxyError),
    /// The client is gone, or its answer broke off: the connection cannot be used any more.
    Gone,
}

/// Forwards the request to an upstream, and passes on its answer.
pub(in crate::gate) async fn perform<S: Socket>(client: &mut Client<S>, plan: &mut Plan) -> End {
    // A connection that was opened in one client's name is not used for another one.
    let proxied = client.gate.served[plan.application].proxy_protocol;
    let preface = if proxied { header(client.arrival.peer, client.arrival.local) } else { Vec::new() };
    let mut from = if proxied { From::New } else { From::Pool };
    loop {
        let (worker, gate) = (client.worker.clone(), Arc::clone(&client.gate));
        let upstreams = &gate.served[plan.application].upstreams;
        let connecting = retry::connect(&worker.pool, upstreams, from, &preface, gate.limits.connect);
        let (mut link, mut attempt) = match connecting.await {
            Ok(connected) => connected,
            Err(error) => return End::Failed(error),
        };
        if gate.access.is_some() {
            plan.upstream = Some(Arc::clone(link.authority()));
        }
        let mut way = Way::new(client, plan, &mut link);
        let mut awaited = true;
        let done = poll_fn(|cx| {
            let polled = way.poll(cx);
            if awaited && way.is_answered() {
                awaited = false;
                attempt.answered();
            }
            polled
        });
        let done = done.await;
        let reusable = way.is_whole() && plan.exchange.keeps_upstream(link.input.raw());
        match done {
            Ok(()) => {
                if let Some(buffer) = link.input.take_buffer() {
                    worker.buffers.put(buffer);
                }
                if reusable && !proxied {
                    worker.pool.give_back(link);
                }
                return End::Answered;
            }
            Err(Failure::Again) => from = From::New,
            Err(Failure::Failed(error)) => {
                if error.is_upstreams_fault() {
                    attempt.failed(clock::mono());
                }
                return End::Failed(error);
            }
            Err(Failure::Gone) => return End::Gone,
        }
    }
}
