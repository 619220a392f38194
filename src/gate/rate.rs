//! How often one client may ask one application (docs/contract.md#rate-limits).
//!
//! A leaky bucket for each client, kept as one time: when the bucket will be empty (the generic cell rate algorithm).
//! A client is an IPv4 address or a /64 of IPv6, as everywhere ([`super::per_client`]).
//!
//! What must stay true: an application without a limit pays nothing; the table is bounded, whatever addresses there
//! are; where it is full, the client that has asked least is forgotten. Pure: the time, on the process's own clock, is
//! an argument.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher as _,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::per_client::network;
use crate::vocabulary::Rate;

/// Parts of the table, each with a lock of its own.
const PARTS: usize = 256;
/// Clients of one part.
const MOST: usize = 256;

/// The limit of one application; shared by all workers.
#[derive(Debug)]
pub struct RateLimit {
    rate: Rate,
    clients: Arc<Clients>,
}

/// When the bucket of each client will be empty, in nanoseconds. Full ones alone have a row that matters.
#[derive(Debug)]
struct Clients {
    random: RandomState,
    parts: Box<[Mutex<HashMap<IpAddr, u64>>]>,
}

impl RateLimit {
    /// At this rate.
    pub fn new(rate: Rate) -> Self {
        let parts = (0..PARTS).map(|_| Mutex::default()).collect();
        Self { rate, clients: Arc::new(Clients { random: RandomState::new(), parts }) }
    }

    /// At another rate. What clients have asked before still counts.
    #[must_use]
    pub(crate) fn at(&self, rate: Rate) -> Self {
        Self { rate, clients: Arc::clone(&self.clients) }
    }

    /// Counts a request of this client; says how long it has to wait, if it is one too many.
    pub(super) fn beyond(&self, client: IpAddr, now: Duration) -> Option<Duration> {
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let (now, every) = (nanos(now), nanos(self.rate.every).max(1));
        // A request fits as long as those before it leave room for one more.
        let room = every.saturating_mul(u64::from(self.rate.burst.get()) - 1);
        let client = network(client);
        let part = &self.clients.parts[self.clients.random.hash_one(client) as usize % PARTS];
        // A row is whole after every step, also where another holder of the lock has panicked.
        let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
        let empty = part.get(&client).copied().unwrap_or(0).max(now);
        if empty > now.saturating_add(room) {
            return Some(Duration::from_nanos(empty - now - room));
        }
        if part.len() >= MOST && !part.contains_key(&client) {
            make_room(&mut part, now);
        }
        part.insert(client, empty.saturating_add(every));
        None
    }
}

/// Forgets those whose bucket is empty; if there is none, the one whose bucket is empty first.
fn make_room(part: &mut HashMap<IpAddr, u64>, now: u64) {
    part.retain(|_, empty| *empty > now);
    if part.len() >= MOST
        && let Some(first) = part.iter().min_by_key(|(_, empty)| **empty).map(|(client, _)| *client)
    {
        part.remove(&first);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn limit(text: &str) -> RateLimit {
        RateLimit::new(text.parse().unwrap())
    }

    #[test]
    fn a_burst_passes_then_one_at_a_time() {
        let limit = limit("10/s");
        let ask = |now| limit.beyond("192.0.2.1".parse().unwrap(), MS(now));
        assert!((0..10).all(|_| ask(1_000).is_none()), "as many at once as in a second");
        assert_eq!(ask(1_000), Some(MS(100)));
        assert_eq!(ask(1_040), Some(MS(60)), "a refused request does not count");
        assert_eq!((ask(1_100), ask(1_100)), (None, Some(MS(100))));
        assert!((0..10).all(|_| ask(9_000).is_none()), "after a rest the whole burst passes again");
        assert!(ask(9_000).is_some());
    }

    #[test]
    fn clients_do_not_count_for_each_other() {
        let limit = limit("1/min");
        let ask = |client: &str| limit.beyond(client.parse().unwrap(), MS(0)).is_none();
        assert!(ask("192.0.2.1") && !ask("::ffff:192.0.2.1") && ask("192.0.2.2"));
        assert!(ask("2001:db8:0:1::1") && !ask("2001:db8:0:1:ffff::2") && ask("2001:db8:0:2::1"));
    }

    #[test]
    fn another_rate_knows_what_was_asked_before() {
        let before = limit("1/min");
        let client = "192.0.2.1".parse().unwrap();
        assert_eq!(before.beyond(client, MS(0)), None);
        let after = before.at("2/min".parse().unwrap());
        assert_eq!((after.beyond(client, MS(0)), after.beyond(client, MS(0))), (Some(MS(30_000)), Some(MS(30_000))));
        assert_eq!(after.beyond(client, MS(30_000)), None);
    }

    #[test]
    fn the_table_is_bounded_and_keeps_who_asks_most() {
        let limit = limit("100/s");
        let busy = "198.51.100.7".parse().unwrap();
        assert!((0..100).all(|_| limit.beyond(busy, MS(0)).is_none()));
        for client in 0..4 * (PARTS * MOST) as u32 {
            limit.beyond(IpAddr::from(client.to_be_bytes()), MS(0));
        }
        let rows: usize = limit.clients.parts.iter().map(|part| part.lock().unwrap().len()).sum();
        assert!(rows <= PARTS * MOST, "{rows}");
        assert!(limit.beyond(busy, MS(0)).is_some(), "it is still known");
        // Those at rest are forgotten first.
        let mut part: HashMap<_, _> = (0..MOST as u32).map(|n| (IpAddr::from(n.to_be_bytes()), 1)).collect();
        make_room(&mut part, 1);
        assert!(part.is_empty());
    }
}
