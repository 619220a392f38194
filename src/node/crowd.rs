//! How many connections one client may have at the control listener.
//!
//! What must stay true: one address cannot take every place that operators, peers and `/readyz` need. A direct
//! connection beyond the bound is closed when it is accepted, before it costs anything. Behind a trusted proxy
//! (`control.trusted_proxies`) connections are the proxy's, and the requests under way are counted for the client
//! that it names; beyond the bound they are 429.

use std::{any::Any, net::IpAddr};

use actix_web::{
    Error, ResponseError as _,
    body::MessageBody,
    dev::{Extensions, ServiceRequest, ServiceResponse},
    middleware::Next,
    web,
};
use socket2::SockRef;
use tokio::net::TcpStream;

use crate::{
    control::{errors::Failure, session::Proxies},
    gate::per_client::{PerClient, Place},
    noise::Noise,
};

/// The most that one client may have, where there are enough for all.
const MOST: usize = 256;

static TURNED_AWAY: Noise = Noise::new("connections_of_one_client");

/// See the module.
#[derive(Clone)]
pub(super) struct Crowd {
    places: PerClient,
    proxies: Proxies,
}

impl Crowd {
    /// `all`: how many connections the listener serves at a time.
    pub(super) fn new(all: usize, proxies: Proxies) -> Self {
        Self { places: PerClient::new((all / 2).clamp(1, MOST)), proxies }
    }

    /// A connection was accepted: it takes a place for as long as it lasts, or is closed.
    pub(super) fn connected(&self, connection: &dyn Any, kept: &mut Extensions) {
        let Some(stream) = connection.downcast_ref::<TcpStream>() else { return };
        let Ok(peer) = stream.peer_addr() else { return };
        match self.enters(peer.ip()) {
            Some(place) => place.into_iter().for_each(|place| _ = kept.insert(place)),
            // A connection that cannot be shut down has ended.
            None => _ = SockRef::from(stream).shutdown(std::net::Shutdown::Both),
        }
    }

    /// A place for a connection from this address, if there is one; those of a trusted proxy need none.
    pub(super) fn enters(&self, peer: IpAddr) -> Option<Option<Place>> {
        if self.proxies.contain(peer) { Some(None) } else { self.take(peer).map(Some) }
    }

    fn take(&self, client: IpAddr) -> Option<Place> {
        let place = self.places.take(client);
        if place.is_none() && TURNED_AWAY.admits() {
            log::warn!(from:% = client, most = self.places.most(); "connections_of_one_client");
        }
        place
    }
}

/// Middleware: counts requests that come through a trusted proxy.
///
/// # Errors
/// What the handlers behind it give.
pub(super) async fn count<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse, Error> {
    let crowd = request.app_data::<web::Data<Crowd>>().cloned();
    let proxied =
        request.peer_addr().is_some_and(|peer| crowd.as_ref().is_some_and(|crowd| crowd.proxies.contain(peer.ip())));
    let Some(crowd) = crowd.filter(|_| proxied) else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let client = crowd.proxies.front(request.request()).client;
    let Some(place) = crowd.take(client) else {
        let refused = Failure::Crowded(crowd.places.most()).error_response();
        return Ok(request.into_response(refused));
    };
    let response = next.call(request).await?.map_into_boxed_body();
    Ok(response.map_body(|_, body| place.held_by_body(body)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use actix_web::{
        App, HttpResponse,
        middleware::from_fn,
        test::{TestRequest, call_service, init_service},
    };

    #[test]
    fn one_client_never_gets_all() {
        for (all, most) in [(1, 1), (96, 48), (2_016, 256)] {
            assert_eq!(Crowd::new(all, Proxies::default()).places.most(), most);
        }
    }

    #[actix_web::test]
    async fn behind_a_trusted_proxy_each_client_has_its_own_bound() {
        let crowd = Crowd::new(4, Proxies::new(["192.0.2.0/24".parse().unwrap()]));
        let app = App::new().wrap(from_fn(count)).app_data(web::Data::new(crowd));
        let app = init_service(app.default_service(web::to(|| async { HttpResponse::Ok().body("x") }))).await;
        let ask = |peer: &str, client: &'static str| {
            let request = TestRequest::default().peer_addr(format!("{peer}:4000").parse().unwrap());
            call_service(&app, request.insert_header(("x-forwarded-for", client)).to_request())
        };
        let held = [ask("192.0.2.1", "203.0.113.7").await, ask("192.0.2.1", "203.0.113.7").await];
        let third = ask("192.0.2.1", "203.0.113.7").await;
        assert_eq!(
            (third.status().as_u16(), third.headers().get("retry-after").unwrap().to_str().unwrap()),
            (429, "10")
        );
        assert_eq!(ask("192.0.2.1", "203.0.113.8").await.status(), 200, "another client");
        // A client that connects directly is counted by connections, and cannot name another client.
        assert_eq!(ask("198.51.100.1", "203.0.113.7").await.status(), 200);
        drop(held);
        assert_eq!(ask("192.0.2.1", "203.0.113.7").await.status(), 200);
    }

    #[actix_web::test]
    async fn a_connection_too_many_is_closed_and_a_place_comes_back() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let crowd = Crowd::new(2, Proxies::default());
        let connect = async || {
            let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            (client, listener.accept().await.unwrap().0)
        };
        let ((_one, at_one), (mut two, at_two)) = (connect().await, connect().await);
        let mut kept = Extensions::new();
        crowd.connected(&at_one, &mut kept);
        assert!(kept.contains::<Place>());
        let mut none = Extensions::new();
        crowd.connected(&at_two, &mut none);
        assert!(!none.contains::<Place>());
        let read = tokio::io::AsyncReadExt::read(&mut two, &mut [0; 1]).await;
        assert_eq!(read.unwrap(), 0, "closed");
        drop(kept);
        let (_three, at_three) = connect().await;
        crowd.connected(&at_three, &mut none);
        assert!(none.contains::<Place>());
    }
}
