//! What every released version has left behind, read by this one: a store, and messages between nodes, as files that
//! never change (`fixtures/VERSION`). A release adds a folder.
//!
//! The store was that of the node a in a farm of two: b had been away, came back, and was away again when the last
//! notification was submitted, so that rows for it wait in the outbox.

use std::{fs, path::PathBuf};

use forewarn::sync::{Announce, Deliver, Delivered, Merge, Merged};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    closing,
    support::{Farm, wait::poll_until},
};

/// Released versions, and when the store of their fixtures was closed (milliseconds since 1970).
const RELEASED: [(&str, i64); 1] = [("0.1.0", 1_795_881_881_000)];

fn folder(version: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/farm/fixtures").join(version)
}

#[tokio::test]
async fn the_store_of_every_released_version_is_opened_and_nothing_is_missing() {
    if !cfg!(feature = "crash-points") {
        println!("SKIPPED: without the feature crash-points the clock cannot be set back to the time of the fixtures");
        return;
    }
    for (version, closed_at) in RELEASED {
        // the farm of the fixture has a node b already
        let farm = Farm::new(2).name_of(1, "c").merge("timeout = \"2s\"\nevery = \"1s\"").build().await;
        let node = &farm[0];
        fs::create_dir(&node.data).unwrap();
        for file in ["db", "conf", "forewarn-store"] {
            fs::copy(folder(version).join("store").join(file), node.data.join(file)).unwrap();
        }
        // so that nothing in it is over, whenever this is run
        let clock = farm.folder.path().join("clock");
        fs::write(&clock, (closed_at - forewarn::clock::now().millis()).to_string()).unwrap();
        farm.nodes.iter().for_each(|node| node.set_env("FOREWARN_CLOCK_WRONG_BY", clock.to_str().unwrap()));
        node.restart().await;
        let expected: Value =
            serde_json::from_slice(&fs::read(folder(version).join("expected.json")).unwrap()).unwrap();
        let all = async || node.get("/api/v1/notifications?limit=1000").await.expect(200).json();
        assert_eq!(all().await["notifications"], expected["notifications"], "{version}");
        assert_eq!(node.fingerprint().await, expected["fingerprint"].as_str().unwrap(), "{version}");
        let availability = node.get("/api/v1/availability").await.expect(200).json();
        for application in expected["availability"]["applications"].as_array().unwrap() {
            let name = &application["application"];
            let here = availability["applications"].as_array().unwrap().iter();
            let here = here.clone().find(|one| one["application"] == *name).unwrap();
            assert_eq!(here["available"], application["available"], "{version}: {here}");
            assert_eq!(here["causes"], application["causes"], "{version}: {here}");
        }
        assert_eq!(node.get("/api/v1/templates").await.expect(200).json(), expected["templates"], "{version}");
        assert!(!node.log().contains("store_damaged"), "{}", node.log());
        // it goes on from there, also after a crash; and who has nothing gets all of it
        node.submit(closing("application:directory", json!({}))).await.expect(202);
        node.kill9().await;
        node.restart().await;
        farm[1].restart().await;
        poll_until("the other node has the whole ledger", async || {
            farm[1].fingerprint().await == node.fingerprint().await
        })
        .await;
        farm[1].gate_get("/directory", &[]).await.expect(503);
        farm[1].gate_get("/mail", &[]).await.expect(503);
        assert_eq!(
            all().await["notifications"].as_array().unwrap().len(),
            1 + expected["notifications"].as_array().unwrap().len()
        );
    }
}

/// What is read is written again as it was: no member is forgotten, renamed, or read as something else.
fn same<T: DeserializeOwned + Serialize>(text: &[u8]) {
    let message: T =
        serde_json::from_slice(text).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(text)));
    let before: Value = serde_json::from_slice(text).unwrap();
    assert_eq!(serde_json::to_value(&message).unwrap(), before);
}

#[test]
fn the_messages_of_every_released_version_are_read_and_written_as_they_were() {
    for (version, _) in RELEASED {
        let (mut kinds, mut count) = (std::collections::BTreeSet::new(), 0);
        for file in fs::read_dir(folder(version).join("wire")).unwrap() {
            let path = file.unwrap().path();
            let text = fs::read(&path).unwrap();
            let kind = path.file_stem().unwrap().to_str().unwrap().split('-').next().unwrap().to_owned();
            match kind.as_str() {
                "announce" => same::<Announce>(&text),
                "deliver" => same::<Deliver>(&text),
                "delivered" => same::<Delivered>(&text),
                "merge" => same::<Merge>(&text),
                "merged" => same::<Merged>(&text),
                other => panic!("{other} is no kind of message"),
            }
            kinds.insert(kind);
            count += 1;
        }
        assert!(kinds.len() == 5 && count > 10, "{version}: {kinds:?} {count}");
    }
}
