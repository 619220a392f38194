//! A connection of a client: one future that owns its socket and, while a request is performed, an upstream's.
//!
//! ```text
//! read a head → decide → denial or problem: written at once, here
//!                      → denial of a form: its body is read, within bounds, and given back ([`form`])
//!                      → the gate's own addresses: asked of the actix-web App ([`own`])
//!                      → an application: forwarded ([`super::forward`])
//! then: the next request, or the rest of a body that is not wanted, or the end
//! ```
//!
//! What must stay true: requests are answered in their order, each once; no request is read behind one that
//! ended the connection or whose end is unknown; an answer never waits for an unread body, but for a form that it
//! gives back; memory is bounded
//! for every input, and each wait has a limit.

mod answer;
mod form;
mod own;
mod take;
mod websocket;

use std::{future::poll_fn, io, pin::Pin, rc::Rc, sync::Arc, task::Poll};

use self::take::Taken;
use super::{
    client::{Client, Socket},
    entrance::Arrival,
    forward::{
        exchange::{End, perform},
        plan::Plan,
    },
    limits::{BUFFER, COLLECTED, READ_AHEAD},
    preface::Begun,
    worker::Worker,
};
use crate::{
    actors::shared::Counters,
    answer::ProblemKind,
    http1::{body::Decoder, pipe::Coding},
    monitor::traffic::Outcome,
};

/// Bytes that are thrown away at most at the end of a connection, so that its last answer arrives.
const LINGER: usize = 1 << 20;

/// The next state after an answer.
enum Then {
    /// Another request.
    Next,
    /// The rest of an unread body; then another request.
    Drain(Decoder),
    /// The end, with an eye on what the client may still be sending.
    Linger,
    /// The end.
    Close,
    /// The client goes on in HTTP/2.
    Http2,
}

/// Serves a client until its connection ends, or until it turns out to speak HTTP/2: then the connection is returned,
/// with what was read of it.
pub(super) async fn serve<S: Socket>(socket: S, arrival: Arrival, worker: Rc<Worker>) -> Option<Begun<S>> {
    let mut client = Client::new(socket, arrival, worker);
    let ended = run(&mut client).await;
    // Of a client that went away in the midst of its request.
    client.log_end();
    match ended {
        Ok(Then::Http2) => Some(Begun::new(client.input.raw().to_vec(), client.socket)),
        Ok(_) => None,
        Err(error) => {
            // It is the client's connection that failed; there is no one to report it to.
            log::trace!(error:%; "connection_ended");
            None
        }
    }
}

/// Returns what the connection ended with.
async fn run<S: Socket>(client: &mut Client<S>) -> io::Result<Then> {
    loop {
        let then = match client.take() {
            Taken::Http2 => Then::Http2,
            Taken::More => match wait(client).await? {
                Waited::Came => continue,
                Waited::Ended => Then::Close,
                Waited::Late => {
                    client.tell_late();
                    Then::Linger
                }
            },
            Taken::Answered(then) => then,
            Taken::Own(own) => own::perform(client, *own).await?,
            Taken::Form(refused) => form::answer(client, *refused).await?,
            Taken::Forward(mut plan, manner) => {
                Counters::count(&client.gate.shared.counters.proxied);
                let traffic = Arc::clone(&client.gate.slots[plan.application].traffic);
                traffic.passed();
                let end = perform(client, &mut plan).await;
                if let Some(outcome) = outcome(&end, &plan) {
                    traffic.ended(outcome);
                }
                client.log_forwarded(&plan);
                client.worker.buffers.put_head(std::mem::take(&mut plan.head));
                match end {
                    End::Gone => return Ok(Then::Close),
                    End::Answered if plan.exchange.keeps_client() => Then::Next,
                    End::Answered if plan.exchange.is_upload_over() && client.input.raw().is_empty() => Then::Close,
                    End::Answered => Then::Linger,
                    End::Failed(error) => {
                        let keeps = plan.exchange.is_upload_over() && manner.keeps;
                        let close = error.kind() != ProblemKind::UpstreamUnreachable || !keeps;
                        client.tell_failure(&manner.or_close(close), plan.application, &error);
                        if close { Then::Linger } else { Then::Next }
                    }
                }
            }
        };
        client.log_end();
        match then {
            Then::Next if client.unwritten() >= COLLECTED => flush(client).await?,
            Then::Next => {}
            Then::Drain(body) => {
                if !drain(client, body).await? {
                    return linger(client).await.map(|()| Then::Linger);
                }
            }
            Then::Linger => {
                flush(client).await?;
                return linger(client).await.map(|()| Then::Linger);
            }
            Then::Http2 => return Ok(then),
            Then::Close => {
                flush(client).await?;
                return part(client).await.map(|()| Then::Close);
            }
        }
    }
}

