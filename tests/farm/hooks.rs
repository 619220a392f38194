//! Webhooks and mail (docs/contract.md#webhooks): a farm of three tells each event once, in order, and loses none.

use std::process::Stdio;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::{
    closing, in_seconds, opening,
    support::{
        Farm, own_address, python,
        upstream::{Seen, Upstream},
        wait::poll_until,
    },
};

fn section(receiver: &Upstream, more: &str) -> String {
    format!("[[webhook]]\nname = \"ops\"\nurl = \"http://{}/ops/hook\"\n{more}", receiver.address)
}

/// Kind and targets of what the receiver was told.
fn told(receiver: &Upstream) -> Vec<(String, String)> {
    let body = |seen: &Seen| -> Value { serde_json::from_slice(&seen.body).unwrap() };
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let told = |body: Value| (text(&body["event"]), text(&body["notification"]["targets"][0]));
    receiver.seen().iter().map(|seen| told(body(seen))).collect()
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(kind, target)| ((*kind).to_owned(), format!("application:{target}"))).collect()
}

#[tokio::test]
async fn a_farm_of_three_tells_each_event_once_signed_and_in_order() {
    let receiver = Upstream::start(own_address());
    let hook = section(&receiver, "secret = \"key\"");
    let farm = Farm::new(3).more(0, &hook).more(1, &hook).more(2, &hook).start().await;
    farm.wait_met().await;
    farm[0].submit_wait_all(closing("application:mail", json!({"message": "Disk full"}))).await;
    let plan = closing("application:chat", json!({"goes_down_at": in_seconds(7_200.0)}));
    let plan = farm[1].submit_wait_all(plan).await;
    farm[2].submit_wait_all(opening("application:mail")).await;
    farm[2].submit_wait_all(json!({"targets": ["application:chat"], "cancels": plan["id"]})).await;
    // Each node tells what it has accepted, so the order among nodes is open.
    let mut all = pairs(&[("closed", "mail"), ("planned", "chat"), ("opened", "mail"), ("cancelled", "chat")]);
    all.sort();
    poll_until("all was told", async || receiver.count() >= all.len()).await;
    for seen in receiver.seen() {
        let signature = seen.all("forewarn-signature")[0].to_owned();
        let (time, mac) = signature.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
        let mut hmac = Hmac::<Sha256>::new_from_slice(b"key").unwrap();
        hmac.update(&[time.as_bytes(), b".", &seen.body].concat());
        assert_eq!(mac, hex::encode(hmac.finalize().into_bytes()));
        let body: Value = serde_json::from_slice(&seen.body).unwrap();
        assert_eq!(seen.all("forewarn-event-id"), [body["id"].as_str().unwrap()]);
        assert_eq!(seen.all("content-type"), ["application/json"]);
    }
    // A restarted node knows what it has told.
    farm[0].kill9().await;
    farm[0].restart().await;
    farm[0].submit_wait_all(closing("application:mail", json!({}))).await;
    all.push(("closed".to_owned(), "application:mail".to_owned()));
    all.sort();
    poll_until("the next one was told", async || receiver.count() >= all.len()).await;
    let mut seen = told(&receiver);
    seen.sort();
    assert_eq!(seen, all);
}

#[tokio::test]
async fn what_a_receiver_does_not_take_waits_in_order_also_for_a_restart() {
    let receiver = Upstream::start(own_address());
    receiver.answer(500);
    let farm = Farm::new(1).more(0, &section(&receiver, "events = [\"closed\", \"opened\"]")).start().await;
    let node = &farm[0];
    node.submit_wait_all(closing("application:mail", json!({}))).await;
    node.submit_wait_all(closing("application:chat", json!({"goes_down_at": in_seconds(3_600.0)}))).await;
    node.submit_wait_all(opening("application:mail")).await;
    let state = async || node.get("/api/v1/webhooks").await.expect(200).json()["webhooks"][0].clone();
    let fails = async || {
        let state = state().await;
        state["waiting"] == 2 && state["problem"].as_str().is_some_and(|why| why.contains("500"))
    };
    poll_until("its failure is shown", fails).await;
    node.kill9().await;
    receiver.forget();
    receiver.answer(204);
    node.restart().await;
    let all = pairs(&[("closed", "mail"), ("opened", "mail")]);
    poll_until("it was told", async || receiver.count() >= all.len()).await;
    assert_eq!(told(&receiver), all, "the planned one is not among its events");
    poll_until("nothing waits", async || state().await["waiting"] == 0).await;
    let metrics = node.get("/metrics").await.expect(200).text();
    assert!(metrics.contains("forewarn_webhook_told_total{webhook=\"ops\"} 2"), "{metrics}");
}

/// The script prints one line of JSON for each mail.
#[tokio::test]
async fn mail_reaches_a_real_server() {
    let Some(python) = python("aiosmtpd") else { return };
    let address = own_address();
    let mut server = tokio::process::Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/farm/mail_server.py"))
        .arg(address.to_string())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let port = lines.next_line().await.unwrap().expect("the port");
    let mail = format!(
        "[mail]\nserver = \"smtp://{address}:{port}\"\nfrom = \"Forewarn <forewarn@example.com>\"\nto = [\"ops@example.com\"]"
    );
    let farm = Farm::new(1).more(0, &mail).start().await;
    farm[0].submit_wait_all(closing("application:mail", json!({"message": "Platte voll, schöne Grüße"}))).await;
    let line = tokio::time::timeout(std::time::Duration::from_secs(30), lines.next_line()).await;
    let mail: Value = serde_json::from_str(&line.expect("a mail in time").unwrap().unwrap()).unwrap();
    assert_eq!((&mail["from"], &mail["to"][0]), (&"forewarn@example.com".into(), &"ops@example.com".into()));
    assert!(mail["subject"].as_str().unwrap().ends_with("is unavailable"), "{mail}");
    assert!(mail["text"].as_str().unwrap().contains("Platte voll, schöne Grüße"), "{mail}");
}
