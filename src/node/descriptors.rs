//! The limit of open files and connections of the node, and its division.
//!
//! What must stay true: when users have used up their share, the store, peers, operators and `/readyz` still
//! work.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Files that the node needs for itself: store, log, listeners, event loops.
const OWN: u64 = 64;

/// The most connections that each side may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shares {
    /// At the gate.
    pub(super) users: usize,
    /// At the control listener: operators, API, peers.
    pub(super) control: usize,
}

/// Raises the limit of open files to what the system allows at most, and divides it. `most`: connections
/// of users that are wanted.
pub(super) fn raise(most: u32) -> Shares {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = rustix::process::Rlimit { current: limit.maximum, ..limit };
        match setrlimit(Resource::Nofile, raised) {
            Ok(()) => limit = raised,
            Err(error) => log::warn!(error:%, limit:? = limit.current; "nofile_not_raised"),
        }
    }
    // No limit at all is no more than anybody needs.
    let files = limit.current.unwrap_or(1 << 20);
    let shares = shares(files, most);
    log::info!(limit = files, users = shares.users, control = shares.control; "nofile");
    shares
}

/// Divides a number of files. A request that is performed has two connections, the client's and the
/// upstream's; a peer is connected to in both directions.
fn shares(files: u64, most: u32) -> Shares {
    let kept = (files / 8).clamp(256, 4_096).min(files / 2);
    let connections = |files: u64| usize::try_from(files.max(1)).unwrap_or(usize::MAX);
    Shares {
        users: connections(((files - kept) / 2).min(most.into())),
        control: connections(kept.saturating_sub(OWN) / 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_never_get_everything() {
        assert_eq!(shares(1_024, 20_000), Shares { users: 384, control: 96 });
        assert_eq!(shares(1 << 20, 20_000), Shares { users: 20_000, control: 2_016 });
        for files in [0, 1, 64, 100, 256, 1_024, 4_096, 65_536, 1 << 20] {
            let Shares { users, control } = shares(files, 20_000);
            assert!(users >= 1 && control >= 1);
            let taken = 2 * (users + control) as u64;
            assert!(files < 256 || taken + OWN <= files, "{files}: {users} and {control}");
        }
    }
}
