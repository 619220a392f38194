//! Slows guessing down: by account and address together, and by the address that guesses.
//!
//! Must stay true: a stranger's failures never make an operator wait who comes from another address, and one or
//! two wrong passwords cost no wait. An attempt counts as failed from its beginning, so that a hundred parallel
//! attempts are not free; success takes it back. Waits double from one second to five minutes. Unknown names
//! are throttled like accounts, because a difference would reveal which accounts exist; they are stored
//! separately, so that a flood of invented names cannot evict an account's count.

use std::{
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::availability::Moment;

/// The longest wait.
const LONGEST: Duration = Duration::from_secs(300);
/// What happened so long ago is forgotten.
const MEMORY: Duration = Duration::from_secs(900);
/// Most accounts, invented names and addresses that are remembered, each.
const MOST: usize = 4_096;
/// Typing mistakes: this many failures on one account from one address cost no wait.
const FREE_BY_ACCOUNT: u32 = 3;
/// An address may be a whole office behind a proxy: this many failures cost no wait.
const FREE_BY_ADDRESS: u32 = 20;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    accounts: HashMap<(String, IpAddr), Count>,
    invented: HashMap<(String, IpAddr), Count>,
    addresses: HashMap<IpAddr, Count>,
}

#[derive(Debug, Clone, Copy)]
struct Count {
    failures: u32,
    last: Moment,
}

impl Count {
    /// How long from `now` until the next attempt may be made.
    fn wait(&self, free: u32, now: Moment) -> Duration {
        let charged = self.failures.saturating_sub(free);
        if charged == 0 {
            return Duration::ZERO;
        }
        let pause = Duration::from_secs(1 << (charged - 1).min(9)).min(LONGEST);
        self.last.after(pause).since(now).min(LONGEST)
    }
}

impl Throttle {
    /// Asks for an attempt and counts it as failed until [`Throttle::succeeded`] or
    /// [`Throttle::withdrawn`].
    ///
    /// # Errors
    /// How long to wait; the attempt is then not counted.
    pub(crate) fn attempt(&self, name: &str, known: bool, address: IpAddr, now: Moment) -> Result<(), Duration> {
        let mut counts = self.lock();
        let key = key(name, address);
        let wait = |count: Option<&Count>, free| count.map_or(Duration::ZERO, |count| count.wait(free, now));
        let by_account = wait(counts.names(known).get(&key), FREE_BY_ACCOUNT);
        let wait = by_account.max(wait(counts.addresses.get(&key.1), FREE_BY_ADDRESS));
        if !wait.is_zero() {
            return Err(wait);
        }
        let address = key.1;
        add(counts.names(known), key, now);
        add(&mut counts.addresses, address, now);
        Ok(())
    }

    /// The attempt was a good one: the account starts afresh, the address gets its attempt back.
    pub(crate) fn succeeded(&self, name: &str, address: IpAddr) {
        let mut counts = self.lock();
        let key = key(name, address);
        take_back(&mut counts.addresses, &key.1);
        counts.accounts.remove(&key);
    }

    /// The attempt was not made after all (the node was busy).
    pub(crate) fn withdrawn(&self, name: &str, known: bool, address: IpAddr) {
        let mut counts = self.lock();
        let key = key(name, address);
        take_back(counts.names(known), &key);
        take_back(&mut counts.addresses, &key.1);
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        // Counts are whole between any two statements, also if a thread died meanwhile.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn names(&mut self, known: bool) -> &mut HashMap<(String, IpAddr), Count> {
        if known { &mut self.accounts } else { &mut self.invented }
    }
}

fn add<K: Hash + Eq + Clone>(counts: &mut HashMap<K, Count>, key: K, now: Moment) {
    if counts.len() >= MOST && !counts.contains_key(&key) {
        counts.retain(|_, count| now.since(count.last) < MEMORY);
        if counts.len() >= MOST
            && let Some(oldest) = counts.iter().min_by_key(|(_, count)| count.last).map(|(key, _)| key.clone())
        {
            counts.remove(&oldest);
        }
    }
    let count = counts.entry(key).or_insert(Count { failures: 0, last: now });
    if now.since(count.last) >= MEMORY {
        count.failures = 0;
    }
    *count = Count { failures: count.failures.saturating_add(1), last: now };
}

