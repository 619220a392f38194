//! What a request is compared with: every reading of its path, and exceptions.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::availability::{
    Entry, Ledger, Moment, NoHeaders, NodeId, Rules,
    verdict::{Definition, View},
};

/// `mail` with one closing under these criteria.
fn closed_for(criteria: Value) -> Weighed {
    let said = json!({
        "id": Uuid::from_u128(1), "timestamp": Moment::ZERO, "targets": ["application:mail"],
        "status": "unavailable", "source": "operator", "node": "a", "criteria": criteria,
    });
    let mut ledger = Ledger::new(Rules::default());
    ledger.admit(&Entry::stamped(serde_json::from_value(said).unwrap(), 0, NodeId::NONE));
    let definition = Definition { name: "mail".parse().unwrap(), uses: Vec::new(), agree: 1 };
    View::of(&ledger, &definition).weigh(Moment::from_millis(1))
}

fn is_open(weighed: &Weighed, method: &str, path: &str, also: [Option<&str>; 2]) -> bool {
    let (query, client, node, inside) = ("", None, "a", false);
    let facts = RequestFacts { method, path, also, query, headers: &NoHeaders, client, node, inside };
    weighed.decide(&facts).is_open()
}

#[test]
fn a_request_is_closed_if_any_reading_of_its_path_is() {
    let weighed = closed_for(json!({"paths": ["/mail/send"]}));
    assert!(is_open(&weighed, "GET", "/mail/%2Fsend", [None; 2]));
    assert!(!is_open(&weighed, "GET", "/mail/send", [None; 2]));
    assert!(!is_open(&weighed, "GET", "/mail/%2Fsend", [Some("/mail/send"), None]));
    assert!(!is_open(&weighed, "GET", "/mail/%2Fsend", [Some("/mail/x"), Some("/mail/send")]));
    assert!(is_open(&weighed, "GET", "/mail/%2Fsend", [Some("/mail/x"), Some("/mail/y")]));
}

#[test]
fn exceptions_are_left_out_under_the_reading_that_is_compared() {
    let weighed = closed_for(json!({"paths": ["/mail/*"], "except": [{"paths": ["/mail/health"]}]}));
    assert!(!is_open(&weighed, "GET", "/mail/x", [None; 2]));
    assert!(is_open(&weighed, "GET", "/mail/health", [None; 2]));
    assert!(!is_open(&weighed, "GET", "/mail/health", [Some("/mail/x"), None]), "another reading is no exception");
    let weighed = closed_for(json!({"paths": ["/mail/*"], "except": [{"methods": ["GET"]}]}));
    assert!(is_open(&weighed, "GET", "/mail/x", [None; 2]) && !is_open(&weighed, "POST", "/mail/x", [None; 2]));
}
