//! The pages for schedules, templates and plans, as forms without scripts send them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    closing, in_seconds, opening,
    support::{Farm, Node, form::Form, wait::poll_until},
};

const SCHEDULE: &str = "01936f5e-0000-7000-8000-000000000011";
const TEMPLATE: &str = "01936f5e-0000-7000-8000-000000000012";

/// A local time in UTC so many hours from now, on the whole minute.
fn hours_from_now(hours: u64) -> String {
    let at = forewarn::clock::now().after(Duration::from_secs(hours * 3_600));
    at.to_datetime().format("%Y-%m-%dT%H:%M").to_string()
}

async fn upcoming(node: &Node) -> Vec<Value> {
    node.get("/api/v1/availability/mail").await.expect(200).json()["upcoming"].as_array().unwrap().clone()
}

/// What a hidden field of a page holds.
fn hidden(page: &str, name: &str) -> String {
    let found = page.split(&format!("name=\"{name}\" value=\"")).nth(1);
    found.unwrap_or_else(|| panic!("no {name} in {page}")).split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_schedule_is_made_looked_at_changed_and_removed_in_the_pages() {
    let farm = Farm::new(1).start().await;
    let node = &farm[0];
    let alice = Form::sign_in(node).await;
    let starts = hours_from_now(2);
    let typed = [
        ("schedule", SCHEDULE),
        ("title", "Backup"),
        ("targets", "application:mail"),
        ("reason", "planned-maintenance"),
        ("message", "Every night"),
        ("zone", "UTC"),
        ("starts", &starts),
        ("repeat", "daily"),
        ("duration", "30"),
        ("duration_unit", "minutes"),
    ];
    let with = |changes: &[(&'static str, &'static str)]| {
        let mut fields: Vec<(&str, &str)> =
            typed.iter().copied().filter(|(name, _)| changes.iter().all(|(n, _)| n != name)).collect();
        fields.extend(changes);
        fields
    };
    // What is wrong comes back with what was typed.
    for (changes, says) in [
        (&[("zone", "Mars/Olympus")][..], "The time zone is no time zone"),
        (
            &[("duration", "2"), ("duration_unit", "days")],
            "The duration is longer than the time between two occurrences",
        ),
        (&[("repeat", "other"), ("rule", "FREQ=HOURLY")], "The rule has FREQ=HOURLY"),
        (&[("title", "")], "The title is required"),
        (&[("every", "none")], "“Every” is not a whole number"),
    ] {
        let refused = alice.send("/schedules/edit", "preview", &with(changes)).await.unwrap().expect(422).text();
        assert!(refused.contains(says) && refused.contains("Every night"), "{says}: {refused}");
        assert!(refused.contains(SCHEDULE), "it stays the same schedule");
    }
    let preview = alice.send("/schedules/edit", "preview", &typed).await.unwrap().expect(200).text();
    for part in ["The next occurrences", "Every day, at ", "Mail is unavailable", "named in the notification"] {
        assert!(preview.contains(part), "{part}: {preview}");
    }
    assert!(upcoming(node).await.is_empty(), "nothing was saved");
    // Twice the same button: one schedule.
    for _ in 0..2 {
        let kept = alice.send("/schedules/edit", "confirm", &typed).await.unwrap().expect(303);
        assert_eq!(kept.header("location"), Some(&*format!("/schedules?saved={SCHEDULE}")));
    }
    node.wait_until("it has the plans", async || upcoming(node).await.len() == 14).await;
    let list = alice.page("/schedules?saved=01936f5e-0000-7000-8000-000000000011").await.expect(200).text();
    for part in ["“Backup” is saved.", "Every day", "at ", "/notify?cancel=", "1 schedule."] {
        assert!(list.contains(part), "{part}: {list}");
    }
    // One occurrence is taken back like any plan.
    let first = upcoming(node).await[0]["id"].as_str().unwrap().to_owned();
    let cancelled = alice.confirm(&[("cancels", first.as_str()), ("timestamp", &in_seconds(0.0))]).await.unwrap();
    cancelled.expect(303);
    let list = alice.page("/schedules").await.expect(200).text();
    assert_eq!(list.matches("cancelled or moved").count(), 1, "{list}");

    // A form that was filled in from an older version does not overwrite in silence.
    let form = alice.page(&format!("/schedules/edit?id={SCHEDULE}")).await.expect(200).text();
    assert!(form.contains("Change the schedule") && form.contains("<option value=\"daily\" selected>"), "{form}");
    let version = hidden(&form, "version");
    let conflict =
        alice.send("/schedules/edit", "confirm", &with(&[("duration", "45"), ("version", "0")])).await.unwrap();
    let conflict = conflict.expect(409).text();
    assert!(conflict.contains("alice has changed this in the meantime"), "{conflict}");
    assert_eq!(hidden(&conflict, "version"), version, "and goes on from what is there");
    let mut changed = with(&[("duration", "45")]);
    changed.push(("version", &version));
    let preview = alice.send("/schedules/edit", "preview", &changed).await.unwrap().expect(200).text();
    assert!(preview.contains("13 plans of the current version"), "{preview}");
    assert!(!preview.contains("It overlaps"), "not with itself: {preview}");
    alice.send("/schedules/edit", "confirm", &changed).await.unwrap().expect(303);
    node.wait_until("the plans are those of the new version", async || {
        let plans = upcoming(node).await;
        plans.len() == 14 && plans.iter().all(|plan| plan["id"] != first)
    })
    .await;

    // In the calendar: as plans, and beyond fourteen days as what the rule says.
    let month =
        forewarn::clock::now().after(Duration::from_secs(40 * 86_400)).to_datetime().format("%Y-%m").to_string();
    let calendar = alice.page(&format!("/plans?view=month&at={month}")).await.expect(200).text();
    assert!(calendar.contains("class=\"item expected\"") && calendar.contains("Backup"), "{calendar}");
    // the week of its first day: on some days that is the next one
    let week = alice.page(&format!("/plans?view=week&at={}", &starts[..10])).await.expect(200).text();
    assert!(week.contains("class=\"item plan\""), "{week}");

    let asked = alice.page(&format!("/schedules/remove?id={SCHEDULE}")).await.expect(200).text();
    assert!(asked.contains("its 14 plans that have not begun are cancelled"), "{asked}");
    for _ in 0..2 {
        alice.send("/schedules/remove", "", &[("id", SCHEDULE)]).await.unwrap().expect(303);
    }
    node.wait_until("the plans are cancelled", async || upcoming(node).await.is_empty()).await;
    alice.page(&format!("/schedules/edit?id={SCHEDULE}")).await.expect(404);
}

#[tokio::test]
async fn a_template_is_made_from_a_form_and_fills_one_in() {
    let farm = Farm::new(1).start().await;
    let node = &farm[0];
    let alice = Form::sign_in(node).await;
    let typed = [
        ("targets", "application:mail"),
        ("status", "unavailable"),
        ("reason", "planned-maintenance"),
        ("message", "New release"),
        ("duration", "2"),
        ("duration_unit", "hours"),
        ("restore", "automatic"),
        ("paths", "/mail/send*"),
    ];
    let form = alice.send("/notify", "template", &typed).await.unwrap().expect(200).text();
    assert!(
        form.contains("New template") && form.contains("New release") && form.contains("Save the template"),
        "{form}"
    );
    assert!(!hidden(&form, "template").is_empty());
    let mut kept = typed.to_vec();
    kept.extend([("template", TEMPLATE), ("title", "Mail release")]);
    let untitled: Vec<_> = kept.iter().copied().filter(|(name, _)| *name != "title").collect();
    alice.send("/templates/edit", "confirm", &untitled).await.unwrap().expect(422);
    alice.send("/templates/edit", "confirm", &kept).await.unwrap().expect(303);
    let value = node.get(&format!("/api/v1/templates/{TEMPLATE}")).await.expect(200).json()["value"].clone();
    let expected = json!({"title": "Mail release", "targets": ["application:mail"], "status": "unavailable",
        "reason": "planned-maintenance", "message": "New release", "duration_seconds": 7_200, "restore": "automatic",
        "criteria": {"paths": ["/mail/send*"]}});
    assert_eq!(value, expected);
    let list = alice.page("/templates").await.expect(200).text();
    assert!(list.contains("Mail release") && list.contains("path /mail/send*") && list.contains("for 2 h"), "{list}");
    let empty = alice.page("/notify").await.expect(200).text();
    assert!(empty.contains(&format!("<a href=\"/notify?template={TEMPLATE}\">Mail release</a>")), "{empty}");
    let filled = alice.page(&format!("/notify?template={TEMPLATE}")).await.expect(200).text();
    for part in ["value=\"application:mail\" checked", "New release", "/mail/send*", "Notify users", "value=\"2\""] {
        assert!(filled.contains(part), "{part}: {filled}");
    }
    // The same as a schedule, with what is still missing left to fill in.
    let recurring = alice.send("/notify", "schedule", &typed).await.unwrap().expect(200).text();
    assert!(recurring.contains("New schedule") && recurring.contains("/mail/send*"), "{recurring}");
    alice.page("/notify?template=01936f5e-0000-7000-8000-0000000000ff").await.expect(404);
    alice.send("/templates/remove", "", &[("id", TEMPLATE)]).await.unwrap().expect(303);
    assert!(alice.page("/templates").await.text().contains("There is no template yet."));
}

#[tokio::test]
async fn a_plan_is_extended_with_one_click_and_begun_before_its_time() {
    let farm = Farm::new(1).start().await;
    let node = &farm[0];
    let alice = Form::sign_in(node).await;
    let begins = in_seconds(7_200.0);
    let plan = closing(
        "application:mail",
        json!({"goes_down_at": begins, "duration_seconds": 3_600, "restore": "automatic",
        "last_entry_seconds": 600, "message": "New disks"}),
    );
    let plan = node.submit_wait_all(plan).await["id"].as_str().unwrap().to_owned();
    // A second click extends once.
    for _ in 0..2 {
        let extended = alice.send(&format!("/notify/{plan}/extend"), "", &[("minutes", "60")]).await.unwrap();
        let to = extended.expect(303).header("location").unwrap().to_owned();
        assert!(to.starts_with("/plans?done="), "{to}");
        let page = alice.page(to.split('#').next().unwrap()).await.text();
        assert!(page.contains("Mail will be unavailable, in ") && page.contains("for 2 h."), "{page}");
    }
    let plans = upcoming(node).await;
    assert_eq!(plans.len(), 1);
    let length = |plan: &Value| {
        let at = |name: &str| plan[name].as_str().unwrap().parse::<forewarn::availability::Moment>().unwrap();
        at("expected_back_at").since(at("goes_down_at"))
    };
    let id = plans[0]["id"].as_str().unwrap().to_owned();
    let now = node.get(&format!("/api/v1/notifications/{id}")).await.json();
    assert_eq!(
        (length(&now), &now["message"], &now["replaces"]),
        (Duration::from_secs(7_200), &json!("New disks"), &json!(plan))
    );
    alice.send(&format!("/notify/{plan}/extend"), "", &[("minutes", "30")]).await.unwrap().expect(409);

    let preview = alice.page(&format!("/notify?begin={id}")).await.expect(200).text();
    assert!(preview.contains("The plan begins at once when you confirm"), "{preview}");
    assert!(!preview.contains("name=\"last_entry\""), "{preview}");
    let fields =
        ["id", "timestamp", "targets", "status", "restore", "replaces", "message", "back", "back_exact", "reason"];
    let fields: Vec<(&str, String)> = fields.iter().map(|name| (*name, hidden(&preview, name))).collect();
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    alice.confirm(&fields).await.unwrap().expect(303);
    node.wait_available("mail", false).await;
    assert!(upcoming(node).await.is_empty(), "the plan was replaced");
    let mail = node.gate_get("/.forewarn/availability/mail", &[]).await.json();
    assert_eq!(mail["message"], "New disks");
    // The bar of the last day knows it.
    poll_until("the board's bar shows it", async || {
        alice.page("/").await.text().contains("Last 24 hours: unavailable for ")
    })
    .await;
}

/// What was said about an outage that goes on is on the page after a restart, too, and nothing of the outage before.
#[tokio::test]
async fn earlier_messages_outlive_a_restart() {
    let farm = Farm::new(1).start().await;
    let node = &farm[0];
    let say = async |message: &str| {
        node.submit_wait_all(closing("application:mail", json!({"message": message}))).await;
    };
    say("An older outage.").await;
    node.submit_wait_all(opening("application:mail")).await;
    say("We look into it.").await;
    node.submit_wait_all(closing("application:chat", json!({"message": "About something else."}))).await;
    say("It is a disk.").await;
    say("The disk is replaced.").await;
    let page = async || node.gate_get("/mail", &[("accept", "text/html")]).await.expect(503).text();
    let messages = |page: &str| {
        let all =
            ["An older outage.", "We look into it.", "About something else.", "It is a disk.", "The disk is replaced."];
        all.map(|message| page.find(message).map_or(0, |at| at))
    };
    let before = messages(&page().await);
    assert!(before[0] == 0 && before[2] == 0 && before[4] < before[3] && before[3] < before[1], "{before:?}");
    node.kill9().await;
    node.restart().await;
    assert_eq!(messages(&page().await), before);
    // It goes on from there.
    say("Soon.").await;
    let later = page().await;
    assert!(later.find("Soon.") < later.find("The disk is replaced.") && later.contains("We look into it."));
}
