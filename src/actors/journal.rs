//! Writes the protocol's reports to the log (docs/contract.md#the-log).

use log::{Level, Record, kv::Value};

use crate::sync::{Detail, Report, Severity};

/// Writes one line.
pub(super) fn write(report: &Report) {
    let level = match report.severity() {
        Severity::Info => Level::Info,
        Severity::Warning => Level::Warn,
    };
    let (event, details) = report.parts();
    let pairs: Vec<(&str, Value<'_>)> = details.iter().map(|(key, detail)| (*key, value(detail))).collect();
    let mut record = Record::builder();
    record.level(level).target("forewarn::sync").key_values(&pairs);
    log::logger().log(&record.args(format_args!("{event}")).build());
}

fn value(detail: &Detail) -> Value<'_> {
    match detail {
        Detail::Number(number) => Value::from(*number),
        Detail::Text(text) => Value::from(text.as_str()),
    }
}
