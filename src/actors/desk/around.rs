//! One look around the farm for everybody who wants one at the same time.
//!
//! Every view of the board wants the other nodes' present state. Must stay true: however many views there are,
//! the peers are asked once at a time, and not again while the last look is fresh.

use std::time::Duration;

use tokio::sync::Mutex;

/// For so long a look is the present.
const FRESH: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Default)]
pub(super) struct Around {
    /// When the last look ended, on the process's own clock.
    last: Mutex<Option<Duration>>,
}

impl Around {
    /// Looks, waits for a look that is under way, or does nothing if the last one is fresh.
    pub(super) async fn look(&self, now: impl Fn() -> Duration, look: impl Future<Output = ()>) {
        let mut last = self.last.lock().await;
        if last.is_none_or(|last| now().saturating_sub(last) >= FRESH) {
            look.await;
            *last = Some(now());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn looks_at_the_same_time_are_one_and_a_fresh_one_is_reused() {
        let (around, looks, now) = (Around::default(), Cell::new(0), Cell::new(Duration::ZERO));
        let look = || {
            around.look(|| now.get(), async {
                looks.set(looks.get() + 1);
                tokio::task::yield_now().await;
            })
        };
        join_all((0..20).map(|_| look())).await;
        assert_eq!(looks.get(), 1);
        now.set(FRESH - Duration::from_millis(1));
        look().await;
        assert_eq!(looks.get(), 1, "still fresh");
        now.set(FRESH);
        join_all((0..20).map(|_| look())).await;
        assert_eq!(looks.get(), 2);
    }

    #[tokio::test]
    async fn a_look_that_was_given_up_does_not_count() {
        let (around, looks) = (Around::default(), Cell::new(0));
        let never = around.look(|| Duration::ZERO, std::future::pending());
        assert!(tokio::time::timeout(Duration::from_millis(1), never).await.is_err());
        around.look(|| Duration::ZERO, async { looks.set(1) }).await;
        assert_eq!(looks.get(), 1);
    }
}
