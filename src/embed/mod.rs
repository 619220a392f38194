//! Forewarn inside an application that is written in Rust (docs/contract.md#inside-an-application): the caches are in
//! the application's own process, and a request for what is closed never reaches its handlers.
//!
//! ```text
//! Member    a whole node of the farm: store, merges, peers; everything but the listeners of the gate   ┐
//! Listener  no store, no farm: it follows the event stream of a node that runs elsewhere               ┴→ Door
//! Door      Middleware for actix-web, Layer for tower (axum, hyper)
//! ```
//!
//! What must stay true: users get from either the answer that the gate gives; what no application of the configuration
//! has is left to the program.

mod layer;
mod middleware;

use std::path::Path;

pub use self::{
    layer::{Body, Guarded, Layer},
    middleware::{Middleware, MiddlewareService},
};
use crate::{
    config::{ConfigError, Settings},
    gate::inside,
    node::{NodeError, follower::Follower, inside::Inside},
    vocabulary::HttpUrl,
};

/// Why Forewarn does not start inside the application.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbedError {
    /// The configuration cannot be read, or is wrong: every problem, with its line.
    #[error("{0}")]
    Config(Box<dyn std::error::Error + Send + Sync>),
    /// The address of the node to listen to is none.
    #[error("{address}: {problem}")]
    Address {
        /// What was given.
        address: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The node does not start, or has ended: its store, its control listener, its threads.
    #[error("{0}")]
    Node(Box<dyn std::error::Error + Send + Sync>),
}

impl From<ConfigError> for EmbedError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error.into())
    }
}

impl From<NodeError> for EmbedError {
    fn from(error: NodeError) -> Self {
        Self::Node(error.into())
    }
}

/// A configuration, as `forewarn serve` reads it (docs/contract.md#configuration). What it says of the gate's listeners,
/// their TLS and of upstreams does not matter here: the application has its own.
#[derive(Debug, Clone)]
pub struct Config(Settings);

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// It cannot be read, or is wrong.
    pub fn load(file: impl AsRef<Path>) -> Result<Self, EmbedError> {
        Ok(Self(Settings::load(file.as_ref())?))
    }

    /// Checks a text. Files that it names are looked for beside `beside`.
    ///
    /// # Errors
    /// It is wrong.
    pub fn parse(text: &str, beside: impl AsRef<Path>) -> Result<Self, EmbedError> {
        Ok(Self(Settings::parse(text, beside.as_ref())?))
    }
}

/// A full member of the farm in the application's process, on threads of its own. It ends when this is dropped; what
/// was acknowledged is on the disk at any time.
pub struct Member(Inside);

impl Member {
    /// Starts it. Blocks until it is ready: its store is open, and what peers know is applied. It does not touch the
    /// application's signals, logger and listeners; its own control listener is that of the configuration.
    ///
    /// # Errors
    /// When it cannot start.
    pub fn start(config: Config) -> Result<Self, EmbedError> {
        Ok(Self(Inside::start(config.0)?))
    }

    /// What decides about requests.
    pub fn door(&self) -> Door {
        Door(self.0.door().clone())
    }

    /// Stops it in order. Blocks for as long as that takes, at most about ten seconds.
    ///
    /// # Errors
    /// It has ended before by itself.
    pub fn stop(self) -> Result<(), EmbedError> {
        Ok(self.0.stop()?)
    }
}

/// Follows a node that runs elsewhere, by what its gate tells anybody: no store, no member of the farm. What is closed
/// for some requests only (criteria) is not told there; a [`Member`] knows it. Ends when it is dropped.
pub struct Listener(Follower);

impl Listener {
    /// Starts listening to the gate of a node, such as `http://127.0.0.1:8080`. Blocks until it has answered, for at
    /// most 5 s: until then, and of a node that never answers, everything is open. A node that goes away
    /// later is waited for, and what it has told counts on. The applications are those of the configuration; their
    /// names are those that the node has.
    ///
    /// # Errors
    /// An invalid address, or a configuration that contradicts itself.
    pub fn start(config: Config, node: &str) -> Result<Self, EmbedError> {
        let address: Result<HttpUrl, String> = node.parse();
        let address = address.map_err(|problem| EmbedError::Address { address: node.to_owned(), problem })?;
        Ok(Self(Follower::start(config.0, address)?))
    }

    /// What decides about requests.
    pub fn door(&self) -> Door {
        Door(self.0.door().clone())
    }
}

/// Decides about requests, for [`Middleware`] and [`Layer`]. Cheap to clone; clones share everything. It outlives what
/// it comes from: then it decides by what was known last.
#[derive(Clone)]
pub struct Door(inside::Door);

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Door")
    }
}
