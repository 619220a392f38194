//! Starting and stopping: phases that can be watched, who is let in when, what keeps a node from
//! starting at all.

use std::{
    io::ErrorKind,
    net::TcpListener,
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    closing, opening,
    peers::{deliver, entry},
    support::{Farm, Stranger, own_address, wait::poll_until},
};

/// An address that takes connections and never answers.
pub fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind((own_address(), 0)).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    (listener, address)
}

#[tokio::test]
async fn while_it_merges_peers_are_heard_and_users_and_submitters_wait() {
    let (_listener, nobody) = silent();
    let farm = Farm::new(1).peers_of(0, &[nobody]).merge("timeout = \"1500ms\"\nevery = \"1h\"").build().await;
    let (node, stranger) = (&farm[0], Stranger::new());
    let began = Instant::now();
    node.start();
    poll_until("the merge phase is reached", async || node.phase().await == Some((503, "merge".to_owned()))).await;
    let readyz = node.control("GET", "/readyz", &[], None).await.expect(503);
    assert_eq!(
        (readyz.header("retry-after"), readyz.json()),
        (Some("1"), json!({"status": "starting", "phase": "merge"}))
    );
    node.control("GET", "/healthz", &[], None).await.expect(200);
    let refused = node.submit(opening("system")).await.expect(503);
    assert!(
        refused.header("retry-after").is_some() && refused.json()["detail"].as_str().unwrap().contains("merge"),
        "{}",
        refused.text()
    );
    assert!(node.try_gate("GET", "/mail", &[], None).await.is_err(), "the gate does not listen yet");
    let message = deliver(stranger.id(), &[entry(stranger.id(), json!({"message": "told while starting"}))]);
    let told = stranger.post(node, "/peer/v1/notifications", &message).await.expect(200).json();
    assert!(["queued", "applied"].contains(&told["receipts"][0]["state"].as_str().unwrap()), "{told}");
    let merge = json!({"limit": forewarn::clock::now(), "fingerprint": "00", "count": 0, "whole": true});
    let merged = stranger.post(node, "/peer/v1/merge", &merge).await.expect(200).json();
    assert_eq!(merged["entries"].as_array().unwrap().len(), 1, "it answers merges: {merged}");
    node.wait_ready().await;
    assert!(
        began.elapsed() >= Duration::from_millis(1_500) && began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(node.gate_get("/mail", &[]).await.expect(503).json()["message"], "told while starting");
    node.wait_log(&["WARN", "no_reference_answered"]).await;
    node.submit(opening("application:mail")).await.expect(202);
}

#[tokio::test]
async fn a_node_that_is_told_to_stop_while_it_starts_stops() {
    let (_listener, nobody) = silent();
    let farm = Farm::new(1).peers_of(0, &[nobody]).merge("timeout = \"30s\"").build().await;
    farm[0].start();
    poll_until("the merge phase is reached", async || farm[0].phase().await == Some((503, "merge".to_owned()))).await;
    let began = Instant::now();
    farm[0].terminate().await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test]
async fn an_orderly_stop_finishes_what_is_in_flight() {
    let farm = Farm::new(1).start().await;
    let node = &farm[0];
    node.submit(closing("application:chat", json!({}))).await.expect(202);
    let mut events = node.events().await;
    let (slow, ()) = tokio::join!(node.try_gate("GET", "/mail/slow?ms=1200", &[], None), async {
        poll_until("the request is in flight", async || farm.upstream.count() == 1).await;
        let began = Instant::now();
        node.terminate().await;
        assert!(
            began.elapsed() >= Duration::from_millis(500) && began.elapsed() < Duration::from_secs(8),
            "{:?}",
            began.elapsed()
        );
    });
    assert_eq!(slow.unwrap().expect(200).text(), "slow, but performed");
    let ended = tokio::time::timeout(Duration::from_secs(1), async { while events.next().await.is_ok() {} }).await;
    assert!(ended.is_ok(), "streams end with the node");
    assert!(node.try_gate("GET", "/chat", &[], None).await.is_err());
    node.restart().await;
    node.gate_get("/chat", &[]).await.expect(503);
}

/// Asks on one connection until the gate says that it ends. Returns how many were answered; an answer that does not
/// come is a failure. A connection that the system resets before its first answer was never accepted: its listener
/// closed while it was in the queue.
async fn ask_on(mut stream: TcpStream, path: &str) -> usize {
    let mut answered = 0;
    loop {
        let request = format!("HEAD {path} HTTP/1.1\r\nHost: h\r\n\r\n");
        let asked = stream.write_all(request.as_bytes()).await;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let read = stream.read_buf(&mut head).await;
            if answered == 0 && read.as_ref().is_err_and(|error| error.kind() == ErrorKind::ConnectionReset) {
                return 0;
            }
            assert!(read.as_ref().is_ok_and(|n| *n > 0), "{asked:?} {read:?} after {answered} answers: {head:?}");
        }
        answered += 1;
        if String::from_utf8_lossy(&head).contains("connection: close") || answered == 50 {
            return answered;
        }
    }
}

