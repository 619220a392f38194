//! Outages that change while people look at them: updates that lose nothing, two operators at one
//! plan, a node that dies under an open page.

use std::time::Duration;

use serde_json::json;

use crate::{
    Stage,
    driver::{self, Browser},
    sign_in,
};

/// How long a page may look alive after its node has died.
const ALARM: Duration = Duration::from_secs(10);

#[tokio::test]
async fn an_update_starts_from_what_stands_and_one_click_extends() {
    if !driver::is_installed() {
        return;
    }
    let stage = Stage::set().await;
    let browser = Browser::start("update", true).await;
    let begun = (forewarn::clock::now().to_datetime() - chrono::Duration::minutes(90)).to_rfc3339();
    let back = (forewarn::clock::now().to_datetime() + chrono::Duration::minutes(20)).to_rfc3339();
    stage
        .say(json!({ "targets": ["application:mail", "application:chat"], "status": "unavailable", "reason": "licence-expired",
            "component": "disk array 2", "message": "The renewal is on its way.", "goes_down_at": begun, "expected_back_at": back }))
        .await;
    // Chat works again: the update must not close it once more.
    stage.say(json!({ "targets": ["application:chat"], "status": "available" })).await;

    sign_in(&browser, &stage.console(0, "/")).await;
    browser.click("#application-mail .cause-actions a[href^='/notify?update']").await;
    browser.see_text("h1", "Update").await;
    assert!(browser.is_checked("input[value='application:mail']").await);
    assert!(!browser.is_checked("input[value='application:chat']").await);
    assert_eq!(browser.value("#reason").await, "licence-expired");
    assert_eq!(browser.value("#component").await, "disk array 2");
    assert_eq!(browser.value("#message").await, "The renewal is on its way.");
    browser.execute("document.getElementById('back').value = ''").await;
    browser.fill("#duration", "3").await;
    browser.choose("select[name=duration_unit]", "hours").await;
    browser.click("button[value=preview]").await;
    browser.see_text(".step", "nothing has been sent yet").await;
    browser.click("button[value=confirm]").await;
    browser.see_text("#receipt-summary", "All 3 nodes have confirmed").await;

    browser.goto(&stage.console(0, "/")).await;
    for kept in ["Its licence has expired", "disk array 2", "The renewal is on its way.", "for 1 h 3"] {
        browser.see_text("#application-mail .cause", kept).await;
    }
    browser.see_text("#application-chat .state", "Available").await;
    let first = browser.text("#application-mail .facts time:nth-of-type(1)").await;
    browser.click("#application-mail .extend button[value='60']").await;
    browser.see_text(".note", "Mail is unavailable; expected back in").await;
    browser.see_text("#application-mail .facts", "in 2 h 2").await;
    browser.see_text("#application-mail .cause", "The renewal is on its way.").await;
    assert_eq!(browser.text("#application-mail .facts time:nth-of-type(1)").await, first, "since when it is down");
    browser.keep("board-extended").await;
    browser.end().await;
}

#[tokio::test]
async fn two_operators_at_one_plan_do_not_end_at_a_dead_id() {
    if !driver::is_installed() {
        return;
    }
    let stage = Stage::set().await;
    let browser = Browser::start("together", true).await;
    let begins = (forewarn::clock::now().to_datetime() + chrono::Duration::days(2)).to_rfc3339();
    let plan = |message: &str| {
        json!({ "targets": ["application:chat"], "status": "unavailable", "reason": "planned-maintenance",
            "goes_down_at": begins, "duration_seconds": 3600, "restore": "automatic", "message": message })
    };
    let first = stage.say(plan("as first planned")).await;
    sign_in(&browser, &stage.console(0, &format!("/notify?replace={first}"))).await;
    browser.fill("#message", "my own words").await;

    // Meanwhile, at another node.
    let mut changed = plan("as changed by the other one");
    changed["replaces"] = json!(first);
    let second = stage.farm[1].submit_wait_all(changed).await["id"].as_str().unwrap().to_owned();
    browser.click("button[value=preview]").await;
    browser.see_text("#moved", "Another operator has already changed or cancelled this plan.").await;
    browser.see_text("#moved a", "Chat will be unavailable").await;
    browser.keep("form-moved").await;
    assert_eq!(browser.value("#message").await, "my own words", "nothing typed is lost");
    let link = browser.see("#moved a").await.attr("href").await.unwrap().unwrap();
    assert_eq!(link, format!("/notify/{second}"));
    // Going on changes the plan as it is now.
    browser.click("button[value=preview]").await;
    browser.click("button[value=confirm]").await;
    browser.see_text("#receipt-summary", "All 3 nodes have confirmed").await;
    browser.see_text(".changes", "as changed by the other one").await;
    browser.see_text(".changes", "my own words").await;

    // The link of somebody who still has the old board leads to the plan as it is now.
    browser.goto(&stage.console(0, &format!("/notify?cancel={first}"))).await;
    browser.see_text("#moved", "Another operator has already changed or cancelled this plan.").await;
    browser.see_text(".facts", "my own words").await;
    browser.click("button[value=confirm]").await;
    browser.see_text("#receipt-summary", "All 3 nodes have confirmed").await;
    browser.goto(&stage.console(0, &format!("/notify?replace={first}"))).await;
    browser.see_text(".lead", "Another operator has already changed or cancelled this plan.").await;
    browser.see_text("main a", "Planned maintenance cancelled: Chat").await;

    browser.goto(&stage.console(0, "/history")).await;
    browser.see_text(".history", "Plan changed: Chat will be unavailable").await;
    browser.see_text(".changed-fields", "my own words").await;
    browser.keep("history-changes").await;
    browser.end().await;
}

