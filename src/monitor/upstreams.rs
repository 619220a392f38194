//! What monitors find of each upstream of an application (docs/contract.md#monitors-of-upstreams).
//!
//! A monitor with `upstream` is about one upstream: while it is down, the gate sends the upstream no requests. The
//! application is closed when all its upstreams are out, and opened when one of them serves again.
//!
//! What must stay true: an upstream is out while one of its monitors finds it down, and only then; an upstream without
//! a monitor counts as serving; a monitor that ends leaves no trace; the gate reads one flag and takes no lock.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use super::Health;

/// One upstream of an application, which a monitor is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// Its address as in `application.upstream`.
    pub upstream: String,
    /// All upstreams of the application.
    pub all: Vec<String>,
}

/// Whether any upstream of an application performs requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Serving {
    /// At least one.
    Some,
    /// None: all are out.
    None,
    /// None is known to, and some are not known yet.
    Unknown,
}

/// The upstreams of one application, by their addresses.
#[derive(Debug, Default)]
pub struct UpstreamStates(Mutex<BTreeMap<String, State>>);

#[derive(Debug, Default)]
struct State {
    out: Arc<AtomicBool>,
    monitors: usize,
    up: usize,
    down: usize,
}

impl State {
    fn serving(&self) -> Serving {
        match () {
            () if self.down > 0 => Serving::None,
            () if self.up > 0 || self.monitors == 0 => Serving::Some,
            () => Serving::Unknown,
        }
    }
}

impl UpstreamStates {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, State>> {
        // A state is whole after every step, also where another holder of the lock has panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this upstream is out: for the gate, to be read for each request.
    pub fn flag(&self, upstream: &str) -> Arc<AtomicBool> {
        let mut states = self.lock();
        // What neither the gate nor a monitor asks for any more has left the configuration.
        states.retain(|_, state| state.monitors > 0 || Arc::strong_count(&state.out) > 1);
        Arc::clone(&states.entry(upstream.to_owned()).or_default().out)
    }

    /// Whether any of these performs requests.
    pub fn serving(&self, all: &[String]) -> Serving {
        let states = self.lock();
        let each = || all.iter().map(|one| states.get(one).map_or(Serving::Some, State::serving));
        match () {
            () if each().any(|one| one == Serving::Some) => Serving::Some,
            () if each().all(|one| one == Serving::None) => Serving::None,
            () => Serving::Unknown,
        }
    }

    /// Those that a monitor is about, and whether they are out.
    pub fn watched(&self) -> Vec<(String, bool)> {
        let states = self.lock();
        let watched = states.iter().filter(|(_, state)| state.monitors > 0);
        watched.map(|(upstream, state)| (upstream.clone(), state.down > 0)).collect()
    }
}

/// What one monitor finds of its upstream; it counts until this is dropped.
#[derive(Debug)]
pub struct Opinion {
    states: Arc<UpstreamStates>,
    watched: Watched,
    health: Health,
}

impl Opinion {
    /// Not known yet.
    pub fn new(states: Arc<UpstreamStates>, watched: Watched) -> Self {
        states.lock().entry(watched.upstream.clone()).or_default().monitors += 1;
        Self { states, watched, health: Health::Unknown }
    }

    /// It finds this now. Returns whether the upstream is out, if that has changed.
    pub fn set(&mut self, health: Health) -> Option<bool> {
        let before = std::mem::replace(&mut self.health, health);
        let mut states = self.states.lock();
        let state = states.entry(self.watched.upstream.clone()).or_default();
        for (health, more) in [(before, false), (health, true)] {
            let count = match health {
                Health::Up | Health::Slow => &mut state.up,
                Health::Down => &mut state.down,
                Health::Unknown => continue,
            };
            *count = if more { *count + 1 } else { count.saturating_sub(1) };
        }
        let is_out = state.down > 0;
        (state.out.swap(is_out, Relaxed) != is_out).then_some(is_out)
    }

    /// Whether any upstream of the application performs requests.
    pub fn serving(&self) -> Serving {
        self.states.serving(&self.watched.all)
    }

    /// The upstream.
    pub fn upstream(&self) -> &str {
        &self.watched.upstream
    }
}

impl Drop for Opinion {
    fn drop(&mut self) {
        self.set(Health::Unknown);
        if let Some(state) = self.states.lock().get_mut(&self.watched.upstream) {
            state.monitors = state.monitors.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opinion(states: &Arc<UpstreamStates>, upstream: &str) -> Opinion {
        let watched = Watched { upstream: upstream.to_owned(), all: ["x", "y"].map(str::to_owned).into() };
        Opinion::new(Arc::clone(states), watched)
    }

    #[test]
    fn all_are_out_when_each_is_found_down() {
        let states = Arc::new(UpstreamStates::default());
        let (flag, all) = (states.flag("x"), ["x", "y"].map(str::to_owned));
        let mut x = opinion(&states, "x");
        assert_eq!((states.serving(&all[..1]), x.serving()), (Serving::Unknown, Serving::Some), "y has no monitor");
        let mut y = opinion(&states, "y");
        assert_eq!(x.serving(), Serving::Unknown, "nothing is known yet");
        assert_eq!((x.set(Health::Down), x.set(Health::Down)), (Some(true), None));
        assert!(flag.load(Relaxed));
        assert_eq!(x.serving(), Serving::Unknown, "y is not known yet");
        y.set(Health::Up);
        assert_eq!(x.serving(), Serving::Some);
        y.set(Health::Down);
        assert_eq!((x.serving(), y.serving()), (Serving::None, Serving::None));
        assert_eq!(y.set(Health::Slow), Some(false), "slow is not down");
        assert_eq!(x.serving(), Serving::Some);
        assert_eq!(states.watched(), [("x".to_owned(), true), ("y".to_owned(), false)]);
    }

    #[test]
    fn one_monitor_is_enough_and_one_that_ends_does_not_count() {
        let states = Arc::new(UpstreamStates::default());
        let flag = states.flag("x");
        let (mut one, mut two) = (opinion(&states, "x"), opinion(&states, "x"));
        one.set(Health::Down);
        two.set(Health::Up);
        assert!(flag.load(Relaxed), "one finds it down");
        drop(one);
        assert!(!flag.load(Relaxed));
        drop(two);
        assert_eq!((states.serving(&["x".to_owned()]), states.watched()), (Serving::Some, Vec::new()));
        assert!(Arc::ptr_eq(&flag, &states.flag("x")), "the gate still reads it");
        drop(flag);
        states.flag("y");
        assert_eq!(states.lock().len(), 1, "what is not asked for any more is forgotten");
    }
}
