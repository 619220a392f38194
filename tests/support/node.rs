//! One node: a child process, its files and its two addresses.

use std::{
    fs::OpenOptions,
    net::SocketAddr,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::Mutex,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::process::{Child, Command};

use super::{
    TOKEN, binary,
    http::{self, Body, Reply},
    wait::{Events, LIMIT, poll_until},
};

/// Makes standard input the first inherited socket, and becomes the command behind its name.
const INHERIT: &str = "exec 3<&0 0</dev/null; export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=\"$0\"; exec \"$@\"";

/// A node of a farm, running or not. All methods take `&self`, so that several may be asked at once.
pub struct Node {
    pub name: String,
    pub config: PathBuf,
    pub data: PathBuf,
    pub log_file: PathBuf,
    pub gate: SocketAddr,
    pub control: SocketAddr,
    env: Mutex<Vec<(String, String)>>,
    /// The words before the program's own: what runs it.
    wrapper: Mutex<Vec<String>>,
    /// A socket that the next starts inherit, and its name.
    socket: Mutex<Option<(std::net::TcpListener, String)>>,
    child: Mutex<Option<Child>>,
}

impl Node {
    pub(super) fn new(
        name: String,
        config: PathBuf,
        data: PathBuf,
        log_file: PathBuf,
        (gate, control): (SocketAddr, SocketAddr),
        env: Vec<(String, String)>,
    ) -> Self {
        Self {
            name,
            config,
            data,
            log_file,
            gate,
            control,
            env: Mutex::new(env),
            wrapper: Mutex::default(),
            socket: Mutex::default(),
            child: Mutex::new(None),
        }
    }

    // ---- the process

    /// Starts the process; does not wait for anything.
    pub fn start(&self) {
        let log = OpenOptions::new().create(true).append(true).open(&self.log_file).unwrap();
        let wrapper = self.wrapper.lock().unwrap().clone();
        let inherited = self.socket.lock().unwrap().as_ref().map(|(socket, name)| {
            let words = ["sh", "-c", INHERIT, name].map(str::to_owned);
            (words, Stdio::from(std::os::fd::OwnedFd::from(socket.try_clone().unwrap())))
        });
        let (before, stdin) = match inherited {
            Some((words, socket)) => (words.to_vec(), socket),
            None => (Vec::new(), Stdio::null()),
        };
        let wrapper = [before, wrapper].concat();
        let mut words = wrapper.iter().map(AsRef::as_ref).chain([binary().as_os_str()]);
        let mut command = Command::new(words.next().unwrap());
        command
            .args(words)
            .arg("serve")
            .arg("--config")
            .arg(&self.config)
            .envs(self.env.lock().unwrap().clone())
            .kill_on_drop(true);
        command.env_remove("RUST_LOG").stdin(stdin).stdout(log.try_clone().unwrap()).stderr(log);
        let before = self.child.lock().unwrap().replace(command.spawn().unwrap());
        assert!(before.is_none(), "{} runs already", self.name);
    }

    /// An environment variable for the next start; an empty value takes it away.
    pub fn set_env(&self, name: &str, value: &str) {
        let mut env = self.env.lock().unwrap();
        env.retain(|(known, _)| known != name);
        if !value.is_empty() {
            env.push((name.to_owned(), value.to_owned()));
        }
    }

    /// The next starts are run by this: a program, which gets the node's command line behind its own words,
    /// and must become the node. Nothing: the node itself.
    pub fn set_wrapper(&self, words: &[&str]) {
        *self.wrapper.lock().unwrap() = words.iter().map(|word| (*word).to_owned()).collect();
    }

    /// The next starts inherit this socket under this name, as from systemd. Not together with a node that listens to
    /// its standard input.
    pub fn set_socket(&self, socket: &std::net::TcpListener, name: &str) {
        *self.socket.lock().unwrap() = Some((socket.try_clone().unwrap(), name.to_owned()));
    }

    /// Whether the process is there and has not ended.
    pub fn is_running(&self) -> bool {
        self.child.lock().unwrap().as_mut().is_some_and(|child| child.try_wait().unwrap().is_none())
    }

    /// Waits until the process ends by itself; at most 20 s.
    pub async fn wait_exit(&self) -> ExitStatus {
        let child = self.child.lock().unwrap().take();
        let mut child = child.unwrap_or_else(|| panic!("{} does not run", self.name));
        match tokio::time::timeout(LIMIT, child.wait()).await {
            Ok(status) => status.unwrap(),
            Err(_) => panic!("{} did not end within {LIMIT:?}\n{}", self.name, self.log_end()),
        }
    }

    /// `kill -9`; returns when it is gone. A node that has ended already is no error.
    pub async fn kill9(&self) {
        let child = self.child.lock().unwrap().take();
        if let Some(mut child) = child {
            child.start_kill().ok();
            child.wait().await.unwrap();
        }
    }

    /// The id of its process.
    pub fn pid(&self) -> u32 {
        let child = self.child.lock().unwrap();
        child.as_ref().and_then(Child::id).unwrap_or_else(|| panic!("{} does not run", self.name))
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = self.pid();
        kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), signal).unwrap();
    }

    /// SIGTERM; it must end with exit status 0.
    pub async fn terminate(&self) {
        self.signal(Signal::TERM);
        let status = self.wait_exit().await;
        assert_eq!(status.code(), Some(0), "{}: {status}\n{}", self.name, self.log_end());
    }

    /// Starts it again and waits until it is ready.
    pub async fn restart(&self) {
        self.start();
        self.wait_ready().await;
    }

    /// Everything it has logged, over all its starts.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log_file).unwrap_or_default()
    }

    /// Waits until its log has a line with all of these words.
    pub async fn wait_log(&self, words: &[&str]) -> String {
        let find = || self.log().lines().find(|line| words.iter().all(|word| line.contains(word))).map(str::to_owned);
        poll_until(&format!("{} has logged {words:?}", self.name), async || find().is_some()).await;
        find().unwrap()
    }

    /// The last lines of its log.
    pub fn log_end(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }

    // ---- the control listener

    /// A request to the control listener with these headers and nothing else.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn try_control(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<Reply, String> {
        let body = body.map_or(Body::Empty, |body| Body::Bytes(body.to_vec().into()));
        http::send(self.control, method, path, headers, body).await
    }

    /// The same; there must be an answer.
    pub async fn control(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Reply {
        self.try_control(method, path, headers, body)
            .await
            .unwrap_or_else(|error| panic!("{}: {error}\n{}", self.name, self.log_end()))
    }

    /// GET with the operator's token.
    pub async fn get(&self, path: &str) -> Reply {
        self.control("GET", path, &[("authorization", &format!("Bearer {TOKEN}"))], None).await
    }

    /// Gets with the operator's token; the connection may break.
    pub async fn try_get(&self, path: &str) -> Result<Reply, String> {
        self.try_control("GET", path, &[("authorization", &format!("Bearer {TOKEN}"))], None).await
    }

    /// Submits a notification with the operator's token; whatever the answer.
    pub async fn submit(&self, notification: Value) -> Reply {
        self.submit_with("", TOKEN, notification).await
    }

    /// Submits; the connection may break.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn try_submit(&self, notification: &Value) -> Result<Reply, String> {
        let bearer = format!("Bearer {TOKEN}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        self.try_control("POST", "/api/v1/notifications", &headers, Some(notification.to_string().as_bytes())).await
    }

    /// Submits these alerts as Alertmanager does, with the operator's token.
    pub async fn alerts(&self, alerts: &[Value]) -> Reply {
        self.alerts_with(TOKEN, alerts).await
    }

    /// The same with another token.
    pub async fn alerts_with(&self, token: &str, alerts: &[Value]) -> Reply {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let body = serde_json::json!({"version": "4", "receiver": "forewarn", "status": "firing", "alerts": alerts,
            "groupKey": "{}", "truncatedAlerts": 0, "groupLabels": {}, "commonLabels": {}});
        self.control("POST", "/api/v1/alerts", &headers, Some(body.to_string().as_bytes())).await
    }

    /// Submits with a query (`?wait=all`) and a token.
    pub async fn submit_with(&self, query: &str, token: &str, notification: Value) -> Reply {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let path = format!("/api/v1/notifications{query}");
        self.control("POST", &path, &headers, Some(notification.to_string().as_bytes())).await
    }

    /// Submits and waits until every node of the farm has applied it; the answer's JSON.
    pub async fn submit_wait_all(&self, notification: Value) -> Value {
        let reply = self.submit_with("?wait=all&timeout=20s", TOKEN, notification).await;
        assert_eq!(reply.status, 200, "{}\n{}", reply.text(), self.log_end());
        let json = reply.json();
        assert_eq!(json["complete"], true, "{json}");
        json
    }

    /// `/readyz`'s status and phase; nothing while nobody listens.
    pub async fn phase(&self) -> Option<(u16, String)> {
        let reply = self.try_control("GET", "/readyz", &[], None).await.ok()?;
        let json = reply.json();
        let phase = json["phase"].as_str().or(json["status"].as_str()).unwrap_or_default().to_owned();
        Some((reply.status, phase))
    }

    /// Waits until `/readyz` is 200.
    ///
    /// # Panics
    /// When the process ends, or after 20 s.
    pub async fn wait_ready(&self) {
        let asking = async {
            loop {
                if self.phase().await.is_some_and(|(status, _)| status == 200) {
                    return;
                }
                assert!(self.is_running(), "{} has ended while starting\n{}", self.name, self.log_end());
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if tokio::time::timeout(LIMIT, asking).await.is_err() {
            panic!("{} is not ready after {LIMIT:?}\n{}", self.name, self.log_end());
        }
    }

    /// Waits until `/readyz` says that its peers have turned it away.
    ///
    /// # Panics
    /// After 20 s.
    pub async fn wait_fenced(&self) {
        poll_until(&format!("{} is fenced", self.name), async || {
            self.phase().await.is_some_and(|(status, phase)| status == 503 && phase == "fenced")
        })
        .await;
    }

    /// Opens a stream of all its events.
    pub async fn events(&self) -> Events {
        Events::open(self.control, "/api/v1/events", TOKEN).await.unwrap()
    }

    /// Waits until it is so, looking once at the beginning and after each of the node's events.
    ///
    /// # Panics
    /// After 20 s; says whether it had come true without an event.
    pub async fn wait_until(&self, what: &str, condition: impl AsyncFn() -> bool) {
        let mut events = self.events().await;
        let waiting = async {
            while !condition().await {
                events.next().await.unwrap_or_else(|error| {
                    panic!("{}, while waiting until {what}: {error}\n{}", self.name, self.log_end())
                });
            }
        };
        if tokio::time::timeout(LIMIT, waiting).await.is_err() {
            let untold = if condition().await { "; it is so by now, but no event told" } else { "" };
            panic!("{}: waited {LIMIT:?} in vain until {what}{untold}\n{}", self.name, self.log_end());
        }
    }

    /// Waits until the application is (un)available at this node's gate for everybody.
    pub async fn wait_available(&self, application: &str, available: bool) {
        let path = format!("/.forewarn/availability/{application}");
        self.wait_until(&format!("{application} available={available}"), async || {
            self.gate_get(&path, &[]).await.json()["available"] == available
        })
        .await;
    }

    /// The fingerprint of its ledger, as its own nodes page says.
    pub async fn fingerprint(&self) -> String {
        let nodes = self.get("/api/v1/nodes").await.json();
        let nodes_known = nodes["nodes"].as_array().unwrap();
        // it may advertise another address, and two nodes may have one name for a while
        let this = nodes_known.iter().find(|node| node["address"] == format!("http://{}", self.control));
        let this = this.or_else(|| nodes_known.iter().find(|node| node["name"] == self.name));
        this.unwrap_or_else(|| panic!("{nodes}"))["ledger_fingerprint"].as_str().unwrap().to_owned()
    }

    // ---- the gate

    /// GET at the gate.
    pub async fn gate_get(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        self.gate_send("GET", path, headers, None).await
    }

    /// Any request at the gate.
    pub async fn gate_send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Reply {
        self.try_gate(method, path, headers, body)
            .await
            .unwrap_or_else(|error| panic!("{}: {error}\n{}", self.name, self.log_end()))
    }

    /// Any request at the gate; it may not listen.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn try_gate(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<Reply, String> {
        let body = body.map_or(Body::Empty, |body| Body::Bytes(body.to_vec().into()));
        http::send(self.gate, method, path, headers, body).await
    }

    /// Raw bytes to the gate, for what no client would send; the raw answer.
    pub async fn gate_raw(&self, request: &str) -> Vec<u8> {
        http::raw(self.gate, request.as_bytes()).await
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Ok(child) = self.child.get_mut()
            && let Some(child) = child.as_mut()
        {
            child.start_kill().ok();
            // its files are removed next
            for _ in 0..200 {
                if !matches!(child.try_wait(), Ok(None)) {
                    break;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        if std::thread::panicking() {
            eprintln!("---- the log of {}\n{}", self.name, self.log());
        }
    }
}
