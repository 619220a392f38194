//! What TLS and HTTP/2 cost at the gate, against nginx: CPU time of the server for a whole handshake, and for requests
//! under TLS by HTTP/1.1 (wrk) and HTTP/2 (h2load). As in [`super::gate`], each server has one core, clients and
//! upstream the other, and rounds alternate. Both have the same certificate, of the curve P-256.

use std::{fmt::Write as _, fs, process::Command};

use forewarn::tls::issue::Authority;
use tempfile::TempDir;

use super::{
    gate::{CORES, Cost, ROUNDS, SECONDS, Server, by_wrk, cost_of, forewarn, nginx_as, on_core, sorted, upstream},
    http::Conn,
};

/// One kind of work: what it is called, and the client that makes it.
const WORK: [(&str, Client); 7] = [
    ("handshake, TLS 1.3", Client::Handshakes("-tls1_3")),
    ("handshake, TLS 1.2", Client::Handshakes("-tls1_2")),
    ("denial, TLS, HTTP/1.1", Client::Wrk("/mail/x")),
    ("proxied small GET, TLS, HTTP/1.1", Client::Wrk("/app/x")),
    ("denial, HTTP/2", Client::H2load("/mail/x", "100000")),
    ("proxied small GET, HTTP/2", Client::H2load("/app/x", "50000")),
    ("proxied 1 MiB answer, HTTP/2", Client::H2load("/app/large", "1000")),
];

enum Client {
    /// `openssl s_time`, with this version.
    Handshakes(&'static str),
    /// Requests for this path.
    Wrk(&'static str),
    /// So many requests for this path, 16 at a time on each of four connections.
    H2load(&'static str, &'static str),
}

impl Client {
    /// Gives a server work. Returns how many times it was done.
    fn make(&self, server: &Server) -> f64 {
        let (arguments, before, program) = match *self {
            Self::Wrk(path) => return by_wrk(&format!("https://{}{path}", server.gate), None),
            Self::Handshakes(version) => (
                vec!["s_time", "-connect", &server.gate, "-new", "-time", SECONDS, version],
                " connections in ",
                "openssl",
            ),
            Self::H2load(path, requests) => {
                let url = format!("https://{}{path}", server.gate);
                return run("h2load", &["-n", requests, "-c", "4", "-m", "16", &url], " done,");
            }
        };
        run(program, &arguments, before)
    }
}

/// Runs a client on its core. Returns the number in front of these words of what it says.
fn run(program: &str, arguments: &[&str], before: &str) -> f64 {
    let output = on_core(CORES[1], program).args(arguments).output().expect("openssl and h2load are installed");
    let said = String::from_utf8_lossy(&output.stdout);
    let number = said.split(before).next().and_then(|text| text.split_whitespace().last());
    number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{program} {arguments:?}: {said}"))
}

pub async fn measure(report: &mut String) {
    let folder = tempfile::tempdir().unwrap();
    let installed =
        ["h2load", "openssl", "wrk"].iter().all(|name| Command::new(name).arg("--version").output().is_ok());
    let Some(upstream) = upstream(&folder).await.filter(|_| installed) else {
        report.push_str("\nnginx, wrk, h2load or openssl is not installed: TLS was not measured.\n");
        return;
    };
    let plain = forewarn(&folder, &upstream.gate, "").await;
    let mut conn = Conn::open(&plain.gate).await;
    conn.send("GET", "/mail/x", "", "").await;
    let denial = String::from_utf8(conn.answer().await.1).unwrap();
    drop(plain);
    let [cert, key] = certificate(&folder);
    let section = format!("[gate.tls]\ncert = \"{cert}\"\nkey = \"{key}\"\n");
    let own = forewarn(&folder, &upstream.gate, &section).await;
    let tls = format!(" ssl http2; ssl_certificate {cert}; ssl_certificate_key {key}; ssl_protocols TLSv1.2 TLSv1.3");
    let Some(nginx) = nginx_as(&folder, &upstream.gate, &denial, &tls).await else { return };
    report.push_str("\n## CPU time of TLS and HTTP/2 at the gate\n\n");
    report.push_str(
        "Microseconds (median of the rounds), and Forewarn's cost as a part of nginx's (lowest to highest).\n\n",
    );
    report.push_str("| work | Forewarn µs | nginx µs | ratio |\n|---|---|---|---|\n");
    for (work, client) in WORK {
        let mut costs: [Vec<Cost>; 2] = Default::default();
        for _ in 0..ROUNDS {
            for (server, costs) in [&own, &nginx].into_iter().zip(&mut costs) {
                costs.push(cost_of(server, || client.make(server)));
            }
        }
        let ratios = sorted(costs[0].iter().zip(&costs[1]).map(|(own, other)| own.all / other.all));
        let [ours, theirs] = costs.map(|costs| sorted(costs.iter().map(|cost| cost.all))[ROUNDS / 2]);
        let (low, middle, high) = (ratios[0], ratios[ROUNDS / 2], ratios[ROUNDS - 1]);
        writeln!(report, "| {work} | {ours:.1} | {theirs:.1} | {middle:.2} ({low:.2} to {high:.2}) |").unwrap();
    }
}

/// A certificate for this machine's loopback and its key, in files.
fn certificate(folder: &TempDir) -> [String; 2] {
    let issued = Authority::new("figures", 2026).unwrap().issue(&["127.0.0.1"], 2026, 10).unwrap();
    [("cert.pem", issued.cert), ("key.pem", issued.key)].map(|(name, text)| {
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        file.display().to_string()
    })
}
