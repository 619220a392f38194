//! The encoding of the protocol's rows (docs/contract.md#stable-storage; each record begins with a version
//! byte), and the restoring of a node's memory from them.
//!
//! Entries are JSON, so that members of a newer version survive; keys are binary and sort as the
//! protocol does. This file and `migrations/` are the only ones that know both sides.
//!
//! ```text
//! pending   queue key (45)              PendingRow, JSON
//! ledger    stamp (44)                  Entry, JSON
//! outbox    peer (16) queue key (45)    initial (16)
//! history   'n' stamp                   Entry, JSON
//!           'i' id (16) stamp           nothing
//!           'r' stamp node (16)         receipt, JSON
//! meta      node · boot · limit · conflict · boot/ID · member/ID · merge/ID · registry/KIND/ID
//! ```

use std::{
    collections::HashMap,
    sync::{Arc, mpsc},
    thread,
};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Direction, OpenError, Store, StoreError, Tree, Write, record};
use crate::{
    availability::{Entry, Key, Ledger, Moment, NodeId, Rules, Stamp},
    sync::{Change, Conflict, DeliveryState, Member, OutboxRow, PendingRow, QueueKey, Restored},
};

/// The version that is written; all up to it are read.
const VERSION: u8 = 1;

/// How many records are read at a time, where a thread does nothing else.
const READ_AT_ONCE: usize = 512;

/// A record that cannot be read back.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Bytes that no version of this program has written.
    #[error("a record of {tree} cannot be read: {problem}")]
    Broken {
        /// Where.
        tree: Tree,
        /// What is wrong.
        problem: String,
    },
}

/// A receipt as the history keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReceiptRow {
    /// The node's name at that time.
    pub name: String,
    /// Its state there.
    pub state: DeliveryState,
    /// Since when.
    pub at: Moment,
}

/// This store's identity and how many times it has been opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The node.
    pub node: NodeId,
    /// The number of this run.
    pub boot: u64,
    /// Tells runs with the same number apart.
    pub nonce: u64,
}

fn json<T: Serialize>(value: &T) -> Vec<u8> {
    // Plain values into memory: does not fail.
    record::wrap(VERSION, &serde_json::to_vec(value).unwrap_or_default())
}

fn read_json<T: for<'de> Deserialize<'de>>(tree: Tree, value: &[u8]) -> Result<T, RecordError> {
    let body = body(tree, value)?;
    serde_json::from_slice(body).map_err(|e| RecordError::Broken { tree, problem: e.to_string() })
}

fn body(tree: Tree, value: &[u8]) -> Result<&[u8], RecordError> {
    match record::unwrap(value) {
        Ok((version, body)) if version <= VERSION => Ok(body),
        Ok((version, _)) => Err(broken(tree, &format!("its version is {version}, this program reads up to {VERSION}"))),
        Err(e) => Err(broken(tree, &e.to_string())),
    }
}

fn broken(tree: Tree, problem: &str) -> RecordError {
    RecordError::Broken { tree, problem: problem.to_owned() }
}

fn outbox_key(peer: NodeId, key: QueueKey) -> Vec<u8> {
    [peer.0.as_bytes().as_slice(), &key.to_bytes()].concat()
}

fn history_key(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = vec![kind];
    parts.iter().for_each(|part| key.extend_from_slice(part));
    key
}

fn meta_key(kind: &str, id: NodeId) -> Vec<u8> {
    [kind.as_bytes(), id.0.as_bytes().as_slice()].concat()
}

fn registry_key(key: &Key) -> Vec<u8> {
    [b"registry/", key.kind.as_str().as_bytes(), b"/", key.id.as_bytes().as_slice()].concat()
}

