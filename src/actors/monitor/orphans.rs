//! Words of monitors that are not configured any more are taken back: those that stand when the monitors start, and
//! those that arrive later, because this node had handed them in at another one before it went down.
//!
//! Must stay true: only what a monitor of this node has said is taken back, and nothing that a configured one says
//! (`monitor::survey`). A word is taken back until a node has taken that.

use actix::prelude::*;
use futures_util::{
    FutureExt as _,
    future::{AbortHandle, abortable, join_all},
};
use serde_json::json;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use uuid::Uuid;

use super::{PATIENCE, shown};
use crate::{
    actors::{
        Desk,
        desk::{Event, SubmitError},
        messages::Question,
    },
    availability::{Author, Name, Submission},
    clock,
    monitor::{Known, Orphan, Surveyed, mark, survey},
    sync::{Node, Now},
};

/// What have the monitors of this node said that still stands?
#[derive(Clone)]
pub(super) struct Survey {
    pub(super) node: Name,
    pub(super) known: Vec<Known>,
}

impl Question for Survey {
    type Answer = Surveyed;

    fn look(self, node: &Node, _: Now) -> Surveyed {
        survey(node.replica().ledger(), &self.node, &self.known)
    }
}

/// Does a word of this monitor stand that closes or degrades?
pub(super) struct Stands(pub(super) Known);

impl Question for Stands {
    type Answer = bool;

    fn look(self, node: &Node, _: Now) -> bool {
        survey::stands(node.replica().ledger(), &self.0)
    }
}

/// The task that takes words back; it ends when this is dropped.
pub(super) struct Orphans(AbortHandle);

impl Drop for Orphans {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Orphans {
    /// Takes these back, on this thread, and then what arrives and is found by the survey.
    pub(super) fn take_back(
        desk: Desk,
        found: Vec<Orphan>,
        survey: Survey,
        arriving: Receiver<Event>,
        thread: &ArbiterHandle,
    ) -> Self {
        let (task, handle) = abortable(take_all_back(desk, found, survey, arriving));
        thread.spawn(task.map(drop));
        Self(handle)
    }
}

async fn take_all_back(desk: Desk, mut found: Vec<Orphan>, survey: Survey, mut arriving: Receiver<Event>) {
    loop {
        join_all(found.into_iter().map(|orphan| take_back(&desk, &survey.node, orphan))).await;
        let is_over = loop {
            match arriving.recv().await {
                Ok(Event::Notification { id }) if survey.may_have_lost(&desk, id).await => break false,
                Ok(_) => {}
                // So many arrived that some were missed.
                Err(RecvError::Lagged(_)) => break false,
                Err(RecvError::Closed) => break true,
            }
        };
        match desk.look(survey.clone()).await {
            Some(surveyed) if !is_over => found = surveyed.orphans,
            _ => return,
        }
    }
}

impl Survey {
    /// Whether this is a word of a monitor of this node that is not configured.
    async fn may_have_lost(&self, desk: &Desk, id: Uuid) -> bool {
        if mark::is_of(&id, &self.node) != Some(true) {
            return false;
        }
        let Some(entry) = desk.entry(id).await else { return false };
        let n = &entry.notification;
        let has_said =
            |known: &Known| n.reporter.as_deref() == Some(&*known.reporter) && n.targets.contains(&known.target);
        !self.known.iter().any(has_said)
    }
}

/// Opens what a monitor has closed that is gone; tries until that is taken.
async fn take_back(desk: &Desk, node: &Name, orphan: Orphan) {
    let source = orphan.source();
    let Orphan { target, reporter, criteria } = orphan;
    let author = Author { operator: None, source, reporter: Some(reporter.clone()) };
    let mut patience = PATIENCE[0];
    let id = mark::marked(clock::new_id(), node);
    let opening = json!({"id": id, "targets": [target], "status": "available", "criteria": criteria});
    loop {
        let submitted = match Submission::parse(&opening) {
            Ok(opening) => desk.hand_in(opening, author.clone()).await,
            Err(errors) => Err(SubmitError::Invalid(errors)),
        };
        match submitted {
            Ok(_) => {
                log::info!(reporter, target:%; "monitor_word_taken_back");
                return;
            }
            Err(error @ SubmitError::Unavailable { .. }) => {
                log::warn!(reporter, target:%, error:%, again_in:? = patience; "monitor_word_not_taken_back");
            }
            Err(error) => {
                log::warn!(reporter, target:%, error = shown(&error); "monitor_word_not_taken_back");
                return;
            }
        }
        tokio::time::sleep(patience).await;
        patience = (patience * 2).min(PATIENCE[1]);
    }
}
