//! Real partitions: five nodes, each in a network namespace of its own, on two bridges that can be
//! joined or not. Needs root and a kernel that allows namespaces: skipped with a plain message
//! elsewhere, but never where `CI` is set.

#![allow(clippy::unwrap_used, missing_docs)]

mod net;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use net::Net;
use serde_json::Value;

const NODES: usize = 5;
/// `farm.merge.every` of the test, in milliseconds.
const EVERY: u64 = 2_000;
const TOKEN: &str = "fw_partition_test_token_0123456789abcdef";

/// Five nodes in their namespaces; killed when dropped.
struct Farm<'n> {
    net: &'n Net,
    folder: PathBuf,
    nodes: Vec<Option<Child>>,
    /// A NATS server on the first node's host.
    broker: Option<Child>,
}

/// How notifications travel: the value of `fanout`, and whether a broker carries them.
#[derive(Debug, Clone, Copy)]
struct Strategy {
    fanout: &'static str,
    has_broker: bool,
}

impl<'n> Farm<'n> {
    fn start(net: &'n Net, folder: &Path, strategy: Strategy) -> Self {
        let nodes = (0..NODES).map(|_| None).collect();
        let mut farm = Self { net, folder: folder.to_owned(), nodes, broker: None };
        if strategy.has_broker {
            farm.start_broker();
        }
        for node in 0..NODES {
            farm.configure(node, strategy);
            farm.spawn(node);
        }
        farm.wait("all are ready and have met", Duration::from_secs(40), |farm| {
            (0..NODES).all(|node| {
                let nodes = farm.nodes_seen_by(node);
                nodes.len() == NODES && nodes.iter().all(|n| n["id"].is_string() && (n["phase"] == "ready"))
            })
        });
        farm
    }

    fn start_broker(&mut self) {
        let mut command = self.net.command(0, "nats-server");
        let data = self.folder.join("broker");
        command.args(["-js", "-a", &Net::address(0), "-p", "4222", "-sd"]).arg(data);
        self.broker = Some(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    }

    fn configure(&self, node: usize, strategy: Strategy) {
        let Strategy { fanout, has_broker } = strategy;
        let kind = if has_broker { "nats" } else { "embedded" };
        let url = if has_broker { format!("url = \"nats://{}:4222\"", Net::address(0)) } else { String::new() };
        let peers: Vec<String> = (0..NODES)
            .filter(|peer| *peer != node)
            .map(|peer| format!("\"http://{}:7070\"", Net::address(peer)))
            .collect();
        let address = Net::address(node);
        let text = format!(
            r#"
[node]
name = "n{node}"
data = "{data}"
reserve = "16MiB"
[gate]
listen = "{address}:8080"
[control]
listen = "{address}:7070"
[farm]
secret = "a secret for five namespaces"
peers = [{peers}]
fanout = {fanout}
[farm.queue]
kind = "{kind}"
{url}
[farm.merge]
timeout = "3s"
every = "{EVERY}ms"
[[application]]
name = "mail"
routes = ["/mail"]
[[application]]
name = "chat"
routes = ["/chat"]
[[token]]
name = "ci"
role = "operator"
sha256 = "{sha}"
"#,
            data = self.folder.join(format!("n{node}")).display(),
            peers = peers.join(", "),
            sha = hex::encode(forewarn::config::secrets::token_sha256(TOKEN)),
        );
        fs::write(self.config(node), text).unwrap();
    }

    fn config(&self, node: usize) -> PathBuf {
        self.folder.join(format!("n{node}.toml"))
    }

    fn spawn(&mut self, node: usize) {
        let log =
            fs::OpenOptions::new().create(true).append(true).open(self.folder.join(format!("n{node}.log"))).unwrap();
        let mut command = self.net.command(node, env!("CARGO_BIN_EXE_forewarn"));
        command
            .args(["serve", "--config"])
            .arg(self.config(node))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        self.nodes[node] = Some(command.spawn().unwrap());
    }

    fn kill(&mut self, node: usize) {
        if let Some(mut child) = self.nodes[node].take() {
            child.kill().ok();
            child.wait().ok();
        }
    }

    /// The command line, in the node's namespace, as an operator there would use it.
    fn forewarn(&self, node: usize, args: &[&str]) -> Option<Value> {
        let mut command = self.net.command(node, env!("CARGO_BIN_EXE_forewarn"));
        command
            .args(args)
            .env("FOREWARN_URL", format!("http://{}:7070", Net::address(node)))
            .env("FOREWARN_TOKEN", TOKEN);
        let output = command.stdin(Stdio::null()).output().unwrap();
        output.status.success().then(|| serde_json::from_slice(&output.stdout).unwrap())
    }

    fn nodes_seen_by(&self, node: usize) -> Vec<Value> {
        let list = self.forewarn(node, &["node", "list", "--json"]);
        list.and_then(|list| list["nodes"].as_array().cloned()).unwrap_or_default()
    }

    fn fingerprint(&self, node: usize) -> Option<String> {
        let nodes = self.nodes_seen_by(node);
        let own = nodes.iter().find(|n| n["this"] == true)?;
        own["ledger_fingerprint"].as_str().map(str::to_owned)
    }

    fn is_open(&self, node: usize, application: &str) -> Option<bool> {
        self.forewarn(node, &["status", application, "--json"])?["available"].as_bool()
    }

    /// Says something at a node, without waiting for the others.
    fn say(&self, node: usize, application: &str, status: &str) {
        let target = format!("application:{application}");
        assert!(self.forewarn(node, &["notify", &target, status, "--json"]).is_some(), "n{node} took no notification");
    }

    /// Whether these nodes hold the same, and say the same of both applications.
    fn agree(&self, nodes: &[usize], mail: bool, chat: bool) -> bool {
        let first = self.fingerprint(nodes[0]);
        first.is_some()
            && nodes.iter().all(|node| {
                self.fingerprint(*node) == first
                    && self.is_open(*node, "mail") == Some(mail)
                    && self.is_open(*node, "chat") == Some(chat)
            })
    }

    fn wait(&self, what: &str, limit: Duration, condition: impl Fn(&Self) -> bool) -> Duration {
        let begun = Instant::now();
        while !condition(self) {
            if begun.elapsed() > limit {
                for node in 0..NODES {
                    let log = fs::read_to_string(self.folder.join(format!("n{node}.log"))).unwrap_or_default();
                    let end: Vec<&str> = log.lines().rev().take(15).collect();
                    eprintln!("--- n{node}\n{}", end.into_iter().rev().collect::<Vec<_>>().join("\n"));
                }
                panic!("not within {limit:?}: {what}");
            }
        }
        begun.elapsed()
    }
}

impl Drop for Farm<'_> {
    fn drop(&mut self) {
        (0..NODES).for_each(|node| self.kill(node));
        if let Some(broker) = &mut self.broker {
            broker.kill().ok();
            broker.wait().ok();
        }
    }
}