/// The bytes of a change. A step is the concatenation of those of its changes.
///
/// A [`Change::Queue`] and a [`Change::Admit`] are of keys that are not there.
pub fn encode(change: &Change, writes: &mut Vec<Write>) {
    match change {
        Change::Queue(key, row) => writes.push(Write::put_new(Tree::Pending, key.to_bytes(), json(row))),
        Change::Requeue(key, row) => writes.push(Write::put(Tree::Pending, key.to_bytes(), json(row))),
        Change::Unqueue(key) => writes.push(Write::remove(Tree::Pending, key.to_bytes())),
        Change::Admit(entry) => writes.push(Write::put_new(Tree::Ledger, entry.stamp.to_bytes(), json(entry))),
        Change::Drop(stamp) => writes.push(Write::remove(Tree::Ledger, stamp.to_bytes())),
        Change::Post(peer, key, row) => {
            let initial = record::wrap(VERSION, row.initial.0.as_bytes());
            writes.push(Write::put(Tree::Outbox, outbox_key(*peer, *key), initial));
        }
        Change::Unpost(peer, key) => writes.push(Write::remove(Tree::Outbox, outbox_key(*peer, *key))),
        Change::Record(entry) => {
            let stamp = entry.stamp.to_bytes();
            let key = history_key(b'n', &[&stamp]);
            // Usually it was just admitted, and its bytes exist already.
            let admitted =
                writes.last().filter(|last| last.tree == Tree::Ledger && last.key() == stamp && last.value().is_some());
            writes.push(match admitted {
                Some(admitted) => admitted.same_value(Tree::History, key),
                None => Write::put(Tree::History, key, json(entry)),
            });
            let id = history_key(b'i', &[entry.notification.id.as_bytes(), &stamp]);
            writes.push(Write::put(Tree::History, id, record::wrap(VERSION, &[])));
        }
        Change::Receipt { stamp, node, name, state, at } => {
            let key = history_key(b'r', &[&stamp.to_bytes(), node.0.as_bytes()]);
            writes.push(Write::put(
                Tree::History,
                key,
                json(&ReceiptRow { name: name.clone(), state: *state, at: *at }),
            ));
        }
        Change::Limit(limit) => writes.push(Write::put(Tree::Meta, *b"limit", json(limit))),
        Change::Boot(node, boot, nonce) => {
            writes.push(Write::put(Tree::Meta, meta_key("boot/", *node), json(&(boot, nonce))))
        }
        Change::Member(member) => writes.push(Write::put(Tree::Meta, meta_key("member/", member.id), json(member))),
        Change::MergeOnReturn(peer, true) => {
            writes.push(Write::put(Tree::Meta, meta_key("merge/", *peer), record::wrap(VERSION, &[])))
        }
        Change::MergeOnReturn(peer, false) => writes.push(Write::remove(Tree::Meta, meta_key("merge/", *peer))),
        Change::Conflict(why) => writes.push(Write::put(Tree::Meta, *b"conflict", json(why))),
        Change::Register(record) => writes.push(Write::put(Tree::Meta, registry_key(&record.key()), json(record))),
        Change::Unregister(key) => writes.push(Write::remove(Tree::Meta, registry_key(key))),
    }
}

/// Whether a record is a notification whose content does not give the hash in its stamp, or that lies
/// under another one's key: it was changed after it was written. Asked by `forewarn store check`, not
/// at start, where the hash of every entry would take longer than all the rest. What is no notification
/// is not; nor what this version cannot read, which the next start names.
pub(crate) fn is_altered(tree: Tree, key: &[u8], value: &[u8]) -> bool {
    let (stamp, entry) = match tree {
        Tree::Pending => {
            (QueueKey::from_bytes(key).map(|key| key.stamp), read_json::<PendingRow>(tree, value).map(|row| row.entry))
        }
        Tree::Ledger => (Stamp::from_bytes(key).ok(), read_json(tree, value)),
        Tree::History => match key.strip_prefix(b"n") {
            Some(stamp) => (Stamp::from_bytes(stamp).ok(), read_json(tree, value)),
            None => return false,
        },
        Tree::Meta | Tree::Outbox => return false,
    };
    entry.is_ok_and(|entry: Arc<Entry>| stamp != Some(entry.stamp) || !entry.is_as_stamped())
}

/// The store's identity, if it has been opened before.
///
/// # Errors
/// When the store cannot be read.
pub fn identity(store: &Store) -> Result<Option<Identity>, RecordError> {
    store.get(Tree::Meta, b"node")?.map(|value| read_json(Tree::Meta, &value)).transpose()
}

/// The write that makes an identity durable.
pub fn put_identity(identity: &Identity) -> Write {
    Write::put(Tree::Meta, *b"node", json(identity))
}

/// Why this store's node was turned away by its peers, if it was.
///
/// # Errors
/// When the store cannot be read.
pub fn conflict(store: &Store) -> Result<Option<Conflict>, RecordError> {
    store.get(Tree::Meta, b"conflict")?.map(|value| read_json(Tree::Meta, &value)).transpose()
}

/// The write that takes back that this store is a copy.
pub fn clear_conflict() -> Write {
    Write::remove(Tree::Meta, *b"conflict")
}

