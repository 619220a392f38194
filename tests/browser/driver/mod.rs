//! One Chromium, driven through its own chromedriver: how it starts and ends. `hands` is what a person does and sees,
//! `tools` what only a browser's own tools can do.
//!
//! Must stay true: nothing waits for a time, everything waits for a condition; a browser ends with
//! its test, also with one that fails; nothing outside this machine is asked for anything.

mod hands;
mod tools;

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use fantoccini::{Client, ClientBuilder, wd::WindowHandle};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;

const CHROMIUM: &str = "/usr/bin/chromium";
const CHROMEDRIVER: &str = "/usr/bin/chromedriver";
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
            let own = ["http://127.", "https://127.", "data:", "about:"].iter().any(|start| address.starts_with(start));
            assert!(own, "{method} {address}");
        }
    }

    /// Method and address of every request since the last call. What the browser's own pages ask for (that of a new
    /// tab) is no page's of ours.
    pub async fn asked(&self) -> Vec<(String, String)> {
        let mut asked = Vec::new();
        for line in self.log("performance").await {
            let Ok(event) = serde_json::from_str::<Value>(line["message"].as_str().unwrap_or_default()) else {
                continue;
            };
            let event = &event["message"];
            let of_the_browser = || {
                let page = event["params"]["documentURL"].as_str().unwrap_or_default();
                page.starts_with("chrome:") || page.starts_with("chrome-untrusted:")
            };
            if event["method"] == "Network.requestWillBeSent" && !of_the_browser() {
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
