//! Real clients of the gate: Python's gRPC, curl, which tries again, and w3m, which shows text.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
};

use crate::{
    closing,
    support::{Farm, python, tls::output},
};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/farm/grpc_chat.py");

/// Unary and streaming calls through the gate, by HTTP/2 on both sides of it; then the denial in gRPC's own terms.
#[tokio::test]
async fn grpc_passes_from_end_to_end_and_its_client_is_told_of_a_closing() {
    let Some(python) = python("grpc") else { return };
    let mut serving = Command::new(&python)
        .args([SCRIPT, "serve"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(serving.stdout.take().unwrap()).lines();
    let port: u16 = lines.next_line().await.unwrap().unwrap().parse().unwrap();
    let application = format!(
        "[[application]]\nname = \"chat\"\nroutes = [\"/chat.Chat\"]\nupstream = [\"http://127.0.0.1:{port}\"]\n\
         upstream_protocol = \"h2\"\n"
    );
    let farm = Farm::new(1).applications(&application).gate("h2c = true").start().await;
    let node = &farm[0];
    let ask = async || {
        let asked = Command::new(&python).args([SCRIPT, "ask", &node.gate.to_string()]).output().await.unwrap();
        assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
        serde_json::from_slice::<Value>(&asked.stdout).unwrap()
    };
    let said = ask().await;
    assert_eq!((&said["unary"], &said["stream"]), (&Value::Null, &Value::Null));
    assert_eq!((&said["length"], &said["trailing"]), (&json!(1_000_000), &json!("1000000")));
    assert_eq!((said["count"].as_array().unwrap().len(), &said["echo"]), (500, &json!(["a", "b", "c"])));
    assert_eq!(said["fail"], json!({"code": "NOT_FOUND", "details": "no such room: Küche", "pushback": null}));

    node.submit_wait_all(closing("application:chat", json!({"duration_seconds": 3_600, "message": "Umzug"}))).await;
    let said = ask().await;
    for call in [&said["unary"], &said["stream"]] {
        assert_eq!(call["code"], "UNAVAILABLE", "{said}");
        assert!(call["details"].as_str().unwrap().contains("chat"), "{said}");
        assert!(call["pushback"].as_str().unwrap().parse::<u64>().unwrap() > 3_000_000, "{said}");
    }
}

/// A text browser shows the page as text: what is down, why and until when, and nothing of its style or its script.
#[tokio::test]
async fn a_text_browser_shows_the_page() {
    let farm = Farm::new(1).start().await;
    let node = &farm[0];
    let closed =
        json!({"duration_seconds": 3_600, "message": "The disks are replaced.", "reason": "planned-maintenance"});
    node.submit_wait_all(closing("application:mail", closed)).await;
    let url = format!("http://{}/mail/x", node.gate);
    let Some(shown) = output("w3m", &["-dump", "-cols", "200", &url]).await else { return };
    for part in ["planned maintenance", "The disks are replaced."] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    for part in ["{", "var(", "function", "<"] {
        assert!(!shown.contains(part), "{part}: {shown}");
    }
}

/// curl waits as long as it is told, and gets the application when it is back.
#[tokio::test]
async fn curl_tries_again_when_the_application_is_back() {
    let farm = Farm::new(1).start().await;
    let node = &farm[0];
    let closed = json!({"duration_seconds": 2, "restore": "automatic"});
    node.submit_wait_all(closing("application:mail", closed)).await;
    let url = format!("http://{}/mail/x", node.gate);
    let asked = ["-sS", "--retry", "20", "-o", "/dev/null", "-w", "%{http_code} %{num_retries}", &url];
    // `num_retries` came with curl 8.9; before, nothing stands there.
    let Some(said) = output("curl", &asked).await else { return };
    assert!(said.starts_with("200"), "{said}");
}
