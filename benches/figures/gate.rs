//! What a request costs at the gate, against nginx and HAProxy: CPU time (user, system) of the server, which is pinned
//! to one core from its start, so that each of them runs one worker; wrk, and the upstream, an nginx, to the other.
//! Rounds alternate, so that what else runs on the machine falls on all alike. 1,000 applications. The neighbours
//! deny with the same body as Forewarn.

use std::{
    ffi::OsStr,
    fmt::Write as _,
    fs,
    path::Path,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use super::{
    http::{Conn, port, up},
    nodes::TOKEN,
};

/// How often each work is given to each server.
pub const ROUNDS: usize = 7;
/// Seconds of each round.
pub const SECONDS: &str = "2";
pub const CORES: [&str; 2] = ["0", "1"];

pub struct Server {
    pub name: &'static str,
    process: Child,
    pub gate: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// One kind of request: what it is called, its path, a script for wrk.
const WORK: [(&str, &str, Option<&str>); 5] = [
    ("denial, JSON, keep-alive", "/mail/x", None),
    (CONDITIONAL, "/planned/x", None),
    ("proxied small GET", "/app/x", None),
    ("proxied 1 MiB answer", "/app/large", None),
    ("proxied 1 MiB upload", "/app/upload", Some("wrk.method = \"POST\"\nwrk.body = string.rep(\"x\", 1048576)\n")),
];

/// Neighbours have no such thing: compared with the row before.
const CONDITIONAL: &str = "the same, with 100 conditional notifications";

pub async fn measure(report: &mut String) {
    let folder = tempfile::tempdir().unwrap();
    let Some(upstream) = upstream(&folder).await else {
        report.push_str("\nnginx is not installed: the gate was not measured.\n");
        return;
    };
    let mut servers = vec![forewarn(&folder, &upstream.gate, "").await];
    let mut conn = Conn::open(&servers[0].gate).await;
    conn.send("GET", "/mail/x", "", "").await;
    let denial = String::from_utf8(conn.answer().await.1).unwrap();
    servers.extend(nginx(&folder, &upstream.gate, &denial).await);
    servers.extend(haproxy(&folder, &upstream.gate, &denial).await);
    report.push_str("\n## CPU time of a request at the gate\n\n");
    report.push_str(
        "Microseconds (median of the rounds), and Forewarn's cost as a part of each server's (lowest to highest); that of \
         conditional notifications as a part of the plain denial's.\n\n",
    );
    report.push_str("| work | server | µs | of it user | Forewarn's ratio |\n|---|---|---|---|---|\n");
    let mut plain = Vec::new();
    for (work, path, script) in WORK {
        let script = script.map(|text| {
            let file = folder.path().join("script.lua");
            fs::write(&file, text).unwrap();
            file
        });
        let compared = if work == CONDITIONAL { &servers[..1] } else { &servers[..] };
        let mut costs: Vec<Vec<Cost>> = vec![Vec::new(); compared.len()];
        for _ in 0..ROUNDS {
            for (server, costs) in compared.iter().zip(&mut costs) {
                costs.push(cost(server, path, script.as_deref()));
            }
            if work == CONDITIONAL {
                plain.push(cost(&servers[0], WORK[0].1, None));
            }
        }
        for (server, those) in compared.iter().zip(&costs) {
            let against = if work == CONDITIONAL { &plain } else { those };
            let ratios = sorted(costs[0].iter().zip(against).map(|(own, other)| own.all / other.all));
            let (low, middle, high) = (ratios[0], ratios[ROUNDS / 2], ratios[ROUNDS - 1]);
            let median = sorted(those.iter().map(|cost| cost.all))[ROUNDS / 2];
            let user = sorted(those.iter().map(|cost| cost.user))[ROUNDS / 2];
            let name = server.name;
            writeln!(report, "| {work} | {name} | {median:.1} | {user:.1} | {middle:.2} ({low:.2} to {high:.2}) |")
                .unwrap();
        }
    }
}

pub fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// Microseconds of CPU time.
#[derive(Clone)]
pub struct Cost {
    pub all: f64,
    pub user: f64,
}

/// CPU time of a server for each request.
fn cost(server: &Server, path: &str, script: Option<&Path>) -> Cost {
    cost_of(server, || by_wrk(&format!("http://{}{path}", server.gate), script))
}

/// CPU time of a server for each of the requests that this makes; it returns how many it has made.
pub fn cost_of(server: &Server, make: impl FnOnce() -> f64) -> Cost {
    let (before, user_before) = (cpu(server.process.id()), user(server.process.id()));
    let requests = make();
    let each = |after: f64, before: f64| (after - before) / requests;
    Cost { all: each(cpu(server.process.id()), before), user: each(user(server.process.id()), user_before) }
}

/// Requests by wrk. Returns how many there were.
pub fn by_wrk(url: &str, script: Option<&Path>) -> f64 {
    let mut wrk = Command::new("taskset");
    wrk.args(["-c", CORES[1], "wrk", "-t1", "-c16", &format!("-d{SECONDS}s")]);
    if let Some(script) = script {
        wrk.arg("-s").arg(script);
    }
    let output = wrk.arg(url).output().expect("wrk and taskset are installed");
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    let requests = output.split(" requests in").next().and_then(|before| before.split_whitespace().last());
    requests.and_then(|n| n.parse().ok()).expect("wrk counts its requests")
}

/// CPU time that a process has spent outside the kernel, in microseconds, as ticks show it.
fn user(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after = stat.rsplit_once(')').unwrap().1;
    after.split_whitespace().nth(11).unwrap().parse::<f64>().unwrap() * 10_000.0
}

/// CPU time of all threads of a process so far, in microseconds.
fn cpu(pid: u32) -> f64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let of = |thread: fs::DirEntry| {
        let text = fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0)
    };
    threads.flatten().map(of).sum::<f64>() / 1e3
}

