//! `tcp = "host:port"`: whether somebody accepts a connection. Nothing is sent.

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

impl Probe for Tcp {
    fn check(&self) -> LocalBoxFuture<'static, Finding> {
        let TcpCheck { host, port } = self.0.clone();
        async move {
            let begun = clock::mono();
            match TcpStream::connect((host, port)).await {
                Ok(_) => Finding::Good { latency: clock::mono().saturating_sub(begun) },
                Err(error) => Finding::Bad(format!("No connection: {}", innermost(&error))),
            }
        }
        .boxed_local()
    }
}
