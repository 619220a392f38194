//! A node reads its configuration again: by SIGHUP, and when it is asked to.

use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    closing,
    support::{
        Farm, MONITOR_TOKEN, Node, TOKEN, binary, http::Reply, own_address, upstream::Upstream, wait::poll_until,
    },
};

/// Changes a node's file.
fn rewrite(node: &Node, changes: &[(&str, &str)]) {
    let mut file = std::fs::read_to_string(&node.config).unwrap();
    for (from, to) in changes {
        assert!(file.contains(from), "{from}\n{file}");
        file = file.replace(from, to);
    }
    std::fs::write(&node.config, file).unwrap();
}

pub(crate) async fn reload(node: &Node, token: &str) -> Reply {
    node.control("POST", "/api/v1/reload", &[("authorization", &format!("Bearer {token}"))], None).await
}

/// Reads it again, and returns what is in effect and what waits for a restart.
async fn reloaded(node: &Node) -> [Vec<String>; 2] {
    let told = reload(node, TOKEN).await.expect(200).json();
    ["changed", "needs_restart"].map(|list| serde_json::from_value(told[list].clone()).unwrap())
}

const WIKI: &str = "[[application]]\nname = \"wiki\"\nroutes = [\"/wiki\"]\nuses = [\"mail-store\"]\n";

#[tokio::test]
async fn applications_come_and_go_and_know_what_the_ledger_knows() {
    let farm = Farm::new(2).start().await;
    let (a, b) = (&farm[0], &farm[1]);
    a.submit_wait_all(closing("resource:mail-store", json!({"message": "Disk upgrade"}))).await;
    a.gate_get("/wiki", &[]).await.expect(404);
    // A new one, closed by what was said before it came; mail does not use the store any more; chat is gone.
    let chat = "[[application]]\nname = \"chat\"\ntitle = \"Chat\"\nroutes = [\"/chat\"]\n";
    let file = std::fs::read_to_string(&a.config).unwrap();
    let chat_upstream = file.split(chat).nth(1).unwrap().lines().next().unwrap().to_owned();
    rewrite(a, &[("uses = [\"mail-store\"]\n", ""), (&format!("{chat}{chat_upstream}\n"), WIKI)]);
    let [changed, needs_restart] = reloaded(a).await;
    assert!(changed.contains(&"application.name".to_owned()) && needs_restart.is_empty(), "{changed:?}");
    assert_eq!(a.gate_get("/wiki", &[]).await.expect(503).json()["message"], "Disk upgrade");
    a.gate_get("/mail", &[]).await.expect(200);
    a.gate_get("/chat", &[]).await.expect(404);
    a.gate_get("/.forewarn/availability/chat", &[]).await.expect(404);
    // The new one follows the ledger, and the other node takes words about it, for the farm knows it now.
    let word = closing("application:wiki", json!({"message": "Spring cleaning"}));
    b.wait_until("b knows a's new application", async || {
        let nodes = b.get("/api/v1/nodes").await.json();
        let a = nodes["nodes"].as_array().unwrap().iter().find(|node| node["name"] == "a").cloned();
        a.is_some_and(|a| a["definitions"].to_string().contains("mail"))
    })
    .await;
    b.submit_wait_all(word).await;
    let causes = a.gate_get("/wiki", &[]).await.expect(503).json()["causes"].clone();
    assert_eq!(causes, json!(["application:wiki", "resource:mail-store"]));
    // Back to the first file: what was said meanwhile about what had gone counts.
    b.submit_wait_all(closing("application:chat", json!({}))).await;
    std::fs::write(&a.config, file).unwrap();
    reloaded(a).await;
    a.gate_get("/chat", &[]).await.expect(503);
    a.gate_get("/mail", &[]).await.expect(503);
    a.gate_get("/wiki", &[]).await.expect(404);
    assert_eq!(a.fingerprint().await, b.fingerprint().await);
}

