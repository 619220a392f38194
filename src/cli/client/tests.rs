//! The client against a real server that answers correctly, answers wrongly, or is gone.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::cli::fake::Fake;
use serde_json::json;

fn client(fake: &Fake) -> Client {
    Client::new(fake.access())
}

#[test]
fn it_asks_with_the_token_and_reads_json() {
    let fake = Fake::start(|asked| match asked.line.as_str() {
        "POST /x?y=1" => (202, asked.body.clone()),
        "DELETE /x" => (204, Value::Null),
        other => panic!("{other}"),
    });
    let client = client(&fake);
    let body = json!({"a": [1]});
    let reply = client.call(Method::POST, "/x?y=1", Some(&body), TIMEOUT);
    let reply = reply.unwrap();
    assert_eq!((reply.status, reply.body), (202, body));
    let gone = client.call(Method::DELETE, "/x", None, TIMEOUT).unwrap();
    assert_eq!((gone.status, gone.body), (204, Value::Null));
    let asked = fake.asked.lock().unwrap();
    assert_eq!(asked[0].authorization, "Bearer fw_test");
}

#[test]
fn a_problem_is_told_field_by_field_and_harmlessly() {
    let fake = Fake::start(|_| {
        let errors = json!([{"field": "targets[0]", "problem": "is \u{1b}[31mred"}]);
        let problem = json!({"title": "Wrong", "detail": "one field", "errors": errors});
        (422, problem)
    });
    let error = client(&fake).get("/").unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{} answered with status 422: Wrong: one field\n  targets[0]: is \\u001b[31mred", fake.address)
    );
    assert!(!error.another_may());
}

#[test]
fn without_a_token_nothing_is_asked() {
    let fake = Fake::start(|_| (200, "forewarn_pending 3\n".into()));
    let client = Client::new(Access { token: None, ..fake.access() });
    let error = client.get("/api/v1/nodes").unwrap_err();
    assert!(error.to_string().contains("set FOREWARN_TOKEN"), "{error}");
    assert!(fake.lines().is_empty());
    assert_eq!(client.text("/metrics").unwrap(), "forewarn_pending 3\n");
    assert_eq!(fake.asked.lock().unwrap()[0].authorization, "");
}

#[test]
fn what_is_no_node_and_what_is_gone_are_told_apart() {
    let fake = Fake::start(|asked| match asked.line.as_str() {
        "GET /odd" => (200, "<html>".into()),
        "GET /gate" => (404, Value::Null),
        _ => (503, Value::Null),
    });
    let client = client(&fake);
    let odd = client.get("/odd").unwrap_err();
    assert!(matches!(odd, CallError::Strange { status: 200, .. }), "{odd}");
    let gate = client.get("/gate").unwrap_err();
    assert!(gate.to_string().contains("must not be the address of a gate"), "{gate}");
    let busy = client.get("/").unwrap_err();
    assert!(matches!(&busy, CallError::Refused(r) if r.status == 503) && busy.another_may() && busy.may_have_arrived());

    let address = fake.stop();
    let gone = Client::new(Access { url: address, token: Some(Secret::new("t")), ca: None }).get("/");
    let gone = gone.unwrap_err();
    assert!(matches!(gone, CallError::Unreachable { .. }) && gone.another_may() && !gone.may_have_arrived());
    assert!(gone.to_string().contains("refused"), "{gone}");
}

#[test]
fn a_node_that_keeps_silent_is_waited_for_only_so_long() {
    // accepts into its backlog and never answers
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = HttpUrl::of_socket(silent.local_addr().unwrap(), false);
    let client = Client::new(Access { url: address, token: Some(Secret::new("t")), ca: None });
    let limit = Duration::from_millis(50);
    let error = client.call(Method::GET, "/", None, limit).unwrap_err();
    assert!(matches!(error, CallError::TimedOut { .. }) && error.may_have_arrived());
}
