//! Monitors and rules of real nodes, which look at real things (docs/contract.md#monitors).

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicU16, AtomicUsize, Ordering},
    },
};

use serde_json::{Value, json};

use crate::{
    closing, opening,
    peers::{deliver, entry},
    support::{Farm, Node, Stranger, free_port, own_address, wait::poll_until},
};

/// A web server that answers every request with the status that it is told; 0 is silence.
struct Health {
    address: SocketAddr,
    status: Arc<AtomicU16>,
    asked: Arc<AtomicUsize>,
}

impl Health {
    fn start() -> Self {
        let listener = TcpListener::bind((own_address(), 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (status, asked) = (Arc::new(AtomicU16::new(200)), Arc::new(AtomicUsize::new(0)));
        let health = Self { address, status: Arc::clone(&status), asked: Arc::clone(&asked) };
        std::thread::spawn(move || {
            let mut silent = Vec::new();
            for mut stream in listener.incoming().map_while(Result::ok) {
                asked.fetch_add(1, Ordering::Relaxed);
                match status.load(Ordering::Relaxed) {
                    0 => silent.push(stream),
                    status => {
                        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                        lines.find(String::is_empty);
                        let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
                        stream.write_all(answer.as_bytes()).ok();
                    }
                }
            }
        });
        health
    }

    fn set(&self, status: u16) {
        self.status.store(status, Ordering::Relaxed);
    }

    /// A monitor of mail that asks it every 100 ms.
    fn monitor(&self, name: &str, more: &str) -> String {
        format!(
            "[[monitor]]\nname = {name:?}\ntarget = \"application:mail\"\nhttp = \"http://{}/health\"\n\
             every = \"100ms\"\ntimeout = \"2s\"\nfail_after = 2\nrecover_after = 2\n{more}\n",
            self.address
        )
    }

    /// Returns when it has been asked so many times more.
    async fn wait_asked(&self, times: usize) {
        let from = self.asked.load(Ordering::Relaxed);
        poll_until("the monitor has looked", async || self.asked.load(Ordering::Relaxed) >= from + times).await;
    }
}

async fn monitor(node: &Node, name: &str) -> Value {
    let all = node.get("/api/v1/monitors").await.expect(200).json();
    let all = all["monitors"].as_array().unwrap().clone();
    all.into_iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("no monitor {name}"))
}

pub(crate) async fn wait_state(node: &Node, name: &str, state: &str) {
    poll_until(&format!("{name} is {state}"), async || monitor(node, name).await["state"] == state).await;
}

async fn wait_gate(node: &Node, status: u16) {
    poll_until(&format!("the gate answers {status}"), async || node.gate_get("/mail", &[]).await.status == status)
        .await;
}

/// Ids of what monitors of this farm have said, the newest first.
async fn said(node: &Node) -> Vec<Value> {
    let history = node.get("/api/v1/notifications?source=monitor").await.expect(200).json();
    history["notifications"].as_array().unwrap().clone()
}

#[tokio::test]
async fn what_a_monitor_finds_closes_and_opens_by_its_scope() {
    let health = Health::start();
    let farm = Farm::new(2).more(0, &health.monitor("mail-http", "")).start().await;
    let (a, b) = (&farm[0], &farm[1]);
    wait_state(a, "mail-http", "up").await;
    assert!(said(a).await.is_empty(), "good from the start is nothing to report");
    health.set(500);
    wait_gate(a, 503).await;
    let denied = a.gate_get("/mail", &[]).await.json();
    assert_eq!(
        (&denied["reason"], &denied["message"]),
        (&json!("unplanned-outage"), &json!("Answered 500 instead of 200-399"))
    );
    let down = monitor(a, "mail-http").await;
    assert_eq!(
        (&down["state"], &down["kind"], &down["target"], &down["damped"]),
        (&json!("down"), &json!("http"), &json!("application:mail"), &json!(false))
    );
    assert!(["since", "last_checked", "latency_ms"].iter().all(|field| !down[field].is_null()), "{down}");
    assert_eq!(down["detail"], "Answered 500 instead of 200-399");
    b.gate_get("/mail", &[]).await.expect(200);
    let one = &said(a).await[0];
    assert_eq!((&one["reporter"], &one["criteria"]["nodes"]), (&json!("a/mail-http"), &json!(["a"])));
    let metrics = a.control("GET", "/metrics", &[], None).await.text();
    for line in ["forewarn_monitor_up{monitor=\"mail-http\"} 0", "forewarn_monitor_damped{monitor=\"mail-http\"} 0"] {
        assert!(metrics.contains(line), "{metrics}");
    }
    health.set(200);
    wait_gate(a, 200).await;
    health.wait_asked(10).await;
    assert_eq!(said(a).await.len(), 2, "it speaks only when its word changes");
    // Silence counts as well.
    health.set(0);
    wait_gate(a, 503).await;
    // It changes its mind for the fourth, the fifth and the sixth time: that is too often.
    health.set(200);
    wait_gate(a, 200).await;
    health.set(500);
    wait_gate(a, 503).await;
    health.set(200);
    poll_until("it is damped", async || monitor(a, "mail-http").await["damped"] == true).await;
    poll_until("it says so", async || {
        a.gate_get("/mail", &[]).await.expect(503).text().contains("It changed too often")
    })
    .await;
    health.wait_asked(5).await;
    let damped = monitor(a, "mail-http").await;
    assert!(damped["detail"].as_str().unwrap().contains("It changed too often"), "{damped}");
    assert_eq!(damped["state"], "down");
    let metrics = a.control("GET", "/metrics", &[], None).await.text();
    assert!(metrics.contains("forewarn_monitor_damped{monitor=\"mail-http\"} 1"), "{metrics}");
}

#[tokio::test]
async fn an_operators_word_and_a_monitors_do_not_mix() {
    let health = Health::start();
    let farm = Farm::new(1).more(0, &health.monitor("mail-http", "message = \"Try later\"")).start().await;
    let node = &farm[0];
    // What a person has closed stays closed.
    node.submit_wait_all(closing("application:mail", json!({}))).await;
    health.set(500);
    wait_state(node, "mail-http", "down").await;
    health.set(200);
    wait_state(node, "mail-http", "up").await;
    poll_until("it has taken its word back", async || said(node).await.len() == 2).await;
    node.gate_get("/mail", &[]).await.expect(503);
    node.submit_wait_all(opening("application:mail")).await;
    node.gate_get("/mail", &[]).await.expect(200);
    // A person's word silences it, also through a restart, until it finds something new.
    health.set(500);
    wait_gate(node, 503).await;
    assert_eq!(node.gate_get("/mail", &[]).await.json()["message"], "Try later");
    node.submit_wait_all(opening("application:mail")).await;
    node.gate_get("/mail", &[]).await.expect(200);
    poll_until("its word is known again", async || said(node).await.len() == 4).await;
    node.terminate().await;
    node.restart().await;
    wait_state(node, "mail-http", "down").await;
    poll_until("it is confirmed", async || said(node).await.len() == 5).await;
    node.gate_get("/mail", &[]).await.expect(200);
    health.set(200);
    wait_state(node, "mail-http", "up").await;
    health.set(500);
    wait_gate(node, 503).await;
}

#[tokio::test]
async fn several_nodes_agree_and_a_monitor_that_is_gone_takes_its_word_back() {
    let health = Health::start();
    let applications = "[[application]]\nname = \"mail\"\nroutes = [\"/mail\"]\nupstream = [\"UPSTREAM\"]\nagree = 2\n";
    let monitors = health.monitor("mail-http", "scope = \"farm\"");
    let farm = Farm::new(2).applications(applications).more(0, &monitors).more(1, &monitors).build().await;
    farm[0].start();
    farm[0].wait_ready().await;
    health.set(500);
    wait_state(&farm[0], "mail-http", "down").await;
    poll_until("it has spoken", async || said(&farm[0]).await.len() == 1).await;
    farm[0].gate_get("/mail", &[]).await.expect(200);
    farm[1].start();
    farm[1].wait_ready().await;
    wait_gate(&farm[0], 503).await;
    wait_gate(&farm[1], 503).await;
    // Removed from the configuration of one: its word goes at its next start, although the server is still bad.
    farm[0].terminate().await;
    let text = std::fs::read_to_string(&farm[0].config).unwrap();
    std::fs::write(&farm[0].config, text.replace(&monitors, "")).unwrap();
    farm[0].start();
    farm[0].wait_ready().await;
    wait_gate(&farm[1], 200).await;
    wait_state(&farm[1], "mail-http", "down").await;
    assert_eq!(farm[0].get("/api/v1/monitors").await.json(), json!({"monitors": []}));
}

#[tokio::test]
async fn a_word_that_arrives_after_its_monitor_has_left_is_taken_back() {
    let farm = Farm::new(1).start().await;
    let (node, stranger) = (&farm[0], Stranger::new());
    // As another node hands it over that had accepted it.
    let said_by = async |name: &str| {
        let id = forewarn::monitor::mark::marked(forewarn::clock::new_id(), &name.parse().unwrap());
        let word = json!({"id": id, "operator": null, "source": "farm", "reporter": "farm/gone"});
        let message = deliver(stranger.id(), &[entry(stranger.id(), word)]);
        stranger.post(node, "/peer/v1/notifications", &message).await.expect(200);
    };
    said_by("b").await;
    node.wait_available("mail", false).await;
    said_by("a").await;
    node.wait_available("mail", true).await;
    node.wait_log(&["monitor_word_taken_back", "farm/gone"]).await;
}

#[tokio::test]
async fn commands_ports_and_slow_answers_are_watched_without_delaying_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let flag = folder.path().join("flag");
    let health = Health::start();
    let of = |name: &str, lines: &str| {
        format!(
            "[[monitor]]\nname = {name:?}\ntarget = \"resource:mail-store\"\nevery = \"100ms\"\nfail_after = 1\nrecover_after = 1\n{lines}\n"
        )
    };
    let toml = of("never-ends", "command = [\"sleep\", \"1000\"]\ntimeout = \"5m\"\nscope = \"farm\"")
        + &of(
            "by-hand",
            &format!(
                "command = [\"sh\", \"-c\", \"echo checking; test ! -e {} || {{ echo The disk is full; exit 1; }}\"]",
                flag.display()
            ),
        )
        + &of("port", &format!("tcp = \"{}\"", health.address))
        + &of("slow", "command = [\"sleep\", \"0.2\"]\ndegraded_above = \"50ms\"\ntimeout = \"20s\"");
    let farm = Farm::new(1).more(0, &toml).start().await;
    let node = &farm[0];
    wait_state(node, "port", "up").await;
    wait_state(node, "by-hand", "up").await;
    poll_until("it is slow", async || monitor(node, "slow").await["degraded"] == true).await;
    let row = node.get("/api/v1/availability/mail").await.json();
    assert_eq!(row["available"], true, "{row}");
    std::fs::write(&flag, "").unwrap();
    wait_gate(node, 503).await;
    assert_eq!(node.gate_get("/mail", &[]).await.json()["message"], "The disk is full");
    std::fs::remove_file(&flag).unwrap();
    wait_gate(node, 200).await;
    assert_eq!(monitor(node, "never-ends").await["state"], "unknown", "its first check still goes on");
    // Nothing of a check outlives the node.
    node.terminate().await;
    let children = std::process::Command::new("pgrep").args(["-f", "^sleep 1000$", "-P", "1"]).output();
    let left = children.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    assert_eq!(left, "");
}

