//! The way from the control listener, and from SIGHUP, to the part of the node that reads the configuration again
//! (docs/contract.md#reading-it-again).
//!
//! What must stay true: requests are performed one after the other, each with a whole reading of the file; an answer
//! says what has really happened.

use serde::Serialize;
use tokio::sync::{mpsc, oneshot};
use utoipa::ToSchema;

use crate::availability::FieldError;

/// Requests that wait; what comes beyond finds one waiting that serves it as well.
const WAITING: usize = 8;

/// What reading the configuration again has changed
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Reloaded)]
pub(crate) struct Reloaded {
    /// Keys of the configuration whose new values are in effect, such as `application.upstream`.
    pub changed: Vec<String>,
    /// Keys that differ from those of the node's start and are left as they were until it is restarted.
    pub needs_restart: Vec<String>,
}

/// What became of a request: the configuration was read again, or these are the reasons why nothing has changed.
pub(crate) type Outcome = Result<Reloaded, Vec<FieldError>>;

/// A request to read the configuration again.
#[derive(Debug)]
pub(crate) struct Request(pub(crate) oneshot::Sender<Outcome>);

/// Where it can be asked for.
#[derive(Debug, Clone)]
pub(crate) struct Door(mpsc::Sender<Request>);

impl Door {
    /// A door, and what comes through it.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Request>) {
        let (sender, requests) = mpsc::channel(WAITING);
        (Self(sender), requests)
    }

    /// Asks and does not wait: for a signal, which expects no answer.
    pub(crate) fn knock(&self) {
        // A full queue has a request that is performed after this moment.
        self.0.try_send(Request(oneshot::channel().0)).ok();
    }

    /// Asks, and waits for what becomes of it. `None`: the node is going down.
    pub(crate) async fn ask(&self) -> Option<Outcome> {
        let (sender, outcome) = oneshot::channel();
        self.0.send(Request(sender)).await.ok()?;
        outcome.await.ok()
    }
}
