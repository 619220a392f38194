//! Work that may hang, and that another thread gives up then.
//!
//! Must stay true: both agree by one atomic word on whether the work ended in time.

use std::sync::atomic::{AtomicU64, Ordering};

/// Nothing is being done.
const IDLE: u64 = 0;
/// The work was given up.
const GIVEN_UP: u64 = u64::MAX;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Watched {
    /// The number of the piece of work that is being done.
    word: AtomicU64,
    /// The number of the last one that began.
    count: AtomicU64,
}

impl Watched {
    /// A piece of work begins; its number.
    pub(crate) fn begin(&self) -> u64 {
        let number = self.count.fetch_add(1, Ordering::SeqCst) + 1;
        self.word.store(number, Ordering::SeqCst);
        number
    }

    /// The next part begins, unless it was given up.
    pub(crate) fn next(&self) {
        let word = self.word.load(Ordering::SeqCst);
        if word != IDLE && word != GIVEN_UP {
            let number = self.count.fetch_add(1, Ordering::SeqCst) + 1;
            self.word.compare_exchange(word, number, Ordering::SeqCst, Ordering::SeqCst).ok();
        }
    }

    /// It has ended; false if it was given up meanwhile.
    pub(crate) fn end(&self) -> bool {
        self.word.swap(IDLE, Ordering::SeqCst) != GIVEN_UP
    }

    /// What is being done.
    pub(crate) fn current(&self) -> Option<u64> {
        let word = self.word.load(Ordering::SeqCst);
        (word != IDLE && word != GIVEN_UP).then_some(word)
    }

    /// Gives up what is being done; false if it has ended by itself.
    pub(crate) fn give_up(&self, seen: u64) -> bool {
        self.word.compare_exchange(seen, GIVEN_UP, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// Whether what is being done was given up.
    pub(crate) fn is_given_up(&self) -> bool {
        self.word.load(Ordering::SeqCst) == GIVEN_UP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_first_decides() {
        let work = Watched::default();
        let first = work.begin();
        assert_eq!(work.current(), Some(first));
        work.next();
        assert!(!work.give_up(first), "it has gone on");
        assert!(work.end());
        assert_eq!(work.current(), None);
        let second = work.begin();
        assert!(work.give_up(second) && work.is_given_up());
        work.next();
        assert!(work.is_given_up() && !work.end() && !work.is_given_up());
    }
}
