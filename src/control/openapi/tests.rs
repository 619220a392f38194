#![allow(clippy::unwrap_used)]
use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;

fn document() -> Value {
    serde_json::from_str(&DOCUMENT).unwrap()
}

#[test]
fn it_names_what_is_registered_and_nothing_else() {
    let root = health::places().into_iter().chain(metrics::places()).chain(places()).map(|place| ("", place));
    let below = api::places().into_iter().map(|place| ("/api", place));
    let registered: BTreeSet<String> = root
        .chain(below)
        .flat_map(|(base, place)| {
            place
                .verbs
                .iter()
                .map(|verb| {
                    let method = verb.allow.split(',').next().unwrap().to_lowercase();
                    format!("{method} {base}{}", place.path)
                })
                .collect::<Vec<_>>()
        })
        .collect();
    let document = document();
    let described: BTreeSet<String> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| item.as_object().unwrap().keys().map(move |verb| format!("{verb} {path}")))
        .collect();
    assert_eq!(described, registered);
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn every_reference_leads_somewhere_and_every_schema_is_used() {
    fn walk(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str).map(|reference| reference[1..].to_owned()));
                members.values().for_each(|member| walk(member, found));
            }
            Value::Array(members) => members.iter().for_each(|member| walk(member, found)),
            _ => {}
        }
    }
    let document = document();
    let mut references = BTreeSet::new();
    walk(&document, &mut references);
    for reference in &references {
        assert!(document.pointer(reference).is_some(), "{reference}");
    }
    for kind in ["schemas", "responses"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            let of_all = ["MethodNotAllowed", "Crowded"].contains(&name.as_str());
            assert!(of_all || references.contains(&format!("/components/{kind}/{name}")), "{name} is not used");
        }
    }
}

/// The members of a schema.
fn members(schema: &Value) -> BTreeSet<&str> {
    schema["properties"].as_object().unwrap().keys().map(String::as_str).collect()
}

/// The submission that has one member of this name, of the wrong kind: what is wrong with it.
fn wrong(kind: &str, member: &str) -> String {
    let value = if kind == "criteria" { json!({"criteria": {member: [[]]}}) } else { json!({member: [[]]}) };
    let errors = Submission::parse(&value).unwrap_err();
    errors.into_iter().map(|error| error.problem).collect()
}

#[test]
fn a_submission_has_the_members_that_are_read() {
    let document = document();
    let (statement, cancel) = (
        &document["components"]["schemas"]["Submission"]["oneOf"][0],
        &document["components"]["schemas"]["Submission"]["oneOf"][1],
    );
    let all: BTreeSet<&str> = members(statement).union(&members(cancel)).copied().collect();
    let read = [
        "id",
        "timestamp",
        "targets",
        "status",
        "cancels",
        "replaces",
        "reason",
        "component",
        "message",
        "goes_down_at",
        "expected_back_at",
        "duration_seconds",
        "restore",
        "criteria",
        "priority",
        "last_entry_seconds",
    ];
    assert_eq!(all, BTreeSet::from(read));
    for member in all {
        assert!(!wrong("", member).contains("is unknown"), "{member}");
    }
    assert!(wrong("", "colour").contains("is unknown"));
    for member in members(&document["components"]["schemas"]["Criteria"]) {
        let problem = Criteria::parse(&json!({member: 1})).unwrap_err()[0].problem.clone();
        assert!(!problem.contains("is unknown"), "{member}");
    }
    assert_eq!((&statement["additionalProperties"], &cancel["additionalProperties"]), (&json!(false), &json!(false)));
}

#[test]
fn what_is_refused_is_not_allowed() {
    let document = document();
    let parameters = document["paths"]["/api/v1/notifications"]["post"]["parameters"].as_array().unwrap().clone();
    // one parameter, written as two: a time goes with `wait` only
    assert_eq!(parameters.len(), 1, "{parameters:?}");
    let waiting = &parameters[0];
    assert_eq!(
        (&waiting["explode"], &waiting["style"], &waiting["required"]),
        (&json!(true), &json!("form"), &json!(false))
    );
    assert_eq!(
        (members(&waiting["schema"]), &waiting["schema"]["required"]),
        (BTreeSet::from(["timeout", "wait"]), &json!(["wait"]))
    );
    let filters = document["paths"]["/api/v1/notifications"]["get"]["parameters"].as_array().unwrap();
    let before = &filters.iter().find(|filter| filter["name"] == "before").unwrap()["schema"]["oneOf"];
    assert_eq!(before[0]["pattern"], "^[0-9a-fA-F]{88}$");
    assert_eq!(before[1]["$ref"], "#/components/schemas/Moment");
}