fn take_back<K: Hash + Eq>(counts: &mut HashMap<K, Count>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        count.failures = count.failures.saturating_sub(1);
    }
}

/// What failures of one account are counted by.
fn key(name: &str, address: IpAddr) -> (String, IpAddr) {
    (name.to_owned(), network(address))
}

/// One household or server has a whole IPv6 /64 to guess from.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    /// So many failures that the next one costs a wait.
    fn fail(throttle: &Throttle, name: &str, known: bool, address: IpAddr, times: u32) {
        for _ in 0..times {
            throttle.attempt(name, known, address, Moment::ZERO).unwrap();
        }
    }

    #[test]
    fn waits_double_from_a_second_to_five_minutes() {
        for known in [true, false] {
            let throttle = Throttle::default();
            fail(&throttle, "alice", known, ip(1), FREE_BY_ACCOUNT);
            let mut now = Moment::ZERO;
            let mut waits = Vec::new();
            for _ in 0..11 {
                throttle.attempt("alice", known, ip(1), now).unwrap();
                let wait = throttle.attempt("alice", known, ip(1), now).unwrap_err();
                waits.push(wait.as_secs());
                now = now.after(wait);
            }
            assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
            assert!(throttle.attempt("bob", known, ip(2), now).is_ok(), "others are not concerned");
        }
    }

    #[test]
    fn a_stranger_locks_nobody_out() {
        let throttle = Throttle::default();
        for stranger in 2..200 {
            fail(&throttle, "alice", true, ip(stranger), FREE_BY_ACCOUNT + 1);
            assert!(throttle.attempt("alice", true, ip(stranger), Moment::ZERO).is_err());
        }
        assert!(throttle.attempt("alice", true, ip(1), Moment::ZERO).is_ok(), "alice comes from elsewhere");
    }

    #[test]
    fn success_and_withdrawal_take_the_attempt_back() {
        let throttle = Throttle::default();
        for _ in 0..100 {
            throttle.attempt("alice", true, ip(1), Moment::ZERO).unwrap();
            throttle.succeeded("alice", ip(1));
            throttle.attempt("bob", true, ip(1), Moment::ZERO).unwrap();
            throttle.withdrawn("bob", true, ip(1));
        }
    }

    #[test]
    fn an_address_that_tries_many_names_waits_too() {
        let throttle = Throttle::default();
        for n in 0..=FREE_BY_ADDRESS {
            throttle.attempt(&format!("name{n}"), false, ip(1), Moment::ZERO).unwrap();
        }
        assert!(throttle.attempt("one-more", false, ip(1), Moment::ZERO).is_err());
        assert!(throttle.attempt("one-more", false, ip(2), Moment::ZERO).is_ok());
    }

    #[test]
    fn memory_is_bounded_and_invented_names_push_no_account_out() {
        let throttle = Throttle::default();
        throttle.attempt("alice", true, ip(1), Moment::ZERO).unwrap();
        for n in 0..u32::try_from(2 * MOST).unwrap() {
            let address = IpAddr::from((0x0a00_0000 + n).to_be_bytes());
            throttle.attempt(&format!("name{n}"), false, address, Moment::ZERO).unwrap();
        }
        let counts = throttle.counts.lock().unwrap();
        assert!(counts.invented.len() <= MOST && counts.addresses.len() <= MOST);
        assert!(counts.accounts.contains_key(&key("alice", ip(1))));
    }

    #[test]
    fn one_network_of_ipv6_is_one_address() {
        assert_eq!(network("2001:db8::1".parse().unwrap()), network("2001:db8::ffff:1".parse().unwrap()));
        assert_eq!(network("::ffff:192.0.2.1".parse().unwrap()), ip(1));
    }
}
