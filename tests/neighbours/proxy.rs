//! A neighbour as a child process with its own folder and port.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::support::{Farm, TOKEN, free_port, wait::poll_until};

/// One that runs; ended on drop.
pub struct Proxy {
    pub address: SocketAddr,
    child: Child,
    folder: tempfile::TempDir,
}

/// Where this program is.
///
/// # Panics
/// With `CI` set, when it is not installed.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/bin".into()]);
    let found = folders.map(|folder| folder.join(name)).find(|file| file.is_file());
    if found.is_none() {
        let sentence = format!("{name} is not installed, so that it was NOT tried whether it works with Forewarn");
        assert!(std::env::var_os("CI").is_none(), "{sentence}");
        eprintln!("SKIPPED: {sentence}");
    }
    found
}

impl Proxy {
    /// Caddy with one site that has these directives.
    pub async fn caddy(program: PathBuf, farm: &Farm, site: &str) -> Self {
        let address = free_port(farm.address);
        let (host, port) = (address.ip(), address.port());
        let text = format!("{{\n admin off\n auto_https off\n}}\nhttp://:{port} {{\n bind {host}\n{site}}}\n");
        Self::start(address, |folder| {
            let file = folder.join("Caddyfile");
            std::fs::write(&file, &text).unwrap();
            let mut command = Command::new(program);
            command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file).env("HOME", folder);
            command
        })
        .await
    }

    /// nginx with one server that has these directives.
    pub async fn nginx(program: PathBuf, farm: &Farm, server: &str) -> Self {
        let address = free_port(farm.address);
        Self::start(address, |folder| {
            let place = folder.display();
            let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                .map(|kind| format!("{kind}_temp_path {place}/{kind};"))
                .concat();
            let text = format!(
                "daemon off; pid {place}/pid; error_log stderr;\nevents {{}}\nhttp {{ access_log off; {temporary}\n\
                 server {{ listen {address};\n{server}}}\n}}\n"
            );
            let file = folder.join("nginx.conf");
            std::fs::write(&file, text).unwrap();
            let mut command = Command::new(program);
            command.arg("-p").arg(folder).arg("-c").arg(file);
            command
        })
        .await
    }

    /// HAProxy with this configuration, which listens on 127.0.0.1:8000.
    pub async fn haproxy(program: PathBuf, farm: &Farm, example: &str) -> Self {
        let address = free_port(farm.address);
        let text = example.replace("127.0.0.1:8000", &address.to_string());
        Self::start(address, |folder| {
            let file = folder.join("haproxy.cfg");
            std::fs::write(&file, text).unwrap();
            let mut command = Command::new(program);
            command.arg("-db").arg("-f").arg(file);
            command
        })
        .await
    }

    /// Alertmanager, which submits to this node at once.
    pub async fn alertmanager(program: PathBuf, farm: &Farm) -> Self {
        let address = free_port(farm.address);
        let (control, token) = (farm[0].control, TOKEN);
        Self::start(address, |folder| {
            let text = format!(
                "route: {{receiver: forewarn, group_wait: 50ms, group_interval: 200ms, repeat_interval: 400ms}}\n\
                 receivers:\n- name: forewarn\n  webhook_configs:\n  - url: http://{control}/api/v1/alerts\n    \
                 max_alerts: 1000\n    http_config: {{authorization: {{credentials: {token}}}}}\n"
            );
            let file = folder.join("alertmanager.yml");
            std::fs::write(&file, text).unwrap();
            let mut command = Command::new(program);
            command
                .arg(format!("--config.file={}", file.display()))
                .arg(format!("--storage.path={}", folder.join("data").display()))
                .arg(format!("--web.listen-address={address}"))
                .arg("--cluster.listen-address=");
            command
        })
        .await
    }

    /// Prometheus, which asks `target` for figures and tells this Alertmanager when it does not answer.
    pub async fn prometheus(program: PathBuf, farm: &Farm, alertmanager: SocketAddr, target: SocketAddr) -> Self {
        let address = free_port(farm.address);
        Self::start(address, |folder| {
            let rules = "groups:\n- name: mail\n  rules:\n  - alert: MailDown\n    expr: up{job=\"mail\"} == 0\n    \
                         labels: {forewarn_target: \"application:mail\", forewarn_reason: unplanned-outage}\n    \
                         annotations: {summary: Mail does not answer}\n  - alert: Other\n    expr: vector(1)\n";
            std::fs::write(folder.join("rules.yml"), rules).unwrap();
            let text = format!(
                "global: {{scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms}}\n\
                 rule_files: [rules.yml]\n\
                 alerting: {{alertmanagers: [{{static_configs: [{{targets: [\"{alertmanager}\"]}}]}}]}}\n\
                 scrape_configs: [{{job_name: mail, static_configs: [{{targets: [\"{target}\"]}}]}}]\n"
            );
            let file = folder.join("prometheus.yml");
            std::fs::write(&file, text).unwrap();
            let mut command = Command::new(program);
            command
                .arg(format!("--config.file={}", file.display()))
                .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
                .arg(format!("--web.listen-address={address}"))
                .arg("--rules.alert.resend-delay=200ms");
            command
        })
        .await
    }

    async fn start(address: SocketAddr, command: impl FnOnce(&Path) -> Command) -> Self {
        let folder = tempfile::Builder::new().prefix("forewarn-neighbour-").tempdir().unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let mut command = command(folder.path());
        let child = command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let mut proxy = Self { address, child, folder };
        poll_until("the neighbour listens", async || tokio::net::TcpStream::connect(address).await.is_ok()).await;
        assert!(proxy.child.try_wait().unwrap().is_none(), "the neighbour has ended");
        proxy
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "---- the neighbour's log\n{}",
                std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
            );
        }
        // nginx ends its workers when it is told to stop in order
        if let Some(pid) = rustix::process::Pid::from_raw(i32::try_from(self.child.id()).unwrap_or(0)) {
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).ok();
        }
        self.child.wait().ok();
    }
}
