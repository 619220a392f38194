//! Somebody who speaks as a node: with the farm's secret or a wrong one, once or twice.

use forewarn::{
    availability::{Moment, NodeId},
    clock,
    peer::signature::{Identity, Key, Nonce, Sender},
};
use serde_json::Value;

use super::{Node, SECRET, http::Reply};

/// A node that is none: signs requests as it likes.
pub struct Stranger {
    pub key: Key,
    pub identity: Identity,
}

impl Stranger {
    /// One with the farm's secret, a fresh id and its first boot.
    pub fn new() -> Self {
        Self::with_secret(SECRET)
    }

    /// One with this secret.
    pub fn with_secret(secret: &str) -> Self {
        let identity = Identity { node: clock::new_node_id(), boot: 1, boot_nonce: clock::random() };
        Self { key: Key::new(secret), identity }
    }

    /// Its id.
    pub fn id(&self) -> NodeId {
        self.identity.node
    }

    /// Signed headers for a request to this node, at this time.
    pub fn sign(&self, to: &Node, time: Moment, path: &str, body: &[u8]) -> Vec<(&'static str, String)> {
        let nonce = Nonce(u128::from(clock::random()) << 64 | u128::from(clock::random()));
        let sender = Sender { identity: self.identity, time, nonce };
        self.key.sign_request(&sender, &format!("http://{}", to.control), "POST", path, body)
    }

    /// A properly signed message.
    pub async fn post(&self, node: &Node, path: &str, message: &Value) -> Reply {
        let body = message.to_string();
        let headers = self.sign(node, clock::now(), path, body.as_bytes());
        self.send(node, path, &headers, body.as_bytes()).await
    }

    /// These headers and this body as they are.
    pub async fn send(&self, node: &Node, path: &str, headers: &[(&'static str, String)], body: &[u8]) -> Reply {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        node.control("POST", path, &headers, Some(body)).await
    }
}
