//! A broker that is closed to others: TLS, and users of an operator, who show a credentials file. A consumer is moved
//! back to the beginning, and the broker's disk gets full.

use std::path::{Path, PathBuf};

use async_nats::{
    ConnectOptions,
    jetstream::{
        self,
        consumer::{DeliverPolicy, pull},
    },
};
use data_encoding::BASE64URL_NOPAD;
use futures_util::TryStreamExt as _;
use nkeys::KeyPair;
use serde_json::{Value, json};

use crate::{
    broker::{self, Server},
    closing,
    support::{
        Farm,
        tls::Tls,
        tmpfs::{Tmpfs, fill},
        wait::poll_until,
    },
    wait_carried, wait_same,
};

/// A token as NATS has it: claims about `subject`, signed by `by`.
fn token(kind: &str, subject: &KeyPair, by: &KeyPair, more: &Value) -> String {
    let mut claims = json!({
        "jti": subject.public_key(), "iat": 1_700_000_000, "iss": by.public_key(), "sub": subject.public_key(),
        "name": kind, "nats": more,
    });
    claims["nats"]["type"] = json!(kind);
    claims["nats"]["version"] = json!(2);
    let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let signed = format!("{}.{}", part(&json!({"typ": "JWT", "alg": "ed25519-nkey"})), part(&claims));
    let signature = by.sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature))
}

/// A server's configuration with an operator, the accounts of the system and of the farm, and TLS; and the file
/// `farm.creds` of a user of the farm.
fn configuration(folder: &Path, tls: &Tls) -> (PathBuf, PathBuf) {
    let (operator, system, farm, user) =
        (KeyPair::new_operator(), KeyPair::new_account(), KeyPair::new_account(), KeyPair::new_user());
    let none = json!({"subs": -1, "data": -1, "payload": -1});
    let mut limits = json!({"imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1,
        "mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1});
    limits.as_object_mut().unwrap().extend(none.as_object().unwrap().clone());
    let text = format!(
        "operator: {}\nsystem_account: {}\nresolver: MEMORY\nresolver_preload: {{\n {}: {}\n {}: {}\n}}\n\
         jetstream: {{ max_file_store: 100MB, max_memory_store: 64MB }}\n\
         tls: {{ cert_file: {:?}, key_file: {:?} }}\n",
        token("operator", &operator, &operator, &json!({})),
        system.public_key(),
        system.public_key(),
        token("account", &system, &operator, &json!({"limits": none})),
        farm.public_key(),
        token("account", &farm, &operator, &json!({"limits": limits})),
        tls.file("broker.pem"),
        tls.file("broker.key"),
    );
    let (file, creds) = (folder.join("nats.conf"), folder.join("farm.creds"));
    std::fs::write(&file, text).unwrap();
    let text = format!(
        "-----BEGIN NATS USER JWT-----\n{}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
        token("user", &user, &farm, &none),
        user.seed().unwrap()
    );
    std::fs::write(&creds, text).unwrap();
    (file, creds)
}

/// The test's own connection.
async fn client(server: &Server, creds: &Path, tls: &Tls) -> jetstream::Context {
    let options = ConnectOptions::with_credentials_file(creds).await.unwrap();
    let options = options.add_root_certificates(tls.file("ca.pem")).require_tls(true);
    jetstream::new(options.connect(format!("tls://{}", server.address)).await.unwrap())
}

#[tokio::test]
async fn credentials_and_certificates_open_the_broker_and_its_full_disk_loses_nothing() {
    if !broker::is_here() {
        return;
    }
    let (folder, tls, others) = (tempfile::tempdir().unwrap(), Tls::new(), Tls::new());
    let (data, address) = (folder.path().join("data"), crate::support::own_address());
    std::fs::create_dir(&data).unwrap();
    let Some(_disk) = Tmpfs::mount(&data, "16m") else { return };
    tls.issue("broker", &[&address.to_string()], 1);
    let (config, creds) = configuration(folder.path(), &tls);
    let mut server = Server::start_at(address, &data, &["-c", &config.display().to_string()]).await;
    let queue = |creds: &Path, tls: &Tls| {
        format!(
            "[farm.queue]\nkind = \"nats\"\nurl = \"tls://{}\"\nstream = \"test-farm\"\ncredentials = {creds:?}\ntls_ca = {:?}\n",
            server.address,
            tls.file("ca.pem")
        )
    };
    let good = queue(&creds, &tls);
    let farm = Farm::new(3).more(0, &good).more(1, &good).more(2, &queue(&creds, &others)).start().await;
    for node in &farm.nodes[..2] {
        node.wait_log(&["event=broker_connected"]).await;
    }
    farm[2].wait_log(&["event=broker_unreachable", "certificate"]).await;
    let context = client(&server, &creds, &tls).await;
    wait_carried(&farm[0], &context).await;

    // Both consumers are moved back to the beginning: everything comes once more, and changes nothing.
    for node in &farm.nodes[..2] {
        node.terminate().await;
    }
    let stream = context.get_stream("test-farm").await.unwrap();
    let names: Vec<String> = stream.consumer_names().try_collect().await.unwrap();
    assert_eq!(names.len(), 2);
    for name in &names {
        stream.delete_consumer(name).await.unwrap();
        let config = pull::Config {
            durable_name: Some(name.clone()),
            deliver_policy: DeliverPolicy::All,
            ..pull::Config::default()
        };
        stream.create_consumer(config).await.unwrap();
    }
    let before = farm[2].fingerprint().await;
    for node in &farm.nodes[..2] {
        node.restart().await;
    }
    poll_until("everything has come once more", async || {
        for name in &names {
            let info = stream.consumer_info(name).await.unwrap();
            if info.num_pending > 0 || info.num_ack_pending > 0 || info.delivered.stream_sequence == 0 {
                return false;
            }
        }
        true
    })
    .await;
    for node in &farm.nodes {
        assert_eq!(node.fingerprint().await, before, "{}", node.name);
    }

    // The broker's disk is full: what it does not take goes over HTTP.
    let filler = data.join("filler");
    fill(&filler);
    let publish = async || {
        let published = context.publish("test-farm.notifications", vec![b'x'; 100_000].into()).await;
        match published {
            Ok(acknowledged) => acknowledged.await.is_ok(),
            Err(_refused) => false,
        }
    };
    poll_until("the broker takes nothing more", async || !publish().await).await;
    for number in 0..5 {
        farm[number % 2].submit(closing(&format!("Without space {number}"))).await.expect(202);
    }
    farm[0].submit_wait_all(closing("Without space, to all")).await;
    wait_same(&farm).await;
    std::fs::remove_file(&filler).unwrap();
    server.kill9();
    server.run();
    let context = client_again(&server, &creds, &tls).await;
    wait_carried(&farm[1], &context).await;
    wait_same(&farm).await;
}

/// A connection to a server that is starting.
async fn client_again(server: &Server, creds: &Path, tls: &Tls) -> jetstream::Context {
    poll_until("nats-server listens", async || tokio::net::TcpStream::connect(server.address).await.is_ok()).await;
    client(server, creds, tls).await
}
