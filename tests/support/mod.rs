//! The vocabulary of all tests with real processes: a farm of `forewarn serve` children on loopback,
//! real upstreams, an HTTP client, and ways to wait for what happens instead of sleeping.
//!
//! ```text
//! let farm = Farm::new(3).start().await;
//! farm[0].submit_wait_all(json!({"targets": ["application:mail"], "status": "unavailable"})).await;
//! assert_eq!(farm[1].gate_get("/mail", &[]).await.status, 503);
//! ```
//!
//! Must stay true: nothing of a test outlives it (children are killed on drop), a test that fails
//! prints the logs of its nodes, and two tests never share a port: every farm has a loopback
//! address of its own.

#![allow(dead_code, unused_imports, missing_docs, clippy::unwrap_used)]

pub mod chance;
pub mod form;
pub mod http;
pub mod node;
pub mod peer;
pub mod tls;
pub mod tmpfs;
pub mod upstream;
pub mod wait;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    ops::Index,
    path::{Path, PathBuf},
    sync::{
        OnceLock,
        atomic::{AtomicU8, Ordering},
    },
};

pub use self::{http::Reply, node::Node, peer::Stranger, upstream::Upstream};

/// The text of the operator token `ci` that every node knows.
pub const TOKEN: &str = "fw_operator-token-of-the-tests";
/// The text of the token `probe`, whose role is monitor.
pub const MONITOR_TOKEN: &str = "fw_monitor-token-of-the-tests";
/// The secret of every farm, unless the test says otherwise.
pub const SECRET: &str = "a-secret-of-the-tests-0123456789";
/// The operator `alice`'s password.
pub const PASSWORD: &str = "correct-horse-battery-staple";

/// The names of nodes, in order.
const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

/// A loopback address that no other test of this or another process uses.
pub fn own_address() -> IpAddr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    if !cfg!(target_os = "linux") {
        // elsewhere only 127.0.0.1 is there without asking
        return Ipv4Addr::LOCALHOST.into();
    }
    let [.., high, low] = std::process::id().to_be_bytes();
    let last = NEXT.fetch_add(1, Ordering::Relaxed) % 250 + 1;
    Ipv4Addr::new(127, high | 0x80, low, last).into()
}

/// A port of `address` that nobody listens on.
pub fn free_port(address: IpAddr) -> SocketAddr {
    TcpListener::bind((address, 0)).unwrap().local_addr().unwrap()
}

/// So many different ports of `address` that nobody listens on.
fn free_ports(address: IpAddr, count: usize) -> Vec<SocketAddr> {
    // all are held until the last one is found: a port that is let go may be found again
    let held: Vec<TcpListener> = (0..count).map(|_| TcpListener::bind((address, 0)).unwrap()).collect();
    held.iter().map(|listener| listener.local_addr().unwrap()).collect()
}

/// A Python that has this package; without one the test is skipped, and says so.
pub fn python(package: &str) -> Option<String> {
    let python = std::env::var("FOREWARN_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let found = std::process::Command::new(&python).args(["-c", &format!("import {package}")]).output();
    if found.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    println!("SKIPPED {:?}: Python's {package} is not installed", std::thread::current().name());
    None
}

/// Whether there is a `strace` that may be used; says loudly if not.
pub fn has_strace() -> bool {
    let works = std::process::Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    let works = works.is_ok_and(|ran| ran.status.success());
    if !works {
        let ci = std::env::var("CI").is_ok_and(|ci| ci == "1" || ci == "true");
        assert!(!ci, "no strace, which CI must have");
        eprintln!("SKIPPED: no strace, or it may not trace");
    }
    works
}

/// Where the children's binary is; `FOREWARN_BINARY` names another one.
pub fn binary() -> &'static Path {
    static OTHER: OnceLock<Option<PathBuf>> = OnceLock::new();
    let other = OTHER.get_or_init(|| std::env::var_os("FOREWARN_BINARY").map(PathBuf::from));
    other.as_deref().unwrap_or(Path::new(env!("CARGO_BIN_EXE_forewarn")))
}

/// What a farm is to look like. Every text is TOML.
pub struct FarmBuilder {
    size: usize,
    farm: String,
    merge: String,
    node: String,
    gate: String,
    listen: Option<String>,
    applications: Option<String>,
    more: Vec<String>,
    only: Vec<Option<String>>,
    peers: Vec<Option<Vec<String>>>,
    advertised: Vec<Option<SocketAddr>>,
    names: Vec<String>,
    secret: String,
    data: Option<PathBuf>,
    env: Vec<(String, String)>,
}

