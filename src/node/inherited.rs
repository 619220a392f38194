//! Sockets that the parent of the process has opened for it, as systemd does (docs/contract.md#restarts).
//!
//! Must stay true: a node without such a parent opens its sockets itself; a descriptor that is of no use is an error,
//! for its clients would wait for ever.

use std::{env, io, net::TcpListener};

use listenfd::ListenFd;

use super::{NodeError, parts::Bound};
use crate::gate::listener::Listening;

/// The sockets by their names (`FileDescriptorName=`).
#[derive(Default)]
pub(crate) struct Inherited {
    /// `gate`: where users come in; these take the place of `gate.listen`.
    pub(super) gate: Vec<Bound>,
    /// `redirect`: takes the place of `gate.redirect`.
    pub(super) redirect: Option<Bound>,
    /// `control`: takes the place of `control.listen`.
    pub(super) control: Option<Bound>,
}

impl Inherited {
    /// Takes them from the environment, so that programs that the node starts do not get them. Call it before there
    /// are other threads, which may read the environment.
    ///
    /// # Errors
    /// A descriptor that is no stream socket, or has another name; two where one listener is.
    pub(super) fn take() -> Result<Self, NodeError> {
        let names = env::var("LISTEN_FDNAMES").ok();
        // Without names all are the gate's.
        let names: Option<Vec<&str>> = names.as_deref().map(|names| names.split(':').collect());
        let mut descriptors = ListenFd::from_env();
        let mut inherited = Self::default();
        for at in 0..descriptors.len() {
            let name = names.as_ref().map_or("gate", |names| names.get(at).copied().unwrap_or_default());
            let wrong = |problem: String| {
                NodeError::Settings(format!("the inherited descriptor {} (\"{name}\") {problem}", at + 3))
            };
            let failed = |error: io::Error| wrong(format!("cannot be used: {error}"));
            match name {
                "gate" => {
                    inherited.gate.push(Bound::inherited("gate.listen", stream(&mut descriptors, at).map_err(failed)?)?)
                }
                "redirect" | "control" => {
                    let (key, place) = match name {
                        "redirect" => ("gate.redirect", &mut inherited.redirect),
                        _ => ("control.listen", &mut inherited.control),
                    };
                    let socket = tcp(&mut descriptors, at).map_err(failed)?;
                    if place.replace(Bound::inherited(key, Listening::Tcp(socket))?).is_some() {
                        return Err(wrong("is a second one; there is one listener of this name".to_owned()));
                    }
                }
                _ => return Err(wrong("has none of the names gate, redirect, control".to_owned())),
            }
        }
        Ok(inherited)
    }
}

fn tcp(descriptors: &mut ListenFd, at: usize) -> io::Result<TcpListener> {
    descriptors.take_tcp_listener(at)?.ok_or_else(|| io::Error::other("it is not there"))
}

/// A listener of either kind.
fn stream(descriptors: &mut ListenFd, at: usize) -> io::Result<Listening> {
    match tcp(descriptors, at) {
        Ok(socket) => Ok(Listening::Tcp(socket)),
        Err(error) => {
            let socket = descriptors.take_unix_listener(at).ok().flatten();
            socket.map(Listening::Unix).ok_or(error)
        }
    }
}
