#![allow(clippy::unwrap_used)]
use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::super::{Occasion, Shape, availability_json, fixtures::*, general, partial};
use super::*;
use crate::availability::Entry;

fn closed(snapshot: &Snapshot, request: &RequestFacts<'_>, now: Moment) -> Option<Arc<Denial>> {
    match snapshot.decide(request, now) {
        Decision::Open(_) => None,
        Decision::Closed(denial) => Some(denial),
    }
}

#[test]
fn what_holds_for_all_is_prepared_and_shared() {
    let words = [entry(json!({"criteria": {"nodes": ["a"]}, "expected_back_at": after(10)}))];
    let snapshot = snapshot(words.clone(), four());
    let (one, other) = (
        closed(&snapshot, &nothing_but("a"), after(1)).unwrap(),
        closed(&snapshot, &nothing_but("a"), after(2)).unwrap(),
    );
    assert!(Arc::ptr_eq(&one, &other) && !snapshot.depends_on_request());
    assert_eq!(snapshot.valid_until(), Some(after(10)));
    // From then on it is overdue: said truly although nobody has published a new snapshot.
    let late = closed(&snapshot, &nothing_but("a"), after(10)).unwrap();
    assert!(!Arc::ptr_eq(&one, &late) && late.detail(crate::text::english()).contains("was expected back"));
    // Elsewhere the same words leave it open.
    let app = mail();
    let elsewhere = Snapshot::build(Arc::clone(&app), name("b"), view(&app, words), four());
    assert!(closed(&elsewhere, &nothing_but("b"), after(1)).is_none());
}

#[test]
fn criteria_are_asked_for_each_request() {
    let snapshot = snapshot([entry(json!({"criteria": {"methods": ["POST"]}}))], four());
    assert!(snapshot.depends_on_request());
    assert!(closed(&snapshot, &RequestFacts { method: "GET", ..nothing_but("a") }, four()).is_none());
    assert!(closed(&snapshot, &RequestFacts { method: "POST", ..nothing_but("a") }, four()).is_some());
}

#[test]
fn what_is_alike_is_rendered_once() {
    let id = |n: u8| format!("0192f0c1-2222-7000-8000-0000000000{n:02}");
    let words = (1..=12).map(|n| {
        entry(json!({"id": id(n), "criteria": {"methods": [format!("M{n}")]}, "expected_back_at": after(10)}))
    });
    let snapshot = snapshot(words, four());
    let ask = |n: u8, seconds| {
        closed(&snapshot, &RequestFacts { method: &format!("M{n}"), ..nothing_but("a") }, after(seconds)).unwrap()
    };
    let said = |denial: &Denial| denial.causes()[0].entry.notification.id.to_string();
    for n in 1..=12 {
        assert_eq!(said(&ask(n, 1)), id(n));
        // Those beyond the bound are rendered anew, and right.
        assert_eq!(Arc::ptr_eq(&ask(n, 1), &ask(n, 2)), usize::from(n) <= KEPT, "{n}");
        assert_eq!(said(&ask(n, 2)), id(n));
    }
    // When time has changed what is to be said, nothing kept is used.
    let late = ask(1, 10);
    assert!(!Arc::ptr_eq(&ask(1, 2), &late) && late.detail(crate::text::english()).contains("was expected back"));
}

