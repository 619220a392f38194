//! Where notifications are submitted, and what is shown of them.

#![allow(clippy::unwrap_used)]

use clap::Parser as _;
use serde_json::json;

use super::*;
use crate::cli::args::{Cli, Command};
use crate::cli::fake::{Asked, Fake, screen};

const ID: &str = "019aaf3e-7c11-7000-8000-000000000000";

fn args(words: &[&str]) -> NotifyArgs {
    let words = ["forewarn", "notify"].iter().chain(words);
    match Cli::try_parse_from(words).unwrap().command {
        Command::Notify(args) => *args,
        other => panic!("{other:?}"),
    }
}

fn body(words: &[&str]) -> Result<Value, CliError> {
    statement::of(&args(words).said, ID.parse().unwrap(), screen().now())
}

fn notify(words: &[&str], fake: &Fake) -> (Result<(), CliError>, String) {
    let mut out = Vec::new();
    let result = run(&args(words), fake.access(), &screen(), &mut out);
    (result, String::from_utf8(out).unwrap())
}

fn receipt(asked: &Asked, node: &str, complete: bool) -> Value {
    let states = [("a", "applied"), ("b", if complete { "applied" } else { "waiting" })];
    let delivery = states.map(|(node, state)| json!({"node": node, "state": state, "at": null}));
    json!({
        "id": asked.body["id"], "timestamp": asked.body["timestamp"], "node": node,
        "delivery": delivery, "complete": complete,
    })
}

#[test]
fn what_is_given_is_sent_and_nothing_else() {
    let least = body(&["system", "--available"]).unwrap();
    let time = "2026-11-23T16:00:00Z";
    assert_eq!(least, json!({"id": ID, "timestamp": time, "targets": ["system"], "status": "available"}));
    let all = body(&[
        "application:mail",
        "resource:db",
        "--unavailable",
        "--reason",
        "100",
        "--message",
        "m",
        "--component",
        "c",
        "--at",
        "2026-11-23T19:00:00+01:00",
        "--for",
        "2h30m",
        "--restore",
        "automatic",
        "--priority",
        "critical",
        "--method",
        "post",
        "--path",
        "/mail/*",
        "--header",
        "X-Beta=1*",
        "--query",
        "q=?",
        "--client",
        "10.0.0.0/8",
        "--node",
        "a",
        "--replace",
        ID,
    ]);
    assert_eq!(
        all.unwrap(),
        json!({
            "id": ID, "timestamp": time, "targets": ["application:mail", "resource:db"],
            "status": "unavailable", "replaces": ID, "reason": 100, "message": "m",
            "component": "c", "goes_down_at": "2026-11-23T18:00:00.000Z",
            "duration_seconds": 9000, "restore": "automatic", "priority": "critical",
            "criteria": {
                "methods": ["POST"], "paths": ["/mail/*"], "headers": {"x-beta": "1*"},
                "query": {"q": "?"}, "clients": ["10.0.0.0/8"], "nodes": ["a"],
            },
        })
    );
    let cancel = body(&["--cancel", ID, "--message", "not today"]).unwrap();
    assert_eq!(cancel, json!({"id": ID, "timestamp": time, "cancels": ID, "message": "not today"}));
}

#[test]
fn what_a_node_reads_is_what_was_meant() {
    // the node's own reader is the judge of the form
    use crate::availability::Submission;
    for words in [
        &["system", "--unavailable", "--for", "90m", "--header", "A=b", "--client", "::1/128"][..],
        &["--cancel", ID, "--reason", "testing"],
        &["system", "--unavailable", "--back-at", "2026-11-23T19:00:00Z", "--replace", ID],
    ] {
        Submission::parse(&body(words).unwrap()).unwrap();
    }
}

#[test]
fn what_does_not_go_together_is_usage() {
    let twice = ["system", "--available", "--header", "A=1", "--header", "a=2"];
    for words in [&twice[..], &["--cancel", ID, "--node", "a"]] {
        assert!(matches!(body(words), Err(CliError::Usage(_))), "{words:?}");
    }
}

#[test]
fn the_receipt_is_shown() {
    let fake = Fake::start(|asked| (202, receipt(asked, "a", false)));
    let words = ["system", "--unavailable", "--id", ID];
    let (result, out) = notify(&words, &fake);
    result.unwrap();
    let expected = format!(
        "NOTIFICATION                          TIME                  TAKEN BY  AT\n\
         {ID}  2026-11-23T16:00:00Z  a         {}\n\n\
         NODE  STATE    AT\na     applied\nb     waiting\n",
        fake.address
    );
    assert_eq!(out, expected);
    assert_eq!(fake.lines(), ["POST /api/v1/notifications"]);

    let (result, out) = notify(&["system", "--unavailable", "--json"], &fake);
    result.unwrap();
    let shown: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(shown["delivery"][1]["state"], "waiting");
}

