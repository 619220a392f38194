//! The cases of `h2spec` and others like them, as a table: what one client sends, and what it must get.

use super::*;

/// What the gate does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Does {
    /// Answers this stream with this status (the first byte of its header block stands for it).
    Answers(u32),
    /// Goes on: a PING behind it is acknowledged, and nothing was reset.
    GoesOn,
    /// Resets this stream, or the connection, with this error: both are allowed where a stream is meant.
    Resets(u32),
    /// Ends the connection with this error.
    Ends(u32),
}
use Does::{Answers, Ends, GoesOn, Resets};

/// Requests of which HTTP/2 makes nothing: malformed in the sense of RFC 9113, section 8.1.1.
const MALFORMED: [(&str, &[(&str, &str)]); 14] = [
    ("a name in capitals", &[(":method", "GET"), (":scheme", "http"), (":path", "/mail"), ("X-A", "1")]),
    ("no method", &[(":scheme", "http"), (":path", "/mail")]),
    ("no scheme", &[(":method", "GET"), (":path", "/mail")]),
    ("no path", &[(":method", "GET"), (":scheme", "http")]),
    ("an empty path", &[(":method", "GET"), (":scheme", "http"), (":path", "")]),
    ("two methods", &[(":method", "GET"), (":method", "GET"), (":scheme", "http"), (":path", "/mail")]),
    ("two paths", &[(":method", "GET"), (":scheme", "http"), (":path", "/mail"), (":path", "/open")]),
    ("an unknown pseudo field", &[(":method", "GET"), (":scheme", "http"), (":path", "/mail"), (":x", "1")]),
    ("a status", &[(":method", "GET"), (":scheme", "http"), (":path", "/mail"), (":status", "200")]),
    ("a pseudo field at the end", &[(":method", "GET"), (":scheme", "http"), ("x", "1"), (":path", "/mail")]),
    ("connection", &[(":method", "GET"), (":scheme", "http"), (":path", "/mail"), ("connection", "close")]),
    ("transfer-encoding", &[(":method", "GET"), (":scheme", "http"), (":path", "/"), ("transfer-encoding", "chunked")]),
    ("upgrade", &[(":method", "GET"), (":scheme", "http"), (":path", "/mail"), ("upgrade", "websocket")]),
    ("te", &[(":method", "GET"), (":scheme", "http"), (":path", "/mail"), ("te", "gzip")]),
];

