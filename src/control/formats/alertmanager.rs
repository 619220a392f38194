//! Alertmanager's webhook, version 4: which of its alerts are statements about what, and which of them are news
//! (docs/contract.md#alertmanager).
//!
//! Must stay true: an alert that matches nothing is counted and left out, never refused, because the sender drops the
//! whole group on a 4xx; unknown members are passed over; a repeat is no news. Pure: the words that count are
//! arguments. Does not know HTTP.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::{
    availability::{FieldError, Moment, Notification, Reasons, Status, Target},
    vocabulary::AlertRule,
};

/// Most alerts in one body; a sender with more sets `max_alerts`.
pub(crate) const MAX_ALERTS: usize = 1_000;
/// Longest fingerprint, in bytes. Alertmanager's have 16.
const MAX_FINGERPRINT: usize = 64;
/// Longest message, in characters, as in every notification.
const MAX_MESSAGE: usize = 2_000;

/// What this node makes of alerts.
#[derive(Debug)]
pub(crate) struct Alerting {
    /// Of several that match, the first counts.
    pub rules: Vec<AlertRule>,
    /// The reasons that an alert may name.
    pub reasons: Reasons,
}

/// One alert that is a statement about something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Alert {
    /// Its place in the body.
    pub at: usize,
    /// What distinguishes it from all others; the reporter is `alert/FINGERPRINT`.
    pub fingerprint: String,
    /// What it is about.
    pub target: Target,
    /// It fires; otherwise it is resolved.
    pub is_firing: bool,
    /// The reason's name, which this node has.
    pub reason: String,
    /// From the annotations `summary` and `description`.
    pub message: Option<String>,
    /// When it began to fire.
    pub began: Moment,
    /// When it was resolved.
    ended: Option<Moment>,
}

/// What one body contains.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Alerts {
    /// Statements, in their order; of two with one fingerprint about one target, the last.
    pub told: Vec<Alert>,
    /// How many no rule and no label matches.
    pub unmatched: usize,
    /// How many the sender has left out.
    pub truncated: u64,
    /// What is wrong with labels, and was passed over.
    pub problems: Vec<FieldError>,
}

/// The body of Alertmanager's webhook. Further members are passed over.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Webhook {
    /// `"4"`.
    #[schema(value_type = String, pattern = "^4$")]
    version: Value,
    /// At most 1,000.
    #[schema(value_type = Vec<WebhookAlert>, max_items = 1000)]
    alerts: Vec<Value>,
    /// How many alerts the sender has left out (`max_alerts`).
    #[serde(default, rename = "truncatedAlerts")]
    #[schema(required = false)]
    truncated: u64,
}

/// One alert of it.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WebhookAlert {
    /// `firing` or `resolved`.
    #[schema(pattern = "^(firing|resolved)$")]
    status: String,
    /// `forewarn_target` and `forewarn_reason` among them have precedence over the node's rules.
    labels: BTreeMap<String, String>,
    /// `summary` and `description` make the message.
    #[serde(default)]
    #[schema(required = false)]
    annotations: BTreeMap<String, String>,
    /// When it began to fire (RFC 3339).
    #[schema(value_type = Moment)]
    starts_at: String,
    /// When it was resolved; `0001-01-01T00:00:00Z` is not yet.
    #[serde(default)]
    #[schema(required = false)]
    ends_at: String,
    /// 1 to 64 letters and digits.
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._-]+$")]
    fingerprint: String,
}

/// Reads a body.
///
/// # Errors
/// Everything that is wrong with its form, each with its field: another version, too many alerts, an alert without
/// status, labels, beginning or fingerprint. Nothing is done then.
pub(crate) fn read(body: Value, alerting: &Alerting) -> Result<Alerts, Vec<FieldError>> {
    let one = |field: &str, problem: String| vec![FieldError::new(field, problem)];
    let body: Webhook = serde_json::from_value(body)
        .map_err(|error| one("", format!("the body is not that of Alertmanager's webhook: {error}")))?;
    if body.version != "4" {
        return Err(one(
            "version",
            "must be \"4\", the version of Alertmanager's webhook that is understood".to_owned(),
        ));
    }
    if body.alerts.len() > MAX_ALERTS {
        let problem =
            format!("has {} alerts, more than {MAX_ALERTS}: set max_alerts of the webhook", body.alerts.len());
        return Err(one("alerts", problem));
    }
    let mut alerts = Alerts { truncated: body.truncated, ..Alerts::default() };
    let mut told = BTreeMap::new();
    let mut errors = Vec::new();
    for (at, raw) in body.alerts.into_iter().enumerate() {
        let field = format!("alerts[{at}]");
        match serde_json::from_value(raw) {
            Ok(raw) => match alert(at, raw, alerting, &mut alerts.problems) {
                Ok(Some(alert)) => {
                    told.insert((alert.fingerprint.clone(), alert.target.clone()), alert);
                }
                Ok(None) => alerts.unmatched += 1,
                Err((member, problem)) => errors.push(FieldError::new(format!("{field}.{member}"), problem)),
            },
            Err(error) => errors.push(FieldError::new(field, format!("is not an alert: {error}"))),
        }
    }
    alerts.told = told.into_values().collect();
    alerts.told.sort_by_key(|alert: &Alert| alert.at);
    if errors.is_empty() { Ok(alerts) } else { Err(errors) }
}