#[tokio::test]
async fn a_page_whose_node_has_died_says_so_at_the_top() {
    if !driver::is_installed() {
        return;
    }
    let stage = Stage::set().await;
    let browser = Browser::start("alarm", true).await;
    sign_in(&browser, &stage.console(0, "/")).await;
    browser.see_text("#connection", "Live.").await;
    browser.mark().await;
    // It hangs: connections stay, and nothing comes.
    stage.farm[0].signal(rustix::process::Signal::STOP);
    browser.see_text_within("#alarm", "Node a has not answered since", ALARM).await;
    browser.keep("board-dead").await;
    stage.farm[0].signal(rustix::process::Signal::CONT);
    browser
        .until("the alarm to end", ALARM, async || Ok::<_, ()>(browser.text("#alarm").await.is_empty().then_some(())))
        .await;
    assert!(browser.is_still_the_same().await);
    // It is gone, under a form this time.
    browser.goto(&stage.console(0, "/notify")).await;
    browser.fill("#message", "half a sentence").await;
    stage.farm[0].kill9().await;
    browser.see_text_within("#alarm", "What you have typed stays here", ALARM).await;
    assert_eq!(browser.value("#message").await, "half a sentence");
}

#[tokio::test]
async fn the_alarm_stays_until_a_board_that_hung_has_been_refreshed() {
    if !driver::is_installed() {
        return;
    }
    let stage = Stage::set().await;
    let browser = Browser::start("alarm-stays", true).await;
    sign_in(&browser, &stage.console(0, "/")).await;
    browser.see_text("#connection", "Live.").await;
    // From here on the board itself cannot be loaded.
    browser
        .execute(
            "const real = window.fetch; window.tried = window.healthy = 0; window.broken = true; \
             window.fetch = async (address, ...more) => { \
                 if (window.broken && String(address) === location.href) { window.tried += 1; throw new TypeError('no'); } \
                 const answer = await real(address, ...more); \
                 if (String(address) === '/healthz' && answer.ok) window.healthy += 1; \
                 return answer; }",
        )
        .await;
    stage.farm[0].signal(rustix::process::Signal::STOP);
    browser.see_text_within("#alarm", "Node a has not answered since", ALARM).await;
    browser.execute("window.tried = window.healthy = 0").await;
    stage.farm[0].signal(rustix::process::Signal::CONT);
    stage.close_mail().await;
    browser
        .until("the node to be heard twice, and the board not", 3 * ALARM, async || {
            let heard = browser.execute("return window.healthy > 1 && window.tried > 1").await;
            Ok::<_, ()>((heard == json!(true)).then_some(()))
        })
        .await;
    let alarm = browser.text("#alarm").await;
    assert!(alarm.contains("Node a has not answered since"), "{alarm:?}");
    browser.see_text("#application-mail .state", "Available").await;
    browser.execute("window.broken = false").await;
    browser
        .until("the alarm to end", 3 * ALARM, async || {
            Ok::<_, ()>(browser.text("#alarm").await.is_empty().then_some(()))
        })
        .await;
    // By then the board shows the present.
    assert_eq!(browser.text("#application-mail .state").await, "Unavailable");
}

#[tokio::test]
async fn a_partition_is_seen_on_the_board_and_before_one_confirms() {
    if !driver::is_installed() {
        return;
    }
    let stage = Stage::set().await;
    let browser = Browser::start("partition", true).await;
    sign_in(&browser, &stage.console(0, "/")).await;
    browser.see_text("#summary", "All 3 applications are available.").await;
    stage.farm[2].kill9().await;
    browser.see_text_within("#away", "Node c cannot be reached from node a.", Duration::from_secs(30)).await;
    browser.keep("board-partition").await;
    browser.goto(&stage.console(0, "/notify?target=application:mail&status=unavailable")).await;
    browser.click("button[value=preview]").await;
    browser.see_text(".box.warn", "Node c cannot be reached and will get it later").await;
    // Part of an application: the board does not call all of it available.
    stage.farm[0]
        .submit(
            json!({ "targets": ["application:chat"], "status": "unavailable", "criteria": { "methods": ["POST"] } }),
        )
        .await;
    browser.goto(&stage.console(0, "/")).await;
    browser.see_text("#summary", "1 of 3 applications is partly unavailable.").await;
    browser.end().await;
}

#[tokio::test]
async fn half_an_hour_of_summer_time_is_noticed() {
    if !driver::is_installed() {
        return;
    }
    let stage = Stage::set().await;
    let browser = Browser::start("lord-howe", true).await;
    sign_in(&browser, &stage.console(0, "/notify")).await;
    browser.devtools("Emulation.setTimezoneOverride", json!({ "timezoneId": "Australia/Lord_Howe" })).await;
    browser.goto(&stage.console(0, "/notify?target=application:mail&status=unavailable")).await;
    browser.see_text("#begins-hint", "Australia/Lord_Howe").await;
    // Clocks are put back from 02:00 to 01:30, and forward from 02:00 to 02:30.
    for (typed, problem) in [("2027-04-04T01:45", "happens twice"), ("2027-10-03T02:15", "does not exist")] {
        browser.execute(&format!("document.getElementById('begins').value = '{typed}'")).await;
        browser.click("button[value=preview]").await;
        let told = browser.execute("return document.getElementById('begins').validationMessage").await;
        assert!(told.as_str().unwrap().contains(problem), "{typed}: {told}");
    }
    browser.execute("document.getElementById('begins').value = '2027-04-04T01:15'").await;
    browser.click("button[value=preview]").await;
    browser.see_text(".step", "nothing has been sent yet").await;
    browser.see_text(".facts", "4 Apr 2027, 01:15").await;
    browser.end().await;
}