fn cases() -> Vec<(String, Vec<u8>, Does)> {
    let settings = |id: u16, value: u32| {
        let payload = [&id.to_be_bytes()[..], &value.to_be_bytes()].concat();
        frame(SETTINGS, 0, 0, &payload)
    };
    let window = |stream, by: u32| frame(WINDOW_UPDATE, 0, stream, &by.to_be_bytes());
    let code = |code: u32| code.to_be_bytes();
    let body = |length: &str, data: &[u8]| {
        let fields = [&POST[..], &[("content-length", length)]].concat();
        [frame(HEADERS, END_HEADERS, 1, &block(&fields)), frame(DATA, END_STREAM, 1, data)].concat()
    };
    let split =
        [frame(HEADERS, END_STREAM, 1, &block(&GET[..2])), frame(CONTINUATION, END_HEADERS, 1, &block(&GET[2..]))];
    let mut cases = vec![
        ("a request", get(1), Answers(1)),
        ("a request in two frames", split.concat(), Answers(1)),
        (
            "padding",
            frame(HEADERS, END_HEADERS | END_STREAM | 8, 1, &[&[2][..], &block(&GET), &[0, 0]].concat()),
            Answers(1),
        ),
        (
            "a priority",
            frame(HEADERS, END_HEADERS | END_STREAM | 32, 1, &[&[0, 0, 0, 0, 15][..], &block(&GET)].concat()),
            Answers(1),
        ),
        ("a frame of an unknown kind", frame(0xee, 0xff, 0, b"x"), GoesOn),
        ("an unknown setting", settings(0xee, 1), GoesOn),
        ("unknown flags", frame(PING, 0xfe, 0, b"01234567"), GoesOn),
        ("a larger window", window(0, 1), GoesOn),
        ("PRIORITY", frame(2, 0, 5, &[0, 0, 0, 0, 15]), GoesOn),
        ("DATA on no stream", frame(DATA, 0, 0, b"x"), Ends(PROTOCOL_ERROR)),
        ("DATA on an idle stream", frame(DATA, 0, 1, b"x"), Ends(PROTOCOL_ERROR)),
        ("DATA behind the end", [get(1), frame(DATA, END_STREAM, 1, b"x")].concat(), Resets(STREAM_CLOSED)),
        ("padding that is too long", [post(1), frame(DATA, 8, 1, &[9, b'x'])].concat(), Ends(PROTOCOL_ERROR)),
        ("HEADERS on no stream", get(0), Ends(PROTOCOL_ERROR)),
        ("HEADERS on an even stream", get(2), Ends(PROTOCOL_ERROR)),
        ("HEADERS on an older stream", [get(5), get(3)].concat(), Ends(PROTOCOL_ERROR)),
        (
            "an unknown index in a header block",
            frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0xff, 0x20]),
            Ends(COMPRESSION_ERROR),
        ),
        (
            "another frame amid a header block",
            [frame(HEADERS, 0, 1, &block(&GET)), frame(PING, 0, 0, b"01234567")].concat(),
            Ends(PROTOCOL_ERROR),
        ),
        ("CONTINUATION of nothing", frame(CONTINUATION, END_HEADERS, 1, &block(&GET)), Ends(PROTOCOL_ERROR)),
        (
            "CONTINUATION of another stream",
            [frame(HEADERS, 0, 1, &block(&GET)), frame(CONTINUATION, END_HEADERS, 3, b"")].concat(),
            Ends(PROTOCOL_ERROR),
        ),
        ("RST_STREAM on no stream", frame(RST_STREAM, 0, 0, &code(CANCEL)), Ends(PROTOCOL_ERROR)),
        ("RST_STREAM on an idle stream", frame(RST_STREAM, 0, 1, &code(CANCEL)), Ends(PROTOCOL_ERROR)),
        ("RST_STREAM of a wrong length", [post(1), frame(RST_STREAM, 0, 1, b"x")].concat(), Ends(FRAME_SIZE_ERROR)),
        ("SETTINGS on a stream", frame(SETTINGS, 0, 1, b""), Ends(PROTOCOL_ERROR)),
        ("SETTINGS of a wrong length", frame(SETTINGS, 0, 0, b"xx"), Ends(FRAME_SIZE_ERROR)),
        ("an acknowledgement with settings", frame(SETTINGS, ACK, 0, &[0; 6]), Ends(FRAME_SIZE_ERROR)),
        ("ENABLE_PUSH of 2", settings(2, 2), Ends(PROTOCOL_ERROR)),
        ("a window that is too large", settings(4, 1 << 31), Ends(FLOW_CONTROL_ERROR)),
        ("frames that are too small", settings(5, 16_383), Ends(PROTOCOL_ERROR)),
        ("frames that are too large", settings(5, 1 << 24), Ends(PROTOCOL_ERROR)),
        ("PING on a stream", frame(PING, 0, 1, b"01234567"), Ends(PROTOCOL_ERROR)),
        ("PING of a wrong length", frame(PING, 0, 0, b"x"), Ends(FRAME_SIZE_ERROR)),
        ("GOAWAY on a stream", frame(GOAWAY, 0, 1, &[0; 8]), Ends(PROTOCOL_ERROR)),
        ("PUSH_PROMISE of a client", frame(5, END_HEADERS, 1, &[0, 0, 0, 2]), Ends(PROTOCOL_ERROR)),
        ("a window that grows by nothing", window(0, 0), Ends(PROTOCOL_ERROR)),
        ("a stream's window that grows by nothing", [post(1), window(1, 0)].concat(), Resets(PROTOCOL_ERROR)),
        ("a window that overflows", window(0, (1 << 31) - 1), Ends(FLOW_CONTROL_ERROR)),
        ("a stream's window that overflows", [post(1), window(1, (1 << 31) - 1)].concat(), Resets(FLOW_CONTROL_ERROR)),
        ("WINDOW_UPDATE of a wrong length", frame(WINDOW_UPDATE, 0, 0, b"x"), Ends(FRAME_SIZE_ERROR)),
        ("a frame that is too large", [post(1), frame(DATA, 0, 1, &[0; 16_385])].concat(), Ends(FRAME_SIZE_ERROR)),
        ("more than the length", body("1", b"xx"), Resets(PROTOCOL_ERROR)),
        ("less than the length", body("3", b"xx"), Resets(PROTOCOL_ERROR)),
        (
            "trailers that do not end",
            [post(1), frame(HEADERS, END_HEADERS, 1, &block(&[("x", "1")]))].concat(),
            Resets(PROTOCOL_ERROR),
        ),
        (
            "trailers with a pseudo field, which is left out",
            [post(1), frame(HEADERS, END_HEADERS | END_STREAM, 1, &block(&[(":path", "/")]))].concat(),
            GoesOn,
        ),
    ]
    .into_iter()
    .map(|(name, frames, does)| (name.to_owned(), frames, does))
    .collect::<Vec<_>>();
    for (name, fields) in MALFORMED {
        let frames = frame(HEADERS, END_HEADERS | END_STREAM, 1, &block(fields));
        cases.push((format!("malformed: {name}"), frames, Resets(PROTOCOL_ERROR)));
    }
    cases
}