/// A farm of real processes. Nodes are `farm[0]` (a), `farm[1]` (b) and so on.
pub struct Farm {
    /// Its nodes, running or not.
    pub nodes: Vec<Node>,
    /// What performs mail, directory and chat, unless the test brings its own applications.
    pub upstream: Upstream,
    /// The folder of everything; goes with the farm.
    pub folder: tempfile::TempDir,
    /// The loopback address of its listeners.
    pub address: IpAddr,
}

impl Index<usize> for Farm {
    type Output = Node;

    fn index(&self, index: usize) -> &Node {
        &self.nodes[index]
    }
}

impl Farm {
    /// A farm of so many nodes that know each other. Applications: mail (`/mail`, uses mail-store,
    /// critical), directory (`/directory`) and chat (`/chat`), all performed by `farm.upstream`.
    #[allow(clippy::new_ret_no_self)]
    pub fn new(size: usize) -> FarmBuilder {
        FarmBuilder {
            size,
            farm: String::new(),
            merge: "every = \"1h\"\n".to_owned(),
            node: String::new(),
            gate: String::new(),
            listen: None,
            applications: None,
            more: vec![String::new(); size],
            only: vec![None; size],
            peers: vec![None; size],
            advertised: vec![None; size],
            names: NAMES[..size].iter().map(|name| (*name).to_owned()).collect(),
            secret: SECRET.to_owned(),
            data: None,
            env: Vec::new(),
        }
    }

    /// Waits until every node is ready.
    pub async fn wait_ready(&self) {
        for node in &self.nodes {
            node.wait_ready().await;
        }
    }

    /// Waits until every node has met every other one, so that receipts name them and rows for them
    /// have an address.
    pub async fn wait_met(&self) {
        for node in &self.nodes {
            node.wait_until("every node is met", async || {
                let nodes = node.get("/api/v1/nodes").await.json();
                let nodes = nodes["nodes"].as_array().cloned().unwrap_or_default();
                nodes.len() == self.nodes.len()
                    && nodes.iter().all(|node| node["phase"] == "ready" && !node["id"].is_null())
            })
            .await;
        }
    }
}

impl FarmBuilder {
    /// Lines of `[farm]`.
    #[must_use]
    pub fn farm(mut self, toml: &str) -> Self {
        self.farm.push_str(&format!("{toml}\n"));
        self
    }

    /// Lines of `[farm.merge]`, in place of `every = "1h"` (periodic merges would hide what does
    /// not arrive by itself).
    #[must_use]
    pub fn merge(mut self, toml: &str) -> Self {
        self.merge = format!("{toml}\n");
        self
    }

    /// Lines of `[node]`.
    #[must_use]
    pub fn node(mut self, toml: &str) -> Self {
        self.node.push_str(&format!("{toml}\n"));
        self
    }

    /// Lines of `[gate]`.
    #[must_use]
    pub fn gate(mut self, toml: &str) -> Self {
        self.gate.push_str(&format!("{toml}\n"));
        self
    }

    /// The value of `gate.listen`, in place of the node's own address: for a farm of one node.
    #[must_use]
    pub fn listen(mut self, toml: &str) -> Self {
        self.listen = Some(toml.to_owned());
        self
    }

    /// These applications, resources and reasons in place of the usual ones, at every node. The word
    /// UPSTREAM stands for the address of `farm.upstream`.
    #[must_use]
    pub fn applications(mut self, toml: &str) -> Self {
        self.applications = Some(toml.to_owned());
        self
    }

    /// These applications at this node only.
    #[must_use]
    pub fn applications_of(mut self, node: usize, toml: &str) -> Self {
        self.only[node] = Some(toml.to_owned());
        self
    }

    /// More sections for one node.
    #[must_use]
    pub fn more(mut self, node: usize, toml: &str) -> Self {
        self.more[node].push_str(&format!("{toml}\n"));
        self
    }

    /// One node's list of peers, in place of all the others.
    #[must_use]
    pub fn peers_of(mut self, node: usize, peers: &[String]) -> Self {
        self.peers[node] = Some(peers.to_vec());
        self
    }

    /// The other nodes reach this one at another address than its own.
    #[must_use]
    pub fn advertised_of(mut self, node: usize, address: SocketAddr) -> Self {
        self.advertised[node] = Some(address);
        self
    }