/// A command that runs on one core.
pub fn on_core(core: &str, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", core]).arg(program);
    command
}

async fn start(name: &'static str, mut command: Command, gate: String) -> Option<Server> {
    let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
    let server = Server { name, process, gate };
    up(&server.gate).await;
    Some(server)
}

/// A node; `more` stands at the end of its configuration.
pub async fn forewarn(folder: &TempDir, upstream: &str, more: &str) -> Server {
    let (gate, control) = (format!("127.0.0.1:{}", port()), format!("127.0.0.1:{}", port()));
    let data = folder.path().join(format!("node-{gate}")).display().to_string();
    let mut config = super::nodes::config("figures", &data, &control, &gate, "");
    write!(config, "[[application]]\nname = \"app\"\nroutes = [\"/app\"]\nupstream = [\"http://{upstream}\"]\n")
        .unwrap();
    config.push_str(
        "[[application]]\nname = \"planned\"\nroutes = [\"/planned\"]\nuses = [\"store\"]\n[[resource]]\nname = \"store\"\n",
    );
    for n in 0..997 {
        write!(config, "[[application]]\nname = \"other-{n}\"\nroutes = [\"/other/{n}\"]\n").unwrap();
    }
    config.push_str(more);
    let file = folder.path().join("forewarn.toml");
    fs::write(&file, config).unwrap();
    let mut command = on_core(CORES[0], env!("CARGO_BIN_EXE_forewarn"));
    command.args(["serve", "--config"]).arg(&file);
    let server = start("Forewarn", command, gate).await.unwrap();
    let mut conn = Conn::open(&control).await;
    let targets = r#"["application:mail","application:planned"]"#;
    let plain = format!(r#"{{"targets":{targets},"status":"unavailable","duration_seconds":3600}}"#);
    assert_eq!(conn.post("/api/v1/notifications?wait=all", TOKEN, &plain).await.0, 200);
    for n in 0..100 {
        let target = if n < 60 { "application:planned" } else { "resource:store" };
        let conditional = format!(
            r#"{{"targets":["{target}"],"status":"unavailable","criteria":{{"methods":["GET"],"paths":["/planned/part-{n}/*"]}}}}"#
        );
        assert_eq!(conn.post("/api/v1/notifications?wait=all", TOKEN, &conditional).await.0, 200);
    }
    server
}

/// nginx with this inside its `http`.
async fn nginx_with(folder: &TempDir, name: &'static str, core: &str, gate: String, inside: &str) -> Option<Server> {
    let own = folder.path().join(&gate);
    fs::create_dir_all(&own).unwrap();
    let dir = own.display();
    let text = format!(
        "worker_processes 1; daemon off; master_process off; pid {dir}/pid; error_log {dir}/err;\n\
         events {{ worker_connections 4096; }}\n\
         http {{ access_log off; client_max_body_size 1g; keepalive_requests 1000000000; client_body_buffer_size 2m;\n\
         client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u;\n\
         scgi_temp_path {dir}/s;\n{inside} }}\n"
    );
    fs::write(own.join("conf"), text).unwrap();
    let mut command = on_core(core, "nginx");
    command.arg("-p").arg(&own).args(["-c", "conf"]);
    start(name, command, gate).await
}

/// An application, on the other core.
pub async fn upstream(folder: &TempDir) -> Option<Server> {
    let gate = format!("127.0.0.1:{}", port());
    let large = folder.path().join("large");
    fs::write(&large, vec![b'x'; 1 << 20]).unwrap();
    let inside = format!(
        "server {{ listen {gate}; location /app/large {{ alias {}; }}\n\
         location / {{ return 200 'an answer of some hundred bytes, as applications give when they are asked for little: {}'; }} }}",
        large.display(),
        "x".repeat(120),
    );
    nginx_with(folder, "upstream", CORES[1], gate, &inside).await
}

async fn nginx(folder: &TempDir, upstream: &str, denial: &str) -> Option<Server> {
    nginx_as(folder, upstream, denial, "").await
}

/// nginx as a proxy that denies; `tls` stands behind its `listen`.
pub async fn nginx_as(folder: &TempDir, upstream: &str, denial: &str, tls: &str) -> Option<Server> {
    let gate = format!("127.0.0.1:{}", port());
    let inside = format!(
        "upstream app {{ server {upstream}; keepalive 64; keepalive_requests 1000000000; }}\n\
         server {{ listen {gate}{tls}; default_type application/problem+json;\n\
         location /mail {{ add_header Retry-After 600 always; add_header Cache-Control no-store always;\n\
         return 503 '{denial}'; }}\n\
         location / {{ proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection '';\n\
         proxy_request_buffering off; proxy_buffering off; proxy_set_header Host $host;\n\
         proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; }} }}"
    );
    nginx_with(folder, "nginx", CORES[0], gate, &inside).await
}

async fn haproxy(folder: &TempDir, upstream: &str, denial: &str) -> Option<Server> {
    let gate = format!("127.0.0.1:{}", port());
    let body = folder.path().join("denial");
    fs::write(&body, denial).unwrap();
    let text = format!(
        "global\n  nbthread 1\n  maxconn 4000\ndefaults\n  mode http\n  timeout client 30s\n  timeout server 30s\n  \
         timeout connect 5s\nfrontend gate\n  bind {gate}\n  http-request return status 503 content-type \
         application/problem+json hdr Retry-After 600 hdr Cache-Control no-store file {} if {{ path_beg /mail }}\n  \
         default_backend app\nbackend app\n  option forwardfor\n  http-reuse always\n  server s {upstream}\n",
        body.display()
    );
    let file = folder.path().join("haproxy.cfg");
    fs::write(&file, text).unwrap();
    let mut command = on_core(CORES[0], "haproxy");
    command.args(["-q", "-db", "-f"]).arg(&file);
    start("HAProxy", command, gate).await
}
