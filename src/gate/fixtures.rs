//! A gate for the tests of this room: mail at `/mail` is down for two hours for planned maintenance;
//! chat at `/chat` is down for PUT and for clients in 203.0.113.0/24 only; phone at `/phone` is up.
#![allow(clippy::unwrap_used)]

use std::{sync::Arc, time::Duration};

use serde_json::json;

use super::{
    forwarded::TrustedProxies,
    limits::Limits,
    per_client::PerClient,
    route::{Route, Routes},
    service::Gate,
    upstream::{Upstream, Upstreams},
};
use crate::{
    actors::shared::{Shared, Slot},
    answer::{App, Snapshot, form::NotKept},
    availability::{
        Entry, Ledger, Name, NodeId, Notification, Rules,
        verdict::{Definition, View},
    },
    clock,
    vocabulary::{Balance, Cors},
};

const NAMES: [&str; 3] = ["mail", "chat", "phone"];

/// The gate; each application's upstreams are these.
pub(super) fn gate(upstreams: &[String]) -> Gate {
    let now = clock::now();
    let closing = |number: u32, members: serde_json::Value| {
        let mut whole = json!({
            "id": format!("0192f0c1-2222-7000-8000-{number:012}"),
            "timestamp": now.before(Duration::from_secs(60)),
            "status": "unavailable", "reason": "planned-maintenance", "reason_code": 1,
            "source": "operator", "node": "a",
        });
        whole.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        Entry::stamped(serde_json::from_value::<Notification>(whole).unwrap(), 0, NodeId::NONE)
    };
    let mut ledger = Ledger::new(Rules::default());
    for entry in [
        closing(1, json!({"targets": ["application:mail"], "expected_back_at": now.after(Duration::from_secs(7200))})),
        closing(2, json!({"targets": ["application:chat"], "criteria": {"methods": ["PUT"]}})),
        closing(3, json!({"targets": ["application:chat"], "criteria": {"clients": ["203.0.113.0/24"]}})),
    ] {
        ledger.admit(&entry);
    }
    let node: Name = "a".parse().unwrap();
    let slots = NAMES.iter().map(|name| {
        let definition = Definition { name: name.parse().unwrap(), uses: Vec::new(), agree: 1 };
        let view = View::of(&ledger, &definition);
        let app = Arc::new(App { title: (*name).to_owned(), definition });
        let snapshot = Snapshot::build(Arc::clone(&app), node.clone(), view, now);
        let snapshot = arc_swap::ArcSwap::from_pointee(snapshot);
        Slot { app, critical: false, snapshot, traffic: Arc::default(), upstreams: Arc::default() }
    });
    let slots = slots.collect();
    let routes = NAMES.iter().enumerate().map(|(application, name)| Route {
        host: None,
        prefix: format!("/{name}"),
        application,
    });
    let shared = Arc::new(Shared::new(node, Rules::default(), slots));
    Gate {
        slots: shared.slots(),
        limits: Limits::default(),
        page: None,
        access: None,
        request_ids: false,
        shared,
        routes: Routes::build(routes).unwrap(),
        served: NAMES
            .iter()
            .map(|_| {
                let upstreams = upstreams.iter().map(|url| Upstream::parse(url).unwrap());
                Upstreams::new(upstreams, Balance::RoundRobin).into()
            })
            .collect(),
        trusted: TrustedProxies::new(["127.0.0.0/8".parse().unwrap()]),
        not_kept: NotKept::default(),
        connections: PerClient::new(1_024),
        streams: PerClient::new(64),
        cors: Cors::Any,
        hsts: None,
        chance: || 0,
    }
}
