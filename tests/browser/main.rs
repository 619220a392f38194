//! The pages in a real Chromium, against three real nodes: what an operator does and what users see
//! of it, with scripts and without, and how it looks.
//!
//! Screenshots go to `artefacts/`. Needs Debian's chromium and chromium-driver; without them the
//! tests skip loudly, and fail where `CI=1`.

#![allow(clippy::unwrap_used)]

mod application;
mod clients;
mod closing;
mod driver;
mod languages;
mod looks;
mod operators;
mod sending;
#[path = "../support/mod.rs"]
mod support;
mod together;

use application::MailPage;
use driver::Browser;
use serde_json::{Value, json};
use support::{Farm, PASSWORD, own_address};

/// Three nodes before a mail page; c runs only two of the three applications.
struct Stage {
    farm: Farm,
    mail: MailPage,
}

const APPLICATIONS: &str = r#"
[[application]]
name = "mail"
title = "Mail"
routes = ["/mail"]
upstream = ["MAIL"]
uses = ["mail-store"]
critical = true
[[application]]
name = "chat"
title = "Chat"
routes = ["/chat"]
upstream = ["UPSTREAM"]
[[resource]]
name = "mail-store"
[[reason]]
code = 100
name = "licence-expired"
title = "its licence has expired"
"#;

const DIRECTORY: &str = r#"
[[application]]
name = "directory"
title = "Phone directory"
routes = ["/directory"]
upstream = ["UPSTREAM"]
uses = ["people"]
[[resource]]
name = "people"
"#;

impl Stage {
    async fn set() -> Self {
        Self::set_with("", "").await
    }

    /// With more lines of `[gate]`, and more sections of every node.
    async fn set_with(gate: &str, more: &str) -> Self {
        let mail = MailPage::start(own_address());
        let two = APPLICATIONS.replace("MAIL", &format!("http://{}", mail.address));
        let monitor =
            format!("[[monitor]]\nname = \"mail-page\"\ntarget = \"application:mail\"\ntcp = \"{}\"\n", mail.address);
        let farm = Farm::new(3)
            .merge("every = \"1s\"")
            .gate(gate)
            .more(0, &monitor)
            .applications(&format!("{two}{DIRECTORY}{more}"))
            .applications_of(2, &format!("{two}{more}"))
            .start()
            .await;
        Self { farm, mail }
    }

    /// An address below a node's gate.
    fn gate(&self, node: usize, path: &str) -> String {
        format!("http://{}{path}", self.farm[node].gate)
    }

    /// An address of a node's pages for operators.
    fn console(&self, node: usize, path: &str) -> String {
        format!("http://{}{path}", self.farm[node].control)
    }

    /// Something is said at node a, by a program; every node has it when this returns.
    async fn say(&self, notification: Value) -> String {
        self.farm[0].submit_wait_all(notification).await["id"].as_str().unwrap().to_owned()
    }

    async fn close_mail(&self) {
        self.say(json!({ "targets": ["application:mail"], "status": "unavailable", "reason": "planned-maintenance", "duration_seconds": 600 })).await;
    }

    async fn open_mail(&self) {
        self.say(json!({ "targets": ["application:mail"], "status": "available" })).await;
    }

    /// Whoever else can be reached.
    async fn open_mail_alone(&self) {
        let reply = self.farm[0].submit(json!({ "targets": ["application:mail"], "status": "available" })).await;
        assert_eq!(reply.status, 202, "{}", reply.text());
    }
}

/// Signs in at a node's pages; what was asked for follows.
async fn sign_in(browser: &Browser, console: &str) {
    browser.goto(console).await;
    browser.see_text("h1", "Sign in").await;
    browser.fill("#name", "alice").await;
    browser.fill("#password", PASSWORD).await;
    browser.click("main button").await;
    browser.see_text(".who", "alice").await;
}
