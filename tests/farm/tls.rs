//! TLS of the gate: who is shown which certificate, what is the same under TLS as without it, and what is not.

use std::{net::SocketAddr, sync::Arc};

use rustls::ClientConfig;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::{
    closing,
    support::{
        Farm, Node,
        http::raw_status,
        tls::{Tls, ask, connect},
        wait::poll_until,
    },
};

fn get(path: &str, host: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
}

async fn status(node: &Node, config: &Arc<ClientConfig>, host: &str, path: &str) -> u16 {
    raw_status(ask(node.gate, host, config, &get(path, host)).await.as_bytes())
}

#[tokio::test]
async fn the_gate_under_tls() {
    let tls = Tls::new();
    let first = tls.issue("site", &["site.example", "127.0.0.1"], 5);
    let second = tls.issue("shop", &["shop.example", "*.shop.example"], 5);
    let second = second.trim().replace('\n', ", ");
    let redirect = crate::support::free_port(crate::support::own_address());
    let farm = Farm::new(1)
        .gate(&format!("redirect = \"{redirect}\""))
        .more(0, &format!("[gate.tls]\n{first}hsts = \"365d\"\ncertificates = [{{ {second} }}]\n"))
        .start()
        .await;
    let (node, config) = (&farm[0], tls.client(&[]));

    // Each host has its certificate; a host that has none is shown the first, which its client refuses.
    for host in ["site.example", "shop.example", "a.shop.example"] {
        assert_eq!(status(node, &config, host, "/mail").await, 200, "{host}");
    }
    let error = connect(node.gate, "other.example", &config).await.unwrap_err().to_string();
    assert!(error.contains("not valid for name"), "{error}");

    // Both versions, and nothing older; HTTP/1.1 for those who ask.
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let roots = forewarn::tls::authorities(&tls.file("ca.pem")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[version]).unwrap();
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let stream = connect(node.gate, "site.example", &Arc::new(config)).await.unwrap();
        assert_eq!(stream.get_ref().1.protocol_version(), Some(version.version));
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    }

    // The upstream learns of it, the browser is told to come back so.
    let hsts = "strict-transport-security: max-age=31536000\r\n";
    farm.upstream.forget();
    let answer = ask(node.gate, "site.example", &config, &get("/mail/x", "site.example")).await;
    assert!(answer.contains(hsts), "{answer}");
    let seen = &farm.upstream.seen()[0];
    assert_eq!(seen.all("x-forwarded-proto"), ["https"]);
    assert!(seen.all("forwarded")[0].ends_with(";host=\"site.example\";proto=https"), "{seen:?}");

    // A denial, and the gate's own pages.
    node.submit_wait_all(closing("application:mail", json!({}))).await;
    let denial = ask(node.gate, "site.example", &config, &get("/mail/x", "site.example")).await;
    assert_eq!(raw_status(denial.as_bytes()), 503);
    assert!(denial.contains("forewarn-application: mail\r\n") && denial.contains(hsts), "{denial}");
    let own = ask(node.gate, "site.example", &config, &get("/.forewarn/availability", "site.example")).await;
    assert!(raw_status(own.as_bytes()) == 200 && own.contains(hsts), "{own}");

    // Who comes without TLS is sent to it, whatever is asked; and is told nothing that counts under TLS only.
    let plain = |text: String| async move { plainly(redirect, &text).await };
    let sent = plain(get("/mail//x?y=%2f", "site.example:80")).await;
    let to = format!("location: https://site.example:{}/mail//x?y=%2f\r\n", node.gate.port());
    assert!(raw_status(sent.as_bytes()) == 308 && sent.contains(&to) && !sent.contains("strict"), "{sent}");
    assert_eq!(raw_status(plain("GET / HTTP/1.0\r\n\r\n".to_owned()).await.as_bytes()), 400, "no host");

    // Several requests on one connection, a large body each way.
    let mut stream = connect(node.gate, "site.example", &config).await.unwrap();
    let body = "x".repeat(3_000_000);
    for _ in 0..2 {
        let head = format!("POST /chat/echo HTTP/1.1\r\nHost: site.example\r\nContent-Length: {}\r\n\r\n", body.len());
        let (mut read, mut write) = tokio::io::split(&mut stream);
        let sending = async {
            write.write_all(head.as_bytes()).await.unwrap();
            write.write_all(body.as_bytes()).await.unwrap();
            write.flush().await.unwrap();
        };
        let receiving = async {
            let mut answer = Vec::new();
            while !answer.windows(4).any(|w| w == b"\r\n\r\n") || answer.len() < body.len() {
                assert!(read.read_buf(&mut answer).await.unwrap() > 0);
            }
            answer
        };
        let (_, answer) = tokio::join!(sending, receiving);
        assert_eq!(raw_status(&answer), 200);
    }
    drop(stream);

    // The metric says when the certificates end.
    let metrics = node.control("GET", "/metrics", &[], None).await.text();
    let metric = "forewarn_certificate_expiry_timestamp_seconds{listener=\"gate\",file=";
    assert_eq!(metrics.lines().filter(|line| line.starts_with(metric)).count(), 2, "{metrics}");

    // A stranger who never finishes the handshake costs no more than a head's time, and stops nobody.
    let silent = tokio::net::TcpStream::connect(node.gate).await.unwrap();
    assert_eq!(status(node, &config, "site.example", "/chat").await, 200);
    drop(silent);

    // A renewed certificate is shown after a reload; connections that are there go on.
    let mut before = connect(node.gate, "site.example", &config).await.unwrap();
    tls.issue("site", &["new.example", "127.0.0.1"], 5);
    crate::reloading::reload(node, crate::support::TOKEN).await.expect(200);
    assert_eq!(status(node, &config, "new.example", "/chat").await, 200);
    before.write_all(get("/chat", "site.example").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    before.read_to_end(&mut answer).await.ok();
    assert_eq!(raw_status(&answer), 200);
    node.terminate().await;
}

