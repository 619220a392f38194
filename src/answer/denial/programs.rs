//! The same denial for programs that cannot read a 503 (docs/contract.md#denials-for-programs): gRPC clients,
//! `EventSource`, `WebSocket`.
//!
//! What must stay true: none of these answers may be stored; each tells the truth of the denial it stands for; a
//! program that understands it tries again by itself.

use bytes::Bytes;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::{Denial, Occasion, Shape};
use crate::text::Language;

/// The media type of server-sent events.
pub const EVENTS: &str = "text/event-stream";
/// What gRPC calls UNAVAILABLE.
const UNAVAILABLE: &str = "14";
/// All bytes that `grpc-message` escapes.
const MESSAGE: &AsciiSet = &CONTROLS.add(b'%');
/// The longest reason of a closing frame, in bytes (RFC 6455, section 5.5.1, less the code).
const REASON: usize = 123;
/// Try again later (the registry of RFC 6455, section 11.7).
const TRY_AGAIN: u16 = 1013;
/// How long an event stream waits before it is opened again, in seconds: not longer, for the application may be
/// back early; that long when its return is not known.
const RETRY: u64 = 30;

/// An answer of its own kind, but for `Content-Length` and what a connection adds.
#[derive(Debug, PartialEq, Eq)]
pub struct Told {
    /// The HTTP status.
    pub status: u16,
    /// Names in small letters, values that are visible ASCII.
    pub fields: Vec<(&'static str, Bytes)>,
    /// Empty where there is none.
    pub body: Bytes,
}

impl Denial {
    /// For gRPC and gRPC-Web: the whole answer is its trailers. `content_type` is that of the request.
    pub fn grpc(&self, content_type: Bytes, occasion: &Occasion<'_>) -> Told {
        let retry = self.retry_after(occasion);
        // A number that does not fit 32 bits would forbid to try again.
        let pushback = |seconds: u64| seconds.saturating_mul(1_000).min(i32::MAX.unsigned_abs().into());
        let message = utf8_percent_encode(&self.detail(occasion.language), MESSAGE).to_string();
        let mut fields = self.kind(content_type, occasion.language);
        fields.extend([("grpc-status", Bytes::from_static(UNAVAILABLE.as_bytes())), ("grpc-message", message.into())]);
        fields.extend(retry.map(|seconds| ("grpc-retry-pushback-ms", pushback(seconds).to_string().into())));
        fields.extend(retry.map(|seconds| ("retry-after", seconds.to_string().into())));
        Told { status: 200, fields, body: Bytes::new() }
    }

    /// For `EventSource`, which gives up on everything but 200: one event with the JSON object, and the end.
    pub fn events(&self, occasion: &Occasion<'_>) -> Told {
        let occasion = Occasion { shape: Shape::Json, ..*occasion };
        let seconds = self.retry_after(&occasion).unwrap_or(RETRY).min(RETRY);
        // A quarter more or less, so that streams which ended together do not return together.
        let retry = seconds * 750 + ((seconds * 500 * u64::from(occasion.chance)) >> 16);
        let mut body = format!("retry: {retry}\nevent: forewarn-unavailable\ndata: ").into_bytes();
        // The object is one line with its end.
        self.append_body(&mut body, &occasion);
        body.push(b'\n');
        let mut fields = self.kind(Bytes::from_static(EVENTS.as_bytes()), occasion.language);
        fields.push(("x-accel-buffering", Bytes::from_static(b"no")));
        Told { status: 200, fields, body: body.into() }
    }

    /// The frame that closes a WebSocket connection which was accepted in order to say this.
    pub fn closing_frame(&self, language: &Language) -> Vec<u8> {
        let detail = self.detail(language);
        let mut reason = detail.as_str();
        if reason.len() > REASON {
            let end = (0..=REASON - '…'.len_utf8()).rev().find(|&end| detail.is_char_boundary(end));
            reason = &detail[..end.unwrap_or(0)];
        }
        let cut = if reason.len() < detail.len() { "…" } else { "" };
        let length = u8::try_from(2 + reason.len() + cut.len()).unwrap_or(2);
        [&[0x88, length][..], &TRY_AGAIN.to_be_bytes(), reason.as_bytes(), cut.as_bytes()].concat()
    }

    /// What a preflight is told (Fetch standard, CORS protocol): that the request may come, which is then denied.
    /// Nothing of it is remembered.
    pub fn preflight(&self) -> Told {
        let mut fields = self.headers.clone();
        fields.push(("access-control-max-age", Bytes::from_static(b"0")));
        Told { status: 204, fields, body: Bytes::new() }
    }

