//! The nodes' processes: started, watched, ended.
//!
//! What must stay true: a node gets SIGTERM and time to finish before it is killed; each has a pipe
//! as its standard input whose other end is only here, so it ends when this process does, however
//! that ends; a terminal's Ctrl-C reaches only this process, which then ends them in order.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::net::SocketAddrV4;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use futures_util::future::{join_all, select_all};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, ChildStdin, Command};

use super::DemoError;
use super::plan::Plan;

/// How long a node has to end by itself.
const GRACE: Duration = Duration::from_secs(10);
/// How many of the last lines of a log are shown, and how many bytes are looked at for them.
const LINES: usize = 10;
const TAIL: u64 = 16 * 1024;

/// The nodes that run.
#[derive(Debug)]
pub(crate) struct Nodes(Vec<Node>);

#[derive(Debug)]
struct Node {
    name: String,
    child: Child,
    // held here because waiting for a child closes what is left in it, and a node ends with its input
    stdin: Option<ChildStdin>,
    log: PathBuf,
}

impl Nodes {
    /// Starts every node of the plan with this very program.
    ///
    /// # Errors
    ///
    /// [`DemoError::Io`]; those that were started are killed then.
    pub(crate) fn start(plan: &Plan) -> Result<Nodes, DemoError> {
        let program = std::env::current_exe();
        let program = program.map_err(DemoError::io("find this program,", Path::new("forewarn")))?;
        let mut nodes = Vec::new();
        for node in &plan.nodes {
            let mut command = std::process::Command::new(&program);
            command.arg("serve").arg("--config").arg(node.config());
            command.arg("--until-stdin-closes");
            nodes.push(spawn(node.name, command, node.log())?);
        }
        Ok(Nodes(nodes))
    }

    /// Whether all have ended.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Control listeners of the nodes that live.
    pub(crate) fn controls(&self, plan: &Plan) -> Vec<SocketAddrV4> {
        let living = plan.nodes.iter().filter(|node| self.lives(node.name));
        living.map(|node| node.control).collect()
    }

    /// Whether this one runs, as far as is known.
    pub(crate) fn lives(&self, name: &str) -> bool {
        self.0.iter().any(|node| node.name == name)
    }

    /// Waits until a node ends by itself, and returns the message about it. Pending for ever when no
    /// node is left.
    pub(crate) async fn death(&mut self) -> String {
        if self.0.is_empty() {
            return std::future::pending().await;
        }
        let ends = self.0.iter_mut().map(|node| Box::pin(node.child.wait()));
        let (status, index, _) = select_all(ends).await;
        let node = self.0.remove(index);
        let how = match status {
            Ok(status) => how(status),
            Err(error) => format!("cannot be watched: {error}"),
        };
        let (name, log) = (&node.name, node.log.display());
        let last = last_lines(&node.log);
        format!("\nNode {name} {how}; the rest goes on. From {log}:\n{last}\n")
    }

    /// Ends all: SIGTERM, time to finish, and only then SIGKILL.
    pub(crate) async fn stop(self) {
        join_all(self.0.into_iter().map(stop)).await;
    }
}

fn spawn(name: &str, mut command: std::process::Command, log: PathBuf) -> Result<Node, DemoError> {
    let open = || {
        let opened = OpenOptions::new().append(true).create(true).mode(0o600).open(&log);
        opened.map_err(DemoError::io("write", &log))
    };
    let (output, errors) = (open()?, open()?);
    command.stdin(Stdio::piped()).stdout(output).stderr(errors).process_group(0);
    let child = Command::from(command).kill_on_drop(true).spawn();
    let mut child = child.map_err(DemoError::io("start a node that logs to", &log))?;
    Ok(Node { name: name.to_owned(), stdin: child.stdin.take(), child, log })
}

async fn stop(mut node: Node) {
    let pid = node.child.id().and_then(|id| i32::try_from(id).ok());
    // it may have ended just now, which is what is wanted
    if let Some(pid) = pid.and_then(Pid::from_raw) {
        let _ = kill_process(pid, Signal::TERM);
    }
    let ended = tokio::time::timeout(GRACE, node.child.wait()).await;
    if ended.is_err() {
        log::warn!(node = node.name; "node_killed");
        // what can be done has been done
        let _ = node.child.kill().await;
    }
    // not before: what ends it must be the signal
    drop(node.stdin);
}

fn how(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("has ended with status {code}"),
        (_, Some(signal)) => format!("was ended by signal {signal}"),
        _ => "has ended".to_owned(),
    }
}

/// The end of a log, indented, without what could drive a terminal.
fn last_lines(log: &Path) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        let mut bytes = Vec::new();
        file.take(TAIL).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    match read() {
        Ok(text) => {
            let lines: Vec<&str> = text.lines().collect();
            let last = &lines[lines.len().saturating_sub(LINES)..];
            let harmless = |line: &&str| line.chars().filter(|c| !c.is_control()).collect();
            let last = last.iter().map(harmless);
            last.map(|line: String| format!("  {line}\n")).collect()
        }
        Err(error) => format!("  (cannot be read: {error})\n"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn shell(name: &str, script: &str, folder: &Path) -> Node {
        let mut command = std::process::Command::new("sh");
        command.arg("-c").arg(script);
        spawn(name, command, folder.join(format!("{name}.log"))).unwrap()
    }

    #[actix_web::test]
    async fn a_death_is_told_with_the_last_lines_and_the_rest_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let dead = shell("b", "seq 1 99; echo bang >&2; exit 3", folder.path());
        let alive = shell("a", "cat", folder.path());
        let mut nodes = Nodes(vec![alive, dead]);
        let told = nodes.death().await;
        assert!(told.contains("Node b has ended with status 3"), "{told}");
        assert!(told.contains("  91\n") && told.ends_with("  99\n  bang\n\n"), "{told}");
        assert!(!told.contains("  90\n"));
        assert!(nodes.lives("a") && !nodes.lives("b") && !nodes.is_empty());
        nodes.stop().await;
    }

    #[actix_web::test]
    async fn stopping_is_a_signal_that_can_be_obeyed() {
        let folder = tempfile::tempdir().unwrap();
        // reports that it listens for the signal, so that the test need not guess
        let script = "trap 'echo orderly; exit 0' TERM; echo ready; while :; do sleep 0.02; done";
        let node = shell("a", script, folder.path());
        let log = node.log.clone();
        while !std::fs::read_to_string(&log).unwrap().contains("ready") {
            tokio::task::yield_now().await;
        }
        Nodes(vec![node]).stop().await;
        assert_eq!(std::fs::read_to_string(&log).unwrap(), "ready\norderly\n");
    }

    #[actix_web::test]
    async fn a_node_notices_that_its_demo_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let mut node = shell("a", "cat; echo alone", folder.path());
        drop(node.stdin.take());
        assert!(node.child.wait().await.unwrap().success());
        assert_eq!(std::fs::read_to_string(&node.log).unwrap(), "alone\n");
    }
}
