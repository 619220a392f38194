//! A store written by a version whose records have one member more, opened by this one; and the same
//! records over the wire. The other way round (fewer members) is what every optional member is.

use std::time::Duration;

use forewarn::store::{Direction, Options, Store, Tree, Write, record};
use serde_json::{Value, json};

use crate::{
    closing, in_seconds, opening,
    peers::{deliver, entry},
    support::{Farm, Stranger, binary},
};

/// Gives every notification and member record of the store a member that this version does not know.
fn as_a_newer_version_wrote(store: &Store, tree: Tree) -> usize {
    let rows: Vec<(Vec<u8>, Vec<u8>)> =
        store.scan_prefix(tree, b"", Direction::Ascending).unwrap().map(Result::unwrap).collect();
    let mut writes = Vec::new();
    for (key, value) in rows {
        let (version, body) = record::unwrap(&value).unwrap();
        let Ok(mut json) = serde_json::from_slice::<Value>(body) else { continue };
        match json {
            Value::Object(ref mut members) if members.contains_key("notification") => {
                members.insert("beside".to_owned(), json!(1));
            }
            Value::Object(ref mut members) if tree == Tree::Meta || members.contains_key("entry") => {
                members.insert("colour".to_owned(), json!("red"));
            }
            _ => continue,
        }
        writes.push(Write::put(tree, key, record::wrap(version, json.to_string().as_bytes())));
    }
    let count = writes.len();
    store.write_sync(writes).unwrap();
    count
}

#[tokio::test]
async fn a_store_with_members_of_a_newer_version_opens_keeps_them_and_passes_them_on() {
    let farm = Farm::new(2).merge("timeout = \"1s\"\nevery = \"1h\"").start().await;
    farm[1].kill9().await;
    farm[0].terminate().await;
    // what a newer version would have left behind: entries in pending, ledger and history
    let stranger = forewarn::clock::new_node_id();
    let entries: Vec<Value> = ["application:mail", "application:chat"]
        .iter()
        .map(|target| {
            crate::peers::entry(stranger, json!({"targets": [target], "colour": {"deep": ["red"]}, "message": target}))
        })
        .collect();
    {
        let store = Store::open(&farm[0].data, Options::default()).unwrap();
        let key = |entry: &Value| {
            entry["stamp"].as_str().unwrap().parse::<forewarn::availability::Stamp>().unwrap().to_bytes().to_vec()
        };
        let wrapped = |value: &Value| record::wrap(1, value.to_string().as_bytes());
        let pending = json!({"entry": entries[0], "initial": stranger, "share": [], "colour": "red"});
        let history: Vec<u8> = [b"n".to_vec(), key(&entries[1])].concat();
        store
            .write_sync(vec![
                Write::put(Tree::Pending, [vec![1], key(&entries[0])].concat(), wrapped(&pending)),
                Write::put(Tree::Ledger, key(&entries[1]), wrapped(&entries[1])),
                Write::put(Tree::History, history, wrapped(&entries[1])),
            ])
            .unwrap();
        assert_eq!(as_a_newer_version_wrote(&store, Tree::Ledger), 1);
        assert!(as_a_newer_version_wrote(&store, Tree::Meta) > 0, "identity and members have records");
    }
    farm[0].restart().await;
    for path in ["/mail", "/chat"] {
        farm[0].gate_get(path, &[]).await.expect(503);
    }
    let list = async |node: usize| {
        let list = farm[node].get("/api/v1/notifications").await.expect(200).json();
        list["notifications"].as_array().unwrap().clone()
    };
    for one in list(0).await {
        assert_eq!(one["colour"], json!({"deep": ["red"]}), "{one}");
    }
    assert_eq!(list(0).await.len(), 2);
    // over the wire
    farm[1].restart().await;
    for path in ["/mail", "/chat"] {
        farm[1].gate_get(path, &[]).await.expect(503);
    }
    for one in list(1).await {
        assert_eq!(one["colour"], json!({"deep": ["red"]}), "{one}");
    }
    assert_eq!(farm[0].fingerprint().await, farm[1].fingerprint().await);
    // and they live together as before
    farm[1].submit_wait_all(closing("application:directory", json!({}))).await;
    farm[0].kill9().await;
    farm[0].restart().await;
    assert_eq!(
        farm[0]
            .get(&format!("/api/v1/notifications/{}", entries[1]["notification"]["id"].as_str().unwrap()))
            .await
            .expect(200)
            .json()["colour"],
        json!({"deep": ["red"]})
    );
    tokio::time::timeout(Duration::from_secs(5), farm[0].terminate()).await.unwrap();
}

