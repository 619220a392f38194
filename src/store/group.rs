//! Which steps share a sync.
//!
//! A sync costs the same for one step and for a hundred. So all waiting steps are synced together. Steps that
//! are promised, or are likely to arrive in a moment, are awaited briefly. A step without a waiting caller is
//! delayed until a step with one arrives, or for some milliseconds.
//!
//! Must stay true: steps keep their order, a group has steps of one epoch only, and no step is delayed for
//! longer than twice [`NO_HASTE`].

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use super::bytes::Write;
use super::crash::is_armed;
use crate::sync::{Haste, Label};

/// The most steps that share a sync.
pub const GROUP_STEPS: usize = 1_024;

/// The most bytes of keys and values that share a sync, not counting the last step.
const GROUP_BYTES: usize = 1024 * 1024;

/// How long a step without a waiting caller waits for a step with one.
const NO_HASTE: Duration = Duration::from_millis(5);

/// If this many steps shared the last sync, as many are awaited briefly now: many submitters are at work, and
/// sharing saves each of them a sync.
const MANY: usize = 12;

/// How long each of them is waited for: a fraction of what a sync takes.
const A_LITTLE: Duration = Duration::from_micros(50);

/// How long a step that was promised is waited for.
const SOON: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(super) struct Step {
    pub number: u64,
    pub epoch: u64,
    pub label: Label,
    pub writes: Vec<Write>,
    pub haste: Haste,
}

impl Step {
    fn bytes(&self) -> usize {
        let bytes = |write: &Write| write.key.len() + write.value.as_ref().map_or(0, |value| value.len());
        self.writes.iter().map(bytes).sum()
    }
}

/// The steps that wait for the writer.
pub(super) struct Steps {
    queue: Receiver<Step>,
    /// Taken out of the queue already, but of another epoch than the group before it.
    next: Option<Step>,
    /// How many steps shared the last sync.
    last: usize,
}

impl Steps {
    pub(crate) fn new(queue: Receiver<Step>) -> Self {
        Self { queue, next: None, last: 0 }
    }

    /// The next step, once there is one.
    pub(crate) fn first(&mut self, patience: Duration) -> Result<Step, RecvTimeoutError> {
        match self.next.take() {
            Some(step) => Ok(step),
            None => self.queue.recv_timeout(patience),
        }
    }

    /// The step and those that go with it. While a crash point is armed each goes alone.
    pub(crate) fn group(&mut self, first: Step) -> Vec<Step> {
        let (mut bytes, epoch, mut last) = (first.bytes(), first.epoch, first.haste);
        let mut most = last;
        let mut group = vec![first];
        let mut patience = NO_HASTE;
        while !is_armed() && group.len() < GROUP_STEPS && bytes < GROUP_BYTES {
            let wait = if last == Haste::WithNext {
                SOON
            } else if most == Haste::Whenever {
                // Halved each time, so that all of them together wait no longer than twice as long.
                patience /= 2;
                patience * 2
            } else if group.len() < self.last && self.last >= MANY {
                A_LITTLE
            } else {
                Duration::ZERO
            };
            let next = if wait.is_zero() { self.queue.try_recv().ok() } else { self.queue.recv_timeout(wait).ok() };
            match next {
                Some(step) if step.epoch != epoch => {
                    self.next = Some(step);
                    break;
                }
                Some(step) => {
                    bytes += step.bytes();
                    last = step.haste;
                    most = most.max(last);
                    group.push(step);
                }
                None => break,
            }
        }
        self.last = group.len();
        group
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::mpsc::{SyncSender, sync_channel};

    use super::*;

    fn steps(given: &[(u64, u64, Haste)]) -> (SyncSender<Step>, Steps, Step) {
        let (sender, queue) = sync_channel(100);
        for (number, epoch, haste) in given {
            sender
                .send(Step { number: *number, epoch: *epoch, label: Label::Submit, writes: Vec::new(), haste: *haste })
                .unwrap();
        }
        let mut steps = Steps::new(queue);
        let first = steps.first(Duration::ZERO).unwrap();
        (sender, steps, first)
    }

    fn numbers(group: &[Step]) -> Vec<u64> {
        group.iter().map(|step| step.number).collect()
    }

    #[test]
    fn what_waits_goes_together_in_order_and_an_epoch_alone() {
        let (_sender, mut steps, first) =
            steps(&[(1, 1, Haste::Whenever), (2, 1, Haste::Now), (3, 1, Haste::WithNext), (4, 2, Haste::Now)]);
        assert_eq!(numbers(&steps.group(first)), [1, 2, 3]);
        let first = steps.first(Duration::ZERO).unwrap();
        assert_eq!(numbers(&steps.group(first)), [4]);
    }

    #[test]
    fn what_nobody_waits_for_goes_with_the_next_that_somebody_does() {
        let (sender, mut steps, first) = steps(&[(1, 1, Haste::Whenever)]);
        let late = std::thread::spawn(move || {
            std::thread::yield_now();
            sender.send(Step { number: 2, epoch: 1, label: Label::Submit, writes: Vec::new(), haste: Haste::Now })
        });
        let group = numbers(&steps.group(first));
        late.join().unwrap().unwrap();
        // Together, unless the machine was busy for longer than a step may be delayed.
        assert!(group == [1, 2] || numbers(&steps.queue.try_iter().collect::<Vec<_>>()) == [2]);
        let (_sender, mut steps, first) = self::steps(&[(1, 1, Haste::Whenever)]);
        assert_eq!(numbers(&steps.group(first)), [1], "it is not put off for ever");
    }
}