    /// Another name for one node.
    #[must_use]
    pub fn name_of(mut self, node: usize, name: &str) -> Self {
        self.names[node] = name.to_owned();
        self
    }

    /// Another secret.
    #[must_use]
    pub fn secret(mut self, secret: &str) -> Self {
        self.secret = secret.to_owned();
        self
    }

    /// Keep the stores below this folder instead of the farm's own.
    #[must_use]
    pub fn data(mut self, folder: &Path) -> Self {
        self.data = Some(folder.to_owned());
        self
    }

    /// An environment variable of every child.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Writes the configurations and starts nothing but the upstream.
    pub async fn build(self) -> Farm {
        let folder = tempfile::Builder::new().prefix("forewarn-test-").tempdir().unwrap();
        let address = own_address();
        let upstream = Upstream::start(address);
        let places: Vec<(SocketAddr, SocketAddr)> =
            free_ports(address, 2 * self.size).chunks(2).map(|ports| (ports[0], ports[1])).collect();
        let nodes = (0..self.size).map(|index| {
            let name = &self.names[index];
            let data = self.data.as_deref().unwrap_or(folder.path()).join(format!("data-{index}"));
            let toml = self.toml(index, &data, &places, &upstream);
            let config = folder.path().join(format!("{index}.toml"));
            std::fs::write(&config, toml).unwrap();
            let log = folder.path().join(format!("{index}.log"));
            Node::new(name.clone(), config, data, log, places[index], self.env.clone())
        });
        Farm { nodes: nodes.collect(), upstream, address, folder }
    }

    /// Starts all nodes at once; returns when all are ready and know each other.
    pub async fn start(self) -> Farm {
        let farm = self.build().await;
        for node in &farm.nodes {
            node.start();
        }
        farm.wait_ready().await;
        farm.wait_met().await;
        farm
    }

    fn toml(&self, index: usize, data: &Path, places: &[(SocketAddr, SocketAddr)], upstream: &Upstream) -> String {
        let (gate, control) = places[index];
        let others = || {
            places
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != index)
                .map(|(other, (_, control))| format!("http://{}", self.advertised[other].unwrap_or(*control)))
                .collect()
        };
        let peers: Vec<String> = self.peers[index].clone().unwrap_or_else(others);
        let applications =
            self.only[index].as_ref().or(self.applications.as_ref()).map_or(APPLICATIONS, String::as_str);
        let applications = applications.replace("UPSTREAM", &format!("http://{}", upstream.address));
        let hash = |text: &str| hex::encode(forewarn::config::secrets::token_sha256(text));
        format!(
            "[node]\nname = {name:?}\ndata = {data:?}\n{node}\n[gate]\nlisten = {listen}\n{gate_more}\n\
             [control]\nlisten = \"{control}\"\n{advertise}[farm]\nsecret = {secret:?}\npeers = {peers:?}\n{farm}\n[farm.merge]\n{merge}\n\
             [[token]]\nname = \"ci\"\nrole = \"operator\"\nsha256 = \"{operator}\"\n\
             [[token]]\nname = \"probe\"\nrole = \"monitor\"\nsha256 = \"{monitor}\"\n\
             [[operator]]\nname = \"alice\"\npassword = \"{password}\"\n{applications}\n{more}\n",
            name = self.names[index],
            node = self.node,
            listen = self.listen.clone().unwrap_or_else(|| format!("{:?}", gate.to_string())),
            gate_more = self.gate,
            advertise = self.advertised[index].map(|at| format!("advertise = \"http://{at}\"\n")).unwrap_or_default(),
            secret = self.secret,
            farm = self.farm,
            merge = self.merge,
            operator = hash(TOKEN),
            monitor = hash(MONITOR_TOKEN),
            password = password_hash(),
            more = self.more[index],
        )
    }
}

/// The usual applications.
pub const APPLICATIONS: &str = r#"
[[application]]
name = "mail"
title = "Mail"
routes = ["/mail"]
upstream = ["UPSTREAM"]
uses = ["mail-store"]
critical = true
[[application]]
name = "directory"
title = "Phone directory"
routes = ["/directory"]
upstream = ["UPSTREAM"]
[[application]]
name = "chat"
title = "Chat"
routes = ["/chat"]
upstream = ["UPSTREAM"]
[[resource]]
name = "mail-store"
"#;

/// Hashing takes a moment; once a process is enough.
fn password_hash() -> &'static str {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| forewarn::config::secrets::hash_password(PASSWORD).unwrap())
}