/// The members that it knows, its own node included.
///
/// # Errors
/// When the store cannot be read.
pub fn members(store: &Store) -> Result<Vec<Member>, RecordError> {
    let rows = store.scan_prefix(Tree::Meta, b"member/", Direction::Ascending)?;
    rows.map(|row| read_json(Tree::Meta, &row?.1)).collect()
}

/// The write that removes a member's record.
pub fn remove_member(id: NodeId) -> Write {
    Write::remove(Tree::Meta, meta_key("member/", id))
}

/// Rebuilds what the protocol keeps in memory. Costs one pass over ledger, pending and outbox. Believes
/// what it reads: sled's own checksums guard it, and [`is_altered`] finds changes.
///
/// # Errors
/// When something cannot be read.
pub fn restore(store: &Store, rules: Rules) -> Result<Restored, RecordError> {
    let mut restored = Restored { ledger: Ledger::new(rules), ..Restored::default() };
    let uuid = |key: &[u8], prefix: &str| {
        Uuid::from_slice(&key[prefix.len()..]).map(NodeId).map_err(|e| broken(Tree::Meta, &e.to_string()))
    };
    for row in store.scan_prefix(Tree::Meta, b"", Direction::Ascending)? {
        let (key, value) = row?;
        if key == b"limit" {
            restored.ledger.advance(read_json(Tree::Meta, &value)?);
        } else if key == b"conflict" {
            restored.conflict = Some(read_json(Tree::Meta, &value)?);
        } else if key.starts_with(b"boot/") {
            let (boot, nonce) = read_json(Tree::Meta, &value)?;
            restored.boots.push((uuid(&key, "boot/")?, boot, nonce));
        } else if key.starts_with(b"member/") {
            restored.members.push(read_json::<Member>(Tree::Meta, &value)?);
        } else if key.starts_with(b"merge/") {
            restored.merge_on_return.push(uuid(&key, "merge/")?);
        } else if key.starts_with(b"registry/") {
            restored.records.push(read_json(Tree::Meta, &value)?);
        }
    }
    let rows = store.scan_prefix(Tree::Ledger, b"", Direction::Ascending)?.map(|row| row.map(|(_, value)| value));
    read_beside(rows, |entry| _ = restored.ledger.admit(&entry))?;
    for row in store.scan_prefix(Tree::Pending, b"", Direction::Ascending)? {
        let (key, value) = row?;
        let key = QueueKey::from_bytes(&key).ok_or_else(|| broken(Tree::Pending, "an invalid key"))?;
        restored.pending.push((key, read_json(Tree::Pending, &value)?));
    }
    let mut bodies: HashMap<Stamp, Arc<Entry>> = HashMap::new();
    for row in store.scan_prefix(Tree::Outbox, b"", Direction::Ascending)? {
        let (key, value) = row?;
        let peer = key.get(..16).and_then(|id| Uuid::from_slice(id).ok()).map(NodeId);
        let queue_key = key.get(16..).and_then(QueueKey::from_bytes);
        let (Some(peer), Some(queue_key)) = (peer, queue_key) else {
            return Err(broken(Tree::Outbox, "an invalid key"));
        };
        let initial =
            Uuid::from_slice(body(Tree::Outbox, &value)?).map_err(|e| broken(Tree::Outbox, &e.to_string()))?;
        let stamp = queue_key.stamp;
        let known = restored.ledger.get(&stamp).or_else(|| bodies.get(&stamp)).cloned();
        let Some(entry) = known.map_or_else(|| recorded(store, &stamp), |entry| Ok(Some(entry)))? else {
            restored.bodiless.push((peer, queue_key));
            continue;
        };
        bodies.insert(stamp, Arc::clone(&entry));
        restored.outbox.push((peer, queue_key, OutboxRow { initial: NodeId(initial) }, entry));
    }
    Ok(restored)
}

