//! What a notification would do, for previews: nothing is submitted.

use std::sync::Arc;

use super::{Desk, SubmitError, board::definitions, refused, unavailable};
use crate::{
    actors::messages::Question,
    answer::Rehearsal,
    availability::{Author, Entry, Submission, verdict::Definition},
    clock,
    sync::{Node, Now, Submit, SubmitRefusal},
};

impl Desk {
    /// Validates a submission as [`Desk::submit`] does, and tells what it would do.
    ///
    /// # Errors
    /// As for a submission that does not name an id which is known already.
    pub(crate) async fn rehearse(&self, submission: Submission, author: Author) -> Result<Rehearsal, SubmitError> {
        let id = submission.id.unwrap_or_else(clock::new_id);
        let submit = Submit { submission, author, id, known: None };
        let closing = || unavailable("the node is going down".to_owned(), 5);
        let rehearsed = self.look(RehearseSubmission { submit, own: self.own_definitions() }).await;
        rehearsed.ok_or_else(closing)?.map_err(refused)?.ok_or_else(closing)
    }

    /// What an entry would do that is not submitted: an occurrence of a schedule. `None` while the node shuts down.
    pub(crate) async fn rehearse_entry(&self, entry: Arc<Entry>) -> Option<Rehearsal> {
        self.look(RehearseEntry { entry, own: self.own_definitions() }).await?
    }
}

/// What would this submission do?
struct RehearseSubmission {
    submit: Submit,
    own: Vec<Definition>,
}

impl Question for RehearseSubmission {
    type Answer = Result<Option<Rehearsal>, SubmitRefusal>;

    fn look(self, node: &Node, now: Now) -> Self::Answer {
        Ok(rehearsal(node, &node.replica().rehearse(self.submit, now)?, &self.own, now))
    }
}

/// What would this entry do?
struct RehearseEntry {
    entry: Arc<Entry>,
    own: Vec<Definition>,
}

impl Question for RehearseEntry {
    type Answer = Option<Rehearsal>;

    fn look(self, node: &Node, now: Now) -> Self::Answer {
        rehearsal(node, &[self.entry], &self.own, now)
    }
}

fn rehearsal(node: &Node, entries: &[Arc<Entry>], own: &[Definition], now: Now) -> Option<Rehearsal> {
    let replica = node.replica();
    Rehearsal::of(replica.ledger(), entries, &definitions(replica, own), &replica.own().name, now.wall)
}
