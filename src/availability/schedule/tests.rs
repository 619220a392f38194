#![allow(clippy::unwrap_used)]
use std::time::Duration;

use super::*;
use crate::availability::{Admission, Key, Kind, Ledger, Reasons, Rules};

fn moment(text: &str) -> Moment {
    text.parse().unwrap()
}

fn submitted(value: &Value) -> Result<Schedule, Vec<FieldError>> {
    let now = moment("2026-12-01T12:00:00Z");
    let known = Known {
        target: &|target| *target == Target::System,
        node: &|name| name.as_str() == "a",
        reasons: &Reasons::with([]),
        rules: Rules::default(),
        now,
        clock: now,
        stamp: now,
    };
    Schedule::submitted(value, &known, &"a".parse().unwrap())
}

fn value(changes: Value) -> Value {
    let mut value = json!({
        "title": "Backup", "targets": ["system"], "reason": "planned-maintenance", "time_zone": "Europe/Berlin",
        "starts": "2026-12-06T02:00", "duration_seconds": 7200, "rule": "FREQ=WEEKLY;BYDAY=SU",
    });
    value.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    value
}

fn schedule(changes: Value) -> Schedule {
    submitted(&value(changes)).unwrap()
}

fn wrong(changes: Value) -> Vec<String> {
    submitted(&value(changes)).unwrap_err().into_iter().map(|e| e.to_string()).collect()
}

/// A version of the schedule with this value.
fn version(millis_after: u64, counter: u32, value: Option<Value>) -> Arc<Record> {
    let key = Key { kind: Kind::Schedule, id: Uuid::from_u128(5) };
    let at = moment("2026-12-01T12:00:00Z").after(Duration::from_millis(millis_after));
    Record::stamped(
        key,
        value,
        Some("alice".to_owned()),
        "a".parse().unwrap(),
        (at, counter, NodeId(Uuid::from_u128(7))),
    )
}

fn begins(schedule: &Schedule, after: &str, most: usize) -> Vec<String> {
    schedule.begins(moment(after)).take(most).map(|at| at.to_string()).collect()
}

#[test]
fn a_schedule_is_kept_in_one_form_and_read_again() {
    let made = schedule(json!({"message": "Disk", "criteria": {"methods": ["GET"]}, "last_entry_seconds": 600}));
    assert_eq!(made.to_value()["starts"], "2026-12-06T02:00:00");
    assert_eq!(made.to_value()["reason_code"], 1);
    assert_eq!(Schedule::of(&version(0, 0, Some(made.to_value()))), Ok(Some(made)));
    assert_eq!(Schedule::of(&version(0, 0, None)), Ok(None));
    assert!(Schedule::of(&version(0, 0, Some(json!({"title": "of another version"})))).is_err());
    assert!(Schedule::of(&version(0, 0, Some(json!({"targets": []})))).is_err());
}

#[test]
fn everything_wrong_is_named_with_its_field() {
    let fields =
        |value: Value| -> Vec<String> { submitted(&value).unwrap_err().into_iter().map(|error| error.field).collect() };
    assert_eq!(fields(json!([])), [""]);
    assert_eq!(fields(json!({})), ["title", "time_zone", "starts", "duration_seconds", "rule", "targets"]);
    let all = json!({
        "title": "x".repeat(201), "targets": ["application:x"], "reason": "none", "time_zone": "Mars/Olympus", "starts": "now",
        "duration_seconds": 0, "rule": 5, "status": "available", "colour": "red", "goes_down_at": "2026-12-06T02:00:00Z",
    });
    let mut all = fields(all);
    all.sort();
    assert_eq!(
        all,
        [
            "colour",
            "duration_seconds",
            "goes_down_at",
            "reason",
            "rule",
            "starts",
            "status",
            "targets[0]",
            "time_zone",
            "title"
        ]
    );
    for (changes, problem) in [
        (json!({"rule": "FREQ=HOURLY"}), "rule has FREQ=HOURLY"),
        (json!({"rule": "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"}), "rule has no occurrence after now"),
        (json!({"rule": "FREQ=DAILY;UNTIL=20261206T010000"}), "rule has no occurrence after now"),
        (json!({"rule": "FREQ=DAILY;BYMONTH=13"}), "rule cannot be read"),
        (json!({"starts": "2040-01-01T00:00"}), "starts lies more than ten years"),
        (json!({"starts": "1999-01-01T00:00"}), "starts lies more than ten years"),
        (json!({"starts": "2026-12-06T02:00:00Z"}), "starts is no local date"),
        (
            json!({"duration_seconds": 604_801}),
            "duration_seconds is longer than the time between two occurrences, 604800 s",
        ),
        (json!({"rule": "FREQ=MONTHLY;BYMONTHDAY=1,2", "duration_seconds": 86_401}), "86400 s"),
        (json!({"last_entry_seconds": 86_401}), "last_entry_seconds"),
        (json!({"criteria": {"nodes": ["z"]}}), "criteria.nodes"),
    ] {
        let said = wrong(changes.clone());
        assert!(said.len() == 1 && said[0].contains(problem), "{changes}: {said:?}");
    }
    // As long as its period, and across the change to summer time, when a day has 23 hours.
    schedule(json!({"rule": "FREQ=DAILY", "duration_seconds": 86_400}));
}