/// Reads entries of the ledger on a thread of its own while those that are read are taken in here:
/// each is about half of the work of a restart.
fn read_beside<V: AsRef<[u8]> + Send>(
    rows: impl Iterator<Item = Result<V, StoreError>>,
    mut take: impl FnMut(Arc<Entry>),
) -> Result<(), RecordError> {
    std::thread::scope(|scope| {
        let (hand_over, batches) = mpsc::sync_channel::<Vec<V>>(4);
        let (done, read) = mpsc::channel();
        let reader = move || {
            for batch in batches {
                let entries: Result<Vec<Arc<Entry>>, _> =
                    batch.iter().map(|value| read_json(Tree::Ledger, value.as_ref())).collect();
                if done.send(entries).is_err() {
                    return;
                }
            }
        };
        thread::Builder::new()
            .name("store-read".to_owned())
            .spawn_scoped(scope, reader)
            .map_err(|cause| StoreError::Thread { cause })?;
        let mut batch = Vec::with_capacity(READ_AT_ONCE);
        for row in rows {
            batch.push(row?);
            if batch.len() == READ_AT_ONCE {
                // The receiver is gone only after a panic, which the scope passes on.
                hand_over.send(std::mem::take(&mut batch)).ok();
                for entries in read.try_iter() {
                    entries?.into_iter().for_each(&mut take);
                }
            }
        }
        hand_over.send(batch).ok();
        drop(hand_over);
        for entries in read {
            entries?.into_iter().for_each(&mut take);
        }
        Ok(())
    })
}

/// A notification of the history by its stamp.
///
/// # Errors
/// When the store cannot be read.
pub fn recorded(store: &Store, stamp: &Stamp) -> Result<Option<Arc<Entry>>, RecordError> {
    let value = store.get(Tree::History, &history_key(b'n', &[&stamp.to_bytes()]))?;
    value.map(|value| read_json(Tree::History, &value)).transpose()
}

/// A notification of the history by its id; the one with the lowest stamp.
///
/// # Errors
/// When the store cannot be read.
pub fn recorded_by_id(store: &Store, id: &Uuid) -> Result<Option<Arc<Entry>>, RecordError> {
    let prefix = history_key(b'i', &[id.as_bytes()]);
    let Some(first) = store.scan_prefix(Tree::History, &prefix, Direction::Ascending)?.next() else { return Ok(None) };
    let stamp = Stamp::from_bytes(&first?.0[prefix.len()..]).map_err(|e| broken(Tree::History, &e.to_string()))?;
    recorded(store, &stamp)
}

/// The receipts that the history has of one notification.
///
/// # Errors
/// When the store cannot be read.
pub fn receipts(store: &Store, stamp: &Stamp) -> Result<Vec<(NodeId, ReceiptRow)>, RecordError> {
    let prefix = history_key(b'r', &[&stamp.to_bytes()]);
    let mut rows = Vec::new();
    for row in store.scan_prefix(Tree::History, &prefix, Direction::Ascending)? {
        let (key, value) = row?;
        let node = Uuid::from_slice(&key[prefix.len()..]).map_err(|e| broken(Tree::History, &e.to_string()))?;
        rows.push((NodeId(node), read_json(Tree::History, &value)?));
    }
    Ok(rows)
}

/// The history, newest first, from below `before` on; stops when `take` returns false.
///
/// # Errors
/// When the store cannot be read.
pub fn history(
    store: &Store,
    before: Option<Stamp>,
    mut take: impl FnMut(Arc<Entry>) -> bool,
) -> Result<(), RecordError> {
    let end = before.map_or_else(|| vec![b'n' + 1], |stamp| history_key(b'n', &[&stamp.to_bytes()]));
    for row in store.scan(Tree::History, vec![b'n']..end, Direction::Descending)? {
        if !take(read_json(Tree::History, &row?.1)?) {
            break;
        }
    }
    Ok(())
}

/// The writes that remove what is older than `until` from the history, at most `most` notifications
/// at a time.
///
/// # Errors
/// When the store cannot be read.
pub fn prune(store: &Store, until: Moment, most: usize) -> Result<Vec<Write>, RecordError> {
    let end = Stamp { time: until, counter: 0, node: NodeId::NONE, hash: [0; 16] };
    let mut writes = Vec::new();
    let range = vec![b'n']..history_key(b'n', &[&end.to_bytes()]);
    for row in store.scan(Tree::History, range, Direction::Ascending)?.take(most) {
        let (key, value) = row?;
        let entry: Entry = read_json(Tree::History, &value)?;
        let stamp = entry.stamp.to_bytes();
        writes.push(Write::remove(Tree::History, key));
        writes.push(Write::remove(Tree::History, history_key(b'i', &[entry.notification.id.as_bytes(), &stamp])));
        for (node, _) in receipts(store, &entry.stamp)? {
            writes.push(Write::remove(Tree::History, history_key(b'r', &[&stamp, node.0.as_bytes()])));
        }
    }
    Ok(writes)
}
