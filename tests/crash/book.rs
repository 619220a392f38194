//! What the clients of a farm know, and what must be true whatever died when.
//!
//! - A notification that was acknowledged is on every node in the end (in its history; its ledger may
//!   have something that superseded it), and its receipt is complete.
//! - One whose fate is unknown (no answer, or 503) is on all nodes or on none, and can be handed in
//!   again under its id, at another node too.
//! - No node lists an id twice; all have the same fingerprint and the same verdicts.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Farm, Node, wait::poll_until};

/// See the module.
#[derive(Default)]
pub struct Book {
    /// Acknowledged, with what was said.
    pub acknowledged: BTreeMap<Uuid, Value>,
    /// Acknowledged since the last check.
    fresh: Vec<Uuid>,
    /// Handed in without an answer that says what became of it.
    pub unknown: Vec<Value>,
    made: usize,
    last: Option<DateTime<Utc>>,
    /// The nodes did not know each other when something was said: no receipts of all are to come,
    /// and histories may have gaps.
    by_merge: bool,
}

/// What somebody could say as the `turn`-th: closings and openings of everything, plans, limits.
pub fn statement(turn: usize, timestamp: DateTime<Utc>) -> Value {
    let targets = ["application:mail", "application:directory", "application:chat", "resource:mail-store", "system"];
    let target = targets[turn % targets.len()];
    let time = |moment: DateTime<Utc>| moment.to_rfc3339_opts(SecondsFormat::Millis, true);
    let mut said = json!({
        "id": Uuid::now_v7(),
        "timestamp": time(timestamp),
        "targets": [target],
        "status": if turn % 3 == 1 { "available" } else { "unavailable" },
        "message": format!("statement {turn}"),
    });
    let add = |key: &str, value: Value, said: &mut Value| said[key] = value;
    match turn % 7 {
        2 => add("criteria", json!({"methods": ["POST"], "paths": [format!("/mail/{}*", turn % 5)]}), &mut said),
        3 => add("targets", json!([target, "application:chat"]), &mut said),
        4 if said["status"] == "unavailable" => {
            add("goes_down_at", json!(time(timestamp + chrono::Duration::minutes(30))), &mut said);
            add("expected_back_at", json!(time(timestamp + chrono::Duration::minutes(90))), &mut said);
        }
        5 => add("priority", json!("critical"), &mut said),
        _ => {}
    }
    said
}

fn id(said: &Value) -> Uuid {
    said["id"].as_str().unwrap().parse().unwrap()
}

impl Book {
    /// The next thing to say; times ascend.
    pub fn next(&mut self) -> Value {
        let step = chrono::Duration::milliseconds(1);
        let now = self.last.map_or_else(Utc::now, |last| Utc::now().max(last + step));
        self.last = Some(now);
        self.made += 1;
        statement(self.made, now)
    }

    /// From now on only the ledgers are compared, not receipts and histories.
    pub fn arrives_by_merge(&mut self) {
        self.by_merge = true;
    }

    /// Takes over what other clients were told. `at_once` were acknowledged at the first attempt, so
    /// that the initial node answers for them; what had to be handed in again may have come to some
    /// by merging only, and to their histories not at all if it was superseded by then.
    pub fn take_over(&mut self, acknowledged: BTreeMap<Uuid, Value>, at_once: Vec<Uuid>) {
        self.acknowledged.extend(acknowledged);
        self.fresh.extend(at_once);
    }

    /// Says something at a node, which may die of it; whether it was acknowledged.
    pub async fn say(&mut self, node: &Node) -> bool {
        let said = self.next();
        self.hand_in(node, said).await
    }

    /// Says several things.
    pub async fn say_much(&mut self, node: &Node, count: usize) {
        for _ in 0..count {
            assert!(self.say(node).await, "{} did not take it", node.name);
        }
    }

    /// Hands this in; whether it was acknowledged. No answer and 503 mean that nobody knows.
    pub async fn hand_in(&mut self, node: &Node, said: Value) -> bool {
        match node.try_submit(&said).await {
            Ok(reply) if reply.status == 202 || reply.status == 200 => {
                self.fresh.push(id(&said));
                self.acknowledged.insert(id(&said), said);
                true
            }
            Ok(reply) if reply.status != 503 => panic!("{}: {} {said} {}", node.name, reply.status, reply.text()),
            _ => {
                self.unknown.push(said);
                false
            }
        }
    }

    /// This node, by itself, has everything that was acknowledged since the last check.
    pub async fn node_has_all(&self, node: &Node) {
        for id in &self.fresh {
            let reply = node.get(&format!("/api/v1/notifications/{id}")).await;
            assert_eq!(reply.status, 200, "{} has lost {id}, which was acknowledged: {}", node.name, reply.text());
        }
    }

