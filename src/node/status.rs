//! Makes the status page's record of the last 90 days: at start, after each notification, and each minute.
//!
//! Must stay true: the gate never waits for it; a history that cannot be read leaves the record as it was, with a
//! line in the log.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use tokio::sync::broadcast::error::RecvError;

use crate::{
    actors::shared::{Event, Shared},
    availability::Rules,
    clock,
    outside::{Present, Record, Recorder},
    store::{
        Store,
        records::{self, RecordError},
    },
};

/// At the latest.
const EVERY: Duration = Duration::from_secs(60);
/// Several notifications at once make one record.
const SETTLE: Duration = Duration::from_secs(1);
/// How far back.
const WINDOW: Duration = Duration::from_secs(90 * 86_400);
/// The most notifications that are read, the newest.
const MOST: usize = 50_000;

/// Runs until the node ends.
pub(super) async fn keep(kept: Arc<ArcSwap<Record>>, store: Store, shared: Arc<Shared>, rules: Rules) {
    let mut events = shared.events.subscribe();
    loop {
        let (store, reader) = (store.clone(), Arc::clone(&shared));
        match tokio::task::spawn_blocking(move || record(&store, &reader, rules)).await {
            Ok(Ok(record)) => kept.store(Arc::new(record)),
            Ok(Err(error)) => log::warn!(error:%; "status_record_not_read"),
            Err(_) => return, // the runtime ends
        }
        let news = async {
            loop {
                match events.recv().await {
                    Ok(Event::Notification { .. }) | Err(RecvError::Lagged(_)) => return,
                    Ok(_) => {}
                    Err(RecvError::Closed) => std::future::pending().await,
                }
            }
        };
        let _ = tokio::time::timeout(EVERY, news).await;
        tokio::time::sleep(SETTLE).await;
    }
}

fn record(store: &Store, shared: &Shared, rules: Rules) -> Result<Record, RecordError> {
    let now = shared.clock();
    let (from, mut history) = (clock::now().before(WINDOW), Vec::new());
    records::history(store, None, |entry| {
        let is_within = entry.stamp.time >= from && history.len() < MOST;
        if is_within {
            history.push(entry);
        }
        is_within
    })?;
    history.reverse();
    let slots = shared.slots();
    let definitions = slots.iter().map(|slot| slot.app.definition.clone()).collect();
    let causes = slots.iter().filter_map(|slot| Present::of(&slot.snapshot.load(), now).cause);
    let recorder = Recorder::new(definitions, shared.node.clone(), rules);
    Ok(recorder.of(causes.collect(), &history, now))
}
