//! `tcp = "host:port"`: whether a connection is accepted. Nothing is sent.

use futures_util::{FutureExt as _, future::LocalBoxFuture};
use tokio::net::TcpStream;

use super::{Probe, innermost};
use crate::{
    clock,
    monitor::{Finding, TcpCheck},
};

/// See the module.
pub(super) struct Tcp(TcpCheck);

impl Tcp {
    pub(super) fn new(check: &TcpCheck) -> Self {
        Self(check.clone())
    }
}

/// Connects, and closes the connection.
///
/// # Errors
/// Why there was none, for people.
pub(super) async fn connect(TcpCheck { host, port }: TcpCheck) -> Result<(), String> {
    let stream = TcpStream::connect((host, port)).await;
    stream.map(drop).map_err(|error| format!("No connection: {}", innermost(&error)))
}

impl Probe for Tcp {
    fn check(&self, _: bool) -> LocalBoxFuture<'static, Finding> {
        let check = self.0.clone();
        async move {
            let begun = clock::mono();
            let good = |()| Finding::Good { latency: clock::mono().saturating_sub(begun) };
            connect(check).await.map_or_else(Finding::Bad, good)
        }
        .boxed_local()
    }
}
