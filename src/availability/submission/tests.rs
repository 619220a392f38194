//! What is refused on submission, and what becomes of the rest.
#![allow(clippy::unwrap_used)]
use super::*;
use serde_json::json;

fn fields(value: Value) -> Vec<String> {
    Submission::parse(&value).unwrap_err().into_iter().map(|e| e.field).collect()
}

#[test]
fn everything_wrong_with_the_form_is_named() {
    assert_eq!(fields(json!([])), [""]);
    assert_eq!(fields(json!({})), ["targets", "status"]);
    let mut wrong = fields(json!({
        "id": "7", "timestamp": "now", "targets": ["mail"], "status": "down", "component": "x".repeat(201),
        "message": "x".repeat(2001), "duration_seconds": 0, "restore": "maybe", "priority": 1, "operator": "me",
        "colour": "red", "criteria": {"paths": ["["]}, "goes_down_at": 5
    }));
    wrong.sort();
    assert_eq!(
        wrong,
        [
            "colour",
            "component",
            "criteria.paths[0]",
            "duration_seconds",
            "goes_down_at",
            "id",
            "message",
            "operator",
            "priority",
            "restore",
            "status",
            "targets[0]",
            "timestamp"
        ]
    );
    assert_eq!(fields(json!({"targets": [], "status": "available"})), ["targets"]);
    assert_eq!(fields(json!({"targets": vec!["system"; 101], "status": "available"})), ["targets"]);
    assert_eq!(fields(json!({"targets": ["system"], "status": "unavailable", "restore": "automatic"})), ["restore"]);
    assert_eq!(
        fields(json!({"targets": ["system"], "status": "available", "duration_seconds": 5})),
        ["duration_seconds"]
    );
    assert_eq!(fields(json!({"cancels": Uuid::nil(), "status": "available"})), ["status"]);
}

#[test]
fn everything_the_farm_does_not_know_is_named() {
    let wrong = checked(json!({
        "targets": ["system", "application:mali"], "status": "unavailable", "reason": 100,
        "timestamp": "2026-11-23T18:01:01Z", "expected_back_at": "2026-11-23T18:01:01Z",
        "criteria": {"nodes": ["a", "aa"]}
    }));
    assert_eq!(wrong, ["targets[1]", "timestamp", "criteria.nodes", "expected_back_at", "reason"]);
    assert_eq!(checked(json!({"targets": ["system"], "status": "available", "reason": 1.0})), [""; 0]);
}

/// The fields that are wrong, at six in the evening, on a farm of one node that knows no application.
fn checked(value: Value) -> Vec<String> {
    let now: Moment = "2026-11-23T18:00:00Z".parse().unwrap();
    let known = Known {
        target: &|target| *target == Target::System,
        node: &|name| name.as_str() == "a",
        reasons: &Reasons::with([]),
        rules: Rules::default(),
        now,
        clock: now,
        stamp: now,
    };
    let checked = Submission::parse(&value).unwrap().check(&known);
    checked.err().unwrap_or_default().into_iter().map(|e| e.field).collect()
}

#[test]
fn a_window_that_is_over_is_refused() {
    let window = |members: Value| {
        let mut value = json!({"targets": ["system"], "status": "unavailable"});
        value.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        checked(value)
    };
    let (before, at, after) = ("2026-11-23T17:00:00Z", "2026-11-23T18:00:00Z", "2026-11-23T19:00:00Z");
    // Both times in the past, with either end, by either field.
    for restore in ["automatic", "manual"] {
        for back in [json!({"expected_back_at": at}), json!({"duration_seconds": 3_600})] {
            let mut members = json!({"goes_down_at": before, "restore": restore});
            let field = back.as_object().unwrap().keys().next().unwrap().clone();
            members.as_object_mut().unwrap().extend(back.as_object().unwrap().clone());
            assert_eq!(window(members), [field]);
        }
        assert_eq!(window(json!({"expected_back_at": after, "restore": restore})), [""; 0]);
        assert_eq!(window(json!({"goes_down_at": before, "duration_seconds": 3_601, "restore": restore})), [""; 0]);
    }
    // Made earlier, handed in late: over by now, if it ends by itself. Otherwise it is overdue.
    let late = json!({"timestamp": "2026-11-23T16:00:00Z", "expected_back_at": before});
    assert_eq!(window(late.clone()), [""; 0]);
    let mut ending = late;
    ending["restore"] = json!("automatic");
    assert_eq!(window(ending), ["expected_back_at"]);
    // A plan that would end before it was made.
    let plan = json!({"timestamp": at, "goes_down_at": after, "expected_back_at": before});
    assert_eq!(window(plan), ["expected_back_at"]);
}