    /// Whether the last one that was acknowledged has the receipts of all nodes; false if the node does not answer.
    pub async fn is_confirmed_at(&self, node: &Node) -> bool {
        let Some(id) = self.fresh.last() else { return false };
        let reply = node.try_get(&format!("/api/v1/notifications/{id}")).await;
        reply.is_ok_and(|reply| reply.json()["complete"] == true)
    }

    /// All nodes run and are ready: waits until they agree, then checks everything, and hands in
    /// again what is unknown.
    pub async fn check(&mut self, farm: &Farm) {
        self.agree(farm).await;
        for said in std::mem::take(&mut self.unknown) {
            let id = id(&said);
            let path = format!("/api/v1/notifications/{id}");
            let mut there = Vec::new();
            for node in &farm.nodes {
                there.push(node.get(&path).await.status == 200);
            }
            assert!(there.iter().all(|one| *one == there[0]), "{id} is on some nodes only: {there:?}");
            // At another node than before as well: the same id and time make the same entry.
            let node = &farm.nodes[self.made % farm.nodes.len()];
            assert!(self.hand_in(node, said).await, "{} does not take it again", node.name);
            let reply = node.get(&path).await;
            assert_eq!(reply.status, 200, "{}", reply.text());
            // Sending may run ahead of the disk: a peer may have had it from a node that has forgotten
            // it by dying, and acknowledges it now without being its initial node. It comes to all by
            // merging then, and the receipt does not name everybody.
            self.fresh.retain(|one| *one != id);
            for node in &farm.nodes {
                poll_until(&format!("{} has {id}", node.name), async || node.get(&path).await.status == 200).await;
            }
        }
        self.agree(farm).await;
    }

    async fn agree(&mut self, farm: &Farm) {
        poll_until("all nodes have the same fingerprint", async || {
            let mut prints = BTreeSet::new();
            for node in &farm.nodes {
                prints.insert(node.fingerprint().await);
            }
            prints.len() == 1
        })
        .await;
        for id in std::mem::take(&mut self.fresh) {
            if self.by_merge {
                continue;
            }
            has_arrived(farm, id).await;
        }
        poll_until("all nodes have the same verdicts", async || {
            let mut verdicts = Vec::new();
            for node in &farm.nodes {
                verdicts.push(node.get("/api/v1/availability").await.json());
            }
            verdicts.iter().all(|one| *one == verdicts[0])
        })
        .await;
        for node in &farm.nodes {
            assert_eq!(twice(node).await, Vec::<String>::new(), "{} lists ids twice", node.name);
        }
    }
}

/// Every node has it, and the initial node has everybody's final receipt.
async fn has_arrived(farm: &Farm, id: Uuid) {
    let path = format!("/api/v1/notifications/{id}");
    for node in &farm.nodes {
        poll_until(&format!("{} has {id}", node.name), async || node.get(&path).await.status == 200).await;
    }
    let names: BTreeSet<&str> = farm.nodes.iter().map(|node| node.name.as_str()).collect();
    let initial = farm[0].get(&path).await.json()["node"].as_str().unwrap().to_owned();
    let initial = farm.nodes.iter().find(|node| node.name == initial).unwrap();
    let last = std::cell::RefCell::new(Value::Null);
    let complete = poll(async || {
        let json = initial.get(&path).await.json();
        let rows = json["delivery"].as_array().cloned().unwrap_or_default();
        let told: BTreeSet<&str> = rows
            .iter()
            .filter(|row| row["state"] == "applied" || row["state"] == "superseded")
            .filter_map(|row| row["node"].as_str())
            .collect();
        let complete = json["complete"] == true && told == names;
        *last.borrow_mut() = json["delivery"].clone();
        complete
    });
    assert!(
        complete.await,
        "the receipt of {id} at {} does not become complete: {}\n{}",
        initial.name,
        last.borrow(),
        initial.log_end()
    );
}

/// Asks until it is so; false after 25 s (a peer that has said *queued* is asked again after 10 s).
pub async fn poll(condition: impl AsyncFn() -> bool) -> bool {
    let asking = async {
        while !condition().await {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(25), asking).await.is_ok()
}

/// The ids that a node's history lists more than once.
pub async fn twice(node: &Node) -> Vec<String> {
    let (mut seen, mut twice, mut before) = (BTreeSet::new(), Vec::new(), String::new());
    loop {
        let page = node.get(&format!("/api/v1/notifications?limit=1000{before}")).await.expect(200).json();
        for one in page["notifications"].as_array().unwrap() {
            let id = one["id"].as_str().unwrap().to_owned();
            if !seen.insert(id.clone()) {
                twice.push(id);
            }
        }
        match page["next"].as_str() {
            Some(next) => before = format!("&before={next}"),
            None => return twice,
        }
    }
}