#[test]
fn in_general_and_for_some() {
    let id = |n: u8| format!("0192f0c1-2222-7000-8000-0000000000{n:02}");
    let some = |n: u8, at: u64, members: serde_json::Value| {
        let mut whole = json!({"id": id(n), "timestamp": after(at), "criteria": {"methods": ["POST"]}});
        whole.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        entry(whole)
    };
    let app = mail();
    let found = |entries: Vec<Arc<Entry>>, now| {
        let view = view(&app, entries);
        let weighed = view.weigh(now);
        let open = general(&weighed, &name("a")).is_open();
        let ids = partial(&weighed, &name("a")).iter().map(|c| c.entry.notification.id.to_string()).collect::<Vec<_>>();
        (open, ids)
    };
    assert_eq!(found(vec![some(1, 0, json!({}))], after(5)), (true, vec![id(1)]));
    // Opened again for these requests, or for all.
    assert_eq!(
        found(vec![some(1, 0, json!({})), some(2, 1, json!({"status": "available"}))], after(5)),
        (true, vec![])
    );
    assert_eq!(
        found(vec![some(1, 0, json!({})), some(2, 1, json!({"status": "available", "criteria": null}))], after(5)),
        (true, vec![])
    );
    // Over by itself, not begun, only elsewhere.
    assert_eq!(
        found(vec![some(1, 0, json!({"restore": "automatic", "expected_back_at": after(3)}))], after(3)),
        (true, vec![])
    );
    assert_eq!(found(vec![some(1, 0, json!({"goes_down_at": after(9)}))], after(5)), (true, vec![]));
    assert_eq!(
        found(vec![some(1, 0, json!({"criteria": {"methods": ["POST"], "nodes": ["b"]}}))], after(5)),
        (true, vec![])
    );
    // A monitor's word that an operator's opening silences; the whole system opened for one application.
    let monitor = json!({"source": "monitor", "reporter": "a/m"});
    assert_eq!(found(vec![some(1, 0, monitor.clone())], after(5)), (true, vec![id(1)]));
    let opening = some(2, 1, json!({"status": "available", "criteria": {"nodes": ["a"]}}));
    // Opened for all that this node gets: what a monitor found before is silent here, as at the gate.
    assert_eq!(found(vec![some(1, 0, monitor), opening.clone()], after(5)), (true, vec![]));
    let system = some(1, 0, json!({"targets": ["system"]}));
    assert_eq!(found(vec![system.clone()], after(5)), (true, vec![id(1)]));
    assert_eq!(found(vec![system, some(2, 1, json!({"status": "available"}))], after(5)), (true, vec![]));
    // Closed for everybody beside it.
    assert_eq!(
        found(vec![some(1, 1, json!({})), some(2, 0, json!({"criteria": null}))], after(5)),
        (false, vec![id(1)])
    );
}

#[test]
fn what_is_degraded_is_open_and_said() {
    let degraded = |n: u8, members: serde_json::Value| {
        let mut whole =
            json!({"id": format!("0192f0c1-2222-7000-8000-0000000000{n:02}"), "status": "available", "degraded": true});
        whole.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        entry(whole)
    };
    let slow = degraded(1, json!({"restore": "automatic", "expected_back_at": after(60), "message": "slow"}));
    let store = degraded(
        2,
        json!({"targets": ["resource:store"], "reason": "testing", "reason_code": 3, "source": "monitor", "reporter": "a/m"}),
    );
    let snapshot = snapshot([slow, store], four());
    let said = |now| match snapshot.decide(&nothing_but("a"), now) {
        Decision::Open(advisory) => advisory,
        Decision::Closed(_) => panic!("closed"),
    };
    assert_eq!(said(after(1)).as_deref(), Some(&b"planned-maintenance, testing"[..]));
    let id = |number: u8| format!("0192f0c1-2222-7000-8000-00000000000{number}");
    assert_eq!(
        availability_json(&snapshot, after(1))["advisories"],
        json!([
            {"layer": "own", "target": "application:mail", "notification": id(1), "restore": "automatic", "reason": "planned-maintenance", "message": "slow", "since": four(), "expected_back_at": after(60)},
            {"layer": "resource", "target": "resource:store", "notification": id(2), "restore": "manual", "reason": "testing", "message": null, "since": four(), "expected_back_at": null},
        ])
    );
    // It ends by itself, and leaves a plain opening.
    assert_eq!(said(after(60)).as_deref(), Some(&b"testing"[..]));
    assert_eq!(availability_json(&snapshot, after(60))["available"], true);
}

