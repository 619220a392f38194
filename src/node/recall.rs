//! What was said about outages that go on, before this start: read from the history, so that the page's earlier
//! messages outlive a restart (docs/contract.md#the-page).
//!
//! Must stay true: it changes no verdict, for the words are loaded afterwards; it costs a start a bounded number of
//! records; a history that cannot be read costs the earlier messages alone.

use std::sync::Arc;

use crate::{
    actors::shared::Slot,
    answer::{Snapshot, general},
    availability::{Entry, Ledger, Moment, Name, Rules, verdict::View},
    store::{
        Store,
        records::{self, RecordError},
    },
};

/// The newest notifications of the history that are looked at, and of these for each application.
const MOST: usize = 2_000;
const MOST_EACH: usize = 64;

/// Lets the snapshots of closed applications know what was said. `views` are the words that will be loaded.
pub(super) fn recall(
    store: &Store,
    (slots, views): (&[Arc<Slot>], &[View]),
    (node, rules): (&Name, Rules),
    clock: Moment,
) -> Result<(), RecordError> {
    let is_closed = |view: &View| !general(&view.weigh(clock), node).is_open();
    let closed: Vec<_> = slots.iter().zip(views).filter(|(_, view)| is_closed(view)).collect();
    if closed.is_empty() {
        return Ok(());
    }
    let mut newest: Vec<Arc<Entry>> = Vec::new();
    records::history(store, None, |entry| {
        newest.push(entry);
        newest.len() < MOST
    })?;
    for (slot, _) in closed {
        let touches = |entry: &&Arc<Entry>| entry.notification.targets.iter().any(|target| slot.depends_on(target));
        // The oldest first, as they were said.
        let said: Vec<_> = newest.iter().filter(touches).take(MOST_EACH).collect();
        let mut ledger = Ledger::new(rules);
        let view = |ledger: &Ledger| View::of(ledger, &slot.app.definition);
        let mut snapshot = Snapshot::build(Arc::clone(&slot.app), node.clone(), view(&ledger), Moment::ZERO);
        for entry in said.into_iter().rev() {
            let at = entry.stamp.time;
            // A plan may have begun in between.
            snapshot = snapshot.next(snapshot.view().clone(), at);
            ledger.admit(entry);
            snapshot = snapshot.next(view(&ledger), at);
        }
        slot.snapshot.store(Arc::new(snapshot.next(snapshot.view().clone(), clock)));
    }
    Ok(())
}
