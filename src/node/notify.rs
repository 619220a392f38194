//! Tells the service manager the state of the node (`sd_notify`, docs/contract.md#restarts).
//!
//! Must stay true: without `NOTIFY_SOCKET` nothing is told; a manager that cannot be told stops nothing.

use std::{
    env, io,
    os::{
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixDatagram},
    },
};

/// What it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State<'a> {
    /// The gate listens; with what has come of the last reading of the configuration.
    Ready(&'a str),
    /// The configuration is being read again; [`State::Ready`] follows.
    Reloading,
    /// The node stops.
    Stopping,
}

/// Tells it.
pub(super) fn tell(state: State<'_>) {
    let Some(socket) = env::var_os("NOTIFY_SOCKET").filter(|socket| !socket.is_empty()) else { return };
    if let Err(error) = send(socket.as_encoded_bytes(), message(state).as_bytes()) {
        log::warn!(state:?, error:%; "service_manager_not_told");
    }
}

fn message(state: State<'_>) -> String {
    match state {
        State::Ready(status) => format!("READY=1\nSTATUS={}", status.replace('\n', " ")),
        State::Reloading => format!("RELOADING=1\nMONOTONIC_USEC={}", monotonic()),
        State::Stopping => "STOPPING=1\nSTATUS=Answering what is in flight".to_owned(),
    }
}

fn send(socket: &[u8], message: &[u8]) -> io::Result<()> {
    let to = match socket {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        path => SocketAddr::from_pathname(std::str::from_utf8(path).map_err(io::Error::other)?)?,
    };
    let sender = UnixDatagram::unbound()?;
    // A manager that does not read must not stop the node.
    sender.set_nonblocking(true)?;
    sender.send_to_addr(message, &to).map(drop)
}

/// Microseconds of the clock by which systemd tells two reloads apart.
fn monotonic() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    u64::try_from(now.tv_sec).unwrap_or_default() * 1_000_000 + u64::try_from(now.tv_nsec).unwrap_or_default() / 1_000
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_addresses_are_reached() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let named = UnixDatagram::bind(&path).unwrap();
        send(path.as_os_str().as_encoded_bytes(), b"READY=1").unwrap();
        let name = format!("forewarn-test-{}", std::process::id());
        let hidden = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        send(format!("@{name}").as_bytes(), b"READY=1").unwrap();
        for socket in [named, hidden] {
            let mut bytes = [0; 64];
            let n = socket.recv(&mut bytes).unwrap();
            assert_eq!(&bytes[..n], b"READY=1");
        }
        assert!(send(b"/no/such/socket", b"READY=1").is_err());
    }

    #[test]
    fn a_manager_that_does_not_read_does_not_stop_the_node() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let _deaf = UnixDatagram::bind(&path).unwrap();
        let full = (0..10_000).find_map(|_| send(path.as_os_str().as_encoded_bytes(), b"READY=1").err());
        assert_eq!(full.unwrap().kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn a_reload_has_its_time_and_a_status_is_one_line() {
        let time =
            |message: String| message.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap().parse::<u64>().unwrap();
        let first = time(message(State::Reloading));
        assert!(first > 0 && time(message(State::Reloading)) >= first);
        assert_eq!(message(State::Ready("a\nREADY=0")), "READY=1\nSTATUS=a READY=0");
    }
}