#[tokio::test]
async fn criteria_and_words_of_a_newer_version_are_kept_passed_on_and_dropped_alike() {
    let farm = Farm::new(2).merge("timeout = \"1s\"\nevery = \"1h\"").start().await;
    let stranger = Stranger::new();
    farm[1].terminate().await;
    // of a kind that is not known here; a known kind with a value of another form; words
    let criteria = json!({"methods": ["GET"], "moon": {"phase": [0.1, "full"]}, "paths": {"regex": "^/mail"}});
    let newer = [
        json!({"targets": ["application:mail"], "criteria": criteria}),
        json!({"targets": ["application:chat"], "restore": "by-steps", "priority": "urgent", "goes_down_at": in_seconds(-60.0), "expected_back_at": in_seconds(-30.0)}),
        json!({"targets": ["application:directory"], "source": "robot"}),
    ];
    let entries: Vec<Value> = newer.iter().map(|members| entry(stranger.id(), members.clone())).collect();
    let told =
        stranger.post(&farm[0], "/peer/v1/notifications", &deliver(stranger.id(), &entries)).await.expect(200).json();
    assert_eq!((&told["refused"], told["receipts"].as_array().map(Vec::len)), (&Value::Null, Some(3)), "{told}");
    farm[0].wait_available("chat", false).await;
    farm[0].wait_available("directory", false).await;
    // b gets them by a merge
    farm[1].restart().await;
    let id = |which: usize| entries[which]["notification"]["id"].as_str().unwrap().to_owned();
    for node in &farm.nodes {
        node.gate_get("/chat", &[]).await.expect(503);
        node.gate_get("/directory", &[]).await.expect(503);
        node.gate_get("/mail", &[]).await.expect(200);
        for (which, members) in newer.iter().enumerate() {
            let kept = node.get(&format!("/api/v1/notifications/{}", id(which))).await.expect(200).json();
            for member in ["criteria", "restore", "priority", "source"] {
                assert!(members[member].is_null() || kept[member] == members[member], "{}: {kept}", node.name);
            }
        }
        let why = node.get("/api/v1/availability/mail/why?path=/mail").await.expect(200).json();
        let because = why["considered"][0]["because"].as_str().unwrap();
        assert!(because.contains("does not know (moon, paths)"), "{why}");
    }
    assert_eq!(farm[0].fingerprint().await, farm[1].fingerprint().await);
    // nobody hands such a thing in here
    let refused = farm[0].submit(closing("application:mail", json!({"criteria": criteria}))).await.expect(422);
    assert_eq!(refused.fields(), ["criteria.moon", "criteria.paths"]);
    let refused = farm[0]
        .submit(closing(
            "application:mail",
            json!({"restore": "by-steps", "priority": "urgent", "duration_seconds": 5}),
        ))
        .await
        .expect(422);
    assert_eq!(refused.fields(), ["priority", "restore"]);
    // they are replaced as any others are, everywhere
    for application in ["mail", "chat", "directory"] {
        farm[1].submit_wait_all(opening(&format!("application:{application}"))).await;
    }
    farm[0].kill9().await;
    farm[0].restart().await;
    for node in &farm.nodes {
        for application in ["mail", "chat", "directory"] {
            node.gate_get(&format!("/{application}"), &[]).await.expect(200);
            let why = node.get(&format!("/api/v1/availability/{application}/why")).await.expect(200).json();
            assert_eq!(why["considered"].as_array().map(Vec::len), Some(1), "{}: {why}", node.name);
        }
    }
    assert_eq!(farm[0].fingerprint().await, farm[1].fingerprint().await);
}

#[tokio::test]
async fn a_check_of_the_store_names_what_was_changed_in_it() {
    let farm = Farm::new(1).start().await;
    farm[0].submit_wait_all(closing("application:mail", json!({"message": "as it was"}))).await;
    farm[0].terminate().await;
    let check = || {
        let done = std::process::Command::new(binary())
            .args(["store", "check", "--config"])
            .arg(&farm[0].config)
            .output()
            .unwrap();
        (
            done.status.success(),
            format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr)),
        )
    };
    let (sound, said) = check();
    assert!(sound, "{said}");
    {
        let store = Store::open(&farm[0].data, Options::default()).unwrap();
        let (key, value) = store.scan_prefix(Tree::Ledger, b"", Direction::Ascending).unwrap().next().unwrap().unwrap();
        let (version, body) = record::unwrap(&value).unwrap();
        let changed = String::from_utf8(body.to_vec()).unwrap().replace("as it was", "as it never was");
        store.write_sync(vec![Write::put(Tree::Ledger, key, record::wrap(version, changed.as_bytes()))]).unwrap();
    }
    let (sound, said) = check();
    assert!(!sound && said.contains("1 notifications in ledger do not give the hash in their stamp"), "{said}");
}
