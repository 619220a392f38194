//! What a person does with a browser and sees in it. All of it waits for what it needs, within bounds.

use std::{
    fmt::Debug,
    time::{Duration, Instant},
};

use fantoccini::{Locator, elements::Element};
use serde_json::{Value, json};

use super::Browser;

/// What is to happen at once may take so long on a busy machine.
const PATIENCE: Duration = Duration::from_secs(15);
/// How often a condition is looked at.
const EVERY: Duration = Duration::from_millis(40);

impl Browser {
    /// Waits until `look` finds something. A page that is just being replaced is looked at again.
    pub async fn until<T, E: Debug>(
        &self,
        what: &str,
        patience: Duration,
        mut look: impl AsyncFnMut() -> Result<Option<T>, E>,
    ) -> T {
        let end = Instant::now() + patience;
        loop {
            let seen = look().await;
            if let Ok(Some(found)) = seen {
                return found;
            }
            if Instant::now() > end {
                // Said first, for the picture may fail as well.
                eprintln!("waited in vain for {what} ({:?})", seen.as_ref().err());
                self.keep(&format!("failed-{}", self.name)).await;
                let address = self.client.current_url().await.map(|url| url.to_string());
                let text = self.text("body").await;
                panic!("waited in vain for {what}\nat {address:?}\n{text}");
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// The first element that fits, when it is there and can be seen.
    pub async fn see(&self, css: &str) -> Element {
        self.until(css, PATIENCE, async || {
            let found = self.client.find(Locator::Css(css)).await?;
            Ok::<_, fantoccini::error::CmdError>(found.is_displayed().await?.then_some(found))
        })
        .await
    }

    /// Waits until an element that fits has this text in it.
    pub async fn see_text(&self, css: &str, text: &str) {
        self.see_text_within(css, text, PATIENCE).await;
    }

    /// The same with more patience.
    pub async fn see_text_within(&self, css: &str, text: &str, patience: Duration) {
        self.until(&format!("{text:?} in {css}"), patience, async || {
            for element in self.client.find_all(Locator::Css(css)).await? {
                if element.text().await?.contains(text) {
                    return Ok::<_, fantoccini::error::CmdError>(Some(()));
                }
            }
            Ok(None)
        })
        .await;
    }

    /// Waits until nothing fits any more.
    pub async fn see_no(&self, css: &str) {
        self.until(&format!("no {css}"), PATIENCE, async || {
            let all = self.client.find_all(Locator::Css(css)).await?;
            Ok::<_, fantoccini::error::CmdError>(all.is_empty().then_some(()))
        })
        .await;
    }

    /// Presses a key, wherever the keyboard is, as somebody without a mouse does.
    pub async fn press(&self, key: &str) {
        let (code, text) = match key {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            "Space" => (32, " "),
            "ArrowDown" => (40, ""),
            other => panic!("no such key: {other}"),
        };
        let name = if key == "Space" { " " } else { key };
        for kind in [if text.is_empty() { "rawKeyDown" } else { "keyDown" }, "keyUp"] {
            let event = json!({ "type": kind, "key": name, "code": key, "windowsVirtualKeyCode": code, "text": text });
            self.devtools("Input.dispatchKeyEvent", event).await;
        }
    }

    /// Goes on by the tabulator until it stands on this, as far as once around the page.
    pub async fn tab_to(&self, css: &str) {
        self.see(css).await;
        for _ in 0..150 {
            if self.execute(&format!("return document.activeElement.matches({css:?})")).await == json!(true) {
                return;
            }
            self.press("Tab").await;
        }
        panic!("the keyboard does not reach {css}");
    }

    /// Types where the keyboard is.
    pub async fn write(&self, text: &str) {
        self.devtools("Input.insertText", json!({ "text": text })).await;
    }

    /// Waits until this can be read in the page's only frame.
    pub async fn see_in_frame(&self, text: &str) {
        self.until(&format!("{text:?} in the frame"), PATIENCE, async || {
            self.client.clone().enter_frame(0).await?;
            let body = self.client.find(Locator::Css("body")).await;
            let read = match body {
                Ok(body) => body.text().await,
                Err(error) => Err(error),
            };
            self.client.clone().enter_parent_frame().await?;
            Ok::<_, fantoccini::error::CmdError>(read?.contains(text).then_some(()))
        })
        .await;
    }

    /// What can be read there now; empty if nothing is there.
    pub async fn text(&self, css: &str) -> String {
        match self.client.find(Locator::Css(css)).await {
            Ok(element) => element.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        }
    }

    /// Clicks in the middle of it, once nothing lies before it (a bar that stays at the window's edge,
    /// or what moves while a page is being replaced).
    pub async fn click(&self, css: &str) {
        self.until(&format!("a click on {css}"), PATIENCE, async || {
            let found = self.client.find(Locator::Css(css)).await?;
            if !found.is_displayed().await? {
                return Ok(None);
            }
            // Without scripts there is nothing to scroll with; chromedriver scrolls as far as it must.
            let there = serde_json::to_value(&found).unwrap();
            self.client.execute("arguments[0].scrollIntoView({ block: 'center' })", vec![there]).await.ok();
            found.click().await?;
            Ok::<_, fantoccini::error::CmdError>(Some(()))
        })
        .await;
    }

    /// Types into a field what it is to hold.
    pub async fn fill(&self, css: &str, text: &str) {
        let field = self.see(css).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    pub async fn choose(&self, css: &str, value: &str) {
        self.click(&format!("{css} option[value='{value}']")).await;
    }

    /// What a field holds.
    pub async fn value(&self, css: &str) -> String {
        self.see(css).await.prop("value").await.unwrap().unwrap_or_default()
    }

    pub async fn is_checked(&self, css: &str) -> bool {
        self.see(css).await.is_selected().await.unwrap()
    }

    pub async fn execute(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Leaves a mark that is gone as soon as the page is loaded anew.
    pub async fn mark(&self) {
        self.execute("window.stillTheSame = true").await;
    }

    pub async fn is_still_the_same(&self) -> bool {
        self.execute("return window.stillTheSame === true").await == json!(true)
    }
}
