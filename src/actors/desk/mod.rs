//! The front desk of the node: API, pages, peers and metrics submit and query here. Cheap to clone; every
//! method may be called from any thread.
//!
//! Must stay true: a submission is answered only when it is durable. If it cannot be made durable, the answer
//! is [`SubmitError::Unavailable`], which means that the outcome is *unknown*; the submission may be repeated.

mod around;
mod board;
mod figures;
mod hand_in;
mod history;
mod hooks;
mod monitors;
mod receipts;
mod registry;
mod rehearsal;
mod standing;
mod types;

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use actix::{Addr, prelude::SendError};
use tokio::sync::broadcast;

use self::around::Around;
pub(crate) use self::{
    hand_in::{Choice, HandedIn, Load, Outcome},
    hooks::HookView,
    monitors::{MonitorState, MonitorView},
    types::*,
};
use super::{
    courier::Couriers,
    messages::{Begin, Forget, Look, Question, Request},
    repeater::Repeater,
    shared::{Counters, Shared},
};
use crate::{
    answer::advisory_json,
    availability::{Author, RequestFacts, Says, Speaker, Submission, path},
    clock,
    store::{
        Store,
        crash::{Place, crash_point},
        records::{self, RecordError},
        seeded::Seeded,
    },
    sync::{Conflict, ConflictKind, Phase, Reply, Submit, SubmitRefusal},
};

/// How long a submission waits for the disk before its state counts as unknown.
const DISK_PATIENCE: Duration = Duration::from_secs(8);

/// See the module.
#[derive(Clone)]
pub(crate) struct Desk {
    repeater: Addr<Repeater>,
    store: Store,
    shared: Arc<Shared>,
    couriers: Addr<Couriers>,
    choice: Arc<Choice>,
    around: Arc<Around>,
}

impl Desk {
    /// A desk in front of this repeater.
    pub(crate) fn new(
        repeater: Addr<Repeater>,
        store: Store,
        shared: Arc<Shared>,
        couriers: Addr<Couriers>,
        choice: Choice,
    ) -> Self {
        let (choice, around) = (Arc::new(choice), Arc::default());
        Self { repeater, store, shared, couriers, choice, around }
    }

    /// The repeater, for peers' messages.
    pub(crate) fn repeater(&self) -> &Addr<Repeater> {
        &self.repeater
    }

    /// What the actors publish.
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// A view of the replica; `None` while the node shuts down.
    pub(in crate::actors) async fn look<Q: Question>(&self, question: Q) -> Option<Q::Answer> {
        self.repeater.send(Look(question)).await.ok().flatten()
    }

