//! Which bodies a guard accepts, and how much at a time.
#![allow(clippy::unwrap_used)]

use std::pin::Pin;

use actix_web::{FromRequest as _, dev, error::PayloadError, test::TestRequest};
use futures_util::{Stream, StreamExt as _, stream};
use uuid::Uuid;

use super::*;
use crate::{
    availability::NodeId,
    clock,
    peer::signature::{Identity, Sender},
};

const ME: NodeId = NodeId(Uuid::from_u128(1));

fn guard() -> Guard {
    let me = Receiver { node: ME, address: "http://a:7070".to_owned() };
    Guard::with(Key::new("secret"), me, Nonces::default(), 100)
}

/// A request of a member with this nonce, whose body is to be `body`.
fn request(nonce: u128, secret: &str, body: &[u8]) -> HttpRequest {
    let identity = Identity { node: NodeId(Uuid::from_u128(2)), boot: 1, boot_nonce: 1 };
    let sender = Sender { identity, time: clock::now(), nonce: Nonce(nonce) };
    let mut request = TestRequest::post().uri("/x");
    for header in Key::new(secret).sign_request(&sender, &ME.to_string(), "POST", "/x", body) {
        request = request.insert_header(header);
    }
    request.to_http_request()
}

type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>>;

async fn payload(pieces: Pieces) -> web::Payload {
    let request = TestRequest::post().to_http_request();
    web::Payload::from_request(&request, &mut dev::Payload::Stream { payload: pieces }).await.unwrap()
}

fn whole(body: &[u8]) -> Pieces {
    Box::pin(stream::iter([Ok(Bytes::copy_from_slice(body))]))
}

#[actix_web::test]
async fn strangers_and_replays_are_known_from_the_head_and_fill_nothing() {
    let guard = guard();
    let now = clock::now();
    assert_eq!(guard.admit(&request(1, "another", b"x"), now), Err(Refusal::Forged));
    assert_eq!(guard.nonces.lock().unwrap().len(), 0);
    let good = request(1, "secret", b"x");
    assert!(guard.admit(&good, now).is_ok());
    assert_eq!(guard.admit(&good, now), Err(Refusal::Replayed));
    assert_eq!((guard.nonces.lock().unwrap().len(), guard.room.available_permits()), (1, 100));
}

#[actix_web::test]
async fn a_body_must_be_the_one_that_was_signed() {
    let (guard, request) = (guard(), request(1, "secret", b"right"));
    let promise = guard.admit(&request, clock::now()).unwrap().body;
    for wrong in [&b"wrong"[..], b"righ", b"right!", b""] {
        let taken = guard.receive(&request, payload(whole(wrong)).await, &promise).await;
        assert!(matches!(taken, Err(NotTaken::Changed(_))), "{taken:?}");
    }
    let taken = guard.receive(&request, payload(whole(b"right")).await, &promise).await.unwrap();
    assert_eq!((&*taken.body, guard.room.available_permits()), (&b"right"[..], 95));
    drop(taken);
    assert_eq!(guard.room.available_permits(), 100);
    let huge = Promise { length: MAX_MESSAGE as u64 + 1, ..promise };
    let taken = guard.receive(&request, payload(whole(b"right")).await, &huge).await;
    assert!(matches!(taken, Err(NotTaken::TooLarge(_))), "{taken:?}");
}

/// Bodies that come slowly hold their room; the next one is not begun before there is room for it.
#[actix_web::test]
async fn all_bodies_together_have_a_bound() {
    let (guard, body) = (Arc::new(guard()), [b'x'; 60]);
    let (request, promise) = (request(1, "secret", &body), Promise::of(&body));
    let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
    let rest = stream::once(async move {
        receiver.await.ok();
        Ok(Bytes::from_static(&[b'x'; 59]))
    });
    let slow = stream::iter([Ok(Bytes::from_static(b"x"))]).chain(rest);
    let first = {
        let (guard, request, payload) = (Arc::clone(&guard), request.clone(), payload(Box::pin(slow)).await);
        actix_web::rt::spawn(async move { guard.receive(&request, payload, &promise).await.map(drop) })
    };
    tokio::task::yield_now().await;
    assert_eq!(guard.room.available_permits(), 40, "the first one has begun");
    let second = guard.receive(&request, payload(whole(&body)).await, &promise);
    let mut second = std::pin::pin!(second);
    assert!(futures_util::poll!(&mut second).is_pending(), "the second one waits");
    sender.send(()).unwrap();
    first.await.unwrap().unwrap();
    assert_eq!(&*second.await.unwrap().body, &body);
}