#[tokio::test]
async fn a_broken_file_changes_nothing_and_what_needs_a_restart_is_named_and_left() {
    let farm = Farm::new(1).start().await;
    let node = &farm[0];
    let file = std::fs::read_to_string(&node.config).unwrap();
    assert_eq!(reloaded(node).await, [Vec::<String>::new(), Vec::new()]);
    // Broken: nothing of it is in effect, by either way.
    rewrite(node, &[("routes = [\"/chat\"]", "routes = [\"/talk\"]"), ("[gate]\n", "[gate]\nmax_bodies = 1\n")]);
    let told = reload(node, TOKEN).await.expect(422).json();
    let error = told["errors"][0].clone();
    assert!(error["field"] == "gate.max_bodies" && error["problem"].to_string().contains("(line "), "{told}");
    node.signal(Signal::HUP);
    node.wait_log(&["ERROR", "event=not_reloaded", "field=gate.max_bodies"]).await;
    node.gate_get("/chat", &[]).await.expect(200);
    node.gate_get("/talk", &[]).await.expect(404);
    let output = tokio::process::Command::new(binary())
        .arg("reload")
        .env("FOREWARN_URL", format!("http://{}", node.control))
        .env("FOREWARN_TOKEN", TOKEN)
        .output()
        .await
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("gate.max_bodies"), "{output:?}");
    std::fs::write(&node.config, &file).unwrap();
    // Right: the rest of the file is in effect although a part of it needs a restart.
    rewrite(node, &[("routes = [\"/chat\"]", "routes = [\"/talk\"]"), ("name = \"a\"", "name = \"z\"")]);
    node.signal(Signal::HUP);
    node.wait_log(&["WARN", "event=needs_restart", "keys=node.name"]).await;
    node.gate_get("/talk", &[]).await.expect(200);
    assert_eq!(reloaded(node).await, [vec![], vec!["node.name".to_owned()]]);
    assert_eq!(node.get("/api/v1/nodes").await.json()["nodes"][0]["name"], "a");
    // Whoever may not speak may not do this either.
    reload(node, MONITOR_TOKEN).await.expect(403);
    reload(node, "unknown").await.expect(401);
}

#[tokio::test]
async fn monitors_change_and_one_that_goes_takes_its_word_back() {
    let monitor = |name: &str, port: u16| {
        format!(
            "[[monitor]]\nname = \"{name}\"\ntarget = \"application:chat\"\ntcp = \"127.0.0.1:{port}\"\n\
             every = \"100ms\"\ntimeout = \"1s\"\nfail_after = 1\nscope = \"farm\"\n"
        )
    };
    let farm = Farm::new(1).more(0, &monitor("first", 1)).start().await;
    let node = &farm[0];
    node.wait_available("chat", false).await;
    let monitors = async || -> Vec<(String, Value)> {
        let list = node.get("/api/v1/monitors").await.json()["monitors"].as_array().unwrap().clone();
        list.into_iter().map(|one| (one["name"].as_str().unwrap().to_owned(), one["since"].clone())).collect()
    };
    // One more leaves the first alone.
    let before = monitors().await;
    rewrite(
        node,
        &[("[[monitor]]\nname = \"first\"", &format!("{}[[monitor]]\nname = \"first\"", monitor("second", 2)))],
    );
    reloaded(node).await;
    let after = monitors().await;
    assert_eq!(after.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["second", "first"]);
    assert_eq!(after[1], before[0], "it goes on");
    // Both gone: both words are taken back.
    let file = std::fs::read_to_string(&node.config).unwrap();
    let without = file.replace(&monitor("second", 2), "").replace(&monitor("first", 1), "");
    std::fs::write(&node.config, without).unwrap();
    reloaded(node).await;
    assert!(monitors().await.is_empty());
    node.wait_available("chat", true).await;
}

