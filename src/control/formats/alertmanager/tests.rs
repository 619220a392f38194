#![allow(clippy::unwrap_used)]
use super::*;
use crate::availability::{Author, Submission};
use uuid::Uuid;

const BEGAN: &str = "2026-11-23T18:00:00.123Z";
const RULES: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(24 * 3600));

fn alerting() -> Alerting {
    let rule = AlertRule {
        labels: BTreeMap::from([("alertname".to_owned(), "MailDown".to_owned())]),
        target: "application:mail".parse().unwrap(),
        reason: Some("unplanned-outage".parse().unwrap()),
    };
    Alerting { rules: vec![rule], reasons: Reasons::with([]) }
}

fn raw(change: Value) -> Value {
    let mut alert = json!({
        "status": "firing", "labels": {"alertname": "MailDown"}, "annotations": {"summary": "Mail is down"},
        "startsAt": "2026-11-23T18:00:00.123456789Z", "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://x/", "fingerprint": "a1b2c3d4e5f60718", "new": 1
    });
    for (name, value) in change.as_object().unwrap() {
        alert[name] = value.clone();
    }
    alert
}

fn body(alerts: &[Value]) -> Value {
    json!({"receiver": "r", "status": "firing", "alerts": alerts, "groupLabels": {}, "version": "4",
        "groupKey": "k", "truncatedAlerts": 0, "unknown": true})
}

fn one(change: Value) -> Alert {
    read(body(&[raw(change)]), &alerting()).unwrap().told.remove(0)
}

#[test]
fn firing_and_resolved_alerts_in_one_body() {
    let labelled = json!({"forewarn_target": "resource:db", "forewarn_reason": "testing"});
    let alerts = body(&[
        raw(json!({})),
        raw(json!({"status": "resolved", "fingerprint": "ff", "labels": labelled, "annotations": {}})),
        raw(json!({"labels": {"alertname": "Other"}})),
        raw(json!({"labels": {"alertname": "MailDown", "forewarn_target": "nonsense"}})),
        raw(json!({"fingerprint": "ee", "labels": {"alertname": "MailDown", "forewarn_reason": "magic"}})),
    ]);
    let read = read(alerts, &alerting()).unwrap();
    assert_eq!((read.told.len(), read.unmatched), (3, 2));
    let (mail, db) = (&read.told[0], &read.told[1]);
    assert_eq!((mail.is_firing, mail.message.as_deref()), (true, Some("Mail is down")));
    assert_eq!((mail.reason.as_str(), db.reason.as_str()), ("unplanned-outage", "testing"));
    assert_eq!((db.is_firing, db.target.to_string(), db.message.clone()), (false, "resource:db".into(), None));
    assert_eq!(read.told[2].reason, "unplanned-outage", "the rule's, where the label's is unknown");
    let named: Vec<&str> = read.problems.iter().map(|problem| problem.field.as_str()).collect();
    assert_eq!(named, ["alerts[3].labels.forewarn_target", "alerts[4].labels.forewarn_reason"]);
}

#[test]
fn faults_are_named() {
    let named = |body: Value| -> Vec<String> {
        read(body, &alerting()).unwrap_err().into_iter().map(|error| error.field).collect()
    };
    assert_eq!(named(json!([])), [""]);
    assert_eq!(named(json!({"alerts": []})), [""]);
    assert_eq!(named(json!({"version": "3", "alerts": []})), ["version"]);
    assert_eq!(named(body(&vec![raw(json!({})); MAX_ALERTS + 1])), ["alerts"]);
    assert_eq!(
        named(body(&[
            raw(json!({"status": "burning"})),
            raw(json!({"fingerprint": ""})),
            raw(json!({"startsAt": "soon"})),
            json!({"status": "firing"}),
        ])),
        ["alerts[0].status", "alerts[1].fingerprint", "alerts[2].startsAt", "alerts[3]"]
    );
    let many: Vec<Value> = (0..MAX_ALERTS).map(|at| raw(json!({"fingerprint": format!("f{at}")}))).collect();
    assert_eq!(read(body(&many), &alerting()).unwrap().told.len(), MAX_ALERTS);
}

