//! What the stores of a farm hold after an orderly stop, read as a node would read them.

use std::{collections::BTreeSet, path::Path};

use forewarn::{
    availability::{Rules, Stamp},
    store::{Options, Store, records},
    sync::Restored,
};
use uuid::Uuid;

use crate::{
    book::{Book, poll},
    support::Farm,
};

/// Opens a store that no node has open.
pub fn read(data: &Path) -> (Store, Restored) {
    let store = Store::open(data, Options::default()).unwrap();
    let restored = records::restore(&store, Rules::default()).unwrap();
    (store, restored)
}

/// Waits until no node has anything left to send.
async fn drained(farm: &Farm) {
    for node in &farm.nodes {
        let left = std::cell::RefCell::new(serde_json::Value::Null);
        let drained = poll(async || {
            let nodes = node.get("/api/v1/nodes").await.json();
            let empty =
                nodes["nodes"].as_array().unwrap().iter().all(|node| node["outbox"] == 0 || node["outbox"].is_null());
            *left.borrow_mut() = nodes;
            empty
        });
        assert!(drained.await, "{} does not get rid of its outbox: {:#}\n{}", node.name, left.borrow(), node.log_end());
    }
}

/// Stops all nodes and compares their stores: the same stamps, nothing left to do, and for each
/// acknowledged notification its entry, or an entry that supersedes it.
pub async fn compare(farm: &Farm, book: &Book) {
    drained(farm).await;
    for node in &farm.nodes {
        node.terminate().await;
    }
    let mut stores: Vec<(Store, Restored)> = farm.nodes.iter().map(|node| read(&node.data)).collect();
    let stamps = |restored: &Restored| -> BTreeSet<Stamp> { restored.ledger.iter().map(|entry| entry.stamp).collect() };
    let first = stamps(&stores[0].1);
    let print = stores[0].1.ledger.fingerprint();
    for (node, (_, restored)) in farm.nodes.iter().zip(&stores) {
        assert_eq!(stamps(restored), first, "{} and {} hold different entries", node.name, farm[0].name);
        assert_eq!(restored.ledger.fingerprint(), print, "{}", node.name);
        assert!(restored.pending.is_empty(), "{} has not applied {:?}", node.name, restored.pending);
        let waiting: Vec<_> = restored.outbox.iter().map(|(peer, key, ..)| (peer, key)).collect();
        assert!(waiting.is_empty(), "{} still has rows for {waiting:?}", node.name);
    }
    for id in book.acknowledged.keys() {
        supported(farm, &mut stores, id);
    }
}

/// In every ledger, or dead because of one that is.
fn supported(farm: &Farm, stores: &mut [(Store, Restored)], id: &Uuid) {
    let entry = stores.iter().find_map(|(store, _)| records::recorded_by_id(store, id).unwrap());
    let entry = entry.unwrap_or_else(|| panic!("no history has {id}, which was acknowledged"));
    for (node, (_, restored)) in farm.nodes.iter().zip(stores) {
        if restored.ledger.get(&entry.stamp).is_none() {
            let admission = restored.ledger.admit(&entry);
            assert!(
                admission.superseded.is_some(),
                "{} has lost {id}, which was acknowledged, and would take it again: {admission:?}",
                node.name
            );
        }
    }
}
