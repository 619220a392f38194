//! The examples of `docs/beside/`, as they stand there but for the addresses: what works passes, what is closed is
//! answered by Forewarn.

use std::net::SocketAddr;

use serde_json::json;

use crate::{
    get,
    proxy::{self, Proxy},
    support::{Farm, wait::poll_until},
};

/// With this farm's addresses instead of those of the examples.
fn with_addresses(example: &str, farm: &Farm) -> String {
    let gate: SocketAddr = farm[0].gate;
    example
        .replace("addr 127.0.0.1 port 8080", &format!("addr {} port {}", gate.ip(), gate.port()))
        .replace("127.0.0.1:8080", &gate.to_string())
        .replace("127.0.0.1:9001", &farm.upstream.address.to_string())
}

/// What users see through a proxy: an application that works, what Forewarn does not know, the gate's own
/// addresses, and a closing from its beginning to its end.
async fn try_out(proxy: &Proxy, farm: &Farm) {
    get(proxy, "/mail/x", &[]).await.expect(200);
    get(proxy, "/nobody/knows", &[]).await.expect(200);
    let script = get(proxy, "/.forewarn/forewarn.js", &[]).await.expect(200);
    assert!(script.text().contains("sessionStorage"));
    let closing = json!({"targets": ["application:mail"], "status": "unavailable", "reason": "planned-maintenance"});
    farm[0].submit_wait_all(closing).await;
    poll_until("mail is closed", async || get(proxy, "/mail/x", &[("accept", "text/html")]).await.status == 503).await;
    let headers = [("accept", "text/html"), ("accept-language", "de")];
    let denied = get(proxy, "/mail/x", &headers).await.expect(503);
    assert_eq!(denied.header("forewarn-reason"), Some("planned-maintenance"));
    assert!(denied.text().contains("Mail ist nicht verfügbar"), "{}", denied.text());
    get(proxy, "/nobody/knows", &[]).await.expect(200);
    farm[0].submit_wait_all(json!({"targets": ["application:mail"], "status": "available"})).await;
    poll_until("mail is open", async || get(proxy, "/mail/x", &[]).await.status == 200).await;
}

#[tokio::test]
async fn the_example_for_nginx_works() {
    let Some(program) = proxy::find("nginx") else { return };
    let farm = Farm::new(1).start().await;
    let server = with_addresses(include_str!("../../docs/beside/nginx.conf"), &farm);
    try_out(&Proxy::nginx(program, &farm, &server).await, &farm).await;
}

#[tokio::test]
async fn the_example_for_caddy_works() {
    let Some(program) = proxy::find("caddy") else { return };
    let farm = Farm::new(1).start().await;
    let example = with_addresses(include_str!("../../docs/beside/Caddyfile"), &farm);
    // The test's own wrapper names the site.
    let (_, site) = example.split_once("http://127.0.0.1:8000 {").unwrap();
    let site = site.trim_end().strip_suffix('}').unwrap();
    try_out(&Proxy::caddy(program, &farm, site).await, &farm).await;
}

#[tokio::test]
async fn the_example_for_haproxy_works() {
    let Some(program) = proxy::find("haproxy") else { return };
    let farm = Farm::new(1).start().await;
    let example = with_addresses(include_str!("../../docs/beside/haproxy.cfg"), &farm);
    try_out(&Proxy::haproxy(program, &farm, &example).await, &farm).await;
}