#[test]
fn anybody_may_know() {
    let plan = json!({"id": "0192f0c1-2222-7000-8000-000000000002", "goes_down_at": after(60), "restore": "automatic", "expected_back_at": after(90), "message": "m"});
    let open = snapshot([entry(plan.clone())], four());
    assert_eq!(
        availability_json(&open, after(1)),
        json!({
            "application": "mail", "title": "Mail", "available": true, "reason": null, "message": null, "since": null,
            "expected_back_at": null, "causes": [], "advisories": [], "upcoming": [{"notification": plan["id"],
            "reason": "planned-maintenance", "reason_code": 1, "reason_title": null, "component": null, "message": "m",
            "goes_down_at": after(60), "expected_back_at": after(90), "last_entry_at": null, "restore": "automatic"}],
            "admits_newcomers": true,
        })
    );
    let begun = availability_json(&open, after(60));
    assert_eq!(
        (&begun["available"], &begun["since"], &begun["upcoming"]),
        (&json!(false), &json!(after(60)), &json!([]))
    );
    let some = snapshot([entry(json!({"criteria": {"paths": ["/x*"]}}))], four());
    assert_eq!(availability_json(&some, after(1))["available"], true);
}

/// Words of all kinds, within a minute after four.
fn a_word() -> impl Strategy<Value = Arc<Entry>> {
    let criteria = prop_oneof![
        3 => Just(json!(null)),
        1 => Just(json!({"nodes": ["a"]})),
        1 => Just(json!({"nodes": ["b"]})),
        1 => Just(json!({"methods": ["POST"]})),
        1 => Just(json!({"paths": ["/a*"]})),
    ];
    let target = prop_oneof![Just("application:mail"), Just("system"), Just("resource:store")];
    (0..60u64, any::<bool>(), criteria, target, 0..3u8, proptest::option::of(1..40u64), proptest::option::of(1..40u64), any::<bool>(), any::<u16>())
        .prop_map(|(at, closing, criteria, target, speaker, begins, lasts, automatic, id)| {
            let mut members = json!({
                "id": uuid::Uuid::from_u128(id.into()), "timestamp": after(at), "criteria": criteria, "targets": [target],
                "status": if closing { "unavailable" } else { "available" },
            });
            if speaker > 0 {
                members["source"] = json!("monitor");
                members["reporter"] = json!(format!("a/{speaker}"));
            }
            if closing {
                members["goes_down_at"] = json!(begins.map(|by| after(at + by)));
                members["expected_back_at"] = json!(lasts.map(|by| after(at + begins.unwrap_or(0) + by)));
                members["restore"] = json!(if automatic && lasts.is_some() { "automatic" } else { "manual" });
            }
            entry(members)
        })
}

proptest! {
    /// Whatever was prepared, and however late the next snapshot is: the decision, and all that is
    /// said about it, are those of the View at that instant.
    #[test]
    fn a_snapshot_decides_as_its_view_does(
        words in proptest::collection::vec(a_word(), 0..8),
        built in 0..100u64,
        later in proptest::collection::vec(0..100_000u64, 1..12),
        lapsed in any::<bool>(),
    ) {
        let app = mail();
        let view = view(&app, words);
        let snapshot = Snapshot::build(Arc::clone(&app), name("a"), view.clone(), after(built));
        let mut instants: Vec<Moment> = later.iter().map(|by| after(built).after(Duration::from_millis(*by))).collect();
        // Each side of the boundary, and around the day on which monitors' words lapse.
        if let Some(until) = snapshot.valid_until() {
            instants.extend([until, Moment::from_millis(until.millis() - 1)]);
        }
        if lapsed {
            instants.extend(instants.clone().iter().map(|at| at.after(Duration::from_secs(86_400))));
        }
        for now in instants {
            let paths = [("/", None), ("/abc", None), ("/x", Some("/abc"))];
            for (method, (path, also)) in ["GET", "POST"].into_iter().flat_map(|method| paths.map(|path| (method, path))) {
                let request = RequestFacts { method, path, also: [also, None], ..nothing_but("a") };
                let verdict = view.weigh(now).decide(&request);
                let fresh = Denial::of(&app, &name("a"), verdict, now);
                let decided = closed(&snapshot, &request, now);
                prop_assert_eq!(decided.is_some(), fresh.is_some());
                if let (Some(decided), Some(fresh)) = (decided, fresh) {
                    for shape in [Shape::Json, Shape::Text] {
                        let occasion = Occasion { shape, instance: "/", reading: true, clock: now, language: crate::text::english(), works: &[], chance: 0 };
                        prop_assert_eq!(decided.body(&occasion), fresh.body(&occasion));
                    }
                }
            }
        }
    }
}

