//! A form that was not edited submits the same again.
#![allow(clippy::unwrap_used)]

use chrono_tz::Europe::Berlin;
use uuid::Uuid;

use super::*;
use crate::{
    availability::{Author, Submission},
    control::console::{
        form::{read_pairs, write_pairs},
        samples,
        view::FormPage,
    },
};

fn record(json: &Value, made: Moment) -> Notification {
    let author = Author::operator("alice");
    let mut n = Submission::parse(json).unwrap().statement(Uuid::nil(), made, &author, &"a".parse().unwrap());
    if let Some(name) = json["reason"].as_str() {
        n.reason.name = name.parse().unwrap();
    }
    n
}

fn face(now: &str) -> Face {
    Face { zone: Berlin, now: now.parse().unwrap() }
}

/// Every member that a statement may have, with values that a form could lose: milliseconds, a local time that
/// clocks show twice, spaces, separators within patterns, kinds without an input.
fn everything() -> Value {
    json!({
        "targets": ["application:chat", "application:mail"], "status": "unavailable", "reason": "unplanned-outage",
        "component": " db 2", "message": "\nDisk\n full ", "goes_down_at": "2026-10-25T01:30:00.250Z",
        "last_entry_seconds": 90, "expected_back_at": "2026-10-25T03:00:15.001Z", "restore": "automatic",
        "priority": "critical",
        "criteria": {
            "methods": ["GET", "PUT"], "paths": ["/a%20b", "/mail/*"], "headers": {"x": "1: 2"}, "query": {"q": "a=b", "a=b": "c"},
            "cookies": {"beta": "1*"}, "clients": ["10.0.0.0/8"], "nodes": ["a", "b"],
            "except": [{"methods": ["GET"], "paths": ["/mail/health"]}, {"cookies": {"staff": "*"}}]
        }
    })
}

/// What a browser without scripts sends of the form's page, and what is submitted of that.
fn sent(fields: &Fields, face: &Face) -> (Value, Vec<crate::availability::FieldError>) {
    let page = FormPage::new(samples::chrome("notify"), fields.clone(), &[], &samples::reasons(), face);
    let mut sent = page.fields.clone();
    (sent.begins, sent.begins_exact, sent.begins_shown) =
        (page.begins.value.clone(), String::new(), page.begins.shown());
    (sent.back, sent.back_exact, sent.back_shown) = (page.back.value.clone(), String::new(), page.back.shown());
    let sent = Fields::read(&read_pairs(&write_pairs(sent.pairs())));
    to_json(&sent, face.zone)
}

#[test]
fn a_plan_that_is_edited_without_a_change_says_the_same() {
    let plan = record(&everything(), Moment::ZERO);
    let face = face("2026-10-24T00:00:00Z");
    let (again, errors) = sent(&replacing(&plan, &face), &face);
    assert_eq!(errors, []);
    let again = record(&again, Moment::ZERO);
    assert_eq!(again, Notification { replaces: Some(Uuid::nil()), ..plan });
}

#[test]
fn an_update_begins_with_what_stands_where_it_stands() {
    let n = record(&everything(), "2026-10-25T01:40:00Z".parse().unwrap());
    let mail: Target = "application:mail".parse().unwrap();
    let face = face("2026-10-25T02:00:00Z");
    let (said, errors) = sent(&updating(&n, std::slice::from_ref(&mail), &face), &face);
    assert_eq!(errors, []);
    let (said, expected) = (record(&said, n.timestamp), record(&again(&n, std::slice::from_ref(&mail)), n.timestamp));
    assert_eq!(said, expected);
    assert_eq!(
        expected,
        Notification { targets: vec![mail], ..n.clone() },
        "what extends an outage changes nothing else"
    );
    let overdue = updating(&n, &[], &Face { now: "2026-10-25T04:00:00Z".parse().unwrap(), ..face });
    assert_eq!((overdue.back.as_str(), overdue.back_exact.as_str()), ("", ""), "what has passed cannot be sent again");
}

#[test]
fn a_closing_without_a_beginning_keeps_the_moment_at_which_it_was_made() {
    let made = "2026-11-23T18:05:07.123Z".parse().unwrap();
    let n = record(&json!({"targets": ["system"], "status": "unavailable"}), made);
    let face = face("2026-11-23T19:00:00Z");
    let (said, _) = sent(&updating(&n, &n.targets, &face), &face);
    assert_eq!(said["goes_down_at"], "2026-11-23T18:05:07.123Z");
}

#[test]
fn a_degraded_application_stays_degraded() {
    let n = record(&json!({"targets": ["system"], "status": "degraded", "message": "slow"}), Moment::ZERO);
    let face = face("2026-11-23T19:00:00Z");
    assert_eq!(sent(&updating(&n, &n.targets, &face), &face).0["status"], "degraded");
    assert_eq!(again(&n, &n.targets)["status"], "degraded");
    assert_eq!(like(&n, "available").status, "available");
}

#[test]
fn kinds_without_an_input_are_carried_whole_and_shown_in_words() {
    let n = record(&everything(), Moment::ZERO);
    for fields in [like(&n, "available"), replacing(&n, &face("2026-10-24T00:00:00Z"))] {
        assert_eq!(fields.targets, ["application:chat", "application:mail"]);
        assert_eq!((fields.cookies.as_str(), fields.headers.as_str()), ("beta=1*", "x: 1: 2"));
        assert_eq!(fields.query, "", "a name with the separator in it has no line");
        let page = FormPage::new(samples::chrome("notify"), fields, &[], &samples::reasons(), &samples::face());
        let words: Vec<&str> = page.kept.iter().map(|kept| kept.label.as_str()).collect();
        let except = "not for: (cookie staff is *) or (method GET and path /mail/health)";
        assert_eq!(words, [except, "query parameter a=b is c and q is a=b"]);
    }
}

#[test]
fn what_this_version_does_not_know_is_named() {
    let mut value = serde_json::to_value(record(&everything(), Moment::ZERO)).unwrap();
    value["criteria"]["phase-of-the-moon"] = json!(["full", {"deep": 1}]);
    value["restore"] = "when-dry".into();
    value["banner"] = "soon".into();
    let n: Notification = serde_json::from_value(value).unwrap();
    assert_eq!(left_out(&n), ["banner", "restore (when-dry)"]);
    let fields = like(&n, "available");
    let (said, _) = to_json(&fields, Berlin);
    let wrong = Submission::parse(&said).unwrap_err();
    assert_eq!(wrong.iter().map(|e| e.field.as_str()).collect::<Vec<_>>(), ["criteria.phase-of-the-moon"]);
    assert_eq!(again(&n, &n.targets)["restore"], "manual");
}
