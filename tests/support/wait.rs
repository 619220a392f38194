//! Waiting for what happens: by the node's own events, or, where nothing is told, by asking again.

use std::{net::SocketAddr, time::Duration};

use http_body_util::BodyExt as _;

use super::http::{self, Body};

/// Nothing that a test waits for takes longer.
pub const LIMIT: Duration = Duration::from_secs(60);

/// An open stream of a node's events.
pub struct Events {
    body: hyper::body::Incoming,
    text: String,
}

impl Events {
    /// Follows all events of the node with this control address; what comes after this is told.
    ///
    /// # Errors
    /// When the node does not answer with a stream.
    pub async fn open(address: SocketAddr, path: &str, token: &str) -> Result<Self, String> {
        let bearer = format!("Bearer {token}");
        let response = http::open(address, "GET", path, &[("authorization", &bearer)], Body::Empty).await?;
        if response.status() != 200 {
            return Err(format!("{address}{path}: {}", response.status()));
        }
        let mut events = Self { body: response.into_body(), text: String::new() };
        // the greeting: from here on nothing is missed
        while !events.text.contains("\n\n") {
            events.more().await?;
        }
        Ok(events)
    }

    async fn more(&mut self) -> Result<(), String> {
        let frame =
            self.body.frame().await.ok_or("the stream of events has ended")?.map_err(|error| format!("{error:?}"))?;
        if let Ok(data) = frame.into_data() {
            self.text.push_str(&String::from_utf8_lossy(&data));
        }
        Ok(())
    }

    /// The next event's name and data; comments are passed over.
    ///
    /// # Errors
    /// When the stream ends.
    pub async fn next(&mut self) -> Result<(String, serde_json::Value), String> {
        loop {
            while let Some((frame, rest)) = self.text.split_once("\n\n") {
                let (frame, rest) = (frame.to_owned(), rest.to_owned());
                self.text = rest;
                let line = |start: &str| frame.lines().find_map(|line| line.strip_prefix(start)).map(str::to_owned);
                if let (Some(event), Some(data)) = (line("event: "), line("data: ")) {
                    return Ok((event, serde_json::from_str(&data).unwrap_or_default()));
                }
            }
            self.more().await?;
        }
    }
}

/// Asks every 20 ms until it is so: for what no event tells.
///
/// # Panics
/// After a minute.
pub async fn poll_until(what: &str, condition: impl AsyncFn() -> bool) {
    let asking = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    if tokio::time::timeout(LIMIT, asking).await.is_err() {
        panic!("waited {LIMIT:?} in vain until {what}");
    }
}