#[test]
fn a_last_entry_is_for_newcomers_only_and_announced_before() {
    let plan =
        entry(json!({"goes_down_at": after(100_000), "expected_back_at": after(103_600), "last_entry_seconds": 600}));
    let opening =
        entry(json!({"id": "0192f0c1-2222-7000-8000-000000000009", "timestamp": after(99_500), "status": "available"}));
    let now_and = |seconds| {
        let snapshot = snapshot([plan.clone(), opening.clone()], after(seconds));
        let newcomer = RequestFacts { inside: false, ..nothing_but("a") };
        (closed(&snapshot, &nothing_but("a"), after(seconds)), closed(&snapshot, &newcomer, after(seconds)), snapshot)
    };
    let (inside, newcomer, snapshot) = now_and(13_599);
    assert!(inside.is_none() && newcomer.is_none() && snapshot.announced(after(13_599)).next.is_none());
    assert_eq!(snapshot.valid_until(), Some(after(13_600)), "24 hours before it begins it is announced");
    let (inside, newcomer, snapshot) = now_and(13_600);
    assert!(inside.is_none() && newcomer.is_none());
    let announced = snapshot.announced(after(13_600)).into_owned();
    assert_eq!(announced.next.as_deref(), Some(&b"2026-11-24T19:46:40Z; reason=planned-maintenance"[..]));
    let window = announced.entry.unwrap();
    assert_eq!((window.from, window.until), (after(13_600), after(99_400)));
    // A snapshot that is late says the same as a new one.
    assert_eq!(
        closed(&snapshot, &RequestFacts { inside: false, ..nothing_but("a") }, after(99_400)).unwrap().since(),
        after(99_400)
    );
    // That somebody opens it meanwhile does not lift the plan.
    for seconds in [99_400, 99_999] {
        let (inside, newcomer, snapshot) = now_and(seconds);
        let newcomer = newcomer.unwrap();
        assert!(inside.is_none() && snapshot.depends_on_request());
        assert_eq!((newcomer.since(), newcomer.begins()), (after(99_400), Some(after(100_000))));
        assert_eq!(
            newcomer.detail(crate::text::english()),
            "Mail goes down for planned maintenance at 2026-11-24T19:46:40Z and lets nobody new in until then. \
             It is expected back at 2026-11-24T20:46:40Z."
        );
        let public = availability_json(&snapshot, after(seconds));
        assert_eq!((&public["available"], &public["admits_newcomers"]), (&json!(true), &json!(false)));
        assert_eq!(public["upcoming"][0]["last_entry_at"], json!(after(99_400)));
        let weighed = snapshot.weighed_at(after(seconds));
        assert_eq!(partial(&weighed, &name("a")).len(), 1);
        assert_eq!(weighed.upcoming().len(), 1);
    }
    let (inside, newcomer, _) = now_and(100_000);
    assert_eq!((inside.unwrap().since(), newcomer.unwrap().begins()), (after(100_000), None));
}