/// Plays each case with a client of its own.
pub(super) async fn play<N: std::fmt::Display>(cases: Vec<(N, Vec<u8>, Does)>) {
    let stage = Stage::new().await;
    let mut wrong = Vec::new();
    for (name, frames, does) in cases {
        // What follows is answered only where the connection goes on.
        let frames = [&frames[..], &frame(PING, 0, 0, b"behind..")].concat();
        let mut client = stage.http2(b"", &frames).await;
        let got = loop {
            let next = client.frame_of(&[HEADERS, RST_STREAM, PING, GOAWAY]);
            match tokio::time::timeout(Duration::from_secs(5), next).await {
                Err(_) => {
                    wrong.push(format!("{name}: nothing, not {does:?}"));
                    break does;
                }
                Ok(None) => break Ends(0),
                Ok(Some(frame)) if frame.kind == GOAWAY => break Ends(frame.code()),
                Ok(Some(frame)) if frame.kind == RST_STREAM => break Resets(frame.code()),
                Ok(Some(frame)) if frame.kind == HEADERS && does == Answers(frame.stream) => break does,
                Ok(Some(frame)) if frame.kind == PING && frame.payload == b"behind.." && does == GoesOn => {
                    break GoesOn;
                }
                Ok(Some(_)) => {}
            }
        };
        let right = match (got, does) {
            // The crate ends many connections with the general code where the standard has a special one.
            (Ends(got), Ends(code) | Resets(code)) => got == code || got == PROTOCOL_ERROR,
            (got, does) => got == does,
        };
        if !right {
            wrong.push(format!("{name}: {got:?}, not {does:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[actix_web::test]
async fn frames_get_what_the_standard_asks_for() {
    within(play(cases())).await;
}

#[actix_web::test]
async fn another_version_of_the_preface_is_no_request() {
    within(async {
        let stage = Stage::new().await;
        let mut client = stage.client().await;
        client.send("PRI * HTTP/2.0\r\n\r\nSX\r\n\r\n").await;
        assert!(client.rest().await.starts_with("HTTP/1.1 400 "));
    })
    .await;
}
