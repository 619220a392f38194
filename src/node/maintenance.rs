//! Work on the store of a node that is not running: `forewarn store renew`, `export`, `import`, `restamp`
//! (docs/contract.md#fenced). Each takes the store's lock, changes the store in one durable step, and reports
//! in words what it has done.

use std::{
    io::{BufRead, Write},
    path::Path,
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::NodeError;
use crate::{
    availability::{Entry, Moment, NodeId, Notification, Rules, StampClock},
    clock,
    store::{Direction, Options, Store, Tree, Write as StoreWrite, is_own, records},
    sync::{Change, PendingRow, QueueKey},
};

/// How many records an import makes durable at a time.
const AT_ONCE: usize = 500;

/// Gives a copied or restored store an identity of its own: a new id, no outbox (its rows belong to
/// the old id), and a full merge with every peer, so that what it has not delivered still arrives.
///
/// # Errors
/// When the store is in use, or cannot be read or written.
pub(crate) fn renew(dir: &Path, reserve: u64) -> Result<String, NodeError> {
    let store = open_existing(dir, reserve)?;
    let before = records::identity(&store)?;
    let restored = records::restore(&store, Rules::default())?;
    let identity = records::Identity { node: clock::new_node_id(), boot: 0, nonce: 0 };
    let mut writes = vec![records::put_identity(&identity), records::clear_conflict()];
    if let Some(before) = before {
        // Its own record under the old id would look like another member of the same name.
        writes.push(records::remove_member(before.node));
    }
    let mut changes = Vec::new();
    for (peer, key, ..) in &restored.outbox {
        changes.push(Change::Unpost(*peer, *key));
    }
    for member in
        restored.members.iter().filter(|member| !member.forgotten && Some(member.id) != before.map(|b| b.node))
    {
        changes.push(Change::MergeOnReturn(member.id, true));
    }
    for (key, row) in &restored.pending {
        if Some(row.initial) == before.map(|before| before.node) {
            changes.push(Change::Requeue(*key, PendingRow { initial: identity.node, ..row.clone() }));
        }
    }
    changes.iter().for_each(|change| records::encode(change, &mut writes));
    write(&store, writes)?;
    let was = before.map_or_else(|| "none".to_owned(), |before| before.node.to_string());
    Ok(format!(
        "{}: this node is {} now (before: {was}); it merges with every peer when it starts",
        dir.display(),
        identity.node
    ))
}

/// One record of an export: a line of JSON.
#[derive(Serialize, Deserialize)]
struct Line {
    tree: String,
    /// Hexadecimal.
    key: String,
    /// Hexadecimal.
    value: String,
}

/// The first line of an export.
#[derive(Serialize, Deserialize)]
struct Head {
    forewarn_export: u32,
}

/// Writes every record as a line of JSON.
///
/// # Errors
/// When the store is in use or cannot be read, or the output cannot be written.
pub(crate) fn export(dir: &Path, reserve: u64, out: &mut dyn Write) -> Result<u64, NodeError> {
    let store = open_existing(dir, reserve)?;
    let mut lines = 0;
    json_line(out, &Head { forewarn_export: 1 })?;
    for tree in Tree::ALL {
        for row in store.scan_prefix(tree, b"", Direction::Ascending)? {
            let (key, value) = row?;
            if is_own(tree, &key) {
                continue;
            }
            json_line(out, &Line { tree: tree.name().to_owned(), key: hex::encode(key), value: hex::encode(value) })?;
            lines += 1;
        }
    }
    out.flush()?;
    Ok(lines)
}

/// Makes a new store from an export. The folder must not hold one yet.
///
/// # Errors
/// When there is a store already, when the input is no export, or when it cannot be written.
pub(crate) fn import(dir: &Path, reserve: u64, input: &mut dyn BufRead) -> Result<u64, NodeError> {
    let wrong = |number: u64, problem: &str| NodeError::Settings(format!("line {number} of the export: {problem}"));
    if dir.join(crate::store::MARKER).exists() {
        return Err(NodeError::Settings(format!("{} holds a store already; name a new folder", dir.display())));
    }
    let mut lines = input.lines();
    let head = lines.next().transpose()?.unwrap_or_default();
    let head: Head = serde_json::from_str(&head).map_err(|error| wrong(1, &error.to_string()))?;
    if head.forewarn_export != 1 {
        return Err(wrong(1, "a form that this version does not know"));
    }
    let store = open(dir, reserve)?;
    let (mut writes, mut count) = (Vec::new(), 0);
    for line in lines {
        let number = count + 2;
        let line: Line = serde_json::from_str(&line?).map_err(|error| wrong(number, &error.to_string()))?;
        let tree = Tree::ALL
            .into_iter()
            .find(|tree| tree.name() == line.tree)
            .ok_or_else(|| wrong(number, "an unknown tree"))?;
        let bytes = |text: &str| hex::decode(text).map_err(|error| wrong(number, &error.to_string()));
        writes.push(StoreWrite::put(tree, bytes(&line.key)?, bytes(&line.value)?));
        count += 1;
        if writes.len() == AT_ONCE {
            write(&store, std::mem::take(&mut writes))?;
        }
    }
    write(&store, writes)?;
    Ok(count)
}

/// Re-issues this store's own notifications whose stamps lie in the future, because its clock was
/// far ahead once: under new ids and stamps of now, in their old order. L goes back to what it would
/// have been. Copies that peers keep in quarantine are taken back by the new ones (`restamps`).
///
/// # Errors
/// When the store is in use, or cannot be read or written.
pub(crate) fn restamp(dir: &Path, reserve: u64, rules: Rules) -> Result<String, NodeError> {
    let store = open_existing(dir, reserve)?;
    let Some(identity) = records::identity(&store)? else {
        return Err(NodeError::Settings(format!("{} has never been started", dir.display())));
    };
    let now = clock::now();
    let latest = now.after(rules.max_clock_skew);
    let restored = records::restore(&store, rules)?;
    let ahead = |entry: &Arc<Entry>| entry.stamp.time > latest;
    let mut limit = Moment::ZERO;
    let mut clock = StampClock::default();
    for entry in restored.ledger.iter().filter(|entry| !ahead(entry)) {
        limit = limit.max(entry.stamp.time);
        clock.see(&entry.stamp);
    }
    let mut changes = Vec::new();
    let mut reissue: Vec<Arc<Entry>> = restored.ledger.iter().filter(|entry| ahead(entry)).cloned().collect();
    changes.extend(reissue.iter().map(|entry| Change::Drop(entry.stamp)));
    for (key, row) in restored.pending.iter().filter(|(_, row)| ahead(&row.entry)) {
        changes.push(Change::Unqueue(*key));
        if row.initial == identity.node {
            reissue.push(Arc::clone(&row.entry));
        }
    }
    for (peer, key, ..) in restored.outbox.iter().filter(|(.., entry)| ahead(entry)) {
        changes.push(Change::Unpost(*peer, *key));
    }
    reissue.sort_by_key(|entry| entry.stamp);
    reissue.dedup_by_key(|entry| entry.stamp);
    let ids: std::collections::HashSet<Uuid> = reissue.iter().map(|entry| entry.notification.id).collect();
    for entry in &reissue {
        let again = again(entry, &ids, identity.node, now, &mut clock);
        let key = QueueKey::new(again.notification.priority, again.stamp);
        changes.push(Change::Queue(key, PendingRow { entry: again, initial: identity.node, share: None }));
    }
    changes.push(Change::Limit(limit));
    let mut writes = Vec::new();
    changes.iter().for_each(|change| records::encode(change, &mut writes));
    write(&store, writes)?;
    Ok(format!(
        "{}: {} notifications were stamped ahead of {latest} and are issued again when the node starts",
        dir.display(),
        reissue.len()
    ))
}

fn again(
    entry: &Entry,
    ids: &std::collections::HashSet<Uuid>,
    node: NodeId,
    now: Moment,
    clock: &mut StampClock,
) -> Arc<Entry> {
    let old = &entry.notification;
    let (time, counter) = clock.next(now);
    // A plan whose beginning lies in the past by then is a closing that has begun.
    let mut made = Notification { id: old.id_restamped(), timestamp: time, ..old.clone() };
    // A plan that is issued again has another id; one that was made in time keeps its own.
    made.cancels = old.cancels.map(|plan| if ids.contains(&plan) { Notification::restamped(&plan) } else { plan });
    made.extra.insert("restamps".to_owned(), old.id.to_string().into());
    Entry::stamped(made, counter, node)
}

fn open(dir: &Path, reserve: u64) -> Result<Store, NodeError> {
    Ok(Store::open(dir, Options { reserve, ..Options::default() })?)
}

fn open_existing(dir: &Path, reserve: u64) -> Result<Store, NodeError> {
    if !dir.join(crate::store::MARKER).exists() {
        return Err(NodeError::Settings(format!("{} holds no store", dir.display())));
    }
    open(dir, reserve)
}

fn write(store: &Store, writes: Vec<StoreWrite>) -> Result<(), NodeError> {
    if writes.is_empty() { Ok(()) } else { Ok(store.write_sync(writes)?) }
}

fn json_line(out: &mut dyn Write, line: &impl Serialize) -> Result<(), NodeError> {
    let text = serde_json::to_string(line).map_err(|error| NodeError::Settings(error.to_string()))?;
    Ok(writeln!(out, "{text}")?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::{
        availability::{Author, Submission},
        sync::{Conflict, ConflictKind},
    };

    const RESERVE: u64 = 1 << 20;

    /// A store of a node that has run, with one entry of this time in its ledger.
    fn store(dir: &Path, time: Moment) -> Arc<Entry> {
        let store = open(dir, RESERVE).unwrap();
        let node = clock::new_node_id();
        let submission = Submission::parse(&json!({"targets": ["application:mail"], "status": "unavailable"})).unwrap();
        let made = submission.statement(clock::new_id(), time, &Author::operator("alice"), &"a".parse().unwrap());
        let entry = Entry::stamped(made, 0, node);
        let key = QueueKey::new(entry.notification.priority, entry.stamp);
        let mut writes = vec![records::put_identity(&records::Identity { node, boot: 3, nonce: 9 })];
        for change in [
            Change::Admit(Arc::clone(&entry)),
            Change::Record(Arc::clone(&entry)),
            Change::Post(clock::new_node_id(), key, crate::sync::OutboxRow { initial: node }),
            Change::Limit(time),
            Change::Conflict(Conflict { kind: ConflictKind::Copied, why: "a copy".to_owned() }),
        ] {
            records::encode(&change, &mut writes);
        }
        store.write_sync(writes).unwrap();
        entry
    }

    fn restored(dir: &Path) -> (records::Identity, crate::sync::Restored) {
        let store = open(dir, RESERVE).unwrap();
        (records::identity(&store).unwrap().unwrap(), records::restore(&store, Rules::default()).unwrap())
    }

    #[test]
    fn a_renewed_store_is_another_node_that_knows_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("s");
        let entry = store(&dir, clock::now());
        let (before, _) = restored(&dir);
        renew(&dir, RESERVE).unwrap();
        let (after, restored) = restored(&dir);
        assert_ne!(after.node, before.node);
        assert!(restored.conflict.is_none() && restored.outbox.is_empty());
        assert!(restored.ledger.get(&entry.stamp).is_some());
    }

    #[test]
    fn what_is_exported_is_imported() {
        let folder = tempfile::tempdir().unwrap();
        let (dir, to) = (folder.path().join("s"), folder.path().join("t"));
        let entry = store(&dir, clock::now());
        let mut lines = Vec::new();
        let count = export(&dir, RESERVE, &mut lines).unwrap();
        assert_eq!(import(&to, RESERVE, &mut lines.as_slice()).unwrap(), count);
        assert_eq!(restored(&to).0, restored(&dir).0);
        assert!(restored(&to).1.ledger.get(&entry.stamp).is_some());
        assert!(import(&to, RESERVE, &mut lines.as_slice()).is_err(), "a store that is there is not overwritten");
        let broken = import(&folder.path().join("u"), RESERVE, &mut b"{\"forewarn_export\":1}\nnonsense\n".as_slice());
        assert!(broken.unwrap_err().to_string().starts_with("line 2"));
    }

    #[test]
    fn what_was_stamped_in_the_future_is_issued_again() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("s");
        let entry = store(&dir, clock::now().after(Duration::from_secs(86_400)));
        restamp(&dir, RESERVE, Rules::default()).unwrap();
        let (_, restored) = restored(&dir);
        assert!(restored.ledger.is_empty() && restored.outbox.is_empty());
        let (_, row) = restored.pending.first().unwrap();
        assert_eq!(row.entry.notification.restamps(), Some(entry.notification.id));
        assert!(row.entry.stamp.time <= clock::now());
        assert!(restored.ledger.limit() <= clock::now());
    }
}
