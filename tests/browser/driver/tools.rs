//! What a browser's own tools do: commands of DevTools, logs, sizes, pictures.

use serde_json::{Value, json};

use super::{Browser, artefacts};
use crate::support::http::{self, Body};

impl Browser {
    /// As paper (`print`), or as a screen again.
    pub async fn media(&self, media: &str) {
        self.devtools("Emulation.setEmulatedMedia", json!({ "media": media })).await;
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