    /// Reads the store on a thread that may block.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Store) -> Result<T, RecordError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let store = self.store.clone();
        match tokio::task::spawn_blocking(move || read(&store)).await {
            Ok(read) => Ok(read?),
            Err(_) => Err(ReadError::Closing), // cancelled: its runtime ends
        }
    }

    /// Validates, stamps, persists; returns once it is on stable storage and visible at this gate.
    ///
    /// # Errors
    /// See [`SubmitError`]; nothing is left half done.
    pub(crate) async fn submit(&self, submission: Submission, author: Author) -> Result<Submitted, SubmitError> {
        let arrived = clock::mono();
        let in_flight = InFlight::new(&self.shared);
        let result = self.try_submit(submission, author).await;
        drop(in_flight);
        self.shared.submission_seconds.observe((clock::mono() - arrived).as_secs_f64());
        let counters = &self.shared.counters;
        Counters::count(if result.is_ok() { &counters.submissions } else { &counters.refusals });
        result
    }

    async fn try_submit(&self, mut submission: Submission, author: Author) -> Result<Submitted, SubmitError> {
        self.check_ready()?;
        if Seeded::ArrivalOrder.is_there() {
            submission.timestamp = None;
        }
        #[cfg(feature = "crash-points")]
        if Seeded::AcknowledgedNotKept.is_there_every(4)
            || submission.cancels.is_some() && Seeded::CancelNotKept.is_there()
        {
            return Ok(Submitted::forgotten(&submission, &self.shared.node));
        }
        let given = submission.id;
        let known = match given {
            Some(id) => self
                .read(move |store| records::recorded_by_id(store, &id))
                .await
                .map_err(|error| unavailable(format!("the store cannot be read: {error}"), 10))?,
            None => None,
        };
        let submit = Submit { submission, author, id: given.unwrap_or_else(clock::new_id), known };
        let (begin, answer) = Begin::new(Request::Submit(Box::new(submit)));
        self.repeater.try_send(begin).map_err(|error| match error {
            SendError::Full(_) => unavailable("too many submissions at once".to_owned(), 1),
            SendError::Closed(_) => unavailable("the node is going down".to_owned(), 5),
        })?;
        let reply = tokio::time::timeout(DISK_PATIENCE, answer).await;
        match reply {
            Ok(Ok(Reply::Submitted(Ok(taken)))) => {
                let delivery = match &taken.receipts[..] {
                    [] => self.receipt(&taken.entry, false).await,
                    told => self.receipt_of(told),
                };
                crash_point(Place::DeskSubmitted);
                let n = &taken.entry.notification;
                Ok(Submitted {
                    id: n.id,
                    timestamp: n.timestamp,
                    node: n.node.clone(),
                    delivery,
                    repeated: taken.repeated,
                    targets: n.targets.clone(),
                })
            }
            Ok(Ok(Reply::Submitted(Err(refusal)))) => Err(refused(refusal)),
            Ok(_) => Err(unavailable("the store cannot write; whether the notification was taken is unknown: hand it in again with the same id".to_owned(), 5)),
            Err(_elapsed) => Err(unavailable("the disk does not answer; whether the notification was taken is unknown: hand it in again with the same id".to_owned(), 5)),
        }
    }

    /// Whether submissions are taken at all.
    fn check_ready(&self) -> Result<(), SubmitError> {
        match (self.shared.phase(), self.shared.fenced()) {
            (Phase::Ready, _) => {}
            (Phase::Fenced, Some(conflict)) => return Err(fenced(&conflict)),
            (phase, _) => {
                return Err(unavailable(format!("the node is not ready: it is in its phase {:?}", phase.name()), 1));
            }
        }
        if self.shared.store_stopped.load(Ordering::Relaxed) {
            return Err(unavailable(format!("the store cannot write: {}", self.store.status()), 10));
        }
        Ok(())
    }

    /// Whether submissions are taken now.
    pub(crate) fn takes_submissions(&self) -> bool {
        self.check_ready().is_ok()
    }

    /// Returns once everything that was submitted so far is on stable storage. The ledger in memory runs ahead of
    /// the disk: a caller that acknowledges a word because it is there already waits for this first.
    ///
    /// # Errors
    /// [`SubmitError::Unavailable`], as for a submission.
    pub(crate) async fn settle(&self) -> Result<(), SubmitError> {
        self.check_ready()?;
        self.settled().await.map_err(|settling| match settling {
            Settling::Closing => unavailable("the node is going down".to_owned(), 5),
            Settling::Unknown => unavailable("the store cannot write".to_owned(), 5),
        })
    }

    async fn settled(&self) -> Result<(), Settling> {
        let (begin, settled) = Begin::new(Request::Settle);
        self.repeater.send(begin).await.map_err(|_closed| Settling::Closing)?;
        match tokio::time::timeout(DISK_PATIENCE, settled).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(Settling::Unknown),
        }
    }

    /// Why an application is (un)available for a request; `None`: no such application here.
    pub(crate) async fn why(&self, application: &str, request: &RequestFacts<'_>) -> Option<Why> {
        let slots = self.shared.slots();
        let slot = slots.iter().find(|slot| slot.app.name().as_str() == application)?;
        // As the gate would decide it; what is no path is looked at as it was typed.
        let path = path::normalize(request.path).unwrap_or(request.path.into());
        let request = &RequestFacts { path: &path, ..*request };
        let (verdict, considered) = slot.snapshot.load().weighed_at(self.shared.clock()).explain(request);
        let considered = considered.into_iter().map(|one| Considered {
            id: one.word.entry.notification.id,
            layer: one.layer,
            reporter: match &one.word.speaker {
                Speaker::Operators => "operators".to_owned(),
                Speaker::Reporter(name) => name.to_string(),
            },
            said: match one.word.says {
                Says::Opening if one.word.degraded => "degraded",
                Says::Opening => "available",
                Says::Closing => "unavailable",
                Says::Cancel(_) => "cancel",
            },
            because: one.because.to_string(),
        });
        let advisories = verdict.advisories.iter().map(advisory_json).collect();
        Some(Why { available: verdict.is_open(), advisories, considered: considered.collect() })
    }

    /// Removes a node for good; false: no such node.
    ///
    /// # Errors
    /// See [`ForgetError`].
    pub(crate) async fn forget(&self, name: &str) -> Result<bool, ForgetError> {
        let name = name.to_owned();
        if name == self.shared.node.as_str() {
            return Err(ForgetError::Itself);
        }
        let found = self.repeater.send(Forget { name }).await.map_err(|_closed| ForgetError::Closing)?;
        // Not before it is durable.
        self.settled().await.map_err(|settling| match settling {
            Settling::Closing => ForgetError::Closing,
            Settling::Unknown => ForgetError::Unknown,
        })?;
        Ok(found)
    }

    /// Changes from now on. A slow reader that missed some gets `Lagged`.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.shared.events.subscribe()
    }

    /// `open`, `restore`, `replay`, `merge`, `ready`, `fenced` or `stopping`.
    pub(crate) fn phase(&self) -> &'static str {
        self.shared.phase().name()
    }

    /// Why this node is fenced, if it is.
    pub(crate) fn fenced(&self) -> Option<ConflictKind> {
        self.shared.fenced().map(|conflict| conflict.kind)
    }
}

