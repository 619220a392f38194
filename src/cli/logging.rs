//! The log: standard error, one line a record, UTC with milliseconds.
//!
//! What must stay true: a record is one line whatever is in its message, because messages repeat
//! what peers and users sent; nothing in it can drive a terminal. Records are written as
//! `key=value` by whoever logs them; this file only frames them.

use std::fmt::Write as _;
use std::io::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};
use log::{LevelFilter, Record};
use serde_json::json;

use super::args::LogFormat;

/// Starts the log of this process: `info` and above (sled's own: `warn`), unless `FOREWARN_LOG` or
/// else `RUST_LOG` says otherwise. A second call changes nothing.
pub fn start(format: LogFormat) {
    let filters = ["FOREWARN_LOG", "RUST_LOG"].into_iter();
    let filters = filters.filter_map(|name| std::env::var(name).ok()).next();
    let started = builder(format, filters.as_deref()).try_init();
    if let Err(error) = started {
        log::debug!("event=log-started-twice error={error}");
    }
}

fn builder(format: LogFormat, filters: Option<&str>) -> env_logger::Builder {
    let mut builder = env_logger::Builder::new();
    builder.filter_level(LevelFilter::Info);
    // its `info` is about itself; a filter that names it still wins, for it comes later
    builder.filter_module("sled", LevelFilter::Warn);
    // who listens where is said by the node itself
    builder.filter_module("actix_server", LevelFilter::Warn);
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
    let message = record.args().to_string();
    match format {
        LogFormat::Text => format!("{time} {} {}", record.level(), escaped(&message)),
        LogFormat::Json => {
            let level = record.level().as_str();
            let object = json!({
                "time": time, "level": level, "target": record.target(), "message": message,
            });
            // JSON itself escapes only what is below U+0020
            escaped(&object.to_string())
        }
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

    fn shown(format: LogFormat, message: &str) -> String {
        let now = "2026-11-23T16:00:00.1234Z".parse().unwrap();
        let mut record = Record::builder();
        record.level(Level::Warn).target("forewarn::peer");
        line(format, now, &record.args(format_args!("{message}")).build())
    }

    #[test]
    fn a_line_has_time_level_and_message() {
        let line = shown(LogFormat::Text, "event=joined peer=b");
        assert_eq!(line, "2026-11-23T16:00:00.123Z WARN event=joined peer=b");
    }

    #[test]
    fn a_message_cannot_make_lines_or_drive_a_terminal() {
        let message = "a\nb\r\tc\u{1b}[31m\u{9b}\u{202e}\u{2028}ü";
        let line = shown(LogFormat::Text, message);
        assert!(line.ends_with("a\\nb\\r\\tc\\u001b[31m\\u009b\\u202e\\u2028ü"), "{line}");

        let line = shown(LogFormat::Json, message);
        assert!(!line.contains(char::is_control));
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["message"], message);
        assert_eq!(value["time"], "2026-11-23T16:00:00.123Z");
        assert_eq!((&value["level"], &value["target"]), (&json!("WARN"), &json!("forewarn::peer")));
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
        assert!(enabled(Some("debug"), "forewarn", Level::Debug));
        assert!(!enabled(Some("debug"), "sled::pagecache", Level::Info));
        assert!(enabled(Some("sled=info"), "sled::pagecache", Level::Info));
        assert!(enabled(Some("sled=info"), "forewarn", Level::Info));
    }
}
