//! The record of a history, and the views of it.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::{
    answer::{App, Snapshot},
    availability::{
        Entry, Ledger, Name, NodeId, Rules,
        verdict::{Definition, View},
    },
};

const DAY: u64 = 86_400;
/// The beginning of a day.
const TODAY: i64 = 20_000 * DAY as i64 * 1_000;

fn at(seconds: i64) -> Moment {
    Moment::from_millis(TODAY + seconds * 1_000)
}

fn said(number: u128, when: i64, members: Value) -> Arc<Entry> {
    let mut whole = json!({
        "id": Uuid::from_u128(number), "timestamp": at(when), "targets": ["application:mail"],
        "status": "unavailable", "reason": "unplanned-outage", "reason_code": 2, "source": "operator", "node": "a",
    });
    whole.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    Entry::stamped(serde_json::from_value(whole).unwrap(), 0, NodeId::NONE)
}

fn definition(name: &str) -> Definition {
    Definition { name: name.parse().unwrap(), uses: Vec::new(), agree: 1 }
}

fn node() -> Name {
    "a".parse().unwrap()
}

fn recorder() -> Recorder {
    Recorder::new(vec![definition("mail"), definition("shop")], node(), Rules::default())
}

fn open(number: u128, when: i64) -> Arc<Entry> {
    said(number, when, json!({"status": "available", "reason": "unknown", "reason_code": 0}))
}

#[test]
fn an_outage_counts_from_its_beginning_to_its_end() {
    let mut recorder = recorder();
    recorder.take(&open(1, -10 * DAY as i64));
    recorder.take(&said(2, -3_000, json!({"goes_down_at": at(-3_600), "message": "Disk full"})));
    recorder.take(&said(3, -2_000, json!({"goes_down_at": at(-3_600), "message": "New disk on its way"})));
    recorder.take(&open(4, -1_800));
    let record = recorder.finish(at(600));
    let [outage] = &record.outages[..] else { panic!("{:?}", record.outages) };
    assert_eq!((outage.from, outage.until, outage.planned), (at(-3_600), Some(at(-1_800)), false));
    assert_eq!(
        outage.updates.iter().map(|update| &*update.1).collect::<Vec<_>>(),
        ["Disk full", "New disk on its way"]
    );
    let days = &record.days[0];
    assert_eq!(days.len(), 90);
    assert_eq!(days[88], Day { known: DAY, down: 1_800, maintenance: 0 });
    assert_eq!(days[89], Day { known: 600, down: 0, maintenance: 0 });
    assert_eq!(days[70], Day::default(), "nothing is known before the first notification");
    let uptime = record.total(0).uptime().unwrap();
    assert!((uptime - (1.0 - 1_800.0 / (10.0 * DAY as f64 + 600.0))).abs() < 1e-9, "{uptime}");
    assert_eq!(record.total(1).uptime(), Some(1.0));
}

#[test]
fn a_plan_begins_and_ends_by_itself_and_is_maintenance() {
    let mut recorder = recorder();
    let plan = json!({
        "goes_down_at": at(-7_200), "expected_back_at": at(-3_600), "restore": "automatic",
        "reason": "planned-maintenance", "reason_code": 1,
    });
    recorder.take(&said(1, -20_000, plan));
    let record = recorder.finish(at(0));
    let [outage] = &record.outages[..] else { panic!("{:?}", record.outages) };
    assert_eq!((outage.from, outage.until, outage.planned), (at(-7_200), Some(at(-3_600)), true));
    assert_eq!(record.days[0][88], Day { known: 20_000, down: 0, maintenance: 3_600 });
    assert_eq!(record.total(0).uptime(), Some(1.0));
}

#[test]
fn what_stands_from_before_the_history_is_down_but_makes_nothing_known() {
    let mut recorder = recorder();
    recorder.stand(&said(1, -50 * DAY as i64, json!({})));
    assert_eq!(recorder.finish(at(0)).total(0), Day::default());
    let mut recorder = self::recorder();
    recorder.stand(&said(1, -50 * DAY as i64, json!({})));
    recorder.take(&said(2, -600, json!({"targets": ["application:shop"]})));
    let record = recorder.finish(at(0));
    assert_eq!(record.total(0), Day { known: 600, down: 600, maintenance: 0 });
}

