//! The access log, and the ids by which a request is found in other logs.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    closing,
    support::{Farm, Node, wait::poll_until},
};

fn lines(node: &Node, name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(node.config.with_file_name(name)).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn each_request_has_a_line_and_the_upstream_has_its_ids() {
    let log = "access_log = \"access.log\"\naccess_log_format = \"json\"\nrequest_ids = true";
    let farm = Farm::new(1).gate(log).start().await;
    let node = &farm[0];
    node.submit_wait_all(closing("application:mail", json!({"reason": "testing"}))).await;
    farm.upstream.forget();
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let sent = [("x-request-id", "r-1"), ("traceparent", trace), ("tracestate", "a=b"), ("user-agent", "test \"1\"")];
    node.gate_get("/chat/x?q=1", &sent).await.expect(200);
    node.gate_get("/chat", &[("x-request-id", "not valid"), ("tracestate", "a=b")]).await.expect(200);
    node.gate_get("/mail/inbox", &[]).await.expect(503);
    node.gate_get("/nothing", &[]).await.expect(404);
    let own = node.gate_get("/.forewarn/availability/chat", &[]).await.expect(200);
    poll_until("the lines are written", async || lines(node, "access.log").len() >= 5).await;
    // A line is written when its answer has left: under load the next one may be there first.
    let mut logged = lines(node, "access.log");
    let order = ["/chat/x?q=1", "/chat", "/mail/inbox", "/nothing", "/.forewarn/availability/chat"];
    logged.sort_by_key(|line| order.iter().position(|target| line["target"] == *target));
    let part = |line: &Value, keys: &[&str]| -> Value { keys.iter().map(|key| line[*key].clone()).collect() };
    let keys = ["method", "target", "status", "decision", "application", "reason"];
    let expected = [
        json!(["GET", "/chat/x?q=1", 200, "open", "chat", null]),
        json!(["GET", "/chat", 200, "open", "chat", null]),
        json!(["GET", "/mail/inbox", 503, "closed", "mail", "testing"]),
        json!(["GET", "/nothing", 404, "refused", null, null]),
        json!(["GET", "/.forewarn/availability/chat", 200, "own", null, null]),
    ];
    assert_eq!(logged.iter().map(|line| part(line, &keys)).collect::<Vec<_>>(), expected);
    assert_eq!(
        part(&logged[0], &["request_id", "trace_id", "user_agent", "upstream"]),
        json!(["r-1", "0af7651916cd43dd8448eb211c80319c", "test \"1\"", farm.upstream.address.to_string()])
    );
    assert!(logged[0]["upstream_seconds"].as_f64() <= logged[0]["seconds"].as_f64());
    assert_eq!(logged[4]["bytes"], own.body.len());
    // What the application saw: its own ids, or those of the line.
    let seen = farm.upstream.seen();
    assert_eq!((seen[0].all("x-request-id"), seen[0].all("traceparent")), (vec!["r-1"], vec![trace]));
    assert_eq!(seen[0].all("tracestate"), ["a=b"]);
    assert_eq!(seen[1].all("x-request-id"), [logged[1]["request_id"].as_str().unwrap()]);
    assert_eq!(seen[1].all("traceparent")[0][3..35], *logged[1]["trace_id"].as_str().unwrap());
    assert_eq!(seen[1].all("tracestate"), [""; 0]);
    // Moved away and opened again; what is not there is not dropped.
    std::fs::rename(node.config.with_file_name("access.log"), node.config.with_file_name("old.log")).unwrap();
    node.signal(Signal::HUP);
    node.wait_log(&["event=reloaded"]).await;
    node.gate_get("/chat/again", &[]).await.expect(200);
    poll_until("the new file has a line", async || lines(node, "access.log").len() == 1).await;
    assert_eq!(lines(node, "access.log")[0]["target"], "/chat/again");
    let metrics = node.control("GET", "/metrics", &[], None).await.text();
    assert!(metrics.contains("\nforewarn_access_lines_dropped_total 0\n"), "{metrics}");
}
