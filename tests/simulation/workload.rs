//! What people and monitors hand in: every kind of submission, as JSON, as it would come in.

use std::sync::Arc;

use forewarn::{
    availability::{Author, Entry, Moment, Submission, Target},
    sync::{Replica, Submit},
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{
    naive::{Application, Ask},
    node::DELTA,
    rng::Rng,
};

/// Something handed in, to be handed in again elsewhere.
#[derive(Debug, Clone)]
pub struct Handed {
    pub body: Value,
    pub author: Author,
    pub id: Uuid,
    /// With an id and a time of its own, so that two nodes may take it.
    pub portable: bool,
}

impl Handed {
    pub fn submit(&self, known: Option<Arc<Entry>>) -> Submit {
        let submission = Submission::parse(&self.body).expect("the workload is well formed");
        Submit { submission, author: self.author.clone(), id: self.id, known }
    }
}

/// What there is to talk about.
pub fn targets() -> Vec<Target> {
    ["system", "application:mail", "application:chat", "resource:db", "resource:disk"]
        .iter()
        .map(|t| t.parse().unwrap())
        .collect()
}

/// Mail uses both resources, chat one of them.
pub fn applications() -> Vec<Application> {
    let t = targets();
    vec![
        Application { name: t[1].clone(), agree: 2, uses: vec![(t[3].clone(), 1), (t[4].clone(), 1)] },
        Application { name: t[2].clone(), agree: 1, uses: vec![(t[3].clone(), 1)] },
    ]
}

/// Requests that the criteria below tell apart.
pub const ASKS: [Ask; 3] = [
    Ask { method: "GET", path: "/mail/inbox", node: "n0" },
    Ask { method: "POST", path: "/mail/send", node: "n1" },
    Ask { method: "GET", path: "/chat", node: "n1" },
];

/// The next word of a node's monitor that closes and opens one target in turn, for its own users.
pub fn flapping(node: usize, turn: usize, id: Uuid) -> Handed {
    let target = ["resource:db", "application:mail"][node % 2];
    let status = ["available", "unavailable"][turn % 2];
    let mut body = json!({"targets": [target], "status": status, "reason": "unplanned-outage"});
    if node.is_multiple_of(3) {
        body["criteria"] = json!({"nodes": [format!("n{node}")]});
    }
    Handed { body, author: Author::monitor_token(&format!("n{node}/probe")), id, portable: false }
}

/// Something new, at a node whose clock shows `now`.
pub fn something(rng: &mut Rng, replica: &Replica, now: Moment) -> Handed {
    let id = Uuid::from_u128(rng.u128());
    let author = match rng.below(5) {
        0 => Author::monitor_token("ci"),
        1 => Author::monitor_token("probe"),
        2 => Author::operator("bob"),
        _ => Author::operator("alice"),
    };
    let mut body = Map::new();
    let mut portable = false;
    if rng.chance(500) {
        body.insert("id".into(), json!(id));
        if rng.chance(700) {
            let shift = rng.below(3_000 + DELTA as usize) as i64 - 3_000;
            let time = now.millis() + shift;
            // Many lie on whole seconds, as do the ends of plans: so that ties and boundaries occur.
            let time = if rng.chance(500) { time - time.rem_euclid(1_000) } else { time };
            body.insert("timestamp".into(), json!(Moment::from_millis(time)));
            portable = true;
        }
    }
    let plans: Vec<Uuid> =
        replica.holdings().filter(|entry| entry.notification.is_plan()).map(|entry| entry.notification.id).collect();
    if !plans.is_empty() && rng.chance(150) {
        body.insert("cancels".into(), json!(plans[rng.below(plans.len())]));
        return Handed { body: Value::Object(body), author, id, portable };
    }
    if !plans.is_empty() && rng.chance(80) {
        body.insert("replaces".into(), json!(plans[rng.below(plans.len())]));
    }
    let all = targets();
    let mut about = vec![all[rng.below(all.len())].to_string()];
    if rng.chance(250) {
        about.push(all[rng.below(all.len())].to_string());
    }
    body.insert("targets".into(), json!(about));
    if rng.chance(100) {
        body.insert("priority".into(), json!("critical"));
    }
    match rng.below(6) {
        0 => {}
        1 => drop(body.insert("criteria".into(), json!({"methods": ["GET"]}))),
        2 => drop(body.insert("criteria".into(), json!({"paths": ["/mail/*"], "nodes": ["n0", "n1"]}))),
        _ => {}
    }
    if rng.chance(350) {
        body.insert("status".into(), json!("available"));
    } else {
        body.insert("status".into(), json!("unavailable"));
        if rng.chance(400) {
            let begins = now.millis() + rng.below(40_000) as i64;
            let begins = if rng.chance(500) { begins - begins.rem_euclid(1_000) } else { begins };
            body.insert("goes_down_at".into(), json!(Moment::from_millis(begins)));
        }
        if rng.chance(500) {
            body.insert("duration_seconds".into(), json!(1 + rng.below(60)));
            if rng.chance(500) {
                body.insert("restore".into(), json!("automatic"));
            }
        }
    }
    Handed { body: Value::Object(body), author, id, portable }
}
