//! The log: standard error, one line a record, UTC with milliseconds (docs/contract.md#the-log).
//!
//! ```text
//! 2026-11-23T16:00:00.123Z INFO event=restored ledger=3 pending=0
//! {"time":"2026-11-23T16:00:00.123Z","level":"INFO","target":"forewarn::node::boot","event":"restored",…}
//! ```
//!
//! A log call names an event and gives it key-values: `log::info!(ledger = 3; "restored")`. A message of
//! another crate is its text.
//!
//! What must stay true: a record is one line whatever it contains, because values repeat what peers and users
//! sent; it cannot control a terminal; a value cannot look like another key.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use chrono::{DateTime, SecondsFormat, Utc};
use log::kv::{Error, Key, Value, VisitSource, VisitValue};
use log::{LevelFilter, Record};
use serde_json::{Map, json};

use super::args::LogFormat;

/// Starts the log of this process: `info` and above (sled's own: `warn`), unless `FOREWARN_LOG` or
/// else `RUST_LOG` sets another level. A second call changes nothing.
pub fn start(format: LogFormat) {
    let logger = builder(format, from_env().as_deref()).build();
    let level = logger.filter();
    if CURRENT.set((format, ArcSwap::from_pointee(logger))).is_err() || log::set_logger(&Current).is_err() {
        log::debug!("log_started_twice");
        return;
    }
    log::set_max_level(level);
}

/// What is logged from now on: what the environment says, or else these levels, or else the usual ones.
pub(crate) fn set(levels: Option<&str>) {
    if let Some((format, current)) = CURRENT.get() {
        let logger = builder(*format, from_env().as_deref().or(levels)).build();
        log::set_max_level(logger.filter());
        current.store(Arc::new(logger));
    }
}

fn from_env() -> Option<String> {
    ["FOREWARN_LOG", "RUST_LOG"].into_iter().find_map(|name| std::env::var(name).ok())
}

/// The log of this process, once it has started.
static CURRENT: OnceLock<(LogFormat, ArcSwap<env_logger::Logger>)> = OnceLock::new();

/// Writes to [`CURRENT`].
struct Current;

impl log::Log for Current {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        CURRENT.get().is_some_and(|(_, logger)| logger.load().enabled(metadata))
    }

    fn log(&self, record: &Record<'_>) {
        if let Some((_, logger)) = CURRENT.get() {
            logger.load().log(record);
        }
    }

    fn flush(&self) {}
}

fn builder(format: LogFormat, filters: Option<&str>) -> env_logger::Builder {
    let mut builder = env_logger::Builder::new();
    builder.filter_level(LevelFilter::Info);
    // its `info` is about itself; a filter that names it still wins, for it comes later
    builder.filter_module("sled", LevelFilter::Warn);
    // the node itself logs its listeners
    builder.filter_module("actix_server", LevelFilter::Warn);
    // malformed requests of strangers, as errors and without a bound; the answer tells the client
    builder.filter_module("actix_http", LevelFilter::Off);
    if let Some(filters) = filters {
        builder.parse_filters(filters);
    }
    builder.format(move |out, record| {
        #[allow(clippy::disallowed_methods, reason = "the time of a log line decides nothing")]
        let now = Utc::now();
        writeln!(out, "{}", line(format, now, record))
    });
    builder
}

/// One record as one line, without its end.
fn line(format: LogFormat, now: DateTime<Utc>, record: &Record<'_>) -> String {
    let time = now.to_rfc3339_opts(SecondsFormat::Millis, true);
    let level = record.level().as_str();
    let message = record.args().to_string();
    let what = if is_event(&message) { "event" } else { "message" };
    match format {
        LogFormat::Text => {
            let mut line = Text(format!("{time} {level}"));
            line.pair(what, &message);
            // a `Text` takes every pair
            let _ = record.key_values().visit(&mut line);
            line.0
        }
        LogFormat::Json => {
            let mut object = Object(Map::new());
            let _ = record.key_values().visit(&mut object);
            let frame = [("time", &time[..]), ("level", level), ("target", record.target()), (what, &message)];
            for (key, value) in frame {
                object.0.insert(key.to_owned(), json!(value));
            }
            // JSON itself escapes only what is below U+0020
            escaped(&serde_json::Value::from(object.0).to_string())
        }
    }
}

/// The name of an event, rather than another crate's sentence.
fn is_event(message: &str) -> bool {
    !message.is_empty()
        && message.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// A line that grows by ` key=value`.
struct Text(String);

impl Text {
    /// In quotes where it could be mistaken for more than one value.
    fn pair(&mut self, key: &str, value: &str) {
        let plain = !value.is_empty() && !value.contains([' ', '"', '=', '\\']);
        // writing to a String cannot fail
        let _ = match plain {
            true => write!(self.0, " {key}={}", escaped(value)),
            false => {
                let value = value.replace('\\', "\\\\").replace('"', "\\\"");
                write!(self.0, " {key}=\"{}\"", escaped(&value))
            }
        };
    }
}

impl<'kvs> VisitSource<'kvs> for Text {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        self.pair(key.as_str(), &value.to_string());
        Ok(())
    }
}

