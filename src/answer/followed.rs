//! What a node tells anybody of an application ([`super::availability_json`]), turned back into words: a program that
//! listens to a node decides by them, and gives the same answers.
//!
//! Must stay true: what is closed for everybody at that node is closed here, with the same reason, times and id, and
//! ends or begins by itself as there. What is closed for some requests only is not told, so it is not known
//! here.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::App;
use crate::availability::{
    Entry, Ledger, Moment, Name, NodeId, Notification, Reason, Restore, Rules, Target, verdict::View,
};

/// The members that matter.
#[derive(Deserialize)]
struct Availability {
    available: bool,
    #[serde(default)]
    causes: Vec<Cause>,
    #[serde(default)]
    advisories: Vec<Cause>,
    #[serde(default)]
    upcoming: Vec<Plan>,
}

#[derive(Deserialize)]
struct Said {
    notification: Uuid,
    #[serde(flatten)]
    reason: Reason,
    component: Option<String>,
    message: Option<String>,
    expected_back_at: Option<Moment>,
    #[serde(default)]
    restore: Restore,
}

#[derive(Deserialize)]
struct Cause {
    #[serde(flatten)]
    said: Said,
    target: Target,
    since: Moment,
}

#[derive(Deserialize)]
struct Plan {
    #[serde(flatten)]
    said: Said,
    goes_down_at: Moment,
    last_entry_at: Option<Moment>,
}

