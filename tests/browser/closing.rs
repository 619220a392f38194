//! From the form to the user's screen and back, with scripts and without.

use std::time::Duration;

use rustix::process::Signal;

use crate::{
    Stage,
    driver::{self, Browser},
    sign_in,
    support::Node,
};

/// A page without scripts looks again every 30 s.
const OWN_REFRESH: Duration = Duration::from_secs(50);

/// Fills in the form for mail and looks at its preview.
async fn fill_in(browser: &Browser) {
    browser.click("input[value='application:mail']").await;
    browser.click("input[name=status][value=unavailable]").await;
    browser.choose("#reason", "planned-maintenance").await;
    browser.fill("#message", "New disks <b>today</b>.\nYour letters are safe.").await;
    browser.fill("#duration", "10").await;
    browser.choose("select[name=duration_unit]", "minutes").await;
    browser.click("button[value=preview]").await;
    browser.see_text(".step", "nothing has been sent yet").await;
    browser.see_text("h1", "Mail is unavailable").await;
    browser.see_text(".denial", "Mail is unavailable").await;
    // Text, never markup.
    browser.see_text(".denial .message", "New disks <b>today</b>.").await;
    read_their_page(browser).await;
    browser.see_text("main", "Mail").await;
}

/// The page that users will see stands in the preview as they will see it; without scripts after a click.
async fn read_their_page(browser: &Browser) {
    if browser.scripts {
        browser.see_in_frame("New disks <b>today</b>.\nYour letters are safe.").await;
        browser.see_in_frame("Expected back in 10 minutes").await;
    }
    browser.click(".shown button[value=de]").await;
    browser.see_in_frame("Mail ist nicht verfügbar").await;
    browser.see_in_frame("New disks <b>today</b>.").await;
    browser.see_text(".shown button[value=de]", "Deutsch").await;
    if browser.scripts {
        browser.see(".shown button[value=de][aria-pressed=true]").await;
        browser.see(".shown button[value=en][aria-pressed=false]").await;
    }
}

/// A frame has no place for the page that asks for a password; it says what to do.
async fn lose_the_session(stage: &Stage, browser: &Browser) {
    browser.goto(&stage.console(0, "/notify")).await;
    fill_in(browser).await;
    browser.client.delete_all_cookies().await.unwrap();
    browser.click(".shown button[value=en]").await;
    browser.see_in_frame("Your session has ended. Sign in again.").await;
}

/// The receipt of a notification that one node cannot take now; it completes by itself when it can.
async fn watch_the_receipt(browser: &Browser, away: &Node) {
    browser.see_text("#receipt-summary", "2 of 3 nodes have confirmed").await;
    for (node, state) in [("a", "Applied"), ("b", "Applied"), ("c", "No receipt yet")] {
        row(browser, node, state).await;
    }
    away.signal(Signal::CONT);
    browser.see_text("#receipt-summary", "All 3 nodes have confirmed").await;
    for node in ["a", "b", "c"] {
        row(browser, node, "Applied").await;
    }
}

async fn row(browser: &Browser, node: &str, state: &str) {
    browser
        .until(&format!("{node}: {state}"), Duration::from_secs(15), async || {
            let text = browser.text("#receipt").await;
            Ok::<_, ()>(text.lines().any(|line| line.starts_with(node) && line.contains(state)).then_some(()))
        })
        .await;
}

/// What users of the closed application read.
async fn read_the_denial(stage: &Stage, browser: &Browser) {
    browser.see_text("h1", "Mail is unavailable").await;
    browser.see_text("#lead", "Mail is down for planned maintenance.").await;
    browser.see_text(".back", "Expected back in 10 minutes").await;
    browser.see_text(".message", "New disks <b>today</b>.\nYour letters are safe.").await;
    browser.see_text("#status", "returns by itself when Mail does").await;
    let page = stage.farm[1].gate_get("/mail", &[("accept", "text/html")]).await;
    assert_eq!((page.status, page.header("cache-control")), (503, Some("no-store")));
    assert!(page.body.len() < 14_000, "the page has {} bytes", page.body.len());
}

