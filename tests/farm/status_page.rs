//! The public status page and its feeds (docs/contract.md#status-page).

use serde_json::{Value, json};

use crate::{
    closing, in_seconds, opening,
    support::{Farm, python, wait::poll_until},
};

const SECTION: &str = "[status_page]\ntitle = \"Status of Example\"\nurl = \"https://www.example.com/\"";

#[tokio::test]
async fn an_outage_and_a_plan_are_on_the_page_in_the_feeds_and_after_a_restart() {
    let farm = Farm::new(1).more(0, SECTION).start().await;
    let node = &farm[0];
    let get = async |path: &str| node.gate_get(&format!("/.forewarn/status{path}"), &[]).await.expect(200);
    let page = get("").await;
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
    assert!(page.text().contains("Everything is available"), "{}", page.text());
    node.submit_wait_all(closing("application:mail", json!({"reason": "unplanned-outage", "message": "Disk full"})))
        .await;
    let plan = closing(
        "application:mail",
        json!({"goes_down_at": in_seconds(3_600.0), "expected_back_at": in_seconds(7_200.0), "restore": "automatic",
            "reason": "planned-maintenance", "message": "New disks; letters wait, none is lost"}),
    );
    node.submit_wait_all(plan).await;
    let summary = get("/summary.json").await.json();
    assert_eq!(summary["page"]["url"], "https://www.example.com");
    let mail = summary["components"].as_array().unwrap().iter().find(|one| one["id"] == "mail").unwrap();
    assert_eq!(mail["status"], "major_outage");
    assert_eq!(summary["incidents"][0]["incident_updates"][0]["body"], "Disk full");
    assert_eq!(summary["scheduled_maintenances"].as_array().unwrap().len(), 1);
    assert!(get("/calendar.ics").await.text().contains("BEGIN:VEVENT"));
    assert!(get("").await.text().contains("Something is unavailable"));
    read_by_others(&format!("http://{}/.forewarn/status", node.gate)).await;
    node.submit_wait_all(opening("application:mail")).await;
    assert_eq!(get("/summary.json").await.json()["incidents"], json!([]));
    let recorded = async || {
        let feed = get("/feed.atom").await.text();
        feed.contains("unplanned outage") && feed.contains("Over since") && feed.contains("Disk full")
    };
    poll_until("the outage is in the record", recorded).await;
    assert!(get("").await.text().contains("Past outages"));
    node.kill9().await;
    node.restart().await;
    poll_until("the record is made again from the history", recorded).await;
    let posted = node.gate_send("POST", "/.forewarn/status", &[], Some(b"x")).await;
    assert_eq!(posted.expect(405).header("allow"), Some("GET, HEAD"));
}

/// A calendar's library, a feed parser and a client of Statuspage read what is there.
async fn read_by_others(page: &str) {
    for package in ["recurring_ical_events", "feedparser", "statuspage_prometheus_exporter"] {
        if python(package).is_none() {
            return;
        }
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/farm/feed_readers.py");
    let reading =
        tokio::process::Command::new(python("feedparser").unwrap()).args([script, page]).output().await.unwrap();
    let said = String::from_utf8_lossy(&reading.stderr).into_owned();
    assert!(reading.status.success(), "{said}");
    let found: Value = serde_json::from_slice(&reading.stdout).unwrap();
    let event = &found["calendar"]["soon"][0];
    assert_eq!(found["calendar"]["soon"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!(event["summary"], "Mail: planned maintenance");
    assert_eq!(
        (&event["minutes"], &event["description"]),
        (&json!(60.0), &json!("New disks; letters wait, none is lost"))
    );
    let feed = &found["feed"];
    assert_eq!((&feed["version"], &feed["well_formed"]), (&json!("atom10"), &json!(true)), "{feed}");
    assert_eq!(feed["title"], "Status of Example");
    let titles: Vec<&Value> = feed["entries"].as_array().unwrap().iter().map(|entry| &entry["title"]).collect();
    assert!(titles.contains(&&json!("Planned: Mail: planned maintenance")), "{titles:?}");
    let summary = &found["summary"];
    assert_eq!((&summary["success"], &summary["raw_status"]), (&json!(true), &json!("major")), "{summary}");
    assert_eq!(summary["incident_metadata"].as_array().unwrap().len(), 1);
    assert_eq!(summary["maintenance_metadata"][0]["name"], "Mail: planned maintenance");
    assert_eq!(summary["component_metadata"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn without_the_section_there_is_no_page() {
    let farm = Farm::new(1).start().await;
    for path in ["", "/summary.json", "/feed.atom", "/calendar.ics"] {
        farm[0].gate_get(&format!("/.forewarn/status{path}"), &[]).await.expect(404);
    }
}
