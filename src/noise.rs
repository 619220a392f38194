//! Log lines that strangers can cause, within bounds: of each kind a few are written in a
//! window of some seconds. The rest is counted, and the count is written when the window ends.
//!
//! Must stay true: a flood of refused requests costs a bounded log, and the log reports how many there were.

use std::{
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::clock;

/// Lines of one kind that a window may have.
const LINES: u32 = 10;
/// How long a window lasts, from its first line.
const WINDOW: Duration = Duration::from_secs(10);

/// One kind of noise; a `static` beside the line that it guards.
pub(crate) struct Noise {
    kind: &'static str,
    window: Mutex<Window>,
}

struct Window {
    /// On the process's own clock.
    ends: Duration,
    written: u32,
    held_back: u64,
}

#[derive(Debug, PartialEq, Eq)]
enum Admission {
    Write,
    /// The first that is held back: the count is due after this time.
    HoldFirst(Duration),
    Hold,
}

impl Noise {
    /// Noise of this kind, none so far.
    pub(crate) const fn new(kind: &'static str) -> Self {
        Self { kind, window: Mutex::new(Window { ends: Duration::ZERO, written: 0, held_back: 0 }) }
    }

    /// Whether one more line is to be written. If not, it is counted, and the count is written at the
    /// end of the window, as long as this runs on a runtime.
    pub(crate) fn admits(&'static self) -> bool {
        let admission = self.window().admit(clock::mono());
        if let Admission::HoldFirst(left) = admission
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(async move {
                tokio::time::sleep(left).await;
                let held_back = mem::take(&mut self.window().held_back);
                log::warn!(kind = self.kind, lines = held_back, seconds = WINDOW.as_secs(); "held_back");
            });
        }
        admission == Admission::Write
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Window {
    fn admit(&mut self, now: Duration) -> Admission {
        if now >= self.ends {
            (self.ends, self.written) = (now + WINDOW, 0);
        }
        if self.written < LINES {
            self.written += 1;
            return Admission::Write;
        }
        self.held_back += 1;
        match self.held_back {
            1 => Admission::HoldFirst(self.ends - now),
            _ => Admission::Hold,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_has_a_few_lines_and_counts_the_rest() {
        let mut window = Window { ends: Duration::ZERO, written: 0, held_back: 0 };
        let at = Duration::from_millis;
        for line in 0..u64::from(LINES) {
            assert_eq!(window.admit(at(line)), Admission::Write);
        }
        assert_eq!(window.admit(at(4_000)), Admission::HoldFirst(at(6_000)));
        assert_eq!(window.admit(at(9_999)), Admission::Hold);
        assert_eq!(window.held_back, 2);
        // the next window writes again, also when the count of the last one was not told yet
        assert_eq!(window.admit(at(10_000)), Admission::Write);
        assert_eq!(window.held_back, 2);
    }
}