/// From the board: mail is available again.
async fn say_available(stage: &Stage, browser: &Browser) {
    browser.goto(&stage.console(0, "/")).await;
    browser.see_text("#application-mail .state", "Unavailable").await;
    browser.click("#application-mail .row-actions a:first-child").await;
    assert!(browser.is_checked("input[value='application:mail']").await);
    assert!(browser.is_checked("input[name=status][value=available]").await);
    browser.click("button[value=preview]").await;
    browser.see_text("h1", "Mail is available").await;
    browser.click("button[value=confirm]").await;
    browser.see_text("#receipt-summary", "All 3 nodes have confirmed").await;
}

#[tokio::test]
async fn a_closing_reaches_the_user_and_ends() {
    if !driver::is_installed() {
        return;
    }
    let stage = Stage::set().await;
    let browser = Browser::start("closing", true).await;
    let operator = browser.client.window().await.unwrap();
    sign_in(&browser, &stage.console(0, "/notify")).await;
    let user = browser.new_window().await;
    browser.switch(&user).await;
    browser.goto(&stage.gate(1, "/mail")).await;
    browser.see("#compose").await;

    browser.switch(&operator).await;
    fill_in(&browser).await;
    stage.farm[2].signal(Signal::STOP);
    browser.click("button[value=confirm]").await;
    browser.see("#receipt").await;
    browser.mark().await;
    watch_the_receipt(&browser, &stage.farm[2]).await;
    assert!(browser.is_still_the_same().await, "the receipt was loaded anew instead of filling in");
    browser.see("main[data-complete]").await;

    browser.switch(&user).await;
    browser.client.refresh().await.unwrap();
    read_the_denial(&stage, &browser).await;
    // In the reader's own zone, which is not the node's.
    browser.see_text("#back", "CET").await;
    // A tab that lies behind another one asks nothing, and has caught up as soon as it is looked at.
    let hidden = browser.client.new_window(true).await.unwrap().handle;
    browser.switch(&hidden).await;
    browser.goto(&stage.gate(1, "/mail/inbox")).await;
    browser.see_text("h1", "Mail is unavailable").await;

    browser.switch(&operator).await;
    say_available(&stage, &browser).await;
    for window in [&user, &hidden] {
        browser.switch(window).await;
        browser.see_text("#compose", "Compose").await;
    }
    browser.switch(&operator).await;
    lose_the_session(&stage, &browser).await;
    browser.end().await;
}

#[tokio::test]
async fn a_closing_reaches_the_user_and_ends_without_scripts() {
    if !driver::is_installed() {
        return;
    }
    let stage = Stage::set().await;
    let browser = Browser::start("no-scripts", false).await;
    let operator = browser.client.window().await.unwrap();
    sign_in(&browser, &stage.console(0, "/notify")).await;
    let user = browser.new_window().await;
    browser.switch(&user).await;
    browser.goto(&stage.gate(1, "/mail")).await;
    browser.see("#compose").await;

    browser.switch(&operator).await;
    browser.see_text("#begins-hint", "in UTC").await;
    fill_in(&browser).await;
    browser.keep("no-scripts-preview").await;
    stage.farm[2].signal(Signal::STOP);
    browser.click("button[value=confirm]").await;
    watch_the_receipt(&browser, &stage.farm[2]).await;
    browser.keep("no-scripts-receipt").await;

    browser.switch(&user).await;
    browser.client.refresh().await.unwrap();
    read_the_denial(&stage, &browser).await;
    browser.see_text("#back", "UTC").await;
    browser.keep("no-scripts-denial").await;

    browser.switch(&operator).await;
    say_available(&stage, &browser).await;
    browser.keep("no-scripts-available").await;
    browser.switch(&user).await;
    browser.see_text_within("#compose", "Compose", OWN_REFRESH).await;
    browser.end().await;
}
