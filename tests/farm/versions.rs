//! A store written by a version whose records have one member more, opened by this one; and the same
//! records over the wire. The other way round (fewer members) is what every optional member is.

use std::time::Duration;

use forewarn::store::{Direction, Options, Store, Tree, Write, record};
use serde_json::{Value, json};

use crate::{closing, support::Farm};

/// Gives every notification and member record of the store a member that this version does not know.
fn as_a_newer_version_wrote(store: &Store, tree: Tree) -> usize {
    let rows: Vec<(Vec<u8>, Vec<u8>)> = store.scan_prefix(tree, b"", Direction::Ascending).unwrap().map(Result::unwrap).collect();
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
        .map(|target| crate::peers::entry(stranger, json!({"targets": [target], "colour": {"deep": ["red"]}, "message": target})))
        .collect();
    {
        let store = Store::open(&farm[0].data, Options::default()).unwrap();
        let key = |entry: &Value| entry["stamp"].as_str().unwrap().parse::<forewarn::availability::Stamp>().unwrap().to_bytes().to_vec();
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
    assert_eq!(farm[0].get(&format!("/api/v1/notifications/{}", entries[1]["notification"]["id"].as_str().unwrap())).await.expect(200).json()["colour"], json!({"deep": ["red"]}));
    tokio::time::timeout(Duration::from_secs(5), farm[0].terminate()).await.unwrap();
}
