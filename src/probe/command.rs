//! `command = ["…"]`: what a program of the operator finds. Exit status 0 is good; what it printed last is what is
//! wrong otherwise.
//!
//! Must stay true: when a check is over, nothing of it runs any more: the program has a process group of its own,
//! and the whole group is killed when the program ends, prints too much, or is out of time. Only a process that
//! leaves the group on purpose gets away.

use std::{
    io::{self, PipeReader},
    os::{fd::OwnedFd, unix::process::ExitStatusExt as _},
    process::{ExitStatus, Stdio},
};

use futures_util::{FutureExt as _, future::LocalBoxFuture};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::AsyncReadExt as _,
    net::unix::pipe::Receiver,
    process::{Child, Command as Process},
};

use super::{Probe, innermost};
use crate::{
    clock,
    monitor::{CommandCheck, Finding},
};

/// The most that a program may print.
const MAX_OUTPUT: usize = 1024 * 1024;
/// How much of its end is kept.
const KEPT: usize = 4 * 1024;
/// The longest line that is shown, in characters.
const MAX_LINE: usize = 500;

/// See the module.
pub(super) struct Command(CommandCheck);

impl Command {
    pub(super) fn new(check: &CommandCheck) -> Self {
        Self(check.clone())
    }
}

impl Probe for Command {
    fn check(&self, _: bool) -> LocalBoxFuture<'static, Finding> {
        let check = self.0.clone();
        async move {
            let begun = clock::mono();
            let mut running = match Running::start(&check) {
                Ok(running) => running,
                Err(error) => return Finding::Unknown(format!("The command cannot be run: {}", innermost(&error))),
            };
            match running.finish().await {
                Ok(Some(status)) if status.success() => Finding::Good { latency: clock::mono().saturating_sub(begun) },
                Ok(Some(status)) => Finding::Bad(running.output.last_line().unwrap_or_else(|| ended(status))),
                Ok(None) => Finding::Bad("The command printed more than 1 MiB".to_owned()),
                Err(error) => Finding::Unknown(format!("The command cannot be followed: {}", innermost(&error))),
            }
        }
        .boxed_local()
    }
}

/// How a program ended, for one that printed nothing.
fn ended(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("The command ended with exit status {code}"),
        (None, Some(signal)) => format!("The command was ended by signal {signal}"),
        (None, None) => "The command ended".to_owned(),
    }
}

/// A program that runs. Dropped, it is killed with everything that it has started.
struct Running {
    child: Child,
    group: Group,
    /// What it prints on both outputs, in order.
    printed: Receiver,
    output: Output,
}

/// The processes of one check.
struct Group(Option<Pid>);

impl Group {
    /// Kills all of them, once. The number of a group is not given out again while a process is in it. Where the
    /// program was the last one, it has been free for the moment since its end; numbers are given out in turn, so
    /// no other group can have it yet.
    fn kill(&mut self) {
        if let Some(group) = self.0.take() {
            // An error: the group has no process left.
            _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The end of what was printed.
#[derive(Default)]
struct Output {
    kept: Vec<u8>,
    total: usize,
}

impl Output {
    fn take(&mut self, bytes: &[u8]) {
        self.total = self.total.saturating_add(bytes.len());
        self.kept.extend_from_slice(bytes);
        if self.kept.len() > 2 * KEPT {
            self.kept.drain(..self.kept.len() - KEPT);
        }
    }

    /// The last line that is not empty, without control characters.
    fn last_line(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.kept);
        let line = text.lines().map(str::trim).rfind(|line| !line.is_empty())?;
        Some(line.chars().filter(|c| !c.is_control()).take(MAX_LINE).collect())
    }
}

impl Running {
    fn start(check: &CommandCheck) -> io::Result<Self> {
        let (printed, print): (PipeReader, _) = io::pipe()?;
        let printed = Receiver::from_owned_fd(OwnedFd::from(printed))?;
        // The command goes at the end of this block, and with it this side's copies of the pipe's other end.
        let child = Process::new(&check.program)
            .args(&check.arguments)
            .stdin(Stdio::null())
            .stdout(print.try_clone()?)
            .stderr(print)
            .process_group(0)
            .spawn()?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Ok(Self { child, group: Group(group), printed, output: Output::default() })
    }

    /// Waits until the program ends. `None`: it has printed too much.
    async fn finish(&mut self) -> io::Result<Option<ExitStatus>> {
        let mut buffer = [0; 8 * 1024];
        let mut is_open = true;
        let status = loop {
            tokio::select! {
                biased;
                status = self.child.wait() => break status?,
                read = self.printed.read(&mut buffer), if is_open => match read? {
                    0 => is_open = false,
                    n => self.output.take(&buffer[..n]),
                },
            }
            if self.output.total > MAX_OUTPUT {
                self.group.kill();
                return Ok(None);
            }
        };
        // What it has left running is killed; what it has printed is in the pipe by now.
        self.group.kill();
        while self.output.total <= MAX_OUTPUT {
            match self.printed.try_read(&mut buffer) {
                Ok(n @ 1..) => self.output.take(&buffer[..n]),
                Ok(0) | Err(_) => break,
            }
        }
        Ok(Some(status))
    }
}
