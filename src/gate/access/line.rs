//! What a line of the access log says, and how. Pure.
//!
//! Must stay true: whatever a client sends, a line is one line, and its quotes end where they should.

use std::{
    io::Write as _,
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;

use crate::availability::Moment;

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::gate) enum Decided {
    /// An application performed it, or should have.
    Open,
    /// Its application is unavailable.
    Closed,
    /// The gate answered for itself.
    Own,
    /// It is no good request, or no route is for it.
    Refused,
}

impl Decided {
    fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Own => "own",
            Self::Refused => "refused",
        }
    }
}

/// One request.
#[derive(Debug)]
pub(in crate::gate) struct Line {
    /// When its head was read.
    pub(in crate::gate) at: Moment,
    /// Behind trusted proxies; none for local sockets.
    pub(in crate::gate) client: Option<IpAddr>,
    pub(in crate::gate) method: String,
    /// As it was sent.
    pub(in crate::gate) target: String,
    pub(in crate::gate) protocol: &'static str,
    pub(in crate::gate) host: Option<String>,
    pub(in crate::gate) referer: Option<String>,
    pub(in crate::gate) user_agent: Option<String>,
    /// 0: there was no answer.
    pub(in crate::gate) status: u16,
    /// Of the answer without its head, as they were sent.
    pub(in crate::gate) bytes: u64,
    pub(in crate::gate) decided: Decided,
    pub(in crate::gate) application: Option<String>,
    /// Why it is unavailable.
    pub(in crate::gate) reason: Option<String>,
    /// Who was asked.
    pub(in crate::gate) upstream: Option<Arc<str>>,
    /// Until its answer was passed on.
    pub(in crate::gate) took: Duration,
    /// Until the upstream's answer began.
    pub(in crate::gate) upstream_took: Option<Duration>,
    pub(in crate::gate) request_id: Option<String>,
    /// The trace's id, of `traceparent`.
    pub(in crate::gate) trace_id: Option<String>,
}

/// A request while it is performed.
pub(in crate::gate) struct Logged {
    pub(in crate::gate) line: Box<Line>,
    pub(in crate::gate) begun: Instant,
    /// Bytes that the client had got, or was to get, when it began.
    pub(in crate::gate) before: u64,
    /// Bytes of the answer's head.
    pub(in crate::gate) head: u64,
}

impl Line {
    fn time(&self) -> DateTime<Utc> {
        self.at.to_datetime()
    }

    /// As Apache and nginx write it.
    pub(super) fn combined(&self, out: &mut Vec<u8>) {
        match self.client {
            Some(client) => _ = write!(out, "{client}"),
            None => out.push(b'-'),
        }
        _ = write!(out, " - - [{}] \"", self.time().format("%d/%b/%Y:%H:%M:%S +0000"));
        quoted(out, &self.method);
        out.push(b' ');
        quoted(out, &self.target);
        _ = write!(out, " {}\" {} {} \"", self.protocol, self.status, self.bytes);
        quoted(out, self.referer.as_deref().unwrap_or("-"));
        out.extend_from_slice(b"\" \"");
        quoted(out, self.user_agent.as_deref().unwrap_or("-"));
        out.extend_from_slice(b"\"\n");
    }

    /// One object; what is not known is left out.
    pub(super) fn json(&self, out: &mut Vec<u8>) {
        let seconds = |time: Duration| (time.as_secs_f64() * 1e6).round() / 1e6;
        let mut line = json!({
            "time": self.time().to_rfc3339_opts(SecondsFormat::Millis, true),
            "client": self.client, "method": self.method, "target": self.target, "protocol": self.protocol,
            "host": self.host, "status": self.status, "bytes": self.bytes, "seconds": seconds(self.took),
            "decision": self.decided.name(), "application": self.application, "reason": self.reason,
            "upstream": self.upstream.as_deref(), "upstream_seconds": self.upstream_took.map(seconds),
            "request_id": self.request_id, "trace_id": self.trace_id,
            "referer": self.referer, "user_agent": self.user_agent,
        });
        if let Some(line) = line.as_object_mut() {
            line.retain(|_, value| !value.is_null());
        }
        _ = writeln!(out, "{line}");
    }
}

/// What could end a quote or a line, or is no ASCII, is written as `\xHH`.
fn quoted(out: &mut Vec<u8>, text: &str) {
    for &byte in text.as_bytes() {
        match byte {
            b'"' | b'\\' | 0..=31 | 127.. => _ = write!(out, "\\x{byte:02X}"),
            byte => out.push(byte),
        }
    }
}
