//! The decision about a request by itself: `cargo bench --profile dist --bench verdict`.
//!
//! 10,000 applications, each with a route; requests for open and closed ones, and for one with a hundred conditional
//! notifications. It fails where a decision allocates memory. The time is that of the quickest of many rounds: the
//! slower ones belong to other programs on the same core.

#![allow(clippy::unwrap_used, missing_docs)]

use std::{alloc::System, hint::black_box, net::IpAddr, sync::Arc, time::Instant};

use actix_web::http::header::HeaderMap;
use forewarn::{
    actors::shared::{Shared, Slot},
    answer::{App, Snapshot},
    availability::{
        Entry, Ledger, Moment, Name, NodeId, Notification, Rules,
        path::Path,
        verdict::{Definition, Use, View},
    },
    gate::{
        decide::{Asked, Outcome, decide},
        route::{Route, Routes},
        upstream::Upstreams,
    },
    vocabulary::Balance,
};
use serde_json::{Value, json};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const APPLICATIONS: usize = 10_000;
const NOW: i64 = 1_700_000_000_000;
/// Of each round, and how many there are.
const REQUESTS: u32 = 10_000;
const ROUNDS: usize = 200;

fn main() {
    if std::env::args().any(|arg| arg == "--list" || arg == "--test") {
        return;
    }
    let mut ledger = Ledger::new(Rules::default());
    let mut say = |number: usize, target: &str, criteria: Value| {
        let said = json!({
            "id": uuid::Uuid::from_u128(number as u128 + 1), "timestamp": Moment::from_millis(NOW), "targets": [target],
            "status": "unavailable", "source": "operator", "node": "a", "criteria": criteria,
        });
        ledger.admit(&Entry::stamped(serde_json::from_value::<Notification>(said).unwrap(), 0, NodeId::NONE));
    };
    say(0, "application:app-1", Value::Null);
    for n in 0..100 {
        let target = if n < 60 { "application:app-2" } else { "resource:store" };
        say(n + 1, target, json!({"paths": [format!("/app-2/part-{n}/*")]}));
    }
    let node: Name = "a".parse().unwrap();
    let now = Moment::from_millis(NOW + 1);
    let slots = (0..APPLICATIONS).map(|n| {
        let uses = if n == 2 { vec![Use { resource: "store".parse().unwrap(), agree: 1 }] } else { Vec::new() };
        let definition = Definition { name: format!("app-{n}").parse().unwrap(), uses, agree: 1 };
        let view = View::of(&ledger, &definition);
        let app = Arc::new(App { title: format!("App {n}"), definition });
        let snapshot = Snapshot::build(Arc::clone(&app), node.clone(), view, now);
        let snapshot = arc_swap::ArcSwap::from_pointee(snapshot);
        Slot { app, critical: false, snapshot, traffic: Arc::default(), upstreams: Arc::default() }
    });
    let shared = Shared::new(node.clone(), Rules::default(), slots.collect());
    let all = shared.slots();
    let route = |n| Route { host: None, prefix: format!("/app-{n}"), application: n };
    let routes = Routes::build((0..APPLICATIONS).map(route)).unwrap();
    let served: Vec<_> = (0..APPLICATIONS).map(|_| Upstreams::new([], Balance::RoundRobin).into()).collect();
    let headers = HeaderMap::new();
    for (name, raw, closed) in [
        ("open", "/app-7777/x", false),
        ("closed", "/app-1/x", true),
        ("open, 100 conditional notifications", "/app-2/x", false),
    ] {
        let request = || {
            let path = Path::parse(black_box(raw).as_bytes()).unwrap();
            let client = Some(IpAddr::from([192, 0, 2, 1]));
            let asked = Asked {
                method: "GET",
                host: "farm.example",
                path: &path,
                query: "",
                headers: &headers,
                client,
                enters: true,
                secure: false,
            };
            let outcome = decide(&shared, &all, &routes, &served, &asked, now);
            assert_eq!(matches!(outcome, Outcome::Closed(_)), closed);
        };
        request();
        let region = Region::new(ALLOCATOR);
        let mut quickest = f64::INFINITY;
        for _ in 0..ROUNDS {
            let begun = Instant::now();
            (0..REQUESTS).for_each(|_| request());
            quickest = quickest.min(begun.elapsed().as_nanos() as f64 / f64::from(REQUESTS));
        }
        let allocations = region.change().allocations;
        println!("{name:40} {quickest:6.0} ns, {allocations} allocations in {} decisions", ROUNDS as u32 * REQUESTS);
        assert_eq!(allocations, 0, "a decision allocates");
    }
}