/// The words on an application, from what a node says of it.
///
/// # Errors
/// It is not what a node says.
pub fn followed(said: &Value, app: &App, node: &Name) -> Result<View, serde_json::Error> {
    let Availability { available, causes, advisories, upcoming } = Availability::deserialize(said)?;
    let mut ledger = Ledger::new(Rules::default());
    let own = Target::Application(app.name().clone());
    let here = |target: Target| match &target {
        Target::Resource(name) if !app.definition.uses.iter().any(|used| used.resource == *name) => own.clone(),
        Target::Application(_) => own.clone(),
        _ => target,
    };
    let mut admit = |mut word: Value, said: Said, at: Moment| {
        let Said { notification, reason, component, message, expected_back_at, restore } = said;
        let same = json!({
            "id": notification, "timestamp": at, "source": "operator", "node": node, "reason": reason.name,
            "reason_code": reason.code, "reason_title": reason.title, "component": component, "message": message,
            "expected_back_at": expected_back_at, "restore": restore,
        });
        if let (Some(word), Value::Object(same)) = (word.as_object_mut(), same) {
            word.extend(same.into_iter().filter(|(_, value)| !value.is_null()));
        }
        ledger.admit(&Entry::stamped(serde_json::from_value::<Notification>(word)?, 0, NodeId::NONE));
        Ok::<_, serde_json::Error>(())
    };
    // One word for each target: the first that closes it, since the earliest of them and until the latest.
    let mut closed: Vec<(Target, Moment, Said)> = Vec::new();
    for Cause { said, target, since } in causes.into_iter().filter(|_| !available) {
        let target = here(target);
        let Some((_, first, kept)) = closed.iter_mut().find(|(known, ..)| *known == target) else {
            closed.push((target, since, said));
            continue;
        };
        *first = since.min(*first);
        let both = kept.expected_back_at.zip(said.expected_back_at);
        kept.expected_back_at = both.map(|(one, other)| one.max(other));
        if said.restore == Restore::Manual || kept.expected_back_at.is_none() {
            kept.restore = Restore::Manual;
        }
    }
    let mut known: Vec<Uuid> = Vec::new();
    for (target, since, mut said) in closed {
        // One notification may close several targets; here each has its own.
        if known.contains(&said.notification) {
            said.notification = Uuid::new_v5(&said.notification, target.to_string().as_bytes());
        }
        known.push(said.notification);
        admit(json!({"status": "unavailable", "targets": [target]}), said, since)?;
    }
    for Cause { said, target, since } in advisories {
        let target = here(target);
        admit(json!({"status": "available", "degraded": true, "targets": [target]}), said, since)?;
    }
    for Plan { said, goes_down_at, last_entry_at } in upcoming {
        let seconds = last_entry_at.map(|from| goes_down_at.since(from).as_secs());
        let mut plan = json!({"status": "unavailable", "targets": [own], "goes_down_at": goes_down_at});
        if let Some(seconds) = seconds {
            plan["last_entry_seconds"] = seconds.into();
        }
        // Before anything that newcomers are told by it.
        let made = last_entry_at.unwrap_or(goes_down_at).before(Duration::from_millis(1));
        admit(plan, said, made)?;
    }
    Ok(View::of(&ledger, &app.definition))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use super::*;
    use crate::{
        answer::{Decision, Occasion, Shape, Snapshot, availability_json, fixtures::*, general::nothing_but},
        text::english,
    };

    /// What users get at this time: the denial's body and head; else what is told beside an answer.
    fn told(snapshot: &Snapshot, at: Moment, inside: bool) -> String {
        let request = crate::availability::RequestFacts { inside, ..nothing_but("a") };
        match snapshot.decide(&request, at) {
            Decision::Open(advisory) => format!("{advisory:?} {:?}", snapshot.announced(at).next),
            Decision::Closed(denial) => {
                let occasion = Occasion {
                    shape: Shape::Json,
                    instance: "/",
                    reading: true,
                    clock: at,
                    language: english(),
                    works: &[],
                    chance: 0,
                };
                format!("{:?} {:?}", denial.headers(&occasion).collect::<Vec<_>>(), denial.body(&occasion))
            }
        }
    }

    #[test]
    fn a_listener_tells_users_what_the_node_tells_them() {
        let minute = |minutes: u64| after(60 * minutes);
        let ledgers: Vec<Vec<Value>> = vec![
            vec![],
            vec![json!({"reason": "testing", "reason_code": 3, "component": "disk", "message": "m"})],
            vec![json!({"expected_back_at": minute(10), "restore": "automatic"})],
            vec![json!({"expected_back_at": minute(10)})],
            vec![json!({"reason": "worn-out", "reason_code": 100, "reason_title": "it is worn out"})],
            vec![
                json!({"targets": ["system"], "message": "all"}),
                json!({"targets": ["application:mail"], "expected_back_at": minute(3)}),
            ],
            vec![json!({"targets": ["application:mail", "system"]})],
            vec![json!({"source": "monitor", "reporter": "a/x"}), json!({"source": "operator", "message": "o"})],
            vec![json!({"status": "available", "degraded": true, "message": "slow"})],
            vec![json!({"goes_down_at": minute(5), "expected_back_at": minute(9), "last_entry_seconds": 120})],
            vec![json!({"goes_down_at": minute(5), "expected_back_at": minute(9), "restore": "automatic"})],
        ];
        for (number, ledger) in ledgers.into_iter().enumerate() {
            let node = snapshot(ledger.into_iter().map(entry), four());
            for asked in [0, 1, 4] {
                let said = availability_json(&node, minute(asked));
                let view = followed(&said, node.app(), node.node()).unwrap();
                let listener = Snapshot::build(Arc::clone(node.app()), node.node().clone(), view, minute(asked));
                // What was heard once is true for as long as nothing new is said.
                for (at, inside) in [0, 1, 4, 6, 11].into_iter().flat_map(|at| [(at, true), (at, false)]) {
                    if at < asked {
                        continue;
                    }
                    let at = minute(at);
                    assert_eq!(
                        told(&listener, at, inside),
                        told(&node, at, inside),
                        "{number}, asked at {asked}: {said}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_no_node_says_is_refused() {
        let node = snapshot([], four());
        for said in [json!(null), json!({}), json!({"available": false, "causes": [{"reason": "x"}]})] {
            assert!(followed(&said, node.app(), node.node()).is_err(), "{said}");
        }
    }
}
