//! A gate whose upstream the test plays: the application `all` at `/` is open, `few` at `/few` takes 2 requests a minute, `mail` at `/mail` is down for two
//! hours for planned maintenance, `slow` at `/slow` is degraded, and its pages get
//! the script.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use actix_web::{dev::ServerHandle, web};
use forewarn::{
    actors::shared::{Shared, Slot},
    answer::{App, Snapshot, form::NotKept},
    availability::{
        Entry, Ledger, Name, NodeId, Notification, Rules,
        verdict::{Definition, View},
    },
    clock,
    gate::{
        entrance::Entrance,
        forwarded::TrustedProxies,
        limits::Limits,
        listener,
        per_client::PerClient,
        rate::RateLimit,
        route::{Route, Routes},
        service::Gate,
        upstream::{Upstream, Upstreams},
    },
    vocabulary::{Balance, Cors, HttpUrl},
};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};

use super::Wire;

/// A gate before an upstream that the test plays.
pub struct Stage {
    pub gate: SocketAddr,
    pub upstream: TcpListener,
    pub server: ServerHandle,
}

impl Stage {
    pub async fn new() -> Self {
        Self::with(Limits::default(), |own| vec![own]).await
    }

    /// `list` makes the upstreams' URLs from the played one's.
    pub async fn with(limits: Limits, list: impl Fn(String) -> Vec<String>) -> Self {
        let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gate = gate(&list(format!("http://{}", upstream.local_addr().unwrap())), limits);
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let address = socket.local_addr().unwrap();
        let entrance = Entrance { h2c: true, ..Entrance::default() };
        let entry = listener::Entry { socket: listener::Listening::Tcp(socket), entrance };
        let present = web::Data::new(arc_swap::ArcSwap::from_pointee(gate));
        let (server, _) = listener::serve([entry], present, 5, 1_000, |_| {}).unwrap();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self { gate: address, upstream, server: handle }
    }

    pub async fn client(&self) -> Wire {
        Wire::new(TcpStream::connect(self.gate).await.unwrap())
    }

    pub async fn accept(&self) -> Wire {
        Wire::new(self.upstream.accept().await.unwrap().0)
    }

    /// A client that has sent this, and the upstream, which has read the head of it.
    pub async fn exchange(&self, request: &str) -> (Wire, Wire) {
        let mut client = self.client().await;
        client.send(request).await;
        let mut upstream = self.accept().await;
        upstream.head().await;
        (client, upstream)
    }
}

fn gate(upstreams: &[String], limits: Limits) -> Gate {
    let now = clock::now();
    let closing = json!({
        "id": "0192f0c1-2222-7000-8000-000000000001",
        "timestamp": now.before(Duration::from_secs(60)),
        "expected_back_at": now.after(Duration::from_secs(7200)),
        "targets": ["application:mail"],
        "status": "unavailable", "reason": "planned-maintenance", "reason_code": 1,
        "source": "operator", "node": "a",
    });
    let mut ledger = Ledger::new(Rules::default());
    let degraded = json!({
        "id": "0192f0c1-2222-7000-8000-000000000002",
        "timestamp": now.before(Duration::from_secs(60)),
        "targets": ["application:slow"],
        "status": "available", "degraded": true, "reason": "unplanned-outage", "reason_code": 2,
        "source": "operator", "node": "a",
    });
    for notification in [closing, degraded] {
        let notification = serde_json::from_value::<Notification>(notification).unwrap();
        ledger.admit(&Entry::stamped(notification, 0, NodeId::NONE));
    }
    let node: Name = "a".parse().unwrap();
    let slots = ["all", "mail", "slow", "few"].map(|name| {
        let definition = Definition { name: name.parse().unwrap(), uses: Vec::new(), agree: 1 };
        let view = View::of(&ledger, &definition);
        let app = Arc::new(App { title: name.to_owned(), definition });
        let snapshot = Snapshot::build(Arc::clone(&app), node.clone(), view, now);
        let snapshot = arc_swap::ArcSwap::from_pointee(snapshot);
        Slot { app, critical: false, snapshot, traffic: Arc::default(), upstreams: Arc::default() }
    });
    let route = |prefix: &str, application| Route { host: None, prefix: prefix.to_owned(), application };
    let list = || upstreams.iter().map(|url| Upstream::from(&url.parse::<HttpUrl>().unwrap()));
    let performs = || Upstreams::new(list(), Balance::RoundRobin).into();
    let shared = Arc::new(Shared::new(node, Rules::default(), slots.into()));
    let mut gate = Gate {
        slots: shared.slots(),
        limits,
        page: None,
        access: None,
        request_ids: false,
        shared,
        routes: Routes::build([route("/", 0), route("/mail", 1), route("/slow", 2), route("/few", 3)]).unwrap(),
        served: (0..4).map(|_| performs()).collect(),
        trusted: TrustedProxies::new([]),
        not_kept: NotKept::default(),
        connections: PerClient::new(1_024),
        streams: PerClient::new(64),
        cors: Cors::Any,
        hsts: None,
        chance: || 0,
    };
    gate.served[2].inject = true;
    gate.served[3].rate_limit = Some(RateLimit::new("2/min".parse().unwrap()));
    gate
}
