//! The deadlines of one worker's connections, in one table.
//!
//! Extending a deadline, the usual case, costs one assignment: its old entry in the table is read when that
//! time comes, and only then moved to its new place. One task sleeps until the earliest entry.
//!
//! What must stay true: a deadline never fires early, and is late by at most [`TICK`]; a closed connection
//! leaves only entries that are dropped when their time comes.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::{Rc, Weak},
    task::{Context, Waker},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

/// Deadlines within the same tick fire together.
const TICK: Duration = Duration::from_millis(32);
/// No time at all.
const NEVER: u64 = u64::MAX;

/// The table of one worker.
#[derive(Clone)]
pub(super) struct Deadlines(Rc<Table>);

struct Table {
    began: Instant,
    places: RefCell<BTreeMap<u64, Vec<Weak<Entry>>>>,
    /// An earlier place than all others was taken.
    earlier: Notify,
}

struct Entry {
    /// In ticks, like all times here.
    due: Cell<u64>,
    /// The place that counts; others are left over.
    place: Cell<u64>,
    fired: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

/// One connection's deadline. It is set anew again and again.
pub(super) struct Deadline {
    entry: Rc<Entry>,
    table: Rc<Table>,
}

impl Deadlines {
    /// An empty table, and the task that keeps it, on this thread.
    pub(super) fn start() -> Self {
        let table = Rc::new(Table { began: Instant::now(), places: RefCell::default(), earlier: Notify::new() });
        actix_web::rt::spawn(keep(Rc::downgrade(&table)));
        Self(table)
    }

    /// A deadline that is not set.
    pub(super) fn deadline(&self) -> Deadline {
        let entry = Entry {
            due: Cell::new(NEVER),
            place: Cell::new(NEVER),
            fired: Cell::new(false),
            waker: RefCell::new(None),
        };
        Deadline { entry: Rc::new(entry), table: Rc::clone(&self.0) }
    }

    /// Wakes every connection that waits.
    pub(super) fn wake_all(&self) {
        let all: Vec<_> = self.0.places.borrow().values().flatten().filter_map(Weak::upgrade).collect();
        all.iter().for_each(|entry| entry.wake());
    }
}

impl Table {
    fn tick(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.began).as_millis();
        u64::try_from(since / TICK.as_millis()).unwrap_or(NEVER - 1)
    }

    fn put(&self, entry: &Rc<Entry>, place: u64) {
        let mut places = self.places.borrow_mut();
        let earlier = places.first_key_value().is_none_or(|(first, _)| place < *first);
        entry.place.set(place);
        places.entry(place).or_default().push(Rc::downgrade(entry));
        if earlier {
            self.earlier.notify_one();
        }
    }

    /// Fires what is due, and moves what was put off. Returns when to look again.
    fn turn(&self, now: Instant) -> Option<Instant> {
        let tick = self.tick(now);
        loop {
            let (place, entries) = {
                let mut places = self.places.borrow_mut();
                match places.first_entry() {
                    None => return None,
                    Some(first) if *first.key() > tick => {
                        let ticks = u32::try_from(*first.key()).unwrap_or(u32::MAX);
                        return Some(self.began + TICK * ticks);
                    }
                    Some(first) => first.remove_entry(),
                }
            };
            for entry in entries.iter().filter_map(Weak::upgrade).filter(|entry| entry.place.get() == place) {
                let due = entry.due.get();
                entry.place.set(NEVER);
                if due <= tick {
                    entry.due.set(NEVER);
                    entry.fired.set(true);
                    entry.wake();
                } else if due != NEVER {
                    self.put(&entry, due);
                }
            }
        }
    }
}

impl Entry {
    fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}

impl Deadline {
    /// It fires `limit` from now, unless it is set again before.
    pub(super) fn set(&self, limit: Duration) {
        self.set_at(Instant::now() + limit);
    }

    /// It fires at this time, unless it is set again before.
    pub(super) fn set_at(&self, at: Instant) {
        let due = self.table.tick(at) + 1;
        self.entry.due.set(due);
        self.entry.fired.set(false);
        if due < self.entry.place.get() {
            self.table.put(&self.entry, due);
        }
    }

    /// Whether it has fired since it was set. If not, the task of `cx` is woken when it does.
    pub(super) fn poll(&self, cx: &Context<'_>) -> bool {
        if self.entry.fired.get() {
            return true;
        }
        let mut waker = self.entry.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
        false
    }
}

async fn keep(table: Weak<Table>) {
    loop {
        let Some(now) = table.upgrade() else { return };
        let next = now.turn(Instant::now());
        let earlier = now.earlier.notified();
        match next {
            Some(next) => _ = tokio::time::timeout_at(next, earlier).await,
            None => earlier.await,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{future::poll_fn, task::Poll};

    use super::*;

    async fn fired(deadline: &Deadline) -> Instant {
        poll_fn(|cx| if deadline.poll(cx) { Poll::Ready(Instant::now()) } else { Poll::Pending }).await
    }

    #[actix_web::test]
    async fn each_fires_at_its_last_time() {
        let table = Deadlines::start();
        let (one, two, three) = (table.deadline(), table.deadline(), table.deadline());
        let began = Instant::now();
        let ms = Duration::from_millis;
        one.set(ms(200));
        two.set(ms(10));
        three.set(ms(400));
        three.set(ms(60));
        two.set(ms(130));
        let (one, two, three) = tokio::join!(fired(&one), fired(&two), fired(&three));
        assert!(began + ms(60) <= three && three <= two && two <= one, "earlier ones first");
        assert!(one >= began + ms(200) && two >= began + ms(130), "never early");
    }

    #[actix_web::test]
    async fn what_is_gone_leaves_nothing() {
        let table = Deadlines::start();
        for _ in 0..1_000 {
            table.deadline().set(Duration::from_millis(5));
        }
        let last = table.deadline();
        last.set(Duration::from_millis(70));
        fired(&last).await;
        assert!(table.0.places.borrow().is_empty());
    }

    #[actix_web::test]
    async fn a_deadline_that_is_moved_on_has_one_place() {
        let table = Deadlines::start();
        let deadline = table.deadline();
        for ms in 0..100 {
            deadline.set(Duration::from_millis(50 + ms));
        }
        assert_eq!(table.0.places.borrow().values().flatten().count(), 1);
    }
}
