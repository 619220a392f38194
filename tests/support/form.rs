//! The operators' form without a browser: signs in once, then sends filled-in forms.

use super::{
    Node, PASSWORD,
    http::{self, Body, Reply},
};

/// A signed-in operator at one node.
pub struct Form {
    control: std::net::SocketAddr,
    cookie: String,
    csrf: String,
}

impl Form {
    /// Signs `alice` in.
    pub async fn sign_in(node: &Node) -> Self {
        let fields = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
        let body = format!("name=alice&password={PASSWORD}");
        let reply = node.control("POST", "/login", &fields, Some(body.as_bytes())).await.expect(303);
        let cookie = reply.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        let page = node.control("GET", "/notify", &[("cookie", &cookie)], None).await.text();
        let csrf = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        Self { control: node.control, cookie, csrf }
    }

    /// A page.
    pub async fn page(&self, path: &str) -> Reply {
        let headers = [("cookie", self.cookie.as_str())];
        http::send(self.control, "GET", path, &headers, Body::Empty).await.unwrap()
    }

    /// Confirms a form with these fields.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn confirm(&self, fields: &[(&str, &str)]) -> Result<Reply, String> {
        self.send("/notify", "confirm", fields).await
    }

    /// Sends a form with these fields to an address, by the button with this action.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn send(&self, path: &str, action: &str, fields: &[(&str, &str)]) -> Result<Reply, String> {
        let plain = |text: &str| text.replace('+', "%2B").replace(' ', "+");
        let fields: String = fields.iter().map(|(name, value)| format!("&{name}={}", plain(value))).collect();
        let body = format!("action={action}&csrf={}{fields}", self.csrf);
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("sec-fetch-site", "same-origin"),
            ("cookie", self.cookie.as_str()),
        ];
        http::send(self.control, "POST", path, &headers, Body::Bytes(body.into())).await
    }
}
