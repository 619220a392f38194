//! Faults that unit tests inject into the write path, because a real disk does not fail on request.
//!
//! Outside of unit tests this is empty and costs nothing.

use super::error::Cause;

/// What the next writes meet; clones share it.
#[cfg(not(test))]
#[derive(Debug, Clone, Default)]
pub(super) struct Fault(());

#[cfg(not(test))]
impl Fault {
    #[inline(always)]
    pub(crate) fn at_apply(&self) -> Result<(), Cause> {
        Ok(())
    }

    #[inline(always)]
    pub(crate) fn at_flush(&self) -> Result<(), Cause> {
        Ok(())
    }

    #[inline(always)]
    pub(crate) fn at_sync(&self) -> Result<(), Cause> {
        Ok(())
    }

    #[inline(always)]
    pub(crate) fn at_checkpoint(&self) -> Result<(), Cause> {
        Ok(())
    }
}

#[cfg(test)]
pub(super) use injected::Fault;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod injected {
    use std::sync::{Arc, Condvar, Mutex};

    use super::Cause;

    /// What the next writes meet; clones share it.
    #[derive(Debug, Clone, Default)]
    pub(in crate::store) struct Fault(Arc<(Mutex<State>, Condvar)>);

    #[derive(Debug, Default)]
    struct State {
        fail_apply: bool,
        fail_flush: bool,
        fail_sync: bool,
        hang_flush: bool,
        fail_checkpoint: bool,
        hang_checkpoint: bool,
    }

    impl Fault {
        pub(crate) fn at_apply(&self) -> Result<(), Cause> {
            let fails = std::mem::take(&mut self.0.0.lock().unwrap().fail_apply);
            if fails { Err("append was told to fail".into()) } else { Ok(()) }
        }

        pub(crate) fn at_flush(&self) -> Result<(), Cause> {
            let state = self.0.0.lock().unwrap();
            let mut state = self.0.1.wait_while(state, |state| state.hang_flush).unwrap();
            let fails = std::mem::take(&mut state.fail_flush);
            if fails { Err("flush was told to fail".into()) } else { Ok(()) }
        }

        pub(crate) fn at_sync(&self) -> Result<(), Cause> {
            let fails = std::mem::take(&mut self.0.0.lock().unwrap().fail_sync);
            if fails { Err("sync was told to fail".into()) } else { Ok(()) }
        }

        pub(crate) fn at_checkpoint(&self) -> Result<(), Cause> {
            let state = self.0.0.lock().unwrap();
            let mut state = self.0.1.wait_while(state, |state| state.hang_checkpoint).unwrap();
            let fails = std::mem::take(&mut state.fail_checkpoint);
            if fails { Err("the checkpoint was told to fail".into()) } else { Ok(()) }
        }

        /// Lets the next checkpoint fail.
        pub(crate) fn fail_checkpoint(&self) {
            self.0.0.lock().unwrap().fail_checkpoint = true;
        }

        /// Lets checkpoints hang, or those that hang go on.
        pub(crate) fn hang_checkpoint(&self, hang: bool) {
            self.0.0.lock().unwrap().hang_checkpoint = hang;
            self.0.1.notify_all();
        }

        /// Lets the next sync fail.
        pub(crate) fn fail_sync(&self) {
            self.0.0.lock().unwrap().fail_sync = true;
        }

        /// Lets the next group fail to be written.
        pub(crate) fn fail_apply(&self) {
            self.0.0.lock().unwrap().fail_apply = true;
        }

        /// Lets the next group fail before its sync.
        pub(crate) fn fail_flush(&self) {
            self.0.0.lock().unwrap().fail_flush = true;
        }

        /// Lets syncs of groups hang, or those that hang go on.
        pub(crate) fn hang_flush(&self, hang: bool) {
            self.0.0.lock().unwrap().hang_flush = hang;
            self.0.1.notify_all();
        }
    }
}