async fn plainly(address: SocketAddr, request: &str) -> String {
    String::from_utf8(crate::support::http::raw(address, request.as_bytes()).await).unwrap()
}

#[tokio::test]
async fn what_is_wrong_with_certificates_is_said_before_and_after_the_start() {
    let tls = Tls::new();
    let expired = tls.issue("old", &["site.example"], 0);
    tls.issue("new", &["site.example"], 5);
    let farm = Farm::new(1).more(0, &format!("[gate.tls]\n{expired}")).build().await;
    let (node, good) = (&farm[0], std::fs::read_to_string(&farm[0].config).unwrap());
    let check = async |toml: &str| {
        let file = farm.folder.path().join("checked.toml");
        std::fs::write(&file, toml).unwrap();
        let run =
            tokio::process::Command::new(crate::support::binary()).arg("check").arg(&file).output().await.unwrap();
        (run.status.code(), String::from_utf8_lossy(&run.stderr).into_owned())
    };
    for (from, to, says) in [
        ("old.key", "old.key", "gate.tls.cert: "),
        ("old.key", "old.key", "old.pem has expired at "),
        ("old.key", "new.key", "gate.tls.key: "),
        ("old.key", "new.key", "new.key is not the key of the certificate in "),
        ("old.key", "none.key", "none.key cannot be read: "),
        ("old.pem", "new.key", "gate.tls.cert: "),
        ("old.pem", "new.key", "new.key has no certificate"),
    ] {
        let (code, said) = check(&good.replace(from, to)).await;
        assert!(code == Some(1) && said.contains(says), "{from} → {to}: {said}");
    }
    // A node that has to start serves, and says it.
    node.start();
    node.wait_ready().await;
    poll_until("it says so", async || node.log().contains("certificate_expired")).await;
    let error = connect(node.gate, "site.example", &tls.client(&[])).await.unwrap_err().to_string();
    assert!(error.contains("expired"), "{error}");
}
