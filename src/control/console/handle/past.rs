//! The last day of each application, for the board: made from the history when the board is opened, at most every few
//! seconds.
//!
//! Must stay true: the board waits for it for a short time only, and shows what was known last otherwise; however
//! long the history is, a bounded part of it is read.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use tokio::sync::Semaphore;

use crate::{
    actors::desk::Desk,
    availability::{Moment, Rules},
    clock,
    control::console::view::{BACK, Past},
    outside::{Present, Record, Recorder},
};

/// It is made anew after so long.
const FRESH: Duration = Duration::from_secs(2);
/// How long the board waits.
const PATIENCE: Duration = Duration::from_millis(60);
/// The most notifications that are read, the newest.
const MOST: usize = 5_000;

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Days(Arc<Kept>);

#[derive(Debug)]
struct Kept {
    /// When it was made, and what.
    last: ArcSwap<(Moment, Past)>,
    /// Held while it is made.
    making: Semaphore,
    rules: Rules,
}

impl Days {
    /// For a farm with these rules.
    pub(crate) fn new(rules: Rules) -> Self {
        let last = ArcSwap::from_pointee((Moment::ZERO, Past::default()));
        Self(Arc::new(Kept { last, making: Semaphore::new(1), rules }))
    }

    /// The last day of each application.
    pub(crate) async fn past(&self, desk: &Desk, now: Moment) -> Past {
        if now.since(self.0.last.load().0) > FRESH {
            let (this, desk) = (self.clone(), desk.clone());
            let made = actix_web::rt::spawn(async move { this.make(&desk, now).await });
            tokio::time::timeout(PATIENCE, made).await.ok();
        }
        self.0.last.load().1.clone()
    }

    async fn make(&self, desk: &Desk, now: Moment) {
        // Who comes while it is made has what was made before.
        let Ok(_making) = self.0.making.try_acquire() else { return };
        let Ok(mut history) = desk.since(clock::now().before(BACK), MOST).await else { return };
        history.reverse();
        let shared = desk.shared();
        let at = shared.clock();
        let slots = shared.slots();
        let standing = slots.iter().filter_map(|slot| Present::of(&slot.snapshot.load(), at).cause).collect();
        let definitions = slots.iter().map(|slot| slot.app.definition.clone()).collect();
        let names: Vec<_> = slots.iter().map(|slot| slot.app.name().clone()).collect();
        let recorder = Recorder::new(definitions, shared.node.clone(), self.0.rules);
        let made = actix_web::web::block(move || {
            let record: Record = recorder.of(standing, &history, at);
            Past::new(&record, &names, at)
        });
        if let Ok(past) = made.await {
            self.0.last.store(Arc::new((now, past)));
        }
    }
}
