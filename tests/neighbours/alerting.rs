//! A real Prometheus notices that an application does not answer, and a real Alertmanager tells a node.

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::{
    proxy::{self, Proxy},
    support::{Farm, free_port, wait::poll_until},
};

/// Something to ask for figures; it goes away when the task is aborted.
async fn figures(address: std::net::SocketAddr) -> tokio::task::JoinHandle<()> {
    let listener = TcpListener::bind(address).await.unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            if stream.read(&mut [0; 4_096]).await.unwrap_or(0) == 0 {
                continue;
            }
            let answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nConnection: close\r\n\
                          Content-Length: 4\r\n\r\nx 1\n";
            stream.write_all(answer.as_bytes()).await.ok();
        }
    })
}

#[tokio::test]
async fn prometheus_and_alertmanager_close_what_does_not_answer_and_open_it_again() {
    let Some(prometheus) = proxy::find("prometheus") else { return };
    let Some(alertmanager) = proxy::find("prometheus-alertmanager") else { return };
    let farm = Farm::new(2).start().await;
    let mail = free_port(farm.address);
    let alertmanager = Proxy::alertmanager(alertmanager, &farm).await;
    let _prometheus = Proxy::prometheus(prometheus, &farm, alertmanager.address, mail).await;

    for node in &farm.nodes {
        node.wait_available("mail", false).await;
    }
    let denied = farm[1].gate_get("/mail", &[("accept", "application/json")]).await.expect(503).json();
    assert_eq!((&denied["reason"], &denied["message"]), (&json!("unplanned-outage"), &json!("Mail does not answer")));
    let history = farm[0].get("/api/v1/notifications").await.json()["notifications"].clone();
    assert!(history[0]["reporter"].as_str().unwrap().starts_with("alert/"), "{history}");
    assert_eq!((&history[0]["source"], history.as_array().unwrap().len()), (&json!("alert"), 1));

    // Alertmanager repeats itself; the other alert is about nothing here.
    poll_until("repeats are counted", async || {
        let metrics = farm[0].control("GET", "/metrics", &[], None).await.text();
        let of = |result: &str| {
            let start = format!("forewarn_alerts_total{{result=\"{result}\"}} ");
            let line =
                metrics.lines().find_map(|line| line.strip_prefix(&start)).unwrap_or_else(|| panic!("{metrics}"));
            line.parse::<u64>().unwrap()
        };
        of("repeated") >= 2 && of("unmatched") >= 2 && of("closed") == 1
    })
    .await;

    let figures = figures(mail).await;
    for node in &farm.nodes {
        node.wait_available("mail", true).await;
    }
    figures.abort();
    farm[1].wait_available("mail", false).await;
}
