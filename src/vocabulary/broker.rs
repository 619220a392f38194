//! `[farm.queue]` with `kind = "nats"`: the broker that carries the farm's notifications (docs/contract.md#the-queue).

use std::path::PathBuf;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// Its servers, `nats://host:port` or `tls://host:port`, at least one.
    pub urls: Vec<String>,
    /// The stream of this farm: a name that JetStream takes.
    pub stream: String,
    /// How many bytes a stream that is made may keep; JetStream reserves them.
    pub max_bytes: u64,
    /// A file with the node's credentials.
    pub credentials: Option<PathBuf>,
    /// A file with the authorities that are believed besides the system's.
    pub tls_ca: Option<PathBuf>,
}

impl Broker {
    /// The subject of the farm's notifications.
    pub fn subject(&self) -> String {
        format!("{}.notifications", self.stream)
    }
}
