//! Sessions of this node, in memory: they do not survive a restart and are not shared with peers.
//!
//! The id that the browser holds is 256 random bits; only its SHA-256 is kept here, so that a copy
//! of this memory gives no access. Ids are looked up by that hash, so no comparison of secrets takes
//! a time that depends on them.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sha2::{Digest as _, Sha256};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{availability::Moment, clock, control::rights::Rights};

/// How long and how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// A session that is not used for so long ends.
    pub idle: Duration,
    /// A session ends after so long, used or not.
    pub absolute: Duration,
    /// The most sessions at once; one more ends the least recently used.
    pub most: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { idle: Duration::from_secs(8 * 3600), absolute: Duration::from_secs(24 * 3600), most: 1_000 }
    }
}

/// One signed-in browser, as handlers see it.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    /// Who.
    pub operator: String,
    /// What they may do.
    pub rights: Rights,
    /// Cancelled when the session ends: what goes on longer than a request ends with it.
    pub ended: CancellationToken,
    /// What every form of this session carries (64 hexadecimal digits): a page of another origin
    /// cannot know it.
    pub token: String,
}

/// One session, for the list of all of them.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    /// What it is ended by; does not lead to the browser's id.
    pub handle: String,
    /// Who.
    pub operator: String,
    /// What they may do.
    pub rights: Rights,
    /// The address that signed in.
    pub from: IpAddr,
    /// When.
    pub begun: Moment,
    /// When a person last did something with it.
    pub used: Moment,
    /// When it ends at the latest.
    pub ends: Moment,
}

/// Whether looking a session up counts as using it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// A person did something.
    Yes,
    /// A page refreshed itself: a board on a wall must not keep a session alive for ever.
    No,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Sessions {
    limits: Limits,
    held: Mutex<HashMap<[u8; 32], Held>>,
}

#[derive(Debug)]
struct Held {
    session: Session,
    /// However a session goes, what hangs on it goes with it.
    _end: DropGuard,
    from: IpAddr,
    begun: Moment,
    used: Moment,
}

