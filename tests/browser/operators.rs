//! The operators' pages at work: what others do shows by itself, and nothing typed is ever lost.

use std::time::Duration;

use serde_json::json;

use crate::{
    Stage,
    driver::{self, Browser},
    sign_in,
    support::PASSWORD,
};

#[tokio::test]
async fn what_others_do_shows_by_itself() {
    if !driver::is_installed() {
        return;
    }
    let stage = Stage::set().await;
    let browser = Browser::start("board", true).await;
    sign_in(&browser, &stage.console(0, "/")).await;
    browser.see_text("#connection", "Live.").await;
    browser.see_text("#application-directory .state", "Available").await;
    browser.mark().await;
    // At another node, and by the token of a program.
    let said = json!({ "targets": ["resource:people"], "status": "unavailable", "reason": "licence-expired", "component": "LDAP", "message": "Renewal is on its way." });
    stage.farm[1].submit_wait_all(said).await;
    browser.see_text("#application-directory .state", "Unavailable").await;
    browser.see_text("#application-directory .cause", "Its licence has expired").await;
    browser.see_text("#resource-people .facts", "ci").await;
    // c does not run it, and has it all the same.
    browser.see_text("#resource-people .facts", "Active on nodes a, b and c").await;
    assert!(browser.is_still_the_same().await, "the board was loaded anew");

    browser.goto(&stage.console(0, "/history")).await;
    browser.see_text(".history", "unavailable").await;
    browser.mark().await;
    browser.click(".history details summary").await;
    browser.see_text(".history .facts", "Renewal is on its way.").await;
    browser.see_text(".history .receipt", "Applied").await;
    stage.open_mail().await;
    browser.see_text(".history", "Mail is available").await;
    // What was open stays open, and nothing was loaded anew.
    browser.see_text(".history .receipt", "Applied").await;
    assert!(browser.is_still_the_same().await);
    browser.goto(&stage.console(0, "/history?application=directory")).await;
    browser.see("#application").await;
    assert!(!browser.text(".history").await.contains("Mail is available"));

    browser.goto(&stage.console(0, "/nodes")).await;
    browser.see_text("main", "All 3 nodes are ready. All ledgers are equal.").await;
    browser.see_text(".nodes", "this node").await;
    browser.mark().await;
    stage.farm[2].kill9().await;
    stage.open_mail_alone().await;
    browser.see_text("main", "2 of 3 nodes are ready").await;
    browser.see_text(".nodes .state", "Cannot be reached").await;
    browser.see_text(".nodes", "1 notification").await;
    browser.keep("nodes-one-away").await;
    assert!(browser.is_still_the_same().await);
    browser.end().await;
}

#[tokio::test]
async fn signing_in_is_throttled_and_an_ended_session_loses_nothing() {
    if !driver::is_installed() {
        return;
    }
    let stage = Stage::set().await;
    let browser = Browser::start("sessions", true).await;
    browser.goto(&stage.console(0, "/nodes")).await;
    browser.fill("#name", "alice").await;
    browser.fill("#password", "not this").await;
    browser.click("main button").await;
    browser.see_text("#problems", "The name or the password is wrong.").await;
    assert_eq!(browser.value("#name").await, "alice", "the name need not be typed again");
    // A slip or two costs no wait; after some failures pauses grow.
    browser
        .until("to be slowed down", Duration::from_secs(30), async || {
            browser.fill("#password", "not this").await;
            browser.click("main button").await;
            let said = browser.text("#problems").await;
            Ok::<_, ()>(said.starts_with("There were too many failed attempts. Try again in ").then_some(()))
        })
        .await;
    browser.keep("login-throttled").await;
    // As soon as the pause is over, the right one is taken, and leads to where one wanted to go.
    browser
        .until("to be signed in", Duration::from_secs(30), async || {
            let heading = browser.text("h1").await;
            if heading == "Sign in" && !browser.text("#problems").await.is_empty() {
                browser.fill("#password", PASSWORD).await;
                browser.click("main button").await;
            }
            Ok::<_, ()>((heading == "Nodes").then_some(()))
        })
        .await;

    let first = browser.client.window().await.unwrap();
    browser.goto(&stage.console(0, "/notify?target=application:chat&status=unavailable")).await;
    browser.fill("#message", "Half an hour of typing: ä, €, \"quotes\" & <tags>").await;
    browser.fill("#component", "the router").await;
    browser.click("#criteria summary").await;
    browser.fill("#paths", "/chat/rooms*\n/chat/files*").await;
    let second = browser.new_window().await;
    browser.switch(&second).await;
    browser.goto(&stage.console(0, "/")).await;
    browser.click(".who button").await;
    browser.see_text("h1", "Sign in").await;
    browser.switch(&first).await;
    browser.click("button[value=preview]").await;
    browser.see_text("main", "Your session has ended. Your entries are kept").await;
    browser.keep("login-session-ended").await;
    browser.fill("#name", "alice").await;
    browser.fill("#password", PASSWORD).await;
    browser.click("main button").await;
    browser.see_text(".note", "they were not sent.").await;
    assert!(browser.is_checked("input[value='application:chat']").await);
    assert_eq!(browser.value("#message").await, "Half an hour of typing: ä, €, \"quotes\" & <tags>");
    assert_eq!(browser.value("#component").await, "the router");
    assert_eq!(browser.value("#paths").await, "/chat/rooms*\n/chat/files*");
    browser.click("button[value=preview]").await;
    browser.see_text("h1", "Chat is unavailable").await;
    browser.end().await;
}

