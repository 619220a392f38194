//! What `status` shows of a board, once and repeatedly.

#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::*;
use crate::cli::args::OutputArgs;
use crate::cli::fake::{Fake, screen};

fn args(application: Option<&str>, watch: bool, json: bool) -> StatusArgs {
    StatusArgs { application: application.map(str::to_owned), watch, output: OutputArgs { json } }
}

fn mail() -> Value {
    let cause = json!({
        "id": "n1", "target": "resource:store", "layer": "resource", "reason": "testing",
        "operator": "alice", "since": "2026-11-23T15:50:00Z",
        "expected_back_at": "2026-11-23T16:50:00Z",
    });
    json!({
        "application": "mail", "title": "Mail", "available": false, "reason": "testing",
        "message": "A \u{1b}[2J disk", "operator": "alice", "since": "2026-11-23T15:50:00Z",
        "expected_back_at": "2026-11-23T16:50:00Z", "causes": [cause], "partial": [],
        "upcoming": [], "something-new": 1,
    })
}

fn board() -> Value {
    let plan = json!({
        "id": "n2", "reason": "planned-maintenance", "operator": "bob",
        "goes_down_at": "2026-11-23T18:00:00Z", "expected_back_at": null,
    });
    let partial = json!({
        "reason": "unknown", "reporter": "a/probe", "since": "2026-11-23T15:59:00Z",
        "criteria": {"methods": ["POST"]},
    });
    json!({
        "applications": [
            mail(),
            {"application": "chat", "available": true, "partial": [partial], "upcoming": [plan]},
        ],
        "resources": [{"resource": "store", "available": true}],
        "system": [],
    })
}

fn status(args: StatusArgs, fake: &Fake) -> (Result<(), CliError>, String) {
    let mut out = Vec::new();
    let result = run(&args, fake.access(), &screen(), &mut out);
    (result, String::from_utf8(out).unwrap())
}

#[test]
fn the_board_says_what_why_since_until_and_who() {
    let fake = Fake::start(|_| (200, board()));
    let (result, out) = status(args(None, false, false), &fake);
    result.unwrap();
    let expected = "\
APPLICATION  STATE        REASON   SINCE       BACK               WHO
mail         unavailable  testing  10 min ago  in 50 min, 16:50Z  alice
chat         partly

RESOURCE  STATE      REASON  SINCE  BACK  WHO
store     available

CLOSED IN PART  REASON   SINCE      WHO      ONLY FOR
chat            unknown  1 min ago  a/probe  {\"methods\":[\"POST\"]}

PLANNED  REASON               BEGINS          BACK  WHO  NOTIFICATION
chat     planned-maintenance  in 2 h, 18:00Z        bob  n2
";
    assert_eq!(out, expected);
    assert_eq!(fake.lines(), ["GET /api/v1/availability"]);

    let (result, out) = status(args(None, false, true), &fake);
    result.unwrap();
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), board());
}

#[test]
fn what_is_degraded_says_so_and_why() {
    let advisory = json!({
        "reason": "unknown", "operator": "alice", "since": "2026-11-23T15:50:00Z", "message": "Letters leave late.",
    });
    let row = json!({"application": "mail", "available": true, "advisories": [advisory]});
    let fake = Fake::start(move |_| (200, row.clone()));
    let (result, out) = status(args(Some("mail"), false, false), &fake);
    result.unwrap();
    let expected = "\
APPLICATION  STATE     REASON  SINCE  BACK  WHO
mail         degraded

DEGRADED  REASON   SINCE       WHO    MESSAGE
mail      unknown  10 min ago  alice  Letters leave late.
";
    assert_eq!(out, expected);
}

#[test]
fn one_application_has_its_message_and_causes() {
    let fake = Fake::start(|asked| match asked.line.ends_with("/mail") {
        true => (200, mail()),
        false => (404, json!({"title": "None", "detail": "this node knows no application x"})),
    });
    let (result, out) = status(args(Some("mail"), false, false), &fake);
    result.unwrap();
    assert!(out.contains("message: A \\u001b[2J disk\n"), "{out}");
    assert!(out.contains("resource:store  testing  10 min ago"), "{out}");
    let (result, _) = status(args(Some("x"), false, false), &fake);
    assert!(result.unwrap_err().to_string().contains("no application x"));
}

/// An output that ends the test when it has what is waited for.
struct Until(Arc<Mutex<String>>, usize);

impl Write for Until {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut text = self.0.lock().unwrap();
        text.push_str(std::str::from_utf8(bytes).unwrap());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self.0.lock().unwrap().lines().count() >= self.1 {
            true => Err(std::io::ErrorKind::BrokenPipe.into()),
            false => Ok(()),
        }
    }
}

#[test]
fn watching_looks_again_after_each_event() {
    let looks = AtomicUsize::new(0);
    let fake = Fake::start(move |asked| match asked.line.as_str() {
        // an event at once, then the end; the next connection brings no event
        "GET /api/v1/events" => (200, "retry: 1\n\nevent: nodes\ndata: {}\n\n".into()),
        _ => (200, json!({"look": looks.fetch_add(1, Ordering::SeqCst)})),
    });
    let text = Arc::new(Mutex::new(String::new()));
    let mut out = Until(text.clone(), 2);
    let ended = run(&args(None, true, true), fake.access(), &screen(), &mut out);
    assert!(matches!(ended, Err(CliError::Output(_))), "{ended:?}");
    assert_eq!(*text.lock().unwrap(), "{\"look\":0}\n{\"look\":1}\n");
    assert_eq!(fake.lines()[0], "GET /api/v1/events", "the stream is opened first");
}

#[test]
fn watching_a_node_that_refuses_ends_at_once() {
    let fake = Fake::start(|_| (401, json!({"title": "Credentials are needed"})));
    let (result, _) = status(args(None, true, false), &fake);
    assert!(result.unwrap_err().to_string().contains("status 401"));
}