/// How a forwarded request ended, as far as that is its upstream's doing.
fn outcome(end: &End, plan: &Plan) -> Option<Outcome> {
    match end {
        End::Failed(error) if error.kind() == ProblemKind::UpstreamTimeout => Some(Outcome::TooSlow),
        End::Failed(error) => error.is_upstreams_fault().then_some(Outcome::Failed),
        End::Answered | End::Gone => {
            let (status, after) = plan.answered;
            (status >= 200 || status == 101).then_some(Outcome::Answered(status, after))
        }
    }
}

/// What waiting for a head came to.
enum Waited {
    Came,
    Ended,
    Late,
}

/// Writes what there is to tell, and waits for more of a request.
async fn wait<S: Socket>(client: &mut Client<S>) -> io::Result<Waited> {
    flush(client).await?;
    client.rest();
    let limits = client.gate.limits;
    let begun = !client.input.is_empty();
    if !client.heading {
        client.deadline.set(if begun { limits.header } else { limits.idle });
        client.heading = begun;
    }
    let mut parting = begun;
    poll_fn(|cx| {
        if client.ended {
            return Poll::Ready(Ok(Waited::Ended));
        }
        if let Poll::Ready(read) = client.poll_fill(cx, READ_AHEAD) {
            return Poll::Ready(read.map(|n| if n == 0 { Waited::Ended } else { Waited::Came }));
        }
        if !parting && client.worker.is_stopping() {
            // A request may be on its way; it is answered as the last one.
            parting = true;
            client.deadline.set(limits.parting);
        }
        match client.deadline.poll(cx) {
            // An idle connection ends without a word.
            true => Poll::Ready(Ok(if begun { Waited::Late } else { Waited::Ended })),
            false => Poll::Pending,
        }
    })
    .await
}

/// Writes all pending output, as long as the client reads it.
async fn flush<S: Socket>(client: &mut Client<S>) -> io::Result<()> {
    let (mut armed, mut left) = (false, client.unwritten());
    if left == 0 {
        return Ok(());
    }
    client.heading = false;
    poll_fn(|cx| match client.poll_flush(cx) {
        Poll::Ready(result) => Poll::Ready(result),
        Poll::Pending => {
            if !armed || client.unwritten() < left {
                (armed, left) = (true, client.unwritten());
                client.deadline.set(client.gate.limits.body);
            }
            match client.deadline.poll(cx) {
                true => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
                false => Poll::Pending,
            }
        }
    })
    .await
}

/// Reads and discards the rest of an unread body, within bounds. Returns whether it has ended.
async fn drain<S: Socket>(client: &mut Client<S>, mut body: Decoder) -> io::Result<bool> {
    let limits = client.gate.limits;
    let mut left = limits.drained;
    let mut armed = false;
    loop {
        match client.input.pass(&mut body, Coding::Dropped) {
            Ok(_) if body.is_over() => return Ok(true),
            Ok(passed) if passed < left => left -= passed,
            // Too much of it, or none at all.
            Ok(_) | Err(_) => break,
        }
        if !armed {
            flush(client).await?;
            client.deadline.set(limits.drain);
            armed = true;
        }
        if fill(client).await? == 0 {
            break;
        }
    }
    flush(client).await?;
    Ok(false)
}

/// Closes the sending side, and discards for a while what still arrives: a connection that is closed while its
/// client sends is reset, and the answer may be lost.
async fn linger<S: Socket>(client: &mut Client<S>) -> io::Result<()> {
    if client.ended {
        return Ok(());
    }
    shut(client).await?;
    client.deadline.set(client.gate.limits.drain);
    let mut left = LINGER;
    loop {
        client.input.clear();
        match fill(client).await? {
            0 => return Ok(()),
            n => left = left.saturating_sub(n),
        }
        if left == 0 {
            return Ok(());
        }
    }
}

/// Says that the connection ends, where that is more than closing it.
async fn part<S: Socket>(client: &mut Client<S>) -> io::Result<()> {
    if S::KEEPS { shut(client).await } else { Ok(()) }
}

/// Closes the sending side.
async fn shut<S: Socket>(client: &mut Client<S>) -> io::Result<()> {
    client.deadline.set(client.gate.limits.drain);
    poll_fn(|cx| match Pin::new(&mut client.socket).poll_shutdown(cx) {
        Poll::Pending if client.deadline.poll(cx) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
        other => other,
    })
    .await
}

/// Reads once, until the deadline. 0: the client has ended, or it was too late.
async fn fill<S: Socket>(client: &mut Client<S>) -> io::Result<usize> {
    poll_fn(|cx| match client.poll_fill(cx, BUFFER) {
        Poll::Pending if client.deadline.poll(cx) => Poll::Ready(Ok(0)),
        other => other,
    })
    .await
}

#[cfg(test)]
mod tests;
