#![allow(clippy::unwrap_used)]
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::availability::Moment;

fn line() -> Box<Line> {
    Box::new(Line {
        at: Moment::from_millis(1_795_863_901_234),
        client: "192.0.2.7".parse().ok(),
        method: "GET".to_owned(),
        target: "/mail?\"x".to_owned(),
        protocol: "HTTP/1.1",
        host: Some("mail.example".to_owned()),
        referer: None,
        user_agent: Some("a\\b\u{e9}".to_owned()),
        status: 503,
        bytes: 12,
        decided: Decided::Closed,
        application: Some("mail".to_owned()),
        reason: Some("testing".to_owned()),
        upstream: None,
        took: Duration::from_micros(1_500),
        upstream_took: None,
        request_id: Some("r1".to_owned()),
        trace_id: None,
    })
}

#[test]
fn a_line_is_one_line_in_both_forms() {
    let (mut combined, mut object) = (Vec::new(), Vec::new());
    line().combined(&mut combined);
    assert_eq!(
        String::from_utf8(combined).unwrap(),
        "192.0.2.7 - - [28/Nov/2026:11:05:01 +0000] \"GET /mail?\\x22x HTTP/1.1\" 503 12 \"-\" \"a\\x5Cb\\xC3\\xA9\"\n"
    );
    line().json(&mut object);
    let text = String::from_utf8(object).unwrap();
    assert_eq!(text.matches('\n').count(), 1);
    assert_eq!(
        serde_json::from_str::<Value>(&text).unwrap(),
        json!({"time": "2026-11-28T11:05:01.234Z", "client": "192.0.2.7", "method": "GET", "target": "/mail?\"x",
            "protocol": "HTTP/1.1", "host": "mail.example", "status": 503, "bytes": 12, "seconds": 0.0015,
            "decision": "closed", "application": "mail", "reason": "testing", "request_id": "r1",
            "user_agent": "a\\b\u{e9}"})
    );
}

/// A disk that does not answer, until the test lets it.
struct Stuck(std::sync::mpsc::Receiver<()>);

impl Write for Stuck {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.recv().ok();
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_a_slow_disk_does_not_take_is_dropped_and_nobody_waits() {
    let (go, stuck) = std::sync::mpsc::channel();
    let (lines, waiting) = sync_channel(WAITING);
    let writing = thread::spawn(move || write(&waiting, AccessFormat::Json, Stuck(stuck)));
    let log = AccessLog { lines };
    // The thread takes some into its buffer, then the queue fills.
    let taken = (0..20_000).filter(|_| log.take(line())).count();
    assert!((WAITING..20_000).contains(&taken), "{taken}");
    drop(go);
    drop(log);
    writing.join().unwrap();
}

#[test]
fn a_file_is_appended_to_and_written_when_the_last_one_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let settings = AccessSettings { file: Some(folder.path().join("access.log")), format: AccessFormat::Combined };
    for _ in 0..2 {
        assert!(AccessLog::open(&settings).unwrap().take(line()));
    }
    let lines = || std::fs::read_to_string(folder.path().join("access.log")).unwrap().lines().count();
    let mut tries = 0;
    while lines() < 2 && tries < 6_000 {
        tries += 1;
        thread::yield_now();
        thread::park_timeout(Duration::from_millis(5));
    }
    assert_eq!(lines(), 2);
    let nowhere = AccessSettings { file: Some(folder.path().join("no/such")), ..settings };
    assert!(AccessLog::open(&nowhere).is_err());
}
