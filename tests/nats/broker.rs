//! Real `nats-server` processes with JetStream, on ports of their own, with their data in the test's folder.

use std::{
    net::{IpAddr, SocketAddr},
    path::Path,
    process::{Child, Command, Stdio},
};

use async_nats::jetstream;

use crate::support::{free_port, own_address, wait::poll_until};

/// Whether `nats-server` is here. Without it a test says that it is skipped; where `CI` is set, it fails.
pub fn is_here() -> bool {
    let is_here = Command::new("nats-server").arg("--version").stdout(Stdio::null()).status().is_ok();
    if !is_here {
        assert!(std::env::var_os("CI").is_none(), "nats-server is missing, and CI skips nothing");
        eprintln!("SKIPPED nats: nats-server is missing (Debian: nats-server)");
    }
    is_here
}

/// One server; it ends with this.
pub struct Server {
    pub address: SocketAddr,
    arguments: Vec<String>,
    child: Option<Child>,
}

impl Server {
    /// A single server, with these arguments besides.
    pub async fn start(folder: &Path, more: &[&str]) -> Self {
        Self::start_at(own_address(), folder, more).await
    }

    /// The same on this host.
    pub async fn start_at(host: IpAddr, folder: &Path, more: &[&str]) -> Self {
        let mut server = Self::new(free_port(host), folder, more);
        server.run();
        server.wait().await;
        server
    }

    /// Three servers that keep every stream three times.
    pub async fn cluster(folder: &Path) -> Vec<Self> {
        let host: IpAddr = own_address();
        let routes: Vec<SocketAddr> = (0..3).map(|_| free_port(host)).collect();
        let all = routes.iter().map(|route| format!("nats://{route}")).collect::<Vec<_>>().join(",");
        let mut servers: Vec<Self> = (0..3)
            .map(|at| {
                let (name, own) = (format!("server-{at}"), format!("nats://{}", routes[at]));
                let more = ["--name", &name, "--cluster_name", "test", "--cluster", &own, "--routes", &all];
                Self::new(free_port(host), &folder.join(&name), &more)
            })
            .collect();
        servers.iter_mut().for_each(Self::run);
        for server in &servers {
            server.wait().await;
        }
        servers
    }

    fn new(address: SocketAddr, folder: &Path, more: &[&str]) -> Self {
        let mut arguments: Vec<String> =
            ["-js", "-a", &address.ip().to_string(), "-p", &address.port().to_string(), "-sd"]
                .map(str::to_owned)
                .to_vec();
        arguments.push(folder.display().to_string());
        arguments.extend(more.iter().map(|one| (*one).to_owned()));
        Self { address, arguments, child: None }
    }

    /// Starts it again.
    pub fn run(&mut self) {
        let child =
            Command::new("nats-server").args(&self.arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        self.child = Some(child.unwrap());
    }

    async fn wait(&self) {
        poll_until("nats-server listens", async || tokio::net::TcpStream::connect(self.address).await.is_ok()).await;
    }

    /// `kill -9`.
    pub fn kill9(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// `[farm.queue]` of a node that uses these servers.
    pub fn toml(servers: &[&Self]) -> String {
        let urls: Vec<String> = servers.iter().map(|server| format!("\"nats://{}\"", server.address)).collect();
        format!("[farm.queue]\nkind = \"nats\"\nurls = [{}]\nstream = \"test-farm\"\n", urls.join(", "))
    }

    /// The test's own connection.
    pub async fn client(&self) -> jetstream::Context {
        jetstream::new(async_nats::connect(format!("nats://{}", self.address)).await.unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill9();
    }
}
