//! A form that is refused and given back: its body is read before the answer, for the answer shows it.
//!
//! What must stay true: what is held is bounded in bytes for each form and for all forms of a worker, and in time
//! as a head is; beyond any bound the answer is the plain denial, at once. What people typed is in no buffer after
//! the answer is written.

use std::{cell::Cell, future::poll_fn, io, rc::Rc, sync::Arc, task::Poll};

use zeroize::{Zeroize as _, Zeroizing};

use super::{
    Client, Socket, Then,
    answer::{Manner, Wire},
};
use crate::{
    answer::{
        Denial, Occasion, Shape,
        form::{Encoding, Form, LARGEST_FORM},
    },
    clock,
    gate::audience::Audience,
    http1::{body::Decoder, framing::Body, pipe::Coding, write},
};

/// So much is read at a time, into the first buffer that a connection has: a larger one would leave copies.
const PIECE: usize = 4 * 1024;

/// A refused form whose body has not been read yet.
pub(super) struct Refused {
    denial: Arc<Denial>,
    encoding: Encoding,
    length: usize,
    body: Decoder,
    manner: Manner,
    /// What the denial says to the browser about the origin.
    origin: Vec<u8>,
}

impl Refused {
    pub(super) fn new(
        denial: Arc<Denial>,
        encoding: Encoding,
        body: Body,
        manner: Manner,
        audience: &Audience<'_>,
    ) -> Self {
        let mut origin = Vec::new();
        audience.fields(Shape::Html, |name, value| write::field(&mut origin, name, value));
        let length = match body {
            Body::Length(length) => usize::try_from(length).unwrap_or(LARGEST_FORM),
            _ => LARGEST_FORM,
        };
        Self { denial, encoding, length: length.min(LARGEST_FORM), body: Decoder::new(body), manner, origin }
    }

    /// Whether a body may be small enough.
    pub(super) fn fits(body: Body) -> bool {
        match body {
            Body::Length(length) => (1..=LARGEST_FORM as u64).contains(&length),
            Body::Chunked => true,
            Body::None | Body::ToClose => false,
        }
    }
}

/// A share of what the forms of a worker may take.
struct Share {
    all: Rc<Cell<usize>>,
    own: usize,
    most: usize,
}

impl Share {
    /// Takes so much in all. Returns whether there was so much.
    fn grow_to(&mut self, bytes: usize) -> bool {
        let more = bytes.saturating_sub(self.own);
        let all = self.all.get() + more;
        if all > self.most {
            return false;
        }
        self.all.set(all);
        self.own += more;
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.all.set(self.all.get() - self.own);
    }
}

/// Reads the body, and answers with the page that gives it back; with the plain denial where it cannot be given
/// back.
pub(super) async fn answer<S: Socket>(client: &mut Client<S>, refused: Refused) -> io::Result<Then> {
    let Refused { denial, encoding, length, mut body, manner, origin } = refused;
    let mut share = Share { all: Rc::clone(&client.worker.forms), own: 0, most: client.gate.limits.forms };
    let typed = read(client, &mut body, length, &mut share).await?;
    let (worker, gate) = (Rc::clone(&client.worker), Arc::clone(&client.gate));
    let now = gate.shared.clock();
    worker.date.set(clock::now());
    let chance = (gate.chance)();
    let (instance, language) = (&*manner.instance, &manner.language);
    let works = &*gate.works(Shape::Html, now);
    let occasion = Occasion { shape: Shape::Html, instance, reading: false, clock: now, language, works, chance };
    let form = typed.and_then(|typed| Form::read(&encoding, typed, &gate.not_kept));
    let page = match form.filter(|form| share.grow_to(length + form.most())) {
        Some(form) => denial.page_with(&form, &occasion),
        None => {
            let mut plain = Zeroizing::default();
            denial.append_body(&mut plain, &occasion);
            plain
        }
    };
    let keeps = manner.keeps && body.is_over();
    let wire = Wire { head: false, old: manner.old, keeps };
    client.head_of_denial(&denial, &occasion, page.len(), &wire, |out| out.extend_from_slice(&origin));
    send(client, &page).await?;
    Ok(match keeps {
        true => Then::Next,
        false => Then::Linger,
    })
}

/// The whole body; none where it is too large, too slow, broken, or one too many.
async fn read<S: Socket>(
    client: &mut Client<S>,
    body: &mut Decoder,
    length: usize,
    share: &mut Share,
) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    super::flush(client).await?;
    // Never moved: a copy would be left behind.
    let mut typed = Zeroizing::new(Vec::with_capacity(length));
    client.deadline.set(client.gate.limits.header);
    poll_fn(|cx| {
        loop {
            if client.input.pass(body, Coding::Plain).is_err() {
                return Poll::Ready(Ok(false));
            }
            let ready = client.input.ready();
            if typed.len() + ready.len() > length || !share.grow_to(typed.len() + ready.len()) {
                return Poll::Ready(Ok(false));
            }
            typed.extend_from_slice(ready);
            let n = ready.len();
            client.input.written(n);
            // Before the buffer serves another connection.
            client.input.wipe(|unused| unused.zeroize());
            if body.is_over() {
                return Poll::Ready(Ok(true));
            }
            match client.poll_fill(cx, PIECE) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Ok(false)),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending if client.deadline.poll(cx) => return Poll::Ready(Ok(false)),
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await
    .map(|whole: bool| whole.then_some(typed))
}

/// Writes head and page, as long as the client reads them.
async fn send<S: Socket>(client: &mut Client<S>, page: &[u8]) -> io::Result<()> {
    client.heading = false;
    let mut left = page;
    client.deadline.set(client.gate.limits.body);
    poll_fn(|cx| {
        loop {
            match client.poll_write(cx, left) {
                Poll::Ready(Ok(written)) => {
                    left = &left[written..];
                    if left.is_empty() && client.unwritten() == 0 {
                        return Poll::Ready(Ok(()));
                    }
                    client.deadline.set(client.gate.limits.body);
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending if client.deadline.poll(cx) => {
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await
}