#[tokio::test]
async fn who_may_do_what_changes_at_once() {
    let farm = Farm::new(1).start().await;
    let node = &farm[0];
    let bearer = format!("Bearer {MONITOR_TOKEN}");
    let headers = [("authorization", bearer.as_str())];
    node.control("GET", "/api/v1/monitors", &headers, None).await.expect(200);
    // A stream that was allowed ends with its token.
    let mut stream = TcpStream::connect(node.control).await.unwrap();
    let request = format!("GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut first = [0; 64];
    stream.read_exact(&mut first).await.unwrap();
    assert!(first.starts_with(b"HTTP/1.1 200"));
    let file = std::fs::read_to_string(&node.config).unwrap();
    let at = file.find("[[token]]\nname = \"probe\"").unwrap();
    let end = at + file[at..].find("[[operator]]").unwrap();
    std::fs::write(&node.config, format!("{}{}", &file[..at], &file[end..])).unwrap();
    let [changed, _] = reloaded(node).await;
    assert_eq!(changed, ["token.name", "token.role", "token.sha256"]);
    node.control("GET", "/api/v1/monitors", &headers, None).await.expect(401);
    let mut rest = Vec::new();
    tokio::time::timeout(std::time::Duration::from_secs(30), stream.read_to_end(&mut rest)).await.unwrap().unwrap();
}

#[tokio::test]
async fn webhooks_and_pages_change() {
    let farm = Farm::new(1).start().await;
    let (node, receiver) = (&farm[0], Upstream::start(own_address()));
    let hook = |more: &str| format!("[[webhook]]\nname = \"ops\"\nurl = \"http://{}/hook\"\n{more}", receiver.address);
    let file = std::fs::read_to_string(&node.config).unwrap();
    node.submit_wait_all(closing("application:chat", json!({}))).await;
    // A new one is told what happens from now on.
    let page = "[gate.page]\ncolour = \"#6b2fa0\"\ncolour_dark = \"#d3b5f5\"\n";
    std::fs::write(&node.config, format!("{file}\n{}{page}", hook(""))).unwrap();
    reloaded(node).await;
    let denial = node.gate_get("/chat", &[("accept", "text/html")]).await.expect(503).text();
    assert!(denial.contains("#6b2fa0"), "{denial}");
    node.submit_wait_all(closing("application:mail", json!({}))).await;
    poll_until("it was told", async || receiver.count() == 1).await;
    // One that changes goes on where it was, in its new form.
    std::fs::write(&node.config, format!("{file}\n{}", hook("secret = \"key\"\n"))).unwrap();
    reloaded(node).await;
    node.submit_wait_all(crate::opening("application:mail")).await;
    poll_until("it was told again", async || receiver.count() == 2).await;
    let signed: Vec<usize> = receiver.seen().iter().map(|seen| seen.all("forewarn-signature").len()).collect();
    assert_eq!(signed, [0, 1]);
    let denial = node.gate_get("/chat", &[("accept", "text/html")]).await.expect(503).text();
    assert!(!denial.contains("#6b2fa0"), "{denial}");
    // One that goes is not told any more.
    std::fs::write(&node.config, &file).unwrap();
    reloaded(node).await;
    assert_eq!(node.get("/api/v1/webhooks").await.expect(200).json()["webhooks"], json!([]));
}

/// Clients that keep their connections ask all the time while the configuration changes under them.
#[tokio::test]
async fn nobodys_request_is_dropped_while_the_configuration_changes() {
    let farm = Farm::new(1).start().await;
    let (node, done) = (&farm[0], AtomicBool::new(false));
    let client = async || {
        let mut asked = 0;
        let mut stream = TcpStream::connect(node.gate).await.unwrap();
        while !done.load(Ordering::Relaxed) {
            stream.write_all(b"GET /directory HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
            let (mut answer, mut piece) = (Vec::new(), [0; 4096]);
            // The upstream's answer is a small one with a length.
            while !is_whole(&answer) {
                let n = stream.read(&mut piece).await.unwrap();
                assert!(n > 0, "the connection was closed: {}", String::from_utf8_lossy(&answer));
                answer.extend_from_slice(&piece[..n]);
            }
            assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
            asked += 1;
        }
        asked
    };
    let reloads = async {
        for round in 0..10 {
            let (from, to) = if round % 2 == 0 { ("/chat", "/talk") } else { ("/talk", "/chat") };
            rewrite(node, &[(&format!("routes = [{from:?}]"), &format!("routes = [{to:?}]"))]);
            reloaded(node).await;
            node.gate_get(to, &[]).await.expect(200);
        }
        done.store(true, Ordering::Relaxed);
    };
    let (asked, ()) = tokio::join!(futures_util::future::join_all((0..8).map(|_| client())), reloads);
    assert!(asked.iter().all(|asked| *asked > 0), "{asked:?}");
    poll_until("the node still runs", async || node.is_running()).await;
}

pub(crate) fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length =
        head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned));
    match length {
        Some(length) => body.len() >= length.trim().parse::<usize>().unwrap(),
        None => body.ends_with("0\r\n\r\n"),
    }
}
