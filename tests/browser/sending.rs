//! A form of the application that is sent while the application is closed: nothing typed is lost.

use std::time::Duration;

use crate::{
    Stage,
    driver::{self, Browser},
};

/// Waits until the application has got so many forms.
async fn arrived(stage: &Stage, browser: &Browser, count: usize) {
    browser
        .until("what was sent", Duration::from_secs(15), async || {
            Ok::<_, ()>((stage.mail.sent().len() == count).then_some(()))
        })
        .await;
}

#[tokio::test]
async fn what_is_sent_to_a_closed_application_is_given_back_and_not_sent_twice() {
    if !driver::is_installed() {
        return;
    }
    let stage = Stage::set().await;
    let browser = Browser::start("sending", true).await;
    browser.goto(&stage.gate(1, "/mail")).await;
    browser.fill("[name=to]", "bob@example.com").await;
    browser.fill("[name=text]", "Dear Bob,\nthis <b>took</b> me an hour.").await;
    stage.close_mail().await;
    browser.click("button").await;

    browser.see_text("h1", "Mail is unavailable").await;
    browser.see_text("#sent", "Your message was not sent and was not saved.").await;
    browser.see_text("#sent", "This tab keeps it until then.").await;
    browser.see_text("#status", "it tells you when Mail is back").await;
    assert_eq!(browser.value("#again [name=text]").await, "Dear Bob,\nthis <b>took</b> me an hour.");
    for (width, dark) in [(1280, false), (320, true)] {
        browser.look_like(width, dark).await;
        browser.keep(&format!("denial-given-back-{width}")).await;
    }

    // It tells, and does nothing by itself.
    browser.mark().await;
    stage.open_mail().await;
    browser.see_text("h1", "Mail is back").await;
    browser.see_text("#status", "Check what you typed, and send it again.").await;
    browser.keep("denial-given-back-again").await;
    assert!(browser.is_still_the_same().await, "the page was loaded anew: that sends the form again");
    assert!(stage.mail.sent().is_empty(), "{:?}", stage.mail.sent());
    let sent = browser.asked().await.into_iter().filter(|(method, _)| method == "POST").count();
    assert_eq!(sent, 1, "the form was sent once, by the user");

    browser.click("#again button").await;
    browser.see("#sent-by-mail").await;
    arrived(&stage, &browser, 1).await;
    let body = "/mail/send application/x-www-form-urlencoded\nto=bob%40example.com&text=Dear+Bob%2C%0D%0Athis+%3Cb%3Etook%3C%2Fb%3E+me+an+hour.";
    assert_eq!(stage.mail.sent(), [body]);
    browser.end().await;
}

/// Sends a large form twice: while the application is open, and from the page that refuses it.
async fn sends_the_same_again(stage: &Stage, browser: &Browser, page: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.txt");
    std::fs::write(&file, "a file\n").unwrap();
    let before = stage.mail.sent().len();
    let multipart = page == "/mail/files";
    for closed in [false, true] {
        browser.goto(&stage.gate(1, page)).await;
        if multipart {
            browser.see("#file").await.send_keys(file.to_str().unwrap()).await.unwrap();
        }
        if closed {
            stage.close_mail().await;
        }
        browser.click("button").await;
        if closed {
            browser.see_text("h1", "Mail is unavailable").await;
            browser.see_text("#typed", "Line 899 of a long letter, with & and <b>, ü and \u{1f600}.").await;
            if multipart {
                browser.see_text("#again", "The file report.txt cannot be kept: choose it again.").await;
                browser.see("#again [name=file]").await.send_keys(file.to_str().unwrap()).await.unwrap();
            }
            stage.open_mail().await;
            browser.click("#again > button").await;
        }
        browser.see("#sent-by-mail").await;
        arrived(stage, browser, before + 1 + usize::from(closed)).await;
    }
    let sent = stage.mail.sent();
    assert!(sent[before].len() > 40_000, "{} bytes", sent[before].len());
    // The browser reports the file's name, or urlencoded its name alone.
    let expected = &sent[before];
    assert_eq!(sent[before + 1].len(), expected.len());
    assert!(sent[before + 1] == *expected, "it is not the same form");
}

#[tokio::test]
async fn a_large_form_is_sent_again_byte_for_byte() {
    if !driver::is_installed() {
        return;
    }
    let stage = Stage::set().await;
    for (name, scripts) in [("sending-large", true), ("sending-large-no-scripts", false)] {
        let browser = Browser::start(name, scripts).await;
        for page in ["/mail/large", "/mail/files"] {
            sends_the_same_again(&stage, &browser, page).await;
        }
        browser.end().await;
    }
}

#[tokio::test]
async fn the_tab_keeps_a_refused_form_until_it_has_been_sent() {
    if !driver::is_installed() {
        return;
    }
    let stage = Stage::set().await;
    let browser = Browser::start("sending-kept", true).await;
    browser.goto(&stage.gate(1, "/mail")).await;
    browser.fill("[name=to]", "bob@example.com").await;
    browser.fill("[name=text]", "An hour\nof work").await;
    stage.close_mail().await;
    browser.click("button").await;
    browser.see("#again").await;
    // The application's first page, closed as well, in the same tab.
    browser.goto(&stage.gate(1, "/mail")).await;
    browser.see_text("#typed", "This tab keeps it until it has been sent.").await;
    assert_eq!(browser.value("#again [name=text]").await, "An hour\nof work");
    browser.keep("denial-kept-in-the-tab").await;
    browser.mark().await;
    stage.open_mail().await;
    browser.see_text("#status", "Check what you typed, and send it again.").await;
    assert!(browser.is_still_the_same().await, "a page with typed text on it stays");
    browser.click("#again button").await;
    browser.see("#sent-by-mail").await;
    arrived(&stage, &browser, 1).await;
    assert!(
        stage.mail.sent()[0].ends_with("to=bob%40example.com&text=An+hour%0D%0Aof+work"),
        "{:?}",
        stage.mail.sent()
    );
    stage.close_mail().await;
    browser.goto(&stage.gate(1, "/mail")).await;
    browser.see_text("#status", "returns by itself").await;
    browser.see_no("#typed").await;
    browser.end().await;
}
