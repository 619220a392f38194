//! Handing in: this node's form, monitors and alerts submit to the initial node of `[notifier]`
//! (docs/contract.md#the-initial-node).
//!
//! Must stay true: id and timestamp are fixed before the first node is asked, so that an answer that was lost is never
//! a second notification; if no node of the list takes it, this node does; what another node has accepted is visible
//! here when it is answered, or soon after.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::broadcast::error::RecvError;
use uuid::Uuid;

use super::{Desk, SubmitError, Submitted, unavailable};
use crate::{
    actors::{
        messages::{AskLoad, HandIn, Question},
        transport::NoAnswer,
    },
    availability::{Author, BoundExceeded, FieldError, Moment, Submission, Target},
    clock,
    monitor::partner::MAX_ORIGINS,
    store::crash::{Place, crash_point},
    sync::{Node, Now},
    vocabulary::{Initial, Notifier},
};

/// How long the answer to a form waits until a notification that another node has accepted has come here.
const ARRIVES: Duration = Duration::from_secs(2);

/// The list to choose from, and this node's own address.
#[derive(Debug, Default)]
pub(crate) struct Choice {
    /// `[notifier]`.
    pub notifier: Notifier,
    /// The address that this node advertises.
    pub own: String,
}

/// A submission on its way to another node, which trusts this one to have checked who may submit it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct HandedIn {
    /// As it would be submitted, with id and timestamp.
    pub submission: Value,
    /// By whom.
    pub author: Author,
    /// The farms that it was derived from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<String>,
}

impl HandedIn {
    /// The submission, and by whom.
    ///
    /// # Errors
    /// As [`Submission::parse`], and for more origins than a word may have.
    pub(crate) fn open(self) -> Result<(Submission, Author), Vec<FieldError>> {
        let mut submission = Submission::parse(&self.submission)?;
        if self.origins.len() > MAX_ORIGINS {
            return Err(vec![FieldError::new("origins", format!("are more than {MAX_ORIGINS}"))]);
        }
        submission.origins = self.origins;
        Ok((submission, self.author))
    }
}

/// What became of it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    /// It is on stable storage.
    Taken {
        /// The answer.
        submitted: Submitted,
        /// It was known already, with the same content.
        repeated: bool,
        /// What it is about.
        targets: Vec<Target>,
    },
    /// Fields that are wrong.
    Invalid(Vec<FieldError>),
    /// The id is taken by another content.
    Conflict(Uuid),
    /// A bound of the ledger.
    Bound(BoundExceeded),
    /// Not now; whether it was taken is not known.
    Unavailable(String),
}

impl From<Result<Submitted, SubmitError>> for Outcome {
    fn from(result: Result<Submitted, SubmitError>) -> Self {
        match result {
            Ok(mut submitted) => {
                let targets = std::mem::take(&mut submitted.targets);
                Self::Taken { repeated: submitted.repeated, targets, submitted }
            }
            Err(SubmitError::Invalid(errors)) => Self::Invalid(errors),
            Err(SubmitError::Conflict(id)) => Self::Conflict(id),
            Err(SubmitError::Bound(bound)) => Self::Bound(bound),
            Err(SubmitError::Unavailable { reason, .. }) => Self::Unavailable(reason),
        }
    }
}

impl From<Outcome> for Result<Submitted, SubmitError> {
    fn from(outcome: Outcome) -> Self {
        Err(match outcome {
            Outcome::Taken { submitted, repeated, targets } => return Ok(Submitted { repeated, targets, ..submitted }),
            Outcome::Invalid(errors) => SubmitError::Invalid(errors),
            Outcome::Conflict(id) => SubmitError::Conflict(id),
            Outcome::Bound(bound) => SubmitError::Bound(bound),
            Outcome::Unavailable(reason) => unavailable(reason, 5),
        })
    }
}

/// How busy a node is (docs/contract.md#the-initial-node).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub(crate) struct Load {
    /// Notifications that wait to be applied.
    pub pending: usize,
    /// Submissions that are not answered yet.
    pub in_flight: usize,
    /// The load of its machine: processes that want to run, for each processor. 0 where the system does not say.
    pub cpu: f64,
}

impl Load {
    /// Lower is better: what waits, then the machine.
    pub(crate) fn rank(&self) -> (usize, u64) {
        (self.pending.saturating_add(self.in_flight), (self.cpu.clamp(0.0, 1e6) * 1_000.0) as u64)
    }
}

/// What waits here, and the time of the next stamp.
struct Waiting;

impl Question for Waiting {
    type Answer = (usize, Moment);

    fn look(self, node: &Node, now: Now) -> Self::Answer {
        (node.replica().waiting().0, node.replica().next_time(now))
    }
}