fn alert(
    at: usize,
    raw: WebhookAlert,
    alerting: &Alerting,
    problems: &mut Vec<FieldError>,
) -> Result<Option<Alert>, (&'static str, String)> {
    let is_firing = match raw.status.as_str() {
        "firing" => true,
        "resolved" => false,
        _ => return Err(("status", "must be \"firing\" or \"resolved\"".to_owned())),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if raw.fingerprint.is_empty() || raw.fingerprint.len() > MAX_FINGERPRINT || !raw.fingerprint.chars().all(plain) {
        return Err(("fingerprint", format!("must be 1 to {MAX_FINGERPRINT} letters and digits")));
    }
    let began = raw.starts_at.parse().map_err(|problem: &'static str| ("startsAt", problem.to_owned()))?;
    let mut wrong = |label: &str, problem: String| {
        problems.push(FieldError::new(format!("alerts[{at}].labels.{label}"), problem));
    };
    let rule = alerting.rules.iter().find(|rule| rule.matches(&raw.labels));
    let target = match raw.labels.get("forewarn_target").map(|text| text.parse::<Target>()) {
        Some(Ok(target)) => target,
        Some(Err(problem)) => {
            wrong("forewarn_target", problem.to_owned());
            return Ok(None);
        }
        None => match rule {
            Some(rule) => rule.target.clone(),
            None => return Ok(None),
        },
    };
    let named = raw.labels.get("forewarn_reason").map(String::as_str);
    let known = named.filter(|name| alerting.reasons.named(name).is_some());
    if named.is_some() && known.is_none() {
        wrong("forewarn_reason", "is none of this node's reasons".to_owned());
    }
    let reason = known.or_else(|| rule?.reason.as_ref().map(|name| name.as_str()));
    Ok(Some(Alert {
        at,
        fingerprint: raw.fingerprint,
        target,
        is_firing,
        reason: reason.unwrap_or("unknown").to_owned(),
        message: message(&raw.annotations),
        began,
        ended: raw.ends_at.parse().ok(),
    }))
}

/// The summary, the description, or both, cut to the length of a notification's message.
fn message(annotations: &BTreeMap<String, String>) -> Option<String> {
    let part = |name: &str| annotations.get(name).map(|text| text.trim()).filter(|text| !text.is_empty());
    let text = match (part("summary"), part("description")) {
        (Some(summary), Some(description)) if summary != description => format!("{summary}\n{description}"),
        (Some(one), _) | (None, Some(one)) => one.to_owned(),
        (None, None) => return None,
    };
    Some(text.chars().take(MAX_MESSAGE).collect())
}

/// What an alert adds to the last word of its reporter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum News {
    /// Nothing.
    None,
    /// A closing, an update of it, or its renewal: a submission.
    Closes(Value),
    /// An opening: a submission.
    Opens(Value),
}

impl Alert {
    /// What this alert adds to `last`, the last word of its reporter on its target.
    ///
    /// A closing is renewed when a quarter of `lapse` has passed, so that it counts as long as the alert is repeated.
    /// A resolved alert opens even where no closing of it is known: that closing may still be on its way here.
    pub(crate) fn news(&self, last: Option<&Notification>, rules: (Duration, Duration), now: Moment) -> News {
        let (max_clock_skew, lapse) = rules;
        // Alertmanager's clock may be ahead. More than submissions may be: it begins now.
        let began = if self.began > now.after(max_clock_skew) { now } else { self.began };
        let closing = last.filter(|n| n.status == Some(Status::Unavailable));
        if self.is_firing {
            let is_known = |n: &Notification| {
                n.since() == began
                    && n.reason.name.as_str() == self.reason
                    && n.message == self.message
                    && now.since(n.timestamp) < lapse / 4
            };
            if closing.is_some_and(is_known) {
                return News::None;
            }
            return News::Closes(json!({
                "timestamp": (began > now).then_some(began), "targets": [self.target], "status": "unavailable",
                "reason": self.reason, "message": self.message, "goes_down_at": began,
            }));
        }
        let is_stale = |n: &Notification| self.ended.is_some_and(|ended| ended < n.since());
        match (last, closing) {
            // The end of an earlier outbreak: the alert fires again since.
            (_, Some(n)) if is_stale(n) => News::None,
            (Some(_), None) => News::None,
            _ => News::Opens(json!({"targets": [self.target], "status": "available", "reason": self.reason})),
        }
    }
}

#[cfg(test)]
mod tests;