#[tokio::test]
async fn a_restart_under_load_loses_no_connection_that_was_accepted() {
    let farm = Farm::new(1).start().await;
    let node = &farm[0];
    node.submit(closing("application:chat", json!({}))).await.expect(202);
    let over = std::cell::Cell::new(false);
    let clients = (0..8).map(|n| {
        let over = &over;
        async move {
            let mut answered = 0;
            while !over.get() {
                // Refused while nobody listens; whoever is let in is answered.
                match TcpStream::connect(node.gate).await {
                    Ok(stream) => answered += ask_on(stream, if n % 2 == 0 { "/chat" } else { "/mail/x" }).await,
                    Err(_) => tokio::task::yield_now().await,
                }
            }
            answered
        }
    });
    let restarts = async {
        for _ in 0..3 {
            node.terminate().await;
            node.restart().await;
        }
        over.set(true);
    };
    let (answered, ()) = tokio::join!(futures_util::future::join_all(clients), restarts);
    assert!(answered.iter().all(|count| *count > 0), "{answered:?}");
}

#[tokio::test]
async fn a_taken_port_and_a_taken_store_are_said_plainly() {
    for key in ["control.listen", "gate.listen"] {
        let farm = Farm::new(1).build().await;
        let address = if key == "gate.listen" { farm[0].gate } else { farm[0].control };
        let _taken = TcpListener::bind(address).unwrap();
        farm[0].start();
        assert_eq!(farm[0].wait_exit().await.code(), Some(1));
        let log = farm[0].log();
        assert!(
            log.contains(key) && log.contains(&address.to_string()) && log.to_lowercase().contains("in use"),
            "{log}"
        );
        assert!(!log.contains("panicked"), "{log}");
    }
    // two processes on one store
    let farm = Farm::new(1).start().await;
    let other = Farm::new(1).build().await;
    let config = std::fs::read_to_string(&other[0].config).unwrap();
    let config = config.replace(&format!("{:?}", other[0].data), &format!("{:?}", farm[0].data));
    std::fs::write(&other[0].config, config).unwrap();
    other[0].start();
    assert_eq!(other[0].wait_exit().await.code(), Some(1));
    let log = other[0].log();
    assert!(log.contains(farm[0].data.to_str().unwrap()) && log.contains("in use by another forewarn"), "{log}");
    farm[0].submit(opening("system")).await.expect(202);
}

#[tokio::test]
async fn a_wrong_configuration_is_said_with_key_and_line() {
    let farm = Farm::new(1)
        .more(0, "[[application]]\nname = \"mail2\"\nroutes = [\"/mail2\"]\nuses = [\"nothing\"]\ncolour = 1")
        .build()
        .await;
    farm[0].start();
    assert_eq!(farm[0].wait_exit().await.code(), Some(1));
    let log = farm[0].log();
    let text = std::fs::read_to_string(&farm[0].config).unwrap();
    let line = text.lines().position(|line| line == "colour = 1").unwrap() + 1;
    assert!(log.contains("colour") && log.contains(&format!(":{line}")) && log.contains("nothing"), "{log}");
}

