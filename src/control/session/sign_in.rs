//! From a name and a password to an operator.
//!
//! Two passwords are checked at a time at most (each costs some 20 ms of a core and 19 MiB), so
//! that guessing cannot take the node's memory or its cores away from the gate.

use std::{net::IpAddr, sync::Arc, time::Duration};

use actix_web::web;
use arc_swap::ArcSwap;
use tokio::{sync::Semaphore, time};

use super::throttle::Throttle;
use crate::{availability::Moment, control::rights::Rights, vocabulary::password};

/// Checked at the same time.
const AT_ONCE: usize = 2;
/// How long an attempt waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// An operator who may sign in.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Operator {
    /// As it is shown, and typed.
    pub name: String,
    /// The argon2id hash of the password, as a PHC string.
    pub phc: String,
    /// What they may do.
    pub rights: Rights,
}

impl std::fmt::Debug for Operator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Operator").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Why a sign-in failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotSignedIn {
    /// Name or password; which of them is not disclosed.
    #[error("the name or the password is wrong")]
    Wrong,
    /// Too many failures; 429 with this wait.
    #[error("too many failed attempts")]
    Throttled(Duration),
    /// Others are being checked; 503.
    #[error("the node is busy checking other passwords")]
    Busy,
}

impl NotSignedIn {
    /// One word, for the log.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Wrong => "wrong",
            Self::Throttled(_) => "throttled",
            Self::Busy => "busy",
        }
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct SignIn {
    operators: ArcSwap<Vec<Operator>>,
    throttle: Throttle,
    turns: Semaphore,
}

impl SignIn {
    /// With these operators; there may be none.
    pub(crate) fn new(operators: Vec<Operator>) -> Self {
        Self {
            operators: ArcSwap::from_pointee(operators),
            throttle: Throttle::default(),
            turns: Semaphore::new(AT_ONCE),
        }
    }

    /// There are operators who can sign in.
    pub(crate) fn is_possible(&self) -> bool {
        !self.operators.load().is_empty()
    }

    /// These from now on. Returns the names of those who are no longer there as they were: their sessions end.
    pub(crate) fn change(&self, operators: Vec<Operator>) -> Vec<String> {
        let before = self.operators.load_full();
        let gone = before.iter().filter(|known| !operators.contains(known)).map(|known| known.name.clone()).collect();
        self.operators.store(Arc::new(operators));
        gone
    }

    /// The operator, if the password is right. An unknown name costs the same time as a wrong
    /// password.
    ///
    /// # Errors
    /// See [`NotSignedIn`].
    pub(crate) async fn attempt(
        &self,
        name: &str,
        password: &str,
        address: IpAddr,
        now: Moment,
    ) -> Result<Operator, NotSignedIn> {
        let name: String = name.trim().chars().take(200).collect();
        let operators = self.operators.load_full();
        let found = operators.iter().find(|operator| operator.name == name);
        // For an unknown name another operator's hash is checked, so that it takes the same time.
        let Some(hash) = found.or(operators.first()).map(|operator| operator.phc.clone()) else {
            return Err(NotSignedIn::Wrong);
        };
        let (found, known) = (found.cloned(), found.is_some());
        self.throttle.attempt(&name, known, address, now).map_err(NotSignedIn::Throttled)?;
        let Ok(Ok(_turn)) = time::timeout(PATIENCE, self.turns.acquire()).await else {
            self.throttle.withdrawn(&name, known, address);
            return Err(NotSignedIn::Busy);
        };
        let password = password.to_owned();
        let right = web::block(move || password::verify(&hash, &password)).await;
        match (right, found) {
            (Ok(true), Some(operator)) => {
                self.throttle.succeeded(&name, address);
                Ok(operator)
            }
            (Ok(_), _) => Err(NotSignedIn::Wrong),
            // The pool is gone: the node is stopping.
            (Err(_), _) => Err(NotSignedIn::Busy), // carries nothing else
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::password::cheap_hash;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    async fn name(sign_in: &SignIn, name: &str, password: &str, now: Moment) -> Result<String, NotSignedIn> {
        sign_in.attempt(name, password, HERE, now).await.map(|operator| operator.name)
    }

    #[actix_web::test]
    async fn the_right_password_signs_in_and_nothing_else() {
        let rights = Rights::new(crate::control::rights::Role::Operator, None);
        let alice = Operator { name: "alice".into(), phc: cheap_hash("correct horse"), rights };
        assert!(!format!("{alice:?}").contains("argon2"), "a hash in a log is a hash too many");
        let sign_in = SignIn::new(vec![alice]);
        let now = Moment::ZERO;
        assert_eq!(name(&sign_in, " alice ", "correct horse", now).await, Ok("alice".into()));
        assert_eq!(name(&sign_in, "alice", "wrong", now).await, Err(NotSignedIn::Wrong));
        assert_eq!(name(&sign_in, "alice", "correct horse", now).await, Ok("alice".into()), "one slip costs no wait");
        for _ in 0..4 {
            assert_eq!(name(&sign_in, "alice", "wrong", now).await, Err(NotSignedIn::Wrong));
        }
        let wait = Err(NotSignedIn::Throttled(Duration::from_secs(1)));
        assert_eq!(name(&sign_in, "alice", "correct horse", now).await, wait, "then also a right one waits");
        // The hash that stands in for a missing one must not let its password in.
        assert_eq!(name(&sign_in, "mallory", "correct horse", now).await, Err(NotSignedIn::Wrong));
        let later = now.after(Duration::from_secs(1));
        assert_eq!(name(&sign_in, "alice", "correct horse", later).await, Ok("alice".into()));
    }

    #[actix_web::test]
    async fn without_operators_nobody_gets_in() {
        let sign_in = SignIn::new(Vec::new());
        assert!(!sign_in.is_possible());
        assert_eq!(name(&sign_in, "", "", Moment::ZERO).await, Err(NotSignedIn::Wrong));
    }
}
