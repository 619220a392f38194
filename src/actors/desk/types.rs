//! What is handed over at the [`Desk`](super::Desk): the words in which API, pages and command line
//! speak with the node.

use std::{collections::HashMap, sync::Arc};

use serde::Serialize;
use uuid::Uuid;

pub(crate) use crate::{actors::shared::Event, sync::DeliveryState};
use crate::{
    availability::{BoundExceeded, Entry, FieldError, Moment, Name, Notification, Reason, Status, Target},
    store::records::RecordError,
};

/// One line of a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct DeliveryRow {
    /// The node's name; its address until it has answered.
    pub node: String,
    /// How far it is there.
    pub state: DeliveryState,
    /// Since when.
    pub at: Option<Moment>,
}

/// The receipt of one notification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct Delivery {
    /// One row per known node, the initial node first.
    pub delivery: Vec<DeliveryRow>,
    /// Every row is applied or superseded. False also where the initial node cannot be asked.
    pub complete: bool,
}

/// What a submission was answered with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct Submitted {
    /// The notification's id.
    pub id: Uuid,
    /// Its time.
    pub timestamp: Moment,
    /// The node that accepted it.
    pub node: Name,
    /// Its receipt so far.
    #[serde(flatten)]
    pub delivery: Delivery,
    /// It was known already, with the same content.
    #[serde(skip)]
    pub repeated: bool,
    /// What it is about; for a cancel, what the plan was about.
    #[serde(skip)]
    pub targets: Vec<Target>,
}

impl Submitted {
    /// What a client is told whose submission is thrown away: for tests, see [`Seeded`](crate::store::seeded::Seeded).
    #[cfg(feature = "crash-points")]
    pub(crate) fn forgotten(submission: &crate::availability::Submission, node: &Name) -> Self {
        Self {
            id: submission.id.unwrap_or_else(crate::clock::new_id),
            timestamp: submission.timestamp.unwrap_or_else(crate::clock::now),
            node: node.clone(),
            delivery: Delivery { delivery: Vec::new(), complete: false },
            repeated: false,
            targets: Vec::new(),
        }
    }
}

/// Why a submission was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SubmitError {
    /// 422: fields that are wrong.
    #[error("the notification is not acceptable")]
    Invalid(Vec<FieldError>),
    /// 409: the id is taken by another content.
    #[error("the id {0} belongs to a notification with another content")]
    Conflict(Uuid),
    /// 429: a bound of the ledger (docs/contract.md#bounds-of-the-ledger).
    #[error(transparent)]
    Bound(#[from] BoundExceeded),
    /// 503 with `Retry-After`: the queue is full, the store cannot write, the node is not ready or
    /// may not take submissions. The text names the cause and the remedy.
    #[error("{reason}")]
    Unavailable {
        /// For people.
        reason: String,
        /// When to try again, in seconds.
        retry_after: u64,
    },
}

/// Why a change of the registry was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RegisterError {
    /// As a submission.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// 429: the registry is full. The text says of what.
    #[error("{0}")]
    NoRoom(String),
    /// 404: the registry has nothing under this key.
    #[error("this node has nothing with this id")]
    NotThere,
}

/// Which notifications to list, newest first (docs/contract.md#the-api).
#[derive(Debug, Clone, Default)]
pub(crate) struct HistoryQuery {
    /// Only those that name this application, or the system, or a resource it uses.
    pub application: Option<String>,
    /// Only from this source (`operator`, `monitor`, `alert`, `farm`).
    pub source: Option<String>,
    /// Only by this operator.
    pub operator: Option<String>,
    /// Only statements of this kind.
    pub kind: Option<Kind>,
    /// Only those with this text in message, component, reason, targets, names or id; letter case does
    /// not count.
    pub search: Option<String>,
    /// Only those that were made at this time or later.
    pub after: Option<Moment>,
    /// Continue after this cursor (what `next` said), or a time.
    pub before: Option<String>,
    /// 1 to 1,000.
    pub limit: usize,
}

/// Kinds of statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A closing that begins at once.
    Unavailable,
    /// A closing that begins later.
    Plan,
    /// An opening.
    Available,
    /// The cancel of a plan.
    Cancel,
}

impl Kind {
    /// What a notification is.
    pub(crate) fn of(n: &Notification) -> Self {
        match (n.cancels, n.status) {
            (Some(_), _) => Self::Cancel,
            (None, Some(Status::Unavailable)) if n.is_plan() => Self::Plan,
            (None, Some(Status::Unavailable)) => Self::Unavailable,
            (None, _) => Self::Available,
        }
    }

    /// As it is written in addresses and files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Plan => "plan",
            Self::Available => "available",
            Self::Cancel => "cancel",
        }
    }

    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Unavailable, Self::Plan, Self::Available, Self::Cancel];
}

/// One page of the history.
#[derive(Debug, Clone, Default)]
pub(crate) struct HistoryPage {
    /// Newest first. A changed plan is two notifications, the new plan and the cancel of the old one:
    /// they are on the same page.
    pub entries: Vec<Arc<Entry>>,
    /// What some of them took the place of, by their ids: the plan that was changed, or the closing
    /// that was updated.
    pub earlier: HashMap<Uuid, Arc<Entry>>,
    /// Where to go on; none at the end.
    pub next: Option<String>,
}

