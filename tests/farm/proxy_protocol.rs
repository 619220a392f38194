//! The PROXY protocol: from a proxy before the gate, and to upstreams behind it.

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::{
    closing,
    support::{
        Farm,
        http::{raw, raw_status},
    },
};

const GET: &str = "GET /mail HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/// Version 2, from 203.0.113.9.
fn v2(command: u8, more: &[u8]) -> Vec<u8> {
    let mut out = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
    let addresses = [203, 0, 113, 9, 192, 0, 2, 1, 0x0f, 0xa0, 0, 80];
    out.extend_from_slice(&[command, 0x11, 0, u8::try_from(addresses.len() + more.len()).unwrap()]);
    out.extend_from_slice(&addresses);
    out.extend_from_slice(more);
    out
}

#[tokio::test]
async fn a_trusted_proxy_says_for_whom_it_speaks() {
    let farm = Farm::new(1)
        .gate("trusted_proxies = [\"127.0.0.1/32\"]\nproxy_protocol = true\n[gate.timeouts]\nheader = \"300ms\"")
        .start()
        .await;
    let node = &farm[0];
    node.submit_wait_all(closing("application:mail", json!({"criteria": {"clients": ["203.0.113.0/24"]}}))).await;
    let ask = async |header: &[u8]| raw(node.gate, &[header, GET.as_bytes()].concat()).await;

    // Its client is judged and named; what its client says of itself is not believed.
    let line = b"PROXY TCP4 203.0.113.9 192.0.2.1 4000 80\r\n";
    for header in [&line[..], &v2(0x21, &[]), &v2(0x21, &[4, 0, 2, 9, 9])] {
        assert_eq!(raw_status(&ask(header).await), 503);
    }
    let other = b"PROXY TCP6 2001:db8::1 2001:db8::2 4000 80\r\n";
    assert_eq!(raw_status(&ask(other).await), 200);
    assert_eq!(farm.upstream.seen().last().unwrap().all("x-forwarded-for"), ["2001:db8::1"]);
    // Who speaks for itself, or for nobody with an address, is the proxy.
    for header in [&v2(0x20, &[]), &b"PROXY UNKNOWN\r\n".to_vec()] {
        assert_eq!(raw_status(&ask(header).await), 200);
        assert_eq!(farm.upstream.seen().last().unwrap().all("x-forwarded-for"), ["127.0.0.1"]);
    }
    // Byte by byte it is the same.
    let mut slow = TcpStream::connect(node.gate).await.unwrap();
    slow.set_nodelay(true).unwrap();
    for byte in [&v2(0x21, &[])[..], GET.as_bytes()].concat() {
        slow.write_all(&[byte]).await.unwrap();
    }
    let mut answer = Vec::new();
    slow.read_to_end(&mut answer).await.unwrap();
    assert_eq!(raw_status(&answer), 503);

    // Without a header, with a broken one, or none in time: nothing is answered.
    for wrong in [&b""[..], b"PROXY TCP4 x\r\n", b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\0"] {
        assert!(ask(wrong).await.is_empty(), "{wrong:?}");
    }
    let mut silent = TcpStream::connect(node.gate).await.unwrap();
    silent.write_all(b"PROXY TCP4 203.0.113.9").await.unwrap();
    assert_eq!(silent.read_to_end(&mut Vec::new()).await.unwrap_or(0), 0, "closed");
    node.wait_log(&["proxy_header_missing"]).await;
}

#[tokio::test]
async fn an_upstream_is_told_of_each_client() {
    let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let farm = Farm::new(1)
        .applications(&format!(
            "[[application]]\nname = \"mail\"\nroutes = [\"/mail\"]\nproxy_protocol = \"v2\"\nupstream = [\"http://{}\"]\n",
            upstream.local_addr().unwrap()
        ))
        .start()
        .await;
    let mut client = TcpStream::connect(farm[0].gate).await.unwrap();
    let (from, to) = (client.local_addr().unwrap(), client.peer_addr().unwrap());
    let ports = [from.port().to_be_bytes(), to.port().to_be_bytes()].concat();
    let (std::net::IpAddr::V4(from), std::net::IpAddr::V4(to)) = (from.ip(), to.ip()) else { unreachable!() };
    let wanted = [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"[..], &from.octets(), &to.octets(), &ports].concat();
    // Each request has a connection of its own, though its client keeps one.
    for _ in 0..2 {
        client.write_all(b"GET /mail HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let (mut stream, _) = upstream.accept().await.unwrap();
        let mut seen = vec![0; wanted.len()];
        stream.read_exact(&mut seen).await.unwrap();
        assert_eq!(seen, wanted);
        seen.clear();
        while !seen.ends_with(b"\r\n\r\n") {
            assert!(stream.read_buf(&mut seen).await.unwrap() > 0);
        }
        assert!(seen.starts_with(b"GET /mail HTTP/1.1\r\n"));
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            assert!(client.read_buf(&mut answer).await.unwrap() > 0);
        }
        assert_eq!(raw_status(&answer), 204);
    }
}