#[tokio::test]
async fn two_nodes_with_one_name_are_told_apart_and_the_newcomer_is_refused() {
    let farm = Farm::new(3).name_of(2, "a").build().await;
    for node in [0, 1] {
        farm[node].restart().await;
    }
    farm[0].submit_with("?wait=all&timeout=5s", crate::support::TOKEN, closing("application:chat", json!({}))).await;
    farm[2].start();
    farm[2].wait_fenced().await;
    let line = farm[2].wait_log(&["ERROR", "event=fenced"]).await;
    assert!(line.contains("another name"), "{line}");
    let refused = farm[2].submit(closing("application:mail", json!({}))).await.expect(503);
    assert!(refused.json()["detail"].as_str().unwrap().contains("name"), "{}", refused.text());
    farm[0].submit(closing("application:directory", json!({}))).await.expect(202);
    assert_eq!(
        farm[0].get("/api/v1/nodes").await.json()["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|node| node["name"] == "a")
            .count(),
        1
    );
    // another name, as the message says, and it is one of them
    farm[2].terminate().await;
    let config = std::fs::read_to_string(&farm[2].config).unwrap();
    std::fs::write(&farm[2].config, config.replacen("name = \"a\"", "name = \"c\"", 1)).unwrap();
    farm[2].restart().await;
    farm[2].gate_get("/chat", &[]).await.expect(503);
    farm[2].gate_get("/directory", &[]).await.expect(503);
    farm[2].submit_wait_all(closing("application:mail", json!({}))).await;
    farm[0].gate_get("/mail", &[]).await.expect(503);
}

#[tokio::test]
async fn two_farms_with_a_namesake_each_are_joined() {
    let farm = Farm::new(4).name_of(3, "a").build().await;
    let config = |node: usize| std::fs::read_to_string(&farm[node].config).unwrap();
    let addresses: Vec<String> = farm.nodes.iter().map(|node| format!("http://{}", node.control)).collect();
    let knows = |node: usize, peers: &[usize]| {
        let peers: Vec<&String> = peers.iter().map(|peer| &addresses[*peer]).collect();
        let (line, rest) = config(node)
            .split_once("peers = ")
            .map(|(head, rest)| (head.to_owned(), rest.split_once('\n').unwrap().1.to_owned()))
            .unwrap();
        std::fs::write(&farm[node].config, format!("{line}peers = {peers:?}\n{rest}")).unwrap();
    };
    for (node, peer) in [(0, 1), (1, 0), (2, 3), (3, 2)] {
        knows(node, &[peer]);
        farm[node].restart().await;
    }
    farm[0].submit_wait_all(closing("application:chat", json!({}))).await;
    farm[3].submit_wait_all(closing("application:mail", json!({}))).await;
    // b gets to know c, and the two named a hear of each other from others only
    farm[1].terminate().await;
    knows(1, &[0, 2]);
    farm[1].restart().await;
    let line = farm[3].wait_log(&["ERROR", "event=fenced"]).await;
    assert!(line.contains("the name a belongs to"), "{line}");
    let refused = farm[3].submit(closing("application:directory", json!({}))).await.expect(503);
    assert!(refused.json()["detail"].as_str().unwrap().contains("another name"), "{}", refused.text());
    farm[0].submit(closing("application:directory", json!({}))).await.expect(202);
    // what either farm knew is known to all, and to the one that has to be named anew when it has been
    let knows_all = async |node: usize| {
        for application in ["chat", "mail", "directory"] {
            farm[node].wait_available(application, false).await;
        }
    };
    for node in 0..3 {
        knows_all(node).await;
    }
    farm[3].terminate().await;
    std::fs::write(&farm[3].config, config(3).replacen("name = \"a\"", "name = \"d\"", 1)).unwrap();
    farm[3].restart().await;
    knows_all(3).await;
    farm[3].submit_wait_all(opening("application:mail")).await;
    farm[0].gate_get("/mail", &[]).await.expect(200);
}

#[tokio::test]
async fn a_copied_store_is_found_out_and_takes_no_submissions() {
    let farm = Farm::new(3).name_of(2, "c").build().await;
    for node in [0, 1] {
        farm[node].restart().await;
    }
    farm[0].submit_with("?wait=all&timeout=5s", crate::support::TOKEN, closing("application:chat", json!({}))).await;
    // c is started with a copy of b's store, made while b was stopped; b starts once more meanwhile
    farm[1].terminate().await;
    copy(&farm[1].data, &farm[2].data);
    farm[1].restart().await;
    farm[2].start();
    farm[2].wait_fenced().await;
    let line = farm[2].wait_log(&["ERROR", "event=fenced"]).await;
    assert!(line.contains("copy") && line.contains("store renew"), "{line}");
    let refused = farm[2].submit(closing("application:mail", json!({}))).await.expect(503);
    assert!(refused.json()["detail"].as_str().unwrap().contains("store renew"), "{}", refused.text());
    // the rest of the farm goes on, and the copy still answers its users from what it knows
    farm[1].submit(closing("application:directory", json!({}))).await.expect(202);
    farm[2].gate_get("/chat", &[]).await.expect(503);
    // however often it is started, also more often than the other, it does not take that one's place
    for _ in 0..3 {
        farm[2].terminate().await;
        farm[2].start();
        farm[2].wait_fenced().await;
        farm[2].submit(closing("application:mail", json!({}))).await.expect(503);
    }
    farm[1].submit(opening("application:chat")).await.expect(202);
    farm[1].submit(closing("application:chat", json!({}))).await.expect(202);
    // renewed, it is a member like any other
    farm[2].terminate().await;
    let renewed = std::process::Command::new(crate::support::binary())
        .args(["store", "renew", "--config"])
        .arg(&farm[2].config)
        .output()
        .unwrap();
    assert!(renewed.status.success(), "{}", String::from_utf8_lossy(&renewed.stderr));
    farm[2].restart().await;
    farm[2].gate_get("/directory", &[]).await.expect(503);
    let told = farm[2]
        .submit_with("?wait=all&timeout=5s", crate::support::TOKEN, closing("application:mail", json!({})))
        .await
        .expect(200)
        .json();
    assert_eq!(told["delivery"].as_array().unwrap().len(), 3, "{told}");
    farm[0].gate_get("/mail", &[]).await.expect(503);
}

/// Replaces the list of peers in a node's configuration.
fn set_peers(node: &crate::support::Node, peers: &[&crate::support::Node]) {
    let peers: Vec<String> = peers.iter().map(|peer| format!("http://{}", peer.control)).collect();
    let config = std::fs::read_to_string(&node.config).unwrap();
    let (head, rest) = config.split_once("peers = ").unwrap();
    let (_, rest) = rest.split_once('\n').unwrap();
    std::fs::write(&node.config, format!("{head}peers = {peers:?}\n{rest}")).unwrap();
}

#[tokio::test]
async fn the_original_is_fenced_as_well_when_a_copy_has_overtaken_it() {
    let farm = Farm::new(3).merge("timeout = \"1s\"\nevery = \"1h\"").name_of(2, "c").build().await;
    let (a, b, c) = (&farm[0], &farm[1], &farm[2]);
    set_peers(a, &[b]);
    set_peers(b, &[a]);
    set_peers(c, &[a]);
    a.restart().await;
    b.restart().await;
    a.submit_wait_all(closing("application:chat", json!({}))).await;
    // A copy of b's store is started more often than b while a is away, and then once more.
    b.terminate().await;
    copy(&b.data, &c.data);
    b.restart().await;
    a.terminate().await;
    for _ in 0..2 {
        c.restart().await;
        c.terminate().await;
    }
    a.restart().await;
    c.restart().await;
    // b is ready and cannot know, until a turns its next delivery away: before b's disk has answered, or after.
    let sent = closing("application:mail", json!({"id": "018f0000-0000-7000-8000-000000000001"}));
    let first = b.submit(sent.clone()).await;
    assert!(matches!(first.status, 202 | 503), "{}", first.text());
    b.wait_fenced().await;
    let line = b.wait_log(&["ERROR", "event=fenced"]).await;
    assert!(line.contains("forewarn store renew"), "{line}");
    let readiness = b.control("GET", "/readyz", &[], None).await.expect(503).json();
    assert!(readiness["detail"].as_str().unwrap().contains("forewarn store renew"), "{readiness}");
    // The same once more is refused like anything new: it would not leave this node.
    for notification in [sent, closing("application:directory", json!({}))] {
        let refused = b.submit(notification).await.expect(503);
        assert!(refused.json()["detail"].as_str().unwrap().contains("forewarn store renew"), "{}", refused.text());
    }
    let nodes = b.get("/api/v1/nodes").await.expect(200).json();
    assert_eq!(nodes["nodes"][0]["phase"], "fenced", "{nodes}");
    // Users are still told what is known.
    b.gate_get("/chat", &[]).await.expect(503);
    // A restart does not hide it; a new identity ends it, and what was accepted is delivered.
    b.terminate().await;
    b.start();
    b.wait_fenced().await;
    b.terminate().await;
    let renewed = std::process::Command::new(crate::support::binary())
        .args(["store", "renew", "--config"])
        .arg(&b.config)
        .output()
        .unwrap();
    assert!(renewed.status.success(), "{}", String::from_utf8_lossy(&renewed.stderr));
    b.restart().await;
    a.wait_available("mail", false).await;
    b.submit(closing("application:directory", json!({}))).await.expect(202);
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        if file.file_type().unwrap().is_dir() {
            copy(&file.path(), &to.join(file.file_name()));
        } else {
            std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }
}
