//! NATS JetStream in place of one message for each peer (docs/contract.md#the-queue): real servers, which are killed,
//! emptied and lied to.

#![allow(clippy::unwrap_used)]

mod broker;
mod guarded;
#[path = "../support/mod.rs"]
mod support;

use async_nats::jetstream;
use serde_json::{Value, json};

use broker::Server;
use support::{Farm, Node, wait::poll_until};

fn closing(message: &str) -> Value {
    json!({"targets": ["application:mail"], "status": "unavailable", "message": message})
}

async fn messages(context: &jetstream::Context) -> u64 {
    match context.get_stream("test-farm").await {
        Ok(stream) => stream.cached_info().state.messages,
        Err(_absent) => 0,
    }
}

/// Submits until a notification has gone through the stream: who listens is known within seconds.
async fn wait_carried(node: &Node, context: &jetstream::Context) {
    let before = messages(context).await;
    poll_until("a notification is in the stream", async || {
        node.submit_wait_all(closing("Is it carried?")).await;
        messages(context).await > before
    })
    .await;
}

async fn wait_same(farm: &Farm) {
    poll_until("all nodes know the same", async || {
        let first = farm[0].fingerprint().await;
        for node in &farm.nodes {
            if node.fingerprint().await != first {
                return false;
            }
        }
        true
    })
    .await;
}

/// How many times this node's log has this event.
fn times(node: &Node, event: &str) -> usize {
    node.log().matches(&format!("event={event}")).count()
}

#[tokio::test]
async fn notifications_go_through_the_stream_and_whatever_happens_to_it_loses_none() {
    if !broker::is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &[]).await;
    let queue = Server::toml(&[&server]);
    // Half a farm: the third node has the embedded queue.
    let farm = Farm::new(3).more(0, &queue).more(1, &queue).start().await;
    let context = server.client().await;
    for node in &farm.nodes[..2] {
        node.wait_log(&["event=broker_connected"]).await;
    }
    wait_carried(&farm[0], &context).await;
    wait_carried(&farm[1], &context).await;
    farm[2].submit_wait_all(closing("From the embedded one")).await;
    let stream = context.get_stream("test-farm").await.unwrap();
    assert_eq!(stream.cached_info().config.subjects, ["test-farm.notifications"]);

    // Foreign messages, one that is signed with another secret, and one that comes twice.
    let known = farm[0].fingerprint().await;
    let genuine = stream.get_raw_message(stream.get_info().await.unwrap().state.last_sequence).await.unwrap();
    for body in [b"nonsense".to_vec(), vec![b'x'; 500_000], genuine.payload.to_vec()] {
        context.publish("test-farm.notifications", body.into()).await.unwrap().await.unwrap();
    }
    let mut headers = genuine.headers.clone();
    headers.insert("Nats-Msg-Id", "another");
    let again = context.publish_with_headers("test-farm.notifications", headers, genuine.payload.clone());
    again.await.unwrap().await.unwrap();
    farm[0].wait_log(&["event=broker_message_not_believed"]).await;
    farm[0].submit_wait_all(closing("After foreign messages")).await;
    assert_ne!(farm[0].fingerprint().await, known);

    // The consumer is lost, then the stream: both are made again, and a merge follows.
    let consumers = async || {
        use futures_util::TryStreamExt as _;
        stream.consumer_names().try_collect::<Vec<String>>().await.unwrap_or_default()
    };
    for name in consumers().await {
        stream.delete_consumer(&name).await.unwrap();
    }
    farm[1].submit_wait_all(closing("Without consumers")).await;
    poll_until("the consumers are made again", async || consumers().await.len() == 2).await;
    stream.purge().await.unwrap();
    context.delete_stream("test-farm").await.unwrap();
    farm[0].submit_wait_all(closing("Without a stream")).await;
    poll_until("the stream is made again", async || context.get_stream("test-farm").await.is_ok()).await;
    wait_carried(&farm[0], &context).await;

    // Killed in mid-flight, several times; every submission is taken, and arrives.
    let before = times(&farm[0], "broker_connected");
    for number in 0..20 {
        if number % 10 == 5 {
            server.kill9();
        }
        if number % 10 == 9 {
            server.run();
        }
        farm.nodes[number % 3].submit(closing(&format!("Number {number}"))).await.expect(202);
    }
    wait_same(&farm).await;
    poll_until("the broker is used again", async || times(&farm[0], "broker_connected") > before).await;
    wait_carried(&farm[0], &server.client().await).await;

    // From the broker to the embedded queue and back; a submission of the last moment is not lost.
    let with = std::fs::read_to_string(&farm[0].config).unwrap();
    for config in [with.replace(&queue, ""), with] {
        farm[0].submit(closing("Last words")).await.expect(202);
        farm[0].kill9().await;
        std::fs::write(&farm[0].config, config).unwrap();
        farm[0].restart().await;
        wait_same(&farm).await;
        farm[0].submit_wait_all(closing("First words")).await;
    }
}

#[tokio::test]
async fn one_of_three_servers_may_end_and_wrong_credentials_are_one_clear_line() {
    if !broker::is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut servers = Server::cluster(&folder.path().join("cluster")).await;
    let closed = Server::start(&folder.path().join("closed"), &["--user", "farm", "--pass", "secret"]).await;
    let queue = Server::toml(&servers.iter().collect::<Vec<_>>());
    let farm = Farm::new(3).more(0, &queue).more(1, &queue).more(2, &Server::toml(&[&closed])).start().await;
    farm[2].wait_log(&["event=broker_unreachable", "authorization violation"]).await;
    for node in &farm.nodes[..2] {
        node.wait_log(&["event=broker_connected"]).await;
    }
    wait_carried(&farm[0], &servers[2].client().await).await;
    servers[0].kill9();
    farm[1].submit_wait_all(closing("With two servers")).await;
    wait_carried(&farm[1], &servers[2].client().await).await;
    farm[2].submit_wait_all(closing("From the one that is not let in")).await;
    wait_same(&farm).await;
}