#[cfg(test)]
impl Desk {
    /// A desk without a repeater, for tests of the code in front of it.
    pub(crate) fn closed() -> Self {
        Self::unattended().0
    }

    /// A desk before its repeater has started, and the mailbox in which messages wait.
    #[allow(clippy::unwrap_used)]
    pub(crate) fn unattended() -> (Self, actix::dev::channel::AddressReceiver<Repeater>) {
        use actix::AsyncContext as _;
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), crate::store::Options::default()).unwrap();
        let shared = Arc::new(Shared::new("a".parse().unwrap(), crate::availability::Rules::default(), Vec::new()));
        let (repeater, mailbox) = actix::dev::channel::channel(super::repeater::MAILBOX);
        let couriers = actix::Context::new().address();
        (Self::new(Addr::new(repeater), store, shared, couriers, Choice::default()), mailbox)
    }
}

/// A submission that is not answered yet; also one whose caller goes away is counted off.
struct InFlight<'a>(&'a Shared);

impl<'a> InFlight<'a> {
    fn new(shared: &'a Shared) -> Self {
        shared.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(shared)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Why it is not known whether everything so far is durable.
enum Settling {
    /// The node is going down.
    Closing,
    /// The store cannot write, or does not answer.
    Unknown,
}

fn unavailable(reason: String, retry_after: u64) -> SubmitError {
    SubmitError::Unavailable { reason, retry_after }
}

/// The 503 of a fenced node: what has happened, and what to do.
fn fenced(conflict: &Conflict) -> SubmitError {
    let Conflict { kind, why } = conflict;
    unavailable(format!("this node is fenced and takes no submissions. {} A peer has said: {why}", kind.remedy()), 60)
}

fn refused(refusal: SubmitRefusal) -> SubmitError {
    match refusal {
        SubmitRefusal::Invalid(errors) => SubmitError::Invalid(errors),
        SubmitRefusal::Conflict(id) => SubmitError::Conflict(id),
        SubmitRefusal::Bound(bound) => SubmitError::Bound(bound),
        SubmitRefusal::Full => unavailable("too many notifications wait to be applied".to_owned(), 1),
        SubmitRefusal::Fenced(conflict) => fenced(&conflict),
        SubmitRefusal::ClockWasAhead { stamps } => unavailable(
            format!(
                "this node's stamps have come to {stamps}, further ahead than its clock allows: its clock was wrong once; see `forewarn store restamp`"
            ),
            60,
        ),
    }
}