/// Why there is no page of the history.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HistoryError {
    /// 422: `before` was not given out as `next`, and is not a time.
    #[error("is neither a time nor a value of `next`")]
    Cursor,
    /// 503: the store cannot be read.
    #[error("the history cannot be read: {0}")]
    Store(#[from] ReadError),
}

/// Why something could not be read from the store.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// The disk does not answer, or a record is damaged.
    #[error(transparent)]
    Records(#[from] RecordError),
    /// The node is going down.
    #[error("the node is going down")]
    Closing,
}

/// Why a node was not forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ForgetError {
    /// 409: it is the node that was asked.
    #[error("a node does not forget itself: ask another one")]
    Itself,
    /// 503: nothing was done.
    #[error("the node is going down")]
    Closing,
    /// 503: it may come back after a restart.
    #[error("the store cannot write; whether the node is forgotten is unknown: ask again")]
    Unknown,
}

/// What has become of a plan.
#[derive(Debug, Clone)]
pub(crate) enum Fate {
    /// Another plan or closing is in its place: the latest one.
    Changed(Arc<Entry>),
    /// It was cancelled, by this notification.
    Cancelled(Arc<Entry>),
}

/// One closing that counts, for boards and the API.
#[derive(Debug, Clone)]
pub(crate) struct CauseView {
    /// What is closed.
    pub target: Target,
    /// `own`, `system` or `resource`.
    pub layer: &'static str,
    /// The entry that closes it.
    pub entry: Arc<Entry>,
    /// Since when.
    pub since: Moment,
}

/// One application or resource as this node sees it, for a request that no criteria but `nodes`
/// match.
#[derive(Debug, Clone)]
pub(crate) struct BoardRow {
    /// Its name.
    pub name: Name,
    /// Its title; a resource's is its name.
    pub title: String,
    /// Whether it is marked critical.
    pub critical: bool,
    /// Whether this node runs it (has it in its configuration); others are listed, too.
    pub local: bool,
    /// The resources an application uses; for a resource, the applications that use it.
    pub uses: Vec<Name>,
    /// Empty: available.
    pub causes: Vec<CauseView>,
    /// The earliest beginning of the causes.
    pub since: Option<Moment>,
    /// The latest expected return; none, if any cause has none.
    pub expected_back_at: Option<Moment>,
    /// The reason of the first cause.
    pub reason: Option<Reason>,
    /// What is degraded.
    pub advisories: Vec<CauseView>,
    /// Closings in force for some requests only (criteria beyond `nodes`).
    pub partial: Vec<CauseView>,
    /// Plans that have not begun.
    pub upcoming: Vec<Arc<Entry>>,
}

/// Everything the board shows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Board {
    /// By name.
    pub applications: Vec<BoardRow>,
    /// By name.
    pub resources: Vec<BoardRow>,
    /// The system as a whole, if there are notifications about it.
    pub system: Vec<CauseView>,
    /// What of the whole system is degraded.
    pub system_advisories: Vec<CauseView>,
}

/// One word that `why` considered.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub(crate) struct Considered {
    /// The notification.
    pub id: Uuid,
    /// `own`, `system` or `resource:NAME`.
    pub layer: String,
    /// `operators`, or the reporter.
    pub reporter: String,
    /// `available`, `unavailable` or `cancel`.
    pub said: &'static str,
    /// Why it counted or did not.
    pub because: String,
}

/// The answer to `why`.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub(crate) struct Why {
    /// Open for this request.
    pub available: bool,
    /// What is degraded for this request: layer, reason, message, since, expected return.
    pub advisories: Vec<serde_json::Value>,
    /// Every word that was considered.
    pub considered: Vec<Considered>,
}

/// One node of the farm, as `GET /api/v1/nodes` shows it (docs/contract.md#the-api).
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub(crate) struct NodeView {
    /// Its identity; absent until it has answered.
    pub id: Option<Uuid>,
    /// Its name; its address until it has answered.
    pub name: String,
    /// Its control listener.
    pub address: String,
    /// `open`, `restore`, `replay`, `merge`, `ready`, `fenced`, or `away`, `unknown`.
    pub phase: String,
    /// When it was last heard of.
    pub last_contact: Option<Moment>,
    /// Rows that wait for it here; `null` once they have collapsed into merge on return.
    pub outbox: Option<u64>,
    /// It gets a merge instead of rows when it returns.
    pub merge_on_return: bool,
    /// 32 hexadecimal digits.
    pub ledger_fingerprint: Option<String>,
    /// Whether its definitions agree with this node's: names of applications and resources that
    /// differ.
    pub definitions: Vec<String>,
    /// The version of its zone data, where it differs from this node's: they may compute different occurrences of
    /// schedules.
    pub zone_data: Option<String>,
    /// It is this node.
    pub this: bool,
}

impl NodeView {
    /// It cannot be reached.
    pub(crate) fn is_away(&self) -> bool {
        matches!(self.phase.as_str(), "away" | "unknown")
    }
}