impl Desk {
    /// Submits to the initial node of `[notifier]`; returns once the notification is on stable storage there.
    ///
    /// # Errors
    /// As [`Desk::submit`]. After a node that may have taken it without an answer, a refusal by another one is
    /// [`SubmitError::Unavailable`].
    pub(crate) async fn hand_in(&self, submission: Submission, author: Author) -> Result<Submitted, SubmitError> {
        if self.choice.notifier.initial == Initial::Oneself {
            return self.submit(submission, author).await;
        }
        let (_, next) = self.look(Waiting).await.ok_or_else(|| unavailable("the node is going down".to_owned(), 5))?;
        let id = submission.id.unwrap_or_else(clock::new_id);
        let mut submission = submission;
        submission.id = Some(id);
        submission.timestamp = submission.timestamp.or(Some(next));
        let origins = submission.origins.clone();
        let handed_in = HandedIn { submission: submission.to_json(), author: author.clone(), origins };
        let handed_in = serde_json::to_value(handed_in).map_err(|error| unavailable(error.to_string(), 5))?;
        let handed_in = Arc::new(handed_in);
        let mut is_unknown = false;
        for address in self.candidates().await {
            let outcome = if address == self.choice.own {
                self.submit(submission.clone(), author.clone()).await
            } else {
                match self.ask_to_take(&address, &handed_in).await {
                    Ok(outcome) => outcome.into(),
                    Err(no_answer) => {
                        log::warn!(id:%, to = address, why:% = no_answer; "not_handed_in");
                        is_unknown |= no_answer.may_have_arrived;
                        continue;
                    }
                }
            };
            match outcome {
                Err(SubmitError::Unavailable { reason, .. }) => {
                    log::warn!(id:%, to = address, why = reason; "not_handed_in");
                    is_unknown = true;
                }
                Ok(submitted) => {
                    self.arrived(id).await;
                    return Ok(submitted);
                }
                refused => return known(refused, is_unknown),
            }
        }
        known(self.submit(submission, author).await, is_unknown)
    }

    async fn ask_to_take(&self, address: &str, handed_in: &Arc<Value>) -> Result<Outcome, NoAnswer> {
        crash_point(Place::DeskHandIn);
        let ask = HandIn { address: address.to_owned(), handed_in: Arc::clone(handed_in) };
        let answer = self.couriers.send(ask).await;
        let answer = answer.map_err(|closed| NoAnswer { why: closed.to_string(), may_have_arrived: false })?;
        crash_point(Place::DeskHandInAnswered);
        let unreadable = |error: serde_json::Error| NoAnswer { why: error.to_string(), may_have_arrived: true };
        serde_json::from_value(answer?).map_err(unreadable)
    }

    /// The nodes to try, in this order.
    async fn candidates(&self) -> Vec<String> {
        let Notifier { initial, nodes } = &self.choice.notifier;
        let mut nodes: Vec<String> = nodes.iter().map(ToString::to_string).collect();
        if *initial == Initial::LeastLoaded {
            let loads = nodes.iter().map(|address| async {
                if *address == self.choice.own {
                    return self.load().await;
                }
                let load = self.couriers.send(AskLoad { address: address.clone() }).await.ok().flatten()?;
                serde_json::from_value::<Load>(load).ok()
            });
            let loads = futures_util::future::join_all(loads).await;
            let mut answered: Vec<_> =
                nodes.into_iter().zip(loads).filter_map(|(node, load)| Some((load?.rank(), node))).collect();
            // Stable: of equals the one that is listed first.
            answered.sort_by_key(|(rank, _)| *rank);
            nodes = answered.into_iter().map(|(_, node)| node).collect();
        }
        nodes
    }

    /// Waits a moment until this notification is known here.
    async fn arrived(&self, id: Uuid) {
        let mut events = self.subscribe();
        let arrival = async {
            while self.entry(id).await.is_none() {
                match events.recv().await {
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                }
            }
        };
        // What comes later is shown then.
        tokio::time::timeout(ARRIVES, arrival).await.ok();
    }

    /// How busy this node is; `None` while it shuts down.
    pub(crate) async fn load(&self) -> Option<Load> {
        let (pending, _) = self.look(Waiting).await?;
        let in_flight = self.shared.in_flight.load(std::sync::atomic::Ordering::Relaxed);
        Some(Load { pending, in_flight, cpu: machine_load() })
    }
}

/// A refusal is the truth only if no other node may have taken it.
fn known(outcome: Result<Submitted, SubmitError>, is_unknown: bool) -> Result<Submitted, SubmitError> {
    match outcome {
        Err(refusal) if is_unknown => Err(unavailable(
            format!(
                "a node that was asked first did not answer, and the next one says: {refusal}; whether the notification was taken is unknown: hand it in again with the same id"
            ),
            5,
        )),
        outcome => outcome,
    }
}

/// Linux' load of the last minute for each processor.
fn machine_load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: f64 = text.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or_default();
    load / std::thread::available_parallelism().map_or(1.0, |processors| processors.get() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shorter_queue_comes_first_then_the_calmer_machine() {
        let load = |pending, in_flight, cpu| Load { pending, in_flight, cpu }.rank();
        assert!(load(0, 1, 9.0) < load(1, 1, 0.0));
        assert!(load(1, 1, 0.2) < load(2, 0, 0.3));
        assert_eq!(load(0, 0, f64::NAN), load(0, 0, 0.0));
    }

    #[test]
    fn a_refusal_after_a_lost_answer_is_not_the_truth() {
        let invalid = || Err(SubmitError::Invalid(Vec::new()));
        assert!(matches!(known(invalid(), false), Err(SubmitError::Invalid(_))));
        assert!(matches!(known(invalid(), true), Err(SubmitError::Unavailable { .. })));
    }
}
