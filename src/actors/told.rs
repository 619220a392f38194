//! What this node's hooks have been told, here and by other nodes, and how they are at the moment.
//!
//! Must stay true: a cursor is on stable storage before the next event of its hook is sent, so a node that dies
//! repeats at most the last one. The cursors are in one file beside the store, written anew each time: without it
//! hooks are told what happens from then on.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering},
    },
};

use arc_swap::{ArcSwap, ArcSwapOption};
use serde::{Deserialize, Serialize};

use crate::{
    availability::{Moment, Name, NodeId},
    hook::{Cursor, Event, Hook},
};

/// The name of the file.
const FILE: &str = "hooks.json";

/// What one hook has been told.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Told {
    /// Nothing that happened before is told.
    since: Moment,
    /// By the node that accepted the notification.
    origins: BTreeMap<NodeId, Cursor>,
}

/// The cursors of all hooks, as nodes tell them to each other.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Cursors {
    hooks: BTreeMap<Name, Told>,
}

impl Cursors {
    /// Those of these hooks and of no others. A new one is told nothing that happened before.
    fn serve(&mut self, hooks: &[Hook], now: Moment) {
        self.hooks.retain(|name, _| hooks.iter().any(|hook| hook.name == *name));
        for hook in hooks {
            let first = || Told { since: now, origins: BTreeMap::new() };
            self.hooks.entry(hook.name.clone()).or_insert_with(first);
        }
    }
}

/// How a hook is at the moment.
#[derive(Debug)]
pub(crate) struct HookState {
    /// Its name.
    pub name: Name,
    /// `webhook` or `mail`.
    pub kind: &'static str,
    /// Events that were told.
    pub told: AtomicU64,
    /// Attempts that failed.
    pub failures: AtomicU64,
    /// Events that were given up.
    pub given_up: AtomicU64,
    /// Events that wait.
    pub waiting: AtomicUsize,
    /// When the oldest of them happened, in milliseconds; 0 if none waits.
    pub oldest: AtomicI64,
    /// Why the last attempt failed, if it did.
    pub problem: ArcSwapOption<String>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Book {
    /// The hooks of the configuration, in its order.
    hooks: ArcSwap<Vec<Arc<HookState>>>,
    file: PathBuf,
    cursors: Mutex<Cursors>,
}

impl Book {
    /// The book of these hooks, as the folder has it.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub(crate) fn open(folder: &Path, hooks: &[Hook], now: Moment) -> io::Result<Self> {
        let file = folder.join(FILE);
        let mut cursors: Cursors = match fs::read(&file) {
            Ok(text) => serde_json::from_slice(&text).map_err(io::Error::other)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Cursors::default(),
            Err(error) => return Err(error),
        };
        cursors.serve(hooks, now);
        let states = hooks.iter().map(HookState::new).collect();
        let book = Self { hooks: ArcSwap::from_pointee(states), file, cursors: Mutex::new(cursors) };
        if !hooks.is_empty() {
            book.save()?;
        }
        Ok(book)
    }

    /// The hooks of the configuration, in its order.
    pub(crate) fn hooks(&self) -> Arc<Vec<Arc<HookState>>> {
        self.hooks.load_full()
    }

    /// The configuration was read again: these are the hooks. One whose name and kind are known goes on counting.
    /// Blocks until the cursors are on stable storage.
    ///
    /// # Errors
    /// When the file cannot be written; a new hook then begins anew after a restart.
    pub(crate) fn change(&self, hooks: &[Hook], now: Moment) -> io::Result<()> {
        let before = self.hooks();
        let known = |hook: &Hook| {
            let same = before.iter().find(|state| state.name == hook.name && state.kind == hook.kind());
            same.map_or_else(|| HookState::new(hook), Arc::clone)
        };
        self.cursors().serve(hooks, now);
        self.hooks.store(Arc::new(hooks.iter().map(known).collect()));
        match hooks.is_empty() && before.is_empty() {
            true => Ok(()),
            false => self.save(),
        }
    }

    fn cursors(&self) -> MutexGuard<'_, Cursors> {
        self.cursors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything that this node knows, for another one.
    pub(crate) fn known(&self) -> Cursors {
        self.cursors().clone()
    }

    /// Whether the hook has been told this event, or is not to be told.
    pub(crate) fn has(&self, hook: &Name, event: &Event) -> bool {
        self.cursors().hooks.get(hook).is_none_or(|told| {
            event.at < told.since || told.origins.get(&event.origin).is_some_and(|cursor| cursor.has(event))
        })
    }

