//! Monitors that are about one upstream of an application (docs/contract.md#monitors-of-upstreams).

use serde_json::json;

use crate::support::{Farm, Node, own_address, upstream::Upstream, wait::poll_until};

/// A monitor of mail's upstream that looks at it every 100 ms.
fn monitor(name: &str, upstream: &Upstream) -> String {
    let at = upstream.address;
    format!(
        "[[monitor]]\nname = {name:?}\ntarget = \"application:mail\"\nupstream = \"http://{at}\"\n\
         http = \"http://{at}/hook\"\nevery = \"100ms\"\nfail_after = 2\nrecover_after = 2\n"
    )
}

/// How many of so many requests each upstream gets, beside the checks.
async fn shares(node: &Node, upstreams: &[&Upstream], requests: usize) -> Vec<usize> {
    upstreams.iter().for_each(|upstream| upstream.forget());
    for _ in 0..requests {
        node.gate_get("/mail/x", &[]).await.expect(200);
    }
    let users = |upstream: &&Upstream| upstream.seen().iter().filter(|seen| seen.path == "/mail/x").count();
    upstreams.iter().map(users).collect()
}

#[tokio::test]
async fn an_upstream_that_is_down_is_left_out_and_the_application_closed_when_all_are() {
    let (one, two) = (Upstream::start(own_address()), Upstream::start(own_address()));
    let applications = format!(
        "[[application]]\nname = \"mail\"\nroutes = [\"/mail\"]\nupstream = [\"http://{}\", \"http://{}\"]\n",
        one.address, two.address
    );
    let monitors = monitor("one", &one) + &monitor("two", &two);
    let farm = Farm::new(1).applications(&applications).more(0, &monitors).start().await;
    let node = &farm[0];
    let state = async |name: &str| {
        let all = node.get("/api/v1/monitors").await.expect(200).json()["monitors"].as_array().unwrap().clone();
        all.into_iter().find(|monitor| monitor["name"] == name).unwrap()
    };
    let wait_state = async |name: &str, wanted: &str| {
        poll_until(&format!("{name} is {wanted}"), async || state(name).await["state"] == wanted).await;
    };
    let wait_gate = async |status: u16| {
        poll_until(&format!("the gate answers {status}"), async || {
            node.gate_get("/mail/x", &[]).await.status == status
        })
        .await;
    };
    wait_state("one", "up").await;
    wait_state("two", "up").await;
    assert_eq!(state("one").await["upstream"], json!(format!("http://{}", one.address)));
    assert_eq!(shares(node, &[&one, &two], 6).await, [3, 3]);
    // One of them: the other one performs everything, and nobody is told that the application is closed.
    one.answer(500);
    wait_state("one", "down").await;
    node.wait_log(&["WARN", "event=upstream_out", "monitor=one", &one.address.to_string()]).await;
    assert_eq!(shares(node, &[&one, &two], 6).await, [0, 6]);
    let said = node.get("/api/v1/notifications?source=monitor").await.json()["notifications"].clone();
    assert_eq!(said, json!([]));
    let metrics = node.control("GET", "/metrics", &[], None).await.text();
    for (upstream, out) in [(&one, 1), (&two, 0)] {
        let line = format!("application=\"mail\",upstream=\"http://{}\"}} {out}", upstream.address);
        assert!(metrics.lines().any(|known| known.ends_with(&line)), "{line}\n{metrics}");
    }
    // All of them: closed, by the monitors' word; also right after a restart, before anything is known.
    two.answer(500);
    wait_gate(503).await;
    assert_eq!(node.gate_get("/mail/x", &[]).await.expect(503).json()["message"], "Answered 500 instead of 200-399");
    node.terminate().await;
    node.start();
    node.wait_ready().await;
    node.gate_get("/mail/x", &[]).await.expect(503);
    wait_state("one", "down").await;
    wait_state("two", "down").await;
    node.gate_get("/mail/x", &[]).await.expect(503);
    // The first that is back serves alone, although the other one is still down.
    one.answer(200);
    wait_gate(200).await;
    assert_eq!(shares(node, &[&one, &two], 6).await, [6, 0]);
    two.answer(200);
    wait_state("two", "up").await;
    assert_eq!(shares(node, &[&one, &two], 6).await, [3, 3]);
    // A monitor that leaves the configuration leaves no upstream out.
    two.answer(500);
    wait_state("two", "down").await;
    let file = std::fs::read_to_string(&node.config).unwrap();
    std::fs::write(&node.config, file.replace(&monitor("two", &two), "")).unwrap();
    crate::reloading::reload(node, crate::support::TOKEN).await.expect(200);
    assert_eq!(shares(node, &[&one, &two], 6).await, [3, 3]);
}