#[test]
fn whole_numbers_may_be_written_with_a_fraction_of_zero() {
    let read = |seconds: Value| {
        Submission::parse(&json!({"targets": ["system"], "status": "unavailable", "duration_seconds": seconds}))
            .map(|submission| submission.duration)
    };
    assert_eq!(read(json!(3600.0)).unwrap(), Some(Duration::from_secs(3_600)));
    assert_eq!(read(json!(1e3)).unwrap(), Some(Duration::from_secs(1_000)));
    for wrong in [json!(0.0), json!(3600.5), json!(-1.0), json!(1e300), json!("3600")] {
        assert!(read(wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn degraded_is_an_opening_that_begins_at_once_and_may_end() {
    let degraded = |members: Value| {
        let mut value = json!({"targets": ["system"], "status": "degraded"});
        value.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        value
    };
    for good in [
        json!({}),
        json!({"duration_seconds": 60, "restore": "automatic"}),
        json!({"goes_down_at": "2026-11-23T17:00:00Z"}),
    ] {
        assert_eq!(checked(degraded(good)), [""; 0]);
    }
    assert_eq!(checked(degraded(json!({"goes_down_at": "2026-11-23T18:00:01Z"}))), ["goes_down_at"]);
    assert_eq!(
        checked(degraded(json!({"goes_down_at": "2026-11-23T17:00:00Z", "duration_seconds": 60}))),
        ["duration_seconds"]
    );
    assert_eq!(
        fields(degraded(json!({"last_entry_seconds": 1, "goes_down_at": "2026-11-23T17:00:00Z"}))),
        ["last_entry_seconds"]
    );
    let made = Submission::parse(&degraded(json!({"duration_seconds": 60}))).unwrap();
    let made = made.statement(Uuid::nil(), Moment::ZERO, &Author::operator("alice"), &"a".parse().unwrap());
    assert_eq!((made.status, made.degraded, made.is_plan()), (Some(Status::Available), true, false));
}

#[test]
fn last_entry_belongs_to_a_beginning_and_a_schedule_is_never_submitted() {
    let plan = |members: Value| {
        let mut value = json!({"targets": ["system"], "status": "unavailable", "goes_down_at": "2026-11-23T19:00:00Z"});
        value.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        value
    };
    let made = Submission::parse(&plan(json!({"last_entry_seconds": 600.0}))).unwrap();
    let made = made.statement(Uuid::nil(), Moment::ZERO, &Author::operator("alice"), &"a".parse().unwrap());
    assert_eq!(made.last_entry_seconds, Some(600));
    assert_eq!(fields(plan(json!({"last_entry_seconds": 86_401}))), ["last_entry_seconds"]);
    assert_eq!(fields(plan(json!({"last_entry_seconds": 5, "goes_down_at": null}))), ["last_entry_seconds"]);
    assert_eq!(fields(plan(json!({"schedule": {"id": Uuid::nil(), "version": "x"}}))), ["schedule"]);
}

#[test]
fn what_is_written_is_read_as_the_same() {
    for value in [
        json!({"cancels": Uuid::nil(), "message": "no", "priority": "critical"}),
        json!({"targets": ["system"], "status": "degraded", "reason": 3}),
        json!({"targets": ["application:mail", "system"], "status": "unavailable", "id": Uuid::nil(),
            "timestamp": "2026-11-23T18:00:00Z", "replaces": Uuid::nil(), "reason": "testing", "component": "disk",
            "message": "m", "goes_down_at": "2026-11-23T19:00:00Z", "duration_seconds": 60.0, "restore": "automatic",
            "last_entry_seconds": 5, "criteria": {"methods": ["GET"], "except": [{"paths": ["/x"]}]}}),
        json!({"targets": ["resource:db"], "status": "unavailable", "expected_back_at": "2026-11-23T19:00:00Z"}),
        json!({"targets": ["resource:db"], "status": "available", "restore": "manual"}),
    ] {
        let submission = Submission::parse(&value).unwrap();
        assert_eq!(Submission::parse(&submission.to_json()).unwrap(), submission, "{value}");
    }
}

#[test]
fn a_duration_counts_from_the_beginning() {
    let submission = Submission::parse(&json!({
        "targets": ["system"], "status": "unavailable", "goes_down_at": "2026-11-23T19:00:00Z", "duration_seconds": 60
    }));
    let made =
        submission.unwrap().statement(Uuid::nil(), Moment::ZERO, &Author::operator("alice"), &"a".parse().unwrap());
    assert_eq!(made.expected_back_at, Some("2026-11-23T19:01:00Z".parse().unwrap()));
}