    /// The hook has been told this event. Blocks until that is on stable storage.
    ///
    /// # Errors
    /// When the file cannot be written; the event counts as told until the node is restarted.
    pub(crate) fn add(&self, hook: &Name, event: &Event) -> io::Result<()> {
        if let Some(told) = self.cursors().hooks.get_mut(hook) {
            let since = told.since;
            told.origins.entry(event.origin).or_insert_with(|| Cursor::new(since)).add(event);
        }
        self.save()
    }

    /// Adds what another node knows; the hooks that it serves.
    pub(crate) fn merge(&self, other: &Cursors) -> BTreeSet<Name> {
        let mut cursors = self.cursors();
        for (name, told) in &other.hooks {
            let Some(own) = cursors.hooks.get_mut(name) else { continue };
            for (origin, cursor) in &told.origins {
                own.origins.entry(*origin).and_modify(|own| own.merge(cursor)).or_insert_with(|| cursor.clone());
            }
        }
        other.hooks.keys().cloned().collect()
    }

    /// Writes the file. Blocks.
    fn save(&self) -> io::Result<()> {
        // One at a time: the lock is held while the file takes the place of the old one.
        let cursors = self.cursors();
        let new = self.file.with_extension("new");
        let mut file = File::create(&new)?;
        file.write_all(&serde_json::to_vec(&*cursors).map_err(io::Error::other)?)?;
        file.sync_all()?;
        fs::rename(&new, &self.file)?;
        File::open(self.file.parent().unwrap_or(Path::new(".")))?.sync_all()
    }
}

impl HookState {
    /// Nothing was told yet.
    fn new(hook: &Hook) -> Arc<Self> {
        Arc::new(Self {
            name: hook.name.clone(),
            kind: hook.kind(),
            told: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            given_up: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            oldest: AtomicI64::new(0),
            problem: ArcSwapOption::empty(),
        })
    }

    /// These events wait.
    pub(crate) fn wait(&self, waiting: usize, oldest: Option<Moment>) {
        self.waiting.store(waiting, Ordering::Relaxed);
        self.oldest.store(oldest.map_or(0, Moment::millis), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::{
        availability::Entry,
        hook::{Kind, Sink, Web, event::events},
    };

    fn hook(name: &str) -> Hook {
        let web =
            Web { url: "http://h/".parse().unwrap(), format: Default::default(), secret: None, authorities: None };
        Hook { name: name.parse().unwrap(), kinds: vec![Kind::Closed], sink: Sink::Web(Box::new(web)) }
    }

    fn event(id: u128, at: i64) -> Event {
        let said = json!({
            "id": Uuid::from_u128(id), "timestamp": Moment::from_millis(at), "targets": ["system"],
            "status": "unavailable", "source": "operator", "node": "a",
        });
        let entry = Entry::stamped(serde_json::from_value(said).unwrap(), 0, NodeId(Uuid::from_u128(1)));
        events(&[entry]).remove(0)
    }

    #[test]
    fn what_was_told_is_known_after_a_restart_and_to_other_nodes() {
        let folder = tempfile::tempdir().unwrap();
        let (ops, now) = (hook("ops"), Moment::from_millis(1_000));
        let book = Book::open(folder.path(), &[ops.clone(), hook("old")], now).unwrap();
        let (before, first, second) = (event(1, 500), event(2, 2_000), event(3, 3_000));
        assert!(book.has(&ops.name, &before), "older than the hook");
        assert!(!book.has(&ops.name, &first));
        book.add(&ops.name, &first).unwrap();
        let later = Moment::from_millis(9_000);
        let again = Book::open(folder.path(), std::slice::from_ref(&ops), later).unwrap();
        assert!(again.has(&ops.name, &first) && !again.has(&ops.name, &second), "since its first start");
        assert_eq!(again.known().hooks.len(), 1);
        let elsewhere = tempfile::tempdir().unwrap();
        let other = Book::open(elsewhere.path(), &[ops.clone(), hook("mine")], now).unwrap();
        assert_eq!(other.merge(&again.known()), BTreeSet::from([ops.name.clone()]));
        assert!(other.has(&ops.name, &first) && !other.has(&ops.name, &second));
        // A hook that comes while the node runs is told what happens from then on; one that stays keeps its place.
        again.change(&[hook("new"), ops.clone()], Moment::from_millis(2_500)).unwrap();
        assert!(again.has(&hook("new").name, &first) && !again.has(&hook("new").name, &second));
        assert!(again.has(&ops.name, &first) && !again.has(&ops.name, &second));
        assert_eq!(again.hooks().iter().map(|state| state.name.as_str()).collect::<Vec<_>>(), ["new", "ops"]);
        fs::write(folder.path().join(FILE), "no JSON").unwrap();
        assert!(Book::open(folder.path(), &[ops], later).is_err());
    }
}