#[tokio::test]
async fn plans_are_changed_and_cancelled_and_nothing_is_sent_twice() {
    if !driver::is_installed() {
        return;
    }
    let stage = Stage::set().await;
    let browser = Browser::start("plans", true).await;
    sign_in(&browser, &stage.console(0, "/")).await;

    // A plan, with times as somebody in Berlin types them.
    browser.click("#application-chat .line-action").await;
    let set = "const set = (id, days) => { const at = new Date(Date.now() + days * 864e5); at.setSeconds(0, 0);
        document.getElementById(id).value = new Date(at - at.getTimezoneOffset() * 6e4).toISOString().slice(0, 16); };";
    browser.execute(&format!("{set} set('begins', 1); set('back', 2);")).await;
    let typed = browser.value("#begins").await;
    browser.fill("#message", "New servers").await;
    browser.click("button[value=preview]").await;
    browser.see_text("h1", "Chat will be unavailable").await;
    browser.click("button[value=confirm]").await;
    browser.see_text("#receipt-summary", "All 3 nodes have confirmed").await;

    browser.goto(&stage.console(0, "/")).await;
    browser.see_text(".plan", "New servers").await;
    browser.see_text("#application-chat .state", "Available").await;
    browser.click(".plan a[href^='/notify?replace']").await;
    assert_eq!(browser.value("#begins").await, typed, "the same moment in the same zone");
    browser.fill("#message", "New and better servers").await;
    browser.click("button[value=preview]").await;
    browser.click("button[value=confirm]").await;
    browser.see_text("#receipt-summary", "All 3 nodes have confirmed").await;
    browser.goto(&stage.console(0, "/")).await;
    browser.see_text(".plan", "New and better servers").await;
    assert_eq!(browser.execute("return document.querySelectorAll('.plan').length").await, json!(1));

    browser.click(".plan a[href^='/notify?cancel']").await;
    browser.see_text("h1", "Cancel planned maintenance").await;
    browser.keep("cancel").await;
    browser.fill("#message", "The servers are late").await;
    browser.click("button[value=confirm]").await;
    browser.see_text("#receipt-summary", "All 3 nodes have confirmed").await;
    browser.goto(&stage.console(0, "/")).await;
    browser.see_text("#application-chat .state", "Available").await;
    browser.see_no(".plan").await;

    // A page with a confirming button that was left open for too long.
    browser.goto(&stage.console(0, "/notify?target=application:mail&status=unavailable")).await;
    browser.fill("#message", "Stale").await;
    browser.click("button[value=preview]").await;
    browser.see(".denial").await;
    browser.execute("document.querySelector('main [name=timestamp]').value = '2020-01-01T00:00:00Z'").await;
    browser.click("button[value=confirm]").await;
    browser.see_text(".note", "This page was open for a while, so nothing was sent").await;
    browser.keep("preview-stale").await;
    browser.see_text(".denial", "Stale").await;
    browser.click("button[value=confirm]").await;
    browser.see_text("#receipt-summary", "All 3 nodes have confirmed").await;
    let first = browser.client.current_url().await.unwrap();

    // Back, and the same page sent again: that is the same notification.
    browser.client.back().await.unwrap();
    browser.client.refresh().await.unwrap();
    browser.see("#receipt").await;
    assert_eq!(browser.client.current_url().await.unwrap(), first);

    // The same form in another window, changed: another content under the same id.
    let id = first.path().trim_start_matches("/notify/").to_owned();
    browser.goto(&stage.console(0, "/notify?target=application:mail&status=unavailable")).await;
    browser.execute(&format!("document.querySelector('main [name=id]').value = '{id}'")).await;
    browser.fill("#message", "Fresh").await;
    browser.click("button[value=preview]").await;
    browser.see(".denial").await;
    browser.click("button[value=confirm]").await;
    browser.see_text(".note", "This form was sent before with other content").await;
    browser.keep("preview-conflict").await;
    browser.click("button[value=confirm]").await;
    browser.see_text("#receipt-summary", "All 3 nodes have confirmed").await;
    assert_ne!(browser.client.current_url().await.unwrap(), first);
    browser.see_text(".facts", "Fresh").await;
    browser.end().await;
}