/// Mail is down, shop is degraded and has a plan.
fn status(settings: &StatusSettings) -> Status<'_> {
    let mut ledger = Ledger::new(Rules::default());
    let entries = [
        said(1, -900, json!({"message": "A disk <failed>; see =HYPERLINK"})),
        said(
            2,
            -800,
            json!({"targets": ["application:shop"], "status": "available", "degraded": true, "message": "Slow"}),
        ),
        said(
            3,
            -700,
            json!({
                "targets": ["application:shop"], "goes_down_at": at(3_600), "expected_back_at": at(7_200),
                "reason": "planned-maintenance", "reason_code": 1, "message": "New, faster\ndisks",
            }),
        ),
    ];
    let mut recorder = recorder();
    for entry in &entries {
        ledger.admit(entry);
        recorder.take(entry);
    }
    let present = |name: &str, title: &str| {
        let app = App { title: title.to_owned(), definition: definition(name) };
        let view = View::of(&ledger, &app.definition);
        Present::of(&Snapshot::build(app.into(), node(), view, at(0)), at(0))
    };
    Status {
        settings,
        applications: vec![present("mail", "Mail"), present("shop", "Shop")],
        record: recorder.finish(at(0)).into(),
        now: at(0),
    }
}

fn settings() -> StatusSettings {
    StatusSettings { title: "Status of Example & Co".to_owned(), url: "https://www.example.com".to_owned() }
}

#[test]
fn the_summary_has_statuspages_shape() {
    let settings = settings();
    let summary = status(&settings).summary();
    assert_eq!(summary["status"], json!({"indicator": "major", "description": "Partial System Outage"}));
    assert_eq!(summary["page"]["name"], "Status of Example & Co");
    let states: Vec<&Value> = summary["components"].as_array().unwrap().iter().map(|one| &one["status"]).collect();
    assert_eq!(states, ["major_outage", "degraded_performance"]);
    let incidents = summary["incidents"].as_array().unwrap();
    assert_eq!(incidents.len(), 2);
    assert_eq!((&incidents[0]["impact"], &incidents[0]["created_at"]), (&json!("major"), &json!(at(-900))));
    let planned = &summary["scheduled_maintenances"];
    assert_eq!(planned.as_array().unwrap().len(), 1);
    assert_eq!(planned[0]["status"], "scheduled");
    assert_eq!((&planned[0]["scheduled_for"], &planned[0]["scheduled_until"]), (&json!(at(3_600)), &json!(at(7_200))));
}

#[test]
fn a_feed_reader_reads_the_feed() {
    let settings = settings();
    let text = status(&settings).feed();
    let feed: atom_syndication::Feed = text.parse().unwrap();
    assert_eq!(feed.title.as_str(), "Status of Example & Co");
    let titles: Vec<&str> = feed.entries.iter().map(|entry| entry.title.as_str()).collect();
    assert_eq!(titles, ["Planned: Shop: planned maintenance", "Mail: unplanned outage"]);
    assert!(feed.entries.iter().all(|entry| entry.id.starts_with("urn:uuid:")));
    assert!(feed.entries[1].content.as_ref().unwrap().value.as_ref().unwrap().contains("A disk <failed>"));
    assert!(!feed.authors.is_empty() && feed.updated == at(-700).to_datetime().fixed_offset());
    assert_eq!(text, status(&settings).feed(), "the same state is the same feed");
}

#[test]
fn the_calendar_has_the_plan() {
    let settings = settings();
    let text = status(&settings).calendar();
    for line in [
        "BEGIN:VCALENDAR",
        "UID:00000000-0000-0000-0000-000000000003",
        "SUMMARY:Shop: planned maintenance",
        "DESCRIPTION:New\\, faster\\ndisks",
        "END:VCALENDAR",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
    let begins = format!("DTSTART:{}", at(3_600).to_datetime().format("%Y%m%dT%H%M%SZ"));
    assert!(text.contains(&begins) && text.contains("DTEND:") && text.contains("DTSTAMP:"), "{text}");
}

#[test]
fn the_page_shows_all_of_it_and_escapes_what_people_wrote() {
    let settings = settings();
    let page = status(&settings).page(crate::text::english());
    assert!(page.contains("Something is unavailable") && page.contains("Status of Example &#38; Co"));
    assert!(page.contains("A disk &#60;failed&#62;") && !page.contains("<failed>"));
    assert!(page.contains("Shop: planned maintenance"));
    assert_eq!(page.matches("<rect").count(), 180);
    assert_eq!((page.matches("<script>").count(), page.matches(" style=").count()), (1, 0));
    let policy = String::from_utf8(Status::policy().to_vec()).unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
    assert!(policy.contains("; script-src 'sha256-") && policy.contains("; connect-src 'self'"));
}

#[test]
fn recording_a_long_history_takes_bounded_time() {
    let mut recorder = recorder();
    for number in 0..20_000_i64 {
        let entry = if number % 2 == 0 {
            said(number as u128 + 1, number - 20_000, json!({}))
        } else {
            open(number as u128 + 1, number - 20_000)
        };
        recorder.take(&entry);
    }
    let record = recorder.finish(at(0));
    assert_eq!(record.outages.len(), 500, "the newest are kept");
    assert_eq!(record.days[0][88].down, 10_000);
}