#[test]
fn of_two_statements_of_one_alert_the_last_counts() {
    let alerts = read(body(&[raw(json!({})), raw(json!({"status": "resolved"}))]), &alerting()).unwrap();
    assert_eq!((alerts.told.len(), alerts.told[0].is_firing), (1, false));
}

#[test]
fn messages_are_cut_to_the_length_of_a_notifications_message() {
    let annotations = json!({"summary": "x".repeat(3_000), "description": "y"});
    assert_eq!(one(json!({"annotations": annotations})).message.unwrap().chars().count(), 2_000);
    let both = json!({"summary": "Mail is down", "description": "No answer for 5 minutes"});
    assert_eq!(one(json!({"annotations": both})).message.unwrap(), "Mail is down\nNo answer for 5 minutes");
}

/// What is in the ledger after this news, made at this time.
fn word(news: &News, at: Moment) -> Notification {
    let (News::Closes(value) | News::Opens(value)) = news else { panic!("{news:?}") };
    let submission = Submission::parse(value).unwrap();
    let made = submission.timestamp.unwrap_or(at);
    let mut word = submission.statement(Uuid::nil(), made, &Author::alert("a1"), &"a".parse().unwrap());
    word.reason.name = value["reason"].as_str().unwrap().parse().unwrap();
    word
}

#[test]
fn repeats_are_no_news_until_a_quarter_of_lapse_has_passed() {
    let began: Moment = BEGAN.parse().unwrap();
    let (now, firing) = (began.after(Duration::from_secs(30)), one(json!({})));
    let first = word(&firing.news(None, RULES, now), now);
    assert_eq!((first.since(), first.timestamp, first.is_plan()), (began, now, false));
    let later = |hours: u64| now.after(Duration::from_secs(hours * 3600));
    assert_eq!(firing.news(Some(&first), RULES, later(5)), News::None);
    let renewed = word(&firing.news(Some(&first), RULES, later(6)), later(6));
    assert_eq!((renewed.since(), renewed.timestamp), (began, later(6)));
    let other = one(json!({"annotations": {"summary": "Mail is down, still"}}));
    assert_eq!(word(&other.news(Some(&first), RULES, later(1)), later(1)).since(), began, "an update");
    let again = one(json!({"startsAt": "2026-11-23T19:00:00Z"}));
    assert!(word(&again.news(Some(&first), RULES, later(2)), later(2)).since() > began, "another outbreak");
}

#[test]
fn resolved_opens_once_and_not_what_fires_again() {
    let began: Moment = BEGAN.parse().unwrap();
    let now = began.after(Duration::from_secs(30));
    let closing = word(&one(json!({})).news(None, RULES, now), now);
    let resolved = one(json!({"status": "resolved", "endsAt": "2026-11-23T18:10:00Z"}));
    let opening = word(&resolved.news(Some(&closing), RULES, now), now);
    assert_eq!(opening.status, Some(Status::Available));
    assert_eq!(resolved.news(Some(&opening), RULES, now), News::None);
    assert!(matches!(resolved.news(None, RULES, now), News::Opens(_)), "its closing may not have come here yet");
    let earlier = one(json!({"status": "resolved", "endsAt": "2026-11-23T17:10:00Z"}));
    assert_eq!(earlier.news(Some(&closing), RULES, now), News::None);
}

#[test]
fn a_clock_that_is_ahead_makes_no_plan() {
    let began: Moment = BEGAN.parse().unwrap();
    for seconds in [1, 59, 3_600] {
        let now = began.before(Duration::from_secs(seconds));
        let first = word(&one(json!({})).news(None, RULES, now), now);
        assert!(!first.is_plan() && first.timestamp <= now.after(RULES.0), "{seconds}: {first:?}");
    }
    let now = began.before(Duration::from_secs(5));
    let first = word(&one(json!({})).news(None, RULES, now), now);
    assert_eq!(one(json!({})).news(Some(&first), RULES, now), News::None);
}