#[tokio::test]
async fn maintenance_that_recurs_is_planned_moved_and_found_in_the_calendar() {
    if !driver::is_installed() {
        return;
    }
    let stage = Stage::set().await;
    let browser = Browser::start("schedules", true).await;
    sign_in(&browser, &stage.console(0, "/notify?target=application:mail")).await;
    browser.fill("#message", "New disks").await;
    browser.click("button[value=schedule]").await;
    browser.see_text("h1", "New schedule").await;
    assert!(browser.is_checked("input[value='application:mail']").await);
    assert_eq!(browser.value("#message").await, "New disks");
    browser.fill("#title", "Disks").await;
    let starts = forewarn::clock::now().after(Duration::from_secs(26 * 3_600)).to_datetime();
    let script = format!("document.getElementById('starts').value = '{}'", starts.format("%Y-%m-%dT%H:%M"));
    browser.execute(&script).await;
    // Only what belongs to the choice is shown.
    browser.choose("#repeat", "other").await;
    browser.see("#rule").await;
    let is_hidden = async |css: &str| browser.execute(&format!("return document.querySelector('{css}').hidden")).await;
    assert_eq!(is_hidden("[data-plain]").await, true);
    browser.choose("#repeat", "daily").await;
    browser.see("#every").await;
    assert_eq!(is_hidden("[data-other]").await, true);
    browser.fill("#duration", "45").await;
    browser.click("button[value=preview]").await;
    browser.see_text(".lead", "Every day").await;
    browser.see_text("#affected + .card", "Mail").await;
    browser.click("button[value=confirm]").await;
    browser.see_text(".note", "“Disks” is saved.").await;
    browser.see_text(".plan", "Every day").await;
    // At another node, live, and from plan to plan by the keyboard.
    // its week: on some days that is the next one
    let week = format!("/plans?view=week&at={}", starts.format("%Y-%m-%d"));
    sign_in(&browser, &stage.console(1, &week)).await;
    browser.see(".calendar .item").await;
    browser.execute("document.querySelector('.calendar .item').focus()").await;
    let on = async || browser.execute("return document.activeElement.closest('.day').id").await;
    let before = on().await;
    for kind in ["rawKeyDown", "keyUp"] {
        let key = json!({ "type": kind, "key": "ArrowRight", "code": "ArrowRight", "windowsVirtualKeyCode": 39 });
        browser.devtools("Input.dispatchKeyEvent", key).await;
    }
    let days = browser.execute("return document.querySelectorAll('.calendar .item').length").await;
    assert!(on().await != before || days == 1, "{before} of {days}");
    browser.goto(&stage.console(1, "/plans")).await;
    browser.click(".plan .extend button[value='60']").await;
    browser.see_text(".note", "for 1 h 45 min.").await;

    // Several at once, from the board.
    browser.goto(&stage.console(1, "/")).await;
    browser.see_text("#connection", "Live.").await;
    assert_eq!(is_hidden("#bulk").await, true);
    browser.click("input[form=bulk][value='application:mail']").await;
    browser.click("input[form=bulk][value='application:chat']").await;
    browser.see_text("#bulk", "2 selected").await;
    // What others do does not take the marks away.
    stage.say(json!({ "targets": ["application:directory"], "status": "unavailable" })).await;
    browser.see_text("#application-directory .state", "Unavailable").await;
    assert!(browser.is_checked("input[form=bulk][value='application:mail']").await);
    browser.click("#bulk button[value=unavailable]").await;
    browser.see_text("h1", "Notify users").await;
    assert!(browser.is_checked("input[value='application:mail']").await);
    assert!(browser.is_checked("input[value='application:chat']").await);
    browser.end().await;
}
