//! TLS behind the gate: between nodes, of the command line and browsers at the control listener, and to upstreams.

use std::{net::SocketAddr, path::Path, sync::Arc};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

use crate::{
    closing,
    support::{
        Farm, PASSWORD, TOKEN, binary,
        http::raw_status,
        tls::{Tls, ask},
        wait::poll_until,
    },
};

fn request(method: &str, path: &str, more: &str, body: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: farm\r\nConnection: close\r\nContent-Length: {}\r\n{more}\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn nodes_speak_under_tls_and_show_certificates() {
    let tls = Tls::new();
    let (cert, key, ca) = (tls.file("node.pem"), tls.file("node.key"), tls.file("ca.pem"));
    let control = format!("[control.tls]\ncert = {cert:?}\nkey = {key:?}\nclient_ca = {ca:?}\n");
    let farm = Farm::new(2)
        .farm(&format!("tls_ca = {ca:?}\ntls_cert = {cert:?}\ntls_key = {key:?}"))
        .more(0, &control)
        .more(1, &control)
        .build()
        .await;
    let host = farm.address.to_string();
    tls.issue("node", &[&host], 5);
    let config = tls.client(&[]);
    for node in &farm.nodes {
        let toml = std::fs::read_to_string(&node.config).unwrap().replace("[\"http://", "[\"https://");
        std::fs::write(&node.config, toml).unwrap();
        node.start();
    }
    let bearer = format!("Authorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n");
    let (one, two) = (farm[0].control, farm[1].control);
    for (node, at) in [(&farm[0], one), (&farm[1], two)] {
        poll_until("they know each other", async || {
            assert!(node.is_running(), "{}", node.log_end());
            if TcpStream::connect(at).await.is_err() {
                return false;
            }
            let nodes = ask(at, &host, &config, &request("GET", "/api/v1/nodes", &bearer, "")).await;
            nodes.matches("\"phase\":\"ready\"").count() == 2 && nodes.matches("https://").count() == 2
        })
        .await;
    }

    // A notification reaches the other node, and a stranger is no node.
    let closing = closing("application:mail", json!({})).to_string();
    let path = "/api/v1/notifications?wait=all&timeout=20s";
    let answer = ask(one, &host, &config, &request("POST", path, &bearer, &closing)).await;
    assert!(raw_status(answer.as_bytes()) == 200 && answer.contains("\"complete\":true"), "{answer}");
    farm[1].gate_get("/mail", &[]).await.expect(503);
    let stranger = ask(two, &host, &config, &request("GET", "/peer/v1/load", "", "")).await;
    assert!(raw_status(stranger.as_bytes()) == 403 && stranger.contains("certificate"), "{stranger}");

    // Who comes without TLS gets nothing.
    farm[0].try_control("GET", "/healthz", &[], None).await.unwrap_err();

    // A browser's session is for TLS alone.
    let form = format!("name=alice&password={PASSWORD}");
    let head = "Content-Type: application/x-www-form-urlencoded\r\nSec-Fetch-Site: same-origin\r\n";
    let signed = ask(one, &host, &config, &request("POST", "/login", head, &form)).await;
    assert!(signed.contains("__Host-forewarn_session_a=") && signed.contains("; Secure"), "{signed}");

    // The command line believes the authority that it is given, and no other.
    let status = async |ca: Option<&Path>| {
        let mut command = tokio::process::Command::new(binary());
        command.args(["status", "--json"]).env("FOREWARN_URL", format!("https://{one}")).env("FOREWARN_TOKEN", TOKEN);
        ca.into_iter().for_each(|ca| _ = command.arg("--ca").arg(ca));
        let run = command.env_remove("FOREWARN_CA").output().await.unwrap();
        (run.status.code(), String::from_utf8_lossy(&[run.stdout, run.stderr].concat()).into_owned())
    };
    let (code, said) = status(Some(&ca)).await;
    assert!(code == Some(0) && said.contains("\"mail\""), "{said}");
    let (code, said) = status(Some(&tls.file("none.pem"))).await;
    assert!(code == Some(1) && said.contains("--ca: ") && said.contains("none.pem cannot be read"), "{said}");
    let (code, said) = status(None).await;
    assert!(code == Some(1) && said.contains("ertificate"), "{said}");
}

/// Takes off TLS before an upstream without it.
async fn under_tls(tls: &Tls, name: &str, to: SocketAddr) -> SocketAddr {
    use forewarn::tls::{Acceptor, Certificate, Offer};
    let chain = Certificate::chain(&tls.file(&format!("{name}.pem"))).unwrap();
    let certificate = chain.with_key(&tls.file(&format!("{name}.key"))).unwrap();
    let acceptor = Acceptor::new("gate", Offer::new(&[certificate], &["http/1.1"], None).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let acceptor = TlsAcceptor::from(acceptor.config());
            tokio::spawn(async move {
                let Ok(mut client) = acceptor.accept(client).await else { return };
                let mut upstream = TcpStream::connect(to).await.unwrap();
                copy_bidirectional(&mut client, &mut upstream).await.ok();
            });
        }
    });
    at
}

