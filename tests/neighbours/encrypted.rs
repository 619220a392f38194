//! Clients of others on the gate's TLS and HTTP/2 (docs/contract.md#tls, docs/contract.md#http2): `openssl s_client`
//! asks for versions and suites, old ones too; `nghttp` and `h2load` speak HTTP/2; `curl` is a client of TLS 1.2.

use std::{path::PathBuf, process::Stdio};

use serde_json::json;

use crate::{
    proxy,
    support::{Farm, tls::Tls},
};

/// A gate under TLS: `chat` is open, `mail` closed.
struct Gate {
    farm: Farm,
    tls: Tls,
}

impl Gate {
    async fn start() -> Self {
        let tls = Tls::new();
        let first = tls.issue("site", &["site.example"], 5);
        let second = tls.issue("shop", &["shop.example"], 5).trim().replace('\n', ", ");
        let section = format!("[gate.tls]\n{first}certificates = [{{ {second} }}]\n");
        let farm = Farm::new(1).more(0, &section).start().await;
        farm[0].submit_wait_all(json!({"targets": ["application:mail"], "status": "unavailable"})).await;
        Self { farm, tls }
    }

    fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.farm[0].gate)
    }

    /// What a program says, and whether it was content.
    async fn run(&self, program: &PathBuf, arguments: &[&str]) -> (bool, String) {
        let mut command = tokio::process::Command::new(program);
        let output = command.args(arguments).stdin(Stdio::null()).output().await.unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    }

    /// A handshake of `openssl s_client` as this host's client: it must end well with a certificate of that host.
    async fn handshake(&self, openssl: &PathBuf, host: &str, more: &str) -> (bool, String) {
        let (address, ca) = (self.farm[0].gate.to_string(), crate::support::tls::text(&self.tls.file("ca.pem")));
        let mut arguments = vec!["s_client", "-connect", &address, "-CAfile", &ca, "-verify_return_error"];
        arguments.extend(["-servername", host, "-verify_hostname", host]);
        arguments.extend(more.split_whitespace());
        self.run(openssl, &arguments).await
    }
}

#[tokio::test]
async fn openssl_finds_two_versions_strong_suites_and_each_hosts_certificate() {
    let Some(openssl) = proxy::find("openssl") else { return };
    let gate = Gate::start().await;
    let all = "-cipher ALL:COMPLEMENTOFALL@SECLEVEL=0";
    for (version, protocol) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        for host in ["site.example", "shop.example"] {
            let (fine, said) = gate.handshake(&openssl, host, version).await;
            assert!(fine && said.contains(&format!("New, {protocol}")), "{host} {version}: {said}");
        }
    }
    let weak = "-tls1_2 -cipher ALL:COMPLEMENTOFALL:!AESGCM:!CHACHA20@SECLEVEL=0";
    let statically = "-tls1_2 -cipher kRSA:kDHE:aNULL:eNULL@SECLEVEL=0";
    for refused in [&format!("-tls1 {all}"), &format!("-tls1_1 {all}"), weak, statically] {
        let (fine, said) = gate.handshake(&openssl, "site.example", refused).await;
        // It is the gate that refuses, not the client that cannot ask.
        assert!(!fine && said.contains("alert"), "{refused}: {said}");
    }
    for (offered, chosen) in [("h2,http/1.1", "h2"), ("http/1.1", "http/1.1")] {
        let (fine, said) = gate.handshake(&openssl, "site.example", &format!("-alpn {offered}")).await;
        assert!(fine && said.contains(&format!("ALPN protocol: {chosen}\n")), "{offered}: {said}");
    }
    let (fine, said) = gate.handshake(&openssl, "site.example", "-alpn gopher").await;
    assert!(!fine && said.contains("no application protocol"), "{said}");
    // A host without a certificate is shown the first one.
    let (fine, said) = gate.handshake(&openssl, "other.example", "").await;
    assert!(!fine && said.contains("hostname mismatch"), "{said}");
}

#[tokio::test]
async fn clients_of_others_speak_http2_and_an_old_one_tls_1_2() {
    let (Some(nghttp), Some(h2load)) = (proxy::find("nghttp"), proxy::find("h2load")) else { return };
    let gate = Gate::start().await;
    let ca = crate::support::tls::text(&gate.tls.file("ca.pem"));
    // Ten requests at a time on one connection, denied and performed, and an upload of many frames with trailers.
    let (fine, said) = gate.run(&nghttp, &["-nv", "-m", "10", &gate.url("/mail"), &gate.url("/chat")]).await;
    let count = |status: &str| said.matches(&format!(":status: {status}")).count();
    assert!(fine && (count("503"), count("200")) == (10, 10), "{said}");
    let body = gate.farm.folder.path().join("body");
    std::fs::write(&body, vec![b'x'; 300_000]).unwrap();
    let body = crate::support::tls::text(&body);
    let (fine, said) = gate.run(&nghttp, &["-nv", "-d", &body, "--trailer", "x-t: 1", &gate.url("/chat/echo")]).await;
    assert!(fine && said.contains(":status: 200"), "{said}");
    assert_eq!(gate.farm.upstream.seen().last().unwrap().body.len(), 300_000);
    for (path, statuses) in [("/chat", "400 2xx, 0 3xx, 0 4xx, 0 5xx"), ("/mail", "0 2xx, 0 3xx, 0 4xx, 400 5xx")] {
        let (fine, said) = gate.run(&h2load, &["-n", "400", "-c", "4", "-m", "20", &gate.url(path)]).await;
        assert!(fine && said.contains(statuses) && said.contains("0 errored, 0 timeout"), "{path}: {said}");
    }
    let Some(curl) = proxy::find("curl") else { return };
    let at = gate.farm[0].gate;
    let host = format!("site.example:{}:{}", at.port(), at.ip());
    for (path, status) in [("/chat", "200 "), ("/mail", "503 ")] {
        let url = format!("https://site.example:{}{path}", at.port());
        let old = ["--tls-max", "1.2", "--http1.1", "--cacert", &ca, "--resolve", &host, &url];
        let asked = [&["-s", "-o", "/dev/null", "-w", "%{http_code} %{errormsg}"], &old[..]].concat();
        assert_eq!(gate.run(&curl, &asked).await, (true, status.to_owned()));
    }
}
