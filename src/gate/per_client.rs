//! Limits of what one client holds at a time: connections, or event streams.
//!
//! What must stay true: one client cannot exhaust what all share; a place is released when its holder ends,
//! however it ends; the table has only clients that hold something now. A client is an IPv4 address or a /64 of
//! IPv6, because the owner of one address of such a network has all of them.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use actix_web::{
    HttpResponse,
    body::{BodySize, BoxBody, MessageBody},
};
use bytes::Bytes;

/// Places for every client; shared by all workers.
#[derive(Debug, Clone)]
pub struct PerClient {
    most: usize,
    held: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// One place; given back when it is dropped.
#[derive(Debug)]
pub struct Place {
    client: IpAddr,
    held: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl PerClient {
    /// At most this many for each client.
    pub fn new(most: usize) -> Self {
        Self { most, held: Arc::default() }
    }

    /// Places in the same table with another limit. A client that holds more keeps them.
    #[must_use]
    pub(crate) fn at_most(&self, most: usize) -> Self {
        Self { most, held: Arc::clone(&self.held) }
    }

    /// The most that a client may hold.
    pub fn most(&self) -> usize {
        self.most
    }

    /// A place, unless this client holds as many as it may.
    pub fn take(&self, client: IpAddr) -> Option<Place> {
        let client = network(client);
        // A count is whole after every step, also where another holder of the lock has panicked.
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(client).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Place { client, held: Arc::clone(&self.held) })
    }
}

impl Place {
    /// The same answer; the place is given back when its body ends or is dropped.
    pub fn held_by(self, response: HttpResponse) -> HttpResponse {
        response.map_body(|_, body| self.held_by_body(body))
    }

    /// The same body; the place is given back when it ends or is dropped.
    pub(crate) fn held_by_body(self, body: BoxBody) -> BoxBody {
        BoxBody::new(Holding { body, _place: self })
    }
}

/// A body that holds a place.
struct Holding {
    body: BoxBody,
    _place: Place,
}

impl MessageBody for Holding {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(cx)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.client);
            }
        }
    }
}

/// The address that identifies a client: an IPv4 address, or the first of its /64.
pub(super) fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_by_client_and_given_back() {
        let places = PerClient::new(2);
        let take = |client: &str| places.take(client.parse().unwrap());
        let (one, two) = (take("192.0.2.1").unwrap(), take("::ffff:192.0.2.1").unwrap());
        assert!(take("192.0.2.1").is_none());
        assert!(take("192.0.2.2").is_some(), "another client");
        drop(one);
        let again = take("192.0.2.1").unwrap();
        assert!(take("192.0.2.1").is_none());
        drop((two, again));
        assert!(places.held.lock().unwrap().is_empty(), "nobody holds anything");
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let places = PerClient::new(1);
        let take = |client: &str| places.take(client.parse().unwrap());
        let _one = take("2001:db8:0:1::1").unwrap();
        assert!(take("2001:db8:0:1:ffff::2").is_none());
        assert!(take("2001:db8:0:2::1").is_some());
    }

    #[test]
    fn an_answer_holds_its_place_until_it_is_gone() {
        let places = PerClient::new(1);
        let client = "192.0.2.1".parse().unwrap();
        let answer = places.take(client).unwrap().held_by(HttpResponse::Ok().body("x"));
        assert!(places.take(client).is_none());
        drop(answer);
        assert!(places.take(client).is_some());
    }
}