    fn kind(&self, content_type: Bytes, language: &Language) -> Vec<(&'static str, Bytes)> {
        [("content-type", content_type), super::in_language(language)]
            .into_iter()
            .chain(self.headers.iter().cloned())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::answer::{
        App,
        denial::tests::occasion,
        fixtures::{after, denial, entry, four, name, view},
    };
    use crate::availability::verdict::Definition;

    fn field<'a>(told: &'a Told, name: &str) -> Option<&'a str> {
        told.fields.iter().find(|(n, _)| *n == name).map(|(_, value)| std::str::from_utf8(value).unwrap())
    }

    #[test]
    fn grpc_is_told_in_trailers() {
        let occasion = occasion(Shape::Json, false, four());
        let told = denial(json!({"expected_back_at": after(60)}), four()).grpc("application/grpc".into(), &occasion);
        assert_eq!((told.status, told.body.len()), (200, 0));
        assert_eq!(field(&told, "grpc-status"), Some("14"));
        assert_eq!(
            field(&told, "grpc-message"),
            Some("Mail is down for planned maintenance and is expected back at 2026-11-23T16:01:00Z.")
        );
        assert_eq!(field(&told, "grpc-retry-pushback-ms"), Some("60000"));
        assert_eq!(field(&told, "cache-control"), Some("no-store"));
        let endless = denial(json!({}), four()).grpc("application/grpc".into(), &occasion);
        assert_eq!(field(&endless, "grpc-retry-pushback-ms"), None);
        let far = denial(json!({"expected_back_at": after(10_000_000)}), four());
        assert_eq!(field(&far.grpc("x".into(), &occasion), "grpc-retry-pushback-ms"), Some("2147483647"));
    }

    #[test]
    fn a_message_is_percent_encoded() {
        let reason = json!({"reason": "x", "reason_code": 100, "reason_title": "the \"Ärzte\" need 100 %\n"});
        let told = denial(reason, four()).grpc("application/grpc".into(), &occasion(Shape::Json, false, four()));
        let message = field(&told, "grpc-message").unwrap();
        assert!(message.contains("the \"%C3%84rzte\" need 100 %25%0A"), "{message}");
        assert!(message.bytes().all(|b| (b' '..=b'~').contains(&b)));
    }

    #[test]
    fn an_event_stream_gets_one_event_and_tries_again() {
        let retry = |told: &Told| {
            let text = String::from_utf8(told.body.to_vec()).unwrap();
            let lines: Vec<&str> = text.split('\n').collect();
            assert_eq!((lines[1], &lines[3..]), ("event: forewarn-unavailable", &["", ""][..]), "{text}");
            let value: Value = serde_json::from_str(lines[2].strip_prefix("data: ").unwrap()).unwrap();
            assert_eq!((&value["application"], &value["instance"]), (&json!("mail"), &json!("/mail/inbox")));
            lines[0].strip_prefix("retry: ").unwrap().parse::<u64>().unwrap()
        };
        let at = |chance| Occasion { chance, ..occasion(Shape::Html, true, four()) };
        let message = json!({"expected_back_at": after(10), "message": "two\r\nlines"});
        let told = denial(message, four()).events(&at(0));
        assert_eq!((told.status, field(&told, "content-type"), retry(&told)), (200, Some("text/event-stream"), 7_500));
        let endless = denial(json!({}), four());
        assert_eq!((retry(&endless.events(&at(0))), retry(&endless.events(&at(u16::MAX)))), (22_500, 37_499));
    }

    #[test]
    fn a_closing_frame_is_short_and_whole_text() {
        let frame = denial(json!({}), four()).closing_frame(crate::text::english());
        assert_eq!(frame[..4], [0x88, u8::try_from(frame.len() - 2).unwrap(), 0x03, 0xf5]);
        assert_eq!(&frame[4..], b"Mail is down for planned maintenance. When it will be back is not known.");
        for letters in 30..140 {
            let app = Arc::new(App {
                title: "é".repeat(letters),
                definition: Definition { name: name("mail"), uses: vec![], agree: 1 },
            });
            let verdict =
                view(&app, [entry(json!({}))]).weigh(four()).decide(&crate::answer::general::nothing_but("a"));
            let frame = Denial::of(&app, &name("a"), verdict, four()).unwrap().closing_frame(crate::text::english());
            assert!(frame.len() <= 4 + REASON && frame.len() == 2 + usize::from(frame[1]) && frame[1] < 126);
            assert!(std::str::from_utf8(&frame[4..]).unwrap().ends_with('…'));
        }
    }
}
