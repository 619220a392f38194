//! One Chromium, driven through its own chromedriver.
//!
//! Must stay true: nothing waits for a time, everything waits for a condition; a browser ends with
//! its test, also with one that fails; nothing outside this machine is asked for anything.

use std::{
    fmt::Debug,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use fantoccini::{Client, ClientBuilder, Locator, elements::Element, wd::WindowHandle};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::http::{self, Body};

const CHROMIUM: &str = "/usr/bin/chromium";
const CHROMEDRIVER: &str = "/usr/bin/chromedriver";
/// What is to happen at once may take so long on a busy machine.
const PATIENCE: Duration = Duration::from_secs(15);
/// How often a condition is looked at.
const EVERY: Duration = Duration::from_millis(40);

/// See the module.
pub struct Browser {
    pub client: Client,
    driver: Child,
    address: SocketAddr,
    session: String,
    /// How wide the window is.
    width: std::cell::Cell<u32>,
    name: &'static str,
    /// It runs those of pages.
    pub scripts: bool,
    /// Chromium's own folder.
    _profile: TempDir,
}

/// Whether the tests can run here. Says loudly that they do not; where everything has to be tested
/// (`CI=1` or `CI=true`) that is a failure.
pub fn is_installed() -> bool {
    let missing: Vec<&str> = [CHROMIUM, CHROMEDRIVER].into_iter().filter(|file| !Path::new(file).exists()).collect();
    if missing.is_empty() {
        return true;
    }
    let text = format!(
        "SKIPPED: the pages were NOT tried in a browser, for there is no {}. Install Debian's chromium and chromium-driver.",
        missing.join(" and no ")
    );
    let must = std::env::var("CI").is_ok_and(|ci| ci == "1" || ci == "true");
    assert!(!must, "{text}");
    eprintln!("\n*** {text} ***\n");
    false
}

/// Where screenshots are kept.
pub fn artefacts() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("artefacts");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

impl Browser {
    /// A fresh one, in the time zone of Berlin, which is none of the nodes'. Without `scripts` it
    /// runs none, as if somebody had switched them off.
    pub async fn start(name: &'static str, scripts: bool) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut driver = Command::new(CHROMEDRIVER)
            .arg("--port=0")
            .env("TZ", "Europe/Berlin")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = said
            .by_ref()
            .map(Result::unwrap)
            .find_map(|line| line.split_once("successfully on port ")?.1.trim_end_matches('.').parse().ok());
        // Nobody reads on; what it still says must not stop it.
        std::thread::spawn(move || said.for_each(drop));
        let address = SocketAddr::from(([127, 0, 0, 1], port.expect("chromedriver has ended")));

        let flags = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--window-size=1280,800",
            &format!("--user-data-dir={}", profile.path().display()),
        ];
        let javascript = if scripts { 1 } else { 2 };
        let capabilities = json!({
            "acceptInsecureCerts": true,
            "goog:chromeOptions": {
                "binary": CHROMIUM,
                "args": flags,
                "prefs": { "profile.managed_default_content_settings.javascript": javascript, "intl.accept_languages": "en-GB,en" },
                "perfLoggingPrefs": { "enableNetwork": true, "enablePage": false },
            },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        });
        let Value::Object(capabilities) = capabilities else { unreachable!() };
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://{address}"))
            .await;
        let client = match client {
            Ok(client) => client,
            Err(error) => {
                driver.kill().ok();
                panic!("Chromium does not start: {error}");
            }
        };
        let session = client.session_id().await.unwrap().unwrap();
        Self { client, driver, address, session, width: 1280.into(), name, scripts, _profile: profile }
    }

    /// Asks for a page.
    pub async fn goto(&self, address: &str) {
        self.client.goto(address).await.unwrap_or_else(|error| panic!("{address}: {error}"));
    }

    /// Another window, in front of nothing: both can be seen, and both run.
    pub async fn new_window(&self) -> WindowHandle {
        self.client.new_window(false).await.unwrap().handle
    }

    /// Goes on in that window.
    pub async fn switch(&self, window: &WindowHandle) {
        self.client.switch_to_window(window.clone()).await.unwrap();
    }

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

    /// As paper (`print`), or as a screen again.
    pub async fn media(&self, media: &str) {
        self.devtools("Emulation.setEmulatedMedia", json!({ "media": media })).await;
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

    /// A command of the Chrome DevTools protocol.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.chromedriver("goog/cdp/execute", &json!({ "cmd": command, "params": parameters })).await
    }

    /// What the browser wrote into one of its logs since it was last asked.
    pub async fn log(&self, kind: &str) -> Vec<Value> {
        let Value::Array(lines) = self.chromedriver("se/log", &json!({ "type": kind })).await else {
            return Vec::new();
        };
        lines
    }

    async fn chromedriver(&self, command: &str, body: &Value) -> Value {
        let path = format!("/session/{}/{command}", self.session);
        let body = Body::Bytes(body.to_string().into());
        let answer = http::send(self.address, "POST", &path, &[("content-type", "application/json")], body).await;
        answer.unwrap().expect(200).json()["value"].take()
    }

    /// As wide as this, in one of the two schemes, on every page of this window from now on.
    pub async fn look_like(&self, width: u32, dark: bool) {
        let scheme = if dark { "dark" } else { "light" };
        self.as_large_as(width, 800).await;
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }, { "name": "prefers-reduced-motion", "value": "reduce" }] });
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    async fn as_large_as(&self, width: u32, height: u32) {
        // Small ones are telephones: their scroll bars take no room.
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
        self.width.set(width);
    }

    /// The whole page, PNG: as if the window were as high as it, so that what stays at the window's
    /// edge is seen once, at the end.
    pub async fn screenshot(&self) -> Vec<u8> {
        let layout = self.devtools("Page.getLayoutMetrics", json!({})).await;
        let height = layout["cssContentSize"]["height"].as_f64().unwrap_or_default().ceil() as u32;
        self.as_large_as(self.width.get(), height.max(600)).await;
        let shot = self.devtools("Page.captureScreenshot", json!({})).await;
        self.as_large_as(self.width.get(), 800).await;
        unbase64(shot["data"].as_str().unwrap())
    }

    /// Keeps a picture of the whole page.
    pub async fn keep(&self, name: &str) {
        std::fs::write(artefacts().join(format!("{name}.png")), self.screenshot().await).unwrap();
    }

    /// Nothing was refused by a page's own policy, no script has failed, and nobody but this machine
    /// was asked. (Answers such as 503 are logged as well, by `network`; they are meant. Advice about forms comes as
    /// `recommendation`.)
    pub async fn end(self) {
        let complaints: Vec<String> = self
            .log("browser")
            .await
            .iter()
            .filter(|line| line["source"] != "network" && line["source"] != "recommendation")
            .map(ToString::to_string)
            .collect();
        assert!(complaints.is_empty(), "the browser complains: {}", complaints.join("\n"));
        let asked = self.asked().await;
        assert!(!asked.is_empty());
        for (method, address) in asked {
            let own = ["http://127.", "https://127.", "data:", "about:", "chrome:"]
                .iter()
                .any(|start| address.starts_with(start));
            assert!(own, "{method} {address}");
        }
    }

    /// Method and address of every request since the last call.
    pub async fn asked(&self) -> Vec<(String, String)> {
        let mut asked = Vec::new();
        for line in self.log("performance").await {
            let Ok(event) = serde_json::from_str::<Value>(line["message"].as_str().unwrap_or_default()) else {
                continue;
            };
            let event = &event["message"];
            if event["method"] == "Network.requestWillBeSent" {
                let text = |member: &str| event["params"]["request"][member].as_str().unwrap_or_default().to_owned();
                asked.push((text("method"), text("url")));
            }
        }
        asked
    }
}

impl Drop for Browser {
    /// Chromium is no child of this process: chromedriver has to end it.
    fn drop(&mut self) {
        if let Ok(mut stream) = TcpStream::connect(self.address) {
            stream.set_read_timeout(Some(Duration::from_secs(5))).ok();
            let end = format!(
                "DELETE /session/{} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
                self.session, self.address
            );
            if stream.write_all(end.as_bytes()).is_ok() {
                // Until it says that it is done.
                let _ = stream.read(&mut [0; 512]);
            }
        }
        self.driver.kill().ok();
        self.driver.wait().ok();
    }
}

/// RFC 4648 §4; a screenshot is the only thing that comes so.
fn unbase64(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut held) = (0u32, 0);
    for digit in text.bytes() {
        let six = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => continue,
        };
        bits = bits << 6 | u32::from(six);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    bytes
}
