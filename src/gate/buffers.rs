//! Buffers of one worker, lent to connections while they are active.
//!
//! What must stay true: an idle connection has no buffer; the pool is bounded.

use std::cell::RefCell;

/// The initial buffer of a connection, in bytes: enough for nearly every request.
const SMALL: usize = 4 * 1024;
/// The initial buffer for upstreams' answers, in bytes.
const MIDDLE: usize = 16 * 1024;

/// See the module.
#[derive(Default)]
pub(super) struct Buffers {
    /// Each of these has its whole length in use.
    small: RefCell<Vec<Vec<u8>>>,
    middle: RefCell<Vec<Vec<u8>>>,
    /// These are empty, for appending.
    heads: RefCell<Vec<Vec<u8>>>,
}

impl Buffers {
    /// For the requests of a client.
    pub(super) fn small(&self) -> Vec<u8> {
        self.small.borrow_mut().pop().unwrap_or_else(|| vec![0; SMALL])
    }

    /// For the answers of an upstream.
    pub(super) fn middle(&self) -> Vec<u8> {
        self.middle.borrow_mut().pop().unwrap_or_else(|| vec![0; MIDDLE])
    }

    /// An empty one, for a head.
    pub(super) fn head(&self) -> Vec<u8> {
        self.heads.borrow_mut().pop().unwrap_or_else(|| Vec::with_capacity(SMALL))
    }

    /// Takes back what [`Self::small`] or [`Self::middle`] gave. What has grown since is not kept.
    pub(super) fn put(&self, buffer: Vec<u8>) {
        let (kept, most) = match buffer.len() {
            SMALL => (&self.small, 256),
            MIDDLE => (&self.middle, 64),
            _ => return,
        };
        let mut kept = kept.borrow_mut();
        if kept.len() < most {
            kept.push(buffer);
        }
    }

    /// Takes back what [`Self::head`] gave.
    pub(super) fn put_head(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        let mut kept = self.heads.borrow_mut();
        if (1..=MIDDLE).contains(&buffer.capacity()) && kept.len() < 256 {
            kept.push(buffer);
        }
    }
}