impl Sessions {
    /// None yet.
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, held: Mutex::default() }
    }

    /// Begins a session; returns the id for the cookie, 64 hexadecimal digits, which is not kept here.
    pub(crate) fn begin(&self, operator: &str, rights: Rights, from: IpAddr, now: Moment) -> (String, Session) {
        let id = secret();
        let ended = CancellationToken::new();
        let end = ended.clone().drop_guard();
        let session = Session { operator: operator.to_owned(), rights, ended, token: secret() };
        let mut held = self.lock();
        held.retain(|_, one| self.alive(one, now));
        if held.len() >= self.limits.most.max(1)
            && let Some(oldest) = held.iter().min_by_key(|(_, one)| one.used).map(|(key, _)| *key)
        {
            held.remove(&oldest);
        }
        held.insert(key(&id), Held { session: session.clone(), _end: end, from, begun: now, used: now });
        (id, session)
    }

    /// The session with this id, if it has not ended.
    pub(crate) fn find(&self, id: &str, now: Moment, used: Use) -> Option<Session> {
        let mut held = self.lock();
        let key = key(id);
        let one = held.get_mut(&key)?;
        if !self.alive(one, now) {
            held.remove(&key);
            return None;
        }
        if used == Use::Yes {
            one.used = one.used.max(now);
        }
        Some(one.session.clone())
    }

    /// Ends a session; nothing happens if there is none.
    pub(crate) fn end(&self, id: &str) {
        self.lock().remove(&key(id));
    }

    /// Ends all of these operators.
    pub(crate) fn end_of(&self, operators: &[String]) {
        self.lock().retain(|_, one| !operators.contains(&one.session.operator));
    }

    /// All that have not ended, the one that was used last first.
    pub(crate) fn list(&self, now: Moment) -> Vec<Listed> {
        let mut held = self.lock();
        held.retain(|_, one| self.alive(one, now));
        let listed = |(key, one): (&[u8; 32], &Held)| Listed {
            handle: handle(key),
            operator: one.session.operator.clone(),
            rights: one.session.rights.clone(),
            from: one.from,
            begun: one.begun,
            used: one.used,
            ends: one.begun.after(self.limits.absolute),
        };
        let mut list: Vec<Listed> = held.iter().map(listed).collect();
        list.sort_by(|a, b| (b.used, &a.handle).cmp(&(a.used, &b.handle)));
        list
    }

    /// What the list calls the session with this id.
    pub(crate) fn handle_of(id: &str) -> String {
        handle(&key(id))
    }

    /// Ends the session that the list calls so; false: there is none.
    pub(crate) fn end_listed(&self, handle: &str) -> bool {
        let mut held = self.lock();
        let before = held.len();
        held.retain(|key, _| self::handle(key) != handle);
        held.len() < before
    }

    fn alive(&self, one: &Held, now: Moment) -> bool {
        now.since(one.used) < self.limits.idle && now.since(one.begun) < self.limits.absolute
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Held>> {
        // A map is whole between any two statements above, also if a thread died meanwhile.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(id: &str) -> [u8; 32] {
    Sha256::digest(id.as_bytes()).into()
}

/// The hash of an id's hash, so that a list of handles gives no access.
fn handle(key: &[u8; 32]) -> String {
    hex::encode(&Sha256::digest(key)[..16])
}

/// 256 bits from the cryptographic generator behind [`clock::random`], in hexadecimal.
fn secret() -> String {
    (0..4).map(|_| format!("{:016x}", clock::random())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn at(hours: u32) -> Moment {
        Moment::ZERO.after(HOUR * hours)
    }

    fn begin(sessions: &Sessions, operator: &str, now: Moment) -> (String, Session) {
        let rights = Rights::new(crate::control::rights::Role::Operator, None);
        sessions.begin(operator, rights, IpAddr::from([192, 0, 2, 1]), now)
    }

    #[test]
    fn a_session_lives_until_it_is_ended() {
        let sessions = Sessions::new(Limits::default());
        let (id, session) = begin(&sessions, "alice", at(0));
        assert_eq!(id.len(), 64);
        assert_ne!(id, session.token);
        assert_eq!(sessions.find(&id, at(1), Use::Yes).map(|found| found.token), Some(session.token));
        assert!(sessions.find("0", at(1), Use::Yes).is_none());
        assert!(!session.ended.is_cancelled());
        sessions.end(&id);
        assert!(session.ended.is_cancelled(), "what hangs on it ends with it");
        assert!(sessions.find(&id, at(1), Use::Yes).is_none());
    }

    #[test]
    fn idle_ones_end_after_eight_hours_and_all_after_a_day() {
        let sessions = Sessions::new(Limits::default());
        let (id, _) = begin(&sessions, "alice", at(0));
        assert!(sessions.find(&id, at(7), Use::No).is_some(), "still within eight hours");
        assert!(sessions.find(&id, at(8), Use::No).is_none(), "refreshing by itself is no use");

        let (id, _) = begin(&sessions, "alice", at(0));
        for hour in [7, 14, 21, 23] {
            assert!(sessions.find(&id, at(hour), Use::Yes).is_some());
        }
        assert!(sessions.find(&id, at(24), Use::Yes).is_none());
    }

    #[test]
    fn their_number_is_bounded_and_the_least_used_goes_first() {
        let sessions = Sessions::new(Limits { most: 2, ..Limits::default() });
        let (first, _) = begin(&sessions, "alice", at(0));
        let (second, _) = begin(&sessions, "bob", at(1));
        assert!(sessions.find(&first, at(2), Use::Yes).is_some());
        begin(&sessions, "carol", at(3));
        assert_eq!(sessions.list(at(3)).len(), 2);
        assert!(sessions.find(&second, at(3), Use::No).is_none());
        assert!(sessions.find(&first, at(3), Use::No).is_some());
    }

    #[test]
    fn sessions_are_listed_without_their_ids_and_ended_by_what_the_list_calls_them() {
        let sessions = Sessions::new(Limits::default());
        let (first, session) = begin(&sessions, "alice", at(0));
        let (second, _) = begin(&sessions, "bob", at(1));
        let list = sessions.list(at(2));
        assert_eq!(list.iter().map(|one| one.operator.as_str()).collect::<Vec<_>>(), ["bob", "alice"]);
        assert_eq!((list[1].begun, list[1].ends), (at(0), at(24)));
        assert_eq!(list[1].handle, Sessions::handle_of(&first));
        assert!(sessions.find(&list[1].handle, at(2), Use::No).is_none(), "a handle is no id");
        assert!(sessions.end_listed(&list[1].handle) && !sessions.end_listed(&list[1].handle));
        assert!(session.ended.is_cancelled() && sessions.find(&first, at(2), Use::No).is_none());
        assert!(sessions.find(&second, at(2), Use::No).is_some());
        assert!(sessions.list(at(10)).is_empty(), "bob has not used it for eight hours");
    }
}