#[test]
fn local_time_is_kept_across_summer_time() {
    let daily = |zone: &str, starts: &str, after: &str| {
        begins(&schedule(json!({"rule": "FREQ=DAILY", "time_zone": zone, "starts": starts})), after, 3)
    };
    assert_eq!(
        daily("Europe/Berlin", "2026-12-06T02:30", "2027-03-27T00:00:00Z"),
        ["2027-03-27T01:30:00Z", "2027-03-28T01:00:00Z", "2027-03-29T00:30:00Z"],
        "the gap is from two to three"
    );
    assert_eq!(
        daily("Europe/Berlin", "2026-12-06T02:30", "2027-10-30T00:00:00Z"),
        ["2027-10-30T00:30:00Z", "2027-10-31T00:30:00Z", "2027-11-01T01:30:00Z"],
        "of two passings the first"
    );
    assert_eq!(
        daily("America/New_York", "2026-12-06T02:30", "2027-03-13T07:00:00Z"),
        ["2027-03-13T07:30:00Z", "2027-03-14T07:00:00Z", "2027-03-15T06:30:00Z"]
    );
    assert_eq!(
        daily("Australia/Lord_Howe", "2026-12-06T02:10", "2027-10-01T16:00:00Z"),
        ["2027-10-02T15:30:00Z", "2027-10-03T15:10:00Z", "2027-10-04T15:10:00Z"],
        "the gap is half an hour"
    );
    assert_eq!(
        daily("Asia/Tokyo", "2026-12-06T02:30", "2027-03-27T00:00:00Z"),
        ["2027-03-27T17:30:00Z", "2027-03-28T17:30:00Z", "2027-03-29T17:30:00Z"]
    );
    let leap = schedule(json!({"rule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "time_zone": "UTC"}));
    assert_eq!(begins(&leap, "2026-12-01T00:00:00Z", 2), ["2028-02-29T02:00:00Z", "2032-02-29T02:00:00Z"]);
}

#[test]
fn every_node_makes_the_same_plan_and_the_next_version_cancels_it_everywhere() {
    let made = schedule(json!({}));
    let first = version(0, 3, Some(made.to_value()));
    let begins = made.begins(first.stamp.time).next().unwrap();
    let plan = made.plan(&first, begins);
    assert_eq!(plan, Schedule::of(&first).unwrap().unwrap().plan(&first, begins));
    assert_eq!(plan.check(), Ok(()));
    let n = &plan.notification;
    assert!(n.is_plan() && plan.is_as_stamped() && n.restore == Restore::Automatic);
    assert_eq!((n.goes_down_at, n.expected_back_at), (Some(begins), Some(moment("2026-12-06T03:00:00Z"))));
    assert_eq!((plan.stamp.time, plan.stamp.counter, plan.stamp.node), (first.stamp.time, 3, NodeId::NONE));
    // What every version of this program makes of these records.
    assert_eq!(n.id.to_string(), "e9025435-89c8-5ccb-8b4a-700d878274c5");

    // The next version, of the same millisecond, and a removal.
    for next in [version(0, 4, Some(made.to_value())), version(9, 0, None)] {
        let cancel = cancel(n, &next).unwrap();
        assert_eq!(cancel.check(), Ok(()));
        for both in [[&plan, &cancel], [&cancel, &plan]] {
            let mut ledger = Ledger::default();
            let admitted: Vec<Admission> = both.into_iter().map(|entry| ledger.admit(entry)).collect();
            assert!(admitted.iter().any(|admission| admission.admitted));
            assert!(ledger.get(&plan.stamp).is_none() && ledger.get(&cancel.stamp).is_some());
        }
    }
}

#[test]
fn only_plans_of_earlier_versions_that_had_not_begun_are_cancelled() {
    let made = schedule(json!({}));
    let first = version(0, 0, Some(made.to_value()));
    let plan = made.plan(&first, moment("2026-12-06T01:00:00Z"));
    assert!(cancel(&plan.notification, &first).is_none(), "its own version");
    let before = Duration::from_secs(5 * 24 * 3600 - 11 * 3600).as_millis() as u64;
    assert!(cancel(&plan.notification, &version(before - 1, 0, None)).is_some());
    assert!(cancel(&plan.notification, &version(before, 0, None)).is_none(), "it had begun");
    let mut other = (*version(9, 0, None)).clone();
    other.id = Uuid::from_u128(6);
    assert!(cancel(&plan.notification, &other).is_none(), "another schedule");
    let mut submitted = plan.notification.clone();
    submitted.schedule = None;
    assert!(cancel(&submitted, &version(9, 0, None)).is_none(), "somebody has moved it");
}
