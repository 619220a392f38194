//! A form of the application that is sent while the application is closed.

use std::time::Duration;

use crate::{
    Stage,
    driver::{self, Browser},
};

#[tokio::test]
async fn what_is_sent_to_a_closed_application_is_not_lost_and_not_sent_twice() {
    if !driver::is_installed() {
        return;
    }
    let stage = Stage::set().await;
    let browser = Browser::start("sending", true).await;
    browser.goto(&stage.gate(1, "/mail")).await;
    browser.fill("[name=to]", "bob@example.com").await;
    browser.fill("[name=text]", "Dear Bob,\nthis took me an hour.").await;
    stage.close_mail().await;
    browser.click("button").await;

    browser.see_text("h1", "Mail is unavailable").await;
    browser.see_text("#sent", "Your message was not sent and was not saved.").await;
    browser.see_text("#status", "it tells you when Mail is back").await;
    browser.keep("denial-sent").await;

    // It tells, and does nothing by itself.
    browser.mark().await;
    stage.open_mail().await;
    browser.see_text("h1", "Mail is back").await;
    browser.see_text("#status", "Go back, check what you typed, and send it again.").await;
    browser.keep("denial-sent-back-again").await;
    assert!(browser.is_still_the_same().await, "the page was loaded anew: that sends the form again");
    assert!(stage.mail.sent().is_empty(), "{:?}", stage.mail.sent());
    let sent = browser.asked().await.into_iter().filter(|(method, _)| method == "POST").count();
    assert_eq!(sent, 1, "the form was sent once, by the user");

    browser.click("#go").await;
    browser.see("#compose").await;
    assert_eq!(browser.value("[name=to]").await, "bob@example.com");
    assert_eq!(browser.value("[name=text]").await, "Dear Bob,\nthis took me an hour.");
    browser.click("button").await;
    browser.see("#sent-by-mail").await;
    browser
        .until("what was sent", Duration::from_secs(5), async || {
            Ok::<_, ()>((stage.mail.sent().len() == 1).then_some(()))
        })
        .await;
    browser.end().await;
}