#[tokio::test]
async fn rules_and_passive_monitors_see_what_users_meet() {
    let health = Health::start();
    let away = free_port(own_address());
    let applications = format!(
        "[[application]]\nname = \"mail\"\nroutes = [\"/mail\"]\nupstream = [\"http://{}\"]\n\
         [[application]]\nname = \"chat\"\nroutes = [\"/chat\"]\nupstream = [\"http://{}\"]\n\
         [[application]]\nname = \"files\"\nroutes = [\"/files\"]\nupstream = [\"http://{away}\"]\n",
        health.address, health.address
    );
    let toml = "[[monitor]]\nname = \"users\"\ntarget = \"application:mail\"\npassive = true\nmin_requests = 4\nevery = \"500ms\"\n\
         [[monitor]]\nname = \"away\"\ntarget = \"application:files\"\npassive = true\nmin_requests = 1\nevery = \"100ms\"\n\
         [[rule]]\nname = \"errors\"\ntarget = \"application:chat\"\nevery = \"100ms\"\nmessage = \"Too many errors\"\n\
         when = 'count(\"upstream_errors\", \"5s\", \"chat\") > 3.0'\n\
         [[rule]]\nname = \"both\"\ntarget = \"system\"\nevery = \"100ms\"\nreason = \"testing\"\nwhen = 'down(\"users\") > 5'\n\
         [[rule]]\nname = \"odd\"\ntarget = \"system\"\nevery = \"100ms\"\nwhen = '1 / down(\"users\") > 5'\n";
    let farm = Farm::new(1).applications(&applications).more(0, toml).start().await;
    let node = &farm[0];
    node.gate_get("/chat", &[]).await.expect(200);
    wait_state(node, "errors", "up").await;
    wait_state(node, "both", "up").await;
    node.wait_log(&["monitor_cannot_tell", "odd"]).await;
    assert_eq!(monitor(node, "odd").await["state"], "unknown", "a division by zero closes nothing");
    health.set(500);
    poll_until("the rule holds", async || node.gate_get("/chat", &[]).await.status == 503).await;
    let denied = node.gate_get("/chat", &[]).await.expect(503).json();
    assert_eq!(denied["message"], "Too many errors");
    poll_until("users have met enough failures", async || node.gate_get("/mail", &[]).await.status == 503).await;
    assert!(node.gate_get("/mail", &[]).await.json()["message"].as_str().unwrap().contains("requests failed"));
    // Its closing keeps all requests away: it tries again by itself.
    health.set(200);
    wait_gate(node, 200).await;
    // An upstream that is not there keeps the closing, instead of letting users in to find that out.
    poll_until("a user has met it", async || node.gate_get("/files", &[]).await.status == 503).await;
    let checks = async || {
        let metrics = node.control("GET", "/metrics", &[], None).await.text();
        let line = metrics.lines().find(|line| line.starts_with("forewarn_monitor_checks_total{monitor=\"away\"}"));
        line.unwrap().rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()
    };
    let before = checks().await;
    poll_until("it has looked again", async || checks().await >= before + 8).await;
    let of_away = async || {
        said(node).await.iter().filter(|word| word["reporter"] == "a/away").map(|word| word["status"].clone()).collect()
    };
    let words: Vec<Value> = of_away().await;
    assert_eq!(words, ["unavailable"], "it does not flap");
    assert!(monitor(node, "away").await["detail"].as_str().unwrap().contains("Connection refused"));
    let _upstream = TcpListener::bind(away).unwrap();
    poll_until("it is let in again", async || of_away().await.len() >= 2).await;
}