/// Nothing to do where the system forbids namespaces, which must not be so where `CI` is set.
fn net(word: &str) -> Option<Net> {
    match Net::new(NODES, word) {
        Ok(net) => Some(net),
        Err(why) if std::env::var_os("CI").is_some() => panic!("network namespaces cannot be made: {why}"),
        Err(why) => {
            eprintln!("SKIPPED: network namespaces cannot be made here: {why}");
            None
        }
    }
}

/// A partition in which both sides go on; it heals, and all hold the same within two merge intervals
/// (and the time that asking five nodes takes on a busy machine).
fn healed(strategy: Strategy) {
    let Some(net) = net(if strategy.has_broker { "broker" } else { "" }) else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut farm = Farm::start(&net, folder.path(), strategy);

    net.cut(&[3, 4]);
    farm.say(0, "mail", "--unavailable");
    farm.say(4, "chat", "--unavailable");
    farm.wait("each side agrees", Duration::from_secs(20), |farm| {
        farm.agree(&[0, 1, 2], false, true) && farm.agree(&[3, 4], true, false)
    });
    // Later words beyond the cut, so that the merge has something to drop.
    farm.say(1, "chat", "--unavailable");
    farm.say(3, "chat", "--available");

    net.heal();
    let took =
        farm.wait("all agree after healing", Duration::from_millis(2 * EVERY) + Duration::from_secs(10), |farm| {
            farm.agree(&[0, 1, 2, 3, 4], false, true)
        });
    eprintln!("{strategy:?}: agreed {} ms after healing (asking included)", took.as_millis());

    // A dead node in the middle of the chain takes nobody's share with it, and gets its own copy.
    farm.kill(2);
    farm.say(0, "mail", "--available");
    farm.wait("the living agree", Duration::from_secs(20), |farm| farm.agree(&[0, 1, 3, 4], true, true));
    farm.spawn(2);
    farm.wait("the returned one agrees", Duration::from_secs(30), |farm| farm.agree(&[0, 1, 2, 3, 4], true, true));
}

#[test]
fn cut_and_healed_in_every_fanout() {
    for fanout in ["\"all\"", "1", "2"] {
        healed(Strategy { fanout, has_broker: false });
    }
}

/// The broker is on one side of the cut.
#[test]
fn cut_from_the_broker_and_healed() {
    if Command::new("nats-server").arg("--version").stdout(Stdio::null()).status().is_err() {
        assert!(std::env::var_os("CI").is_none(), "nats-server is missing, and CI skips nothing");
        eprintln!("SKIPPED: nats-server is missing (Debian: nats-server)");
        return;
    }
    healed(Strategy { fanout: "\"all\"", has_broker: true });
}

/// Runs a command; what it says on standard error when it fails.
fn run(program: &str, args: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(args).output().map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{program} {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr).trim()))
}