/// An object that keeps numbers and truth values as such.
struct Object(Map<String, serde_json::Value>);

impl<'kvs> VisitSource<'kvs> for Object {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        let mut json = Json(serde_json::Value::Null);
        value.visit(&mut json)?;
        self.0.insert(key.as_str().to_owned(), json.0);
        Ok(())
    }
}

struct Json(serde_json::Value);

impl VisitValue<'_> for Json {
    fn visit_any(&mut self, value: Value<'_>) -> Result<(), Error> {
        self.0 = json!(value.to_string());
        Ok(())
    }

    fn visit_u64(&mut self, value: u64) -> Result<(), Error> {
        self.0 = json!(value);
        Ok(())
    }

    fn visit_i64(&mut self, value: i64) -> Result<(), Error> {
        self.0 = json!(value);
        Ok(())
    }

    fn visit_bool(&mut self, value: bool) -> Result<(), Error> {
        self.0 = json!(value);
        Ok(())
    }
}

/// Control characters, and Unicode's line ends and text directions, as `\n` or `\u001b`: a form
/// that is right inside JSON strings as well.
pub(super) fn escaped(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => escape(&mut line, character),
            _ if character.is_control() => escape(&mut line, character),
            _ => line.push(character),
        }
    }
    line
}

fn escape(line: &mut String, character: char) {
    // writing to a String cannot fail
    let _ = write!(line, "\\u{:04x}", u32::from(character));
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use log::{Level, Log as _};

    fn shown(format: LogFormat, message: &str, pairs: &[(&str, Value<'_>)]) -> String {
        let now = "2026-11-23T16:00:00.1234Z".parse().unwrap();
        let mut record = Record::builder();
        record.level(Level::Warn).target("forewarn::peer").key_values(&pairs);
        line(format, now, &record.args(format_args!("{message}")).build())
    }

    #[test]
    fn a_line_has_time_level_event_and_pairs() {
        let pairs = [("peer", Value::from("b")), ("rows", 3_u64.into()), ("late", true.into())];
        let line = shown(LogFormat::Text, "joined", &pairs);
        assert_eq!(line, "2026-11-23T16:00:00.123Z WARN event=joined peer=b rows=3 late=true");
        let line = shown(LogFormat::Json, "joined", &pairs);
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            value,
            json!({"time": "2026-11-23T16:00:00.123Z", "level": "WARN", "target": "forewarn::peer",
                   "event": "joined", "peer": "b", "rows": 3, "late": true})
        );
        let line = shown(LogFormat::Text, "Keep-alive failed", &[]);
        assert!(line.ends_with(" WARN message=\"Keep-alive failed\""), "{line}");
    }

    #[test]
    fn a_value_cannot_make_lines_or_pairs_or_drive_a_terminal() {
        let value = "a\nb\r\tc\u{1b}[31m\u{9b}\u{202e}\u{2028}ü";
        let pairs = [("why", Value::from(value)), ("who", "x\" event=\"y\\".into()), ("none", "".into())];
        let line = shown(LogFormat::Text, "refused", &pairs);
        let wanted = "why=a\\nb\\r\\tc\\u001b[31m\\u009b\\u202e\\u2028ü who=\"x\\\" event=\\\"y\\\\\" none=\"\"";
        assert!(line.ends_with(wanted), "{line}");

        let line = shown(LogFormat::Json, value, &pairs);
        assert!(!line.contains(char::is_control));
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&object["message"], &object["why"]), (&json!(value), &json!(value)));
    }

    #[test]
    fn sled_is_quiet_unless_it_is_named() {
        let enabled = |filters: Option<&str>, target: &str, level| {
            let logger = builder(LogFormat::Text, filters).build();
            logger.enabled(&log::Metadata::builder().target(target).level(level).build())
        };
        assert!(enabled(None, "forewarn", Level::Info));
        assert!(!enabled(None, "forewarn", Level::Debug));
        assert!(!enabled(None, "sled::pagecache", Level::Info));
        assert!(enabled(None, "sled::pagecache", Level::Warn));
        assert!(!enabled(None, "actix_http::h1::dispatcher", Level::Error), "strangers' malformed requests");
        assert!(enabled(Some("debug"), "forewarn", Level::Debug));
        assert!(!enabled(Some("debug"), "sled::pagecache", Level::Info));
        assert!(enabled(Some("sled=info"), "sled::pagecache", Level::Info));
        assert!(enabled(Some("sled=info"), "forewarn", Level::Info));
    }
}