#[tokio::test]
async fn upstreams_under_tls_are_checked_and_their_connections_kept() {
    let tls = Arc::new(Tls::new());
    tls.issue("good", &["localhost", "127.0.0.1"], 5);
    tls.issue("other", &["other.example"], 5);
    let echo = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let echo_at = echo.local_addr().unwrap();
    tokio::spawn(async move {
        // Answers once with another protocol, and gives back what comes.
        let (mut stream, _) = echo.accept().await.unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"\r\n\r\n") {
            assert!(stream.read_buf(&mut seen).await.unwrap() > 0);
        }
        stream.write_all(b"HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n").await.unwrap();
        let (mut read, mut write) = stream.split();
        tokio::io::copy(&mut read, &mut write).await.unwrap();
    });
    // A farm is built to have an upstream; its addresses under TLS are made after it.
    let farm = Farm::new(1).applications("[[application]]\nname = \"good\"\n").build().await;
    let good = under_tls(&tls, "good", farm.upstream.address).await;
    let other = under_tls(&tls, "other", farm.upstream.address).await;
    let echo = under_tls(&tls, "good", echo_at).await;
    let ca = tls.file("ca.pem");
    let mut applications = String::new();
    for (name, to, ca) in [
        ("good", format!("https://localhost:{}", good.port()), Some(&ca)),
        ("echo", format!("https://{echo}"), Some(&ca)),
        ("other", format!("https://localhost:{}", other.port()), Some(&ca)),
        ("system", format!("https://localhost:{}", good.port()), None),
    ] {
        let ca = ca.map(|ca| format!("upstream_ca = {ca:?}\n")).unwrap_or_default();
        applications += &format!("[[application]]\nname = {name:?}\nroutes = [\"/{name}\"]\nupstream = [{to:?}]\n{ca}");
    }
    let node = &farm[0];
    let toml = std::fs::read_to_string(&node.config).unwrap();
    std::fs::write(&node.config, toml.replace("[[application]]\nname = \"good\"\n", &applications)).unwrap();
    node.start();
    node.wait_ready().await;

    node.gate_get("/good/x", &[]).await.expect(200);
    assert_eq!(farm.upstream.seen()[0].all("host"), [node.gate.to_string()], "the user's own host");
    // On connections that are kept, bodies both ways.
    let body = vec![b'x'; 2_000_000];
    for _ in 0..3 {
        let reply = node.gate_send("POST", "/good/echo", &[], Some(&body)).await.expect(200);
        assert_eq!(reply.body.len(), body.len());
    }
    // A certificate for another host, and one of an authority that the system does not know.
    for path in ["/other", "/system"] {
        node.gate_get(path, &[]).await.expect(502);
    }
    node.wait_log(&["upstream_failed", "application=other", "not valid for name"]).await;

    // A tunnel.
    let mut stream = TcpStream::connect(node.gate).await.unwrap();
    let head = "GET /echo HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\n") {
        assert!(stream.read_buf(&mut seen).await.unwrap() > 0);
    }
    assert_eq!(raw_status(&seen), 101);
    let said = vec![b'y'; 300_000];
    let (mut read, mut write) = stream.split();
    let (_, back) = tokio::join!(
        async {
            write.write_all(&said).await.unwrap();
            write.shutdown().await.unwrap();
        },
        async {
            let mut back = Vec::new();
            read.read_to_end(&mut back).await.unwrap();
            back
        }
    );
    assert_eq!(back.len(), said.len());
}