#[test]
fn waiting_ends_with_success_only_when_all_have_it() {
    let fake = Fake::start(|asked| match asked.line.contains("timeout=2000ms") {
        true => (200, receipt(asked, "a", true)),
        false => (202, receipt(asked, "a", false)),
    });
    let wait = ["system", "--available", "--wait", "all", "--timeout"];
    let (result, _) = notify(&[&wait[..], &["2s"]].concat(), &fake);
    result.unwrap();
    let (result, out) = notify(&[&wait[..], &["1s"]].concat(), &fake);
    let error = result.unwrap_err().to_string();
    assert!(error.contains("not every node"), "{error}");
    assert!(out.contains("waiting"));
    let (result, _) = notify(&[&wait[..], &["1s", "--json"]].concat(), &fake);
    assert!(matches!(result, Err(CliError::Told)));
}

#[test]
fn a_refusal_is_told_and_not_tried_elsewhere() {
    let problem = json!({"title": "Wrong", "errors": [{"field": "reason", "problem": "is none"}]});
    let fake = Fake::start(move |_| (422, problem.clone()));
    let other = Fake::start(|asked| (202, receipt(asked, "b", true)));
    let to = format!("{},{}", fake.address, other.address);
    let words = ["system", "--unavailable", "--to", &to];
    let (result, out) = notify(&words, &fake);
    let error = result.unwrap_err().to_string();
    assert!(error.ends_with("Wrong\n  reason: is none"), "{error}");
    assert!(out.is_empty() && other.lines().is_empty());
    let (result, out) = notify(&[&words[..], &["--json"]].concat(), &fake);
    assert!(matches!(result, Err(CliError::Told)));
    assert!(out.contains("\"field\":\"reason\""), "{out}");
}

#[test]
fn the_next_node_gets_the_same_notification() {
    let busy = Fake::start(|_| (503, json!({"title": "Not now"})));
    let gone = Fake::start(|_| (200, Value::Null)).stop();
    let good = Fake::start(|asked| (202, receipt(asked, "b", true)));
    let to = format!("{},{gone},{}", busy.address, good.address);
    let words = ["system", "--unavailable", "--to", &to];
    let (result, out) = notify(&words, &busy);
    result.unwrap();
    assert!(out.contains(&good.address.to_string()), "{out}");
    let sent = |fake: &Fake| fake.asked.lock().unwrap()[0].body.clone();
    assert_eq!(sent(&busy), sent(&good));
    assert!(sent(&good)["id"].is_string() && sent(&good)["timestamp"].is_string());

    let to = format!("{},{gone}", busy.address);
    let (result, _) = notify(&["system", "--unavailable", "--to", &to], &busy);
    let error = result.unwrap_err().to_string();
    assert!(error.starts_with("no node took it"), "{error}");
    assert!(error.contains("Not now") && error.contains("cannot be reached"), "{error}");
}

#[test]
fn the_one_with_the_least_load_is_asked() {
    let node = |pending: u32, name: &'static str| {
        Fake::start(move |asked| match asked.line.as_str() {
            "GET /api/v1/load" => (200, json!({"pending": pending, "in_flight": 0, "cpu": 0.5})),
            _ => (202, receipt(asked, name, true)),
        })
    };
    let (a, b) = (node(9, "a"), node(2, "b"));
    let gone = Fake::start(|_| (200, Value::Null)).stop();
    let to = format!("{gone},{},{}", a.address, b.address);
    let words = ["system", "--available", "--pick", "least-loaded", "--to", &to];
    let (result, out) = notify(&words, &a);
    result.unwrap();
    assert!(out.contains(&b.address.to_string()), "{out}");
    assert_eq!(a.lines(), ["GET /api/v1/load"]);

    let to = format!("{gone},{gone}");
    let words = ["system", "--available", "--pick", "least-loaded", "--to", &to];
    let (result, _) = notify(&words, &a);
    assert!(result.unwrap_err().to_string().starts_with("no node reported its load:"));
}

#[test]
fn what_is_known_of_a_failure_is_said() {
    let fake = Fake::start(|_| (503, json!({"title": "Not now"})));
    let (result, _) = notify(&["system", "--available", "--id", ID], &fake);
    let error = result.unwrap_err().to_string();
    assert!(error.contains("It is not known whether it arrived") && error.contains(ID), "{error}");
    fake.stop();
    let (result, _) = notify(&["system", "--available"], &fake);
    let error = result.unwrap_err().to_string();
    assert!(error.contains("refused") && error.ends_with("\nNothing was submitted."), "{error}");
    let to = format!("{0},{0}", fake.address);
    let (result, _) = notify(&["system", "--available", "--to", &to], &fake);
    let error = result.unwrap_err().to_string();
    assert!(error.starts_with("no node took it:\n") && error.ends_with("\nNothing was submitted."), "{error}");
}
