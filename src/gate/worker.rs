//! What all connections of one worker share: the configuration, buffers, deadlines, the pool of upstream connections.
//!
//! Must stay true: it belongs to one thread, so nothing in it is locked.

use std::{cell::Cell, rc::Rc};

use actix_http::Request;
use actix_service::boxed::BoxService;
use actix_web::{Error, dev::ServiceResponse};

use super::{buffers::Buffers, date::Date, deadline::Deadlines, limits::Keeping, pool::Pool, service::Present};

/// What all connections of one worker share.
pub(super) struct Worker {
    /// The configuration as it is now. A client takes it up with its next request.
    pub(super) gate: Present,
    pub(super) deadlines: Deadlines,
    pub(super) buffers: Buffers,
    pub(super) pool: Rc<Pool>,
    pub(super) date: Date,
    /// Answers requests for the gate's own addresses.
    pub(super) app: BoxService<Request, ServiceResponse, Error>,
    pub(super) stopping: Cell<bool>,
    /// Where bodies are written before their heads.
    pub(super) scratch: Cell<Vec<u8>>,
    /// Bytes of refused forms that are held now.
    pub(super) forms: Rc<Cell<usize>>,
}

impl Worker {
    /// On this thread.
    pub(super) fn start(gate: Present, app: BoxService<Request, ServiceResponse, Error>) -> Rc<Self> {
        Rc::new(Self {
            gate,
            deadlines: Deadlines::start(),
            buffers: Buffers::default(),
            pool: Pool::start(Keeping::default()),
            date: Date::default(),
            app,
            stopping: Cell::new(false),
            scratch: Cell::default(),
            forms: Rc::default(),
        })
    }

    /// Connections end with their next answer, idle ones soon.
    pub(super) fn stop(&self) {
        self.stopping.set(true);
        self.deadlines.wake_all();
    }

    /// Whether no connection may go on.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.get()
    }
}
