//! The registry at the desk: schedules and templates (docs/contract.md#registry).
//!
//! Must stay true: a change is answered only when it is durable here; otherwise the answer is
//! [`SubmitError::Unavailable`](super::SubmitError::Unavailable), which means that the outcome is unknown.

use std::sync::Arc;

use actix::prelude::SendError;
use serde_json::Value;
use uuid::Uuid;

use super::{DISK_PATIENCE, Desk, RegisterError, refused, unavailable};
use crate::{
    actors::messages::{Begin, Question, Request},
    availability::{Author, Key, Kind, Record},
    sync::{Node, Now, Register, RegisterRefusal, Reply},
};

impl Desk {
    /// Puts a value under a key, or removes it with `None`. Returns once that is on stable storage.
    ///
    /// # Errors
    /// See [`RegisterError`].
    pub(crate) async fn register(
        &self,
        kind: Kind,
        id: Uuid,
        value: Option<Value>,
        author: Author,
    ) -> Result<Arc<Record>, RegisterError> {
        self.check_ready()?;
        let (begin, answer) = Begin::new(Request::Register(Box::new(Register { kind, id, value, author })));
        self.repeater.try_send(begin).map_err(|error| match error {
            SendError::Full(_) => unavailable("too many submissions at once".to_owned(), 1),
            SendError::Closed(_) => unavailable("the node is going down".to_owned(), 5),
        })?;
        match tokio::time::timeout(DISK_PATIENCE, answer).await {
            Ok(Ok(Reply::Registered(Ok(record)))) => Ok(record),
            Ok(Ok(Reply::Registered(Err(refusal)))) => Err(register_error(refusal)),
            _ => {
                let reason = "the store cannot write; whether the change was taken is unknown: send it again";
                Err(unavailable(reason.to_owned(), 5).into())
            }
        }
    }

    /// The value as it would be kept under this key; changes nothing.
    ///
    /// # Errors
    /// See [`RegisterError`].
    pub(crate) async fn check_register(&self, key: Key, value: Value) -> Result<Value, RegisterError> {
        let checked = self.look(CheckRegister(key, value)).await;
        checked.ok_or_else(|| unavailable("the node is going down".to_owned(), 5))?.map_err(register_error)
    }

    /// The records of a kind that have a value, in the order of their ids; `None` while the node shuts down.
    pub(crate) async fn records(&self, kind: Kind) -> Option<Vec<Arc<Record>>> {
        self.look(ListRecords(kind)).await
    }

    /// The record of a key that has a value.
    pub(crate) async fn record(&self, key: Key) -> Option<Arc<Record>> {
        self.look(FindRecord(key)).await?
    }
}

fn register_error(refusal: RegisterRefusal) -> RegisterError {
    match refusal {
        RegisterRefusal::Submit(refusal) => refused(refusal).into(),
        RegisterRefusal::NoRoom(why) => RegisterError::NoRoom(why),
        RegisterRefusal::NotThere => RegisterError::NotThere,
    }
}

/// How would this value be kept?
struct CheckRegister(Key, Value);

impl Question for CheckRegister {
    type Answer = Result<Value, RegisterRefusal>;

    fn look(self, node: &Node, now: Now) -> Self::Answer {
        node.replica().check_register(&self.0, &self.1, now)
    }
}

/// Which records of a kind are there?
struct ListRecords(Kind);

impl Question for ListRecords {
    type Answer = Vec<Arc<Record>>;

    fn look(self, node: &Node, _: Now) -> Self::Answer {
        node.replica().registry().live(self.0).cloned().collect()
    }
}

/// What is under this key?
struct FindRecord(Key);

impl Question for FindRecord {
    type Answer = Option<Arc<Record>>;

    fn look(self, node: &Node, _: Now) -> Self::Answer {
        node.replica().registry().get(&self.0).filter(|record| record.value.is_some()).cloned()
    }
}
